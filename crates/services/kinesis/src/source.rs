//! Streams as a source for other services in the same process: the domain functions behind GetRecords, without HTTP, iterators
//! and the limits of GetRecords calls. The caller's own rights are asked for at every step.

use std::sync::Arc;

use millpond_core::{Arn, Timestamp};
use millpond_gateway::Caller;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Kinesis;
use crate::error::KinesisError;
use crate::model::sequence::{Index, SequenceNumber};
use crate::records::read::{AtMost, read};
use crate::resolve;
use crate::streams::{LiveStream, Shard};

/// A stream to read from, in a caller's name.
#[derive(Clone)]
pub struct Source {
    kinesis: Arc<Kinesis>,
    caller: Caller,
    arn: Arn,
    id: Uuid,
}

/// A place in a shard: kept as a checkpoint, it reads on where it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cursor(Index);

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    TrimHorizon,
    Latest,
    At(Timestamp),
}

#[derive(Debug, Clone)]
pub struct SourceRecord {
    pub sequence_number: SequenceNumber,
    pub arrival: Timestamp,
    pub partition_key: String,
    pub data: bytes::Bytes,
}

#[derive(Debug, Clone)]
pub struct SourceBatch {
    pub records: Vec<SourceRecord>,
    /// Where to read on, also when there was nothing.
    pub next: Cursor,
    pub millis_behind: i64,
}

impl Source {
    /// The stream with this ARN as it is now; a stream of the same name that is made later is another one.
    ///
    /// Errors: AccessDenied (kinesis:DescribeStream), ResourceNotFoundException.
    pub fn open(kinesis: Arc<Kinesis>, caller: Caller, arn: Arn) -> Result<Self, KinesisError> {
        caller.authorize("kinesis:DescribeStream", &arn)?;
        let id = resolve::by_arn(&kinesis.streams, &arn)?.record.id;
        Ok(Self { kinesis, caller, arn, id })
    }

    /// Tells this stream from an earlier or later one of the same name.
    pub fn stream_id(&self) -> Uuid {
        self.id
    }

    /// The ids of all shards.
    ///
    /// Errors: AccessDenied (kinesis:ListShards), ResourceNotFoundException (the stream is gone).
    pub fn shards(&self) -> Result<Vec<String>, KinesisError> {
        Ok(self.stream("kinesis:ListShards")?.shards().iter().map(|shard| shard.id()).collect())
    }

    /// Errors: AccessDenied (kinesis:GetShardIterator), ResourceNotFoundException.
    pub fn start(&self, shard: &str, start: Start) -> Result<Cursor, KinesisError> {
        let stream = self.stream("kinesis:GetShardIterator")?;
        let shard = self.shard(&stream, shard)?;
        Ok(Cursor(match start {
            Start::TrimHorizon => Index::FIRST,
            Start::Latest => shard.log.end(),
            Start::At(at) => Index::at(at),
        }))
    }

    /// The records at `from` and after, at most this many and this many bytes of data and keys, but at least one if there is one.
    ///
    /// Errors: AccessDenied (kinesis:GetRecords), ResourceNotFoundException, InternalFailure (the journal).
    pub async fn read(
        &self,
        shard: &str,
        from: Cursor,
        records: usize,
        bytes: usize,
    ) -> Result<SourceBatch, KinesisError> {
        let stream = self.stream("kinesis:GetRecords")?;
        let shard = self.shard(&stream, shard)?;
        let now = self.caller.clock.now();
        let from = from.0.max(Index::at(stream.record.horizon(now)));
        let batch = read(&self.kinesis.segments, &shard, from, AtMost { records, bytes }).await?;
        let millis_behind = batch.millis_behind(&shard, now);
        let records = batch.records.into_iter().map(|record| SourceRecord {
            sequence_number: shard.sequence_number(record.index),
            arrival: record.index.arrival(),
            partition_key: record.partition_key,
            data: record.data,
        });
        Ok(SourceBatch { records: records.collect(), next: Cursor(batch.next), millis_behind })
    }

    /// Returns once there is a record at `from` or after. It does not return when the stream is deleted meanwhile.
    ///
    /// Errors: AccessDenied (kinesis:GetRecords), ResourceNotFoundException.
    pub async fn wait(&self, shard: &str, from: Cursor) -> Result<(), KinesisError> {
        let shard = self.shard(&*self.stream("kinesis:GetRecords")?, shard)?;
        shard.log.wait_for(from.0).await;
        Ok(())
    }

    fn stream(&self, action: &str) -> Result<Arc<LiveStream>, KinesisError> {
        self.caller.authorize(action, &self.arn)?;
        let stream = resolve::by_arn(&self.kinesis.streams, &self.arn)?;
        match stream.record.id == self.id {
            true => Ok(stream),
            false => Err(KinesisError::no_stream(&stream.record.scope, &stream.record.name)),
        }
    }

    fn shard(&self, stream: &LiveStream, id: &str) -> Result<Arc<Shard>, KinesisError> {
        resolve::shard(stream, id).cloned()
    }
}
