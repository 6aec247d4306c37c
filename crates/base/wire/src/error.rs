//! The error that every operation ends in, with AWS's code, message and status.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::Value;

/// What a client is told, and beside it, for the log alone, why.
#[derive(Debug)]
pub struct ApiError {
    pub code: Cow<'static, str>,
    pub message: String,
    /// The HTTP status. From 500 on it is the server's fault.
    pub status: u16,
    /// Further members of the error's shape, by their names on the wire.
    pub fields: Vec<(&'static str, Value)>,
    /// The inner cause: it goes to the log with the request's id, never to the caller.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// AWS's sentence for an error that is nobody's business but the server's.
const INTERNAL: &str = "The request processing has failed because of an unknown error, exception or failure.";

impl ApiError {
    /// An error that the client can mend: status 400.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: 400, fields: Vec::new(), source: None }
    }

    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The body is not what the protocol asks for.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self::new("SerializationException", message)
    }

    pub fn access_denied(message: impl Into<String>) -> Self {
        Self::new("AccessDeniedException", message)
    }

    /// No operation of that name exists. AWS sends no message with it.
    pub fn unknown_operation() -> Self {
        Self::new("UnknownOperationException", "")
    }

    /// AWS has the operation and Millpond does not.
    pub fn not_implemented(service: &str, operation: &str) -> Self {
        let message = format!("The operation {operation} of {service} is not implemented by Millpond.");
        Self::new("NotImplemented", message).with_status(501)
    }

    /// Something broke inside. The cause is for the log; the caller reads AWS's own sentence.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new("InternalFailure", INTERNAL).with_status(500).with_source(source)
    }

    pub fn is_server_fault(&self) -> bool {
        self.status >= 500
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// A service's error enum. `Display` is the message for the client; an inner cause is `source()` and is not part of it.
pub trait ServiceError: Error + Send + Sync + Sized + 'static {
    /// AWS's code of the exception.
    fn code(&self) -> &'static str;

    /// The HTTP status: 400 for most, 500 for what broke inside.
    fn status(&self) -> u16;

    /// Further members of the exception's shape.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// A variant that carries an [`ApiError`] of another service or of the gateway (a denied access) gives it back.
    fn into_carried(self) -> Result<ApiError, Self> {
        Err(self)
    }
}

impl<E: ServiceError> From<E> for ApiError {
    fn from(error: E) -> Self {
        let error = match error.into_carried() {
            Ok(carried) => return carried,
            Err(own) => own,
        };
        let status = error.status();
        // A fault's own words may name files and engines: they are for the log.
        let message = if status == 500 { INTERNAL.to_owned() } else { error.to_string() };
        Self {
            code: Cow::Borrowed(error.code()),
            message,
            status,
            fields: error.fields(),
            source: Some(Box::new(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum PondError {
        #[error("Stream {0} not found.")]
        NotFound(String),
        #[error("reading segment 17")]
        Disk(#[source] std::io::Error),
    }

    impl ServiceError for PondError {
        fn code(&self) -> &'static str {
            match self {
                Self::NotFound(_) => "ResourceNotFoundException",
                Self::Disk(_) => "InternalFailure",
            }
        }

        fn status(&self) -> u16 {
            match self {
                Self::NotFound(_) => 400,
                Self::Disk(_) => 500,
            }
        }
    }

    #[test]
    fn a_fault_is_logged_and_not_told() {
        let told = ApiError::from(PondError::NotFound("a".into()));
        assert_eq!(
            (told.code.as_ref(), told.message.as_str()),
            ("ResourceNotFoundException", "Stream a not found.")
        );
        let fault = ApiError::from(PondError::Disk(std::io::Error::other("disk 3 is on fire")));
        assert_eq!((fault.status, fault.message.as_str()), (500, INTERNAL));
        let cause = fault.source().map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("reading segment 17"));
    }
}
