//! The operations, by resource, and how their inputs name a stream.

pub mod check;
pub mod record;
pub mod shape;
pub mod shard;
pub mod stream;
pub mod tag;

use std::sync::Arc;

use millpond_core::Arn;
use millpond_gateway::{Call, Caller};

use crate::Kinesis;
use crate::api;
use crate::error::KinesisError;
use crate::model::stream::Status;
use crate::resolve;
use crate::streams::LiveStream;

/// An input that names a stream by name, by ARN, or by both.
pub trait NamesStream {
    fn name_and_arn(&self) -> (Option<&str>, Option<&str>);
}

macro_rules! names_stream {
    ($($input:ident)*) => { $(
        impl NamesStream for api::$input {
            fn name_and_arn(&self) -> (Option<&str>, Option<&str>) {
                (self.stream_name.as_deref(), self.stream_arn.as_deref())
            }
        }
    )* };
}
names_stream! {
    AddTagsToStreamInput DecreaseStreamRetentionPeriodInput DeleteStreamInput DescribeStreamInput
    DescribeStreamSummaryInput GetShardIteratorInput IncreaseStreamRetentionPeriodInput ListTagsForStreamInput
    PutRecordInput PutRecordsInput RemoveTagsFromStreamInput
}

/// The ARN of the stream that the input names: what the caller needs a permission for.
pub fn stream_arn(caller: &Caller, input: &impl NamesStream) -> Result<Arn, KinesisError> {
    let (name, arn) = input.name_and_arn();
    resolve::named(&caller.scope, name, arn)
}

/// The stream that the input names.
fn stream_of(call: &Call<Kinesis>, input: &impl NamesStream) -> Result<Arc<LiveStream>, KinesisError> {
    resolve::by_arn(&call.streams, &stream_arn(&call.caller, input)?)
}

/// The stream, if records can be written to it and read from it.
fn open_stream_of(call: &Call<Kinesis>, input: &impl NamesStream) -> Result<Arc<LiveStream>, KinesisError> {
    let stream = stream_of(call, input)?;
    match stream.is_open() {
        true => Ok(stream),
        // AWS says so also of a stream that is being created.
        false => Err(KinesisError::no_stream(&stream.record.scope, &stream.record.name)),
    }
}

/// Errors: ResourceInUseException, when the stream is not ACTIVE.
fn require_active(stream: &crate::model::stream::Stream) -> Result<(), KinesisError> {
    match stream.status {
        Status::Active => Ok(()),
        Status::Creating | Status::Deleting => Err(KinesisError::NotActive {
            name: stream.name.clone(),
            account: stream.scope.account.clone(),
            status: shape::status(stream.status).as_str(),
        }),
    }
}
