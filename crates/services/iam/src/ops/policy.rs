//! Managed policies: the account's own, and those that AWS brings along.

use millpond_core::{Arn, Timestamp};
use millpond_gateway::Call;

use crate::access::{About, account, permit, permit_on, permit_tags};
use crate::api;
use crate::catalogue::{self, AwsPolicy};
use crate::error::IamError;
use crate::model::document::{self, encoded};
use crate::model::entity::Kind;
use crate::model::policy::{ManagedPolicy, no_such_version};
use crate::model::tags::{self, Tags};
use crate::ops::attach::path_and_name;
use crate::ops::boundary::counts;
use crate::ops::shape::Counts;
use crate::ops::{Page, shape};
use crate::service::Iam;
use crate::store::{self, Usage};

/// A managed policy that was asked for by its ARN.
pub enum Found {
    Own(ManagedPolicy),
    Aws(&'static AwsPolicy),
}

pub fn own(found: Found) -> Option<ManagedPolicy> {
    match found {
        Found::Own(policy) => Some(policy),
        Found::Aws(_) => None,
    }
}

/// When AWS's policies came to be.
const AWS_POLICIES_SINCE: Timestamp = Timestamp::from_secs(1_763_683_200);

/// AWS's policies have one version.
const AWS_VERSION: &str = "v1";

/// The policy, once the caller was found to be allowed to do this to it.
///
/// Errors: InvalidInput (no policy's ARN), AccessDenied, NoSuchEntity.
pub fn find(call: &Call<Iam>, action: &str, arn: &str) -> Result<Found, IamError> {
    find_about(call, action, arn, About::default())
}

fn find_about(call: &Call<Iam>, action: &str, text: &str, about: About<'_>) -> Result<Found, IamError> {
    let parsed: Option<Arn> = text.parse().ok().filter(|_| path_and_name(text).is_some());
    let arn = parsed.filter(|arn| arn.service == "iam" && arn.region.is_empty());
    let arn = arn.ok_or_else(|| IamError::InvalidInput(format!("ARN {text} is not valid.")))?;
    if let Some(policy) = catalogue::find(text) {
        permit(&call.caller, action, &arn, &Tags::default(), about)?;
        return Ok(Found::Aws(policy));
    }
    match store::policy(&call.read()?, account(call), text)? {
        Some(policy) => {
            permit(&call.caller, action, &arn, &policy.tags, about)?;
            Ok(Found::Own(policy))
        }
        None => {
            permit(&call.caller, action, &arn, &Tags::default(), about)?;
            Err(store::no_such_policy(text))
        }
    }
}

/// The same for what only the account's own policies can do.
///
/// Errors: also AccessDenied, for one of AWS's: nobody may change those.
pub fn find_own(
    call: &Call<Iam>,
    action: &str,
    arn: &str,
    about: About<'_>,
) -> Result<ManagedPolicy, IamError> {
    match find_about(call, action, arn, about)? {
        Found::Own(policy) => Ok(policy),
        Found::Aws(_) => Err(millpond_wire::ApiError::access_denied(format!(
            "Cannot perform the operation on the AWS managed policy {arn}."
        ))
        .into()),
    }
}

/// Makes a managed policy.
///
/// Errors: EntityAlreadyExists, LimitExceeded, MalformedPolicyDocument, InvalidInput (tags).
/// Source: AWS IAM API reference, CreatePolicy.
pub async fn create_policy(
    call: Call<Iam>,
    input: api::CreatePolicyInput,
) -> Result<api::CreatePolicyOutput, IamError> {
    let tags = tags::of_request(input.tags)?;
    let path = input.path.map(|path| if path.is_empty() { "/".to_owned() } else { path });
    let account = account(&call).clone();
    let mut policy = ManagedPolicy::new(account, path, input.policy_name, input.policy_document, call.now())?;
    let about = About { request_tags: Some(&tags), ..About::default() };
    permit(&call.caller, "iam:CreatePolicy", &policy.arn(), &Tags::default(), about)?;
    permit_tags(&call.caller, "iam:TagPolicy", &policy.arn(), &tags)?;
    document::check_managed(policy.document())?;
    policy.tags = tags;
    policy.description = input.description;
    let shown = api::Policy {
        tags: shape::tags(&policy.tags),
        ..shape::listed_policy(&policy, Counts { attached: 0, boundary: 0 })
    };
    call.write(move |txn| store::insert_policy(txn, &policy)).await?;
    Ok(api::CreatePolicyOutput { policy: Some(shown) })
}

/// A managed policy, without its document.
///
/// Errors: NoSuchEntity, InvalidInput (the ARN). Source: AWS IAM API reference, GetPolicy.
pub async fn get_policy(
    call: Call<Iam>,
    input: api::GetPolicyInput,
) -> Result<api::GetPolicyOutput, IamError> {
    let found = find(&call, "iam:GetPolicy", &input.policy_arn)?;
    let counts = counts(&call, &call.read()?, &input.policy_arn)?;
    let policy = match &found {
        Found::Own(policy) => shape::policy(policy, counts),
        Found::Aws(policy) => aws_policy(policy, counts),
    };
    Ok(api::GetPolicyOutput { policy: Some(policy) })
}

fn aws_policy(policy: &AwsPolicy, counts: Counts) -> api::Policy {
    api::Policy {
        description: Some(policy.description.to_owned()),
        tags: Some(Vec::new()),
        ..listed_aws_policy(policy, counts)
    }
}

pub fn listed_aws_policy(policy: &AwsPolicy, counts: Counts) -> api::Policy {
    let count = |number: usize| Some(i32::try_from(number).unwrap_or(i32::MAX));
    api::Policy {
        policy_name: Some(policy.name.to_owned()),
        policy_id: Some(policy.id()),
        arn: Some(policy.arn()),
        path: Some(policy.path.to_owned()),
        default_version_id: Some(AWS_VERSION.to_owned()),
        attachment_count: count(counts.attached),
        permissions_boundary_usage_count: count(counts.boundary),
        is_attachable: Some(true),
        description: None,
        create_date: Some(AWS_POLICIES_SINCE),
        update_date: Some(AWS_POLICIES_SINCE),
        tags: None,
    }
}

/// AWS's policies' one version.
pub fn aws_version(document: Option<String>) -> api::PolicyVersion {
    api::PolicyVersion {
        document,
        version_id: Some(AWS_VERSION.to_owned()),
        is_default_version: Some(true),
        create_date: Some(AWS_POLICIES_SINCE),
    }
}

/// Removes a policy that is attached to nothing and has one version.
///
/// Errors: NoSuchEntity, DeleteConflict, InvalidInput (the ARN). Source: AWS IAM API reference, DeletePolicy.
pub async fn delete_policy(call: Call<Iam>, input: api::DeletePolicyInput) -> Result<(), IamError> {
    let policy = find_own(&call, "iam:DeletePolicy", &input.policy_arn, About::default())?;
    call.write(move |txn| store::remove_policy(txn, &policy)).await
}

/// The managed policies below a path by their names: the account's own, then AWS's.
///
/// Errors: ValidationError (the marker). Source: AWS IAM API reference, ListPolicies.
pub async fn list_policies(
    call: Call<Iam>,
    input: api::ListPoliciesInput,
) -> Result<api::ListPoliciesOutput, IamError> {
    let prefix = input.path_prefix.filter(|path| !path.is_empty()).unwrap_or_else(|| "/".to_owned());
    permit_on(&call, "iam:ListPolicies", format!("policy{prefix}"))?;
    let (scope, attached) =
        (input.scope.unwrap_or(api::PolicyScopeType::All), input.only_attached == Some(true));
    let usage = input.policy_usage_filter;
    let question = format!("iam.ListPolicies {prefix} {scope} {attached} {usage:?}");
    // Whether it is one of AWS's, and its name.
    let page = Page::<(bool, String)>::of(input.marker.as_ref(), input.max_items, question)?;
    let reads = call.read()?;
    let wanted = |counts: Counts| match (attached, usage) {
        (_, Some(api::PolicyUsageType::PermissionsPolicy)) => counts.attached > 0,
        (_, Some(api::PolicyUsageType::PermissionsBoundary)) => counts.boundary > 0,
        (true, None) => counts.attached + counts.boundary > 0,
        (false, None) => true,
    };
    let after_own = page.after.as_ref().filter(|(aws, _)| !aws).map(|(_, name)| name.as_str());
    let past_own = page.after.as_ref().is_some_and(|(aws, _)| *aws) || scope == api::PolicyScopeType::Aws;
    let own = (!past_own).then(|| store::policies(&reads, account(&call), after_own)).into_iter().flatten();
    let own = own.filter_map(|entry| {
        let shown = || -> Result<_, IamError> {
            let (name, policy) = entry?;
            let counts = counts(&call, &reads, &policy.arn().to_string())?;
            let fits = policy.path.starts_with(&prefix) && wanted(counts);
            Ok(fits.then(|| ((false, name), shape::listed_policy(&policy, counts))))
        };
        shown().transpose()
    });
    let after_aws = page.after.as_ref().filter(|(aws, _)| *aws).map(|(_, name)| name.as_str());
    let aws = catalogue::POLICIES.iter().filter(|policy| {
        scope != api::PolicyScopeType::Local
            && policy.path.starts_with(&prefix)
            && after_aws.is_none_or(|after| policy.name > after)
    });
    let aws = aws.filter_map(|policy| {
        let counts = counts(&call, &reads, &policy.arn());
        let shown = |counts| ((true, policy.name.to_owned()), listed_aws_policy(policy, counts));
        counts.map(|counts| wanted(counts).then(|| shown(counts))).transpose()
    });
    let cut = page.take(own.chain(aws))?;
    Ok(api::ListPoliciesOutput {
        policies: Some(cut.items),
        is_truncated: cut.is_truncated,
        marker: cut.marker,
    })
}

/// Adds a version to a policy; as the default one it counts at once.
///
/// Errors: NoSuchEntity, MalformedPolicyDocument, LimitExceeded (five), InvalidInput (the ARN).
/// Source: AWS IAM API reference, CreatePolicyVersion.
pub async fn create_policy_version(
    call: Call<Iam>,
    input: api::CreatePolicyVersionInput,
) -> Result<api::CreatePolicyVersionOutput, IamError> {
    let policy = find_own(&call, "iam:CreatePolicyVersion", &input.policy_arn, About::default())?;
    document::check_managed(&input.policy_document)?;
    let (now, default) = (call.now(), input.set_as_default == Some(true));
    call.write(move |txn| {
        store::change_policy(txn, &policy, |policy| {
            let number = policy.add_version(input.policy_document, default, now)?;
            let (number, version) = policy.version(&shape::version_id(number))?;
            let shown = shape::version(policy, number, version);
            Ok(api::CreatePolicyVersionOutput { policy_version: Some(shown) })
        })
    })
    .await
}

/// A version of a policy with its document.
///
/// Errors: NoSuchEntity, InvalidInput (the ARN). Source: AWS IAM API reference, GetPolicyVersion.
pub async fn get_policy_version(
    call: Call<Iam>,
    input: api::GetPolicyVersionInput,
) -> Result<api::GetPolicyVersionOutput, IamError> {
    let version = match find(&call, "iam:GetPolicyVersion", &input.policy_arn)? {
        Found::Own(policy) => {
            let (number, version) = policy.version(&input.version_id)?;
            let document = Some(encoded(&version.document));
            api::PolicyVersion { document, ..shape::version(&policy, number, version) }
        }
        Found::Aws(policy) if input.version_id == AWS_VERSION => aws_version(Some(encoded(policy.document))),
        Found::Aws(_) => return Err(no_such_version(&input.policy_arn, &input.version_id)),
    };
    Ok(api::GetPolicyVersionOutput { policy_version: Some(version) })
}

/// The versions of a policy, the newest first, without their documents.
///
/// Errors: NoSuchEntity, InvalidInput (the ARN). Source: AWS IAM API reference, ListPolicyVersions.
pub async fn list_policy_versions(
    call: Call<Iam>,
    input: api::ListPolicyVersionsInput,
) -> Result<api::ListPolicyVersionsOutput, IamError> {
    let found = find(&call, "iam:ListPolicyVersions", &input.policy_arn)?;
    let question = format!("iam.ListPolicyVersions {}", input.policy_arn);
    let page = Page::<u32>::of(input.marker.as_ref(), input.max_items, question)?;
    let all: Vec<(u32, api::PolicyVersion)> = match found {
        Found::Own(policy) => {
            let versions = policy.versions.iter().rev();
            versions.map(|(number, version)| (*number, shape::version(&policy, *number, version))).collect()
        }
        Found::Aws(_) => vec![(1, aws_version(None))],
    };
    let rest = all.into_iter().filter(|(number, _)| page.after.is_none_or(|after| *number < after));
    let cut = page.take(rest.map(Ok))?;
    Ok(api::ListPolicyVersionsOutput {
        versions: Some(cut.items),
        is_truncated: cut.is_truncated,
        marker: cut.marker,
    })
}

/// Makes a version the one that counts, at once.
///
/// Errors: NoSuchEntity, InvalidInput (the ARN). Source: AWS IAM API reference, SetDefaultPolicyVersion.
pub async fn set_default_policy_version(
    call: Call<Iam>,
    input: api::SetDefaultPolicyVersionInput,
) -> Result<(), IamError> {
    let policy = find_own(&call, "iam:SetDefaultPolicyVersion", &input.policy_arn, About::default())?;
    let now = call.now();
    call.write(move |txn| {
        store::change_policy(txn, &policy, |policy| policy.set_default(&input.version_id, now))
    })
    .await
}

/// Removes a version that is not the default one.
///
/// Errors: NoSuchEntity, DeleteConflict, InvalidInput (the ARN). Source: AWS IAM API reference, DeletePolicyVersion.
pub async fn delete_policy_version(
    call: Call<Iam>,
    input: api::DeletePolicyVersionInput,
) -> Result<(), IamError> {
    let policy = find_own(&call, "iam:DeletePolicyVersion", &input.policy_arn, About::default())?;
    let now = call.now();
    call.write(move |txn| {
        store::change_policy(txn, &policy, |policy| policy.remove_version(&input.version_id, now))
    })
    .await
}

/// The users, groups and roles that a policy is attached to, or is the boundary of.
///
/// Errors: NoSuchEntity, InvalidInput (the ARN). Source: AWS IAM API reference, ListEntitiesForPolicy.
pub async fn list_entities_for_policy(
    call: Call<Iam>,
    input: api::ListEntitiesForPolicyInput,
) -> Result<api::ListEntitiesForPolicyOutput, IamError> {
    find(&call, "iam:ListEntitiesForPolicy", &input.policy_arn)?;
    let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
    let (filter, usage) = (input.entity_filter, input.policy_usage_filter);
    let question = format!("iam.ListEntitiesForPolicy {} {prefix} {filter:?} {usage:?}", input.policy_arn);
    let page = Page::<String>::of(input.marker.as_ref(), input.max_items, question)?;
    let wanted = |kind: Kind| match filter {
        None => true,
        Some(api::EntityType::User) => kind == Kind::User,
        Some(api::EntityType::Group) => kind == Kind::Group,
        Some(api::EntityType::Role) => kind == Kind::Role,
        Some(api::EntityType::LocalManagedPolicy | api::EntityType::AwsManagedPolicy) => false,
    };
    let usage = usage.map(|usage| match usage {
        api::PolicyUsageType::PermissionsPolicy => Usage::Permissions,
        api::PolicyUsageType::PermissionsBoundary => Usage::Boundary,
    });
    let reads = call.read()?;
    let mut entities = std::collections::BTreeMap::new();
    for id in store::attachments(&reads, account(&call), &input.policy_arn, usage) {
        let entity = store::by_id(&reads, &id?)?;
        if let Some(entity) = entity.filter(|one| wanted(one.kind) && one.path.starts_with(&prefix)) {
            entities.insert(entity.id.clone(), entity);
        }
    }
    let cut = page.take_ordered(entities.into_iter())?;
    let mut output = api::ListEntitiesForPolicyOutput {
        policy_groups: Some(Vec::new()),
        policy_users: Some(Vec::new()),
        policy_roles: Some(Vec::new()),
        is_truncated: cut.is_truncated,
        marker: cut.marker,
    };
    for entity in cut.items {
        let (name, id) = (Some(entity.name), Some(entity.id));
        match entity.kind {
            Kind::Group => output
                .policy_groups
                .get_or_insert_default()
                .push(api::PolicyGroup { group_name: name, group_id: id }),
            Kind::User => {
                output
                    .policy_users
                    .get_or_insert_default()
                    .push(api::PolicyUser { user_name: name, user_id: id });
            }
            Kind::Role => {
                output
                    .policy_roles
                    .get_or_insert_default()
                    .push(api::PolicyRole { role_name: name, role_id: id });
            }
        }
    }
    Ok(output)
}
