//! From a request that was answered to its line: what it asked, and what came of it.

use std::sync::Arc;
use std::time::Instant;

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HOST};
use http::request::Parts;
use http::{HeaderValue, Method, Response, Uri, Version};
use http_body_util::BodyExt as _;
use millpond_gateway::{Arrival, Body};

use super::line::{Entry, operation_of, requester};
use super::meter::{Metered, Pending};
use super::{Log, Logging};
use crate::acl::canonical_id;
use crate::address::Address;
use crate::context::{Admission, Context, Removal, Source};
use crate::http_service::{S3Http, without_signature};
use crate::render::ErrorCode;
use crate::store::Bucket;

/// What is kept of each request until it is answered; cheap.
pub struct Asked {
    began: Instant,
    method: Method,
    uri: Uri,
    version: Version,
    host: Option<HeaderValue>,
    website: bool,
}

impl Asked {
    pub fn of(parts: &Parts, website: bool) -> Self {
        Self {
            began: Instant::now(),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            version: parts.version,
            host: parts.headers.get(HOST).cloned(),
            website,
        }
    }

    /// The request's first line, without what signs a presigned URL: a log is no place for what opens an object.
    fn line(&self) -> String {
        let uri = without_signature(&self.uri);
        let path = uri.as_ref().ok().and_then(Uri::path_and_query).map_or("/", |path| path.as_str());
        format!("{} {path} {:?}", self.method, self.version)
    }

    fn version_id(&self) -> Option<String> {
        let query = self.uri.query().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(name, _)| name == "versionId").map(|(_, value)| value.into_owned())
    }
}

impl S3Http {
    /// Has the answer followed to its end, if the bucket's requests are logged.
    pub(crate) fn log(
        &self,
        mut response: Response<Body>,
        address: &Address,
        asked: Asked,
        arrival: &Arrival,
    ) -> Response<Body> {
        let context: Option<Arc<Context>> = response.extensions_mut().remove();
        let error: Option<ErrorCode> = response.extensions_mut().remove();
        let context = context.as_deref();
        let end = End { asked: &asked, arrival, context, response: &response, error: error.as_ref() };
        if let Some(source) = context.and_then(Context::logged_source) {
            self.log_source(source, &end);
        }
        let Some((bucket, logging)) = self.logged(context, address, &asked, error.is_some()) else {
            return response;
        };
        let form_key = || context.and_then(Context::form_key).map(str::to_owned);
        let entry = end.entry(&bucket, address.key.clone().or_else(form_key));
        let log = log_of(bucket, logging, &entry);
        for removal in context.map(|context| context.take_removals()).unwrap_or_default() {
            self.s3.0.access_logs.push(log.clone(), &removed(&entry, removal).line(), entry.time);
        }
        let pending = Pending { s3: self.s3.clone(), log, entry, began: asked.began };
        response.map(|body| Metered::new(body, pending).boxed_unsync())
    }

    /// A copy is a read in its source's log.
    fn log_source(&self, source: &Source, end: &End<'_>) {
        let Some(logging) = self.configuration(&source.bucket) else { return };
        let entry = end.entry(&source.bucket, Some(source.key.clone()));
        let entry = Entry {
            operation: format!("{}_GET", entry.operation),
            version: source.version.clone(),
            object_size: None,
            total_millis: entry.turn_around_millis.unwrap_or_default(),
            ..entry
        };
        let log = log_of(source.bucket.clone(), logging, &entry);
        self.s3.0.access_logs.push(log, &entry.line(), entry.time);
    }

    /// The bucket that the request was about and its configuration, if it logs.
    fn logged(
        &self,
        context: Option<&Context>,
        address: &Address,
        asked: &Asked,
        failed: bool,
    ) -> Option<(Bucket, Logging)> {
        let bucket = match context.and_then(Context::logged) {
            Some(bucket) => bucket.clone(),
            // It may not have come as far as its bucket.
            None if failed || asked.website || asked.method == Method::OPTIONS => {
                self.s3.metadata().bucket(address.bucket.as_deref()?).ok()?
            }
            None => return None,
        };
        self.configuration(&bucket).map(|logging| (bucket, logging))
    }

    fn configuration(&self, bucket: &Bucket) -> Option<Logging> {
        match self.s3.metadata().document::<Logging>(bucket) {
            Ok(logging) => logging.map(|logging| (*logging).clone()),
            Err(error) => {
                tracing::warn!(bucket = bucket.name, %error, "a request could not be logged");
                None
            }
        }
    }
}

/// What came of a request.
struct End<'a> {
    asked: &'a Asked,
    arrival: &'a Arrival,
    context: Option<&'a Context>,
    response: &'a Response<Body>,
    error: Option<&'a ErrorCode>,
}

impl End<'_> {
    fn entry(&self, bucket: &Bucket, key: Option<String>) -> Entry {
        let Self { asked, arrival, context, response, error } = self;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let operation = context.and_then(Context::operation);
        Entry {
            bucket_owner: canonical_id(&bucket.record.account),
            bucket: bucket.name.clone(),
            time: arrival.clock.now(),
            remote_ip: Some(arrival.source_ip),
            requester: context.and_then(|context| requester(&context.caller.principal)),
            request_id: arrival.request_id.to_string(),
            operation: operation_of(operation, asked.method.as_str(), key.is_some(), asked.website),
            key,
            request: Some(asked.line()),
            status: response.status().as_u16(),
            error: error.map(|ErrorCode(code)| code.clone()),
            bytes_sent: 0,
            object_size: object_size(operation, *context, response),
            total_millis: 0,
            turn_around_millis: u64::try_from(asked.began.elapsed().as_millis()).ok(),
            referer: arrival.origin.referer.as_ref().map(text),
            user_agent: arrival.origin.user_agent.as_ref().map(text),
            version: asked.version_id(),
            authentication: context.and_then(|context| match context.admission {
                Admission::Header => Some("AuthHeader"),
                Admission::Presigned => Some("QueryString"),
                Admission::Form | Admission::Unsigned => None,
            }),
            host: asked.host.as_ref().map(text),
            tls: arrival.origin.tls,
            acl_required: context.is_some_and(Context::has_needed_list),
        }
    }
}

fn log_of(bucket: Bucket, logging: Logging, entry: &Entry) -> Log {
    Log::new(bucket.name, bucket.record.account, bucket.record.region, logging, entry.time)
}

/// The size of the object that was read or put.
fn object_size(operation: Option<&str>, context: Option<&Context>, response: &Response<Body>) -> Option<u64> {
    if !response.status().is_success() {
        return None;
    }
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    match operation? {
        "GetObject" | "HeadObject" => {
            let whole = text(CONTENT_RANGE).and_then(|range| range.rsplit_once('/')).map(|(_, size)| size);
            whole.or_else(|| text(CONTENT_LENGTH))?.parse().ok()
        }
        "PutObject" | "UploadPart" => context?.body_length,
        _ => None,
    }
}

/// The line of one key of a request that removes many.
fn removed(entry: &Entry, removal: Removal) -> Entry {
    let Removal { key, version, error } = removal;
    let (status, code) = error.map_or((204, None), |(status, code)| (status.as_u16(), Some(code.to_owned())));
    Entry {
        operation: "BATCH.DELETE.OBJECT".to_owned(),
        key: Some(key),
        version,
        status,
        error: code,
        object_size: None,
        total_millis: entry.turn_around_millis.unwrap_or_default(),
        turn_around_millis: None,
        ..entry.clone()
    }
}
