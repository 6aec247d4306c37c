//! AWS Glue: the Data Catalog and crawlers.

pub mod api;
