//! Transactions over objects and their versions.
//!
//! What holds after each of them, for every key: the object in `s3.objects`, if there is one, is the newest version; if
//! there is none, the newest row of `s3.versions`, if there is one, is a delete marker that nothing has superseded.

use std::ops::Bound;

use millpond_core::Timestamp;
use millpond_store::{Entries, Reads, Snapshot, Span, Txn};
use uuid::Uuid;

use super::tiers::note_tiers;
use super::{
    BodyRecord, Bucket, BucketRecord, CONTENTS, ContentRecord, MarkerRecord, Metadata, NULLS, OBJECTS,
    ObjectRecord, Renamed, VERSIONS, VersionRecord, What, below, check_bucket, discard, name_file,
};
use crate::condition::{ReadConditions, Reader, WriteCondition};
use crate::error::S3Error;
use crate::events::{EventName, Subject, Teller};
use crate::lock;
use crate::service::new_id;
use crate::version::{VersionId, Versioning, Wanted};

/// An object that took its place under its key.
#[derive(Debug, Clone)]
pub struct Placed {
    pub object: ObjectRecord,
    /// As answers show it.
    pub version: Option<String>,
    /// Bytes are to be removed.
    pub garbage: bool,
}

/// One key, or one version of it, to delete.
#[derive(Debug, Clone)]
pub struct Target {
    pub key: String,
    pub version: Option<Wanted>,
    pub condition: WriteCondition,
    /// The caller may bypass governance mode, and asks to.
    pub bypass_governance: bool,
}

/// A change of a key, and under which conditions.
#[derive(Debug, Clone)]
pub struct Rename {
    pub from: String,
    pub to: String,
    /// The client's, with which it may ask again.
    pub token: Option<String>,
    pub source: ReadConditions,
    /// Of what has the new key.
    pub over: WriteCondition,
    pub over_times: ReadConditions,
}

/// What a deletion did.
#[derive(Debug, Clone, Default)]
pub struct Deleted {
    /// Of the version that was removed, or of the delete marker that was made; as answers show it.
    pub version: Option<String>,
    /// A delete marker was made or removed.
    pub marker: bool,
    pub made_marker: bool,
    /// Something was removed, or hidden behind a marker.
    pub changed: bool,
    /// Bytes are to be removed.
    pub garbage: bool,
}

impl Metadata {
    /// Names an object's bytes, as the newest version of its key.
    ///
    /// Errors: NoSuchBucket (deleted meanwhile), PreconditionFailed, NoSuchKey (an `If-Match` on nothing).
    pub async fn put_object(
        &self,
        bucket: &Bucket,
        key: &str,
        object: ObjectRecord,
        content: ContentRecord,
        condition: WriteCondition,
        teller: Teller,
    ) -> Result<Placed, S3Error> {
        let (bucket, key) = (bucket.clone(), key.to_owned());
        self.store
            .write(move |txn| {
                let record = check_bucket(txn, &bucket)?;
                note_tiers(txn, &bucket.name, object.class)?;
                let placed = place(txn, &record, key.clone(), object, content, &condition)?;
                teller.tell(txn, &bucket, Subject::object(&record, &key, &placed.object))?;
                Ok(placed)
            })
            .await
    }

    /// Removes objects, or their versions, in one transaction; what is not there is passed over. Each target has a result
    /// of its own: a refused one leaves the others.
    ///
    /// Errors: NoSuchBucket (deleted meanwhile).
    pub async fn delete_objects(
        &self,
        bucket: &Bucket,
        targets: Vec<Target>,
        now: Timestamp,
        teller: Teller,
    ) -> Result<Vec<Result<Deleted, S3Error>>, S3Error> {
        let bucket = bucket.clone();
        self.store
            .write(move |txn| {
                let record = check_bucket(txn, &bucket)?;
                let delete = |target: Target| {
                    let key = target.key.clone();
                    match delete(txn, &record, target, now) {
                        // The store's own failure ends the transaction.
                        Err(error @ (S3Error::Internal { .. } | S3Error::InsufficientStorage)) => Err(error),
                        Ok(deleted) if deleted.changed => {
                            teller.tell(txn, &bucket, Subject::removed(&key, &deleted))?;
                            Ok(Ok(deleted))
                        }
                        result => Ok(result),
                    }
                };
                targets.into_iter().map(delete).collect()
            })
            .await
    }

