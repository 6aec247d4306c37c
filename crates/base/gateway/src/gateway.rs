//! The way of a request: which service, who signs, which operation, the answer, the log line.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use millpond_core::{Clock, Region, RequestId, Scope};
use millpond_wire::query::Form;
use millpond_wire::{ApiError, Encoding, Protocol, encode_error};
use millpond_work::{Unfinished, panic_text};
use tokio::sync::{RwLock, RwLockWriteGuard};

use crate::access::Access;
use crate::admin::{self, AdminRoutes, Health, WorkerHealth};
use crate::body::{self, Body, Buffers, ReadError};
use crate::caller::{Asked, Caller};
use crate::guard;
use crate::identify::{Identity, admit};
use crate::metrics::Metrics;
use crate::operation::{Answer, Message, ServiceInfo};
use crate::record::{Event, Failure, Note, Pending, Recorder, Telling, nature};
use crate::route::{Destination, route, scope_service};
use crate::server::{Listener, Peer};
use crate::service::{Arrival, HttpService, Origin, Served};
use crate::services::{Api, Services};

/// What a gateway is told at its start.
pub struct GatewayOptions {
    pub access: Access,
    pub clock: Clock,
    /// The region of requests that name none.
    pub region: Region,
    pub version: &'static str,
    /// Routes below `/_millpond/` beside health and metrics; a lab instance has some.
    pub admin: Option<Arc<dyn AdminRoutes>>,
}

/// Everything between a socket and a service.
pub struct Gateway {
    options: GatewayOptions,
    metrics: Metrics,
    buffers: Buffers,
    services: RwLock<Services>,
}

/// No request is being handled, and new ones wait; see [`Gateway::pause`].
pub struct Paused<'a>(RwLockWriteGuard<'a, Services>);

impl Paused<'_> {
    /// Takes the services out; dropping what is given back closes them.
    pub fn take(&mut self) -> Services {
        std::mem::take(&mut *self.0)
    }

    pub fn resume_with(mut self, services: Services) {
        *self.0 = services;
    }
}

impl Gateway {
    pub fn new(options: GatewayOptions, services: Services) -> Self {
        Self { options, metrics: Metrics::new(), buffers: Buffers::new(), services: RwLock::new(services) }
    }

    /// Answers on all listeners until `shutdown` is ready; then requests that run have `drain` to finish.
    pub async fn serve(
        self: Arc<Self>,
        listeners: Vec<Listener>,
        shutdown: impl Future<Output = ()>,
        drain: Duration,
    ) -> Result<(), Unfinished> {
        crate::server::serve(self, listeners, shutdown, drain).await
    }

