//! IAM's policy language, whole and pure: documents are read once ([`Policy::parse`]) and evaluated by [`decide`], a function
//! from a [`Request`] to a [`Decision`] that says which statement decided. The only place that decides who may do what.
//!
//! - [`document`]: what a policy may say; [`error`]: what can be wrong with it, in IAM's words and in S3's.
//! - [`pattern`], [`arn`], [`condition`]: wildcards, policy variables, operators, ready to be compared.
//! - [`principal`]: who asks; [`principals`]: whom a resource's policy names.
//! - [`context`]: condition keys and their values.
//! - [`decide`]: the order of evaluation; [`explain`]: a denial, for whoever may know; [`public`]: what S3 calls public.
//! - [`fuzz`]: the entry for a fuzzer of documents.

pub mod arn;
pub mod condition;
pub mod context;
pub mod decide;
pub mod document;
pub mod error;
pub mod explain;
pub mod fuzz;
mod glance;
mod grants;
mod json;
pub mod pattern;
pub mod principal;
pub mod principals;
pub mod public;
#[cfg(test)]
mod tests;

pub use arn::ResourcePattern;
pub use context::{Context, Token, Value};
pub use decide::{AclGrant, Decision, Denial, Layer, Reason, Request, Source, decide};
pub use document::{ActionPattern, Effect, Kind, Policy, Statement};
pub use error::PolicyError;
pub use explain::explain;
pub use grants::{Attached, IdentityGrants};
pub use principal::{FederatedUser, Principal, RoleSession, Tag, User};
pub use principals::PrincipalPattern;
pub use public::is_public;
