//! Access keys of users.

use millpond_core::access_key::{KeyKind, new_id, new_secret};
use millpond_gateway::Call;
use millpond_wire::ApiError;

use crate::access::{About, account, find, permit_on};
use crate::api;
use crate::error::IamError;
use crate::model::entity::{Kind, whole_second};
use crate::model::key::{AccessKey, LastUse};
use crate::ops::Page;
use crate::ops::user::asked;
use crate::service::Iam;
use crate::store;

/// How many keys a user may have.
pub const KEYS_PER_USER: usize = 2;

fn status(active: bool) -> api::StatusType {
    if active { api::StatusType::Active } else { api::StatusType::Inactive }
}

fn no_such_key(id: &str) -> IamError {
    IamError::NoSuchEntity(format!("The Access Key with id {id} cannot be found."))
}

/// Makes a key. Its secret is in this answer and in no other.
///
/// Errors: NoSuchEntity, LimitExceeded (two a user), ValidationError (a caller who is no user and names none).
/// Source: AWS IAM API reference, CreateAccessKey.
/// Differs from AWS: the account's root has no further keys.
pub async fn create_access_key(
    call: Call<Iam>,
    input: api::CreateAccessKeyInput,
) -> Result<api::CreateAccessKeyOutput, IamError> {
    let name = asked(&call, "iam:CreateAccessKey", input.user_name)?;
    let user = find(&call, "iam:CreateAccessKey", Kind::User, &name, About::default())?;
    let (id, secret) = (new_id(KeyKind::LongLived, &user.account)?, new_secret()?);
    let key = AccessKey {
        account: user.account.clone(),
        user: user.id.clone(),
        active: true,
        created: whole_second(call.now()),
        sealed: call.vault().seal(&id, &secret)?,
    };
    let access_key = api::AccessKey {
        user_name: user.name.clone(),
        access_key_id: id.clone(),
        status: status(true),
        secret_access_key: secret.to_string(),
        create_date: Some(key.created),
    };
    call.write(move |txn| {
        store::change_entity(txn, &user, |txn, user| {
            if user.keys.len() >= KEYS_PER_USER {
                return Err(IamError::quota("AccessKeysPerUser", KEYS_PER_USER));
            }
            store::put_key(txn, &id, &key)?;
            user.keys.insert(id);
            Ok(())
        })
    })
    .await?;
    Ok(api::CreateAccessKeyOutput { access_key })
}

/// Makes a key active or inactive; that counts at once.
///
/// Errors: NoSuchEntity, InvalidInput (`Expired` is AWS's own to set). Source: AWS IAM API reference, UpdateAccessKey.
pub async fn update_access_key(call: Call<Iam>, input: api::UpdateAccessKeyInput) -> Result<(), IamError> {
    let name = asked(&call, "iam:UpdateAccessKey", input.user_name)?;
    let user = find(&call, "iam:UpdateAccessKey", Kind::User, &name, About::default())?;
    let active = match input.status {
        api::StatusType::Active => true,
        api::StatusType::Inactive => false,
        api::StatusType::Expired => {
            return Err(IamError::InvalidInput("A key cannot be set to Expired.".to_owned()));
        }
    };
    let id = input.access_key_id;
    call.write(move |txn| {
        let key = store::key(txn, &id)?.filter(|key| key.user == user.id);
        let key = key.ok_or_else(|| no_such_key(&id))?;
        Ok(store::put_key(txn, &id, &AccessKey { active, ..key })?)
    })
    .await
}

/// Removes a key; that counts at once.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, DeleteAccessKey.
pub async fn delete_access_key(call: Call<Iam>, input: api::DeleteAccessKeyInput) -> Result<(), IamError> {
    let name = asked(&call, "iam:DeleteAccessKey", input.user_name)?;
    let user = find(&call, "iam:DeleteAccessKey", Kind::User, &name, About::default())?;
    let id = input.access_key_id;
    call.write(move |txn| {
        store::change_entity(txn, &user, |txn, user| {
            if !user.keys.remove(&id) {
                return Err(no_such_key(&id));
            }
            Ok(store::remove_key(txn, &id)?)
        })
    })
    .await
}

/// A user's keys, without their secrets.
///
/// Errors: NoSuchEntity, ValidationError. Source: AWS IAM API reference, ListAccessKeys.
pub async fn list_access_keys(
    call: Call<Iam>,
    input: api::ListAccessKeysInput,
) -> Result<api::ListAccessKeysOutput, IamError> {
    let name = asked(&call, "iam:ListAccessKeys", input.user_name)?;
    let user = find(&call, "iam:ListAccessKeys", Kind::User, &name, About::default())?;
    let page = Page::of(input.marker.as_ref(), input.max_items, format!("iam.ListAccessKeys {}", user.id))?;
    let reads = call.read()?;
    let mut keys = Vec::new();
    for id in &user.keys {
        // Gone since the user was read, when it is not there.
        keys.extend(store::key(&reads, id)?.map(|key| (id.clone(), key)));
    }
    let metadata = keys.into_iter().map(|(id, key)| {
        let metadata = api::AccessKeyMetadata {
            user_name: Some(user.name.clone()),
            access_key_id: Some(id.clone()),
            status: Some(status(key.active)),
            create_date: Some(key.created),
        };
        (id, metadata)
    });
    let cut = page.take_ordered(metadata)?;
    Ok(api::ListAccessKeysOutput {
        access_key_metadata: cut.items,
        is_truncated: cut.is_truncated,
        marker: cut.marker,
    })
}

/// When, where and for what a key of the account was used for the last time.
///
/// Errors: AccessDenied, for a key that is not the account's. Source: AWS IAM API reference, GetAccessKeyLastUsed.
pub async fn get_access_key_last_used(
    call: Call<Iam>,
    input: api::GetAccessKeyLastUsedInput,
) -> Result<api::GetAccessKeyLastUsedOutput, IamError> {
    let (action, id) = ("iam:GetAccessKeyLastUsed", input.access_key_id);
    let reads = call.read()?;
    let own = store::key(&reads, &id)?.filter(|key| key.account == *account(&call));
    let user = own.map(|key| store::by_id(&reads, &key.user)).transpose()?.flatten();
    let Some(user) = user else {
        permit_on(&call, action, "user/*")?;
        let principal = &call.caller.principal;
        let message =
            format!("User: {principal} is not authorized to perform: {action} on the access key {id}");
        return Err(ApiError::access_denied(message).into());
    };
    permit_on(&call, action, format!("user{}{}", user.path, user.name))?;
    let stored = store::key_use(&reads, &id)?;
    Ok(api::GetAccessKeyLastUsedOutput {
        user_name: Some(user.name),
        access_key_last_used: Some(last_used(call.remembered_use(&id).or(stored))),
    })
}

fn last_used(last: Option<LastUse>) -> api::AccessKeyLastUsed {
    let unknown = || "N/A".to_owned();
    api::AccessKeyLastUsed {
        last_used_date: last.as_ref().map(|last| whole_second(last.at)),
        service_name: last.as_ref().map_or_else(unknown, |last| last.service.clone()),
        region: last.map_or_else(unknown, |last| last.region),
    }
}
