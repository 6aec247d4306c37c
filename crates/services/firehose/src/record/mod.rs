//! What happens to a record before it is buffered: split apart, parsed, its partition keys computed.

pub mod jq;
pub mod json;
pub mod split;

use millpond_core::Timestamp;
use millpond_kinesis::model::sequence::SequenceNumber;

/// What is known of a record beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub arrived: Timestamp,
    /// Its number in the Kinesis stream that it came from.
    pub sequence_number: Option<SequenceNumber>,
}

impl Stamp {
    /// Of a record that was put directly.
    pub fn direct(arrived: Timestamp) -> Self {
        Self { arrived, sequence_number: None }
    }
}
