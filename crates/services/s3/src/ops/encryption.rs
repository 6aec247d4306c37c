//! What new objects of a bucket are encrypted with.

use s3s::dto::*;

use super::Call;
use crate::encryption::{BucketEncryption, Method};
use crate::error::S3Error;
use crate::store::Bucket;

/// A bucket that was not told otherwise encrypts under keys of the pond's own.
///
/// Source: Amazon S3 API reference, GetBucketEncryption.
pub(super) async fn get_bucket_encryption(
    call: Call,
    input: GetBucketEncryptionInput,
) -> Result<GetBucketEncryptionOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let set = call.s3.metadata().document::<BucketEncryption>(&bucket)?;
    let (method, key, bucket_key) = match set.as_deref() {
        Some(set) => (set.method, set.key.clone(), set.bucket_key),
        None => (Method::Pond, None, false),
    };
    let default = ServerSideEncryptionByDefault {
        kms_master_key_id: key,
        sse_algorithm: ServerSideEncryption::from_static(method.as_str()),
    };
    let rule = ServerSideEncryptionRule {
        apply_server_side_encryption_by_default: Some(default),
        bucket_key_enabled: Some(bucket_key),
    };
    let configuration = ServerSideEncryptionConfiguration { rules: vec![rule] };
    Ok(GetBucketEncryptionOutput { server_side_encryption_configuration: Some(configuration) })
}

/// Sets it; objects that are there keep theirs. The key is looked for when it is first used.
///
/// Errors: MalformedXML (not one rule, an unknown algorithm), InvalidArgument (a key or a bucket key that the algorithm does
/// not have), NotImplemented (what directory buckets do not have).
/// Source: Amazon S3 API reference, PutBucketEncryption.
pub(super) async fn put_bucket_encryption(
    call: Call,
    input: PutBucketEncryptionInput,
) -> Result<PutBucketEncryptionOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let [rule] = &input.server_side_encryption_configuration.rules[..] else {
        return Err(S3Error::MalformedXml);
    };
    let default = rule.apply_server_side_encryption_by_default.as_ref().ok_or(S3Error::MalformedXml)?;
    let method: Method = default.sse_algorithm.as_str().parse().map_err(|_| S3Error::MalformedXml)?;
    let key = default.kms_master_key_id.clone();
    let bucket_key = rule.bucket_key_enabled.unwrap_or(false);
    if let (Method::Pond, Some(key)) = (method, &key) {
        return Err(S3Error::invalid_argument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
            "KMSMasterKeyID",
            key,
        ));
    }
    if method == Method::KmsTwice && bucket_key {
        return Err(S3Error::invalid_argument(
            "S3 Bucket Keys are not supported for DSSE-KMS.",
            "BucketKeyEnabled",
            "true",
        ));
    }
    let bucket_key = match bucket.record.is_directory() {
        true => check_directory(&call, &bucket, method, key.as_deref())?,
        false => bucket_key,
    };
    let set = BucketEncryption { method, key, bucket_key };
    call.s3.metadata().set_document(&bucket, Some(&set), |_| Ok(())).await?;
    Ok(PutBucketEncryptionOutput::default())
}

/// Of a directory bucket: under one key of the customer's for good, with bucket keys always.
fn check_directory(call: &Call, bucket: &Bucket, method: Method, key: Option<&str>) -> Result<bool, S3Error> {
    let before = call.s3.metadata().document::<BucketEncryption>(bucket)?;
    let before = before.as_deref().and_then(|before| before.key.as_deref());
    match (method, key) {
        (Method::Pond, _) => Ok(false),
        (Method::KmsTwice, _) => {
            Err(S3Error::NotOfDirectoryBuckets { what: "The encryption aws:kms:dsse".into() })
        }
        (Method::Kms, None) => {
            Err(S3Error::NotOfDirectoryBuckets { what: "A key of KMS that AWS manages (aws/s3)".into() })
        }
        (Method::Kms, Some(key)) if before.is_some_and(|before| before != key) => {
            Err(S3Error::NotOfDirectoryBuckets { what: "Another key than the one that it had before".into() })
        }
        (Method::Kms, Some(_)) => Ok(true),
    }
}

/// Back to keys of the pond's own.
///
/// Source: Amazon S3 API reference, DeleteBucketEncryption.
pub(super) async fn delete_bucket_encryption(
    call: Call,
    input: DeleteBucketEncryptionInput,
) -> Result<DeleteBucketEncryptionOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    call.s3.metadata().set_document::<BucketEncryption>(&bucket, None, |_| Ok(())).await?;
    Ok(DeleteBucketEncryptionOutput::default())
}
