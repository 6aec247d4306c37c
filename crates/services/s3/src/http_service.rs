//! S3 over HTTP: lets requests in, takes the framing off their bodies, hands them to s3s for decoding and routing, and
//! renders what comes back.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use aws_lc_rs::digest::{Context as Sha256, SHA256};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream, StreamExt as _};
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, ORIGIN, RANGE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, BodyStream, Full, StreamBody};
use millpond_core::Region;
use millpond_gateway::{Access, Arrival, Body, HttpService, OperationInfo, Served, ServiceInfo, record};
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3ErrorCode, S3Result};

use crate::access::{self, Gatekeeper};
use crate::address::{Address, Domains};
use crate::auth::{self, Admitted, Payload};
use crate::chunked::{Dechunked, Trailers};
use crate::context::{Admission, Context};
use crate::cors::{self, BucketCors, Preflight};
use crate::digest::Algorithm;
use crate::error::S3Error;
use crate::express;
use crate::form;
use crate::logging::Asked;
use crate::ops::{Ops, Renames};
use crate::receive::{Checked, Claimed, Expected, parse_md5};
use crate::render::{self, About};
use crate::service::S3;
use crate::telling::Place;

/// The most bytes of a body that is not an object's.
const MAX_DOCUMENT: u64 = 8 << 20;

/// S3 as the gateway knows it.
pub struct S3Http {
    pub(crate) s3: S3,
    domains: Domains,
    access: Access,
    region: Region,
    info: ServiceInfo,
    pub(crate) wire: S3Service,
}

impl S3Http {
    /// `region` is that of requests which name none.
    pub fn new(s3: &S3, access: Access, region: Region) -> Self {
        let mut wire = S3ServiceBuilder::new(Ops(s3.clone()));
        wire.set_auth(NoKeys);
        wire.set_access(Gatekeeper(s3.clone()));
        let domains = Domains(s3.settings().domains.clone());
        wire.set_host(domains.clone());
        wire.set_route(Renames(s3.clone()));
        Self { s3: s3.clone(), domains, access, region, info: access::service_info(), wire: wire.build() }
    }

