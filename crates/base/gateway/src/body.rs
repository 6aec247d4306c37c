//! Bodies: one boxed type for requests and answers, and the bounded reading of the ones that must be whole.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};

pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request or an answer.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// How long a client may stay silent in the middle of a body that the gateway reads.
const SILENCE: Duration = Duration::from_secs(30);

pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the client sent nothing for {} seconds", SILENCE.as_secs())]
    Silent,
    #[error("the body broke off")]
    Broken(#[source] BodyError),
}

/// The whole body, if it has at most `limit` bytes. A body that says beforehand that it is larger is not read at all.
pub(crate) async fn read(mut body: Body, limit: u64) -> Result<Bytes, ReadError> {
    use http_body::Body as _;
    let hint = body.size_hint();
    if hint.lower() > limit {
        return Err(ReadError::TooLarge { limit });
    }
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(SILENCE, body.frame()).await.map_err(|_| ReadError::Silent)?;
        let Some(frame) = frame else { break };
        // Trailers carry nothing that these protocols know.
        let Ok(data) = frame.map_err(ReadError::Broken)?.into_data() else { continue };
        let so_far = first.as_ref().map_or(0, Bytes::len).max(rest.len());
        if (so_far + data.len()) as u64 > limit {
            return Err(ReadError::TooLarge { limit });
        }
        match first.take() {
            None if rest.is_empty() => first = Some(data),
            None => rest.extend_from_slice(&data),
            Some(begin) => {
                rest.reserve(usize::try_from(hint.lower()).unwrap_or(0).max(begin.len() + data.len()));
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
            let read = read(in_pieces(pieces), 5).await.ok();
            assert_eq!(read.as_deref(), expected.map(str::as_bytes), "{pieces:?}");
        }
        assert!(matches!(read(full("abcdef"), 5).await, Err(ReadError::TooLarge { limit: 5 })));
    }
}
