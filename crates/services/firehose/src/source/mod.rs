//! Where records come from: the stream's own journal (DirectPut) or the shards of a Kinesis stream.
//!
//! A source has lanes, each read in order from a place on; see [`crate::lanes`].

pub mod inbox;
pub mod kinesis;

use crate::process::Incoming;

/// Records of one lane, in their order.
#[derive(Debug)]
pub struct Batch {
    pub lane: String,
    /// Where to read on after them.
    pub end: String,
    pub records: Vec<Incoming>,
}
