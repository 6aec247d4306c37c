//! Tags of keys.

use millpond_gateway::Call;

use crate::Kms;
use crate::api;
use crate::error::KmsError;
use crate::model::key::Key;
use crate::ops::{Page, own_key, shape};
use crate::store;

const PAGE: usize = 50;

/// Adds tags, or gives those that are there new values.
///
/// Errors: NotFoundException, TagException (reserved or double names), LimitExceededException (more than 50),
/// KMSInvalidStateException (pending deletion). Source: AWS KMS API reference, TagResource.
pub async fn tag_resource(call: Call<Kms>, input: api::TagResourceInput) -> Result<(), KmsError> {
    let key = own_key(&call, "kms:TagResource", &input.key_id)?;
    let tags = shape::tags(input.tags)?;
    let change = move |key: &mut Key| {
        key.require_staying()?;
        key.tag(tags)
    };
    store::update_key(call.store(), &key, call.clock().now(), change).await
}

/// Removes the tags with these names, as far as they are there.
///
/// Errors: NotFoundException, KMSInvalidStateException (pending deletion). Source: AWS KMS API reference, UntagResource.
pub async fn untag_resource(call: Call<Kms>, input: api::UntagResourceInput) -> Result<(), KmsError> {
    let key = own_key(&call, "kms:UntagResource", &input.key_id)?;
    let change = move |key: &mut Key| {
        key.require_staying()?;
        key.tags.retain(|name, _| !input.tag_keys.contains(name));
        Ok(())
    };
    store::update_key(call.store(), &key, call.clock().now(), change).await
}

/// The key's tags in the order of their names.
///
/// Errors: NotFoundException, InvalidMarkerException. Source: AWS KMS API reference, ListResourceTags.
pub async fn list_resource_tags(
    call: Call<Kms>,
    input: api::ListResourceTagsInput,
) -> Result<api::ListResourceTagsOutput, KmsError> {
    let reads = call.store().read()?;
    let key = call.find(&reads, &call.caller, "kms:ListResourceTags", &input.key_id)?;
    let question = format!("kms.ListResourceTags {}", key.id);
    let page = Page::<String>::of(input.marker.as_ref(), input.limit, PAGE, question)?;
    let tags = key.tags.into_iter().filter(|(name, _)| page.after.as_ref().is_none_or(|after| name > after));
    let mut tags: Vec<_> = tags.take(page.limit + 1).collect();
    let next_marker = page.cut(&mut tags, |(name, _)| name.clone());
    let tag = |(tag_key, tag_value)| api::Tag { tag_key, tag_value };
    Ok(api::ListResourceTagsOutput {
        tags: Some(tags.into_iter().map(tag).collect()),
        truncated: Some(next_marker.is_some()),
        next_marker,
    })
}
