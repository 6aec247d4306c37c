//! Transactions over buckets.

use millpond_store::Reads as _;
use uuid::Uuid;

use super::{
    ACCOUNT_BUCKETS, BUCKETS, Bucket, BucketRecord, DOCUMENTS, DocumentRecord, GARBAGE, Garbage, Kind,
    Metadata, OBJECTS, UPLOADS, VERSIONS,
};
use crate::acl::Acl;
use crate::error::S3Error;

impl Metadata {
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
        mut record: BucketRecord,
        acl: Option<&Acl>,
        most: usize,
    ) -> Result<Option<BucketRecord>, S3Error> {
        let name = name.to_owned();
        let acl = acl.map(DocumentRecord::encode).transpose()?;
        self.store
            .write(move |txn| {
                if let Some(there) = txn.get(&BUCKETS, &name)? {
                    return Ok(Some(there));
                }
                if txn.prefix(&ACCOUNT_BUCKETS, &(&record.account,)).take(most).count() == most {
                    return Err(S3Error::TooManyBuckets);
                }
                if let Some(acl) = &acl {
                    record.documents.insert(Kind::Acl, Uuid::new_v4());
                    txn.put(&DOCUMENTS, &(record.id, Kind::Acl.key()), acl)?;
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
                let objects = txn.prefix(&OBJECTS, &(bucket.id,)).next().transpose()?.is_some();
                if objects || txn.prefix(&VERSIONS, &(bucket.id,)).next().transpose()?.is_some() {
                    return Err(S3Error::BucketNotEmpty { bucket: name });
                }
                let uploads: Vec<_> = txn.prefix(&UPLOADS, &(bucket.id,)).collect::<Result<_, _>>()?;
                for (at, _) in uploads {
                    txn.put(&GARBAGE, &at.2, &Garbage::Parts(at.2))?;
                    txn.delete(&UPLOADS, &at)?;
                }
                let documents: Vec<_> = txn.prefix(&DOCUMENTS, &(bucket.id,)).collect::<Result<_, _>>()?;
                for (at, _) in documents {
                    txn.delete(&DOCUMENTS, &at)?;
                }
                txn.delete(&ACCOUNT_BUCKETS, &(&bucket.account, &name))?;
                txn.delete(&BUCKETS, &name)?;
                Ok(())
            })
            .await
    }
}
