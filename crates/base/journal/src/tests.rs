//! What a journal promises, over real files: torn ends, damage, full disks, group commit, indexes.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use millpond_core::RootKey;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn key() -> DerivedKey {
    RootKey::from_bytes([3; 32]).derive("journal/test")
}

fn options() -> JournalOptions {
    JournalOptions::default()
}

fn open(dir: &TempDir) -> (Journal, Scan) {
    Journal::open(dir.path(), &key(), options()).unwrap()
}

fn payloads(scan: Scan) -> Vec<Vec<u8>> {
    scan.map(|entry| entry.unwrap().payload.to_vec()).collect()
}

fn segment_files(dir: &TempDir) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "segment"));
    files.sort();
    files
}

fn copy(from: &TempDir) -> TempDir {
    let to = TempDir::new().unwrap();
    for entry in std::fs::read_dir(from.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}

fn flip(path: &PathBuf, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x40], at).unwrap();
}

/// A disk that counts syncs and fails what it is told to.
#[derive(Default)]
struct FaultyDisk {
    syncs: AtomicUsize,
    /// Bytes that still fit; a write beyond writes what fits and then fails, as a full disk does.
    room: Mutex<Option<usize>>,
    fail_syncs: AtomicUsize,
}

impl FaultyDisk {
    fn options(self: &Arc<Self>) -> JournalOptions {
        JournalOptions { disk: self.clone(), ..options() }
    }

    fn set_room(&self, room: Option<usize>) {
        *self.room.lock().unwrap() = room;
    }
}

impl Disk for FaultyDisk {
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut room = self.room.lock().unwrap();
        let fits = room.map_or(bytes.len(), |room| room.min(bytes.len()));
        *room = room.map(|room| room - fits);
        file.write_all_at(&bytes[..fits], offset)?;
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        let failing = self.fail_syncs.load(Ordering::SeqCst);
        if failing > 0 {
            self.fail_syncs.store(failing - 1, Ordering::SeqCst);
            return Err(io::Error::other("the device went away"));
        }
        file.sync_data()
    }
}

#[tokio::test]
async fn records_read_back_alone_in_order_and_after_reopening() {
    let dir = TempDir::new().unwrap();
    let (journal, scan) = open(&dir);
    assert_eq!(scan.count(), 0);
    let mut locations = Vec::new();
    for n in 0..20u8 {
        locations
            .push(journal.append(u16::from(n), Bytes::from(vec![n; usize::from(n) * 100])).await.unwrap());
    }
    assert!(locations.is_sorted());
    assert_eq!(journal.read(locations[7]).unwrap(), vec![7; 700]);
    assert_eq!(journal.scan_from(locations[17].end()).count(), 2);
    drop(journal);

    let (journal, scan) = open(&dir);
    let entries: Vec<Entry> = scan.map(Result::unwrap).collect();
    assert_eq!(entries.iter().map(|entry| entry.location).collect::<Vec<_>>(), locations);
    assert!(entries.iter().enumerate().all(|(n, entry)| usize::from(entry.kind) == n));
    let later = journal.append(1, Bytes::from_static(b"later")).await.unwrap();
    assert!(later.segment > locations[19].segment, "a recovered segment is not appended to");
    assert_eq!(journal.scan_from(locations[18].start()).count(), 3);
}

#[tokio::test]
async fn many_callers_share_a_sync_and_keep_their_order() {
    let dir = TempDir::new().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let (journal, _) = Journal::open(dir.path(), &key(), disk.options()).unwrap();
    let commits: Vec<Commit> = (0..2_000u32)
        .map(|n| journal.enqueue(0, Bytes::copy_from_slice(&n.to_le_bytes())).unwrap())
        .collect();
    for commit in commits {
        commit.await.unwrap();
    }
    let found = payloads(journal.scan_from(Position::default()));
    assert_eq!(found, (0..2_000u32).map(|n| n.to_le_bytes().to_vec()).collect::<Vec<_>>());
    assert!(disk.syncs.load(Ordering::SeqCst) < 500, "{disk:?} syncs", disk = disk.syncs);
}

#[tokio::test]
async fn plaintext_is_not_on_the_disk_and_another_key_is_refused() {
    let dir = TempDir::new().unwrap();
    let (journal, _) = open(&dir);
    let location = journal.append(0, Bytes::from_static(b"the planted secret")).await.unwrap();
    journal.write_index(location.segment, b"the planted secret").unwrap();
    drop(journal);
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"planted"));
    }
    let other = RootKey::from_bytes([4; 32]).derive("journal/test");
    let refused = Journal::open(dir.path(), &other, options());
    assert!(matches!(refused.err(), Some(JournalError::WrongKey { segment: 1 })));
}

