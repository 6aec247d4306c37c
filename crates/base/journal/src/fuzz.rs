//! The entry for a fuzzer of what a disk may give back; the test below runs it for a bounded while.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use millpond_core::disk::Disk;
use millpond_core::{DerivedKey, RootKey};

use crate::format::{FRAME_HEADER, FrameHeader, SEGMENT_HEADER, SegmentHeader, TAG, append_frame};
use crate::volume::Volume;
use crate::{Entry, JournalError, JournalOptions, Scan};

const ID: u64 = 1;
/// What was once written, to be found again or reported.
const RECORDS: [&[u8]; 4] = [b"a record", b"", &[b'm'; 200], b"the last"];

/// A sync proves nothing about recovery, and costs most of the time.
struct Unsynced;

impl Disk for Unsynced {
    fn sync(&self, _file: &File) -> io::Result<()> {
        Ok(())
    }
}

/// Recovers the folder `dir`, whose only segment is: any bytes; any bytes behind a true header; or a true segment with
/// changes, with or without checksums made to fit them. The first byte says which.
///
/// Nothing panics, the same folder always gives the same records, and what is given is what was sealed in its place.
pub fn recover(dir: &Path, bytes: &[u8]) {
    let key = RootKey::from_bytes([7; 32]).derive("journal/fuzz");
    let header = SegmentHeader { id: ID, previous: None, salt: [9; 32] };
    let segment_key = header.key(&key).expect("a key of the right length");
    let mut segment = header.encode(&segment_key).expect("sealing nothing");
    for (kind, payload) in (0..).zip(RECORDS) {
        let offset = segment.len() as u64;
        append_frame(&mut segment, &segment_key, offset, offset, kind, payload).expect("a short record");
    }
    let Some((how, rest)) = bytes.split_first() else { return };
    let on_disk = match how % 4 {
        0 => rest.to_vec(),
        1 => [&segment[..SEGMENT_HEADER], rest].concat(),
        2 => changed(segment.clone(), rest),
        _ => with_fitting_checksums(changed(segment.clone(), rest)),
    };
    let sealed = contents(dir, &segment, &key).expect("what was written whole is read");
    let found = contents(dir, &on_disk, &key);
    assert_eq!(format!("{found:?}"), format!("{:?}", contents(dir, &on_disk, &key)), "recovery repeats");
    for entry in found.into_iter().flatten().flatten() {
        assert!(sealed.iter().flatten().any(|true_one| *true_one == entry), "{entry:?} was never written");
    }
}

type Contents = Vec<Result<Entry, JournalError>>;

fn contents(dir: &Path, segment: &[u8], key: &DerivedKey) -> Result<Contents, JournalError> {
    std::fs::create_dir_all(dir).expect("a folder for the fuzzer");
    std::fs::write(dir.join(format!("{ID:016x}.segment")), segment).expect("a file for the fuzzer");
    let options = JournalOptions { disk: Arc::new(Unsynced), ..JournalOptions::default() };
    let (volume, _found) = Volume::open(dir, key.clone(), options)?;
    Ok(Scan::new(Arc::new(volume)).collect())
}

/// Each four bytes are a change: where, what to flip, and whether the segment ends there.
fn changed(mut segment: Vec<u8>, changes: &[u8]) -> Vec<u8> {
    for change in changes.as_chunks::<4>().0 {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]]));
        if let Some(byte) = segment.get_mut(at) {
            *byte ^= change[2];
            if change[3] == 0xFF {
                segment.truncate(at);
            }
        }
    }
    segment
}

/// Makes the CRCs right as far as frames follow one another: what is left is for the tag to find.
fn with_fitting_checksums(mut segment: Vec<u8>) -> Vec<u8> {
    if segment.len() >= SEGMENT_HEADER {
        let crc = crc32c::crc32c(&segment[..SEGMENT_HEADER - 4]);
        segment[SEGMENT_HEADER - 4..SEGMENT_HEADER].copy_from_slice(&crc.to_le_bytes());
    }
    let mut at = SEGMENT_HEADER;
    while let Some(frame) = segment.get_mut(at..).filter(|frame| frame.len() >= FRAME_HEADER + TAG) {
        let len = u32::from_le_bytes([frame[8], frame[9], frame[10], frame[11]]) as usize;
        let Some(sealed) = frame.get(FRAME_HEADER..FRAME_HEADER + len + TAG) else { return segment };
        let crc = crc32c::crc32c(sealed);
        frame[FRAME_HEADER - 8..FRAME_HEADER - 4].copy_from_slice(&crc.to_le_bytes());
        let crc = crc32c::crc32c(&frame[..FRAME_HEADER - 4]);
        frame[FRAME_HEADER - 4..FRAME_HEADER].copy_from_slice(&crc.to_le_bytes());
        let Some(header) = FrameHeader::parse(frame) else { return segment };
        at += header.frame_len();
    }
    segment
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn recover(bytes: &[u8]) {
        let dir = tempfile::TempDir::new().unwrap();
        super::recover(dir.path(), bytes);
    }

    // Seeded and bounded; `fuzz/` runs the same entry without end.
    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 150,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(7),
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            recover(&bytes);
        }

        #[test]
        fn changes(how in 2..4_u8, changes in prop::collection::vec((0..520_u16, any::<u8>(), any::<bool>()), 1..4)) {
            let mut bytes = vec![how];
            for (at, flip, cut) in changes {
                bytes.extend_from_slice(&at.to_le_bytes());
                bytes.extend_from_slice(&[flip, if cut { 0xFF } else { 0 }]);
            }
            recover(&bytes);
        }
    }
}
