//! The one task that gives sequence numbers and appends records.
//!
//! It takes every request that waits, makes frames of the records of each shard, appends them together, and shows and answers
//! them when they are durable. While it waits for the disk the next requests gather, so that frames grow with the load.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use millpond_core::{ByteSize, Clock};
use millpond_journal::JournalError;
use millpond_work::CancellationToken;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::model::sequence::Index;
use crate::records::FRAME_KIND;
use crate::records::frame::{Builder, Head, NewRecord};
use crate::records::log::FrameAt;
use crate::records::segments::Segments;
use crate::streams::Shard;

/// Requests that wait; a writer beyond that waits for a place.
const QUEUE_REQUESTS: usize = 1_024;

/// A batch ends at this many bytes.
const BATCH_BYTES: usize = 4 << 20;

/// The unit in which waiting bytes are counted.
const PERMIT_BYTES: usize = 1 << 10;

/// Records were not stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    #[error("the service is shutting down")]
    Closed,
    #[error("appending to the journal")]
    Journal(#[source] Arc<JournalError>),
}

/// The records of a request for one shard.
pub struct Group {
    pub shard: Arc<Shard>,
    pub records: Vec<NewRecord>,
}

struct Request {
    groups: Vec<Group>,
    bytes: usize,
    reply: oneshot::Sender<Result<Vec<Index>, AppendError>>,
    /// Gives the request's bytes back when it is answered.
    _waiting: OwnedSemaphorePermit,
}

/// The way to the appender. Cheap to clone.
#[derive(Clone)]
pub struct Appender {
    requests: mpsc::Sender<Request>,
    waiting: Arc<Semaphore>,
    permits: usize,
}

impl Appender {
    pub fn new(waiting: ByteSize, segments: Arc<Segments>, clock: Clock) -> (Self, AppendTask) {
        let (sender, requests) = mpsc::channel(QUEUE_REQUESTS);
        let permits = (waiting.as_usize() / PERMIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        let appender = Self { requests: sender, waiting: Arc::new(Semaphore::new(permits)), permits };
        (appender, AppendTask { segments, clock, requests })
    }

    /// Stores the groups; returns the place of the first record of each, in their order, once all are durable. The records
    /// of a group have consecutive places.
    ///
    /// Waits while as much as the settings allow is waiting already. Once handed over the records are stored also when the
    /// returned future is dropped. After an error some of the groups may be stored.
    pub async fn append(&self, groups: Vec<Group>) -> Result<Vec<Index>, AppendError> {
        let bytes = groups.iter().flat_map(|group| &group.records).map(NewRecord::size).sum::<usize>();
        let permits = (bytes / PERMIT_BYTES + 1).min(self.permits);
        let permits = u32::try_from(permits).unwrap_or(u32::MAX);
        let waiting =
            self.waiting.clone().acquire_many_owned(permits).await.map_err(|_| AppendError::Closed)?;
        let (reply, stored) = oneshot::channel();
        let request = Request { groups, bytes, reply, _waiting: waiting };
        self.requests.send(request).await.map_err(|_| AppendError::Closed)?;
        stored.await.map_err(|_| AppendError::Closed)?
    }
}

/// The appender's task.
pub struct AppendTask {
    segments: Arc<Segments>,
    clock: Clock,
    requests: mpsc::Receiver<Request>,
}

impl AppendTask {
    /// Works until `stop`; what was handed over by then is still stored.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let first = tokio::select! {
                request = self.requests.recv() => request,
                () = stop.cancelled(), if !self.requests.is_closed() => {
                    self.requests.close();
                    continue;
                }
            };
            let Some(first) = first else { break };
            let mut bytes = first.bytes;
            let mut batch = vec![first];
            while bytes < BATCH_BYTES
                && let Ok(request) = self.requests.try_recv()
            {
                bytes += request.bytes;
                batch.push(request);
            }
            self.store(batch).await;
        }
        self.segments.journal().close().await;
    }

    async fn store(&self, batch: Vec<Request>) {
        let mut frames = Frames::default();
        let now = Index::at(self.clock.now());
        let placed: Vec<Vec<Placed>> = batch
            .iter()
            .map(|request| request.groups.iter().map(|group| frames.place(group, now)).collect())
            .collect();
        let frames = frames.finish();
        let written = frames
            .iter()
            .map(|frame| async { self.segments.journal().enqueue(FRAME_KIND, frame.payload.clone())?.await });
        let outcomes = join_all(written).await;
        let failures: Vec<Option<Arc<JournalError>>> = frames
            .iter()
            .zip(outcomes)
            .map(|(frame, outcome)| match outcome {
                Ok(location) => {
                    let Head { first, count, .. } = frame.head;
                    let at = FrameAt { first, count, offset: location.offset, len: location.len };
                    frame.shard.log.publish(location.segment, at);
                    self.segments.appended_to(location.segment);
                    None
                }
                Err(error) => Some(Arc::new(error)),
            })
            .collect();
        for (request, placed) in batch.into_iter().zip(placed) {
            let failure = placed.iter().flat_map(|placed| &failures[placed.frames.clone()]).flatten().next();
            let outcome = match failure {
                Some(error) => Err(AppendError::Journal(error.clone())),
                None => Ok(placed.iter().map(|placed| placed.first).collect()),
            };
            // A caller that is gone wants no answer.
            let _gone = request.reply.send(outcome);
        }
    }
}

/// Where a group's records went.
struct Placed {
    first: Index,
    frames: std::ops::Range<usize>,
}

struct Frame {
    shard: Arc<Shard>,
    head: Head,
    payload: Bytes,
}

/// The frames of a batch: one after the other for each shard.
#[derive(Default)]
struct Frames {
    frames: Vec<(Arc<Shard>, Builder)>,
    /// The frame that a shard's next records go into.
    open: HashMap<(uuid::Uuid, u32), usize>,
}

impl Frames {
    fn place(&mut self, group: &Group, now: Index) -> Placed {
        let shard = &group.shard;
        let first = shard.log.reserve(group.records.len() as u64, now);
        let (mut lowest, mut highest) = (usize::MAX, 0);
        for (record, place) in group.records.iter().zip(0..) {
            let at = self.frame_for(shard, first.plus(place));
            self.frames[at].1.push(record);
            (lowest, highest) = (lowest.min(at), highest.max(at + 1));
        }
        // A shard's frames are not neighbours when others' lie between; what failed among those only errs to the safe side.
        Placed { first, frames: lowest.min(highest)..highest }
    }

    /// The shard's open frame if the record can follow in it, or a new one.
    fn frame_for(&mut self, shard: &Arc<Shard>, place: Index) -> usize {
        let key = (shard.stream, shard.record.number);
        if let Some(at) = self.open.get(&key) {
            let builder = &self.frames[*at].1;
            let head = builder.head();
            if !builder.is_full() && head.first.plus(u64::from(head.count)) == place {
                return *at;
            }
        }
        let at = self.frames.len();
        self.frames.push((shard.clone(), Builder::new(shard.stream, shard.record.number, place)));
        self.open.insert(key, at);
        at
    }

    fn finish(self) -> Vec<Frame> {
        let finished = self.frames.into_iter().map(|(shard, builder)| {
            let (head, payload) = builder.finish();
            Frame { shard, head, payload }
        });
        finished.collect()
    }
}
