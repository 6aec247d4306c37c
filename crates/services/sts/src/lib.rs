//! AWS Security Token Service: who a caller is. Temporary credentials come with roles.
//!
//! It keeps nothing of its own: what it knows is in the caller.

pub mod api;
mod ops;

use millpond_core::ByteSize;
use millpond_gateway::{Operations, ServiceInfo};

/// The service.
#[derive(Debug, Default)]
pub struct Sts;

/// The table of operations.
pub fn operations() -> Operations<Sts> {
    Operations::new(ServiceInfo {
        name: "sts",
        signing_name: api::SIGNING_NAME,
        protocol: api::PROTOCOL,
        validation_code: "ValidationError",
        largest_body: ByteSize::mib(1),
        known_operations: api::OPERATIONS,
    })
    .op_for_everyone(api::op::GET_CALLER_IDENTITY, ops::get_caller_identity)
}
