//! Zones: folders, ideally on a disk each, that bodies have copies in and that may be lost.
//!
//! Each zone's folder has a marker, `zone`, with the pond's id and the zone's number, so that the empty mount point of a
//! disk that went away is not taken for an empty zone. The blobs' own folder remembers in `zones` the pond's id and how
//! many zones it ever had. A zone of those whose marker is gone is *lost*: found so at the start, or when something in
//! it failed. Reads and writes go on without it, and it is used again when its marker is back. A new disk takes a lost
//! zone's place when its folder has a file `adopt`.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millpond_core::disk::{Disk, create_private_dir};
use uuid::Uuid;

use crate::folder::Folder;
use crate::{BlobError, MOST_ZONES};

const MARKER: &str = "zone";
const KNOWN: &str = "zones";
/// Put into a folder by whoever wants it taken as the zone that the settings name it for.
const ADOPT: &str = "adopt";
/// What a fresh file system has in it.
const OF_THE_FILE_SYSTEM: &str = "lost+found";

/// How a zone was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneState {
    pub number: u8,
    pub path: PathBuf,
    /// Whether its folder and marker are there. A zone that is not is lost: its copies are not read, none is written.
    pub there: bool,
    /// When its folder was made the zone, another id each time: one that took a lost one's place has a new one. None when it
    /// is not there, or is older than these ids.
    pub made: Option<Uuid>,
}

pub(crate) struct Zone {
    pub number: u8,
    pub folder: Arc<Folder>,
    pond: Uuid,
    lost: AtomicBool,
}

impl Zone {
    fn new(path: &Path, number: u8, pond: Uuid, disk: &Arc<dyn Disk>) -> Self {
        let folder = Arc::new(Folder::new(path, disk.clone()));
        Self { number, folder, pond, lost: AtomicBool::new(false) }
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Reads the marker, and tells the log when the zone is lost or back; whether it is there. Blocking.
    pub(crate) fn look(&self) -> bool {
        let there = match read_marker(&self.folder.dir) {
            Ok(Some(marker)) if self.is_marked_by(&marker) => true,
            Ok(_) => self.adopt_if_asked(),
            Err(error) if is_loss(&error) => self.adopt_if_asked(),
            // Too many open files, say: that tells nothing about the disk.
            Err(_) => !self.is_lost(),
        };
        let was_lost = self.lost.swap(!there, Ordering::AcqRel);
        let (zone, path) = (self.number, self.folder.dir.display());
        match (was_lost, there) {
            (false, false) => tracing::error!(
                zone, %path,
                "ZONE LOST: its marker is gone; reads and writes go on in the other zones, and copies in it are missing"
            ),
            (true, true) => tracing::warn!(zone, %path, "the zone is back; a repair fills it up"),
            _ => {}
        }
        there
    }

    pub(crate) fn state(&self) -> ZoneState {
        let there = self.look();
        let marker = read_marker(&self.folder.dir).ok().flatten().filter(|_| there);
        let made = marker.and_then(|marker| marker.made);
        ZoneState { number: self.number, path: self.folder.dir.clone(), there, made }
    }

    fn is_marked_by(&self, marker: &Marker) -> bool {
        marker.pond == self.pond && marker.number == self.number
    }

    fn adopt_if_asked(&self) -> bool {
        let ask = self.folder.dir.join(ADOPT);
        let adopt = || {
            self.make()?;
            absent_is_fine(fs::remove_file(&ask))
        };
        if !ask.exists() {
            return false;
        }
        match adopt() {
            Ok(()) => {
                tracing::warn!(zone = self.number, path = %self.folder.dir.display(), "a folder was adopted as a zone");
                true
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, path = %self.folder.dir.display(), "adopting a folder as a zone");
                false
            }
        }
    }

