//! AWS's protocols: shapes, decoding, constraint checks, encoding, error bodies.
//!
//! A request's body becomes a [`Value`] tree (JSON, CBOR or a query form), the tree is held against the operation's
//! [`Shape`] in one walk ([`conform`]), and the generated input type is deserialized from what the walk gives back.
//! Answers go the other way: any `Serialize` becomes a `Value`, and each protocol writes that.
//!
//! - [`protocol`]: the way in and out: [`Protocol`], [`Encoding`], [`decode`], [`encode`], [`encode_error`].
//! - [`shape`]: the constraint tables that `cargo xtask api` generates, and [`text_enum!`].
//! - [`value`]: the tree, from and to serde types.
//! - [`json`], [`cbor`], [`query`]: one wire form each.
//! - [`error`]: [`ApiError`] and [`ServiceError`].
//! - [`fuzz`]: one entry a parser of foreign bytes, for the fuzzer and the smoke test.
//!
//! The REST protocols take two more pieces when they come: where a member travels (path, query, header, body) in
//! [`shape::Member`], and a body writer for XML that follows the shape's names.

pub mod cbor;
pub mod conform;
pub mod error;
pub mod fuzz;
pub mod json;
pub mod protocol;
pub mod query;
pub mod shape;
pub mod value;

pub use conform::conform;
pub use error::{ApiError, ServiceError};
pub use protocol::{Answer, Encoding, Protocol, decode, decode_seen, encode, encode_error, encode_seen};
pub use shape::{Bounds, Length, Member, Pattern, Shape, Shaped, Text};
pub(crate) use value::to_xml_value;
pub use value::{Value, to_value};

/// For [`text_enum!`], which names serde in the crates that use it.
#[doc(hidden)]
pub use serde as __serde;

/// How deep a request's body may nest.
pub const MAX_DEPTH: usize = 64;

/// How many values a request's body may hold; a list of ten million nulls is refused before it fills the memory.
pub const MAX_VALUES: usize = 1 << 18;

/// Why foreign bytes could not be read as a tree of values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);
