//! Keys: what is recorded of them, and what follows from their state.

use std::collections::BTreeMap;
use std::time::Duration;

use millpond_core::{Arn, Scope, Timestamp};
use millpond_wire::text_enum;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::KmsError;
use crate::model::imported::Imported;
use crate::model::name;
use crate::model::rotation::Rotation;

text_enum! {
    /// What a key is made of, in AWS's words.
    pub enum Spec {
        Symmetric = "SYMMETRIC_DEFAULT",
        Rsa2048 = "RSA_2048",
        Rsa3072 = "RSA_3072",
        Rsa4096 = "RSA_4096",
        P256 = "ECC_NIST_P256",
        P384 = "ECC_NIST_P384",
        P521 = "ECC_NIST_P521",
        P256K1 = "ECC_SECG_P256K1",
        Hmac224 = "HMAC_224",
        Hmac256 = "HMAC_256",
        Hmac384 = "HMAC_384",
        Hmac512 = "HMAC_512",
    }
}

text_enum! {
    /// What a key may be used for, for good.
    pub enum Usage {
        EncryptDecrypt = "ENCRYPT_DECRYPT",
        SignVerify = "SIGN_VERIFY",
        Mac = "GENERATE_VERIFY_MAC",
        KeyAgreement = "KEY_AGREEMENT",
    }
}

text_enum! {
    /// Whose material it is.
    pub enum Origin {
        Kms = "AWS_KMS",
        External = "EXTERNAL",
    }
}

/// The kinds of key, for what holds of all of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Symmetric,
    Rsa,
    Ecc,
    Hmac,
}

impl Spec {
    pub fn kind(self) -> Kind {
        match self {
            Self::Symmetric => Kind::Symmetric,
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => Kind::Rsa,
            Self::P256 | Self::P384 | Self::P521 | Self::P256K1 => Kind::Ecc,
            Self::Hmac224 | Self::Hmac256 | Self::Hmac384 | Self::Hmac512 => Kind::Hmac,
        }
    }

    /// The uses among which a new key's owner chooses.
    pub fn usages(self) -> &'static [Usage] {
        match self {
            Self::Symmetric => &[Usage::EncryptDecrypt],
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => &[Usage::EncryptDecrypt, Usage::SignVerify],
            Self::P256 | Self::P384 | Self::P521 => &[Usage::SignVerify, Usage::KeyAgreement],
            Self::P256K1 => &[Usage::SignVerify],
            Self::Hmac224 | Self::Hmac256 | Self::Hmac384 | Self::Hmac512 => &[Usage::Mac],
        }
    }

    pub fn is_asymmetric(self) -> bool {
        matches!(self.kind(), Kind::Rsa | Kind::Ecc)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    Enabled,
    Disabled,
    /// The key waits for material from outside.
    PendingImport,
    /// The key waits to be deleted; see [`Key::deletion`].
    PendingDeletion,
}

/// Whose key it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Manager {
    Customer,
    /// A service's key in the account, as `s3` of `alias/aws/s3`: only through that service can it be used.
    Aws {
        service: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    pub at: Timestamp,
    pub window_days: u32,
}

/// Where a piece of material came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    Created,
    Automatic,
    OnDemand,
    Imported,
}

/// One generation of a key's material. Its bytes are elsewhere, wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Material {
    pub version: u32,
    /// As AWS shows it: 64 hexadecimal digits.
    pub id: String,
    pub since: Timestamp,
    pub cause: Cause,
}

/// A key, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub id: Uuid,
    pub scope: Scope,
    pub created: Timestamp,
    pub description: String,
    pub spec: Spec,
    pub usage: Usage,
    pub origin: Origin,
    pub manager: Manager,
    pub state: State,
    #[serde(default)]
    pub deletion: Option<Deletion>,
    /// Every generation, the current one last.
    pub materials: Vec<Material>,
    /// The public half in DER (SubjectPublicKeyInfo), of an asymmetric key.
    #[serde(default, with = "serde_bytes")]
    pub public_key: Vec<u8>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub rotation: Option<Rotation>,
    /// Of a key whose material is from outside.
    #[serde(default)]
    pub imported: Imported,
    /// The policy that the owner gave it; without one, the account decides by its own policies.
    #[serde(default)]
    pub policy: Option<String>,
    /// How many grants there are.
    #[serde(default)]
    pub grants: u32,
}

/// What time brings to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Removal,
    Rotation,
    /// The material from outside expires.
    Expiry,
}

pub const MAX_TAGS: usize = 50;
pub const DEFAULT_WINDOW_DAYS: u32 = 30;
pub const WINDOW_DAYS: std::ops::RangeInclusive<u32> = 7..=30;

pub fn days(days: u32) -> Duration {
    Duration::from_secs(86_400 * u64::from(days))
}

