//! Where the bytes of a body are: the value that a metadata record holds.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::frames::{self, BodyKeys, TAG};
use crate::key::{Holder, Key, WrappingKey};
use crate::{BlobError, Spread};

/// Names a body and holds the key to it, wrapped. Kept by whoever named the body, in a durable record; a body without
/// a record is swept away.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Of the plaintext, in bytes.
    pub(crate) size: u64,
    /// The key of the bytes; with two layers, of the inner one.
    #[serde(with = "serde_bytes")]
    pub(crate) wrapped_key: Vec<u8>,
    pub(crate) body: Body,
    /// Who can unwrap `wrapped_key`.
    #[serde(default, skip_serializing_if = "Holder::is_pond")]
    pub(crate) holder: Holder,
    /// The key of the outer layer, under the pond's; `None` with one layer.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "serde_bytes")]
    pub(crate) outer_key: Option<Vec<u8>>,
    /// The length that compression made of a file's body; `None` when it is not compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) packed: Option<u64>,
    /// Where the file has copies.
    #[serde(default, skip_serializing_if = "Zones::is_first_alone")]
    pub(crate) zones: Zones,
    #[serde(default, skip_serializing_if = "Spread::is_default")]
    pub(crate) spread: Spread,
    /// CRC-64/NVME of the whole file; `None` in records that are older than it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) crc: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Body {
    /// Sealed here.
    Inline(#[serde(with = "serde_bytes")] Vec<u8>),
    /// A file of its own, in each of the zones.
    File(Uuid),
}

impl Placement {
    /// The length of the body, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The id of the body's file, for the question of [`crate::Blobs::sweep`]; `None` when it has none.
    pub fn file(&self) -> Option<Uuid> {
        match self.body {
            Body::Inline(_) => None,
            Body::File(id) => Some(id),
        }
    }

    /// The zones that have a copy; none for a body that is sealed in this record.
    pub fn zones(&self) -> Zones {
        match self.body {
            Body::Inline(_) => Zones::NONE,
            Body::File(_) => self.zones,
        }
    }

    pub fn spread(&self) -> Spread {
        self.spread
    }

    /// Whether reading takes a key of the caller.
    pub fn needs_key(&self) -> bool {
        !self.holder.is_pond()
    }

    /// The bytes that the body takes, in all its copies together.
    pub fn stored_bytes(&self) -> u64 {
        match &self.body {
            Body::Inline(sealed) => sealed.len() as u64,
            Body::File(_) => self.file_len() * u64::from(self.zones.len()),
        }
    }

    /// The length of what is cut into frames.
    pub(crate) fn framed(&self) -> u64 {
        self.packed.unwrap_or(self.size)
    }

    /// What sealing adds to a frame.
    pub(crate) fn overhead(&self) -> usize {
        if self.outer_key.is_some() { 2 * TAG } else { TAG }
    }

    pub(crate) fn file_len(&self) -> u64 {
        frames::file_len(self.framed(), self.overhead())
    }

    pub(crate) fn header(&self, id: Uuid) -> [u8; frames::HEADER] {
        frames::file_header(id, self.outer_key.is_some(), self.packed.is_some())
    }

    /// Unwraps the body's keys. A key that is missing, or given without need, is as wrong as another one.
    pub(crate) fn keys(&self, pond: &WrappingKey, key: Option<&Key>) -> Result<BodyKeys, BlobError> {
        let inner = match (self.holder, key) {
            (Holder::Pond, None) => pond.unwrap(&self.wrapped_key)?,
            (Holder::Caller, Some(key)) => key.wrapping().unwrap(&self.wrapped_key)?,
            (Holder::Pond, Some(_)) | (Holder::Caller, None) => return Err(BlobError::WrongKey),
        };
        let outer = self.outer_key.as_deref().map(|wrapped| pond.unwrap(wrapped)).transpose()?;
        BodyKeys::new(&inner, outer.as_ref())
    }

    /// The same body, to be opened with `to` in the place of `from`.
    pub(crate) fn rewrapped(
        &self,
        pond: &WrappingKey,
        from: Option<&Key>,
        to: Option<&Key>,
    ) -> Result<Self, BlobError> {
        let inner = match (self.holder, from) {
            (Holder::Pond, None) => pond.unwrap(&self.wrapped_key)?,
            (Holder::Caller, Some(key)) => key.wrapping().unwrap(&self.wrapped_key)?,
            (Holder::Pond, Some(_)) | (Holder::Caller, None) => return Err(BlobError::WrongKey),
        };
        let (holder, wrapped_key) = match to {
            None => (Holder::Pond, pond.wrap(&inner)?),
            Some(key) => (Holder::Caller, key.wrapping().wrap(&inner)?),
        };
        Ok(Self { holder, wrapped_key, ..self.clone() })
    }
}

impl fmt::Debug for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.body {
            Body::Inline(_) => write!(f, "Placement({} bytes, inline)", self.size),
            Body::File(id) => write!(f, "Placement({} bytes, file {id} in {:?})", self.size, self.zones),
        }
    }
}

/// A set of zones, by number.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zones(u8);

impl Zones {
    pub const NONE: Self = Self(0);

    pub fn contains(self, zone: u8) -> bool {
        zone < 8 && self.0 & (1 << zone) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..8).filter(move |zone| self.contains(*zone))
    }

    pub(crate) fn insert(&mut self, zone: u8) {
        debug_assert!(zone < 8, "there are at most {} zones", crate::MOST_ZONES);
        self.0 |= 1 << zone;
    }

    fn is_first_alone(&self) -> bool {
        *self == Self::default()
    }
}

/// The first zone: the only one that records without this field know of.
impl Default for Zones {
    fn default() -> Self {
        Self(1)
    }
}

impl FromIterator<u8> for Zones {
    fn from_iter<I: IntoIterator<Item = u8>>(zones: I) -> Self {
        let mut set = Self::NONE;
        for zone in zones {
            set.insert(zone);
        }
        set
    }
}

impl fmt::Debug for Zones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
