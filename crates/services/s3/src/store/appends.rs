//! Transactions that append to objects.

use millpond_store::{Reads as _, Txn};
use uuid::Uuid;

use super::{
    BodyRecord, Bucket, BucketRecord, CONTENTS, Metadata, OBJECTS, PARTS, PartRecord, check_bucket, name_file,
};
use crate::condition::WriteCondition;
use crate::digest::{Checksum, Coverage, PartValue, of_parts};
use crate::error::S3Error;
use crate::parts::Runs;
use crate::service::MAX_PARTS;

/// Bytes that go to the end of an object, if it is the one that was seen and ends where it did.
#[derive(Debug, Clone)]
pub struct Append {
    pub offset: u64,
    pub content: Uuid,
    /// What the object's parts are kept under, if it is not made of parts yet.
    pub upload: Uuid,
    pub part: PartRecord,
    pub condition: WriteCondition,
}

/// What an object is after it.
#[derive(Debug, Clone)]
pub struct Appended {
    pub size: u64,
    pub etag: String,
    pub checksum: Option<Checksum>,
}

impl Metadata {
    /// Makes bytes the last part of an object. Its content keeps its id, so that whoever reads what was before holds all of it.
    ///
    /// Errors: NoSuchBucket (deleted meanwhile), InvalidWriteOffset (changed meanwhile), TooManyParts, PreconditionFailed.
    pub async fn append(&self, bucket: &Bucket, key: &str, append: Append) -> Result<Appended, S3Error> {
        let (bucket, key) = (bucket.clone(), key.to_owned());
        self.store.write(move |txn| append_in(txn, &check_bucket(txn, &bucket)?, key, append)).await
    }
}

fn append_in(
    txn: &mut Txn<'_>,
    bucket: &BucketRecord,
    key: String,
    append: Append,
) -> Result<Appended, S3Error> {
    let at = (bucket.id, key);
    let Some(mut object) = txn.get(&OBJECTS, &at)? else { return Err(S3Error::InvalidWriteOffset) };
    append.condition.check(&at.1, Some(&object.etag))?;
    if object.content != append.content || object.size != append.offset {
        return Err(S3Error::InvalidWriteOffset);
    }
    let gone = || S3Error::internal("appending to an object", "its content is gone");
    let mut content = txn.get(&CONTENTS, &object.content)?.ok_or_else(gone)?;
    let before = content.checksum.take().ok_or_else(gone)?;
    let (upload, mut runs) = match content.body {
        BodyRecord::Parts { upload, runs } => (upload, runs),
        BodyRecord::Whole(placement) => {
            let first = PartRecord {
                size: object.size,
                md5: *Uuid::new_v4().as_bytes(),
                checksum: before.clone(),
                other: None,
                modified: object.modified,
                placement,
                lost: false,
            };
            txn.put(&PARTS, &(append.upload, 1), &first)?;
            let mut runs = Runs::default();
            runs.push(1, object.size);
            (append.upload, runs)
        }
    };
    let last = runs.iter().last().map_or(0, |part| part.number);
    if runs.count() >= MAX_PARTS {
        return Err(S3Error::TooManyParts);
    }
    name_file(txn, &append.part.placement)?;
    txn.put(&PARTS, &(upload, last + 1), &append.part)?;
    runs.push(last + 1, append.part.size);
    let values = [(&before.value, object.size), (&append.part.checksum.value, append.part.size)];
    let values = values.into_iter().map(|(value, size)| PartValue { value, size });
    content.checksum = of_parts(before.algorithm, Coverage::FullObject, values);
    content.body = BodyRecord::Parts { upload, runs };
    object.size += append.part.size;
    object.etag = append.part.etag();
    object.modified = append.part.modified;
    object.checksum = content.checksum.as_ref().map(|checksum| (checksum.algorithm, checksum.coverage));
    txn.put(&CONTENTS, &object.content, &content)?;
    txn.put(&OBJECTS, &at, &object)?;
    Ok(Appended { size: object.size, etag: object.etag, checksum: content.checksum })
}
