//! Amazon Athena.

pub mod api;
