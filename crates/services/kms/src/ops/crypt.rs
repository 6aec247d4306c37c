//! Encrypting and decrypting small pieces of data: other keys, most often.

use bytes::Bytes;
use millpond_gateway::Call;

use crate::Kms;
use crate::api::{self, EncryptionAlgorithmSpec};
use crate::audit::Trail;
use crate::cipher::{Opened, Sealed};
use crate::error::KmsError;
use crate::model::algorithm::Encryption;
use crate::model::context::EncryptionContext;
use crate::model::key::Usage;
use crate::ops::{check_grant_tokens, shape, unless_dry_run};

/// Errors: UnsupportedOperationException, for SM2.
fn algorithm(wanted: Option<EncryptionAlgorithmSpec>) -> Result<Encryption, KmsError> {
    let wanted = wanted.unwrap_or(EncryptionAlgorithmSpec::SymmetricDefault);
    let unsupported = |_| KmsError::Unsupported(format!("EncryptionAlgorithm {wanted} is not supported."));
    wanted.as_str().parse().map_err(unsupported)
}

fn ciphertext(blob: Option<Bytes>) -> Result<Bytes, KmsError> {
    blob.ok_or_else(|| {
        KmsError::Validation(
            "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be \
             null"
                .to_owned(),
        )
    })
}

/// Encrypts up to 4,096 bytes, by RSA as much as its padding leaves.
///
/// Errors: NotFoundException, DisabledException, KMSInvalidStateException, InvalidKeyUsageException, DryRunOperationException,
/// ValidationException (too much, or a context, for RSA). Source: AWS KMS API reference, Encrypt.
pub async fn encrypt(call: Call<Kms>, input: api::EncryptInput) -> Result<api::EncryptOutput, KmsError> {
    let mut trail = Trail::of(&call.caller, "Encrypt", call.via());
    let sealed = seal_input(&call, &mut trail, input);
    let sealed = trail.close(call.store(), sealed).await?;
    Ok(api::EncryptOutput {
        ciphertext_blob: Some(sealed.ciphertext.into()),
        key_id: Some(sealed.key.arn().to_string()),
        encryption_algorithm: Some(shape::word(sealed.algorithm.as_str())),
    })
}

fn seal_input(call: &Call<Kms>, trail: &mut Trail, input: api::EncryptInput) -> Result<Sealed, KmsError> {
    check_grant_tokens(call, input.grant_tokens.as_ref())?;
    let context = EncryptionContext::of_request(input.encryption_context)?;
    let reads = call.store().read()?;
    let wanted = (input.key_id.as_str(), Usage::EncryptDecrypt);
    let key = call.take_up(&reads, (&call.caller, trail), ("kms:Encrypt", "Encrypt"), wanted, &context)?;
    let algorithm = algorithm(input.encryption_algorithm)?;
    let sealed = call.seal(&reads, key, algorithm, &context, &input.plaintext)?;
    unless_dry_run(input.dry_run)?;
    Ok(sealed)
}

/// Decrypts what Encrypt, ReEncrypt or GenerateDataKey made. The ciphertext says by which key; a KeyId in the request must agree.
///
/// Errors: InvalidCiphertextException (altered, cut, or another encryption context), IncorrectKeyException, NotFoundException,
/// DisabledException, KMSInvalidStateException, InvalidKeyUsageException, DryRunOperationException.
/// Source: AWS KMS API reference, Decrypt.
/// Differs from AWS: InvalidCiphertextException comes with a message.
pub async fn decrypt(call: Call<Kms>, input: api::DecryptInput) -> Result<api::DecryptOutput, KmsError> {
    let mut trail = Trail::of(&call.caller, "Decrypt", call.via());
    let opened = open_input(&call, &mut trail, input);
    let opened = trail.close(call.store(), opened).await?;
    Ok(api::DecryptOutput {
        key_id: Some(opened.key.arn().to_string()),
        // The bytes are wiped when the answer was written.
        plaintext: Some(Bytes::from_owner(opened.plaintext)),
        encryption_algorithm: Some(shape::word(opened.algorithm.as_str())),
        key_material_id: opened.material_id,
    })
}

