//! The ciphertexts of symmetric keys: what a blob says of itself, and how it is sealed and opened.
//!
//! ```text
//! 1 layout | 6 account | 16 key id | 4 material version | 16 salt | 12 nonce | text | 16 tag | 16 seal
//! ```
//! The text is AES-256-GCM under a key of its own, derived from the key's material and the salt, so that no number of
//! messages makes two meet under one key and nonce. Authenticated with it: all before the text, the key's ARN (with it the region) and the
//! encryption context. The seal is the pond's own code over everything before it ([`Vault::seal`]).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, rand};
use millpond_core::{AccountId, Arn};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crypto::vault::{SEAL_LEN, Vault};
use crate::error::KmsError;
use crate::model::context::EncryptionContext;

const LAYOUT: u8 = 1;
const SALT_LEN: usize = 16;
const TAG_LEN: usize = 16;
const HEAD_LEN: usize = 1 + 6 + 16 + 4 + SALT_LEN + NONCE_LEN;

/// What a ciphertext says of itself, once its seal held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob<'a> {
    account: u64,
    pub key: Uuid,
    pub version: u32,
    salt: &'a [u8; SALT_LEN],
    nonce: &'a [u8; NONCE_LEN],
    head: &'a [u8],
    text: &'a [u8],
}

impl<'a> Blob<'a> {
    /// Errors: InvalidCiphertext, for anything that this pond did not make.
    pub fn parse(vault: &Vault, bytes: &'a [u8]) -> Result<Self, KmsError> {
        let (sealed, seal) = bytes.split_last_chunk::<SEAL_LEN>().ok_or(KmsError::InvalidCiphertext)?;
        match vault.is_sealed(sealed, seal) {
            true => Self::read(sealed).ok_or(KmsError::InvalidCiphertext),
            false => Err(KmsError::InvalidCiphertext),
        }
    }

    fn read(sealed: &'a [u8]) -> Option<Self> {
        let (head, text) = sealed.split_at_checked(HEAD_LEN)?;
        let (&layout, rest) = head.split_first()?;
        let (account, rest) = rest.split_first_chunk::<6>()?;
        let (key, rest) = rest.split_first_chunk::<16>()?;
        let (version, rest) = rest.split_first_chunk::<4>()?;
        let (salt, rest) = rest.split_first_chunk::<SALT_LEN>()?;
        let nonce = rest.first_chunk::<NONCE_LEN>()?;
        let &[a, b, c, d, e, f] = account;
        (layout == LAYOUT && text.len() >= TAG_LEN).then_some(Self {
            account: u64::from_be_bytes([0, 0, a, b, c, d, e, f]),
            key: Uuid::from_bytes(*key),
            version: u32::from_be_bytes(*version),
            salt,
            nonce,
            head,
            text,
        })
    }

    /// Whose key it is.
    pub fn account(&self) -> Result<AccountId, KmsError> {
        format!("{:012}", self.account).parse().map_err(|_| KmsError::InvalidCiphertext)
    }

    /// Errors: InvalidCiphertext, when the context is another one.
    pub fn open(
        &self,
        material: &[u8],
        key: &Arn,
        context: &EncryptionContext,
    ) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        let mut plaintext = Zeroizing::new(self.text.to_vec());
        let len = message_key(material, self.salt)?
            .open_in_place(
                Nonce::assume_unique_for_key(*self.nonce),
                Aad::from(authenticated(self.head, key, context)),
                &mut plaintext,
            )
            .map_err(|_| KmsError::InvalidCiphertext)?
            .len();
        plaintext.truncate(len);
        Ok(plaintext)
    }
}

/// Makes a ciphertext with one version of a key's material.
pub fn seal(
    vault: &Vault,
    (account, id, key): (&AccountId, Uuid, &Arn),
    (version, material): (u32, &[u8]),
    context: &EncryptionContext,
    plaintext: &[u8],
) -> Result<Vec<u8>, KmsError> {
    let account: u64 = account.as_str().parse().expect("an account number is twelve digits");
    let mut random = [0; SALT_LEN + NONCE_LEN];
    rand::fill(&mut random)?;
    let (salt, nonce) = random.split_first_chunk::<SALT_LEN>().expect("the array holds both");
    let nonce = *nonce.first_chunk::<NONCE_LEN>().expect("the array holds both");
    let mut out = Vec::with_capacity(HEAD_LEN + plaintext.len() + TAG_LEN + SEAL_LEN);
    out.push(LAYOUT);
    out.extend_from_slice(&account.to_be_bytes()[2..]);
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(&version.to_be_bytes());
    out.extend_from_slice(&random);
    out.extend_from_slice(plaintext);
    let (head, text) = out.split_at_mut(HEAD_LEN);
    let tag = message_key(material, salt)?.seal_in_place_separate_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(authenticated(head, key, context)),
        text,
    )?;
    out.extend_from_slice(tag.as_ref());
    let seal = vault.seal(&out);
    out.extend_from_slice(&seal);
    Ok(out)
}

