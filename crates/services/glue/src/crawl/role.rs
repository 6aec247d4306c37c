//! The role of a crawler: handed over with it, and taken on for each crawl.

use millpond_core::Scope;
use millpond_gateway::{Caller, Errand, RoleError, Roles};
use millpond_wire::ApiError;

use crate::error::GlueError;
use crate::resources;

const SERVICE: &str = "glue.amazonaws.com";
const SESSION: &str = "AWS-Crawler";

/// A caller hands `role`, a name with its path or an ARN, to a crawler.
///
/// Errors: AccessDeniedException, InvalidInputException.
pub fn pass(roles: &dyn Roles, caller: &Caller, role: &str, crawler: &str) -> Result<(), GlueError> {
    with_errand(&caller.scope, role, crawler, |role, errand| roles.pass(caller, role, errand)).map(|_| ())
}

/// The crawler's role, with what it may do now.
///
/// Errors: InvalidInputException.
pub fn assume(roles: &dyn Roles, scope: &Scope, role: &str, crawler: &str) -> Result<Caller, GlueError> {
    with_errand(scope, role, crawler, |role, errand| roles.assume(role, errand))
}

fn with_errand(
    scope: &Scope,
    role: &str,
    crawler: &str,
    ask: impl FnOnce(&str, &Errand<'_>) -> Result<Caller, RoleError>,
) -> Result<Caller, GlueError> {
    let crawler = resources::crawler(scope, crawler);
    let errand = Errand { service: SERVICE, resource: &crawler, scope, session: SESSION, external_id: None };
    let asked = match role.starts_with("arn:") {
        true => ask(role, &errand),
        false => ask(&format!("arn:aws:iam::{}:role/{role}", scope.account), &errand),
    };
    asked.map_err(|error| match error {
        RoleError::Denied(error) => GlueError::Api(error),
        RoleError::Refused { .. } => {
            GlueError::invalid("Service is unable to assume provided role. Please verify role's TrustPolicy")
        }
        RoleError::Failed(source) => GlueError::Api(ApiError::internal(source)),
    })
}
