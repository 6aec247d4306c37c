//! Streams and shards: what is recorded of them, their statuses and what follows from time.

use std::collections::BTreeMap;
use std::time::Duration;

use millpond_core::{Arn, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::hash::HashRange;
use crate::model::sequence::{Index, SequenceNumber};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    Creating,
    Active,
    Deleting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    Provisioned,
    OnDemand,
}

/// How many shards an on-demand stream opens with.
pub const ON_DEMAND_SHARDS: u32 = 4;
pub const MIN_RETENTION_HOURS: i32 = 24;
pub const MAX_RETENTION_HOURS: i32 = 8_760;
pub const DEFAULT_MAX_RECORD_KIB: u32 = 1_024;
pub const MAX_TAGS: usize = 50;

/// A shard, as it is recorded. Splits and merges will end shards and open others; until then all are open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardRecord {
    pub number: u32,
    pub range: HashRange,
    pub opened: Timestamp,
}

impl ShardRecord {
    /// The number that every record of the shard comes after.
    pub fn starting_number(&self) -> SequenceNumber {
        self.sequence_number(Index::at(self.opened))
    }

    pub fn sequence_number(&self, index: Index) -> SequenceNumber {
        let created_secs = self.opened.as_secs().max(0).unsigned_abs();
        SequenceNumber { created_secs, shard: self.number, index }
    }
}

/// `shardId-` and twelve digits.
pub fn shard_id(number: u32) -> String {
    format!("shardId-{number:012}")
}

/// The number in a shard's id; AWS also takes a bare number.
pub fn shard_number(id: &str) -> Option<u32> {
    let digits = id.strip_prefix("shardId-").unwrap_or(id);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// A stream, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Names its data: a recreated stream has another.
    pub id: Uuid,
    pub scope: Scope,
    pub name: String,
    pub status: Status,
    pub mode: Mode,
    pub created: Timestamp,
    pub retention_hours: u32,
    /// What was out of reach when the retention was last extended stays so.
    pub trimmed_before: Timestamp,
    pub max_record_kib: u32,
    pub shards: Vec<ShardRecord>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// What CreateStream asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    pub name: String,
    pub mode: Mode,
    pub shards: u32,
    pub max_record_kib: u32,
    pub tags: BTreeMap<String, String>,
}

impl Stream {
    pub fn opening(id: Uuid, scope: Scope, wanted: Opening, now: Timestamp) -> Self {
        let ranges = HashRange::even(wanted.shards).into_iter().zip(0..);
        Self {
            id,
            scope,
            name: wanted.name,
            status: Status::Creating,
            mode: wanted.mode,
            created: now,
            retention_hours: MIN_RETENTION_HOURS.unsigned_abs(),
            trimmed_before: Timestamp::EPOCH,
            max_record_kib: wanted.max_record_kib,
            shards: ranges.map(|(range, number)| ShardRecord { number, range, opened: now }).collect(),
            tags: wanted.tags,
        }
    }

    pub fn arn(&self) -> Arn {
        arn(&self.scope, &self.name)
    }

    /// Records that arrived before this are out of reach.
    pub fn horizon(&self, now: Timestamp) -> Timestamp {
        let kept = Duration::from_secs(3_600 * u64::from(self.retention_hours));
        now.minus(kept).max(self.trimmed_before)
    }

    pub fn set_retention(&mut self, hours: u32, now: Timestamp) {
        self.trimmed_before = self.horizon(now);
        self.retention_hours = hours;
    }
}

pub fn arn(scope: &Scope, name: &str) -> Arn {
    scope.arn("kinesis", format!("stream/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(now: Timestamp) -> Stream {
        let scope = Scope::new("000000000000".parse().unwrap(), "us-east-1".parse().unwrap());
        let wanted = Opening {
            name: "orders".into(),
            mode: Mode::Provisioned,
            shards: 2,
            max_record_kib: DEFAULT_MAX_RECORD_KIB,
            tags: BTreeMap::new(),
        };
        Stream::opening(Uuid::nil(), scope, wanted, now)
    }

    #[test]
    fn a_longer_retention_brings_nothing_back() {
        let hour = |hour: i64| Timestamp::from_secs(3_600 * hour);
        let mut stream = stream(hour(0));
        assert_eq!(stream.horizon(hour(100)), hour(76));
        stream.set_retention(48, hour(100));
        assert_eq!(stream.horizon(hour(100)), hour(76));
        assert_eq!(stream.horizon(hour(125)), hour(77));
        stream.set_retention(24, hour(125));
        assert_eq!(stream.horizon(hour(125)), hour(101));
    }

    #[test]
    fn shard_ids_are_read_back() {
        for (id, number) in [
            ("shardId-000000000007", Some(7)),
            ("7", Some(7)),
            ("shardId-", None),
            ("shard-7", None),
            ("-7", None),
        ] {
            assert_eq!(shard_number(id), number, "{id}");
        }
        assert_eq!(shard_id(7), "shardId-000000000007");
    }

    #[test]
    fn stored_streams_stay_readable() {
        let stream = stream(Timestamp::from_millis(1_795_000_000_123));
        let bytes = rmp_serde::to_vec_named(&stream).unwrap();
        assert_eq!(hex(&bytes), include_str!("stream_v1.hex").trim());
        assert_eq!(rmp_serde::from_slice::<Stream>(&bytes).unwrap(), stream);
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
