//! Secret access keys at rest: AES-256-GCM under a key derived from the root key, bound to the access key's id, so that a
//! sealed secret that is moved to another key's row does not open.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use millpond_core::RootKey;
use millpond_gateway::Secret;
use zeroize::Zeroizing;

use crate::error::IamError;

/// The layout of a sealed secret.
const VERSION: u8 = 1;

pub struct Vault(LessSafeKey);

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(redacted)")
    }
}

impl Vault {
    pub fn new(root: &RootKey) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, root.derive("iam/access-keys").expose());
        Self(LessSafeKey::new(key.expect("a derived key has AES-256's length")))
    }

    pub fn seal(&self, id: &str, secret: &str) -> Result<Vec<u8>, IamError> {
        let failed = |_| IamError::Crypto("sealing a secret");
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(failed)?;
        let mut out = Vec::with_capacity(1 + NONCE_LEN + secret.len() + AES_256_GCM.tag_len());
        out.push(VERSION);
        out.extend_from_slice(&nonce);
        // Encrypted where it stands, so that no second copy of it is left behind.
        out.extend_from_slice(secret.as_bytes());
        let (_, body) = out.split_at_mut(1 + NONCE_LEN);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(id.as_bytes()), body).map_err(failed)?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Errors: Crypto, when it is not what [`Vault::seal`] made for this key under this root key.
    pub fn open(&self, id: &str, sealed: &[u8]) -> Result<Secret, IamError> {
        let opened = || {
            let (&layout, rest) = sealed.split_first()?;
            let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().filter(|_| layout == VERSION)?;
            let mut secret = Zeroizing::new(body.to_vec());
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let plain = self.0.open_in_place(nonce, Aad::from(id.as_bytes()), &mut secret).ok()?;
            Some(Secret::new(std::str::from_utf8(plain).ok()?.to_owned()))
        };
        opened().ok_or(IamError::Crypto("a stored secret does not open"))
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
        assert_ne!(vault.seal("AKIAONE", "wJalrXUtnFEMI").unwrap(), sealed);
        assert!(!sealed.windows(13).any(|bytes| bytes == b"wJalrXUtnFEMI"));
        assert!(vault.open("AKIATWO", &sealed).is_err());
        assert!(Vault::new(&RootKey::from_bytes([8; 32])).open("AKIAONE", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert!(vault.open("AKIAONE", &bent).is_err(), "byte {at}");
            assert!(vault.open("AKIAONE", &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    /// Data on disks depends on this layout.
    #[test]
    fn a_secret_that_was_sealed_before_still_opens() {
        let sealed = hex::decode(include_str!("sealed_v1.hex").trim()).unwrap();
        let vault = Vault::new(&RootKey::from_bytes([1; 32]));
        assert_eq!(vault.open("AKIAFIXTURE", &sealed).unwrap().expose(), "an old secret");
    }
}
