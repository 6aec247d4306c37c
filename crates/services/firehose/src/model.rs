//! Delivery streams as they are stored: their state, source and destination, each as the caller gave it.
//!
//! [`crate::plan`] turns a destination into what delivery works with, and is where its rules are checked.

use std::collections::BTreeMap;

use millpond_core::{Arn, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::compress::Compression;
use crate::convert::parquet::ParquetOptions;

/// The only destination that a stream has; AWS numbers them likewise.
pub const DESTINATION_ID: &str = "destinationId-000000000001";

/// An account may have this many delivery streams in a region.
pub const MAX_STREAMS: usize = 5_000;

/// A stream may have this many tags.
pub const MAX_TAGS: usize = 50;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// Names its journal and its checkpoint, so that a stream of the same name made later never meets its data.
    pub id: Uuid,
    pub scope: Scope,
    pub name: String,
    pub state: State,
    /// Begins with 1, and grows with every change of the destination.
    pub version: u64,
    pub created: Timestamp,
    pub updated: Option<Timestamp>,
    pub source: Source,
    pub destination: Destination,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    Creating,
    Active,
    Deleting,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Deleting => "DELETING",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Source {
    DirectPut,
    Kinesis { stream: Arn, role: String, since: Timestamp },
}

/// An S3 destination. Numbers and texts are the caller's, within the model's constraints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Destination {
    /// Delivery works as this role.
    pub role: String,
    pub bucket: String,
    pub prefix: Option<String>,
    pub error_prefix: Option<String>,
    pub size_in_mbs: u32,
    pub interval_in_seconds: u32,
    pub compression: Compression,
    pub processing: Option<Processing>,
    pub conversion: Option<Conversion>,
    pub dynamic_partitioning: Option<DynamicPartitioning>,
    pub file_extension: Option<String>,
    pub time_zone: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Processing {
    pub enabled: bool,
    pub processors: Vec<Processor>,
}

/// A processor, by the names that the API has for its kind and its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Processor {
    pub kind: String,
    pub parameters: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DynamicPartitioning {
    pub enabled: bool,
    pub retry_seconds: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversion {
    pub enabled: bool,
    pub schema: Option<TableSchema>,
    pub input: Option<JsonSerDe>,
    pub output: Option<ParquetOptions>,
}

/// The table whose columns the records become.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableSchema {
    pub role: Option<String>,
    pub catalog: Option<String>,
    pub database: String,
    pub table: String,
    pub region: Option<String>,
    pub version: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum JsonSerDe {
    OpenX {
        dots_to_underscores: Option<bool>,
        case_insensitive: Option<bool>,
        mappings: BTreeMap<String, String>,
    },
    Hive {
        timestamp_formats: Vec<String>,
    },
}

impl Stream {
    pub fn arn(&self) -> Arn {
        arn(&self.scope, &self.name)
    }
}

pub fn arn(scope: &Scope, name: &str) -> Arn {
    scope.arn("firehose", format!("deliverystream/{name}"))
}
