//! Zones that are lost, come back, are replaced, or fail while a body is written.

use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

/// A pond's own folder and those of its zones.
pub struct Pond {
    pub dir: TempDir,
    pub zones: Vec<PathBuf>,
    pub disk: Arc<dyn Disk>,
}

impl Pond {
    pub fn new() -> Self {
        Self::on(Arc::new(SystemDisk))
    }

    pub fn on(disk: Arc<dyn Disk>) -> Self {
        let dir = TempDir::new().unwrap();
        let zones = (0..3).map(|n| dir.path().join(format!("disk{n}/zone"))).collect();
        Self { dir, zones, disk }
    }

    pub fn open(&self) -> Result<Blobs, BlobError> {
        let options = BlobOptions {
            zones: self.zones.clone(),
            sweep_grace: Duration::ZERO,
            disk: self.disk.clone(),
            ..BlobOptions::default()
        };
        Blobs::open(&self.dir.path().join("objects"), &root(), clock(), options)
    }

    pub fn lose(&self, zone: usize) {
        std::fs::remove_dir_all(&self.zones[zone]).unwrap();
    }

    /// How many files of bodies each zone has, finished or not.
    pub fn files(&self) -> Vec<usize> {
        self.zones.iter().map(|zone| if zone.is_dir() { files_in(zone).len() } else { 0 }).collect()
    }
}

pub async fn write_to(blobs: &Blobs, spread: Spread, body: &[u8]) -> Result<Placement, BlobError> {
    let pieces: Vec<_> =
        body.chunks(100_000).map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk))).collect();
    let options = WriteOptions { spread, ..WriteOptions::default() };
    blobs.write_with(stream::iter(pieces), options).await.map_err(|error| match error {
        WriteError::Blob(error) => error,
        WriteError::Body(never) => match never {},
    })
}

pub fn set(zones: impl IntoIterator<Item = u8>) -> Zones {
    zones.into_iter().collect()
}

/// A body in one zone, which is `zone`.
async fn only_in(blobs: &Blobs, zone: u8, body: &[u8]) -> Placement {
    loop {
        let placement = write_to(blobs, Spread::OneZone, body).await.unwrap();
        if placement.zones() == set([zone]) {
            return placement;
        }
        blobs.remove(&placement).await.unwrap();
    }
}

#[tokio::test]
async fn every_zone_has_the_same_bytes_and_one_zone_has_them_alone() {
    let pond = Pond::new();
    let blobs = pond.open().unwrap();
    for size in [INLINE + 1, 65_536, 3_000_000] {
        let everywhere = write_to(&blobs, Spread::EveryZone, &body(size)).await.unwrap();
        assert_eq!(everywhere.zones(), set([0, 1, 2]));
        let copies: Vec<_> = (0..3).map(|n| std::fs::read(path(&blobs, n, &everywhere)).unwrap()).collect();
        assert!(copies[0] == copies[1] && copies[1] == copies[2]);
        assert_eq!(everywhere.stored_bytes(), 3 * copies[0].len() as u64);
        assert_eq!(whole(&blobs, &everywhere).await.unwrap(), body(size));
    }
    assert_eq!(pond.files(), [3, 3, 3]);
    for zone in 0..3 {
        let alone = only_in(&blobs, zone, &body(100_000)).await;
        assert_eq!(whole(&blobs, &alone).await.unwrap(), body(100_000));
        blobs.remove(&alone).await.unwrap();
    }
    assert_eq!(pond.files(), [3, 3, 3]);
}

#[tokio::test]
async fn a_wish_for_a_zone_is_met_or_refused() {
    let pond = Pond::new();
    let blobs = pond.open().unwrap();
    let write = async |zone: u8, size: usize| {
        let options = WriteOptions { spread: Spread::OneZone, zone: Some(zone), ..WriteOptions::default() };
        blobs.write_with(stream::iter([Ok::<_, Infallible>(Bytes::from(body(size)))]), options).await
    };
    for zone in 0..3 {
        for _ in 0..4 {
            assert_eq!(write(zone, 20_000).await.unwrap().zones(), set([zone]));
        }
    }
    pond.lose(1);
    blobs.zones().await.unwrap();
    assert!(matches!(write(1, 20_000).await, Err(WriteError::Blob(BlobError::NoZone))));
    assert_eq!(write(2, 20_000).await.unwrap().zones(), set([2]));
    // What is sealed in its placement is in no zone.
    assert!(write(1, 10).await.unwrap().zones().is_empty());
}

