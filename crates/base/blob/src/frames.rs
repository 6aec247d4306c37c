//! How a body is sealed: 64 KiB frames under keys of its own. Pure functions.
//!
//! ```text
//! file   magic 8 | version 4 | features 4 | id 16 | frame*
//! frame  up to 65,536 bytes, sealed | tag 16           one layer
//! frame  up to 65,536 bytes, sealed | tag 16 | tag 16  two layers: the outer one seals the inner one and its tag
//! ```
//! Every frame but the last is full. The nonce is the frame's number and whether it is the last one, so that frames can
//! not be reordered, repeated or cut off; the header is authenticated with every frame. A key seals one body, ever.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use uuid::Uuid;

use crate::BlobError;
use crate::key::PlainKey;

/// The plaintext of a frame.
pub(crate) const FRAME: usize = 64 << 10;
pub(crate) const TAG: usize = 16;
/// A full frame on the disk has at most so many bytes.
pub(crate) const LARGEST_SEALED: usize = FRAME + 2 * TAG;
pub(crate) const HEADER: usize = 32;

const MAGIC: &[u8; 8] = b"MPBLOB\0\x01";
const VERSION: u32 = 1;
const TWO_LAYERS: u32 = 1;
const PACKED: u32 = 2;
/// Authenticated with a body that is sealed inside its placement.
const INLINE: &[u8] = b"millpond inline body 1";

/// How many frames a body of `len` bytes has: at least one.
pub(crate) fn frame_count(len: u64) -> u64 {
    len.div_ceil(FRAME as u64).max(1)
}

/// The file's length for a body of `len` bytes in frames that sealing makes longer by `overhead`.
pub(crate) fn file_len(len: u64, overhead: usize) -> u64 {
    HEADER as u64 + len + frame_count(len) * overhead as u64
}

/// Where frame `number` begins in the file.
pub(crate) fn frame_offset(number: u64, overhead: usize) -> u64 {
    HEADER as u64 + number * (FRAME + overhead) as u64
}

pub(crate) fn file_header(id: Uuid, two_layers: bool, packed: bool) -> [u8; HEADER] {
    let features = if two_layers { TWO_LAYERS } else { 0 } | if packed { PACKED } else { 0 };
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..16].copy_from_slice(&features.to_le_bytes());
    header[16..].copy_from_slice(id.as_bytes());
    header
}

/// Seals and opens the frames of one body.
pub(crate) struct BodyKeys {
    inner: LessSafeKey,
    outer: Option<LessSafeKey>,
}

impl BodyKeys {
    pub(crate) fn new(inner: &PlainKey, outer: Option<&PlainKey>) -> Result<Self, BlobError> {
        let key = |bytes: &PlainKey| {
            let key = UnboundKey::new(&AES_256_GCM, bytes.as_slice()).map_err(|_| BlobError::Crypto)?;
            Ok::<_, BlobError>(LessSafeKey::new(key))
        };
        Ok(Self { inner: key(inner)?, outer: outer.map(key).transpose()? })
    }

    /// What sealing adds to a frame.
    pub(crate) fn overhead(&self) -> usize {
        if self.outer.is_some() { 2 * TAG } else { TAG }
    }

    /// Seals a frame in place; its last [`Self::overhead`] bytes are room for the tags.
    pub(crate) fn seal(
        &self,
        header: &[u8; HEADER],
        number: u64,
        last: bool,
        frame: &mut [u8],
    ) -> Result<(), BlobError> {
        let inner_end = frame.len() - self.overhead() + TAG;
        seal_layer(&self.inner, header, nonce(number, last), &mut frame[..inner_end])?;
        match &self.outer {
            Some(outer) => seal_layer(outer, header, nonce(number, last), frame),
            None => Ok(()),
        }
    }

    /// Opens a frame into `plain`, which is [`Self::overhead`] bytes shorter. The frame is not what it was afterwards.
    pub(crate) fn open(
        &self,
        header: &[u8; HEADER],
        number: u64,
        last: bool,
        frame: &mut [u8],
        plain: &mut [u8],
    ) -> Result<(), BlobError> {
        let corrupt = |_| BlobError::Corrupt { what: "a frame that does not authenticate" };
        let frame = match &self.outer {
            Some(outer) => {
                outer.open_in_place(nonce(number, last), Aad::from(header), frame).map_err(corrupt)?
            }
            None => frame,
        };
        let (body, tag) = frame.split_at(frame.len() - TAG);
        self.inner
            .open_separate_gather(nonce(number, last), Aad::from(header), body, tag, plain)
            .map_err(corrupt)
    }

    /// Seals a small body that is kept in its placement.
    pub(crate) fn seal_inline(&self, mut body: Vec<u8>) -> Result<Vec<u8>, BlobError> {
        for layer in [Some(&self.inner), self.outer.as_ref()].into_iter().flatten() {
            layer
                .seal_in_place_append_tag(nonce(0, true), Aad::from(INLINE), &mut body)
                .map_err(|_| BlobError::Crypto)?;
        }
        Ok(body)
    }

    pub(crate) fn open_inline(&self, sealed: &[u8]) -> Result<Vec<u8>, BlobError> {
        let mut body = sealed.to_vec();
        for layer in [self.outer.as_ref(), Some(&self.inner)].into_iter().flatten() {
            let opened = layer.open_in_place(nonce(0, true), Aad::from(INLINE), &mut body);
            let opened =
                opened.map_err(|_| BlobError::Corrupt { what: "a small body that does not authenticate" })?;
            let len = opened.len();
            body.truncate(len);
        }
        Ok(body)
    }
}

/// Seals `frame` but for its last [`TAG`] bytes, which become the tag.
fn seal_layer(
    key: &LessSafeKey,
    header: &[u8; HEADER],
    nonce: Nonce,
    frame: &mut [u8],
) -> Result<(), BlobError> {
    let (body, room) = frame.split_at_mut(frame.len() - TAG);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(header), body);
    room.copy_from_slice(tag.map_err(|_| BlobError::Crypto)?.as_ref());
    Ok(())
}

fn nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(last);
    Nonce::assume_unique_for_key(nonce)
}
