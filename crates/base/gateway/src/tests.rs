//! A tiny service behind a real socket.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as SignerKeys;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use millpond_core::{Arn, ByteSize, Clock, Region, Timestamp};
use millpond_wire::{ApiError, Member, Protocol, Shape, Shaped, Value, json};
use millpond_work::{TaskHandle, Tasks};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

use super::record::{Category, Event, Nature, RecordError, Recorder};
use super::*;

const KEY: &str = "AKIATEST";
const SECRET: &str = "secret";
const NOW: Timestamp = Timestamp::from_secs(1_760_000_000);

/// Echoes what it is told.
struct Echo {
    /// `Wait` takes one.
    waits: Semaphore,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EchoInput {
    text: String,
}

impl Shaped for EchoInput {
    const SHAPE: &'static Shape = &Shape::Structure(&[Member::required("Text", &Shape::STRING)]);
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EchoOutput {
    text: String,
}

async fn echo(_: Call<Echo>, input: EchoInput) -> Result<EchoOutput, ApiError> {
    Ok(EchoOutput { text: input.text })
}

async fn panics(_: Call<Echo>, _: EchoInput) -> Result<EchoOutput, ApiError> {
    panic!("a bug")
}

async fn waits(call: Call<Echo>, input: EchoInput) -> Result<EchoOutput, ApiError> {
    let permit = call.waits.acquire().await.map_err(ApiError::internal)?;
    permit.forget();
    Ok(EchoOutput { text: input.text })
}

/// Lets in whoever says so.
async fn shows(call: Call<Echo>, input: EchoInput) -> Result<EchoOutput, ApiError> {
    if input.text == "forgets" {
        return Ok(EchoOutput { text: input.text });
    }
    let _unheeded = call.caller.authorize("echo:Show", &Arn::global("echo", "x"));
    Ok(EchoOutput { text: call.caller.principal.to_string() })
}

async fn asks(call: Call<Echo>, input: EchoInput) -> Result<EchoOutput, ApiError> {
    call.caller.authorize("echo:Ask", &call.scope().arn("echo", input.text.as_str()))?;
    Ok(EchoOutput { text: input.text })
}

fn operations() -> Operations<Echo> {
    let resource = |_: &Caller, input: &EchoInput| {
        input
            .text
            .parse::<Arn>()
            .or_else(|_| "arn:aws:echo:us-east-1:000000000000:text/x".parse::<Arn>())
            .map_err(ApiError::internal)
    };
    Operations::new(ServiceInfo {
        name: "echo",
        signing_name: "echo",
        protocol: Protocol::AwsJson { version: "1.1", target_prefix: "Echo_1", message_member: "message" },
        validation_code: "ValidationException",
        largest_body: ByteSize::kib(64),
        known_operations: &["Ask", "Echo", "Forget", "Later", "Panic", "Show", "Wait"],
    })
    .op("Echo", Action("echo:Echo"), resource, echo)
    .op_for_everyone("Panic", panics)
    .op_for_everyone("Wait", waits)
    .op_authorized_in_handler("Ask", Action("echo:Ask"), asks)
    .op_authorized_in_handler("Forget", Action("echo:Forget"), echo)
    .op_unsigned("Show", Action("echo:Show"), shows)
}

/// Answers with the length of the body.
struct Raw(ServiceInfo);

impl HttpService for Raw {
    fn info(&self) -> &ServiceInfo {
        &self.0
    }

    fn operations(&self) -> Vec<OperationInfo> {
        Vec::new()
    }

    fn handle(&self, request: Request<Body>, arrival: Arrival) -> BoxFuture<'_, Response<Body>> {
        async move {
            assert_ne!(request.uri().path(), "/panic");
            if request.uri().path() == "/origin" {
                let agent = arrival.origin.user_agent;
                return Response::new(body::full(format!("{:?} {agent:?}", arrival.origin.endpoint)));
            }
            let length = request.into_body().collect().await.unwrap().to_bytes().len();
            Response::new(body::full(length.to_string()))
        }
        .boxed()
    }

    fn denied(&self, _: &Arrival, message: &str) -> Response<Body> {
        let mut response = Response::new(body::full(message.to_owned()));
        *response.status_mut() = StatusCode::FORBIDDEN;
        response
    }

    fn internal_error(&self, _: &Arrival) -> Response<Body> {
        let mut response = Response::new(body::full("broken"));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }
}

/// Keeps every event, unless its disk is full.
#[derive(Default)]
struct Kept {
    events: Mutex<Vec<Event>>,
    is_full: AtomicBool,
}

impl Recorder for Kept {
    fn wants(&self, _: &str, nature: Nature) -> bool {
        nature.category == Category::Management
    }