/// The key for one message.
fn message_key(material: &[u8], salt: &[u8; SALT_LEN]) -> Result<LessSafeKey, KmsError> {
    let mut bytes = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(material)
        .expand(&[b"millpond kms message"], hkdf::HKDF_SHA256)?
        .fill(bytes.as_mut_slice())?;
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes.as_slice())?))
}

/// All that goes with the text: the head has a fixed length, and the ARN says its own.
fn authenticated(head: &[u8], key: &Arn, context: &EncryptionContext) -> Vec<u8> {
    let arn = key.to_string();
    let mut out = head.to_vec();
    out.extend_from_slice(&(arn.len() as u64).to_be_bytes());
    out.extend_from_slice(arn.as_bytes());
    out.extend_from_slice(&context.canonical());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use millpond_core::RootKey;

    const ARN: &str = "arn:aws:kms:us-east-1:123456789012:key/0c3fa5ba-9d33-4b2a-8b7e-0d8b6a8d3f10";

    struct Made {
        vault: Vault,
        arn: Arn,
        context: EncryptionContext,
    }

    impl Made {
        fn new() -> Self {
            let context = [("bucket", "lake")].into_iter().collect();
            Self { vault: Vault::new(&RootKey::from_bytes([1; 32])), arn: ARN.parse().unwrap(), context }
        }

        fn seal(&self, plaintext: &[u8]) -> Vec<u8> {
            let account = "123456789012".parse().unwrap();
            let id = self.arn.resource_name().unwrap().parse().unwrap();
            seal(&self.vault, (&account, id, &self.arn), (5, &[9; 32]), &self.context, plaintext).unwrap()
        }
    }

    #[test]
    fn a_blob_opens_with_all_that_it_was_made_with() {
        let made = Made::new();
        for plaintext in [b"".as_slice(), b"x", &[7; 4096]] {
            let bytes = made.seal(plaintext);
            let blob = Blob::parse(&made.vault, &bytes).unwrap();
            assert_eq!((blob.version, blob.account().unwrap().as_str()), (5, "123456789012"));
            assert_eq!(blob.key.to_string(), made.arn.resource_name().unwrap());
            assert_eq!(blob.open(&[9; 32], &made.arn, &made.context).unwrap().as_slice(), plaintext);
            let other = ARN.replace("us-east-1", "eu-west-1").parse().unwrap();
            for refused in [
                blob.open(&[8; 32], &made.arn, &made.context),
                blob.open(&[9; 32], &other, &made.context),
                blob.open(&[9; 32], &made.arn, &EncryptionContext::default()),
            ] {
                assert!(matches!(refused, Err(KmsError::InvalidCiphertext)));
            }
        }
        assert_ne!(made.seal(b"x"), made.seal(b"x"));
    }

    #[test]
    fn every_bent_byte_and_every_cut_is_found_before_a_key_is_looked_for() {
        let made = Made::new();
        let bytes = made.seal(b"secret");
        for at in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[at] ^= 0x40;
            assert!(Blob::parse(&made.vault, &bent).is_err(), "byte {at}");
            assert!(Blob::parse(&made.vault, &bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(Blob::parse(&Vault::new(&RootKey::from_bytes([2; 32])), &bytes).is_err());
    }

    /// Data on disks depends on this layout.
    #[test]
    fn blobs_that_were_made_before_still_open() {
        let made = Made::new();
        let bytes = hex::decode(include_str!("blob_v1.hex").trim()).unwrap();
        let blob = Blob::parse(&made.vault, &bytes).unwrap();
        let opened = blob.open(&[9; 32], &made.arn, &made.context).unwrap();
        assert_eq!(opened.as_slice(), b"an old secret");
    }
}
