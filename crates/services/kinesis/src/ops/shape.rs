//! From domain values to the wire's shapes.

use crate::api;
use crate::model::stream::{Mode, ShardRecord, Status, Stream, shard_id};

pub fn status(status: Status) -> api::StreamStatus {
    match status {
        Status::Creating => api::StreamStatus::Creating,
        Status::Active => api::StreamStatus::Active,
        Status::Deleting => api::StreamStatus::Deleting,
    }
}

pub fn mode(mode: Mode) -> api::StreamModeDetails {
    let stream_mode = match mode {
        Mode::Provisioned => api::StreamMode::Provisioned,
        Mode::OnDemand => api::StreamMode::OnDemand,
    };
    api::StreamModeDetails { stream_mode }
}

/// A count or a number of hours; the API's integers are signed.
pub fn number(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

pub fn shard(shard: &ShardRecord) -> api::Shard {
    api::Shard {
        shard_id: shard_id(shard.number),
        hash_key_range: api::HashKeyRange {
            starting_hash_key: shard.range.start.to_string(),
            ending_hash_key: shard.range.end.to_string(),
        },
        sequence_number_range: api::SequenceNumberRange {
            starting_sequence_number: shard.starting_number().to_string(),
            ending_sequence_number: None,
        },
        ..api::Shard::default()
    }
}

/// No shard has enhanced metrics.
fn monitoring() -> Vec<api::EnhancedMetrics> {
    vec![api::EnhancedMetrics { shard_level_metrics: Some(Vec::new()) }]
}

pub fn description(
    stream: &Stream,
    shards: Vec<api::Shard>,
    has_more_shards: bool,
) -> api::StreamDescription {
    api::StreamDescription {
        stream_name: stream.name.clone(),
        stream_arn: stream.arn().to_string(),
        stream_status: status(stream.status),
        stream_mode_details: Some(mode(stream.mode)),
        shards,
        has_more_shards,
        retention_period_hours: number(stream.retention_hours),
        stream_creation_timestamp: stream.created,
        enhanced_monitoring: monitoring(),
        encryption_type: Some(api::EncryptionType::None),
        key_id: None,
    }
}

pub fn description_summary(stream: &Stream) -> api::StreamDescriptionSummary {
    api::StreamDescriptionSummary {
        stream_name: stream.name.clone(),
        stream_arn: stream.arn().to_string(),
        stream_id: None,
        stream_status: status(stream.status),
        stream_mode_details: Some(mode(stream.mode)),
        retention_period_hours: number(stream.retention_hours),
        stream_creation_timestamp: stream.created,
        enhanced_monitoring: monitoring(),
        encryption_type: Some(api::EncryptionType::None),
        key_id: None,
        open_shard_count: number(stream.shards.len()),
        consumer_count: Some(0),
        warm_throughput: None,
        max_record_size_in_kib: Some(number(stream.max_record_kib)),
        channel_count: None,
        record_distribution_strategy: None,
    }
}

pub fn summary(stream: &Stream) -> api::StreamSummary {
    api::StreamSummary {
        stream_name: stream.name.clone(),
        stream_arn: stream.arn().to_string(),
        stream_status: status(stream.status),
        stream_mode_details: Some(mode(stream.mode)),
        stream_creation_timestamp: Some(stream.created),
    }
}
