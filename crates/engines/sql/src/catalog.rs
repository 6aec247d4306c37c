//! The catalog that the engine works over: databases, tables and partitions as Glue keeps them. Athena implements
//! [`Catalog`] on Glue's domain functions with the caller's own rights.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;

use crate::error::QueryError;

/// A column or a partition key; `hive_type` as Glue keeps it, `array<struct<a:int>>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDef {
    pub name: String,
    pub hive_type: String,
    pub comment: Option<String>,
}

/// Where the data of a table or a partition lies and how it is written: Glue's storage descriptor without its columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StorageDef {
    /// `s3://bucket/prefix`.
    pub location: String,
    pub input_format: String,
    pub output_format: String,
    /// The class of the SerDe; empty where the table names none.
    pub serde: String,
    pub serde_parameters: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseDef {
    pub name: String,
    pub comment: Option<String>,
    pub location: Option<String>,
    pub parameters: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDef {
    pub database: String,
    pub name: String,
    pub columns: Vec<ColumnDef>,
    pub partition_keys: Vec<ColumnDef>,
    pub storage: StorageDef,
    /// `EXTERNAL_TABLE`, `VIRTUAL_VIEW`, …
    pub table_type: String,
    pub parameters: BTreeMap<String, String>,
    pub comment: Option<String>,
}

/// One partition: a value for each of the table's partition keys, in their order, and its own storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionDef {
    pub values: Vec<String>,
    pub storage: StorageDef,
}

/// Which partitions a query can need. The catalog may give more, never fewer: the engine checks each one again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartitionFilter {
    /// Glue's `GetPartitions` expression, as `year = '2013' AND month IN ('1', '2')`; `None` asks for all.
    pub expression: Option<String>,
}

/// Why the catalog did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogError {
    AlreadyExists(String),
    NotFound(String),
    AccessDenied(String),
    Invalid(String),
    Failed(String),
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyExists(text)
            | Self::NotFound(text)
            | Self::AccessDenied(text)
            | Self::Invalid(text)
            | Self::Failed(text) => f.write_str(text),
        }
    }
}

impl From<CatalogError> for QueryError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::AlreadyExists(text) => Self::user("ALREADY_EXISTS", text),
            CatalogError::NotFound(text) => Self::user("NOT_FOUND", text),
            CatalogError::AccessDenied(text) => Self::user("PERMISSION_DENIED", text),
            CatalogError::Invalid(text) => Self::user("INVALID_TABLE_PROPERTY", text),
            CatalogError::Failed(text) => Self::system("HIVE_METASTORE_ERROR", text),
        }
    }
}

/// Databases, tables and partitions, read and changed with the rights of one caller. Names are lower case.
#[async_trait]
pub trait Catalog: Send + Sync + 'static {
    async fn databases(&self) -> Result<Vec<DatabaseDef>, CatalogError>;
    async fn database(&self, name: &str) -> Result<Option<DatabaseDef>, CatalogError>;
    /// All tables of a database, whole: `SHOW TABLES` takes the names, `information_schema` the columns.
    async fn tables(&self, database: &str) -> Result<Vec<TableDef>, CatalogError>;
    async fn table(&self, database: &str, name: &str) -> Result<Option<TableDef>, CatalogError>;
    async fn partitions(
        &self,
        table: &TableDef,
        filter: &PartitionFilter,
    ) -> Result<Vec<PartitionDef>, CatalogError>;

    async fn create_database(&self, database: DatabaseDef) -> Result<(), CatalogError>;
    async fn drop_database(&self, name: &str) -> Result<(), CatalogError>;
    async fn create_table(&self, table: TableDef) -> Result<(), CatalogError>;
    async fn drop_table(&self, database: &str, name: &str) -> Result<(), CatalogError>;
    /// Adds partitions; one that is there already is `AlreadyExists` and nothing is added.
    async fn add_partitions(
        &self,
        table: &TableDef,
        partitions: Vec<PartitionDef>,
    ) -> Result<(), CatalogError>;
    async fn drop_partition(&self, table: &TableDef, values: &[String]) -> Result<(), CatalogError>;
}
