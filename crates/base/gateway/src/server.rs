//! Sockets: accepting, TLS or plain, HTTP/1.1 and HTTP/2 on one port, limits in number and time, and the drain at the end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use millpond_work::{Tasks, Unfinished};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::body::{self, Body};
use crate::gateway::Gateway;
use crate::tls::{Tls, TlsSession};

/// How many clients may be connected; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 4_096;
/// From the first byte of a request, or the end of the one before, to the end of its headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(60);
const MAX_HEADER_BYTES: usize = 64 * 1024;
const MAX_STREAMS: u32 = 256;

/// Runs hyper's own tasks (HTTP/2 streams) through the tracker.
#[derive(Clone)]
struct Executor(Tasks);

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn("http2", future);
    }
}

/// A socket to accept on, and the gateway endpoint that it stands for: what comes through it carries
/// `aws:SourceVpce`. With `tls`, nothing else is spoken there.
#[derive(Debug)]
pub struct Listener {
    pub socket: TcpListener,
    pub endpoint: Option<Arc<str>>,
    pub tls: Option<Arc<Tls>>,
}

impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Self {
        Self { socket, endpoint: None, tls: None }
    }
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TlsSession>,
    pub(crate) endpoint: Option<Arc<str>>,
}

/// Answers until `shutdown` is ready, then takes no new connections, lets requests that run finish within
/// `drain`, and returns.
pub(crate) async fn serve(
    gateway: Arc<Gateway>,
    listeners: Vec<Listener>,
    shutdown: impl Future<Output = ()>,
    drain: Duration,
) -> Result<(), Unfinished> {
    let tasks = Tasks::new(gateway.clock().clone());
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let accepting = listeners.iter().map(|listener| accept(&gateway, &tasks, &places, listener));
    tokio::select! {
        () = shutdown => {}
        _ = futures::future::join_all(accepting) => {}
    }
    drop(listeners);
    tasks.shutdown(drain).await
}

/// Accepts for as long as it is polled.
async fn accept(gateway: &Arc<Gateway>, tasks: &Tasks, places: &Arc<Semaphore>, listener: &Listener) {
    loop {
        let place = Arc::clone(places).acquire_owned().await.expect("the semaphore is never closed");
        match listener.socket.accept().await {
            Ok((stream, address)) => {
                let peer = Peer { address, tls: None, endpoint: listener.endpoint.clone() };
                let (gateway, tls) = (Arc::clone(gateway), listener.tls.clone());
                tasks.spawn("connection", connection(gateway, tasks.clone(), stream, tls, peer, place));
            }
            Err(error) => {
                // A client that went away, or no file descriptors left: the first is over, the second passes.
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Waits for the first byte, and for the handshake where TLS is spoken, and then answers requests.
async fn connection(
    gateway: Arc<Gateway>,
    tasks: Tasks,
    stream: TcpStream,
    tls: Option<Arc<Tls>>,
    mut peer: Peer,
    _place: OwnedSemaphorePermit,
) {
    let _counted = gateway.metrics().connection();
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, peer = %peer.address, "no TCP_NODELAY");
    }
    // hyper's own limit begins with the first byte.
    let mut first = [0];
    let Some(Ok(1)) = in_time(&tasks, stream.peek(&mut first)).await else { return };
    let Some(tls) = tls else { return converse(&gateway, &tasks, stream, peer).await };
    let shaken = tokio::select! {
        shaken = tls.accept(first[0], stream) => shaken,
        () = tasks.token().cancelled() => return,
    };
    match shaken {
        Ok(Some((mut stream, session))) => {
            peer.tls = Some(session);
            if matches!(in_time(&tasks, stream.fill_buf()).await, Some(Ok(_))) {
                converse(&gateway, &tasks, stream, peer).await;
            }
        }
        Ok(None) => tracing::debug!(peer = %peer.address, "a client spoke no TLS"),
        Err(error) => tracing::debug!(%error, peer = %peer.address, "a TLS handshake failed"),
    }
}

/// `None`: it took too long, or the server stops.
async fn in_time<T>(tasks: &Tasks, waiting: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        came = tokio::time::timeout(HEADERS_WITHIN, waiting) => came.ok(),
        () = tasks.token().cancelled() => None,
    }
}

/// Answers requests until the client has no more, or the server stops.
async fn converse<S>(gateway: &Arc<Gateway>, tasks: &Tasks, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = auto::Builder::new(Executor(tasks.clone()));
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(MAX_HEADER_BYTES * 2);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES as u32)
        .keep_alive_interval(Some(Duration::from_secs(60)));
    let service = service_fn(|request: Request<Incoming>| {
        let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        let answer = to_its_end(Arc::clone(gateway), tasks, request, peer.clone());
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = tasks.token().cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Clients hang up as they like.
        tracing::debug!(%error, peer = %peer.address, "a connection ended early");
    }
}

/// Answers in a task of its own: hyper drops what it waits for when the client hangs up, and an operation that has begun to
/// change something must not stop half-way. One that still reads its body finds that broken off.
fn to_its_end(
    gateway: Arc<Gateway>,
    tasks: &Tasks,
    request: Request<Body>,
    peer: Peer,
) -> impl Future<Output = Response<Body>> + use<> {
    let (sender, answer) = oneshot::channel();
    tasks.spawn("request", async move {
        // Nobody listens any more when the client has gone.
        let _unsent = sender.send(gateway.answer(request, peer).await);
    });
    async move {
        answer.await.unwrap_or_else(|_| {
            let mut response = Response::new(body::full(Bytes::new()));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }
}
