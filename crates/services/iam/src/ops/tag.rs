//! Tags of users, roles and managed policies.

use millpond_gateway::Call;

use crate::access::{About, find};
use crate::api;
use crate::error::IamError;
use crate::model::entity::Kind;
use crate::model::tags::{self, Tags};
use crate::ops::policy::{find_own, own};
use crate::ops::role::unprotected;
use crate::ops::{Cut, Page, shape};
use crate::service::Iam;
use crate::store;

async fn tag(
    call: &Call<Iam>,
    action: &str,
    kind: Kind,
    name: &str,
    given: Vec<api::Tag>,
) -> Result<(), IamError> {
    let more = tags::of_request(Some(given))?;
    let about = About { request_tags: Some(&more), ..About::default() };
    let entity = find(call, action, kind, name, about)?;
    unprotected(&entity)?;
    call.write(move |txn| store::change_entity(txn, &entity, |_, entity| tags::put(&mut entity.tags, more)))
        .await
}

async fn untag(
    call: &Call<Iam>,
    action: &str,
    kind: Kind,
    name: &str,
    keys: Vec<String>,
) -> Result<(), IamError> {
    let named = named(&keys);
    let about = About { request_tags: Some(&named), ..About::default() };
    let entity = find(call, action, kind, name, about)?;
    unprotected(&entity)?;
    call.write(move |txn| {
        store::change_entity(txn, &entity, |_, entity| {
            tags::remove(&mut entity.tags, &keys);
            Ok(())
        })
    })
    .await
}

/// For `aws:TagKeys`.
pub fn named(keys: &[String]) -> Tags {
    keys.iter().map(|key| (key.clone(), String::new())).collect()
}

/// A page of tags by their names.
pub fn page_of(
    all: &Tags,
    question: String,
    marker: Option<String>,
    max_items: Option<i32>,
) -> Result<Cut<api::Tag>, IamError> {
    let page = Page::<String>::of(marker.as_ref(), max_items, question)?;
    page.take_ordered(shape::tag_list(all).into_iter().map(|tag| (tag.key.clone(), tag)))
}

/// Adds tags to a user, or gives those that are there new values.
///
/// Errors: NoSuchEntity, InvalidInput, LimitExceeded (50). Source: AWS IAM API reference, TagUser.
pub async fn tag_user(call: Call<Iam>, input: api::TagUserInput) -> Result<(), IamError> {
    tag(&call, "iam:TagUser", Kind::User, &input.user_name, input.tags).await
}

/// Adds tags to a role, or gives those that are there new values.
///
/// Errors: NoSuchEntity, InvalidInput, LimitExceeded (50). Source: AWS IAM API reference, TagRole.
pub async fn tag_role(call: Call<Iam>, input: api::TagRoleInput) -> Result<(), IamError> {
    tag(&call, "iam:TagRole", Kind::Role, &input.role_name, input.tags).await
}

/// Adds tags to a managed policy, or gives those that are there new values.
///
/// Errors: NoSuchEntity, InvalidInput, LimitExceeded (50). Source: AWS IAM API reference, TagPolicy.
pub async fn tag_policy(call: Call<Iam>, input: api::TagPolicyInput) -> Result<(), IamError> {
    let more = tags::of_request(Some(input.tags))?;
    let about = About { request_tags: Some(&more), ..About::default() };
    let policy = find_own(&call, "iam:TagPolicy", &input.policy_arn, about)?;
    call.write(move |txn| store::change_policy(txn, &policy, |policy| tags::put(&mut policy.tags, more)))
        .await
}

/// Removes a user's tags with these names, as far as they are there.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, UntagUser.
pub async fn untag_user(call: Call<Iam>, input: api::UntagUserInput) -> Result<(), IamError> {
    untag(&call, "iam:UntagUser", Kind::User, &input.user_name, input.tag_keys).await
}

/// Removes a role's tags with these names, as far as they are there.
///
/// Errors: NoSuchEntity, UnmodifiableEntity. Source: AWS IAM API reference, UntagRole.
pub async fn untag_role(call: Call<Iam>, input: api::UntagRoleInput) -> Result<(), IamError> {
    untag(&call, "iam:UntagRole", Kind::Role, &input.role_name, input.tag_keys).await
}

/// Removes a managed policy's tags with these names, as far as they are there.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, UntagPolicy.
pub async fn untag_policy(call: Call<Iam>, input: api::UntagPolicyInput) -> Result<(), IamError> {
    let named = named(&input.tag_keys);
    let about = About { request_tags: Some(&named), ..About::default() };
    let policy = find_own(&call, "iam:UntagPolicy", &input.policy_arn, about)?;
    call.write(move |txn| {
        store::change_policy(txn, &policy, |policy| {
            tags::remove(&mut policy.tags, &input.tag_keys);
            Ok(())
        })
    })
    .await
}

/// A user's tags by their names.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, ListUserTags.
pub async fn list_user_tags(
    call: Call<Iam>,
    input: api::ListUserTagsInput,
) -> Result<api::ListUserTagsOutput, IamError> {
    let user = find(&call, "iam:ListUserTags", Kind::User, &input.user_name, About::default())?;
    let question = format!("iam.ListUserTags {}", user.id);
    let Cut { items: tags, is_truncated, marker } =
        page_of(&user.tags, question, input.marker, input.max_items)?;
    Ok(api::ListUserTagsOutput { tags, is_truncated, marker })
}

/// A role's tags by their names.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, ListRoleTags.
pub async fn list_role_tags(
    call: Call<Iam>,
    input: api::ListRoleTagsInput,
) -> Result<api::ListRoleTagsOutput, IamError> {
    let role = find(&call, "iam:ListRoleTags", Kind::Role, &input.role_name, About::default())?;
    let question = format!("iam.ListRoleTags {}", role.id);
    let Cut { items: tags, is_truncated, marker } =
        page_of(&role.tags, question, input.marker, input.max_items)?;
    Ok(api::ListRoleTagsOutput { tags, is_truncated, marker })
}

/// A managed policy's tags by their names; AWS's own have none.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, ListPolicyTags.
pub async fn list_policy_tags(
    call: Call<Iam>,
    input: api::ListPolicyTagsInput,
) -> Result<api::ListPolicyTagsOutput, IamError> {
    let policy = own(crate::ops::policy::find(&call, "iam:ListPolicyTags", &input.policy_arn)?);
    let all = policy.map(|policy| policy.tags).unwrap_or_default();
    let question = format!("iam.ListPolicyTags {}", input.policy_arn);
    let Cut { items: tags, is_truncated, marker } = page_of(&all, question, input.marker, input.max_items)?;
    Ok(api::ListPolicyTagsOutput { tags, is_truncated, marker })
}
