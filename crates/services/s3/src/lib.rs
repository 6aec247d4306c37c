//! Amazon S3, on the wire format of s3s; all semantics are here.
//!
//! Two ways lead in: [`S3Http`] over HTTP, and the methods of [`S3`] (in `domain`) for services that work on objects in
//! process. Both are authorized in `access`, which holds the table of operations.
//!
//! - On the way in: `http_service` (a request's way), `auth` (signatures), `chunked` (bodies in chunks), `refuse` (what is not
//!   acted on), `form` (uploads by HTML forms), `ops` (the operations), `render` (errors), `telling` (what the trail is told).
//! - Beside the API: `website` (static websites), `logging` (server access logs).
//! - The work: `objects`, `uploads`, `lifecycle` (rules, and the daily run), `rewrite` (bytes kept anew), `scrub` (copies
//!   checked and made anew), `tiering` (intelligent tiering); `receive`
//!   (checking a body while it passes by), `encryption` (who holds the keys), `store` (how all is kept), `pins` and `worker` (bytes that nothing names any
//!   more).
//! - Pure: `address`, `cors`, `names`, `payment`, `digest`, `condition`, `listing`, `lock`, `parts`, `tags`, `version`, `class`, `error`.
//! - `express`: directory buckets and their sessions.
//! - `events`: what happens to objects, told on the bus.
//! - [`fuzz`]: the entries for fuzzers of bodies in chunks and of sessions' tokens.

mod access;
mod acl;
mod address;
mod auth;
mod bucket_policy;
mod chunked;
mod class;
mod condition;
mod context;
mod cors;
mod decide;
mod deliver;
mod digest;
mod domain;
mod encryption;
mod error;
mod events;
mod express;
mod form;
pub mod fuzz;
mod http_service;
mod keys;
mod known;
mod lifecycle;
mod listing;
mod lock;
mod logging;
mod names;
mod objects;
mod ops;
mod ownership;
mod parts;
mod payment;
mod pins;
mod receive;
mod refuse;
mod render;
mod rewrite;
mod scrub;
mod service;
mod store;
mod tags;
mod telling;
#[cfg(test)]
mod tests;
mod tiering;
mod uploads;
mod version;
mod website;
mod worker;

pub use access::table;
pub use class::StorageClass;
pub use domain::{ListQuery, Listing, ObjectSummary, PutBody, PutOptions};
pub use error::S3Error;
pub use events::{By, Destination, Detail, EventName, Notification, Notifications, ObjectEvent, Record};
pub use http_service::S3Http;
pub use objects::{ByteStream, Object, ObjectInfo};
pub use service::{Deps, S3, S3Settings};
pub use store::Attributes;
