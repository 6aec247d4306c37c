//! Instance profiles: how a machine is given a role.

use millpond_core::{AccountId, Arn, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::{arn, whole_second};
use super::ids;
use super::tags::Tags;
use crate::error::IamError;

/// As ARNs name it, and as its names are kept.
pub const KIND: &str = "instance-profile";

/// An instance profile, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceProfile {
    pub account: AccountId,
    pub name: String,
    pub path: String,
    /// As `AIPA…`.
    pub id: String,
    pub created: Timestamp,
    /// The id of the one role that it may hold.
    #[serde(default)]
    pub role: Option<String>,
    #[serde(default)]
    pub tags: Tags,
}

impl InstanceProfile {
    pub fn new(
        account: AccountId,
        path: Option<String>,
        name: String,
        now: Timestamp,
    ) -> Result<Self, IamError> {
        Ok(Self {
            account,
            name,
            path: path.unwrap_or_else(|| "/".to_owned()),
            id: ids::unique_id("AIPA")?,
            created: whole_second(now),
            role: None,
            tags: Tags::default(),
        })
    }

    pub fn arn(&self) -> Arn {
        arn(&self.account, KIND, &self.path, &self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Data on disks depends on this layout.
    #[test]
    fn an_older_record_still_decodes() {
        let bytes = hex::decode(include_str!("profile_v1.hex").trim()).unwrap();
        let read: InstanceProfile = rmp_serde::from_slice(&bytes).unwrap();
        let expected = InstanceProfile {
            account: "111122223333".parse().unwrap(),
            name: "P".into(),
            path: "/a/".into(),
            id: "AIPAFIXTURE".into(),
            created: Timestamp::EPOCH,
            role: Some("AROAFIXTURE".into()),
            tags: Tags::from([("team".to_owned(), "mill".to_owned())]),
        };
        assert_eq!(read, expected);
    }
}
