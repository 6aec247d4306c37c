//! Material at rest. AES-256-GCM under a key derived from the root key, bound to the key that it belongs to: wrapped
//! material that is moved to another key's row does not open.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{constant_time, hmac, rand};
use millpond_core::{Arn, RootKey};
use zeroize::Zeroizing;

use crate::error::KmsError;

/// The layout of wrapped material.
const VERSION: u8 = 1;

/// The length of the code that ends a ciphertext.
pub const SEAL_LEN: usize = 16;

/// What KMS itself keeps secrets with.
pub struct Vault {
    wrapping: LessSafeKey,
    seals: hmac::Key,
    material_ids: hmac::Key,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(redacted)")
    }
}

impl Vault {
    pub fn new(root: &RootKey) -> Self {
        let wrapping = UnboundKey::new(&AES_256_GCM, root.derive("kms/material").expose());
        let code = |label: &str| hmac::Key::new(hmac::HMAC_SHA256, root.derive(label).expose());
        Self {
            wrapping: LessSafeKey::new(wrapping.expect("a derived key has AES-256's length")),
            seals: code("kms/seal"),
            material_ids: code("kms/material-id"),
        }
    }

    /// The material of one version of one key, for the store.
    pub fn wrap(&self, key: &Arn, version: u32, material: &[u8]) -> Result<Vec<u8>, KmsError> {
        self.encrypt(&place(VERSION, key, version), material)
    }

    /// Errors: Crypto, when it is not what [`Vault::wrap`] made for this version of this key under this root key.
    pub fn unwrap(&self, key: &Arn, version: u32, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        let opened = self.decrypt(&place(VERSION, key, version), wrapped);
        opened.ok_or(KmsError::Crypto("stored material does not open"))
    }

    /// Something that a client keeps for us and cannot read: `about` is all that it belongs to.
    pub fn close_token(&self, about: &str, secret: &[u8]) -> Result<Vec<u8>, KmsError> {
        self.encrypt(&token_place(about), secret)
    }

    /// `None`, when it is not what [`Vault::close_token`] made about the same.
    pub fn open_token(&self, about: &str, token: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.decrypt(&token_place(about), token)
    }

    fn encrypt(&self, place: &[u8], material: &[u8]) -> Result<Vec<u8>, KmsError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce)?;
        let mut out = Vec::with_capacity(1 + NONCE_LEN + material.len() + AES_256_GCM.tag_len());
        out.push(VERSION);
        out.extend_from_slice(&nonce);
        // Encrypted where it stands, so that no second copy of it is left behind.
        out.extend_from_slice(material);
        let (_, body) = out.split_at_mut(1 + NONCE_LEN);
        let tag = self.wrapping.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(place),
            body,
        )?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    fn decrypt(&self, place: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&layout, rest) = wrapped.split_first()?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>()?;
        if layout != VERSION {
            return None;
        }
        let mut material = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let len = self.wrapping.open_in_place(nonce, Aad::from(place), &mut material).ok()?.len();
        material.truncate(len);
        Some(material)
    }

    /// The code that ends each ciphertext: a blob that this pond did not make is refused before any key is looked for.
    pub fn seal(&self, bytes: &[u8]) -> [u8; SEAL_LEN] {
        let tag = hmac::sign(&self.seals, bytes);
        *tag.as_ref().first_chunk().expect("an HMAC-SHA256 is longer than a seal")
    }

    pub fn is_sealed(&self, bytes: &[u8], seal: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.seal(bytes), seal).is_ok()
    }

    /// The id under which AWS shows a piece of material: the same for the same bytes in the same key, and no hint at them.
    pub fn material_id(&self, key: &Arn, material: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.material_ids);
        context.update(key.to_string().as_bytes());
        context.update(&[0]);
        context.update(material);
        hex::encode(context.sign())
    }
}

/// No key's place begins so.
fn token_place(about: &str) -> Vec<u8> {
    [b"token\0", about.as_bytes()].concat()
}

fn place(layout: u8, key: &Arn, version: u32) -> Vec<u8> {
    let mut out = vec![layout];
    out.extend_from_slice(&version.to_be_bytes());
    out.extend_from_slice(key.to_string().as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn material_opens_only_in_its_own_place_and_whole() {
        let vault = Vault::new(&RootKey::from_bytes([7; 32]));
        let arn = |id: &str| format!("arn:aws:kms:us-east-1:000000000000:key/{id}").parse::<Arn>().unwrap();
        let wrapped = vault.wrap(&arn("a"), 3, b"material").unwrap();
        assert_eq!(vault.unwrap(&arn("a"), 3, &wrapped).unwrap().as_slice(), b"material");
        assert_ne!(vault.wrap(&arn("a"), 3, b"material").unwrap(), wrapped);
        assert!(!wrapped.windows(8).any(|bytes| bytes == b"material"));
        let other = Vault::new(&RootKey::from_bytes([8; 32]));
        for opened in [
            vault.unwrap(&arn("b"), 3, &wrapped),
            vault.unwrap(&arn("a"), 2, &wrapped),
            other.unwrap(&arn("a"), 3, &wrapped),
        ] {
            assert!(opened.is_err());
        }
        for at in 0..wrapped.len() {
            let mut bent = wrapped.clone();
            bent[at] ^= 1;
            assert!(vault.unwrap(&arn("a"), 3, &bent).is_err(), "byte {at}");
            assert!(vault.unwrap(&arn("a"), 3, &wrapped[..at]).is_err(), "cut at {at}");
        }
    }

    /// Data on disks depends on this layout.
    #[test]
    fn material_that_was_wrapped_before_still_opens() {
        let vault = Vault::new(&RootKey::from_bytes([1; 32]));
        let arn: Arn = "arn:aws:kms:us-east-1:000000000000:key/fixture".parse().unwrap();
        let wrapped = hex::decode(include_str!("wrapped_v1.hex").trim()).unwrap();
        assert_eq!(vault.unwrap(&arn, 1, &wrapped).unwrap().as_slice(), b"thirty-two bytes of old material");
    }
}
