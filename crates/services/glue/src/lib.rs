//! AWS Glue: the Data Catalog and crawlers.
//!
//! - [`api`]: the wire's shapes, generated.
//! - [`model`]: databases, tables, partitions; [`catalog`]: how they are kept.
//! - [`filter`]: which partitions a question is about.
//! - [`hive`]: the types of columns.
//! - [`crawl`]: crawlers, from objects to tables.

#[expect(clippy::enum_variant_names, reason = "AWS chose the words of its enums")]
pub mod api;
pub mod catalog;
pub mod crawl;
pub mod error;
pub mod filter;
pub mod hive;
pub mod model;

pub use error::GlueError;
