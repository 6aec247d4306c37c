//! Between the wire's types and ours.

use std::time::{Duration, SystemTime};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use http_body_util::StreamBody;
use millpond_core::{AccountId, Timestamp};
use s3s::dto::{self, ETag, Metadata, Owner, StreamingBlob, TimestampFormat};

use crate::acl::canonical_id;
use crate::context::Context;
use crate::digest::{Algorithm, Checksum, parse_value};
use crate::error::S3Error;
use crate::objects::ByteStream;
use crate::receive::{Claimed, Expected, invalid_value, parse_md5};
use crate::service::{MAX_METADATA, MAX_PAGE, MAX_PUT};
use crate::store::Attributes;

/// Sets the one checksum field that there is a value for, of the five that many shapes have.
macro_rules! set_checksum {
    ($output:expr, $checksum:expr) => {
        if let Some(checksum) = $checksum {
            let text = Some(crate::digest::Checksum::text(checksum));
            match checksum.algorithm {
                crate::digest::Algorithm::Crc32 => $output.checksum_crc32 = text,
                crate::digest::Algorithm::Crc32c => $output.checksum_crc32c = text,
                crate::digest::Algorithm::Crc64Nvme => $output.checksum_crc64nvme = text,
                crate::digest::Algorithm::Sha1 => $output.checksum_sha1 = text,
                crate::digest::Algorithm::Sha256 => $output.checksum_sha256 = text,
            }
        }
    };
}
pub(super) use set_checksum;

/// The values of the five checksum fields that are there.
macro_rules! checksums_of {
    ($input:expr) => {
        [
            (crate::digest::Algorithm::Crc32, &$input.checksum_crc32),
            (crate::digest::Algorithm::Crc32c, &$input.checksum_crc32c),
            (crate::digest::Algorithm::Crc64Nvme, &$input.checksum_crc64nvme),
            (crate::digest::Algorithm::Sha1, &$input.checksum_sha1),
            (crate::digest::Algorithm::Sha256, &$input.checksum_sha256),
        ]
        .into_iter()
        .filter_map(|(algorithm, text)| text.clone().map(|text| (algorithm, text)))
        .collect::<Vec<(crate::digest::Algorithm, String)>>()
    };
}
pub(super) use checksums_of;

/// Sets what an answer says of an encryption that S3 does itself.
macro_rules! set_own_encryption {
    ($output:expr, $shown:expr) => {
        $output.server_side_encryption = $shown.method.map(s3s::dto::ServerSideEncryption::from_static);
        $output.ssekms_key_id = $shown.key.clone();
        $output.bucket_key_enabled = $shown.bucket_key;
    };
}
pub(super) use set_own_encryption;

/// Sets what an answer says of an object's encryption.
macro_rules! set_encryption {
    ($output:expr, $shown:expr) => {
        crate::ops::convert::set_own_encryption!($output, $shown);
        $output.sse_customer_algorithm = $shown.customer_algorithm.clone();
        $output.sse_customer_key_md5 = $shown.customer_md5.clone();
    };
}
pub(super) use set_encryption;

pub(crate) fn timestamp(at: Timestamp) -> dto::Timestamp {
    let since = Duration::from_millis(at.as_millis().max(0).unsigned_abs());
    dto::Timestamp::from(SystemTime::UNIX_EPOCH + since)
}

