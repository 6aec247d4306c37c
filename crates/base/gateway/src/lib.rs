//! The HTTP server: which service, SigV4, limits, authorization, rendering, metrics, access log.
//!
//! - [`Operations`]: a service's table; its handlers get a [`Call`] (their service and the [`Caller`]) and typed input.
//! - [`HttpService`]: a service that takes the raw request (S3).
//! - [`Gateway`]: serves [`Services`] on a socket.
//! - [`Tls`]: what a listener encrypts with.
//! - [`access`], [`sigv4`]: credentials and signatures.
//! - [`authorization`]: what a denied request is told, sealed.
//! - [`Roles`]: roles that are given to services.
//! - [`record`]: what each request leaves for the trail.

pub mod access;
mod admin;
pub mod authorization;
pub mod body;
mod caller;
pub mod fuzz;
mod gateway;
mod guard;
mod identify;
mod metrics;
mod operation;
pub mod record;
mod roles;
mod route;
mod server;
mod service;
mod services;
pub mod sigv4;
#[cfg(test)]
mod tests;
mod tls;

pub use access::{Access, Credential, Credentials, LookupError, Secret};
pub use admin::{AdminAnswer, AdminRefusal, AdminRoutes, SIGNING_NAME as ADMIN_SIGNING_NAME};
pub use authorization::{Denied, Messages};
pub use body::Body;
pub use caller::{Ask, Call, Caller, WorksFor};
pub use gateway::{Gateway, GatewayOptions, Paused};
pub use prometheus_client::metrics::counter::Counter;

pub use operation::{Action, Authorization, OperationInfo, Operations, Resources, ServiceInfo, ServiceTable};
pub use roles::{Errand, RoleError, Roles};
pub use server::Listener;
pub use service::{Arrival, HttpService, Origin, Served};
pub use services::Services;
pub use tls::{Certificate, CertificateError, Tls, TlsSession, TlsVersion};
