//! What Kinesis answers when it does not do what was asked, in AWS's codes and words.

use millpond_core::{AccountId, Scope, Timestamp};
use millpond_journal::JournalError;
use millpond_store::StoreError;
use millpond_wire::{ApiError, ServiceError};

use crate::records::appender::AppendError;
use crate::records::frame::Malformed;

#[derive(Debug, thiserror::Error)]
pub enum KinesisError {
    #[error("Stream {name} under account {account} not found.")]
    StreamNotFound { name: String, account: AccountId },
    #[error("Could not find shard {shard} in stream {name} under account {account}.")]
    ShardNotFound { shard: String, name: String, account: AccountId },
    #[error("Stream {name} under account {account} already exists.")]
    StreamExists { name: String, account: AccountId },
    #[error("Stream {name} under account {account} not ACTIVE, instead in state {status}")]
    NotActive { name: String, account: AccountId, status: &'static str },
    #[error(
        "This request would exceed the shard limit for the account {} in {}. Current shard count for the account: \
         {current}. Limit: {limit}. Number of additional shards that would have resulted from this request: {wanted}.",
        scope.account, scope.region
    )]
    ShardQuota { scope: Scope, current: usize, limit: usize, wanted: usize },
    #[error(
        "This request would exceed the on-demand stream limit for the account {account}. Limit: {limit}."
    )]
    OnDemandQuota { account: AccountId, limit: usize },
    #[error("Rate exceeded for shard {shard} in stream {name} under account {account}.")]
    RateExceeded { shard: String, name: String, account: AccountId },
    #[error(
        "Iterator expired. The iterator was created at time {made} while right now it is {now} which is further in the \
         future than the tolerated delay of 300000 milliseconds."
    )]
    ExpiredIterator { made: Timestamp, now: Timestamp },
    #[error("{0}")]
    ExpiredNextToken(&'static str),
    /// An argument that the model lets through, in AWS's words.
    #[error("{0}")]
    InvalidArgument(String),
    #[error("{0}")]
    Validation(String),
    /// Another crate's refusal, as it is: a permission that was denied.
    #[error(transparent)]
    Carried(Box<ApiError>),
    #[error("the store")]
    Store(#[from] StoreError),
    #[error("storing records")]
    Append(#[from] AppendError),
    #[error("reading the journal")]
    Journal(#[from] JournalError),
    #[error("reading the journal")]
    Malformed(#[from] Malformed),
    #[error("a background task ended early")]
    Join(#[from] tokio::task::JoinError),
}

impl KinesisError {
    pub fn no_stream(scope: &Scope, name: &str) -> Self {
        Self::StreamNotFound { name: name.to_owned(), account: scope.account.clone() }
    }

    pub fn argument(message: impl Into<String>) -> Self {
        Self::InvalidArgument(message.into())
    }
}

impl From<ApiError> for KinesisError {
    fn from(error: ApiError) -> Self {
        Self::Carried(Box::new(error))
    }
}

impl ServiceError for KinesisError {
    fn code(&self) -> &'static str {
        match self {
            Self::StreamNotFound { .. } | Self::ShardNotFound { .. } => "ResourceNotFoundException",
            Self::StreamExists { .. } | Self::NotActive { .. } => "ResourceInUseException",
            Self::ShardQuota { .. } | Self::OnDemandQuota { .. } => "LimitExceededException",
            Self::RateExceeded { .. } => "ProvisionedThroughputExceededException",
            Self::ExpiredIterator { .. } => "ExpiredIteratorException",
            Self::ExpiredNextToken(_) => "ExpiredNextTokenException",
            Self::InvalidArgument(_) => "InvalidArgumentException",
            Self::Validation(_) => "ValidationException",
            Self::Carried(_)
            | Self::Store(_)
            | Self::Append(_)
            | Self::Journal(_)
            | Self::Malformed(_)
            | Self::Join(_) => "InternalFailure",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::StreamNotFound { .. }
            | Self::ShardNotFound { .. }
            | Self::StreamExists { .. }
            | Self::NotActive { .. }
            | Self::ShardQuota { .. }
            | Self::OnDemandQuota { .. }
            | Self::RateExceeded { .. }
            | Self::ExpiredIterator { .. }
            | Self::ExpiredNextToken(_)
            | Self::InvalidArgument(_)
            | Self::Validation(_) => 400,
            Self::Carried(_)
            | Self::Store(_)
            | Self::Append(_)
            | Self::Journal(_)
            | Self::Malformed(_)
            | Self::Join(_) => 500,
        }
    }

    fn into_carried(self) -> Result<ApiError, Self> {
        match self {
            Self::Carried(error) => Ok(*error),
            own => Err(own),
        }
    }
}
