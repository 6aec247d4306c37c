//! Transactions over bytes that are kept anew: in another class, or as a readable copy of an archived object.

use millpond_core::Timestamp;
use millpond_store::{Reads as _, Table, Txn};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::objects::update;
use super::tiers::note_tiers;
use super::{
    BodyRecord, Bucket, ContentRecord, CopyRecord, GARBAGE, Garbage, Metadata, ObjectRecord, PARTS,
    PartRecord, check_bucket, drop_body, name_file,
};
use crate::class::{Restore, StorageClass};
use crate::error::S3Error;
use crate::events::{Detail, EventName, Subject, Teller};
use crate::tiering::Tiering;
use crate::version::{VersionId, Wanted};

/// When something is to be done for a restored object, and an id.
pub type RestoreAt = (Timestamp, Uuid);

pub const RESTORES: Table<RestoreAt, RestoreJob> = Table::new("s3.restores");

/// A version that a restore is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreJob {
    pub bucket: String,
    pub key: String,
    pub versioned: bool,
    pub sequence: u64,
    pub content: Uuid,
}

impl RestoreJob {
    pub fn of(bucket: &Bucket, key: &str, object: &ObjectRecord) -> Self {
        Self {
            bucket: bucket.name.clone(),
            key: key.to_owned(),
            versioned: object.versioned,
            sequence: object.sequence,
            content: object.content,
        }
    }

    pub fn wanted(&self) -> Wanted {
        Wanted::from(VersionId { versioned: self.versioned, sequence: self.sequence, id: self.content })
    }
}

/// Bytes that were written anew.
#[derive(Debug, Clone)]
pub struct Rewritten {
    /// What they are pinned under.
    pub pinned: Uuid,
    pub body: BodyRecord,
}

/// What a version is to be from now on.
#[derive(Debug, Clone)]
pub enum Change {
    /// In this class, or this tier of it; with new bytes, if they are kept otherwise there.
    Class(StorageClass, Option<Tiering>, Option<Rewritten>),
    /// Readable, with a copy, or no more.
    Copy(Option<Restore>, Option<Rewritten>),
}

impl Change {
    /// As which event it is told of, if it is one.
    pub fn event(&self, before: &ObjectRecord) -> Option<EventName> {
        match self {
            Self::Class(class, ..) if *class != before.class => Some(EventName::Transitioned),
            Self::Class(_, Some(tiering), _) if tiering.tier.is_archive() => Some(EventName::Tiered),
            // What intelligent tiering archived has no copy: it moves.
            Self::Class(..) if before.kept_as().is_archive() => Some(EventName::RestoreCompleted),
            Self::Class(..) => None,
            Self::Copy(Some(_), _) => Some(EventName::RestoreCompleted),
            Self::Copy(None, _) => Some(EventName::RestoreExpired),
        }
    }

    fn detail(&self, before: &ObjectRecord) -> Detail {
        match self {
            Self::Class(class, ..) if *class != before.class => Detail::Transitioned { class: *class },
            Self::Class(_, Some(tiering), _) if tiering.tier.is_archive() => {
                Detail::Tiered { tier: tiering.tier.to_string() }
            }
            Self::Copy(Some(Restore { expires: Some(until), .. }), _) => {
                Detail::Restored { until: *until, class: before.class }
            }
            Self::Class(..) | Self::Copy(..) => Detail::None,
        }
    }
}

impl Metadata {
    /// Until [`Metadata::change_version`] takes them over, parts that are written under `upload` are garbage: that goes as
    /// soon as nobody has `upload` pinned, also after a crash.
    pub async fn begin_rewrite(&self, upload: Uuid) -> Result<(), S3Error> {
        self.store.write(move |txn| Ok(txn.put(&GARBAGE, &upload, &Garbage::Parts(upload))?)).await
    }

    pub async fn put_rewritten_part(
        &self,
        upload: Uuid,
        number: u32,
        part: PartRecord,
    ) -> Result<(), S3Error> {
        self.store
            .write(move |txn| {
                name_file(txn, &part.placement)?;
                Ok(txn.put(&PARTS, &(upload, number), &part)?)
            })
            .await
    }