impl Key {
    pub fn arn(&self) -> Arn {
        name::key_arn(&self.scope, self.id)
    }

    /// The waiting period is over: whether or not a pass has taken it away, the key is no more.
    pub fn is_gone(&self, now: Timestamp) -> bool {
        self.deletion.is_some_and(|deletion| deletion.at <= now)
    }

    /// The key can do its work.
    ///
    /// Errors: DisabledException, KMSInvalidStateException.
    pub fn require_enabled(&self) -> Result<(), KmsError> {
        let arn = Box::new(self.arn());
        match self.state {
            State::Enabled => Ok(()),
            State::Disabled => Err(KmsError::Disabled { arn }),
            State::PendingImport => Err(KmsError::PendingImport { arn }),
            State::PendingDeletion => Err(KmsError::PendingDeletion { arn }),
        }
    }

    /// The key can be changed.
    ///
    /// Errors: KMSInvalidStateException.
    pub fn require_staying(&self) -> Result<(), KmsError> {
        match self.state {
            State::Enabled | State::Disabled | State::PendingImport => Ok(()),
            State::PendingDeletion => Err(KmsError::PendingDeletion { arn: self.arn().into() }),
        }
    }

    /// Errors: InvalidKeyUsageException.
    pub fn require_usage(&self, usage: Usage, operation: &'static str) -> Result<(), KmsError> {
        match self.usage == usage {
            true => Ok(()),
            false => Err(KmsError::KeyUsage { arn: self.arn().into(), usage: self.usage, operation }),
        }
    }

    /// What new ciphertexts, signatures and codes are made with.
    pub fn current(&self) -> Result<&Material, KmsError> {
        self.materials.last().ok_or_else(|| KmsError::PendingImport { arn: self.arn().into() })
    }

    /// Starts the waiting period.
    ///
    /// Errors: KMSInvalidStateException, when it runs already.
    pub fn schedule_deletion(&mut self, now: Timestamp, window_days: u32) -> Result<Deletion, KmsError> {
        self.require_staying()?;
        let deletion = Deletion { at: now.plus(days(window_days)), window_days };
        self.state = State::PendingDeletion;
        self.deletion = Some(deletion);
        Ok(deletion)
    }

    /// Ends the waiting period; the key stays, disabled.
    ///
    /// Errors: KMSInvalidStateException, when none runs.
    pub fn cancel_deletion(&mut self) -> Result<Deletion, KmsError> {
        let deletion =
            self.deletion.take().ok_or_else(|| KmsError::NotPendingDeletion { arn: self.arn().into() })?;
        self.state = match self.has_material() {
            true => State::Disabled,
            false => State::PendingImport,
        };
        Ok(deletion)
    }

    /// Errors: KMSInvalidStateException, when the key waits for its deletion or for material.
    pub fn set_enabled(&mut self, enabled: bool) -> Result<(), KmsError> {
        let arn = Box::new(self.arn());
        self.state = match (self.state, enabled) {
            (State::Enabled | State::Disabled, true) => State::Enabled,
            (State::Enabled | State::Disabled, false) => State::Disabled,
            (State::PendingImport, _) => return Err(KmsError::PendingImport { arn }),
            (State::PendingDeletion, _) => return Err(KmsError::PendingDeletion { arn }),
        };
        Ok(())
    }

    /// Adds tags, or gives those that are there new values.
    ///
    /// Errors: TagException (reserved names), LimitExceededException (more than 50).
    pub fn tag(&mut self, tags: BTreeMap<String, String>) -> Result<(), KmsError> {
        if let Some(name) = tags.keys().find(|name| name.to_ascii_lowercase().starts_with("aws:")) {
            return Err(KmsError::Tag(format!("The tag key {name} is reserved: it starts with aws:.")));
        }
        self.tags.extend(tags);
        match self.tags.len() > MAX_TAGS {
            true => Err(KmsError::Limit(format!("A key can have at most {MAX_TAGS} tags."))),
            false => Ok(()),
        }
    }
}

