//! Amazon Data Firehose.

pub mod api;
