//! Bytes of objects: placement, framing, encryption at rest, the sweep.
//!
//! [`Blobs::write`] takes a stream and gives a [`Placement`], which the caller keeps in its own durable record; with it
//! [`Blobs::read`] gives any range back. Bodies of a few KiB are sealed inside the placement and cost no file and no
//! sync of their own; larger ones are a file each. Each body has a random key, wrapped by one that is derived from the
//! root key, and is sealed in frames of 64 KiB, so that a range costs only the frames it touches.
//!
//! - `frames`: the bytes on the disk. `folder`: the files. `write`, `read`, `sweep`: what is done with them.
//!
//! Invariants: a placement is given only for what is durable; memory does not depend on the length of a body; no byte
//! leaves that was not authenticated.

mod error;
mod folder;
mod frames;
mod placement;
mod pool;
mod read;
mod sweep;
#[cfg(test)]
mod tests;
mod write;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use millpond_core::disk::{Disk, SystemDisk};
use millpond_core::{Clock, DerivedKey, RootKey};
use uuid::Uuid;

pub use error::{BlobError, WriteError};
pub use placement::Placement;
pub use sweep::Swept;

use folder::Folder;
use pool::Pool;

/// Frames that are read or written in one go: a mebibyte.
const STEP_FRAMES: usize = 16;
/// Frames that a reader takes from the file at a time.
const SCRATCH_FRAMES: usize = 2;
/// Idle buffers of each kind that are kept.
const IDLE_BUFFERS: usize = 32;

/// How bodies are kept.
#[derive(Clone)]
pub struct BlobOptions {
    /// Bodies up to this length are sealed inside their placement.
    pub inline_limit: usize,
    /// How long a file must be seen without a name before a sweep removes it, by real time.
    pub sweep_grace: Duration,
    pub disk: Arc<dyn Disk>,
}

impl Default for BlobOptions {
    fn default() -> Self {
        Self { inline_limit: 8 << 10, sweep_grace: Duration::from_secs(600), disk: Arc::new(SystemDisk) }
    }
}

/// A folder of bodies. Cheap to clone.
#[derive(Clone)]
pub struct Blobs(Arc<Inner>);

struct Inner {
    folder: Arc<Folder>,
    wrapping_key: DerivedKey,
    clock: Clock,
    inline_limit: usize,
    sweep_grace: Duration,
    /// Buffers of a step.
    pool: Arc<Pool>,
    /// Buffers of a reader's few sealed frames.
    scratch: Arc<Pool>,
    /// Files that the last sweep found without a name, and since when.
    suspects: Mutex<HashMap<Uuid, Instant>>,
}

impl Blobs {
    /// Opens the folder, made if it is not there; one process at a time (the data folder's lock sees to that). Blocking.
    /// What an earlier process had not finished writing is removed.
    pub fn open(dir: &Path, root: &RootKey, clock: Clock, options: BlobOptions) -> Result<Self, BlobError> {
        let BlobOptions { inline_limit, sweep_grace, disk } = options;
        let folder = Folder::open(dir, disk).map_err(BlobError::io("opening the objects' folder"))?;
        Ok(Self(Arc::new(Inner {
            folder: Arc::new(folder),
            wrapping_key: root.derive("blob"),
            clock,
            inline_limit,
            sweep_grace,
            pool: Pool::new(STEP_FRAMES * frames::SEALED, IDLE_BUFFERS),
            scratch: Pool::new(SCRATCH_FRAMES * frames::SEALED, IDLE_BUFFERS),
            suspects: Mutex::default(),
        })))
    }

    /// Removes the bytes of a placement that no record names any more; no error when they are gone. After a power loss the
    /// file may be there again: then a sweep removes it.
    pub async fn remove(&self, placement: &Placement) -> Result<(), BlobError> {
        let Some(id) = placement.file() else { return Ok(()) };
        let path = self.0.folder.path(id);
        let removed = tokio::task::spawn_blocking(move || std::fs::remove_file(path));
        match removed.await.map_err(|_| BlobError::CutOff)? {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(BlobError::io("removing an object's file")(error))
            }
            _ => Ok(()),
        }
    }
}
