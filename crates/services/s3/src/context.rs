//! What travels with a request through s3s: the caller on the way in, the outcome on the way out.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::{Extensions, HeaderMap, StatusCode};
use millpond_core::Timestamp;
use millpond_gateway::Caller;
use millpond_gateway::record::Failure;
use s3s::S3ErrorCode;

use crate::chunked::Trailers;
use crate::error::S3Error;
use crate::express::{Holder, Session};
use crate::store::{Bucket, Kind};
use crate::telling::Place;

/// How a request was let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    Header,
    Presigned,
    /// By the policy of an HTML form.
    Form,
    /// Unsigned, or signed in a way that nobody looks at (`--open`).
    Unsigned,
}

/// Whether the bucket's requests are logged.
pub fn logs(bucket: &Bucket) -> bool {
    bucket.record.documents.contains_key(&Kind::Logging)
}

/// One request's.
pub struct Context {
    pub caller: Caller,
    pub admission: Admission,
    pub headers: HeaderMap,
    /// Without a presigned URL's signature.
    pub query: String,
    /// When the client signed it.
    pub signed_at: Option<Timestamp>,
    /// The body's length, when the client said it: without the framing of chunks.
    pub body_length: Option<u64>,
    /// The headers behind the body, when it comes in chunks that end in them.
    pub trailers: Option<Trailers>,
    /// Where it was sent, for the trail.
    pub place: Option<Place>,
    /// The credentials that it was signed with, where they are not a session's.
    pub holder: Option<Holder>,
    /// The session of a directory bucket that it was signed in.
    pub session: Option<Session>,
    operation: OnceLock<&'static str>,
    read_from: OnceLock<String>,
    failure: Mutex<Option<S3Error>>,
    bucket_region: OnceLock<String>,
    status: OnceLock<StatusCode>,
    told: OnceLock<Failure>,
    logged: OnceLock<Bucket>,
    logged_source: OnceLock<Source>,
    form_key: OnceLock<String>,
    needed_list: AtomicBool,
    charged: AtomicBool,
    removals: Mutex<Vec<Removal>>,
}

/// What a copy reads, in a bucket that logs its requests.
#[derive(Clone, Debug)]
pub struct Source {
    pub bucket: Bucket,
    pub key: String,
    pub version: Option<String>,
}

/// What came of one of the keys that a request was to remove.
#[derive(Clone, Debug)]
pub struct Removal {
    pub key: String,
    pub version: Option<String>,
    pub error: Option<(StatusCode, &'static str)>,
}

impl Context {
    pub fn new(
        caller: Caller,
        admission: Admission,
        headers: HeaderMap,
        body_length: Option<u64>,
        trailers: Option<Trailers>,
    ) -> Self {
        Self {
            caller,
            admission,
            headers,
            query: String::new(),
            signed_at: None,
            body_length,
            trailers,
            place: None,
            holder: None,
            session: None,
            operation: OnceLock::new(),
            read_from: OnceLock::new(),
            failure: Mutex::new(None),
            bucket_region: OnceLock::new(),
            status: OnceLock::new(),
            told: OnceLock::new(),
            logged: OnceLock::new(),
            logged_source: OnceLock::new(),
            form_key: OnceLock::new(),
            needed_list: AtomicBool::new(false),
            charged: AtomicBool::new(false),
            removals: Mutex::new(Vec::new()),
        }
    }

    /// The request is about this bucket, which may log its requests.
    pub fn log_for(&self, bucket: &Bucket) {
        if logs(bucket) {
            self.logged.get_or_init(|| bucket.clone());
        }
    }

    /// What a form puts, which its address does not name.
    pub fn set_form_key(&self, key: &str) {
        self.form_key.get_or_init(|| key.to_owned());
    }

    pub fn form_key(&self) -> Option<&str> {
        self.form_key.get().map(String::as_str)
    }

    /// The request copies from there.
    pub fn log_source(&self, bucket: &Bucket, key: &str, version: Option<&str>) {
        if logs(bucket) {
            let (key, version) = (key.to_owned(), version.map(str::to_owned));
            self.logged_source.get_or_init(|| Source { bucket: bucket.clone(), key, version });
        }
    }

