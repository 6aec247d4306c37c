//! Roles.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use millpond_gateway::Call;
use millpond_store::Reads;

use crate::access::{About, account, find, permit, permit_on, permit_tags};
use crate::api;
use crate::error::IamError;
use crate::model::document;
use crate::model::entity::{Entity, Kind, RolePart, whole_second};
use crate::model::tags::{self, Tags};
use crate::ops::user::{below, conflict_of, policies_left};
use crate::ops::{Page, boundary, shape};
use crate::service::Iam;
use crate::store;

const KIND: Kind = Kind::Role;

const DEFAULT_SESSION_SECS: u32 = 3_600;
/// How long a use is told of.
const TRACKED: Duration = Duration::from_secs(400 * 24 * 3_600);

fn seconds(asked: Option<i32>) -> Option<u32> {
    asked.and_then(|secs| u32::try_from(secs).ok())
}

/// Makes a role that the trust policy's principals may assume.
///
/// Errors: EntityAlreadyExists, LimitExceeded, MalformedPolicyDocument, NoSuchEntity (the boundary), InvalidInput (tags).
/// Source: AWS IAM API reference, CreateRole.
/// Differs from AWS: a trust policy may name users and roles that are not there.
pub async fn create_role(
    call: Call<Iam>,
    input: api::CreateRoleInput,
) -> Result<api::CreateRoleOutput, IamError> {
    let tags = tags::of_request(input.tags)?;
    let mut role = Entity::new(KIND, account(&call).clone(), input.path, input.role_name, call.now())?;
    let about = About {
        boundary: input.permissions_boundary.as_deref(),
        request_tags: Some(&tags),
        ..About::default()
    };
    permit(&call.caller, "iam:CreateRole", &role.arn(), &Tags::default(), about)?;
    permit_tags(&call.caller, "iam:TagRole", &role.arn(), &tags)?;
    document::check_trust(&input.assume_role_policy_document)?;
    if role.path.starts_with("/aws-service-role/") {
        return Err(IamError::InvalidInput(
            "Paths that begin with /aws-service-role/ are kept for service-linked roles.".to_owned(),
        ));
    }
    role.tags = tags;
    role.boundary = input.permissions_boundary;
    role.role = Some(RolePart {
        trust: String::new(),
        description: input.description,
        max_session_secs: seconds(input.max_session_duration).unwrap_or(DEFAULT_SESSION_SECS),
        service: None,
        profiles: BTreeSet::new(),
        pins: BTreeMap::new(),
    });
    call.write(move |txn| {
        boundary::check(txn, &role)?;
        store::set_trust(txn, &mut role, input.assume_role_policy_document)?;
        store::insert_entity(txn, &role)?;
        Ok(api::CreateRoleOutput { role: shape::role(&role) })
    })
    .await
}

/// A role, and when it was last used: by a session of its own, or by a service that it was given to.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, GetRole.
pub async fn get_role(call: Call<Iam>, input: api::GetRoleInput) -> Result<api::GetRoleOutput, IamError> {
    let role = find(&call, "iam:GetRole", KIND, &input.role_name, About::default())?;
    let role_last_used = Some(last_used(&call, &call.read()?, &role.id)?);
    Ok(api::GetRoleOutput { role: api::Role { role_last_used, ..shape::role(&role) } })
}

/// When a role was last used; empty when that was never, or longer ago than is told.
pub fn last_used(call: &Iam, reads: &impl Reads, id: &str) -> Result<api::RoleLastUsed, IamError> {
    let last = match call.remembered_use(id) {
        Some(last) => Some(last),
        None => store::role_use(reads, id)?,
    };
    let told = last.filter(|last| call.now().since(last.at) <= TRACKED);
    Ok(told.map_or_else(api::RoleLastUsed::default, |last| api::RoleLastUsed {
        last_used_date: Some(whole_second(last.at)),
        region: Some(last.region),
    }))
}

/// Changes a role's part that is its own.
async fn change(
    call: &Call<Iam>,
    role: Entity,
    change: impl FnOnce(&mut RolePart) + Send + 'static,
) -> Result<Entity, IamError> {
    unprotected(&role)?;
    call.write(move |txn| {
        store::change_entity(txn, &role, |_, role| {
            change(part(role)?);
            Ok(role.clone())
        })
    })
    .await
}

