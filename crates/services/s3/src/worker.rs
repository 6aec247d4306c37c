//! Background passes: removing the bytes that transactions left as garbage, and sweeping files that a crash left without a
//! name.

use std::time::Duration;

use millpond_store::{Reads as _, Span};
use millpond_work::{Pass, WorkError, Worker};
use uuid::Uuid;

use crate::service::S3;
use crate::store::{FILES, GARBAGE, Garbage, PARTS, PartRecord, Removed};

/// Files that one pass removes at most.
const BATCH: usize = 256;
/// A file younger than this may still be on its way to its name.
const YOUNG: Duration = Duration::from_secs(3_600);

type Parts = Vec<((Uuid, u32), PartRecord)>;

/// Removes garbage that nobody reads any more.
pub struct GarbageRemoval(S3);

impl GarbageRemoval {
    pub fn new(s3: S3) -> Self {
        Self(s3)
    }

    /// The next garbage without readers, with the parts that it stands for.
    fn collect(&self) -> Result<(Vec<(Uuid, Garbage)>, bool), WorkError> {
        let snapshot = self.0.metadata().read()?;
        let mut found = Vec::new();
        let mut waiting = false;
        for entry in snapshot.scan(&GARBAGE, Span::all()) {
            let (id, garbage) = entry?;
            if self.0.0.pins.is_read(id) {
                waiting = true;
                continue;
            }
            found.push((id, garbage));
            if found.len() == BATCH {
                break;
            }
        }
        Ok((found, waiting))
    }

    fn parts_of(&self, upload: Uuid) -> Result<Parts, WorkError> {
        let snapshot = self.0.metadata().read()?;
        Ok(snapshot.prefix(&PARTS, &(upload,)).take(BATCH).collect::<Result<_, _>>()?)
    }
}

impl Worker for GarbageRemoval {
    fn name(&self) -> &'static str {
        "s3.garbage"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let (found, waiting) = self.collect()?;
        let mut removed = Removed::default();
        for (id, garbage) in found {
            let parts = match garbage {
                Garbage::Bytes(placement) => {
                    self.0.0.blobs.remove(&placement).await?;
                    removed.files.extend(placement.file());
                    removed.garbage.push(id);
                    continue;
                }
                Garbage::Parts(upload) => self.parts_of(upload)?,
            };
            // An upload with more parts than a batch is taken up again by the next pass.
            if parts.len() < BATCH {
                removed.garbage.push(id);
            }
            for (at, part) in parts {
                self.0.0.blobs.remove(&part.placement).await?;
                removed.files.extend(part.placement.file());
                removed.parts.push(at);
            }
            if removed.files.len() >= BATCH {
                break;
            }
        }
        if removed.garbage.is_empty() && removed.parts.is_empty() {
            // Readers do not wake this worker when they are done; it looks again soon.
            return Ok(if waiting {
                Pass::At(self.0.now().plus(Duration::from_secs(1)))
            } else {
                Pass::Idle
            });
        }
        self.0.metadata().forget(removed).await?;
        Ok(Pass::MoreToDo)
    }
}

/// Removes files that no record names.
pub struct Sweep(S3);

impl Sweep {
    pub fn new(s3: S3) -> Self {
        Self(s3)
    }
}

impl Worker for Sweep {
    fn name(&self) -> &'static str {
        "s3.sweep"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(6 * 3_600)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let metadata = self.0.metadata().clone();
        let is_named =
            move |file: Uuid| metadata.read()?.contains(&FILES, &file).map_err(crate::error::S3Error::from);
        let swept = self.0.0.blobs.sweep(is_named, self.0.now().minus(YOUNG)).await?;
        if swept.removed > 0 {
            tracing::info!(
                files = swept.removed,
                bytes = swept.removed_bytes,
                "swept files that nothing names"
            );
        }
        // A file goes with the second sweep that finds it nameless, so that one comes sooner.
        Ok(if swept.suspected > 0 { Pass::At(self.0.now().plus(YOUNG)) } else { Pass::Idle })
    }
}
