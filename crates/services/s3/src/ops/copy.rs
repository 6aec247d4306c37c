//! Copies: of whole objects, and of ranges into parts. The bytes are read and written anew, so that a copy has an ETag of
//! its own, as on AWS.

use s3s::dto::*;

use super::Call;
use super::convert::{
    attributes_of, checksum_type, etag, from_timestamp, lock_of, set_checksum, set_encryption, timestamp,
};
use super::multipart::part_number;
use crate::access::source_question;
use crate::condition::{ReadConditions, Reader, WriteCondition};
use crate::decide::Question;
use crate::digest::Algorithm;
use crate::encryption::{CustomerKey, Given, Shown, names_encryption};
use crate::error::S3Error;
use crate::events::EventName;
use crate::objects::{Facts, Object};
use crate::receive::Expected;
use crate::service::MAX_PUT;
use crate::store::{Attributes, Bucket};
use crate::tags;
use crate::uploads::parse_upload_id;
use crate::version::Wanted;

/// Opens what is to be copied; that the caller may read it was checked in `access`.
macro_rules! open_source {
    ($call:expr, $input:expr) => {{
        let CopySource::Bucket { bucket, key, version_id } = &$input.copy_source else {
            return Err(S3Error::NotImplemented { what: "A copy from an access point".into() });
        };
        let wanted = version_id.as_deref().map(Wanted::parse).transpose()?;
        let source_bucket = $call.bucket(bucket)?;
        let source = $call.s3.open_object(&source_bucket, key, wanted)?;
        let modified_since = $input.copy_source_if_modified_since.as_ref().and_then(from_timestamp);
        let unmodified_since = $input.copy_source_if_unmodified_since.as_ref().and_then(from_timestamp);
        ReadConditions::of(&$call.context.headers, Reader::Copy, modified_since, unmodified_since).check(
            Reader::Copy,
            &source.info().etag,
            source.info().last_modified,
        )?;
        source.check_readable($call.s3.now(), true)?;
        $call.s3.note_access(&source_bucket, source.info());
        // A copy of an older version onto its key brings it back.
        let same = wanted.is_none() && &**bucket == $input.bucket.as_str() && &**key == $input.key.as_str();
        let key = CustomerKey::of(&$call.context.headers, Given::ForSource)?;
        (source.unlocked(&$call.context.caller, key.as_ref()).await?, same)
    }};
}

/// Copies an object of up to 5 GiB, with its metadata or with what the request carries.
///
/// Errors: NoSuchKey (no source), PreconditionFailed, InvalidRequest (onto itself with nothing changed; too large),
/// InvalidObjectState (an archived source), InvalidStorageClass.
/// Source: Amazon S3 API reference, CopyObject.
pub(super) async fn copy_object(call: Call, input: CopyObjectInput) -> Result<CopyObjectOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let (source, onto_itself) = open_source!(call, input);
    let info = source.info();
    if info.size > MAX_PUT.as_u64() {
        return Err(S3Error::invalid_request(format!(
            "The specified copy source is larger than the maximum allowable size for a copy source: {}",
            MAX_PUT.as_u64()
        )));
    }
    let (caller, headers) = (&call.context.caller, &call.context.headers);
    let onto_itself = onto_itself && !names_encryption(headers);
    let attributes = match input.metadata_directive.as_ref().map(MetadataDirective::as_str) {
        None | Some(MetadataDirective::COPY)
            if onto_itself && input.storage_class.is_none() && input.website_redirect_location.is_none() =>
        {
            return Err(S3Error::invalid_request(
                "This copy request is illegal because it is trying to copy an object to itself without changing the \
                 object's metadata, storage class, website redirect location or encryption attributes.",
            ));
        }
        // Where a website leads is each object's own.
        None | Some(MetadataDirective::COPY) => Attributes {
            leads_to: crate::website::check_location(input.website_redirect_location.as_ref())?,
            ..info.attributes.clone()
        },
        Some(MetadataDirective::REPLACE) => attributes_of!(input),
        Some(other) => {
            return Err(S3Error::invalid_argument(
                "Unknown metadata directive.",
                "x-amz-metadata-directive",
                other,
            ));
        }
    };
    let tags = match input.tagging_directive.as_ref().map(TaggingDirective::as_str) {
        None | Some(TaggingDirective::COPY) => {
            if !info.tags.is_empty() {
                check_copied_tags(&call, &bucket, &input)?;
            }
            info.tags.clone()
        }
        Some(TaggingDirective::REPLACE) => tags::parse_header(input.tagging.as_deref().unwrap_or_default())?,
        Some(other) => {
            return Err(S3Error::invalid_argument(
                "Unknown tagging directive.",
                "x-amz-tagging-directive",
                other,
            ));
        }
    };
    if bucket.record.is_directory() && !tags.is_empty() {
        return Err(S3Error::HeaderNotImplemented { header: "x-amz-tagging-directive".into() });
    }
    let expected = expected_copy(&source, input.checksum_algorithm.as_ref())?;
    // The conditions of the destination have no prefix.
    let condition = WriteCondition::of(&call.context.headers)?;
    let sealing = call.s3.sealing(caller, &bucket, &input.key, headers).await?;
    let customer = CustomerKey::of(headers, Given::ForThis)?;
    let encryption = Shown::of(sealing.record.as_ref(), customer.as_ref());
    let body = source.read(0..info.size);
    let access = call.access_of_new_object(&bucket)?;
    let class = crate::class::StorageClass::asked(
        input.storage_class.as_ref().map(StorageClass::as_str),
        bucket.record.is_directory(),
    )?;
    let lock = lock_of!(call, bucket, input)?;
    let teller = call.teller(EventName::CreatedCopy);
    let facts = Facts { attributes, tags: tags.clone(), access, class, lock, sealing, teller };
    let written = call.s3.write_object(&bucket, &input.key, body, expected, facts, condition).await?;
    let checksum = &written.received.checksum;
    let mut result = CopyObjectResult {
        e_tag: Some(etag(&written.etag)),
        last_modified: Some(timestamp(written.modified)),
        checksum_type: Some(checksum_type(checksum)),
        ..CopyObjectResult::default()
    };
    set_checksum!(result, Some(checksum));
    let mut output = CopyObjectOutput {
        copy_object_result: Some(result),
        expiration: super::lifecycle::expiration(
            &call.s3,
            &bucket,
            (&input.key, info.size),
            &tags,
            written.modified,
        )?,
        ssekms_encryption_context: encryption.context.clone(),
        version_id: written.version,
        copy_source_version_id: info.version.clone(),
        ..CopyObjectOutput::default()
    };
    set_encryption!(output, encryption);
    Ok(output)
}

