//! Users.

use millpond_gateway::Call;

use crate::access::{About, account, find, permit, permit_on, permit_tags, user_name};
use crate::api;
use crate::error::IamError;
use crate::model::entity::{Entity, Kind};
use crate::model::tags::{self, Tags};
use crate::ops::{Page, boundary, shape};
use crate::service::Iam;
use crate::store;

const KIND: Kind = Kind::User;

/// Makes a user, without any permission of its own.
///
/// Errors: EntityAlreadyExists, LimitExceeded, NoSuchEntity (the boundary), InvalidInput (tags).
/// Source: AWS IAM API reference, CreateUser.
pub async fn create_user(
    call: Call<Iam>,
    input: api::CreateUserInput,
) -> Result<api::CreateUserOutput, IamError> {
    let tags = tags::of_request(input.tags)?;
    let mut user = Entity::new(KIND, account(&call).clone(), input.path, input.user_name, call.now())?;
    let about = About {
        boundary: input.permissions_boundary.as_deref(),
        request_tags: Some(&tags),
        ..About::default()
    };
    permit(&call.caller, "iam:CreateUser", &user.arn(), &Tags::default(), about)?;
    permit_tags(&call.caller, "iam:TagUser", &user.arn(), &tags)?;
    user.tags = tags;
    user.boundary = input.permissions_boundary;
    call.write(move |txn| {
        boundary::check(txn, &user)?;
        store::insert_entity(txn, &user)?;
        Ok(api::CreateUserOutput { user: Some(shape::user(&user)) })
    })
    .await
}

/// A user, or the caller itself.
///
/// Errors: NoSuchEntity, ValidationError (a caller who is no user and names none).
/// Source: AWS IAM API reference, GetUser.
/// Differs from AWS: the account's root has to name a user.
pub async fn get_user(call: Call<Iam>, input: api::GetUserInput) -> Result<api::GetUserOutput, IamError> {
    let name = asked(&call, "iam:GetUser", input.user_name)?;
    let user = find(&call, "iam:GetUser", KIND, &name, About::default())?;
    Ok(api::GetUserOutput { user: shape::user(&user) })
}

/// The user that is named, or the caller; a caller who is no user is asked for the permission before it is told so.
pub fn asked(call: &Call<Iam>, action: &str, named: Option<String>) -> Result<String, IamError> {
    let name = user_name(call, named);
    if name.is_err() {
        permit_on(call, action, "user/")?;
    }
    name
}

/// Gives a user another name or path. What it may do, and its keys, stay.
///
/// Errors: NoSuchEntity, EntityAlreadyExists. Source: AWS IAM API reference, UpdateUser.
pub async fn update_user(call: Call<Iam>, input: api::UpdateUserInput) -> Result<(), IamError> {
    let action = "iam:UpdateUser";
    let user = find(&call, action, KIND, &input.user_name, About::default())?;
    permit_renaming(&call, action, &user, input.new_path.as_deref(), input.new_user_name.as_deref())?;
    let rename = move |txn: &mut millpond_store::Txn<'_>, user: &mut Entity| {
        store::rename(txn, user, input.new_path, input.new_user_name)
    };
    call.write(move |txn| store::change_entity(txn, &user, rename)).await
}

/// The permission is asked on what it will be as well.
pub fn permit_renaming(
    call: &Call<Iam>,
    action: &str,
    entity: &Entity,
    path: Option<&str>,
    name: Option<&str>,
) -> Result<(), IamError> {
    let path = path.unwrap_or(&entity.path);
    let name = name.unwrap_or(&entity.name);
    let arn = crate::model::entity::arn(account(call), entity.kind.as_str(), path, name);
    permit(&call.caller, action, &arn, &entity.tags, About::default())
}

/// Removes a user that nothing hangs on any more.
///
/// Errors: NoSuchEntity, DeleteConflict. Source: AWS IAM API reference, DeleteUser.
pub async fn delete_user(call: Call<Iam>, input: api::DeleteUserInput) -> Result<(), IamError> {
    let user = find(&call, "iam:DeleteUser", KIND, &input.user_name, About::default())?;
    call.write(move |txn| {
        let user = store::by_id(txn, &user.id)?.ok_or_else(|| IamError::no_such(KIND, &user.name))?;
        let conflict = if user.login.is_some() {
            Some("must delete login profile")
        } else if !user.keys.is_empty() {
            Some("must delete access keys")
        } else if !user.groups.is_empty() {
            Some("must remove users from group")
        } else {
            policies_left(&user)
        };
        match conflict {
            Some(what) => Err(conflict_of(what)),
            None => store::remove_entity(txn, &user),
        }
    })
    .await
}

/// What keeps any entity from being deleted.
pub fn policies_left(entity: &Entity) -> Option<&'static str> {
    match (entity.attached.is_empty(), entity.inline.is_empty()) {
        (false, _) => Some("must detach all policies"),
        (true, false) => Some("must delete policies"),
        (true, true) => None,
    }
}

pub fn conflict_of(what: &str) -> IamError {
    IamError::DeleteConflict(format!("Cannot delete entity, {what} first."))
}

/// The account's users below a path by their names.
///
/// Errors: ValidationError (the marker). Source: AWS IAM API reference, ListUsers.
pub async fn list_users(
    call: Call<Iam>,
    input: api::ListUsersInput,
) -> Result<api::ListUsersOutput, IamError> {
    let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
    permit_on(&call, "iam:ListUsers", format!("user{prefix}"))?;
    let page = Page::of(input.marker.as_ref(), input.max_items, format!("iam.ListUsers {prefix}"))?;
    let reads = call.read()?;
    let users = store::entities(&reads, account(&call), KIND, page.after.as_deref());
    let cut = page.take(users.filter(below(prefix)))?;
    Ok(api::ListUsersOutput {
        users: cut.items.iter().map(shape::listed_user).collect(),
        is_truncated: cut.is_truncated,
        marker: cut.marker,
    })
}

/// Whether an entity's path begins so.
pub fn below(prefix: String) -> impl Fn(&Result<(String, Entity), IamError>) -> bool {
    move |entry| entry.as_ref().map_or(true, |(_, entity)| entity.path.starts_with(&prefix))
}
