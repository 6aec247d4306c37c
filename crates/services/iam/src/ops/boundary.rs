//! Boundaries: managed policies that limit what a user or a role may do at most.

use millpond_gateway::Call;
use millpond_store::{Reads, Txn};

use crate::access::{About, account, find};
use crate::api;
use crate::catalogue;
use crate::error::IamError;
use crate::model::entity::{Entity, Kind};
use crate::ops::role::unprotected;
use crate::service::Iam;
use crate::store::{self, Usage};

/// Errors: NoSuchEntity, when there is no such policy.
pub fn check(reads: &impl Reads, entity: &Entity) -> Result<(), IamError> {
    match &entity.boundary {
        Some(arn) => known_policy(reads, entity, arn),
        None => Ok(()),
    }
}

/// Errors: NoSuchEntity.
pub fn known_policy(reads: &impl Reads, entity: &Entity, arn: &str) -> Result<(), IamError> {
    match catalogue::find(arn).is_some() || store::policy(reads, &entity.account, arn)?.is_some() {
        true => Ok(()),
        false => Err(IamError::NoSuchEntity(format!("Policy {arn} does not exist or is not attachable."))),
    }
}

/// Sets or removes the boundary; that counts at once.
async fn set(
    call: &Call<Iam>,
    action: &str,
    kind: Kind,
    name: &str,
    boundary: Option<String>,
) -> Result<(), IamError> {
    let about = About { boundary: boundary.as_deref(), ..About::default() };
    let entity = find(call, action, kind, name, about)?;
    unprotected(&entity)?;
    call.write(move |txn: &mut Txn<'_>| {
        store::change_entity(txn, &entity, |txn, entity| {
            if let Some(before) = entity.boundary.take() {
                store::detach(txn, entity, &before, Usage::Boundary)?;
            } else if boundary.is_none() {
                return Err(IamError::NoSuchEntity(format!(
                    "The {} with name {} has no permissions boundary.",
                    entity.kind, entity.name
                )));
            }
            if let Some(arn) = boundary {
                known_policy(txn, entity, &arn)?;
                store::attach(txn, entity, &arn, Usage::Boundary)?;
                entity.boundary = Some(arn);
            }
            Ok(())
        })
    })
    .await
}

/// Limits a user.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, PutUserPermissionsBoundary.
pub async fn put_user_permissions_boundary(
    call: Call<Iam>,
    input: api::PutUserPermissionsBoundaryInput,
) -> Result<(), IamError> {
    let boundary = Some(input.permissions_boundary);
    set(&call, "iam:PutUserPermissionsBoundary", Kind::User, &input.user_name, boundary).await
}

/// Takes a user's limit away.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, DeleteUserPermissionsBoundary.
pub async fn delete_user_permissions_boundary(
    call: Call<Iam>,
    input: api::DeleteUserPermissionsBoundaryInput,
) -> Result<(), IamError> {
    set(&call, "iam:DeleteUserPermissionsBoundary", Kind::User, &input.user_name, None).await
}

/// Limits a role.
///
/// Errors: NoSuchEntity, UnmodifiableEntity. Source: AWS IAM API reference, PutRolePermissionsBoundary.
pub async fn put_role_permissions_boundary(
    call: Call<Iam>,
    input: api::PutRolePermissionsBoundaryInput,
) -> Result<(), IamError> {
    let boundary = Some(input.permissions_boundary);
    set(&call, "iam:PutRolePermissionsBoundary", Kind::Role, &input.role_name, boundary).await
}

/// Takes a role's limit away.
///
/// Errors: NoSuchEntity, UnmodifiableEntity. Source: AWS IAM API reference, DeleteRolePermissionsBoundary.
pub async fn delete_role_permissions_boundary(
    call: Call<Iam>,
    input: api::DeleteRolePermissionsBoundaryInput,
) -> Result<(), IamError> {
    set(&call, "iam:DeleteRolePermissionsBoundary", Kind::Role, &input.role_name, None).await
}

/// How often a policy of the account, or of AWS, is attached and is a boundary.
pub fn counts(call: &Call<Iam>, reads: &impl Reads, arn: &str) -> Result<super::shape::Counts, IamError> {
    let count = |usage| {
        let found = store::attachments(reads, account(call), arn, Some(usage));
        found.into_iter().try_fold(0, |count, entry| entry.map(|_id| count + 1))
    };
    Ok(super::shape::Counts { attached: count(Usage::Permissions)?, boundary: count(Usage::Boundary)? })
}
