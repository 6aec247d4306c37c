//! Tags of streams.

use std::ops::Bound;

use millpond_gateway::Call;

use crate::Kinesis;
use crate::api;
use crate::error::KinesisError;
use crate::ops::{check, stream_of};
use crate::store;

/// Most tags in a page.
const PAGE: i32 = 50;

/// Adds tags, or gives those that are there new values.
///
/// Errors: ResourceNotFoundException, InvalidArgumentException (more than 50 tags, reserved keys).
/// Source: AWS Kinesis API reference, AddTagsToStream.
pub async fn add_tags_to_stream(
    call: Call<Kinesis>,
    input: api::AddTagsToStreamInput,
) -> Result<(), KinesisError> {
    let live = stream_of(&call, &input)?;
    let added = input.tags;
    store::update_stream(&call.store, &live.record, move |stream| {
        stream.tags.extend(added);
        check::tags(&stream.tags)
    })
    .await?;
    Ok(call.streams.refresh(&call.store, &live.record.scope, &live.record.name)?)
}

/// The stream's tags in the order of their keys.
///
/// Errors: ResourceNotFoundException.
/// Source: AWS Kinesis API reference, ListTagsForStream.
pub async fn list_tags_for_stream(
    call: Call<Kinesis>,
    input: api::ListTagsForStreamInput,
) -> Result<api::ListTagsForStreamOutput, KinesisError> {
    let live = stream_of(&call, &input)?;
    let start = input.exclusive_start_tag_key.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let limit = input.limit.unwrap_or(PAGE).unsigned_abs() as usize;
    let mut tags = live.record.tags.range::<str, _>((start, Bound::Unbounded));
    let page = tags.by_ref().take(limit);
    let page = page.map(|(key, value)| api::Tag { key: key.clone(), value: Some(value.clone()) }).collect();
    Ok(api::ListTagsForStreamOutput { tags: page, has_more_tags: tags.next().is_some() })
}

/// Removes the tags with these keys, as far as they are there.
///
/// Errors: ResourceNotFoundException.
/// Source: AWS Kinesis API reference, RemoveTagsFromStream.
pub async fn remove_tags_from_stream(
    call: Call<Kinesis>,
    input: api::RemoveTagsFromStreamInput,
) -> Result<(), KinesisError> {
    let live = stream_of(&call, &input)?;
    let keys = input.tag_keys;
    store::update_stream(&call.store, &live.record, move |stream| {
        stream.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .await?;
    Ok(call.streams.refresh(&call.store, &live.record.scope, &live.record.name)?)
}