fn open_input(call: &Call<Kms>, trail: &mut Trail, input: api::DecryptInput) -> Result<Opened, KmsError> {
    check_grant_tokens(call, input.grant_tokens.as_ref())?;
    let context = EncryptionContext::of_request(input.encryption_context)?;
    let reads = call.store().read()?;
    let expected = input.key_id.as_deref();
    let action = "kms:Decrypt";
    let (blob, algorithm) =
        asked_for(call, action, input.ciphertext_blob, input.encryption_algorithm, expected)?;
    let from = (blob.as_ref(), algorithm);
    let opened = call.open_blob(&reads, (&call.caller, trail), action, from, &context, expected)?;
    unless_dry_run(input.dry_run)?;
    Ok(opened)
}

/// The ciphertext and its algorithm. A request that leads to no key is still asked for its permission.
///
/// Errors: ValidationException (no ciphertext; RSA without a key).
fn asked_for(
    call: &Call<Kms>,
    action: &str,
    blob: Option<Bytes>,
    wanted: Option<EncryptionAlgorithmSpec>,
    key: Option<&str>,
) -> Result<(Bytes, Encryption), KmsError> {
    let checked = algorithm(wanted).and_then(|algorithm| {
        let blob = ciphertext(blob)?;
        match (algorithm, key) {
            (Encryption::OaepSha1 | Encryption::OaepSha256, None) => {
                Err(KmsError::Validation("KeyId is required to decrypt with an asymmetric key.".to_owned()))
            }
            _ => Ok((blob, algorithm)),
        }
    });
    if checked.is_err() {
        call.caller.authorize(action, &call.scope().arn("kms", "key/*"))?;
    }
    checked
}

/// Decrypts under one key and encrypts under another, without showing the plaintext. It is a use of each key.
///
/// Errors: those of Decrypt for the source, those of Encrypt for the destination.
/// Source: AWS KMS API reference, ReEncrypt. It needs kms:ReEncryptFrom on the source and kms:ReEncryptTo on the destination.
pub async fn re_encrypt(
    call: Call<Kms>,
    input: api::ReEncryptInput,
) -> Result<api::ReEncryptOutput, KmsError> {
    let mut trail = Trail::of(&call.caller, "ReEncrypt", call.via());
    let moved = move_input(&call, &mut trail, input);
    let (from, to) = trail.close(call.store(), moved).await?;
    Ok(api::ReEncryptOutput {
        ciphertext_blob: Some(to.ciphertext.into()),
        source_key_id: Some(from.key.arn().to_string()),
        key_id: Some(to.key.arn().to_string()),
        source_encryption_algorithm: Some(shape::word(from.algorithm.as_str())),
        destination_encryption_algorithm: Some(shape::word(to.algorithm.as_str())),
        source_key_material_id: from.material_id,
        destination_key_material_id: to.material_id,
    })
}

fn move_input(
    call: &Call<Kms>,
    trail: &mut Trail,
    input: api::ReEncryptInput,
) -> Result<(Opened, Sealed), KmsError> {
    check_grant_tokens(call, input.grant_tokens.as_ref())?;
    let from = EncryptionContext::of_request(input.source_encryption_context)?;
    let to = EncryptionContext::of_request(input.destination_encryption_context)?;
    let reads = call.store().read()?;
    let action = "kms:ReEncryptFrom";
    let expected = input.source_key_id.as_deref();
    let wanted = input.source_encryption_algorithm;
    let (blob, source) = asked_for(call, action, input.ciphertext_blob, wanted, expected)?;
    let blob = (blob.as_ref(), source);
    let opened = call.open_blob(&reads, (&call.caller, trail), action, blob, &from, expected)?;
    let wanted = (input.destination_key_id.as_str(), Usage::EncryptDecrypt);
    let key = call.take_up(&reads, (&call.caller, trail), ("kms:ReEncryptTo", "ReEncrypt"), wanted, &to)?;
    let destination = algorithm(input.destination_encryption_algorithm)?;
    let sealed = call.seal(&reads, key, destination, &to, &opened.plaintext)?;
    unless_dry_run(input.dry_run)?;
    Ok((opened, sealed))
}
