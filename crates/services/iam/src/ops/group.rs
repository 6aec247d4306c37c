//! Groups, and who is in them.

use millpond_gateway::Call;

use crate::access::{About, account, find, permit, permit_on};
use crate::api;
use crate::error::IamError;
use crate::model::entity::{Entity, Kind};
use crate::model::tags::Tags;
use crate::ops::user::{below, conflict_of, permit_renaming, policies_left};
use crate::ops::{Page, shape};
use crate::service::Iam;
use crate::store;

const KIND: Kind = Kind::Group;

/// How many groups a user may be in.
pub const GROUPS_PER_USER: usize = 10;

/// Makes a group without users.
///
/// Errors: EntityAlreadyExists, LimitExceeded. Source: AWS IAM API reference, CreateGroup.
pub async fn create_group(
    call: Call<Iam>,
    input: api::CreateGroupInput,
) -> Result<api::CreateGroupOutput, IamError> {
    let group = Entity::new(KIND, account(&call).clone(), input.path, input.group_name, call.now())?;
    permit(&call.caller, "iam:CreateGroup", &group.arn(), &Tags::default(), About::default())?;
    let output = api::CreateGroupOutput { group: shape::group(&group) };
    call.write(move |txn| store::insert_entity(txn, &group)).await?;
    Ok(output)
}

/// A group and its users, by their names.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, GetGroup.
pub async fn get_group(call: Call<Iam>, input: api::GetGroupInput) -> Result<api::GetGroupOutput, IamError> {
    let group = find(&call, "iam:GetGroup", KIND, &input.group_name, About::default())?;
    let page =
        Page::<String>::of(input.marker.as_ref(), input.max_items, format!("iam.GetGroup {}", group.id))?;
    let reads = call.read()?;
    let mut users = Vec::new();
    for id in store::members(&reads, &group)? {
        users.extend(store::by_id(&reads, &id)?);
    }
    users.sort_by_key(|user| user.name.to_ascii_lowercase());
    let cut = page.take_ordered(users.iter().map(|user| (user.name.to_ascii_lowercase(), user)))?;
    Ok(api::GetGroupOutput {
        group: shape::group(&group),
        users: cut.items.into_iter().map(shape::listed_user).collect(),
        is_truncated: cut.is_truncated,
        marker: cut.marker,
    })
}

/// Gives a group another name or path.
///
/// Errors: NoSuchEntity, EntityAlreadyExists. Source: AWS IAM API reference, UpdateGroup.
pub async fn update_group(call: Call<Iam>, input: api::UpdateGroupInput) -> Result<(), IamError> {
    let action = "iam:UpdateGroup";
    let group = find(&call, action, KIND, &input.group_name, About::default())?;
    permit_renaming(&call, action, &group, input.new_path.as_deref(), input.new_group_name.as_deref())?;
    call.write(move |txn| {
        store::change_entity(txn, &group, |txn, group| {
            store::rename(txn, group, input.new_path, input.new_group_name)
        })
    })
    .await
}

/// Removes a group that has neither users nor policies.
///
/// Errors: NoSuchEntity, DeleteConflict. Source: AWS IAM API reference, DeleteGroup.
pub async fn delete_group(call: Call<Iam>, input: api::DeleteGroupInput) -> Result<(), IamError> {
    let group = find(&call, "iam:DeleteGroup", KIND, &input.group_name, About::default())?;
    call.write(move |txn| {
        let group = store::by_id(txn, &group.id)?.ok_or_else(|| IamError::no_such(KIND, &group.name))?;
        let conflict = match store::has_members(txn, &group)? {
            true => Some("must remove users from group"),
            false => policies_left(&group),
        };
        match conflict {
            Some(what) => Err(conflict_of(what)),
            None => store::remove_entity(txn, &group),
        }
    })
    .await
}

/// The account's groups below a path by their names.
///
/// Errors: ValidationError (the marker). Source: AWS IAM API reference, ListGroups.
pub async fn list_groups(
    call: Call<Iam>,
    input: api::ListGroupsInput,
) -> Result<api::ListGroupsOutput, IamError> {
    let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
    permit_on(&call, "iam:ListGroups", format!("group{prefix}"))?;
    let page = Page::of(input.marker.as_ref(), input.max_items, format!("iam.ListGroups {prefix}"))?;
    let reads = call.read()?;
    let groups = store::entities(&reads, account(&call), KIND, page.after.as_deref());
    let cut = page.take(groups.filter(below(prefix)))?;
    Ok(api::ListGroupsOutput {
        groups: cut.items.iter().map(shape::group).collect(),
        is_truncated: cut.is_truncated,
        marker: cut.marker,
    })
}

/// The groups that a user is in, by their names.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, ListGroupsForUser.
pub async fn list_groups_for_user(
    call: Call<Iam>,
    input: api::ListGroupsForUserInput,
) -> Result<api::ListGroupsForUserOutput, IamError> {
    let user = find(&call, "iam:ListGroupsForUser", Kind::User, &input.user_name, About::default())?;
    let question = format!("iam.ListGroupsForUser {}", user.id);
    let page = Page::<String>::of(input.marker.as_ref(), input.max_items, question)?;
    let reads = call.read()?;
    let mut groups = Vec::new();
    for id in &user.groups {
        groups.extend(store::by_id(&reads, id)?);
    }
    groups.sort_by_key(|group| group.name.to_ascii_lowercase());
    let cut = page.take_ordered(groups.iter().map(|group| (group.name.to_ascii_lowercase(), group)))?;
    Ok(api::ListGroupsForUserOutput {
        groups: cut.items.into_iter().map(shape::group).collect(),
        is_truncated: cut.is_truncated,
        marker: cut.marker,
    })
}

/// Puts a user into a group; one who is in it stays in it.
///
/// Errors: NoSuchEntity, LimitExceeded. Source: AWS IAM API reference, AddUserToGroup.
pub async fn add_user_to_group(call: Call<Iam>, input: api::AddUserToGroupInput) -> Result<(), IamError> {
    let (group, user) = both(&call, "iam:AddUserToGroup", &input.group_name, &input.user_name)?;
    call.write(move |txn| {
        store::by_id(txn, &group.id)?.ok_or_else(|| IamError::no_such(KIND, &group.name))?;
        store::change_entity(txn, &user, |txn, user| {
            if user.groups.len() >= GROUPS_PER_USER && !user.groups.contains(&group.id) {
                return Err(IamError::quota("GroupsPerUser", GROUPS_PER_USER));
            }
            store::add_member(txn, &group.id, &user.id)?;
            user.groups.insert(group.id);
            Ok(())
        })
    })
    .await
}

/// Takes a user out of a group; one who is not in it stays out.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, RemoveUserFromGroup.
pub async fn remove_user_from_group(
    call: Call<Iam>,
    input: api::RemoveUserFromGroupInput,
) -> Result<(), IamError> {
    let (group, user) = both(&call, "iam:RemoveUserFromGroup", &input.group_name, &input.user_name)?;
    call.write(move |txn| {
        store::change_entity(txn, &user, |txn, user| {
            store::remove_member(txn, &group.id, &user.id)?;
            user.groups.remove(&group.id);
            Ok(())
        })
    })
    .await
}

/// The permission is asked on the group.
fn both(call: &Call<Iam>, action: &str, group: &str, user: &str) -> Result<(Entity, Entity), IamError> {
    let group = find(call, action, KIND, group, About::default())?;
    let found = store::entity(&call.read()?, account(call), Kind::User, user)?;
    Ok((group, found.ok_or_else(|| IamError::no_such(Kind::User, user))?))
}
