//! Records: putting and getting them.

use std::sync::Arc;

use millpond_core::Arn;
use millpond_gateway::{Call, Caller};

use crate::Kinesis;
use crate::api;
use crate::error::KinesisError;
use crate::model::iterator::ShardIterator;
use crate::model::sequence::{Index, SequenceNumber};
use crate::model::stream;
use crate::ops::shard::iterator;
use crate::ops::{check, open_stream_of, shape};
use crate::records::appender::Group;
use crate::records::frame::NewRecord;
use crate::records::read::{AtMost, read};
use crate::streams::{LiveStream, Shard};

/// The data and partition keys of one PutRecords.
const PUT_BYTES: usize = 10 << 20;

/// What one GetRecords gives.
const GET_RECORDS: usize = 10_000;
const GET_BYTES: usize = 10 << 20;

/// The error of a record of PutRecords, and of PutRecord, when its shard's second is full.
fn rate_exceeded(live: &LiveStream, shard: &Shard) -> KinesisError {
    let (name, account) = (live.record.name.clone(), live.record.scope.account.clone());
    KinesisError::RateExceeded { shard: shard.id(), name, account }
}

/// Stores one record; it is on disk when this returns.
///
/// Errors: ResourceNotFoundException, ProvisionedThroughputExceededException (the shard's second is full), InvalidArgumentException
/// (the hash key, the sequence number for ordering), ValidationException (too large).
/// Source: AWS Kinesis API reference, PutRecord. Every number is above all earlier ones of its shard, so that
/// SequenceNumberForOrdering is kept by itself; one that was never given out is refused.
pub async fn put_record(
    call: Call<Kinesis>,
    input: api::PutRecordInput,
) -> Result<api::PutRecordOutput, KinesisError> {
    let live = open_stream_of(&call, &input)?;
    let path = String::new;
    let (record, hash) = check::record(
        &live.record,
        path,
        input.data,
        input.partition_key,
        input.explicit_hash_key.as_deref(),
    )?;
    let shard = live.shard_of_hash(hash).clone();
    if let Some(text) = &input.sequence_number_for_ordering {
        check_ordering(&live, text)?;
    }
    if !shard.admits_write(record.size()) {
        return Err(rate_exceeded(&live, &shard));
    }
    let places = call.appender.append(vec![Group { shard: shard.clone(), records: vec![record] }]).await?;
    let index = places.first().copied().unwrap_or_default();
    Ok(api::PutRecordOutput {
        shard_id: shard.id(),
        sequence_number: shard.sequence_number(index).to_string(),
        encryption_type: Some(api::EncryptionType::None),
    })
}

fn check_ordering(live: &LiveStream, text: &str) -> Result<(), KinesisError> {
    let known = SequenceNumber::parse(text).is_some_and(|number| {
        live.shard(number.shard).is_some_and(|shard| {
            number.created_secs == shard.record.starting_number().created_secs
                && number.index < shard.log.end()
        })
    });
    match known {
        true => Ok(()),
        false => Err(KinesisError::argument(format!(
            "ExclusiveMinimumSequenceNumber {text} used in PutRecord on stream {} under account {} is invalid because it \
             did not come from this stream.",
            live.record.name, live.record.scope.account
        ))),
    }
}

/// Stores up to 500 records; those that are answered with a sequence number are on disk when this returns.
///
/// Errors: as PutRecord; a shard whose second is full fails only the records that are for it, each in its place in the answer.
/// Source: AWS Kinesis API reference, PutRecords.
pub async fn put_records(
    call: Call<Kinesis>,
    input: api::PutRecordsInput,
) -> Result<api::PutRecordsOutput, KinesisError> {
    let live = open_stream_of(&call, &input)?;
    let mut batch = Batch::new(&live);
    let mut bytes = 0;
    for (entry, number) in input.records.into_iter().zip(1..) {
        let path = || format!("records.{number}.member.");
        let hash_key = entry.explicit_hash_key.as_deref();
        let (record, hash) = check::record(&live.record, path, entry.data, entry.partition_key, hash_key)?;
        bytes += record.size();
        if bytes > PUT_BYTES {
            return Err(KinesisError::argument("Records size exceeds 10 MB limit"));
        }
        batch.sort(record, hash);
    }
    let Batch { groups, fates, .. } = batch.admit();
    let shards: Vec<Arc<Shard>> = groups.iter().map(|group| group.shard.clone()).collect();
    let places = if groups.is_empty() { Vec::new() } else { call.appender.append(groups).await? };
    let failed = fates.iter().filter(|fate| matches!(fate, Fate::Refused(_))).count();
    let results = fates.into_iter().map(|fate| match fate {
        Fate::Stored { group, place } => stored(&shards[group], places[group].plus(place)),
        Fate::Refused(shard) => refused(&rate_exceeded(&live, &shard)),
    });
    Ok(api::PutRecordsOutput {
        failed_record_count: Some(shape::number(failed)),
        records: results.collect(),
        encryption_type: Some(api::EncryptionType::None),
    })
}

