//! The root key and the keys derived from it. Key material is wiped when dropped and never printed.

use std::fmt;

use aws_lc_rs::hkdf;
use aws_lc_rs::rand;
use zeroize::Zeroizing;

/// The length of every key here, in bytes: AES-256.
pub const KEY_LEN: usize = 32;

/// Key material could not be made. Only a broken random source or library does this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptography library failed")]
pub struct KeyError;

/// The one secret of a data folder. Nothing is encrypted with it; each use derives a key of its own.
#[derive(Clone)]
pub struct RootKey(Zeroizing<[u8; KEY_LEN]>);

impl RootKey {
    pub fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A fresh key from the system's random source.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| KeyError)?;
        Ok(Self(bytes))
    }

    /// The key's bytes, for the file of mode 0600 that holds it.
    pub fn expose(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// The key for one use, named by `label` as in `journal/kinesis`: HKDF-SHA256, so that no derived key tells
    /// anything about another or about the root.
    pub fn derive(&self, label: &str) -> DerivedKey {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"millpond root key");
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        salt.extract(self.0.as_slice())
            .expand(&[label.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(bytes.as_mut_slice()))
            .expect("HKDF-SHA256 gives 32 bytes for any secret and label");
        DerivedKey(bytes)
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(redacted)")
    }
}

/// A key for one use, from [`RootKey::derive`].
#[derive(Clone)]
pub struct DerivedKey(Zeroizing<[u8; KEY_LEN]>);

impl DerivedKey {
    pub fn expose(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DerivedKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_give_different_keys_and_the_same_label_the_same() {
        let root = RootKey::from_bytes([7; KEY_LEN]);
        assert_eq!(root.derive("blob").expose(), root.derive("blob").expose());
        assert_ne!(root.derive("blob").expose(), root.derive("journal/kinesis").expose());
        assert_ne!(root.derive("blob").expose(), root.expose());
        assert_ne!(RootKey::from_bytes([8; KEY_LEN]).derive("blob").expose(), root.derive("blob").expose());
    }

    #[test]
    fn debug_shows_no_key() {
        let root = RootKey::from_bytes([0xAB; KEY_LEN]);
        assert_eq!(format!("{root:?} {:?}", root.derive("x")), "RootKey(redacted) DerivedKey(redacted)");
    }

    /// Data on disks depends on this derivation: the value may never change.
    #[test]
    fn the_derivation_is_fixed() {
        let key = RootKey::from_bytes([1; KEY_LEN]).derive("fixture");
        let printed: String = key.expose().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(printed, "b6b677ff82923e79bbb6a6b237fd119404891f47af6a073f7c8d66c2acd000f9");
    }
}
