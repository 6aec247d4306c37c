//! What of Kinesis can be set, and AWS's limits as the defaults.

use millpond_core::ByteSize;
use serde::{Deserialize, Serialize};

/// The section `kinesis` of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KinesisSettings {
    /// Whether the limits of a shard are enforced, for streams in provisioned mode.
    pub enforce_shard_limits: bool,
    /// What a shard takes in a second.
    pub write_bytes: ByteSize,
    pub write_records: u32,
    /// What GetRecords gives of a shard in a second, and how often it may be called.
    pub read_bytes: ByteSize,
    pub read_calls: u32,
    /// Shards of an account in a region, in provisioned mode.
    pub shard_quota: u32,
    /// On-demand streams of an account in a region.
    pub on_demand_stream_quota: u32,
    /// Records that wait for the disk, in all; writers beyond it wait.
    pub waiting_bytes: ByteSize,
    /// The length of a segment of the journal; space is given back by whole segments.
    pub segment_bytes: ByteSize,
}

impl Default for KinesisSettings {
    fn default() -> Self {
        Self {
            enforce_shard_limits: true,
            write_bytes: ByteSize::mib(1),
            write_records: 1_000,
            read_bytes: ByteSize::mib(2),
            read_calls: 5,
            shard_quota: 1_000,
            on_demand_stream_quota: 50,
            waiting_bytes: ByteSize::mib(64),
            segment_bytes: ByteSize::mib(64),
        }
    }
}
