//! What the operator decides.

use serde::{Deserialize, Serialize};

/// The section `[cloudtrail]` of the settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CloudTrailSettings {
    /// How long an event waits before its log file is delivered.
    pub delivery_seconds: u64,
    /// How long management events are kept for LookupEvents.
    pub keep_days: u32,
}

impl Default for CloudTrailSettings {
    fn default() -> Self {
        Self { delivery_seconds: 300, keep_days: 90 }
    }
}
