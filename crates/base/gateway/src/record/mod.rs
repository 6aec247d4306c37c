//! The seam of the trail: what every request leaves behind for whoever keeps a record of it.
//!
//! A [`Recorder`] is asked first whether it wants an event of this operation, so that a request that nobody records costs a
//! look at memory. What it is given is without secrets already: they go no further than this module ([`redact`]).

mod nature;
mod redact;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures::future::BoxFuture;
use http::HeaderMap;
use millpond_core::Arn;
use millpond_wire::{ApiError, Value};

use crate::caller::Caller;

pub use nature::{Category, Nature, nature};
pub use redact::{HIDDEN, redact};

/// Why an event could not be kept.
pub type RecordError = Box<dyn std::error::Error + Send + Sync>;

/// Keeps what happened.
pub trait Recorder: Send + Sync + 'static {
    /// Whether an event of this kind may be wanted. It is asked for every request, and looks at what is in memory.
    fn wants(&self, service: &str, nature: Nature) -> bool;

    /// Ready when the answer may go out: for what changes something, when the event is durable. An error takes the answer's
    /// place, since nothing may happen unseen.
    fn record(&self, event: Event) -> BoxFuture<'_, Result<(), RecordError>>;
}

/// One request and its answer.
#[derive(Debug, Clone)]
pub struct Event {
    /// As the endpoint's host names it.
    pub service: &'static str,
    pub operation: &'static str,
    pub nature: Nature,
    pub caller: Caller,
    /// By CloudTrail's names and without secrets; so is `answer`, which reads have none of.
    pub parameters: Option<Value>,
    pub answer: Option<Value>,
    pub resources: Vec<Arn>,
    pub failure: Option<Failure>,
}

/// Why it was refused, or what broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: String,
    pub message: String,
}

impl Failure {
    pub(crate) fn of(error: &ApiError) -> Self {
        Self { code: error.code.to_string(), message: error.message.clone() }
    }
}

/// What only a service with a wire format of its own can tell of a request; asked when an event is wanted.
pub trait Tells: Send + Sync {
    /// `answered` are the headers of the answer.
    fn tell(&self, answered: &HeaderMap) -> Telling;
}

/// A [`Tells`] that travels.
#[derive(Clone)]
pub struct About(pub Arc<dyn Tells>);

impl fmt::Debug for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("About(..)")
    }
}

/// See [`Tells`].
pub struct Telling {
    pub caller: Caller,
    pub parameters: Value,
    pub answer: Option<Value>,
    pub resources: Vec<Arn>,
}

/// What is gathered for an event while a request of a table's operation runs.
#[derive(Debug, Default)]
pub(crate) struct Note {
    shows_answer: bool,
    parameters: OnceLock<Value>,
    answer: OnceLock<Value>,
}

impl Note {
    pub(crate) fn new(nature: Nature) -> Self {
        Self { shows_answer: nature.shows_answer, ..Self::default() }
    }

    pub(crate) fn asked(&self, input: &Value, secrets: &[&str]) {
        // An operation decodes its input once.
        let _already = self.parameters.set(redact(input, secrets));
    }

    pub(crate) fn answered(&self, output: &Value, secrets: &[&str]) {
        if self.shows_answer && !output.is_null() {
            let _already = self.answer.set(redact(output, secrets));
        }
    }
}

/// An event that is wanted, once its caller is known.
pub(crate) struct Pending {
    pub(crate) operation: &'static str,
    pub(crate) nature: Nature,
    pub(crate) caller: Caller,
    pub(crate) note: Arc<Note>,
}

impl Pending {
    pub(crate) fn end(self, service: &'static str, failure: Option<Failure>) -> Event {
        let Self { operation, nature, caller, note } = self;
        let mut resources = caller.resources();
        // What the service asked of others on the way is theirs to tell.
        resources.retain(|arn| arn.service == service || arn.service == nature::arn_service(service));
        Event {
            service,
            operation,
            nature,
            parameters: note.parameters.get().cloned(),
            answer: note.answer.get().cloned().filter(|_| failure.is_none()),
            resources,
            failure,
            caller,
        }
    }
}

/// The resources that permission was asked for, as far as they are noted.
#[derive(Debug, Default)]
pub(crate) struct Resources(Mutex<Vec<Arn>>);

/// An operation over a list of things names the first of them.
const MAX_RESOURCES: usize = 20;

impl Resources {
    pub(crate) fn note(&self, arn: &Arn) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() < MAX_RESOURCES && !noted.contains(arn) {
            noted.push(arn.clone());
        }
    }

    pub(crate) fn all(&self) -> Vec<Arn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
