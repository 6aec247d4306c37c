//! Objects: put, get, head, attributes, delete, delete many.

use std::ops::Range;

use s3s::dto::*;

use super::convert::{
    answer_body, attributes_of, checksum_type, checksums_of, content_type, count, etag, expected,
    from_timestamp, http_date, lock_of, request_body, set_checksum, set_encryption, size, timestamp,
};
use super::lifecycle::{expiration, expiration_of};
use super::{Call, append, lock};
use crate::condition::{ReadConditions, Reader, WriteCondition};
use crate::context::Admission;
use crate::decide::Question;
use crate::digest::{Algorithm, Checksum};
use crate::encryption::{CustomerKey, Given as GivenFor, Shown, check_given};
use crate::error::S3Error;
use crate::events::EventName;
use crate::keys::Keys;
use crate::names;
use crate::objects::{Facts, Object};
use crate::service::MAX_PAGE;
use crate::store::{Bucket, Deleted, Target};
use crate::tags;
use crate::version::Wanted;

/// Puts an object; it is durable when this returns.
///
/// Errors: NoSuchBucket, PreconditionFailed, BadDigest, InvalidDigest, IncompleteBody, EntityTooLarge, MetadataTooLarge,
/// KeyTooLongError, MissingContentLength, InvalidStorageClass; InvalidWriteOffset, TooManyParts (appending).
/// Source: Amazon S3 API reference, PutObject.
pub(super) async fn put_object(call: Call, input: PutObjectInput) -> Result<PutObjectOutput, S3Error> {
    let context = &call.context;
    let bucket = call.bucket(&input.bucket)?;
    // A form's file ends with the form.
    if context.body_length.is_none() && context.admission != Admission::Form {
        return Err(S3Error::MissingContentLength);
    }
    if let Some(object) = append::target(&call, &bucket, &input)? {
        return append::append(&call, &bucket, input, object).await;
    }
    let attributes = attributes_of!(input);
    let condition = match input.write_offset_bytes {
        // There was nothing to append to.
        Some(_) => WriteCondition::Absent,
        None => WriteCondition::of(&context.headers)?,
    };
    let expected = expected(context, input.content_md5.as_ref(), &checksums_of!(input), None)?;
    let body = request_body(input.body);
    let tags = tags::parse_header(input.tagging.as_deref().unwrap_or_default())?;
    let access = call.access_of_new_object(&bucket)?;
    let class = crate::class::StorageClass::asked(
        input.storage_class.as_ref().map(StorageClass::as_str),
        bucket.record.is_directory(),
    )?;
    let lock = lock_of!(call, bucket, input)?;
    lock::check_digest(&call, &bucket, &lock)?;
    let sealing = call.s3.sealing(&context.caller, &bucket, &input.key, &context.headers).await?;
    let customer = CustomerKey::of(&context.headers, GivenFor::ForThis)?;
    let encryption = Shown::of(sealing.record.as_ref(), customer.as_ref());
    let created = match context.admission {
        Admission::Form => EventName::CreatedPost,
        Admission::Header | Admission::Presigned | Admission::Unsigned => EventName::CreatedPut,
    };
    let teller = call.s3.teller(&context.caller, created);
    let facts = Facts { attributes, tags: tags.clone(), access, class, lock, sealing, teller };
    let written = call.s3.write_object(&bucket, &input.key, body, expected, facts, condition).await?;
    let checksum = &written.received.checksum;
    let mut output = PutObjectOutput {
        version_id: written.version.clone(),
        expiration: expiration(
            &call.s3,
            &bucket,
            (&input.key, written.received.size),
            &tags,
            written.modified,
        )?,
        e_tag: Some(etag(&written.etag)),
        ssekms_encryption_context: encryption.context.clone(),
        checksum_type: Some(checksum_type(checksum)),
        ..PutObjectOutput::default()
    };
    set_encryption!(output, encryption);
    set_checksum!(output, Some(checksum));
    Ok(output)
}

/// What a read is asked to give.
struct Asked {
    range: Option<s3s::dto::Range>,
    range_text: String,
    part: Option<i32>,
    with_checksum: bool,
}

