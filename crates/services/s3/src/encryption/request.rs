//! What the headers of a request ask for. Pure.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use millpond_wire::text_enum;

use super::customer::{CustomerKey, Given};
use super::{ARN_PAIR, BucketEncryption};
use crate::error::S3Error;

const METHOD: &str = "x-amz-server-side-encryption";
const KEY_ID: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const CONTEXT: &str = "x-amz-server-side-encryption-context";
const BUCKET_KEY: &str = "x-amz-server-side-encryption-bucket-key-enabled";

text_enum! {
    /// AWS's names of the ways in which S3 itself encrypts.
    pub enum Method {
        Pond = "AES256",
        Kms = "aws:kms",
        KmsTwice = "aws:kms:dsse",
    }
}

/// How an object is to be encrypted.
#[derive(Debug)]
pub enum Wanted {
    Pond,
    Kms(KmsWanted),
    Customer(CustomerKey),
}

#[derive(Debug, PartialEq, Eq)]
pub struct KmsWanted {
    /// An id, an ARN or an alias; none is the account's `aws/s3`.
    pub key: Option<String>,
    /// The caller's own pairs.
    pub context: BTreeMap<String, String>,
    pub bucket_key: bool,
    pub double: bool,
}

impl Wanted {
    /// What a request that makes an object asks for, or its bucket in its place.
    ///
    /// Errors: InvalidArgument, InvalidEncryptionAlgorithmError.
    pub fn of(headers: &HeaderMap, default: Option<&BucketEncryption>) -> Result<Self, S3Error> {
        let method = text(headers, METHOD)?;
        if let Some(key) = CustomerKey::of(headers, Given::ForThis)? {
            let others = [METHOD, KEY_ID, CONTEXT];
            return match others.into_iter().find(|name| headers.contains_key(*name)) {
                None => Ok(Self::Customer(key)),
                Some(name) => Err(S3Error::invalid_argument(
                    "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
                    name,
                    text(headers, name)?.unwrap_or_default(),
                )),
            };
        }
        let parsed = method.map(|text| {
            let unknown = || {
                S3Error::invalid_argument("The encryption method specified is not supported", METHOD, text)
            };
            text.parse::<Method>().map_err(|_| unknown())
        });
        let asked = parsed.transpose()?;
        let of_bucket = default.map_or(Method::Pond, |default| default.method);
        let method = asked.unwrap_or(of_bucket);
        let bucket_key = flag(headers)?;
        // A key or a context without a method means nothing, whatever the bucket's own method is.
        if asked.is_none_or(|asked| asked == Method::Pond)
            && let Some(name) = [KEY_ID, CONTEXT].into_iter().find(|name| headers.contains_key(*name))
        {
            return Err(S3Error::invalid_argument(
                "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
                name,
                text(headers, name)?.unwrap_or_default(),
            ));
        }
        let double = match method {
            Method::Pond => return Ok(Self::Pond),
            Method::Kms => false,
            Method::KmsTwice => true,
        };
        if double && bucket_key == Some(true) {
            return Err(S3Error::invalid_argument(
                "S3 Bucket Keys are not supported for DSSE-KMS.",
                BUCKET_KEY,
                "true",
            ));
        }
        // The bucket's key goes with the bucket's method.
        let default = default.filter(|default| asked.is_none() || default.method == method);
        let key = match text(headers, KEY_ID)? {
            Some(key) => Some(key.to_owned()),
            None if asked.is_none() => default.and_then(|default| default.key.clone()),
            None => None,
        };
        let bucket_key = bucket_key.unwrap_or_else(|| default.is_some_and(|default| default.bucket_key));
        let context = context(headers)?;
        Ok(Self::Kms(KmsWanted { key, context, bucket_key: bucket_key && !double, double }))
    }
}

