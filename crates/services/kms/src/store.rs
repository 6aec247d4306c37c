//! Keys, records and transactions of KMS: the only file that knows how they are kept.

use millpond_core::{AccountId, Region, Scope, Timestamp};
use millpond_store::{Reads, Span, Store, StoreError, Table, Txn};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::audit;
use crate::error::KmsError;
use crate::model::grant::Grant;
use crate::model::imported;
use crate::model::key::{Change, Key, Manager, Material};
use crate::model::name;

const KEYS: Table<(AccountId, Region, Uuid), Key> = Table::new("kms.keys");

/// Wrapped material, by key and version.
const MATERIALS: Table<(AccountId, Region, Uuid, u32), Wrapped> = Table::new("kms.materials");

/// Aliases by their names, with `alias/`.
const ALIASES: Table<(AccountId, Region, String), Alias> = Table::new("kms.aliases");

/// The aliases of a key.
const ALIASES_OF: Table<(AccountId, Region, Uuid, String), ()> = Table::new("kms.aliases_of");

/// What is to happen when, so that no pass looks at every key.
const DUE: Table<(Timestamp, AccountId, Region, Uuid), ()> = Table::new("kms.due");

/// Grants by their keys and ids.
const GRANTS: Table<(AccountId, Region, Uuid, String), Grant> = Table::new("kms.grants");

/// A key's grants by the principal to whom they are given.
const GRANTS_TO: Table<(AccountId, Region, Uuid, String, String), ()> = Table::new("kms.grants_to");

/// Grants by the principal who may retire them.
const RETIRABLE: Table<(AccountId, Region, String, Uuid, String), ()> = Table::new("kms.retirable");

pub const MAX_GRANTS: u32 = 50_000;
pub const MAX_ALIASES: usize = 50;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrapped {
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    pub target: Uuid,
    pub created: Timestamp,
    pub updated: Timestamp,
}

fn at<'a>(scope: &'a Scope, id: &'a Uuid) -> (&'a AccountId, &'a Region, &'a Uuid) {
    (&scope.account, &scope.region, id)
}

pub fn key(reads: &impl Reads, scope: &Scope, id: Uuid) -> Result<Option<Key>, StoreError> {
    reads.get(&KEYS, &at(scope, &id))
}

/// The account's keys in the region by their ids, those after `after`.
pub fn keys(
    reads: &impl Reads,
    scope: &Scope,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Key>, StoreError> {
    let mut span = Span::prefix(&(&scope.account, &scope.region));
    if let Some(id) = &after {
        span = span.after(&at(scope, id));
    }
    reads.scan(&KEYS, span).take(limit).map(|entry| Ok(entry?.1)).collect()
}

pub fn alias(reads: &impl Reads, scope: &Scope, alias: &str) -> Result<Option<Alias>, StoreError> {
    reads.get(&ALIASES, &(&scope.account, &scope.region, alias))
}

/// The account's aliases in the region by their names, those after `after`.
pub fn aliases(
    reads: &impl Reads,
    scope: &Scope,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, Alias)>, StoreError> {
    let mut span = Span::prefix(&(&scope.account, &scope.region));
    if let Some(after) = after {
        span = span.after(&(&scope.account, &scope.region, after));
    }
    let entries = reads.scan(&ALIASES, span).take(limit);
    entries.map(|entry| entry.map(|((_, _, name), alias)| (name, alias))).collect()
}

/// One key's aliases by their names, those after `after`.
pub fn aliases_of(
    reads: &impl Reads,
    key: &Key,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, Alias)>, StoreError> {
    let (account, region, id) = at(&key.scope, &key.id);
    let mut span = Span::prefix(&(account, region, id));
    if let Some(after) = after {
        span = span.after(&(account, region, id, after));
    }
    let mut found = Vec::new();
    for entry in reads.scan(&ALIASES_OF, span).take(limit) {
        let ((_, _, _, name), ()) = entry?;
        if let Some(alias) = alias(reads, &key.scope, &name)? {
            found.push((name, alias));
        }
    }
    Ok(found)
}

pub fn material(reads: &impl Reads, key: &Key, version: u32) -> Result<Option<Wrapped>, StoreError> {
    let (account, region, id) = at(&key.scope, &key.id);
    reads.get(&MATERIALS, &(account, region, id, &version))
}

fn put_key(txn: &mut Txn<'_>, key: &Key) -> Result<(), StoreError> {
    txn.put(&KEYS, &at(&key.scope, &key.id), key)
}

fn put_material(txn: &mut Txn<'_>, key: &Key, version: u32, wrapped: &Wrapped) -> Result<(), StoreError> {
    let (account, region, id) = at(&key.scope, &key.id);
    txn.put(&MATERIALS, &(account, region, id, &version), wrapped)
}

/// Records a new key with its material, if it has any yet.
pub async fn insert_key(store: &Store, key: Key, wrapped: Option<Wrapped>) -> Result<(), StoreError> {
    let insert = move |txn: &mut Txn<'_>| {
        put_key(txn, &key)?;
        move_due(txn, &key, None)?;
        match (key.materials.last(), wrapped) {
            (Some(material), Some(wrapped)) => put_material(txn, &key, material.version, &wrapped),
            _ => Ok(()),
        }
    };
    store.write(insert).await
}

