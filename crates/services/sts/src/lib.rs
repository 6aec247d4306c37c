//! AWS Security Token Service.

pub mod api;
