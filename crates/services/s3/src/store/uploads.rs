//! Transactions over multipart uploads.

use std::collections::BTreeMap;

use millpond_store::{Reads as _, Txn};
use uuid::Uuid;

use super::objects::{Placed, place};
use super::tiers::note_tiers;
use super::{
    BodyRecord, Bucket, BucketRecord, CONTENTS, ContentRecord, GARBAGE, Garbage, Metadata, OBJECTS,
    ObjectRecord, PARTS, PartRecord, UPLOADS, UploadRecord, check_bucket, name_file,
};
use crate::condition::WriteCondition;
use crate::error::S3Error;
use crate::events::{Subject, Teller};
use crate::service::new_id;

impl Metadata {
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
        teller: Teller,
        assemble: impl FnOnce(
            &UploadRecord,
            &BTreeMap<u32, PartRecord>,
        ) -> Result<(ObjectRecord, ContentRecord), S3Error>
        + Send
        + 'static,
    ) -> Result<(Placed, ContentRecord), S3Error> {
        let (bucket, key) = (bucket.clone(), key.to_owned());
        self.store
            .write(move |txn| {
                let now = check_bucket(txn, &bucket)?;
                let at = (now.id, key, upload);
                let Some(record) = txn.get(&UPLOADS, &at)? else {
                    return completed_before(txn, &now, at);
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
                note_tiers(txn, &bucket.name, object.class)?;
                let placed = place(txn, &now, at.1.clone(), object, content.clone(), &condition)?;
                teller.tell(txn, &bucket, Subject::object(&now, &at.1, &placed.object))?;
                Ok((placed, content))
            })
            .await
    }
}

fn completed_before(
    txn: &Txn<'_>,
    record: &BucketRecord,
    (bucket, key, upload): (Uuid, String, Uuid),
) -> Result<(Placed, ContentRecord), S3Error> {
    let gone = || no_such_upload(upload);
    let object = txn.get(&OBJECTS, &(bucket, key))?.ok_or_else(gone)?;
    let content = txn.get(&CONTENTS, &object.content)?.ok_or_else(gone)?;
    match &content.body {
        BodyRecord::Parts { upload: made_of, .. } if *made_of == upload => {
            let version = record.versioning.shown(object.version());
            Ok((Placed { object, version, garbage: false }, content))
        }
        _ => Err(gone()),
    }
}

pub fn no_such_upload(upload: Uuid) -> S3Error {
    S3Error::NoSuchUpload { upload: upload.simple().to_string() }
}
