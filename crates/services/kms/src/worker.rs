//! Background passes: what becomes due of keys, and records that are old enough to go.

use std::time::Duration;

use millpond_work::{Pass, WorkError, Worker};

use crate::audit;
use crate::service::Kms;
use crate::store;

/// How many keys a pass deals with at most.
const BATCH: usize = 100;

/// Removes keys whose waiting period is over.
pub struct DueKeys(pub Kms);

impl Worker for DueKeys {
    fn name(&self) -> &str {
        "kms.due"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        for _ in 0..BATCH {
            let Some(due) = store::next_due(&self.0.store().read()?)? else { return Ok(Pass::Idle) };
            if due.at > self.0.clock().now() {
                return Ok(Pass::At(due.at));
            }
            store::remove_key(self.0.store(), due).await?;
        }
        Ok(Pass::MoreToDo)
    }
}

/// Removes records of uses that are older than 90 days.
pub struct TrimTrail(pub Kms);

impl Worker for TrimTrail {
    fn name(&self) -> &str {
        "kms.trail"
    }

    fn interval(&self) -> Duration {
        audit::TRIM_EVERY
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        match audit::trim(self.0.store(), self.0.clock().now()).await? {
            true => Ok(Pass::MoreToDo),
            false => Ok(Pass::Idle),
        }
    }
}
