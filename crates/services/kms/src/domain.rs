//! What other services work with: keys in process, without HTTP, in the name of a caller. Every method asks the policy first,
//! and every use of a key leaves its record.

use millpond_core::{Arn, Scope};
use millpond_gateway::Caller;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Kms;
use crate::audit::{Trail, Unrecorded};
use crate::crypto;
use crate::error::KmsError;
use crate::model::algorithm::Encryption;
use crate::model::context::EncryptionContext;
use crate::model::key::{Key, Manager, Origin, Spec, State, Usage};
use crate::model::name;
use crate::ops::key::{Opening, make};
use crate::store;

/// A key to encrypt data with, and the same key in the form that may be kept beside the data.
pub struct DataKey {
    pub plaintext: Zeroizing<[u8; 32]>,
    pub ciphertext: Vec<u8>,
    pub key_arn: Arn,
}

/// What there is to know of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    pub arn: Arn,
    pub id: Uuid,
    pub state: State,
    pub spec: Spec,
    pub usage: Usage,
    pub origin: Origin,
    pub manager: Manager,
}

impl From<Key> for KeyInfo {
    fn from(key: Key) -> Self {
        let arn = key.arn();
        let Key { id, state, spec, usage, origin, manager, .. } = key;
        Self { arn, id, state, spec, usage, origin, manager }
    }
}

impl Kms {
    /// A new AES-256 key under the key that `key` names by id, ARN, alias or alias' ARN. Needs kms:GenerateDataKey.
    ///
    /// Errors: KeyNotFound, AliasNotFound, AccessDenied, Disabled, PendingDeletion, PendingImport, KeyUsage.
    pub async fn generate_data_key(
        &self,
        caller: &Caller,
        key: &str,
        context: &EncryptionContext,
    ) -> Result<DataKey, KmsError> {
        let mut trail = Trail::of(caller, "GenerateDataKey", self.via);
        let made = self.make_data_key(caller, &mut trail, key, context);
        trail.close(self.store(), made).await
    }

    /// As [`Kms::generate_data_key`], without a sync of its own: the caller records the use in the transaction that keeps the
    /// ciphertext.
    pub async fn generate_data_key_unrecorded(
        &self,
        caller: &Caller,
        key: &str,
        context: &EncryptionContext,
    ) -> Result<(DataKey, Unrecorded), KmsError> {
        let mut trail = Trail::of(caller, "GenerateDataKey", self.via);
        let made = self.make_data_key(caller, &mut trail, key, context);
        trail.hand_over(self.store(), made).await
    }

    fn make_data_key(
        &self,
        caller: &Caller,
        trail: &mut Trail,
        key: &str,
        context: &EncryptionContext,
    ) -> Result<DataKey, KmsError> {
        let reads = self.store().read()?;
        let asked = ("kms:GenerateDataKey", "GenerateDataKey");
        let key = self.take_up(&reads, (caller, trail), asked, (key, Usage::EncryptDecrypt), context)?;
        let mut plaintext = Zeroizing::new([0; 32]);
        plaintext.copy_from_slice(&crypto::random(32)?);
        let sealed = self.seal(&reads, key, Encryption::Symmetric, context, plaintext.as_slice())?;
        Ok(DataKey { plaintext, ciphertext: sealed.ciphertext, key_arn: sealed.key.arn() })
    }

    /// Decrypts what a symmetric key of this pond encrypted; the ciphertext says which. Needs kms:Decrypt.
    ///
    /// Errors: InvalidCiphertext, UnknownCiphertextKey, AccessDenied, Disabled, PendingDeletion, PendingImport.
    pub async fn decrypt(
        &self,
        caller: &Caller,
        ciphertext: &[u8],
        context: &EncryptionContext,
    ) -> Result<(Zeroizing<Vec<u8>>, Arn), KmsError> {
        let mut trail = Trail::of(caller, "Decrypt", self.via);
        let reads = self.store().read();
        let opened = reads.map_err(KmsError::from).and_then(|reads| {
            let ciphertext = (ciphertext, Encryption::Symmetric);
            self.open_blob(&reads, (caller, &mut trail), "kms:Decrypt", ciphertext, context, None)
        });
        let opened = trail.close(self.store(), opened).await?;
        Ok((opened.plaintext, opened.key.arn()))
    }

    /// The key that a service has in an account and region, as `aws/s3`; made when it is first asked for.
    pub async fn managed_key(&self, scope: &Scope, of: &str) -> Result<Arn, KmsError> {
        let alias = format!("{}{of}", name::ALIAS);
        let there = store::alias(&self.store().read()?, scope, &alias)?;
        if let Some(there) = there {
            return Ok(name::key_arn(scope, there.target));
        }
        let service = of.strip_prefix("aws/").unwrap_or(of);
        let opening = Opening {
            description: format!("Default key that protects my {service} data when no other key is defined"),
            manager: Manager::Aws { service: service.to_owned() },
            ..Opening::default()
        };
        let (key, wrapped) = make(self.vault(), scope.clone(), opening, self.clock().now())?;
        let wrapped = wrapped.ok_or(KmsError::Crypto("a service's key is made with its material"))?;
        let id = store::insert_managed(self.store(), alias, key, wrapped).await?;
        Ok(name::key_arn(scope, id))
    }

    /// The key that `key` names by id, ARN, alias or alias' ARN. Needs kms:DescribeKey.
    ///
    /// Errors: KeyNotFound, AliasNotFound, AccessDenied.
    pub fn resolve(&self, caller: &Caller, key: &str) -> Result<KeyInfo, KmsError> {
        let reads = self.store().read()?;
        Ok(self.find(&reads, caller, "kms:DescribeKey", key)?.into())
    }
}
