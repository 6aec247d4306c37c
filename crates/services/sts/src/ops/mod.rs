//! The operations, one file a way of getting credentials, in the order of AWS's reference.

pub mod assume_role;
pub mod caller;
pub mod federation;
pub mod message;
pub(crate) mod request;
pub mod session_token;
pub mod web_identity;
