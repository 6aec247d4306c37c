//! What can go wrong in the store. Cloneable, because one failed commit is reported to every transaction in it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("{} is in use by another process", path.display())]
    InUse { path: PathBuf },
    #[error(
        "the store has format {found}, and this version knows formats up to {known}: use a newer version"
    )]
    NewerFormat { found: u64, known: u64 },
    #[error("the store is closed")]
    Closed,
    /// The file could not be opened again after an I/O error; the next access tries once more.
    #[error("the store is unavailable since an I/O error")]
    Unavailable,
    #[error("the store's file")]
    File(#[source] Arc<io::Error>),
    #[error("the store's file")]
    Engine(#[source] Arc<redb::Error>),
    #[error("a key of table {table} cannot be read")]
    Key { table: &'static str },
    #[error("a record of table {table} cannot be read")]
    Decode { table: &'static str, source: Arc<rmp_serde::decode::Error> },
    #[error("a record of table {table} cannot be written")]
    Encode { table: &'static str, source: Arc<rmp_serde::encode::Error> },
    #[error("a transaction holds more than {limit} bytes")]
    TransactionTooLarge { limit: usize },
}

impl StoreError {
    /// Whether the disk (or a quota on it) is full.
    pub fn is_full(&self) -> bool {
        self.io().is_some_and(|error| {
            matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        })
    }

    /// Whether redb has given up on its file, so that it has to be opened again.
    pub(crate) fn breaks_the_file(&self) -> bool {
        match self {
            Self::Engine(error) => {
                matches!(**error, redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::Corrupted(_))
            }
            Self::File(_) | Self::Unavailable => true,
            Self::InUse { .. }
            | Self::NewerFormat { .. }
            | Self::Closed
            | Self::Key { .. }
            | Self::Decode { .. }
            | Self::Encode { .. }
            | Self::TransactionTooLarge { .. } => false,
        }
    }

    fn io(&self) -> Option<&io::Error> {
        match self {
            Self::File(error) => Some(error),
            Self::Engine(error) => match &**error {
                redb::Error::Io(error) => Some(error),
                _ => None,
            },
            _ => None,
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::File(Arc::new(error))
    }
}

macro_rules! from_redb {
    ($($error:ty),*) => { $(
        impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                Self::Engine(Arc::new(error.into()))
            }
        }
    )* };
}
from_redb!(
    redb::StorageError,
    redb::TableError,
    redb::DatabaseError,
    redb::TransactionError,
    redb::CommitError
);
