//! Server access logs: which bucket's requests are logged, and where to. `ended`: what is known of a request at its end; `line`: one request as AWS writes it; `buffer`: lines
//! that wait for their delivery; `meter`: when a request has ended, and how much it was sent; `worker`: the delivery.

mod buffer;
mod ended;
mod line;
mod meter;
mod worker;

use millpond_core::{AccountId, Region, Timestamp};
use serde::{Deserialize, Serialize};

use crate::acl::{Acl, Grant, canonical_id};
use crate::store::{BucketRecord, Document, Kind};

pub use buffer::Buffers;
pub use ended::Asked;
pub use worker::{Delivery, deliver_the_rest};

/// Who writes logs, as policies name it.
pub const SERVICE: &str = "logging.s3.amazonaws.com";

/// Where a bucket's requests are logged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Logging {
    pub target: String,
    pub prefix: String,
    #[serde(default)]
    pub format: KeyFormat,
    /// Whom the logs let in beside the bucket's owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
}

impl Document for Logging {
    const KIND: Kind = Kind::Logging;
}

impl Logging {
    /// The list of a log in the target bucket as that is set now: none where lists mean nothing any more, and nobody in
    /// public where that is blocked by now.
    fn list(&self, target: &BucketRecord) -> Option<Acl> {
        let blocked = target.blocked().block_acls;
        let mut grants =
            self.grants.iter().filter(|grant| !(blocked && grant.grantee.is_public())).peekable();
        if target.ownership.is_enforced() || grants.peek().is_none() {
            return None;
        }
        let mut list = Acl::private(&canonical_id(&target.account));
        list.grants.extend(grants.cloned());
        Some(list)
    }
}

/// How the keys of logs begin behind the prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum KeyFormat {
    /// Nothing was asked for, which is as `Simple`.
    #[default]
    Unset,
    Simple,
    /// By account, region, bucket and the day of the requests.
    ByEvent,
    /// By account, region, bucket and the day of the delivery.
    ByDelivery,
}

/// Lines that go into one log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Log {
    /// The bucket whose requests they are.
    pub source: String,
    pub account: AccountId,
    pub region: Region,
    pub to: Logging,
    /// The day of all requests in it, where the key names that.
    day: Option<String>,
}

impl Log {
    pub fn new(source: String, account: AccountId, region: Region, to: Logging, at: Timestamp) -> Self {
        let day = (to.format == KeyFormat::ByEvent).then(|| at.to_jiff().strftime("%Y-%m-%d").to_string());
        Self { source, account, region, to, day }
    }

    /// The key of a log that is delivered now.
    pub fn key(&self, now: Timestamp, unique: &str) -> String {
        let Self { source, account, region, to, day } = self;
        let prefix = &to.prefix;
        let now = now.to_jiff();
        let folder = |day: &str| format!("{account}/{region}/{source}/{}/", day.replace('-', "/"));
        match (to.format, day) {
            (KeyFormat::ByEvent, Some(day)) => {
                format!("{prefix}{}{day}-00-00-00-{unique}", folder(day))
            }
            (KeyFormat::ByDelivery, _) => {
                let day = now.strftime("%Y-%m-%d").to_string();
                format!("{prefix}{}{}-{unique}", folder(&day), now.strftime("%Y-%m-%d-%H-%M-%S"))
            }
            (KeyFormat::Unset | KeyFormat::Simple | KeyFormat::ByEvent, _) => {
                format!("{prefix}{}-{unique}", now.strftime("%Y-%m-%d-%H-%M-%S"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acl::{Grantee, Permission};

    #[test]
    fn records_of_earlier_versions_are_read() {
        let to = |format| Logging { target: "t".into(), prefix: "p".into(), format, grants: Vec::new() };
        crate::tests::check(
            &to(KeyFormat::Unset),
            "83a6746172676574a174a6707265666978a170a6666f726d6174a5556e736574",
        );
        crate::tests::check(
            &to(KeyFormat::ByEvent),
            "83a6746172676574a174a6707265666978a170a6666f726d6174a742794576656e74",
        );
        let grants = vec![
            Grant { grantee: Grantee::AllUsers, permission: Permission::Read },
            Grant { grantee: Grantee::Account("ab".into()), permission: Permission::FullControl },
        ];
        crate::tests::check(
            &Logging { grants, ..to(KeyFormat::Unset) },
            "84a6746172676574a174a6707265666978a170a6666f726d6174a5556e736574a66772616e74739282a76772616e7465\
             65a8416c6c5573657273aa7065726d697373696f6ea45265616482a76772616e74656581a74163636f756e74a26162aa7065726d697373696f6eab46756c6c436f6e74726f6c",
        );
        crate::tests::check(&crate::payment::RequesterPays {}, "80");
    }

    #[test]
    fn keys() {
        // 2026-11-21T18:05:09Z, and a request of the day before.
        let (now, then) = (Timestamp::from_secs(1_795_284_309), Timestamp::from_secs(1_795_200_000));
        for (format, expected) in [
            (KeyFormat::Unset, "logs/2026-11-21-18-05-09-AB"),
            (KeyFormat::Simple, "logs/2026-11-21-18-05-09-AB"),
            (KeyFormat::ByDelivery, "logs/111122223333/us-east-1/b/2026/11/21/2026-11-21-18-05-09-AB"),
            (KeyFormat::ByEvent, "logs/111122223333/us-east-1/b/2026/11/20/2026-11-20-00-00-00-AB"),
        ] {
            let to = Logging { target: "t".into(), prefix: "logs/".into(), format, grants: Vec::new() };
            let account = "111122223333".parse().unwrap();
            let log = Log::new("b".into(), account, Region::us_east_1(), to, then);
            assert_eq!(log.key(now, "AB"), expected, "{format:?}");
        }
    }
}
