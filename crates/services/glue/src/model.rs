//! The catalog's things: databases, tables, partitions, as other services and the store see them.
//!
//! A `…Spec` is what a client decides; the type around it adds what the catalog decides (times, versions, ids).
//! Names are in lower case from the moment a spec is made, as Glue keeps them.

use std::collections::BTreeMap;

use millpond_core::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Free-form properties of tables, partitions, SerDes and columns.
pub type Parameters = BTreeMap<String, String>;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DatabaseSpec {
    pub name: String,
    pub description: Option<String>,
    pub location: Option<String>,
    pub parameters: Parameters,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    pub id: Uuid,
    pub spec: DatabaseSpec,
    pub created: Timestamp,
}

/// A column or partition key; the type is a Hive type string, which the catalog does not interpret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Column {
    pub name: String,
    pub hive_type: String,
    pub comment: Option<String>,
    pub parameters: Parameters,
}

impl Column {
    pub fn new(name: impl Into<String>, hive_type: impl Into<String>) -> Self {
        Self { name: name.into(), hive_type: hive_type.into(), ..Self::default() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SerDe {
    pub name: Option<String>,
    pub library: Option<String>,
    pub parameters: Parameters,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SortColumn {
    pub column: String,
    /// 1 is ascending, 0 descending.
    pub order: i32,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Skew {
    pub columns: Vec<String>,
    pub values: Vec<String>,
    pub locations: Parameters,
}

/// Where data lies and how it is read: Glue's StorageDescriptor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Storage {
    pub columns: Vec<Column>,
    pub location: Option<String>,
    pub input_format: Option<String>,
    pub output_format: Option<String>,
    pub compressed: bool,
    pub buckets: i32,
    pub serde: Option<SerDe>,
    pub bucket_columns: Vec<String>,
    pub sort_columns: Vec<SortColumn>,
    pub parameters: Parameters,
    pub skew: Option<Skew>,
    pub stored_as_sub_directories: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TableSpec {
    pub name: String,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub last_access: Option<Timestamp>,
    pub last_analyzed: Option<Timestamp>,
    pub retention: i32,
    pub storage: Option<Storage>,
    pub partition_keys: Vec<Column>,
    pub view_original_text: Option<String>,
    pub view_expanded_text: Option<String>,
    pub table_type: Option<String>,
    pub parameters: Parameters,
}

impl TableSpec {
    /// The columns of the data, without the partition keys.
    pub fn columns(&self) -> &[Column] {
        self.storage.as_ref().map_or(&[], |storage| &storage.columns)
    }

    pub fn location(&self) -> Option<&str> {
        self.storage.as_ref()?.location.as_deref()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Keys of partitions and versions use the id, so that a recreated table never meets its predecessor's.
    pub id: Uuid,
    pub database: String,
    pub spec: TableSpec,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// The ARN of who created it.
    pub created_by: String,
    /// Grows by one with every update.
    pub version: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PartitionSpec {
    /// One value per partition key of the table, in their order.
    pub values: Vec<String>,
    pub storage: Option<Storage>,
    pub parameters: Parameters,
    pub last_access: Option<Timestamp>,
    pub last_analyzed: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    pub spec: PartitionSpec,
    pub created: Timestamp,
}

/// A page of a listing, and where the next one starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    pub items: Vec<T>,
    /// The key after which to go on; `None` when the listing is at its end.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Takes `limit` items and says where the next page starts, which is known when there is one more.
    pub(crate) fn take<E>(
        items: impl Iterator<Item = Result<T, E>>,
        limit: usize,
        key: impl Fn(&T) -> K,
    ) -> Result<Self, E> {
        let mut taken: Vec<T> = items.take(limit.saturating_add(1)).collect::<Result<_, _>>()?;
        let more = taken.len() > limit;
        taken.truncate(limit);
        let next = if more { taken.last().map(key) } else { None };
        Ok(Self { items: taken, next })
    }
}
