//! What can go wrong with the bytes of objects.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Clone, thiserror::Error)]
pub enum BlobError {
    #[error("{doing}")]
    Io {
        doing: &'static str,
        #[source]
        source: Arc<io::Error>,
    },
    /// What is on the disk is not what was written, in any copy.
    #[error("stored bytes are damaged: {what}")]
    Corrupt { what: &'static str },
    /// No zone that is there has the body.
    #[error("no copy of the object is left")]
    Lost,
    /// The zones that have the body are lost, and may be back.
    #[error("the zones that the object is in are not there")]
    OutOfReach,
    /// The body's key is wrapped under another key than the one that was given, or under one where none was given.
    #[error("the object's key is wrapped by another key, or is damaged")]
    WrongKey,
    #[error("the range {start}..{end} is not within {size} bytes")]
    Range { start: u64, end: u64, size: u64 },
    /// The folders of the settings and what is in them do not fit together.
    #[error("the zone {}: {problem}", path.display())]
    Zone { path: PathBuf, problem: String },
    /// Every zone is lost: nothing can be made durable.
    #[error("none of the zones is there")]
    NoZone,
    #[error("the cryptography library failed")]
    Crypto,
    /// The work on a blocking thread did not end: it panicked, or the program is stopping.
    #[error("the disk's work was cut off")]
    CutOff,
    /// The sweep's question whether a file is named could not be answered; nothing was removed for it.
    #[error("asking which files are named")]
    NameCheck(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl BlobError {
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source: Arc::new(source) }
    }

    /// The disk, or the owner's share of it, is full.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            _ => false,
        }
    }
}

/// Why a body was not written; nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum WriteError<E> {
    /// The stream of the body ended with this error.
    #[error("reading the body")]
    Body(#[source] E),
    #[error(transparent)]
    Blob(#[from] BlobError),
}
