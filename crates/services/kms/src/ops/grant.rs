//! Grants: permissions on one key that come and go without a policy being changed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use millpond_core::Arn;
use millpond_gateway::Call;
use millpond_policy::Value;
use millpond_store::Reads;
use uuid::Uuid;

use crate::Kms;
use crate::access::{About, By};
use crate::api;
use crate::crypto;
use crate::crypto::vault::{SEAL_LEN, Vault};
use crate::error::KmsError;
use crate::model::context::EncryptionContext;
use crate::model::grant::{self, Constraints, Grant, Granted};
use crate::model::key::{Key, Spec};
use crate::ops::{Page, check_grant_tokens, own_key, shape, unless_dry_run};
use crate::store;

const PAGE: usize = 100;
const DEFAULT_PAGE: i32 = 50;

/// What stands before a token's text when it is sealed: no ciphertext begins so.
const TOKEN: &[u8] = b"grant\0";

/// The grant that a token names, and its key.
///
/// Errors: InvalidGrantTokenException, when it is not one of ours.
pub fn of_token(vault: &Vault, token: &str) -> Result<(Arn, String), KmsError> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (text, seal) = bytes.split_last_chunk::<SEAL_LEN>()?;
        vault.is_sealed(&[TOKEN, text].concat(), seal).then_some(())?;
        let (key, id) = std::str::from_utf8(text).ok()?.split_once(' ')?;
        Some((key.parse().ok()?, id.to_owned()))
    };
    read().ok_or(KmsError::InvalidGrantToken)
}

fn token(vault: &Vault, grant: &Grant) -> String {
    let text = format!("{} {}", grant.key, grant.id).into_bytes();
    let seal = vault.seal(&[TOKEN, text.as_slice()].concat());
    URL_SAFE_NO_PAD.encode([text.as_slice(), &seal].concat())
}

/// Errors: InvalidArnException, unless it is the ARN of a user, a role, a session or an account's root.
fn principal(text: String) -> Result<String, KmsError> {
    let arn: Option<Arn> = text.parse().ok();
    let known = arn.is_some_and(|arn| {
        let kind = arn.resource.split('/').next().unwrap_or_default();
        let named = arn.resource.len() > kind.len() + 1;
        arn.region.is_empty()
            && arn.account.len() == 12
            && match arn.service.as_str() {
                "iam" => (named && matches!(kind, "user" | "role")) || arn.resource == "root",
                "sts" => named && matches!(kind, "assumed-role" | "federated-user"),
                _ => false,
            }
    });
    match known {
        true => Ok(text),
        false => Err(KmsError::InvalidPrincipal { principal: text }),
    }
}

fn wanted(call: &Call<Kms>, key: &Key, input: api::CreateGrantInput) -> Result<Grant, KmsError> {
    let missing = || KmsError::Validation("GranteePrincipal is required.".to_owned());
    let constraints = input.constraints.map(|constraints| Constraints {
        equals: constraints.encryption_context_equals,
        subset: constraints.encryption_context_subset,
    });
    if constraints.is_some() && key.spec != Spec::Symmetric {
        let message = "Grant constraints go with symmetric encryption keys only.";
        return Err(KmsError::Validation(message.to_owned()));
    }
    let mut operations: Vec<Granted> =
        input.operations.iter().map(|operation| shape::word(operation.as_str())).collect();
    operations.sort_unstable();
    operations.dedup();
    if let Some(wrong) = operations.iter().find(|operation| !operation.suits(key.spec, key.usage)) {
        let message = format!("The grant operation {wrong} is not one of {}.", key.arn());
        return Err(KmsError::Validation(message));
    }
    let account = &call.scope().account;
    Ok(Grant {
        id: hex::encode(crypto::random(32)?),
        key: key.arn(),
        name: input.name,
        grantee: principal(input.grantee_principal.ok_or_else(missing)?)?,
        retiring: input.retiring_principal.map(principal).transpose()?,
        operations,
        constraints: constraints.unwrap_or_default(),
        created: call.clock().now(),
        issuer: format!("arn:{}:iam::{account}:root", call.scope().region.partition()),
    })
}

