//! Who holds the key to an object's bytes: the pond alone (SSE-S3), a key of KMS (SSE-KMS, DSSE-KMS), or the customer
//! (SSE-C). Every body is sealed by `blob` under a random key; the ways differ only in who can unwrap that one.
//!
//! - `request`: what headers ask for, pure. `customer`: keys that clients bring. `keys`: data keys from KMS.
//! - Here: what is kept, how a body is sealed and opened, and what answers say of it.

mod customer;
mod keys;
mod request;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use millpond_blob::{BodyWrap, Key};
use millpond_core::Arn;
use millpond_gateway::Caller;
use serde::{Deserialize, Serialize};

pub use customer::{CustomerKey, CustomerKeyRecord, Given};
pub use keys::BucketKeys;
pub use request::{Method, check_headers, check_not_overridden, names_encryption};

use crate::error::S3Error;
use crate::service::S3;
use crate::store::{Bucket, Document, Kind};
use request::Wanted;

/// The bucket key of an encryption context that S3 fills in itself.
pub const ARN_PAIR: &str = "aws:s3:arn";

/// What is kept of an encryption that is not the pond's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encryption {
    Kms(KmsEncryption),
    Customer(CustomerKeyRecord),
}

/// A data key of KMS, as it may be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KmsEncryption {
    pub key: Arn,
    #[serde(with = "serde_bytes")]
    pub data_key: Vec<u8>,
    pub context: BTreeMap<String, String>,
    /// The data key is one that many objects of the bucket share.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bucket_key: bool,
    /// Two layers: DSSE-KMS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub double: bool,
}

/// What new objects of a bucket are encrypted with when their request does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketEncryption {
    pub method: Method,
    /// As it was given: an id, an ARN or an alias.
    #[serde(default)]
    pub key: Option<String>,
    #[serde(default)]
    pub bucket_key: bool,
}

impl Document for BucketEncryption {
    const KIND: Kind = Kind::Encryption;
}

/// How a body is to be sealed, and what is kept to open it again. The default is the pond's own key.
#[derive(Clone, Debug, Default)]
pub struct Sealing {
    pub record: Option<Encryption>,
    pub wrap: Option<BodyWrap>,
}

/// What an answer says of an object's encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    pub method: Option<&'static str>,
    pub key: Option<String>,
    pub bucket_key: Option<bool>,
    /// Where the request gave a context: the whole of it.
    pub context: Option<String>,
    pub customer_algorithm: Option<String>,
    pub customer_md5: Option<String>,
}

impl Shown {
    pub fn of(encryption: Option<&Encryption>, given: Option<&CustomerKey>) -> Self {
        match encryption {
            None => Self { method: Some(Method::Pond.as_str()), ..Self::default() },
            Some(Encryption::Kms(kms)) => Self {
                method: Some(if kms.double { Method::KmsTwice.as_str() } else { Method::Kms.as_str() }),
                key: Some(kms.key.to_string()),
                bucket_key: kms.bucket_key.then_some(true),
                context: (kms.context.len() > 1).then(|| context_text(&kms.context)),
                ..Self::default()
            },
            Some(Encryption::Customer(_)) => Self {
                customer_algorithm: given.map(|_| customer::ALGORITHM.to_owned()),
                customer_md5: given.map(|given| given.md5().to_owned()),
                ..Self::default()
            },
        }
    }
}

fn context_text(context: &BTreeMap<String, String>) -> String {
    STANDARD.encode(serde_json::to_vec(context).expect("a map of strings is JSON"))
}

impl S3 {
    /// How a new object, copy or upload is sealed: as its headers say, or else as its bucket does. Uses the caller's rights on
    /// the KMS key.
    ///
    /// Errors: InvalidArgument, InvalidRequest, InvalidEncryptionAlgorithmError (what the headers say), KMS.NotFoundException,
    /// KMS.DisabledException, KMS.KMSInvalidStateException, KMS.InvalidKeyUsageException, AccessDenied.
    pub(crate) async fn sealing(
        &self,
        caller: &Caller,
        bucket: &Bucket,
        key: &str,
        headers: &HeaderMap,
    ) -> Result<Sealing, S3Error> {
        let default = self.metadata().document::<BucketEncryption>(bucket)?;
        if bucket.record.is_directory() {
            request::check_not_overridden(headers, default.as_deref())?;
        }
        // What the request repeats of the bucket's encryption says nothing more.
        let none = HeaderMap::new();
        let headers = if bucket.record.is_directory() { &none } else { headers };
        match Wanted::of(headers, default.as_deref())? {
            Wanted::Pond => Ok(Sealing::default()),
            Wanted::Kms(wanted) => self.kms_sealing(caller, bucket, key, wanted).await,
            Wanted::Customer(key) => {
                key.check_transport(caller)?;
                let record = Some(Encryption::Customer(key.record()?));
                Ok(Sealing { record, wrap: Some(BodyWrap::Single(key.body_key())) })
            }
        }
    }

