//! What other services work with: objects in process, without HTTP, in the name of a caller. Every method asks the policy
//! first.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use http::HeaderMap;
use millpond_core::{Region, Timestamp};
use millpond_gateway::Caller;

use crate::access::{authorize, conceal, find};
use crate::acl::Acl;
use crate::class::StorageClass;
use crate::condition::WriteCondition;
use crate::decide::Question;
use crate::error::S3Error;
use crate::events::EventName;
use crate::express::Directory;
use crate::keys::Keys;
use crate::listing;
use crate::lock::{BucketLock, Lock};
use crate::names;
use crate::objects::{ByteStream, Facts, Object, ObjectInfo};
use crate::ownership::{ObjectAccess, Ownership, all_blocked};
use crate::payment;
use crate::receive::Expected;
use crate::service::{MAX_PAGE, MAX_PUT, S3};
use crate::store::{Attributes, Bucket, BucketRecord, Target};
use crate::tags::Tags;
use crate::version::Versioning;

/// The bytes to put.
pub struct PutBody(ByteStream);

impl PutBody {
    pub fn stream(body: impl Stream<Item = Result<Bytes, S3Error>> + Send + 'static) -> Self {
        Self(body.boxed())
    }
}

impl From<Bytes> for PutBody {
    fn from(bytes: Bytes) -> Self {
        Self::stream(stream::iter([Ok(bytes)]))
    }
}

impl From<Vec<u8>> for PutBody {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for PutBody {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<ByteStream> for PutBody {
    fn from(body: ByteStream) -> Self {
        Self(body)
    }
}

/// What is kept with an object that is put.
#[derive(Debug, Clone, Default)]
pub struct PutOptions {
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub metadata: BTreeMap<String, String>,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    pub prefix: String,
    /// Rolls up what lies deeper, as `/` does; `None` lists everything under the prefix.
    pub delimiter: Option<String>,
    /// Go on behind this: the `next` of the page before.
    pub start_after: Option<String>,
    /// At most 1,000, which is also what `None` means.
    pub max_keys: Option<usize>,
}

/// A page of a listing.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    pub objects: Vec<ObjectSummary>,
    pub common_prefixes: Vec<String>,
    /// Where the next page begins, when there is one.
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSummary {
    pub key: String,
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    pub last_modified: Timestamp,
}

/// The bucket, if the caller may do this in it.
fn enter(s3: &S3, caller: &Caller, action: &str, bucket: &str, key: Option<&str>) -> Result<Bucket, S3Error> {
    let bucket = authorize(s3, caller, action, bucket, key)?;
    payment::check_in_process(caller, &bucket)?;
    Ok(bucket)
}

impl S3 {
    /// Needs s3:GetObject. Errors: NoSuchBucket, NoSuchKey, AccessDenied.
    pub async fn head(&self, caller: &Caller, bucket: &str, key: &str) -> Result<ObjectInfo, S3Error> {
        let bucket = enter(self, caller, "s3:GetObject", bucket, Some(key))?;
        Ok(self.open_object(&bucket, key, None)?.info().clone())
    }

    /// One version of an object, for any number of reads. Needs s3:GetObject.
    ///
    /// Errors: NoSuchBucket, NoSuchKey, AccessDenied, InvalidObjectState (archived, and not restored),
    /// InvalidRequest (only its customer has the key), those of KMS.
    pub async fn get(&self, caller: &Caller, bucket: &str, key: &str) -> Result<Object, S3Error> {
        let bucket = enter(self, caller, "s3:GetObject", bucket, Some(key))?;
        let opened = self.open_object(&bucket, key, None);
        let object =
            opened.map_err(|error| conceal(self, error, Some(Question::new(caller, "", &bucket, None))))?;
        object.check_readable(self.now(), false)?;
        self.note_access(&bucket, object.info());
        object.unlocked(caller, None).await
    }

    /// A range of an object, clipped to it. Needs s3:GetObject.
    pub async fn get_range(
        &self,
        caller: &Caller,
        bucket: &str,
        key: &str,
        range: std::ops::Range<u64>,
    ) -> Result<Bytes, S3Error> {
        self.get(caller, bucket, key).await?.bytes(range).await
    }

    /// Puts an object, encrypted as its bucket says; it is durable when this returns. Needs s3:PutObject.
    ///
    /// Errors: NoSuchBucket, AccessDenied, KeyTooLong, EntityTooLarge (more than 5 GiB).
    pub async fn put(
        &self,
        caller: &Caller,
        bucket: &str,
        key: &str,
        body: impl Into<PutBody>,
        options: PutOptions,
    ) -> Result<ObjectInfo, S3Error> {
        self.put_with(caller, bucket, key, body, options, &HeaderMap::new()).await
    }

    /// As [`S3::put`]; `headers` say whom the object lets in.
    pub(crate) async fn put_with(
        &self,
        caller: &Caller,
        bucket: &str,
        key: &str,
        body: impl Into<PutBody>,
        options: PutOptions,
        headers: &HeaderMap,
    ) -> Result<ObjectInfo, S3Error> {
        let bucket = enter(self, caller, "s3:PutObject", bucket, Some(key))?;
        self.put_allowed(caller, &bucket, key, body, options, headers).await
    }

