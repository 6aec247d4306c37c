//! Keys, their names and encryption contexts: pure, no input or output.

pub mod context;
pub mod key;
pub mod name;
