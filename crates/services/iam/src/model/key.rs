//! Access keys of users.

use millpond_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

/// An access key, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccessKey {
    pub account: AccountId,
    /// The id of the user.
    pub user: String,
    pub active: bool,
    pub created: Timestamp,
    /// The secret, as [`crate::vault`] sealed it.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

/// When, where and for what a key or a role was used for the last time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUse {
    pub at: Timestamp,
    pub service: String,
    pub region: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Data on disks depends on this layout.
    #[test]
    fn an_older_record_still_decodes() {
        let bytes = hex::decode(include_str!("key_v1.hex").trim()).unwrap();
        let read: AccessKey = rmp_serde::from_slice(&bytes).unwrap();
        let expected = AccessKey {
            account: "111122223333".parse().unwrap(),
            user: "AIDAFIXTURE".into(),
            active: true,
            created: Timestamp::from_secs(1_795_000_000),
            sealed: vec![1, 2, 3],
        };
        assert_eq!(read, expected);
    }
}