/// Records a service's key under its alias, unless there is one; the key that the alias then has.
pub async fn insert_managed(
    store: &Store,
    alias_name: String,
    key: Key,
    wrapped: Wrapped,
) -> Result<Uuid, StoreError> {
    let insert = move |txn: &mut Txn<'_>| {
        if let Some(alias) = alias(txn, &key.scope, &alias_name)? {
            return Ok(alias.target);
        }
        put_key(txn, &key)?;
        move_due(txn, &key, None)?;
        if let Some(material) = key.materials.last() {
            put_material(txn, &key, material.version, &wrapped)?;
        }
        put_alias(txn, &key, &alias_name, key.created, key.created)?;
        Ok(key.id)
    };
    store.write(insert).await
}

/// Changes a key. When what is due of it changes with it, the row of what was due goes and the new one comes.
///
/// Errors: NotFoundException, when it is gone; those of `change`, and then nothing happened.
pub async fn update_key<T, F>(store: &Store, of: &Key, now: Timestamp, change: F) -> Result<T, KmsError>
where
    T: Send + 'static,
    F: FnOnce(&mut Key) -> Result<T, KmsError> + Send + 'static,
{
    let (scope, id) = (of.scope.clone(), of.id);
    let update = move |txn: &mut Txn<'_>| change_key(txn, &scope, id, now, change);
    store.write(update).await
}

fn change_key<T>(
    txn: &mut Txn<'_>,
    scope: &Scope,
    id: Uuid,
    now: Timestamp,
    change: impl FnOnce(&mut Key) -> Result<T, KmsError>,
) -> Result<T, KmsError> {
    let gone = || KmsError::KeyNotFound { arn: name::key_arn(scope, id).into() };
    let key = key(txn, scope, id)?.filter(|key| !key.is_gone(now)).ok_or_else(gone)?;
    let before = key.due();
    let mut key = key.at(now);
    let result = change(&mut key)?;
    move_due(txn, &key, before)?;
    put_key(txn, &key)?;
    Ok(result)
}

/// Gives a key new material, unless it got some since it was read: `read` is the key as it was then.
pub async fn renew_key(
    store: &Store,
    read: &Key,
    material: Material,
    wrapped: Wrapped,
    now: Timestamp,
) -> Result<(), KmsError> {
    let (scope, id) = (read.scope.clone(), read.id);
    let renew = move |txn: &mut Txn<'_>| {
        let version = material.version;
        let renewed = change_key(txn, &scope, id, now, move |key| {
            let is_next = key.next_version() == material.version;
            if is_next {
                key.require_enabled()?;
                key.renew(material, now);
            }
            Ok(is_next.then(|| key.clone()))
        })?;
        match renewed {
            Some(key) => Ok(put_material(txn, &key, version, &wrapped)?),
            None => Ok(()),
        }
    };
    store.write(renew).await
}

