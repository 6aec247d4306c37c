//! The account as a whole: its alias, and what is in it.

use millpond_gateway::Call;

use crate::access::{account, permit_on};
use crate::api;
use crate::api::SummaryKeyType as Key;
use crate::error::IamError;
use crate::model::account::check_alias;
use crate::model::entity::Kind;
use crate::ops::Page;
use crate::service::Iam;
use crate::store;

/// Gives the account an alias; one that it had before goes.
///
/// Errors: EntityAlreadyExists (another account has it), ValidationError. Source: AWS IAM API reference, CreateAccountAlias.
pub async fn create_account_alias(
    call: Call<Iam>,
    input: api::CreateAccountAliasInput,
) -> Result<(), IamError> {
    permit_on(&call, "iam:CreateAccountAlias", "*")?;
    check_alias(&input.account_alias)?;
    let owner = account(&call).clone();
    call.write(move |txn| store::put_alias(txn, &owner, &input.account_alias)).await
}

/// Takes the account's alias away.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, DeleteAccountAlias.
pub async fn delete_account_alias(
    call: Call<Iam>,
    input: api::DeleteAccountAliasInput,
) -> Result<(), IamError> {
    permit_on(&call, "iam:DeleteAccountAlias", "*")?;
    let owner = account(&call).clone();
    call.write(move |txn| store::remove_alias(txn, &owner, &input.account_alias)).await
}

/// The account's alias, if it has one.
///
/// Errors: ValidationError (the marker). Source: AWS IAM API reference, ListAccountAliases.
pub async fn list_account_aliases(
    call: Call<Iam>,
    input: api::ListAccountAliasesInput,
) -> Result<api::ListAccountAliasesOutput, IamError> {
    permit_on(&call, "iam:ListAccountAliases", "*")?;
    let page = Page::<String>::of(input.marker.as_ref(), input.max_items, "iam.ListAccountAliases")?;
    let alias = store::settings(&call.read()?, account(&call))?.alias;
    let cut = page.take_ordered(alias.into_iter().map(|alias| (alias.clone(), alias)))?;
    Ok(api::ListAccountAliasesOutput {
        account_aliases: cut.items,
        is_truncated: cut.is_truncated,
        marker: cut.marker,
    })
}

/// How much of everything there is, and how much there may be. What IAM has on AWS and not here is zero.
///
/// Source: AWS IAM API reference, GetAccountSummary.
pub async fn get_account_summary(
    call: Call<Iam>,
    _: api::GetAccountSummaryInput,
) -> Result<api::GetAccountSummaryOutput, IamError> {
    permit_on(&call, "iam:GetAccountSummary", "*")?;
    let (reads, owner) = (call.read()?, account(&call));
    let count = |kind: &str| store::count(&reads, owner, kind, usize::MAX);
    let (mut policies, mut versions) = (0, 0);
    for entry in store::policies(&reads, owner, None) {
        policies += 1;
        versions += entry?.1.versions.len();
    }
    let counted = [
        (Key::Users, count(Kind::User.as_str())?),
        (Key::UsersQuota, Kind::User.quota()),
        (Key::Groups, count(Kind::Group.as_str())?),
        (Key::GroupsQuota, Kind::Group.quota()),
        (Key::Roles, count(Kind::Role.as_str())?),
        (Key::RolesQuota, Kind::Role.quota()),
        (Key::InstanceProfiles, count(crate::model::profile::KIND)?),
        (Key::InstanceProfilesQuota, store::MAX_PROFILES),
        (Key::Providers, store::providers(&reads, owner)?.len()),
        (Key::AssumeRolePolicySizeQuota, crate::model::document::TRUST_SIZE),
        (Key::RolePolicySizeQuota, Kind::Role.inline_bytes()),
        (Key::UserPolicySizeQuota, Kind::User.inline_bytes()),
        (Key::GroupPolicySizeQuota, Kind::Group.inline_bytes()),
        (Key::GroupsPerUserQuota, super::group::GROUPS_PER_USER),
        (Key::AccessKeysPerUserQuota, super::key::KEYS_PER_USER),
        (Key::Policies, policies),
        (Key::PoliciesQuota, store::MAX_POLICIES),
        (Key::PolicySizeQuota, crate::model::document::MANAGED_SIZE),
        (Key::PolicyVersionsInUse, versions),
        (Key::VersionsPerPolicyQuota, crate::model::policy::MAX_VERSIONS),
        (Key::AttachedPoliciesPerUserQuota, super::attach::POLICIES),
        (Key::AttachedPoliciesPerGroupQuota, super::attach::POLICIES),
        (Key::AttachedPoliciesPerRoleQuota, super::attach::POLICIES),
        (Key::ServerCertificates, 0),
        (Key::MfaDevices, 0),
        (Key::MfaDevicesInUse, 0),
        (Key::AccountMfaEnabled, 0),
        (Key::AccountSigningCertificatesPresent, 0),
    ];
    let number = |(key, number): (Key, usize)| (key, i32::try_from(number).unwrap_or(i32::MAX));
    Ok(api::GetAccountSummaryOutput { summary_map: Some(counted.into_iter().map(number).collect()) })
}