    fn record(&self, event: Event) -> BoxFuture<'_, Result<(), RecordError>> {
        async move {
            if self.is_full.load(Ordering::Acquire) {
                return Err("the disk is full".into());
            }
            self.events.lock().unwrap().push(event);
            Ok(())
        }
        .boxed()
    }
}

struct OneKey;

impl Credentials for OneKey {
    fn lookup(&self, access_key_id: &str, session_token: Option<&str>) -> Result<Credential, LookupError> {
        let account: millpond_core::AccountId = "000000000000".parse().unwrap();
        match session_token {
            _ if access_key_id != KEY => Err(LookupError::UnknownKey),
            None => Ok(Credential::of_root(account, Secret::new(SECRET.to_owned()))),
            Some("old") => Err(LookupError::ExpiredToken),
            Some("lost") => Err(LookupError::failed("disk 3 is on fire")),
            Some(_) => Err(LookupError::InvalidToken),
        }
    }
}

struct Server {
    address: SocketAddr,
    /// Another socket, which stands for a gateway endpoint.
    endpoint: SocketAddr,
    echo: Arc<Echo>,
    gateway: Arc<Gateway>,
    kept: Arc<Kept>,
    stop: Option<oneshot::Sender<()>>,
    running: TaskHandle,
}

async fn start(open: bool) -> Server {
    let clock = Clock::manual(NOW);
    let account: millpond_core::AccountId = "000000000000".parse().unwrap();
    let access = match open {
        true => Access::Open { account, sessions: None },
        false => Access::Verified { credentials: Arc::new(OneKey), account },
    };
    let echo = Arc::new(Echo { waits: Semaphore::new(0) });
    let raw = Raw(ServiceInfo { name: "raw", signing_name: "raw", ..operations().info().clone() });
    let kept = Arc::new(Kept::default());
    let services = Services::new()
        .service(operations(), Arc::clone(&echo))
        .http_service(Arc::new(raw))
        .recorder(Arc::clone(&kept) as Arc<dyn Recorder>);
    let options = GatewayOptions {
        access,
        clock: clock.clone(),
        region: Region::us_east_1(),
        version: "0",
        admin: None,
    };
    let gateway = Arc::new(Gateway::new(options, services));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let further = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = further.local_addr().unwrap();
    let further = Listener { socket: further, endpoint: Some("vpce-1a2b".into()), tls: None };
    let (stop, stopped) = oneshot::channel();
    let serving = Arc::clone(&gateway);
    let running = Tasks::new(clock).spawn_scoped("server", async move {
        let stopped = async { drop(stopped.await) };
        serving.serve(vec![listener.into(), further], stopped, Duration::from_secs(60)).await.unwrap();
    });
    Server { address, endpoint, echo, gateway, kept, stop: Some(stop), running }
}

impl Server {
    fn request(&self, operation: &str, body: &str) -> Request<Bytes> {
        Request::post(format!("http://{}/", self.address))
            .header("host", self.address.to_string())
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("Echo_1.{operation}"))
            .body(Bytes::from(body.to_owned()))
            .unwrap()
    }

    async fn call(&self, operation: &str, body: &str) -> (u16, String) {
        send(signed(self.request(operation, body)), false).await
    }
}

fn signed(mut request: Request<Bytes>) -> Request<Bytes> {
    let identity = SignerKeys::from_keys(KEY, SECRET, None).into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("echo")
        .time(SystemTime::UNIX_EPOCH + Duration::from_millis(NOW.as_millis().unsigned_abs()))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let uri = request.uri().to_string();
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let signable = SignableRequest::new("POST", uri, headers, SignableBody::Bytes(request.body())).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request
}

async fn send(request: Request<Bytes>, http2: bool) -> (u16, String) {
    let client = Client::builder(TokioExecutor::new()).http2_only(http2).build_http();
    let answer = client.request(request.map(Full::new)).await.unwrap();
    assert!(answer.headers().contains_key("x-amzn-requestid"));
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.into()).unwrap())
}