/// Records imported material.
///
/// Errors: IncorrectKeyMaterialException, KMSInvalidStateException.
pub async fn import_material(
    store: &Store,
    of: &Key,
    (id, wrapped): (String, Wrapped),
    public_key: Vec<u8>,
    expires: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), KmsError> {
    let (scope, key_id) = (of.scope.clone(), of.id);
    let import = move |txn: &mut Txn<'_>| {
        let key = change_key(txn, &scope, key_id, now, move |key| {
            key.require_staying()?;
            key.import(id, expires, now)?;
            key.public_key = public_key;
            Ok(key.clone())
        })?;
        Ok(put_material(txn, &key, imported::VERSION, &wrapped)?)
    };
    store.write(import).await
}

/// Removes imported material; the key waits for it to come again. `only_expired`: unless it is to stay by now.
pub async fn delete_material(
    store: &Store,
    scope: Scope,
    id: Uuid,
    now: Timestamp,
    only_expired: bool,
) -> Result<(), KmsError> {
    let remove = move |txn: &mut Txn<'_>| {
        // Expired material is lost already when the key is looked at.
        let lost = change_key(txn, &scope, id, now, move |key| {
            if !only_expired {
                key.lose_material();
            }
            Ok(!key.has_material())
        })?;
        let (account, region, id) = at(&scope, &id);
        if lost {
            txn.delete(&MATERIALS, &(account, region, id, &imported::VERSION))?;
        }
        Ok(())
    };
    store.write(remove).await
}

fn move_due(txn: &mut Txn<'_>, key: &Key, before: Option<(Timestamp, Change)>) -> Result<(), StoreError> {
    let (before, now_due) = (before.map(|(at, _)| at), key.due().map(|(at, _)| at));
    if before == now_due {
        return Ok(());
    }
    let (account, region, id) = at(&key.scope, &key.id);
    if let Some(due) = before {
        txn.delete(&DUE, &(&due, account, region, id))?;
    }
    match now_due {
        Some(due) => txn.put(&DUE, &(&due, account, region, id), &()),
        None => Ok(()),
    }
}

/// The next thing that is due, and of which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub at: Timestamp,
    pub scope: Scope,
    pub key: Uuid,
}

pub fn next_due(reads: &impl Reads) -> Result<Option<Due>, StoreError> {
    let first = reads.scan(&DUE, Span::all()).next().transpose()?;
    Ok(first.map(|((at, account, region, key), ())| Due { at, scope: Scope::new(account, region), key }))
}

/// Drops a row that has nothing to it any more.
pub async fn forget_due(store: &Store, due: Due) -> Result<(), StoreError> {
    let forget = move |txn: &mut Txn<'_>| {
        let (account, region, id) = at(&due.scope, &due.key);
        let still = key(txn, &due.scope, due.key)?.and_then(|key| key.due());
        if still.is_none_or(|(when, _)| when != due.at) {
            txn.delete(&DUE, &(&due.at, account, region, id))?;
        }
        Ok(())
    };
    store.write(forget).await
}

/// Removes a key whose waiting period is over: its record, every version of its material, its aliases.
pub async fn remove_key(store: &Store, due: Due) -> Result<(), StoreError> {
    let remove = move |txn: &mut Txn<'_>| {
        let (account, region, id) = at(&due.scope, &due.key);
        txn.delete(&DUE, &(&due.at, account, region, id))?;
        let Some(key) = key(txn, &due.scope, due.key)?.filter(|key| key.is_gone(due.at)) else {
            return Ok(());
        };
        for material in &key.materials {
            txn.delete(&MATERIALS, &(account, region, id, &material.version))?;
        }
        for (name, _) in aliases_of(txn, &key, None, usize::MAX)? {
            remove_alias(txn, &due.scope, &name)?;
        }
        let grants: Vec<_> = txn.prefix(&GRANTS, &(account, region, id)).collect::<Result<_, _>>()?;
        for (_, grant) in grants {
            take_grant(txn, &due.scope, due.key, &grant)?;
        }
        txn.delete(&KEYS, &at(&due.scope, &due.key))?;
        audit::forget_key(txn, due.key)
    };
    store.write(remove).await
}