    pub fn logged_source(&self) -> Option<&Source> {
        self.logged_source.get()
    }

    pub fn is_logged(&self) -> bool {
        self.logged.get().is_some()
    }

    pub fn logged(&self) -> Option<&Bucket> {
        self.logged.get()
    }

    /// Without an access control list it would have been refused.
    pub fn needed_list(&self) {
        self.needed_list.store(true, Ordering::Relaxed);
    }

    pub fn has_needed_list(&self) -> bool {
        self.needed_list.load(Ordering::Relaxed)
    }

    /// The requester pays.
    pub fn charge(&self) {
        self.charged.store(true, Ordering::Relaxed);
    }

    pub fn is_charged(&self) -> bool {
        self.charged.load(Ordering::Relaxed)
    }

    pub fn note_removal(&self, key: &str, version: Option<&str>, error: Option<&S3Error>) {
        if self.is_logged() {
            let error = error.map(|error| (error.status(), error.code()));
            let removal = Removal { key: key.to_owned(), version: version.map(str::to_owned), error };
            self.removals.lock().unwrap_or_else(PoisonError::into_inner).push(removal);
        }
    }

    pub fn take_removals(&self) -> Vec<Removal> {
        std::mem::take(&mut self.removals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The context that `http` put beside the request.
    pub fn of(extensions: &Extensions) -> Arc<Self> {
        Arc::clone(extensions.get().expect("put beside every request before s3s sees it"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A parameter of the query, decoded.
    pub fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub fn has_parameter(&self, name: &str) -> bool {
        self.parameter(name).is_some()
    }

    /// The bucket whose objects the operation reads; the first that is named stays.
    pub fn reads_from(&self, bucket: &str) {
        self.read_from.get_or_init(|| bucket.to_owned());
    }

    pub fn read_from(&self) -> Option<&str> {
        self.read_from.get().map(String::as_str)
    }

    pub fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    pub fn set_operation(&self, name: &'static str) {
        // It is resolved once.
        let _already = self.operation.set(name);
    }

    pub fn operation(&self) -> Option<&'static str> {
        self.operation.get().copied()
    }

    /// A bucket answers in its own region: a request that is signed for another one is told which.
    pub fn check_region(&self, bucket: &Bucket) -> Result<(), S3Error> {
        let (signed, lives) = (&self.caller.scope.region, &bucket.record.region);
        let _already = self.bucket_region.set(lives.to_string());
        let wrong = format!("the region '{signed}' is wrong; expecting '{lives}'");
        match self.admission {
            Admission::Unsigned => Ok(()),
            _ if signed == lives => Ok(()),
            Admission::Header => {
                Err(S3Error::AuthorizationHeaderMalformed { problem: wrong, region: Some(lives.to_string()) })
            }
            Admission::Presigned | Admission::Form => Err(S3Error::AuthorizationQueryParameters {
                problem: format!("Error parsing the X-Amz-Credential parameter; {wrong}"),
            }),
        }
    }

    pub fn bucket_region(&self) -> Option<&str> {
        self.bucket_region.get().map(String::as_str)
    }

    /// For an answer of success that has not the status that s3s gives the operation.
    pub fn answer_with(&self, status: StatusCode) {
        let _already = self.status.set(status);
    }

    /// What the client is told of why it failed.
    pub fn tells(&self, code: &str, message: String) {
        let _already = self.told.set(Failure { code: code.to_owned(), message });
    }

    pub fn told(&self) -> Option<&Failure> {
        self.told.get()
    }

    pub fn status(&self) -> Option<StatusCode> {
        self.status.get().copied()
    }

    /// Keeps the error for the answer, which `http` renders itself; s3s only needs to know that there is one.
    pub fn fail(&self, error: S3Error) -> s3s::S3Error {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        // The first one is the cause; what follows from it is not.
        failure.get_or_insert(error);
        s3s::S3Error::new(S3ErrorCode::InternalError)
    }

    pub fn take_failure(&self) -> Option<S3Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
