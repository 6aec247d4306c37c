//! What AWS takes beside a request and Millpond does not act on is refused by name, on every operation. A value that asks
//! for what is so anyway is no request for anything, and passes.

use http::HeaderMap;

use crate::error::S3Error;

/// A header, and the values that pass.
struct Rule(&'static str, &'static [&'static str]);

const HEADERS: &[Rule] = &[
    // Buckets are owned by their account alone ("bucket owner enforced"), as AWS's new ones are.
    Rule("x-amz-acl", &["private", "bucket-owner-full-control"]),
    Rule("x-amz-bucket-object-lock-enabled", &["false", "False"]),
    Rule("x-amz-bypass-governance-retention", &["false", "False"]),
    Rule("x-amz-copy-source-server-side-encryption-customer-algorithm", &[]),
    Rule("x-amz-copy-source-server-side-encryption-customer-key", &[]),
    Rule("x-amz-copy-source-server-side-encryption-customer-key-md5", &[]),
    Rule("x-amz-grant-full-control", &[]),
    Rule("x-amz-grant-read", &[]),
    Rule("x-amz-grant-read-acp", &[]),
    Rule("x-amz-grant-write", &[]),
    Rule("x-amz-grant-write-acp", &[]),
    Rule("x-amz-if-match-initiated-time", &[]),
    Rule("x-amz-if-match-last-modified-time", &[]),
    Rule("x-amz-if-match-size", &[]),
    Rule("x-amz-mfa", &[]),
    Rule("x-amz-object-lock-legal-hold", &["OFF"]),
    Rule("x-amz-object-lock-mode", &[]),
    Rule("x-amz-object-lock-retain-until-date", &[]),
    Rule("x-amz-object-ownership", &["BucketOwnerEnforced"]),
    // Says that the caller would pay; nobody has to.
    Rule("x-amz-request-payer", &["requester"]),
    Rule("x-amz-server-side-encryption", &["AES256"]),
    Rule("x-amz-server-side-encryption-aws-kms-key-id", &[]),
    Rule("x-amz-server-side-encryption-bucket-key-enabled", &["false", "False"]),
    Rule("x-amz-server-side-encryption-context", &[]),
    Rule("x-amz-server-side-encryption-customer-algorithm", &[]),
    Rule("x-amz-server-side-encryption-customer-key", &[]),
    Rule("x-amz-server-side-encryption-customer-key-md5", &[]),
    Rule("x-amz-website-redirect-location", &[]),
    Rule("x-amz-write-offset-bytes", &[]),
];

pub fn check(headers: &HeaderMap) -> Result<(), S3Error> {
    for Rule(name, passing) in HEADERS {
        for value in headers.get_all(*name) {
            if !passing.iter().any(|passes| passes.as_bytes() == value.as_bytes()) {
                return Err(S3Error::HeaderNotImplemented { header: (*name).to_owned() });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_by_name() {
        let header = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            check(&headers).err().map(|error| error.fields())
        };
        let refused = |name: &str| Some(vec![("Header", name.to_owned())]);
        for (name, value, expected) in [
            ("x-amz-acl", "public-read", refused("x-amz-acl")),
            ("x-amz-server-side-encryption", "aws:kms", refused("x-amz-server-side-encryption")),
            ("x-amz-server-side-encryption", "AES256", None),
            ("x-amz-meta-acl", "anything", None),
        ] {
            assert_eq!(header(name, value), expected, "{name}: {value}");
        }
    }
}
