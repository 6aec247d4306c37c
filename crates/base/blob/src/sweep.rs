//! Collecting files that nothing names: what a crash left between a body and its record, or a caller that was cut off.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use millpond_core::Timestamp;
use uuid::Uuid;

use crate::{BlobError, Blobs, Inner};

/// What a sweep did, in all zones together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    pub removed: u64,
    pub removed_bytes: u64,
    /// Old files without a name that a later sweep will remove, if they still have none.
    pub suspected: u64,
}

impl Blobs {
    /// Removes files that were written before `older_than` and that `is_named` does not know. A file is removed only by
    /// the second sweep that finds it so, the grace of the options later: the pond's clock can be turned forward in the
    /// moment between a body and its record, real time can not. In a zone that is lost nothing is done.
    pub async fn sweep<F, E>(&self, is_named: F, older_than: Timestamp) -> Result<Swept, BlobError>
    where
        F: Fn(Uuid) -> Result<bool, E> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let inner = self.0.clone();
        let is_named = move |id| is_named(id).map_err(|error| BlobError::NameCheck(Arc::new(error)));
        let swept = tokio::task::spawn_blocking(move || inner.sweep(&is_named, older_than));
        swept.await.map_err(|_| BlobError::CutOff)?
    }
}

impl Inner {
    fn sweep(
        &self,
        is_named: &dyn Fn(Uuid) -> Result<bool, BlobError>,
        older_than: Timestamp,
    ) -> Result<Swept, BlobError> {
        let sweeping = || BlobError::io("sweeping objects' files");
        let mut unnamed = self.unnamed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut still = HashMap::new();
        let mut swept = Swept::default();
        for zone in self.zones.iter().filter(|zone| zone.look()) {
            for fan in zone.folder.fans() {
                for (id, len) in old_files(&fan, older_than).map_err(sweeping())? {
                    if is_named(id)? {
                        continue;
                    }
                    let since = unnamed.get(&(zone.number, id)).copied();
                    if since.is_some_and(|since: Instant| since.elapsed() >= self.sweep_grace) {
                        std::fs::remove_file(zone.folder.path(id)).map_err(sweeping())?;
                        swept.removed += 1;
                        swept.removed_bytes += len;
                    } else {
                        still.insert((zone.number, id), since.unwrap_or_else(Instant::now));
                        swept.suspected += 1;
                    }
                }
            }
        }
        *unnamed = still;
        Ok(swept)
    }
}
/// The files of a folder that were written before `older_than`, with their lengths.
fn old_files(fan: &Path, older_than: Timestamp) -> io::Result<Vec<(Uuid, u64)>> {
    let entries = match std::fs::read_dir(fan) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let border = SystemTime::UNIX_EPOCH + Duration::from_millis(older_than.as_millis().max(0).unsigned_abs());
    let mut old = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Some(id) = entry.file_name().to_str().and_then(|name| Uuid::try_parse(name).ok()) else {
            continue;
        };
        match entry.metadata() {
            Ok(meta) if meta.modified()? < border => old.push((id, meta.len())),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(old)
}
