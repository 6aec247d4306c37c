//! The service's state and its background work.

use std::sync::Arc;
use std::time::Duration;

use millpond_core::Clock;
use millpond_kms::Kms;
use millpond_s3::S3;
use millpond_store::{Store, StoreError};
use millpond_work::Tasks;

use crate::delivery::Deliveries;
use crate::interest::Interest;
use crate::keyuses::KeyUses;
use crate::recorder::Queue;
use crate::settings::CloudTrailSettings;
use crate::worker::Retention;

/// What the program hands in.
pub struct Deps<'a> {
    pub store: Store,
    pub kms: Kms,
    pub s3: S3,
    pub clock: Clock,
    pub tasks: &'a Tasks,
    pub settings: CloudTrailSettings,
}

/// AWS CloudTrail. Cheap to clone. It is the gateway's recorder, too.
#[derive(Clone)]
pub struct CloudTrail(Arc<Inner>);

struct Inner {
    store: Store,
    kms: Kms,
    s3: S3,
    clock: Clock,
    settings: CloudTrailSettings,
    queue: Queue,
    interest: Interest,
}

impl CloudTrail {
    /// Starts the service and its workers.
    pub fn open(deps: Deps<'_>) -> Result<Self, StoreError> {
        let tasks = deps.tasks;
        let trail = Self::take_up(deps)?;
        trail.start_writing(tasks);
        tasks.worker(Deliveries(trail.clone()));
        tasks.worker(KeyUses::new(trail.clone())?);
        tasks.worker(Retention(trail.clone()));
        Ok(trail)
    }

    /// The service without its workers, whose passes are never to run side by side.
    pub(crate) fn take_up(deps: Deps<'_>) -> Result<Self, StoreError> {
        let Deps { store, kms, s3, clock, settings, .. } = deps;
        let interest = Interest::default();
        interest.refresh(&store)?;
        Ok(Self(Arc::new(Inner { store, kms, s3, clock, settings, queue: Queue::default(), interest })))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn kms(&self) -> &Kms {
        &self.0.kms
    }

    pub(crate) fn s3(&self) -> &S3 {
        &self.0.s3
    }

    pub(crate) fn interest(&self) -> &Interest {
        &self.0.interest
    }

    pub(crate) fn delivers_every(&self) -> Duration {
        Duration::from_secs(self.0.settings.delivery_seconds.max(1))
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.0.queue
    }

    pub(crate) fn kept_for(&self) -> Duration {
        Duration::from_secs(u64::from(self.0.settings.keep_days) * 24 * 3_600)
    }
}
