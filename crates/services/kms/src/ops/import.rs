//! Keys whose material is from outside: how it comes in, and how it goes.

use millpond_core::Timestamp;
use millpond_gateway::Call;

use crate::Kms;
use crate::api;
use crate::crypto::heavy;
use crate::crypto::import::{self, Wrapping};
use crate::error::KmsError;
use crate::model::imported::VERSION;
use crate::model::key::{Spec, days};
use crate::ops::{own_key, shape};
use crate::store::{self, Wrapped};

/// How long a token and its public key can be used.
const TOKEN_DAYS: u32 = 1;

/// A public key to encrypt the material under, and the token that goes with it, for 24 hours.
///
/// Errors: NotFoundException, UnsupportedOperationException (the key's material is our own; PKCS #1 v1.5 and SM2),
/// KMSInvalidStateException (pending deletion). Source: AWS KMS API reference, GetParametersForImport.
pub async fn get_parameters_for_import(
    call: Call<Kms>,
    input: api::GetParametersForImportInput,
) -> Result<api::GetParametersForImportOutput, KmsError> {
    let key = own_key(&call, "kms:GetParametersForImport", &input.key_id)?;
    key.require_external()?;
    key.require_staying()?;
    let unsupported = |what: &str| KmsError::Unsupported(format!("{what} is not supported."));
    let (algorithm, spec) = (input.wrapping_algorithm.as_str(), input.wrapping_key_spec.as_str());
    let wrapping: Wrapping = algorithm.parse().map_err(|_| unsupported(algorithm))?;
    let wrapping_spec: Spec = spec.parse().map_err(|_| unsupported(spec))?;
    let valid_to = call.clock().now().plus(days(TOKEN_DAYS));
    let made =
        heavy(wrapping_spec, || import::parameters(call.vault(), &key, wrapping, wrapping_spec, valid_to));
    let (token, public) = made?;
    Ok(api::GetParametersForImportOutput {
        key_id: Some(key.arn().to_string()),
        import_token: Some(token.into()),
        public_key: Some(public.into()),
        parameters_valid_to: Some(valid_to),
    })
}

/// When the material is to go by itself.
///
/// Errors: ValidationException, unless there is a time to come exactly when the model says that it expires.
fn expires(
    model: Option<api::ExpirationModelType>,
    valid_to: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>, KmsError> {
    let invalid = |message: &str| Err(KmsError::Validation(message.to_owned()));
    match (model.unwrap_or(api::ExpirationModelType::KeyMaterialExpires), valid_to) {
        (api::ExpirationModelType::KeyMaterialExpires, None) => {
            invalid("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
        }
        (api::ExpirationModelType::KeyMaterialExpires, Some(at)) if at <= now => {
            invalid("The validTo date must be in the future.")
        }
        (api::ExpirationModelType::KeyMaterialExpires, Some(at)) if at > now.plus(days(365)) => {
            invalid("The validTo date must be within 365 days.")
        }
        (api::ExpirationModelType::KeyMaterialExpires, Some(at)) => Ok(Some(at)),
        (api::ExpirationModelType::KeyMaterialDoesNotExpire, None) => Ok(None),
        (api::ExpirationModelType::KeyMaterialDoesNotExpire, Some(_)) => {
            invalid("A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE")
        }
    }
}

/// Takes the material in. It has to be the same as before, if there was any.
///
/// Errors: NotFoundException, UnsupportedOperationException, KMSInvalidStateException, InvalidImportTokenException,
/// ExpiredImportTokenException, InvalidCiphertextException, IncorrectKeyMaterialException, ValidationException (the expiration).
/// Source: AWS KMS API reference, ImportKeyMaterial.
pub async fn import_key_material(
    call: Call<Kms>,
    input: api::ImportKeyMaterialInput,
) -> Result<api::ImportKeyMaterialOutput, KmsError> {
    let key = own_key(&call, "kms:ImportKeyMaterial", &input.key_id)?;
    key.require_external()?;
    key.require_staying()?;
    let now = call.clock().now();
    let expires = expires(input.expiration_model, input.valid_to, now)?;
    if input.import_type == Some(api::ImportType::NewKeyMaterial) && !key.materials.is_empty() {
        let message = "ImportType NEW_KEY_MATERIAL is not supported for a key that has had material.";
        return Err(KmsError::Unsupported(message.to_owned()));
    }
    let token = import::token(call.vault(), &key, &input.import_token, now)?;
    let material = heavy(Spec::Rsa2048, || import::unwrap(&token, &input.encrypted_key_material))?;
    let public_key = import::check(key.spec, &material)?;
    let arn = key.arn();
    let id = call.vault().material_id(&arn, &material);
    let wrapped = Wrapped { bytes: call.vault().wrap(&arn, VERSION, &material)? };
    let taken = (id.clone(), wrapped);
    store::import_material(call.store(), &key, taken, public_key, expires, now).await?;
    call.wake_due();
    Ok(api::ImportKeyMaterialOutput { key_id: Some(arn.to_string()), key_material_id: Some(id) })
}

/// Removes the material at once; the key waits for the same to come again.
///
/// Errors: NotFoundException, UnsupportedOperationException, KMSInvalidStateException (pending deletion).
/// Source: AWS KMS API reference, DeleteImportedKeyMaterial.
pub async fn delete_imported_key_material(
    call: Call<Kms>,
    input: api::DeleteImportedKeyMaterialInput,
) -> Result<api::DeleteImportedKeyMaterialOutput, KmsError> {
    let key = own_key(&call, "kms:DeleteImportedKeyMaterial", &input.key_id)?;
    key.require_external()?;
    key.require_staying()?;
    let (arn, now) = (key.arn(), call.clock().now());
    let key_material_id = shape::material_id(&key);
    store::delete_material(call.store(), key.scope, key.id, now, false).await?;
    Ok(api::DeleteImportedKeyMaterialOutput { key_id: Some(arn.to_string()), key_material_id })
}