    /// Makes the folder a zone; its marker comes last.
    fn make(&self) -> io::Result<()> {
        self.folder.prepare()?;
        let (pond, number, made) = (self.pond, self.number, Uuid::new_v4());
        write_whole(&self.folder.dir.join(MARKER), &format!("pond {pond}\nzone {number}\nmade {made}\n"))?;
        match self.folder.dir.parent() {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    }
}

/// Opens the zones at `paths`, or the one that is `dir` itself, over what `dir` remembers.
pub(crate) fn open(dir: &Path, paths: &[PathBuf], disk: &Arc<dyn Disk>) -> Result<Vec<Arc<Zone>>, BlobError> {
    create_private_dir(dir).map_err(opening())?;
    let dir = dir.canonicalize().map_err(opening())?;
    if paths.len() > MOST_ZONES {
        return Err(refused(&paths[MOST_ZONES], format!("there are at most {MOST_ZONES} zones")));
    }
    let paths =
        if paths.is_empty() { vec![dir.clone()] } else { paths.iter().map(|path| resolved(path)).collect() };
    let known = match Known::read(&dir).map_err(opening())? {
        Some(known) => known,
        None => {
            let older = Folder::new(&dir, disk.clone()).tmp().is_dir();
            let known = Known { pond: Uuid::new_v4(), zones: u8::from(older) };
            if older {
                // Before there were zones, the folder was what is now its first.
                Zone::new(&dir, 0, known.pond, disk).make().map_err(opening())?;
            }
            known.write(&dir).map_err(opening())?;
            known
        }
    };
    if paths[0] != dir && read_marker(&dir).map_err(opening())?.is_some() {
        let problem = format!(
            "the first zone of this pond is {}: name that, or move what is in it here",
            dir.display()
        );
        return Err(refused(&paths[0], problem));
    }
    let zones: Vec<_> = (0..)
        .zip(&paths)
        .map(|(number, path)| open_zone(path, number, &known, &dir, disk).map(Arc::new))
        .collect::<Result<_, _>>()?;
    let most = u8::try_from(zones.len()).expect("three at most");
    if most > known.zones {
        Known { zones: most, ..known }.write(&dir).map_err(opening())?;
    }
    if most < known.zones {
        tracing::error!(
            "the settings name {most} zones, and this pond had {}: copies in the others are missing",
            known.zones
        );
    }
    if zones.iter().all(|zone| zone.is_lost()) { Err(BlobError::NoZone) } else { Ok(zones) }
}

fn open_zone(
    path: &Path,
    number: u8,
    known: &Known,
    dir: &Path,
    disk: &Arc<dyn Disk>,
) -> Result<Zone, BlobError> {
    let zone = Zone::new(path, number, known.pond, disk);
    match read_marker(path) {
        Ok(Some(marker)) if zone.is_marked_by(&marker) => {}
        Ok(Some(Marker { pond, number: other, .. })) if pond == known.pond => {
            return Err(refused(path, format!("it is named as zone {number}, and is zone {other}")));
        }
        Ok(Some(_)) if number >= known.zones => {
            return Err(refused(path, "it is a zone of another pond".to_owned()));
        }
        // What was there before is looked for, never made anew, unless somebody says so.
        Ok(_) if number < known.zones && path != dir => {
            zone.look();
        }
        Ok(_) => {
            if path != dir && !path.join(ADOPT).exists() && !is_vacant(path).map_err(opening())? {
                let problem = "the folder is not empty, and no zone yet".to_owned();
                return Err(refused(path, problem));
            }
            zone.make().map_err(opening())?;
        }
        Err(error) if number < known.zones && is_loss(&error) => {
            zone.look();
        }
        Err(error) => return Err(opening()(error)),
    }
    if !zone.is_lost() {
        zone.folder.prepare().map_err(opening())?;
    }
    Ok(zone)
}

fn opening() -> impl FnOnce(io::Error) -> BlobError {
    BlobError::io("opening the objects' folders")
}

fn refused(path: &Path, problem: String) -> BlobError {
    BlobError::Zone { path: path.to_owned(), problem }
}

/// Absolute and without links where the folder is there.
fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn is_vacant(path: &Path) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => {
            entries.try_fold(true, |vacant, entry| Ok(vacant && entry?.file_name() == OF_THE_FILE_SYSTEM))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Empties the zones of a pond that is discarded: `dir` is the blobs' folder in it. Folders that are no zones of that pond
/// are left alone. What is cut short is finished by doing it again. Blocking.
pub fn discard(dir: &Path, zones: &[PathBuf]) -> io::Result<()> {
    let Some(known) = Known::read(dir)? else { return Ok(()) };
    for path in zones {
        let marker = read_marker(path)?;
        if marker.is_none_or(|marker| marker.pond != known.pond) {
            continue;
        }
        let folder = Folder::new(path, Arc::new(millpond_core::disk::SystemDisk));
        for inner in folder.fans().chain([folder.tmp()]) {
            absent_is_fine(fs::remove_dir_all(inner))?;
        }
        File::open(path)?.sync_all()?;
        fs::remove_file(path.join(MARKER))?;
    }
    Ok(())
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if !is_absence(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Nothing is there under the name.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The disk under the marker is gone, or the marker is rotten.
fn is_loss(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let gone = [Errno::IO, Errno::NXIO, Errno::NODEV, Errno::NOTCONN, Errno::STALE, Errno::SHUTDOWN];
    let rotten = error.kind() == io::ErrorKind::InvalidData;
    rotten || is_absence(error) || Errno::from_io_error(error).is_some_and(|errno| gone.contains(&errno))
}

/// Whose zone a folder is, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Marker {
    pond: Uuid,
    number: u8,
    /// See [`ZoneState::made`].
    made: Option<Uuid>,
}

fn read_marker(path: &Path) -> io::Result<Option<Marker>> {
    let found = read_pairs(&path.join(MARKER), "zone")?;
    Ok(found.map(|(pond, number, rest)| {
        let made = rest.strip_prefix("made ").and_then(|id| Uuid::try_parse(id).ok());
        Marker { pond, number, made }
    }))
}

/// What the blobs' own folder remembers.
#[derive(Debug, Clone, Copy)]
struct Known {
    pond: Uuid,
    /// How many zones there ever were.
    zones: u8,
}

impl Known {
    fn read(dir: &Path) -> io::Result<Option<Self>> {
        Ok(read_pairs(&dir.join(KNOWN), "zones")?.map(|(pond, zones, _)| Self { pond, zones }))
    }

    fn write(&self, dir: &Path) -> io::Result<()> {
        let Self { pond, zones } = self;
        write_whole(&dir.join(KNOWN), &format!("pond {pond}\nzones {zones}\n"))
    }
}

/// Reads `pond ID` and `NAME NUMBER`, a line each; and what the third line says, if there is one.
fn read_pairs(path: &Path, name: &str) -> io::Result<Option<(Uuid, u8, String)>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut lines = text.lines();
    let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
    let pond = value("pond").and_then(|id| Uuid::try_parse(id).ok());
    let number = value(name).and_then(|number| number.parse().ok());
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display()));
    let (pond, number) = pond.zip(number).ok_or_else(damaged)?;
    Ok(Some((pond, number, lines.next().unwrap_or_default().to_owned())))
}

/// Durable when it returns; a crash leaves the old file or the new one.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