/// What it gives.
struct Given {
    bytes: Range<u64>,
    content_range: Option<String>,
    checksum: Option<Checksum>,
    parts_count: Option<i32>,
}

/// Which bytes of the object are meant, and which checksum goes with them.
fn resolve(object: &Object, asked: &Asked) -> Result<Given, S3Error> {
    let info = object.info();
    let all = 0..info.size;
    let shown =
        |bytes: &Range<u64>| format!("bytes {}-{}/{}", bytes.start, bytes.end.saturating_sub(1), info.size);
    let checksum = |checksum: Option<Checksum>| checksum.filter(|_| asked.with_checksum);
    match (&asked.range, asked.part) {
        (Some(_), Some(_)) => {
            Err(S3Error::invalid_request("Cannot specify both Range header and partNumber query parameter"))
        }
        (None, None) => Ok(Given {
            bytes: all,
            content_range: None,
            checksum: checksum(info.checksum.clone()),
            parts_count: None,
        }),
        (None, Some(position)) => {
            let wanted = super::multipart::part_number(position)?;
            let (placed, value) = object.part(wanted)?;
            let bytes = placed.start..placed.start + placed.size;
            let content_range = (info.size > 0).then(|| shown(&bytes));
            let parts_count = info.parts.and_then(|parts| i32::try_from(parts).ok());
            Ok(Given { bytes, content_range, checksum: checksum(value), parts_count })
        }
        (Some(range), None) => {
            let unsatisfiable = || S3Error::InvalidRange { range: asked.range_text.clone(), size: info.size };
            let bytes =
                range.check(info.size).ok().filter(|bytes| !bytes.is_empty()).ok_or_else(unsatisfiable)?;
            // A checksum of the whole says nothing about a piece.
            let value = checksum(info.checksum.clone()).filter(|_| bytes == all);
            Ok(Given { content_range: Some(shown(&bytes)), bytes, checksum: value, parts_count: None })
        }
    }
}

/// Fills what GetObject and HeadObject have in common.
macro_rules! read_output {
    ($Output:ident, $call:expr, $bucket:expr, $info:expr, $given:expr, $customer:expr) => {{
        let (info, given) = ($info, $given);
        let lock = lock::shown(&$call, &$bucket.name, &info.key, &info.lock);
        let attributes = &info.attributes;
        let mut output = $Output {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: attributes.cache_control.clone(),
            content_disposition: attributes.content_disposition.clone(),
            content_encoding: attributes.content_encoding.clone(),
            content_language: attributes.content_language.clone(),
            content_length: Some(size(given.bytes.end - given.bytes.start)),
            content_range: given.content_range.clone(),
            content_type: Some(content_type(attributes)),
            checksum_type: given.checksum.as_ref().map(checksum_type),
            e_tag: Some(etag(&info.etag)),
            expires: attributes.expires.map(timestamp),
            last_modified: Some(timestamp(info.last_modified)),
            metadata: Some(attributes.metadata.clone().into_iter().collect()),
            object_lock_legal_hold_status: lock.legal_hold,
            object_lock_mode: lock.retention.map(|kept| ObjectLockMode::from_static(kept.mode.as_str())),
            object_lock_retain_until_date: lock.retention.map(|kept| timestamp(kept.until)),
            parts_count: given.parts_count,
            storage_class: info.class.shown().map(StorageClass::from_static),
            restore: info.restore.and_then(|restore| restore.shown($call.s3.now(), http_date)),
            version_id: info.version.clone(),
            website_redirect_location: attributes.leads_to.clone(),
            ..$Output::default()
        };
        set_checksum!(output, given.checksum.as_ref());
        let encryption = Shown::of(info.encryption.as_ref(), $customer);
        set_encryption!(output, encryption);
        output
    }};
}

/// The customer's key that came with a request for an object: there when it is needed, and the right one.
fn customer_key(call: &Call, object: &Object) -> Result<Option<CustomerKey>, S3Error> {
    let given = CustomerKey::of(&call.context.headers, GivenFor::ForThis)?;
    check_given(&call.context.caller, object.info().encryption.as_ref(), given.as_ref())?;
    Ok(given)
}

