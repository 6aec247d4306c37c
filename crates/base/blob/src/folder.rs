//! The folder on the disk: `tmp/` for what is being written, and 256 folders of files by the last byte of their id.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use millpond_core::Timestamp;
use millpond_core::disk::{Disk, create_private_dir};
use uuid::Uuid;

pub(crate) struct Folder {
    dir: PathBuf,
    pub disk: Arc<dyn Disk>,
}

impl Folder {
    /// Makes what is missing, and removes what an earlier process was still writing.
    pub(crate) fn open(dir: &Path, disk: Arc<dyn Disk>) -> io::Result<Self> {
        let folder = Self { dir: dir.to_owned(), disk };
        let tmp = folder.tmp();
        create_private_dir(&tmp)?;
        for entry in std::fs::read_dir(&tmp)? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(folder)
    }

    fn tmp(&self) -> PathBuf {
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

    fn make_fan(&self, id: Uuid) -> io::Result<()> {
        let fan = self.fan(id);
        if fan.is_dir() {
            return Ok(());
        }
        create_private_dir(&fan)?;
        self.disk.sync_dir(&self.dir)
    }
}

/// A file under `tmp/`. Dropped before it was put in place, it is removed.
pub(crate) struct TempFile {
    folder: Arc<Folder>,
    pub file: File,
    pub id: Uuid,
    in_place: AtomicBool,
}

impl TempFile {
    pub(crate) fn create(folder: Arc<Folder>, id: Uuid) -> io::Result<Self> {
        let file = folder.disk.create(&folder.tmp().join(id.simple().to_string()))?;
        Ok(Self { folder, file, id, in_place: AtomicBool::new(false) })
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
        let path = self.folder.path(self.id);
        disk.rename(&self.temp_path(), &path)?;
        self.in_place.store(true, Ordering::Release);
        disk.sync_dir(&self.folder.fan(self.id)).inspect_err(|_| {
            // Nobody will name it. What can't be removed now, the sweep removes.
            let _swept = std::fs::remove_file(&path);
        })
    }

    fn temp_path(&self) -> PathBuf {
        self.folder.tmp().join(self.id.simple().to_string())
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.in_place.load(Ordering::Acquire)
            && let Err(error) = std::fs::remove_file(self.temp_path())
        {
            tracing::warn!(error = &error as &dyn std::error::Error, id = %self.id, "removing a temporary file");
        }
    }
}
