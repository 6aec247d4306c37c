//! The SQL engine: DataFusion over a catalog, in Athena's dialect. The only crate that names DataFusion.
//!
//! - [`Engine`] runs a [`Statement`] in a [`Session`] and gives an [`Execution`]: columns, then blocks of [`Rows`].
//! - [`Catalog`] and [`Objects`] are what it works on; Athena implements them on Glue's and S3's domain functions.
//! - A query goes `statement` (parse, limits) → `rewrite` (Trino's meaning) → `plan` (resolve, plan; `lateral`) → `engine` (run);
//!   a statement on the catalog goes `statement` → `ddl`. `table` scans, `functions` compute, `print` shows.

mod catalog;
mod chains;
mod compact;
mod ddl;
mod dialect;
mod engine;
mod error;
mod functions;
mod lateral;
mod objects;
mod plan;
mod print;
mod rewrite;
mod statement;
mod table;
mod types;

pub use catalog::{
    Catalog, CatalogError, ColumnDef, DatabaseDef, PartitionDef, PartitionFilter, StorageDef, TableDef,
};
pub use engine::{Engine, EngineOptions, Execution, Session};
pub use error::{Fault, Place, QueryError};
pub use objects::{ObjectInfo, ObjectPage, Objects, ObjectsError, split_location};
pub use print::Rows;
pub use statement::{Statement, StatementKind};
pub use types::ColumnInfo;

#[cfg(test)]
mod tests;