    async fn answer(&self, request: Request<Body>, arrival: &Arrival) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let website = Address::of_website(&parts);
        let asked = Asked::of(&parts, website.is_some());
        let is_website = website.is_some();
        let address = website.unwrap_or_else(|| Address::of(&self.domains, &parts));
        let (method, origin) = (parts.method.clone(), parts.headers.get(ORIGIN).cloned());
        let resource = parts.uri.path().to_owned();
        let request_id = arrival.request_id.to_string();
        let about =
            About { resource: &resource, request_id: &request_id, head: parts.method == Method::HEAD };
        let (mut response, served) = if method == Method::OPTIONS {
            self.preflight(&parts, &address, about)
        } else if is_website {
            self.visit(&address, &parts, arrival, about).await
        } else if form::is_form(&parts) {
            self.upload_form(parts, body, arrival, &address, about).await
        } else {
            self.serve(parts, body, arrival, &address, about).await
        };
        if let Some(origin) = origin.filter(|_| method != Method::OPTIONS) {
            self.share(&mut response, &address, &method, &origin);
        }
        for name in ["x-amz-request-id", "x-amz-id-2"] {
            if let Ok(id) = HeaderValue::from_str(&request_id) {
                response.headers_mut().insert(name, id);
            }
        }
        response.extensions_mut().insert(served);
        self.log(response, &address, asked, arrival)
    }

    async fn serve(
        &self,
        parts: Parts,
        body: Body,
        arrival: &Arrival,
        address: &Address,
        about: About<'_>,
    ) -> (Response<Body>, Served) {
        match self.prepare(parts, body, address, arrival) {
            Ok((request, context)) => {
                let (mut response, cause) = self.run(request, &context, about).await;
                response.extensions_mut().insert(Arc::clone(&context));
                let response = unquote_attributes(response, &context).await;
                (response, served(context, cause))
            }
            Err(error) => {
                (whole(render::error(&error, about)), Served { cause: cause(&error), ..Served::default() })
            }
        }
    }

    /// Takes an HTML form: the PutObject that it stands for, and the answer that it asks for.
    async fn upload_form(
        &self,
        parts: Parts,
        body: Body,
        arrival: &Arrival,
        address: &Address,
        about: About<'_>,
    ) -> (Response<Body>, Served) {
        let location = |key: &str| form::location(&parts, arrival.secure, key);
        let outcome = async {
            let (Some(bucket), None) = (&address.bucket, &address.key) else {
                return Err(S3Error::MethodNotAllowed { method: parts.method.to_string() });
            };
            if express::is_directory(bucket) {
                return Err(S3Error::NotOfDirectoryBuckets { what: "An upload by a form".into() });
            }
            let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let mut form = form::read(content_type.unwrap_or_default(), pieces(body)).await?;
            let key = form::expand(&mut form)?;
            let (caller, lengths) = form::admit(&form, bucket, &self.access, &self.region, arrival)?;
            let mut put = form::as_put(&form, bucket, &key, parts.clone())?;
            let file = std::mem::replace(&mut form.file, futures::stream::empty().boxed());
            let mut context = Context::new(caller, Admission::Form, put.headers.clone(), None, None);
            context.place = Some(Place { uri: put.uri.clone(), s3: self.s3.clone() });
            context.set_form_key(&key);
            let context = Arc::new(context);
            put.extensions.insert(Arc::clone(&context));
            let file = form::Bounded::new(file, lengths).boxed();
            let file = Reporting { inner: file, context: Arc::clone(&context) };
            let file = StreamBody::new(file.map(|bytes| bytes.map(http_body::Frame::data)));
            let request = Request::from_parts(put, s3s::Body::http_body_unsync(file));
            Ok((request, context, form, bucket, key))
        };
        let (request, context, form, bucket, key) = match outcome.await {
            Ok(outcome) => outcome,
            Err(error) => {
                let served = Served { cause: cause(&error), ..Served::default() };
                return (whole(render::error(&error, about)), served);
            }
        };
        let (mut response, cause) = self.run(request, &context, about).await;
        response.extensions_mut().insert(Arc::clone(&context));
        if response.status().is_success() {
            let etag = response.headers().get(ETAG).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let (status, headers, bytes) = form::success(&form, bucket, &key, &location(&key), etag);
            let mut kept = std::mem::take(response.headers_mut());
            kept.remove(CONTENT_LENGTH);
            kept.extend(headers);
            let extensions = std::mem::take(response.extensions_mut());
            response = whole(Response::new(bytes));
            *response.extensions_mut() = extensions;
            (*response.status_mut(), *response.headers_mut()) = (status, kept);
        }
        (response, served(context, cause))
    }

    /// What a browser asks before it sends a page's request. It needs no signature.
    fn preflight(&self, parts: &Parts, address: &Address, about: About<'_>) -> (Response<Body>, Served) {
        let answer = || {
            let preflight = Preflight::read(&parts.headers)?;
            let cors = self.cors(address)?;
            preflight.answer(cors.as_ref().map(|cors| cors.as_deref()), address.key.is_some())
        };
        match answer() {
            Ok(headers) => {
                let mut response = Response::new(Bytes::new());
                response.headers_mut().extend(headers);
                (whole(response), Served::default())
            }
            Err(error) => {
                (whole(render::error(&error, about)), Served { cause: cause(&error), ..Served::default() })
            }
        }
    }

    /// Tells a browser whether its page may see the answer, be it an error.
    fn share(&self, response: &mut Response<Body>, address: &Address, method: &Method, origin: &HeaderValue) {
        let Ok(Some(Some(cors))) = self.cors(address) else { return };
        let allowed =
            origin.to_str().ok().and_then(|origin| cors::of_request(&cors, method.as_str(), origin));
        response.headers_mut().extend(allowed.unwrap_or_default());
    }

    /// The rules of the bucket that is addressed; `None` where there is no such bucket.
    fn cors(&self, address: &Address) -> Result<Option<Option<Arc<BucketCors>>>, S3Error> {
        let Some(name) = &address.bucket else { return Ok(None) };
        match self.s3.metadata().bucket(name) {
            Ok(bucket) => self.s3.metadata().document::<BucketCors>(&bucket).map(Some),
            Err(S3Error::NoSuchBucket { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// From the gateway's request to the one that s3s sees: verified, without signature and framing.
    fn prepare(
        &self,
        mut parts: Parts,
        body: Body,
        address: &Address,
        arrival: &Arrival,
    ) -> Result<(Request<s3s::Body>, Arc<Context>), S3Error> {
        let gate = auth::Gate { access: &self.access, sessions: self.s3.sessions(), region: &self.region };
        let Admitted { caller, admission, signed_at, payload, holder, session } =
            auth::admit(&parts, address, &gate, arrival)?;
        let lists_directories =
            parts.method == Method::GET && address.bucket.is_none() && auth::asks_for_directories(&parts);
        let trailers = matches!(payload, Payload::Chunked(_)).then(Trailers::default);
        let length = body_length(&parts, &payload)?;
        let kept = parts.headers.clone();
        parts.headers.remove(AUTHORIZATION);
        let place = Place { uri: parts.uri.clone(), s3: self.s3.clone() };
        parts.uri = without_signature(&parts.uri)?;
        if lists_directories {
            parts.uri = for_directories(&parts.uri)?;
        }
        drop_odd_range(&mut parts);
        if trailers.is_some() {
            unframe(&mut parts, length.unwrap_or(0));
        }
        let mut context = Context::new(caller, admission, kept, length, trailers.clone());
        context.query = parts.uri.query().unwrap_or_default().to_owned();
        context.signed_at = signed_at;
        context.place = Some(place);
        (context.holder, context.session) = (holder, session);
        let context = Arc::new(context);
        let body = incoming(body, payload, length, trailers, &parts)?;
        let body = Reporting { inner: body, context: Arc::clone(&context) };
        let body = StreamBody::new(body.map(|bytes| bytes.map(http_body::Frame::data)));
        parts.extensions.insert(Arc::clone(&context));
        // A body that is known to be empty, as a GET's, needs no stream.
        let body = if length == Some(0) && !context.has_trailers() {
            s3s::Body::empty()
        } else {
            s3s::Body::http_body_unsync(body)
        };
        Ok((Request::from_parts(parts, body), context))
    }

    async fn run(
        &self,
        request: Request<s3s::Body>,
        context: &Context,
        about: About<'_>,
    ) -> (Response<Body>, Option<String>) {
        let outcome = self.wire.call(request).await;
        let (mut response, cause) = match (context.take_failure(), outcome) {
            (Some(error), _) => {
                context.tells(error.code(), error.to_string());
                (whole(render::error(&error, about)), cause(&error))
            }
            (None, Ok(response)) if is_foreign_error(&response) => foreign(response, context, about).await,
            (None, Ok(mut response)) => {
                *response.status_mut() = context.status().unwrap_or(response.status());
                (response.map(|body| body.map_err(Into::into).boxed_unsync()), None)
            }
            (None, Err(error)) => {
                let source: Box<dyn std::error::Error + Send + Sync> = error.into();
                let error = S3Error::internal("answering a request", source);
                context.tells(error.code(), error.to_string());
                (whole(render::error(&error, about)), cause(&error))
            }
        };
        if let (true, Some(region)) = (response.status().as_u16() >= 300, context.bucket_region())
            && let Ok(region) = HeaderValue::from_str(region)
        {
            response.headers_mut().insert("x-amz-bucket-region", region);
        }
        if context.is_charged() {
            response.headers_mut().insert("x-amz-request-charged", HeaderValue::from_static("requester"));
        }
        (response, cause)
    }
}

impl HttpService for S3Http {
    fn info(&self) -> &ServiceInfo {
        &self.info
    }

    fn takes(&self, signing_name: &str) -> bool {
        signing_name == self.info.signing_name || signing_name == express::SERVICE
    }

    fn operations(&self) -> Vec<OperationInfo> {
        access::operations()
    }

    fn handle(&self, request: Request<Body>, arrival: Arrival) -> BoxFuture<'_, Response<Body>> {
        async move { self.answer(request, &arrival).await }.boxed()
    }

    fn denied(&self, arrival: &Arrival, message: &str) -> Response<Body> {
        unread(&S3Error::AccessDenied { message: message.to_owned() }, arrival)
    }

    fn internal_error(&self, arrival: &Arrival) -> Response<Body> {
        unread(&S3Error::internal("answering a request", "it panicked"), arrival)
    }
}

/// What the gateway is told beside the answer.
pub(crate) fn served(context: Arc<Context>, cause: Option<String>) -> Served {
    Served {
        operation: context.operation(),
        principal: Some(context.caller.principal.clone()),
        cause,
        failure: context.told().cloned(),
        denied: context
            .told()
            .filter(|told| told.code == "AccessDenied")
            .and_then(|_| context.caller.denied()),
        about: Some(record::About(context)),
    }
}

/// The answer to a request of which nothing more is known.
fn unread(error: &S3Error, arrival: &Arrival) -> Response<Body> {
    let request_id = arrival.request_id.to_string();
    whole(render::error(error, About { resource: "/", request_id: &request_id, head: false }))
}

pub(crate) fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(|bytes| Full::new(bytes).map_err(|never| match never {}).boxed_unsync())
}

/// What the log is told of a failure that is the server's.
pub(crate) fn cause(error: &S3Error) -> Option<String> {
    let (doing, source): (_, &dyn std::error::Error) = match error {
        S3Error::Internal { doing, source } => (*doing, source.as_ref()),
        S3Error::Damaged(source) => ("reading an object's bytes", source),
        _ => return None,
    };
    let mut text = format!("{doing}: {source}");
    let mut inner = source.source();
    while let Some(error) = inner {
        text.push_str(&format!(": {error}"));
        inner = error.source();
    }
    Some(text)
}

/// The length of the body without its framing, where the client said it.
fn body_length(parts: &Parts, payload: &Payload) -> Result<Option<u64>, S3Error> {
    let number = |name: HeaderName| -> Result<Option<u64>, S3Error> {
        let Some(value) = parts.headers.get(&name) else { return Ok(None) };
        let parsed = value.to_str().ok().and_then(|text| text.parse().ok());
        let invalid = || S3Error::invalid_request(format!("The value of the header {name} is not a length."));
        parsed.map(Some).ok_or_else(invalid)
    };
    match payload {
        Payload::Chunked(_) => {
            let length = number(HeaderName::from_static("x-amz-decoded-content-length"))?;
            length.map(Some).ok_or(S3Error::MissingContentLength)
        }
        Payload::Plain | Payload::Hashed(_) => {
            let length = number(CONTENT_LENGTH)?;
            let chunked = parts.headers.contains_key(http::header::TRANSFER_ENCODING);
            // HTTP/2 needs no length for a body; without either header HTTP/1.1 has none.
            let none = length.is_none() && !chunked && parts.version < http::Version::HTTP_2;
            Ok(if none { Some(0) } else { length })
        }
    }
}

/// The URI without the parameters of a presigned URL, which s3s would verify.
pub(crate) fn without_signature(uri: &Uri) -> Result<Uri, S3Error> {
    let Some(query) = uri.query().filter(|query| query.contains("X-Amz-")) else { return Ok(uri.clone()) };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !auth::is_signature(pair.split_once('=').map_or(*pair, |(name, _)| name)))
        .collect();
    let path_and_query = match kept.is_empty() {
        true => uri.path().to_owned(),
        false => format!("{}?{}", uri.path(), kept.join("&")),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.try_into().map_err(|_| invalid_uri())?);
    Uri::from_parts(parts).map_err(|_| invalid_uri())
}

