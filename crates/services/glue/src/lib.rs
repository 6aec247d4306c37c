//! AWS Glue: the Data Catalog and crawlers.
//!
//! - `operations`: the table of operations; `ops`: one function an operation, by resource; [`api`]: the wire's shapes, generated.
//! - [`model`]: databases, tables, partitions. `catalog`: how they are kept. `resources`: the ARNs of permissions.
//! - [`filter`]: which partitions a question is about. [`hive`]: the types of columns.
//! - `crawl`: crawlers, from objects to tables.
//! - `domain`: the methods of [`Glue`] that other services work with.
//! - [`fuzz`]: the entry for a fuzzer of partition expressions.

#[expect(clippy::enum_variant_names, reason = "AWS chose the words of its enums")]
pub mod api;
mod catalog;
mod crawl;
mod domain;
pub mod error;
pub mod filter;
pub mod fuzz;
pub mod hive;
pub mod model;
mod operations;
mod ops;
mod resources;
mod service;

pub use catalog::PartitionFailure;
pub use error::GlueError;
pub use operations::operations;
pub use service::{Deps, Glue};
