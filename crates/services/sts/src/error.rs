//! Why an operation of STS failed, with AWS's codes and words.

use millpond_core::key::KeyError;
use millpond_gateway::LookupError;
use millpond_iam::IamError;
use millpond_store::StoreError;
use millpond_wire::{ApiError, ServiceError};

use crate::session::PACKED_LIMIT;

#[derive(Debug, thiserror::Error)]
pub enum StsError {
    #[error("{0}")]
    AccessDenied(String),
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    InvalidParameter(&'static str),
    #[error("{0}")]
    MalformedPolicy(String),
    #[error("Packed size of session policy and session tags consumes {percent}% of allotted space.", percent = percent(*.size))]
    PackedPolicyTooLarge { size: usize },
    /// A web identity token that is not one, or not of somebody whom the account trusts.
    #[error("{0}")]
    InvalidIdentityToken(String),
    #[error("{0}")]
    ExpiredIdentityToken(String),
    #[error("{0}")]
    RejectedClaim(String),
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    #[error("Message is not valid")]
    InvalidMessage,
    #[error("The account {0} exists already.")]
    AccountExists(String),
    /// What IAM or the gateway said.
    #[error(transparent)]
    Carried(ApiError),
    #[error("{doing}")]
    Internal {
        doing: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// How much of the space that there is for policies and tags this many bytes take.
pub fn percent(size: usize) -> i32 {
    i32::try_from((size * 100).div_ceil(PACKED_LIMIT)).unwrap_or(i32::MAX)
}

impl StsError {
    pub fn internal(
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Internal { doing, source: source.into() }
    }
}

impl ServiceError for StsError {
    fn code(&self) -> &'static str {
        match self {
            Self::AccessDenied(_) => "AccessDenied",
            Self::Validation(_) => "ValidationError",
            Self::InvalidParameter(_) => "InvalidParameterValue",
            Self::MalformedPolicy(_) => "MalformedPolicyDocument",
            Self::PackedPolicyTooLarge { .. } => "PackedPolicyTooLarge",
            Self::InvalidIdentityToken(_) => "InvalidIdentityToken",
            Self::ExpiredIdentityToken(_) => "ExpiredTokenException",
            Self::RejectedClaim(_) => "IDPRejectedClaim",
            Self::UnknownKey => "InvalidClientTokenId",
            Self::InvalidMessage => "InvalidAuthorizationMessageException",
            Self::AccountExists(_) => "EntityAlreadyExists",
            Self::Carried(_) | Self::Internal { .. } => "InternalFailure",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::AccessDenied(_) | Self::RejectedClaim(_) | Self::UnknownKey => 403,
            Self::AccountExists(_) => 409,
            Self::Validation(_)
            | Self::InvalidParameter(_)
            | Self::MalformedPolicy(_)
            | Self::PackedPolicyTooLarge { .. }
            | Self::InvalidIdentityToken(_)
            | Self::ExpiredIdentityToken(_)
            | Self::InvalidMessage => 400,
            Self::Carried(_) | Self::Internal { .. } => 500,
        }
    }

    fn into_carried(self) -> Result<ApiError, Self> {
        match self {
            Self::Carried(error) => Ok(error),
            own => Err(own),
        }
    }
}

impl From<IamError> for StsError {
    fn from(error: IamError) -> Self {
        Self::Carried(error.into())
    }
}

impl From<StoreError> for StsError {
    fn from(error: StoreError) -> Self {
        Self::internal("the store", error)
    }
}

impl From<KeyError> for StsError {
    fn from(error: KeyError) -> Self {
        Self::internal("making a key", error)
    }
}

impl From<LookupError> for StsError {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Failed(source) => Self::Internal { doing: "looking an access key up", source },
            LookupError::UnknownKey | LookupError::InvalidToken | LookupError::ExpiredToken => {
                Self::UnknownKey
            }
        }
    }
}
