//! Users, groups and roles: one record, since policies, boundaries, tags and paths mean the same for all three.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use millpond_core::{AccountId, Arn, Timestamp};
use serde::{Deserialize, Serialize};

use super::tags::Tags;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    User,
    Group,
    Role,
}

impl Kind {
    /// As ARNs and sentences name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }

    /// As quotas and the beginnings of sentences name it.
    pub fn title(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::Role => "Role",
        }
    }

    pub fn id_prefix(self) -> &'static str {
        match self {
            Self::User => "AIDA",
            Self::Group => "AGPA",
            Self::Role => "AROA",
        }
    }

    /// How many an account may have.
    pub fn quota(self) -> usize {
        match self {
            Self::User => 5_000,
            Self::Group => 300,
            Self::Role => 1_000,
        }
    }

    /// How many bytes all inline policies of one may have together, white space not counted.
    pub fn inline_bytes(self) -> usize {
        match self {
            Self::User => 2_048,
            Self::Group => 5_120,
            Self::Role => 10_240,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A user, a group or a role, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    pub kind: Kind,
    pub account: AccountId,
    pub name: String,
    /// `/`, or as `/division/team/`.
    pub path: String,
    /// As `AIDACKCEVSQ6C2EXAMPLE`: it survives a change of the name and is never given again.
    pub id: String,
    pub created: Timestamp,
    #[serde(default)]
    pub tags: Tags,
    /// The ARN of the managed policy that limits it.
    #[serde(default)]
    pub boundary: Option<String>,
    /// The ARNs of managed policies.
    #[serde(default)]
    pub attached: BTreeSet<String>,
    /// Documents by their names.
    #[serde(default)]
    pub inline: BTreeMap<String, String>,
    /// The ids of a user's groups.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// A user's access keys.
    #[serde(default)]
    pub keys: BTreeSet<String>,
    /// A user's password.
    #[serde(default)]
    pub login: Option<Login>,
    /// What a role has beyond the others.
    #[serde(default)]
    pub role: Option<RolePart>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolePart {
    /// Who may assume it: a document.
    pub trust: String,
    #[serde(default)]
    pub description: Option<String>,
    pub max_session_secs: u32,
    /// The service that a service-linked role belongs to.
    #[serde(default)]
    pub service: Option<String>,
    /// The ids of the instance profiles that hold it.
    #[serde(default)]
    pub profiles: BTreeSet<String>,
    /// The users and roles that the trust policy names, and the ids of those who are meant.
    #[serde(default)]
    pub pins: BTreeMap<String, String>,
}

impl RolePart {
    pub fn max_session(&self) -> Duration {
        Duration::from_secs(self.max_session_secs.into())
    }
}

/// A password as it is kept: nothing that it could be read from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    pub created: Timestamp,
    pub changed: Timestamp,
    pub reset_required: bool,
    pub hash: PasswordHash,
    /// The hashes of the passwords before, the newest first, as far as the account's policy may ask for them.
    #[serde(default)]
    pub former: Vec<PasswordHash>,
}

/// PBKDF2-HMAC-SHA256 of a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    pub rounds: u32,
    #[serde(with = "serde_bytes")]
    pub salt: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub hash: Vec<u8>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(..)")
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

impl Entity {
    pub fn new(
        kind: Kind,
        account: AccountId,
        path: Option<String>,
        name: String,
        now: Timestamp,
    ) -> Result<Self, crate::IamError> {
        Ok(Self {
            kind,
            account,
            name,
            path: path.unwrap_or_else(|| "/".to_owned()),
            id: super::ids::unique_id(kind.id_prefix())?,
            created: whole_second(now),
            tags: Tags::default(),
            boundary: None,
            attached: BTreeSet::new(),
            inline: BTreeMap::new(),
            groups: BTreeSet::new(),
            keys: BTreeSet::new(),
            login: None,
            role: None,
        })
    }

    pub fn arn(&self) -> Arn {
        arn(&self.account, self.kind.as_str(), &self.path, &self.name)
    }

    pub fn service_linked(&self) -> Option<&str> {
        self.role.as_ref()?.service.as_deref()
    }
}

/// The ARN of a resource of IAM: it has a path and no region.
pub fn arn(account: &AccountId, kind: &str, path: &str, name: &str) -> Arn {
    iam_arn(account, format!("{kind}{path}{name}"))
}

pub fn iam_arn(account: &AccountId, resource: String) -> Arn {
    Arn {
        partition: "aws".into(),
        service: "iam".into(),
        region: String::new(),
        account: account.as_str().into(),
        resource,
    }
}

/// IAM's times have no fractions.
pub fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_secs(at.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_the_path() {
        let account: AccountId = "111122223333".parse().unwrap();
        for (path, expected) in [("/", "role/Deliver"), ("/a/b/", "role/a/b/Deliver")] {
            assert_eq!(
                arn(&account, "role", path, "Deliver").to_string(),
                format!("arn:aws:iam::111122223333:{expected}")
            );
        }
    }

    /// Data on disks depends on this layout.
    #[test]
    fn an_older_record_still_decodes() {
        let bytes = hex::decode(include_str!("entity_v1.hex").trim()).unwrap();
        let entity: Entity = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!(entity, fixture());
    }

    fn fixture() -> Entity {
        Entity {
            kind: Kind::Role,
            account: "111122223333".parse().unwrap(),
            name: "Deliver".into(),
            path: "/a/".into(),
            id: "AROAFIXTURE".into(),
            created: Timestamp::from_secs(1_795_000_000),
            tags: Tags::from([("team".to_owned(), "mill".to_owned())]),
            boundary: Some("arn:aws:iam::111122223333:policy/b".into()),
            attached: ["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()].into(),
            inline: [("own".to_owned(), "{}".to_owned())].into(),
            groups: ["AGPAFIXTURE".to_owned()].into(),
            keys: ["AKIAFIXTURE".to_owned()].into(),
            login: Some(Login {
                created: Timestamp::from_secs(1),
                changed: Timestamp::from_secs(2),
                reset_required: true,
                hash: PasswordHash { rounds: 1, salt: vec![1], hash: vec![2] },
                former: vec![PasswordHash { rounds: 1, salt: vec![3], hash: vec![4] }],
            }),
            role: Some(RolePart {
                trust: "{}".into(),
                description: Some("d".into()),
                max_session_secs: 3_600,
                service: Some("x.amazonaws.com".into()),
                profiles: ["AIPAFIXTURE".to_owned()].into(),
                pins: BTreeMap::new(),
            }),
        }
    }
}
