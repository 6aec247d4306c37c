//! Which shards a filter of ListShards names.

use millpond_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::stream::{ShardRecord, Stream};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    All,
    AfterShard(u32),
    /// Open now, or open at the horizon.
    AtLatest,
    AtTrimHorizon,
    FromTrimHorizon,
    At(Timestamp),
    From(Timestamp),
}

/// The stream's shards that the filter names, in the order of their numbers.
///
/// No shard ends yet, so that whatever is open at a time is what was opened by then, and everything is open from then on.
pub fn named_by(filter: Filter, stream: &Stream) -> impl Iterator<Item = &ShardRecord> {
    stream.shards.iter().filter(move |shard| match filter {
        Filter::All
        | Filter::AtLatest
        | Filter::AtTrimHorizon
        | Filter::FromTrimHorizon
        | Filter::From(_) => true,
        Filter::AfterShard(number) => shard.number > number,
        Filter::At(at) => shard.opened <= at,
    })
}
