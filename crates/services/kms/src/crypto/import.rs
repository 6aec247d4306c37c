//! Material on its way in: encrypted by its owner under a public key of ours, opened here.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded as _};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use millpond_core::Timestamp;
use millpond_wire::text_enum;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::crypto::asymmetric;
use crate::crypto::mac;
use crate::crypto::vault::Vault;
use crate::error::KmsError;
use crate::model::algorithm;
use crate::model::key::{Key, Kind, Spec};

text_enum! {
    /// How the material is encrypted: RSA by itself, or RSA around an AES key that wraps it.
    pub enum Wrapping {
        OaepSha1 = "RSAES_OAEP_SHA_1",
        OaepSha256 = "RSAES_OAEP_SHA_256",
        AesSha1 = "RSA_AES_KEY_WRAP_SHA_1",
        AesSha256 = "RSA_AES_KEY_WRAP_SHA_256",
    }
}

impl Wrapping {
    fn oaep(self) -> &'static OaepAlgorithm {
        match self {
            Self::OaepSha1 | Self::AesSha1 => &OAEP_SHA1_MGF1SHA1,
            Self::OaepSha256 | Self::AesSha256 => &OAEP_SHA256_MGF1SHA256,
        }
    }

    fn has_inner_key(self) -> bool {
        matches!(self, Self::AesSha1 | Self::AesSha256)
    }
}

/// What an import token keeps for us: the private half of the public key that goes with it. Nothing is stored.
#[derive(Serialize, Deserialize)]
pub struct Token {
    pub wrapping: Wrapping,
    pub valid_to: Timestamp,
    #[serde(with = "serde_bytes")]
    private: Vec<u8>,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.private.zeroize();
    }
}

fn about(key: &Key) -> String {
    format!("import into {}", key.arn())
}

/// A token for one key, and the public key that goes with it.
pub fn parameters(
    vault: &Vault,
    key: &Key,
    wrapping: Wrapping,
    spec: Spec,
    valid_to: Timestamp,
) -> Result<(Vec<u8>, Vec<u8>), KmsError> {
    let pair = asymmetric::generate(spec)?;
    let token = Token { wrapping, valid_to, private: pair.private.to_vec() };
    let bytes = rmp_serde::to_vec_named(&token).map_err(|_| KmsError::Crypto("an import token"))?;
    Ok((vault.close_token(&about(key), &Zeroizing::new(bytes))?, pair.public))
}

/// Errors: InvalidImportTokenException, ExpiredImportTokenException.
pub fn token(vault: &Vault, key: &Key, bytes: &[u8], now: Timestamp) -> Result<Token, KmsError> {
    let opened = vault.open_token(&about(key), bytes).ok_or(KmsError::InvalidImportToken)?;
    let token: Token = rmp_serde::from_slice(&opened).map_err(|_| KmsError::InvalidImportToken)?;
    match now < token.valid_to {
        true => Ok(token),
        false => Err(KmsError::ExpiredImportToken),
    }
}

/// Opens the material with the token's private key.
///
/// Errors: InvalidCiphertextException.
pub fn unwrap(token: &Token, encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, KmsError> {
    let key = PrivateDecryptingKey::from_pkcs8(&token.private)
        .map_err(|_| KmsError::Crypto("an import token's key"))?;
    let rsa_len = key.key_size_bytes();
    let key = OaepPrivateDecryptingKey::new(key)?;
    let mut out = Zeroizing::new(vec![0; key.min_output_size()]);
    let (outer, inner) = match token.wrapping.has_inner_key() {
        true => encrypted.split_at_checked(rsa_len).ok_or(KmsError::InvalidCiphertext)?,
        false => (encrypted, [].as_slice()),
    };
    let len = key
        .decrypt(token.wrapping.oaep(), outer, &mut out, None)
        .map_err(|_| KmsError::InvalidCiphertext)?
        .len();
    out.truncate(len);
    if !token.wrapping.has_inner_key() {
        return Ok(out);
    }
    let inner_key = AesKek::new(&AES_256, &out).map_err(|_| KmsError::InvalidCiphertext)?;
    let mut material = Zeroizing::new(vec![0; inner.len()]);
    let len =
        inner_key.unwrap_with_padding(inner, &mut material).map_err(|_| KmsError::InvalidCiphertext)?.len();
    material.truncate(len);
    Ok(material)
}

/// The public half, when the material is one that a key of this spec can have.
///
/// Errors: IncorrectKeyMaterialException.
pub fn check(spec: Spec, material: &[u8]) -> Result<Vec<u8>, KmsError> {
    let wrong = || KmsError::WrongMaterial { spec };
    match spec.kind() {
        Kind::Symmetric | Kind::Hmac => {
            let len = algorithm::mac(spec).map_or(32, mac::key_len);
            (material.len() == len).then(Vec::new).ok_or_else(wrong)
        }
        Kind::Rsa | Kind::Ecc => asymmetric::public_of(spec, material).ok_or_else(wrong),
    }
}
