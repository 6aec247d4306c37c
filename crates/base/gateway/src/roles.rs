//! Roles that are given to services: how a service of this process takes one on, without knowing who keeps roles.

use std::error::Error;

use millpond_core::{Arn, Scope};
use millpond_wire::ApiError;

use crate::caller::Caller;

/// What a service takes a role on for.
#[derive(Debug, Clone, Copy)]
pub struct Errand<'a> {
    /// Who: a principal such as `firehose.amazonaws.com`.
    pub service: &'static str,
    /// The resource that the role was given to: `aws:SourceArn`.
    pub resource: &'a Arn,
    /// The resource's account, which is `aws:SourceAccount`, and its region.
    pub scope: &'a Scope,
    /// How the session is called.
    pub session: &'static str,
    /// What the service shows as `sts:ExternalId`, if it shows one.
    pub external_id: Option<&'a str>,
}

/// Why a role is not taken on.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// Whoever hands it over may not.
    #[error("{0}")]
    Denied(ApiError),
    /// There is no such role, or its trust policy does not let the service in; which of the two is nobody's business.
    #[error("{service} is not authorized to perform: sts:AssumeRole on resource: {role}")]
    Refused { service: &'static str, role: String },
    /// What it is could not be found out.
    #[error("looking a role up")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl Errand<'_> {
    pub fn refused(&self, role: &str) -> RoleError {
        RoleError::Refused { service: self.service, role: role.to_owned() }
    }
}

/// Where services take on the roles that they were given.
pub trait Roles: Send + Sync + 'static {
    /// A caller hands a role to a service: asks for his `iam:PassRole`, and sees that the service can take it on.
    ///
    /// Errors: Denied, Refused, Failed.
    fn pass(&self, caller: &Caller, role: &str, errand: &Errand<'_>) -> Result<Caller, RoleError>;

    /// The service as the role, with what the role may do now. It is for one piece of work: a delivery, a crawl.
    ///
    /// Errors: Refused, Failed.
    fn assume(&self, role: &str, errand: &Errand<'_>) -> Result<Caller, RoleError>;
}
