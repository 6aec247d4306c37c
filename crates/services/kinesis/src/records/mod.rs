//! The records of all streams: durable in one journal, found by an index of each shard.
//!
//! - [`frame`]: the payload of a journal record: consecutive records of one shard.
//! - [`log`]: the index of one shard.
//! - [`read`]: reading a shard from a place on.
//! - [`appender`]: the one task that gives sequence numbers and appends.
//! - [`segments`]: the index of closed segments, kept beside them; start; giving space back.
//!
//! Invariant: a shard's log shows only what is durable, in the order of its sequence numbers and without gaps.

pub mod appender;
pub mod frame;
pub mod log;
pub mod read;
pub mod segments;

/// The kind of every record that Kinesis keeps in its journal.
pub const FRAME_KIND: u16 = 1;
