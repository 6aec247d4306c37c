//! Keys: making, describing, listing, enabling, disabling, deleting.

use std::collections::BTreeMap;

use millpond_core::{Scope, Timestamp};
use millpond_gateway::Call;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Kms;
use crate::api;
use crate::audit;
use crate::crypto;
use crate::crypto::asymmetric::{self, Pair};
use crate::crypto::vault::Vault;
use crate::error::KmsError;
use crate::model::algorithm;
use crate::model::imported::Imported;
use crate::model::key::{
    Cause, DEFAULT_WINDOW_DAYS, Key, Kind, Manager, Material, Origin, Spec, State, Usage, WINDOW_DAYS,
};
use crate::model::name;
use crate::model::rotation::{DEFAULT_PERIOD_DAYS, Rotation};
use crate::ops::{Page, any_key, check_grant_tokens, own_key, policy, shape};
use crate::store::{self, Wrapped};

const PAGE: usize = 1_000;

/// A key that is wanted.
#[derive(Debug, Clone)]
pub struct Opening {
    pub description: String,
    pub spec: Spec,
    pub usage: Usage,
    pub origin: Origin,
    pub manager: Manager,
    pub tags: BTreeMap<String, String>,
    pub policy: Option<String>,
}

impl Default for Opening {
    fn default() -> Self {
        Self {
            description: String::new(),
            spec: Spec::Symmetric,
            usage: Usage::EncryptDecrypt,
            origin: Origin::Kms,
            manager: Manager::Customer,
            tags: BTreeMap::new(),
            policy: None,
        }
    }
}

/// Fresh material, and the public half of a pair.
fn fresh(spec: Spec) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), KmsError> {
    match spec.kind() {
        Kind::Symmetric => Ok((crypto::random(32)?, Vec::new())),
        Kind::Hmac => {
            let len = algorithm::mac(spec).map_or(32, crypto::mac::key_len);
            Ok((crypto::random(len)?, Vec::new()))
        }
        Kind::Rsa | Kind::Ecc => {
            let Pair { private, public } = crypto::heavy(spec, || asymmetric::generate(spec))?;
            Ok((private, public))
        }
    }
}

/// A new key and its wrapped material, unless that is to come from outside.
///
/// Errors: TagException, LimitExceededException.
pub fn make(
    vault: &Vault,
    scope: Scope,
    wanted: Opening,
    now: Timestamp,
) -> Result<(Key, Option<Wrapped>), KmsError> {
    let id = Uuid::new_v4();
    let arn = name::key_arn(&scope, id);
    let (state, materials, public_key, wrapped) = match wanted.origin {
        Origin::External => (State::PendingImport, Vec::new(), Vec::new(), None),
        Origin::Kms => {
            let (material, public_key) = fresh(wanted.spec)?;
            let wrapped = Wrapped { bytes: vault.wrap(&arn, 1, &material)? };
            let id = vault.material_id(&arn, &material);
            let first = Material { version: 1, id, since: now, cause: Cause::Created };
            (State::Enabled, vec![first], public_key, Some(wrapped))
        }
    };
    let Opening { description, spec, usage, origin, manager, tags, policy } = wanted;
    let mut key = Key {
        id,
        scope,
        created: now,
        description,
        spec,
        usage,
        origin,
        manager,
        state,
        deletion: None,
        materials,
        public_key,
        tags: BTreeMap::new(),
        rotation: None,
        imported: Imported::default(),
        policy,
        grants: 0,
    };
    if key.manager != Manager::Customer {
        // AWS renews the keys of its services every year.
        key.rotation = Some(Rotation::starting(now, DEFAULT_PERIOD_DAYS));
    }
    key.tag(tags)?;
    Ok((key, wrapped))
}

