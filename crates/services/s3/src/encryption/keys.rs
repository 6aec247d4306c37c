//! Data keys from KMS, in the name of whoever asks; and bucket keys: data keys that serve many objects of a bucket for a
//! while, so that KMS is asked rarely.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use millpond_blob::{BodyWrap, Key};
use millpond_core::{Region, Scope, Timestamp};
use millpond_gateway::Caller;
use millpond_kms::{EncryptionContext, KmsError};
use millpond_wire::ServiceError as _;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::request::KmsWanted;
use super::{ARN_PAIR, Encryption, KmsEncryption, Sealing};
use crate::error::S3Error;
use crate::service::S3;
use crate::store::Bucket;

/// How long a bucket key serves: what happens to its KMS key meanwhile shows only afterwards, as on AWS.
const SERVES_FOR: Duration = Duration::from_secs(300);
/// How many objects it serves.
const SERVES: u32 = 100_000;
/// Bucket keys of each kind that are held at most.
const HELD: usize = 1_024;

/// A bucket key is a requester's own: each one's right to the KMS key is asked for.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Purpose {
    bucket: Uuid,
    principal: String,
    /// As the request or the bucket names it.
    key: String,
    context: BTreeMap<String, String>,
}

/// Of one requester, and one ciphertext.
type Opened = (String, Vec<u8>);

#[derive(Clone)]
struct Held<T> {
    value: T,
    until: Timestamp,
    left: u32,
}

/// The bucket keys that serve now. Never on the disk.
#[derive(Default)]
pub struct BucketKeys {
    sealing: Shelf<Purpose, (Key, KmsEncryption)>,
    opening: Shelf<Opened, Key>,
}

struct Shelf<K, V>(Mutex<HashMap<K, Held<V>>>);

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Shelf<K, V> {
    fn take(&self, key: &K, now: Timestamp) -> Option<V> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = held.get_mut(key)?;
        if found.until <= now || found.left == 0 {
            held.remove(key);
            return None;
        }
        found.left -= 1;
        Some(found.value.clone())
    }

    fn put(&self, key: K, value: V, now: Timestamp) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= HELD {
            held.retain(|_, found| found.until > now);
        }
        if held.len() >= HELD {
            held.clear();
        }
        held.insert(key, Held { value, until: now.plus(SERVES_FOR), left: SERVES - 1 });
    }
}

impl S3 {
    /// A data key for an object or an upload, and how it seals.
    pub(super) async fn kms_sealing(
        &self,
        caller: &Caller,
        bucket: &Bucket,
        key: &str,
        wanted: KmsWanted,
    ) -> Result<Sealing, S3Error> {
        let caller = of_region(caller, &bucket.record.region)?;
        let KmsWanted { key: named, mut context, bucket_key, double } = wanted;
        let resource = if bucket_key { bucket.name.clone() } else { format!("{}/{key}", bucket.name) };
        let partition = bucket.record.region.partition();
        context.insert(ARN_PAIR.to_owned(), format!("arn:{partition}:s3:::{resource}"));
        let named = match named {
            Some(named) => named,
            None => {
                let managed = self.kms().managed_key(&caller.scope, "aws/s3").await;
                managed.map_err(kms_error)?.to_string()
            }
        };
        let purpose = Purpose {
            bucket: bucket.record.id,
            principal: caller.principal.to_string(),
            key: named,
            context: context.clone(),
        };
        let keys = self.bucket_keys();
        let held = if bucket_key { keys.sealing.take(&purpose, self.now()) } else { None };
        let (key, record) = match held {
            Some(held) => held,
            None => {
                let pairs: EncryptionContext = context.clone().into_iter().collect();
                let made =
                    self.kms().generate_data_key(&caller, &purpose.key, &pairs).await.map_err(kms_error)?;
                let record = KmsEncryption {
                    key: made.key_arn,
                    data_key: made.ciphertext,
                    context,
                    bucket_key,
                    double,
                };
                let key = Key::from(made.plaintext);
                if bucket_key {
                    keys.sealing.put(purpose, (key.clone(), record.clone()), self.now());
                }
                (key, record)
            }
        };
        let wrap = if double { BodyWrap::Double(key) } else { BodyWrap::Single(key) };
        Ok(Sealing { record: Some(Encryption::Kms(record)), wrap: Some(wrap) })
    }

