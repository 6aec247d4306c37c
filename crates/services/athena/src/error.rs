//! What Athena answers when it does not do what was asked, in AWS's codes and words.

use millpond_glue::GlueError;
use millpond_s3::S3Error;
use millpond_sql::QueryError;
use millpond_store::StoreError;
use millpond_wire::{ApiError, ServiceError, Value};

#[derive(Debug, thiserror::Error)]
pub enum AthenaError {
    #[error("{0}")]
    InvalidRequest(String),
    /// The statement is not one that can run.
    #[error("{}", .0.message)]
    MalformedQuery(QueryError),
    #[error("QueryExecution {0} was not found")]
    QueryNotFound(String),
    #[error("WorkGroup {0} is not found.")]
    WorkGroupNotFound(String),
    #[error("{0}")]
    Metadata(String),
    #[error(
        "You have exceeded the limit for the number of queries you can run concurrently. Reduce the number of concurrent queries submitted by this account."
    )]
    TooManyQueries,
    /// Another crate's answer, as it is: a permission that was denied.
    #[error(transparent)]
    Carried(Box<ApiError>),
    #[error("the store")]
    Store(#[from] StoreError),
}

impl AthenaError {
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::InvalidRequest(message.into())
    }

    /// A member that Millpond knows and does not act on.
    pub fn not_supported(member: &str) -> Self {
        Self::InvalidRequest(format!("{member} is not supported by Millpond."))
    }
}

impl From<ApiError> for AthenaError {
    fn from(error: ApiError) -> Self {
        Self::Carried(Box::new(error))
    }
}

impl From<GlueError> for AthenaError {
    fn from(error: GlueError) -> Self {
        match error {
            GlueError::DatabaseNotFound(_) | GlueError::TableNotFound(_) => Self::Metadata(error.to_string()),
            other => Self::Carried(Box::new(other.into())),
        }
    }
}

impl From<S3Error> for AthenaError {
    fn from(error: S3Error) -> Self {
        match error {
            S3Error::NoSuchKey { .. } | S3Error::NoSuchBucket { .. } => {
                Self::InvalidRequest(format!("Could not find results: {error}"))
            }
            other => Self::Carried(Box::new(other.into())),
        }
    }
}

impl ServiceError for AthenaError {
    fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_)
            | Self::MalformedQuery(_)
            | Self::QueryNotFound(_)
            | Self::WorkGroupNotFound(_) => "InvalidRequestException",
            Self::Metadata(_) => "MetadataException",
            Self::TooManyQueries => "TooManyRequestsException",
            Self::Carried(_) | Self::Store(_) => "InternalServerException",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::InvalidRequest(_)
            | Self::MalformedQuery(_)
            | Self::QueryNotFound(_)
            | Self::WorkGroupNotFound(_)
            | Self::Metadata(_)
            | Self::TooManyQueries => 400,
            Self::Carried(_) | Self::Store(_) => 500,
        }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        match self {
            Self::MalformedQuery(_) => vec![("AthenaErrorCode", "MALFORMED_QUERY".to_owned().into())],
            Self::TooManyQueries => vec![("Reason", "CONCURRENT_QUERY_LIMIT_EXCEEDED".to_owned().into())],
            _ => Vec::new(),
        }
    }

    fn into_carried(self) -> Result<ApiError, Self> {
        match self {
            Self::Carried(error) => Ok(*error),
            own => Err(own),
        }
    }
}