    /// Waits until the requests that run are answered and holds back new ones.
    pub async fn pause(&self) -> Paused<'_> {
        Paused(self.services.write().await)
    }

    pub fn clock(&self) -> &Clock {
        &self.options.clock
    }

    pub(crate) fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Answers one request: the whole way, with its log line and its metrics.
    pub(crate) async fn answer(&self, request: Request<Body>, from: Peer) -> Response<Body> {
        let started = Instant::now();
        let Peer { address: peer, tls, endpoint } = from;
        let _counted = self.metrics.in_flight();
        let arrival = Arrival {
            request_id: RequestId::random(),
            source_ip: peer.ip().to_canonical(),
            secure: tls.is_some(),
            clock: self.options.clock.clone(),
            origin: Origin::new(endpoint, tls, request.headers()),
        };
        let (method, bytes_in) = (request.method().clone(), content_length(&request));
        let (service, mut response) = self.dispatch(request, arrival.clone(), peer).await;
        let id = arrival.request_id.to_string();
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().entry("x-amzn-requestid").or_insert(id);
        }
        let served: Served = response.extensions_mut().remove().unwrap_or_default();
        let (took, status) = (started.elapsed(), response.status().as_u16());
        let operation = served.operation.unwrap_or("-");
        self.metrics.answered(service, operation, status, took);
        let bytes_out = response.body().size_hint().exact();
        let principal = served.principal.as_ref().map(tracing::field::display);
        if let Some(cause) = served.cause {
            tracing::error!(target: "millpond::request", request_id = id, service, operation, cause, "a request failed");
        }
        tracing::info!(
            target: "millpond::access",
            request_id = id, service, operation, %method, principal, status,
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX), bytes_in, bytes_out, peer = %peer.ip(),
        );
        response
    }

    async fn dispatch(
        &self,
        request: Request<Body>,
        arrival: Arrival,
        peer: SocketAddr,
    ) -> (&'static str, Response<Body>) {
        let (parts, body) = request.into_parts();
        let objection = self.options.access.is_open().then(|| guard::objection(&parts)).flatten();
        // What is signed for a service is that service's, whatever its path.
        let signed = parts.headers.contains_key("authorization");
        let meant = !signed || scope_service(&parts).as_deref() == Some(admin::SIGNING_NAME);
        if let Some(path) = parts.uri.path().strip_prefix(admin::PREFIX).filter(|_| meant) {
            let response = match objection {
                None => self.admin(&parts, body, path, peer).await,
                Some(objection) => admin::refused(StatusCode::FORBIDDEN, objection),
            };
            return ("_millpond", response);
        }
        // Held until the answer's head is ready: a reset waits for the requests that run.
        let services = self.services.read().await;
        let infos: Vec<_> = services.apis.iter().map(|api| api.info()).collect();
        let raw = services.raw.as_ref();
        let destination = route(&parts, &infos, |name| raw.is_some_and(|raw| raw.takes(name)));
        if let Some(objection) = objection {
            return turned_away(&services, &destination, &parts, &arrival, objection);
        }
        match destination {
            Destination::Service(index) => {
                let api = services.apis[index].as_ref();
                (api.info().name, self.api(&services, api, parts, body, &arrival).await)
            }
            Destination::Form => self.form(&services, parts, body, &arrival).await,
            Destination::Raw => match raw {
                Some(raw) => {
                    let request = Request::from_parts(parts, body);
                    let response = raw_answer(raw.as_ref(), services.recorder.as_deref(), request, &arrival);
                    let mut response = response.await;
                    let denied =
                        response.extensions().get::<Served>().and_then(|served| served.denied.clone());
                    if let (Some(denied), Some(messages)) = (denied, &services.messages) {
                        messages.attach(&denied, &mut response);
                    }
                    (raw.info().name, response)
                }
                None => ("-", unknown_service(&parts, "s3", &arrival)),
            },
            Destination::Unknown { service } => ("-", unknown_service(&parts, &service, &arrival)),
        }
    }

    /// An unsigned form: whichever query-protocol service knows its action.
    async fn form(
        &self,
        services: &Services,
        parts: Parts,
        body: Body,
        arrival: &Arrival,
    ) -> (&'static str, Response<Body>) {
        let queries =
            services.apis.iter().filter(|api| matches!(api.info().protocol, Protocol::AwsQuery { .. }));
        let largest = queries.clone().map(|api| api.info().largest_body.as_u64()).max().unwrap_or(0);
        let kept = match self.buffers.read(body, largest).await {
            Ok(kept) => kept,
            Err(error) => return ("-", failure(FORM, error.into(), arrival)),
        };
        let form = match parts.method {
            Method::GET => Bytes::from(parts.uri.query().unwrap_or_default().to_owned()),
            _ => kept.bytes.clone(),
        };
        let action = action(&form);
        let knows = |api: &&Arc<dyn Api>| {
            action.as_deref().is_some_and(|action| api.info().known_operations.contains(&action))
        };
        match queries.clone().find(knows) {
            Some(api) => {
                let response = self.api(services, api.as_ref(), parts, body::full(form), arrival);
                (api.info().name, response.await)
            }
            None => {
                let error = ApiError::new(
                    "InvalidAction",
                    "The action or operation requested is invalid. Verify that \
                     the action is typed correctly.",
                );
                ("-", failure(FORM, error, arrival))
            }
        }
    }

    /// A request to a service with a table of operations.
    async fn api(
        &self,
        services: &Services,
        api: &dyn Api,
        parts: Parts,
        body: Body,
        arrival: &Arrival,
    ) -> Response<Body> {
        let info = api.info();
        let encoding = encoding(&info.protocol, &parts);
        let recorder = services.recorder.as_deref();
        let mut way = Way { recorder, served: Served::default(), asked: None, pending: None };
        let run = self.run(api, encoding, &parts, body, arrival, &mut way);
        let mut outcome = match AssertUnwindSafe(run).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(panic) => Err(ApiError::internal(format!("panicked: {}", panic_text(panic.as_ref())))),
        };
        let Way { mut served, asked, pending, .. } = way;
        if let (Some(recorder), Some(pending)) = (recorder, pending) {
            let event = pending.end(info.name, outcome.as_ref().err().map(Failure::of));
            if let Err(error) = recorder.record(event).await {
                outcome = Err(ApiError::internal(error));
            }
        }
        match outcome {
            Ok(answer) => with(response(answer), served),
            Err(error) => {
                served.cause = cause(&error);
                let denied = asked.filter(|_| is_denial(&error)).and_then(|asked| asked.denied());
                let mut response = failure(encoding, error, arrival);
                if let (Some(denied), Some(messages)) = (denied, &services.messages) {
                    messages.attach(&denied, &mut response);
                }
                with(response, served)
            }
        }
    }

    async fn run(
        &self,
        api: &dyn Api,
        encoding: Encoding,
        parts: &Parts,
        body: Body,
        arrival: &Arrival,
        way: &mut Way<'_>,
    ) -> Result<Answer, ApiError> {
        let info = api.info();
        // Clients sign by their own clocks, also for a lab whose clock was turned.
        let now = arrival.clock.unturned();
        let visitor = match admit(&self.options.access, parts, info.signing_name, api.takes_unsigned(), now) {
            Ok(visitor) => visitor,
            Err(mut refused) => {
                if let Some(claimed) = refused.claimed() {
                    // Whose key it is will want to know what it was used for.
                    let needs_body = matches!(info.protocol, Protocol::AwsQuery { .. });
                    let body = if needs_body { body } else { body::full(Bytes::new()) };
                    let kept = self.buffers.read(body, info.largest_body.as_u64()).await?;
                    let name = operation_name(&info.protocol, parts, &message(info, parts, &kept.bytes));
                    if let Some(operation) = name.ok().and_then(|name| api.find(&name)) {
                        way.expect(info, operation.name, self.caller(claimed, arrival));
                    }
                }
                return Err(refused.into_api_error(&info.protocol));
            }
        };
        let kept = self.buffers.read(body, info.largest_body.as_u64()).await?;
        let message = message(info, parts, &kept.bytes);
        let name = operation_name(&info.protocol, parts, &message)?;
        let Some(operation) = api.find(&name) else {
            return Err(match info.known_operations.contains(&name.as_str()) {
                true => ApiError::not_implemented(info.name, &name),
                false => unknown_operation(&info.protocol, &name),
            });
        };
        way.served.operation = Some(operation.name);
        let identity =
            match visitor.identify(parts, &kept.bytes, info.signing_name, operation.is_unsigned(), now) {
                Ok(identity) => identity,
                Err(mut refused) => {
                    if let Some(claimed) = refused.claimed() {
                        way.expect(info, operation.name, self.caller(claimed, arrival));
                    }
                    return Err(refused.into_api_error(&info.protocol));
                }
            };
        way.served.principal = Some(identity.principal.clone());
        let (caller, note) = way.expect(info, operation.name, self.caller(identity, arrival));
        let message = Message { encoding, body: message, request_id: arrival.request_id, note };
        api.run(operation.name, caller, message).await
    }

    fn caller(&self, identity: Identity, arrival: &Arrival) -> Caller {
        let Identity { principal, account, region, grants, token, access_key } = identity;
        let region = region.unwrap_or_else(|| self.options.region.clone());
        Caller::arrived(principal, Scope::new(account, region), arrival)
            .with_grants(grants, token)
            .with_access_key(access_key)
    }

    async fn admin(&self, parts: &Parts, body: Body, path: &str, peer: SocketAddr) -> Response<Body> {
        match (&parts.method, path) {
            (&Method::GET, "health") => self.health(peer).await,
            (&Method::GET, "metrics") => match self.metrics.text(&self.services.read().await.registry) {
                Ok(text) => admin::answer(
                    StatusCode::OK,
                    "application/openmetrics-text; version=1.0.0; charset=utf-8",
                    text.into_bytes(),
                ),
                Err(error) => admin::refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
            },
            (_, "health" | "metrics") => {
                admin::refused(StatusCode::METHOD_NOT_ALLOWED, "This is read with GET.")
            }
            _ => match &self.options.admin {
                Some(routes) => admin::lab(routes.as_ref(), self, parts, path, body, peer).await,
                None => admin::refused(
                    StatusCode::NOT_FOUND,
                    "There is no such route; some exist with --lab only.",
                ),
            },
        }
    }

    async fn health(&self, peer: SocketAddr) -> Response<Body> {
        let services = self.services.read().await;
        let from_here = peer.ip().to_canonical().is_loopback();
        let names = services.apis.iter().map(|api| api.info().name);
        let workers = services.tasks.iter().flat_map(|tasks| tasks.status());
        let health = Health {
            status: "ok",
            version: self.options.version,
            services: names.chain(services.raw.iter().map(|raw| raw.info().name)).collect(),
            workers: workers.map(|status| WorkerHealth::new(status, from_here)).collect(),
        };
        admin::json(StatusCode::OK, &health)
    }
}

