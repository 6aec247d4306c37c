//! How everything is kept, and the transactions: the only file that knows.
//!
//! Entities and policies are kept under their ids; `iam.names` says which id a name has, so that a changed name moves one
//! row and what is made anew under a name never meets what was there before.

mod account;
mod profile;
mod trust;

use std::collections::HashMap;

use millpond_core::{AccountId, Arn};
use millpond_store::{Reads, Span, StoreError, Table, Txn};

use crate::error::IamError;
use crate::model::entity::{Entity, Kind};
use crate::model::ids::folded;
use crate::model::key::{AccessKey, LastUse};
use crate::model::policy::ManagedPolicy;

pub use account::*;
pub use profile::*;
pub use trust::*;

/// Ids by account, kind and folded name.
const NAMES: Table<(AccountId, String, String), String> = Table::new("iam.names");
/// Users, groups and roles.
const ENTITIES: Table<String, Entity> = Table::new("iam.entities");
/// The users of a group, by the ids of both.
const MEMBERS: Table<(String, String), ()> = Table::new("iam.members");
/// Customers' managed policies.
const POLICIES: Table<String, ManagedPolicy> = Table::new("iam.policies");
/// The entities that a managed policy is attached to: account, the policy's ARN, [`Usage`], the entity's id.
const ATTACHMENTS: Table<(AccountId, String, String, String), ()> = Table::new("iam.attachments");
const KEYS: Table<String, AccessKey> = Table::new("iam.keys");
const KEY_USES: Table<String, LastUse> = Table::new("iam.key_uses");
/// By the role's id.
const ROLE_USES: Table<String, LastUse> = Table::new("iam.role_uses");

/// How many changes there have been, under the key 0.
const GENERATION: Table<u8, u64> = Table::new("iam.generation");

/// The kind under which policies' names are kept.
const POLICY: &str = "policy";

/// How many policies an account may have.
pub const MAX_POLICIES: usize = 1_500;

/// What a managed policy is to an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    Permissions,
    Boundary,
}

impl Usage {
    fn as_str(self) -> &'static str {
        match self {
            Self::Permissions => "permissions",
            Self::Boundary => "boundary",
        }
    }
}

/// Which generation this is: with the same number, everything is the same.
pub fn generation(reads: &impl Reads) -> Result<u64, StoreError> {
    Ok(reads.get(&GENERATION, &0)?.unwrap_or(0))
}

pub fn begin_generation(txn: &mut Txn<'_>) -> Result<(), StoreError> {
    let next = generation(txn)? + 1;
    txn.put(&GENERATION, &0, &next)
}

fn id_of(
    reads: &impl Reads,
    account: &AccountId,
    kind: &str,
    name: &str,
) -> Result<Option<String>, StoreError> {
    reads.get(&NAMES, &(account, kind, folded(name).as_str()))
}

/// Names of a kind in their order, those after `after`, with their ids.
fn ids<'r, R: Reads>(
    reads: &'r R,
    account: &AccountId,
    kind: &str,
    after: Option<&str>,
) -> impl Iterator<Item = Result<(String, String), StoreError>> + use<'r, R> {
    let mut span = Span::prefix(&(account, kind));
    if let Some(after) = after {
        span = span.after(&(account, kind, after));
    }
    reads.scan(&NAMES, span).map(|entry| entry.map(|((_, _, name), id)| (name, id)))
}

/// How many there are, counted no further than `most`.
pub fn count(reads: &impl Reads, account: &AccountId, kind: &str, most: usize) -> Result<usize, StoreError> {
    ids(reads, account, kind, None).take(most).try_fold(0, |count, entry| entry.map(|_| count + 1))
}

/// Takes a name for an id.
///
/// `None` when the name is taken already.
fn take_name(
    txn: &mut Txn<'_>,
    account: &AccountId,
    kind: &str,
    name: &str,
    id: &str,
) -> Result<bool, StoreError> {
    txn.insert_new(&NAMES, &(account, kind, folded(name).as_str()), &id.to_owned())
}

