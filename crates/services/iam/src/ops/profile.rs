//! Instance profiles.

use millpond_gateway::Call;
use millpond_store::Reads;

use crate::access::{self, About, account, permit, permit_on, permit_tags};
use crate::api;
use crate::error::IamError;
use crate::model::entity::{Entity, Kind, iam_arn};
use crate::model::profile::{InstanceProfile, KIND};
use crate::model::tags::{self, Tags};
use crate::ops::role::{part, unprotected};
use crate::ops::tag::{named, page_of};
use crate::ops::{Cut, Page, shape};
use crate::service::Iam;
use crate::store;

/// The profile, once the caller was found to be allowed to do this to it.
///
/// Errors: AccessDenied, NoSuchEntity.
fn find(call: &Call<Iam>, action: &str, name: &str, about: About<'_>) -> Result<InstanceProfile, IamError> {
    match store::profile(&call.read()?, account(call), name)? {
        Some(profile) => {
            permit(&call.caller, action, &profile.arn(), &profile.tags, about)?;
            Ok(profile)
        }
        None => {
            let arn = iam_arn(account(call), format!("{KIND}/{name}"));
            permit(&call.caller, action, &arn, &Tags::default(), about)?;
            Err(store::no_such_profile(name))
        }
    }
}

/// A profile with the role in it.
pub fn shown(reads: &impl Reads, profile: &InstanceProfile) -> Result<api::InstanceProfile, IamError> {
    let role = profile.role.as_ref().map(|role| store::by_id(reads, role)).transpose()?.flatten();
    Ok(api::InstanceProfile {
        path: profile.path.clone(),
        instance_profile_name: profile.name.clone(),
        instance_profile_id: profile.id.clone(),
        arn: profile.arn().to_string(),
        create_date: profile.created,
        roles: role.iter().map(shape::listed_role).collect(),
        tags: shape::tags(&profile.tags),
    })
}

fn listed(reads: &impl Reads, profile: &InstanceProfile) -> Result<api::InstanceProfile, IamError> {
    Ok(api::InstanceProfile { tags: None, ..shown(reads, profile)? })
}

/// Makes an instance profile without a role.
///
/// Errors: EntityAlreadyExists, LimitExceeded, InvalidInput (tags). Source: AWS IAM API reference, CreateInstanceProfile.
pub async fn create_instance_profile(
    call: Call<Iam>,
    input: api::CreateInstanceProfileInput,
) -> Result<api::CreateInstanceProfileOutput, IamError> {
    let tags = tags::of_request(input.tags)?;
    let owner = account(&call).clone();
    let mut profile = InstanceProfile::new(owner, input.path, input.instance_profile_name, call.now())?;
    let about = About { request_tags: Some(&tags), ..About::default() };
    permit(&call.caller, "iam:CreateInstanceProfile", &profile.arn(), &Tags::default(), about)?;
    permit_tags(&call.caller, "iam:TagInstanceProfile", &profile.arn(), &tags)?;
    profile.tags = tags;
    call.write(move |txn| {
        store::insert_profile(txn, &profile)?;
        Ok(api::CreateInstanceProfileOutput { instance_profile: shown(txn, &profile)? })
    })
    .await
}

/// An instance profile with the role in it.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, GetInstanceProfile.
pub async fn get_instance_profile(
    call: Call<Iam>,
    input: api::GetInstanceProfileInput,
) -> Result<api::GetInstanceProfileOutput, IamError> {
    let name = input.instance_profile_name;
    let profile = find(&call, "iam:GetInstanceProfile", &name, About::default())?;
    Ok(api::GetInstanceProfileOutput { instance_profile: shown(&call.read()?, &profile)? })
}

/// Removes an instance profile without a role.
///
/// Errors: NoSuchEntity, DeleteConflict. Source: AWS IAM API reference, DeleteInstanceProfile.
pub async fn delete_instance_profile(
    call: Call<Iam>,
    input: api::DeleteInstanceProfileInput,
) -> Result<(), IamError> {
    let name = input.instance_profile_name;
    let profile = find(&call, "iam:DeleteInstanceProfile", &name, About::default())?;
    call.write(move |txn| store::remove_profile(txn, &profile)).await
}

/// The account's instance profiles below a path by their names.
///
/// Errors: ValidationError (the marker). Source: AWS IAM API reference, ListInstanceProfiles.
pub async fn list_instance_profiles(
    call: Call<Iam>,
    input: api::ListInstanceProfilesInput,
) -> Result<api::ListInstanceProfilesOutput, IamError> {
    let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
    permit_on(&call, "iam:ListInstanceProfiles", format!("{KIND}{prefix}"))?;
    let question = format!("iam.ListInstanceProfiles {prefix}");
    let page = Page::of(input.marker.as_ref(), input.max_items, question)?;
    let reads = call.read()?;
    let profiles = store::profiles(&reads, account(&call), page.after.as_deref());
    let below = profiles
        .filter(|entry| entry.as_ref().map_or(true, |(_, profile)| profile.path.starts_with(&prefix)));
    let shown = below.map(|entry| {
        let (name, profile) = entry?;
        Ok((name, listed(&reads, &profile)?))
    });
    let Cut { items: instance_profiles, is_truncated, marker } = page.take(shown)?;
    Ok(api::ListInstanceProfilesOutput { instance_profiles, is_truncated, marker })
}

