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

pub use domain::{OidcProvider, Role};
pub use error::IamError;
pub use service::{Deps, Iam};

use ops::{
    account, attach, boundary, details, group, inline, key, linked, login, policy, profile, provider, report,
    role, simulate, tag, user,
};

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
        .op_authorized_in_handler(
            "AddClientIDToOpenIDConnectProvider",
            Action("iam:AddClientIDToOpenIDConnectProvider"),
            provider::add_client_id_to_open_id_connect_provider,
        )
        .op_authorized_in_handler(
            "AddRoleToInstanceProfile",
            Action("iam:AddRoleToInstanceProfile"),
            profile::add_role_to_instance_profile,
        )
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
        .op_authorized_in_handler("ChangePassword", Action("iam:ChangePassword"), login::change_password)
        .op_authorized_in_handler("CreateAccessKey", Action("iam:CreateAccessKey"), key::create_access_key)
        .op_authorized_in_handler(
            "CreateAccountAlias",
            Action("iam:CreateAccountAlias"),
            account::create_account_alias,
        )
        .op_authorized_in_handler("CreateGroup", Action("iam:CreateGroup"), group::create_group)
        .op_authorized_in_handler(
            "CreateInstanceProfile",
            Action("iam:CreateInstanceProfile"),
            profile::create_instance_profile,
        )
        .op_authorized_in_handler(
            "CreateLoginProfile",
            Action("iam:CreateLoginProfile"),
            login::create_login_profile,
        )
        .op_authorized_in_handler(
            "CreateOpenIDConnectProvider",
            Action("iam:CreateOpenIDConnectProvider"),
            provider::create_open_id_connect_provider,
        )
        .op_authorized_in_handler("CreatePolicy", Action("iam:CreatePolicy"), policy::create_policy)
        .op_authorized_in_handler(
            "CreatePolicyVersion",
            Action("iam:CreatePolicyVersion"),
            policy::create_policy_version,
        )
        .op_authorized_in_handler("CreateRole", Action("iam:CreateRole"), role::create_role)
        .op_authorized_in_handler(
            "CreateServiceLinkedRole",
            Action("iam:CreateServiceLinkedRole"),
            linked::create_service_linked_role,
        )
        .op_authorized_in_handler("CreateUser", Action("iam:CreateUser"), user::create_user)
        .op_authorized_in_handler("DeleteAccessKey", Action("iam:DeleteAccessKey"), key::delete_access_key)
        .op_authorized_in_handler(
            "DeleteAccountAlias",
            Action("iam:DeleteAccountAlias"),
            account::delete_account_alias,
        )
        .op_authorized_in_handler(
            "DeleteAccountPasswordPolicy",
            Action("iam:DeleteAccountPasswordPolicy"),
            login::delete_account_password_policy,
        )
        .op_authorized_in_handler("DeleteGroup", Action("iam:DeleteGroup"), group::delete_group)
        .op_authorized_in_handler(
            "DeleteGroupPolicy",
            Action("iam:DeleteGroupPolicy"),
            inline::delete_group_policy,
        )
        .op_authorized_in_handler(
            "DeleteInstanceProfile",
            Action("iam:DeleteInstanceProfile"),
            profile::delete_instance_profile,
        )
        .op_authorized_in_handler(
            "DeleteLoginProfile",
            Action("iam:DeleteLoginProfile"),
            login::delete_login_profile,
        )
        .op_authorized_in_handler(
            "DeleteOpenIDConnectProvider",
            Action("iam:DeleteOpenIDConnectProvider"),
            provider::delete_open_id_connect_provider,
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
        .op_authorized_in_handler(
            "DeleteServiceLinkedRole",
            Action("iam:DeleteServiceLinkedRole"),
            linked::delete_service_linked_role,
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
            "GenerateCredentialReport",
            Action("iam:GenerateCredentialReport"),
            report::generate_credential_report,
        )
        .op_authorized_in_handler(
            "GetAccessKeyLastUsed",
            Action("iam:GetAccessKeyLastUsed"),
            key::get_access_key_last_used,
        )
        .op_authorized_in_handler(
            "GetAccountAuthorizationDetails",
            Action("iam:GetAccountAuthorizationDetails"),
            details::get_account_authorization_details,
        )
        .op_authorized_in_handler(
            "GetAccountPasswordPolicy",
            Action("iam:GetAccountPasswordPolicy"),
            login::get_account_password_policy,
        )
        .op_authorized_in_handler(
            "GetAccountSummary",
            Action("iam:GetAccountSummary"),
            account::get_account_summary,
        )
        .op_authorized_in_handler(
            "GetContextKeysForCustomPolicy",
            Action("iam:GetContextKeysForCustomPolicy"),
            simulate::get_context_keys_for_custom_policy,
        )
        .op_authorized_in_handler(
            "GetContextKeysForPrincipalPolicy",
            Action("iam:GetContextKeysForPrincipalPolicy"),
            simulate::get_context_keys_for_principal_policy,
        )
        .op_authorized_in_handler(
            "GetCredentialReport",
            Action("iam:GetCredentialReport"),
            report::get_credential_report,
        )
        .op_authorized_in_handler("GetGroup", Action("iam:GetGroup"), group::get_group)
        .op_authorized_in_handler("GetGroupPolicy", Action("iam:GetGroupPolicy"), inline::get_group_policy)
        .op_authorized_in_handler(
            "GetInstanceProfile",
            Action("iam:GetInstanceProfile"),
            profile::get_instance_profile,
        )
        .op_authorized_in_handler("GetLoginProfile", Action("iam:GetLoginProfile"), login::get_login_profile)
        .op_authorized_in_handler(
            "GetOpenIDConnectProvider",
            Action("iam:GetOpenIDConnectProvider"),
            provider::get_open_id_connect_provider,
        )
        .op_authorized_in_handler("GetPolicy", Action("iam:GetPolicy"), policy::get_policy)
        .op_authorized_in_handler(
            "GetPolicyVersion",
            Action("iam:GetPolicyVersion"),
            policy::get_policy_version,
        )
        .op_authorized_in_handler("GetRole", Action("iam:GetRole"), role::get_role)
        .op_authorized_in_handler("GetRolePolicy", Action("iam:GetRolePolicy"), inline::get_role_policy)
        .op_authorized_in_handler(
            "GetServiceLinkedRoleDeletionStatus",
            Action("iam:GetServiceLinkedRoleDeletionStatus"),
            linked::get_service_linked_role_deletion_status,
        )
        .op_authorized_in_handler("GetUser", Action("iam:GetUser"), user::get_user)
        .op_authorized_in_handler("GetUserPolicy", Action("iam:GetUserPolicy"), inline::get_user_policy)
        .op_authorized_in_handler("ListAccessKeys", Action("iam:ListAccessKeys"), key::list_access_keys)
        .op_authorized_in_handler(
            "ListAccountAliases",
            Action("iam:ListAccountAliases"),
            account::list_account_aliases,
        )
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
        .op_authorized_in_handler(
            "ListInstanceProfileTags",
            Action("iam:ListInstanceProfileTags"),
            profile::list_instance_profile_tags,
        )
        .op_authorized_in_handler(
            "ListInstanceProfiles",
            Action("iam:ListInstanceProfiles"),
            profile::list_instance_profiles,
        )
        .op_authorized_in_handler(
            "ListInstanceProfilesForRole",
            Action("iam:ListInstanceProfilesForRole"),
            profile::list_instance_profiles_for_role,
        )
        .op_authorized_in_handler(
            "ListOpenIDConnectProviderTags",
            Action("iam:ListOpenIDConnectProviderTags"),
            provider::list_open_id_connect_provider_tags,
        )
        .op_authorized_in_handler(
            "ListOpenIDConnectProviders",
            Action("iam:ListOpenIDConnectProviders"),
            provider::list_open_id_connect_providers,
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
            "RemoveClientIDFromOpenIDConnectProvider",
            Action("iam:RemoveClientIDFromOpenIDConnectProvider"),
            provider::remove_client_id_from_open_id_connect_provider,
        )
        .op_authorized_in_handler(
            "RemoveRoleFromInstanceProfile",
            Action("iam:RemoveRoleFromInstanceProfile"),
            profile::remove_role_from_instance_profile,
        )
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
        .op_authorized_in_handler(
            "SimulateCustomPolicy",
            Action("iam:SimulateCustomPolicy"),
            simulate::simulate_custom_policy,
        )
        .op_authorized_in_handler(
            "SimulatePrincipalPolicy",
            Action("iam:SimulatePrincipalPolicy"),
            simulate::simulate_principal_policy,
        )
        .op_authorized_in_handler(
            "TagInstanceProfile",
            Action("iam:TagInstanceProfile"),
            profile::tag_instance_profile,
        )
        .op_authorized_in_handler(
            "TagOpenIDConnectProvider",
            Action("iam:TagOpenIDConnectProvider"),
            provider::tag_open_id_connect_provider,
        )
        .op_authorized_in_handler("TagPolicy", Action("iam:TagPolicy"), tag::tag_policy)
        .op_authorized_in_handler("TagRole", Action("iam:TagRole"), tag::tag_role)
        .op_authorized_in_handler("TagUser", Action("iam:TagUser"), tag::tag_user)
        .op_authorized_in_handler(
            "UntagInstanceProfile",
            Action("iam:UntagInstanceProfile"),
            profile::untag_instance_profile,
        )
        .op_authorized_in_handler(
            "UntagOpenIDConnectProvider",
            Action("iam:UntagOpenIDConnectProvider"),
            provider::untag_open_id_connect_provider,
        )
        .op_authorized_in_handler("UntagPolicy", Action("iam:UntagPolicy"), tag::untag_policy)
        .op_authorized_in_handler("UntagRole", Action("iam:UntagRole"), tag::untag_role)
        .op_authorized_in_handler("UntagUser", Action("iam:UntagUser"), tag::untag_user)
        .op_authorized_in_handler("UpdateAccessKey", Action("iam:UpdateAccessKey"), key::update_access_key)
        .op_authorized_in_handler(
            "UpdateAccountPasswordPolicy",
            Action("iam:UpdateAccountPasswordPolicy"),
            login::update_account_password_policy,
        )
        .op_authorized_in_handler(
            "UpdateAssumeRolePolicy",
            Action("iam:UpdateAssumeRolePolicy"),
            role::update_assume_role_policy,
        )
        .op_authorized_in_handler("UpdateGroup", Action("iam:UpdateGroup"), group::update_group)
        .op_authorized_in_handler(
            "UpdateLoginProfile",
            Action("iam:UpdateLoginProfile"),
            login::update_login_profile,
        )
        .op_authorized_in_handler(
            "UpdateOpenIDConnectProviderThumbprint",
            Action("iam:UpdateOpenIDConnectProviderThumbprint"),
            provider::update_open_id_connect_provider_thumbprint,
        )
        .op_authorized_in_handler("UpdateRole", Action("iam:UpdateRole"), role::update_role)
        .op_authorized_in_handler(
            "UpdateRoleDescription",
            Action("iam:UpdateRoleDescription"),
            role::update_role_description,
        )
        .op_authorized_in_handler("UpdateUser", Action("iam:UpdateUser"), user::update_user)
}