/// AWS tells the list of directory buckets from that of the others by the endpoint; s3s tells it by a parameter.
fn for_directories(uri: &Uri) -> Result<Uri, S3Error> {
    let rest = uri.query().map(|query| format!("&{query}")).unwrap_or_default();
    format!("/?x-id=ListDirectoryBuckets{rest}").parse().map_err(|_| invalid_uri())
}

fn invalid_uri() -> S3Error {
    S3Error::invalid_request("Couldn't parse the specified URI.")
}

/// HTTP lets a server ignore a range that it does not understand, and S3 does; s3s would refuse it.
fn drop_odd_range(parts: &mut Parts) {
    let understood =
        |value: &HeaderValue| value.to_str().is_ok_and(|text| s3s::dto::Range::parse(text).is_ok());
    if parts.headers.get(RANGE).is_some_and(|value| !understood(value)) {
        parts.headers.remove(RANGE);
    }
}

/// The headers as they would be had the body come without chunks.
fn unframe(parts: &mut Parts, length: u64) {
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    parts.headers.remove(http::header::TRANSFER_ENCODING);
    let encodings =
        parts.headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kept: Vec<_> = encodings
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty() && *name != "aws-chunked")
        .collect();
    match HeaderValue::from_str(&kept.join(",")) {
        Ok(value) if !value.is_empty() => parts.headers.insert(CONTENT_ENCODING, value),
        _ => parts.headers.remove(CONTENT_ENCODING),
    };
}

