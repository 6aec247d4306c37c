//! Multipart uploads: create, part, list, complete, abort.

use s3s::dto::*;
use uuid::Uuid;

use super::Call;
use super::convert::{
    algorithm, attributes_of, checksum_type, checksums_of, count, encode, etag, expected, is_encoded,
    lock_of, owner, page_size, request_body, set_checksum, set_encryption, set_own_encryption, size,
    timestamp,
};
use super::lifecycle::{abort, expiration};
use crate::condition::WriteCondition;
use crate::decide::initiator;
use crate::digest::{Algorithm, Coverage};
use crate::encryption::{CustomerKey, Given, Shown, check_given};
use crate::error::S3Error;
use crate::events::EventName;
use crate::express;
use crate::keys;
use crate::listing::Question;
use crate::store::UploadRecord;
use crate::tags;
use crate::uploads::{Completion, NamedPart, check_part_number, parse_upload_id};

pub(super) fn part_number(number: i32) -> Result<u32, S3Error> {
    check_part_number(number)
}

fn upload_id(upload: Uuid) -> String {
    upload.simple().to_string()
}

/// Begins an upload.
///
/// Errors: NoSuchBucket, InvalidRequest (a checksum type that the algorithm does not have), MetadataTooLarge.
/// Source: Amazon S3 API reference, CreateMultipartUpload.
pub(super) async fn create_multipart_upload(
    call: Call,
    input: CreateMultipartUploadInput,
) -> Result<CreateMultipartUploadOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let checksum = checksum_of_upload(input.checksum_algorithm.as_ref(), input.checksum_type.as_ref())?;
    let (caller, headers) = (&call.context.caller, &call.context.headers);
    let sealing = call.s3.sealing(caller, &bucket, &input.key, headers).await?;
    let customer = CustomerKey::of(headers, Given::ForThis)?;
    let encryption = Shown::of(sealing.record.as_ref(), customer.as_ref());
    let record = UploadRecord {
        initiated: call.s3.now(),
        attributes: attributes_of!(input),
        checksum,
        tags: tags::parse_header(input.tagging.as_deref().unwrap_or_default())?,
        access: call.access_of_new_object(&bucket)?,
        initiator: initiator(&bucket, &call.context.caller),
        conditions: keys::kept(&call.context.headers).collect(),
        class: crate::class::StorageClass::asked(
            input.storage_class.as_ref().map(StorageClass::as_str),
            bucket.record.is_directory(),
        )?,
        lock: lock_of!(call, bucket, input)?,
        encryption: sealing.record,
    };
    let (abort_date, abort_rule_id) = abort(&call.s3, &bucket, &input.key, record.initiated)?;
    let upload = call.s3.begin_upload(&bucket, &input.key, record).await?;
    let mut output = CreateMultipartUploadOutput {
        bucket: Some(bucket.name),
        key: Some(input.key),
        upload_id: Some(upload_id(upload)),
        abort_date,
        abort_rule_id,
        checksum_algorithm: checksum.map(|(of, _)| algorithm(of)),
        checksum_type: checksum.map(|(_, coverage)| ChecksumType::from_static(coverage.as_str())),
        ssekms_encryption_context: encryption.context.clone(),
        ..CreateMultipartUploadOutput::default()
    };
    set_encryption!(output, encryption);
    Ok(output)
}

fn checksum_of_upload(
    named: Option<&ChecksumAlgorithm>,
    coverage: Option<&ChecksumType>,
) -> Result<Option<(Algorithm, Coverage)>, S3Error> {
    let coverage = match coverage.map(ChecksumType::as_str) {
        None => None,
        Some(ChecksumType::FULL_OBJECT) => Some(Coverage::FullObject),
        Some(ChecksumType::COMPOSITE) => Some(Coverage::Composite),
        Some(other) => {
            return Err(S3Error::invalid_argument(
                "Value for x-amz-checksum-type header is invalid.",
                "x-amz-checksum-type",
                other,
            ));
        }
    };
    let Some(named) = named else {
        return match coverage {
            None => Ok(None),
            Some(_) => Err(S3Error::invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            )),
        };
    };
    let algorithm = Algorithm::parse(named.as_str()).ok_or_else(|| {
        S3Error::invalid_request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, \
             CRC64NVME, SHA1, SHA256]",
        )
    })?;
    let coverage = coverage.unwrap_or(algorithm.default_coverage());
    if !algorithm.allows(coverage) {
        return Err(S3Error::invalid_request(format!(
            "The {} checksum type cannot be used with the {} checksum algorithm.",
            coverage.as_str(),
            algorithm.as_str().to_lowercase()
        )));
    }
    Ok(Some((algorithm, coverage)))
}

