//! Secret access keys at rest, sealed under a key derived from the root key and bound to the access key's id, so that a sealed
//! secret that is moved to another key's row does not open.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use millpond_core::{RootKey, Sealer};
use millpond_gateway::Secret;
use zeroize::Zeroizing;

use crate::error::IamError;

pub struct Vault {
    sealer: Sealer,
    older: Older,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(redacted)")
    }
}

impl Vault {
    pub fn new(root: &RootKey) -> Self {
        Self { sealer: Sealer::new(&root.derive("iam/secrets")), older: Older::new(root) }
    }

    pub fn seal(&self, id: &str, secret: &str) -> Result<Vec<u8>, IamError> {
        Ok(self.sealer.seal(id.as_bytes(), secret.as_bytes())?)
    }

    /// Errors: Crypto, when it is not what was sealed for this key under this root key.
    pub fn open(&self, id: &str, sealed: &[u8]) -> Result<Secret, IamError> {
        let opened = self.sealer.open(id.as_bytes(), sealed).or_else(|| self.older.open(id, sealed));
        let secret = opened.and_then(|secret| std::str::from_utf8(&secret).map(ToOwned::to_owned).ok());
        secret.map(Secret::new).ok_or(IamError::Crypto("a stored secret does not open"))
    }
}

/// What secrets were sealed with before: AES-256-GCM, all under one key. Both begin with the byte 1, and neither opens as the
/// other.
struct Older(LessSafeKey);

impl Older {
    fn new(root: &RootKey) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, root.derive("iam/access-keys").expose());
        Self(LessSafeKey::new(key.expect("a derived key has AES-256's length")))
    }

    fn open(&self, id: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&layout, rest) = sealed.split_first()?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().filter(|_| layout == 1)?;
        let mut secret = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, Aad::from(id.as_bytes()), &mut secret).ok()?.len();
        secret.truncate(length);
        Some(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_in_its_own_place_and_whole() {
        let vault = Vault::new(&RootKey::from_bytes([7; 32]));
        let sealed = vault.seal("AKIAONE", "wJalrXUtnFEMI").unwrap();
        assert_eq!(vault.open("AKIAONE", &sealed).unwrap().expose(), "wJalrXUtnFEMI");
        assert!(vault.open("AKIATWO", &sealed).is_err());
        assert!(Vault::new(&RootKey::from_bytes([8; 32])).open("AKIAONE", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert!(vault.open("AKIAONE", &bent).is_err(), "byte {at}");
            assert!(vault.open("AKIAONE", &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    /// Data on disks depends on these layouts.
    #[test]
    fn secrets_that_were_sealed_before_still_open() {
        let vault = Vault::new(&RootKey::from_bytes([1; 32]));
        for sealed in [include_str!("sealed_v1.hex"), include_str!("sealed_v2.hex")] {
            let sealed = hex::decode(sealed.trim()).unwrap();
            assert_eq!(vault.open("AKIAFIXTURE", &sealed).unwrap().expose(), "an old secret");
            assert!(vault.open("AKIAANOTHER", &sealed).is_err());
        }
    }
}