#[tokio::test]
async fn segments_roll_keep_an_index_and_are_removed() {
    let dir = TempDir::new().unwrap();
    let small = JournalOptions { segment_bytes: 1_000, ..options() };
    let (journal, _) = Journal::open(dir.path(), &key(), small).unwrap();
    for _ in 0..5 {
        journal.append(0, Bytes::from(vec![1; 1_000])).await.unwrap();
    }
    let ids: Vec<_> = journal.segments().iter().map(|segment| (segment.id, segment.sealed)).collect();
    assert_eq!(ids, [(1, true), (2, true), (3, true), (4, true), (5, false)]);
    journal.roll().await.unwrap();
    assert!(journal.segments()[4].sealed);

    assert_eq!(journal.read_index(2).unwrap(), None);
    journal.write_index(2, b"first").unwrap();
    journal.write_index(2, b"second").unwrap();
    assert_eq!(journal.read_index(2).unwrap().as_deref(), Some(b"second".as_slice()));
    flip(&dir.path().join("0000000000000002.index"), 14);
    assert!(matches!(journal.read_index(2), Err(JournalError::Corrupt { .. })));

    journal.remove_segment(1).unwrap();
    journal.remove_segment(3).unwrap();
    assert!(matches!(journal.remove_segment(1), Err(JournalError::NoSegment { segment: 1 })));
    assert!(matches!(journal.remove_segment(5), Err(JournalError::Newest { segment: 5 })));
    drop(journal);
    let (journal, scan) = open(&dir);
    let found: Vec<_> = scan.map(|entry| entry.unwrap().location.segment).collect();
    assert_eq!(found, [2, 4, 5]);
    assert_eq!(journal.append(0, Bytes::new()).await.unwrap().segment, 6);
}

#[tokio::test]
async fn a_full_queue_and_a_long_record_are_refused() {
    let dir = TempDir::new().unwrap();
    let tight = JournalOptions { queue_bytes: 4_000, max_record: 3_000, ..options() };
    let (journal, _) = Journal::open(dir.path(), &key(), tight).unwrap();
    assert!(matches!(
        journal.enqueue(0, Bytes::from(vec![0; 3_001])),
        Err(JournalError::TooLarge { len: 3_001, max: 3_000 })
    ));
    let mut commits = Vec::new();
    let full = loop {
        match journal.enqueue(0, Bytes::from(vec![0; 3_000])) {
            Ok(commit) => commits.push(commit),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, JournalError::Full));
    for commit in commits {
        commit.await.unwrap();
    }
    journal.append(0, Bytes::new()).await.unwrap();
    journal.close().await;
    assert!(matches!(journal.enqueue(0, Bytes::new()), Err(JournalError::Closed)));
}

#[tokio::test]
async fn a_full_disk_answers_its_writers_and_takes_them_again_when_there_is_room() {
    for room in [0, 10, 92, 100, 500] {
        let dir = TempDir::new().unwrap();
        let disk = Arc::new(FaultyDisk::default());
        let (journal, _) = Journal::open(dir.path(), &key(), disk.options()).unwrap();
        let kept = journal.append(0, Bytes::from_static(b"before")).await.unwrap();
        disk.set_room(Some(room));
        for _ in 0..3 {
            let refused = journal.append(0, Bytes::from(vec![0; 2_000])).await.unwrap_err();
            assert!(refused.is_disk_full(), "{refused}");
        }
        assert_eq!(journal.read(kept).unwrap(), "before");
        assert_eq!(segment_files(&dir).len(), 1, "failed segments leave no files");
        disk.set_room(None);
        journal.append(0, Bytes::from_static(b"after")).await.unwrap();
        assert_eq!(payloads(journal.scan_from(Position::default())), [b"before".as_slice(), b"after"]);
        drop(journal);
        assert_eq!(payloads(open(&dir).1), [b"before".as_slice(), b"after"]);
    }
}

#[tokio::test]
async fn a_failed_sync_ends_the_segment_at_what_was_durable() {
    let dir = TempDir::new().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let (journal, _) = Journal::open(dir.path(), &key(), disk.options()).unwrap();
    let before = journal.append(0, Bytes::from_static(b"before")).await.unwrap();
    disk.fail_syncs.store(1, Ordering::SeqCst);
    journal.append(0, Bytes::from_static(b"never told")).await.unwrap_err();
    let after = journal.append(0, Bytes::from_static(b"after")).await.unwrap();
    assert!(after.segment > before.segment);
    drop(journal);
    // Had cutting off failed as well: the next segment's header knows where this one ended.
    let first = OpenOptions::new().append(true).open(&segment_files(&dir)[0]).unwrap();
    std::io::Write::write_all(&mut &first, &[0x55; 300]).unwrap();
    assert_eq!(payloads(open(&dir).1), [b"before".as_slice(), b"after"]);
}