fn wanted(input: api::CreateKeyInput) -> Result<Opening, KmsError> {
    if input.multi_region == Some(true) {
        return Err(KmsError::Unsupported("MultiRegion: keys of several regions are not supported.".into()));
    }
    let origin = input.origin.map_or(Ok(Origin::Kms), |origin| {
        let unsupported = |_| KmsError::Unsupported(format!("Origin {origin} is not supported."));
        origin.as_str().parse().map_err(unsupported)
    })?;
    let spec = match (input.key_spec, input.customer_master_key_spec) {
        (Some(_), Some(_)) => {
            let message = "You cannot specify KeySpec and CustomerMasterKeySpec in the same request.";
            return Err(KmsError::Validation(message.to_owned()));
        }
        (Some(spec), None) => spec.as_str(),
        (None, Some(spec)) => spec.as_str(),
        (None, None) => Spec::Symmetric.as_str(),
    };
    let unsupported = |_| KmsError::Unsupported(format!("KeySpec {spec} is not supported."));
    let spec: Spec = spec.parse().map_err(unsupported)?;
    let usage = match input.key_usage {
        Some(usage) => shape::word(usage.as_str()),
        None if spec == Spec::Symmetric => Usage::EncryptDecrypt,
        None => {
            let message =
                "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.";
            return Err(KmsError::Validation(message.to_owned()));
        }
    };
    if !spec.usages().contains(&usage) {
        let message = format!("KeyUsage {usage} is not compatible with KeySpec {spec}");
        return Err(KmsError::Validation(message));
    }
    Ok(Opening {
        description: input.description.unwrap_or_default(),
        spec,
        usage,
        origin,
        manager: Manager::Customer,
        tags: shape::tags(input.tags.unwrap_or_default())?,
        policy: input.policy,
    })
}

/// Makes a key: with fresh material and enabled at once, or waiting for material from outside.
///
/// Errors: UnsupportedOperationException (specs, origins, several regions), ValidationException (the usage), TagException, LimitExceededException,
/// MalformedPolicyDocumentException. Source: AWS KMS API reference, CreateKey.
pub async fn create_key(
    call: Call<Kms>,
    input: api::CreateKeyInput,
) -> Result<api::CreateKeyOutput, KmsError> {
    let bypass = input.bypass_policy_lockout_safety_check == Some(true);
    let wanted = wanted(input)?;
    call.caller.authorize_tags("kms:TagResource", &any_key(&call.caller, &()), &wanted.tags)?;
    let (key, wrapped) = make(call.vault(), call.scope().clone(), wanted, call.clock().now())?;
    if let Some(document) = &key.policy {
        policy::check(&call, &key, document, bypass)?;
    }
    let key_metadata = Some(shape::metadata(&key));
    store::insert_key(call.store(), key, wrapped).await?;
    Ok(api::CreateKeyOutput { key_metadata })
}

/// What there is to know of a key; never its material.
///
/// Errors: NotFoundException. Source: AWS KMS API reference, DescribeKey.
pub async fn describe_key(
    call: Call<Kms>,
    input: api::DescribeKeyInput,
) -> Result<api::DescribeKeyOutput, KmsError> {
    check_grant_tokens(&call, input.grant_tokens.as_ref())?;
    let key = call.find(&call.store().read()?, &call.caller, "kms:DescribeKey", &input.key_id)?;
    Ok(api::DescribeKeyOutput { key_metadata: Some(shape::metadata(&key)) })
}

/// The account's keys in the region, in the order of their ids.
///
/// Errors: InvalidMarkerException. Source: AWS KMS API reference, ListKeys.
pub async fn list_keys(call: Call<Kms>, input: api::ListKeysInput) -> Result<api::ListKeysOutput, KmsError> {
    let scope = call.scope();
    let question = format!("kms.ListKeys {} {}", scope.account, scope.region);
    let page = Page::<Uuid>::of(input.marker.as_ref(), input.limit.or(Some(100)), PAGE, question)?;
    let mut keys = store::keys(&call.store().read()?, scope, page.after, page.limit + 1)?;
    let next_marker = page.cut(&mut keys, |key| key.id);
    let now = call.clock().now();
    let entry = |key: &Key| api::KeyListEntry {
        key_id: Some(key.id.to_string()),
        key_arn: Some(key.arn().to_string()),
    };
    Ok(api::ListKeysOutput {
        keys: Some(keys.iter().filter(|key| !key.is_gone(now)).map(entry).collect()),
        truncated: Some(next_marker.is_some()),
        next_marker,
    })
}

/// When the key was last used with success, and for what.
///
/// Errors: NotFoundException. Source: AWS KMS API reference, GetKeyLastUsage.
pub async fn get_key_last_usage(
    call: Call<Kms>,
    input: api::GetKeyLastUsageInput,
) -> Result<api::GetKeyLastUsageOutput, KmsError> {
    let reads = call.store().read()?;
    let key = call.find(&reads, &call.caller, "kms:GetKeyLastUsage", &input.key_id)?;
    let last = audit::last_use(&reads, key.id)?;
    Ok(api::GetKeyLastUsageOutput {
        key_id: Some(key.arn().to_string()),
        key_last_usage: last.map(|last| api::KeyLastUsageData {
            operation: Some(shape::word(&last.operation)),
            timestamp: Some(last.at),
            cloud_trail_event_id: Some(last.event.to_string()),
            kms_request_id: Some(last.request_id),
        }),
        // A key's uses are recorded from its first day.
        tracking_start_date: Some(key.created),
        key_creation_date: Some(key.created),
    })
}