    /// The data key of what is stored, if the caller may use its KMS key.
    pub(super) async fn kms_key(&self, caller: &Caller, record: &KmsEncryption) -> Result<Key, S3Error> {
        let region: Region = record
            .key
            .region
            .parse()
            .map_err(|_| S3Error::internal("reading an object's encryption", "its key has no region"))?;
        let caller = of_region(caller, &region)?;
        let keys = self.bucket_keys();
        let of = (caller.principal.to_string(), record.data_key.clone());
        if record.bucket_key
            && let Some(key) = keys.opening.take(&of, self.now())
        {
            return Ok(key);
        }
        let pairs: EncryptionContext = record.context.clone().into_iter().collect();
        let (plaintext, _) =
            self.kms().decrypt(&caller, &record.data_key, &pairs).await.map_err(kms_error)?;
        let mut bytes = Zeroizing::new([0; 32]);
        if plaintext.len() != bytes.len() {
            return Err(S3Error::internal("opening an object's data key", "it has another length"));
        }
        bytes.copy_from_slice(&plaintext);
        let key = Key::from(bytes);
        if record.bucket_key {
            keys.opening.put(of, key.clone(), self.now());
        }
        Ok(key)
    }
}

/// The caller as KMS is to see it: in the region where the bucket is.
///
/// Errors: InvalidArgument (a caller without an account has no keys).
fn of_region(caller: &Caller, region: &Region) -> Result<Caller, S3Error> {
    if caller.principal.account().is_none() {
        return Err(S3Error::invalid_argument(
            "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.",
            "Authorization",
            "null",
        ));
    }
    Ok(caller.in_scope(Scope::new(caller.scope.account.clone(), region.clone())))
}

/// KMS's refusals in S3's words: its codes behind `KMS.`, but for what is a denial.
fn kms_error(error: KmsError) -> S3Error {
    let code = match &error {
        KmsError::AccessDenied(_) | KmsError::UnknownCiphertextKey => {
            let message = match error.into_carried() {
                Ok(denied) => return denied.into(),
                Err(own) => own.to_string(),
            };
            return S3Error::AccessDenied { message };
        }
        KmsError::KeyNotFound { .. }
        | KmsError::AliasNotFound { .. }
        | KmsError::InvalidKeyId(_)
        | KmsError::InvalidArn(_) => "KMS.NotFoundException",
        KmsError::Disabled { .. } => "KMS.DisabledException",
        KmsError::PendingDeletion { .. } | KmsError::PendingImport { .. } => "KMS.KMSInvalidStateException",
        KmsError::KeyUsage { .. } | KmsError::Algorithm { .. } => "KMS.InvalidKeyUsageException",
        KmsError::InvalidCiphertext | KmsError::IncorrectKey => "KMS.InvalidCiphertextException",
        _ => return S3Error::internal("asking KMS for a data key", error),
    };
    S3Error::encryption(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_key_serves_for_a_time_and_a_number() {
        let shelf: Shelf<u8, u8> = Shelf::default();
        let start = Timestamp::from_secs(1_800_000_000);
        shelf.put(1, 7, start);
        assert_eq!(shelf.take(&1, start.plus(SERVES_FOR - Duration::from_secs(1))), Some(7));
        assert_eq!(shelf.take(&1, start.plus(SERVES_FOR)), None);
        assert_eq!(shelf.take(&1, start), None, "it is gone");
        shelf.put(1, 7, start);
        let served = (0..SERVES + 5).filter(|_| shelf.take(&1, start).is_some()).count();
        assert_eq!(served, SERVES as usize - 1, "the first use is the one that made it");
    }

    #[test]
    fn there_is_a_bound_on_how_many_are_held() {
        let shelf: Shelf<usize, u8> = Shelf::default();
        for key in 0..10 * HELD {
            shelf.put(key, 0, Timestamp::EPOCH);
        }
        assert!(shelf.0.lock().unwrap().len() <= HELD);
    }
}