/// Lets a principal do some things with the key, from now on.
///
/// Errors: NotFoundException, DisabledException, KMSInvalidStateException, InvalidArnException (the principals),
/// LimitExceededException (50,000 a key), ValidationException (operations and constraints that do not suit the key),
/// DryRunOperationException. Source: AWS KMS API reference, CreateGrant.
/// Differs from AWS: a grant counts at once, so that its token is never needed.
pub async fn create_grant(
    call: Call<Kms>,
    input: api::CreateGrantInput,
) -> Result<api::CreateGrantOutput, KmsError> {
    let action = "kms:CreateGrant";
    check_grant_tokens(&call, input.grant_tokens.as_ref())?;
    let (key, by) = {
        let reads = call.store().read()?;
        let key = call.look_up(&reads, &call.caller, action, &input.key_id)?;
        let operations: Vec<&str> = input.operations.iter().map(|operation| operation.as_str()).collect();
        let mut keys: Vec<(&str, Value<'_>)> = vec![
            ("kms:GrantOperations", operations.as_slice().into()),
            ("kms:GrantIsForAWSResource", call.via().is_some().into()),
        ];
        let grantee = input.grantee_principal.as_deref();
        keys.extend(grantee.map(|grantee| ("kms:GranteePrincipal", grantee.into())));
        let retiring = input.retiring_principal.as_deref();
        keys.extend(retiring.map(|retiring| ("kms:RetiringPrincipal", retiring.into())));
        let by = call.permit(&reads, &call.caller, action, &key, About::keys(&keys))?;
        (key, by)
    };
    key.require_enabled()?;
    let dry_run = input.dry_run;
    let wanted = wanted(&call, &key, input)?;
    if let By::Grant(own) = by
        && !own.covers(&wanted)
    {
        let message = "A grant that lets its grantee make grants lets it give no more than it has.";
        return Err(millpond_wire::ApiError::access_denied(message).into());
    }
    unless_dry_run(dry_run)?;
    let grant = store::insert_grant(call.store(), &key, wanted, call.clock().now()).await?;
    Ok(api::CreateGrantOutput { grant_token: Some(token(call.vault(), &grant)), grant_id: Some(grant.id) })
}

/// Takes a grant back.
///
/// Errors: NotFoundException (the key or the grant), DryRunOperationException. Source: AWS KMS API reference, RevokeGrant.
pub async fn revoke_grant(call: Call<Kms>, input: api::RevokeGrantInput) -> Result<(), KmsError> {
    let key = own_key(&call, "kms:RevokeGrant", &input.key_id)?;
    existing(&call.store().read()?, &key, &input.grant_id)?;
    unless_dry_run(input.dry_run)?;
    store::remove_grant(call.store(), &key, input.grant_id, call.clock().now()).await
}

fn existing(reads: &impl Reads, key: &Key, id: &str) -> Result<Grant, KmsError> {
    store::grant(reads, key, id)?.ok_or_else(|| KmsError::GrantNotFound(id.to_owned()))
}

/// Gives a grant back: by its retiring principal, by its grantee when RetireGrant is among what it grants, or by whom the key's
/// policy lets.
///
/// Errors: NotFoundException (the key or the grant), InvalidGrantTokenException, ValidationException (neither a token nor key and
/// id), DryRunOperationException. Source: AWS KMS API reference, RetireGrant.
pub async fn retire_grant(call: Call<Kms>, input: api::RetireGrantInput) -> Result<(), KmsError> {
    let action = "kms:RetireGrant";
    let named = match (input.grant_token, input.key_id, input.grant_id) {
        (Some(token), None, None) => of_token(call.vault(), &token).map(|(key, id)| (key.to_string(), id)),
        (None, Some(key), Some(id)) => Ok((key, id)),
        _ => Err(KmsError::Validation("Give either GrantToken, or KeyId and GrantId.".to_owned())),
    };
    let (text, id) = match named {
        Ok(named) => named,
        Err(error) => {
            call.caller.authorize(action, &call.scope().arn("kms", "key/*"))?;
            return Err(error);
        }
    };
    let key = {
        let reads = call.store().read()?;
        let key = call.look_up(&reads, &call.caller, action, &text)?;
        let grant = store::grant(&reads, &key, &id)?;
        let permitted = call.permit(&reads, &call.caller, action, &key, About::default());
        let names = grant::names_of(&call.caller.principal);
        let own = grant.as_ref().is_some_and(|grant| {
            let retires = grant.retiring.as_ref().is_some_and(|retiring| names.contains(retiring));
            let none = EncryptionContext::default();
            retires || (names.contains(&grant.grantee) && grant.allows(Granted::RetireGrant, &none))
        });
        match permitted {
            // Another grant's RetireGrant is not about this one.
            Ok(By::Policy) => {}
            Ok(By::Grant(_)) | Err(_) if own => {}
            Ok(By::Grant(_)) => return Err(KmsError::GrantNotFound(id)),
            Err(denied) => return Err(denied),
        }
        existing(&reads, &key, &id)?;
        key
    };
    unless_dry_run(input.dry_run)?;
    store::remove_grant(call.store(), &key, id, call.clock().now()).await
}

