//! Who calls, and from where: what a handler knows of its request, and the seam where it is authorized.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millpond_core::{AccountId, Arn, Clock, RequestId, Scope};
use millpond_policy::{Context, Decision, Principal, Request, decide};
use millpond_wire::ApiError;

/// Whoever asks for something. Cheap to clone; a service that works for another hands its caller on.
#[derive(Debug, Clone)]
pub struct Caller {
    pub principal: Principal,
    /// The caller's account (for an anonymous one the pond's), in the region that the request is for.
    pub scope: Scope,
    pub request_id: RequestId,
    pub source_ip: IpAddr,
    /// The request came over TLS.
    pub secure: bool,
    pub clock: Clock,
    asked: Arc<AtomicBool>,
}

impl Caller {
    pub fn new(
        principal: Principal,
        scope: Scope,
        request_id: RequestId,
        source_ip: IpAddr,
        secure: bool,
        clock: Clock,
    ) -> Self {
        Self { principal, scope, request_id, source_ip, secure, clock, asked: Arc::default() }
    }

    /// For work that no request waits for: a delivery, a crawl, in the name of whoever set it up.
    pub fn on_behalf_of(principal: Principal, scope: Scope, clock: Clock) -> Self {
        Self::new(principal, scope, RequestId::random(), Ipv4Addr::LOCALHOST.into(), true, clock)
    }

    /// The same caller in another region.
    #[must_use]
    pub fn in_scope(&self, scope: Scope) -> Self {
        Self { scope, ..self.clone() }
    }

    /// May the caller do this? `action` as `kinesis:CreateStream`. The resource belongs to the account in its ARN; one
    /// without an account is taken for the caller's own (see [`Caller::authorize_owned`]).
    ///
    /// Errors: AccessDenied in AWS's words (each protocol spells its code its own way).
    pub fn authorize(&self, action: &str, resource: &Arn) -> Result<(), ApiError> {
        let named: Option<AccountId> = resource.account.parse().ok();
        self.authorize_owned(action, resource, named.as_ref().unwrap_or(&self.scope.account))
    }

    /// As [`Caller::authorize`], for a resource whose ARN does not say whose it is, as a bucket's.
    pub fn authorize_owned(&self, action: &str, resource: &Arn, owner: &AccountId) -> Result<(), ApiError> {
        self.asked.store(true, Ordering::Release);
        let request = Request {
            principal: &self.principal,
            action,
            resource,
            resource_account: owner,
            context: Context {
                now: self.clock.now(),
                source_ip: self.source_ip,
                secure_transport: self.secure,
            },
        };
        match decide(&request) {
            Decision::Allow => Ok(()),
            Decision::Deny { reason } => Err(ApiError::access_denied(format!(
                "User: {} is not authorized to perform: {action} on resource: {resource} because {}",
                self.principal,
                reason.because(action)
            ))),
        }
    }

    /// Some permission was asked for on behalf of this request.
    pub(crate) fn was_authorized(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }
}

/// What a handler is given: its service, to which it derefs, and its caller.
#[derive(Debug)]
pub struct Call<S> {
    pub svc: Arc<S>,
    pub caller: Caller,
}

impl<S> Call<S> {
    pub fn clock(&self) -> &Clock {
        &self.caller.clock
    }

    pub fn scope(&self) -> &Scope {
        &self.caller.scope
    }
}

impl<S> Clone for Call<S> {
    fn clone(&self) -> Self {
        Self { svc: Arc::clone(&self.svc), caller: self.caller.clone() }
    }
}

impl<S> Deref for Call<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.svc
    }
}
