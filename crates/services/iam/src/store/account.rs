//! What belongs to an account as a whole: its settings and alias, its providers, its reports.

use millpond_core::AccountId;
use millpond_store::{Reads, StoreError, Table, Txn};

use crate::error::IamError;
use crate::model::account::{Report, Settings};
use crate::model::provider::Provider;

const SETTINGS: Table<AccountId, Settings> = Table::new("iam.accounts");
/// All accounts' aliases: no two have the same.
const ALIASES: Table<String, AccountId> = Table::new("iam.aliases");
const PROVIDERS: Table<(AccountId, String), Provider> = Table::new("iam.oidc-providers");
const REPORTS: Table<AccountId, Report> = Table::new("iam.reports");
/// Service-linked roles that were deleted, by the ids of their tasks.
const DELETIONS: Table<(AccountId, String), ()> = Table::new("iam.deletions");

/// How many providers an account may have.
const MAX_PROVIDERS: usize = 100;

pub fn settings(reads: &impl Reads, account: &AccountId) -> Result<Settings, StoreError> {
    Ok(reads.get(&SETTINGS, account)?.unwrap_or_default())
}

pub fn put_settings(txn: &mut Txn<'_>, account: &AccountId, settings: &Settings) -> Result<(), StoreError> {
    txn.put(&SETTINGS, account, settings)
}

/// Gives an account an alias; one that it had before goes.
///
/// Errors: EntityAlreadyExists.
pub fn put_alias(txn: &mut Txn<'_>, account: &AccountId, alias: &str) -> Result<(), IamError> {
    if !txn.insert_new(&ALIASES, alias, account)? {
        return Err(IamError::EntityAlreadyExists(format!("The account alias {alias} already exists.")));
    }
    let mut settings = settings(txn, account)?;
    if let Some(before) = settings.alias.replace(alias.to_owned()) {
        txn.delete(&ALIASES, before.as_str())?;
    }
    Ok(put_settings(txn, account, &settings)?)
}

/// Errors: NoSuchEntity.
pub fn remove_alias(txn: &mut Txn<'_>, account: &AccountId, alias: &str) -> Result<(), IamError> {
    let mut settings = settings(txn, account)?;
    if settings.alias.as_deref() != Some(alias) {
        return Err(IamError::NoSuchEntity(format!("The account alias {alias} cannot be found.")));
    }
    settings.alias = None;
    txn.delete(&ALIASES, alias)?;
    Ok(put_settings(txn, account, &settings)?)
}

pub fn provider(reads: &impl Reads, account: &AccountId, url: &str) -> Result<Option<Provider>, StoreError> {
    reads.get(&PROVIDERS, &(account, url))
}

pub fn providers(reads: &impl Reads, account: &AccountId) -> Result<Vec<Provider>, StoreError> {
    reads.prefix(&PROVIDERS, &(account,)).map(|entry| Ok(entry?.1)).collect()
}

/// Errors: EntityAlreadyExists, LimitExceeded.
pub fn insert_provider(txn: &mut Txn<'_>, provider: &Provider) -> Result<(), IamError> {
    let Provider { account, url, .. } = provider;
    if providers(txn, account)?.len() >= MAX_PROVIDERS {
        return Err(IamError::quota("OpenIdConnectProvidersPerAccount", MAX_PROVIDERS));
    }
    match txn.insert_new(&PROVIDERS, &(account, url.as_str()), provider)? {
        true => Ok(()),
        false => {
            Err(IamError::EntityAlreadyExists(format!("Provider with url https://{url} already exists.")))
        }
    }
}

pub fn no_such_provider(arn: &str) -> IamError {
    IamError::NoSuchEntity(format!("OpenIDConnect Provider not found for arn {arn}"))
}

/// Changes a provider that was found before.
///
/// Errors: NoSuchEntity, when it is gone since; those of `change`, and then nothing happened.
pub fn change_provider(
    txn: &mut Txn<'_>,
    found: &Provider,
    change: impl FnOnce(&mut Provider) -> Result<(), IamError>,
) -> Result<(), IamError> {
    let Provider { account, url, .. } = found;
    let mut now = provider(txn, account, url)?.ok_or_else(|| no_such_provider(&found.arn().to_string()))?;
    change(&mut now)?;
    Ok(txn.put(&PROVIDERS, &(account, url.as_str()), &now)?)
}

pub fn remove_provider(txn: &mut Txn<'_>, found: &Provider) -> Result<(), StoreError> {
    txn.delete(&PROVIDERS, &(&found.account, found.url.as_str())).map(|_was_there| ())
}

pub fn report(reads: &impl Reads, account: &AccountId) -> Result<Option<Report>, StoreError> {
    reads.get(&REPORTS, account)
}

pub fn put_report(txn: &mut Txn<'_>, account: &AccountId, report: &Report) -> Result<(), StoreError> {
    txn.put(&REPORTS, account, report)
}

pub fn put_deletion(txn: &mut Txn<'_>, account: &AccountId, task: &str) -> Result<(), StoreError> {
    txn.put(&DELETIONS, &(account, task), &())
}

pub fn was_deleted(reads: &impl Reads, account: &AccountId, task: &str) -> Result<bool, StoreError> {
    reads.contains(&DELETIONS, &(account, task))
}
