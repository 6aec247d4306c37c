//! Crawlers: from objects to tables.

pub mod classify;
pub mod configuration;
pub mod crawler;
pub mod describe;
pub mod group;
pub mod store;
