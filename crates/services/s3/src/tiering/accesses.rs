//! Reads of objects in tiers, on their way into the store: gathered in memory and written together, so that no read is a
//! write. A read counts to the day: what a crash loses, the next read makes good.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use millpond_work::{Pass, Wake, WorkError, Worker};
use uuid::Uuid;

use super::{Tiering, is_monitored};
use crate::objects::ObjectInfo;
use crate::service::S3;
use crate::store::{Accessed, Bucket};

/// Objects that wait. The next read of one for which there is no room is its chance.
const MOST: usize = 16_384;
/// How many one transaction writes.
const BATCH: usize = 1_000;

#[derive(Debug, Default)]
pub struct Accesses {
    waiting: Mutex<HashMap<Uuid, Accessed>>,
    wake: Wake,
}

impl Accesses {
    pub fn wake(&self) -> &Wake {
        &self.wake
    }

    fn note(&self, content: Uuid, accessed: Accessed, at_once: bool) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST || waiting.contains_key(&content) {
            waiting.insert(content, accessed);
        }
        if at_once || waiting.len() >= MOST / 2 {
            self.wake.wake();
        }
    }

    fn take(&self) -> HashMap<Uuid, Accessed> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() <= BATCH {
            return std::mem::take(&mut *waiting);
        }
        let some: Vec<Uuid> = waiting.keys().take(BATCH).copied().collect();
        some.into_iter().filter_map(|id| waiting.remove_entry(&id)).collect()
    }
}

impl S3 {
    /// An object's bytes are read.
    pub(crate) fn note_access(&self, bucket: &Bucket, info: &ObjectInfo) {
        let now = self.now();
        let Some(tiering) = info.tiering.filter(|_| is_monitored(info.class, info.size)) else { return };
        if tiering.gains_by_read(now) {
            let accessed =
                Accessed { bucket: bucket.clone(), key: info.key.clone(), version: info.id, at: now };
            let moves = tiering.tier != Tiering::frequent(now).tier;
            self.0.accesses.note(info.id.id, accessed, moves);
        }
    }
}

/// Writes down what was read, and moves what was read back into the frequent tier.
pub struct AccessFlush(S3);

impl AccessFlush {
    pub fn new(s3: S3) -> Self {
        Self(s3)
    }
}

impl Worker for AccessFlush {
    fn name(&self) -> &'static str {
        "s3.accesses"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let taken = self.0.0.accesses.take();
        if taken.is_empty() {
            return Ok(Pass::Idle);
        }
        let full = taken.len() == BATCH;
        self.0.metadata().set_accessed(taken.into_values().collect()).await?;
        Ok(if full { Pass::MoreToDo } else { Pass::Idle })
    }
}
