//! AWS Identity and Access Management: users, groups, roles, and the policies that say what each may do.
//!
//! - `ops`: one function an operation, by resource. `api`: the wire's shapes, generated. `access`: who may.
//! - [`model`]: what is kept, and its rules: pure. [`catalogue`]: the managed policies that AWS brings along.
//! - `store`: what is recorded, and the transactions. `vault`: secrets at rest.
//! - `service`: the state, and what is kept in memory for requests to come. `domain`: the way in for the gateway, STS and other
//!   services of the same process.

mod access;
pub mod api;
pub mod catalogue;
mod domain;
pub mod error;
pub mod model;
mod ops;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod vault;

use millpond_core::ByteSize;
use millpond_gateway::{Action, Operations, ServiceInfo};

pub use domain::Role;
pub use error::IamError;
pub use model::ids;
pub use service::{Deps, Iam};

use ops::{attach, boundary, group, inline, key, policy, role, tag, user};

/// The operations. Each asks for its permission itself: only the stored state says which path and tags a name has.
pub fn operations() -> Operations<Iam> {
    let info = ServiceInfo {
        name: api::ENDPOINT_PREFIX,
        signing_name: api::SIGNING_NAME,
        protocol: api::PROTOCOL,
        validation_code: "ValidationError",
        largest_body: ByteSize::mib(2),
        known_operations: api::OPERATIONS,
    };
    Operations::new(info)
        .op_authorized_in_handler("AddUserToGroup", Action("iam:AddUserToGroup"), group::add_user_to_group)
        .op_authorized_in_handler(
            "AttachGroupPolicy",
            Action("iam:AttachGroupPolicy"),
            attach::attach_group_policy,
        )
        .op_authorized_in_handler(
            "AttachRolePolicy",
            Action("iam:AttachRolePolicy"),
            attach::attach_role_policy,
        )
        .op_authorized_in_handler(
            "AttachUserPolicy",
            Action("iam:AttachUserPolicy"),
            attach::attach_user_policy,
        )
        .op_authorized_in_handler("CreateAccessKey", Action("iam:CreateAccessKey"), key::create_access_key)
        .op_authorized_in_handler("CreateGroup", Action("iam:CreateGroup"), group::create_group)
        .op_authorized_in_handler("CreatePolicy", Action("iam:CreatePolicy"), policy::create_policy)
        .op_authorized_in_handler(
            "CreatePolicyVersion",
            Action("iam:CreatePolicyVersion"),
            policy::create_policy_version,
        )
        .op_authorized_in_handler("CreateRole", Action("iam:CreateRole"), role::create_role)
        .op_authorized_in_handler("CreateUser", Action("iam:CreateUser"), user::create_user)
        .op_authorized_in_handler("DeleteAccessKey", Action("iam:DeleteAccessKey"), key::delete_access_key)
        .op_authorized_in_handler("DeleteGroup", Action("iam:DeleteGroup"), group::delete_group)
        .op_authorized_in_handler(
            "DeleteGroupPolicy",
            Action("iam:DeleteGroupPolicy"),
            inline::delete_group_policy,
        )
        .op_authorized_in_handler("DeletePolicy", Action("iam:DeletePolicy"), policy::delete_policy)
        .op_authorized_in_handler(
            "DeletePolicyVersion",
            Action("iam:DeletePolicyVersion"),
            policy::delete_policy_version,
        )
        .op_authorized_in_handler("DeleteRole", Action("iam:DeleteRole"), role::delete_role)
        .op_authorized_in_handler(
            "DeleteRolePermissionsBoundary",
            Action("iam:DeleteRolePermissionsBoundary"),
            boundary::delete_role_permissions_boundary,
        )
        .op_authorized_in_handler(
            "DeleteRolePolicy",
            Action("iam:DeleteRolePolicy"),
            inline::delete_role_policy,
        )
        .op_authorized_in_handler("DeleteUser", Action("iam:DeleteUser"), user::delete_user)
        .op_authorized_in_handler(
            "DeleteUserPermissionsBoundary",
            Action("iam:DeleteUserPermissionsBoundary"),
            boundary::delete_user_permissions_boundary,
        )
        .op_authorized_in_handler(
            "DeleteUserPolicy",
            Action("iam:DeleteUserPolicy"),
            inline::delete_user_policy,
        )
        .op_authorized_in_handler(
            "DetachGroupPolicy",
            Action("iam:DetachGroupPolicy"),
            attach::detach_group_policy,
        )
        .op_authorized_in_handler(
            "DetachRolePolicy",
            Action("iam:DetachRolePolicy"),
            attach::detach_role_policy,
        )
        .op_authorized_in_handler(
            "DetachUserPolicy",
            Action("iam:DetachUserPolicy"),
            attach::detach_user_policy,
        )
        .op_authorized_in_handler(
            "GetAccessKeyLastUsed",
            Action("iam:GetAccessKeyLastUsed"),
            key::get_access_key_last_used,
        )
        .op_authorized_in_handler("GetGroup", Action("iam:GetGroup"), group::get_group)
        .op_authorized_in_handler("GetGroupPolicy", Action("iam:GetGroupPolicy"), inline::get_group_policy)
        .op_authorized_in_handler("GetPolicy", Action("iam:GetPolicy"), policy::get_policy)
        .op_authorized_in_handler(
            "GetPolicyVersion",
            Action("iam:GetPolicyVersion"),
            policy::get_policy_version,
        )
        .op_authorized_in_handler("GetRole", Action("iam:GetRole"), role::get_role)
        .op_authorized_in_handler("GetRolePolicy", Action("iam:GetRolePolicy"), inline::get_role_policy)
        .op_authorized_in_handler("GetUser", Action("iam:GetUser"), user::get_user)
        .op_authorized_in_handler("GetUserPolicy", Action("iam:GetUserPolicy"), inline::get_user_policy)
        .op_authorized_in_handler("ListAccessKeys", Action("iam:ListAccessKeys"), key::list_access_keys)
        .op_authorized_in_handler(
            "ListAttachedGroupPolicies",
            Action("iam:ListAttachedGroupPolicies"),
            attach::list_attached_group_policies,
        )
        .op_authorized_in_handler(
            "ListAttachedRolePolicies",
            Action("iam:ListAttachedRolePolicies"),
            attach::list_attached_role_policies,
        )
        .op_authorized_in_handler(
            "ListAttachedUserPolicies",
            Action("iam:ListAttachedUserPolicies"),
            attach::list_attached_user_policies,
        )
        .op_authorized_in_handler(
            "ListEntitiesForPolicy",
            Action("iam:ListEntitiesForPolicy"),
            policy::list_entities_for_policy,
        )
        .op_authorized_in_handler(
            "ListGroupPolicies",
            Action("iam:ListGroupPolicies"),
            inline::list_group_policies,
        )
        .op_authorized_in_handler("ListGroups", Action("iam:ListGroups"), group::list_groups)
        .op_authorized_in_handler(
            "ListGroupsForUser",
            Action("iam:ListGroupsForUser"),
            group::list_groups_for_user,
        )
        .op_authorized_in_handler("ListPolicies", Action("iam:ListPolicies"), policy::list_policies)
        .op_authorized_in_handler("ListPolicyTags", Action("iam:ListPolicyTags"), tag::list_policy_tags)
        .op_authorized_in_handler(
            "ListPolicyVersions",
            Action("iam:ListPolicyVersions"),
            policy::list_policy_versions,
        )
        .op_authorized_in_handler(
            "ListRolePolicies",
            Action("iam:ListRolePolicies"),
            inline::list_role_policies,
        )
        .op_authorized_in_handler("ListRoleTags", Action("iam:ListRoleTags"), tag::list_role_tags)
        .op_authorized_in_handler("ListRoles", Action("iam:ListRoles"), role::list_roles)
        .op_authorized_in_handler(
            "ListUserPolicies",
            Action("iam:ListUserPolicies"),
            inline::list_user_policies,
        )
        .op_authorized_in_handler("ListUserTags", Action("iam:ListUserTags"), tag::list_user_tags)
        .op_authorized_in_handler("ListUsers", Action("iam:ListUsers"), user::list_users)
        .op_authorized_in_handler("PutGroupPolicy", Action("iam:PutGroupPolicy"), inline::put_group_policy)
        .op_authorized_in_handler(
            "PutRolePermissionsBoundary",
            Action("iam:PutRolePermissionsBoundary"),
            boundary::put_role_permissions_boundary,
        )
        .op_authorized_in_handler("PutRolePolicy", Action("iam:PutRolePolicy"), inline::put_role_policy)
        .op_authorized_in_handler(
            "PutUserPermissionsBoundary",
            Action("iam:PutUserPermissionsBoundary"),
            boundary::put_user_permissions_boundary,
        )
        .op_authorized_in_handler("PutUserPolicy", Action("iam:PutUserPolicy"), inline::put_user_policy)
        .op_authorized_in_handler(
            "RemoveUserFromGroup",
            Action("iam:RemoveUserFromGroup"),
            group::remove_user_from_group,
        )
        .op_authorized_in_handler(
            "SetDefaultPolicyVersion",
            Action("iam:SetDefaultPolicyVersion"),
            policy::set_default_policy_version,
        )
        .op_authorized_in_handler("TagPolicy", Action("iam:TagPolicy"), tag::tag_policy)
        .op_authorized_in_handler("TagRole", Action("iam:TagRole"), tag::tag_role)
        .op_authorized_in_handler("TagUser", Action("iam:TagUser"), tag::tag_user)
        .op_authorized_in_handler("UntagPolicy", Action("iam:UntagPolicy"), tag::untag_policy)
        .op_authorized_in_handler("UntagRole", Action("iam:UntagRole"), tag::untag_role)
        .op_authorized_in_handler("UntagUser", Action("iam:UntagUser"), tag::untag_user)
        .op_authorized_in_handler("UpdateAccessKey", Action("iam:UpdateAccessKey"), key::update_access_key)
        .op_authorized_in_handler(
            "UpdateAssumeRolePolicy",
            Action("iam:UpdateAssumeRolePolicy"),
            role::update_assume_role_policy,
        )
        .op_authorized_in_handler("UpdateGroup", Action("iam:UpdateGroup"), group::update_group)
        .op_authorized_in_handler("UpdateRole", Action("iam:UpdateRole"), role::update_role)
        .op_authorized_in_handler(
            "UpdateRoleDescription",
            Action("iam:UpdateRoleDescription"),
            role::update_role_description,
        )
        .op_authorized_in_handler("UpdateUser", Action("iam:UpdateUser"), user::update_user)
}