fn entry(grant: Grant) -> api::GrantListEntry {
    let Constraints { equals, subset } = grant.constraints;
    let constrained = equals.is_some() || subset.is_some();
    api::GrantListEntry {
        key_id: Some(grant.key.to_string()),
        grant_id: Some(grant.id),
        name: grant.name,
        creation_date: Some(grant.created),
        grantee_principal: Some(grant.grantee),
        retiring_principal: grant.retiring,
        issuing_account: Some(grant.issuer),
        operations: Some(grant.operations.iter().map(|operation| shape::word(operation.as_str())).collect()),
        constraints: constrained.then_some(api::GrantConstraints {
            encryption_context_equals: equals,
            encryption_context_subset: subset,
        }),
    }
}

/// The key's grants, or those for one principal, by their ids.
///
/// Errors: NotFoundException, InvalidMarkerException. Source: AWS KMS API reference, ListGrants.
pub async fn list_grants(
    call: Call<Kms>,
    input: api::ListGrantsInput,
) -> Result<api::ListGrantsOutput, KmsError> {
    let reads = call.store().read()?;
    let key = call.find_own(&reads, &call.caller, "kms:ListGrants", &input.key_id)?;
    let (grantee, id) = (input.grantee_principal.as_deref(), input.grant_id.as_deref());
    let question = format!("kms.ListGrants {} {grantee:?} {id:?}", key.id);
    let limit = input.limit.or(Some(DEFAULT_PAGE));
    let page = Page::<String>::of(input.marker.as_ref(), limit, PAGE, question)?;
    let after = page.after.as_deref();
    let mut grants = match (id, grantee) {
        (Some(id), grantee) => {
            let grant = existing(&reads, &key, id)?;
            Some(grant).filter(|grant| grantee.is_none_or(|own| own == grant.grantee)).into_iter().collect()
        }
        (None, Some(grantee)) => store::grants_to(&reads, &key, grantee, after, page.limit + 1)?,
        (None, None) => store::grants(&reads, &key, after, page.limit + 1)?,
    };
    let next_marker = page.cut(&mut grants, |grant| grant.id.clone());
    Ok(api::ListGrantsOutput {
        grants: Some(grants.into_iter().map(entry).collect()),
        truncated: Some(next_marker.is_some()),
        next_marker,
    })
}

/// The grants on the account's keys in the region that a principal may retire.
///
/// Errors: InvalidArnException, InvalidMarkerException, ValidationException. Source: AWS KMS API reference, ListRetirableGrants.
pub async fn list_retirable_grants(
    call: Call<Kms>,
    input: api::ListRetirableGrantsInput,
) -> Result<api::ListGrantsOutput, KmsError> {
    let missing = || KmsError::Validation("RetiringPrincipal is required.".to_owned());
    let retiring = principal(input.retiring_principal.ok_or_else(missing)?)?;
    let scope = call.scope();
    let question = format!("kms.ListRetirableGrants {} {} {retiring}", scope.account, scope.region);
    let limit = input.limit.or(Some(DEFAULT_PAGE));
    let page = Page::<(Uuid, String)>::of(input.marker.as_ref(), limit, PAGE, question)?;
    let reads = call.store().read()?;
    let mut grants = store::retirable(&reads, scope, &retiring, page.after.as_ref(), page.limit + 1)?;
    let next_marker = page.cut(&mut grants, |(key, grant)| (*key, grant.id.clone()));
    Ok(api::ListGrantsOutput {
        grants: Some(grants.into_iter().map(|(_, grant)| entry(grant)).collect()),
        truncated: Some(next_marker.is_some()),
        next_marker,
    })
}