#[tokio::test]
async fn any_zone_may_be_lost_and_is_filled_up_again() {
    for lost in 0..3_u8 {
        for restarted in [false, true] {
            any_zone_is_lost(lost, restarted).await;
        }
    }
}

async fn any_zone_is_lost(lost: u8, restarted: bool) {
    let pond = Pond::new();
    let blobs = pond.open().unwrap();
    let everywhere = write_to(&blobs, Spread::EveryZone, &body(2_500_000)).await.unwrap();
    let good = std::fs::read(path(&blobs, 0, &everywhere)).unwrap();
    let mut alone = Vec::new();
    for zone in 0..3 {
        alone.push(only_in(&blobs, zone, &body(100_000)).await);
    }
    let made = async |blobs: &Blobs| -> Vec<_> {
        blobs.zones().await.unwrap().into_iter().map(|zone| zone.made).collect()
    };
    let before = made(&blobs).await;
    assert!(before.iter().all(Option::is_some) && !blobs.lacks_copies(&everywhere).await.unwrap());
    pond.lose(usize::from(lost));
    let blobs = if restarted { pond.open().unwrap() } else { blobs };

    assert_eq!(whole(&blobs, &everywhere).await.unwrap(), body(2_500_000));
    for (zone, alone) in (0..).zip(&alone) {
        let read = whole(&blobs, alone).await;
        if zone == lost {
            assert!(matches!(read, Err(BlobError::OutOfReach)));
            assert!(matches!(blobs.repair(alone).await, Err(BlobError::OutOfReach)));
        } else {
            assert_eq!(read.unwrap(), body(100_000));
        }
    }
    let there: Vec<_> = blobs.zones().await.unwrap().into_iter().map(|zone| zone.there).collect();
    assert_eq!(there, (0..3).map(|zone| zone != lost).collect::<Vec<_>>());
    let health = blobs.check(&everywhere).await.unwrap();
    assert_eq!((health.out_of_reach, health.good.len(), health.is_whole()), (set([lost]), 2, false));
    assert!(blobs.suspicious().found.is_empty(), "a lost zone is no news of each body");

    // What is written meanwhile is in the zones that are there, and nothing makes the lost one's folder anew.
    let meanwhile = write_to(&blobs, Spread::EveryZone, &body(2_000_000)).await.unwrap();
    assert_eq!(meanwhile.zones(), set((0..3).filter(|zone| *zone != lost)));
    assert!(blobs.is_short(&meanwhile) && !blobs.is_short(&everywhere));
    for _ in 0..8 {
        let one = write_to(&blobs, Spread::OneZone, &body(20_000)).await.unwrap();
        assert!(one.zones().len() == 1 && one.zones() != set([lost]));
    }
    assert!(!pond.zones[usize::from(lost)].exists());
    assert_eq!(blobs.repair(&everywhere).await.unwrap().out_of_reach, set([lost]));

    // An empty folder is not taken for the zone, until somebody says that it is to be.
    std::fs::create_dir(&pond.zones[usize::from(lost)]).unwrap();
    assert!(!blobs.zones().await.unwrap()[usize::from(lost)].there);
    std::fs::write(pond.zones[usize::from(lost)].join("adopt"), "").unwrap();
    let blobs = if restarted { pond.open().unwrap() } else { blobs };
    assert!(blobs.zones().await.unwrap()[usize::from(lost)].there);
    for (zone, (before, now)) in (0..).zip(before.iter().zip(made(&blobs).await)) {
        assert_eq!(*before == now, zone != lost, "a folder that was adopted is another one");
    }
    assert!(matches!(whole(&blobs, &alone[usize::from(lost)]).await, Err(BlobError::Lost)));
    for (placement, size) in [(everywhere, 2_500_000), (meanwhile, 2_000_000)] {
        assert!(blobs.lacks_copies(&placement).await.unwrap());
        let repaired = blobs.repair(&placement).await.unwrap();
        assert_eq!((repaired.made, repaired.placement.zones()), (set([lost]), set([0, 1, 2])));
        assert!(!blobs.lacks_copies(&repaired.placement).await.unwrap());
        assert!(blobs.check(&repaired.placement).await.unwrap().is_whole());
        let again = blobs.repair(&repaired.placement).await.unwrap();
        assert!(again.made.is_empty() && again.placement == repaired.placement);
        assert_eq!(whole(&blobs, &repaired.placement).await.unwrap(), body(size));
        if size == 2_500_000 {
            assert!(std::fs::read(path(&blobs, usize::from(lost), &placement)).unwrap() == good);
        }
    }
}