#[tokio::test]
async fn operations_are_found_checked_authorized_and_guarded() {
    let server = start(false).await;
    let denied = "User: arn:aws:iam::000000000000:root is not authorized to perform: echo:Echo on resource: \
                  arn:aws:echo:us-east-1:111111111111:text/x because no resource-based policy allows the echo:Echo \
                  action";
    for (operation, body, status, expected) in [
        ("Echo", "{\"Text\":\"hi\"}", 200, "{\"Text\":\"hi\"}"),
        ("Echo", "{}", 400, "ValidationException"),
        ("Echo", "{", 400, "SerializationException"),
        ("Echo", "{\"Text\":\"arn:aws:echo:us-east-1:111111111111:text/x\"}", 400, denied),
        ("Panic", "{\"Text\":\"hi\"}", 500, "InternalFailure"),
        ("Ask", "{\"Text\":\"hi\"}", 200, "{\"Text\":\"hi\"}"),
        ("Forget", "{\"Text\":\"hi\"}", 500, "InternalFailure"),
        ("Later", "{}", 501, "The operation Later of echo is not implemented by Millpond."),
        ("Never", "{}", 400, "UnknownOperationException"),
        ("Echo", &" ".repeat(65 * 1024), 413, "RequestEntityTooLargeException"),
    ] {
        let (got, text) = server.call(operation, body).await;
        assert_eq!(got, status, "{operation} {text}");
        assert!(text.contains(expected), "{operation}: {text}");
        assert!(!text.contains("a bug"), "{text}");
    }
}

#[tokio::test]
async fn only_signed_requests_are_let_in_unless_the_pond_is_open() {
    let body = "{\"Text\":\"hi\"}";
    let server = start(false).await;
    let (status, text) = send(server.request("Echo", body), false).await;
    assert_eq!((status, text.contains("MissingAuthenticationTokenException")), (400, true), "{text}");
    let mut tampered = signed(server.request("Echo", body));
    *tampered.body_mut() = Bytes::from_static(b"{\"Text\":\"ho\"}");
    let (status, text) = send(tampered, false).await;
    assert_eq!((status, text.contains("InvalidSignatureException")), (400, true), "{text}");
    assert_eq!(send(server.request("Show", body), false).await, (200, "{\"Text\":\"anonymous\"}".to_owned()));
    let (status, _) = send(server.request("Show", "{\"Text\":\"forgets\"}"), false).await;
    assert_eq!(status, 500, "nobody was asked");
    let open = start(true).await;
    assert_eq!(send(open.request("Echo", body), false).await, (200, body.to_owned()));
}

#[tokio::test]
async fn a_session_token_that_is_not_taken_says_why() {
    let server = start(false).await;
    for (token, status, code) in [
        ("another", 400, "UnrecognizedClientException"),
        ("old", 400, "ExpiredTokenException"),
        ("lost", 500, "InternalFailure"),
    ] {
        let mut request = server.request("Echo", "{\"Text\":\"hi\"}");
        request.headers_mut().insert("x-amz-security-token", token.parse().unwrap());
        let (got, text) = send(signed(request), false).await;
        assert_eq!(got, status, "{text}");
        assert!(text.contains(code) && !text.contains("on fire"), "{text}");
    }
}

#[tokio::test]
async fn requests_are_recorded_with_who_asked_what_and_what_came_of_it() {
    let server = start(false).await;
    let elsewhere = "{\"Text\":\"arn:aws:echo:us-east-1:111111111111:text/x\"}";
    for (operation, body) in
        [("Echo", "{\"Text\":\"hi\"}"), ("Echo", elsewhere), ("Panic", "{\"Text\":\"hi\"}"), ("Echo", "{")]
    {
        server.call(operation, body).await;
    }
    let mut tampered = signed(server.request("Echo", "{\"Text\":\"hi\"}"));
    *tampered.body_mut() = Bytes::from_static(b"{\"Text\":\"ho\"}");
    send(tampered, false).await;
    // Of these nobody knows who it was or what it was about.
    send(server.request("Echo", "{\"Text\":\"hi\"}"), false).await;
    server.call("Never", "{}").await;
    let told =
        |value: &Option<Value>| value.as_ref().map(|value| String::from_utf8(json::write(value)).unwrap());
    let events = std::mem::take(&mut *server.kept.events.lock().unwrap());
    let seen: Vec<_> = events
        .iter()
        .map(|event| {
            let resource = event.resources.first().map(|arn| arn.account.clone());
            let code = event.failure.as_ref().map(|failure| failure.code.clone());
            (event.operation, told(&event.parameters), told(&event.answer), resource, code)
        })
        .collect();
    let text = |text: &str| Some(text.to_owned());
    let hi = || text("{\"text\":\"hi\"}");
    assert_eq!(
        seen,
        [
            ("Echo", hi(), hi(), text("000000000000"), None),
            (
                "Echo",
                text("{\"text\":\"arn:aws:echo:us-east-1:111111111111:text/x\"}"),
                None,
                text("111111111111"),
                text("AccessDeniedException")
            ),
            ("Panic", hi(), None, None, text("InternalFailure")),
            ("Echo", None, None, None, text("SerializationException")),
            ("Echo", None, None, None, text("InvalidSignatureException")),
        ]
    );
    assert!(events.iter().all(|event| event.caller.access_key.as_deref() == Some(KEY)));
    server.kept.is_full.store(true, Ordering::Release);
    let (status, answer) = server.call("Echo", "{\"Text\":\"hi\"}").await;
    assert_eq!((status, answer.contains("disk")), (500, false), "nothing happens unseen: {answer}");
}

