//! What can go wrong, with AWS's codes and sentences.

use millpond_store::StoreError;
use millpond_wire::{ApiError, ServiceError};

use crate::filter::FilterError;

#[derive(Debug, thiserror::Error)]
pub enum GlueError {
    #[error("Catalog {0} not found.")]
    CatalogNotFound(String),
    #[error("Database {0} not found.")]
    DatabaseNotFound(String),
    #[error("Table {0} not found.")]
    TableNotFound(String),
    #[error("Cannot find partition.")]
    PartitionNotFound,
    #[error("Version not found.")]
    VersionNotFound,
    #[error("Crawler entry with name {0} does not exist")]
    CrawlerNotFound(String),
    #[error("Classifier {0} not found.")]
    ClassifierNotFound(String),
    #[error("Database already exists.")]
    DatabaseExists,
    #[error("Table already exists.")]
    TableExists,
    #[error("Partition already exists.")]
    PartitionExists,
    #[error("Crawler {0} already exists")]
    CrawlerExists(String),
    #[error("Classifier {0} already exists")]
    ClassifierExists(String),
    #[error("Crawler with name {0} has already started")]
    CrawlerRunning(String),
    #[error("Crawler with name {0} isn't running")]
    CrawlerNotRunning(String),
    #[error("Crawler with name {0} is stopping")]
    CrawlerStopping(String),
    /// The table is at another version than the client took it for.
    #[error("Update table failed due to concurrent modifications.")]
    ConcurrentModification,
    #[error("{0}")]
    InvalidInput(String),
    #[error("{0}")]
    Filter(#[from] FilterError),
    #[error("the catalog's store")]
    Store(#[from] StoreError),
    /// An answer of the gateway: a permission that was denied.
    #[error("{0}")]
    Api(ApiError),
}

impl GlueError {
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::InvalidInput(message.into())
    }

    /// As batch operations report one item's failure.
    pub fn detail(&self) -> (&'static str, String) {
        (self.code(), self.to_string())
    }
}

impl From<ApiError> for GlueError {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl ServiceError for GlueError {
    fn code(&self) -> &'static str {
        match self {
            Self::CatalogNotFound(_)
            | Self::DatabaseNotFound(_)
            | Self::TableNotFound(_)
            | Self::PartitionNotFound
            | Self::VersionNotFound
            | Self::CrawlerNotFound(_)
            | Self::ClassifierNotFound(_) => "EntityNotFoundException",
            Self::DatabaseExists
            | Self::TableExists
            | Self::PartitionExists
            | Self::CrawlerExists(_)
            | Self::ClassifierExists(_) => "AlreadyExistsException",
            Self::CrawlerRunning(_) => "CrawlerRunningException",
            Self::CrawlerNotRunning(_) => "CrawlerNotRunningException",
            Self::CrawlerStopping(_) => "CrawlerStoppingException",
            Self::ConcurrentModification => "ConcurrentModificationException",
            Self::Filter(FilterError::Stored(_)) => "InvalidStateException",
            Self::InvalidInput(_) | Self::Filter(_) => "InvalidInputException",
            Self::Store(_) => "InternalServiceException",
            // Never asked: `into_carried` hands the error on whole.
            Self::Api(_) => "InternalServiceException",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Store(_) | Self::Api(_) => 500,
            _ => 400,
        }
    }

    fn into_carried(self) -> Result<ApiError, Self> {
        match self {
            Self::Api(error) => Ok(error),
            own => Err(own),
        }
    }
}