    /// What [`S3::put_with`] does once it is known that the caller may.
    pub(crate) async fn put_allowed(
        &self,
        caller: &Caller,
        bucket: &Bucket,
        key: &str,
        body: impl Into<PutBody>,
        options: PutOptions,
        headers: &HeaderMap,
    ) -> Result<ObjectInfo, S3Error> {
        let PutOptions { content_type, content_encoding, metadata } = options;
        let attributes = Attributes { content_type, content_encoding, metadata, ..Attributes::default() };
        let expected = Expected::anything(MAX_PUT.as_u64());
        let access = ObjectAccess::of_new_object(&bucket.record, &caller.principal, headers)?;
        let sealing = self.sealing(caller, bucket, key, headers).await?;
        let encryption = sealing.record.clone();
        let teller = self.teller(caller, EventName::CreatedPut);
        let class = StorageClass::asked(None, bucket.record.is_directory())?;
        let facts = Facts {
            class,
            attributes: attributes.clone(),
            access: access.clone(),
            sealing,
            teller,
            ..Facts::default()
        };
        let body = body.into().0;
        let written = self.write_object(bucket, key, body, expected, facts, WriteCondition::None).await?;
        Ok(ObjectInfo {
            key: key.to_owned(),
            size: written.received.size,
            etag: written.etag,
            last_modified: written.modified,
            attributes,
            checksum: Some(written.received.checksum),
            parts: None,
            version: written.version,
            tags: Tags::new(),
            access,
            class,
            restore: None,
            tiering: None,
            id: written.id,
            lock: Lock::default(),
            encryption,
            lost: false,
        })
    }

    /// A page of a bucket's keys, in order. Needs s3:ListBucket.
    pub async fn list(&self, caller: &Caller, bucket: &str, query: &ListQuery) -> Result<Listing, S3Error> {
        let bucket = find(self, caller, "s3:ListBucket", bucket, None)?;
        let mut keys = Keys::default();
        keys.put("s3:prefix", query.prefix.clone());
        if let Some(delimiter) = &query.delimiter {
            keys.put("s3:delimiter", delimiter.clone());
        }
        self.decide(&Question { keys, ..Question::new(caller, "s3:ListBucket", &bucket, None) })?;
        payment::check_in_process(caller, &bucket)?;
        let question = listing::Question {
            prefix: &query.prefix,
            delimiter: query.delimiter.as_deref(),
            after: query.start_after.as_deref(),
            limit: query.max_keys.unwrap_or(MAX_PAGE).min(MAX_PAGE),
        };
        let page = self.list_objects(&bucket, &question)?;
        let objects = page.items.into_iter().map(|(key, record)| ObjectSummary {
            key,
            size: record.size,
            etag: record.etag,
            last_modified: record.modified,
        });
        Ok(Listing { objects: objects.collect(), common_prefixes: page.prefixes, next: page.next })
    }

    /// Removes an object; no error when there is none. Needs s3:DeleteObject.
    pub async fn delete(&self, caller: &Caller, bucket: &str, key: &str) -> Result<(), S3Error> {
        let bucket = enter(self, caller, "s3:DeleteObject", bucket, Some(key))?;
        let target = Target {
            key: key.to_owned(),
            version: None,
            condition: WriteCondition::None,
            bypass_governance: false,
        };
        self.remove_object(&bucket, target, self.teller(caller, EventName::Removed)).await.map(drop)
    }

    /// Needs s3:GetBucketLocation. Errors: AccessDenied.
    pub async fn bucket_exists(&self, caller: &Caller, bucket: &str) -> Result<bool, S3Error> {
        match enter(self, caller, "s3:GetBucketLocation", bucket, None) {
            Ok(_) => Ok(true),
            Err(S3Error::NoSuchBucket { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a bucket in the caller's region; fine when the caller's account owns it already. Needs s3:CreateBucket.
    ///
    /// Errors: InvalidBucketName, BucketAlreadyExists, TooManyBuckets, AccessDenied.
    pub async fn create_bucket(&self, caller: &Caller, bucket: &str) -> Result<(), S3Error> {
        crate::access::authorize_new_bucket(caller, "s3:CreateBucket", bucket, &Keys::default())?;
        match self
            .make_bucket(caller, bucket, caller.scope.region.clone(), (Ownership::default(), None), None)
            .await?
        {
            None => Ok(()),
            Some(there) if there.account == caller.scope.account => Ok(()),
            Some(_) => Err(S3Error::BucketAlreadyExists { bucket: bucket.to_owned() }),
        }
    }

    /// The record that has the name, if it is taken.
    pub(crate) async fn make_bucket(
        &self,
        caller: &Caller,
        name: &str,
        region: Region,
        (ownership, acl): (Ownership, Option<&Acl>),
        lock: Option<BucketLock>,
    ) -> Result<Option<BucketRecord>, S3Error> {
        names::check_new_bucket(name)?;
        let record = BucketRecord {
            id: self.new_id(),
            account: caller.scope.account.clone(),
            region,
            created: self.now(),
            // Only versions can be locked.
            versioning: if lock.is_some() { Versioning::Enabled } else { Versioning::Never },
            documents: BTreeMap::new(),
            ownership,
            public_access_block: all_blocked(),
            lock,
            directory: None,
        };
        self.metadata().create_bucket(name, record, acl, self.settings().buckets_per_account).await
    }

    /// As [`S3::make_bucket`], of a directory bucket.
    pub(crate) async fn make_directory_bucket(
        &self,
        caller: &Caller,
        name: &str,
        directory: Directory,
    ) -> Result<Option<BucketRecord>, S3Error> {
        let record = BucketRecord {
            id: self.new_id(),
            account: caller.scope.account.clone(),
            region: caller.scope.region.clone(),
            created: self.now(),
            versioning: Versioning::Never,
            documents: BTreeMap::new(),
            ownership: Ownership::default(),
            public_access_block: all_blocked(),
            lock: None,
            directory: Some(directory),
        };
        self.metadata().create_bucket(name, record, None, self.settings().buckets_per_account).await
    }

    pub(crate) async fn remove_bucket(&self, name: &str) -> Result<(), S3Error> {
        self.metadata().delete_bucket(name).await?;
        self.0.garbage.wake();
        Ok(())
    }
}
