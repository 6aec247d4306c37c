//! Managed policies and their versions.

use std::collections::BTreeMap;

use millpond_core::{AccountId, Arn, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::{arn, whole_second};
use super::ids;
use super::tags::Tags;
use crate::error::IamError;

/// How many versions a policy may have.
pub const MAX_VERSIONS: usize = 5;

/// A customer's managed policy, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManagedPolicy {
    pub account: AccountId,
    pub name: String,
    pub path: String,
    /// As `ANPA…`.
    pub id: String,
    #[serde(default)]
    pub description: Option<String>,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub default_version: u32,
    /// The number of the newest version that there ever was: numbers are not given again.
    pub last_version: u32,
    pub versions: BTreeMap<u32, Version>,
    #[serde(default)]
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    pub document: String,
    pub created: Timestamp,
}

impl ManagedPolicy {
    pub fn new(
        account: AccountId,
        path: Option<String>,
        name: String,
        document: String,
        now: Timestamp,
    ) -> Result<Self, IamError> {
        let now = whole_second(now);
        Ok(Self {
            account,
            name,
            path: path.unwrap_or_else(|| "/".to_owned()),
            id: ids::unique_id("ANPA")?,
            description: None,
            created: now,
            updated: now,
            default_version: 1,
            last_version: 1,
            versions: BTreeMap::from([(1, Version { document, created: now })]),
            tags: Tags::default(),
        })
    }

    pub fn arn(&self) -> Arn {
        arn(&self.account, "policy", &self.path, &self.name)
    }

    /// The document that counts.
    pub fn document(&self) -> &str {
        self.versions.get(&self.default_version).map_or("", |version| &version.document)
    }

    /// Adds a version; its number.
    ///
    /// Errors: LimitExceeded.
    pub fn add_version(&mut self, document: String, default: bool, now: Timestamp) -> Result<u32, IamError> {
        if self.versions.len() >= MAX_VERSIONS {
            return Err(IamError::LimitExceeded(format!(
                "A managed policy can have up to {MAX_VERSIONS} versions. Before you create a new version, you must \
                 delete an existing version."
            )));
        }
        let now = whole_second(now);
        self.last_version += 1;
        self.versions.insert(self.last_version, Version { document, created: now });
        if default {
            self.default_version = self.last_version;
        }
        self.updated = now;
        Ok(self.last_version)
    }

    /// Errors: NoSuchEntity.
    pub fn set_default(&mut self, version: &str, now: Timestamp) -> Result<(), IamError> {
        self.default_version = self.version(version)?.0;
        self.updated = whole_second(now);
        Ok(())
    }

    /// Errors: NoSuchEntity, DeleteConflict for the default version.
    pub fn remove_version(&mut self, version: &str, now: Timestamp) -> Result<(), IamError> {
        let number = self.version(version)?.0;
        if number == self.default_version {
            return Err(IamError::DeleteConflict(
                "Cannot delete the default version of a policy.".to_owned(),
            ));
        }
        self.versions.remove(&number);
        self.updated = whole_second(now);
        Ok(())
    }

    /// A version by its id, as `v2`.
    ///
    /// Errors: NoSuchEntity.
    pub fn version(&self, id: &str) -> Result<(u32, &Version), IamError> {
        let number = id.strip_prefix('v').and_then(|number| number.parse().ok());
        let found = number.and_then(|number: u32| Some((number, self.versions.get(&number)?)));
        found.ok_or_else(|| no_such_version(&self.arn().to_string(), id))
    }
}

pub fn no_such_version(arn: &str, version: &str) -> IamError {
    IamError::NoSuchEntity(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> ManagedPolicy {
        let account = "111122223333".parse().unwrap();
        ManagedPolicy::new(account, Some("/a/".into()), "P".into(), "one".into(), Timestamp::EPOCH).unwrap()
    }

    #[test]
    fn versions_come_and_go() {
        let mut policy = policy();
        for number in 2..=5 {
            assert_eq!(
                policy.add_version(format!("{number}"), number == 3, Timestamp::EPOCH).unwrap(),
                number
            );
        }
        assert!(matches!(
            policy.add_version("6".into(), true, Timestamp::EPOCH),
            Err(IamError::LimitExceeded(_))
        ));
        assert_eq!(policy.document(), "3");
        for (version, expected) in [("v3", false), ("v1", true), ("v1", false), ("v9", false), ("x", false)] {
            assert_eq!(policy.remove_version(version, Timestamp::EPOCH).is_ok(), expected, "{version}");
        }
        assert_eq!(policy.add_version("6".into(), false, Timestamp::EPOCH).unwrap(), 6, "numbers only grow");
        policy.set_default("v6", Timestamp::EPOCH).unwrap();
        assert_eq!(policy.document(), "6");
    }

    /// Data on disks depends on this layout.
    #[test]
    fn an_older_record_still_decodes() {
        let bytes = hex::decode(include_str!("policy_v1.hex").trim()).unwrap();
        let read: ManagedPolicy = rmp_serde::from_slice(&bytes).unwrap();
        let expected = ManagedPolicy {
            id: "ANPAFIXTURE".into(),
            description: Some("d".into()),
            tags: Tags::from([("team".to_owned(), "mill".to_owned())]),
            ..policy()
        };
        assert_eq!(read, expected);
    }
}
