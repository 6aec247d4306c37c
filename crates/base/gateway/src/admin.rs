//! `/_millpond/…`: health and metrics for everyone, and what a lab instance adds, from this machine alone.

use std::net::SocketAddr;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use millpond_work::WorkerStatus;
use serde::Serialize;

use crate::body::{self, Body};
use crate::gateway::Gateway;
use crate::guard;

pub(crate) const PREFIX: &str = "/_millpond/";

/// The service that requests to these routes are signed for, where a route asks who it is.
pub const SIGNING_NAME: &str = "millpond";

/// The largest body of an admin request.
const LARGEST: u64 = 64 * 1024;

/// Routes that the program adds below `/_millpond/`. They are only reached from this machine, by a program and not by a
/// web page.
pub trait AdminRoutes: Send + Sync + 'static {
    /// `path` without the prefix, as `clock`; `gateway` is the one that was asked. `None`: there is no such route. Who asks is
    /// for the route to find out, from the request's head.
    fn answer<'a>(
        &'a self,
        gateway: &'a Gateway,
        parts: &'a Parts,
        path: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Option<Result<AdminAnswer, AdminRefusal>>>;
}

/// A JSON text.
#[derive(Debug)]
pub struct AdminAnswer(pub Vec<u8>);

#[derive(Debug)]
pub struct AdminRefusal {
    pub status: StatusCode,
    pub message: String,
}

#[derive(Serialize)]
pub(crate) struct Health<'a> {
    pub(crate) status: &'static str,
    pub(crate) version: &'a str,
    pub(crate) services: Vec<&'a str>,
    pub(crate) workers: Vec<WorkerHealth>,
}

#[derive(Serialize)]
pub(crate) struct WorkerHealth {
    name: String,
    running: bool,
    /// Milliseconds since the epoch.
    last_pass: Option<millpond_core::Timestamp>,
    failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<String>,
    /// May name files, hence only for this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

impl WorkerHealth {
    pub(crate) fn new(status: WorkerStatus, from_here: bool) -> Self {
        let WorkerStatus { name, running, last_pass, last_error, failures, progress } = status;
        let last_error = last_error.filter(|_| from_here);
        Self { name, running, last_pass, failures, progress, last_error }
    }
}

#[derive(Serialize)]
struct Refused<'a> {
    message: &'a str,
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let bytes = serde_json::to_vec(value).expect("plain structs with string keys become JSON");
    answer(status, "application/json", bytes)
}

pub(crate) fn refused(status: StatusCode, message: &str) -> Response<Body> {
    json(status, &Refused { message })
}

pub(crate) fn answer(
    status: StatusCode,
    content_type: &'static str,
    bytes: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(body::full(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Runs a route of the program, if the request may reach it.
pub(crate) async fn lab(
    routes: &dyn AdminRoutes,
    gateway: &Gateway,
    parts: &Parts,
    path: &str,
    body: Body,
    peer: SocketAddr,
) -> Response<Body> {
    if !peer.ip().to_canonical().is_loopback() || guard::by_web_page(parts) {
        return refused(
            StatusCode::FORBIDDEN,
            "This is only answered to programs on the pond's own machine.",
        );
    }
    let body = match gateway.buffers().read(body, LARGEST).await {
        Ok(kept) => kept.bytes,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    match routes.answer(gateway, parts, path, body).await {
        None => refused(StatusCode::NOT_FOUND, "There is no such route; some exist with --lab only."),
        Some(Ok(AdminAnswer(bytes))) => answer(StatusCode::OK, "application/json", bytes),
        Some(Err(AdminRefusal { status, message })) => refused(status, &message),
    }
}
