//! The service's state, and what every part of it needs.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use millpond_blob::Blobs;
use millpond_core::{ByteSize, Clock, RootKey, Timestamp};
use millpond_kms::Kms;
use millpond_store::{Store, StoreError};
use millpond_work::{Bus, Tasks, Wake};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::encryption::BucketKeys;
use crate::events::{self, Events};
use crate::express::Sessions;
use crate::lifecycle::LifecycleRun;
use crate::logging;
use crate::pins::Pins;
use crate::rewrite::Restores;
use crate::scrub::{Counters, Repair, Scrub};
use crate::store::Metadata;
use crate::tiering::{AccessFlush, Accesses, TieringRun};
use crate::worker;

/// The most bytes that come in one request: a put, a part, a copy.
pub const MAX_PUT: ByteSize = ByteSize::gib(5);
/// The most bytes of an object.
pub const MAX_OBJECT: ByteSize = ByteSize::gib(5 << 10);
/// The least bytes of a part that is not the last.
pub const MIN_PART: ByteSize = ByteSize::mib(5);
pub const MAX_PARTS: u32 = 10_000;
/// The most bytes of user metadata, names and values together.
pub const MAX_METADATA: usize = 2 << 10;
/// The most entries on a page of any listing.
pub const MAX_PAGE: usize = 1_000;

/// What the operator decides.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Settings {
    /// Host names under which this S3 is reached; `bucket.DOMAIN` addresses a bucket.
    pub domains: Vec<String>,
    /// How many buckets an account may have.
    pub buckets_per_account: usize,
    /// How long lines of access logs wait for more of them.
    pub log_delivery_seconds: u64,
    /// Days from one pass over all copies to the next; none without. A setting of the storage.
    #[serde(skip)]
    pub check_days: u32,
}

impl Default for S3Settings {
    fn default() -> Self {
        Self {
            domains: [
                "localhost",
                "s3.localhost.localstack.cloud",
                "localhost.localstack.cloud",
                "s3.amazonaws.com",
            ]
            .map(str::to_owned)
            .into(),
            buckets_per_account: 10_000,
            log_delivery_seconds: 300,
            check_days: 14,
        }
    }
}

/// What the program hands in.
pub struct Deps<'a> {
    pub store: Store,
    pub blobs: Blobs,
    pub kms: Kms,
    pub root_key: &'a RootKey,
    pub clock: Clock,
    pub tasks: &'a Tasks,
    pub settings: S3Settings,
}

/// Amazon S3. Cheap to clone. Its methods in `domain` are what other services work with.
#[derive(Clone)]
pub struct S3(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) metadata: Metadata,
    pub(crate) blobs: Blobs,
    pub(crate) kms: Kms,
    pub(crate) bucket_keys: BucketKeys,
    pub(crate) sessions: Sessions,
    pub(crate) clock: Clock,
    pub(crate) pins: Pins,
    pub(crate) garbage: Wake,
    pub(crate) restores: Wake,
    pub(crate) counters: Counters,
    pub(crate) accesses: Accesses,
    /// The store knows that bodies lack a copy.
    pub(crate) short: AtomicBool,
    pub(crate) settings: S3Settings,
    pub(crate) events: Events,
    pub(crate) access_logs: logging::Buffers,
}

impl S3 {
    /// Starts the service and its workers.
    pub fn open(deps: Deps<'_>) -> Result<Self, StoreError> {
        let events = Events::new(Bus::open(deps.store.clone(), events::BUS)?);
        let s3 = Self(Arc::new(Inner {
            metadata: Metadata::new(deps.store),
            blobs: deps.blobs,
            kms: deps.kms.for_service("s3"),
            bucket_keys: BucketKeys::default(),
            sessions: Sessions::new(deps.root_key),
            clock: deps.clock,
            pins: Pins::default(),
            garbage: Wake::new(),
            restores: Wake::new(),
            counters: Counters::default(),
            accesses: Accesses::default(),
            short: AtomicBool::new(false),
            settings: deps.settings,
            events,
            access_logs: logging::Buffers::default(),
        }));
        s3.start(deps.tasks);
        Ok(s3)
    }

    /// Starts what works in the background.
    fn start(&self, tasks: &Tasks) {
        tasks.worker_woken_by(&self.0.garbage, worker::GarbageRemoval::new(self.clone()));
        tasks.worker_woken_by(&self.0.restores, Restores::new(self.clone()));
        tasks.worker(LifecycleRun::new(self.clone()));
        tasks.worker(TieringRun::new(self.clone()));
        tasks.worker_woken_by(self.0.accesses.wake(), AccessFlush::new(self.clone()));
        tasks.worker(worker::Sweep::new(self.clone()));
        tasks.worker_woken_by(self.0.access_logs.wake(), logging::Delivery::new(self.clone()));
        let (rest, token) = (self.clone(), tasks.token().clone());
        tasks.spawn("s3.access-logs.rest", async move {
            token.cancelled().await;
            logging::deliver_the_rest(&rest).await;
        });
        let token = tasks.token();
        tasks.worker(Scrub::new(self.clone(), token.clone()));
        let repair = tasks.worker(Repair::new(self.clone(), token.clone()));
        let (blobs, token) = (self.0.blobs.clone(), token.clone());
        tasks.spawn("s3.suspicion", async move {
            while token.run_until_cancelled(blobs.suspected()).await.is_some() {
                repair.wake();
            }
        });
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    pub(crate) fn kms(&self) -> &Kms {
        &self.0.kms
    }

    pub(crate) fn bucket_keys(&self) -> &BucketKeys {
        &self.0.bucket_keys
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    pub(crate) fn settings(&self) -> &S3Settings {
        &self.0.settings
    }

    /// Ids grow with time, so that rows that are made together lie together.
    pub(crate) fn new_id(&self) -> Uuid {
        new_id(self.now())
    }
}

pub(crate) fn new_id(now: Timestamp) -> Uuid {
    let millis = now.as_millis().max(0).unsigned_abs();
    let nanos = u32::try_from(millis % 1_000 * 1_000_000).expect("below one second");
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, millis / 1_000, nanos))
}