type Incoming = Pin<Box<dyn Stream<Item = Result<Bytes, S3Error>> + Send>>;

/// The bytes of a body as they come.
fn pieces(body: Body) -> Incoming {
    let pieces = BodyStream::new(body).filter_map(|frame| async {
        match frame {
            Ok(frame) => frame.into_data().ok().map(Ok),
            // A client that hangs up, or says less than it announced.
            Err(_) => Some(Err(S3Error::IncompleteBody)),
        }
    });
    pieces.boxed()
}

/// The body without its framing, checked against its hash or its chunks' signatures.
fn incoming(
    body: Body,
    payload: Payload,
    length: Option<u64>,
    trailers: Option<Trailers>,
    parts: &Parts,
) -> Result<Incoming, S3Error> {
    let body: Incoming = match (payload, trailers) {
        (Payload::Chunked(signer), Some(trailers)) => {
            Dechunked::new(pieces(body), length.unwrap_or(0), signer, trailers).boxed()
        }
        (Payload::Hashed(hash), _) => {
            Hashed { inner: pieces(body), expected: hash, sha256: Some(Sha256::new(&SHA256)) }.boxed()
        }
        (Payload::Plain | Payload::Chunked(_), _) => pieces(body),
    };
    match document_checks(parts, length)? {
        Some(expected) => Ok(Checked::new(body, expected).boxed()),
        None => Ok(body),
    }
}