fn free_name(txn: &mut Txn<'_>, account: &AccountId, kind: &str, name: &str) -> Result<(), StoreError> {
    txn.delete(&NAMES, &(account, kind, folded(name).as_str())).map(|_was_there| ())
}

pub fn entity(
    reads: &impl Reads,
    account: &AccountId,
    kind: Kind,
    name: &str,
) -> Result<Option<Entity>, StoreError> {
    match id_of(reads, account, kind.as_str(), name)? {
        Some(id) => by_id(reads, &id),
        None => Ok(None),
    }
}

pub fn by_id(reads: &impl Reads, id: &str) -> Result<Option<Entity>, StoreError> {
    reads.get(&ENTITIES, id)
}

/// The account's entities of a kind by their folded names, those after `after`.
pub fn entities<'r, R: Reads>(
    reads: &'r R,
    account: &AccountId,
    kind: Kind,
    after: Option<&str>,
) -> impl Iterator<Item = Result<(String, Entity), IamError>> + use<'r, R> {
    ids(reads, account, kind.as_str(), after).map(move |entry| {
        let (name, id) = entry?;
        Ok((name, by_id(reads, &id)?.ok_or(IamError::Inconsistent("a name without its entity"))?))
    })
}

/// Errors: EntityAlreadyExists, LimitExceeded.
pub fn insert_entity(txn: &mut Txn<'_>, entity: &Entity) -> Result<(), IamError> {
    let Entity { kind, account, name, .. } = entity;
    if count(txn, account, kind.as_str(), kind.quota())? >= kind.quota() {
        return Err(IamError::quota(&format!("{}sPerAccount", kind.title()), kind.quota()));
    }
    if !take_name(txn, account, kind.as_str(), name, &entity.id)? {
        return Err(name_taken(*kind, name));
    }
    put_entity(txn, entity)?;
    match &entity.boundary {
        Some(boundary) => attach(txn, entity, boundary, Usage::Boundary),
        None => Ok(()),
    }
}

fn name_taken(kind: Kind, name: &str) -> IamError {
    IamError::EntityAlreadyExists(format!("{} with name {name} already exists.", kind.title()))
}

fn put_entity(txn: &mut Txn<'_>, entity: &Entity) -> Result<(), StoreError> {
    txn.put(&ENTITIES, entity.id.as_str(), entity)
}

