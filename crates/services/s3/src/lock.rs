//! Object lock: retention and legal holds of versions, and what a bucket gives to new ones. Pure.
//!
//! A locked version is not deleted and its lock is not loosened; it can still be covered by a newer version or a delete
//! marker. Compliance mode holds against everybody, governance mode against those who may not bypass it.

use std::time::Duration;

use millpond_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::S3Error;

const DAY: Duration = Duration::from_secs(86_400);
const MOST_DAYS: u32 = 36_500;
const MOST_YEARS: u32 = 100;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Mode {
    Governance,
    Compliance,
}

impl Mode {
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Governance, Self::Compliance].into_iter().find(|mode| mode.as_str() == text)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Retention {
    pub mode: Mode,
    pub until: Timestamp,
}

/// The lock of one version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Lock {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// `None` where nobody ever said; `Some(false)` is a hold that was lifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_hold: Option<bool>,
}

impl Lock {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the version must stay.
    ///
    /// Errors: AccessDenied.
    pub fn check_deletion(&self, now: Timestamp, bypass: bool) -> Result<(), S3Error> {
        let retained = match self.retention {
            Some(Retention { until, .. }) if until <= now => false,
            Some(Retention { mode: Mode::Compliance, .. }) => true,
            Some(Retention { mode: Mode::Governance, .. }) => !bypass,
            None => false,
        };
        if retained || self.legal_hold == Some(true) { Err(locked()) } else { Ok(()) }
    }

    /// Sets or removes the retention. One that still holds can be made longer by anybody, and be changed otherwise only
    /// in governance mode and with a bypass.
    ///
    /// Errors: AccessDenied.
    pub fn retain(&mut self, wanted: Option<Retention>, now: Timestamp, bypass: bool) -> Result<(), S3Error> {
        if let Some(held) = self.retention.filter(|held| held.until > now) {
            let longer = wanted.is_some_and(|new| new.mode == held.mode && new.until >= held.until);
            let may_shorten = held.mode == Mode::Governance && bypass;
            if !(longer || may_shorten) {
                return Err(locked());
            }
        }
        self.retention = wanted;
        Ok(())
    }
}

fn locked() -> S3Error {
    S3Error::AccessDenied { message: "Access Denied because object protected by object lock.".into() }
}

/// A bucket whose objects can be locked. Once there, it stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BucketLock {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<DefaultRetention>,
}

/// What a new version without a retention of its own gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DefaultRetention {
    pub mode: Mode,
    pub period: Period,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Period {
    Days(u32),
    /// Of 365 days: 100 of them are the 36,500 days that are the most.
    Years(u32),
}

impl Period {
    /// Errors: MalformedXML (both or none), InvalidArgument.
    pub fn parse(days: Option<i32>, years: Option<i32>) -> Result<Self, S3Error> {
        let check = |n: i32, name: &'static str, most: u32| {
            let invalid = |message| S3Error::invalid_argument(message, name, n.to_string());
            match u32::try_from(n) {
                Ok(n) if (1..=most).contains(&n) => Ok(n),
                Ok(n) if n > most => Err(invalid("Default retention period is too large.")),
                _ => Err(invalid("Default retention period must be a positive integer value.")),
            }
        };
        match (days, years) {
            (Some(days), None) => check(days, "Days", MOST_DAYS).map(Self::Days),
            (None, Some(years)) => check(years, "Years", MOST_YEARS).map(Self::Years),
            (Some(_), Some(_)) | (None, None) => Err(S3Error::MalformedXml),
        }
    }
}

impl BucketLock {
    /// The lock of a new version: what it asks for, and the bucket's default for what it does not say.
    pub fn of_new(&self, asked: Lock, created: Timestamp) -> Lock {
        let default = self.default.map(|DefaultRetention { mode, period }| {
            let days = match period {
                Period::Days(days) => days,
                Period::Years(years) => years * 365,
            };
            Retention { mode, until: created.plus(DAY * days) }
        });
        Lock { retention: asked.retention.or(default), ..asked }
    }
}

