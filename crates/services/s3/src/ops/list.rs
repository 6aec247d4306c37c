//! Listings of objects: version 2, version 1, and the versions that there are.

use millpond_core::PageToken;
use s3s::dto::*;

use super::Call;
use super::convert::{algorithm, count, encode, etag, is_encoded, owner, page_size, size, timestamp};
use crate::error::S3Error;
use crate::express;
use crate::listing::{Page, Question};
use crate::store::{Bucket, BucketRecord, ObjectRecord, What};
use crate::version::Wanted;

/// A page of keys in byte order.
///
/// Errors: NoSuchBucket, InvalidArgument (a continuation token of another request, a negative number of keys, what directory
/// buckets do not have).
/// Source: Amazon S3 API reference, ListObjectsV2.
/// Differs from AWS: directory buckets are listed in byte order too, and without the prefixes of uploads that are under way.
pub(super) async fn list_objects_v2(
    call: Call,
    input: ListObjectsV2Input,
) -> Result<ListObjectsV2Output, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let encoded = is_encoded(input.encoding_type.as_ref())?;
    if bucket.record.is_directory() {
        let (prefix, delimiter) = (input.prefix.as_deref(), input.delimiter.as_deref());
        express::check_listing(prefix, delimiter, input.start_after.as_deref())?;
    }
    let prefix = input.prefix.clone().unwrap_or_default();
    let belongs =
        format!("{} {prefix}\n{}", bucket.record.id, input.delimiter.as_deref().unwrap_or_default());
    let after = match &input.continuation_token {
        None => input.start_after.clone(),
        Some(token) => Some(PageToken::decode(token, &belongs).map_err(|_| {
            S3Error::invalid_argument(
                "The continuation token provided is incorrect",
                "continuation-token",
                token,
            )
        })?),
    };
    let limit = page_size(input.max_keys, "max-keys")?;
    let restores = asks_for_restores(&call, input.optional_object_attributes.as_deref())?;
    let question =
        Question { prefix: &prefix, delimiter: input.delimiter.as_deref(), after: after.as_deref(), limit };
    let page = call.s3.list_objects(&bucket, &question)?;
    let owners = input.fetch_owner.unwrap_or(false).then_some(&bucket.record);
    Ok(ListObjectsV2Output {
        name: Some(bucket.name.clone()),
        key_count: Some(count(page.items.len() + page.prefixes.len())),
        max_keys: Some(count(limit)),
        is_truncated: Some(page.next.is_some()),
        continuation_token: input.continuation_token,
        next_continuation_token: page.next.as_ref().map(|last| PageToken::encode(last, &belongs)),
        common_prefixes: common_prefixes(&page, encoded),
        contents: Some(contents(page, encoded, owners, restores)),
        prefix: Some(encode(&prefix, encoded)),
        delimiter: input.delimiter.map(|text| encode(&text, encoded)),
        start_after: input.start_after.map(|text| encode(&text, encoded)),
        encoding_type: input.encoding_type,
        request_charged: None,
    })
}

/// As version 2, going on from a key.
///
/// Source: Amazon S3 API reference, ListObjects.
pub(super) async fn list_objects(call: Call, input: ListObjectsInput) -> Result<ListObjectsOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let encoded = is_encoded(input.encoding_type.as_ref())?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let limit = page_size(input.max_keys, "max-keys")?;
    let restores = asks_for_restores(&call, input.optional_object_attributes.as_deref())?;
    let after = input.marker.as_deref().filter(|marker| !marker.is_empty());
    let delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let page = call.s3.list_objects(&bucket, &Question { prefix: &prefix, delimiter, after, limit })?;
    // Without a delimiter the last key is the marker, and S3 does not say it twice.
    let next_marker = page.next.as_ref().filter(|_| delimiter.is_some()).map(|last| encode(last, encoded));
    Ok(ListObjectsOutput {
        name: Some(bucket.name.clone()),
        max_keys: Some(count(limit)),
        is_truncated: Some(page.next.is_some()),
        next_marker,
        common_prefixes: common_prefixes(&page, encoded),
        contents: Some(contents(page, encoded, Some(&bucket.record), restores)),
        prefix: Some(encode(&prefix, encoded)),
        marker: Some(encode(input.marker.as_deref().unwrap_or_default(), encoded)),
        delimiter: input.delimiter.map(|text| encode(&text, encoded)),
        encoding_type: input.encoding_type,
        request_charged: None,
    })
}

