//! Amazon Kinesis Data Streams.

pub mod api;