/// The document of DeleteObjects carries an MD5 or a checksum, which nobody behind this looks at.
fn document_checks(parts: &Parts, length: Option<u64>) -> Result<Option<Expected>, S3Error> {
    let query = parts.uri.query().unwrap_or_default();
    let is_delete = query.split('&').any(|pair| pair == "delete" || pair == "delete=");
    if parts.method != Method::POST || !is_delete {
        return Ok(None);
    }
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let mut expected = Expected { length, ..Expected::anything(MAX_DOCUMENT) };
    expected.md5 = text("content-md5").map(parse_md5).transpose()?;
    for algorithm in Algorithm::ALL {
        if let Some(value) = text(algorithm.header()) {
            let value = crate::digest::parse_value(algorithm, value);
            let value = value.ok_or_else(|| crate::receive::invalid_value(algorithm))?;
            expected.claimed = Some((algorithm, Claimed::Value(value)));
        }
    }
    Ok(Some(expected))
}

/// Holds a body against the hash that was signed for it.
struct Hashed {
    inner: Incoming,
    expected: String,
    sha256: Option<Sha256>,
}

impl Stream for Hashed {
    type Item = Result<Bytes, S3Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let next = std::task::ready!(self.inner.as_mut().poll_next(cx));
        if let (Some(Ok(bytes)), Some(sha256)) = (&next, &mut self.sha256) {
            sha256.update(bytes);
        }
        if next.is_some() {
            return Poll::Ready(next);
        }
        let Some(sha256) = self.sha256.take() else { return Poll::Ready(None) };
        let computed = hex::encode(sha256.finish());
        if computed == self.expected {
            return Poll::Ready(None);
        }
        let client = self.expected.clone();
        Poll::Ready(Some(Err(S3Error::ContentSha256Mismatch { client, computed })))
    }
}

