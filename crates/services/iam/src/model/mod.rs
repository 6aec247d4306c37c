//! What IAM keeps, and the rules that need nothing else: pure.

pub mod document;
pub mod entity;
pub mod ids;
pub mod key;
pub mod policy;
pub mod tags;