pub(crate) fn http_date(at: Timestamp) -> String {
    let mut text = Vec::new();
    // Writing into memory cannot fail, and every time of ours has an HTTP date.
    let _written = timestamp(at).format(TimestampFormat::HttpDate, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// To whole seconds, which is what HTTP's dates have.
pub(crate) fn from_timestamp(at: &dto::Timestamp) -> Option<Timestamp> {
    let mut text = Vec::new();
    at.format(TimestampFormat::EpochSeconds, &mut text).ok()?;
    let text = String::from_utf8(text).ok()?;
    text.parse().ok().and_then(Timestamp::from_secs_f64)
}

pub(super) fn etag(text: &str) -> ETag {
    ETag::Strong(text.to_owned())
}

pub(super) fn checksum_type(checksum: &Checksum) -> dto::ChecksumType {
    dto::ChecksumType::from_static(checksum.coverage.as_str())
}

pub(super) fn algorithm(of: Algorithm) -> dto::ChecksumAlgorithm {
    dto::ChecksumAlgorithm::from_static(of.as_str())
}

pub(super) fn owner(account: &AccountId) -> Owner {
    Owner { id: Some(canonical_id(account)), ..Owner::default() }
}

/// The number of entries on a page, from what was asked.
pub(super) fn page_size(asked: Option<i32>, name: &str) -> Result<usize, S3Error> {
    match asked {
        None => Ok(MAX_PAGE),
        Some(asked) => {
            let invalid = || {
                S3Error::invalid_argument(
                    "Argument max-keys must be an integer between 0 and 2147483647",
                    name,
                    asked.to_string(),
                )
            };
            usize::try_from(asked).map(|asked| asked.min(MAX_PAGE)).map_err(|_| invalid())
        }
    }
}

/// As many as fit into the shape's 32 bits.
pub(super) fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

pub(super) fn size(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Whether names are to be percent-encoded in a listing.
pub(super) fn is_encoded(encoding: Option<&dto::EncodingType>) -> Result<bool, S3Error> {
    match encoding.map(dto::EncodingType::as_str) {
        None => Ok(false),
        Some(dto::EncodingType::URL) => Ok(true),
        Some(other) => Err(S3Error::invalid_argument(
            "Invalid Encoding Method specified in Request",
            "encoding-type",
            other,
        )),
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters and `/`.
pub(crate) fn encode(text: &str, encoded: bool) -> String {
    if !encoded {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(char::from(byte))
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// User metadata within AWS's bound: the names and values of all together.
pub(super) fn metadata(
    given: Option<Metadata>,
) -> Result<std::collections::BTreeMap<String, String>, S3Error> {
    let metadata: std::collections::BTreeMap<_, _> = given.unwrap_or_default().into_iter().collect();
    let size = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > MAX_METADATA {
        return Err(S3Error::MetadataTooLarge { size, most: MAX_METADATA });
    }
    Ok(metadata)
}

/// The kept headers of any input that has them.
macro_rules! attributes_of {
    ($input:expr) => {
        crate::store::Attributes {
            content_type: $input.content_type.clone(),
            content_encoding: $input.content_encoding.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_language: $input.content_language.clone(),
            cache_control: $input.cache_control.clone(),
            expires: $input.expires.as_ref().and_then(crate::ops::convert::from_timestamp),
            metadata: crate::ops::convert::metadata($input.metadata.clone())?,
            leads_to: crate::website::check_location($input.website_redirect_location.as_ref())?,
        }
    };
}
pub(super) use attributes_of;

/// The lock that the headers of a new object ask for.
macro_rules! lock_of {
    ($call:expr, $bucket:expr, $input:expr) => {
        crate::ops::lock::of_headers(
            &$call,
            &$bucket,
            $input.object_lock_mode.as_ref(),
            $input.object_lock_retain_until_date.as_ref(),
            $input.object_lock_legal_hold_status.as_ref(),
        )
    };
}
pub(super) use lock_of;

/// The content type that S3 gives to what came without one.
pub(super) fn content_type(attributes: &Attributes) -> String {
    attributes.content_type.clone().unwrap_or_else(|| "binary/octet-stream".to_owned())
}

/// What a request says about the body that it sends. `required` is the algorithm that it must be of.
pub(super) fn expected(
    context: &Context,
    md5: Option<&String>,
    checksums: &[(Algorithm, String)],
    required: Option<Algorithm>,
) -> Result<Expected, S3Error> {
    let most = MAX_PUT.as_u64();
    if let Some(size) = context.body_length.filter(|size| *size > most) {
        return Err(S3Error::EntityTooLarge { size, most });
    }
    let mut expected = Expected {
        length: context.body_length,
        md5: md5.map(|text| parse_md5(text)).transpose()?,
        algorithm: required.unwrap_or(Algorithm::Crc64Nvme),
        ..Expected::anything(most)
    };
    let announced = context.header("x-amz-trailer").and_then(|text| {
        let mut names = text.split(',').map(str::trim);
        names.find_map(|name| Algorithm::ALL.into_iter().find(|a| a.header().eq_ignore_ascii_case(name)))
    });
    let claimed = match (checksums, announced, &context.trailers) {
        ([], None, _) => None,
        ([(algorithm, text)], None, _) => {
            let value = parse_value(*algorithm, text).ok_or_else(|| invalid_value(*algorithm))?;
            Some((*algorithm, Claimed::Value(value)))
        }
        ([], Some(algorithm), Some(trailers)) => Some((algorithm, Claimed::Trailer(trailers.clone()))),
        ([], Some(_), None) => {
            return Err(S3Error::invalid_request("A trailer needs a body in chunks (x-amz-content-sha256)."));
        }
        _ => {
            return Err(S3Error::invalid_request(
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            ));
        }
    };
    let named = context.header("x-amz-sdk-checksum-algorithm");
    if let Some((algorithm, _)) = &claimed {
        expected.algorithm = required.unwrap_or(*algorithm);
        expected.claimed = claimed;
    } else if let (Some(named), None) = (named, required) {
        let unknown = || {
            S3Error::invalid_request(
                "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
            )
        };
        expected.algorithm = Algorithm::parse(named).ok_or_else(unknown)?;
    }
    Ok(expected)
}

/// A request's body. Why it fails is in the context already; what stands here only ends the operation.
pub(super) fn request_body(body: Option<StreamingBlob>) -> ByteStream {
    match body {
        Some(body) => body
            .map(|bytes| bytes.map_err(|error| S3Error::internal("reading a request's body", error)))
            .boxed(),
        None => futures::stream::empty().boxed(),
    }
}

/// The body of an answer. Its first piece is read before the answer begins, so that what cannot be read is an error.
pub(super) async fn answer_body(mut body: ByteStream) -> Result<StreamingBlob, S3Error> {
    let first = body.try_next().await?;
    let body = stream::iter(first.map(Ok)).chain(body);
    let frames = body.map(|bytes| bytes.map(http_body::Frame::data).map_err(logged));
    Ok(StreamingBlob::from(s3s::Body::http_body_unsync(StreamBody::new(frames))))
}

/// The head of the answer is sent; all that is left is to break off, and to say why in the log.
fn logged(error: S3Error) -> S3Error {
    tracing::error!(error = ?error, "an object's bytes broke off");
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_on_demand() {
        assert_eq!(encode("a b/ü+1", true), "a%20b/%C3%BC%2B1");
        assert_eq!(encode("a b", false), "a b");
    }

    #[test]
    fn times_go_there_and_back() {
        let at = Timestamp::from_secs(1_732_182_629);
        assert_eq!(from_timestamp(&timestamp(at)), Some(at));
    }
}
