//! Encrypting and decrypting: what the operations and the other services share.

use millpond_core::Scope;
use millpond_gateway::Caller;
use millpond_store::Reads;
use zeroize::Zeroizing;

use crate::Kms;
use crate::access::About;
use crate::audit::Trail;
use crate::crypto::blob::{self, Blob};
use crate::crypto::{asymmetric, heavy};
use crate::error::KmsError;
use crate::model::algorithm::{self, Encryption};
use crate::model::context::EncryptionContext;
use crate::model::key::{Key, Material, Usage};
use crate::store;

/// What was decrypted, and by what.
pub struct Opened {
    pub plaintext: Zeroizing<Vec<u8>>,
    pub key: Key,
    pub algorithm: Encryption,
    /// Of a symmetric key.
    pub material_id: Option<String>,
}

/// What was encrypted, and by what.
pub struct Sealed {
    pub ciphertext: Vec<u8>,
    pub key: Key,
    pub algorithm: Encryption,
    /// Of a symmetric key.
    pub material_id: Option<String>,
}

impl Kms {
    /// Errors: Crypto, when the material is not there or does not open.
    pub(crate) fn material(
        &self,
        reads: &impl Reads,
        key: &Key,
        version: u32,
    ) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        let wrapped = store::material(reads, key, version)?;
        let wrapped = wrapped.ok_or(KmsError::Crypto("a key's material is missing"))?;
        self.vault().unwrap(&key.arn(), version, &wrapped.bytes)
    }

    /// A key that is named in the request, enabled, and made for `usage`; the trail knows of it.
    ///
    /// Errors: NotFoundException, AccessDenied, DisabledException, KMSInvalidStateException, InvalidKeyUsageException.
    pub(crate) fn take_up(
        &self,
        reads: &impl Reads,
        (caller, trail): (&Caller, &mut Trail),
        (action, operation): (&'static str, &'static str),
        (text, usage): (&str, Usage),
        context: &EncryptionContext,
    ) -> Result<Key, KmsError> {
        let key = self.look_up(reads, caller, action, text)?;
        trail.touch(key.arn(), context);
        self.permit(reads, caller, action, &key, About::context(context))?;
        key.require_enabled()?;
        key.require_usage(usage, operation)?;
        Ok(key)
    }

    /// Encrypts with a key, by one of its algorithms.
    ///
    /// Errors: InvalidKeyUsageException, when it is none of them; ValidationException (too much for RSA, a context for RSA).
    pub(crate) fn seal(
        &self,
        reads: &impl Reads,
        key: Key,
        algorithm: Encryption,
        context: &EncryptionContext,
        plaintext: &[u8],
    ) -> Result<Sealed, KmsError> {
        require_algorithm(&key, algorithm)?;
        if algorithm != Encryption::Symmetric {
            refuse_context(context)?;
            let ciphertext = asymmetric::encrypt(key.spec, &key.public_key, algorithm, plaintext)?;
            return Ok(Sealed { ciphertext, key, algorithm, material_id: None });
        }
        let Material { version, id, .. } = key.current()?.clone();
        let material = self.material(reads, &key, version)?;
        let of = (&key.scope.account, key.id, &key.arn());
        let ciphertext = blob::seal(self.vault(), of, (version, &material), context, plaintext)?;
        Ok(Sealed { ciphertext, key, algorithm, material_id: Some(id) })
    }

    /// Decrypts what [`Kms::seal`] made. `expected` is the key that the caller says it is; without it a symmetric ciphertext says.
    ///
    /// Errors: InvalidCiphertextException, IncorrectKeyException, AccessDenied, NotFoundException, DisabledException,
    /// KMSInvalidStateException.
    pub(crate) fn open_blob(
        &self,
        reads: &impl Reads,
        (caller, trail): (&Caller, &mut Trail),
        action: &'static str,
        (ciphertext, algorithm): (&[u8], Encryption),
        context: &EncryptionContext,
        expected: Option<&str>,
    ) -> Result<Opened, KmsError> {
        let key = match expected {
            Some(text) => {
                let key = self.look_up(reads, caller, action, text)?;
                trail.touch(key.arn(), context);
                self.permit(reads, caller, action, &key, About::context(context))?;
                key
            }
            None => {
                let blob = self.read_blob(caller, action, ciphertext)?;
                let scope = Scope::new(blob.account()?, caller.scope.region.clone());
                let Some(key) = self.existing(reads, caller, &scope, blob.key)? else {
                    ask_for_any(caller, action)?;
                    return Err(KmsError::UnknownCiphertextKey);
                };
                trail.touch(key.arn(), context);
                let own = key.scope.account == caller.scope.account;
                self.permit(reads, caller, action, &key, About::context(context)).map_err(
                    |denied| match own {
                        true => denied,
                        false => KmsError::UnknownCiphertextKey,
                    },
                )?;
                key
            }
        };
        key.require_enabled()?;
        key.require_usage(Usage::EncryptDecrypt, "Decrypt")?;
        require_algorithm(&key, algorithm)?;
        if algorithm != Encryption::Symmetric {
            refuse_context(context)?;
            let private = self.material(reads, &key, key.current()?.version)?;
            let open = || asymmetric::decrypt(key.spec, &private, algorithm, ciphertext);
            let plaintext = heavy(key.spec, open)?;
            return Ok(Opened { plaintext, key, algorithm, material_id: None });
        }
        let blob = Blob::parse(self.vault(), ciphertext)?;
        if blob.key != key.id || blob.account()? != key.scope.account {
            return Err(KmsError::IncorrectKey);
        }
        let made_by = key.materials.iter().find(|material| material.version == blob.version);
        let material_id = made_by.ok_or(KmsError::InvalidCiphertext)?.id.clone();
        let material = self.material(reads, &key, blob.version)?;
        let plaintext = blob.open(&material, &key.arn(), context)?;
        Ok(Opened { plaintext, key, algorithm, material_id: Some(material_id) })
    }

    fn read_blob<'a>(
        &self,
        caller: &Caller,
        action: &str,
        ciphertext: &'a [u8],
    ) -> Result<Blob<'a>, KmsError> {
        let parsed = Blob::parse(self.vault(), ciphertext);
        if parsed.is_err() {
            ask_for_any(caller, action)?;
        }
        parsed
    }
}

/// A request that leads to no key: asked about all keys, so that who may use none learns nothing.
fn ask_for_any(caller: &Caller, action: &str) -> Result<(), KmsError> {
    Ok(caller.authorize(action, &caller.scope.arn("kms", "key/*"))?)
}

/// Errors: InvalidKeyUsageException.
fn require_algorithm(key: &Key, wanted: Encryption) -> Result<(), KmsError> {
    match algorithm::encryption(key.spec, key.usage).contains(&wanted) {
        true => Ok(()),
        false => Err(KmsError::Algorithm { algorithm: wanted.as_str(), spec: key.spec }),
    }
}

fn refuse_context(context: &EncryptionContext) -> Result<(), KmsError> {
    match context.pairs().is_empty() {
        true => Ok(()),
        false => Err(KmsError::Validation(
            "EncryptionContext goes with symmetric encryption keys only.".to_owned(),
        )),
    }
}
