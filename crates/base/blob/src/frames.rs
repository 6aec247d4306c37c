//! How a body is sealed: 64 KiB frames under a key of its own. Pure functions.
//!
//! ```text
//! file   magic 8 | version 4 | zero 4 | id 16 | frame*
//! frame  up to 65,536 bytes, sealed | tag 16
//! ```
//! Every frame but the last is full. The nonce is the frame's number and whether it is the last one, so that frames can
//! not be reordered, repeated or cut off; the header is authenticated with every frame. A key seals one body, ever.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use aws_lc_rs::rand;
use millpond_core::DerivedKey;
use millpond_core::key::KEY_LEN;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::BlobError;

/// The plaintext of a frame.
pub(crate) const FRAME: usize = 64 << 10;
pub(crate) const TAG: usize = 16;
/// A full frame on the disk.
pub(crate) const SEALED: usize = FRAME + TAG;
pub(crate) const HEADER: usize = 32;
/// AES key wrap with padding (RFC 5649) adds eight bytes.
pub(crate) const WRAPPED_KEY: usize = KEY_LEN + 8;

const MAGIC: &[u8; 8] = b"MPBLOB\0\x01";
const VERSION: u32 = 1;
/// Authenticated with a body that is sealed inside its placement.
const INLINE: &[u8] = b"millpond inline body 1";

/// How many frames a body of `size` bytes has: at least one.
pub(crate) fn frame_count(size: u64) -> u64 {
    size.div_ceil(FRAME as u64).max(1)
}

/// The file's length for a body of `size` bytes.
pub(crate) fn file_len(size: u64) -> u64 {
    HEADER as u64 + size + frame_count(size) * TAG as u64
}

/// Where frame `number` begins in the file.
pub(crate) fn frame_offset(number: u64) -> u64 {
    HEADER as u64 + number * SEALED as u64
}

pub(crate) fn file_header(id: Uuid) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[16..].copy_from_slice(id.as_bytes());
    header
}

/// Seals and opens the frames of one body.
pub(crate) struct BodyKey(LessSafeKey);

impl BodyKey {
    /// A fresh key, and the same wrapped by `wrapping` for keeping.
    pub(crate) fn generate(wrapping: &DerivedKey) -> Result<(Self, Vec<u8>), BlobError> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| BlobError::Crypto)?;
        let mut wrapped = vec![0; WRAPPED_KEY];
        let kek = AesKek::new(&AES_256, wrapping.expose()).map_err(|_| BlobError::Crypto)?;
        kek.wrap_with_padding(bytes.as_slice(), &mut wrapped).map_err(|_| BlobError::Crypto)?;
        Ok((Self::new(bytes.as_slice())?, wrapped))
    }

    pub(crate) fn unwrap(wrapping: &DerivedKey, wrapped: &[u8]) -> Result<Self, BlobError> {
        let mut bytes = Zeroizing::new([0; WRAPPED_KEY]);
        let kek = AesKek::new(&AES_256, wrapping.expose()).map_err(|_| BlobError::Crypto)?;
        let key = kek.unwrap_with_padding(wrapped, bytes.as_mut_slice()).map_err(|_| BlobError::WrongKey)?;
        Self::new(key)
    }

    fn new(key: &[u8]) -> Result<Self, BlobError> {
        UnboundKey::new(&AES_256_GCM, key)
            .map(|key| Self(LessSafeKey::new(key)))
            .map_err(|_| BlobError::Crypto)
    }

    /// Seals a frame in place; the last [`TAG`] bytes of `frame` are room for the tag.
    pub(crate) fn seal(
        &self,
        header: &[u8; HEADER],
        number: u64,
        last: bool,
        frame: &mut [u8],
    ) -> Result<(), BlobError> {
        let (body, room) = frame.split_at_mut(frame.len() - TAG);
        let tag = self.0.seal_in_place_separate_tag(nonce(number, last), Aad::from(header), body);
        room.copy_from_slice(tag.map_err(|_| BlobError::Crypto)?.as_ref());
        Ok(())
    }

    /// Opens a frame into `plain`, which is [`TAG`] bytes shorter.
    pub(crate) fn open(
        &self,
        header: &[u8; HEADER],
        number: u64,
        last: bool,
        frame: &[u8],
        plain: &mut [u8],
    ) -> Result<(), BlobError> {
        let (body, tag) = frame.split_at(frame.len() - TAG);
        let opened = self.0.open_separate_gather(nonce(number, last), Aad::from(header), body, tag, plain);
        opened.map_err(|_| BlobError::Corrupt { what: "a frame that does not authenticate" })
    }

    /// Seals a small body that is kept in its placement.
    pub(crate) fn seal_inline(&self, mut body: Vec<u8>) -> Result<Vec<u8>, BlobError> {
        let sealed = self.0.seal_in_place_append_tag(nonce(0, true), Aad::from(INLINE), &mut body);
        sealed.map_err(|_| BlobError::Crypto)?;
        Ok(body)
    }

    pub(crate) fn open_inline(&self, sealed: &[u8]) -> Result<Vec<u8>, BlobError> {
        let mut body = sealed.to_vec();
        let opened = self.0.open_in_place(nonce(0, true), Aad::from(INLINE), &mut body);
        let len =
            opened.map_err(|_| BlobError::Corrupt { what: "a small body that does not authenticate" })?.len();
        body.truncate(len);
        Ok(body)
    }
}

fn nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(last);
    Nonce::assume_unique_for_key(nonce)
}
