//! What the gateway calls: services behind a table of operations, and services that take the raw request, as S3 does.

use std::net::IpAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use http::header::{HOST, REFERER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response};
use millpond_core::{Clock, RequestId};
use millpond_policy::Principal;

use crate::authorization::Denied;
use crate::body::Body;
use crate::operation::{OperationInfo, ServiceInfo};
use crate::record::{About, Failure};
use crate::tls::TlsSession;

/// What is known of a request before anybody looked at its signature.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub request_id: RequestId,
    pub source_ip: IpAddr,
    /// The request came over TLS.
    pub secure: bool,
    pub clock: Clock,
    pub origin: Origin,
}

/// What conditions of policies may ask about the way a request came. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The gateway endpoint that its listener stands for, as `vpce-1a2b3c4d`.
    pub endpoint: Option<Arc<str>>,
    pub tls: Option<TlsSession>,
    pub user_agent: Option<HeaderValue>,
    pub referer: Option<HeaderValue>,
    pub host: Option<HeaderValue>,
}

impl Origin {
    pub(crate) fn new(endpoint: Option<Arc<str>>, tls: Option<TlsSession>, headers: &HeaderMap) -> Self {
        Self {
            endpoint,
            tls,
            user_agent: headers.get(USER_AGENT).cloned(),
            referer: headers.get(REFERER).cloned(),
            host: headers.get(HOST).cloned(),
        }
    }
}

/// A service with a wire format of its own. It verifies signatures itself (see [`crate::sigv4`] and
/// [`crate::Access`]), and authorizes with [`crate::Caller`].
pub trait HttpService: Send + Sync + 'static {
    fn info(&self) -> &ServiceInfo;

    /// Whether requests that are signed for this name are its.
    fn takes(&self, signing_name: &str) -> bool {
        signing_name == self.info().signing_name
    }

    /// The table, for the matrix, the metrics and the coverage tests.
    fn operations(&self) -> Vec<OperationInfo>;

    /// Answers whatever comes, malformed requests too. The answer carries [`Served`] as an extension, so that the
    /// access log and the metrics know what it was.
    fn handle(&self, request: Request<Body>, arrival: Arrival) -> BoxFuture<'_, Response<Body>>;

    /// The answer to a request that the gateway turns away, with status 403.
    fn denied(&self, arrival: &Arrival, message: &str) -> Response<Body>;

    /// The answer after a panic.
    fn internal_error(&self, arrival: &Arrival) -> Response<Body>;
}

/// What a request turned out to be. Travels in the answer's extensions; never to the client.
#[derive(Debug, Clone, Default)]
pub struct Served {
    /// The operation's name in the service's table.
    pub operation: Option<&'static str>,
    pub principal: Option<Principal>,
    /// Why it failed, when that is the server's fault; for the log.
    pub cause: Option<String>,
    /// What the client was told of why it failed.
    pub failure: Option<Failure>,
    /// What was denied, if that is why.
    pub denied: Option<Denied>,
    /// Tells the rest when an event is wanted.
    pub about: Option<About>,
}
