//! What streams, shards and records are: pure, no input or output.
//!
//! - [`hash`]: partition keys, the 128-bit hash space and its ranges.
//! - [`sequence`]: sequence numbers.
//! - [`stream`]: streams, shards, statuses, retention.
//! - [`iterator`]: shard iterators.
//! - [`shards`]: which shards a filter of ListShards names.

pub mod hash;
pub mod iterator;
pub mod sequence;
pub mod shards;
pub mod stream;
