//! Sealing: bytes that others keep or carry for us, and can neither read nor change.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, rand};
use zeroize::Zeroizing;

use crate::key::{DerivedKey, KEY_LEN, KeyError};

/// The first byte: how the rest is laid out.
const LAYOUT: u8 = 1;
const SALT_LEN: usize = 16;

/// Seals under a key derived from the root key.
///
/// ```text
/// 1 layout | 16 salt | 12 nonce | text | 16 tag
/// ```
/// The text is AES-256-GCM under a key of its own, derived from the sealer's and the salt, so that no number of messages
/// makes two meet under one key and nonce. Authenticated with it: the layout, and what it is `about`.
pub struct Sealer(hkdf::Prk);

impl Sealer {
    pub fn new(key: &DerivedKey) -> Self {
        Self(hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, key.expose()))
    }

    /// `about` is what the secret belongs to: it opens nowhere else.
    pub fn seal(&self, about: &[u8], secret: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut head = [0; SALT_LEN + NONCE_LEN];
        rand::fill(&mut head).map_err(|_| KeyError)?;
        let (salt, nonce) = head.split_at(SALT_LEN);
        let mut out = Vec::with_capacity(1 + head.len() + secret.len() + AES_256_GCM.tag_len());
        out.push(LAYOUT);
        out.extend_from_slice(&head);
        // Encrypted where it stands, so that no second copy of it is left behind.
        out.extend_from_slice(secret);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| KeyError)?;
        let tag = self
            .key(salt)
            .seal_in_place_separate_tag(nonce, Aad::from(place(about)), &mut out[1 + head.len()..])
            .map_err(|_| KeyError)?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// `None`, when it is not what [`Sealer::seal`] made about the same.
    pub fn open(&self, about: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&layout, rest) = sealed.split_first()?;
        let (salt, rest) = rest.split_first_chunk::<SALT_LEN>()?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>()?;
        if layout != LAYOUT {
            return None;
        }
        let mut secret = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.key(salt).open_in_place(nonce, Aad::from(place(about)), &mut secret).ok()?.len();
        secret.truncate(length);
        Some(secret)
    }

    fn key(&self, salt: &[u8]) -> LessSafeKey {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        self.0
            .expand(&[salt], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(bytes.as_mut_slice()))
            .expect("HKDF-SHA256 gives 32 bytes for any salt");
        LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, bytes.as_slice()).expect("it has the length of an AES-256 key"),
        )
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(redacted)")
    }
}

fn place(about: &[u8]) -> Vec<u8> {
    [&[LAYOUT], about].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RootKey;

    #[test]
    fn what_is_sealed_opens_in_its_own_place_and_whole() {
        let sealer = |byte| Sealer::new(&RootKey::from_bytes([byte; KEY_LEN]).derive("test"));
        let (own, other) = (sealer(7), sealer(8));
        let sealed = own.seal(b"a", b"secret").unwrap();
        assert_eq!(own.open(b"a", &sealed).unwrap().as_slice(), b"secret");
        assert_ne!(own.seal(b"a", b"secret").unwrap(), sealed);
        assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"));
        assert!(own.open(b"b", &sealed).is_none() && other.open(b"a", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert!(own.open(b"a", &bent).is_none(), "byte {at}");
            assert!(own.open(b"a", &sealed[..at]).is_none(), "cut at {at}");
        }
    }

    /// Data on disks depends on this layout.
    #[test]
    fn what_was_sealed_before_still_opens() {
        let sealer = Sealer::new(&RootKey::from_bytes([1; KEY_LEN]).derive("fixture"));
        let sealed = include_bytes!("sealed_v1.bin");
        assert_eq!(sealer.open(b"about", sealed).unwrap().as_slice(), b"an old secret");
    }
}