fn stored(shard: &Shard, index: Index) -> api::PutRecordsResultEntry {
    api::PutRecordsResultEntry {
        sequence_number: Some(shard.sequence_number(index).to_string()),
        shard_id: Some(shard.id()),
        ..Default::default()
    }
}

fn refused(error: &KinesisError) -> api::PutRecordsResultEntry {
    use millpond_wire::ServiceError as _;
    api::PutRecordsResultEntry {
        error_code: Some(error.code().to_owned()),
        error_message: Some(error.to_string()),
        ..Default::default()
    }
}

/// What becomes of a record of PutRecords.
enum Fate {
    Stored { group: usize, place: u64 },
    Refused(Arc<Shard>),
}

/// The records of a PutRecords, sorted by shard.
struct Batch<'a> {
    live: &'a LiveStream,
    sorted: Vec<(NewRecord, u128)>,
    groups: Vec<Group>,
    fates: Vec<Fate>,
}

impl<'a> Batch<'a> {
    fn new(live: &'a LiveStream) -> Self {
        Self { live, sorted: Vec::new(), groups: Vec::new(), fates: Vec::new() }
    }

    fn sort(&mut self, record: NewRecord, hash: u128) {
        self.sorted.push((record, hash));
    }

    /// Asks every record's shard, now that the whole request is known to be well formed.
    fn admit(mut self) -> Self {
        let mut group_of = vec![usize::MAX; self.live.shards().len()];
        for (record, hash) in std::mem::take(&mut self.sorted) {
            let shard = self.live.shard_of_hash(hash);
            if !shard.admits_write(record.size()) {
                self.fates.push(Fate::Refused(shard.clone()));
                continue;
            }
            let group = &mut group_of[shard.record.number as usize];
            if *group == usize::MAX {
                *group = self.groups.len();
                self.groups.push(Group { shard: shard.clone(), records: Vec::new() });
            }
            let records = &mut self.groups[*group].records;
            self.fates.push(Fate::Stored { group: *group, place: records.len() as u64 });
            records.push(record);
        }
        self
    }
}

fn decoded(input: &api::GetRecordsInput) -> Result<ShardIterator, KinesisError> {
    let iterator = ShardIterator::decode(&input.shard_iterator)
        .ok_or_else(|| KinesisError::argument("Invalid ShardIterator."))?;
    let arn = stream::arn(&iterator.scope, &iterator.name).to_string();
    match input.stream_arn.as_deref().is_none_or(|named| named == arn) {
        true => Ok(iterator),
        false => {
            Err(KinesisError::argument("The ShardIterator is not one of the stream that StreamARN names."))
        }
    }
}

/// The stream that the iterator reads.
pub fn read_stream(_caller: &Caller, input: &api::GetRecordsInput) -> Result<Arn, KinesisError> {
    let iterator = decoded(input)?;
    Ok(stream::arn(&iterator.scope, &iterator.name))
}

/// The records from the iterator on: up to 10,000 or 10 MiB of them, and where to read on.
///
/// Errors: ResourceNotFoundException (the stream is gone), ExpiredIteratorException (after five minutes), InvalidArgumentException (no
/// iterator), ProvisionedThroughputExceededException (five calls or 2 MiB a second).
/// Source: AWS Kinesis API reference, GetRecords.
pub async fn get_records(
    call: Call<Kinesis>,
    input: api::GetRecordsInput,
) -> Result<api::GetRecordsOutput, KinesisError> {
    let from = decoded(&input)?;
    let now = call.clock().now();
    if from.is_expired(now) {
        return Err(KinesisError::ExpiredIterator { made: from.made, now });
    }
    let gone = || KinesisError::no_stream(&from.scope, &from.name);
    let live = call
        .streams
        .get(&from.scope, &from.name)
        .filter(|live| live.record.id == from.stream && live.is_open());
    let live = live.ok_or_else(gone)?;
    let shard = live.shard(from.shard).ok_or_else(gone)?.clone();
    if !shard.admits_read() {
        return Err(rate_exceeded(&live, &shard));
    }
    let first = from.from.max(Index::at(live.record.horizon(now)));
    let at_most = AtMost {
        records: input.limit.map_or(GET_RECORDS, |limit| limit.unsigned_abs() as usize),
        bytes: GET_BYTES,
    };
    let batch = read(&call.segments, &shard, first, at_most).await?;
    shard.count_read(batch.bytes);
    let millis_behind_latest = Some(batch.millis_behind(&shard, now));
    let next_shard_iterator = Some(iterator(&live, &shard, batch.next, now).encode());
    let records = batch.records.into_iter().map(|record| api::Record {
        sequence_number: shard.sequence_number(record.index).to_string(),
        approximate_arrival_timestamp: Some(record.index.arrival()),
        data: record.data,
        partition_key: Some(record.partition_key),
        encryption_type: Some(api::EncryptionType::None),
    });
    Ok(api::GetRecordsOutput {
        records: records.collect(),
        next_shard_iterator,
        millis_behind_latest,
        child_shards: None,
    })
}
