//! The bytes of a segment: a header, then frames. Pure functions.
//!
//! ```text
//! header  magic 8 | version 4 | zero 4 | id 8 | previous id 8 | previous length 8 | salt 32 | tag 16 | crc32c 4
//! frame   magic 4 | kind 2 | zero 2 | payload length 4 | durable 8 | payload crc32c 4 | header crc32c 4
//!         | payload, sealed | tag 16
//! ```
//! Numbers are little-endian. A segment's key is HKDF-SHA256 of the journal's key and the segment's random salt, and a
//! frame's nonce is its offset, so that no nonce serves twice under a key. The CRCs are over what is on the disk, so
//! that damage is told from a wrong key, and a torn end is found without the key. `durable` is the length up to
//! which the segment was already synced when the frame was written: it proves that a bad frame before it is damage
//! and no torn end. The previous segment's length says where that one ended, whatever a failed write left behind.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use aws_lc_rs::rand;
use millpond_core::DerivedKey;

use crate::{JournalError, SegmentId};

pub(crate) const SEGMENT_HEADER: usize = 92;
pub(crate) const FRAME_HEADER: usize = 28;
pub(crate) const TAG: usize = 16;
/// What a frame takes beyond its payload.
pub(crate) const FRAME_OVERHEAD: usize = FRAME_HEADER + TAG;

const SEGMENT_MAGIC: &[u8; 8] = b"MPJOURNL";
const VERSION: u32 = 1;
const SALT: usize = 32;
/// The header is authenticated up to here: everything before the tag.
const HEADER_BODY: usize = SEGMENT_HEADER - TAG - 4;

pub(crate) const FRAME_MAGIC: &[u8; 4] = b"MPF\x01";
/// A frame is authenticated up to here: everything before the CRCs.
const FRAME_BODY: usize = FRAME_HEADER - 8;

/// Seals and opens the frames of one segment.
pub(crate) struct SegmentKey(LessSafeKey);

impl SegmentKey {
    fn derive(key: &DerivedKey, salt: &[u8], id: SegmentId, purpose: &[u8]) -> Result<Self, JournalError> {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(key.expose());
        let info = [purpose, &id.to_le_bytes()];
        let okm = prk.expand(&info, &AES_256_GCM).map_err(|_| JournalError::Crypto)?;
        Ok(Self(LessSafeKey::new(UnboundKey::from(okm))))
    }

    fn for_frames(key: &DerivedKey, salt: &[u8; SALT], id: SegmentId) -> Result<Self, JournalError> {
        Self::derive(key, salt, id, b"millpond journal segment 1")
    }

    /// Opens the sealed payload of the frame at `offset`, in place; `frame` is the whole frame.
    pub(crate) fn open(
        &self,
        segment: SegmentId,
        offset: u64,
        header: &[u8],
        sealed: &mut Vec<u8>,
    ) -> Result<(), JournalError> {
        let len = sealed.len().saturating_sub(TAG);
        let aad = Aad::from(&header[..FRAME_BODY]);
        let opened = self.0.open_in_place(frame_nonce(offset), aad, sealed).map(|_| ());
        sealed.truncate(len);
        opened.map_err(|_| JournalError::Corrupt {
            segment,
            offset,
            what: "a payload that does not authenticate",
        })
    }
}

/// The key for a segment's sidecar index, apart from that of its frames.
pub(crate) fn index_key(key: &DerivedKey, salt: &[u8], id: SegmentId) -> Result<LessSafeKey, JournalError> {
    SegmentKey::derive(key, salt, id, b"millpond journal index 1").map(|key| key.0)
}

fn frame_nonce(offset: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[4..].copy_from_slice(&offset.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// No frame is at the offset of all ones, so the header's nonce is its own.
fn header_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0xFF; NONCE_LEN])
}

/// The end of the segment before, as the next one's header holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Previous {
    pub id: SegmentId,
    pub len: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub id: SegmentId,
    pub previous: Option<Previous>,
    pub salt: [u8; SALT],
}

/// What the first bytes of a segment file are.
#[derive(Debug)]
pub(crate) enum HeaderFault {
    /// Not a whole header: the segment was being created, or it is damaged.
    Torn,
    Error(JournalError),
}

impl SegmentHeader {
    pub(crate) fn new(id: SegmentId, previous: Option<Previous>) -> Result<Self, JournalError> {
        let mut salt = [0; SALT];
        rand::fill(&mut salt).map_err(|_| JournalError::Crypto)?;
        Ok(Self { id, previous, salt })
    }

    pub(crate) fn key(&self, key: &DerivedKey) -> Result<SegmentKey, JournalError> {
        SegmentKey::for_frames(key, &self.salt, self.id)
    }

