//! Amazon Data Firehose: delivery streams, from records that are put or a Kinesis stream to objects in S3.
//!
//! - `ops`: one function an operation. `api`: the wire's shapes, generated. `model`, `store`: streams and how they are kept.
//! - `delivery`: one worker a stream: reads a source, fills buffers, puts objects, moves the checkpoint.
//!   `source`: the journal of a DirectPut stream, or a Kinesis stream. `lanes`: checkpoints. `memory`: the common bound.
//!   `roles`: as whom. `troubles`: why it does not deliver.
//! - Pure: `plan` (a destination, compiled), `prefix` and `java_time`, `record` (JSON, jq, de-aggregation), `process`,
//!   `buffer`, `convert` (JSON to Parquet), `compress`, `failure` (error records), `object`.
//! - [`fuzz`]: entries for a fuzzer of prefixes and time patterns.
//!
//! Invariant: a record that was acknowledged, or that a Kinesis stream holds, is behind the checkpoint until its object
//! (or its error record's) is durable in S3.

pub mod api;
mod buffer;
mod compress;
mod convert;
mod delivery;
mod error;
mod failure;
pub mod fuzz;
mod java_time;
mod lanes;
mod memory;
mod model;
mod object;
mod ops;
mod plan;
mod prefix;
mod process;
mod record;
mod roles;
mod source;
mod store;
mod troubles;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use millpond_core::{Arn, ByteSize, Clock, RootKey};
use millpond_gateway::{Action, Caller, Operations, Roles, ServiceInfo};
use millpond_glue::Glue;
use millpond_kinesis::Kinesis;
use millpond_s3::S3;
use millpond_store::Store;
use millpond_work::{Tasks, Wake};
use uuid::Uuid;

use delivery::{Context, Delivery};
pub use error::FirehoseError;
use memory::Memory;
use model::Stream;
use source::inbox::Inboxes;
use store::StreamStore;
use troubles::Troubles;

/// What Firehose needs.
pub struct Deps {
    pub store: Store,
    /// The folder of the journals of DirectPut streams.
    pub journals: PathBuf,
    pub key: RootKey,
    pub clock: Clock,
    pub tasks: Tasks,
    pub kinesis: Arc<Kinesis>,
    pub glue: Glue,
    pub s3: S3,
    pub roles: Arc<dyn Roles>,
}

/// The service.
pub struct Firehose {
    context: Context,
    tasks: Tasks,
    /// Wakes the delivery worker of a stream, by its id.
    workers: Mutex<HashMap<Uuid, Wake>>,
}

impl Firehose {
    /// Starts the delivery of every stream where it was left.
    ///
    /// Errors: those of the store.
    pub fn open(deps: Deps) -> Result<Arc<Self>, FirehoseError> {
        let Deps { store, journals, key, clock, tasks, kinesis, glue, s3, roles } = deps;
        let store = StreamStore::new(store);
        let streams = store.all()?;
        let inboxes = Inboxes::new(journals, key.derive("journal/firehose"));
        let (memory, troubles) = (Memory::default(), Troubles::default());
        let context = Context { store, inboxes, clock, kinesis, glue, s3, roles, memory, troubles };
        let firehose = Arc::new(Self { context, tasks, workers: Mutex::default() });
        for stream in streams {
            firehose.start(stream);
        }
        Ok(firehose)
    }

    fn store(&self) -> &StreamStore {
        &self.context.store
    }

    fn inboxes(&self) -> &Inboxes {
        &self.context.inboxes
    }

    /// Starts the delivery worker of a stream.
    fn start(&self, stream: Stream) {
        let id = stream.id;
        let wake = self.tasks.worker(Delivery::new(stream, self.context.clone()));
        self.workers().insert(id, wake);
    }

    /// There is something to deliver, or another configuration.
    fn wake(&self, id: Uuid) {
        if let Some(wake) = self.workers().get(&id) {
            wake.wake();
        }
    }

    /// The stream is DELETING: its worker is told for the last time.
    fn finish(&self, id: Uuid) {
        if let Some(wake) = self.workers().remove(&id) {
            wake.wake();
        }
    }

    fn workers(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Wake>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the stream's last delivery failed, if it did.
    fn trouble(&self, id: Uuid) -> Option<String> {
        self.context.troubles.of(id)
    }
}

/// The table of operations, in the order of AWS's reference.
pub fn operations() -> Operations<Firehose> {
    let info = ServiceInfo {
        name: "firehose",
        signing_name: api::SIGNING_NAME,
        protocol: api::PROTOCOL,
        validation_code: "ValidationException",
        largest_body: ByteSize::mib(8),
        known_operations: api::OPERATIONS,
    };
    Operations::new(info)
        .op(
            api::op::CREATE_DELIVERY_STREAM,
            Action("firehose:CreateDeliveryStream"),
            of_stream,
            ops::stream::create_delivery_stream,
        )
        .op(
            api::op::DELETE_DELIVERY_STREAM,
            Action("firehose:DeleteDeliveryStream"),
            of_stream,
            ops::stream::delete_delivery_stream,
        )
        .op(
            api::op::DESCRIBE_DELIVERY_STREAM,
            Action("firehose:DescribeDeliveryStream"),
            of_stream,
            ops::stream::describe_delivery_stream,
        )
        .op(
            api::op::LIST_DELIVERY_STREAMS,
            Action("firehose:ListDeliveryStreams"),
            |caller: &Caller, _: &api::ListDeliveryStreamsInput| model::arn(&caller.scope, "*"),
            ops::stream::list_delivery_streams,
        )
        .op(
            api::op::LIST_TAGS_FOR_DELIVERY_STREAM,
            Action("firehose:ListTagsForDeliveryStream"),
            of_stream,
            ops::tag::list_tags_for_delivery_stream,
        )
        .op(api::op::PUT_RECORD, Action("firehose:PutRecord"), of_stream, ops::record::put_record)
        .op(
            api::op::PUT_RECORD_BATCH,
            Action("firehose:PutRecordBatch"),
            of_stream,
            ops::record::put_record_batch,
        )
        .op(
            api::op::TAG_DELIVERY_STREAM,
            Action("firehose:TagDeliveryStream"),
            of_stream,
            ops::tag::tag_delivery_stream,
        )
        .op(
            api::op::UNTAG_DELIVERY_STREAM,
            Action("firehose:UntagDeliveryStream"),
            of_stream,
            ops::tag::untag_delivery_stream,
        )
        .op(
            api::op::UPDATE_DESTINATION,
            Action("firehose:UpdateDestination"),
            of_stream,
            ops::stream::update_destination,
        )
}

/// An input that names a delivery stream.
trait NamesStream {
    fn name(&self) -> &str;
}

macro_rules! names_stream {
    ($($input:ident),* $(,)?) => {
        $(impl NamesStream for api::$input {
            fn name(&self) -> &str {
                &self.delivery_stream_name
            }
        })*
    };
}

names_stream!(
    CreateDeliveryStreamInput,
    DeleteDeliveryStreamInput,
    DescribeDeliveryStreamInput,
    ListTagsForDeliveryStreamInput,
    PutRecordInput,
    PutRecordBatchInput,
    TagDeliveryStreamInput,
    UntagDeliveryStreamInput,
    UpdateDestinationInput,
);

fn of_stream(caller: &Caller, input: &impl NamesStream) -> Arn {
    model::arn(&caller.scope, input.name())
}
