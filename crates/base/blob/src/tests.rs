//! What the blobs promise, over real files: any size and range, damage, cut-off files, full disks, the sweep. Beside it:
//! who can open a body (`keys`), lost zones (`zones`), scrub and repair (`health`), what older versions wrote (`older`).

mod health;
mod keys;
mod older;
mod zones;

use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use millpond_core::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const KIB: usize = 1 << 10;
const INLINE: usize = 8 * KIB;
/// Around every border: inline, frame, step.
const SIZES: [usize; 14] = [
    0,
    1,
    INLINE - 1,
    INLINE,
    INLINE + 1,
    64 * KIB - 1,
    64 * KIB,
    64 * KIB + 1,
    128 * KIB,
    1024 * KIB - 1,
    1024 * KIB,
    1024 * KIB + 1,
    1024 * KIB + 64 * KIB,
    3 * 1024 * KIB + 17,
];

fn root() -> RootKey {
    RootKey::from_bytes([5; 32])
}

fn clock() -> Clock {
    Clock::manual(Timestamp::from_secs(1_000))
}

fn open(dir: &TempDir) -> Blobs {
    Blobs::open(dir.path(), &root(), clock(), BlobOptions::default()).unwrap()
}

/// Bytes that repeat with no period that a frame or a step has.
fn body(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n % 251) as u8 ^ (n / 65_536) as u8).collect()
}

async fn write(blobs: &Blobs, body: &[u8], piece: usize) -> Placement {
    let pieces: Vec<_> =
        body.chunks(piece).map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk))).collect();
    blobs.write(stream::iter(pieces)).await.unwrap()
}

async fn read(blobs: &Blobs, placement: &Placement, range: Range<u64>) -> Result<Vec<u8>, BlobError> {
    let pieces: Vec<Bytes> = blobs.read(placement, range).try_collect().await?;
    Ok(pieces.concat())
}

async fn whole(blobs: &Blobs, placement: &Placement) -> Result<Vec<u8>, BlobError> {
    read(blobs, placement, 0..placement.size()).await
}

/// Where a body's copy is.
fn path(blobs: &Blobs, zone: usize, placement: &Placement) -> PathBuf {
    blobs.0.zones[zone].folder.path(placement.file().unwrap())
}

fn files(dir: &TempDir) -> Vec<PathBuf> {
    files_in(dir.path())
}

fn files_in(zone: &Path) -> Vec<PathBuf> {
    let within = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let folders = std::fs::read_dir(zone).unwrap().map(|entry| entry.unwrap().path());
    folders.filter(|path| path.is_dir()).flat_map(within).collect()
}

#[tokio::test]
async fn every_size_reads_back_also_after_reopening() {
    let dir = TempDir::new().unwrap();
    let blobs = open(&dir);
    for size in SIZES {
        let body = body(size);
        let placement = write(&blobs, &body, 100_000).await;
        assert_eq!((placement.size(), placement.file().is_none()), (size as u64, size <= INLINE), "{size}");
        assert_eq!(whole(&blobs, &placement).await.unwrap(), body, "{size}");
        let record = rmp_serde::to_vec_named(&placement).unwrap();
        let placement: Placement = rmp_serde::from_slice(&record).unwrap();
        assert_eq!(whole(&open(&dir), &placement).await.unwrap(), body, "{size} reopened");
        assert_eq!(blobs.read_to_bytes(&placement, 0..size as u64).await.unwrap(), body);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_range_equals_the_plaintext(
        size in prop_oneof![0..20_000_usize, 60_000..140_000_usize, 1_000_000..2_300_000_usize],
        piece in 1_000..300_000_usize,
        from in 0.0..1.0_f64,
        part in 0.0..1.0_f64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let dir = TempDir::new().unwrap();
        let blobs = open(&dir);
        let body = body(size);
        let start = (size as f64 * from) as usize;
        let end = start + ((size - start) as f64 * part) as usize;
        runtime.block_on(async {
            let placement = write(&blobs, &body, piece).await;
            let found = read(&blobs, &placement, start as u64..end as u64).await.unwrap();
            assert_eq!(found, body[start..end], "{start}..{end} of {size}");
        });
    }
}

#[tokio::test]
async fn a_range_outside_the_body_is_refused() {
    let dir = TempDir::new().unwrap();
    let blobs = open(&dir);
    let placement = write(&blobs, &body(100), 100).await;
    for (start, end) in [(0, 101), (101, 101), (60, 50)] {
        let refused = read(&blobs, &placement, Range { start, end }).await;
        assert!(matches!(refused, Err(BlobError::Range { size: 100, .. })), "{start}..{end}");
    }
}

#[tokio::test]
async fn any_flipped_byte_is_found() {
    let dir = TempDir::new().unwrap();
    let blobs = open(&dir);
    let placement = write(&blobs, &body(130_000), 50_000).await;
    let path = files(&dir).remove(0);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let sealed = std::fs::read(&path).unwrap();
    // The first bytes are the header, which is known from the placement and not read.
    for at in (frames::HEADER..sealed.len()).step_by(997).chain([frames::HEADER, sealed.len() - 1]) {
        file.write_all_at(&[sealed[at] ^ 1], at as u64).unwrap();
        assert!(matches!(whole(&blobs, &placement).await, Err(BlobError::Corrupt { .. })), "byte {at}");
        file.write_all_at(&sealed[at..=at], at as u64).unwrap();
    }
    whole(&blobs, &placement).await.unwrap();

    let small = write(&blobs, &body(100), 100).await;
    let placement::Body::Inline(sealed) = &small.body else { panic!() };
    for at in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[at] ^= 1;
        let damaged = Placement { body: placement::Body::Inline(damaged), ..small.clone() };
        assert!(matches!(whole(&blobs, &damaged).await, Err(BlobError::Corrupt { .. })), "byte {at}");
    }
}

