//! Objects, behind authorization: opened, read, written, removed, listed. The wire's operations and the domain API both
//! come through here.

use std::ops::Range;
use std::pin::Pin as StdPin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use millpond_blob::{BlobError, Key, WriteError, WriteOptions};
use millpond_core::Timestamp;
use millpond_gateway::Caller;
use millpond_store::Reads as _;
use uuid::Uuid;

use crate::class::{Restore, StorageClass};
use crate::condition::WriteCondition;
use crate::digest::Checksum;
use crate::encryption::{CustomerKey, Encryption, Sealing};
use crate::error::S3Error;
use crate::events::Teller;
use crate::listing::{self, Page, Question};
use crate::lock::Lock;
use crate::names;
use crate::ownership::ObjectAccess;
use crate::parts::{Placed, Runs};
use crate::pins::Pin;
use crate::receive::{Checked, Expected, Received};
use crate::service::S3;
use crate::store::{
    Attributes, BodyRecord, Bucket, CONTENTS, ContentRecord, Deleted, ObjectRecord, PARTS, PartRecord,
    Rename, Target, VersionRecord, objects_from, versions_from,
};
use crate::tags::Tags;
use crate::tiering::{AccessTier, Tiering};
use crate::version::{VersionId, Wanted};

/// Bytes of an object, as they come from the disk.
pub type ByteStream = StdPin<Box<dyn Stream<Item = Result<Bytes, S3Error>> + Send>>;

/// What is known of an object.
#[derive(Debug, Clone)]
pub struct ObjectInfo {
    pub key: String,
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    pub last_modified: Timestamp,
    pub attributes: Attributes,
    pub checksum: Option<Checksum>,
    /// How many parts it was uploaded in; `None` for one that came in one piece.
    pub parts: Option<u32>,
    /// As answers show it; `None` in a bucket that never had versions.
    pub version: Option<String>,
    pub tags: Tags,
    pub(crate) access: ObjectAccess,
    pub class: StorageClass,
    /// Of an archived object: the readable copy that was asked for.
    pub restore: Option<Restore>,
    /// Of an object in intelligent tiering.
    pub(crate) tiering: Option<Tiering>,
    pub(crate) id: VersionId,
    pub(crate) lock: Lock,
    pub(crate) encryption: Option<Encryption>,
    /// No copy of its bytes is left.
    pub(crate) lost: bool,
}

impl ObjectInfo {
    /// The archive tier that it is in.
    pub(crate) fn archive_tier(&self) -> Option<AccessTier> {
        self.tiering.map(|tiering| tiering.tier).filter(|tier| tier.is_archive())
    }
}

/// What is kept of a new object beside its bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) attributes: Attributes,
    pub(crate) tags: Tags,
    pub(crate) access: ObjectAccess,
    pub(crate) class: StorageClass,
    pub(crate) lock: Lock,
    pub(crate) sealing: Sealing,
    /// Tells that it is there.
    pub(crate) teller: Teller,
}

/// One object, held so that its bytes stay while this lives, whatever happens to its key.
#[derive(Clone)]
pub struct Object {
    s3: S3,
    info: Arc<ObjectInfo>,
    body: Arc<BodyRecord>,
    pin: Arc<Pin>,
    /// Opens the bytes, where the pond's own key does not.
    key: Option<Key>,
}

impl Object {
    pub fn info(&self) -> &ObjectInfo {
        &self.info
    }

    /// The object with the key to its bytes, for reading them. `given` is the customer's key that came with the request.
    ///
    /// Errors: InvalidRequest (the customer's key is missing, or needless), AccessDenied (it is another one, or the caller
    /// may not use the KMS key), KMS.DisabledException, KMS.KMSInvalidStateException.
    pub(crate) async fn unlocked(
        self,
        caller: &Caller,
        given: Option<&CustomerKey>,
    ) -> Result<Self, S3Error> {
        let key = self.s3.opening(caller, self.info.encryption.as_ref(), given).await?;
        Ok(Self { key, ..self })
    }

