//! Who owns a bucket's objects, and what closes it to the public.

use s3s::dto::*;

use super::Call;
use crate::acl::Acl;
use crate::error::S3Error;
use crate::ownership::{Ownership, PublicAccessBlock};
use crate::store::{BucketRecord, Document as _};

/// Source: Amazon S3 API reference, GetBucketOwnershipControls. Errors: OwnershipControlsNotFoundError.
pub(super) async fn get_bucket_ownership_controls(
    call: Call,
    input: GetBucketOwnershipControlsInput,
) -> Result<GetBucketOwnershipControlsOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let ownership = bucket.record.ownership;
    if ownership == Ownership::Uncontrolled {
        return Err(S3Error::NoSuchConfiguration {
            code: "OwnershipControlsNotFoundError",
            message: "The bucket ownership controls were not found",
            bucket: bucket.name,
        });
    }
    let rule = OwnershipControlsRule { object_ownership: ObjectOwnership::from_static(ownership.as_str()) };
    Ok(GetBucketOwnershipControlsOutput { ownership_controls: Some(OwnershipControls { rules: vec![rule] }) })
}

/// Says who owns objects from now on. Where the bucket's owner is to own all, lists no longer count; those of objects are
/// kept, and count again when that ends.
///
/// Errors: MalformedXML, InvalidBucketAclWithObjectOwnership (the bucket's own list lets others in).
/// Source: Amazon S3 API reference, PutBucketOwnershipControls.
pub(super) async fn put_bucket_ownership_controls(
    call: Call,
    input: PutBucketOwnershipControlsInput,
) -> Result<PutBucketOwnershipControlsOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let [rule] = input.ownership_controls.rules.as_slice() else { return Err(S3Error::MalformedXml) };
    let ownership = Ownership::parse(rule.object_ownership.as_str()).ok_or(S3Error::MalformedXml)?;
    let set = move |record: &mut BucketRecord| {
        if ownership.is_enforced() && record.documents.contains_key(&Acl::KIND) {
            return Err(acl_under_enforcement());
        }
        record.ownership = ownership;
        Ok(())
    };
    call.s3.metadata().update_bucket(&bucket, set).await?;
    Ok(PutBucketOwnershipControlsOutput::default())
}

pub(super) fn acl_under_enforcement() -> S3Error {
    S3Error::InvalidBucketAcl {
        code: "InvalidBucketAclWithObjectOwnership",
        message: "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    }
}

/// Without controls a bucket is as buckets were before there were any: what is put belongs to its writer.
///
/// Source: Amazon S3 API reference, DeleteBucketOwnershipControls.
pub(super) async fn delete_bucket_ownership_controls(
    call: Call,
    input: DeleteBucketOwnershipControlsInput,
) -> Result<DeleteBucketOwnershipControlsOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let set = |record: &mut BucketRecord| {
        record.ownership = Ownership::Uncontrolled;
        Ok(())
    };
    call.s3.metadata().update_bucket(&bucket, set).await?;
    Ok(DeleteBucketOwnershipControlsOutput::default())
}

/// Source: Amazon S3 API reference, GetPublicAccessBlock. Errors: NoSuchPublicAccessBlockConfiguration.
pub(super) async fn get_public_access_block(
    call: Call,
    input: GetPublicAccessBlockInput,
) -> Result<GetPublicAccessBlockOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let block = bucket.record.public_access_block.ok_or_else(|| S3Error::NoSuchConfiguration {
        code: "NoSuchPublicAccessBlockConfiguration",
        message: "The public access block configuration was not found",
        bucket: bucket.name.clone(),
    })?;
    let shown = PublicAccessBlockConfiguration {
        block_public_acls: Some(block.block_acls),
        block_public_policy: Some(block.block_policy),
        ignore_public_acls: Some(block.ignore_acls),
        restrict_public_buckets: Some(block.restrict_buckets),
    };
    Ok(GetPublicAccessBlockOutput { public_access_block_configuration: Some(shown) })
}

/// What the request does not name is not blocked.
///
/// Source: Amazon S3 API reference, PutPublicAccessBlock.
pub(super) async fn put_public_access_block(
    call: Call,
    input: PutPublicAccessBlockInput,
) -> Result<PutPublicAccessBlockOutput, S3Error> {
    let wanted = input.public_access_block_configuration;
    let block = PublicAccessBlock {
        block_acls: wanted.block_public_acls.unwrap_or(false),
        ignore_acls: wanted.ignore_public_acls.unwrap_or(false),
        block_policy: wanted.block_public_policy.unwrap_or(false),
        restrict_buckets: wanted.restrict_public_buckets.unwrap_or(false),
    };
    set(&call, &input.bucket, Some(block)).await?;
    Ok(PutPublicAccessBlockOutput::default())
}

/// Blocks nothing from now on.
///
/// Source: Amazon S3 API reference, DeletePublicAccessBlock.
pub(super) async fn delete_public_access_block(
    call: Call,
    input: DeletePublicAccessBlockInput,
) -> Result<DeletePublicAccessBlockOutput, S3Error> {
    set(&call, &input.bucket, None).await?;
    Ok(DeletePublicAccessBlockOutput::default())
}

async fn set(call: &Call, bucket: &str, block: Option<PublicAccessBlock>) -> Result<(), S3Error> {
    let bucket = call.bucket(bucket)?;
    let set = move |record: &mut BucketRecord| {
        record.public_access_block = block;
        Ok(())
    };
    call.s3.metadata().update_bucket(&bucket, set).await
}
