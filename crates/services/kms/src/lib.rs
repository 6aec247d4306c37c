//! AWS Key Management Service: keys that never leave it, and what is encrypted, signed and authenticated with them.
//!
//! - `ops`: one function an operation, by resource. `api`: the wire's shapes, generated. `access`: names, and who may;
//!   `policies`: key policies, read.
//! - [`model`]: keys, their names, encryption contexts: pure.
//! - `crypto`: key material at rest, and ciphertexts. `cipher`: encrypting and decrypting with what is stored.
//! - `store`: what is recorded, and the transactions. [`audit`]: the trail of uses. `worker`: background passes.
//! - `domain`: the way in for other services of the same process. [`fuzz`]: ciphertexts of any bytes.

mod access;
pub mod api;
pub mod audit;
mod cipher;
mod crypto;
mod domain;
pub mod error;
pub mod fuzz;
pub mod model;
mod ops;
mod policies;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod worker;

use millpond_core::ByteSize;
use millpond_gateway::{Action, Operations, ServiceInfo};

pub use domain::{DataKey, KeyInfo};
pub use error::KmsError;
pub use model::context::EncryptionContext;
pub use service::{Deps, Kms};

use ops::{alias, crypt, data_key, data_key_pair, grant, import, key, policy, rotation, sign, tag};