    pub(crate) fn encode(&self, key: &SegmentKey) -> Result<Vec<u8>, JournalError> {
        let previous = self.previous.unwrap_or(Previous { id: 0, len: 0 });
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER);
        bytes.extend_from_slice(SEGMENT_MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        for number in [self.id, previous.id, previous.len] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.salt);
        let tag = key.0.seal_in_place_separate_tag(header_nonce(), Aad::from(bytes.as_slice()), &mut []);
        bytes.extend_from_slice(tag.map_err(|_| JournalError::Crypto)?.as_ref());
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        Ok(bytes)
    }

    pub(crate) fn decode(bytes: &[u8; SEGMENT_HEADER], key: &DerivedKey) -> Result<Self, HeaderFault> {
        let crc = u32_at(bytes, SEGMENT_HEADER - 4);
        if &bytes[..8] != SEGMENT_MAGIC || crc32c::crc32c(&bytes[..SEGMENT_HEADER - 4]) != crc {
            return Err(HeaderFault::Torn);
        }
        let (version, id) = (u32_at(bytes, 8), u64_at(bytes, 16));
        if version != VERSION {
            return Err(HeaderFault::Error(JournalError::NewerFormat { segment: id, version }));
        }
        let previous = Previous { id: u64_at(bytes, 24), len: u64_at(bytes, 32) };
        let mut salt = [0; SALT];
        salt.copy_from_slice(&bytes[40..40 + SALT]);
        let header = Self { id, previous: (previous.id != 0).then_some(previous), salt };
        let segment_key = header.key(key).map_err(HeaderFault::Error)?;
        let mut tag = bytes[HEADER_BODY..HEADER_BODY + TAG].to_vec();
        let aad = Aad::from(&bytes[..HEADER_BODY]);
        match segment_key.0.open_in_place(header_nonce(), aad, &mut tag) {
            Ok(_) => Ok(header),
            Err(_) => Err(HeaderFault::Error(JournalError::WrongKey { segment: id })),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub kind: u16,
    /// Of the payload, without the tag.
    pub len: u32,
    /// The segment's length that was durable when this frame was written.
    pub durable: u64,
    crc: u32,
}

impl FrameHeader {
    /// `None` when `bytes` does not begin with a whole frame header.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..FRAME_HEADER)?;
        let whole = &bytes[..4] == FRAME_MAGIC
            && crc32c::crc32c(&bytes[..FRAME_HEADER - 4]) == u32_at(bytes, FRAME_HEADER - 4);
        whole.then(|| Self {
            kind: u16::from_le_bytes([bytes[4], bytes[5]]),
            len: u32_at(bytes, 8),
            durable: u64_at(bytes, 12),
            crc: u32_at(bytes, 20),
        })
    }

    /// The whole frame's length on the disk.
    pub(crate) fn frame_len(&self) -> usize {
        FRAME_OVERHEAD + self.len as usize
    }

    pub(crate) fn payload_is_whole(&self, sealed: &[u8]) -> bool {
        crc32c::crc32c(sealed) == self.crc
    }
}

/// Adds the frame that will stand at `offset` of the segment to `out`.
pub(crate) fn append_frame(
    out: &mut Vec<u8>,
    key: &SegmentKey,
    offset: u64,
    durable: u64,
    kind: u16,
    payload: &[u8],
) -> Result<(), JournalError> {
    let len = u32::try_from(payload.len())
        .map_err(|_| JournalError::TooLarge { len: payload.len(), max: u32::MAX as usize })?;
    let start = out.len();
    out.extend_from_slice(FRAME_MAGIC);
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&durable.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(payload);
    let (header, sealed) = out[start..].split_at_mut(FRAME_HEADER);
    let aad = Aad::from(&header[..FRAME_BODY]);
    let tag = key.0.seal_in_place_separate_tag(frame_nonce(offset), aad, sealed);
    let tag = tag.map_err(|_| JournalError::Crypto)?;
    let crc = crc32c::crc32c_append(crc32c::crc32c(sealed), tag.as_ref());
    header[FRAME_BODY..FRAME_BODY + 4].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32c::crc32c(&header[..FRAME_HEADER - 4]);
    header[FRAME_HEADER - 4..].copy_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(tag.as_ref());
    Ok(())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use millpond_core::RootKey;

    use super::*;

    #[test]
    fn a_header_reads_back_and_tells_damage_from_a_wrong_key() {
        let key = RootKey::from_bytes([1; 32]).derive("journal/test");
        let header = SegmentHeader::new(7, Some(Previous { id: 6, len: 1_000 })).unwrap();
        let bytes = header.encode(&header.key(&key).unwrap()).unwrap();
        let bytes: [u8; SEGMENT_HEADER] = bytes.try_into().unwrap();
        assert_eq!(SegmentHeader::decode(&bytes, &key).unwrap(), header);
        for at in 0..SEGMENT_HEADER {
            let mut damaged = bytes;
            damaged[at] ^= 0x10;
            assert!(matches!(SegmentHeader::decode(&damaged, &key), Err(HeaderFault::Torn)), "byte {at}");
        }
        let other = RootKey::from_bytes([2; 32]).derive("journal/test");
        let refused = SegmentHeader::decode(&bytes, &other);
        assert!(matches!(refused, Err(HeaderFault::Error(JournalError::WrongKey { segment: 7 }))));
    }
}
