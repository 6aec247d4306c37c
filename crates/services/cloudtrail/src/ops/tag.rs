//! Tags of trails.

use std::collections::BTreeMap;

use millpond_core::Arn;
use millpond_gateway::{Call, Caller};
use millpond_store::Txn;

use super::trail::Named;
use crate::CloudTrail;
use crate::api;
use crate::error::CloudTrailError;
use crate::trail::Trail;

const MAX_TAGS: usize = 50;
/// ListTags takes as many ARNs.
const MAX_LISTED: usize = 20;

pub fn added(caller: &Caller, input: &api::AddTagsInput) -> Result<Arn, CloudTrailError> {
    Ok(by_arn(&input.resource_id, caller)?.arn())
}

pub fn removed(caller: &Caller, input: &api::RemoveTagsInput) -> Result<Arn, CloudTrailError> {
    Ok(by_arn(&input.resource_id, caller)?.arn())
}

pub fn listed(caller: &Caller, input: &api::ListTagsInput) -> Result<Vec<Arn>, CloudTrailError> {
    if input.resource_id_list.len() > MAX_LISTED {
        return Err(CloudTrailError::InvalidTag(format!("At most {MAX_LISTED} resources can be listed.")));
    }
    input.resource_id_list.iter().map(|arn| Ok(by_arn(arn, caller)?.arn())).collect()
}

/// Errors: CloudTrailARNInvalidException.
fn by_arn(text: &str, caller: &Caller) -> Result<Named, CloudTrailError> {
    match text.starts_with("arn:") {
        true => Named::parse(text, &caller.scope),
        false => Err(CloudTrailError::InvalidArn { arn: text.to_owned() }),
    }
}

/// Tags that are there get new values.
///
/// Errors: ResourceNotFoundException, TagsLimitExceededException (more than 50), InvalidTagParameterException.
/// Source: AWS CloudTrail API reference, AddTags.
pub async fn add_tags(
    call: Call<CloudTrail>,
    input: api::AddTagsInput,
) -> Result<api::AddTagsOutput, CloudTrailError> {
    let put = move |_: &mut Txn<'_>, trail: &mut Trail| add(&mut trail.tags, input.tags_list);
    change(&call, &input.resource_id, put).await?;
    Ok(api::AddTagsOutput {})
}

/// Errors: TagsLimitExceededException, InvalidTagParameterException.
pub fn add(tags: &mut BTreeMap<String, String>, given: Vec<api::Tag>) -> Result<(), CloudTrailError> {
    let mut keys = Vec::new();
    for api::Tag { key, value } in given {
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(CloudTrailError::InvalidTag(format!("The tag key {key} is reserved.")));
        }
        if keys.contains(&key) {
            return Err(CloudTrailError::InvalidTag(format!("The tag key {key} is given twice.")));
        }
        keys.push(key.clone());
        tags.insert(key, value.unwrap_or_default());
    }
    if tags.len() > MAX_TAGS {
        return Err(CloudTrailError::TooManyTags { limit: MAX_TAGS });
    }
    Ok(())
}

async fn change<F>(call: &Call<CloudTrail>, arn: &str, change: F) -> Result<(), CloudTrailError>
where
    F: FnOnce(&mut Txn<'_>, &mut Trail) -> Result<(), CloudTrailError> + Send + 'static,
{
    let named = by_arn(arn, &call.caller)?;
    named.change(call, change).await.map(drop).map_err(|error| not_found(error, arn))
}

/// Of tags, a trail is a resource.
fn not_found(error: CloudTrailError, arn: &str) -> CloudTrailError {
    match error {
        CloudTrailError::TrailNotFound { .. } => CloudTrailError::ResourceNotFound { arn: arn.to_owned() },
        other => other,
    }
}

/// The tags of each trail in the list.
///
/// Errors: ResourceNotFoundException, CloudTrailARNInvalidException.
/// Source: AWS CloudTrail API reference, ListTags.
/// `Differs from AWS:` all tags come in one page, so that a NextToken is refused.
pub async fn list_tags(
    call: Call<CloudTrail>,
    input: api::ListTagsInput,
) -> Result<api::ListTagsOutput, CloudTrailError> {
    if input.next_token.is_some() {
        return Err(CloudTrailError::InvalidToken);
    }
    let mut resource_tag_list = Vec::new();
    for arn in input.resource_id_list {
        let trail = by_arn(&arn, &call.caller)?.read(&call).map_err(|error| not_found(error, &arn))?;
        let tags = trail.tags.into_iter().map(|(key, value)| api::Tag { key, value: Some(value) });
        let tags_list = Some(tags.collect());
        resource_tag_list.push(api::ResourceTag { resource_id: Some(arn), tags_list });
    }
    Ok(api::ListTagsOutput { resource_tag_list: Some(resource_tag_list), next_token: None })
}

/// Removes the tags with these keys, as far as they are there.
///
/// Errors: ResourceNotFoundException, CloudTrailARNInvalidException.
/// Source: AWS CloudTrail API reference, RemoveTags.
pub async fn remove_tags(
    call: Call<CloudTrail>,
    input: api::RemoveTagsInput,
) -> Result<api::RemoveTagsOutput, CloudTrailError> {
    let keys: Vec<String> = input.tags_list.into_iter().map(|tag| tag.key).collect();
    let remove = move |_: &mut Txn<'_>, trail: &mut Trail| {
        trail.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    };
    change(&call, &input.resource_id, remove).await?;
    Ok(api::RemoveTagsOutput {})
}