    /// Gives an object another key, in a bucket without versions. True when bytes are to be removed.
    ///
    /// Errors: NoSuchBucket (deleted meanwhile), NoSuchKey, PreconditionFailed, IdempotentParameterMismatch.
    pub async fn rename_object(&self, bucket: &Bucket, rename: Rename) -> Result<bool, S3Error> {
        let bucket = bucket.clone();
        self.store.write(move |txn| rename_in(txn, &check_bucket(txn, &bucket)?, rename)).await
    }

    /// Changes what is kept beside the bytes of one version of an object: `change` gets its records.
    ///
    /// Errors: NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker), and those of `change`.
    pub async fn update_object<T: Send + 'static>(
        &self,
        bucket: &Bucket,
        key: &str,
        version: Option<Wanted>,
        teller: Teller,
        change: impl FnOnce(&mut ObjectRecord, &mut ContentRecord) -> Result<T, S3Error> + Send + 'static,
    ) -> Result<(T, ObjectRecord), S3Error> {
        let (bucket, key) = (bucket.clone(), key.to_owned());
        self.store
            .write(move |txn| {
                let record = check_bucket(txn, &bucket)?;
                let mut same_list = true;
                let updated = update(txn, &record, &key, version, |_, object, content| {
                    let before = content.acl.clone();
                    let outcome = change(object, content)?;
                    same_list = content.acl == before;
                    Ok(outcome)
                })?;
                // As on AWS, a list that stays as it was is no event.
                if !(same_list && teller.is_of(EventName::AclPut)) {
                    teller.tell(txn, &bucket, Subject::object(&record, &key, &updated.1))?;
                }
                Ok(updated)
            })
            .await
    }

    /// The sequence of a key's version "null", wherever it stands.
    pub fn null_sequence(&self, bucket: &Bucket, key: &str) -> Result<Option<u64>, S3Error> {
        let snapshot = self.read()?;
        let at = (bucket.record.id, key);
        let current = snapshot.get(&OBJECTS, &at)?.filter(|object| !object.versioned);
        match current {
            Some(object) => Ok(Some(object.sequence)),
            None => Ok(snapshot.get(&NULLS, &at)?),
        }
    }

    /// The object that is under a key now, or a version of it.
    ///
    /// Errors: NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker).
    pub fn object(
        &self,
        snapshot: &Snapshot,
        bucket: &BucketRecord,
        key: &str,
        version: Option<Wanted>,
    ) -> Result<ObjectRecord, S3Error> {
        match find(snapshot, bucket, key, version)? {
            Found::Current(object) => Ok(object),
            Found::Older(VersionRecord { what: What::Object(object), .. }) => Ok(object),
            Found::Older(VersionRecord { what: What::Marker(marker), .. }) => {
                Err(marked(key, &marker, version))
            }
        }
    }
}

/// One version of a key.
pub(super) enum Found {
    Current(ObjectRecord),
    /// Or the delete marker that is the newest version.
    Older(VersionRecord),
}

pub(super) fn find(
    reads: &impl Reads,
    bucket: &BucketRecord,
    key: &str,
    version: Option<Wanted>,
) -> Result<Found, S3Error> {
    let current = reads.get(&OBJECTS, &(bucket.id, key))?;
    let Some(wanted) = version else {
        if let Some(object) = current {
            return Ok(Found::Current(object));
        }
        return match newest(reads, bucket, key)? {
            Some(row) => Ok(Found::Older(row)),
            None => Err(S3Error::NoSuchKey { key: key.to_owned() }),
        };
    };
    if let Some(object) = current.filter(|object| wanted.names(object.version())) {
        return Ok(Found::Current(object));
    }
    let sequence = match wanted {
        Wanted::Id { sequence, .. } => Some(sequence),
        Wanted::Null => reads.get(&NULLS, &(bucket.id, key))?,
    };
    let row = match sequence {
        Some(sequence) => reads.get(&VERSIONS, &(bucket.id, key, below(sequence)))?,
        None => None,
    };
    row.filter(|row| wanted.names(row.version()))
        .map(Found::Older)
        .ok_or_else(|| S3Error::NoSuchVersion { key: key.to_owned(), version: wanted.to_string() })
}