    /// Changes a version that is still what it was. True when bytes are to be removed.
    ///
    /// Errors: PreconditionFailed, NoSuchKey, NoSuchVersion (changed or removed meanwhile).
    pub async fn change_version(
        &self,
        bucket: &Bucket,
        key: &str,
        before: &ObjectRecord,
        change: Change,
        teller: Teller,
    ) -> Result<bool, S3Error> {
        let (bucket, key, before) = (bucket.clone(), key.to_owned(), before.clone());
        self.store
            .write(move |txn| {
                let record = check_bucket(txn, &bucket)?;
                let wanted = Wanted::from(before.version());
                let detail = change.detail(&before);
                if let Change::Class(class, ..) = &change {
                    note_tiers(txn, &bucket.name, *class)?;
                }
                let (garbage, object) = update(txn, &record, &key, Some(wanted), |txn, object, content| {
                    if *object != before {
                        return Err(S3Error::PreconditionFailed { condition: "If-Match" });
                    }
                    apply(txn, object, content, change)
                })?;
                teller.tell(txn, &bucket, Subject::object(&record, &key, &object).with(detail))?;
                Ok(garbage)
            })
            .await
    }

    /// Asks for a restore, or changes one: `change` sees the object and says what is to be, and when to look at it.
    pub async fn restore_object<T: Send + 'static>(
        &self,
        bucket: &Bucket,
        key: &str,
        version: Option<Wanted>,
        id: Uuid,
        teller: Teller,
        change: impl FnOnce(&ObjectRecord) -> Result<(T, Restore, Timestamp), S3Error> + Send + 'static,
    ) -> Result<T, S3Error> {
        let (bucket, key) = (bucket.clone(), key.to_owned());
        self.store
            .write(move |txn| {
                let record = check_bucket(txn, &bucket)?;
                let ((outcome, at), object) = update(txn, &record, &key, version, |_, object, _| {
                    let (outcome, restore, at) = change(object)?;
                    object.restore = Some(restore);
                    Ok((outcome, at))
                })?;
                txn.put(&RESTORES, &(at, id), &RestoreJob::of(&bucket, &key, &object))?;
                // One that only stays for longer has begun before.
                if object.restore.is_some_and(|restore| restore.is_ongoing()) {
                    teller.tell(txn, &bucket, Subject::object(&record, &key, &object))?;
                }
                Ok(outcome)
            })
            .await
    }

    /// The next thing to do for restored objects.
    pub fn next_restore(&self) -> Result<Option<(RestoreAt, RestoreJob)>, S3Error> {
        Ok(self.read()?.scan(&RESTORES, millpond_store::Span::all()).next().transpose()?)
    }

    /// A restore was looked at: it is forgotten, or looked at again later.
    pub async fn restore_done(
        &self,
        at: RestoreAt,
        again: Option<(Timestamp, RestoreJob)>,
    ) -> Result<(), S3Error> {
        self.store
            .write(move |txn| {
                txn.delete(&RESTORES, &at)?;
                if let Some((when, job)) = again {
                    txn.put(&RESTORES, &(when, at.1), &job)?;
                }
                Ok(())
            })
            .await
    }
}

fn apply(
    txn: &mut Txn<'_>,
    object: &mut ObjectRecord,
    content: &mut ContentRecord,
    change: Change,
) -> Result<bool, S3Error> {
    let mut garbage = false;
    match change {
        Change::Class(class, tiering, rewritten) => {
            object.class = class;
            object.tiering = tiering;
            object.restore = None;
            if let Some(Rewritten { pinned, body }) = rewritten {
                take(txn, pinned, &body)?;
                let old = std::mem::replace(&mut content.body, body);
                let pinned = content.pinned.replace(pinned).unwrap_or(object.content);
                garbage |= drop_body(txn, pinned, old)?;
            }
        }
        Change::Copy(restore, rewritten) => {
            object.restore = restore;
            let copy = rewritten.map(|Rewritten { pinned, body }| CopyRecord { pinned, body });
            if let Some(copy) = &copy {
                take(txn, copy.pinned, &copy.body)?;
            }
            if let Some(old) = std::mem::replace(&mut content.copy, copy) {
                garbage |= drop_body(txn, old.pinned, old.body)?;
            }
        }
    }
    Ok(garbage)
}

/// Bytes get their name; parts have theirs, and are garbage no more.
fn take(txn: &mut Txn<'_>, pinned: Uuid, body: &BodyRecord) -> Result<(), S3Error> {
    match body {
        BodyRecord::Whole(placement) => name_file(txn, placement),
        BodyRecord::Parts { .. } => Ok(txn.delete(&GARBAGE, &pinned).map(drop)?),
    }
}
