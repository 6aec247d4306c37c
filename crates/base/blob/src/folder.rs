//! A zone's files on the disk: `tmp/` for what is being written, and 256 folders of files by the last byte of their id.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, SystemTime};

use millpond_core::Timestamp;
use millpond_core::disk::{Disk, create_private_dir};
use uuid::Uuid;

pub(crate) struct Folder {
    pub dir: PathBuf,
    disk: Arc<dyn Disk>,
}

impl Folder {
    pub(crate) fn new(dir: &Path, disk: Arc<dyn Disk>) -> Self {
        Self { dir: dir.to_owned(), disk }
    }

    /// Makes what is missing, and removes what an earlier process was still writing.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        let tmp = self.tmp();
        create_private_dir(&tmp)?;
        for entry in std::fs::read_dir(&tmp)? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    fn fan(&self, id: Uuid) -> PathBuf {
        self.dir.join(format!("{:02x}", id.as_bytes()[15]))
    }

    pub(crate) fn path(&self, id: Uuid) -> PathBuf {
        self.fan(id).join(id.simple().to_string())
    }

    /// The folders that hold files.
    pub(crate) fn fans(&self) -> impl Iterator<Item = PathBuf> {
        (0..=u8::MAX).map(|byte| self.dir.join(format!("{byte:02x}")))
    }

    /// Never makes the zone's folder itself: under a disk that went away there is another one.
    fn make_fan(&self, id: Uuid) -> io::Result<()> {
        let fan = self.fan(id);
        if fan.is_dir() {
            return Ok(());
        }
        match DirBuilder::new().mode(0o700).create(&fan) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => self.disk.sync_dir(&self.dir),
        }
    }
}

const WRITTEN: u8 = 0;
const PLACED: u8 = 1;
const KEPT: u8 = 2;

/// A file on its way: under `tmp/`, then in place, then kept. Dropped before it was kept, it is removed.
pub(crate) struct NewFile {
    folder: Arc<Folder>,
    file: File,
    id: Uuid,
    temp: PathBuf,
    state: AtomicU8,
}

impl NewFile {
    pub(crate) fn create(folder: Arc<Folder>, id: Uuid) -> io::Result<Self> {
        // A name of its own: a body may be repaired by two at a time.
        let temp = folder.tmp().join(Uuid::new_v4().simple().to_string());
        let file = folder.disk.create(&temp)?;
        Ok(Self { folder, file, id, temp, state: AtomicU8::new(WRITTEN) })
    }

    pub(crate) fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.folder.disk.write_at(&self.file, bytes, offset)
    }

    /// Makes what was written so far durable, though not the file's name.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.folder.disk.sync(&self.file)
    }

    /// Makes the file durable under its own name. `now` becomes its time, which the sweep reads: the pond's
    /// clock may be ahead of the machine's.
    pub(crate) fn put_in_place(&self, now: Timestamp) -> io::Result<()> {
        let Folder { disk, .. } = self.folder.as_ref();
        self.file.set_modified(
            SystemTime::UNIX_EPOCH + Duration::from_millis(now.as_millis().max(0).unsigned_abs()),
        )?;
        self.sync()?;
        self.folder.make_fan(self.id)?;
        disk.rename(&self.temp, &self.folder.path(self.id))?;
        self.state.store(PLACED, Ordering::Release);
        disk.sync_dir(&self.folder.fan(self.id))
    }

    /// The body is whole wherever it was to be: the file stays.
    pub(crate) fn keep(&self) {
        self.state.store(KEPT, Ordering::Release);
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        let removed = match self.state.load(Ordering::Acquire) {
            WRITTEN => std::fs::remove_file(&self.temp),
            PLACED => std::fs::remove_file(self.folder.path(self.id)),
            _ => return,
        };
        if let Err(error) = removed {
            // The sweep, or the next start, finds it.
            tracing::warn!(error = &error as &dyn std::error::Error, id = %self.id, "removing an unfinished file");
        }
    }
}