/// Changes the records of one version of an object.
pub(super) fn update<T>(
    txn: &mut Txn<'_>,
    bucket: &BucketRecord,
    key: &str,
    version: Option<Wanted>,
    change: impl FnOnce(&mut Txn<'_>, &mut ObjectRecord, &mut ContentRecord) -> Result<T, S3Error>,
) -> Result<(T, ObjectRecord), S3Error> {
    let (mut object, superseded) = match find(txn, bucket, key, version)? {
        Found::Current(object) => (object, None),
        Found::Older(row) => match row.what {
            What::Object(object) => (object, Some(row.superseded)),
            What::Marker(marker) => return Err(marked(key, &marker, version)),
        },
    };
    let gone = || S3Error::internal("changing an object", "its content is gone");
    let mut content = txn.get(&CONTENTS, &object.content)?.ok_or_else(gone)?;
    let before = object.clone();
    let outcome = change(txn, &mut object, &mut content)?;
    txn.put(&CONTENTS, &object.content, &content)?;
    if object != before {
        match superseded {
            None => txn.put(&OBJECTS, &(bucket.id, key), &object)?,
            Some(superseded) => {
                let what = What::Object(object.clone());
                let at = (bucket.id, key, below(object.sequence));
                txn.put(&VERSIONS, &at, &VersionRecord { superseded, what })?;
            }
        }
    }
    Ok((outcome, object))
}

/// What a reader of a delete marker is told.
fn marked(key: &str, marker: &MarkerRecord, asked: Option<Wanted>) -> S3Error {
    let version = VersionId { versioned: marker.versioned, sequence: marker.sequence, id: marker.id };
    S3Error::DeleteMarker {
        key: key.to_owned(),
        version: version.to_string(),
        modified: marker.modified,
        by_version: asked.is_some(),
    }
}

/// The newest row of `s3.versions`.
fn newest(reads: &impl Reads, bucket: &BucketRecord, key: &str) -> Result<Option<VersionRecord>, S3Error> {
    if bucket.versioning.is_never() {
        return Ok(None);
    }
    let row = reads.prefix(&VERSIONS, &(bucket.id, key)).next().transpose()?;
    Ok(row.map(|(_, row)| row))
}

/// Puts an object on top of its key, with the lock that it asks for or that the bucket gives to it.
pub(super) fn place(
    txn: &mut Txn<'_>,
    bucket: &BucketRecord,
    key: String,
    mut object: ObjectRecord,
    mut content: ContentRecord,
    condition: &WriteCondition,
) -> Result<Placed, S3Error> {
    let at = (bucket.id, key);
    let before = txn.get(&OBJECTS, &at)?;
    condition.check(&at.1, before.as_ref().map(|object| object.etag.as_str()))?;
    content.lock = lock::of_new(bucket.lock, content.lock, object.modified)?;
    object.versioned = bucket.versioning == Versioning::Enabled;
    let garbage;
    (object.sequence, garbage) = supersede(txn, bucket, &at, before, object.modified)?;
    if let BodyRecord::Whole(placement) = &content.body {
        name_file(txn, placement)?;
    }
    txn.put(&CONTENTS, &object.content, &content)?;
    txn.put(&OBJECTS, &at, &object)?;
    let version = bucket.versioning.shown(object.version());
    Ok(Placed { object, version, garbage })
}

fn rename_in(txn: &mut Txn<'_>, bucket: &BucketRecord, rename: Rename) -> Result<bool, S3Error> {
    let Rename { from, to, token, source, over, over_times } = rename;
    let (old, new) = ((bucket.id, from), (bucket.id, to));
    let before = txn.get(&OBJECTS, &new)?;
    let done = before.as_ref().and_then(|object| object.renamed.as_ref());
    if let Some(done) = done.filter(|done| token.as_ref() == Some(&done.token)) {
        return if done.from == old.1 { Ok(false) } else { Err(S3Error::IdempotentParameterMismatch) };
    }
    let mut object = txn.get(&OBJECTS, &old)?.ok_or_else(|| S3Error::NoSuchKey { key: old.1.clone() })?;
    source.check(Reader::Copy, &object.etag, object.modified)?;
    over.check(&new.1, before.as_ref().map(|object| object.etag.as_str()))?;
    match &before {
        Some(before) => over_times.check(Reader::Copy, &before.etag, before.modified)?,
        None if over_times.if_modified_since.is_some() => {
            return Err(S3Error::PreconditionFailed { condition: "If-Modified-Since" });
        }
        None => {}
    }
    txn.delete(&OBJECTS, &old)?;
    let (_, garbage) = supersede(txn, bucket, &new, before, object.modified)?;
    object.renamed = token.map(|token| Renamed { token, from: old.1 });
    txn.put(&OBJECTS, &new, &object)?;
    Ok(garbage)
}

/// Makes room for a new version of a key: what was its newest one is kept as an older one or, where the bucket does not
/// keep it, discarded. Gives the sequence of the new one, and whether bytes are to be removed.
fn supersede(
    txn: &mut Txn<'_>,
    bucket: &BucketRecord,
    at: &(Uuid, String),
    current: Option<ObjectRecord>,
    now: Timestamp,
) -> Result<(u64, bool), S3Error> {
    let (id, key) = at;
    if bucket.versioning == Versioning::Never {
        let garbage = current.map(|current| discard(txn, current.content)).transpose()?;
        return Ok((0, garbage.unwrap_or(false)));
    }
    let newest = match current {
        Some(_) => None,
        None => newest(txn, bucket, key)?,
    };
    let sequence = match (&current, &newest) {
        (Some(current), _) => current.sequence + 1,
        (None, Some(newest)) => newest.version().sequence + 1,
        (None, None) => 0,
    };
    let mut garbage = false;
    match (current, newest) {
        (Some(current), _) if !current.versioned && bucket.versioning == Versioning::Suspended => {
            garbage |= discard(txn, current.content)?;
            return Ok((sequence, garbage));
        }
        (Some(current), _) => {
            if !current.versioned {
                txn.put(&NULLS, at, &current.sequence)?;
            }
            let row = VersionRecord { superseded: Some(now), what: What::Object(current.clone()) };
            txn.put(&VERSIONS, &(id, key, below(current.sequence)), &row)?;
        }
        (None, Some(marker)) => {
            let row = VersionRecord { superseded: Some(now), ..marker };
            txn.put(&VERSIONS, &(id, key, below(row.version().sequence)), &row)?;
        }
        (None, None) => {}
    }
    if bucket.versioning == Versioning::Suspended {
        // The new version is "null", and there is only one of that name.
        if let Some(null) = txn.get(&NULLS, at)? {
            garbage |= drop_row(txn, at, null)?;
        }
    }
    Ok((sequence, garbage))
}

/// Removes a row of `s3.versions` with what it stands for. True when bytes are to be removed.
fn drop_row(txn: &mut Txn<'_>, at: &(Uuid, String), sequence: u64) -> Result<bool, S3Error> {
    let key = (&at.0, &at.1, below(sequence));
    let Some(row) = txn.get(&VERSIONS, &key)? else { return Ok(false) };
    if !row.version().versioned {
        txn.delete(&NULLS, at)?;
    }
    txn.delete(&VERSIONS, &key)?;
    match row.what {
        What::Object(object) => discard(txn, object.content),
        What::Marker(_) => Ok(false),
    }
}

pub(super) fn delete(
    txn: &mut Txn<'_>,
    bucket: &BucketRecord,
    target: Target,
    now: Timestamp,
) -> Result<Deleted, S3Error> {
    match target.version {
        Some(wanted) => delete_version(txn, bucket, target, wanted, now),
        None => delete_key(txn, bucket, target.key, &target.condition, now),
    }
}

/// Removes the object of a key or, where the bucket keeps versions, puts a delete marker on top of it.
fn delete_key(
    txn: &mut Txn<'_>,
    bucket: &BucketRecord,
    key: String,
    condition: &WriteCondition,
    now: Timestamp,
) -> Result<Deleted, S3Error> {
    let at = (bucket.id, key);
    let current = txn.get(&OBJECTS, &at)?;
    condition.check(&at.1, current.as_ref().map(|object| object.etag.as_str()))?;
    let was_there = current.is_some();
    if was_there {
        txn.delete(&OBJECTS, &at)?;
    }
    let (sequence, garbage) = supersede(txn, bucket, &at, current, now)?;
    if bucket.versioning == Versioning::Never {
        return Ok(Deleted { garbage, changed: was_there, ..Deleted::default() });
    }
    let versioned = bucket.versioning == Versioning::Enabled;
    let marker = MarkerRecord { id: new_id(now), sequence, versioned, modified: now };
    let row = VersionRecord { superseded: None, what: What::Marker(marker) };
    let version = bucket.versioning.shown(row.version());
    txn.put(&VERSIONS, &(&at.0, &at.1, below(sequence)), &row)?;
    if !versioned {
        txn.put(&NULLS, &at, &sequence)?;
    }
    Ok(Deleted { version, marker: true, made_marker: true, changed: true, garbage })
}

/// Removes one version for good. The one before it, if it was the newest, comes to light.
fn delete_version(
    txn: &mut Txn<'_>,
    bucket: &BucketRecord,
    target: Target,
    wanted: Wanted,
    now: Timestamp,
) -> Result<Deleted, S3Error> {
    let Target { key, condition, bypass_governance, .. } = target;
    let shown = || Some(wanted.to_string());
    let found = match find(txn, bucket, &key, Some(wanted)) {
        Err(S3Error::NoSuchVersion { .. }) => {
            condition.check(&key, None)?;
            return Ok(Deleted { version: shown(), ..Deleted::default() });
        }
        found => found?,
    };
    let at = (bucket.id, key);
    let (marker, garbage) = match found {
        Found::Current(object) => {
            condition.check(&at.1, Some(&object.etag))?;
            check_unlocked(txn, bucket, &object, now, bypass_governance)?;
            txn.delete(&OBJECTS, &at)?;
            let garbage = discard(txn, object.content)?;
            promote(txn, bucket, &at)?;
            (false, garbage)
        }
        Found::Older(row) => {
            let etag = match &row.what {
                What::Object(object) => Some(object.etag.as_str()),
                What::Marker(_) => None,
            };
            condition.check(&at.1, etag)?;
            if let What::Object(object) = &row.what {
                check_unlocked(txn, bucket, object, now, bypass_governance)?;
            }
            let garbage = drop_row(txn, &at, row.version().sequence)?;
            if row.superseded.is_none() {
                promote(txn, bucket, &at)?;
            }
            (etag.is_none(), garbage)
        }
    };
    Ok(Deleted { version: shown(), marker, made_marker: false, changed: true, garbage })
}

/// Whether a version may be removed for good. Only a bucket whose objects can be locked costs a lookup.
///
/// Errors: AccessDenied.
fn check_unlocked(
    txn: &Txn<'_>,
    bucket: &BucketRecord,
    object: &ObjectRecord,
    now: Timestamp,
    bypass_governance: bool,
) -> Result<(), S3Error> {
    if bucket.lock.is_none() {
        return Ok(());
    }
    match txn.get(&CONTENTS, &object.content)? {
        Some(content) => content.lock.check_deletion(now, bypass_governance),
        None => Ok(()),
    }
}

/// The newest version was removed: the next one takes its place.
fn promote(txn: &mut Txn<'_>, bucket: &BucketRecord, at: &(Uuid, String)) -> Result<(), S3Error> {
    let Some(row) = newest(txn, bucket, &at.1)? else { return Ok(()) };
    let key = (&at.0, &at.1, below(row.version().sequence));
    match row.what {
        What::Object(object) => {
            txn.delete(&VERSIONS, &key)?;
            if !object.versioned {
                txn.delete(&NULLS, at)?;
            }
            txn.put(&OBJECTS, at, &object)?;
        }
        What::Marker(_) => txn.put(&VERSIONS, &key, &VersionRecord { superseded: None, ..row })?,
    }
    Ok(())
}

/// The objects of a bucket from a key on, in order.
pub fn objects_from<'a>(
    snapshot: &'a Snapshot,
    bucket: Uuid,
    from: Bound<&str>,
) -> Entries<'a, (Uuid, String), ObjectRecord> {
    let span = Span::prefix(&(bucket,));
    let span = match from {
        Bound::Included(key) => span.from(&(bucket, key)),
        Bound::Excluded(key) => span.after(&(bucket, key)),
        Bound::Unbounded => span,
    };
    snapshot.scan(&OBJECTS, span)
}

