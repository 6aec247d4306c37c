//! Key pairs for data: the public half in the clear, the private half encrypted under a key that stays here.

use std::collections::BTreeMap;

use bytes::Bytes;
use millpond_gateway::Call;

use crate::Kms;
use crate::api;
use crate::audit::Trail;
use crate::cipher::Sealed;
use crate::crypto::asymmetric::{self, Pair};
use crate::crypto::heavy;
use crate::error::KmsError;
use crate::model::algorithm::Encryption;
use crate::model::context::EncryptionContext;
use crate::model::key::{Spec, Usage};
use crate::ops::{check_grant_tokens, unless_dry_run};

/// What both kinds of request ask for.
struct Wanted {
    key_id: String,
    context: Option<BTreeMap<String, String>>,
    spec: api::DataKeyPairSpec,
    grant_tokens: Option<Vec<String>>,
    dry_run: Option<bool>,
}

fn make(
    call: &Call<Kms>,
    trail: &mut Trail,
    asked: (&'static str, &'static str),
    wanted: Wanted,
) -> Result<(Pair, Sealed), KmsError> {
    check_grant_tokens(call, wanted.grant_tokens.as_ref())?;
    let context = EncryptionContext::of_request(wanted.context)?;
    let reads = call.store().read()?;
    let named = (wanted.key_id.as_str(), Usage::EncryptDecrypt);
    let key = call.take_up(&reads, (&call.caller, trail), asked, named, &context)?;
    let unsupported = |_| KmsError::Unsupported(format!("KeyPairSpec {} is not supported.", wanted.spec));
    let spec: Spec = wanted.spec.as_str().parse().map_err(unsupported)?;
    let pair = heavy(spec, || asymmetric::generate(spec))?;
    let sealed = call.seal(&reads, key, Encryption::Symmetric, &context, &pair.private)?;
    unless_dry_run(wanted.dry_run)?;
    Ok((pair, sealed))
}

/// A fresh key pair: the public half, and the private one in the clear (PKCS#8 in DER) and encrypted.
///
/// Errors: NotFoundException, DisabledException, KMSInvalidStateException, InvalidKeyUsageException (the key is not a symmetric
/// one for encryption), UnsupportedOperationException (the pair's spec), DryRunOperationException.
/// Source: AWS KMS API reference, GenerateDataKeyPair.
pub async fn generate_data_key_pair(
    call: Call<Kms>,
    input: api::GenerateDataKeyPairInput,
) -> Result<api::GenerateDataKeyPairOutput, KmsError> {
    let spec = input.key_pair_spec;
    let wanted = Wanted {
        key_id: input.key_id,
        context: input.encryption_context,
        spec,
        grant_tokens: input.grant_tokens,
        dry_run: input.dry_run,
    };
    let mut trail = Trail::of(&call.caller, "GenerateDataKeyPair", call.via());
    let made = make(&call, &mut trail, ("kms:GenerateDataKeyPair", "GenerateDataKeyPair"), wanted);
    let (pair, sealed) = trail.close(call.store(), made).await?;
    Ok(api::GenerateDataKeyPairOutput {
        private_key_ciphertext_blob: Some(sealed.ciphertext.into()),
        private_key_plaintext: Some(Bytes::from_owner(pair.private)),
        public_key: Some(pair.public.into()),
        key_id: Some(sealed.key.arn().to_string()),
        key_pair_spec: Some(spec),
        key_material_id: sealed.material_id,
    })
}

/// As GenerateDataKeyPair, with the private half only encrypted.
///
/// Errors: those of GenerateDataKeyPair. Source: AWS KMS API reference, GenerateDataKeyPairWithoutPlaintext.
pub async fn generate_data_key_pair_without_plaintext(
    call: Call<Kms>,
    input: api::GenerateDataKeyPairWithoutPlaintextInput,
) -> Result<api::GenerateDataKeyPairWithoutPlaintextOutput, KmsError> {
    let spec = input.key_pair_spec;
    let wanted = Wanted {
        key_id: input.key_id,
        context: input.encryption_context,
        spec,
        grant_tokens: input.grant_tokens,
        dry_run: input.dry_run,
    };
    let name = "GenerateDataKeyPairWithoutPlaintext";
    let mut trail = Trail::of(&call.caller, name, call.via());
    let made = make(&call, &mut trail, ("kms:GenerateDataKeyPairWithoutPlaintext", name), wanted);
    let (pair, sealed) = trail.close(call.store(), made).await?;
    Ok(api::GenerateDataKeyPairWithoutPlaintextOutput {
        private_key_ciphertext_blob: Some(sealed.ciphertext.into()),
        public_key: Some(pair.public.into()),
        key_id: Some(sealed.key.arn().to_string()),
        key_pair_spec: Some(spec),
        key_material_id: sealed.material_id,
    })
}