impl Key {
    /// What is to happen to the key by itself next, and when.
    pub fn due(&self) -> Option<(Timestamp, Change)> {
        let removal = self.deletion.map(|deletion| (deletion.at, Change::Removal));
        // A key that is disabled rotates when it is enabled again.
        let rotation = self.rotation.filter(|_| self.state == State::Enabled);
        let rotation = rotation.map(|rotation| (rotation.next, Change::Rotation));
        let expiry = self.imported.expires.filter(|_| self.imported.present);
        let expiry = expiry.map(|at| (at, Change::Expiry));
        [removal, rotation, expiry].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(now: Timestamp) -> Key {
        Key {
            id: Uuid::nil(),
            scope: Scope::new("000000000000".parse().unwrap(), "us-east-1".parse().unwrap()),
            created: now,
            description: "orders".to_owned(),
            spec: Spec::Symmetric,
            usage: Usage::EncryptDecrypt,
            origin: Origin::Kms,
            manager: Manager::Customer,
            state: State::Enabled,
            deletion: None,
            materials: vec![Material { version: 1, id: "ab".repeat(32), since: now, cause: Cause::Created }],
            public_key: Vec::new(),
            tags: BTreeMap::from([("team".to_owned(), "lake".to_owned())]),
            rotation: None,
            imported: Imported::default(),
            policy: None,
            grants: 0,
        }
    }

    #[test]
    fn a_key_is_gone_when_its_waiting_period_is_over_and_not_before() {
        let start = Timestamp::from_secs(0);
        let mut key = key(start);
        let deletion = key.schedule_deletion(start, 7).unwrap();
        assert_eq!(
            (deletion.at, key.due()),
            (Timestamp::from_secs(7 * 86_400), Some((deletion.at, Change::Removal)))
        );
        assert!(!key.is_gone(Timestamp::from_secs(7 * 86_400 - 1)) && key.is_gone(deletion.at));
        assert!(matches!(key.schedule_deletion(start, 7), Err(KmsError::PendingDeletion { .. })));
        assert!(matches!(key.set_enabled(true), Err(KmsError::PendingDeletion { .. })));
        assert!(matches!(key.require_enabled(), Err(KmsError::PendingDeletion { .. })));
        key.cancel_deletion().unwrap();
        assert_eq!((key.state, key.due()), (State::Disabled, None));
        assert!(matches!(key.cancel_deletion(), Err(KmsError::NotPendingDeletion { .. })));
        assert!(matches!(key.require_enabled(), Err(KmsError::Disabled { .. })));
        key.set_enabled(true).unwrap();
        assert!(key.require_enabled().is_ok());
    }

    #[test]
    fn what_comes_first_is_due() {
        let (start, day) = (Timestamp::from_secs(0), |day: u32| Timestamp::from_secs(0).plus(days(day)));
        let mut key = key(start);
        key.rotation = Some(Rotation::starting(start, 90));
        assert_eq!(key.due(), Some((day(90), Change::Rotation)));
        key.set_enabled(false).unwrap();
        assert_eq!(key.due(), None);
        key.set_enabled(true).unwrap();
        // A clock that leapt over several periods renews once.
        let id = String::new();
        key.renew(Material { version: 2, id, since: day(300), cause: Cause::Automatic }, day(300));
        assert_eq!(key.due(), Some((day(360), Change::Rotation)));
        key.schedule_deletion(day(300), 30).unwrap();
        assert_eq!(key.due(), Some((day(330), Change::Removal)));
    }

    #[test]
    fn material_from_outside_comes_again_as_it_was_or_not_at_all() {
        let mut key = Key {
            origin: Origin::External,
            materials: Vec::new(),
            state: State::PendingImport,
            ..key(Timestamp::EPOCH)
        };
        let (soon, later) = (Timestamp::from_secs(60), Timestamp::from_secs(120));
        key.import("one".to_owned(), Some(soon), Timestamp::EPOCH).unwrap();
        assert_eq!((key.state, key.due()), (State::Enabled, Some((soon, Change::Expiry))));
        let mut key = key.at(soon);
        assert_eq!((key.state, key.due(), key.has_material()), (State::PendingImport, None, false));
        assert!(matches!(key.import("two".to_owned(), None, soon), Err(KmsError::OtherMaterial { .. })));
        key.import("one".to_owned(), None, soon).unwrap();
        assert_eq!((key.clone().at(later).state, key.materials.len()), (State::Enabled, 1));
        // It may go while the key waits for its deletion.
        key.schedule_deletion(soon, 7).unwrap();
        key.lose_material();
        key.cancel_deletion().unwrap();
        assert_eq!(key.state, State::PendingImport);
    }

    #[test]
    fn a_key_takes_fifty_tags_of_its_owners() {
        let mut key = key(Timestamp::EPOCH);
        let tags = |from: u32, to: u32| (from..to).map(|n| (n.to_string(), String::new())).collect();
        assert!(key.tag(tags(0, 49)).is_ok());
        assert!(matches!(key.tag(tags(100, 101)), Err(KmsError::Limit(_))));
        let reserved = BTreeMap::from([("AWS:x".to_owned(), String::new())]);
        assert!(matches!(key.tag(reserved), Err(KmsError::Tag(_))));
    }

    #[test]
    fn stored_keys_stay_readable() {
        let key = key(Timestamp::from_millis(1_795_000_000_123));
        let old = hex::decode(include_str!("key_v1.hex").trim()).unwrap();
        assert_eq!(rmp_serde::from_slice::<Key>(&old).unwrap(), key);
        let bytes = rmp_serde::to_vec_named(&key).unwrap();
        assert_eq!(rmp_serde::from_slice::<Key>(&bytes).unwrap(), key);
    }
}
