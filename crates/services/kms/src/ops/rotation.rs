//! Rotation of keys: by itself once a period, or when it is asked for. What was encrypted before still opens.

use millpond_core::Timestamp;
use millpond_gateway::Call;

use crate::Kms;
use crate::api;
use crate::error::KmsError;
use crate::model::key::{Cause, Key, Material};
use crate::model::rotation::{DEFAULT_PERIOD_DAYS, Rotation};
use crate::ops::{Page, own_key};
use crate::store;

const PAGE: usize = 1_000;

/// Lets the key rotate by itself, every year or every so many days.
///
/// Errors: NotFoundException, DisabledException, KMSInvalidStateException, UnsupportedOperationException (other than symmetric
/// keys with our material). Source: AWS KMS API reference, EnableKeyRotation.
pub async fn enable_key_rotation(
    call: Call<Kms>,
    input: api::EnableKeyRotationInput,
) -> Result<(), KmsError> {
    let period_days = input.rotation_period_in_days.map_or(DEFAULT_PERIOD_DAYS, i32::unsigned_abs);
    let starting = Rotation::starting(call.clock().now(), period_days);
    set_rotation(&call, "kms:EnableKeyRotation", &input.key_id, Some(starting)).await
}

/// Errors: those of EnableKeyRotation. Source: AWS KMS API reference, DisableKeyRotation.
pub async fn disable_key_rotation(
    call: Call<Kms>,
    input: api::DisableKeyRotationInput,
) -> Result<(), KmsError> {
    set_rotation(&call, "kms:DisableKeyRotation", &input.key_id, None).await
}

async fn set_rotation(
    call: &Call<Kms>,
    action: &str,
    text: &str,
    rotation: Option<Rotation>,
) -> Result<(), KmsError> {
    let key = own_key(call, action, text)?;
    let change = move |key: &mut Key| {
        key.require_rotating()?;
        key.require_enabled()?;
        key.rotation = rotation;
        Ok(())
    };
    store::update_key(call.store(), &key, call.clock().now(), change).await?;
    call.wake_due();
    Ok(())
}

/// Whether the key rotates by itself, and when next.
///
/// Errors: NotFoundException, KMSInvalidStateException (pending deletion).
/// Source: AWS KMS API reference, GetKeyRotationStatus.
pub async fn get_key_rotation_status(
    call: Call<Kms>,
    input: api::GetKeyRotationStatusInput,
) -> Result<api::GetKeyRotationStatusOutput, KmsError> {
    let reads = call.store().read()?;
    let key = call.find_own(&reads, &call.caller, "kms:GetKeyRotationStatus", &input.key_id)?;
    key.require_staying()?;
    Ok(api::GetKeyRotationStatusOutput {
        key_rotation_enabled: Some(key.rotation.is_some()),
        key_id: Some(key.arn().to_string()),
        rotation_period_in_days: key.rotation.and_then(|rotation| i32::try_from(rotation.period_days).ok()),
        next_rotation_date: key.rotation.map(|rotation| rotation.next),
        // A rotation that was asked for is done before its answer.
        on_demand_rotation_start_date: None,
    })
}

/// Gives the key new material now; its own rhythm stays.
///
/// Errors: NotFoundException, DisabledException, KMSInvalidStateException, UnsupportedOperationException,
/// LimitExceededException (25 times). Source: AWS KMS API reference, RotateKeyOnDemand.
/// Differs from AWS: the rotation is done when this answers.
pub async fn rotate_key_on_demand(
    call: Call<Kms>,
    input: api::RotateKeyOnDemandInput,
) -> Result<api::RotateKeyOnDemandOutput, KmsError> {
    let key = own_key(&call, "kms:RotateKeyOnDemand", &input.key_id)?;
    key.require_rotating()?;
    key.require_enabled()?;
    key.require_rotation_left()?;
    call.renew(&key, Cause::OnDemand, call.clock().now()).await?;
    Ok(api::RotateKeyOnDemandOutput { key_id: Some(key.arn().to_string()) })
}

/// The key's rotations, the oldest first; with ALL_KEY_MATERIAL also the material that it began with.
///
/// Errors: NotFoundException, KMSInvalidStateException (pending deletion), UnsupportedOperationException, InvalidMarkerException.
/// Source: AWS KMS API reference, ListKeyRotations.
pub async fn list_key_rotations(
    call: Call<Kms>,
    input: api::ListKeyRotationsInput,
) -> Result<api::ListKeyRotationsOutput, KmsError> {
    let reads = call.store().read()?;
    let key = call.find_own(&reads, &call.caller, "kms:ListKeyRotations", &input.key_id)?;
    key.require_rotating()?;
    key.require_staying()?;
    let all = input.include_key_material == Some(api::IncludeKeyMaterial::AllKeyMaterial);
    let question = format!("kms.ListKeyRotations {} {all}", key.id);
    let page = Page::<u32>::of(input.marker.as_ref(), input.limit.or(Some(100)), PAGE, question)?;
    let listed = |material: &&Material| {
        (all || rotated(material).is_some()) && page.after.is_none_or(|after| material.version > after)
    };
    let mut materials: Vec<_> = key.materials.iter().filter(listed).take(page.limit + 1).collect();
    let next_marker = page.cut(&mut materials, |material| material.version);
    let current = key.materials.last().map(|material| material.version);
    let entry = |material: &Material| api::RotationsListEntry {
        key_id: Some(key.arn().to_string()),
        key_material_id: Some(material.id.clone()),
        key_material_state: Some(match Some(material.version) == current {
            true => api::KeyMaterialState::Current,
            false => api::KeyMaterialState::NonCurrent,
        }),
        rotation_date: rotated(material).map(|(at, _)| at),
        rotation_type: rotated(material).map(|(_, kind)| kind),
    };
    Ok(api::ListKeyRotationsOutput {
        rotations: Some(materials.into_iter().map(entry).collect()),
        truncated: Some(next_marker.is_some()),
        next_marker,
    })
}

/// When and how the material came by a rotation.
fn rotated(material: &Material) -> Option<(Timestamp, api::RotationType)> {
    match material.cause {
        Cause::Automatic => Some((material.since, api::RotationType::Automatic)),
        Cause::OnDemand => Some((material.since, api::RotationType::OnDemand)),
        Cause::Created | Cause::Imported => None,
    }
}
