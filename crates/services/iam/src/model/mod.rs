//! What IAM keeps, and the rules that need nothing else: pure.

pub mod account;
pub mod document;
pub mod entity;
pub mod ids;
pub mod key;
pub mod outline;
pub mod password;
pub mod policy;
pub mod profile;
pub mod provider;
pub mod tags;
pub mod trust;