/// Records of one batch each, and the segment's length after each.
async fn written(sizes: &[usize]) -> (TempDir, Vec<Vec<u8>>, Vec<u64>) {
    let dir = TempDir::new().unwrap();
    let (journal, _) = open(&dir);
    let (mut records, mut ends) = (Vec::new(), Vec::new());
    for (n, size) in sizes.iter().enumerate() {
        let record = vec![n as u8; *size];
        let location = journal.append(0, Bytes::from(record.clone())).await.unwrap();
        records.push(record);
        ends.push(location.end().offset);
    }
    (dir, records, ends)
}

#[tokio::test]
async fn a_torn_end_at_every_byte_gives_exactly_the_whole_records_before_it() {
    let (dir, records, ends) = written(&[0, 1, 50, 300]).await;
    let len = *ends.last().unwrap();
    for cut in 0..=len {
        let torn = copy(&dir);
        let file = OpenOptions::new().write(true).open(&segment_files(&torn)[0]).unwrap();
        file.set_len(cut).unwrap();
        // A file system may also leave zeros, or old bytes, where the data did not arrive.
        for junk in [0, 0xA5] {
            file.write_all_at(&[junk; 64], cut).unwrap();
            let whole = ends.iter().filter(|end| **end <= cut).count();
            let (journal, scan) = open(&torn);
            assert_eq!(payloads(scan), records[..whole], "cut at {cut}");
            drop(journal);
            if !segment_files(&torn).is_empty() {
                file.set_len(cut).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_in_what_was_durable_is_reported_and_the_rest_is_read() {
    let (dir, records, ends) = written(&[10, 70, 0, 200]).await;
    let first = format::SEGMENT_HEADER as u64;
    // The last record is left out: nothing after it proves that it had been durable.
    for at in first..ends[2] {
        let damaged = copy(&dir);
        flip(&segment_files(&damaged)[0], at);
        let (_journal, scan) = open(&damaged);
        let (good, bad): (Vec<_>, Vec<_>) = scan.partition(Result::is_ok);
        assert_eq!(bad.len(), 1, "byte {at}");
        assert!(matches!(bad[0], Err(JournalError::Corrupt { segment: 1, .. })), "byte {at}");
        let hit = ends.iter().filter(|end| **end <= at).count();
        let mut rest = records.clone();
        rest.remove(hit);
        assert_eq!(good.into_iter().map(|entry| entry.unwrap().payload.to_vec()).collect::<Vec<_>>(), rest);
    }
}

#[tokio::test]
async fn damage_anywhere_in_an_earlier_segment_is_reported() {
    let (dir, _, ends) = written(&[10, 20]).await;
    let (journal, _) = open(&dir);
    let newest = journal.append(0, Bytes::from_static(b"newest")).await.unwrap();
    drop(journal);
    for at in format::SEGMENT_HEADER as u64..ends[1] {
        let damaged = copy(&dir);
        flip(&segment_files(&damaged)[0], at);
        let (_journal, scan) = open(&damaged);
        let found: Vec<_> = scan.collect();
        assert_eq!(found.iter().filter(|entry| entry.is_err()).count(), 1, "byte {at}");
        assert_eq!(found.last().unwrap().as_ref().unwrap().location, newest);
    }
    let damaged = copy(&dir);
    flip(&segment_files(&damaged)[0], 20);
    let refused = Journal::open(damaged.path(), &key(), options());
    assert!(matches!(refused.err(), Some(JournalError::Corrupt { segment: 1, offset: 0, .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Batches of any sizes, cut anywhere, give a prefix that holds at least every record before the cut.
    #[test]
    fn any_records_cut_anywhere(sizes in prop::collection::vec(0..200_000_usize, 1..8), cut in 0.0..1.0_f64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (dir, records, ends) = runtime.block_on(written(&sizes));
        let len = *ends.last().unwrap();
        let cut = (len as f64 * cut) as u64;
        let file = OpenOptions::new().write(true).open(&segment_files(&dir)[0]).unwrap();
        file.set_len(cut).unwrap();
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let (_journal, scan) = open(&dir);
        prop_assert_eq!(payloads(scan), records[..whole].to_vec());
    }
}
