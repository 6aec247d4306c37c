//! Shards: listing them, and iterators.

use millpond_core::{Arn, PageToken, Scope, Timestamp};
use millpond_gateway::{Call, Caller};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Kinesis;
use crate::api;
use crate::error::KinesisError;
use crate::model::iterator::{LIFETIME_MILLIS, ShardIterator};
use crate::model::sequence::{Index, SequenceNumber};
use crate::model::shards::{Filter, named_by};
use crate::model::stream;
use crate::ops::{check, open_stream_of, shape};
use crate::resolve;
use crate::streams::{LiveStream, Shard};

/// How many shards a page has when the request does not say.
const PAGE: i32 = 1_000;

/// Where to read a shard from, by one of the five types.
///
/// Errors: ResourceNotFoundException (stream or shard), InvalidArgumentException (a sequence number of another shard, a timestamp
/// ahead of now, or one that is missing).
/// Source: AWS Kinesis API reference, GetShardIterator.
pub async fn get_shard_iterator(
    call: Call<Kinesis>,
    input: api::GetShardIteratorInput,
) -> Result<api::GetShardIteratorOutput, KinesisError> {
    let live = open_stream_of(&call, &input)?;
    let shard = resolve::shard(&live, &input.shard_id)?;
    let now = call.clock().now();
    let from = first_place(&live, shard, &input, now)?;
    let iterator = iterator(&live, shard, from, now).encode();
    Ok(api::GetShardIteratorOutput { shard_iterator: Some(iterator) })
}

pub fn iterator(live: &LiveStream, shard: &Shard, from: Index, now: Timestamp) -> ShardIterator {
    ShardIterator {
        scope: live.record.scope.clone(),
        name: live.record.name.clone(),
        stream: live.record.id,
        shard: shard.record.number,
        from,
        made: now,
    }
}

fn first_place(
    live: &LiveStream,
    shard: &Shard,
    input: &api::GetShardIteratorInput,
    now: Timestamp,
) -> Result<Index, KinesisError> {
    use api::ShardIteratorType as Type;
    let kind = input.shard_iterator_type;
    match (kind, input.starting_sequence_number.as_deref(), input.timestamp) {
        (Type::AtSequenceNumber, Some(text), _) => known_number(live, shard, text).map(|number| number.index),
        (Type::AfterSequenceNumber, Some(text), _) => {
            known_number(live, shard, text).map(|number| number.index.plus(1))
        }
        (Type::TrimHorizon, None, _) => Ok(Index::FIRST),
        (Type::Latest, None, _) => Ok(shard.log.end()),
        (Type::AtTimestamp, None, Some(at)) if at <= now => Ok(Index::at(at)),
        (Type::AtTimestamp, None, Some(at)) => Err(KinesisError::argument(format!(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: {}, \
             currentTimestampInMillis: {}",
            at.as_millis(),
            now.as_millis()
        ))),
        (Type::AtTimestamp, None, None) => Err(KinesisError::argument(
            "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp \
             parameter.",
        )),
        (_, number, _) => Err(KinesisError::argument(format!(
            "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) \
             TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {} and {}.",
            kind.as_str(),
            if number.is_some() { "also a StartingSequenceNumber" } else { "no StartingSequenceNumber" }
        ))),
    }
}

/// A sequence number that this shard gave out, or its starting one.
fn known_number(live: &LiveStream, shard: &Shard, text: &str) -> Result<SequenceNumber, KinesisError> {
    let known = SequenceNumber::parse(text).filter(|number| {
        let start = shard.record.starting_number();
        (number.shard, number.created_secs) == (start.shard, start.created_secs)
            && number.index >= start.index
            && number.index < shard.log.end()
    });
    known.ok_or_else(|| {
        KinesisError::argument(format!(
            "StartingSequenceNumber {text} used in GetShardIterator on shard {} in stream {} under account {} is invalid \
             because it did not come from this stream.",
            shard.id(),
            live.record.name,
            live.record.scope.account
        ))
    })
}

