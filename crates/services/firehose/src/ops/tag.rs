//! Tags of delivery streams.

use std::collections::BTreeMap;

use millpond_gateway::Call;

use crate::Firehose;
use crate::api;
use crate::error::FirehoseError;
use crate::model::{MAX_TAGS, Stream};

const DEFAULT_PAGE: usize = 50;

/// Adds tags, or gives them other values.
///
/// Errors: ResourceNotFoundException, InvalidArgumentException (a key twice), LimitExceededException (more than 50).
/// Source: Amazon Data Firehose API reference, TagDeliveryStream.
pub async fn tag_delivery_stream(
    call: Call<Firehose>,
    input: api::TagDeliveryStreamInput,
) -> Result<api::TagDeliveryStreamOutput, FirehoseError> {
    let change = move |stream: &mut Stream| add(&mut stream.tags, input.tags);
    call.svc.store().change(call.scope(), &input.delivery_stream_name, change).await?;
    Ok(api::TagDeliveryStreamOutput {})
}

/// Errors: ResourceNotFoundException.
/// Source: Amazon Data Firehose API reference, UntagDeliveryStream.
pub async fn untag_delivery_stream(
    call: Call<Firehose>,
    input: api::UntagDeliveryStreamInput,
) -> Result<api::UntagDeliveryStreamOutput, FirehoseError> {
    let change = move |stream: &mut Stream| {
        stream.tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(())
    };
    call.svc.store().change(call.scope(), &input.delivery_stream_name, change).await?;
    Ok(api::UntagDeliveryStreamOutput {})
}

/// The tags in the order of their keys.
///
/// Errors: ResourceNotFoundException.
/// Source: Amazon Data Firehose API reference, ListTagsForDeliveryStream.
pub async fn list_tags_for_delivery_stream(
    call: Call<Firehose>,
    input: api::ListTagsForDeliveryStreamInput,
) -> Result<api::ListTagsForDeliveryStreamOutput, FirehoseError> {
    let stream = call.svc.store().get(call.scope(), &input.delivery_stream_name)?;
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DEFAULT_PAGE);
    let after = input.exclusive_start_tag_key.as_deref();
    let mut rest = stream.tags.into_iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
    let tags = rest.by_ref().take(limit).map(|(key, value)| api::Tag { key, value: Some(value) }).collect();
    Ok(api::ListTagsForDeliveryStreamOutput { tags, has_more_tags: rest.next().is_some() })
}

/// Errors: InvalidArgumentException (a key twice), LimitExceededException (more than 50 in all).
pub fn add(tags: &mut BTreeMap<String, String>, given: Vec<api::Tag>) -> Result<(), FirehoseError> {
    let mut new = BTreeMap::new();
    for tag in given {
        if new.insert(tag.key.clone(), tag.value.unwrap_or_default()).is_some() {
            let message = format!("The tag key {} is given more than once.", tag.key);
            return Err(FirehoseError::InvalidArgument(message));
        }
    }
    tags.extend(new);
    if tags.len() > MAX_TAGS { Err(FirehoseError::TooManyTags(MAX_TAGS)) } else { Ok(()) }
}
