//! What IAM answers when it does not do what was asked, in AWS's codes and words.

use millpond_core::key::KeyError;
use millpond_policy::PolicyError;
use millpond_store::StoreError;
use millpond_wire::{ApiError, ServiceError};

use crate::model::entity::Kind;

#[derive(Debug, thiserror::Error)]
pub enum IamError {
    #[error("{0}")]
    NoSuchEntity(String),
    #[error("{0}")]
    EntityAlreadyExists(String),
    #[error("{0}")]
    DeleteConflict(String),
    #[error("{0}")]
    LimitExceeded(String),
    #[error("{0}")]
    MalformedPolicyDocument(String),
    #[error("{0}")]
    InvalidInput(String),
    #[error("{0}")]
    Unmodifiable(String),
    #[error("{0}")]
    PolicyNotAttachable(String),
    #[error("{0}")]
    PasswordPolicyViolation(String),
    #[error("{0}")]
    InvalidUserType(String),
    #[error("{0}")]
    Validation(String),
    #[error("No report is present. Use GenerateCredentialReport to start generating a report.")]
    ReportNotPresent,
    #[error(
        "The most recent credential report has expired. Use GenerateCredentialReport to generate a new one."
    )]
    ReportExpired,
    /// The gateway's refusal, as it is.
    #[error(transparent)]
    AccessDenied(Box<ApiError>),
    #[error("the store")]
    Store(#[from] StoreError),
    #[error("cryptography: {0}")]
    Crypto(&'static str),
    /// What was found to be in order when it was stored.
    #[error("a stored policy cannot be read")]
    StoredPolicy(#[source] PolicyError),
    #[error("a stored record is not consistent: {0}")]
    Inconsistent(&'static str),
}

impl IamError {
    pub fn no_such(kind: Kind, name: &str) -> Self {
        Self::NoSuchEntity(format!("The {kind} with name {name} cannot be found."))
    }

    pub fn quota(name: &str, most: usize) -> Self {
        Self::LimitExceeded(format!("Cannot exceed quota for {name}: {most}"))
    }
}

impl From<KeyError> for IamError {
    fn from(_: KeyError) -> Self {
        Self::Crypto("the library failed")
    }
}

impl From<ApiError> for IamError {
    fn from(error: ApiError) -> Self {
        Self::AccessDenied(Box::new(error))
    }
}

impl ServiceError for IamError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSuchEntity(_) => "NoSuchEntity",
            Self::EntityAlreadyExists(_) => "EntityAlreadyExists",
            Self::DeleteConflict(_) => "DeleteConflict",
            Self::LimitExceeded(_) => "LimitExceeded",
            Self::MalformedPolicyDocument(_) => "MalformedPolicyDocument",
            Self::InvalidInput(_) => "InvalidInput",
            Self::Unmodifiable(_) => "UnmodifiableEntity",
            Self::PolicyNotAttachable(_) => "PolicyNotAttachable",
            Self::PasswordPolicyViolation(_) => "PasswordPolicyViolation",
            Self::InvalidUserType(_) => "InvalidUserType",
            Self::Validation(_) => "ValidationError",
            Self::ReportNotPresent => "ReportNotPresent",
            Self::ReportExpired => "ReportExpired",
            Self::AccessDenied(_) => "AccessDenied",
            Self::Store(_) | Self::Crypto(_) | Self::StoredPolicy(_) | Self::Inconsistent(_) => {
                "ServiceFailure"
            }
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::NoSuchEntity(_) => 404,
            Self::EntityAlreadyExists(_) | Self::DeleteConflict(_) | Self::LimitExceeded(_) => 409,
            Self::MalformedPolicyDocument(_)
            | Self::InvalidInput(_)
            | Self::Unmodifiable(_)
            | Self::PolicyNotAttachable(_)
            | Self::PasswordPolicyViolation(_)
            | Self::InvalidUserType(_)
            | Self::Validation(_) => 400,
            Self::ReportNotPresent | Self::ReportExpired => 410,
            Self::AccessDenied(_) => 403,
            Self::Store(_) | Self::Crypto(_) | Self::StoredPolicy(_) | Self::Inconsistent(_) => 500,
        }
    }

    fn into_carried(self) -> Result<ApiError, Self> {
        match self {
            Self::AccessDenied(error) => Ok(*error),
            own => Err(own),
        }
    }
}
