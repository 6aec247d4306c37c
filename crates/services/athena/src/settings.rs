//! Athena's settings.

use millpond_core::ByteSize;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AthenaSettings {
    /// Queries that run at once; the others wait in state QUEUED.
    pub running_queries: usize,
    /// Queries that may wait; one more is answered TooManyRequestsException.
    pub queued_queries: usize,
    /// Memory of all running queries together; beyond it they spill to disk.
    pub memory: ByteSize,
}

impl Default for AthenaSettings {
    fn default() -> Self {
        Self { running_queries: 8, queued_queries: 1_000, memory: ByteSize::gib(2) }
    }
}
