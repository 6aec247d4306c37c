//! The background pass that removes what is kept long enough.

use std::time::Duration;

use millpond_store::{StoreError, Txn};
use millpond_work::{Pass, WorkError, Worker};

use crate::CloudTrail;
use crate::store;

/// How many events a transaction removes at most.
const BATCH: usize = 500;

/// Removes events beyond their time.
pub struct Retention(pub CloudTrail);

impl Worker for Retention {
    fn name(&self) -> &str {
        "cloudtrail.retention"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let before = self.0.clock().now().minus(self.0.kept_for());
        let trim = move |txn: &mut Txn<'_>| store::trim(txn, before, BATCH);
        let more = self.0.store().write::<bool, StoreError, _>(trim).await?;
        Ok(if more { Pass::MoreToDo } else { Pass::Idle })
    }
}