#[tokio::test]
async fn a_file_that_is_cut_short_gone_or_another_s_is_found() {
    let dir = TempDir::new().unwrap();
    let blobs = open(&dir);
    for size in [100_000, 131_072, 1_300_000_u64] {
        let placement = write(&blobs, &body(size as usize), 50_000).await;
        let path = self::path(&blobs, 0, &placement);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        for len in [0, 31, 32, 65_000, 65_584, placement.file_len() - 1] {
            file.set_len(len).unwrap();
            assert!(
                matches!(whole(&blobs, &placement).await, Err(BlobError::Corrupt { .. })),
                "{len} of {size}"
            );
        }
        let other = write(&blobs, &body(size as usize), 50_000).await;
        std::fs::copy(self::path(&blobs, 0, &other), &path).unwrap();
        assert!(matches!(whole(&blobs, &placement).await, Err(BlobError::Corrupt { .. })), "another's file");
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(whole(&blobs, &placement).await, Err(BlobError::Lost)), "no file");
    }
}

/// A body of whole frames may not be passed off as a longer one's beginning.
#[tokio::test]
async fn a_shortened_size_does_not_authenticate() {
    let dir = TempDir::new().unwrap();
    let blobs = open(&dir);
    let mut placement = write(&blobs, &body(3 * 65_536), 65_536).await;
    placement.size = 2 * 65_536;
    assert!(matches!(whole(&blobs, &placement).await, Err(BlobError::Corrupt { .. })));
}

#[tokio::test]
async fn plaintext_is_not_on_the_disk_and_another_root_key_is_refused() {
    let dir = TempDir::new().unwrap();
    let blobs = open(&dir);
    let planted = b"the planted secret ".repeat(10_000);
    let large = write(&blobs, &planted, 5_000).await;
    let small = write(&blobs, b"the planted secret", 100).await;
    let record = rmp_serde::to_vec_named(&small).unwrap();
    let stored = files(&dir).into_iter().map(|path| std::fs::read(path).unwrap()).chain([record]);
    for bytes in stored {
        assert!(!bytes.windows(7).any(|window| window == b"planted"));
    }
    let other = RootKey::from_bytes([6; 32]);
    let blobs = Blobs::open(dir.path(), &other, clock(), BlobOptions::default()).unwrap();
    assert!(matches!(whole(&blobs, &large).await, Err(BlobError::WrongKey)));
    assert!(matches!(whole(&blobs, &small).await, Err(BlobError::WrongKey)));
}

#[tokio::test]
async fn a_broken_body_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let blobs = open(&dir);
    let pieces = [Ok(Bytes::from(body(2_500_000))), Err("hung up")];
    let refused = blobs.write(stream::iter(pieces)).await;
    assert!(matches!(refused, Err(WriteError::Body("hung up"))));
    gone(&dir).await;

    // A caller that goes away in the middle.
    let endless = stream::iter([Ok::<_, Infallible>(Bytes::from(body(2_500_000)))]).chain(stream::pending());
    let written = tokio::time::timeout(Duration::from_millis(50), blobs.write(endless)).await;
    assert!(written.is_err());
    gone(&dir).await;
}

/// Returns when there is no file: a step in flight ends on its own thread, and takes its file with it.
async fn gone(dir: &TempDir) {
    while !files(dir).is_empty() {
        tokio::task::yield_now().await;
    }
}

