//! The index of one shard: which frames hold its records, segment by segment, and where to read on.
//!
//! The frames of segments that are still open, or closed a moment ago, are in memory; those of closed segments are in the segment's
//! index file, and here only their first and last place.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use millpond_journal::{Location, SegmentId};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::model::sequence::Index;

/// Where a frame is, within its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameAt {
    pub first: Index,
    pub count: u32,
    pub offset: u64,
    pub len: u32,
}

impl FrameAt {
    pub fn last(&self) -> Index {
        self.first.plus(u64::from(self.count.max(1)) - 1)
    }

    pub fn location(&self, segment: SegmentId) -> Location {
        Location { segment, offset: self.offset, len: self.len }
    }
}

/// A shard's records in one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub segment: SegmentId,
    pub first: Index,
    pub last: Index,
}

#[derive(Debug)]
struct Part {
    span: Span,
    /// `None`: in the segment's index file.
    frames: Option<Vec<FrameAt>>,
}

/// Where to read on.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing is there yet.
    End,
    /// In these frames, in order; the first of them may begin before the place.
    Frames(SegmentId, Vec<FrameAt>),
    /// In a closed segment, whose index file says where.
    Closed(Span),
}

/// How many frames one look gives.
const LOOK: usize = 64;

/// A shard's log. Its methods hold the lock for a moment only.
#[derive(Debug)]
pub struct ShardLog {
    /// Every record comes after it.
    start: Index,
    parts: Mutex<Parts>,
    /// The last place that can be read.
    tip: watch::Sender<Option<Index>>,
}

#[derive(Debug)]
struct Parts {
    parts: VecDeque<Part>,
    /// The next place to give to a record.
    next: Index,
}

