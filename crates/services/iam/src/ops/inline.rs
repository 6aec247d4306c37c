//! Policies that belong to one user, group or role alone.

use millpond_gateway::Call;

use crate::access::{About, find};
use crate::api;
use crate::error::IamError;
use crate::model::document::{self, encoded};
use crate::model::entity::{Entity, Kind};
use crate::ops::role::unprotected;
use crate::ops::{Cut, Page};
use crate::service::Iam;
use crate::store;

async fn put(
    call: &Call<Iam>,
    action: &str,
    kind: Kind,
    name: &str,
    (policy, document): (String, String),
) -> Result<(), IamError> {
    let entity = find(call, action, kind, name, About::default())?;
    unprotected(&entity)?;
    document::check_inline(&document)?;
    call.write(move |txn| {
        store::change_entity(txn, &entity, |_, entity| {
            entity.inline.insert(policy, document);
            document::check_inline_sizes(entity)
        })
    })
    .await
}

fn no_such_policy(kind: Kind, policy: &str) -> IamError {
    IamError::NoSuchEntity(format!("The {kind} policy with name {policy} cannot be found."))
}

/// The entity and the document, URL-encoded.
fn get(
    call: &Call<Iam>,
    action: &str,
    kind: Kind,
    name: &str,
    policy: &str,
) -> Result<(Entity, String), IamError> {
    let entity = find(call, action, kind, name, About::default())?;
    let document = entity.inline.get(policy).map(|document| encoded(document));
    let document = document.ok_or_else(|| no_such_policy(kind, policy))?;
    Ok((entity, document))
}

async fn delete(
    call: &Call<Iam>,
    action: &str,
    kind: Kind,
    name: &str,
    policy: String,
) -> Result<(), IamError> {
    let entity = find(call, action, kind, name, About::default())?;
    unprotected(&entity)?;
    call.write(move |txn| {
        store::change_entity(txn, &entity, |_, entity| {
            entity.inline.remove(&policy).map(|_document| ()).ok_or_else(|| no_such_policy(kind, &policy))
        })
    })
    .await
}

fn list(
    call: &Call<Iam>,
    action: &str,
    kind: Kind,
    name: &str,
    (marker, max_items): (Option<String>, Option<i32>),
) -> Result<Cut<String>, IamError> {
    let entity = find(call, action, kind, name, About::default())?;
    let page = Page::<String>::of(marker.as_ref(), max_items, format!("{action} {}", entity.id))?;
    page.take_ordered(entity.inline.into_keys().map(|name| (name.clone(), name)))
}

/// Gives a user a policy, or an existing one a new document; it counts at once.
///
/// Errors: NoSuchEntity, MalformedPolicyDocument, LimitExceeded (2,048 bytes for all).
/// Source: AWS IAM API reference, PutUserPolicy.
pub async fn put_user_policy(call: Call<Iam>, input: api::PutUserPolicyInput) -> Result<(), IamError> {
    let policy = (input.policy_name, input.policy_document);
    put(&call, "iam:PutUserPolicy", Kind::User, &input.user_name, policy).await
}

/// Gives a group a policy, or an existing one a new document; it counts at once.
///
/// Errors: NoSuchEntity, MalformedPolicyDocument, LimitExceeded (5,120 bytes for all).
/// Source: AWS IAM API reference, PutGroupPolicy.
pub async fn put_group_policy(call: Call<Iam>, input: api::PutGroupPolicyInput) -> Result<(), IamError> {
    let policy = (input.policy_name, input.policy_document);
    put(&call, "iam:PutGroupPolicy", Kind::Group, &input.group_name, policy).await
}

/// Gives a role a policy, or an existing one a new document; it counts at once.
///
/// Errors: NoSuchEntity, MalformedPolicyDocument, LimitExceeded (10,240 bytes for all), UnmodifiableEntity.
/// Source: AWS IAM API reference, PutRolePolicy.
pub async fn put_role_policy(call: Call<Iam>, input: api::PutRolePolicyInput) -> Result<(), IamError> {
    let policy = (input.policy_name, input.policy_document);
    put(&call, "iam:PutRolePolicy", Kind::Role, &input.role_name, policy).await
}

