//! How buckets, objects, versions, uploads and garbage are kept: keys, stored records and the transactions over them.
//!
//! - What a listing shows (`s3.objects`) and what a read needs (`s3.contents`) are two tables, so that a page of a listing
//!   never reads bodies that live in their records.
//! - `s3.objects` holds the current object of each key. What is not current (older versions) and what is no object (delete
//!   markers) is in `s3.versions`, newest first: a bucket without versions never touches it.
//! - Keys hold the bucket's id, never its name: a bucket made anew never meets its predecessor's objects.
//! - A content has an id of its own.
//! - Bytes that a transaction makes unreachable are written down as garbage in the same transaction; `worker` removes them.
//!
//! `records`: the shapes. `buckets`, `documents`, `objects`, `appends`, `uploads`, `lifecycle`, `rewrites`, `walks`, `tiers`: the transactions.

mod appends;
mod buckets;
mod documents;
mod lifecycle;
mod objects;
mod records;
mod rewrites;
#[cfg(test)]
mod tests;
mod tiers;
mod uploads;
mod walks;

use std::sync::Arc;

use millpond_blob::Placement;
use millpond_core::AccountId;
use millpond_store::{Reads as _, Snapshot, Store, Table, Txn};
use uuid::Uuid;

use crate::error::S3Error;

pub use appends::Append;
pub use documents::{Document, DocumentRecord, Kind};
pub use lifecycle::{Expired, Place, RunRecord};
pub use objects::{Deleted, Placed, Rename, Target, objects_from, versions_from};
pub use records::*;
pub use rewrites::{Change, RestoreJob, Rewritten};
pub use tiers::Accessed;
pub use uploads::no_such_upload;
pub use walks::{Found, Named, WalkRecord, WalkRow, Walked, Within};

pub const BUCKETS: Table<String, BucketRecord> = Table::new("s3.buckets");
/// The buckets of an account, for ListBuckets.
pub const ACCOUNT_BUCKETS: Table<(AccountId, String), Uuid> = Table::new("s3.account-buckets");
/// What a bucket is set to, by bucket and kind.
pub const DOCUMENTS: Table<(Uuid, String), DocumentRecord> = Table::new("s3.bucket-documents");
pub const OBJECTS: Table<(Uuid, String), ObjectRecord> = Table::new("s3.objects");
/// By bucket, key and [`below`] of the sequence, so that newer versions come first.
pub const VERSIONS: Table<(Uuid, String, u64), VersionRecord> = Table::new("s3.versions");
/// The sequence of a key's version "null", while that is in `s3.versions`.
pub const NULLS: Table<(Uuid, String), u64> = Table::new("s3.null-versions");
pub const CONTENTS: Table<Uuid, ContentRecord> = Table::new("s3.contents");
/// Ids of uploads grow with time, so that uploads of one key are listed in the order in which they began.
pub const UPLOADS: Table<(Uuid, String, Uuid), UploadRecord> = Table::new("s3.uploads");
/// Parts by upload and number. They outlive the upload when it is completed: the object is made of them.
pub const PARTS: Table<(Uuid, u32), PartRecord> = Table::new("s3.parts");
/// Under the id that they are pinned under (the content's, until they are rewritten), so that readers can be waited for.
pub const GARBAGE: Table<Uuid, Garbage> = Table::new("s3.garbage");
/// Files that a record names, from the transaction that names them to the one that forgets them: what the sweep asks.
pub const FILES: Table<Uuid, ()> = Table::new("s3.files");

/// Where a sequence stands in `s3.versions`.
pub fn below(sequence: u64) -> u64 {
    u64::MAX - sequence
}

/// The metadata of the service.
#[derive(Clone)]
pub struct Metadata {
    store: Store,
    documents: Arc<documents::Cache>,
}

impl Metadata {
    pub fn new(store: Store) -> Self {
        Self { store, documents: Arc::default() }
    }

    pub fn read(&self) -> Result<Snapshot, S3Error> {
        Ok(self.store.read()?)
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

/// The bucket's record now: it may have been deleted, made anew, or set otherwise since the operation looked it up.
fn check_bucket(txn: &Txn<'_>, bucket: &Bucket) -> Result<BucketRecord, S3Error> {
    match txn.get(&BUCKETS, &bucket.name)? {
        Some(record) if record.id == bucket.record.id => Ok(record),
        _ => Err(S3Error::NoSuchBucket { bucket: bucket.name.clone() }),
    }
}

fn name_file(txn: &mut Txn<'_>, placement: &Placement) -> Result<(), S3Error> {
    if let Some(file) = placement.file() {
        txn.put(&FILES, &file, &())?;
    }
    Ok(())
}

/// Removes a content; its bytes become garbage, if they are not in the record itself. True when they did.
fn discard(txn: &mut Txn<'_>, content: Uuid) -> Result<bool, S3Error> {
    let Some(record) = txn.get(&CONTENTS, &content)? else { return Ok(false) };
    let mut garbage = drop_body(txn, record.pinned.unwrap_or(content), record.body)?;
    if let Some(copy) = record.copy {
        garbage |= drop_body(txn, copy.pinned, copy.body)?;
    }
    txn.delete(&CONTENTS, &content)?;
    Ok(garbage)
}

/// Bytes that nothing names any more become garbage, if they are not in a record. True when they did.
fn drop_body(txn: &mut Txn<'_>, pinned: Uuid, body: BodyRecord) -> Result<bool, S3Error> {
    let garbage = match body {
        BodyRecord::Whole(placement) if placement.file().is_none() => return Ok(false),
        BodyRecord::Whole(placement) => Garbage::Bytes(placement),
        BodyRecord::Parts { upload, .. } => Garbage::Parts(upload),
    };
    txn.put(&GARBAGE, &pinned, &garbage)?;
    Ok(true)
}