pub fn part(role: &mut Entity) -> Result<&mut RolePart, IamError> {
    role.role.as_mut().ok_or(IamError::Inconsistent("a role without a trust policy"))
}

/// A service-linked role is its service's to change.
///
/// Errors: UnmodifiableEntity.
pub fn unprotected(entity: &Entity) -> Result<(), IamError> {
    match entity.service_linked() {
        None => Ok(()),
        Some(service) => Err(IamError::Unmodifiable(format!(
            "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS: {service}",
            entity.name
        ))),
    }
}

/// Changes how a role is described, if that is said, and how long its sessions may be: an hour, if that is not said.
///
/// Errors: NoSuchEntity, UnmodifiableEntity. Source: AWS IAM API reference, UpdateRole.
pub async fn update_role(
    call: Call<Iam>,
    input: api::UpdateRoleInput,
) -> Result<api::UpdateRoleOutput, IamError> {
    let role = find(&call, "iam:UpdateRole", KIND, &input.role_name, About::default())?;
    change(&call, role, move |part| {
        if let Some(description) = input.description {
            part.description = Some(description);
        }
        part.max_session_secs = seconds(input.max_session_duration).unwrap_or(DEFAULT_SESSION_SECS);
    })
    .await?;
    Ok(api::UpdateRoleOutput {})
}

/// Changes how a role is described.
///
/// Errors: NoSuchEntity, UnmodifiableEntity. Source: AWS IAM API reference, UpdateRoleDescription.
pub async fn update_role_description(
    call: Call<Iam>,
    input: api::UpdateRoleDescriptionInput,
) -> Result<api::UpdateRoleDescriptionOutput, IamError> {
    let role = find(&call, "iam:UpdateRoleDescription", KIND, &input.role_name, About::default())?;
    let role = change(&call, role, move |part| part.description = Some(input.description)).await?;
    Ok(api::UpdateRoleDescriptionOutput { role: Some(shape::role(&role)) })
}

/// Changes who may assume a role.
///
/// Errors: NoSuchEntity, MalformedPolicyDocument, LimitExceeded, UnmodifiableEntity.
/// Source: AWS IAM API reference, UpdateAssumeRolePolicy.
pub async fn update_assume_role_policy(
    call: Call<Iam>,
    input: api::UpdateAssumeRolePolicyInput,
) -> Result<(), IamError> {
    let role = find(&call, "iam:UpdateAssumeRolePolicy", KIND, &input.role_name, About::default())?;
    document::check_trust(&input.policy_document)?;
    unprotected(&role)?;
    call.write(move |txn| {
        store::change_entity(txn, &role, |txn, role| store::set_trust(txn, role, input.policy_document))
    })
    .await
}

/// Removes a role that nothing hangs on any more. Its sessions end with it.
///
/// Errors: NoSuchEntity, DeleteConflict, UnmodifiableEntity. Source: AWS IAM API reference, DeleteRole.
pub async fn delete_role(call: Call<Iam>, input: api::DeleteRoleInput) -> Result<(), IamError> {
    let role = find(&call, "iam:DeleteRole", KIND, &input.role_name, About::default())?;
    unprotected(&role)?;
    call.write(move |txn| {
        let mut role = store::by_id(txn, &role.id)?.ok_or_else(|| IamError::no_such(KIND, &role.name))?;
        let conflict = match part(&mut role)?.profiles.is_empty() {
            false => Some("must remove roles from instance profile"),
            true => policies_left(&role),
        };
        match conflict {
            Some(what) => Err(conflict_of(what)),
            None => store::remove_entity(txn, &role),
        }
    })
    .await
}

/// The account's roles below a path by their names.
///
/// Errors: ValidationError (the marker). Source: AWS IAM API reference, ListRoles.
pub async fn list_roles(
    call: Call<Iam>,
    input: api::ListRolesInput,
) -> Result<api::ListRolesOutput, IamError> {
    let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
    permit_on(&call, "iam:ListRoles", format!("role{prefix}"))?;
    let page = Page::of(input.marker.as_ref(), input.max_items, format!("iam.ListRoles {prefix}"))?;
    let reads = call.read()?;
    let roles = store::entities(&reads, account(&call), KIND, page.after.as_deref());
    let cut = page.take(roles.filter(below(prefix)))?;
    Ok(api::ListRolesOutput {
        roles: cut.items.iter().map(shape::listed_role).collect(),
        is_truncated: cut.is_truncated,
        marker: cut.marker,
    })
}