/// Tags that go with a copy are read from its source and put on what it becomes.
fn check_copied_tags(call: &Call, bucket: &Bucket, input: &CopyObjectInput) -> Result<(), S3Error> {
    let CopySource::Bucket { bucket: source, key, version_id } = &input.copy_source else { return Ok(()) };
    let source = call.bucket(source)?;
    let version = version_id.as_deref();
    let action = if version.is_some() { "s3:GetObjectVersionTagging" } else { "s3:GetObjectTagging" };
    call.s3.decide(&source_question(&call.context, action, &source, key, version))?;
    let question = Question::of(&call.context, "s3:PutObjectTagging", bucket, Some(&input.key));
    call.s3.decide(&Question { of_new_object: true, ..question })
}

/// A copy keeps the algorithm of its source's checksum, unless it asks for another.
fn expected_copy(source: &Object, asked: Option<&ChecksumAlgorithm>) -> Result<Expected, S3Error> {
    let kept = source.info().checksum.as_ref().map_or(Algorithm::Crc64Nvme, |checksum| checksum.algorithm);
    let algorithm = match asked {
        None => kept,
        Some(asked) => Algorithm::parse(asked.as_str()).ok_or_else(|| {
            S3Error::invalid_argument(
                "Checksum algorithm provided is unsupported.",
                "x-amz-checksum-algorithm",
                asked.as_str(),
            )
        })?,
    };
    Ok(Expected { algorithm, length: Some(source.info().size), ..Expected::anything(MAX_PUT.as_u64()) })
}

/// Makes a part of an upload from an object or a range of it.
///
/// Errors: NoSuchUpload, NoSuchKey, InvalidArgument (the range), InvalidRequest (more than 5 GiB).
/// Source: Amazon S3 API reference, UploadPartCopy.
pub(super) async fn upload_part_copy(
    call: Call,
    input: UploadPartCopyInput,
) -> Result<UploadPartCopyOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let upload = parse_upload_id(&input.upload_id)?;
    let number = part_number(input.part_number)?;
    let record = call.s3.metadata().upload(&bucket, &input.key, upload)?;
    let (source, _) = open_source!(call, input);
    let range = match &input.copy_source_range {
        None => 0..source.info().size,
        Some(text) => copy_range(text, source.info().size)?,
    };
    let length = range.end - range.start;
    if length > MAX_PUT.as_u64() {
        return Err(S3Error::invalid_request(format!(
            "The specified copy source is larger than the maximum allowable size for a copy source: {}",
            MAX_PUT.as_u64()
        )));
    }
    let expected = Expected {
        algorithm: record.algorithm(),
        length: Some(length),
        ..Expected::anything(MAX_PUT.as_u64())
    };
    let (caller, headers) = (&call.context.caller, &call.context.headers);
    let wrap = call.s3.part_sealing(caller, record.encryption.as_ref(), headers).await?;
    let customer = CustomerKey::of(headers, Given::ForThis)?;
    let encryption = Shown::of(record.encryption.as_ref(), customer.as_ref());
    let (at, body) = ((upload, number), source.read(range));
    let (received, modified) =
        call.s3.write_part(&bucket, &input.key, at, body, expected, (record.class, wrap.as_ref())).await?;
    let mut result = CopyPartResult {
        e_tag: Some(etag(&received.etag())),
        last_modified: Some(timestamp(modified)),
        ..CopyPartResult::default()
    };
    set_checksum!(result, Some(&received.checksum));
    let mut output = UploadPartCopyOutput {
        copy_part_result: Some(result),
        copy_source_version_id: source.info().version.clone(),
        ..UploadPartCopyOutput::default()
    };
    set_encryption!(output, encryption);
    Ok(output)
}

/// `bytes=first-last`, wholly within the source.
fn copy_range(text: &str, size: u64) -> Result<std::ops::Range<u64>, S3Error> {
    let invalid = |message: String| S3Error::invalid_argument(message, "x-amz-copy-source-range", text);
    let form = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
                zero-based offsets of the first and last bytes to copy";
    match s3s::dto::Range::parse(text) {
        Ok(s3s::dto::Range::Int { first, last: Some(last) }) if last < size => Ok(first..last + 1),
        Ok(s3s::dto::Range::Int { last: Some(_), .. }) => {
            Err(invalid(format!("Range specified is not valid for source object of size: {size}")))
        }
        _ => Err(invalid(form.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_ranges() {
        for (text, expected) in [
            ("bytes=0-4", Some(0..5)),
            ("bytes=4-4", Some(4..5)),
            ("bytes=0-5", None),
            ("bytes=0-", None),
            ("bytes=-3", None),
            ("0-3", None),
        ] {
            assert_eq!(copy_range(text, 5).ok(), expected, "{text}");
        }
    }
}
