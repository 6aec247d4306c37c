//! Keys, their names and encryption contexts: pure, no input or output.

pub mod algorithm;
pub mod context;
pub mod grant;
pub mod imported;
pub mod key;
pub mod name;
pub mod rotation;
