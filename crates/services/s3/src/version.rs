//! Versions of objects: the state of a bucket's versioning, and version ids. Pure.
//!
//! A version id names a version's place in the order of its key and its content, so that a version is found without a
//! search. Clients take it for opaque, as AWS asks them to.

use base64::Engine as _;
use base64::alphabet::Alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::S3Error;

/// The letters of AWS's version ids: none of them needs an escape in a URL or starts an option on a command line.
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
const NULL: &str = "null";

fn letters() -> GeneralPurpose {
    let alphabet = Alphabet::new(LETTERS).expect("64 different printable letters");
    GeneralPurpose::new(&alphabet, NO_PAD)
}

/// Whether a bucket keeps versions. Once on, it can be suspended and never be off again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Versioning {
    #[default]
    Never,
    Enabled,
    Suspended,
}

impl Versioning {
    pub fn is_never(&self) -> bool {
        *self == Self::Never
    }

    /// What answers say of a version: nothing in a bucket that never had versions.
    pub fn shown(self, version: VersionId) -> Option<String> {
        match self {
            Self::Never => None,
            Self::Enabled | Self::Suspended => Some(version.to_string()),
        }
    }
}

/// A version of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VersionId {
    /// It has an id of its own; otherwise it is "null".
    pub versioned: bool,
    /// Grows with every version of the key.
    pub sequence: u64,
    /// Of the content, or of the delete marker.
    pub id: Uuid,
}

impl std::fmt::Display for VersionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.versioned {
            return f.write_str(NULL);
        }
        let mut bytes = [0; 24];
        bytes[..16].copy_from_slice(self.id.as_bytes());
        bytes[16..].copy_from_slice(&self.sequence.to_be_bytes());
        f.write_str(&letters().encode(bytes))
    }
}

/// A version as a request names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    Null,
    Id { sequence: u64, id: Uuid },
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Null => f.write_str(NULL),
            Self::Id { sequence, id } => VersionId { versioned: true, sequence, id }.fmt(f),
        }
    }
}

impl From<VersionId> for Wanted {
    fn from(version: VersionId) -> Self {
        match version.versioned {
            true => Self::Id { sequence: version.sequence, id: version.id },
            false => Self::Null,
        }
    }
}

impl Wanted {
    /// Errors: InvalidArgument.
    pub fn parse(text: &str) -> Result<Self, S3Error> {
        if text == NULL {
            return Ok(Self::Null);
        }
        let invalid = || S3Error::invalid_argument("Invalid version id specified", "versionId", text);
        let bytes: [u8; 24] =
            letters().decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(invalid)?;
        let (id, sequence) = bytes.split_at(16);
        let id = Uuid::from_slice(id).map_err(|_| invalid())?;
        let sequence = u64::from_be_bytes(sequence.try_into().map_err(|_| invalid())?);
        Ok(Self::Id { sequence, id })
    }

    pub fn names(self, version: VersionId) -> bool {
        match self {
            Self::Null => !version.versioned,
            Self::Id { sequence, id } => {
                version.versioned && version.sequence == sequence && version.id == id
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_printed_and_read() {
        let id = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);
        let version = VersionId { versioned: true, sequence: 3, id };
        let text = version.to_string();
        assert_eq!((text.len(), text.contains('-')), (32, false));
        assert!(Wanted::parse(&text).unwrap().names(version));
        assert!(!Wanted::parse(&text).unwrap().names(VersionId { sequence: 4, ..version }));
        let null = VersionId { versioned: false, ..version };
        assert_eq!(null.to_string(), "null");
        assert!(Wanted::parse("null").unwrap().names(null) && !Wanted::Null.names(version));
        for bad in ["", "abc", "null ", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-", &text[1..]] {
            assert_eq!(Wanted::parse(bad).map_err(|error| error.code()), Err("InvalidArgument"), "{bad}");
        }
    }
}