fn put_alias(
    txn: &mut Txn<'_>,
    key: &Key,
    name: &str,
    created: Timestamp,
    updated: Timestamp,
) -> Result<(), StoreError> {
    let (account, region, id) = at(&key.scope, &key.id);
    txn.put(&ALIASES, &(account, region, name), &Alias { target: key.id, created, updated })?;
    txn.put(&ALIASES_OF, &(account, region, id, name), &())
}

fn remove_alias(txn: &mut Txn<'_>, scope: &Scope, name: &str) -> Result<Option<Alias>, StoreError> {
    let there = alias(txn, scope, name)?;
    if let Some(alias) = &there {
        let (account, region, id) = at(scope, &alias.target);
        txn.delete(&ALIASES, &(account, region, name))?;
        txn.delete(&ALIASES_OF, &(account, region, id, name))?;
    }
    Ok(there)
}

/// The key that an alias is to name: there, its owner's own, and with room for one more.
fn aliasable(txn: &Txn<'_>, of: &Key, now: Timestamp) -> Result<Key, KmsError> {
    let gone = || KmsError::KeyNotFound { arn: of.arn().into() };
    let key = key(txn, &of.scope, of.id)?.filter(|key| !key.is_gone(now)).ok_or_else(gone)?;
    key.require_staying()?;
    if aliases_of(txn, &key, None, MAX_ALIASES)?.len() == MAX_ALIASES {
        return Err(KmsError::Limit(format!("A key can have at most {MAX_ALIASES} aliases.")));
    }
    Ok(key)
}

/// Errors: AlreadyExistsException, LimitExceededException, KMSInvalidStateException.
pub async fn insert_alias(store: &Store, name: String, of: Key, now: Timestamp) -> Result<(), KmsError> {
    let insert = move |txn: &mut Txn<'_>| {
        let key = aliasable(txn, &of, now)?;
        if alias(txn, &key.scope, &name)?.is_some() {
            return Err(KmsError::AliasExists { arn: name::alias_arn(&key.scope, &name).into() });
        }
        Ok(put_alias(txn, &key, &name, now, now)?)
    };
    store.write(insert).await
}

/// Lets an alias name another key. `before` is the key that it named when permission for that was given.
///
/// Errors: NotFoundException, LimitExceededException, KMSInvalidStateException.
pub async fn move_alias(
    store: &Store,
    name: String,
    before: Uuid,
    of: Key,
    now: Timestamp,
) -> Result<(), KmsError> {
    let update = move |txn: &mut Txn<'_>| {
        let old = remove_alias(txn, &of.scope, &name)?.filter(|alias| alias.target == before);
        let old =
            old.ok_or_else(|| KmsError::AliasNotFound { arn: name::alias_arn(&of.scope, &name).into() })?;
        let key = aliasable(txn, &of, now)?;
        Ok(put_alias(txn, &key, &name, old.created, now)?)
    };
    store.write(update).await
}

/// Errors: NotFoundException, also when the alias names another key than `target` by now.
pub async fn delete_alias(store: &Store, scope: Scope, name: String, target: Uuid) -> Result<(), KmsError> {
    let remove = move |txn: &mut Txn<'_>| match remove_alias(txn, &scope, &name)? {
        Some(alias) if alias.target == target => Ok(()),
        _ => Err(KmsError::AliasNotFound { arn: name::alias_arn(&scope, &name).into() }),
    };
    store.write(remove).await
}

pub fn grant(reads: &impl Reads, key: &Key, id: &str) -> Result<Option<Grant>, StoreError> {
    let (account, region, key) = at(&key.scope, &key.id);
    reads.get(&GRANTS, &(account, region, key, id))
}