/// What is known of a request so far.
struct Way<'a> {
    recorder: Option<&'a dyn Recorder>,
    served: Served,
    /// What is asked on behalf of the request.
    asked: Option<Arc<Asked>>,
    /// The event that the request leaves, however it ends.
    pending: Option<Pending>,
}

impl Way<'_> {
    /// From here on it is known who asks for what; gives the caller back, with where to note the rest.
    fn expect(
        &mut self,
        info: &ServiceInfo,
        operation: &'static str,
        caller: Caller,
    ) -> (Caller, Option<Arc<Note>>) {
        let nature = nature(info.name, operation);
        if !self.recorder.is_some_and(|recorder| recorder.wants(info.name, nature)) {
            self.asked = Some(caller.asked());
            return (caller, None);
        }
        let (caller, note) = (caller.noting(), Arc::new(Note::new(nature)));
        self.asked = Some(caller.asked());
        self.pending = Some(Pending { operation, nature, caller: caller.clone(), note: Arc::clone(&note) });
        (caller, Some(note))
    }
}

/// The answer of the service with the wire format of its own, recorded.
async fn raw_answer(
    raw: &dyn HttpService,
    recorder: Option<&dyn Recorder>,
    request: Request<Body>,
    arrival: &Arrival,
) -> Response<Body> {
    let answer = AssertUnwindSafe(raw.handle(request, arrival.clone())).catch_unwind().await;
    let broken = |cause: String| {
        let served = Served { cause: Some(cause), ..Served::default() };
        with(raw.internal_error(arrival), served)
    };
    let response = answer.unwrap_or_else(|panic| broken(format!("panicked: {}", panic_text(panic.as_ref()))));
    let event =
        recorder.and_then(|recorder| Some((recorder, raw_event(raw.info().name, recorder, &response)?)));
    match event {
        Some((recorder, event)) => match recorder.record(event).await {
            Ok(()) => response,
            Err(error) => broken(format!("recording an event: {error}")),
        },
        None => response,
    }
}