/// Tells the context why a body failed: s3s forgets it where it reads a document. What the body yields is only a stand-in.
struct Reporting {
    inner: Incoming,
    context: Arc<Context>,
}

impl Stream for Reporting {
    type Item = Result<Bytes, s3s::S3Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let next = std::task::ready!(self.inner.as_mut().poll_next(cx));
        Poll::Ready(next.map(|bytes| bytes.map_err(|error| self.context.fail(error))))
    }
}

pub(crate) fn is_foreign_error(response: &Response<s3s::Body>) -> bool {
    response.status().is_client_error() || response.status().is_server_error()
}

/// An error that s3s answered by itself: its code and text, in a document like all others.
async fn foreign(
    response: Response<s3s::Body>,
    context: &Context,
    about: About<'_>,
) -> (Response<Body>, Option<String>) {
    let status = response.status();
    match foreign_parts(response).await {
        Ok((code, message)) => {
            let cause = status.is_server_error().then(|| format!("s3s: {code}: {message}"));
            context.tells(&code, message.clone());
            (whole(render::foreign_error(status, &code, &message, about)), cause)
        }
        Err(error) => (whole(render::error(&error, about)), cause(&error)),
    }
}

/// The code and the text of an error that s3s answered by itself.
pub(crate) async fn foreign_parts(response: Response<s3s::Body>) -> Result<(String, String), S3Error> {
    let bytes = response.into_body().store_all_limited(64 << 10).await;
    let bytes = bytes.map_err(|error| S3Error::internal("reading an answer", error))?;
    let text = String::from_utf8_lossy(&bytes);
    let between = |open: &str, close: &str| {
        text.split_once(open).and_then(|(_, rest)| rest.split_once(close)).map_or("", |(inner, _)| inner)
    };
    let (code, message) = (between("<Code>", "</Code>"), between("<Message>", "</Message>"));
    let message =
        message.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    Ok((code.to_owned(), message))
}

/// GetObjectAttributes is the one answer whose ETag AWS writes without quotes; s3s has one way to write them all.
async fn unquote_attributes(response: Response<Body>, context: &Context) -> Response<Body> {
    if context.operation() != Some("GetObjectAttributes") || !response.status().is_success() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = match body.collect().await {
        Ok(whole) => {
            String::from_utf8_lossy(&whole.to_bytes()).replace("&quot;", "").replace("<ETag>\"", "<ETag>")
        }
        Err(_) => String::new(),
    };
    whole(Response::from_parts(parts, Bytes::from(text.replace("\"</ETag>", "</ETag>"))))
}

/// s3s asks for keys only where a signature is left, and none is.
struct NoKeys;

#[async_trait::async_trait]
impl S3Auth for NoKeys {
    async fn get_secret_key(&self, _access_key: &str) -> S3Result<SecretKey> {
        Err(s3s::S3Error::new(S3ErrorCode::InvalidAccessKeyId))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presigned_parameters_are_taken_out() {
        for (uri, expected) in [
            ("/b/k?X-Amz-Signature=a&partNumber=2&X-Amz-Date=d", "/b/k?partNumber=2"),
            ("/b/k?X-Amz-Signature=a", "/b/k"),
            ("/b/k?list-type=2", "/b/k?list-type=2"),
            ("/b/k", "/b/k"),
        ] {
            assert_eq!(without_signature(&uri.parse().unwrap()).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn framing_is_taken_off() {
        let mut parts = Request::new(()).into_parts().0;
        parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip,aws-chunked"));
        unframe(&mut parts, 5);
        assert_eq!(parts.headers[CONTENT_ENCODING], "gzip");
        assert_eq!(parts.headers[CONTENT_LENGTH], "5");
        parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("aws-chunked"));
        unframe(&mut parts, 5);
        assert!(!parts.headers.contains_key(CONTENT_ENCODING));
    }
}