/// A user's policy.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, GetUserPolicy.
pub async fn get_user_policy(
    call: Call<Iam>,
    input: api::GetUserPolicyInput,
) -> Result<api::GetUserPolicyOutput, IamError> {
    let policy_name = input.policy_name;
    let (user, policy_document) =
        get(&call, "iam:GetUserPolicy", Kind::User, &input.user_name, &policy_name)?;
    Ok(api::GetUserPolicyOutput { user_name: user.name, policy_name, policy_document })
}

/// A group's policy.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, GetGroupPolicy.
pub async fn get_group_policy(
    call: Call<Iam>,
    input: api::GetGroupPolicyInput,
) -> Result<api::GetGroupPolicyOutput, IamError> {
    let policy_name = input.policy_name;
    let (group, policy_document) =
        get(&call, "iam:GetGroupPolicy", Kind::Group, &input.group_name, &policy_name)?;
    Ok(api::GetGroupPolicyOutput { group_name: group.name, policy_name, policy_document })
}

/// A role's policy.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, GetRolePolicy.
pub async fn get_role_policy(
    call: Call<Iam>,
    input: api::GetRolePolicyInput,
) -> Result<api::GetRolePolicyOutput, IamError> {
    let policy_name = input.policy_name;
    let (role, policy_document) =
        get(&call, "iam:GetRolePolicy", Kind::Role, &input.role_name, &policy_name)?;
    Ok(api::GetRolePolicyOutput { role_name: role.name, policy_name, policy_document })
}

/// Removes a user's policy.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, DeleteUserPolicy.
pub async fn delete_user_policy(call: Call<Iam>, input: api::DeleteUserPolicyInput) -> Result<(), IamError> {
    delete(&call, "iam:DeleteUserPolicy", Kind::User, &input.user_name, input.policy_name).await
}

/// Removes a group's policy.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, DeleteGroupPolicy.
pub async fn delete_group_policy(
    call: Call<Iam>,
    input: api::DeleteGroupPolicyInput,
) -> Result<(), IamError> {
    delete(&call, "iam:DeleteGroupPolicy", Kind::Group, &input.group_name, input.policy_name).await
}

/// Removes a role's policy.
///
/// Errors: NoSuchEntity, UnmodifiableEntity. Source: AWS IAM API reference, DeleteRolePolicy.
pub async fn delete_role_policy(call: Call<Iam>, input: api::DeleteRolePolicyInput) -> Result<(), IamError> {
    delete(&call, "iam:DeleteRolePolicy", Kind::Role, &input.role_name, input.policy_name).await
}

/// The names of a user's policies.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, ListUserPolicies.
pub async fn list_user_policies(
    call: Call<Iam>,
    input: api::ListUserPoliciesInput,
) -> Result<api::ListUserPoliciesOutput, IamError> {
    let page = (input.marker, input.max_items);
    let cut = list(&call, "iam:ListUserPolicies", Kind::User, &input.user_name, page)?;
    let Cut { items: policy_names, is_truncated, marker } = cut;
    Ok(api::ListUserPoliciesOutput { policy_names, is_truncated, marker })
}

/// The names of a group's policies.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, ListGroupPolicies.
pub async fn list_group_policies(
    call: Call<Iam>,
    input: api::ListGroupPoliciesInput,
) -> Result<api::ListGroupPoliciesOutput, IamError> {
    let page = (input.marker, input.max_items);
    let cut = list(&call, "iam:ListGroupPolicies", Kind::Group, &input.group_name, page)?;
    let Cut { items: policy_names, is_truncated, marker } = cut;
    Ok(api::ListGroupPoliciesOutput { policy_names, is_truncated, marker })
}

/// The names of a role's policies.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, ListRolePolicies.
pub async fn list_role_policies(
    call: Call<Iam>,
    input: api::ListRolePoliciesInput,
) -> Result<api::ListRolePoliciesOutput, IamError> {
    let page = (input.marker, input.max_items);
    let cut = list(&call, "iam:ListRolePolicies", Kind::Role, &input.role_name, page)?;
    let Cut { items: policy_names, is_truncated, marker } = cut;
    Ok(api::ListRolePoliciesOutput { policy_names, is_truncated, marker })
}