/// The instance profiles that hold a role, by their names.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, ListInstanceProfilesForRole.
pub async fn list_instance_profiles_for_role(
    call: Call<Iam>,
    input: api::ListInstanceProfilesForRoleInput,
) -> Result<api::ListInstanceProfilesForRoleOutput, IamError> {
    let action = "iam:ListInstanceProfilesForRole";
    let role = access::find(&call, action, Kind::Role, &input.role_name, About::default())?;
    let question = format!("iam.ListInstanceProfilesForRole {}", role.id);
    let page = Page::<String>::of(input.marker.as_ref(), input.max_items, question)?;
    let reads = call.read()?;
    let mut profiles = of_role(&reads, &role)?;
    profiles.sort_by_key(|profile| profile.instance_profile_name.to_ascii_lowercase());
    let named = profiles.into_iter().map(|one| (one.instance_profile_name.to_ascii_lowercase(), one));
    let Cut { items: instance_profiles, is_truncated, marker } = page.take_ordered(named)?;
    Ok(api::ListInstanceProfilesForRoleOutput { instance_profiles, is_truncated, marker })
}

/// The profiles that hold a role, as listings show them.
pub fn of_role(reads: &impl Reads, role: &Entity) -> Result<Vec<api::InstanceProfile>, IamError> {
    let mut profiles = Vec::new();
    for id in role.role.iter().flat_map(|part| &part.profiles) {
        if let Some(profile) = store::profile_by_id(reads, id)? {
            profiles.push(listed(reads, &profile)?);
        }
    }
    Ok(profiles)
}

/// Puts a role into an instance profile that has none. Who does it must also be allowed to pass the role to EC2.
///
/// Errors: NoSuchEntity, LimitExceeded (one role a profile), UnmodifiableEntity.
/// Source: AWS IAM API reference, AddRoleToInstanceProfile.
pub async fn add_role_to_instance_profile(
    call: Call<Iam>,
    input: api::AddRoleToInstanceProfileInput,
) -> Result<(), IamError> {
    let name = input.instance_profile_name;
    let profile = find(&call, "iam:AddRoleToInstanceProfile", &name, About::default())?;
    let about = About { passed_to: Some("ec2.amazonaws.com"), ..About::default() };
    let role = access::find(&call, "iam:PassRole", Kind::Role, &input.role_name, about)?;
    unprotected(&role)?;
    call.write(move |txn| {
        store::change_profile(txn, &profile, |txn, profile| {
            if profile.role.is_some() {
                return Err(IamError::quota("InstanceSessionsPerInstanceProfile", 1));
            }
            store::change_entity(txn, &role, |_, role| {
                part(role)?.profiles.insert(profile.id.clone());
                Ok(())
            })?;
            profile.role = Some(role.id);
            Ok(())
        })
    })
    .await
}

/// Takes the role out of an instance profile.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, RemoveRoleFromInstanceProfile.
pub async fn remove_role_from_instance_profile(
    call: Call<Iam>,
    input: api::RemoveRoleFromInstanceProfileInput,
) -> Result<(), IamError> {
    let name = input.instance_profile_name;
    let profile = find(&call, "iam:RemoveRoleFromInstanceProfile", &name, About::default())?;
    let role = store::entity(&call.read()?, account(&call), Kind::Role, &input.role_name)?;
    let missing = IamError::no_such(Kind::Role, &input.role_name);
    let Some(role) = role else { return Err(missing) };
    call.write(move |txn| {
        store::change_profile(txn, &profile, |txn, profile| {
            if profile.role.as_ref() != Some(&role.id) {
                return Err(missing);
            }
            profile.role = None;
            store::change_entity(txn, &role, |_, role| {
                part(role)?.profiles.remove(&profile.id);
                Ok(())
            })
        })
    })
    .await
}

/// Adds tags to an instance profile, or gives those that are there new values.
///
/// Errors: NoSuchEntity, InvalidInput, LimitExceeded (50). Source: AWS IAM API reference, TagInstanceProfile.
pub async fn tag_instance_profile(
    call: Call<Iam>,
    input: api::TagInstanceProfileInput,
) -> Result<(), IamError> {
    let more = tags::of_request(Some(input.tags))?;
    let about = About { request_tags: Some(&more), ..About::default() };
    let profile = find(&call, "iam:TagInstanceProfile", &input.instance_profile_name, about)?;
    call.write(move |txn| {
        store::change_profile(txn, &profile, |_, profile| tags::put(&mut profile.tags, more))
    })
    .await
}

/// Removes an instance profile's tags with these names, as far as they are there.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, UntagInstanceProfile.
pub async fn untag_instance_profile(
    call: Call<Iam>,
    input: api::UntagInstanceProfileInput,
) -> Result<(), IamError> {
    let keys = named(&input.tag_keys);
    let about = About { request_tags: Some(&keys), ..About::default() };
    let profile = find(&call, "iam:UntagInstanceProfile", &input.instance_profile_name, about)?;
    call.write(move |txn| {
        store::change_profile(txn, &profile, |_, profile| {
            tags::remove(&mut profile.tags, &input.tag_keys);
            Ok(())
        })
    })
    .await
}

/// An instance profile's tags by their names.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, ListInstanceProfileTags.
pub async fn list_instance_profile_tags(
    call: Call<Iam>,
    input: api::ListInstanceProfileTagsInput,
) -> Result<api::ListInstanceProfileTagsOutput, IamError> {
    let name = input.instance_profile_name;
    let profile = find(&call, "iam:ListInstanceProfileTags", &name, About::default())?;
    let question = format!("iam.ListInstanceProfileTags {}", profile.id);
    let Cut { items: tags, is_truncated, marker } =
        page_of(&profile.tags, question, input.marker, input.max_items)?;
    Ok(api::ListInstanceProfileTagsOutput { tags, is_truncated, marker })
}