/// Every version of a bucket from a key on: by key, newest first. Behind an excluded key, with `after`, that key's versions
/// older than this sequence come first.
pub fn versions_from<'a>(
    snapshot: &'a Snapshot,
    bucket: Uuid,
    from: Bound<&str>,
    after: Option<u64>,
) -> impl Iterator<Item = Result<(String, VersionRecord), S3Error>> + use<'a> {
    let span = Span::prefix(&(bucket,));
    let span = match from {
        Bound::Included(key) => span.from(&(bucket, key, 0)),
        Bound::Excluded(key) => span.after(&(bucket, key, after.map_or(u64::MAX, below))),
        Bound::Unbounded => span,
    };
    let mut older = snapshot.scan(&VERSIONS, span).peekable();
    let mut current = objects_from(snapshot, bucket, from).peekable();
    std::iter::from_fn(move || {
        let current_first = match (current.peek(), older.peek()) {
            (Some(Ok(((_, current), _))), Some(Ok(((_, older, _), _)))) => current <= older,
            (Some(_), _) => true,
            (None, Some(_)) => false,
            (None, None) => return None,
        };
        let next = if current_first {
            let current = current.next()?;
            current.map(|((_, key), object)| {
                (key, VersionRecord { superseded: None, what: What::Object(object) })
            })
        } else {
            older.next()?.map(|((_, key, _), row)| (key, row))
        };
        Some(next.map_err(S3Error::from))
    })
}
