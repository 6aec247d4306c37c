//! Rot: served around, found, repaired.

use super::zones::{Pond, set, write_to};
use super::*;

fn rot(path: &Path, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

#[tokio::test]
async fn rot_is_served_around_told_found_and_repaired() {
    const SIZE: usize = 2_500_000;
    let pond = Pond::new();
    let blobs = pond.open().unwrap();
    let placement = write_to(&blobs, Spread::EveryZone, &body(SIZE)).await.unwrap();
    let good = std::fs::read(path(&blobs, 0, &placement)).unwrap();
    let files: Vec<_> = (0..3).map(|zone| path(&blobs, zone, &placement)).collect();
    // No copy is whole, and each frame is whole in some copy.
    for (file, frame) in files.iter().zip([3, 4, 20]) {
        rot(file, frames::frame_offset(frame, frames::TAG) + 100);
    }
    assert_eq!(whole(&blobs, &placement).await.unwrap(), body(SIZE));
    let told = blobs.suspicious();
    assert!(!told.found.is_empty() && told.overlooked == 0);
    assert!(told.found.iter().all(|suspect| suspect.placement == placement));
    assert!(blobs.suspicious().found.is_empty(), "told once");
    assert_eq!(blobs.check(&placement).await.unwrap().rotten, set([0, 1, 2]));
    assert!(matches!(blobs.repair(&placement).await, Err(BlobError::Corrupt { .. })), "no copy is whole");

    rot(&files[1], frames::frame_offset(4, frames::TAG) + 100);
    std::fs::remove_file(&files[2]).unwrap();
    let health = blobs.check(&placement).await.unwrap();
    assert_eq!((health.good, health.rotten, health.missing), (set([1]), set([0]), set([2])));
    assert_eq!(whole(&blobs, &placement).await.unwrap(), body(SIZE));
    let repaired = blobs.repair(&placement).await.unwrap();
    assert_eq!((repaired.made, &repaired.placement), (set([0, 2]), &placement));
    assert!(files.iter().all(|file| std::fs::read(file).unwrap() == good));
    assert!(blobs.check(&placement).await.unwrap().is_whole());
}

/// Every byte of a file counts, its header too, and the length.
#[tokio::test]
async fn any_flipped_byte_is_found_without_a_key() {
    let pond = Pond::new();
    let blobs = pond.open().unwrap();
    let wrap = BodyWrap::Single(Key::from_bytes([7; 32]));
    let options = WriteOptions { key: Some(&wrap), ..WriteOptions::default() };
    let pieces = stream::iter([Ok::<_, Infallible>(Bytes::from(body(70_000)))]);
    let placement = blobs.write_with(pieces, options).await.unwrap();
    let file = path(&blobs, 1, &placement);
    for at in (0..placement.file_len()).step_by(1_409).chain([31, 32, placement.file_len() - 1]) {
        rot(&file, at);
        assert_eq!(blobs.check(&placement).await.unwrap().rotten, set([1]), "byte {at}");
        assert_eq!(blobs.repair(&placement).await.unwrap().made, set([1]), "byte {at}");
    }
    for len in [0, 1, 65_000, placement.file_len() - 1, placement.file_len() + 1] {
        OpenOptions::new().write(true).open(&file).unwrap().set_len(len).unwrap();
        assert_eq!(blobs.check(&placement).await.unwrap().rotten, set([1]), "length {len}");
        assert_eq!(blobs.repair(&placement).await.unwrap().made, set([1]), "length {len}");
    }
    assert!(blobs.check(&placement).await.unwrap().is_whole());
    assert_eq!(pond.files(), [1, 1, 1]);
}

#[tokio::test]
async fn a_body_in_one_zone_has_no_other_copy() {
    let pond = Pond::new();
    let blobs = pond.open().unwrap();
    let placement = write_to(&blobs, Spread::OneZone, &body(100_000)).await.unwrap();
    let zone = placement.zones().iter().next().unwrap();
    assert!(blobs.check(&placement).await.unwrap().is_whole());
    assert_eq!(blobs.repair(&placement).await.unwrap().placement, placement);
    let file = path(&blobs, usize::from(zone), &placement);
    rot(&file, 50_000);
    assert_eq!(blobs.check(&placement).await.unwrap().rotten, set([zone]));
    assert!(matches!(whole(&blobs, &placement).await, Err(BlobError::Corrupt { .. })));
    assert!(matches!(blobs.repair(&placement).await, Err(BlobError::Corrupt { .. })));
    std::fs::remove_file(file).unwrap();
    assert!(matches!(whole(&blobs, &placement).await, Err(BlobError::Lost)));
    assert!(matches!(blobs.repair(&placement).await, Err(BlobError::Lost)));
}

#[tokio::test]
async fn a_body_in_its_placement_has_nothing_to_repair() {
    let pond = Pond::new();
    let blobs = pond.open().unwrap();
    let placement = write_to(&blobs, Spread::EveryZone, b"small").await.unwrap();
    assert!(placement.zones().is_empty());
    let health = blobs.check(&placement).await.unwrap();
    assert!(health.is_whole() && health.good.is_empty());
    assert_eq!(blobs.repair(&placement).await.unwrap().placement, placement);
    assert_eq!(pond.files(), [0, 0, 0]);
}

#[tokio::test]
async fn a_repair_onto_a_full_disk_says_so_and_leaves_nothing() {
    let disk = Arc::new(SmallDisk(Mutex::new(3_100_000)));
    let pond = Pond::on(disk.clone());
    let blobs = pond.open().unwrap();
    let placement = write_to(&blobs, Spread::EveryZone, &body(1_000_000)).await.unwrap();
    std::fs::remove_file(path(&blobs, 2, &placement)).unwrap();
    let Err(error) = blobs.repair(&placement).await else { panic!("no room") };
    assert!(error.is_disk_full());
    assert_eq!(pond.files(), [1, 1, 0]);
    *disk.0.lock().unwrap() = 2_000_000;
    assert_eq!(blobs.repair(&placement).await.unwrap().made, set([2]));
}

#[tokio::test(start_paused = true)]
async fn checks_keep_to_their_pace() {
    let dir = TempDir::new().unwrap();
    let options = BlobOptions { check_bytes_per_second: 100_000, ..BlobOptions::default() };
    let blobs = Blobs::open(dir.path(), &root(), clock(), options).unwrap();
    let placement = write(&blobs, &body(5_000_000), 100_000).await;
    let begun = tokio::time::Instant::now();
    blobs.check(&placement).await.unwrap();
    assert!(begun.elapsed() > Duration::from_secs(30), "{:?}", begun.elapsed());
}
