//! How buckets, objects, uploads and garbage are kept: keys, stored records and the transactions over them.
//!
//! - What a listing shows (`s3.objects`) and what a read needs (`s3.contents`) are two tables, so that a page of a listing
//!   never reads bodies that live in their records.
//! - Keys hold the bucket's id, never its name: a bucket made anew never meets its predecessor's objects.
//! - A content has an id of its own. Versions, when they come, are further rows that point at contents.
//! - Bytes that a transaction makes unreachable are written down as garbage in the same transaction; `worker` removes them.

use std::collections::BTreeMap;
use std::ops::Bound;

use millpond_blob::Placement;
use millpond_core::{AccountId, Region, Timestamp};
use millpond_store::{Entries, Reads, Snapshot, Span, Store, Table, Txn};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::condition::WriteCondition;
use crate::digest::{Algorithm, Checksum, Coverage};
use crate::error::S3Error;
use crate::parts::Runs;
use crate::service::new_id;

pub const BUCKETS: Table<String, BucketRecord> = Table::new("s3.buckets");
/// The buckets of an account, for ListBuckets.
pub const ACCOUNT_BUCKETS: Table<(AccountId, String), Uuid> = Table::new("s3.account-buckets");
pub const OBJECTS: Table<(Uuid, String), ObjectRecord> = Table::new("s3.objects");
pub const CONTENTS: Table<Uuid, ContentRecord> = Table::new("s3.contents");
/// Ids of uploads grow with time, so that uploads of one key are listed in the order in which they began.
pub const UPLOADS: Table<(Uuid, String, Uuid), UploadRecord> = Table::new("s3.uploads");
/// Parts by upload and number. They outlive the upload when it is completed: the object is made of them.
pub const PARTS: Table<(Uuid, u32), PartRecord> = Table::new("s3.parts");
/// Under the id of the content that they belonged to, so that readers of it can be waited for.
pub const GARBAGE: Table<Uuid, Garbage> = Table::new("s3.garbage");
/// Files that a record names, from the transaction that names them to the one that forgets them: what the sweep asks.
pub const FILES: Table<Uuid, ()> = Table::new("s3.files");

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketRecord {
    pub id: Uuid,
    pub account: AccountId,
    pub region: Region,
    pub created: Timestamp,
}

/// A bucket as operations work with it.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub name: String,
    pub record: BucketRecord,
}

/// What a listing shows of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRecord {
    pub content: Uuid,
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    pub modified: Timestamp,
    #[serde(default)]
    pub checksum: Option<(Algorithm, Coverage)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContentRecord {
    #[serde(default)]
    pub attributes: Attributes,
    #[serde(default)]
    pub checksum: Option<Checksum>,
    pub body: BodyRecord,
}

