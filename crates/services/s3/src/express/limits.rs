//! What directory buckets do not have: operations, headers, parameters. All of it is refused by name. Pure.
//!
//! Source: Amazon S3 user guide, "Differences for directory buckets", and the API reference's notes on each operation.

use http::HeaderMap;
use millpond_policy::Principal;

use crate::context::Context;
use crate::error::S3Error;

/// The operations that directory buckets have.
const OPERATIONS: &[&str] = &[
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateBucket",
    "CreateMultipartUpload",
    "CreateSession",
    "DeleteBucket",
    "DeleteBucketEncryption",
    "DeleteBucketLifecycle",
    "DeleteBucketPolicy",
    "DeleteObject",
    "DeleteObjects",
    "GetBucketEncryption",
    "GetBucketLifecycleConfiguration",
    "GetBucketPolicy",
    "GetObject",
    "GetObjectAttributes",
    "HeadBucket",
    "HeadObject",
    "ListMultipartUploads",
    "ListObjectsV2",
    "ListParts",
    "PutBucketEncryption",
    "PutBucketLifecycleConfiguration",
    "PutBucketPolicy",
    "PutObject",
    "RenameObject",
    "UploadPart",
    "UploadPartCopy",
];

/// Beginnings of headers that mean nothing in a directory bucket.
const HEADERS: &[&str] = &[
    "x-amz-acl",
    "x-amz-bucket-object-lock-enabled",
    "x-amz-bypass-governance-retention",
    "x-amz-copy-source-server-side-encryption-customer-",
    "x-amz-grant-",
    "x-amz-mfa",
    "x-amz-object-lock-",
    "x-amz-object-ownership",
    "x-amz-request-payer",
    "x-amz-server-side-encryption-customer-",
    "x-amz-tagging",
    "x-amz-transition-default-minimum-object-size",
    "x-amz-website-redirect-location",
];

/// Refuses what a directory bucket does not have, before anything of the request is done.
///
/// Errors: AccessDenied (nobody signed), NotImplemented, InvalidArgument (a version).
pub fn check(operation: &str, context: &Context) -> Result<(), S3Error> {
    // Nothing in such a bucket is ever public.
    if matches!(context.caller.principal, Principal::Anonymous) {
        return Err(S3Error::access_denied());
    }
    if !OPERATIONS.contains(&operation) {
        return Err(S3Error::NotOfDirectoryBuckets { what: format!("The operation {operation}") });
    }
    check_headers(operation, &context.headers)?;
    match context.parameter("versionId").filter(|version| version != "null") {
        Some(version) => Err(S3Error::invalid_argument(
            "Invalid version id specified: directory buckets have no versions",
            "versionId",
            version.into_owned(),
        )),
        None => Ok(()),
    }
}

fn check_headers(operation: &str, headers: &HeaderMap) -> Result<(), S3Error> {
    let copies = operation == "CopyObject";
    let refused = headers.keys().map(http::HeaderName::as_str).find(|name| {
        let directive = copies && *name == "x-amz-tagging-directive";
        // Bodies of objects are held against their checksum alone.
        let digest = *name == "content-md5" && matches!(operation, "PutObject" | "UploadPart");
        digest || (!directive && HEADERS.iter().any(|start| name.starts_with(start)))
    });
    match refused {
        Some(name) => Err(S3Error::HeaderNotImplemented { header: name.to_owned() }),
        None => Ok(()),
    }
}

/// Errors: InvalidArgument (another delimiter than `/`, a prefix that does not end in it, a key to start after).
pub fn check_listing(
    prefix: Option<&str>,
    delimiter: Option<&str>,
    start_after: Option<&str>,
) -> Result<(), S3Error> {
    let set = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let checks = [
        (
            "delimiter",
            set(delimiter).filter(|text| text != "/"),
            "Directory buckets have no other delimiter than /",
        ),
        (
            "prefix",
            set(prefix).filter(|text| !text.ends_with('/')),
            "In directory buckets a prefix must end in the delimiter /",
        ),
        ("start-after", set(start_after), "Directory buckets have no start-after"),
    ];
    for (name, value, message) in checks {
        if let Some(value) = value {
            return Err(S3Error::invalid_argument(message, name, value));
        }
    }
    Ok(())
}

/// The parts that an upload is completed with are numbered from 1 without a gap.
///
/// Errors: InvalidPartOrder.
pub fn check_parts(upload: &str, numbers: impl Iterator<Item = i32>) -> Result<(), S3Error> {
    let mut expected = 1..;
    match numbers.zip(&mut expected).all(|(number, expected)| number == expected) {
        true => Ok(()),
        false => Err(S3Error::InvalidPartOrder { upload: upload.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::KNOWN;

    #[test]
    fn the_operations_are_known() {
        assert!(OPERATIONS.is_sorted() && OPERATIONS.iter().all(|name| KNOWN.contains(name)));
        assert!(HEADERS.is_sorted());
    }

    #[test]
    fn headers() {
        for (operation, name, passes) in [
            ("PutObject", "x-amz-meta-acl", true),
            ("PutObject", "x-amz-storage-class", true),
            ("PutObject", "x-amz-acl", false),
            ("PutObject", "x-amz-grant-read", false),
            ("PutObject", "x-amz-tagging", false),
            ("PutObject", "content-md5", false),
            ("DeleteObjects", "content-md5", true),
            ("PutObject", "x-amz-server-side-encryption", true),
            ("PutObject", "x-amz-server-side-encryption-customer-key", false),
            ("CopyObject", "x-amz-tagging-directive", true),
            ("CopyObject", "x-amz-tagging", false),
            ("CreateBucket", "x-amz-object-ownership", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(http::HeaderName::from_static(name), "x".parse().unwrap());
            assert_eq!(check_headers(operation, &headers).is_ok(), passes, "{operation} {name}");
        }
    }

    #[test]
    fn listings() {
        for (prefix, delimiter, start_after, refused) in [
            (None, None, None, None),
            (Some(""), Some(""), Some(""), None),
            (Some("a/b/"), Some("/"), None, None),
            (Some("a/b"), Some("/"), None, Some("prefix")),
            (None, Some("-"), None, Some("delimiter")),
            (None, None, Some("k"), Some("start-after")),
        ] {
            let found = match check_listing(prefix, delimiter, start_after) {
                Err(S3Error::InvalidArgument { name, .. }) => Some(name),
                _ => None,
            };
            assert_eq!(found.as_deref(), refused);
        }
    }

    #[test]
    fn parts() {
        for (numbers, passes) in [(&[1, 2, 3][..], true), (&[1], true), (&[2], false), (&[1, 3], false)] {
            assert_eq!(check_parts("u", numbers.iter().copied()).is_ok(), passes, "{numbers:?}");
        }
    }
}