/// Errors: NotFoundException, KMSInvalidStateException (pending deletion or import).
/// Source: AWS KMS API reference, EnableKey.
pub async fn enable_key(call: Call<Kms>, input: api::EnableKeyInput) -> Result<(), KmsError> {
    set_enabled(&call, "kms:EnableKey", &input.key_id, true).await
}

/// Errors: NotFoundException, KMSInvalidStateException (pending deletion or import).
/// Source: AWS KMS API reference, DisableKey.
pub async fn disable_key(call: Call<Kms>, input: api::DisableKeyInput) -> Result<(), KmsError> {
    set_enabled(&call, "kms:DisableKey", &input.key_id, false).await
}

async fn set_enabled(call: &Call<Kms>, action: &str, text: &str, enabled: bool) -> Result<(), KmsError> {
    let key = own_key(call, action, text)?;
    store::update_key(call.store(), &key, call.clock().now(), move |key| key.set_enabled(enabled)).await?;
    // A rotation may have become due while it was disabled.
    call.wake_due();
    Ok(())
}

/// Errors: NotFoundException, KMSInvalidStateException (pending deletion).
/// Source: AWS KMS API reference, UpdateKeyDescription.
pub async fn update_key_description(
    call: Call<Kms>,
    input: api::UpdateKeyDescriptionInput,
) -> Result<(), KmsError> {
    let key = own_key(&call, "kms:UpdateKeyDescription", &input.key_id)?;
    let change = move |key: &mut Key| {
        key.require_staying()?;
        key.description = input.description;
        Ok(())
    };
    store::update_key(call.store(), &key, call.clock().now(), change).await
}

/// Starts the waiting period; `worker::DueKeys` removes the key and its material when it is over.
///
/// Errors: NotFoundException, KMSInvalidStateException (it waits already), ValidationException (the window).
/// Source: AWS KMS API reference, ScheduleKeyDeletion.
pub async fn schedule_key_deletion(
    call: Call<Kms>,
    input: api::ScheduleKeyDeletionInput,
) -> Result<api::ScheduleKeyDeletionOutput, KmsError> {
    let key = own_key(&call, "kms:ScheduleKeyDeletion", &input.key_id)?;
    let window_days = input.pending_window_in_days.map_or(DEFAULT_WINDOW_DAYS, i32::unsigned_abs);
    if !WINDOW_DAYS.contains(&window_days) {
        let (bound, limit) = match window_days < *WINDOW_DAYS.start() {
            true => ("greater", WINDOW_DAYS.start()),
            false => ("less", WINDOW_DAYS.end()),
        };
        return Err(KmsError::Validation(format!(
            "1 validation error detected: Value '{window_days}' at 'pendingWindowInDays' failed to satisfy constraint: \
             Member must have value {bound} than or equal to {limit}"
        )));
    }
    let now = call.clock().now();
    let deletion =
        store::update_key(call.store(), &key, now, move |key| key.schedule_deletion(now, window_days))
            .await?;
    call.wake_due();
    Ok(api::ScheduleKeyDeletionOutput {
        key_id: Some(key.arn().to_string()),
        deletion_date: Some(deletion.at),
        key_state: Some(api::KeyState::PendingDeletion),
        pending_window_in_days: i32::try_from(window_days).ok(),
    })
}

/// Ends the waiting period; the key stays, disabled.
///
/// Errors: NotFoundException, KMSInvalidStateException (it does not wait). Source: AWS KMS API reference, CancelKeyDeletion.
pub async fn cancel_key_deletion(
    call: Call<Kms>,
    input: api::CancelKeyDeletionInput,
) -> Result<api::CancelKeyDeletionOutput, KmsError> {
    let key = own_key(&call, "kms:CancelKeyDeletion", &input.key_id)?;
    store::update_key(call.store(), &key, call.clock().now(), Key::cancel_deletion).await?;
    Ok(api::CancelKeyDeletionOutput { key_id: Some(key.arn().to_string()) })
}
