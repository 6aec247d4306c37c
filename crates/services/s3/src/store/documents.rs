//! What a bucket is set to: its policy, its rules and the like. Each configuration is a row of its own, and the bucket's
//! record knows the revision of each that it has, so that a request reads none that is not there and none twice.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use millpond_store::Reads as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{BUCKETS, Bucket, DOCUMENTS, Metadata, check_bucket};
use crate::error::S3Error;

/// Decoded configurations that are kept at most.
const CACHED: usize = 4_096;

type Decoded = Arc<dyn Any + Send + Sync>;

/// Decoded configurations by revision: one that changes gets a new revision. Begins anew when it is full, which costs each
/// bucket that is in use one decoding.
#[derive(Default)]
pub struct Cache(RwLock<HashMap<Uuid, Decoded>>);

impl Cache {
    fn get(&self, revision: &Uuid) -> Option<Decoded> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(revision).cloned()
    }

    fn insert(&self, revision: Uuid, document: Decoded) {
        let mut cached = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if cached.len() >= CACHED {
            cached.clear();
        }
        cached.insert(revision, document);
    }
}

/// The configurations that there are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Kind {
    Lifecycle,
    Tagging,
    Acl,
    Policy,
    Cors,
    Encryption,
    Website,
    Logging,
    RequestPayment,
    IntelligentTiering,
}

impl Kind {
    pub(super) fn key(self) -> String {
        format!("{self:?}")
    }
}

/// A configuration of a bucket, as it is kept.
pub trait Document: Serialize + DeserializeOwned + Send + Sync + 'static {
    const KIND: Kind;
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DocumentRecord {
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

impl DocumentRecord {
    pub fn encode<D: Document>(document: &D) -> Result<Self, S3Error> {
        let body = rmp_serde::to_vec_named(document)
            .map_err(|error| S3Error::internal("writing a bucket's configuration", error))?;
        Ok(Self { body })
    }

    fn decode<D: Document>(&self) -> Result<D, S3Error> {
        rmp_serde::from_slice(&self.body)
            .map_err(|error| S3Error::internal("reading a bucket's configuration", error))
    }
}

impl Metadata {
    /// What the bucket is set to; `None` when it is not set.
    pub fn document<D: Document>(&self, bucket: &Bucket) -> Result<Option<Arc<D>>, S3Error> {
        let Some(revision) = bucket.record.documents.get(&D::KIND) else { return Ok(None) };
        let cached = self.documents.get(revision);
        if let Some(document) = cached.and_then(|document| document.downcast::<D>().ok()) {
            return Ok(Some(document));
        }
        let snapshot = self.read()?;
        let Some(record) = snapshot.get(&DOCUMENTS, &(bucket.record.id, D::KIND.key()))? else {
            return Ok(None); // It was removed since the bucket was looked up.
        };
        let document = Arc::new(record.decode::<D>()?);
        // What was read may be newer than the bucket's record that names its revision.
        let current = snapshot.get(&BUCKETS, &bucket.name)?;
        if let Some(current) = current.and_then(|record| record.documents.get(&D::KIND).copied()) {
            self.documents.insert(current, Arc::clone(&document) as Decoded);
        }
        Ok(Some(document))
    }

    /// Sets the bucket to `document`, or removes the configuration. `check` sees the bucket as it is in the transaction.
    ///
    /// Errors: NoSuchBucket (deleted meanwhile), and those of `check`.
    pub async fn set_document<D: Document>(
        &self,
        bucket: &Bucket,
        document: Option<&D>,
        check: impl FnOnce(&mut super::BucketRecord) -> Result<(), S3Error> + Send + 'static,
    ) -> Result<(), S3Error> {
        let document = document.map(DocumentRecord::encode).transpose()?;
        let bucket = bucket.clone();
        self.store
            .write(move |txn| {
                let mut record = check_bucket(txn, &bucket)?;
                check(&mut record)?;
                let at = (record.id, D::KIND.key());
                match &document {
                    Some(document) => {
                        record.documents.insert(D::KIND, Uuid::new_v4());
                        txn.put(&DOCUMENTS, &at, document)?;
                    }
                    None => {
                        record.documents.remove(&D::KIND);
                        txn.delete(&DOCUMENTS, &at)?;
                    }
                }
                Ok(txn.put(&BUCKETS, &bucket.name, &record)?)
            })
            .await
    }

    /// Changes what the bucket is set to, or removes it: `change` sees what it is in the transaction.
    ///
    /// Errors: NoSuchBucket (deleted meanwhile), and those of `change`.
    pub async fn change_document<D: Document>(
        &self,
        bucket: &Bucket,
        change: impl FnOnce(Option<D>) -> Result<Option<D>, S3Error> + Send + 'static,
    ) -> Result<(), S3Error> {
        let bucket = bucket.clone();
        self.store
            .write(move |txn| {
                let mut record = check_bucket(txn, &bucket)?;
                let at = (record.id, D::KIND.key());
                let before = txn.get(&DOCUMENTS, &at)?.map(|document| document.decode()).transpose()?;
                match change(before)? {
                    Some(document) => {
                        record.documents.insert(D::KIND, Uuid::new_v4());
                        txn.put(&DOCUMENTS, &at, &DocumentRecord::encode(&document)?)?;
                    }
                    None => {
                        record.documents.remove(&D::KIND);
                        txn.delete(&DOCUMENTS, &at)?;
                    }
                }
                Ok(txn.put(&BUCKETS, &bucket.name, &record)?)
            })
            .await
    }

    /// Changes the bucket's own record.
    ///
    /// Errors: NoSuchBucket (deleted meanwhile), and those of `change`.
    pub async fn update_bucket(
        &self,
        bucket: &Bucket,
        change: impl FnOnce(&mut super::BucketRecord) -> Result<(), S3Error> + Send + 'static,
    ) -> Result<(), S3Error> {
        let bucket = bucket.clone();
        self.store
            .write(move |txn| {
                let mut record = check_bucket(txn, &bucket)?;
                change(&mut record)?;
                Ok(txn.put(&BUCKETS, &bucket.name, &record)?)
            })
            .await
    }
}
