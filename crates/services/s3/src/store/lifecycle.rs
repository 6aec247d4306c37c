//! What lifecycle rules need of the store: where the daily run is, and transactions over versions that it looked at
//! before.

use millpond_core::Timestamp;
use millpond_store::{Reads as _, Span, Table};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::documents::Kind;
use super::objects::{Found, delete, find};
use super::{
    BUCKETS, Bucket, Deleted, Metadata, Target, UPLOADS, UploadRecord, VersionRecord, What, check_bucket,
};
use crate::error::S3Error;
use crate::events::{Subject, Teller};

/// The daily runs, by name.
pub const RUNS: Table<String, RunRecord> = Table::new("s3.lifecycle-runs");
const DAILY: &str = "daily";

/// A daily run over buckets, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunRecord {
    /// The midnight that it is for.
    pub day: Timestamp,
    /// The bucket that it is in.
    pub bucket: Option<String>,
    pub place: Place,
    pub done: bool,
}

/// Behind what a run goes on in its bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    #[default]
    Start,
    /// With the noncurrent versions of the key that were passed by.
    Version {
        key: String,
        sequence: u64,
        newer: u32,
    },
    Upload {
        key: String,
        upload: Uuid,
    },
}

/// A version that is to go if it is still what it was.
#[derive(Debug, Clone)]
pub struct Expired {
    pub target: Target,
    /// Of the content, or of the delete marker.
    pub id: Uuid,
}

impl Metadata {
    pub fn lifecycle_run(&self) -> Result<Option<RunRecord>, S3Error> {
        self.run(DAILY)
    }

    pub async fn set_lifecycle_run(&self, run: RunRecord) -> Result<(), S3Error> {
        self.set_run(DAILY, run).await
    }

    pub fn run(&self, name: &str) -> Result<Option<RunRecord>, S3Error> {
        Ok(self.read()?.get(&RUNS, name)?)
    }

    pub async fn set_run(&self, name: &'static str, run: RunRecord) -> Result<(), S3Error> {
        self.store.write(move |txn| Ok(txn.put(&RUNS, name, &run)?)).await
    }

    /// The next bucket that has lifecycle rules, in the order of names.
    pub fn next_with_rules(&self, after: Option<&str>) -> Result<Option<String>, S3Error> {
        let snapshot = self.read()?;
        let span = after.map_or_else(Span::all, |after| Span::all().after(after));
        for entry in snapshot.scan(&BUCKETS, span) {
            let (name, record) = entry?;
            if record.documents.contains_key(&Kind::Lifecycle) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    pub fn uploads_after(
        &self,
        bucket: &Bucket,
        after: Option<(&str, Uuid)>,
        limit: usize,
    ) -> Result<Vec<(String, Uuid, UploadRecord)>, S3Error> {
        let snapshot = self.read()?;
        let id = bucket.record.id;
        let span = Span::prefix(&(id,));
        let span = match after {
            Some((key, upload)) => span.after(&(id, key, upload)),
            None => span,
        };
        let rows = snapshot.scan(&UPLOADS, span).take(limit);
        Ok(rows
            .map(|row| row.map(|((_, key, upload), record)| (key, upload, record)))
            .collect::<Result<_, _>>()?)
    }

    /// Removes versions that are still what they were, in one transaction; each has a result of its own.
    ///
    /// Errors: NoSuchBucket (deleted meanwhile).
    pub async fn expire_objects(
        &self,
        bucket: &Bucket,
        expired: Vec<Expired>,
        now: Timestamp,
        teller: Teller,
    ) -> Result<Vec<Result<Deleted, S3Error>>, S3Error> {
        let bucket = bucket.clone();
        self.store
            .write(move |txn| {
                let record = check_bucket(txn, &bucket)?;
                let mut results = Vec::with_capacity(expired.len());
                for Expired { target, id } in expired {
                    let same = match find(txn, &record, &target.key, target.version) {
                        Ok(Found::Current(object)) => object.content == id,
                        Ok(Found::Older(VersionRecord { what: What::Object(object), .. })) => {
                            object.content == id
                        }
                        Ok(Found::Older(VersionRecord { what: What::Marker(marker), .. })) => marker.id == id,
                        Err(S3Error::NoSuchKey { .. } | S3Error::NoSuchVersion { .. }) => false,
                        Err(error) => return Err(error),
                    };
                    if !same {
                        continue;
                    }
                    let key = target.key.clone();
                    match delete(txn, &record, target, now) {
                        Ok(deleted) => {
                            teller.tell(txn, &bucket, Subject::removed(&key, &deleted))?;
                            results.push(Ok(deleted));
                        }
                        Err(error @ (S3Error::Internal { .. } | S3Error::InsufficientStorage)) => {
                            return Err(error);
                        }
                        result => results.push(result),
                    }
                }
                Ok(results)
            })
            .await
    }
}
