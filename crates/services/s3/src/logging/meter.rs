//! Follows an answer to its end: only then is it known how much was sent, and how long it took.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use millpond_gateway::Body;

use super::Log;
use super::line::Entry;
use crate::service::S3;

/// A line that waits for the end of its answer.
pub struct Pending {
    pub s3: S3,
    pub log: Log,
    pub entry: Entry,
    pub began: Instant,
}

impl Pending {
    fn end(mut self, bytes_sent: u64) {
        self.entry.bytes_sent = bytes_sent;
        self.entry.total_millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.s3.0.access_logs.push(self.log, &self.entry.line(), self.s3.now());
    }
}

/// An answer's body that is counted.
pub struct Metered {
    inner: Body,
    bytes: u64,
    pending: Option<Pending>,
}

impl Metered {
    pub fn new(inner: Body, pending: Pending) -> Self {
        Self { inner, bytes: 0, pending: Some(pending) }
    }
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Metered {
    /// Sent, or given up by a client that went away.
    fn drop(&mut self) {
        if let Some(pending) = self.pending.take() {
            pending.end(self.bytes);
        }
    }
}
