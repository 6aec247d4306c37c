//! What the model does not say of inputs: rules across members, quotas, texts that have to parse.

use std::collections::BTreeMap;

use crate::api;
use crate::error::KinesisError;
use crate::model::hash;
use crate::model::shards::Filter;
use crate::model::stream::{
    DEFAULT_MAX_RECORD_KIB, MAX_TAGS, Mode, ON_DEMAND_SHARDS, Opening, Stream, shard_number,
};
use crate::records::frame::NewRecord;

pub fn opening(input: api::CreateStreamInput) -> Result<Opening, KinesisError> {
    let mode = match input.stream_mode_details.map(|details| details.stream_mode) {
        None | Some(api::StreamMode::Provisioned) => Mode::Provisioned,
        Some(api::StreamMode::OnDemand) => Mode::OnDemand,
    };
    let shards = match (mode, input.shard_count) {
        (Mode::Provisioned, Some(count)) => count.unsigned_abs(),
        (Mode::Provisioned, None) => {
            return Err(KinesisError::Validation(
                "ShardCount is required for a stream in PROVISIONED mode.".into(),
            ));
        }
        (Mode::OnDemand, None) => ON_DEMAND_SHARDS,
        (Mode::OnDemand, Some(_)) => {
            return Err(KinesisError::Validation(
                "ShardCount must not be set for a stream in ON_DEMAND mode.".into(),
            ));
        }
    };
    let tags = input.tags.unwrap_or_default();
    self::tags(&tags)?;
    let max_record_kib = input.max_record_size_in_kib.map_or(DEFAULT_MAX_RECORD_KIB, i32::unsigned_abs);
    Ok(Opening { name: input.stream_name, mode, shards, max_record_kib, tags })
}

/// The tags that a stream would have.
pub fn tags(tags: &BTreeMap<String, String>) -> Result<(), KinesisError> {
    if tags.len() > MAX_TAGS {
        return Err(KinesisError::argument(format!("A stream can have at most {MAX_TAGS} tags.")));
    }
    match tags.keys().find(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        Some(key) => {
            Err(KinesisError::argument(format!("The tag key {key} is reserved: it starts with aws:.")))
        }
        None => Ok(()),
    }
}

/// A record to be put, and its place in the hash space. `path` names it in messages.
pub fn record(
    stream: &Stream,
    path: impl Fn() -> String,
    data: bytes::Bytes,
    partition_key: Option<String>,
    explicit_hash_key: Option<&str>,
) -> Result<(NewRecord, u128), KinesisError> {
    let Some(partition_key) = partition_key else {
        let message = format!(
            "1 validation error detected: Value null at '{}partitionKey' failed to satisfy constraint: Member must not \
             be null",
            path()
        );
        return Err(KinesisError::Validation(message));
    };
    let limit = stream.max_record_kib as usize * 1024;
    if data.len() + partition_key.len() > limit {
        let message = format!(
            "1 validation error detected: Value at '{}data' failed to satisfy constraint: Member must have length less \
             than or equal to {limit}, partition key included",
            path()
        );
        return Err(KinesisError::Validation(message));
    }
    let hash = match explicit_hash_key {
        Some(text) => hash::parse(text).ok_or_else(|| {
            KinesisError::argument(format!(
                "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {text}"
            ))
        })?,
        None => hash::of_partition_key(&partition_key),
    };
    Ok((NewRecord { partition_key, data }, hash))
}

pub fn filter(filter: Option<api::ShardFilter>) -> Result<Filter, KinesisError> {
    let Some(api::ShardFilter { r#type, shard_id, timestamp }) = filter else { return Ok(Filter::All) };
    let needs = |member: &str| {
        KinesisError::argument(format!(
            "{member} must be specified for a shard filter of type {}.",
            r#type.as_str()
        ))
    };
    let excess = |member: &str| {
        KinesisError::argument(format!(
            "{member} must not be specified for a shard filter of type {}.",
            r#type.as_str()
        ))
    };
    match (r#type, shard_id, timestamp) {
        (api::ShardFilterType::AfterShardId, Some(id), None) => after_shard(&id).map(Filter::AfterShard),
        (api::ShardFilterType::AfterShardId, None, _) => Err(needs("ShardId")),
        (_, Some(_), _) if r#type != api::ShardFilterType::AfterShardId => Err(excess("ShardId")),
        (api::ShardFilterType::AtTimestamp, _, Some(at)) => Ok(Filter::At(at)),
        (api::ShardFilterType::FromTimestamp, _, Some(at)) => Ok(Filter::From(at)),
        (api::ShardFilterType::AtTimestamp | api::ShardFilterType::FromTimestamp, _, None) => {
            Err(needs("Timestamp"))
        }
        (_, _, Some(_)) => Err(excess("Timestamp")),
        (api::ShardFilterType::AtTrimHorizon, _, None) => Ok(Filter::AtTrimHorizon),
        (api::ShardFilterType::FromTrimHorizon, _, None) => Ok(Filter::FromTrimHorizon),
        (api::ShardFilterType::AtLatest, _, None) => Ok(Filter::AtLatest),
    }
}

/// The number of the shard after which a listing begins; the shard need not exist.
pub fn after_shard(id: &str) -> Result<u32, KinesisError> {
    shard_number(id).ok_or_else(|| KinesisError::argument(format!("Invalid shard id: {id}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(mode: Option<api::StreamMode>, shard_count: Option<i32>) -> api::CreateStreamInput {
        let stream_mode_details = mode.map(|stream_mode| api::StreamModeDetails { stream_mode });
        api::CreateStreamInput {
            stream_name: "s".into(),
            shard_count,
            stream_mode_details,
            ..Default::default()
        }
    }

    #[test]
    fn a_mode_says_who_counts_shards() {
        use api::StreamMode::{OnDemand, Provisioned};
        for (mode, count, expected) in [
            (None, Some(3), Some((Mode::Provisioned, 3))),
            (Some(Provisioned), Some(1), Some((Mode::Provisioned, 1))),
            (Some(OnDemand), None, Some((Mode::OnDemand, 4))),
            (None, None, None),
            (Some(OnDemand), Some(3), None),
        ] {
            let opening = opening(create(mode, count)).ok();
            assert_eq!(opening.map(|opening| (opening.mode, opening.shards)), expected, "{mode:?} {count:?}");
        }
    }

    #[test]
    fn a_filter_has_what_its_type_needs() {
        use api::ShardFilterType::{AfterShardId, AtLatest, AtTimestamp, FromTrimHorizon};
        let at = millpond_core::Timestamp::from_secs(5);
        for (r#type, shard_id, timestamp, expected) in [
            (AfterShardId, Some("shardId-000000000001"), None, Some(Filter::AfterShard(1))),
            (AfterShardId, None, None, None),
            (AfterShardId, Some("x"), None, None),
            (AtTimestamp, None, Some(at), Some(Filter::At(at))),
            (AtTimestamp, None, None, None),
            (AtLatest, None, Some(at), None),
            (AtLatest, Some("shardId-000000000001"), None, None),
            (FromTrimHorizon, None, None, Some(Filter::FromTrimHorizon)),
        ] {
            let given = api::ShardFilter { r#type, shard_id: shard_id.map(Into::into), timestamp };
            assert_eq!(filter(Some(given.clone())).ok(), expected, "{given:?}");
        }
    }
}
