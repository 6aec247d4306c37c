//! Workgroups and query executions: what is known of them, and which states they may take.

use millpond_core::{Arn, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The workgroup that every account has in every region, and cannot lose.
pub const PRIMARY: &str = "primary";

/// The one data catalog, in any case of its letters.
pub const CATALOG: &str = "AwsDataCatalog";

/// What `EffectiveEngineVersion` says: the dialect that is spoken.
pub const ENGINE_VERSION: &str = "Athena engine version 3";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkGroup {
    pub name: String,
    pub description: Option<String>,
    pub enabled: bool,
    pub created: Timestamp,
    pub output_location: Option<String>,
    pub enforce: bool,
    pub bytes_scanned_cutoff: Option<i64>,
    /// `AUTO` or the one engine version, as the client chose.
    pub engine: String,
}

impl WorkGroup {
    pub fn new(name: impl Into<String>, created: Timestamp) -> Self {
        Self {
            name: name.into(),
            description: None,
            enabled: true,
            created,
            output_location: None,
            enforce: true,
            bytes_scanned_cutoff: None,
            engine: "AUTO".to_owned(),
        }
    }

    /// The primary workgroup as an account finds it.
    pub fn primary() -> Self {
        Self { enforce: false, ..Self::new(PRIMARY, Timestamp::EPOCH) }
    }
}

pub fn workgroup_arn(scope: &Scope, name: &str) -> Arn {
    scope.arn("athena", format!("workgroup/{name}"))
}

pub fn datacatalog_arn(scope: &Scope, name: &str) -> Arn {
    scope.arn("athena", format!("datacatalog/{name}"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Dml,
    Ddl,
    Utility,
}

impl Kind {
    /// The ending of the result object, as Athena names it.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Dml => "csv",
            Self::Ddl | Self::Utility => "txt",
        }
    }
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultColumn {
    pub name: String,
    pub type_name: String,
    pub precision: i32,
    pub scale: i32,
    pub case_sensitive: bool,
}

/// How a query ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    Succeeded,
    /// `category`: 1 is the system, 2 the user.
    Failed {
        category: i32,
        reason: String,
    },
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub at: Timestamp,
    pub outcome: Outcome,
    pub statistics: Statistics,
    pub columns: Vec<ResultColumn>,
}

/// Milliseconds and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statistics {
    pub queue_millis: i64,
    pub planning_millis: i64,
    pub engine_millis: i64,
    pub service_millis: i64,
    pub total_millis: i64,
    pub scanned_bytes: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    pub id: Uuid,
    pub scope: Scope,
    pub workgroup: String,
    pub sql: String,
    pub parameters: Vec<String>,
    pub kind: Kind,
    pub substatement: String,
    pub database: Option<String>,
    pub catalog: Option<String>,
    /// Of the result object: `s3://bucket/prefix/ID.csv`.
    pub output: String,
    /// The client asked for SSE-S3, which every object has.
    pub asked_for_sse_s3: bool,
    /// What the workgroup allows to be read.
    pub scan_limit: Option<i64>,
    pub submitted: Timestamp,
    /// `None` while it waits or runs.
    pub ended: Option<Ended>,
}

/// `s3://bucket/prefix/` in its parts; the prefix is empty or ends in a slash.
pub fn split_location(location: &str) -> Option<(&str, String)> {
    // Tables may also say s3a and s3n, results may not.
    if location.starts_with("s3://") { millpond_sql::split_location(location) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_buckets_with_closed_prefixes() {
        for (location, expected) in [
            ("s3://b/p", Some(("b", "p/"))),
            ("s3://b/p/", Some(("b", "p/"))),
            ("s3://b", Some(("b", ""))),
            ("s3:///p", None),
            ("b/p", None),
        ] {
            let split = split_location(location);
            assert_eq!(split.as_ref().map(|(b, p)| (*b, p.as_str())), expected, "{location}");
        }
    }
}