/// The lock of a new version in a bucket, or why it cannot have the one that it asks for.
///
/// Errors: InvalidRequest (the bucket locks nothing).
pub fn of_new(bucket: Option<BucketLock>, asked: Lock, created: Timestamp) -> Result<Lock, S3Error> {
    match bucket {
        Some(bucket) => Ok(bucket.of_new(asked, created)),
        None if asked.is_none() => Ok(asked),
        None => Err(missing()),
    }
}

pub fn missing() -> S3Error {
    S3Error::invalid_request("Bucket is missing Object Lock Configuration")
}

/// Errors: InvalidArgument (not in the future).
pub fn check_future(until: Timestamp, now: Timestamp, name: &str) -> Result<(), S3Error> {
    if until > now {
        return Ok(());
    }
    Err(S3Error::invalid_argument("The retain until date must be in the future!", name, until.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn until(mode: Mode, secs: i64) -> Option<Retention> {
        Some(Retention { mode, until: Timestamp::from_secs(secs) })
    }

    #[test]
    fn what_may_be_deleted() {
        use Mode::{Compliance, Governance};
        for (retention, hold, bypass, allowed) in [
            (None, None, false, true),
            (None, Some(false), false, true),
            (None, Some(true), false, false),
            (None, Some(true), true, false),
            (until(Governance, 1_001), None, false, false),
            (until(Governance, 1_001), None, true, true),
            (until(Governance, 1_001), Some(true), true, false),
            (until(Governance, 1_000), None, false, true),
            (until(Compliance, 1_001), None, true, false),
            (until(Compliance, 1_000), None, false, true),
        ] {
            let lock = Lock { retention, legal_hold: hold };
            assert_eq!(lock.check_deletion(NOW, bypass).is_ok(), allowed, "{lock:?} {bypass}");
        }
    }

    #[test]
    fn how_a_retention_changes() {
        use Mode::{Compliance, Governance};
        for (held, wanted, bypass, allowed) in [
            (None, until(Compliance, 2_000), false, true),
            (until(Governance, 2_000), until(Governance, 3_000), false, true),
            (until(Governance, 2_000), until(Governance, 1_500), false, false),
            (until(Governance, 2_000), until(Governance, 1_500), true, true),
            (until(Governance, 2_000), until(Compliance, 3_000), false, false),
            (until(Governance, 2_000), until(Compliance, 3_000), true, true),
            (until(Governance, 2_000), None, false, false),
            (until(Governance, 2_000), None, true, true),
            (until(Compliance, 2_000), until(Compliance, 2_500), false, true),
            (until(Compliance, 2_000), until(Compliance, 1_500), true, false),
            (until(Compliance, 2_000), until(Governance, 2_500), true, false),
            (until(Compliance, 2_000), None, true, false),
            (until(Compliance, 900), until(Governance, 1_100), false, true),
        ] {
            let mut lock = Lock { retention: held, legal_hold: None };
            assert_eq!(lock.retain(wanted, NOW, bypass).is_ok(), allowed, "{held:?} {wanted:?} {bypass}");
            assert_eq!(lock.retention, if allowed { wanted } else { held });
        }
    }

    #[test]
    fn defaults() {
        let code = |days, years| Period::parse(days, years).map_err(|error| error.code());
        assert_eq!(code(Some(36_500), None), Ok(Period::Days(36_500)));
        assert_eq!(code(None, Some(100)), Ok(Period::Years(100)));
        for (days, years) in [(Some(0), None), (Some(36_501), None), (None, Some(-1)), (None, Some(101))] {
            assert_eq!(code(days, years), Err("InvalidArgument"));
        }
        assert_eq!(code(None, None), Err("MalformedXML"));
        assert_eq!(code(Some(1), Some(1)), Err("MalformedXML"));
        let default = DefaultRetention { mode: Mode::Governance, period: Period::Days(1) };
        let bucket = Some(BucketLock { default: Some(default) });
        let given = of_new(bucket, Lock::default(), NOW).unwrap();
        assert_eq!(given.retention, until(Mode::Governance, 1_000 + 86_400));
        let asked = Lock { retention: until(Mode::Compliance, 2_000), legal_hold: Some(true) };
        assert_eq!(of_new(bucket, asked, NOW).unwrap(), asked);
        assert!(of_new(None, asked, NOW).is_err());
    }
}