/// What is put into a directory bucket is encrypted as the bucket says: a request may repeat that, and not say otherwise.
///
/// Errors: InvalidRequest, and those of [`Wanted::of`].
pub fn check_not_overridden(headers: &HeaderMap, default: Option<&BucketEncryption>) -> Result<(), S3Error> {
    let (asked, of_bucket) = (Wanted::of(headers, default)?, Wanted::of(&HeaderMap::new(), default)?);
    let same = match (&asked, &of_bucket) {
        (Wanted::Pond, Wanted::Pond) => true,
        // A request that names the method names the key too, or means the bucket's.
        (Wanted::Kms(asked), Wanted::Kms(of_bucket)) => {
            let key = asked.key.is_none() || asked.key == of_bucket.key;
            let bucket_key = !headers.contains_key(BUCKET_KEY) || asked.bucket_key;
            key && bucket_key && asked.context.is_empty() && !asked.double
        }
        _ => false,
    };
    if same {
        return Ok(());
    }
    Err(S3Error::invalid_request(
        "The encryption of a directory bucket's objects is the bucket's, and cannot be overridden by a request.",
    ))
}

/// Whether a request says itself how what it makes is to be encrypted.
pub fn names_encryption(headers: &HeaderMap) -> bool {
    let [algorithm, ..] = Given::ForThis.headers();
    [METHOD, BUCKET_KEY, algorithm].into_iter().any(|name| headers.contains_key(name))
}

/// Refuses the headers of encryption on operations that do not act on them.
///
/// Errors: InvalidArgument.
pub fn check_headers(operation: &str, headers: &HeaderMap) -> Result<(), S3Error> {
    let makes = ["PutObject", "CopyObject", "CreateMultipartUpload", "CreateSession"];
    let takes_key = [
        "PutObject",
        "CopyObject",
        "CreateMultipartUpload",
        "UploadPart",
        "UploadPartCopy",
        "CompleteMultipartUpload",
        "GetObject",
        "HeadObject",
        "GetObjectAttributes",
    ];
    let copies = ["CopyObject", "UploadPartCopy"];
    let groups: [(&[&str], &[&str]); 3] = [
        (&[METHOD, KEY_ID, CONTEXT, BUCKET_KEY], &makes),
        (&Given::ForThis.headers(), &takes_key),
        (&Given::ForSource.headers(), &copies),
    ];
    for (names, operations) in groups {
        let found = names.iter().find(|name| headers.contains_key(**name));
        if let Some(name) = found.filter(|_| !operations.contains(&operation)) {
            // Never the value: it may be a key.
            let message = format!("{name} header is not supported for this operation.");
            return Err(S3Error::invalid_argument(message, name, "null"));
        }
    }
    Ok(())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, S3Error> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else { return Ok(None) };
    match (value.to_str(), second) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(S3Error::invalid_argument(format!("The value of {name} is not valid."), name, "null")),
    }
}

fn flag(headers: &HeaderMap) -> Result<Option<bool>, S3Error> {
    match text(headers, BUCKET_KEY)? {
        None => Ok(None),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(other) => Err(S3Error::invalid_argument(
            "The bucket key enabled header must be either true or false.",
            BUCKET_KEY,
            other,
        )),
    }
}

