//! Everything at once: GetAccountAuthorizationDetails.

use millpond_gateway::Call;
use millpond_store::{Reads, Snapshot};

use crate::access::{account, permit_on};
use crate::api;
use crate::catalogue::{self, AwsPolicy};
use crate::error::IamError;
use crate::model::document::encoded;
use crate::model::entity::{Entity, Kind};
use crate::model::policy::ManagedPolicy;
use crate::ops::attach::path_and_name;
use crate::ops::boundary::counts;
use crate::ops::policy::{aws_version, listed_aws_policy};
use crate::ops::role::last_used;
use crate::ops::{Page, profile, shape};
use crate::service::Iam;
use crate::store;

/// One of what is listed.
enum Item {
    User(api::UserDetail),
    Group(api::GroupDetail),
    Role(api::RoleDetail),
    Policy(api::ManagedPolicyDetail),
}

/// The kinds in their order, and a name among them: where a page ended.
type Place = (u8, String);

/// The account's users, groups, roles and policies with all that they hold.
///
/// Errors: ValidationError (the marker). Source: AWS IAM API reference, GetAccountAuthorizationDetails.
pub async fn get_account_authorization_details(
    call: Call<Iam>,
    input: api::GetAccountAuthorizationDetailsInput,
) -> Result<api::GetAccountAuthorizationDetailsOutput, IamError> {
    permit_on(&call, "iam:GetAccountAuthorizationDetails", "*")?;
    let filter = input.filter.filter(|kinds| !kinds.is_empty());
    let question = format!("iam.GetAccountAuthorizationDetails {filter:?}");
    let page = Page::<Place>::of(input.marker.as_ref(), input.max_items, question)?;
    let reads = call.read()?;
    let stages = [
        api::EntityType::User,
        api::EntityType::Group,
        api::EntityType::Role,
        api::EntityType::LocalManagedPolicy,
        api::EntityType::AwsManagedPolicy,
    ];
    let items = (0..).zip(stages).flat_map(|(stage, kind)| {
        let wanted = filter.as_ref().is_none_or(|kinds| kinds.contains(&kind));
        let (past, after) = match &page.after {
            Some((ended, _)) if stage < *ended => (true, None),
            Some((ended, name)) if stage == *ended => (false, Some(name.as_str())),
            _ => (false, None),
        };
        let names = (wanted && !past).then(|| of_kind(&call, &reads, kind, after));
        names.into_iter().flatten().map(move |entry| {
            let (name, item) = entry?;
            Ok(((stage, name), item))
        })
    });
    let cut = page.take(items)?;
    let mut output = api::GetAccountAuthorizationDetailsOutput {
        user_detail_list: Some(Vec::new()),
        group_detail_list: Some(Vec::new()),
        role_detail_list: Some(Vec::new()),
        policies: Some(Vec::new()),
        is_truncated: cut.is_truncated,
        marker: cut.marker,
    };
    for item in cut.items {
        match item {
            Item::User(user) => output.user_detail_list.get_or_insert_default().push(user),
            Item::Group(group) => output.group_detail_list.get_or_insert_default().push(group),
            Item::Role(role) => output.role_detail_list.get_or_insert_default().push(role),
            Item::Policy(policy) => output.policies.get_or_insert_default().push(policy),
        }
    }
    Ok(output)
}

type Items<'a> = Box<dyn Iterator<Item = Result<(String, Item), IamError>> + 'a>;

fn of_kind<'a>(
    call: &'a Call<Iam>,
    reads: &'a Snapshot,
    kind: api::EntityType,
    after: Option<&'a str>,
) -> Items<'a> {
    let entities = move |kind, shown: fn(&Iam, &Snapshot, &Entity) -> Result<Item, IamError>| -> Items<'a> {
        Box::new(store::entities(reads, account(call), kind, after).map(move |entry| {
            let (name, entity) = entry?;
            Ok((name, shown(call, reads, &entity)?))
        }))
    };
    match kind {
        api::EntityType::User => entities(Kind::User, user),
        api::EntityType::Group => entities(Kind::Group, |_, _, entity| Ok(Item::Group(group(entity)))),
        api::EntityType::Role => entities(Kind::Role, role),
        api::EntityType::LocalManagedPolicy => {
            Box::new(store::policies(reads, account(call), after).map(move |entry| {
                let (name, policy) = entry?;
                Ok((name, Item::Policy(own_policy(call, reads, &policy)?)))
            }))
        }
        api::EntityType::AwsManagedPolicy => {
            let rest = catalogue::POLICIES.iter();
            let rest = rest.filter(move |policy| after.is_none_or(|after| policy.name > after));
            Box::new(rest.map(move |policy| {
                Ok((policy.name.to_owned(), Item::Policy(aws_policy(call, reads, policy)?)))
            }))
        }
    }
}

