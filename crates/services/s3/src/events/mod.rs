//! What happens to objects, told on the bus in the transaction in which it happens.
//!
//! Whoever changes an object has a [`Teller`]: who does it, and as which event. When nobody listens it is empty, and telling
//! costs nothing. `record`: an event as AWS writes it; `notification`: which of a bucket's notifications an event is for.

mod notification;
mod record;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millpond_core::{AccountId, Clock, Region, RequestId, Timestamp};
use millpond_gateway::Caller;
use millpond_policy::Principal;
use millpond_store::Txn;
use millpond_wire::text_enum;
use millpond_work::Bus;
use serde::{Deserialize, Serialize};

pub use notification::{Destination, Notification, Notifications};
pub use record::Record;

use crate::class::StorageClass;
use crate::error::S3Error;
use crate::service::S3;
use crate::store::{Bucket, BucketRecord, Deleted, ObjectRecord};
use crate::version::{VersionId, Versioning};

/// The bus on which S3 tells.
pub const BUS: &str = "s3.objects";

/// Who does what S3 does by itself, as AWS names it.
const ITSELF: &str = "s3.amazonaws.com";

text_enum! {
    /// What happened, in AWS's words.
    pub enum EventName {
        CreatedPut = "ObjectCreated:Put",
        CreatedPost = "ObjectCreated:Post",
        CreatedCopy = "ObjectCreated:Copy",
        CreatedUpload = "ObjectCreated:CompleteMultipartUpload",
        Removed = "ObjectRemoved:Delete",
        RemovedByMarker = "ObjectRemoved:DeleteMarkerCreated",
        RestoreBegun = "ObjectRestore:Post",
        RestoreCompleted = "ObjectRestore:Completed",
        RestoreExpired = "ObjectRestore:Delete",
        TaggingPut = "ObjectTagging:Put",
        TaggingDeleted = "ObjectTagging:Delete",
        AclPut = "ObjectAcl:Put",
        Expired = "LifecycleExpiration:Delete",
        ExpiredByMarker = "LifecycleExpiration:DeleteMarkerCreated",
        Transitioned = "LifecycleTransition",
        Tiered = "IntelligentTiering",
        Lost = "ReducedRedundancyLostObject",
    }
}

impl EventName {
    /// The same removal, when it put a delete marker instead.
    fn by_marker(self) -> Self {
        match self {
            Self::Removed => Self::RemovedByMarker,
            Self::Expired => Self::ExpiredByMarker,
            other => other,
        }
    }

    /// The events that AWS orders: those after which a key leads to something else.
    fn has_sequencer(self) -> bool {
        match self {
            Self::CreatedPut
            | Self::CreatedPost
            | Self::CreatedCopy
            | Self::CreatedUpload
            | Self::Removed
            | Self::RemovedByMarker
            | Self::Expired
            | Self::ExpiredByMarker => true,
            Self::RestoreBegun
            | Self::RestoreCompleted
            | Self::RestoreExpired
            | Self::TaggingPut
            | Self::TaggingDeleted
            | Self::AclPut
            | Self::Transitioned
            | Self::Tiered
            | Self::Lost => false,
        }
    }
}

/// What one kind of event says beside the object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    #[default]
    None,
    /// The readable copy of an archived object is there until then.
    Restored {
        until: Timestamp,
        class: StorageClass,
    },
    Transitioned {
        class: StorageClass,
    },
    /// The access tier of an object in INTELLIGENT_TIERING.
    Tiered {
        tier: String,
    },
}

/// Something that happened to an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectEvent {
    pub name: EventName,
    pub time: Timestamp,
    pub bucket: String,
    /// Of the bucket.
    pub account: AccountId,
    pub region: Region,
    pub key: String,
    #[serde(default)]
    pub size: Option<u64>,
    /// Without quotes.
    #[serde(default)]
    pub etag: Option<String>,
    /// As answers show it.
    #[serde(default)]
    pub version: Option<String>,
    /// Grows with every event.
    #[serde(default)]
    pub sequence: u64,
    #[serde(default)]
    pub by: By,
    #[serde(default)]
    pub detail: Detail,
}

/// Who did it, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct By {
    pub principal: String,
    pub source: String,
    pub request: String,
}

impl By {
    fn caller(caller: &Caller) -> Self {
        let (principal, source) = match &caller.principal {
            Principal::Service(name) => (name.to_string(), name.to_string()),
            other => (format!("AWS:{}", other.user_id()), caller.source_ip.to_string()),
        };
        Self { principal, source, request: caller.request_id.to_string() }
    }

