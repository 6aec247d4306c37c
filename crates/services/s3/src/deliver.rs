//! Log files of other services: put as their services put them on AWS, with the bucket owner's full control, by the leave of the
//! bucket's policy.

use http::{HeaderMap, HeaderName, HeaderValue};
use millpond_gateway::Caller;

use crate::decide::Question;
use crate::domain::{PutBody, PutOptions};
use crate::error::S3Error;
use crate::keys::Keys;
use crate::objects::ObjectInfo;
use crate::service::S3;
use crate::store::Bucket;

const ACL: &str = "x-amz-acl";
const FULL_CONTROL: &str = "bucket-owner-full-control";

impl S3 {
    /// Whether a service may deliver under `key`, and may see that it gives its files to the bucket's owner: s3:GetBucketAcl
    /// and s3:PutObject with that list. It tells a bucket that is not there from one that is closed.
    ///
    /// Errors: NoSuchBucket, AccessDenied.
    pub fn check_delivery(&self, caller: &Caller, bucket: &str, key: &str) -> Result<(), S3Error> {
        let bucket = self.metadata().bucket(bucket)?;
        self.decide(&Question::new(caller, "s3:GetBucketAcl", &bucket, None))?;
        self.decide(&of_delivery(caller, &bucket, key))
    }

    /// As [`S3::put`], with `bucket-owner-full-control`.
    pub async fn deliver(
        &self,
        caller: &Caller,
        bucket: &str,
        key: &str,
        body: impl Into<PutBody>,
        options: PutOptions,
    ) -> Result<ObjectInfo, S3Error> {
        let bucket = self.metadata().bucket(bucket)?;
        self.decide(&of_delivery(caller, &bucket, key))?;
        let list = (HeaderName::from_static(ACL), HeaderValue::from_static(FULL_CONTROL));
        self.put_allowed(caller, &bucket, key, body, options, &HeaderMap::from_iter([list])).await
    }
}

fn of_delivery<'a>(caller: &'a Caller, bucket: &'a Bucket, key: &'a str) -> Question<'a> {
    let mut keys = Keys::default();
    keys.put("s3:x-amz-acl", FULL_CONTROL);
    Question { of_new_object: true, keys, ..Question::new(caller, "s3:PutObject", bucket, Some(key)) }
}
