//! Signatures, codes, public keys and shared secrets.

use bytes::Bytes;
use millpond_gateway::Call;
use zeroize::Zeroizing;

use crate::Kms;
use crate::api;
use crate::audit::Trail;
use crate::crypto::asymmetric::{self, Signed};
use crate::crypto::{heavy, mac};
use crate::error::KmsError;
use crate::model::algorithm::{self, Mac, Signing};
use crate::model::context::EncryptionContext;
use crate::model::key::{Key, Usage};
use crate::ops::{check_grant_tokens, shape, unless_dry_run};

/// What an operation here asks of a key.
struct Asked<'a> {
    action: &'static str,
    operation: &'static str,
    usage: Usage,
    key_id: &'a str,
    grant_tokens: Option<&'a Vec<String>>,
}

/// The key, for its use, and its secret half.
fn take_up(
    call: &Call<Kms>,
    trail: &mut Trail,
    asked: &Asked<'_>,
) -> Result<(Key, Zeroizing<Vec<u8>>), KmsError> {
    check_grant_tokens(call, asked.grant_tokens)?;
    let reads = call.store().read()?;
    let key = call.take_up(
        &reads,
        (&call.caller, trail),
        (asked.action, asked.operation),
        (asked.key_id, asked.usage),
        &EncryptionContext::default(),
    )?;
    let material = call.material(&reads, &key, key.current()?.version)?;
    Ok((key, material))
}

/// Errors: InvalidKeyUsageException, when the key is not made for it.
fn signing(key: &Key, wanted: api::SigningAlgorithmSpec) -> Result<Signing, KmsError> {
    let found = algorithm::signing(key.spec, key.usage).iter().find(|own| own.as_str() == wanted.as_str());
    found.copied().ok_or(KmsError::Algorithm { algorithm: wanted.as_str(), spec: key.spec })
}

fn signed(kind: Option<api::MessageType>, message: &[u8]) -> Result<Signed<'_>, KmsError> {
    match kind {
        None | Some(api::MessageType::Raw) => Ok(Signed::Message(message)),
        Some(api::MessageType::Digest) => Ok(Signed::Digest(message)),
        Some(api::MessageType::ExternalMu) => {
            Err(KmsError::Validation("MessageType EXTERNAL_MU goes with ML_DSA keys only.".to_owned()))
        }
    }
}

/// Signs a message of up to 4,096 bytes, or the digest of one of any length.
///
/// Errors: NotFoundException, DisabledException, KMSInvalidStateException, InvalidKeyUsageException, ValidationException (the
/// digest's length), DryRunOperationException. Source: AWS KMS API reference, Sign.
pub async fn sign(call: Call<Kms>, input: api::SignInput) -> Result<api::SignOutput, KmsError> {
    let mut trail = Trail::of(&call.caller, "Sign", call.via());
    let made = make_signature(&call, &mut trail, &input);
    let (key, signature) = trail.close(call.store(), made).await?;
    Ok(api::SignOutput {
        key_id: Some(key.arn().to_string()),
        signature: Some(signature.into()),
        signing_algorithm: Some(input.signing_algorithm),
    })
}

fn make_signature(
    call: &Call<Kms>,
    trail: &mut Trail,
    input: &api::SignInput,
) -> Result<(Key, Vec<u8>), KmsError> {
    let asked = Asked {
        action: "kms:Sign",
        operation: "Sign",
        usage: Usage::SignVerify,
        key_id: &input.key_id,
        grant_tokens: input.grant_tokens.as_ref(),
    };
    let (key, private) = take_up(call, trail, &asked)?;
    let algorithm = signing(&key, input.signing_algorithm)?;
    let message = signed(input.message_type, &input.message)?;
    let signature = heavy(key.spec, || asymmetric::sign(key.spec, &private, algorithm, message))?;
    unless_dry_run(input.dry_run)?;
    Ok((key, signature))
}

/// Checks a signature. A wrong one is an error, never an answer of `false`.
///
/// Errors: KMSInvalidSignatureException, and those of Sign. Source: AWS KMS API reference, Verify.
pub async fn verify(call: Call<Kms>, input: api::VerifyInput) -> Result<api::VerifyOutput, KmsError> {
    let mut trail = Trail::of(&call.caller, "Verify", call.via());
    let checked = check_signature(&call, &mut trail, &input);
    let key = trail.close(call.store(), checked).await?;
    Ok(api::VerifyOutput {
        key_id: Some(key.arn().to_string()),
        signature_valid: Some(true),
        signing_algorithm: Some(input.signing_algorithm),
    })
}

fn check_signature(call: &Call<Kms>, trail: &mut Trail, input: &api::VerifyInput) -> Result<Key, KmsError> {
    check_grant_tokens(call, input.grant_tokens.as_ref())?;
    let key = call.take_up(
        &call.store().read()?,
        (&call.caller, trail),
        ("kms:Verify", "Verify"),
        (&input.key_id, Usage::SignVerify),
        &EncryptionContext::default(),
    )?;
    let algorithm = signing(&key, input.signing_algorithm)?;
    let message = signed(input.message_type, &input.message)?;
    asymmetric::verify(key.spec, &key.public_key, algorithm, message, &input.signature)?;
    unless_dry_run(input.dry_run)?;
    Ok(key)
}