    fn itself() -> Self {
        let (principal, source) = (ITSELF.to_owned(), ITSELF.to_owned());
        Self { principal, source, request: RequestId::random().to_string() }
    }
}

/// What an event is about. Nothing is put together before somebody listens.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    key: &'a str,
    size: Option<u64>,
    etag: Option<&'a str>,
    version: Version<'a>,
    marker: bool,
    detail: Detail,
}

/// As answers show it.
#[derive(Clone, Copy, Debug)]
enum Version<'a> {
    Of(Versioning, VersionId),
    Shown(Option<&'a str>),
}

impl<'a> Subject<'a> {
    pub fn object(bucket: &BucketRecord, key: &'a str, object: &'a ObjectRecord) -> Self {
        let version = Version::Of(bucket.versioning, object.version());
        let (size, etag) = (Some(object.size), Some(object.etag.as_str()));
        Self { key, size, etag, version, marker: false, detail: Detail::None }
    }

    /// What a deletion removed, or hid behind a marker.
    pub fn removed(key: &'a str, deleted: &'a Deleted) -> Self {
        let (marker, version) = (deleted.made_marker, Version::Shown(deleted.version.as_deref()));
        Self { key, size: None, etag: None, version, marker, detail: Detail::None }
    }

    #[must_use]
    pub fn with(self, detail: Detail) -> Self {
        Self { detail, ..self }
    }
}

/// Tells of one kind of event. Cheap to clone; the default tells nobody.
#[derive(Clone, Debug, Default)]
pub struct Teller(Option<Arc<Telling>>);

#[derive(Debug)]
struct Telling {
    events: Events,
    clock: Clock,
    name: EventName,
    by: By,
}

impl Teller {
    pub fn is_of(&self, name: EventName) -> bool {
        self.0.as_ref().is_some_and(|telling| telling.name == name)
    }

    /// Tells of it in the transaction in which it happens.
    pub fn tell(&self, txn: &mut Txn<'_>, bucket: &Bucket, subject: Subject<'_>) -> Result<(), S3Error> {
        let Some(telling) = &self.0 else { return Ok(()) };
        let Telling { events, clock, name, by } = &**telling;
        let time = clock.now();
        let event = ObjectEvent {
            name: if subject.marker { name.by_marker() } else { *name },
            time,
            bucket: bucket.name.clone(),
            account: bucket.record.account.clone(),
            region: bucket.record.region.clone(),
            key: subject.key.to_owned(),
            size: subject.size,
            etag: subject.etag.map(str::to_owned),
            version: match subject.version {
                Version::Of(versioning, id) => versioning.shown(id),
                Version::Shown(text) => text.map(str::to_owned),
            },
            sequence: events.next_sequence(time),
            by: by.clone(),
            detail: subject.detail,
        };
        Ok(events.bus.publish(txn, &event)?)
    }
}

/// The service's end of the bus.
#[derive(Clone, Debug)]
pub struct Events {
    bus: Bus<ObjectEvent>,
    last: Arc<AtomicU64>,
}

impl Events {
    pub fn new(bus: Bus<ObjectEvent>) -> Self {
        Self { bus, last: Arc::default() }
    }

    /// Transactions run one after the other, so that what this gives grows with them; the time at its head makes it grow
    /// over a restart.
    fn next_sequence(&self, now: Timestamp) -> u64 {
        let floor = now.as_millis().max(0).unsigned_abs() << 20;
        let next = |last: u64| Some(floor.max(last + 1));
        match self.last.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) {
            Ok(last) | Err(last) => floor.max(last + 1),
        }
    }
}

impl S3 {
    /// Where other services listen to what happens to objects.
    pub fn events(&self) -> &Bus<ObjectEvent> {
        &self.0.events.bus
    }

    fn telling(&self, name: EventName, by: impl FnOnce() -> By) -> Teller {
        let events = &self.0.events;
        Teller(events.bus.is_listened_to().then(|| {
            Arc::new(Telling { events: events.clone(), clock: self.0.clock.clone(), name, by: by() })
        }))
    }

    /// For what a caller does.
    pub(crate) fn teller(&self, caller: &Caller, name: EventName) -> Teller {
        self.telling(name, || By::caller(caller))
    }

    /// For what S3 does by itself.
    pub(crate) fn own_teller(&self, name: EventName) -> Teller {
        self.telling(name, By::itself)
    }
}
