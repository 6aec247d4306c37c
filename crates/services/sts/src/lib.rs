//! AWS Security Token Service, and whose a request is: the accounts of the pond, and temporary credentials.
//!
//! Of sessions nothing is kept: a session is its token ([`session`]), and what it may do is looked up in IAM with each
//! request ([`service`]), so that it ends with its role or user, and at its time by the pond's clock. Accounts are records
//! ([`accounts`]). Services of the same process take on the roles that they were given by `roles`.

pub mod accounts;
pub mod api;
mod error;
pub mod fuzz;
mod issuers;
mod ops;
mod roles;
mod service;
pub mod session;

pub use accounts::{Account, NewAccount};
pub use error::StsError;
pub use issuers::{IssuerSettings, Issuers, IssuersError, StsSettings};
pub use service::{Deps, Sts};

use millpond_core::{Arn, ByteSize};
use millpond_gateway::{Action, Caller, Operations, ServiceInfo};

/// The table of operations. AssumeRole and those like it find their resource in IAM, and ask themselves.
pub fn operations() -> Operations<Sts> {
    Operations::new(ServiceInfo {
        name: "sts",
        signing_name: api::SIGNING_NAME,
        protocol: api::PROTOCOL,
        validation_code: "ValidationError",
        largest_body: ByteSize::mib(1),
        known_operations: api::OPERATIONS,
    })
    .op_authorized_in_handler(api::op::ASSUME_ROLE, Action("sts:AssumeRole"), ops::assume_role::assume_role)
    .op_unsigned(
        api::op::ASSUME_ROLE_WITH_WEB_IDENTITY,
        Action("sts:AssumeRoleWithWebIdentity"),
        ops::web_identity::assume_role_with_web_identity,
    )
    .op(
        api::op::DECODE_AUTHORIZATION_MESSAGE,
        Action("sts:DecodeAuthorizationMessage"),
        |caller, _: &api::DecodeAuthorizationMessageInput| anything(caller),
        ops::message::decode_authorization_message,
    )
    .op(
        api::op::GET_ACCESS_KEY_INFO,
        Action("sts:GetAccessKeyInfo"),
        |caller, _: &api::GetAccessKeyInfoInput| anything(caller),
        ops::caller::get_access_key_info,
    )
    .op_for_everyone(api::op::GET_CALLER_IDENTITY, ops::caller::get_caller_identity)
    .op_authorized_in_handler(
        api::op::GET_FEDERATION_TOKEN,
        Action("sts:GetFederationToken"),
        ops::federation::get_federation_token,
    )
    .op_for_everyone(api::op::GET_SESSION_TOKEN, ops::session_token::get_session_token)
}

/// For actions that are about no resource.
fn anything(caller: &Caller) -> Arn {
    Arn { account: caller.scope.account.to_string(), ..Arn::global("sts", "*") }
}
