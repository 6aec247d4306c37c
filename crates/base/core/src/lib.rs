//! Names, time and limits that every other crate stands on.
//!
//! - [`ids`]: accounts, regions, scopes, ARNs, request ids: checked where they are made.
//! - [`clock`]: the one source of time, and [`Timestamp`], milliseconds since the Unix epoch.
//! - [`key`]: the root key and what is derived from it.
//! - [`seal`]: bytes that others keep for us; [`access_key`]: ids and secrets of access keys.
//! - [`disk`]: the steps of a durable write, as a seam for tests.
//! - [`page`]: page tokens that remember the last key and what was asked.
//! - [`size`]: byte sizes with their unit.
//! - [`fuzz`]: the entry for a fuzzer of page tokens.

pub mod access_key;
pub mod clock;
pub mod disk;
pub mod fuzz;
pub mod ids;
pub mod key;
pub mod page;
pub mod seal;
pub mod size;

pub use clock::{Clock, Timestamp};
pub use ids::{AccountId, Arn, Region, RequestId, Scope};
pub use key::{DerivedKey, RootKey};
pub use page::{PageToken, PageTokenError};
pub use seal::Sealer;
pub use size::ByteSize;
