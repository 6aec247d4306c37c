//! Grants: one principal may do some things with one key, as long as the encryption context is as agreed.

use std::collections::BTreeMap;

use millpond_core::{Arn, Timestamp};
use millpond_policy::Principal;
use millpond_wire::text_enum;
use serde::{Deserialize, Serialize};

use crate::model::context::EncryptionContext;
use crate::model::key::{Spec, Usage};

text_enum! {
    /// What can be granted.
    pub enum Granted {
        Decrypt = "Decrypt",
        Encrypt = "Encrypt",
        GenerateDataKey = "GenerateDataKey",
        GenerateDataKeyWithoutPlaintext = "GenerateDataKeyWithoutPlaintext",
        ReEncryptFrom = "ReEncryptFrom",
        ReEncryptTo = "ReEncryptTo",
        Sign = "Sign",
        Verify = "Verify",
        GetPublicKey = "GetPublicKey",
        CreateGrant = "CreateGrant",
        RetireGrant = "RetireGrant",
        DescribeKey = "DescribeKey",
        GenerateDataKeyPair = "GenerateDataKeyPair",
        GenerateDataKeyPairWithoutPlaintext = "GenerateDataKeyPairWithoutPlaintext",
        GenerateMac = "GenerateMac",
        VerifyMac = "VerifyMac",
        DeriveSharedSecret = "DeriveSharedSecret",
    }
}

impl Granted {
    /// As a policy names it.
    pub fn of_action(action: &str) -> Option<Self> {
        action.strip_prefix("kms:")?.parse().ok()
    }

    /// A key of this kind can do it.
    pub fn suits(self, spec: Spec, usage: Usage) -> bool {
        match self {
            Self::CreateGrant | Self::RetireGrant | Self::DescribeKey => true,
            Self::Encrypt | Self::Decrypt | Self::ReEncryptFrom | Self::ReEncryptTo => {
                usage == Usage::EncryptDecrypt
            }
            Self::GenerateDataKey
            | Self::GenerateDataKeyWithoutPlaintext
            | Self::GenerateDataKeyPair
            | Self::GenerateDataKeyPairWithoutPlaintext => spec == Spec::Symmetric,
            Self::Sign | Self::Verify => usage == Usage::SignVerify,
            Self::GetPublicKey => spec.is_asymmetric(),
            Self::GenerateMac | Self::VerifyMac => usage == Usage::Mac,
            Self::DeriveSharedSecret => usage == Usage::KeyAgreement,
        }
    }

    /// The operations that take an encryption context: only these are held to a grant's constraints.
    fn takes_context(self) -> bool {
        match self {
            Self::Decrypt
            | Self::Encrypt
            | Self::GenerateDataKey
            | Self::GenerateDataKeyWithoutPlaintext
            | Self::ReEncryptFrom
            | Self::ReEncryptTo
            | Self::GenerateDataKeyPair
            | Self::GenerateDataKeyPairWithoutPlaintext => true,
            Self::Sign
            | Self::Verify
            | Self::GetPublicKey
            | Self::CreateGrant
            | Self::RetireGrant
            | Self::DescribeKey
            | Self::GenerateMac
            | Self::VerifyMac
            | Self::DeriveSharedSecret => false,
        }
    }
}

/// What the encryption context must be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraints {
    /// These pairs and no others.
    pub equals: Option<BTreeMap<String, String>>,
    /// These pairs among others.
    pub subset: Option<BTreeMap<String, String>>,
}

impl Constraints {
    fn hold(&self, context: &EncryptionContext) -> bool {
        let pairs = context.pairs();
        self.equals.as_ref().is_none_or(|equals| equals == pairs)
            && self.subset.as_ref().is_none_or(|subset| contains(pairs, subset))
    }

    /// Whatever `other` lets through, these do.
    fn cover(&self, other: &Self) -> bool {
        let least = other.equals.as_ref().or(other.subset.as_ref());
        let equals = self.equals.is_none() || self.equals == other.equals;
        let subset =
            self.subset.as_ref().is_none_or(|subset| least.is_some_and(|least| contains(least, subset)));
        equals && subset
    }
}

fn contains(pairs: &BTreeMap<String, String>, some: &BTreeMap<String, String>) -> bool {
    some.iter().all(|(name, value)| pairs.get(name) == Some(value))
}

/// A grant, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// 64 hexadecimal digits.
    pub id: String,
    pub key: Arn,
    pub name: Option<String>,
    pub grantee: String,
    pub retiring: Option<String>,
    pub operations: Vec<Granted>,
    #[serde(default)]
    pub constraints: Constraints,
    pub created: Timestamp,
    /// The account under which it was made.
    pub issuer: String,
}

