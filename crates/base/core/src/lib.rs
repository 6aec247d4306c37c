//! Names, time and limits that every other crate stands on.
//!
//! - [`ids`]: accounts, regions, scopes, ARNs, request ids: checked where they are made.
//! - [`clock`]: the one source of time, and [`Timestamp`], milliseconds since the Unix epoch.
//! - [`page`]: page tokens that remember the last key and what was asked.
//! - [`size`]: byte sizes with their unit.

pub mod clock;
pub mod ids;
pub mod page;
pub mod size;

pub use clock::{Clock, Timestamp};
pub use ids::{AccountId, Arn, Region, RequestId, Scope};
pub use page::{PageToken, PageTokenError};
pub use size::ByteSize;