/// Headers that are kept with an object and given back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// Where the bytes are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum BodyRecord {
    Whole(Placement),
    /// Some parts of an upload, in order.
    Parts {
        upload: Uuid,
        runs: Runs,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UploadRecord {
    pub initiated: Timestamp,
    #[serde(default)]
    pub attributes: Attributes,
    /// What the client asked for; without it the whole gets a CRC64NVME.
    #[serde(default)]
    pub checksum: Option<(Algorithm, Coverage)>,
}

impl UploadRecord {
    /// The checksum that every part has.
    pub fn algorithm(&self) -> Algorithm {
        self.checksum.map_or(Algorithm::Crc64Nvme, |(algorithm, _)| algorithm)
    }

    pub fn coverage(&self) -> Coverage {
        self.checksum.map_or(Coverage::FullObject, |(_, coverage)| coverage)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartRecord {
    pub size: u64,
    pub md5: [u8; 16],
    pub checksum: Checksum,
    /// The client's own, of another algorithm than the upload's.
    #[serde(default)]
    pub other: Option<Checksum>,
    pub modified: Timestamp,
    pub placement: Placement,
}

impl PartRecord {
    pub fn etag(&self) -> String {
        hex::encode(self.md5)
    }
}

/// Bytes that nothing names any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Garbage {
    Bytes(Placement),
    /// Every part that is left under this upload.
    Parts(Uuid),
}

/// The metadata of the service.
#[derive(Clone, Debug)]
pub struct Metadata {
    store: Store,
}

impl Metadata {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    pub fn read(&self) -> Result<Snapshot, S3Error> {
        Ok(self.store.read()?)
    }

    /// The bucket of that name.
    ///
    /// Errors: NoSuchBucket.
    pub fn bucket(&self, name: &str) -> Result<Bucket, S3Error> {
        match self.read()?.get(&BUCKETS, name)? {
            Some(record) => Ok(Bucket { name: name.to_owned(), record }),
            None => Err(S3Error::NoSuchBucket { bucket: name.to_owned() }),
        }
    }

    /// Makes a bucket. Gives back the one that has the name, if it is taken.
    ///
    /// Errors: TooManyBuckets.
    pub async fn create_bucket(
        &self,
        name: &str,
        record: BucketRecord,
        most: usize,
    ) -> Result<Option<BucketRecord>, S3Error> {
        let name = name.to_owned();
        self.store
            .write(move |txn| {
                if let Some(there) = txn.get(&BUCKETS, &name)? {
                    return Ok(Some(there));
                }
                if txn.prefix(&ACCOUNT_BUCKETS, &(&record.account,)).take(most).count() == most {
                    return Err(S3Error::TooManyBuckets);
                }
                txn.put(&ACCOUNT_BUCKETS, &(&record.account, &name), &record.id)?;
                txn.put(&BUCKETS, &name, &record)?;
                Ok(None)
            })
            .await
    }

    /// Removes an empty bucket; uploads in it are aborted.
    ///
    /// Errors: NoSuchBucket, BucketNotEmpty.
    pub async fn delete_bucket(&self, name: &str) -> Result<(), S3Error> {
        let name = name.to_owned();
        self.store
            .write(move |txn| {
                let Some(bucket) = txn.get(&BUCKETS, &name)? else {
                    return Err(S3Error::NoSuchBucket { bucket: name });
                };
                if txn.prefix(&OBJECTS, &(bucket.id,)).next().transpose()?.is_some() {
                    return Err(S3Error::BucketNotEmpty { bucket: name });
                }
                let uploads: Vec<_> = txn.prefix(&UPLOADS, &(bucket.id,)).collect::<Result<_, _>>()?;
                for (at, _) in uploads {
                    txn.put(&GARBAGE, &at.2, &Garbage::Parts(at.2))?;
                    txn.delete(&UPLOADS, &at)?;
                }
                txn.delete(&ACCOUNT_BUCKETS, &(&bucket.account, &name))?;
                txn.delete(&BUCKETS, &name)?;
                Ok(())
            })
            .await
    }

    /// Names an object's bytes, in place of what was under the key. True when that left garbage.
    ///
    /// Errors: NoSuchBucket (deleted meanwhile), PreconditionFailed, NoSuchKey (an `If-Match` on nothing).
    pub async fn put_object(
        &self,
        bucket: &Bucket,
        key: &str,
        object: ObjectRecord,
        content: ContentRecord,
        condition: WriteCondition,
    ) -> Result<bool, S3Error> {
        let (bucket, key) = (bucket.clone(), key.to_owned());
        self.store
            .write(move |txn| {
                check_bucket(txn, &bucket)?;
                replace(txn, &bucket, key, &object, &content, &condition)
            })
            .await
    }

    /// Removes objects; keys without one are passed over. True when that left garbage.
    pub async fn delete_objects(&self, bucket: &Bucket, keys: Vec<String>) -> Result<bool, S3Error> {
        let bucket = bucket.record.id;
        self.store
            .write(move |txn| {
                let mut garbage = false;
                for key in keys {
                    let at = (bucket, key);
                    if let Some(object) = txn.get(&OBJECTS, &at)? {
                        garbage |= discard(txn, object.content)?;
                        txn.delete(&OBJECTS, &at)?;
                    }
                }
                Ok(garbage)
            })
            .await
    }

    pub async fn create_upload(
        &self,
        bucket: &Bucket,
        key: &str,
        upload: Uuid,
        record: UploadRecord,
    ) -> Result<(), S3Error> {
        let (bucket, key) = (bucket.clone(), key.to_owned());
        self.store
            .write(move |txn| {
                check_bucket(txn, &bucket)?;
                Ok(txn.put(&UPLOADS, &(bucket.record.id, key, upload), &record)?)
            })
            .await
    }

    /// Errors: NoSuchUpload.
    pub fn upload(&self, bucket: &Bucket, key: &str, upload: Uuid) -> Result<UploadRecord, S3Error> {
        let found = self.read()?.get(&UPLOADS, &(bucket.record.id, key, upload))?;
        found.ok_or_else(|| no_such_upload(upload))
    }

    /// Names a part's bytes, in place of those that had its number. True when that left garbage.
    ///
    /// Errors: NoSuchUpload (aborted or completed meanwhile).
    pub async fn put_part(
        &self,
        bucket: &Bucket,
        key: &str,
        (upload, number): (Uuid, u32),
        part: PartRecord,
    ) -> Result<bool, S3Error> {
        let at = (bucket.record.id, key.to_owned(), upload);
        let replaced = new_id(part.modified);
        self.store
            .write(move |txn| {
                if !txn.contains(&UPLOADS, &at)? {
                    return Err(no_such_upload(upload));
                }
                let before = txn.get(&PARTS, &(upload, number))?.map(|before| before.placement);
                let before = before.filter(|placement| placement.file().is_some());
                if let Some(placement) = &before {
                    txn.put(&GARBAGE, &replaced, &Garbage::Bytes(placement.clone()))?;
                }
                name_file(txn, &part.placement)?;
                txn.put(&PARTS, &(upload, number), &part)?;
                Ok(before.is_some())
            })
            .await
    }

    /// Errors: NoSuchUpload.
    pub async fn abort_upload(&self, bucket: &Bucket, key: &str, upload: Uuid) -> Result<(), S3Error> {
        let at = (bucket.record.id, key.to_owned(), upload);
        self.store
            .write(move |txn| {
                if !txn.delete(&UPLOADS, &at)? {
                    return Err(no_such_upload(upload));
                }
                Ok(txn.put(&GARBAGE, &upload, &Garbage::Parts(upload))?)
            })
            .await
    }

    /// Makes an object of an upload's parts. `assemble` sees the upload and its parts by number, in the transaction, and
    /// gives what the object is made of. Parts that it leaves out become garbage.
    ///
    /// Completing the same upload again answers what the first time did, as long as the object is there.
    pub async fn complete_upload(
        &self,
        bucket: &Bucket,
        key: &str,
        upload: Uuid,
        condition: WriteCondition,
        assemble: impl FnOnce(
            &UploadRecord,
            &BTreeMap<u32, PartRecord>,
        ) -> Result<(ObjectRecord, ContentRecord), S3Error>
        + Send
        + 'static,
    ) -> Result<(ObjectRecord, ContentRecord), S3Error> {
        let (bucket, key) = (bucket.clone(), key.to_owned());
        self.store
            .write(move |txn| {
                let at = (bucket.record.id, key, upload);
                let Some(record) = txn.get(&UPLOADS, &at)? else {
                    return completed_before(txn, at);
                };
                let parts: BTreeMap<u32, PartRecord> = txn
                    .prefix(&PARTS, &(upload,))
                    .map(|entry| entry.map(|((_, number), part)| (number, part)))
                    .collect::<Result<_, _>>()?;
                let (object, content) = assemble(&record, &parts)?;
                let BodyRecord::Parts { runs, .. } = &content.body else {
                    return Err(S3Error::internal("completing an upload", "the object is not made of parts"));
                };
                for (number, part) in parts.into_iter().filter(|(number, _)| !runs.contains(*number)) {
                    txn.put(&GARBAGE, &new_id(part.modified), &Garbage::Bytes(part.placement))?;
                    txn.delete(&PARTS, &(upload, number))?;
                }
                txn.delete(&UPLOADS, &at)?;
                replace(txn, &bucket, at.1, &object, &content, &condition)?;
                Ok((object, content))
            })
            .await
    }

    /// Forgets what was removed from the disk.
    pub async fn forget(&self, removed: Removed) -> Result<(), S3Error> {
        self.store
            .write(move |txn| {
                for at in removed.parts {
                    txn.delete(&PARTS, &at)?;
                }
                for id in removed.garbage {
                    txn.delete(&GARBAGE, &id)?;
                }
                for id in removed.files {
                    txn.delete(&FILES, &id)?;
                }
                Ok(())
            })
            .await
    }
}

/// What the garbage worker has removed.
#[derive(Default, Debug)]
pub struct Removed {
    pub garbage: Vec<Uuid>,
    pub parts: Vec<(Uuid, u32)>,
    pub files: Vec<Uuid>,
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

/// The bucket may have been deleted, and made anew, since the operation looked it up.
fn check_bucket(txn: &Txn<'_>, bucket: &Bucket) -> Result<(), S3Error> {
    match txn.get(&BUCKETS, &bucket.name)? {
        Some(record) if record.id == bucket.record.id => Ok(()),
        _ => Err(S3Error::NoSuchBucket { bucket: bucket.name.clone() }),
    }
}

fn replace(
    txn: &mut Txn<'_>,
    bucket: &Bucket,
    key: String,
    object: &ObjectRecord,
    content: &ContentRecord,
    condition: &WriteCondition,
) -> Result<bool, S3Error> {
    let at = (bucket.record.id, key);
    let before = txn.get(&OBJECTS, &at)?;
    condition.check(&at.1, before.as_ref().map(|object| object.etag.as_str()))?;
    let garbage = match before {
        Some(before) => discard(txn, before.content)?,
        None => false,
    };
    if let BodyRecord::Whole(placement) = &content.body {
        name_file(txn, placement)?;
    }
    txn.put(&CONTENTS, &object.content, content)?;
    txn.put(&OBJECTS, &at, object)?;
    Ok(garbage)
}

fn name_file(txn: &mut Txn<'_>, placement: &Placement) -> Result<(), S3Error> {
    if let Some(file) = placement.file() {
        txn.put(&FILES, &file, &())?;
    }
    Ok(())
}

/// Removes a content; its bytes become garbage, if they are not in the record itself.
fn discard(txn: &mut Txn<'_>, content: Uuid) -> Result<bool, S3Error> {
    let Some(record) = txn.get(&CONTENTS, &content)? else { return Ok(false) };
    let garbage = match record.body {
        BodyRecord::Whole(placement) if placement.file().is_none() => None,
        BodyRecord::Whole(placement) => Some(Garbage::Bytes(placement)),
        BodyRecord::Parts { upload, .. } => Some(Garbage::Parts(upload)),
    };
    if let Some(garbage) = &garbage {
        txn.put(&GARBAGE, &content, garbage)?;
    }
    txn.delete(&CONTENTS, &content)?;
    Ok(garbage.is_some())
}

fn completed_before(
    txn: &Txn<'_>,
    (bucket, key, upload): (Uuid, String, Uuid),
) -> Result<(ObjectRecord, ContentRecord), S3Error> {
    let gone = || no_such_upload(upload);
    let object = txn.get(&OBJECTS, &(bucket, key))?.ok_or_else(gone)?;
    let content = txn.get(&CONTENTS, &object.content)?.ok_or_else(gone)?;
    match &content.body {
        BodyRecord::Parts { upload: made_of, .. } if *made_of == upload => Ok((object, content)),
        _ => Err(gone()),
    }
}

pub fn no_such_upload(upload: Uuid) -> S3Error {
    S3Error::NoSuchUpload { upload: upload.simple().to_string() }
}
