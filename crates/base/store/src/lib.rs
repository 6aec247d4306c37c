//! Ordered, transactional key-value store: typed tables, one committer, group commit.
//!
//! One redb file holds everything. [`Store::write`] hands a closure to the one committer thread, which runs
//! every waiting closure against one redb transaction and makes them durable together; [`Store::read`] gives a
//! consistent view that never waits for a writer.
//!
//! - [`key`]: the encoding of key tuples, which keeps their order.
//! - [`table`]: typed tables, and the spans of keys that a scan covers.
//! - [`reads`]: getting and scanning, the same on a snapshot and inside a transaction.
//! - [`txn`]: what a transaction has written so far.
//! - `committer`: the thread that commits; `file`: the redb file, opened again after an I/O error; `format`: its version;
//!   `shadow`: reading on when the disk takes no writes; `merge`: a transaction's writes over the store.

mod committer;
mod error;
mod file;
mod format;
pub mod key;
mod merge;
pub mod reads;
mod shadow;
mod store;
pub mod table;
pub mod txn;

#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use reads::{Entries, Reads, Snapshot};
pub use store::{Store, StoreOptions, StoreStats};
pub use table::{Span, Table};
pub use txn::Txn;
