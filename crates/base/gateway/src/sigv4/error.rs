//! Why a request is not let in, in AWS's words; each protocol has its own codes for them.

use std::time::Duration;

use millpond_core::Timestamp;
use millpond_wire::{ApiError, Protocol};

use super::claim::iso_basic;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    #[error("Missing Authentication Token")]
    Missing,
    /// The parts of a signature are not all there, or not well formed.
    #[error("{0}")]
    Incomplete(String),
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    SignatureDoesNotMatch,
    /// The signature is for something else: another service, another day, too few headers.
    #[error("{0}")]
    WrongScope(String),
    #[error("Signature expired: {} is now earlier than {} ({} - {}.)",
        iso_basic(*.signed), iso_basic(.now.minus(*.allowed)), iso_basic(*.now), span(*.allowed))]
    Expired { signed: Timestamp, now: Timestamp, allowed: Duration },
    #[error("Signature not yet current: {} is still later than {} ({} + {}.)",
        iso_basic(*.signed), iso_basic(.now.plus(*.allowed)), iso_basic(*.now), span(*.allowed))]
    NotYetCurrent { signed: Timestamp, now: Timestamp, allowed: Duration },
}

fn span(allowed: Duration) -> String {
    match allowed.as_secs() {
        secs if secs.is_multiple_of(60) => format!("{} min", secs / 60),
        secs => format!("{secs} sec"),
    }
}

impl AuthError {
    /// The error as the called service's protocol says it.
    pub fn into_api_error(self, protocol: &Protocol) -> ApiError {
        let (json, query, query_status) = match &self {
            Self::Missing => ("MissingAuthenticationTokenException", "MissingAuthenticationToken", 403),
            Self::Incomplete(_) => ("IncompleteSignatureException", "IncompleteSignature", 400),
            Self::UnknownKey => ("UnrecognizedClientException", "InvalidClientTokenId", 403),
            Self::ExpiredToken => ("ExpiredTokenException", "ExpiredToken", 403),
            Self::SignatureDoesNotMatch
            | Self::WrongScope(_)
            | Self::Expired { .. }
            | Self::NotYetCurrent { .. } => ("InvalidSignatureException", "SignatureDoesNotMatch", 403),
        };
        let message = match (&self, protocol) {
            (Self::Missing, Protocol::AwsQuery { .. }) => {
                "Request is missing Authentication Token".to_owned()
            }
            _ => self.to_string(),
        };
        match protocol {
            Protocol::AwsQuery { .. } => ApiError::new(query, message).with_status(query_status),
            _ => ApiError::new(json, message),
        }
    }
}