/// A disk with room for so many bytes.
struct SmallDisk(Mutex<usize>);

impl Disk for SmallDisk {
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut room = self.0.lock().unwrap();
        let fits = bytes.len().min(*room);
        *room -= fits;
        file.write_all_at(&bytes[..fits], offset)?;
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_full_disk_answers_the_writer_and_leaves_no_file() {
    let dir = TempDir::new().unwrap();
    let disk = Arc::new(SmallDisk(Mutex::new(3_000_000)));
    let options = BlobOptions { disk: disk.clone(), ..BlobOptions::default() };
    let blobs = Blobs::open(dir.path(), &root(), clock(), options).unwrap();
    let kept = write(&blobs, &body(1_000_000), 100_000).await;
    for size in [2_000_000, 5_000_000] {
        let pieces = stream::iter([Ok::<_, Infallible>(Bytes::from(body(size)))]);
        let Err(WriteError::Blob(error)) = blobs.write(pieces).await else { panic!("no room for {size}") };
        assert!(error.is_disk_full(), "{error}");
    }
    assert_eq!(files(&dir).len(), 1);
    assert_eq!(whole(&blobs, &kept).await.unwrap(), body(1_000_000));
    *disk.0.lock().unwrap() = 10_000_000;
    write(&blobs, &body(2_000_000), 100_000).await;
}

/// A disk whose first sync fails, and only that one: as the system tells of a failed write-back once.
struct FailsOnce(Mutex<u32>);

impl Disk for FailsOnce {
    fn sync(&self, file: &File) -> io::Result<()> {
        let mut syncs = self.0.lock().unwrap();
        *syncs += 1;
        if *syncs == 1 { Err(io::Error::other("the device went away")) } else { file.sync_data() }
    }
}

#[tokio::test]
async fn a_failed_sync_on_the_way_fails_the_write() {
    let dir = TempDir::new().unwrap();
    let options = BlobOptions { disk: Arc::new(FailsOnce(Mutex::new(0))), ..BlobOptions::default() };
    let blobs = Blobs::open(dir.path(), &root(), clock(), options).unwrap();
    let piece = Bytes::from(body(1 << 20));
    let pieces = stream::iter((0..70).map(|_| Ok::<_, Infallible>(piece.clone())));
    assert!(matches!(blobs.write(pieces).await, Err(WriteError::Blob(BlobError::Io { .. }))));
    gone(&dir).await;
}

#[tokio::test]
async fn what_a_killed_process_was_writing_is_gone_at_the_next_start() {
    let dir = TempDir::new().unwrap();
    let blobs = open(&dir);
    let kept = write(&blobs, &body(100_000), 100_000).await;
    std::fs::write(dir.path().join("tmp/half"), "half").unwrap();
    let blobs = open(&dir);
    assert_eq!(files(&dir).len(), 1);
    whole(&blobs, &kept).await.unwrap();
}

#[tokio::test]
async fn the_second_sweep_removes_what_nobody_names() {
    let dir = TempDir::new().unwrap();
    let clock = clock();
    let options = BlobOptions { sweep_grace: Duration::ZERO, ..BlobOptions::default() };
    let blobs = Blobs::open(dir.path(), &root(), clock.clone(), options).unwrap();
    let named = write(&blobs, &body(100_000), 100_000).await;
    let unnamed = write(&blobs, &body(200_000), 100_000).await;
    clock.advance(Duration::from_secs(100));
    let fresh = write(&blobs, &body(100_000), 100_000).await;
    let (name, border) = (named.file(), Timestamp::from_secs(1_050));
    let is_named = move |id| Ok::<_, io::Error>(Some(id) == name);
    let first = blobs.sweep(is_named, border).await.unwrap();
    assert_eq!(first, Swept { removed: 0, removed_bytes: 0, suspected: 1 });
    let second = blobs.sweep(is_named, border).await.unwrap();
    assert_eq!(second, Swept { removed: 1, removed_bytes: unnamed.file_len(), suspected: 0 });
    assert!(whole(&blobs, &unnamed).await.is_err());
    whole(&blobs, &named).await.unwrap();
    whole(&blobs, &fresh).await.unwrap();

    let failed = blobs.sweep(|_| Err(io::Error::other("no answer")), Timestamp::from_secs(9_999)).await;
    assert!(matches!(failed, Err(BlobError::NameCheck(_))));
    blobs.remove(&fresh).await.unwrap();
    blobs.remove(&fresh).await.unwrap();
    assert_eq!(files(&dir).len(), 1);
}