/// Receives a part, in place of the one that had its number.
///
/// Errors: NoSuchUpload, InvalidArgument (the part number), BadDigest, IncompleteBody, EntityTooLarge.
/// Source: Amazon S3 API reference, UploadPart.
pub(super) async fn upload_part(call: Call, input: UploadPartInput) -> Result<UploadPartOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let number = part_number(input.part_number)?;
    let upload = parse_upload_id(&input.upload_id)?;
    let record = call.s3.metadata().upload(&bucket, &input.key, upload)?;
    if call.context.body_length.is_none() {
        return Err(S3Error::MissingContentLength);
    }
    let required = record.algorithm();
    let expected =
        expected(&call.context, input.content_md5.as_ref(), &checksums_of!(input), Some(required))?;
    // An upload that named no algorithm takes parts with any.
    if let (Some((named, _)), Some((claimed, _))) = (record.checksum, &expected.claimed)
        && named != *claimed
    {
        return Err(S3Error::invalid_request(format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            named.as_str().to_lowercase(),
            claimed.as_str().to_lowercase()
        )));
    }
    let (caller, headers) = (&call.context.caller, &call.context.headers);
    let wrap = call.s3.part_sealing(caller, record.encryption.as_ref(), headers).await?;
    let customer = CustomerKey::of(headers, Given::ForThis)?;
    let encryption = Shown::of(record.encryption.as_ref(), customer.as_ref());
    let body = request_body(input.body);
    let at = (upload, number);
    let (received, _) =
        call.s3.write_part(&bucket, &input.key, at, body, expected, (record.class, wrap.as_ref())).await?;
    let mut output = UploadPartOutput { e_tag: Some(etag(&received.etag())), ..UploadPartOutput::default() };
    set_encryption!(output, encryption);
    set_checksum!(output, Some(received.shown()));
    Ok(output)
}

