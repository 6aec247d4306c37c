//! Managed policies on users, groups and roles.

use millpond_gateway::Call;

use crate::access::{About, find};
use crate::api;
use crate::error::IamError;
use crate::model::entity::Kind;
use crate::ops::boundary::known_policy;
use crate::ops::role::unprotected;
use crate::ops::{Cut, Page};
use crate::service::Iam;
use crate::store::{self, Usage};

/// How many managed policies an entity may have.
pub const POLICIES: usize = 10;

/// Attaching twice is attaching once; it counts at once.
async fn attach(
    call: &Call<Iam>,
    action: &str,
    kind: Kind,
    name: &str,
    policy: String,
) -> Result<(), IamError> {
    let about = About { policy: Some(&policy), ..About::default() };
    let entity = find(call, action, kind, name, about)?;
    unprotected(&entity)?;
    call.write(move |txn| {
        store::change_entity(txn, &entity, |txn, entity| {
            known_policy(txn, entity, &policy)?;
            if entity.attached.contains(&policy) {
                return Ok(());
            }
            if entity.attached.len() >= POLICIES {
                return Err(IamError::quota(&format!("PoliciesPer{}", kind.title()), POLICIES));
            }
            store::attach(txn, entity, &policy, Usage::Permissions)?;
            entity.attached.insert(policy);
            Ok(())
        })
    })
    .await
}

async fn detach(
    call: &Call<Iam>,
    action: &str,
    kind: Kind,
    name: &str,
    policy: String,
) -> Result<(), IamError> {
    let about = About { policy: Some(&policy), ..About::default() };
    let entity = find(call, action, kind, name, about)?;
    unprotected(&entity)?;
    call.write(move |txn| {
        store::change_entity(txn, &entity, |txn, entity| {
            if !entity.attached.remove(&policy) {
                return Err(store::no_such_policy(&policy));
            }
            Ok(store::detach(txn, entity, &policy, Usage::Permissions)?)
        })
    })
    .await
}

/// The attached policies below a path by their ARNs.
fn list(
    call: &Call<Iam>,
    action: &str,
    kind: Kind,
    name: &str,
    (prefix, marker, max_items): (Option<String>, Option<String>, Option<i32>),
) -> Result<Cut<api::AttachedPolicy>, IamError> {
    let entity = find(call, action, kind, name, About::default())?;
    let prefix = prefix.unwrap_or_else(|| "/".to_owned());
    let page = Page::<String>::of(marker.as_ref(), max_items, format!("{action} {} {prefix}", entity.id))?;
    let named = entity.attached.into_iter().filter_map(|arn| {
        let (path, name) = path_and_name(&arn)?;
        let shown = path.starts_with(&prefix).then(|| name.to_owned())?;
        let policy = api::AttachedPolicy { policy_name: Some(shown), policy_arn: Some(arn.clone()) };
        Some((arn, policy))
    });
    page.take_ordered(named)
}

/// Of a policy's ARN: `/a/` and `P` of `arn:aws:iam::111122223333:policy/a/P`.
pub fn path_and_name(arn: &str) -> Option<(&str, &str)> {
    let (_, resource) = arn.rsplit_once(":policy")?;
    let split = resource.rfind('/')? + 1;
    Some(resource.split_at(split))
}

/// Attaches a managed policy to a user.
///
/// Errors: NoSuchEntity, LimitExceeded. Source: AWS IAM API reference, AttachUserPolicy.
pub async fn attach_user_policy(call: Call<Iam>, input: api::AttachUserPolicyInput) -> Result<(), IamError> {
    attach(&call, "iam:AttachUserPolicy", Kind::User, &input.user_name, input.policy_arn).await
}

/// Attaches a managed policy to a group.
///
/// Errors: NoSuchEntity, LimitExceeded. Source: AWS IAM API reference, AttachGroupPolicy.
pub async fn attach_group_policy(
    call: Call<Iam>,
    input: api::AttachGroupPolicyInput,
) -> Result<(), IamError> {
    attach(&call, "iam:AttachGroupPolicy", Kind::Group, &input.group_name, input.policy_arn).await
}

/// Attaches a managed policy to a role.
///
/// Errors: NoSuchEntity, LimitExceeded, UnmodifiableEntity. Source: AWS IAM API reference, AttachRolePolicy.
pub async fn attach_role_policy(call: Call<Iam>, input: api::AttachRolePolicyInput) -> Result<(), IamError> {
    attach(&call, "iam:AttachRolePolicy", Kind::Role, &input.role_name, input.policy_arn).await
}

/// Detaches a managed policy from a user.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, DetachUserPolicy.
pub async fn detach_user_policy(call: Call<Iam>, input: api::DetachUserPolicyInput) -> Result<(), IamError> {
    detach(&call, "iam:DetachUserPolicy", Kind::User, &input.user_name, input.policy_arn).await
}

/// Detaches a managed policy from a group.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, DetachGroupPolicy.
pub async fn detach_group_policy(
    call: Call<Iam>,
    input: api::DetachGroupPolicyInput,
) -> Result<(), IamError> {
    detach(&call, "iam:DetachGroupPolicy", Kind::Group, &input.group_name, input.policy_arn).await
}

/// Detaches a managed policy from a role.
///
/// Errors: NoSuchEntity, UnmodifiableEntity. Source: AWS IAM API reference, DetachRolePolicy.
pub async fn detach_role_policy(call: Call<Iam>, input: api::DetachRolePolicyInput) -> Result<(), IamError> {
    detach(&call, "iam:DetachRolePolicy", Kind::Role, &input.role_name, input.policy_arn).await
}

/// A user's managed policies.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, ListAttachedUserPolicies.
pub async fn list_attached_user_policies(
    call: Call<Iam>,
    input: api::ListAttachedUserPoliciesInput,
) -> Result<api::ListAttachedUserPoliciesOutput, IamError> {
    let page = (input.path_prefix, input.marker, input.max_items);
    let cut = list(&call, "iam:ListAttachedUserPolicies", Kind::User, &input.user_name, page)?;
    let Cut { items, is_truncated, marker } = cut;
    Ok(api::ListAttachedUserPoliciesOutput { attached_policies: Some(items), is_truncated, marker })
}

/// A group's managed policies.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, ListAttachedGroupPolicies.
pub async fn list_attached_group_policies(
    call: Call<Iam>,
    input: api::ListAttachedGroupPoliciesInput,
) -> Result<api::ListAttachedGroupPoliciesOutput, IamError> {
    let page = (input.path_prefix, input.marker, input.max_items);
    let cut = list(&call, "iam:ListAttachedGroupPolicies", Kind::Group, &input.group_name, page)?;
    let Cut { items, is_truncated, marker } = cut;
    Ok(api::ListAttachedGroupPoliciesOutput { attached_policies: Some(items), is_truncated, marker })
}

/// A role's managed policies.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, ListAttachedRolePolicies.
pub async fn list_attached_role_policies(
    call: Call<Iam>,
    input: api::ListAttachedRolePoliciesInput,
) -> Result<api::ListAttachedRolePoliciesOutput, IamError> {
    let page = (input.path_prefix, input.marker, input.max_items);
    let cut = list(&call, "iam:ListAttachedRolePolicies", Kind::Role, &input.role_name, page)?;
    let Cut { items, is_truncated, marker } = cut;
    Ok(api::ListAttachedRolePoliciesOutput { attached_policies: Some(items), is_truncated, marker })
}