/// The event of such an answer, if it is wanted.
fn raw_event(service: &'static str, recorder: &dyn Recorder, response: &Response<Body>) -> Option<Event> {
    let served = response.extensions().get::<Served>()?;
    let (operation, about) = (served.operation?, served.about.as_ref()?);
    let nature = nature(service, operation);
    if !recorder.wants(service, nature) {
        return None;
    }
    let Telling { caller, parameters, answer, resources } = about.0.tell(response.headers());
    let failure = served.failure.clone();
    let answer = answer.filter(|_| nature.shows_answer && failure.is_none());
    Some(Event {
        service,
        operation,
        nature,
        caller,
        parameters: Some(parameters),
        answer,
        resources,
        failure,
    })
}

/// Before the service is known, a form is answered as STS, the oldest of them, would.
const FORM: Encoding = Encoding::Query { xmlns: "https://sts.amazonaws.com/doc/2011-06-15/" };
/// Likewise for a target or a scope that names no service of this pond.
const JSON: Encoding = Encoding::Json { version: "1.1", message_member: "message" };

fn action(form: &[u8]) -> Option<String> {
    Form::parse(form).ok()?.action().map(ToOwned::to_owned)
}

/// What holds the input: the body, or the query of a form that was sent by GET.
fn message(info: &ServiceInfo, parts: &Parts, body: &Bytes) -> Bytes {
    match &info.protocol {
        Protocol::AwsQuery { .. } if parts.method == Method::GET => {
            Bytes::from(parts.uri.query().unwrap_or_default().to_owned())
        }
        _ => body.clone(),
    }
}