    /// How a part of an upload is sealed: as the upload was begun, with the same key.
    ///
    /// Errors: InvalidRequest (a key of the customer that is missing, needless or another one), and those of KMS.
    pub(crate) async fn part_sealing(
        &self,
        caller: &Caller,
        upload: Option<&Encryption>,
        headers: &HeaderMap,
    ) -> Result<Option<BodyWrap>, S3Error> {
        let given = CustomerKey::of(headers, Given::ForThis)?;
        let Some(encryption) = upload else {
            return match given {
                None => Ok(None),
                Some(_) => Err(S3Error::invalid_request(
                    "The multipart upload initiate did not request encryption. Please resend the request without sending \
                     encryption parameters.",
                )),
            };
        };
        match (encryption, given) {
            (Encryption::Customer(record), Some(key)) => {
                key.check_transport(caller)?;
                if !record.is_of(&key) {
                    return Err(S3Error::invalid_request(
                        "The provided encryption parameters did not match the ones used originally.",
                    ));
                }
                Ok(Some(BodyWrap::Single(key.body_key())))
            }
            (Encryption::Customer(_), None) => Err(S3Error::invalid_request(
                "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate \
                 encryption parameters.",
            )),
            (Encryption::Kms(_), Some(_)) => Err(not_applicable()),
            (Encryption::Kms(kms), None) => {
                let key = self.kms_key(caller, kms).await?;
                Ok(Some(if kms.double { BodyWrap::Double(key) } else { BodyWrap::Single(key) }))
            }
        }
    }

    /// The key that opens an object's bytes; none where the pond's own does. `given` passed [`check_given`].
    ///
    /// Errors: those of KMS, as [`S3::sealing`]'s.
    pub(crate) async fn opening(
        &self,
        caller: &Caller,
        encryption: Option<&Encryption>,
        given: Option<&CustomerKey>,
    ) -> Result<Option<Key>, S3Error> {
        check_given(caller, encryption, given)?;
        match encryption {
            None => Ok(None),
            Some(Encryption::Customer(_)) => Ok(given.map(CustomerKey::body_key)),
            Some(Encryption::Kms(kms)) => self.kms_key(caller, kms).await.map(Some),
        }
    }
}

/// Whether the request brought the key that the object needs, and none that it does not need.
///
/// Errors: InvalidRequest (missing, or needless), AccessDenied (another key).
pub fn check_given(
    caller: &Caller,
    encryption: Option<&Encryption>,
    given: Option<&CustomerKey>,
) -> Result<(), S3Error> {
    match (encryption, given) {
        (Some(Encryption::Customer(record)), Some(given)) => {
            given.check_transport(caller)?;
            if record.is_of(given) { Ok(()) } else { Err(S3Error::access_denied()) }
        }
        (Some(Encryption::Customer(_)), None) => Err(S3Error::invalid_request(
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to \
             retrieve the object.",
        )),
        (_, Some(_)) => Err(not_applicable()),
        (_, None) => Ok(()),
    }
}

fn not_applicable() -> S3Error {
    S3Error::invalid_request("The encryption parameters are not applicable to this object.")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records as earlier versions wrote them: each must still be read. A shape that changes gets a line of its own.
    #[test]
    fn records_of_earlier_versions_are_read() {
        fn check<T: Serialize + for<'de> Deserialize<'de>>(fixture: &str) {
            let record: T = rmp_serde::from_slice(&hex::decode(fixture).unwrap()).unwrap();
            let written = hex::encode(rmp_serde::to_vec_named(&record).unwrap());
            assert_eq!(written, fixture, "the shape changed: keep the old fixture as one that is only read");
        }
        check::<Encryption>(
            "81a34b6d7383a36b6579d92861726e3a6177733a6b6d733a75732d656173742d313a303030303030303030303030\
             3a6b65792f6ba8646174615f6b6579c403010203a7636f6e7465787481aa6177733a73333a61726eb061726e3a61\
             77733a73333a3a3a622f6b",
        );
        check::<Encryption>(
            "81a34b6d7385a36b6579d92861726e3a6177733a6b6d733a75732d656173742d313a303030303030303030303030\
             3a6b65792f6ba8646174615f6b6579c403010203a7636f6e7465787480aa6275636b65745f6b6579c3a6646f7562\
             6c65c3",
        );
        check::<Encryption>("81a8437573746f6d657282a473616c74c4020102a4686d6163c4020304");
        check::<BucketEncryption>("83a66d6574686f64a76177733a6b6d73a36b6579a16baa6275636b65745f6b6579c3");
    }

    #[test]
    fn answers_say_which_way_it_is() {
        let kms = |bucket_key, double| {
            let key = "arn:aws:kms:us-east-1:000000000000:key/k".parse().unwrap();
            let context = BTreeMap::from([(ARN_PAIR.to_owned(), "arn:aws:s3:::b/k".to_owned())]);
            Encryption::Kms(KmsEncryption { key, data_key: Vec::new(), context, bucket_key, double })
        };
        for (encryption, method, bucket_key) in [
            (None, Some("AES256"), None),
            (Some(kms(false, false)), Some("aws:kms"), None),
            (Some(kms(true, false)), Some("aws:kms"), Some(true)),
            (Some(kms(false, true)), Some("aws:kms:dsse"), None),
        ] {
            let shown = Shown::of(encryption.as_ref(), None);
            assert_eq!((shown.method, shown.bucket_key, shown.context), (method, bucket_key, None));
        }
    }
}