/// Makes the object of the named parts, at once and without copying them.
///
/// Errors: NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall, MalformedXML, PreconditionFailed, BadDigest.
/// Source: Amazon S3 API reference, CompleteMultipartUpload.
pub(super) async fn complete_multipart_upload(
    call: Call,
    input: CompleteMultipartUploadInput,
) -> Result<CompleteMultipartUploadOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let upload = parse_upload_id(&input.upload_id)?;
    let condition = WriteCondition::of(&call.context.headers)?;
    let completion = completion(&input)?;
    if bucket.record.is_directory() {
        express::check_parts(&input.upload_id, completion.parts.iter().map(|part| part.number))?;
    }
    if let Some(customer) = CustomerKey::of(&call.context.headers, Given::ForThis)? {
        match call.s3.metadata().upload(&bucket, &input.key, upload) {
            Ok(record) => {
                check_given(&call.context.caller, record.encryption.as_ref(), Some(&customer))?;
            }
            // It may be complete already, which is answered below.
            Err(S3Error::NoSuchUpload { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let teller = call.teller(EventName::CreatedUpload);
    let (placed, content) =
        call.s3.complete_upload(&bucket, &input.key, upload, completion, condition, teller).await?;
    let about = (input.key.as_str(), placed.object.size);
    let mut output = CompleteMultipartUploadOutput {
        expiration: expiration(&call.s3, &bucket, about, &content.tags, placed.object.modified)?,
        location: Some(format!("/{}/{}", bucket.name, encode(&input.key, true))),
        bucket: Some(bucket.name),
        key: Some(input.key),
        e_tag: Some(etag(&placed.object.etag)),
        version_id: placed.version,
        checksum_type: content.checksum.as_ref().map(checksum_type),
        ..CompleteMultipartUploadOutput::default()
    };
    let encryption = Shown::of(content.encryption.as_ref(), None);
    set_own_encryption!(output, encryption);
    set_checksum!(output, content.checksum.as_ref());
    Ok(output)
}

fn completion(input: &CompleteMultipartUploadInput) -> Result<Completion, S3Error> {
    let named = input.multipart_upload.as_ref().and_then(|upload| upload.parts.as_ref());
    let parts = named.ok_or(S3Error::MalformedXml)?.iter().map(|part| {
        let (Some(number), Some(tag)) = (part.part_number, &part.e_tag) else {
            return Err(S3Error::MalformedXml);
        };
        Ok(NamedPart { number, etag: tag.value().to_owned(), checksums: checksums_of!(part) })
    });
    let coverage = match input.checksum_type.as_ref().map(ChecksumType::as_str) {
        None => None,
        Some(ChecksumType::FULL_OBJECT) => Some(Coverage::FullObject),
        Some(ChecksumType::COMPOSITE) => Some(Coverage::Composite),
        Some(other) => {
            return Err(S3Error::invalid_argument(
                "Value for x-amz-checksum-type header is invalid.",
                "x-amz-checksum-type",
                other,
            ));
        }
    };
    Ok(Completion {
        parts: parts.collect::<Result<_, _>>()?,
        size: input.mpu_object_size.and_then(|size| u64::try_from(size).ok()),
        coverage,
        checksums: checksums_of!(input),
    })
}

/// Ends an upload without an object. Its parts are removed in the background.
///
/// Errors: NoSuchUpload.
/// Source: Amazon S3 API reference, AbortMultipartUpload.
pub(super) async fn abort_multipart_upload(
    call: Call,
    input: AbortMultipartUploadInput,
) -> Result<AbortMultipartUploadOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    call.s3.abort_upload(&bucket, &input.key, parse_upload_id(&input.upload_id)?).await?;
    Ok(AbortMultipartUploadOutput::default())
}

/// A page of an upload's parts.
///
/// Errors: NoSuchUpload.
/// Source: Amazon S3 API reference, ListParts.
pub(super) async fn list_parts(call: Call, input: ListPartsInput) -> Result<ListPartsOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let upload = parse_upload_id(&input.upload_id)?;
    let marker = input.part_number_marker.unwrap_or(0);
    let after = u32::try_from(marker).map_err(|_| {
        S3Error::invalid_argument(
            "Argument part-number-marker must be an integer between 0 and 2147483647",
            "part-number-marker",
            marker.to_string(),
        )
    })?;
    let limit = page_size(input.max_parts, "max-parts")?;
    let page = call.s3.list_parts(&bucket, &input.key, upload, after, limit)?;
    let record = page.upload;
    let shown = page.parts.iter().map(|(number, part)| {
        let mut shown = Part {
            e_tag: Some(etag(&part.etag())),
            last_modified: Some(timestamp(part.modified)),
            part_number: i32::try_from(*number).ok(),
            size: Some(size(part.size)),
            ..Part::default()
        };
        set_checksum!(shown, Some(part.other.as_ref().unwrap_or(&part.checksum)));
        shown
    });
    let shown: Vec<Part> = shown.collect();
    let began = owner(record.initiator.as_ref().unwrap_or(&bucket.record.account));
    let owner = owner(bucket.record.owner(record.access.owner.as_ref()));
    let (abort_date, abort_rule_id) = abort(&call.s3, &bucket, &input.key, record.initiated)?;
    Ok(ListPartsOutput {
        abort_date,
        abort_rule_id,
        bucket: Some(bucket.name),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        checksum_algorithm: record.checksum.map(|(of, _)| algorithm(of)),
        checksum_type: record.checksum.map(|(_, coverage)| ChecksumType::from_static(coverage.as_str())),
        initiator: Some(Initiator { id: began.id, ..Initiator::default() }),
        owner: Some(owner),
        is_truncated: Some(page.more),
        max_parts: Some(count(limit)),
        part_number_marker: Some(marker),
        next_part_number_marker: shown.last().and_then(|part| part.part_number),
        parts: Some(shown),
        storage_class: Some(StorageClass::from_static(record.class.as_str())),
        ..ListPartsOutput::default()
    })
}

/// A page of the uploads that are under way, by key and then by age.
///
/// Source: Amazon S3 API reference, ListMultipartUploads.
pub(super) async fn list_multipart_uploads(
    call: Call,
    input: ListMultipartUploadsInput,
) -> Result<ListMultipartUploadsOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let encoded = is_encoded(input.encoding_type.as_ref())?;
    let prefix = input.prefix.clone().unwrap_or_default();
    if bucket.record.is_directory() {
        express::check_listing(Some(&prefix), input.delimiter.as_deref(), None)?;
        if let Some(marker) = input.upload_id_marker.as_deref().filter(|marker| !marker.is_empty()) {
            let message = "Directory buckets have no upload-id-marker";
            return Err(S3Error::invalid_argument(message, "upload-id-marker", marker));
        }
    }
    let limit = page_size(input.max_uploads, "max-uploads")?;
    let after = input.key_marker.as_deref().filter(|marker| !marker.is_empty());
    // Without a key's marker an upload's has no meaning, and AWS passes over it.
    let after_upload =
        input.upload_id_marker.as_deref().filter(|marker| after.is_some() && !marker.is_empty());
    let after_upload = after_upload.map(|text| {
        Uuid::try_parse(text)
            .map_err(|_| S3Error::invalid_argument("Invalid uploadId marker", "upload-id-marker", text))
    });
    let after_upload = after_upload.transpose()?;
    let question = Question { prefix: &prefix, delimiter: input.delimiter.as_deref(), after, limit };
    let page = call.s3.list_uploads(&bucket, &question, after_upload)?;
    let account = &bucket.record.account;
    // The last entry is an upload or a common prefix; only the first has an id to go on from.
    let last_upload = page.items.last().filter(|(key, _)| page.next.as_ref() == Some(key));
    let next_upload = last_upload.map(|(_, (upload, _))| upload_id(*upload));
    let uploads = page.items.iter().map(|(key, (upload, record))| MultipartUpload {
        checksum_algorithm: record.checksum.map(|(of, _)| algorithm(of)),
        checksum_type: record.checksum.map(|(_, coverage)| ChecksumType::from_static(coverage.as_str())),
        initiated: Some(timestamp(record.initiated)),
        initiator: Some(Initiator {
            id: owner(record.initiator.as_ref().unwrap_or(account)).id,
            ..Initiator::default()
        }),
        key: Some(encode(key, encoded)),
        owner: Some(owner(bucket.record.owner(record.access.owner.as_ref()))),
        storage_class: Some(StorageClass::from_static(record.class.as_str())),
        upload_id: Some(upload_id(*upload)),
    });
    let prefixes = page.prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(encode(prefix, encoded)) });
    Ok(ListMultipartUploadsOutput {
        bucket: Some(bucket.name),
        uploads: Some(uploads.collect()),
        common_prefixes: (!page.prefixes.is_empty()).then(|| prefixes.collect()),
        is_truncated: Some(page.next.is_some()),
        max_uploads: Some(count(limit)),
        key_marker: Some(encode(input.key_marker.as_deref().unwrap_or_default(), encoded)),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        next_key_marker: page.next.as_ref().map(|last| encode(last, encoded)),
        next_upload_id_marker: page.next.as_ref().map(|_| next_upload.unwrap_or_default()),
        prefix: Some(encode(&prefix, encoded)),
        delimiter: input.delimiter.map(|text| encode(&text, encoded)),
        encoding_type: input.encoding_type,
        request_charged: None,
    })
}
