//! Intelligent tiering: which tier an object of that class is in, by when it was last read. Pure; `worker` acts, `accesses`
//! remembers reads.
//!
//! Source: Amazon S3 user guide, "How S3 Intelligent-Tiering works": without a read for 30 days an object is in the infrequent tier, after 90
//! in the archive instant one, and a read takes it back. The two archive tiers are the bucket owner's choice, and an object
//! in them is read after a restore. Below 128 KiB nothing moves.

mod accesses;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeMap;
use std::time::Duration;

use millpond_core::Timestamp;
use millpond_wire::text_enum;
use serde::{Deserialize, Serialize};

use crate::class::StorageClass;
use crate::error::S3Error;
use crate::store::{Document, Kind};
use crate::tags::Tags;

pub use accesses::{AccessFlush, Accesses};
pub use worker::TieringRun;

const DAY: Duration = Duration::from_secs(86_400);
const SMALLEST: u64 = 128 << 10;
const INFREQUENT_DAYS: u32 = 30;
const ARCHIVE_INSTANT_DAYS: u32 = 90;
/// The fewest days of each archive tier, and the most of both.
const ARCHIVE_DAYS: u32 = 90;
const DEEP_ARCHIVE_DAYS: u32 = 180;
const MOST_DAYS: u32 = 730;
/// Configurations of a bucket.
const MOST: usize = 1_000;
const LONGEST_ID: usize = 64;

text_enum! {
    /// From the dearest to the cheapest. The archive tiers are named as AWS's API names them.
    pub enum AccessTier {
        Frequent = "FREQUENT_ACCESS",
        Infrequent = "INFREQUENT_ACCESS",
        ArchiveInstant = "ARCHIVE_INSTANT_ACCESS",
        Archive = "ARCHIVE_ACCESS",
        DeepArchive = "DEEP_ARCHIVE_ACCESS",
    }
}

impl AccessTier {
    /// The class whose placement the tier has.
    pub fn class(self) -> StorageClass {
        match self {
            Self::Frequent => StorageClass::Standard,
            Self::Infrequent => StorageClass::StandardIa,
            Self::ArchiveInstant => StorageClass::GlacierIr,
            Self::Archive => StorageClass::Glacier,
            Self::DeepArchive => StorageClass::DeepArchive,
        }
    }

    /// Its objects are read after a restore.
    pub fn is_archive(self) -> bool {
        self.class().is_archive()
    }
}

/// Where an object is among the tiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiering {
    pub tier: AccessTier,
    /// When it was last read, to the day; or came into the class.
    pub accessed: Timestamp,
}

impl Tiering {
    /// Of an object that was just read, or just came.
    pub fn frequent(now: Timestamp) -> Self {
        Self { tier: AccessTier::Frequent, accessed: now }
    }

    /// Whether a read is worth remembering: it moves the object, or is the first of its day.
    pub fn gains_by_read(&self, now: Timestamp) -> bool {
        match self.tier {
            AccessTier::Frequent => now >= self.accessed.plus(DAY),
            AccessTier::Infrequent | AccessTier::ArchiveInstant => true,
            // They are not read; a restore moves them.
            AccessTier::Archive | AccessTier::DeepArchive => false,
        }
    }
}

/// Smaller objects stay in the frequent tier.
pub fn is_monitored(class: StorageClass, size: u64) -> bool {
    class == StorageClass::IntelligentTiering && size >= SMALLEST
}

/// The archive tiers that a bucket's owner chose, by the id of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configurations(pub BTreeMap<String, Configuration>);

impl Document for Configurations {
    const KIND: Kind = Kind::IntelligentTiering;
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    pub enabled: bool,
    /// Written with one condition, with several, or without.
    #[serde(default)]
    pub form: Form,
    #[serde(default)]
    pub prefix: Option<String>,
    #[serde(default)]
    pub tags: Tags,
    /// In the order in which they were put.
    pub tiers: Vec<(AccessTier, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Form {
    #[default]
    None,
    One,
    And,
}

impl Configuration {
    /// Errors: InvalidArgument, MalformedXML.
    pub fn check(&self, id: &str) -> Result<(), S3Error> {
        let refused =
            |message: &str, name: &str, value: String| Err(S3Error::invalid_argument(message, name, value));
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(named) {
            return refused("Invalid configuration id specified", "id", id.to_owned());
        }
        if self.tiers.is_empty() {
            return Err(S3Error::MalformedXml);
        }
        for (at, (tier, days)) in self.tiers.iter().enumerate() {
            if self.tiers[..at].iter().any(|(other, _)| other == tier) {
                return refused("Tiering access tiers must be unique", "AccessTier", tier.to_string());
            }
            let least = match tier {
                AccessTier::Archive => ARCHIVE_DAYS,
                AccessTier::DeepArchive => DEEP_ARCHIVE_DAYS,
                AccessTier::Frequent | AccessTier::Infrequent | AccessTier::ArchiveInstant => {
                    return Err(S3Error::MalformedXml);
                }
            };
            if !(least..=MOST_DAYS).contains(days) {
                let message = format!("'Days' for {tier} must be between {least} and {MOST_DAYS}");
                return refused(&message, "Days", days.to_string());
            }
        }
        Ok(())
    }

    fn is_about(&self, key: &str, tags: &Tags) -> bool {
        self.enabled
            && self.prefix.as_deref().is_none_or(|prefix| key.starts_with(prefix))
            && self.tags.iter().all(|(name, value)| tags.get(name) == Some(value))
    }
}

impl Configurations {
    /// Errors: TooManyConfigurations.
    pub fn insert(&mut self, id: String, configuration: Configuration) -> Result<(), S3Error> {
        if self.0.len() >= MOST && !self.0.contains_key(&id) {
            return Err(S3Error::TooManyConfigurations);
        }
        self.0.insert(id, configuration);
        Ok(())
    }

    /// Some configuration asks for tags.
    pub fn need_tags(&self) -> bool {
        self.0.values().any(|configuration| configuration.enabled && !configuration.tags.is_empty())
    }

    /// The tier that an object is to go down to now.
    pub fn due(&self, key: &str, tags: &Tags, at: Tiering, now: Timestamp) -> Option<AccessTier> {
        let about = self.0.values().filter(|configuration| configuration.is_about(key, tags));
        let always =
            [(AccessTier::Infrequent, INFREQUENT_DAYS), (AccessTier::ArchiveInstant, ARCHIVE_INSTANT_DAYS)];
        let tiers = about.flat_map(|configuration| configuration.tiers.iter().copied()).chain(always);
        let reached = tiers.filter(|(_, days)| at.accessed.plus(DAY * *days) <= now);
        reached.map(|(tier, _)| tier).max().filter(|tier| *tier > at.tier)
    }
}
