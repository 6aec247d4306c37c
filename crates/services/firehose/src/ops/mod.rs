//! The operations, a file a resource.

pub mod destination;
pub mod record;
pub mod stream;
pub mod tag;
