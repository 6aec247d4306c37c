//! Records that are put directly.

use bytes::Bytes;
use millpond_gateway::Call;

use crate::Firehose;
use crate::api;
use crate::error::FirehoseError;
use crate::model::{Source, State};

/// The records of one request together.
const MAX_BATCH: usize = 4 << 20;

/// Makes the record durable in the stream's journal.
///
/// Errors: ResourceNotFoundException, InvalidArgumentException (the stream has another source),
/// ServiceUnavailableException (too much waits for delivery).
/// Source: Amazon Data Firehose API reference, PutRecord.
pub async fn put_record(
    call: Call<Firehose>,
    input: api::PutRecordInput,
) -> Result<api::PutRecordOutput, FirehoseError> {
    let ids = put(&call, &input.delivery_stream_name, &[input.record.data]).await?;
    let record_id = ids.into_iter().next().unwrap_or_default();
    Ok(api::PutRecordOutput { record_id, encrypted: Some(false) })
}

/// Makes all records durable with one write: none of them fails alone.
///
/// Errors: as PutRecord, and InvalidArgumentException (more than 4 MiB together).
/// Source: Amazon Data Firehose API reference, PutRecordBatch.
pub async fn put_record_batch(
    call: Call<Firehose>,
    input: api::PutRecordBatchInput,
) -> Result<api::PutRecordBatchOutput, FirehoseError> {
    let records: Vec<Bytes> = input.records.into_iter().map(|record| record.data).collect();
    if records.iter().map(Bytes::len).sum::<usize>() > MAX_BATCH {
        return Err(FirehoseError::InvalidArgument("Records size exceeds 4 MB limit".to_owned()));
    }
    let ids = put(&call, &input.delivery_stream_name, &records).await?;
    let entry =
        |id| api::PutRecordBatchResponseEntry { record_id: Some(id), error_code: None, error_message: None };
    Ok(api::PutRecordBatchOutput {
        failed_put_count: 0,
        encrypted: Some(false),
        request_responses: ids.into_iter().map(entry).collect(),
    })
}

async fn put(call: &Call<Firehose>, name: &str, records: &[Bytes]) -> Result<Vec<String>, FirehoseError> {
    let stream = call.svc.store().get(call.scope(), name)?;
    if let Source::Kinesis { .. } = stream.source {
        return Err(FirehoseError::NotDirectPut("Kinesis"));
    }
    match stream.state {
        State::Active => {}
        // AWS knows a stream for its producers from the time that it is ACTIVE.
        State::Creating | State::Deleting => return Err(crate::store::not_found(call.scope(), name)),
    }
    let ids = call.svc.inboxes().open(stream.id).await?.put(records, call.clock().now()).await?;
    call.svc.wake(stream.id);
    Ok(ids)
}