impl ShardLog {
    /// An empty log whose records come after `start`.
    pub fn new(start: Index) -> Self {
        let parts = Parts { parts: VecDeque::new(), next: start.plus(1) };
        Self { start, parts: Mutex::new(parts), tip: watch::Sender::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, Parts> {
        // Every change under the lock is whole, so a panic of another holder leaves nothing half done.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives out `count` places that no record had, at `now` or later.
    pub fn reserve(&self, count: u64, now: Index) -> Index {
        let mut parts = self.lock();
        let first = parts.next.max(now);
        parts.next = first.plus(count);
        first
    }

    /// Shows a frame that is durable. Frames come in the order of their places.
    pub fn publish(&self, segment: SegmentId, frame: FrameAt) {
        let last = frame.last();
        let mut parts = self.lock();
        parts.next = parts.next.max(last.plus(1));
        match parts.parts.back_mut() {
            Some(Part { span, frames: Some(frames) }) if span.segment == segment => {
                span.last = last;
                frames.push(frame);
            }
            _ => {
                let span = Span { segment, first: frame.first, last };
                parts.parts.push_back(Part { span, frames: Some(vec![frame]) });
            }
        }
        drop(parts);
        self.tip.send_replace(Some(last));
    }

    /// Takes up what a closed segment's summary says, at start. Segments come in order.
    pub fn restore(&self, span: Span) {
        let mut parts = self.lock();
        parts.next = parts.next.max(span.last.plus(1));
        parts.parts.push_back(Part { span, frames: None });
        drop(parts);
        self.tip.send_replace(Some(span.last));
    }

    /// Where the record at `from`, or the first one after it, is.
    pub fn find(&self, from: Index) -> Found {
        let parts = self.lock();
        let at = parts.parts.partition_point(|part| part.span.last < from);
        match parts.parts.get(at) {
            None => Found::End,
            Some(Part { span, frames: None }) => Found::Closed(*span),
            Some(Part { span, frames: Some(frames) }) => {
                Found::Frames(span.segment, frames_from(frames, from))
            }
        }
    }

    pub fn tip(&self) -> Option<Index> {
        *self.tip.borrow()
    }

    /// The place after the last record that can be read. What is on its way to the disk comes after it.
    pub fn end(&self) -> Index {
        self.tip().unwrap_or(self.start).plus(1)
    }

    /// Returns once a record at `from` or later can be read.
    pub async fn wait_for(&self, from: Index) {
        let mut tip = self.tip.subscribe();
        // The sender lives as long as `self`.
        let _seen = tip.wait_for(|tip| tip.is_some_and(|last| last >= from)).await;
    }

    /// The frames in memory of a segment.
    pub fn frames_in(&self, segment: SegmentId) -> Vec<FrameAt> {
        let parts = self.lock();
        let part = parts.parts.iter().find(|part| part.span.segment == segment);
        part.and_then(|part| part.frames.clone()).unwrap_or_default()
    }

    /// Lets go of the frames of a segment whose index file is durable.
    pub fn unload(&self, segment: SegmentId) {
        if let Some(part) = self.lock().parts.iter_mut().find(|part| part.span.segment == segment) {
            part.frames = None;
        }
    }

    /// Forgets what lies in a segment that is about to go.
    pub fn forget(&self, segment: SegmentId) {
        self.lock().parts.retain(|part| part.span.segment != segment);
    }

    pub fn spans(&self) -> Vec<Span> {
        self.lock().parts.iter().map(|part| part.span).collect()
    }
}

/// The first frames that hold what is at `from` or later.
pub fn frames_from(frames: &[FrameAt], from: Index) -> Vec<FrameAt> {
    let at = frames.partition_point(|frame| frame.last() < from);
    frames[at..].iter().take(LOOK).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(n: u64) -> Index {
        Index::from_u64(n)
    }

    fn frame(first: u64, count: u32) -> FrameAt {
        FrameAt { first: index(first), count, offset: first * 10, len: 10 }
    }

    #[test]
    fn places_only_grow() {
        let log = ShardLog::new(index(100));
        assert_eq!(log.reserve(3, index(50)), index(101));
        assert_eq!(log.reserve(1, index(50)), index(104));
        assert_eq!(log.reserve(1, index(200)), index(200));
        assert_eq!(log.reserve(1, index(150)), index(201));
    }

    #[test]
    fn a_place_is_found_in_its_frame_or_in_the_next() {
        let log = ShardLog::new(index(0));
        assert_eq!((log.find(index(0)), log.end()), (Found::End, index(1)));
        log.publish(1, frame(10, 5));
        log.publish(1, frame(20, 1));
        log.publish(2, frame(30, 2));
        for (from, segment, frames) in [
            (0, 1, vec![frame(10, 5), frame(20, 1)]),
            (14, 1, vec![frame(10, 5), frame(20, 1)]),
            (15, 1, vec![frame(20, 1)]),
            (21, 2, vec![frame(30, 2)]),
            (31, 2, vec![frame(30, 2)]),
        ] {
            assert_eq!(log.find(index(from)), Found::Frames(segment, frames), "{from}");
        }
        assert_eq!((log.find(index(32)), log.end()), (Found::End, index(32)));
        log.unload(1);
        let span = Span { segment: 1, first: index(10), last: index(20) };
        assert_eq!(log.find(index(12)), Found::Closed(span));
        log.forget(1);
        assert_eq!(log.find(index(12)), Found::Frames(2, vec![frame(30, 2)]));
    }

    #[test]
    fn what_a_summary_restored_is_never_given_out_again() {
        let log = ShardLog::new(index(0));
        log.restore(Span { segment: 1, first: index(10), last: index(20) });
        log.publish(2, frame(30, 2));
        assert_eq!(log.reserve(1, index(0)), index(32));
        assert_eq!(log.find(index(5)), Found::Closed(Span { segment: 1, first: index(10), last: index(20) }));
    }

    #[tokio::test]
    async fn a_reader_waits_for_its_place() {
        let log = ShardLog::new(index(0));
        log.publish(1, frame(10, 1));
        log.wait_for(index(10)).await;
        let waiting = log.wait_for(index(11));
        tokio::pin!(waiting);
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx)));
        assert!(polled.await.is_pending());
        log.publish(1, frame(11, 1));
        waiting.await;
    }
}
