//! Streams: creating, describing, listing, deleting, retention.

use millpond_core::{Arn, PageToken};
use millpond_gateway::{Call, Caller};
use uuid::Uuid;

use crate::Kinesis;
use crate::api;
use crate::error::KinesisError;
use crate::model::stream::{self, MAX_RETENTION_HOURS, MIN_RETENTION_HOURS, Status, Stream};
use crate::ops::{check, require_active, shape, stream_of};
use crate::store;

/// How many a page has when the request does not say.
const PAGE: i32 = 100;

pub fn new_stream_arn(caller: &Caller, input: &api::CreateStreamInput) -> Arn {
    stream::arn(&caller.scope, &input.stream_name)
}

pub fn any_stream_arn<I>(caller: &Caller, _input: &I) -> Arn {
    stream::arn(&caller.scope, "*")
}

/// Reserves the name and records the stream as CREATING; `worker::Provision` makes it ACTIVE.
///
/// Errors: ResourceInUseException (the name is taken), LimitExceededException (the account's quota of shards or of on-demand
/// streams), InvalidArgumentException (tags), ValidationException (the mode and the count of shards).
/// Source: AWS Kinesis API reference, CreateStream.
/// Differs from AWS: on-demand streams keep the four shards that they open with, and have no limits on writing and reading.
pub async fn create_stream(call: Call<Kinesis>, input: api::CreateStreamInput) -> Result<(), KinesisError> {
    let wanted = check::opening(input)?;
    let scope = call.scope().clone();
    let name = wanted.name.clone();
    // Not kinesis:TagResource, as AWS's reference says.
    call.caller.authorize_tags("kinesis:AddTagsToStream", &stream::arn(&scope, &name), &wanted.tags)?;
    let stream = Stream::opening(Uuid::new_v4(), scope.clone(), wanted, call.clock().now());
    store::insert_stream(&call.store, stream, &call.settings).await?;
    call.streams.refresh(&call.store, &scope, &name)?;
    call.provision.wake();
    Ok(())
}

/// Records the stream as DELETING; `worker::Provision` removes it, and its records go with their segments.
///
/// Errors: ResourceNotFoundException. A stream that is being deleted already is left to it.
/// Source: AWS Kinesis API reference, DeleteStream. There are no registered consumers that would have to be enforced upon.
pub async fn delete_stream(call: Call<Kinesis>, input: api::DeleteStreamInput) -> Result<(), KinesisError> {
    let live = stream_of(&call, &input)?;
    store::update_stream(&call.store, &live.record, |stream| {
        stream.status = Status::Deleting;
        Ok(())
    })
    .await?;
    call.streams.refresh(&call.store, &live.record.scope, &live.record.name)?;
    call.provision.wake();
    Ok(())
}

/// The account's quotas in the region, and what is used of them.
///
/// Source: AWS Kinesis API reference, DescribeLimits.
pub async fn describe_limits(
    call: Call<Kinesis>,
    _input: api::DescribeLimitsInput,
) -> Result<api::DescribeLimitsOutput, KinesisError> {
    let usage = store::usage(&call.store.read()?, call.scope())?;
    Ok(api::DescribeLimitsOutput {
        shard_limit: shape::number(call.settings.shard_quota),
        open_shard_count: shape::number(usage.shards),
        on_demand_stream_count: shape::number(usage.on_demand_streams),
        on_demand_stream_count_limit: shape::number(call.settings.on_demand_stream_quota),
        channel_count: None,
        channel_count_limit: None,
    })
}

/// The stream and a page of its shards.
///
/// Errors: ResourceNotFoundException, InvalidArgumentException (the shard's id).
/// Source: AWS Kinesis API reference, DescribeStream.
pub async fn describe_stream(
    call: Call<Kinesis>,
    input: api::DescribeStreamInput,
) -> Result<api::DescribeStreamOutput, KinesisError> {
    let live = stream_of(&call, &input)?;
    let after = input.exclusive_start_shard_id.as_deref().map(check::after_shard).transpose()?;
    let limit = input.limit.unwrap_or(PAGE).unsigned_abs() as usize;
    let mut shards = live.record.shards.iter().filter(|shard| after.is_none_or(|after| shard.number > after));
    let page = shards.by_ref().take(limit).map(shape::shard).collect();
    let has_more = shards.next().is_some();
    Ok(api::DescribeStreamOutput { stream_description: shape::description(&live.record, page, has_more) })
}

/// The stream without its shards.
///
/// Errors: ResourceNotFoundException.
/// Source: AWS Kinesis API reference, DescribeStreamSummary.
pub async fn describe_stream_summary(
    call: Call<Kinesis>,
    input: api::DescribeStreamSummaryInput,
) -> Result<api::DescribeStreamSummaryOutput, KinesisError> {
    let live = stream_of(&call, &input)?;
    Ok(api::DescribeStreamSummaryOutput {
        stream_description_summary: shape::description_summary(&live.record),
    })
}

