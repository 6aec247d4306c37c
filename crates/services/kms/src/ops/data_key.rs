//! Keys for data: fresh bytes, given in the clear and encrypted under a key that stays here.

use std::collections::BTreeMap;

use bytes::Bytes;
use millpond_gateway::Call;
use zeroize::Zeroizing;

use crate::Kms;
use crate::api;
use crate::audit::Trail;
use crate::cipher::Sealed;
use crate::crypto;
use crate::error::KmsError;
use crate::model::algorithm::Encryption;
use crate::model::context::EncryptionContext;
use crate::model::key::Usage;
use crate::ops::{check_grant_tokens, unless_dry_run};

/// What both kinds of request ask for.
struct Wanted {
    key_id: String,
    context: Option<BTreeMap<String, String>>,
    number_of_bytes: Option<i32>,
    spec: Option<api::DataKeySpec>,
    grant_tokens: Option<Vec<String>>,
    dry_run: Option<bool>,
}

macro_rules! wanted {
    ($input:expr) => {
        Wanted {
            key_id: $input.key_id,
            context: $input.encryption_context,
            number_of_bytes: $input.number_of_bytes,
            spec: $input.key_spec,
            grant_tokens: $input.grant_tokens,
            dry_run: $input.dry_run,
        }
    };
}

/// Errors: ValidationException, unless exactly one of them is given.
fn length(number_of_bytes: Option<i32>, spec: Option<api::DataKeySpec>) -> Result<usize, KmsError> {
    match (number_of_bytes, spec) {
        (Some(bytes), None) => Ok(bytes.unsigned_abs() as usize),
        (None, Some(api::DataKeySpec::Aes256)) => Ok(32),
        (None, Some(api::DataKeySpec::Aes128)) => Ok(16),
        (None, None) | (Some(_), Some(_)) => {
            Err(KmsError::Validation("Please specify either number of bytes or key spec.".to_owned()))
        }
    }
}

fn make(
    call: &Call<Kms>,
    trail: &mut Trail,
    asked: (&'static str, &'static str),
    wanted: Wanted,
) -> Result<(Zeroizing<Vec<u8>>, Sealed), KmsError> {
    check_grant_tokens(call, wanted.grant_tokens.as_ref())?;
    let context = EncryptionContext::of_request(wanted.context)?;
    let reads = call.store().read()?;
    let named = (wanted.key_id.as_str(), Usage::EncryptDecrypt);
    let key = call.take_up(&reads, (&call.caller, trail), asked, named, &context)?;
    let plaintext = crypto::random(length(wanted.number_of_bytes, wanted.spec)?)?;
    let sealed = call.seal(&reads, key, Encryption::Symmetric, &context, &plaintext)?;
    unless_dry_run(wanted.dry_run)?;
    Ok((plaintext, sealed))
}

/// A fresh key of 1 to 1,024 bytes, in the clear and encrypted.
///
/// Errors: NotFoundException, DisabledException, KMSInvalidStateException, InvalidKeyUsageException, DryRunOperationException,
/// ValidationException (both or neither of NumberOfBytes and KeySpec).
/// Source: AWS KMS API reference, GenerateDataKey.
pub async fn generate_data_key(
    call: Call<Kms>,
    input: api::GenerateDataKeyInput,
) -> Result<api::GenerateDataKeyOutput, KmsError> {
    let wanted = wanted!(input);
    let mut trail = Trail::of(&call.caller, "GenerateDataKey", call.via());
    let made = make(&call, &mut trail, ("kms:GenerateDataKey", "GenerateDataKey"), wanted);
    let (plaintext, sealed) = trail.close(call.store(), made).await?;
    Ok(api::GenerateDataKeyOutput {
        ciphertext_blob: Some(sealed.ciphertext.into()),
        plaintext: Some(Bytes::from_owner(plaintext)),
        key_id: Some(sealed.key.arn().to_string()),
        key_material_id: sealed.material_id,
    })
}

/// As GenerateDataKey, and only encrypted: for a later Decrypt.
///
/// Errors: those of GenerateDataKey. Source: AWS KMS API reference, GenerateDataKeyWithoutPlaintext.
pub async fn generate_data_key_without_plaintext(
    call: Call<Kms>,
    input: api::GenerateDataKeyWithoutPlaintextInput,
) -> Result<api::GenerateDataKeyWithoutPlaintextOutput, KmsError> {
    let wanted = wanted!(input);
    let name = "GenerateDataKeyWithoutPlaintext";
    let mut trail = Trail::of(&call.caller, name, call.via());
    let made = make(&call, &mut trail, ("kms:GenerateDataKeyWithoutPlaintext", name), wanted);
    let (_, sealed) = trail.close(call.store(), made).await?;
    Ok(api::GenerateDataKeyWithoutPlaintextOutput {
        ciphertext_blob: Some(sealed.ciphertext.into()),
        key_id: Some(sealed.key.arn().to_string()),
        key_material_id: sealed.material_id,
    })
}

/// Up to 1,024 bytes from the system's random source. No key is used.
///
/// Errors: ValidationException, without a number of bytes. Source: AWS KMS API reference, GenerateRandom.
pub async fn generate_random(
    _call: Call<Kms>,
    input: api::GenerateRandomInput,
) -> Result<api::GenerateRandomOutput, KmsError> {
    let missing = || KmsError::Validation("NumberOfBytes is required.".to_owned());
    let bytes = crypto::random(input.number_of_bytes.ok_or_else(missing)?.unsigned_abs() as usize)?;
    Ok(api::GenerateRandomOutput { plaintext: Some(Bytes::from_owner(bytes)) })
}
