//! What intelligent tiering needs of the store: which buckets have had objects of the class, and when objects were read.

use millpond_core::Timestamp;
use millpond_store::{Reads as _, Span, Table, Txn};

use super::objects::update;
use super::{BUCKETS, Bucket, Metadata, check_bucket};
use crate::class::StorageClass;
use crate::error::S3Error;
use crate::tiering::Tiering;
use crate::version::{VersionId, Wanted};

/// Names of buckets that have had objects in tiers, which is where the daily run looks.
const TIERED: Table<String, ()> = Table::new("s3.tiered-buckets");

/// A version that was read.
#[derive(Debug, Clone)]
pub struct Accessed {
    pub bucket: Bucket,
    pub key: String,
    pub version: VersionId,
    pub at: Timestamp,
}

/// An object comes into a class in a bucket.
pub(super) fn note_tiers(txn: &mut Txn<'_>, bucket: &str, class: StorageClass) -> Result<(), S3Error> {
    if class == StorageClass::IntelligentTiering {
        txn.insert_new(&TIERED, bucket, &())?;
    }
    Ok(())
}

impl Metadata {
    /// Buckets that are older than the list of those with tiers may all have some.
    pub async fn note_older_tiers(&self) -> Result<(), S3Error> {
        self.store
            .write(move |txn| {
                let names = txn.scan(&BUCKETS, Span::all()).map(|entry| entry.map(|(name, _)| name));
                let names: Vec<String> = names.collect::<Result<_, _>>()?;
                for name in names {
                    txn.put(&TIERED, &name, &())?;
                }
                Ok(())
            })
            .await
    }

    /// The next bucket with tiers, in the order of names.
    pub fn next_with_tiers(&self, after: Option<&str>) -> Result<Option<String>, S3Error> {
        let snapshot = self.read()?;
        let span = after.map_or_else(Span::all, |after| Span::all().after(after));
        let next = snapshot.scan(&TIERED, span).next().transpose()?;
        Ok(next.map(|(name, ())| name))
    }

    /// A bucket is gone; one that was made anew meanwhile is looked at.
    pub async fn forget_tiers(&self, name: String) -> Result<(), S3Error> {
        self.store
            .write(move |txn| {
                if !txn.contains(&BUCKETS, &name)? {
                    txn.delete(&TIERED, &name)?;
                }
                Ok(())
            })
            .await
    }

    /// Objects were read: they are in the frequent tier from then on. What was removed, moved or archived meanwhile is passed
    /// over. The tiers that are read at once keep their bytes alike, so that none is moved.
    pub async fn set_accessed(&self, accessed: Vec<Accessed>) -> Result<(), S3Error> {
        self.store
            .write(move |txn| {
                for Accessed { bucket, key, version, at } in accessed {
                    if let Err(error @ (S3Error::Internal { .. } | S3Error::InsufficientStorage)) =
                        set_accessed(txn, &bucket, &key, version, at)
                    {
                        return Err(error);
                    }
                }
                Ok(())
            })
            .await
    }
}

fn set_accessed(
    txn: &mut Txn<'_>,
    bucket: &Bucket,
    key: &str,
    version: VersionId,
    at: Timestamp,
) -> Result<(), S3Error> {
    let record = check_bucket(txn, bucket)?;
    let wanted = Some(Wanted::from(version));
    update(txn, &record, key, wanted, |_, object, _| {
        if object.content == version.id
            && let Some(tiering) = object.tiering().filter(|tiering| !tiering.tier.is_archive())
        {
            object.tiering = Some(Tiering { accessed: at.max(tiering.accessed), ..Tiering::frequent(at) });
        }
        Ok(())
    })
    .map(drop)
}
