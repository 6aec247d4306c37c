//! SSE-C: keys that clients bring with each request. They live as long as the request does: what is kept is a salted HMAC,
//! by which the same key is known again, and nothing from which it could be had.

use std::fmt;

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use millpond_blob::Key;
use millpond_gateway::Caller;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::digest::Md5Hasher;
use crate::error::S3Error;

pub const ALGORITHM: &str = "AES256";

/// By which a customer's key is known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerKeyRecord {
    #[serde(with = "serde_bytes")]
    salt: Vec<u8>,
    #[serde(with = "serde_bytes")]
    hmac: Vec<u8>,
}

impl CustomerKeyRecord {
    pub fn is_of(&self, key: &CustomerKey) -> bool {
        hmac::verify(&key.hmac_key(), &self.salt, &self.hmac).is_ok()
    }
}

/// Which of a request's customer keys: a copy has one for each side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Given {
    ForThis,
    ForSource,
}

impl Given {
    /// The headers' names: algorithm, key, the key's MD5.
    pub fn headers(self) -> [&'static str; 3] {
        match self {
            Self::ForThis => [
                "x-amz-server-side-encryption-customer-algorithm",
                "x-amz-server-side-encryption-customer-key",
                "x-amz-server-side-encryption-customer-key-md5",
            ],
            Self::ForSource => [
                "x-amz-copy-source-server-side-encryption-customer-algorithm",
                "x-amz-copy-source-server-side-encryption-customer-key",
                "x-amz-copy-source-server-side-encryption-customer-key-md5",
            ],
        }
    }
}

/// A key that came with a request. Wiped when dropped, never printed.
pub struct CustomerKey {
    bytes: Zeroizing<[u8; 32]>,
    md5: String,
}

impl CustomerKey {
    /// The key that a request brings, if it brings one: all three headers, or none.
    ///
    /// Errors: InvalidArgument, InvalidEncryptionAlgorithmError.
    pub fn of(headers: &HeaderMap, which: Given) -> Result<Option<Self>, S3Error> {
        let names = which.headers();
        let [algorithm, key, md5] = names.map(|name| headers.get(name).map(|value| value.as_bytes()));
        if algorithm.is_none() && key.is_none() && md5.is_none() {
            return Ok(None);
        }
        // Neither the key nor anything made of it goes into an error.
        let invalid = |message: &str| Err(S3Error::invalid_argument(message, names[0], "null"));
        match algorithm {
            None => {
                return invalid(
                    "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption \
                     algorithm.",
                );
            }
            Some(algorithm) if algorithm != ALGORITHM.as_bytes() => {
                return Err(S3Error::encryption(
                    "InvalidEncryptionAlgorithmError",
                    "The Encryption request you specified is not valid. Supported value: AES256.",
                ));
            }
            Some(_) => {}
        }
        let Some(key) = key else {
            return invalid(
                "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.",
            );
        };
        let decoded = STANDARD.decode(key).ok().map(Zeroizing::new).filter(|decoded| decoded.len() == 32);
        let Some(decoded) = decoded else {
            return invalid("The secret key was invalid for the specified algorithm.");
        };
        let Some(claimed) = md5 else {
            return invalid(
                "Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 \
                 of the secret key.",
            );
        };
        let mut hasher = Md5Hasher::default();
        hasher.update(&decoded);
        let md5 = STANDARD.encode(hasher.finish());
        if md5.as_bytes() != claimed {
            return invalid("The calculated MD5 hash of the key did not match the hash that was provided.");
        }
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(&decoded);
        Ok(Some(Self { bytes, md5 }))
    }

    /// In base64, as the request had it.
    pub fn md5(&self) -> &str {
        &self.md5
    }

    pub fn body_key(&self) -> Key {
        Key::from(self.bytes.clone())
    }

    pub fn record(&self) -> Result<CustomerKeyRecord, S3Error> {
        let mut salt = vec![0; 16];
        rand::fill(&mut salt).map_err(|error| S3Error::internal("making a salt", error))?;
        let hmac = hmac::sign(&self.hmac_key(), &salt).as_ref().to_vec();
        Ok(CustomerKeyRecord { salt, hmac })
    }

    /// A key goes over TLS, or does not leave the machine.
    ///
    /// Errors: InvalidRequest.
    ///
    /// Differs from AWS: from the machine itself a key is taken over plain HTTP too.
    pub fn check_transport(&self, caller: &Caller) -> Result<(), S3Error> {
        if caller.secure || caller.source_ip.is_loopback() {
            return Ok(());
        }
        Err(S3Error::invalid_request(
            "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.",
        ))
    }

    fn hmac_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.bytes.as_slice())
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const MD5: &str = "cLyPS3KoaSFGi/joRB3OUQ==";

    fn read(values: [Option<&str>; 3]) -> Result<Option<CustomerKey>, S3Error> {
        let mut headers = HeaderMap::new();
        for (name, value) in Given::ForThis.headers().into_iter().zip(values) {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        CustomerKey::of(&headers, Given::ForThis)
    }

    fn md5_of(key: &[u8]) -> String {
        let mut hasher = Md5Hasher::default();
        hasher.update(key);
        STANDARD.encode(hasher.finish())
    }

    #[test]
    fn all_three_headers_or_none() {
        let md5 = md5_of(&[0; 32]);
        assert_eq!(md5, MD5);
        assert!(read([None; 3]).unwrap().is_none());
        assert_eq!(read([Some("AES256"), Some(KEY), Some(&md5)]).unwrap().unwrap().md5(), md5);
        for (values, code, text) in [
            (
                [None, Some(KEY), Some(md5.as_str())],
                "InvalidArgument",
                "must provide a valid encryption algorithm",
            ),
            (
                [Some("AES128"), Some(KEY), Some(&md5)],
                "InvalidEncryptionAlgorithmError",
                "Supported value: AES256",
            ),
            ([Some("AES256"), None, Some(&md5)], "InvalidArgument", "must provide an appropriate secret key"),
            (
                [Some("AES256"), Some("AAAA"), Some(&md5)],
                "InvalidArgument",
                "was invalid for the specified algorithm",
            ),
            (
                [Some("AES256"), Some("?"), Some(&md5)],
                "InvalidArgument",
                "was invalid for the specified algorithm",
            ),
            ([Some("AES256"), Some(KEY), None], "InvalidArgument", "client calculated MD5"),
            ([Some("AES256"), Some(KEY), Some("AAAA")], "InvalidArgument", "did not match the hash"),
        ] {
            let error = read(values).unwrap_err();
            assert_eq!(error.code(), code, "{values:?}");
            assert!(error.to_string().contains(text), "{error}");
            assert!(!format!("{error:?}").contains(KEY));
        }
    }

    #[test]
    fn a_key_is_known_again_by_what_is_kept() {
        let key = read([Some("AES256"), Some(KEY), Some(MD5)]).unwrap().unwrap();
        let other_bytes = [1; 32];
        let other = read([Some("AES256"), Some(&STANDARD.encode(other_bytes)), Some(&md5_of(&other_bytes))])
            .unwrap()
            .unwrap();
        let record = key.record().unwrap();
        assert!(record.is_of(&key) && !record.is_of(&other));
        assert_ne!(record, key.record().unwrap(), "each has a salt of its own");
        assert_eq!(format!("{key:?}"), "CustomerKey(redacted)");
    }
}
