//! Who can open a body: its keys are wrapped under a key of the pond, or under one that the caller holds.

use std::fmt;

use aws_lc_rs::hkdf;
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use aws_lc_rs::rand;
use millpond_core::key::KEY_LEN;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::BlobError;

/// AES key wrap with padding (RFC 5649) adds eight bytes.
const WRAPPED_KEY: usize = KEY_LEN + 8;

/// A key that the caller holds and the blobs never keep. Wiped when dropped, never printed.
///
/// No byte of a body is sealed with it: a key derived from it wraps the body's own random key.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; KEY_LEN]>);

impl Key {
    pub fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// HKDF-SHA256, as the root key derives its own.
    pub(crate) fn wrapping(&self) -> WrappingKey {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"millpond caller's key");
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        salt.extract(self.0.as_slice())
            .expand(&[b"body wrap 1"], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(bytes.as_mut_slice()))
            .expect("HKDF-SHA256 gives 32 bytes for any secret and label");
        WrappingKey(bytes)
    }
}

impl From<Zeroizing<[u8; KEY_LEN]>> for Key {
    fn from(bytes: Zeroizing<[u8; KEY_LEN]>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(redacted)")
    }
}

/// How a caller's key protects a body that is written.
#[derive(Debug, Clone)]
pub enum BodyWrap {
    /// One layer, whose key is wrapped under the caller's.
    Single(Key),
    /// Two layers under independent keys: the inner layer's key is wrapped under the caller's, the outer one's under the
    /// pond's. Reading takes both.
    Double(Key),
}

impl BodyWrap {
    pub(crate) fn key(&self) -> &Key {
        match self {
            Self::Single(key) | Self::Double(key) => key,
        }
    }
}

/// Who holds the key that a body's own key is wrapped under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Holder {
    #[default]
    Pond,
    Caller,
}

impl Holder {
    pub(crate) fn is_pond(&self) -> bool {
        *self == Self::Pond
    }
}

/// Wraps the keys of bodies, and nothing else.
pub(crate) struct WrappingKey(Zeroizing<[u8; KEY_LEN]>);

/// The bytes of one body's key, before they are wrapped.
pub(crate) type PlainKey = Zeroizing<[u8; KEY_LEN]>;

impl WrappingKey {
    pub(crate) fn new(bytes: &[u8; KEY_LEN]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// A fresh key, and the same wrapped for keeping.
    pub(crate) fn generate(&self) -> Result<(PlainKey, Vec<u8>), BlobError> {
        let mut key = PlainKey::default();
        rand::fill(key.as_mut_slice()).map_err(|_| BlobError::Crypto)?;
        let wrapped = self.wrap(&key)?;
        Ok((key, wrapped))
    }

    pub(crate) fn wrap(&self, key: &PlainKey) -> Result<Vec<u8>, BlobError> {
        let mut wrapped = vec![0; WRAPPED_KEY];
        let kek = AesKek::new(&AES_256, self.0.as_slice()).map_err(|_| BlobError::Crypto)?;
        kek.wrap_with_padding(key.as_slice(), &mut wrapped).map_err(|_| BlobError::Crypto)?;
        Ok(wrapped)
    }

    pub(crate) fn unwrap(&self, wrapped: &[u8]) -> Result<PlainKey, BlobError> {
        let mut room = Zeroizing::new([0; WRAPPED_KEY]);
        let kek = AesKek::new(&AES_256, self.0.as_slice()).map_err(|_| BlobError::Crypto)?;
        let key = kek.unwrap_with_padding(wrapped, room.as_mut_slice()).map_err(|_| BlobError::WrongKey)?;
        let mut plain = PlainKey::default();
        if key.len() != plain.len() {
            return Err(BlobError::WrongKey);
        }
        plain.copy_from_slice(key);
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bodies on disks depend on this derivation: the value may never change.
    #[test]
    fn the_derivation_is_fixed() {
        let printed: String =
            Key::from_bytes([1; KEY_LEN]).wrapping().0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(printed, "217c3d1e8ef557d1e3a5c7f2b5f522defd884e1b21fad3779da6fc53d5e0e2d1");
    }

    #[test]
    fn debug_shows_no_key() {
        let key = Key::from_bytes([0xAB; KEY_LEN]);
        assert_eq!(format!("{:?}", BodyWrap::Double(key)), "Double(Key(redacted))");
    }
}