/// A key's grants by their ids, those after `after`.
pub fn grants(
    reads: &impl Reads,
    key: &Key,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Grant>, StoreError> {
    let (account, region, id) = at(&key.scope, &key.id);
    let mut span = Span::prefix(&(account, region, id));
    if let Some(after) = after {
        span = span.after(&(account, region, id, after));
    }
    reads.scan(&GRANTS, span).take(limit).map(|entry| Ok(entry?.1)).collect()
}

/// Those of a key's grants that are given to one principal, by their ids, those after `after`.
pub fn grants_to(
    reads: &impl Reads,
    key: &Key,
    grantee: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Grant>, StoreError> {
    let (account, region, id) = at(&key.scope, &key.id);
    let mut span = Span::prefix(&(account, region, id, grantee));
    if let Some(after) = after {
        span = span.after(&(account, region, id, grantee, after));
    }
    let mut found = Vec::new();
    for entry in reads.scan(&GRANTS_TO, span).take(limit) {
        let ((_, _, _, _, grant_id), ()) = entry?;
        found.extend(grant(reads, key, &grant_id)?);
    }
    Ok(found)
}

/// The grants on an account's keys in a region that one principal may retire, those after `after` (key and id).
pub fn retirable(
    reads: &impl Reads,
    scope: &Scope,
    principal: &str,
    after: Option<&(Uuid, String)>,
    limit: usize,
) -> Result<Vec<(Uuid, Grant)>, StoreError> {
    let (account, region) = (&scope.account, &scope.region);
    let mut span = Span::prefix(&(account, region, principal));
    if let Some((key, id)) = after {
        span = span.after(&(account, region, principal, key, id.as_str()));
    }
    let mut found = Vec::new();
    for entry in reads.scan(&RETIRABLE, span).take(limit) {
        let ((_, _, _, key, id), ()) = entry?;
        let grant = reads.get(&GRANTS, &(account, region, &key, id.as_str()))?;
        found.extend(grant.map(|grant| (key, grant)));
    }
    Ok(found)
}

/// Records a grant, or gives the one back that was made by the same request before.
///
/// Errors: LimitExceededException, DisabledException, KMSInvalidStateException.
pub async fn insert_grant(store: &Store, of: &Key, grant: Grant, now: Timestamp) -> Result<Grant, KmsError> {
    let of = of.clone();
    let insert = move |txn: &mut Txn<'_>| {
        let same = grants_to(txn, &of, &grant.grantee, None, usize::MAX)?;
        if let Some(same) = same.into_iter().find(|before| before.is_same_as(&grant)) {
            return Ok(same);
        }
        change_key(txn, &of.scope, of.id, now, |key| {
            key.require_enabled()?;
            if key.grants >= MAX_GRANTS {
                return Err(KmsError::Limit(format!("A key can have at most {MAX_GRANTS} grants.")));
            }
            key.grants += 1;
            Ok(())
        })?;
        let (account, region, key) = at(&of.scope, &of.id);
        let id = grant.id.as_str();
        txn.put(&GRANTS, &(account, region, key, id), &grant)?;
        txn.put(&GRANTS_TO, &(account, region, key, grant.grantee.as_str(), id), &())?;
        if let Some(retiring) = &grant.retiring {
            txn.put(&RETIRABLE, &(account, region, retiring.as_str(), key, id), &())?;
        }
        Ok(grant)
    };
    store.write(insert).await
}

fn take_grant(txn: &mut Txn<'_>, scope: &Scope, key: Uuid, grant: &Grant) -> Result<(), StoreError> {
    let (account, region, key) = at(scope, &key);
    let id = grant.id.as_str();
    txn.delete(&GRANTS, &(account, region, key, id))?;
    txn.delete(&GRANTS_TO, &(account, region, key, grant.grantee.as_str(), id))?;
    if let Some(retiring) = &grant.retiring {
        txn.delete(&RETIRABLE, &(account, region, retiring.as_str(), key, id))?;
    }
    Ok(())
}

/// Errors: NotFoundException, when it was taken back already.
pub async fn remove_grant(store: &Store, of: &Key, id: String, now: Timestamp) -> Result<(), KmsError> {
    let of = of.clone();
    let remove = move |txn: &mut Txn<'_>| {
        let grant = grant(txn, &of, &id)?.ok_or(KmsError::GrantNotFound(id))?;
        take_grant(txn, &of.scope, of.id, &grant)?;
        change_key(txn, &of.scope, of.id, now, |key| {
            key.grants = key.grants.saturating_sub(1);
            Ok(())
        })
    };
    store.write(remove).await
}

/// Only its owner changes a key; a service's key is changed by nobody.
pub fn is_own(key: &Key, scope: &Scope) -> bool {
    key.manager == Manager::Customer && key.scope == *scope
}
