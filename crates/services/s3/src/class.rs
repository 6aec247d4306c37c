//! Storage classes: how the bytes of an object are kept, and what that means for its readers. Pure.

use std::time::Duration;

use millpond_blob::{Pack, Spread, WriteOptions};
use millpond_core::Timestamp;
use millpond_wire::text_enum;
use serde::{Deserialize, Serialize};

use crate::error::S3Error;

text_enum! {
    pub enum StorageClass {
        Standard = "STANDARD",
        StandardIa = "STANDARD_IA",
        IntelligentTiering = "INTELLIGENT_TIERING",
        OnezoneIa = "ONEZONE_IA",
        GlacierIr = "GLACIER_IR",
        Glacier = "GLACIER",
        DeepArchive = "DEEP_ARCHIVE",
        ReducedRedundancy = "REDUCED_REDUNDANCY",
        ExpressOnezone = "EXPRESS_ONEZONE",
    }
}

#[expect(clippy::derivable_impls, reason = "the macro's variants take no attribute")]
impl Default for StorageClass {
    fn default() -> Self {
        Self::Standard
    }
}

/// Classes that AWS has for other kinds of buckets and places.
const ELSEWHERE: &[&str] = &["OUTPOSTS", "SNOW", "FSX_OPENZFS", "FSX_ONTAP"];

impl StorageClass {
    /// A class of general purpose buckets.
    ///
    /// Errors: InvalidStorageClass, NotImplemented (a class of Outposts, devices, file systems).
    pub fn parse(text: &str) -> Result<Self, S3Error> {
        let invalid = || S3Error::InvalidStorageClass { class: text.to_owned() };
        match text.parse() {
            Ok(Self::ExpressOnezone) => Err(invalid()),
            Ok(class) => Ok(class),
            Err(_) if ELSEWHERE.contains(&text) => {
                Err(S3Error::NotImplemented { what: format!("The storage class {text}") })
            }
            Err(_) => Err(invalid()),
        }
    }

    /// The class of a new object, from what its request asks for: STANDARD without a word, and in a directory bucket always
    /// EXPRESS_ONEZONE.
    ///
    /// Errors: InvalidStorageClass, NotImplemented.
    pub fn asked(text: Option<&str>, in_directory: bool) -> Result<Self, S3Error> {
        match text {
            None if in_directory => Ok(Self::ExpressOnezone),
            None => Ok(Self::Standard),
            Some(text) if in_directory => match text.parse() {
                Ok(Self::ExpressOnezone) => Ok(Self::ExpressOnezone),
                _ => Err(S3Error::InvalidStorageClass { class: text.to_owned() }),
            },
            Some(text) => Self::parse(text),
        }
    }

    pub fn is_standard(&self) -> bool {
        *self == Self::Standard
    }

    /// As the header of an answer says it: STANDARD is not said.
    pub fn shown(self) -> Option<&'static str> {
        (!self.is_standard()).then(|| self.as_str())
    }

    /// How bytes of the class are kept: copies in every zone or in one, as they are or compressed.
    pub fn keeping(self) -> WriteOptions<'static> {
        let spread = match self {
            Self::OnezoneIa | Self::ReducedRedundancy | Self::ExpressOnezone => Spread::OneZone,
            Self::Standard
            | Self::StandardIa
            | Self::IntelligentTiering
            | Self::GlacierIr
            | Self::Glacier
            | Self::DeepArchive => Spread::EveryZone,
        };
        let pack = if self.is_archive() { Pack::Compressed } else { Pack::Plain };
        WriteOptions { spread, pack, ..WriteOptions::default() }
    }

    /// Its objects cannot be read until they are restored.
    pub fn is_archive(self) -> bool {
        matches!(self, Self::Glacier | Self::DeepArchive)
    }
}

/// A readable copy of an archived object: asked for, or there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// When the copy is due.
    pub due: Timestamp,
    pub days: u32,
    pub tier: Tier,
    /// When the copy goes; `None` while it is being made.
    #[serde(default)]
    pub expires: Option<Timestamp>,
}

impl Restore {
    /// As `x-amz-restore` says it; nothing once the copy has had its time.
    pub fn shown(&self, now: Timestamp, date: impl Fn(Timestamp) -> String) -> Option<String> {
        match self.expires {
            None => Some("ongoing-request=\"true\"".to_owned()),
            Some(expires) if expires > now => {
                Some(format!("ongoing-request=\"false\", expiry-date=\"{}\"", date(expires)))
            }
            Some(_) => None,
        }
    }

    pub fn is_ongoing(&self) -> bool {
        self.expires.is_none()
    }

    /// The copy can be read.
    pub fn is_there(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires > now)
    }
}

text_enum! {
    /// How soon an archived object is to be readable.
    pub enum Tier {
        Expedited = "Expedited",
        Standard = "Standard",
        Bulk = "Bulk",
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

impl Tier {
    /// How long a restore takes: within what AWS states for the tier. `None` where the class does not have the tier.
    ///
    /// Source: Amazon S3 user guide, archive retrieval options.
    pub fn takes(self, class: StorageClass) -> Option<Duration> {
        match (class, self) {
            (StorageClass::DeepArchive, Self::Expedited) => None,
            (StorageClass::DeepArchive, Self::Standard) => Some(12 * HOUR),
            (StorageClass::DeepArchive, Self::Bulk) => Some(48 * HOUR),
            (_, Self::Expedited) => Some(3 * MINUTE),
            (_, Self::Standard) => Some(4 * HOUR),
            (_, Self::Bulk) => Some(8 * HOUR),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, expected) in [
            ("STANDARD", Ok(None)),
            ("GLACIER_IR", Ok(Some("GLACIER_IR"))),
            ("EXPRESS_ONEZONE", Err("InvalidStorageClass")),
            ("SNOW", Err("NotImplemented")),
            ("standard", Err("InvalidStorageClass")),
            ("", Err("InvalidStorageClass")),
        ] {
            let found = StorageClass::parse(text).map(StorageClass::shown).map_err(|error| error.code());
            assert_eq!(found, expected, "{text}");
        }
        for (text, in_directory, expected) in [
            (None, false, Some("STANDARD")),
            (None, true, Some("EXPRESS_ONEZONE")),
            (Some("EXPRESS_ONEZONE"), true, Some("EXPRESS_ONEZONE")),
            (Some("EXPRESS_ONEZONE"), false, None),
            (Some("STANDARD"), true, None),
            (Some("SNOW"), true, None),
        ] {
            let found = StorageClass::asked(text, in_directory).ok();
            assert_eq!(found.map(|class| class.as_str()), expected, "{text:?}");
        }
    }
}