    /// The bytes of a range, clipped to the object. Those that the pond cannot open take an object that is unlocked.
    pub fn read(&self, range: Range<u64>) -> ByteStream {
        let end = range.end.min(self.info.size);
        let range = range.start.min(end)..end;
        if range.is_empty() {
            return stream::empty().boxed();
        }
        let pin = Arc::clone(&self.pin);
        let read_error = {
            let key = self.info.key.clone();
            move |error| read_error(&key, error)
        };
        let bytes: ByteStream = match &*self.body {
            BodyRecord::Whole(placement) => {
                self.s3.0.blobs.read_with(placement, range, self.key.as_ref()).map_err(read_error).boxed()
            }
            BodyRecord::Parts { upload, runs } => {
                let (s3, upload, key) = (self.s3.clone(), *upload, self.key.clone());
                let read_error = Arc::new(read_error);
                let pieces = stream::iter(runs.cover(range));
                pieces
                    .map(move |(number, piece)| {
                        let part = s3.part(upload, number)?;
                        let bytes = s3.0.blobs.read_with(&part.placement, piece, key.as_ref());
                        let read_error = Arc::clone(&read_error);
                        Ok::<_, S3Error>(bytes.map_err(move |error| read_error(error)).boxed())
                    })
                    .try_flatten()
                    .boxed()
            }
        };
        // The stream holds the pin: an object may be dropped while it is read.
        bytes
            .inspect(move |_| {
                let _held = &pin;
            })
            .boxed()
    }

    /// The bytes of a range in one piece. For ranges that fit into memory.
    pub async fn bytes(&self, range: Range<u64>) -> Result<Bytes, S3Error> {
        let mut pieces = self.read(range);
        let Some(first) = pieces.try_next().await? else { return Ok(Bytes::new()) };
        let Some(second) = pieces.try_next().await? else { return Ok(first) };
        let mut whole = BytesMut::from(first);
        whole.extend_from_slice(&second);
        while let Some(bytes) = pieces.try_next().await? {
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.freeze())
    }

    /// The parts that it is made of; `None` for an object that came in one piece.
    pub(crate) fn runs(&self) -> Option<&Runs> {
        match &*self.body {
            BodyRecord::Whole(_) => None,
            BodyRecord::Parts { runs, .. } => Some(runs),
        }
    }

    pub(crate) fn part_record(&self, position: u32) -> Result<PartRecord, S3Error> {
        let gone = || S3Error::internal("reading a part of an object", "it has no such part");
        let BodyRecord::Parts { upload, runs } = &*self.body else { return Err(gone()) };
        self.s3.part(*upload, runs.nth(position).ok_or_else(gone)?.number)
    }

    /// Its bytes can only be read with a key that a caller brings.
    pub(crate) fn needs_key(&self) -> Result<bool, S3Error> {
        match &*self.body {
            BodyRecord::Whole(placement) => Ok(placement.needs_key()),
            BodyRecord::Parts { .. } => Ok(self.part_record(1)?.placement.needs_key()),
        }
    }

    /// Errors: MethodNotAllowed (it is lost).
    ///
    /// Source: Amazon S3 user guide, "Reduced Redundancy"; what it says of other classes' lost objects is nothing.
    pub(crate) fn check_there(&self) -> Result<(), S3Error> {
        if self.info.lost { Err(S3Error::ObjectLost { key: self.info.key.clone() }) } else { Ok(()) }
    }

    /// Errors: InvalidObjectState (archived, and not restored), and those of [`Object::check_there`].
    pub(crate) fn check_readable(&self, now: Timestamp, of_source: bool) -> Result<(), S3Error> {
        self.check_there()?;
        let (class, restore) = (self.info.class, &self.info.restore);
        let tier = self.info.archive_tier();
        let restored = restore.is_some_and(|restore| restore.is_there(now));
        let readable = tier.is_none() && (!class.is_archive() || restored);
        let message = match of_source {
            true => "Operation is not valid for the source object's storage class",
            false => "The operation is not valid for the object's storage class",
        };
        if readable { Ok(()) } else { Err(S3Error::InvalidObjectState { class, tier, message }) }
    }

    /// The part that `partNumber=N` means, with its checksum. An object that came in one piece is its own part 1.
    pub(crate) fn part(&self, position: u32) -> Result<(Placed, Option<Checksum>), S3Error> {
        let none = || S3Error::InvalidPartNumber { part: position, parts: self.info.parts.unwrap_or(1) };
        match &*self.body {
            BodyRecord::Whole(_) if position == 1 => {
                Ok((Placed { number: 1, start: 0, size: self.info.size }, self.info.checksum.clone()))
            }
            BodyRecord::Whole(_) => Err(none()),
            BodyRecord::Parts { upload, runs } => {
                let placed = runs.nth(position).ok_or_else(none)?;
                Ok((placed, Some(self.s3.part(*upload, placed.number)?.checksum)))
            }
        }
    }

    /// The parts that an object was uploaded in, by position; empty for one that came in one piece.
    pub(crate) fn parts(&self) -> Result<Vec<(u32, PartRecord)>, S3Error> {
        let BodyRecord::Parts { upload, runs } = &*self.body else { return Ok(Vec::new()) };
        let parts = (1..).zip(runs.iter());
        parts.map(|(position, placed)| Ok((position, self.s3.part(*upload, placed.number)?))).collect()
    }
}

