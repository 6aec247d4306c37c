//! The operations, by resource, in the order of AWS's reference.

pub mod logging;
pub mod lookup;
pub mod selector;
pub mod tag;
pub mod trail;

use millpond_core::Arn;
use millpond_gateway::Caller;

/// Operations over all that an account has.
pub fn everything<I>(caller: &Caller, _: &I) -> Arn {
    caller.scope.arn("cloudtrail", "*")
}
