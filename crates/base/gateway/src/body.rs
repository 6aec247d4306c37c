//! Bodies: one boxed type for requests and answers, and the bounded reading of the ones that must be whole.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request or an answer.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// How long a client may stay silent in the middle of a body that the gateway reads, how long it may take for all of it,
/// and how long it waits for room.
const SILENCE: Duration = Duration::from_secs(30);
const WHOLE: Duration = Duration::from_secs(120);
const ROOM_WITHIN: Duration = Duration::from_secs(20);
/// Memory for bodies that are kept whole, of all requests together.
const ROOM_KIB: u32 = 256 << 10;

pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the body was not received in time")]
    Late,
    #[error("there is no room for the body")]
    NoRoom,
    #[error("the body broke off")]
    Broken(#[source] BodyError),
}

/// The room for bodies that are kept whole.
pub(crate) struct Buffers(Arc<Semaphore>);

/// A body, and its place in the room.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Buffers {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ROOM_KIB as usize)))
    }

    /// The whole body, if it has at most `limit` bytes. A body that says beforehand that it is larger is not read at all.
    pub(crate) async fn read(&self, body: Body, limit: u64) -> Result<Kept, ReadError> {
        let hint = body.size_hint();
        if hint.lower() > limit {
            return Err(ReadError::TooLarge { limit });
        }
        let most = hint.upper().unwrap_or(limit).min(limit);
        let room = u32::try_from(most.div_ceil(1024)).unwrap_or(ROOM_KIB).min(ROOM_KIB);
        let room = tokio::time::timeout(ROOM_WITHIN, Arc::clone(&self.0).acquire_many_owned(room)).await;
        let room = room.map_err(|_| ReadError::NoRoom)?.expect("the semaphore is never closed");
        let bytes = tokio::time::timeout(WHOLE, read(body, hint.lower(), limit)).await;
        Ok(Kept { bytes: bytes.map_err(|_| ReadError::Late)??, _room: room })
    }
}

async fn read(mut body: Body, announced: u64, limit: u64) -> Result<Bytes, ReadError> {
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(SILENCE, body.frame()).await.map_err(|_| ReadError::Late)?;
        let Some(frame) = frame else { break };
        // Trailers carry nothing that these protocols know.
        let Ok(data) = frame.map_err(ReadError::Broken)?.into_data() else { continue };
        let so_far = first.as_ref().map_or(0, Bytes::len).max(rest.len());
        if (so_far + data.len()) as u64 > limit {
            return Err(ReadError::TooLarge { limit });
        }
        // A body of one piece, as most are, is not copied.
        match first.take() {
            None if rest.is_empty() => first = Some(data),
            None => rest.extend_from_slice(&data),
            Some(begin) => {
                rest.reserve(usize::try_from(announced).unwrap_or(0).max(begin.len() + data.len()));
                rest.extend_from_slice(&begin);
                rest.extend_from_slice(&data);
            }
        }
    }
    Ok(first.unwrap_or_else(|| rest.freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    fn in_pieces(pieces: &'static [&'static str]) -> Body {
        let frames = pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))));
        StreamBody::new(futures::stream::iter(frames)).boxed_unsync()
    }

    #[tokio::test]
    async fn bodies_are_read_whole_up_to_the_limit() {
        for (pieces, expected) in [
            (&[] as &'static [&'static str], Some("")),
            (&["abc"], Some("abc")),
            (&["ab", "c", "", "de"], Some("abcde")),
            (&["abc", "def"], None),
            (&["abcdef"], None),
        ] {
            let kept = Buffers::new().read(in_pieces(pieces), 5).await.ok();
            assert_eq!(
                kept.as_ref().map(|kept| kept.bytes.as_ref()),
                expected.map(str::as_bytes),
                "{pieces:?}"
            );
        }
        let refused = Buffers::new().read(full("abcdef"), 5).await;
        assert!(matches!(refused, Err(ReadError::TooLarge { limit: 5 })));
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_share_a_bounded_room() {
        let buffers = Buffers::new();
        let half = u64::from(ROOM_KIB) * 1024 / 2;
        // Without a length, the limit is what may come.
        let one = buffers.read(in_pieces(&["a"]), half).await.unwrap();
        let two = buffers.read(in_pieces(&["a"]), half).await.unwrap();
        assert!(matches!(buffers.read(in_pieces(&["a"]), half).await, Err(ReadError::NoRoom)));
        drop(one);
        buffers.read(in_pieces(&["a"]), half).await.unwrap();
        drop(two);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_not_waited_for() {
        let silent = StreamBody::new(futures::stream::pending()).boxed_unsync();
        assert!(matches!(Buffers::new().read(silent, 5).await, Err(ReadError::Late)));
    }
}
