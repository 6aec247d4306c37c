//! Instance profiles.

use millpond_core::AccountId;
use millpond_store::{Reads, StoreError, Table, Txn};

use super::{count, free_name, id_of, ids, take_name};
use crate::error::IamError;
use crate::model::profile::{InstanceProfile, KIND};

const PROFILES: Table<String, InstanceProfile> = Table::new("iam.profiles");

/// How many an account may have.
pub const MAX_PROFILES: usize = 1_000;

pub fn profile(
    reads: &impl Reads,
    account: &AccountId,
    name: &str,
) -> Result<Option<InstanceProfile>, StoreError> {
    match id_of(reads, account, KIND, name)? {
        Some(id) => profile_by_id(reads, &id),
        None => Ok(None),
    }
}

pub fn profile_by_id(reads: &impl Reads, id: &str) -> Result<Option<InstanceProfile>, StoreError> {
    reads.get(&PROFILES, id)
}

/// The account's instance profiles by their folded names, those after `after`.
pub fn profiles<'r, R: Reads>(
    reads: &'r R,
    account: &AccountId,
    after: Option<&str>,
) -> impl Iterator<Item = Result<(String, InstanceProfile), IamError>> + use<'r, R> {
    ids(reads, account, KIND, after).map(move |entry| {
        let (name, id) = entry?;
        let gone = IamError::Inconsistent("a name without its instance profile");
        Ok((name, profile_by_id(reads, &id)?.ok_or(gone)?))
    })
}

/// Errors: EntityAlreadyExists, LimitExceeded.
pub fn insert_profile(txn: &mut Txn<'_>, profile: &InstanceProfile) -> Result<(), IamError> {
    if count(txn, &profile.account, KIND, MAX_PROFILES)? >= MAX_PROFILES {
        return Err(IamError::quota("InstanceProfilesPerAccount", MAX_PROFILES));
    }
    if !take_name(txn, &profile.account, KIND, &profile.name, &profile.id)? {
        let name = &profile.name;
        return Err(IamError::EntityAlreadyExists(format!("Instance Profile {name} already exists.")));
    }
    Ok(txn.put(&PROFILES, profile.id.as_str(), profile)?)
}

pub fn no_such_profile(name: &str) -> IamError {
    IamError::NoSuchEntity(format!("Instance Profile {name} cannot be found."))
}

/// Changes a profile that was found before.
///
/// Errors: NoSuchEntity, when it is gone since; those of `change`, and then nothing happened.
pub fn change_profile<T>(
    txn: &mut Txn<'_>,
    found: &InstanceProfile,
    change: impl FnOnce(&mut Txn<'_>, &mut InstanceProfile) -> Result<T, IamError>,
) -> Result<T, IamError> {
    let mut profile = profile_by_id(txn, &found.id)?.ok_or_else(|| no_such_profile(&found.name))?;
    let result = change(txn, &mut profile)?;
    txn.put(&PROFILES, profile.id.as_str(), &profile)?;
    Ok(result)
}

/// Errors: NoSuchEntity, DeleteConflict (a role is in it).
pub fn remove_profile(txn: &mut Txn<'_>, found: &InstanceProfile) -> Result<(), IamError> {
    let profile = profile_by_id(txn, &found.id)?.ok_or_else(|| no_such_profile(&found.name))?;
    if profile.role.is_some() {
        return Err(IamError::DeleteConflict(
            "Cannot delete entity, must remove roles from instance profile first.".to_owned(),
        ));
    }
    free_name(txn, &profile.account, KIND, &profile.name)?;
    txn.delete(&PROFILES, profile.id.as_str())?;
    Ok(())
}