#[tokio::test]
async fn http2_and_the_raw_service_are_served() {
    let server = start(false).await;
    let (status, _) = send(signed(server.request("Echo", "{\"Text\":\"hi\"}")), true).await;
    assert_eq!(status, 200);
    // The raw service takes bodies of any length.
    for (path, length, expected) in
        [("/bucket/key", 1 << 20, (200, "1048576")), ("/panic", 0, (500, "broken")), ("/", 0, (200, "0"))]
    {
        let uri = format!("http://{}{path}", server.address);
        let request =
            Request::builder().method(Method::PUT).uri(uri).body(Bytes::from(vec![0; length])).unwrap();
        let (status, text) = send(request, false).await;
        assert_eq!((status, text.as_str()), expected, "{path}");
    }
}

#[tokio::test]
async fn a_request_carries_the_endpoint_that_its_listener_stands_for() {
    let server = start(false).await;
    for (address, expected) in
        [(server.address, "None Some(\"test\")"), (server.endpoint, "Some(\"vpce-1a2b\") Some(\"test\")")]
    {
        let request = Request::get(format!("http://{address}/origin")).header("user-agent", "test");
        let answer = send(request.body(Bytes::new()).unwrap(), false).await;
        assert_eq!(answer, (200, expected.to_owned()));
    }
}

#[tokio::test]
async fn health_and_metrics_are_open_and_lab_routes_are_not_there() {
    let server = start(false).await;
    server.call("Echo", "{\"Text\":\"hi\"}").await;
    let get = async |path: &str| {
        let uri = format!("http://{}/_millpond/{path}", server.address);
        send(Request::get(uri).body(Bytes::new()).unwrap(), false).await
    };
    let (status, text) = get("health").await;
    assert_eq!((status, text.contains("\"services\":[\"echo\",\"raw\"]")), (200, true), "{text}");
    let (status, text) = get("metrics").await;
    let line = "millpond_requests_total{service=\"echo\",operation=\"Echo\",status=\"200\"} 1";
    assert_eq!((status, text.contains(line)), (200, true), "{text}");
    assert_eq!(get("reset").await.0, 404);
}

#[tokio::test]
async fn a_shutdown_lets_requests_finish() {
    let mut server = start(false).await;
    let stop = server.stop.take();
    let waiting = send(signed(server.request("Wait", "{\"Text\":\"hi\"}")), false);
    let stopping = async {
        // The request is inside once its handler waits.
        while server.gateway.metrics().text(&Default::default()).unwrap().contains("requests_in_flight 0") {
            tokio::task::yield_now().await;
        }
    };
    tokio::pin!(waiting);
    tokio::select! {
        answer = &mut waiting => panic!("{answer:?}"),
        () = stopping => {}
    }
    let ((status, _), ()) = tokio::join!(waiting, async {
        drop(stop);
        tokio::task::yield_now().await;
        server.echo.waits.add_permits(1);
    });
    assert_eq!(status, 200);
    server.running.finished().await;
    for address in [server.address, server.endpoint] {
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }
}

#[tokio::test]
async fn an_operation_ends_though_its_client_hung_up() {
    let server = start(false).await;
    let request = signed(server.request("Wait", "{\"Text\":\"hi\"}"));
    let hung_up = async {
        while server.gateway.metrics().text(&Default::default()).unwrap().contains("requests_in_flight 0") {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = send(request, false) => panic!("{answer:?}"),
        () = hung_up => {}
    }
    // The client is gone; the handler still takes its permit and is counted.
    server.echo.waits.add_permits(1);
    let counted = "operation=\"Wait\",status=\"200\"} 1";
    while !server.gateway.metrics().text(&Default::default()).unwrap().contains(counted) {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.echo.waits.available_permits(), 0);
}
