//! Tags of buckets and of objects.

use s3s::dto::*;

use super::Call;
use crate::error::S3Error;
use crate::events::EventName;
use crate::tags::{self, BucketTags, Of, Tags};

/// Source: Amazon S3 API reference, GetBucketTagging. Errors: NoSuchTagSet.
pub(super) async fn get_bucket_tagging(
    call: Call,
    input: GetBucketTaggingInput,
) -> Result<GetBucketTaggingOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    match call.s3.metadata().document::<BucketTags>(&bucket)? {
        Some(set) => Ok(GetBucketTaggingOutput { tag_set: shown(&set.tags) }),
        None => Err(S3Error::NoSuchConfiguration {
            code: "NoSuchTagSet",
            message: "The TagSet does not exist",
            bucket: bucket.name,
        }),
    }
}

/// Replaces the bucket's tags.
///
/// Errors: InvalidTag, BadRequest (more than 50).
/// Source: Amazon S3 API reference, PutBucketTagging.
pub(super) async fn put_bucket_tagging(
    call: Call,
    input: PutBucketTaggingInput,
) -> Result<PutBucketTaggingOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let tags = checked(Of::Bucket, input.tagging)?;
    call.s3.metadata().set_document(&bucket, Some(&BucketTags { tags }), |_| Ok(())).await?;
    Ok(PutBucketTaggingOutput::default())
}

/// Source: Amazon S3 API reference, DeleteBucketTagging.
pub(super) async fn delete_bucket_tagging(
    call: Call,
    input: DeleteBucketTaggingInput,
) -> Result<DeleteBucketTaggingOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    call.s3.metadata().set_document::<BucketTags>(&bucket, None, |_| Ok(())).await?;
    Ok(DeleteBucketTaggingOutput::default())
}

/// Source: Amazon S3 API reference, GetObjectTagging. Errors: NoSuchKey, NoSuchVersion.
pub(super) async fn get_object_tagging(
    call: Call,
    input: GetObjectTaggingInput,
) -> Result<GetObjectTaggingOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let wanted = Call::wanted(input.version_id.as_ref())?;
    let object = call.s3.open_object(&bucket, &input.key, wanted)?;
    let info = object.info();
    Ok(GetObjectTaggingOutput { tag_set: shown(&info.tags), version_id: info.version.clone() })
}

/// Replaces the tags of an object, or of one version of it.
///
/// Errors: NoSuchKey, NoSuchVersion, InvalidTag, BadRequest (more than 10).
/// Source: Amazon S3 API reference, PutObjectTagging.
pub(super) async fn put_object_tagging(
    call: Call,
    input: PutObjectTaggingInput,
) -> Result<PutObjectTaggingOutput, S3Error> {
    let tags = checked(Of::Object, input.tagging)?;
    let version_id = set(&call, &input.bucket, &input.key, input.version_id.as_ref(), Some(tags)).await?;
    Ok(PutObjectTaggingOutput { version_id })
}

/// Source: Amazon S3 API reference, DeleteObjectTagging. Errors: NoSuchKey, NoSuchVersion.
pub(super) async fn delete_object_tagging(
    call: Call,
    input: DeleteObjectTaggingInput,
) -> Result<DeleteObjectTaggingOutput, S3Error> {
    let version_id = set(&call, &input.bucket, &input.key, input.version_id.as_ref(), None).await?;
    Ok(DeleteObjectTaggingOutput { version_id })
}

/// Sets the tags, or removes them. Gives back the version as answers show it.
async fn set(
    call: &Call,
    bucket: &str,
    key: &str,
    version: Option<&String>,
    tags: Option<Tags>,
) -> Result<Option<String>, S3Error> {
    let bucket = call.bucket(bucket)?;
    let name = if tags.is_some() { EventName::TaggingPut } else { EventName::TaggingDeleted };
    let change = move |_: &mut _, content: &mut crate::store::ContentRecord| {
        content.tags = tags.unwrap_or_default();
        Ok(())
    };
    let (version, teller) = (Call::wanted(version)?, call.teller(name));
    let ((), object) = call.s3.metadata().update_object(&bucket, key, version, teller, change).await?;
    Ok(bucket.record.versioning.shown(object.version()))
}

fn checked(of: Of, tagging: Tagging) -> Result<Tags, S3Error> {
    let pairs =
        tagging.tag_set.into_iter().map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()));
    tags::check(of, pairs)
}

fn shown(tags: &Tags) -> TagSet {
    let tag = |(key, value): (&String, &String)| Tag { key: Some(key.clone()), value: Some(value.clone()) };
    tags.iter().map(tag).collect()
}