/// Reads an object, a range of it or a part.
///
/// Errors: NoSuchKey, InvalidRange, InvalidPartNumber, PreconditionFailed, 304 Not Modified, InvalidObjectState (archived),
/// MethodNotAllowed (it is lost), ServiceUnavailable (its zones are away), and those of its key (see [`Object::unlocked`]).
/// Source: Amazon S3 API reference, GetObject.
pub(super) async fn get_object(call: Call, input: GetObjectInput) -> Result<GetObjectOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let overrides_response = input.response_cache_control.is_some()
        || input.response_content_disposition.is_some()
        || input.response_content_encoding.is_some()
        || input.response_content_language.is_some()
        || input.response_content_type.is_some()
        || input.response_expires.is_some();
    if overrides_response && call.context.caller.principal.account().is_none() {
        return Err(S3Error::invalid_request(
            "Request specific response headers cannot be used for anonymous GET requests.",
        ));
    }
    let object = call.s3.open_object(&bucket, &input.key, Call::wanted(input.version_id.as_ref())?)?;
    let (caller, customer) = (&call.context.caller, customer_key(&call, &object)?);
    let info = object.info();
    let modified_since = input.if_modified_since.as_ref().and_then(from_timestamp);
    let unmodified_since = input.if_unmodified_since.as_ref().and_then(from_timestamp);
    ReadConditions::of(&call.context.headers, Reader::Get, modified_since, unmodified_since).check(
        Reader::Get,
        &info.etag,
        info.last_modified,
    )?;
    object.check_readable(call.s3.now(), false)?;
    call.s3.note_access(&bucket, info);
    let given = resolve(
        &object,
        &Asked {
            range: input.range,
            range_text: call.context.header("range").unwrap_or_default().to_owned(),
            part: input.part_number,
            with_checksum: input.checksum_mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED),
        },
    )?;
    let object = object.clone().unlocked(caller, customer.as_ref()).await?;
    let mut output = read_output!(GetObjectOutput, call, bucket, info, &given, customer.as_ref());
    output.tag_count = (!info.tags.is_empty()).then(|| count(info.tags.len()));
    if input.version_id.is_none() {
        output.expiration = expiration_of(&call.s3, &bucket, info)?;
    }
    output.body = Some(answer_body(object.read(given.bytes)).await?);
    Ok(output)
}

/// What GetObject would say, without the bytes.
///
/// Errors: as GetObject's; HTTP leaves no room for their documents.
/// Source: Amazon S3 API reference, HeadObject.
pub(super) async fn head_object(call: Call, input: HeadObjectInput) -> Result<HeadObjectOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let object = call.s3.open_object(&bucket, &input.key, Call::wanted(input.version_id.as_ref())?)?;
    let (caller, customer) = (&call.context.caller, customer_key(&call, &object)?);
    let info = object.info();
    let modified_since = input.if_modified_since.as_ref().and_then(from_timestamp);
    let unmodified_since = input.if_unmodified_since.as_ref().and_then(from_timestamp);
    ReadConditions::of(&call.context.headers, Reader::Get, modified_since, unmodified_since).check(
        Reader::Get,
        &info.etag,
        info.last_modified,
    )?;
    object.check_there()?;
    let given = resolve(
        &object,
        &Asked {
            range: input.range,
            range_text: call.context.header("range").unwrap_or_default().to_owned(),
            part: input.part_number,
            with_checksum: input.checksum_mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED),
        },
    )?;
    if given.checksum.is_some() {
        // A checksum says something of the bytes.
        object.clone().unlocked(caller, customer.as_ref()).await?;
    }
    let mut output = read_output!(HeadObjectOutput, call, bucket, info, &given, customer.as_ref());
    output.archive_status = info.archive_tier().map(|tier| ArchiveStatus::from_static(tier.as_str()));
    if input.version_id.is_none() {
        output.expiration = expiration_of(&call.s3, &bucket, info)?;
    }
    Ok(output)
}

