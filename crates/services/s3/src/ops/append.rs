//! Appending to objects of directory buckets: a PutObject that names the offset at which its bytes go.
//!
//! The bytes become one more part of the object, in the transaction that sees that it still ends there; nothing is copied.

use s3s::dto::PutObjectInput;
use s3s::dto::PutObjectOutput;

use super::Call;
use super::convert::{
    checksum_type, checksums_of, etag, expected, request_body, set_checksum, set_encryption, size,
};
use crate::condition::WriteCondition;
use crate::digest::Coverage;
use crate::encryption::{BucketEncryption, Shown, check_not_overridden};
use crate::error::S3Error;
use crate::objects::Object;
use crate::store::{Append, Bucket, PartRecord};

/// The object that a request appends to. An offset of 0 where nothing is makes a new one.
///
/// Errors: InvalidWriteOffset, InvalidRequest (no body, or what only a new object takes).
pub(super) fn target(
    call: &Call,
    bucket: &Bucket,
    input: &PutObjectInput,
) -> Result<Option<Object>, S3Error> {
    let Some(offset) = input.write_offset_bytes else { return Ok(None) };
    if call.context.body_length == Some(0) {
        return Err(S3Error::invalid_request(
            "Request body cannot be empty when 'write offset' is specified.",
        ));
    }
    let object = match call.s3.open_object(bucket, &input.key, None) {
        Err(S3Error::NoSuchKey { .. }) if offset == 0 => return Ok(None),
        Err(S3Error::NoSuchKey { .. }) => return Err(S3Error::InvalidWriteOffset),
        opened => opened?,
    };
    if u64::try_from(offset) != Ok(object.info().size) {
        return Err(S3Error::InvalidWriteOffset);
    }
    let of_new_objects = input.metadata.as_ref().is_some_and(|metadata| !metadata.is_empty())
        || input.cache_control.is_some()
        || input.content_disposition.is_some()
        || input.content_encoding.is_some()
        || input.content_language.is_some()
        || input.expires.is_some();
    if of_new_objects {
        return Err(S3Error::invalid_request(
            "Cannot specify both a write offset value and user-defined object metadata for existing objects.",
        ));
    }
    Ok(Some(object))
}

/// Errors: InvalidWriteOffset (it changed meanwhile), TooManyParts, InvalidRequest (a checksum that cannot be continued),
/// PreconditionFailed, and those of a put.
pub(super) async fn append(
    call: &Call,
    bucket: &Bucket,
    input: PutObjectInput,
    object: Object,
) -> Result<PutObjectOutput, S3Error> {
    let (context, info) = (&call.context, object.info());
    object.check_there()?;
    let kept = info.checksum.as_ref().filter(|kept| kept.coverage == Coverage::FullObject);
    let algorithm = kept
        .map(|kept| kept.algorithm)
        .filter(|algorithm| algorithm.allows(Coverage::FullObject))
        .ok_or_else(|| {
            S3Error::invalid_request(
                "Only an object whose checksum is a CRC of all its bytes can be appended to.",
            )
        })?;
    let expected = expected(context, input.content_md5.as_ref(), &checksums_of!(input), Some(algorithm))?;
    if let Some((claimed, _)) = expected.claimed.as_ref().filter(|(claimed, _)| *claimed != algorithm) {
        return Err(S3Error::invalid_request(format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            algorithm.as_str().to_lowercase(),
            claimed.as_str().to_lowercase()
        )));
    }
    let default = call.s3.metadata().document::<BucketEncryption>(bucket)?;
    check_not_overridden(&context.headers, default.as_deref())?;
    let wrap = call.s3.part_sealing(&context.caller, info.encryption.as_ref(), &context.headers).await?;
    let condition = WriteCondition::of(&context.headers)?;
    let keeping = millpond_blob::WriteOptions { key: wrap.as_ref(), ..bucket.record.keeping(info.class) };
    let (placement, received) = call.s3.write_bytes(request_body(input.body), expected, keeping).await?;
    let part = PartRecord {
        size: received.size,
        md5: received.md5,
        checksum: received.checksum,
        other: None,
        modified: call.s3.now(),
        placement: placement.clone(),
        lost: false,
    };
    let append = Append { offset: info.size, content: info.id.id, upload: call.s3.new_id(), part, condition };
    let appended = call.s3.metadata().append(bucket, &input.key, append).await;
    let appended = call.s3.settle(&placement, appended, |_| false).await?;
    let checksum = appended.checksum.as_ref();
    let mut output = PutObjectOutput {
        e_tag: Some(etag(&appended.etag)),
        size: Some(size(appended.size)),
        checksum_type: checksum.map(checksum_type),
        ..PutObjectOutput::default()
    };
    let encryption = Shown::of(info.encryption.as_ref(), None);
    set_encryption!(output, encryption);
    set_checksum!(output, checksum);
    Ok(output)
}
