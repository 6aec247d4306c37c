//! What can go wrong with a journal. Clonable, since one failed sync answers every waiter of its batch.

use std::io;
use std::sync::Arc;

use crate::SegmentId;

#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// The queue before the disk has no room: the caller answers its own word for "later".
    #[error("the journal's queue is full")]
    Full,
    #[error("a record of {len} bytes is larger than the journal's limit of {max}")]
    TooLarge { len: usize, max: usize },
    #[error("the journal is closed")]
    Closed,
    #[error("{doing}")]
    Io {
        doing: String,
        #[source]
        source: Arc<io::Error>,
    },
    /// Bytes that were durable are not what was written.
    #[error("segment {segment} is damaged at byte {offset}: {what}")]
    Corrupt { segment: SegmentId, offset: u64, what: &'static str },
    #[error("segment {segment} was written under another key")]
    WrongKey { segment: SegmentId },
    #[error("segment {segment} has format {version}, which is newer than this program")]
    NewerFormat { segment: SegmentId, version: u32 },
    #[error("segment {segment} is not there")]
    NoSegment { segment: SegmentId },
    #[error("segment {segment} is the newest and stays")]
    Newest { segment: SegmentId },
    #[error("the cryptography library failed")]
    Crypto,
}

impl JournalError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
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