/// The operation that the request asks for, by the name that it gives.
fn operation_name(protocol: &Protocol, parts: &Parts, message: &[u8]) -> Result<String, ApiError> {
    match protocol {
        Protocol::AwsJson { .. } => {
            let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
            let name = target.and_then(|target| protocol.operation_of(target));
            name.map(ToOwned::to_owned).ok_or_else(ApiError::unknown_operation)
        }
        Protocol::AwsQuery { version, .. } => {
            let form = Form::parse(message).map_err(|bad| ApiError::new("MalformedQueryString", bad.0))?;
            let name = form.action().filter(|name| !name.is_empty()).ok_or_else(|| {
                ApiError::new("MissingAction", "The request must contain the parameter Action.")
            })?;
            match form.get("Version").unwrap_or("NO_VERSION_SPECIFIED") {
                asked if asked == *version => Ok(name.to_owned()),
                asked => Err(invalid_action(name, asked)),
            }
        }
    }
}

fn unknown_operation(protocol: &Protocol, name: &str) -> ApiError {
    match protocol {
        Protocol::AwsJson { .. } => ApiError::unknown_operation(),
        Protocol::AwsQuery { version, .. } => invalid_action(name, version),
    }
}

fn invalid_action(name: &str, version: &str) -> ApiError {
    ApiError::new("InvalidAction", format!("Could not find operation {name} for version {version}"))
}

/// The two spellings of it.
fn is_denial(error: &ApiError) -> bool {
    ["AccessDenied", "AccessDeniedException"].contains(&&*error.code)
}

/// A refusal in the form of the service that was meant.
fn turned_away(
    services: &Services,
    destination: &Destination,
    parts: &Parts,
    arrival: &Arrival,
    objection: &'static str,
) -> (&'static str, Response<Body>) {
    let denied = |code| ApiError::new(code, objection).with_status(StatusCode::FORBIDDEN.as_u16());
    match (destination, &services.raw) {
        (Destination::Service(index), _) => {
            let info = services.apis[*index].info();
            (info.name, failure(encoding(&info.protocol, parts), denied("AccessDeniedException"), arrival))
        }
        (Destination::Raw, Some(raw)) => (raw.info().name, raw.denied(arrival, objection)),
        (Destination::Form, _) => ("-", failure(FORM, denied("AccessDenied"), arrival)),
        (Destination::Raw | Destination::Unknown { .. }, _) => {
            ("-", failure(JSON, denied("AccessDeniedException"), arrival))
        }
    }
}

/// A service that this pond does not have, in the form that the request itself is in.
fn unknown_service(parts: &Parts, service: &str, arrival: &Arrival) -> Response<Body> {
    let message = format!("The service {service} is not implemented by Millpond.");
    let form = parts
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/x-www"));
    let error = ApiError::new("UnknownOperationException", message);
    failure(if form { FORM } else { JSON }, error, arrival)
}

fn encoding(protocol: &Protocol, parts: &Parts) -> Encoding {
    protocol.encoding(parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()))
}

fn failure(encoding: Encoding, error: ApiError, arrival: &Arrival) -> Response<Body> {
    response(encode_error(&encoding, &error, arrival.request_id))
}

fn response(answer: Answer) -> Response<Body> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = admin::answer(status, answer.content_type, answer.body);
    if let Some(Ok(code)) = answer.error_type.as_deref().map(HeaderValue::from_str) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

fn with(mut response: Response<Body>, served: Served) -> Response<Body> {
    response.extensions_mut().insert(served);
    response
}

/// The whole chain of causes of a fault of ours.
fn cause(error: &ApiError) -> Option<String> {
    if !error.is_server_fault() || error.status == StatusCode::NOT_IMPLEMENTED.as_u16() {
        return None;
    }
    let mut text = error.code.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    Some(text)
}

fn content_length(request: &Request<Body>) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooLarge { limit } => {
                let message = format!("Request size exceeded the limit of {limit} bytes.");
                ApiError::new("RequestEntityTooLargeException", message).with_status(413)
            }
            ReadError::NoRoom => {
                let message = "Too many large requests are being received.";
                ApiError::new("ServiceUnavailableException", message).with_status(503)
            }
            ReadError::Late => {
                let message = "The request's body was not received in time.";
                ApiError::new("RequestTimeoutException", message).with_status(408)
            }
            ReadError::Broken(_) => ApiError::serialization("The request's body broke off."),
        }
    }
}