/// Changes an entity that was found before.
///
/// Errors: NoSuchEntity, when it is gone since; those of `change`, and then nothing happened.
pub fn change_entity<T>(
    txn: &mut Txn<'_>,
    found: &Entity,
    change: impl FnOnce(&mut Txn<'_>, &mut Entity) -> Result<T, IamError>,
) -> Result<T, IamError> {
    let mut entity = by_id(txn, &found.id)?.ok_or_else(|| IamError::no_such(found.kind, &found.name))?;
    let result = change(txn, &mut entity)?;
    put_entity(txn, &entity)?;
    Ok(result)
}

/// Gives an entity another name or path; `entity` is changed, and still has to be put.
///
/// Errors: EntityAlreadyExists.
pub fn rename(
    txn: &mut Txn<'_>,
    entity: &mut Entity,
    path: Option<String>,
    name: Option<String>,
) -> Result<(), IamError> {
    let before = entity.arn().to_string();
    if let Some(path) = path {
        entity.path = path;
    }
    if let Some(name) = name {
        if folded(&name) != folded(&entity.name) {
            free_name(txn, &entity.account, entity.kind.as_str(), &entity.name)?;
            if !take_name(txn, &entity.account, entity.kind.as_str(), &name, &entity.id)? {
                return Err(name_taken(entity.kind, &name));
            }
        }
        entity.name = name;
    }
    rename_in_trusts(txn, &entity.id, &before, Some(&entity.arn().to_string()))
}

/// Removes an entity that nothing hangs on but its boundary. Trust policies that name it name its id from now on.
pub fn remove_entity(txn: &mut Txn<'_>, entity: &Entity) -> Result<(), IamError> {
    unpin(txn, entity)?;
    rename_in_trusts(txn, &entity.id, &entity.arn().to_string(), None)?;
    if let Some(boundary) = &entity.boundary {
        detach(txn, entity, boundary, Usage::Boundary)?;
    }
    free_name(txn, &entity.account, entity.kind.as_str(), &entity.name)?;
    txn.delete(&ENTITIES, entity.id.as_str())?;
    txn.delete(&ROLE_USES, entity.id.as_str())?;
    Ok(())
}

/// The ids of a group's users.
pub fn members(reads: &impl Reads, group: &Entity) -> Result<Vec<String>, StoreError> {
    reads.prefix(&MEMBERS, &(group.id.as_str(),)).map(|entry| entry.map(|((_, user), ())| user)).collect()
}

pub fn has_members(reads: &impl Reads, group: &Entity) -> Result<bool, StoreError> {
    Ok(reads.prefix(&MEMBERS, &(group.id.as_str(),)).next().transpose()?.is_some())
}

/// The user's own record names its groups as well; the caller changes it.
pub fn add_member(txn: &mut Txn<'_>, group: &str, user: &str) -> Result<(), StoreError> {
    txn.put(&MEMBERS, &(group, user), &())
}

pub fn remove_member(txn: &mut Txn<'_>, group: &str, user: &str) -> Result<(), StoreError> {
    txn.delete(&MEMBERS, &(group, user)).map(|_was_there| ())
}

/// A customer's policy by its ARN.
pub fn policy(
    reads: &impl Reads,
    account: &AccountId,
    arn: &str,
) -> Result<Option<ManagedPolicy>, StoreError> {
    let parsed: Option<Arn> = arn.parse().ok();
    let own = parsed.filter(|parsed| parsed.account == account.as_str());
    let Some(own) = own else { return Ok(None) };
    let Some((_, name)) = own.resource.rsplit_once('/') else { return Ok(None) };
    let Some(id) = id_of(reads, account, POLICY, name)? else { return Ok(None) };
    let policy = reads.get(&POLICIES, id.as_str())?;
    Ok(policy.filter(|policy: &ManagedPolicy| policy.arn() == own))
}

/// The account's policies by their folded names, those after `after`.
pub fn policies<'r, R: Reads>(
    reads: &'r R,
    account: &AccountId,
    after: Option<&str>,
) -> impl Iterator<Item = Result<(String, ManagedPolicy), IamError>> + use<'r, R> {
    ids(reads, account, POLICY, after).map(move |entry| {
        let (name, id) = entry?;
        let policy = reads.get(&POLICIES, id.as_str())?;
        Ok((name, policy.ok_or(IamError::Inconsistent("a name without its policy"))?))
    })
}

/// Errors: EntityAlreadyExists, LimitExceeded.
pub fn insert_policy(txn: &mut Txn<'_>, policy: &ManagedPolicy) -> Result<(), IamError> {
    if count(txn, &policy.account, POLICY, MAX_POLICIES)? >= MAX_POLICIES {
        return Err(IamError::quota("PoliciesPerAccount", MAX_POLICIES));
    }
    if !take_name(txn, &policy.account, POLICY, &policy.name, &policy.id)? {
        let name = &policy.name;
        return Err(IamError::EntityAlreadyExists(format!(
            "A policy called {name} already exists. Duplicate names are not allowed."
        )));
    }
    Ok(txn.put(&POLICIES, policy.id.as_str(), policy)?)
}

