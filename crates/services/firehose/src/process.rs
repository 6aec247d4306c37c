//! From a record that came in to the buffer that it belongs to: de-aggregation, partition keys, failures.

use std::io;

use bytes::Bytes;
use millpond_core::Timestamp;

use crate::buffer::Target;
use crate::failure::{ErrorOutputType, Failure};
use crate::plan::Plan;
use crate::prefix::MAX_EVALUATED;
use crate::record::Stamp;
use crate::record::jq::{KeyError, Room};

/// A record as its source gave it.
#[derive(Debug, Clone)]
pub struct Incoming {
    pub data: Bytes,
    pub stamp: Stamp,
}

/// Bytes for a buffer: a record, one of its sub-records, or the error record of either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    pub target: Target,
    pub data: Bytes,
    pub stamp: Stamp,
}

/// Error codes of dynamic partitioning, as they stand in error records.
const EXTRACTION_FAILED: &str = "DynamicPartitioning.MetadataExtractionFailed";
const DEAGGREGATION_FAILED: &str = "DynamicPartitioning.DeaggregationFailed";
pub const PARTITION_LIMIT: &str = "DynamicPartitioning.ActivePartitionLimitExceeded";

/// Where each record goes. Pure but for the processor time that it takes, and for a thread for expressions.
pub fn route(plan: &Plan, records: &[Incoming], now: Timestamp) -> io::Result<Vec<Routed>> {
    match &plan.query {
        None => Ok(route_by(plan, &|_| Ok(Vec::new()), records, now)),
        Some(query) => Room::with(|room| route_by(plan, &|record| query.keys(room, record), records, now)),
    }
}

type Keys<'a> = dyn Fn(&[u8]) -> Result<Vec<String>, KeyError> + 'a;

fn route_by(plan: &Plan, keys: &Keys<'_>, records: &[Incoming], now: Timestamp) -> Vec<Routed> {
    let mut routed = Vec::with_capacity(records.len());
    for record in records {
        match &plan.split {
            None => routed.push(route_one(keys, record.stamp, record.data.clone(), now)),
            Some(split) => match split.split(&record.data) {
                Ok(pieces) => {
                    let pieces = pieces.into_iter().map(|piece| record.data.slice(piece));
                    routed.extend(pieces.map(|piece| route_one(keys, record.stamp, piece, now)));
                }
                Err(error) => {
                    routed.push(failed(record.stamp, &record.data, DEAGGREGATION_FAILED, &error, now))
                }
            },
        }
    }
    routed
}

fn route_one(keys: &Keys<'_>, stamp: Stamp, data: Bytes, now: Timestamp) -> Routed {
    match keys(&data) {
        Ok(keys) if keys.iter().map(String::len).sum::<usize>() > MAX_EVALUATED => {
            let error = "The evaluated prefix is longer than 512 characters";
            failed(stamp, &data, EXTRACTION_FAILED, &error, now)
        }
        Ok(keys) => Routed { target: Target::Data(keys), data, stamp },
        Err(error) => failed(stamp, &data, EXTRACTION_FAILED, &error, now),
    }
}

/// The error record of `data`, a record or a part of it.
pub fn failed(
    stamp: Stamp,
    data: &[u8],
    code: &str,
    message: &dyn std::fmt::Display,
    now: Timestamp,
) -> Routed {
    let kind = ErrorOutputType::ProcessingFailed;
    let mut line = Vec::new();
    let failure = Failure { kind, code, message: &message.to_string(), stamp, ended: now, data, table: None };
    failure.write(&mut line);
    Routed { target: Target::Failed(kind), data: line.into(), stamp }
}
