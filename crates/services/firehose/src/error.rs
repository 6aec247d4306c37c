//! Firehose's exceptions.

use millpond_store::StoreError;
use millpond_wire::{ApiError, ServiceError};

use crate::plan::PlanError;

#[derive(Debug, thiserror::Error)]
pub enum FirehoseError {
    #[error("Firehose {name} under accountId {account} not found.")]
    NotFound { name: String, account: String },
    #[error("Firehose {name} under accountId {account} already exists")]
    NameTaken { name: String, account: String },
    #[error("You have already consumed your firehose quota of {0} hoses.")]
    TooManyStreams(usize),
    #[error("Firehose {name} is {state}; it must be ACTIVE.")]
    NotActive { name: String, state: &'static str },
    #[error(
        "Cannot update firehose: {name} since the current version id: {current} and specified version id: {given} do not match"
    )]
    VersionMismatch { name: String, current: u64, given: String },
    #[error("{0}")]
    InvalidArgument(String),
    #[error("This operation is not permitted on {0}StreamAsSource delivery stream type.")]
    NotDirectPut(&'static str),
    #[error("You have reached the limit of {0} tags.")]
    TooManyTags(usize),
    /// The stream's records cannot be delivered, and what waits has reached its bound.
    #[error("Slow down.")]
    SlowDown,
    #[error("An internal error occurred.")]
    Store(#[from] StoreError),
    #[error("An internal error occurred.")]
    Journal(#[source] millpond_journal::JournalError),
    #[error("An internal error occurred.")]
    Folder(#[source] std::io::Error),
    #[error("An internal error occurred.")]
    Task(#[source] tokio::task::JoinError),
    /// What a role is could not be found out.
    #[error("An internal error occurred.")]
    Role(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Api(ApiError),
}

impl FirehoseError {
    pub fn task(error: tokio::task::JoinError) -> Self {
        Self::Task(error)
    }
}

impl From<PlanError> for FirehoseError {
    fn from(error: PlanError) -> Self {
        Self::InvalidArgument(error.to_string())
    }
}

impl From<ApiError> for FirehoseError {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<millpond_journal::JournalError> for FirehoseError {
    fn from(error: millpond_journal::JournalError) -> Self {
        match error {
            millpond_journal::JournalError::Full => Self::SlowDown,
            error => Self::Journal(error),
        }
    }
}

impl ServiceError for FirehoseError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "ResourceNotFoundException",
            Self::NameTaken { .. } | Self::NotActive { .. } => "ResourceInUseException",
            Self::TooManyStreams(_) | Self::TooManyTags(_) => "LimitExceededException",
            Self::VersionMismatch { .. } => "ConcurrentModificationException",
            Self::InvalidArgument(_) | Self::NotDirectPut(_) => "InvalidArgumentException",
            Self::SlowDown => "ServiceUnavailableException",
            Self::Store(_)
            | Self::Journal(_)
            | Self::Folder(_)
            | Self::Task(_)
            | Self::Role(_)
            | Self::Api(_) => "InternalFailure",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::SlowDown => 503,
            Self::Store(_)
            | Self::Journal(_)
            | Self::Folder(_)
            | Self::Task(_)
            | Self::Role(_)
            | Self::Api(_) => 500,
            Self::NotFound { .. }
            | Self::NameTaken { .. }
            | Self::NotActive { .. }
            | Self::TooManyStreams(_)
            | Self::TooManyTags(_)
            | Self::VersionMismatch { .. }
            | Self::InvalidArgument(_)
            | Self::NotDirectPut(_) => 400,
        }
    }

    fn into_carried(self) -> Result<ApiError, Self> {
        match self {
            Self::Api(error) => Ok(error),
            other => Err(other),
        }
    }
}
