//! Background passes: streams that open or go, and the journal's segments.

use std::sync::Arc;
use std::time::Duration;

use millpond_work::{Pass, WorkError, Worker};

use crate::Kinesis;
use crate::model::stream::Status;
use crate::store;

/// Makes CREATING streams ACTIVE, and removes DELETING ones.
pub struct Provision(pub Arc<Kinesis>);

impl Worker for Provision {
    fn name(&self) -> &str {
        "kinesis.provision"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let Kinesis { store, streams, trim, .. } = &*self.0;
        for stream in streams.all() {
            let record = &stream.record;
            match record.status {
                Status::Active => continue,
                Status::Creating => {
                    store::update_stream(store, record, |stream| {
                        // It may have been deleted since.
                        if stream.status == Status::Creating {
                            stream.status = Status::Active;
                        }
                        Ok(())
                    })
                    .await?;
                }
                Status::Deleting => {
                    store::remove_stream(store, record).await?;
                    trim.wake();
                }
            }
            streams.refresh(store, &record.scope, &record.name)?;
        }
        Ok(Pass::Idle)
    }
}

/// Closes complete segments and removes those beyond everyone's retention.
pub struct Trim(pub Arc<Kinesis>);

impl Worker for Trim {
    fn name(&self) -> &str {
        "kinesis.trim"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let Kinesis { store, streams, segments, clock, .. } = &*self.0;
        segments.trim(store, streams, clock.now()).await?;
        match segments.close_one(store, streams).await? {
            true => Ok(Pass::MoreToDo),
            false => Ok(Pass::Idle),
        }
    }
}
