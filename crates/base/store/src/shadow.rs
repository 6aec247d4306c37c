//! A database file that is read, and written only in memory: after a failed write redb wants to note something in its
//! file before it reads what is committed, and a disk that takes no writes would keep it from doing so.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

const BLOCK: u64 = 4096;

#[derive(Debug)]
pub(crate) struct Shadow {
    file: FileBackend,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    len: u64,
    /// Blocks that were written, whole, by their number. Opening writes a handful.
    blocks: BTreeMap<u64, Box<[u8]>>,
}

impl Shadow {
    pub(crate) fn new(file: FileBackend) -> io::Result<Self> {
        let state = Mutex::new(State { len: file.len()?, blocks: BTreeMap::new() });
        Ok(Self { file, state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the file has at `offset`, and zeros beyond its end.
    fn read_file(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = self.file.len()?.saturating_sub(offset).min(out.len() as u64) as usize;
        let (there, beyond) = out.split_at_mut(there);
        beyond.fill(0);
        if there.is_empty() { Ok(()) } else { self.file.read(offset, there) }
    }
}

/// The part of a block that `offset..offset + len` covers: its range in the block, and in the buffer.
fn overlap(block: u64, offset: u64, len: usize) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
    let start = (block * BLOCK).max(offset);
    let end = ((block + 1) * BLOCK).min(offset + len as u64);
    let within = |from: u64| (start - from) as usize..(end - from) as usize;
    (within(block * BLOCK), within(offset))
}

fn blocks_of(offset: u64, len: usize) -> std::ops::Range<u64> {
    offset / BLOCK..(offset + len as u64).div_ceil(BLOCK)
}

impl StorageBackend for Shadow {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if offset + out.len() as u64 > state.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_file(offset, out)?;
        let len = out.len();
        for (number, block) in state.blocks.range(blocks_of(offset, len)) {
            let (from, to) = overlap(*number, offset, len);
            out[to].copy_from_slice(&block[from]);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.state().len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        for number in blocks_of(offset, data.len()) {
            let (to, from) = overlap(number, offset, data.len());
            let block = match state.blocks.entry(number) {
                Entry::Occupied(block) => block.into_mut(),
                Entry::Vacant(free) => {
                    let mut block = vec![0; BLOCK as usize].into_boxed_slice();
                    self.read_file(number * BLOCK, &mut block)?;
                    free.insert(block)
                }
            };
            block[to].copy_from_slice(&data[from]);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn writes_are_seen_and_never_reach_the_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut expected = vec![7_u8; 10_000];
        file.write_all(&expected).unwrap();
        let shadow = Shadow::new(FileBackend::new(file.reopen().unwrap()).unwrap()).unwrap();
        shadow.set_len(20_000).unwrap();
        expected.resize(20_000, 0);
        for (offset, len) in [(0, 10), (4_090, 20), (9_990, 6_000), (8_192, 4_096), (19_999, 1)] {
            let data = vec![offset as u8 | 1; len];
            shadow.write(offset, &data).unwrap();
            expected[offset as usize..][..len].copy_from_slice(&data);
        }
        let mut seen = vec![0; 20_000];
        shadow.read(0, &mut seen).unwrap();
        assert!(seen == expected);
        let mut part = vec![0; 300];
        shadow.read(4_000, &mut part).unwrap();
        assert_eq!(part, expected[4_000..4_300]);
        assert!(shadow.read(19_999, &mut part).is_err());
        assert!(std::fs::read(file.path()).unwrap() == vec![7; 10_000]);
    }
}