/// Every version of every key and every delete marker, by key and then newest first.
///
/// Errors: InvalidArgument (a version marker without a key's, or none of ours).
/// Source: Amazon S3 API reference, ListObjectVersions.
pub(super) async fn list_object_versions(
    call: Call,
    input: ListObjectVersionsInput,
) -> Result<ListObjectVersionsOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let encoded = is_encoded(input.encoding_type.as_ref())?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let limit = page_size(input.max_keys, "max-keys")?;
    let after = input.key_marker.as_deref().filter(|marker| !marker.is_empty());
    let restores = asks_for_restores(&call, input.optional_object_attributes.as_deref())?;
    let after_version = after_version(&call, &bucket, after, input.version_id_marker.as_deref())?;
    let question = Question { prefix: &prefix, delimiter: input.delimiter.as_deref(), after, limit };
    let page = call.s3.list_versions(&bucket, &question, after_version)?;
    // The last entry is a version or a common prefix; only the first has an id to go on from.
    let last = page.items.last().filter(|(key, _)| page.next.as_ref() == Some(key));
    let next_version = last.map(|(_, row)| row.version().to_string());
    let common_prefixes = common_prefixes(&page, encoded);
    let (mut versions, mut markers) = (Vec::new(), Vec::new());
    for (key, row) in page.items {
        let (key, version_id) = (Some(encode(&key, encoded)), Some(row.version().to_string()));
        let is_latest = Some(row.superseded.is_none());
        let recorded = match &row.what {
            What::Object(record) => record.owner.as_ref(),
            What::Marker(_) => None,
        };
        let owner = Some(owner(bucket.record.owner(recorded)));
        match row.what {
            What::Object(record) => versions.push(ObjectVersion {
                checksum_algorithm: record.checksum.map(|(of, _)| vec![algorithm(of)]),
                checksum_type: record.checksum.map(|(_, of)| ChecksumType::from_static(of.as_str())),
                e_tag: Some(etag(&record.etag)),
                is_latest,
                key,
                last_modified: Some(timestamp(record.modified)),
                owner,
                restore_status: restores.and_then(|now| restore_status(&record, now)),
                size: Some(size(record.size)),
                storage_class: Some(ObjectVersionStorageClass::from_static(record.class.as_str())),
                version_id,
            }),
            What::Marker(marker) => markers.push(DeleteMarkerEntry {
                is_latest,
                key,
                last_modified: Some(timestamp(marker.modified)),
                owner,
                version_id,
            }),
        }
    }
    Ok(ListObjectVersionsOutput {
        versions: Some(versions),
        delete_markers: (!markers.is_empty()).then_some(markers),
        common_prefixes,
        name: Some(bucket.name),
        max_keys: Some(count(limit)),
        is_truncated: Some(page.next.is_some()),
        next_version_id_marker: next_version,
        next_key_marker: page.next.map(|last| encode(&last, encoded)),
        key_marker: Some(encode(input.key_marker.as_deref().unwrap_or_default(), encoded)),
        version_id_marker: Some(input.version_id_marker.unwrap_or_default()),
        prefix: Some(encode(&prefix, encoded)),
        delimiter: input.delimiter.map(|text| encode(&text, encoded)),
        encoding_type: input.encoding_type,
        ..ListObjectVersionsOutput::default()
    })
}

/// When a listing is to say how restores stand: now.
///
/// Errors: InvalidArgument (an attribute that listings do not have).
fn asks_for_restores(
    call: &Call,
    asked: Option<&[OptionalObjectAttributes]>,
) -> Result<Option<millpond_core::Timestamp>, S3Error> {
    let mut names =
        asked.unwrap_or_default().iter().flat_map(|names| names.as_str().split(',')).map(str::trim);
    match names.find(|name| *name != OptionalObjectAttributes::RESTORE_STATUS) {
        Some(other) => Err(S3Error::invalid_argument(
            "Invalid attribute name specified",
            "x-amz-optional-object-attributes",
            other,
        )),
        None => Ok(asked.filter(|asked| !asked.is_empty()).map(|_| call.s3.now())),
    }
}

fn restore_status(record: &ObjectRecord, now: millpond_core::Timestamp) -> Option<RestoreStatus> {
    let restore = record.restore?;
    let is_restore_in_progress = Some(restore.is_ongoing());
    match restore.expires {
        Some(expires) if expires <= now => None,
        expires => {
            Some(RestoreStatus { is_restore_in_progress, restore_expiry_date: expires.map(timestamp) })
        }
    }
}

/// The place of a version marker in the order of its key.
fn after_version(
    call: &Call,
    bucket: &Bucket,
    key: Option<&str>,
    marker: Option<&str>,
) -> Result<Option<u64>, S3Error> {
    let Some(marker) = marker.filter(|marker| !marker.is_empty()) else { return Ok(None) };
    let invalid = |message: &str| S3Error::invalid_argument(message, "version-id-marker", marker);
    let key = key.ok_or_else(|| invalid("A version-id marker cannot be specified without a key marker."))?;
    match Wanted::parse(marker).map_err(|_| invalid("Invalid version id specified"))? {
        Wanted::Id { sequence, .. } => Ok(Some(sequence)),
        Wanted::Null => call.s3.metadata().null_sequence(bucket, key),
    }
}

fn common_prefixes<T>(page: &Page<T>, encoded: bool) -> Option<Vec<CommonPrefix>> {
    let prefixes = page.prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(encode(prefix, encoded)) });
    (!page.prefixes.is_empty()).then(|| prefixes.collect())
}

fn contents(
    page: Page<ObjectRecord>,
    encoded: bool,
    owners: Option<&BucketRecord>,
    restores: Option<millpond_core::Timestamp>,
) -> Vec<Object> {
    let shown = page.items.into_iter().map(|(key, record)| Object {
        checksum_algorithm: record.checksum.map(|(of, _)| vec![algorithm(of)]),
        checksum_type: record.checksum.map(|(_, coverage)| ChecksumType::from_static(coverage.as_str())),
        e_tag: Some(etag(&record.etag)),
        key: Some(encode(&key, encoded)),
        last_modified: Some(timestamp(record.modified)),
        owner: owners.map(|bucket| owner(bucket.owner_of(&record))),
        restore_status: restores.and_then(|now| restore_status(&record, now)),
        size: Some(size(record.size)),
        storage_class: Some(ObjectStorageClass::from_static(record.class.as_str())),
    });
    shown.collect()
}