impl Grant {
    pub fn allows(&self, operation: Granted, context: &EncryptionContext) -> bool {
        self.operations.contains(&operation) && (!operation.takes_context() || self.constraints.hold(context))
    }

    /// A grant that its grantee may make: no more than this one gives.
    pub fn covers(&self, other: &Self) -> bool {
        other.operations.iter().all(|operation| self.operations.contains(operation))
            && self.constraints.cover(&other.constraints)
    }

    /// What was asked for is this very grant: a repeated request with a name gets the same one.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let same = Self { id: self.id.clone(), created: self.created, ..other.clone() };
        self.name.is_some() && *self == same
    }
}

/// The names under which a grant may mean a principal: its ARN, and for a session its role's.
pub fn names_of(principal: &Principal) -> Vec<String> {
    let names = [principal.identity_arn(), principal.arn()];
    let mut names: Vec<String> = names.into_iter().flatten().map(|arn| arn.to_string()).collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constraints(equals: Option<&[(&str, &str)]>, subset: Option<&[(&str, &str)]>) -> Constraints {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        Constraints { equals: equals.map(pairs), subset: subset.map(pairs) }
    }

    fn grant(operations: &[Granted], constraints: Constraints) -> Grant {
        Grant {
            id: "ab".repeat(32),
            key: "arn:aws:kms:us-east-1:000000000000:key/k".parse().unwrap(),
            name: Some("n".to_owned()),
            grantee: "arn:aws:iam::000000000000:user/Bob".to_owned(),
            retiring: None,
            operations: operations.to_vec(),
            constraints,
            created: Timestamp::from_secs(1_795_000_000),
            issuer: "arn:aws:iam::000000000000:root".to_owned(),
        }
    }

    #[test]
    fn constraints_hold_the_operations_that_take_a_context() {
        let a = [("a", "1")];
        let ab = [("a", "1"), ("b", "2")];
        for (constraints, context, allowed) in [
            (constraints(None, None), &ab[..], true),
            (constraints(Some(&a), None), &a, true),
            (constraints(Some(&a), None), &ab, false),
            (constraints(Some(&a), None), &[], false),
            (constraints(None, Some(&a)), &ab, true),
            (constraints(None, Some(&ab)), &a, false),
            (constraints(None, Some(&[("a", "2")])), &a, false),
        ] {
            let grant = grant(&[Granted::Encrypt, Granted::DescribeKey], constraints);
            let context: EncryptionContext = context.iter().copied().collect();
            assert_eq!(grant.allows(Granted::Encrypt, &context), allowed, "{grant:?} {context:?}");
            assert!(grant.allows(Granted::DescribeKey, &context));
            assert!(!grant.allows(Granted::Decrypt, &context));
        }
    }

    #[test]
    fn nobody_gives_on_more_than_was_given() {
        let a = [("a", "1")];
        let ab = [("a", "1"), ("b", "2")];
        let (one, two) = ([Granted::Encrypt], [Granted::Encrypt, Granted::Decrypt]);
        for (own, given, covers) in [
            (grant(&two, constraints(None, None)), grant(&one, constraints(None, None)), true),
            (grant(&one, constraints(None, None)), grant(&two, constraints(None, None)), false),
            (grant(&one, constraints(None, Some(&a))), grant(&one, constraints(None, Some(&ab))), true),
            (grant(&one, constraints(None, Some(&a))), grant(&one, constraints(Some(&ab), None)), true),
            (grant(&one, constraints(None, Some(&ab))), grant(&one, constraints(None, Some(&a))), false),
            (grant(&one, constraints(None, Some(&a))), grant(&one, constraints(None, None)), false),
            (grant(&one, constraints(Some(&a), None)), grant(&one, constraints(Some(&a), None)), true),
            (grant(&one, constraints(Some(&a), None)), grant(&one, constraints(None, Some(&a))), false),
        ] {
            assert_eq!(own.covers(&given), covers, "{own:?} {given:?}");
        }
    }

    #[test]
    fn stored_grants_stay_readable() {
        let grant = grant(&[Granted::Encrypt], constraints(None, Some(&[("a", "1")])));
        let old = hex::decode(include_str!("grant_v1.hex").trim()).unwrap();
        assert_eq!(rmp_serde::from_slice::<Grant>(&old).unwrap(), grant);
        let bytes = rmp_serde::to_vec_named(&grant).unwrap();
        assert_eq!(rmp_serde::from_slice::<Grant>(&bytes).unwrap(), grant);
    }
}