/// The attributes of an object that are asked for, without its bytes.
///
/// Errors: NoSuchKey, InvalidArgument (an attribute that does not exist).
/// Source: Amazon S3 API reference, GetObjectAttributes.
pub(super) async fn get_object_attributes(
    call: Call,
    input: GetObjectAttributesInput,
) -> Result<GetObjectAttributesOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let object = call.s3.open_object(&bucket, &input.key, Call::wanted(input.version_id.as_ref())?)?;
    customer_key(&call, &object)?;
    object.check_there()?;
    let info = object.info();
    let mut output = GetObjectAttributesOutput {
        last_modified: Some(timestamp(info.last_modified)),
        version_id: info.version.clone(),
        ..GetObjectAttributesOutput::default()
    };
    let names = input.object_attributes.iter().flat_map(|names| names.as_str().split(','));
    for name in names.map(str::trim) {
        match name {
            ObjectAttributes::ETAG => output.e_tag = Some(etag(&info.etag)),
            ObjectAttributes::OBJECT_SIZE => output.object_size = Some(size(info.size)),
            ObjectAttributes::STORAGE_CLASS => {
                output.storage_class = Some(StorageClass::from_static(info.class.as_str()))
            }
            ObjectAttributes::CHECKSUM => {
                output.checksum = info.checksum.as_ref().map(|value| {
                    let mut shown = s3s::dto::Checksum {
                        checksum_type: Some(checksum_type(value)),
                        ..s3s::dto::Checksum::default()
                    };
                    set_checksum!(shown, Some(value));
                    shown
                });
            }
            ObjectAttributes::OBJECT_PARTS => output.object_parts = object_parts(&object, &input)?,
            other => {
                return Err(S3Error::invalid_argument(
                    "Invalid attribute name specified.",
                    "x-amz-object-attributes",
                    other,
                ));
            }
        }
    }
    Ok(output)
}

/// `None` for an object that came in one piece. As on AWS, the parts themselves are shown where they have a checksum that
/// somebody asked for, and otherwise counted.
fn object_parts(
    object: &Object,
    input: &GetObjectAttributesInput,
) -> Result<Option<GetObjectAttributesParts>, S3Error> {
    let Some(total) = object.info().parts else { return Ok(None) };
    let total_parts_count = i32::try_from(total).ok();
    let algorithm = object.info().checksum.as_ref().map(|checksum| checksum.algorithm);
    if algorithm.is_none_or(|algorithm| algorithm == Algorithm::Crc64Nvme) {
        return Ok(Some(GetObjectAttributesParts {
            total_parts_count,
            ..GetObjectAttributesParts::default()
        }));
    }
    let after = u32::try_from(input.part_number_marker.unwrap_or(0)).unwrap_or(0);
    let limit = super::convert::page_size(input.max_parts, "x-amz-max-parts")?;
    let mut rest = object.parts()?.into_iter().filter(|(position, _)| *position > after);
    let mut parts = Vec::new();
    for (position, part) in rest.by_ref().take(limit) {
        let mut shown = ObjectPart {
            part_number: i32::try_from(position).ok(),
            size: Some(size(part.size)),
            ..ObjectPart::default()
        };
        set_checksum!(shown, Some(&part.checksum));
        parts.push(shown);
    }
    let more = rest.next().is_some();
    Ok(Some(GetObjectAttributesParts {
        is_truncated: Some(more),
        max_parts: Some(count(limit)),
        next_part_number_marker: parts.last().and_then(|part| part.part_number),
        part_number_marker: Some(input.part_number_marker.unwrap_or(0)),
        parts: Some(parts),
        total_parts_count,
    }))
}

/// Removes an object, or one version of it for good; no error when there is none.
///
/// Errors: PreconditionFailed, AccessDenied (the version is locked).
/// Source: Amazon S3 API reference, DeleteObject.
pub(super) async fn delete_object(
    call: Call,
    input: DeleteObjectInput,
) -> Result<DeleteObjectOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let version = Call::wanted(input.version_id.as_ref())?;
    let if_match = input.if_match.as_ref().map(|tag| tag.as_etag().map_or("*", ETag::value));
    let condition = WriteCondition::of_delete(if_match);
    let bypass_governance = lock::bypasses(&call, &bucket.name, &input.key);
    let deleted = call
        .s3
        .remove_object(
            &bucket,
            Target { key: input.key, version, condition, bypass_governance },
            call.teller(EventName::Removed),
        )
        .await?;
    Ok(DeleteObjectOutput {
        delete_marker: deleted.marker.then_some(true),
        version_id: deleted.version,
        ..DeleteObjectOutput::default()
    })
}