#[tokio::test]
async fn a_zone_that_comes_back_is_used_as_it_was() {
    let pond = Pond::new();
    let blobs = pond.open().unwrap();
    let alone = only_in(&blobs, 1, &body(100_000)).await;
    let away = pond.dir.path().join("away");
    std::fs::rename(&pond.zones[1], &away).unwrap();
    assert!(matches!(whole(&blobs, &alone).await, Err(BlobError::OutOfReach)));
    let meanwhile = write_to(&blobs, Spread::EveryZone, &body(100_000)).await.unwrap();
    std::fs::rename(&away, &pond.zones[1]).unwrap();
    assert_eq!(whole(&blobs, &alone).await.unwrap(), body(100_000));
    assert!(blobs.zones().await.unwrap().iter().all(|zone| zone.there));
    assert_eq!(blobs.check(&meanwhile).await.unwrap().missing, set([1]));
    assert_eq!(blobs.repair(&meanwhile).await.unwrap().placement.zones(), set([0, 1, 2]));
}

#[tokio::test]
async fn a_rotten_marker_is_a_lost_zone_until_it_is_adopted() {
    let pond = Pond::new();
    let blobs = pond.open().unwrap();
    let alone = only_in(&blobs, 1, &body(100_000)).await;
    for text in [&b""[..], b"pond 1", b"\xFF\xFE", b"zone 1\npond 2\n"] {
        std::fs::write(pond.zones[1].join("zone"), text).unwrap();
        let blobs = pond.open().unwrap();
        assert!(!blobs.zones().await.unwrap()[1].there, "{text:?}");
        std::fs::write(pond.zones[1].join("adopt"), "").unwrap();
        assert!(blobs.zones().await.unwrap()[1].there, "{text:?}");
        assert_eq!(whole(&blobs, &alone).await.unwrap(), body(100_000));
    }
}

#[tokio::test]
async fn with_every_zone_lost_nothing_is_acknowledged() {
    let pond = Pond::new();
    let blobs = pond.open().unwrap();
    for zone in 0..3 {
        pond.lose(zone);
    }
    for spread in [Spread::EveryZone, Spread::OneZone] {
        for size in [20_000, 3_000_000] {
            write_to(&blobs, spread, &body(size)).await.unwrap_err();
        }
    }
    assert!(matches!(write_to(&blobs, Spread::EveryZone, &body(20_000)).await, Err(BlobError::NoZone)));
    assert!(matches!(pond.open(), Err(BlobError::NoZone)));
}

/// A disk that fails in one zone, after so many steps of writes there; its folder may go with it.
struct BadZone {
    zone: Mutex<PathBuf>,
    left: AtomicUsize,
    struck: AtomicBool,
    /// Whether the folder goes; else it only fails.
    goes: bool,
}