/// What a write made.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) etag: String,
    pub(crate) modified: Timestamp,
    pub(crate) received: Received,
    /// As answers show it.
    pub(crate) version: Option<String>,
    pub(crate) id: VersionId,
}

impl S3 {
    /// Opens what is under a key now, or a version of it.
    ///
    /// Errors: NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker).
    pub(crate) fn open_object(
        &self,
        bucket: &Bucket,
        key: &str,
        version: Option<Wanted>,
    ) -> Result<Object, S3Error> {
        loop {
            let object = self.metadata().object(&self.metadata().read()?, &bucket.record, key, version)?;
            // Pinned first and read then: what is there after the pin stays.
            let mut pin = self.0.pins.pin(object.content);
            let Some(mut content) = self.metadata().read()?.get(&CONTENTS, &object.content)? else {
                continue; // It was overwritten or deleted between the two.
            };
            let copied = object.restore.is_some_and(|restore| restore.is_there(self.now()));
            if let Some(id) = bytes_of(&content, copied) {
                pin = self.0.pins.pin(id);
                match self.metadata().read()?.get(&CONTENTS, &object.content)? {
                    Some(again) if bytes_of(&again, copied) == Some(id) => content = again,
                    _ => continue, // The bytes were moved between the two.
                }
            }
            let lost = content.lost.is_some() && !(copied && content.copy.is_some());
            let body = match content.copy {
                Some(copy) if copied => copy.body,
                _ => content.body,
            };
            let parts = match &body {
                BodyRecord::Whole(_) => None,
                BodyRecord::Parts { runs, .. } => Some(runs.count()),
            };
            let info = ObjectInfo {
                version: bucket.record.versioning.shown(object.version()),
                id: object.version(),
                tiering: object.tiering(),
                key: key.to_owned(),
                size: object.size,
                etag: object.etag,
                last_modified: object.modified,
                attributes: content.attributes,
                checksum: content.checksum,
                tags: content.tags,
                access: ObjectAccess { owner: object.owner, acl: content.acl },
                class: object.class,
                restore: object.restore,
                lock: content.lock,
                encryption: content.encryption,
                lost,
                parts,
            };
            return Ok(Object {
                s3: self.clone(),
                info: Arc::new(info),
                body: Arc::new(body),
                pin: Arc::new(pin),
                key: None,
            });
        }
    }

    fn part(&self, upload: Uuid, number: u32) -> Result<PartRecord, S3Error> {
        let part = self.metadata().read()?.get(&PARTS, &(upload, number))?;
        part.ok_or_else(|| {
            S3Error::internal("reading a part of an object", format!("part {number} of {upload} is gone"))
        })
    }

    /// Writes an object: its bytes are durable, then its record, then this returns.
    pub(crate) async fn write_object<S>(
        &self,
        bucket: &Bucket,
        key: &str,
        body: S,
        expected: Expected,
        facts: Facts,
        condition: WriteCondition,
    ) -> Result<Written, S3Error>
    where
        S: Stream<Item = Result<Bytes, S3Error>> + Send + Unpin,
    {
        names::check_key(key)?;
        let Sealing { record: encryption, wrap } = facts.sealing;
        let (placement, received) = self
            .write_bytes(
                body,
                expected,
                WriteOptions { key: wrap.as_ref(), ..bucket.record.keeping(facts.class) },
            )
            .await?;
        let modified = self.now();
        let checksum = received.checksum.clone();
        let object = ObjectRecord {
            content: self.new_id(),
            size: received.size,
            etag: received.etag(),
            modified,
            checksum: Some((checksum.algorithm, checksum.coverage)),
            sequence: 0,
            versioned: false,
            owner: facts.access.owner,
            class: facts.class,
            restore: None,
            tiering: None,
            renamed: None,
        };
        let etag = object.etag.clone();
        let content = ContentRecord {
            attributes: facts.attributes,
            checksum: Some(checksum),
            body: BodyRecord::Whole(placement.clone()),
            tags: facts.tags,
            acl: facts.access.acl,
            pinned: None,
            copy: None,
            lock: facts.lock,
            encryption,
            lost: None,
        };
        let named = self.metadata().put_object(bucket, key, object, content, condition, facts.teller).await;
        let placed = self.settle(&placement, named, |placed| placed.garbage).await?;
        Ok(Written { etag, modified, received, id: placed.object.version(), version: placed.version })
    }