/// Changes a policy that was found before.
///
/// Errors: NoSuchEntity, when it is gone since; those of `change`, and then nothing happened.
pub fn change_policy<T>(
    txn: &mut Txn<'_>,
    found: &ManagedPolicy,
    change: impl FnOnce(&mut ManagedPolicy) -> Result<T, IamError>,
) -> Result<T, IamError> {
    let policy = txn.get(&POLICIES, found.id.as_str())?;
    let mut policy = policy.ok_or_else(|| no_such_policy(&found.arn().to_string()))?;
    let result = change(&mut policy)?;
    txn.put(&POLICIES, policy.id.as_str(), &policy)?;
    Ok(result)
}

/// Errors: NoSuchEntity, DeleteConflict.
pub fn remove_policy(txn: &mut Txn<'_>, found: &ManagedPolicy) -> Result<(), IamError> {
    let arn = found.arn().to_string();
    let policy: ManagedPolicy = txn.get(&POLICIES, found.id.as_str())?.ok_or_else(|| no_such_policy(&arn))?;
    if attachments(txn, &policy.account, &arn, None).next().transpose()?.is_some() {
        return Err(IamError::DeleteConflict("Cannot delete a policy attached to entities.".to_owned()));
    }
    if policy.versions.len() > 1 {
        return Err(IamError::DeleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
             The default version is deleted with the policy."
                .to_owned(),
        ));
    }
    free_name(txn, &policy.account, POLICY, &policy.name)?;
    txn.delete(&POLICIES, policy.id.as_str())?;
    Ok(())
}

pub fn no_such_policy(arn: &str) -> IamError {
    IamError::NoSuchEntity(format!("Policy {arn} was not found."))
}

pub fn attach(txn: &mut Txn<'_>, entity: &Entity, policy: &str, usage: Usage) -> Result<(), IamError> {
    Ok(txn.put(&ATTACHMENTS, &(&entity.account, policy, usage.as_str(), entity.id.as_str()), &())?)
}

pub fn detach(txn: &mut Txn<'_>, entity: &Entity, policy: &str, usage: Usage) -> Result<(), StoreError> {
    txn.delete(&ATTACHMENTS, &(&entity.account, policy, usage.as_str(), entity.id.as_str()))
        .map(|_was_there| ())
}

/// The ids of the entities that a policy is attached to, in a usage or in any.
pub fn attachments<'r, R: Reads>(
    reads: &'r R,
    account: &AccountId,
    policy: &str,
    usage: Option<Usage>,
) -> impl Iterator<Item = Result<String, StoreError>> + use<'r, R> {
    let span = match usage {
        Some(usage) => Span::prefix(&(account, policy, usage.as_str())),
        None => Span::prefix(&(account, policy)),
    };
    reads.scan(&ATTACHMENTS, span).map(|entry| entry.map(|((_, _, _, id), ())| id))
}

pub fn key(reads: &impl Reads, id: &str) -> Result<Option<AccessKey>, StoreError> {
    reads.get(&KEYS, id)
}

pub fn put_key(txn: &mut Txn<'_>, id: &str, key: &AccessKey) -> Result<(), StoreError> {
    txn.put(&KEYS, id, key)
}

pub fn remove_key(txn: &mut Txn<'_>, id: &str) -> Result<(), StoreError> {
    txn.delete(&KEYS, id)?;
    txn.delete(&KEY_USES, id)?;
    Ok(())
}

pub fn key_use(reads: &impl Reads, id: &str) -> Result<Option<LastUse>, StoreError> {
    reads.get(&KEY_USES, id)
}

/// When a role was used, as far as that is written down.
pub fn role_use(reads: &impl Reads, id: &str) -> Result<Option<LastUse>, StoreError> {
    reads.get(&ROLE_USES, id)
}

/// Of keys and roles that are there still.
pub fn put_uses(txn: &mut Txn<'_>, uses: &HashMap<String, LastUse>) -> Result<(), StoreError> {
    for (id, last) in uses {
        if txn.contains(&KEYS, id.as_str())? {
            txn.put(&KEY_USES, id.as_str(), last)?;
        } else if txn.contains(&ENTITIES, id.as_str())? {
            txn.put(&ROLE_USES, id.as_str(), last)?;
        }
    }
    Ok(())
}