/// The operations, each with the permission that it asks for. Most ask for it themselves: only the stored state says which
/// key an alias or a ciphertext means.
pub fn operations() -> Operations<Kms> {
    let info = ServiceInfo {
        name: api::ENDPOINT_PREFIX,
        signing_name: api::SIGNING_NAME,
        protocol: api::PROTOCOL,
        validation_code: "ValidationException",
        largest_body: ByteSize::mib(1),
        known_operations: api::OPERATIONS,
    };
    Operations::new(info)
        .op_authorized_in_handler(
            "CancelKeyDeletion",
            Action("kms:CancelKeyDeletion"),
            key::cancel_key_deletion,
        )
        .op_authorized_in_handler("CreateAlias", Action("kms:CreateAlias"), alias::create_alias)
        .op_authorized_in_handler("CreateGrant", Action("kms:CreateGrant"), grant::create_grant)
        .op("CreateKey", Action("kms:CreateKey"), ops::any_key, key::create_key)
        .op_authorized_in_handler("Decrypt", Action("kms:Decrypt"), crypt::decrypt)
        .op_authorized_in_handler("DeleteAlias", Action("kms:DeleteAlias"), alias::delete_alias)
        .op_authorized_in_handler(
            "DeleteImportedKeyMaterial",
            Action("kms:DeleteImportedKeyMaterial"),
            import::delete_imported_key_material,
        )
        .op_authorized_in_handler(
            "DeriveSharedSecret",
            Action("kms:DeriveSharedSecret"),
            sign::derive_shared_secret,
        )
        .op_authorized_in_handler("DescribeKey", Action("kms:DescribeKey"), key::describe_key)
        .op_authorized_in_handler("DisableKey", Action("kms:DisableKey"), key::disable_key)
        .op_authorized_in_handler(
            "DisableKeyRotation",
            Action("kms:DisableKeyRotation"),
            rotation::disable_key_rotation,
        )
        .op_authorized_in_handler(
            "EnableKeyRotation",
            Action("kms:EnableKeyRotation"),
            rotation::enable_key_rotation,
        )
        .op_authorized_in_handler("EnableKey", Action("kms:EnableKey"), key::enable_key)
        .op_authorized_in_handler("Encrypt", Action("kms:Encrypt"), crypt::encrypt)
        .op_authorized_in_handler(
            "GenerateDataKey",
            Action("kms:GenerateDataKey"),
            data_key::generate_data_key,
        )
        .op_authorized_in_handler(
            "GenerateDataKeyPair",
            Action("kms:GenerateDataKeyPair"),
            data_key_pair::generate_data_key_pair,
        )
        .op_authorized_in_handler(
            "GenerateDataKeyPairWithoutPlaintext",
            Action("kms:GenerateDataKeyPairWithoutPlaintext"),
            data_key_pair::generate_data_key_pair_without_plaintext,
        )
        .op_authorized_in_handler(
            "GenerateDataKeyWithoutPlaintext",
            Action("kms:GenerateDataKeyWithoutPlaintext"),
            data_key::generate_data_key_without_plaintext,
        )
        .op_authorized_in_handler("GenerateMac", Action("kms:GenerateMac"), sign::generate_mac)
        .op("GenerateRandom", Action("kms:GenerateRandom"), ops::any_key, data_key::generate_random)
        .op_authorized_in_handler("GetKeyLastUsage", Action("kms:GetKeyLastUsage"), key::get_key_last_usage)
        .op_authorized_in_handler("GetKeyPolicy", Action("kms:GetKeyPolicy"), policy::get_key_policy)
        .op_authorized_in_handler(
            "GetKeyRotationStatus",
            Action("kms:GetKeyRotationStatus"),
            rotation::get_key_rotation_status,
        )
        .op_authorized_in_handler(
            "GetParametersForImport",
            Action("kms:GetParametersForImport"),
            import::get_parameters_for_import,
        )
        .op_authorized_in_handler("GetPublicKey", Action("kms:GetPublicKey"), sign::get_public_key)
        .op_authorized_in_handler(
            "ImportKeyMaterial",
            Action("kms:ImportKeyMaterial"),
            import::import_key_material,
        )
        .op_authorized_in_handler("ListAliases", Action("kms:ListAliases"), alias::list_aliases)
        .op_authorized_in_handler("ListGrants", Action("kms:ListGrants"), grant::list_grants)
        .op_authorized_in_handler("ListKeyPolicies", Action("kms:ListKeyPolicies"), policy::list_key_policies)
        .op_authorized_in_handler(
            "ListKeyRotations",
            Action("kms:ListKeyRotations"),
            rotation::list_key_rotations,
        )
        .op("ListKeys", Action("kms:ListKeys"), ops::any_key, key::list_keys)
        .op_authorized_in_handler("ListResourceTags", Action("kms:ListResourceTags"), tag::list_resource_tags)
        .op(
            "ListRetirableGrants",
            Action("kms:ListRetirableGrants"),
            ops::any_key,
            grant::list_retirable_grants,
        )
        .op_authorized_in_handler("PutKeyPolicy", Action("kms:PutKeyPolicy"), policy::put_key_policy)
        .op_authorized_in_handler("ReEncrypt", Action("kms:ReEncryptTo"), crypt::re_encrypt)
        .op_authorized_in_handler("RetireGrant", Action("kms:RetireGrant"), grant::retire_grant)
        .op_authorized_in_handler("RevokeGrant", Action("kms:RevokeGrant"), grant::revoke_grant)
        .op_authorized_in_handler(
            "RotateKeyOnDemand",
            Action("kms:RotateKeyOnDemand"),
            rotation::rotate_key_on_demand,
        )
        .op_authorized_in_handler(
            "ScheduleKeyDeletion",
            Action("kms:ScheduleKeyDeletion"),
            key::schedule_key_deletion,
        )
        .op_authorized_in_handler("Sign", Action("kms:Sign"), sign::sign)
        .op_authorized_in_handler("TagResource", Action("kms:TagResource"), tag::tag_resource)
        .op_authorized_in_handler("UntagResource", Action("kms:UntagResource"), tag::untag_resource)
        .op_authorized_in_handler("UpdateAlias", Action("kms:UpdateAlias"), alias::update_alias)
        .op_authorized_in_handler(
            "UpdateKeyDescription",
            Action("kms:UpdateKeyDescription"),
            key::update_key_description,
        )
        .op_authorized_in_handler("Verify", Action("kms:Verify"), sign::verify)
        .op_authorized_in_handler("VerifyMac", Action("kms:VerifyMac"), sign::verify_mac)
}
