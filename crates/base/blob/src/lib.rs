//! Bytes of objects: placement, framing, encryption at rest, zones, scrub and repair, the sweep.
//!
//! [`Blobs::write_with`] takes a stream and gives a [`Placement`], which the caller keeps in its own durable record; with
//! it [`Blobs::read_with`] gives any range back. Bodies of a few KiB are sealed inside the placement: they cost no file and
//! no sync of their own, and are wherever the record is. Larger ones are a file each, in every zone or in one. Each body
//! has a random key, wrapped by one that is derived from the root key or from a key that the caller holds, and is sealed in
//! frames of 64 KiB, so that a range costs only the frames it touches.
//!
//! - `frames`, `key`: the bytes on the disk, and who can open them. `folder`, `zone`: the files, and the folders that may
//!   be lost. `write`, `upload`, `read`, `pack`, `health`, `sweep`: what is done with them.
//!
//! Invariants: a placement is given only for what is durable in every zone that it names, and in one at least; memory does
//! not depend on the length of a body; no byte leaves that was not authenticated.

mod error;
mod folder;
mod frames;
mod health;
mod key;
mod pack;
mod placement;
mod pool;
mod read;
mod suspects;
mod sweep;
#[cfg(test)]
mod tests;
mod upload;
mod write;
mod zone;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use millpond_core::disk::{Disk, SystemDisk};
use millpond_core::{Clock, RootKey};
use uuid::Uuid;

pub use error::{BlobError, WriteError};
pub use health::{Health, Repaired};
pub use key::{BodyWrap, Key};
pub use placement::{Placement, Zones};
pub use suspects::{Suspect, Suspicious};
pub use sweep::Swept;
pub use write::{Pack, Spread, WriteOptions};
pub use zone::{ZoneState, discard};

use health::Pace;
use key::WrappingKey;
use pool::Pool;
use suspects::Suspects;
use zone::Zone;

/// Frames that are read or written in one go: a mebibyte.
const STEP_FRAMES: usize = 16;
/// Frames that a reader takes from the file at a time.
const SCRATCH_FRAMES: usize = 2;
/// Idle buffers of each kind that are kept.
const IDLE_BUFFERS: usize = 32;
/// Folders that a body may have copies in.
pub const MOST_ZONES: usize = 3;

/// How bodies are kept.
#[derive(Clone)]
pub struct BlobOptions {
    /// The folders that bodies are kept in, ideally on a disk each; none means the blobs' own folder.
    pub zones: Vec<PathBuf>,
    /// Bodies up to this length are sealed inside their placement.
    pub inline_limit: usize,
    /// How long a file must be seen without a name before a sweep removes it, by real time.
    pub sweep_grace: Duration,
    /// What checks and repairs read from the disks, all together, in a second of real time.
    pub check_bytes_per_second: u64,
    pub disk: Arc<dyn Disk>,
}

impl Default for BlobOptions {
    fn default() -> Self {
        Self {
            zones: Vec::new(),
            inline_limit: 8 << 10,
            sweep_grace: Duration::from_secs(600),
            check_bytes_per_second: 64 << 20,
            disk: Arc::new(SystemDisk),
        }
    }
}

/// Bodies in one to three zones. Cheap to clone.
#[derive(Clone)]
pub struct Blobs(Arc<Inner>);

struct Inner {
    /// By number.
    zones: Vec<Arc<Zone>>,
    wrapping_key: WrappingKey,
    clock: Clock,
    inline_limit: usize,
    sweep_grace: Duration,
    /// Buffers of a step.
    pool: Arc<Pool>,
    /// Buffers of a reader's few sealed frames.
    scratch: Arc<Pool>,
    /// Files that the last sweep found without a name, by zone, and since when.
    unnamed: Mutex<HashMap<(u8, Uuid), Instant>>,
    suspects: Suspects,
    pace: Pace,
}

impl Blobs {
    /// Opens the folders, made if they are not there; one process at a time (the data folder's lock sees to that).
    /// Blocking. `dir` remembers which zones there are. What an earlier process had not finished writing is removed. A zone
    /// that was there before and is not now is lost: see [`Blobs::zones`].
    ///
    /// Errors: `Zone` (a folder is not what the settings say), `NoZone` (all are lost).
    pub fn open(dir: &Path, root: &RootKey, clock: Clock, options: BlobOptions) -> Result<Self, BlobError> {
        let BlobOptions { zones, inline_limit, sweep_grace, check_bytes_per_second, disk } = options;
        Ok(Self(Arc::new(Inner {
            zones: zone::open(dir, &zones, &disk)?,
            wrapping_key: WrappingKey::new(root.derive("blob").expose()),
            clock,
            inline_limit,
            sweep_grace,
            pool: Pool::new(STEP_FRAMES * frames::LARGEST_SEALED, IDLE_BUFFERS),
            scratch: Pool::new(SCRATCH_FRAMES * frames::LARGEST_SEALED, IDLE_BUFFERS),
            unnamed: Mutex::default(),
            suspects: Suspects::default(),
            pace: Pace::new(check_bytes_per_second),
        })))
    }

    /// A body that should be in every zone was written while one was lost, and is not in that.
    pub fn is_short(&self, placement: &Placement) -> bool {
        let every = placement.spread() == Spread::EveryZone && placement.file().is_some();
        every && self.0.zones.iter().any(|zone| !placement.zones().contains(zone.number))
    }

    /// How many zones the settings name.
    pub fn zone_count(&self) -> usize {
        self.0.zones.len()
    }

    /// Looks at each zone's folder anew: one that is gone is lost from now on, one that is back is used again.
    pub async fn zones(&self) -> Result<Vec<ZoneState>, BlobError> {
        let inner = self.0.clone();
        let looked =
            tokio::task::spawn_blocking(move || inner.zones.iter().map(|zone| zone.state()).collect());
        looked.await.map_err(|_| BlobError::CutOff)
    }

    /// Changes who can open a body, and not a byte of it: the placement that is returned is read with `to`, the one that was
    /// given with `from`; `None` is the pond's own key. Two layers stay two.
    ///
    /// Errors: `WrongKey` (`from` is not the body's).
    pub fn rewrap(
        &self,
        placement: &Placement,
        from: Option<&Key>,
        to: Option<&Key>,
    ) -> Result<Placement, BlobError> {
        placement.rewrapped(&self.0.wrapping_key, from, to)
    }

    /// Removes the bytes of a placement that no record names any more, from every zone that is there; no error when they
    /// are gone. After a power loss, or in a zone that comes back, the file may be there again: then a sweep removes it.
    pub async fn remove(&self, placement: &Placement) -> Result<(), BlobError> {
        let Some(id) = placement.file() else { return Ok(()) };
        let inner = self.0.clone();
        let removed = tokio::task::spawn_blocking(move || {
            let mut outcome = Ok(());
            for zone in &inner.zones {
                match std::fs::remove_file(zone.folder.path(id)) {
                    Err(error) if !zone::is_absence(&error) && !zone.is_lost() => outcome = Err(error),
                    _ => {}
                }
            }
            outcome
        });
        let removed: io::Result<()> = removed.await.map_err(|_| BlobError::CutOff)?;
        removed.map_err(BlobError::io("removing an object's file"))
    }
}
