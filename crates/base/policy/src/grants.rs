//! What an identity brings to a decision: its own policies and what limits them.

use std::sync::Arc;

use crate::document::Policy;

/// A policy with the name by which a decision shows it: an ARN, or an inline policy's name.
#[derive(Debug, Clone)]
pub struct Attached {
    pub name: Arc<str>,
    pub policy: Arc<Policy>,
}

/// The policies of whoever a credential belongs to. An account's root, a service and an anonymous caller have none.
#[derive(Debug, Clone, Default)]
pub struct IdentityGrants {
    /// The user's own and its groups', or the role's.
    pub identity: Vec<Attached>,
    pub boundary: Option<Attached>,
    /// Of temporary credentials that were asked for with policies: any one of them must allow. `None` does not limit.
    pub session: Option<Vec<Attached>>,
    /// From the organization's root down to the account: on each level, one policy must allow. Root is bound by them too.
    pub service_control: Vec<Vec<Attached>>,
}

impl IdentityGrants {
    pub const NONE: Self =
        Self { identity: Vec::new(), boundary: None, session: None, service_control: Vec::new() };
}
