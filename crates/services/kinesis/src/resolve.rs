//! From the names and ARNs in a request to streams and shards.

use std::sync::Arc;

use millpond_core::{Arn, Scope};

use crate::error::KinesisError;
use crate::model::stream;
use crate::streams::{LiveStream, Shard, Streams};

/// The ARN of the stream that a request names, by name, by ARN, or by both if they agree.
pub fn named(scope: &Scope, name: Option<&str>, arn: Option<&str>) -> Result<Arn, KinesisError> {
    match (name, arn) {
        (None, None) => Err(KinesisError::argument("Either StreamName or StreamARN should be provided.")),
        (Some(name), None) => Ok(stream::arn(scope, name)),
        (name, Some(text)) => {
            let arn: Arn =
                text.parse().map_err(|_| KinesisError::argument(format!("Invalid StreamARN: {text}")))?;
            let named = arn.name_of("kinesis", "stream");
            match named {
                Some(named) if name.is_none_or(|name| name == named) => Ok(arn),
                Some(_) => {
                    Err(KinesisError::argument("StreamName and StreamARN do not name the same stream."))
                }
                None => Err(KinesisError::argument(format!("Invalid StreamARN: {text}"))),
            }
        }
    }
}

/// The account and region, and the name, in a stream's ARN.
pub fn parts(arn: &Arn) -> Result<(Scope, &str), KinesisError> {
    let invalid = || KinesisError::argument(format!("Invalid StreamARN: {arn}"));
    let name = arn.name_of("kinesis", "stream").ok_or_else(invalid)?;
    let account = arn.account.parse().map_err(|_| invalid())?;
    let region = arn.region.parse().map_err(|_| invalid())?;
    Ok((Scope::new(account, region), name))
}

pub fn by_arn(streams: &Streams, arn: &Arn) -> Result<Arc<LiveStream>, KinesisError> {
    let (scope, name) = parts(arn)?;
    streams.get(&scope, name).ok_or_else(|| KinesisError::no_stream(&scope, name))
}

pub fn shard<'a>(stream: &'a LiveStream, id: &str) -> Result<&'a Arc<Shard>, KinesisError> {
    stream.shard_named(id).ok_or_else(|| KinesisError::ShardNotFound {
        shard: id.to_owned(),
        name: stream.record.name.clone(),
        account: stream.record.scope.account.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_named_by_name_or_arn() {
        let scope = Scope::new("000000000000".parse().unwrap(), "us-east-1".parse().unwrap());
        let orders = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
        let other = "arn:aws:kinesis:eu-west-1:111111111111:stream/orders";
        for (name, arn, expected) in [
            (Some("orders"), None, Some(orders)),
            (None, Some(orders), Some(orders)),
            (Some("orders"), Some(orders), Some(orders)),
            (None, Some(other), Some(other)),
            (Some("others"), Some(orders), None),
            (None, None, None),
            (None, Some("orders"), None),
            (None, Some("arn:aws:sqs:us-east-1:000000000000:orders"), None),
        ] {
            let named = named(&scope, name, arn).map(|arn| arn.to_string());
            assert_eq!(named.ok().as_deref(), expected, "{name:?} {arn:?}");
        }
    }
}
