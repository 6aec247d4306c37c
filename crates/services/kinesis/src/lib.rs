//! Amazon Kinesis Data Streams: streams of shards, whose records are durable, ordered and read again until their retention ends.
//!
//! - `ops`: one function an operation, by resource. `api`: the wire's shapes, generated. `resolve`: names and ARNs.
//! - [`model`]: streams, shards, sequence numbers, iterators: pure.
//! - `store`: what is recorded, and the transactions. `streams`: the streams at work. `limits`: the limits of a shard.
//! - `records`: the records, in the journal. `worker`: background passes.
//! - [`source`]: the way in for other services of the same process.

pub mod api;
pub mod error;
mod limits;
pub mod model;
mod ops;
mod records;
mod resolve;
mod settings;
pub mod source;
mod store;
mod streams;
#[cfg(test)]
mod tests;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;

use millpond_core::{ByteSize, Clock, RootKey};
use millpond_gateway::{Action, Operations, ServiceInfo};
use millpond_journal::{Journal, JournalOptions};
use millpond_store::Store;
use millpond_work::{Tasks, Wake};

pub use error::KinesisError;
pub use settings::KinesisSettings;

use ops::{record, shard, stream, stream_arn, tag};
use records::appender::Appender;
use records::segments::Segments;
use streams::Streams;

/// The operations, each with the permission that it asks for and on what.
pub fn operations() -> Operations<Kinesis> {
    let info = ServiceInfo {
        name: api::ENDPOINT_PREFIX,
        signing_name: api::SIGNING_NAME,
        protocol: api::PROTOCOL,
        validation_code: "ValidationException",
        // 10 MiB of records in Base64, and what is around them.
        largest_body: ByteSize::mib(16),
        known_operations: api::OPERATIONS,
    };
    Operations::new(info)
        .op("AddTagsToStream", Action("kinesis:AddTagsToStream"), stream_arn, tag::add_tags_to_stream)
        .op("CreateStream", Action("kinesis:CreateStream"), stream::new_stream_arn, stream::create_stream)
        .op(
            "DecreaseStreamRetentionPeriod",
            Action("kinesis:DecreaseStreamRetentionPeriod"),
            stream_arn,
            stream::decrease_stream_retention_period,
        )
        .op("DeleteStream", Action("kinesis:DeleteStream"), stream_arn, stream::delete_stream)
        .op(
            "DescribeLimits",
            Action("kinesis:DescribeLimits"),
            stream::any_stream_arn,
            stream::describe_limits,
        )
        .op("DescribeStream", Action("kinesis:DescribeStream"), stream_arn, stream::describe_stream)
        .op(
            "DescribeStreamSummary",
            Action("kinesis:DescribeStreamSummary"),
            stream_arn,
            stream::describe_stream_summary,
        )
        .op("GetRecords", Action("kinesis:GetRecords"), record::read_stream, record::get_records)
        .op("GetShardIterator", Action("kinesis:GetShardIterator"), stream_arn, shard::get_shard_iterator)
        .op(
            "IncreaseStreamRetentionPeriod",
            Action("kinesis:IncreaseStreamRetentionPeriod"),
            stream_arn,
            stream::increase_stream_retention_period,
        )
        .op("ListShards", Action("kinesis:ListShards"), shard::listed_stream, shard::list_shards)
        .op("ListStreams", Action("kinesis:ListStreams"), stream::any_stream_arn, stream::list_streams)
        .op("ListTagsForStream", Action("kinesis:ListTagsForStream"), stream_arn, tag::list_tags_for_stream)
        .op("PutRecord", Action("kinesis:PutRecord"), stream_arn, record::put_record)
        .op("PutRecords", Action("kinesis:PutRecords"), stream_arn, record::put_records)
        .op(
            "RemoveTagsFromStream",
            Action("kinesis:RemoveTagsFromStream"),
            stream_arn,
            tag::remove_tags_from_stream,
        )
}

/// What Kinesis needs.
pub struct Deps {
    pub store: Store,
    /// The folder of the journal.
    pub journal: PathBuf,
    pub key: RootKey,
    pub clock: Clock,
    pub tasks: Tasks,
    pub settings: KinesisSettings,
}

/// The service.
pub struct Kinesis {
    store: Store,
    streams: Streams,
    segments: Arc<Segments>,
    appender: Appender,
    settings: KinesisSettings,
    clock: Clock,
    provision: Wake,
    trim: Wake,
}

impl Kinesis {
    /// Opens the journal, finds every shard's records, and starts the workers. Blocking: it reads the segments that were
    /// not closed, 64 MiB each at most (see [`KinesisSettings::segment_bytes`]), and a summary of every other.
    pub fn open(deps: Deps) -> Result<Arc<Self>, KinesisError> {
        let tasks = deps.tasks.clone();
        let kinesis = Self::take_up(deps)?;
        tasks.worker_woken_by(&kinesis.provision, worker::Provision(kinesis.clone()));
        tasks.worker_woken_by(&kinesis.trim, worker::Trim(kinesis.clone()));
        Ok(kinesis)
    }

    /// The service without its workers, whose passes are never to run side by side.
    fn take_up(deps: Deps) -> Result<Arc<Self>, KinesisError> {
        let Deps { store, journal, key, clock, tasks, settings } = deps;
        let options =
            JournalOptions { segment_bytes: settings.segment_bytes.as_u64(), ..JournalOptions::default() };
        let (journal, _) = Journal::open(&journal, &key.derive("journal/kinesis"), options)?;
        let streams = Streams::load(&store, settings.clone(), clock.clone())?;
        let (provision, trim) = (Wake::new(), Wake::new());
        let segments = Arc::new(Segments::take_up(journal, &store, &streams, trim.clone())?);
        let (appender, task) = Appender::new(settings.waiting_bytes, segments.clone(), clock.clone());
        tasks.spawn("kinesis.append", task.run(tasks.token().clone()));
        Ok(Arc::new(Self { store, streams, segments, appender, settings, clock, provision, trim }))
    }
}