/// Errors: InvalidKeyUsageException, when the key is of another length.
fn hmac(key: &Key, wanted: api::MacAlgorithmSpec) -> Result<Mac, KmsError> {
    let own = algorithm::mac(key.spec).filter(|own| own.as_str() == wanted.as_str());
    own.ok_or(KmsError::Algorithm { algorithm: wanted.as_str(), spec: key.spec })
}

/// The code of a message of up to 4,096 bytes.
///
/// Errors: NotFoundException, DisabledException, KMSInvalidStateException, InvalidKeyUsageException, DryRunOperationException.
/// Source: AWS KMS API reference, GenerateMac.
pub async fn generate_mac(
    call: Call<Kms>,
    input: api::GenerateMacInput,
) -> Result<api::GenerateMacOutput, KmsError> {
    let mut trail = Trail::of(&call.caller, "GenerateMac", call.via());
    let asked = Asked {
        action: "kms:GenerateMac",
        operation: "GenerateMac",
        usage: Usage::Mac,
        key_id: &input.key_id,
        grant_tokens: input.grant_tokens.as_ref(),
    };
    let made = take_up(&call, &mut trail, &asked).and_then(|(key, material)| {
        let code = mac::sign(hmac(&key, input.mac_algorithm)?, &material, &input.message);
        unless_dry_run(input.dry_run)?;
        Ok((key, code))
    });
    let (key, code) = trail.close(call.store(), made).await?;
    Ok(api::GenerateMacOutput {
        mac: Some(code.into()),
        mac_algorithm: Some(input.mac_algorithm),
        key_id: Some(key.arn().to_string()),
    })
}

/// Checks a code. A wrong one is an error, never an answer of `false`.
///
/// Errors: KMSInvalidMacException, and those of GenerateMac. Source: AWS KMS API reference, VerifyMac.
pub async fn verify_mac(
    call: Call<Kms>,
    input: api::VerifyMacInput,
) -> Result<api::VerifyMacOutput, KmsError> {
    let mut trail = Trail::of(&call.caller, "VerifyMac", call.via());
    let asked = Asked {
        action: "kms:VerifyMac",
        operation: "VerifyMac",
        usage: Usage::Mac,
        key_id: &input.key_id,
        grant_tokens: input.grant_tokens.as_ref(),
    };
    let checked = take_up(&call, &mut trail, &asked).and_then(|(key, material)| {
        mac::verify(hmac(&key, input.mac_algorithm)?, &material, &input.message, &input.mac)?;
        unless_dry_run(input.dry_run)?;
        Ok(key)
    });
    let key = trail.close(call.store(), checked).await?;
    Ok(api::VerifyMacOutput {
        key_id: Some(key.arn().to_string()),
        mac_valid: Some(true),
        mac_algorithm: Some(input.mac_algorithm),
    })
}

/// The public half of a key pair, as SubjectPublicKeyInfo in DER.
///
/// Errors: NotFoundException, DisabledException, KMSInvalidStateException, UnsupportedOperationException (the key is no pair).
/// Source: AWS KMS API reference, GetPublicKey.
pub async fn get_public_key(
    call: Call<Kms>,
    input: api::GetPublicKeyInput,
) -> Result<api::GetPublicKeyOutput, KmsError> {
    check_grant_tokens(&call, input.grant_tokens.as_ref())?;
    let key = call.find(&call.store().read()?, &call.caller, "kms:GetPublicKey", &input.key_id)?;
    key.require_enabled()?;
    if !key.spec.is_asymmetric() {
        return Err(KmsError::Unsupported(format!("{} is not an asymmetric key.", key.arn())));
    }
    let api::KeyMetadata {
        encryption_algorithms,
        signing_algorithms,
        key_agreement_algorithms,
        customer_master_key_spec,
        key_spec,
        key_usage,
        ..
    } = shape::metadata(&key);
    Ok(api::GetPublicKeyOutput {
        key_id: Some(key.arn().to_string()),
        public_key: Some(key.public_key.into()),
        customer_master_key_spec,
        key_spec,
        key_usage,
        encryption_algorithms,
        signing_algorithms,
        key_agreement_algorithms,
    })
}

/// The secret that the key and another pair share, by elliptic-curve Diffie-Hellman.
///
/// Errors: NotFoundException, DisabledException, KMSInvalidStateException, InvalidKeyUsageException, ValidationException (a public
/// key of another curve), DryRunOperationException. Source: AWS KMS API reference, DeriveSharedSecret.
pub async fn derive_shared_secret(
    call: Call<Kms>,
    input: api::DeriveSharedSecretInput,
) -> Result<api::DeriveSharedSecretOutput, KmsError> {
    let mut trail = Trail::of(&call.caller, "DeriveSharedSecret", call.via());
    let asked = Asked {
        action: "kms:DeriveSharedSecret",
        operation: "DeriveSharedSecret",
        usage: Usage::KeyAgreement,
        key_id: &input.key_id,
        grant_tokens: input.grant_tokens.as_ref(),
    };
    let made = take_up(&call, &mut trail, &asked).and_then(|(key, private)| {
        let secret = asymmetric::agree(key.spec, &private, &input.public_key)?;
        unless_dry_run(input.dry_run)?;
        Ok((key, secret))
    });
    let (key, secret) = trail.close(call.store(), made).await?;
    Ok(api::DeriveSharedSecretOutput {
        key_id: Some(key.arn().to_string()),
        shared_secret: Some(Bytes::from_owner(secret)),
        key_agreement_algorithm: Some(input.key_agreement_algorithm),
        key_origin: Some(shape::word(key.origin.as_str())),
    })
}