    /// Makes a body's bytes durable, checked against what was expected. Where the key to them is not the pond's, what stands
    /// in ETags is random in place of the MD5, which would say something of the bytes; and so it is in directory buckets.
    pub(crate) async fn write_bytes<S>(
        &self,
        body: S,
        expected: Expected,
        keeping: WriteOptions<'_>,
    ) -> Result<(millpond_blob::Placement, Received), S3Error>
    where
        S: Stream<Item = Result<Bytes, S3Error>> + Send + Unpin,
    {
        let mut body = Checked::new(body, expected);
        let opaque = keeping.key.is_some() || keeping.zone.is_some();
        let placement = self.0.blobs.write_with(&mut body, keeping).await.map_err(write_error)?;
        self.note_if_short(&placement).await?;
        let mut received = body
            .into_received()
            .ok_or_else(|| S3Error::internal("writing a body", "it was not read to its end"))?;
        if opaque {
            received.md5 = *Uuid::new_v4().as_bytes();
        }
        Ok((placement, received))
    }

    /// After the transaction that was to name `placement`: wakes the removal of what it replaced, or removes bytes that
    /// were refused their name. When the store itself failed it is not known whether they have it; the sweep finds out.
    pub(crate) async fn settle<T>(
        &self,
        placement: &millpond_blob::Placement,
        named: Result<T, S3Error>,
        left_garbage: impl FnOnce(&T) -> bool,
    ) -> Result<T, S3Error> {
        match &named {
            Ok(done) if left_garbage(done) => self.0.garbage.wake(),
            Ok(_) => {}
            Err(S3Error::Internal { .. } | S3Error::InsufficientStorage) => {}
            Err(_) => {
                if let Err(error) = self.0.blobs.remove(placement).await {
                    tracing::warn!(%error, "bytes of a refused write stay until the sweep");
                }
            }
        }
        named
    }

    /// Removes keys or versions of them, in one transaction; each has a result of its own.
    pub(crate) async fn remove_objects(
        &self,
        bucket: &Bucket,
        targets: Vec<Target>,
        teller: Teller,
    ) -> Result<Vec<Result<Deleted, S3Error>>, S3Error> {
        let removed = self.metadata().delete_objects(bucket, targets, self.now(), teller).await?;
        if removed.iter().flatten().any(|deleted| deleted.garbage) {
            self.0.garbage.wake();
        }
        Ok(removed)
    }

    pub(crate) async fn rename(&self, bucket: &Bucket, rename: Rename) -> Result<(), S3Error> {
        if self.metadata().rename_object(bucket, rename).await? {
            self.0.garbage.wake();
        }
        Ok(())
    }

    /// As [`S3::remove_objects`], for one.
    pub(crate) async fn remove_object(
        &self,
        bucket: &Bucket,
        target: Target,
        teller: Teller,
    ) -> Result<Deleted, S3Error> {
        let removed = self.remove_objects(bucket, vec![target], teller).await?.pop();
        removed.unwrap_or_else(|| Err(S3Error::internal("deleting an object", "there was no answer")))
    }

    pub(crate) fn list_objects(
        &self,
        bucket: &Bucket,
        question: &Question<'_>,
    ) -> Result<Page<ObjectRecord>, S3Error> {
        let snapshot = self.metadata().read()?;
        listing::page(question, |from| {
            objects_from(&snapshot, bucket.record.id, from)
                .map(|entry| entry.map(|((_, key), record)| (key, record)).map_err(S3Error::from))
        })
    }

    /// A page of the versions of a bucket's keys. `after_version` only counts beside `question.after`: then that key's
    /// versions older than it follow.
    pub(crate) fn list_versions(
        &self,
        bucket: &Bucket,
        question: &Question<'_>,
        after_version: Option<u64>,
    ) -> Result<Page<VersionRecord>, S3Error> {
        let snapshot = self.metadata().read()?;
        listing::page(question, |from| versions_from(&snapshot, bucket.record.id, from, after_version))
    }
}

/// What the bytes that are read are pinned under, where it is not the content's own id.
fn bytes_of(content: &ContentRecord, copied: bool) -> Option<Uuid> {
    let copy = content.copy.as_ref().filter(|_| copied);
    copy.map(|copy| copy.pinned).or(content.pinned)
}

fn read_error(key: &str, error: BlobError) -> S3Error {
    match error {
        BlobError::Lost => S3Error::ObjectLost { key: key.to_owned() },
        BlobError::OutOfReach => S3Error::ServiceUnavailable,
        BlobError::Corrupt { .. } => S3Error::Damaged(error),
        error => S3Error::internal("reading an object's bytes", error),
    }
}

pub(crate) fn write_error(error: WriteError<S3Error>) -> S3Error {
    match error {
        WriteError::Body(error) => error,
        WriteError::Blob(error) if error.is_disk_full() => S3Error::InsufficientStorage,
        WriteError::Blob(BlobError::NoZone) => S3Error::ServiceUnavailable,
        WriteError::Blob(error) => S3Error::internal("writing an object's bytes", error),
    }
}