fn inline(entity: &Entity) -> Option<Vec<api::PolicyDetail>> {
    let detail = |(name, document): (&String, &String)| api::PolicyDetail {
        policy_name: Some(name.clone()),
        policy_document: Some(encoded(document)),
    };
    Some(entity.inline.iter().map(detail).collect())
}

fn attached(entity: &Entity) -> Option<Vec<api::AttachedPolicy>> {
    let shown = |arn: &String| api::AttachedPolicy {
        policy_name: path_and_name(arn).map(|(_, name)| name.to_owned()),
        policy_arn: Some(arn.clone()),
    };
    Some(entity.attached.iter().map(shown).collect())
}

fn user(_: &Iam, reads: &Snapshot, entity: &Entity) -> Result<Item, IamError> {
    let mut groups = Vec::new();
    for id in &entity.groups {
        groups.extend(store::by_id(reads, id)?.map(|group| group.name));
    }
    groups.sort_unstable();
    Ok(Item::User(api::UserDetail {
        path: Some(entity.path.clone()),
        user_name: Some(entity.name.clone()),
        user_id: Some(entity.id.clone()),
        arn: Some(entity.arn().to_string()),
        create_date: Some(entity.created),
        user_policy_list: inline(entity),
        group_list: Some(groups),
        attached_managed_policies: attached(entity),
        permissions_boundary: shape::boundary(entity.boundary.as_ref()),
        tags: Some(shape::tag_list(&entity.tags)),
    }))
}

fn group(entity: &Entity) -> api::GroupDetail {
    api::GroupDetail {
        path: Some(entity.path.clone()),
        group_name: Some(entity.name.clone()),
        group_id: Some(entity.id.clone()),
        arn: Some(entity.arn().to_string()),
        create_date: Some(entity.created),
        group_policy_list: inline(entity),
        attached_managed_policies: attached(entity),
    }
}

fn role(call: &Iam, reads: &Snapshot, entity: &Entity) -> Result<Item, IamError> {
    Ok(Item::Role(api::RoleDetail {
        path: Some(entity.path.clone()),
        role_name: Some(entity.name.clone()),
        role_id: Some(entity.id.clone()),
        arn: Some(entity.arn().to_string()),
        create_date: Some(entity.created),
        assume_role_policy_document: entity.role.as_ref().map(|part| encoded(&part.trust)),
        instance_profile_list: Some(profile::of_role(reads, entity)?),
        role_policy_list: inline(entity),
        attached_managed_policies: attached(entity),
        permissions_boundary: shape::boundary(entity.boundary.as_ref()),
        tags: Some(shape::tag_list(&entity.tags)),
        role_last_used: Some(last_used(call, reads, &entity.id)?),
    }))
}

fn own_policy(
    call: &Call<Iam>,
    reads: &impl Reads,
    policy: &ManagedPolicy,
) -> Result<api::ManagedPolicyDetail, IamError> {
    let counts = counts(call, reads, &policy.arn().to_string())?;
    let versions = policy.versions.iter().rev().map(|(number, version)| api::PolicyVersion {
        document: Some(encoded(&version.document)),
        ..shape::version(policy, *number, version)
    });
    Ok(api::ManagedPolicyDetail {
        description: policy.description.clone(),
        policy_version_list: Some(versions.collect()),
        ..detail(shape::listed_policy(policy, counts))
    })
}

fn aws_policy(
    call: &Call<Iam>,
    reads: &impl Reads,
    policy: &AwsPolicy,
) -> Result<api::ManagedPolicyDetail, IamError> {
    let counts = counts(call, reads, &policy.arn())?;
    Ok(api::ManagedPolicyDetail {
        description: Some(policy.description.to_owned()),
        policy_version_list: Some(vec![aws_version(Some(encoded(policy.document)))]),
        ..detail(listed_aws_policy(policy, counts))
    })
}

fn detail(policy: api::Policy) -> api::ManagedPolicyDetail {
    api::ManagedPolicyDetail {
        policy_name: policy.policy_name,
        policy_id: policy.policy_id,
        arn: policy.arn,
        path: policy.path,
        default_version_id: policy.default_version_id,
        attachment_count: policy.attachment_count,
        permissions_boundary_usage_count: policy.permissions_boundary_usage_count,
        is_attachable: policy.is_attachable,
        description: None,
        create_date: policy.create_date,
        update_date: policy.update_date,
        policy_version_list: None,
    }
}