impl BadZone {
    fn strike(&self, path: &Path) -> io::Result<()> {
        let zone = self.zone.lock().unwrap();
        if !path.starts_with(&*zone) {
            return Ok(());
        }
        let count = |left: usize| left.checked_sub(1);
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count) {
            Ok(left) if left > 0 => Ok(()),
            _ => {
                self.struck.store(true, Ordering::SeqCst);
                if self.goes && zone.exists() {
                    std::fs::remove_dir_all(&*zone)?;
                }
                Err(io::Error::other("the device went away"))
            }
        }
    }

    fn path_of(file: &File) -> PathBuf {
        use std::os::fd::AsRawFd as _;
        std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap()
    }
}

impl Disk for BadZone {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.strike(path)?;
        SystemDisk.create(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.strike(&Self::path_of(file))?;
        SystemDisk.write_at(file, bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.strike(&Self::path_of(file))?;
        SystemDisk.sync(file)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.strike(dir)?;
        SystemDisk.sync_dir(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.strike(from)?;
        SystemDisk.rename(from, to)
    }
}

/// A zone that fails at any step of a write: with its marker there the write fails and leaves nothing anywhere, without
/// it the write goes on in the others.
#[tokio::test]
async fn a_zone_that_fails_while_a_body_is_written() {
    // A body of two steps: created, a header, two writes, a sync, a sync of the folder, a rename, a sync.
    for step in 0..8 {
        for (goes, zone) in [(false, 0), (true, 0), (false, 2), (true, 2)] {
            fails_at(Spread::EveryZone, step, goes, zone).await;
            fails_at(Spread::OneZone, step, goes, zone).await;
        }
    }
}

async fn fails_at(spread: Spread, step: usize, goes: bool, zone: usize) {
    const SIZE: usize = 1_100_000;
    let disk = Arc::new(BadZone {
        zone: Mutex::new("/nowhere".into()),
        left: AtomicUsize::new(step),
        struck: AtomicBool::new(false),
        goes,
    });
    let pond = Pond::on(disk.clone());
    let blobs = pond.open().unwrap();
    *disk.zone.lock().unwrap() = pond.zones[zone].canonicalize().unwrap();
    let what = format!("{spread:?}, step {step}, goes: {goes}, zone {zone}");
    let written = write_to(&blobs, spread, &body(SIZE)).await;
    let struck = disk.struck.load(Ordering::SeqCst);
    assert!(struck || spread == Spread::OneZone, "{what}");
    match (written, spread) {
        (Ok(placement), Spread::EveryZone) => {
            assert!(goes, "{what}");
            assert_eq!(placement.zones(), set((0..3).filter(|n| usize::from(*n) != zone)), "{what}");
            assert_eq!(whole(&blobs, &placement).await.unwrap(), body(SIZE), "{what}");
        }
        (Ok(placement), Spread::OneZone) => {
            assert!(!struck && placement.zones() != set([zone as u8]), "{what}");
        }
        (Err(error), _) => {
            assert!(struck && !(goes && spread == Spread::EveryZone), "{what}: {error}");
            while pond.files() != [0, 0, 0] {
                tokio::task::yield_now().await;
            }
        }
    }
}

#[tokio::test]
async fn a_failed_early_sync_of_one_zone_fails_the_write() {
    // Created, a header, and 33 steps or so: the first sync is an early one.
    let disk = Arc::new(EarlySync(Mutex::default()));
    let pond = Pond::on(disk.clone());
    let blobs = pond.open().unwrap();
    *disk.0.lock().unwrap() = Some(pond.zones[2].canonicalize().unwrap());
    let piece = Bytes::from(body(1 << 20));
    let pieces = stream::iter((0..70).map(|_| Ok::<_, Infallible>(piece.clone())));
    assert!(matches!(blobs.write(pieces).await, Err(WriteError::Blob(BlobError::Io { .. }))));
    while pond.files() != [0, 0, 0] {
        tokio::task::yield_now().await;
    }
}

/// Fails the first sync of a file in the folder, and only that one.
struct EarlySync(Mutex<Option<PathBuf>>);

impl Disk for EarlySync {
    fn sync(&self, file: &File) -> io::Result<()> {
        let mut zone = self.0.lock().unwrap();
        if zone.as_ref().is_some_and(|zone| BadZone::path_of(file).starts_with(zone)) {
            *zone = None;
            return Err(io::Error::other("the device went away"));
        }
        file.sync_data()
    }
}

#[tokio::test]
async fn leftovers_are_swept_in_every_zone_that_is_there() {
    let pond = Pond::new();
    let blobs = pond.open().unwrap();
    let named = write_to(&blobs, Spread::EveryZone, &body(100_000)).await.unwrap();
    let unnamed = write_to(&blobs, Spread::EveryZone, &body(200_000)).await.unwrap();
    for zone in &pond.zones {
        std::fs::write(zone.join("tmp/half"), "half").unwrap();
    }
    let blobs = pond.open().unwrap();
    assert_eq!(pond.files(), [2, 2, 2]);
    // The marker alone is gone: nothing in that folder is touched.
    std::fs::remove_file(pond.zones[1].join("zone")).unwrap();
    let name = named.file();
    for _ in 0..2 {
        let is_named = move |id| Ok::<_, io::Error>(Some(id) == name);
        blobs.sweep(is_named, Timestamp::from_secs(9_999)).await.unwrap();
    }
    assert_eq!(pond.files(), [1, 2, 1]);
    assert!(path(&blobs, 1, &unnamed).exists());
    whole(&blobs, &named).await.unwrap();
}

#[test]
fn folders_that_do_not_fit_are_refused() {
    let pond = Pond::new();
    drop(pond.open().unwrap());
    let refused = |zones: Vec<PathBuf>| {
        let other = Pond { zones, dir: TempDir::new().unwrap(), disk: Arc::new(SystemDisk) };
        matches!(other.open(), Err(BlobError::Zone { .. }))
    };
    assert!(refused(vec![pond.zones[0].clone()]), "another pond's");
    let busy = TempDir::new().unwrap();
    std::fs::write(busy.path().join("letter"), "dear").unwrap();
    assert!(refused(vec![busy.path().to_owned()]), "not empty");
    let fresh = TempDir::new().unwrap().path().to_owned();
    assert!(refused(vec![fresh.clone(), fresh]), "twice the same");
    assert!(refused(vec!["/a".into(), "/b".into(), "/c".into(), "/d".into()]), "too many");
    let Pond { dir, zones, disk } = pond;
    let swapped = vec![zones[1].clone(), zones[0].clone()];
    let pond = Pond { dir, zones: swapped, disk };
    assert!(matches!(pond.open(), Err(BlobError::Zone { .. })), "in another order");
    let fewer = Pond { zones: zones[..2].to_vec(), ..pond };
    fewer.open().unwrap();
}

#[tokio::test]
async fn a_discarded_pond_leaves_nothing_in_its_zones() {
    let pond = Pond::new();
    let blobs = pond.open().unwrap();
    write_to(&blobs, Spread::EveryZone, &body(100_000)).await.unwrap();
    let own = pond.dir.path().join("objects");
    let foreign = Pond::new();
    foreign.open().unwrap();
    let all = [pond.zones.clone(), foreign.zones.clone(), vec!["/nowhere/at/all".into()]].concat();
    for _ in 0..2 {
        discard(&own, &all).unwrap();
    }
    for zone in &pond.zones {
        assert_eq!(std::fs::read_dir(zone).unwrap().count(), 0);
    }
    foreign.open().unwrap();
    // The folders are as new.
    std::fs::remove_dir_all(own).unwrap();
    pond.open().unwrap();
}

#[tokio::test]
async fn files_are_the_owners_alone() {
    let pond = Pond::new();
    let blobs = pond.open().unwrap();
    let placement = write_to(&blobs, Spread::EveryZone, &body(100_000)).await.unwrap();
    for zone in 0..3 {
        let file = path(&blobs, zone, &placement);
        let modes = [file.as_path(), file.parent().unwrap(), pond.zones[zone].as_path()]
            .map(|path| std::fs::metadata(path).unwrap().mode() & 0o777);
        assert_eq!(modes, [0o600, 0o700, 0o700]);
    }
}