/// Removes up to 1,000 objects in one transaction. Keys that the caller may not remove are reported, the others go.
///
/// Errors: MalformedXML (no key, or too many).
/// Source: Amazon S3 API reference, DeleteObjects.
pub(super) async fn delete_objects(
    call: Call,
    input: DeleteObjectsInput,
) -> Result<DeleteObjectsOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let wanted = input.delete.objects;
    if wanted.is_empty() || wanted.len() > MAX_PAGE {
        return Err(S3Error::MalformedXml);
    }
    let (mut targets, mut errors) = (Vec::new(), Vec::new());
    let refused = |object: &ObjectIdentifier, error: S3Error| s3s::dto::Error {
        code: Some(error.code().to_owned()),
        key: Some(object.key.clone()),
        message: Some(error.to_string()),
        version_id: object.version_id.clone(),
    };
    let note = |object: &ObjectIdentifier, error: Option<&S3Error>| {
        call.context.note_removal(&object.key, object.version_id.as_deref(), error);
    };
    for object in wanted {
        match target(&call, &bucket, &object) {
            Ok(target) => targets.push((object, target)),
            Err(error) => {
                note(&object, Some(&error));
                errors.push(refused(&object, error));
            }
        }
    }
    let (objects, targets): (Vec<_>, Vec<_>) = targets.into_iter().unzip();
    let removed = call.s3.remove_objects(&bucket, targets, call.teller(EventName::Removed)).await?;
    let mut deleted = Vec::new();
    for (object, removed) in objects.into_iter().zip(removed) {
        note(&object, removed.as_ref().err());
        match removed {
            Ok(removed) => deleted.push(shown(object, removed)),
            Err(error) => errors.push(refused(&object, error)),
        }
    }
    let quiet = input.delete.quiet.unwrap_or(false);
    Ok(DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: (!errors.is_empty()).then_some(errors),
        request_charged: None,
    })
}

/// A deletion as the answer to DeleteObjects shows it: the version that was asked for, and the delete marker that was made
/// or removed.
fn shown(object: ObjectIdentifier, removed: Deleted) -> DeletedObject {
    DeletedObject {
        key: Some(object.key),
        delete_marker: removed.marker.then_some(true),
        delete_marker_version_id: removed.version.filter(|_| removed.marker),
        version_id: object.version_id,
    }
}

fn target(call: &Call, bucket: &Bucket, object: &ObjectIdentifier) -> Result<Target, S3Error> {
    names::check_key(&object.key)?;
    if object.last_modified_time.is_some() || object.size.is_some() {
        return Err(S3Error::NotImplemented {
            what: "A condition on a key to delete (LastModifiedTime, Size)".into(),
        });
    }
    let version = match object.version_id.as_deref() {
        None => None,
        Some(text) if bucket.record.is_directory() && text != "null" => {
            return Err(S3Error::NotOfDirectoryBuckets { what: format!("The version {text}") });
        }
        Some(text) => Some(
            Wanted::parse(text)
                .map_err(|_| S3Error::NoSuchVersion { key: object.key.clone(), version: text.to_owned() })?,
        ),
    };
    let action = if version.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
    let mut keys = Keys::default();
    if let Some(version) = &object.version_id {
        keys.put("s3:versionid", version.clone());
    }
    call.s3.decide(&Question {
        version,
        keys,
        ..Question::of(&call.context, action, bucket, Some(&object.key))
    })?;
    let condition = WriteCondition::of_delete(object.e_tag.as_ref().map(ETag::value));
    let bypass_governance = lock::bypasses(call, &bucket.name, &object.key);
    Ok(Target { key: object.key.clone(), version, condition, bypass_governance })
}
