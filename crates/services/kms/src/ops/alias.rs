//! Aliases: names that an account gives its keys. The permission is asked on the alias and on each key concerned.

use millpond_core::Arn;
use millpond_gateway::Call;
use millpond_store::Reads;

use crate::Kms;
use crate::access::About;
use crate::api;
use crate::error::KmsError;
use crate::model::key::Key;
use crate::model::name::{self, ALIAS, RESERVED};
use crate::ops::Page;
use crate::store::{self, Alias};

const PAGE: usize = 100;
const DEFAULT_PAGE: i32 = 50;

/// Errors: InvalidAliasNameException, for a name without `alias/` or one that is kept for services.
fn check(name: &str) -> Result<(), KmsError> {
    let rest = name.strip_prefix(ALIAS);
    if rest.is_none_or(str::is_empty) {
        return Err(KmsError::InvalidAliasName(format!("Alias must start with the prefix \"{ALIAS}\".")));
    }
    match name.starts_with(RESERVED) {
        true => {
            Err(KmsError::InvalidAliasName(format!("Alias names that begin with {RESERVED} are reserved.")))
        }
        false => Ok(()),
    }
}

/// Asks on the alias, and gives its ARN.
fn permit(call: &Call<Kms>, action: &str, name: &str) -> Result<Arn, KmsError> {
    let arn = name::alias_arn(call.scope(), name);
    call.caller.authorize(action, &arn)?;
    Ok(arn)
}

/// The customer's own key in this account that the alias is to name.
fn target(call: &Call<Kms>, reads: &impl Reads, action: &str, text: &str) -> Result<Key, KmsError> {
    let key = call.find_own(reads, &call.caller, action, text)?;
    match store::is_own(&key, call.scope()) {
        true => Ok(key),
        false => Err(KmsError::KeyNotFound { arn: key.arn().into() }),
    }
}

/// The alias' row, and the permission on the key that it names.
fn existing(call: &Call<Kms>, reads: &impl Reads, action: &str, name: &str) -> Result<Alias, KmsError> {
    let arn = permit(call, action, name)?;
    let missing = || KmsError::AliasNotFound { arn: arn.into() };
    let alias = store::alias(reads, call.scope(), name)?.ok_or_else(missing)?;
    if let Some(key) = call.existing(reads, &call.caller, call.scope(), alias.target)? {
        call.permit(reads, &call.caller, action, &key, About::default())?;
    }
    Ok(alias)
}

/// Gives a key of the account a name.
///
/// Errors: AlreadyExistsException, InvalidAliasNameException, NotFoundException (the key), LimitExceededException (50 a key),
/// KMSInvalidStateException (the key waits for its deletion).
/// Source: AWS KMS API reference, CreateAlias.
pub async fn create_alias(call: Call<Kms>, input: api::CreateAliasInput) -> Result<(), KmsError> {
    let action = "kms:CreateAlias";
    permit(&call, action, &input.alias_name)?;
    check(&input.alias_name)?;
    let key = target(&call, &call.store().read()?, action, &input.target_key_id)?;
    store::insert_alias(call.store(), input.alias_name, key, call.clock().now()).await
}

/// Lets an alias name another key of the same kind and use.
///
/// Errors: NotFoundException (the alias or the key), LimitExceededException, KMSInvalidStateException, ValidationException
/// (keys of different kinds). Source: AWS KMS API reference, UpdateAlias.
pub async fn update_alias(call: Call<Kms>, input: api::UpdateAliasInput) -> Result<(), KmsError> {
    let action = "kms:UpdateAlias";
    let reads = call.store().read()?;
    let alias = existing(&call, &reads, action, &input.alias_name)?;
    let key = target(&call, &reads, action, &input.target_key_id)?;
    let before = call.existing(&reads, &call.caller, call.scope(), alias.target)?;
    if before.is_some_and(|before| before.spec.kind() != key.spec.kind() || before.usage != key.usage) {
        let message = "Aliases cannot be moved between keys of different types or usages.";
        return Err(KmsError::Validation(message.to_owned()));
    }
    store::move_alias(call.store(), input.alias_name, alias.target, key, call.clock().now()).await
}

/// Takes a name away; the key stays.
///
/// Errors: NotFoundException. Source: AWS KMS API reference, DeleteAlias.
pub async fn delete_alias(call: Call<Kms>, input: api::DeleteAliasInput) -> Result<(), KmsError> {
    let alias = existing(&call, &call.store().read()?, "kms:DeleteAlias", &input.alias_name)?;
    let scope = call.scope().clone();
    store::delete_alias(call.store(), scope, input.alias_name, alias.target).await
}

/// The account's aliases in the region by their names, or those of one key.
///
/// Errors: NotFoundException, InvalidMarkerException. Source: AWS KMS API reference, ListAliases.
/// Differs from AWS: aliases of services' keys are listed once the keys are there.
pub async fn list_aliases(
    call: Call<Kms>,
    input: api::ListAliasesInput,
) -> Result<api::ListAliasesOutput, KmsError> {
    let (reads, scope) = (call.store().read()?, call.scope());
    // AWS asks for this permission on everything, whichever key is named.
    call.caller.authorize("kms:ListAliases", &scope.arn("kms", "key/*"))?;
    let named = input.key_id.as_deref();
    let of = named.map(|key| call.find_own(&reads, &call.caller, "kms:ListAliases", key)).transpose()?;
    let about = of.as_ref().map(|key| key.id.to_string()).unwrap_or_default();
    let question = format!("kms.ListAliases {} {} {about}", scope.account, scope.region);
    let limit = input.limit.or(Some(DEFAULT_PAGE));
    let page = Page::<String>::of(input.marker.as_ref(), limit, PAGE, question)?;
    let after = page.after.as_deref();
    let mut aliases = match &of {
        Some(key) => store::aliases_of(&reads, key, after, page.limit + 1)?,
        None => store::aliases(&reads, scope, after, page.limit + 1)?,
    };
    let next_marker = page.cut(&mut aliases, |(name, _)| name.clone());
    let entry = |(name, alias): (String, Alias)| api::AliasListEntry {
        alias_arn: Some(name::alias_arn(scope, &name).to_string()),
        alias_name: Some(name),
        target_key_id: Some(alias.target.to_string()),
        creation_date: Some(alias.created),
        last_updated_date: Some(alias.updated),
    };
    Ok(api::ListAliasesOutput {
        aliases: Some(aliases.into_iter().map(entry).collect()),
        truncated: Some(next_marker.is_some()),
        next_marker,
    })
}