fn context(headers: &HeaderMap) -> Result<BTreeMap<String, String>, S3Error> {
    let Some(given) = text(headers, CONTEXT)? else { return Ok(BTreeMap::new()) };
    let invalid = || {
        S3Error::invalid_argument(
            "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which \
             represents a string-string map",
            CONTEXT,
            given,
        )
    };
    let decoded = STANDARD.decode(given).map_err(|_| invalid())?;
    let pairs: BTreeMap<String, String> = serde_json::from_slice(&decoded).map_err(|_| invalid())?;
    if pairs.contains_key(ARN_PAIR) {
        return Err(S3Error::invalid_argument(
            format!("The pair {ARN_PAIR} of an encryption context is Amazon S3's own."),
            CONTEXT,
            given,
        ));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    fn kms(key: Option<&str>, bucket_key: bool, double: bool) -> KmsWanted {
        KmsWanted { key: key.map(str::to_owned), context: BTreeMap::new(), bucket_key, double }
    }

    #[test]
    fn headers_win_over_the_bucket() {
        let of_bucket = BucketEncryption { method: Method::Kms, key: Some("k".into()), bucket_key: true };
        let pond = None;
        for (given, default, expected) in [
            (&[][..], None, pond),
            (&[(METHOD, "AES256")][..], Some(&of_bucket), None),
            (&[][..], Some(&of_bucket), Some(kms(Some("k"), true, false))),
            (&[(BUCKET_KEY, "false")][..], Some(&of_bucket), Some(kms(Some("k"), false, false))),
            (&[(METHOD, "aws:kms")][..], None, Some(kms(None, false, false))),
            (
                &[(METHOD, "aws:kms"), (KEY_ID, "j"), (BUCKET_KEY, "TRUE")][..],
                None,
                Some(kms(Some("j"), true, false)),
            ),
            (&[(METHOD, "aws:kms:dsse")][..], Some(&of_bucket), Some(kms(None, false, true))),
        ] {
            let found = match Wanted::of(&headers(given), default).unwrap() {
                Wanted::Pond => None,
                Wanted::Kms(wanted) => Some(wanted),
                Wanted::Customer(_) => panic!("no key was given"),
            };
            assert_eq!(found, expected, "{given:?}");
        }
    }

    #[test]
    fn contradictions() {
        let [algorithm, key, md5] = Given::ForThis.headers();
        let customer = [
            (algorithm, "AES256"),
            (key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            (md5, "cLyPS3KoaSFGi/joRB3OUQ=="),
        ];
        let arn_pair = STANDARD.encode(r#"{"aws:s3:arn": "x"}"#);
        let (not_text, list) = (STANDARD.encode(r#"{"a": 1}"#), STANDARD.encode("[]"));
        for given in [
            vec![(METHOD, "rot13")],
            vec![(METHOD, "AES256"), (KEY_ID, "k")],
            vec![(KEY_ID, "k")],
            vec![(CONTEXT, "e30=")],
            vec![(METHOD, "aws:kms:dsse"), (BUCKET_KEY, "true")],
            vec![(METHOD, "aws:kms"), (BUCKET_KEY, "yes")],
            vec![(METHOD, "aws:kms"), (CONTEXT, "?")],
            vec![(METHOD, "aws:kms"), (CONTEXT, &not_text)],
            vec![(METHOD, "aws:kms"), (CONTEXT, &list)],
            vec![(METHOD, "aws:kms"), (CONTEXT, &arn_pair)],
            [&customer[..], &[(METHOD, "aws:kms")]].concat(),
            [&customer[..], &[(METHOD, "AES256")]].concat(),
            [&customer[..], &[(KEY_ID, "k")]].concat(),
        ] {
            assert_eq!(
                Wanted::of(&headers(&given), None).unwrap_err().code(),
                "InvalidArgument",
                "{given:?}"
            );
        }
        assert!(matches!(Wanted::of(&headers(&customer), None), Ok(Wanted::Customer(_))));
    }

    #[test]
    fn headers_are_refused_where_nothing_acts_on_them() {
        let [.., source_md5] = Given::ForSource.headers();
        let [_, key, _] = Given::ForThis.headers();
        for (operation, name, passes) in [
            ("PutObject", METHOD, true),
            ("UploadPart", METHOD, false),
            ("GetObject", KEY_ID, false),
            ("GetObject", key, true),
            ("ListObjectsV2", key, false),
            ("CopyObject", source_md5, true),
            ("PutObject", source_md5, false),
        ] {
            let checked = check_headers(operation, &headers(&[(name, "x")]));
            assert_eq!(checked.is_ok(), passes, "{operation} {name}");
        }
    }
}