/// What a NextToken of ListShards holds: the whole question.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ShardsToken {
    scope: Scope,
    name: String,
    stream: Uuid,
    filter: Filter,
    after: u32,
    made: Timestamp,
}

const TOKEN_QUESTION: &str = "kinesis.ListShards";

fn token(text: &str) -> Result<ShardsToken, KinesisError> {
    PageToken::decode(text, TOKEN_QUESTION).map_err(|_| KinesisError::argument("Invalid NextToken."))
}

/// The stream that ListShards is about: the one that it names, or the one of its NextToken.
pub fn listed_stream(caller: &Caller, input: &api::ListShardsInput) -> Result<Arn, KinesisError> {
    match &input.next_token {
        None => resolve::named(&caller.scope, input.stream_name.as_deref(), input.stream_arn.as_deref()),
        Some(text) => {
            let token = token(text)?;
            Ok(stream::arn(&token.scope, &token.name))
        }
    }
}

/// What a listing is about, and the shard after which its page begins.
fn question(
    live: &LiveStream,
    input: api::ListShardsInput,
    now: Timestamp,
) -> Result<(Filter, Option<u32>), KinesisError> {
    let gone = || KinesisError::no_stream(&live.record.scope, &live.record.name);
    let Some(text) = &input.next_token else {
        let created = live.record.created.as_secs();
        if input.stream_creation_timestamp.is_some_and(|at| at.as_secs() != created) {
            return Err(gone());
        }
        let after = input.exclusive_start_shard_id.as_deref().map(check::after_shard).transpose()?;
        return Ok((check::filter(input.shard_filter)?, after));
    };
    let more = input.stream_name.is_some()
        || input.exclusive_start_shard_id.is_some()
        || input.shard_filter.is_some()
        || input.stream_creation_timestamp.is_some();
    if more {
        return Err(KinesisError::argument(
            "NextToken and StreamName, ExclusiveStartShardId, ShardFilter or StreamCreationTimestamp cannot be provided \
             together.",
        ));
    }
    let page = token(text)?;
    if page.stream != live.record.id {
        return Err(gone());
    }
    if now.as_millis().saturating_sub(page.made.as_millis()) > LIFETIME_MILLIS {
        return Err(KinesisError::ExpiredNextToken("The NextToken has expired: it lives for 300 seconds."));
    }
    Ok((page.filter, Some(page.after)))
}

/// The shards that the filter names, in the order of their ids.
///
/// Errors: ResourceNotFoundException, InvalidArgumentException (a filter or token that is none, a token with more beside it),
/// ExpiredNextTokenException (after five minutes).
/// Source: AWS Kinesis API reference, ListShards.
pub async fn list_shards(
    call: Call<Kinesis>,
    input: api::ListShardsInput,
) -> Result<api::ListShardsOutput, KinesisError> {
    let live = resolve::by_arn(&call.streams, &listed_stream(&call.caller, &input)?)?;
    let now = call.clock().now();
    let limit = input.max_results.unwrap_or(PAGE).unsigned_abs() as usize;
    let (filter, after) = question(&live, input, now)?;
    let mut shards = named_by(filter, &live.record)
        .filter(|shard| after.is_none_or(|after| shard.number > after))
        .peekable();
    let page: Vec<_> = shards.by_ref().take(limit).collect();
    let next_token = page.last().filter(|_| shards.peek().is_some()).map(|last| {
        let (scope, name) = (live.record.scope.clone(), live.record.name.clone());
        let token =
            ShardsToken { scope, name, stream: live.record.id, filter, after: last.number, made: now };
        PageToken::encode(&token, TOKEN_QUESTION)
    });
    Ok(api::ListShardsOutput { shards: Some(page.into_iter().map(shape::shard).collect()), next_token })
}
