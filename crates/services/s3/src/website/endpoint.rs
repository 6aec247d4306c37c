//! Answers requests to websites: each becomes anonymous reads of objects, which go the way of every other read.

use http::header::{HOST, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, LOCATION, RANGE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use millpond_core::Scope;
use millpond_gateway::{Arrival, Body, Caller, Served};
use millpond_policy::Principal;
use std::sync::Arc;

use super::page::{self, Failure};
use super::{Protocol, Redirect, Site, Website};
use crate::address::{Address, host};
use crate::context::{Admission, Context};
use crate::error::S3Error;
use crate::http_service::{S3Http, cause, foreign_parts, is_foreign_error, served, whole};
use crate::ops::encode;
use crate::render::About;
use crate::store::Bucket;
use crate::telling::Place;

/// Where an object leads in place of being shown.
pub const LEADS_TO: HeaderName = HeaderName::from_static("x-amz-website-redirect-location");

/// What a reader may ask of an object; everything else of a request has no meaning to a website.
const KEPT: [HeaderName; 5] = [RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];

/// One request to a website.
struct Visit<'a> {
    http: &'a S3Http,
    parts: &'a Parts,
    arrival: &'a Arrival,
    about: About<'a>,
    bucket: Bucket,
    own: (Protocol, &'a str),
}

/// An answer, and what the gateway is told of it.
type Answer = (Response<Body>, Served);

impl S3Http {
    /// Answers a request whose host names a website.
    pub async fn visit(
        &self,
        address: &Address,
        parts: &Parts,
        arrival: &Arrival,
        about: About<'_>,
    ) -> Answer {
        let method = &parts.method;
        let key = address.key.as_deref().unwrap_or_default();
        let name = address.bucket.as_deref().unwrap_or_default();
        let found = match *method == Method::GET || *method == Method::HEAD {
            true => self.website(name),
            false => Err(S3Error::MethodNotAllowed { method: method.to_string() }),
        };
        let (bucket, website) = match found {
            Ok(found) => found,
            Err(error) => return refused(&error, about),
        };
        let protocol = if arrival.secure { Protocol::Https } else { Protocol::Http };
        let own = (protocol, host(parts));
        if let Some(redirect) = website.redirected(key, own) {
            return sent_on(&redirect, about);
        }
        match &*website {
            Website::Served(site) => {
                Visit { http: self, parts, arrival, about, bucket, own }.show(site, key).await
            }
            // It was sent on above.
            Website::Redirected { .. } => refused(&no_website(name), about),
        }
    }

    fn website(&self, name: &str) -> Result<(Bucket, Arc<Website>), S3Error> {
        let bucket = self.s3.metadata().bucket(name)?;
        let website = self.s3.metadata().document::<Website>(&bucket)?;
        Ok((bucket, website.ok_or_else(|| no_website(name))?))
    }
}

/// What AWS says of a bucket that is no website.
pub fn no_website(bucket: &str) -> S3Error {
    S3Error::NoSuchConfiguration {
        code: "NoSuchWebsiteConfiguration",
        message: "The specified bucket does not have a website configuration",
        bucket: bucket.to_owned(),
    }
}

impl Visit<'_> {
    /// The object that the path stands for, or what there is in its place.
    async fn show(&self, site: &Site, key: &str) -> Answer {
        let (failure, served) = match self.read(&site.object(key), &self.parts.method, true).await {
            Ok((response, served)) => return (self.lead_on(response), served),
            Err(failed) => failed,
        };
        if failure.status == StatusCode::NOT_MODIFIED {
            return (whole(Response::new(bytes::Bytes::new())), served).with_status(failure.status);
        }
        let missing = matches!(failure.code.as_str(), "NoSuchKey" | "AccessDenied");
        if let Some(index) = site.index_of(key).filter(|_| missing)
            && self.read(&index, &Method::HEAD, false).await.is_ok()
        {
            let location = format!("/{}/", encode(key, true));
            return (self.found(Redirect { status: 302, location }), served);
        }
        let status = failure.status.as_u16();
        if let Some(redirect) = site.redirected(key, Some(status), self.own) {
            return sent_on(&redirect, self.about);
        }
        let custom = match &site.error {
            Some(error) if failure.status.is_client_error() => {
                match self.read(error, &self.parts.method, false).await {
                    Ok(answer) => return answer.with_status(failure.status),
                    Err((custom, _)) => Some(custom),
                }
            }
            _ => None,
        };
        (whole(page::error(&failure, custom.as_ref(), self.about.request_id, self.about.head)), served)
    }

    /// An object may lead elsewhere in place of being shown.
    fn lead_on(&self, response: Response<Body>) -> Response<Body> {
        let Some(location) = response.headers().get(LEADS_TO) else { return response };
        let mut leads = whole(Response::new(bytes::Bytes::new()));
        *leads.status_mut() = StatusCode::MOVED_PERMANENTLY;
        leads.headers_mut().insert(LOCATION, location.clone());
        leads
    }

    /// A redirection with a page of its own.
    fn found(&self, redirect: Redirect) -> Response<Body> {
        let failure = Failure {
            status: StatusCode::FOUND,
            code: "Found".into(),
            message: "Resource Found".into(),
            more: Vec::new(),
        };
        let mut response = page::error(&failure, None, self.about.request_id, self.about.head);
        if let Ok(location) = HeaderValue::from_str(&redirect.location) {
            response.headers_mut().insert(LOCATION, location);
        }
        whole(response)
    }

    /// Reads an object as anybody would. `kept` hands on what the request asks of it.
    async fn read(&self, key: &str, method: &Method, kept: bool) -> Result<Answer, (Failure, Served)> {
        let broken = |error: S3Error| (failure(&error), Served { cause: cause(&error), ..Served::default() });
        let (request, context) = self.request(key, method, kept).map_err(broken)?;
        let outcome = self.http.wire.call(request).await;
        let served = |cause| served(Arc::clone(&context), cause);
        match (context.take_failure(), outcome) {
            (Some(error), _) => {
                context.tells(error.code(), error.to_string());
                Err((failure(&error), served(cause(&error))))
            }
            (None, Ok(response)) if is_foreign_error(&response) => {
                let status = response.status();
                let (code, message) = foreign_parts(response).await.map_err(broken)?;
                context.tells(&code, message.clone());
                Err((Failure { status, code, message, more: Vec::new() }, served(None)))
            }
            (None, Ok(response)) => {
                let mut response: Response<Body> =
                    response.map(|body| body.map_err(Into::into).boxed_unsync());
                let served = served(None);
                response.extensions_mut().insert(context);
                Ok((response, served))
            }
            (None, Err(error)) => {
                let source: Box<dyn std::error::Error + Send + Sync> = error.into();
                Err(broken(S3Error::internal("answering a request to a website", source)))
            }
        }
    }

    fn request(
        &self,
        key: &str,
        method: &Method,
        kept: bool,
    ) -> Result<(Request<s3s::Body>, Arc<Context>), S3Error> {
        let path = format!("/{}/{}", self.bucket.name, encode(key, true));
        let uri: Uri =
            path.parse().map_err(|_| S3Error::invalid_request("Couldn't parse the specified URI."))?;
        let mut headers = HeaderMap::new();
        // Any host that names no bucket: the path does.
        headers.insert(HOST, HeaderValue::from_static("s3"));
        for name in KEPT.iter().filter(|_| kept) {
            if let Some(value) = self.parts.headers.get(name) {
                headers.insert(name, value.clone());
            }
        }
        let scope = Scope::new(self.bucket.record.account.clone(), self.bucket.record.region.clone());
        let caller = Caller::arrived(Principal::Anonymous, scope, self.arrival);
        let mut context = Context::new(caller, Admission::Unsigned, headers.clone(), Some(0), None);
        context.place = Some(Place { uri: uri.clone(), s3: self.http.s3.clone() });
        let context = Arc::new(context);
        let mut request = Request::new(s3s::Body::empty());
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        request.extensions_mut().insert(Arc::clone(&context));
        Ok((request, context))
    }
}

trait WithStatus {
    fn with_status(self, status: StatusCode) -> Self;
}

impl WithStatus for Answer {
    fn with_status(mut self, status: StatusCode) -> Self {
        *self.0.status_mut() = status;
        self
    }
}

fn failure(error: &S3Error) -> Failure {
    Failure {
        status: error.status(),
        code: error.code().to_owned(),
        message: error.to_string(),
        more: error.fields().into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

fn refused(error: &S3Error, about: About<'_>) -> Answer {
    let served = Served { cause: cause(error), ..Served::default() };
    (whole(page::error(&failure(error), None, about.request_id, about.head)), served)
}

fn sent_on(redirect: &Redirect, about: About<'_>) -> Answer {
    match page::redirect(redirect) {
        Some(response) => (whole(response), Served::default()),
        // What was configured is no address.
        None => refused(&S3Error::invalid_request("Couldn't parse the specified URI."), about),
    }
}
