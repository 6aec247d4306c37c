//! A Kinesis stream as a source: each shard is a lane, read as the role that was given for it.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use millpond_core::{Arn, Timestamp};
use millpond_gateway::Caller;
use millpond_kinesis::Kinesis;
use millpond_kinesis::source::{Cursor, Source, SourceRecord, Start};
use millpond_wire::{ApiError, ServiceError as _};
use millpond_work::WorkError;

use super::Batch;
use crate::error::FirehoseError;
use crate::lanes::Place;
use crate::process::Incoming;
use crate::record::Stamp;

/// Shards that are read at once.
const PARALLEL: usize = 4;
/// Records of one shard in a batch, as many as GetRecords gives.
const RECORDS: usize = 10_000;
/// Bytes of one shard in a batch, at least.
const LEAST: usize = 256 << 10;

/// Errors: InvalidArgumentException (there is no such stream, or the role may not read it).
pub fn check(kinesis: &Arc<Kinesis>, caller: &Caller, arn: &Arn) -> Result<(), FirehoseError> {
    match Source::open(Arc::clone(kinesis), caller.clone(), arn.clone()) {
        Ok(_) => Ok(()),
        Err(error) if error.code() == "ResourceNotFoundException" => {
            Err(FirehoseError::InvalidArgument(format!("Kinesis stream {arn} is not found.")))
        }
        Err(error) => Err(match ApiError::from(error) {
            error if error.is_server_fault() => FirehoseError::Api(error),
            denied => FirehoseError::InvalidArgument(denied.message),
        }),
    }
}

/// What each shard has from its place on, together about `limit` bytes. A shard that has no place yet is read from
/// `since` on.
pub async fn read(
    kinesis: &Arc<Kinesis>,
    caller: &Caller,
    arn: &Arn,
    since: Timestamp,
    place: impl Fn(&str) -> Place,
    limit: usize,
) -> Result<Vec<Batch>, WorkError> {
    let source = Source::open(Arc::clone(kinesis), caller.clone(), arn.clone()).map_err(ApiError::from)?;
    let shards = source.shards().map_err(ApiError::from)?;
    let bytes = (limit / shards.len().max(1)).max(LEAST);
    let reads = shards.into_iter().map(|shard| {
        let (source, place) = (&source, place(&shard));
        async move {
            // A place that does not parse was written by another version: the shard is delivered again.
            let cursor: Option<Cursor> = place.as_deref().and_then(|place| serde_json::from_str(place).ok());
            let cursor =
                cursor.map_or_else(|| source.start(&shard, Start::At(since)), Ok).map_err(ApiError::from)?;
            let read = source.read(&shard, cursor, RECORDS, bytes).await.map_err(ApiError::from)?;
            let end = serde_json::to_string(&read.next)?;
            Ok::<_, WorkError>(Batch {
                lane: shard,
                end,
                records: read.records.into_iter().map(incoming).collect(),
            })
        }
    });
    let batches: Vec<Batch> = stream::iter(reads).buffered(PARALLEL).try_collect().await?;
    Ok(batches.into_iter().filter(|batch| !batch.records.is_empty()).collect())
}

fn incoming(record: SourceRecord) -> Incoming {
    let stamp = Stamp { arrived: record.arrival, sequence_number: Some(record.sequence_number) };
    Incoming { data: record.data, stamp }
}