/// The account's streams in the region, in the order of their names.
///
/// Errors: InvalidArgumentException (NextToken).
/// Source: AWS Kinesis API reference, ListStreams.
pub async fn list_streams(
    call: Call<Kinesis>,
    input: api::ListStreamsInput,
) -> Result<api::ListStreamsOutput, KinesisError> {
    let scope = call.scope();
    let question = format!("kinesis.ListStreams {} {}", scope.account, scope.region);
    let after = match (input.next_token, input.exclusive_start_stream_name) {
        (Some(token), _) => {
            let after: String = PageToken::decode(&token, &question)
                .map_err(|_| KinesisError::argument("The NextToken is not one that ListStreams gave."))?;
            Some(after)
        }
        (None, after) => after,
    };
    let limit = input.limit.unwrap_or(PAGE).unsigned_abs() as usize;
    let mut page = call.streams.page(scope, after.as_deref(), limit + 1);
    let has_more_streams = page.len() > limit;
    page.truncate(limit);
    let last = page.last().filter(|_| has_more_streams);
    Ok(api::ListStreamsOutput {
        stream_names: page.iter().map(|stream| stream.record.name.clone()).collect(),
        has_more_streams,
        next_token: last.map(|stream| PageToken::encode(&stream.record.name, &question)),
        stream_summaries: Some(page.iter().map(|stream| shape::summary(&stream.record)).collect()),
    })
}

/// Lengthens the retention. What was out of reach stays so.
///
/// Errors: ResourceNotFoundException, ResourceInUseException (the stream is not ACTIVE), InvalidArgumentException (beyond 24 to
/// 8,760 hours, or shorter than now). Source: AWS Kinesis API reference, IncreaseStreamRetentionPeriod.
pub async fn increase_stream_retention_period(
    call: Call<Kinesis>,
    input: api::IncreaseStreamRetentionPeriodInput,
) -> Result<(), KinesisError> {
    let live = stream_of(&call, &input)?;
    set_retention(&call, &live.record, input.retention_period_hours, |stream, hours| {
        match hours < stream.retention_hours {
            true => Err(retention_error(stream, hours, "shorter", "DecreaseRetentionPeriod")),
            false => Ok(()),
        }
    })
    .await
}

/// Shortens the retention. What is older is out of reach at once.
///
/// Errors: ResourceNotFoundException, ResourceInUseException (the stream is not ACTIVE), InvalidArgumentException (beyond 24 to
/// 8,760 hours, or longer than now). Source: AWS Kinesis API reference, DecreaseStreamRetentionPeriod.
pub async fn decrease_stream_retention_period(
    call: Call<Kinesis>,
    input: api::DecreaseStreamRetentionPeriodInput,
) -> Result<(), KinesisError> {
    let live = stream_of(&call, &input)?;
    set_retention(&call, &live.record, input.retention_period_hours, |stream, hours| {
        match hours > stream.retention_hours {
            true => Err(retention_error(stream, hours, "longer", "IncreaseRetentionPeriod")),
            false => Ok(()),
        }
    })
    .await
}

fn retention_error(stream: &Stream, hours: u32, what: &str, other: &str) -> KinesisError {
    KinesisError::argument(format!(
        "Requested retention period ({hours} hours) for stream {} can not be {what} than existing retention period ({} \
         hours). Use {other} API.",
        stream.name, stream.retention_hours
    ))
}

async fn set_retention(
    call: &Call<Kinesis>,
    of: &Stream,
    hours: i32,
    allowed: fn(&Stream, u32) -> Result<(), KinesisError>,
) -> Result<(), KinesisError> {
    if hours < MIN_RETENTION_HOURS {
        return Err(KinesisError::argument(format!(
            "Minimum allowed retention period is {MIN_RETENTION_HOURS} hours. Requested retention period ({hours} hours) \
             is too short."
        )));
    }
    if hours > MAX_RETENTION_HOURS {
        return Err(KinesisError::argument(format!(
            "Maximum allowed retention period is {MAX_RETENTION_HOURS} hours. Requested retention period ({hours} hours) \
             is too long."
        )));
    }
    let (hours, now) = (hours.unsigned_abs(), call.clock().now());
    store::update_stream(&call.store, of, move |stream| {
        require_active(stream)?;
        allowed(stream, hours)?;
        stream.set_retention(hours, now);
        Ok(())
    })
    .await?;
    call.streams.refresh(&call.store, &of.scope, &of.name)?;
    call.trim.wake();
    Ok(())
}
