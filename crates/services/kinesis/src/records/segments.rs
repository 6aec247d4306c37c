//! The segments of the journal: taking up what is there at start, keeping the index of closed ones beside them, and
//! giving space back by whole segments once nothing in them is within anyone's retention.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use millpond_core::Timestamp;
use millpond_journal::{Journal, JournalError, Position, SegmentId};
use millpond_store::{Reads as _, Store, StoreError};
use millpond_work::Wake;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::KinesisError;
use crate::model::sequence::Index;
use crate::model::stream::Status;
use crate::records::FRAME_KIND;
use crate::records::frame;
use crate::records::log::{FrameAt, Span};
use crate::store::{self, SEGMENTS, SegmentRecord, SpanRecord};
use crate::streams::{Shard, Streams};

/// How many index files of closed segments are kept in memory for readers.
const LOADED_INDEXES: usize = 8;

/// A segment's frames, shard by shard: what its index file holds.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentIndex {
    shards: BTreeMap<(Uuid, u32), Vec<FrameAt>>,
}

impl SegmentIndex {
    pub fn frames(&self, stream: Uuid, shard: u32) -> &[FrameAt] {
        self.shards.get(&(stream, shard)).map_or(&[], Vec::as_slice)
    }

    fn push(&mut self, head: &frame::Head, at: FrameAt) {
        self.shards.entry((head.stream, head.shard)).or_default().push(at);
    }

    fn summary(&self) -> SegmentRecord {
        let spans = self.shards.iter().filter_map(|((stream, shard), frames)| {
            let (first, last) = (frames.first()?.first, frames.last()?.last());
            Some(SpanRecord { stream: *stream, shard: *shard, first, last })
        });
        SegmentRecord { spans: spans.collect() }
    }
}

/// The journal with what is known of its segments.
pub struct Segments {
    journal: Journal,
    /// The newest segment in which every durable frame is in the logs, and to which nothing is appended any more.
    complete_up_to: AtomicU64,
    /// Woken when a segment became complete, so that a start after a crash has few to read.
    completed: Wake,
    /// Segments whose summary is in the store.
    closed: Mutex<BTreeSet<SegmentId>>,
    /// The most recently used at the back.
    loaded: Mutex<VecDeque<(SegmentId, Arc<SegmentIndex>)>>,
}

impl Segments {
    /// Fills the logs of all shards from the summaries of closed segments, and from the frames of the others.
    pub fn take_up(
        journal: Journal,
        store: &Store,
        streams: &Streams,
        completed: Wake,
    ) -> Result<Self, KinesisError> {
        let shards: HashMap<(Uuid, u32), Arc<Shard>> = streams
            .all()
            .iter()
            .flat_map(|stream| stream.shards().to_vec())
            .map(|shard| ((shard.stream, shard.record.number), shard))
            .collect();
        let mut summaries: BTreeMap<SegmentId, SegmentRecord> =
            store.read()?.prefix(&SEGMENTS, &()).collect::<Result<_, StoreError>>()?;
        let mut closed = BTreeSet::new();
        let mut newest = 0;
        for info in journal.segments() {
            newest = info.id;
            let Some(summary) = summaries.remove(&info.id) else {
                for ((stream, shard), frames) in scan(&journal, info.id)?.shards {
                    if let Some(shard) = shards.get(&(stream, shard)) {
                        frames.into_iter().for_each(|at| shard.log.publish(info.id, at));
                    }
                }
                continue;
            };
            closed.insert(info.id);
            for SpanRecord { stream, shard, first, last } in summary.spans {
                if let Some(shard) = shards.get(&(stream, shard)) {
                    shard.log.restore(Span { segment: info.id, first, last });
                }
            }
        }
        let complete_up_to = AtomicU64::new(newest);
        Ok(Self { journal, complete_up_to, completed, closed: Mutex::new(closed), loaded: Mutex::default() })
    }

    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Called after a frame in `segment` was put into its log. Frames come in the order of the journal, so all
    /// of the segments before are in the logs.
    pub fn appended_to(&self, segment: SegmentId) {
        let complete = segment.saturating_sub(1);
        if self.complete_up_to.fetch_max(complete, Ordering::AcqRel) < complete {
            self.completed.wake();
        }
    }

    fn complete(&self) -> Vec<SegmentId> {
        let up_to = self.complete_up_to.load(Ordering::Acquire);
        self.journal.segments().into_iter().map(|info| info.id).filter(|id| *id <= up_to).collect()
    }

    /// The frames of a shard in a closed segment. Blocking.
    pub fn index(&self, id: SegmentId) -> Result<Arc<SegmentIndex>, JournalError> {
        let lock = || self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().iter().find(|(other, _)| *other == id) {
            return Ok(found.1.clone());
        }
        let index = Arc::new(match read_index(&self.journal, id)? {
            Some(index) => index,
            None => scan(&self.journal, id)?,
        });
        let mut loaded = lock();
        loaded.retain(|(other, _)| *other != id);
        loaded.push_back((id, index.clone()));
        if loaded.len() > LOADED_INDEXES {
            loaded.pop_front();
        }
        Ok(index)
    }

    /// Closes one complete segment: writes its index, records its summary, and lets go of its frames in memory. Whether
    /// there was one.
    pub async fn close_one(self: &Arc<Self>, store: &Store, streams: &Streams) -> Result<bool, KinesisError> {
        let next = {
            let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
            self.complete().into_iter().find(|id| !closed.contains(id))
        };
        let Some(id) = next else { return Ok(false) };
        let shards: Vec<Arc<Shard>> =
            streams.all().iter().flat_map(|stream| stream.shards().to_vec()).collect();
        let mut index = SegmentIndex::default();
        for shard in &shards {
            let frames = shard.log.frames_in(id);
            if !frames.is_empty() {
                index.shards.insert((shard.stream, shard.record.number), frames);
            }
        }
        let summary = index.summary();
        let journal = self.journal.clone();
        tokio::task::spawn_blocking(move || {
            let bytes = rmp_serde::to_vec(&index).expect("plain data");
            journal.write_index(id, &bytes)
        })
        .await??;
        store::put_segment(store, id, summary).await?;
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        shards.iter().for_each(|shard| shard.log.unload(id));
        Ok(true)
    }

    /// Removes the segments in which nothing can be read any more.
    pub async fn trim(&self, store: &Store, streams: &Streams, now: Timestamp) -> Result<(), KinesisError> {
        let mut needed = BTreeSet::new();
        let live = streams.all();
        for stream in live.iter().filter(|stream| stream.record.status != Status::Deleting) {
            let horizon = Index::at(stream.record.horizon(now));
            for shard in stream.shards() {
                let spans = shard.log.spans().into_iter().filter(|span| span.last >= horizon);
                needed.extend(spans.map(|span| span.segment));
            }
        }
        let mut complete = self.complete();
        // The journal keeps its newest segment.
        complete.retain(|id| !needed.contains(id));
        if let Some(newest) = self.journal.segments().last() {
            complete.retain(|id| *id != newest.id);
        }
        if complete.is_empty() {
            return Ok(());
        }
        for id in &complete {
            live.iter().flat_map(|stream| stream.shards()).for_each(|shard| shard.log.forget(*id));
        }
        // The summaries first: a segment without one is read again after a crash, and then goes as well.
        store::remove_segments(store, complete.clone()).await?;
        let (journal, gone) = (self.journal.clone(), complete.clone());
        tokio::task::spawn_blocking(move || gone.iter().try_for_each(|id| journal.remove_segment(*id)))
            .await??;
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        complete.iter().for_each(|id| {
            closed.remove(id);
        });
        tracing::info!(segments = complete.len(), "stream records beyond their retention were removed");
        Ok(())
    }
}

/// The index beside a segment; `None` when it is missing or damaged, and the segment is to be read.
fn read_index(journal: &Journal, id: SegmentId) -> Result<Option<SegmentIndex>, JournalError> {
    match journal.read_index(id) {
        Ok(bytes) => Ok(bytes.and_then(|bytes| rmp_serde::from_slice(&bytes).ok())),
        Err(JournalError::Corrupt { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a segment for its frames. What is damaged is logged and left out.
fn scan(journal: &Journal, id: SegmentId) -> Result<SegmentIndex, JournalError> {
    let mut index = SegmentIndex::default();
    for entry in journal.scan_from(Position { segment: id, offset: 0 }) {
        let entry = match entry {
            Ok(entry) if entry.location.segment > id => break,
            Ok(entry) => entry,
            Err(error @ JournalError::Corrupt { .. }) => {
                tracing::error!(error = &error as &dyn std::error::Error, "stream records are damaged");
                continue;
            }
            Err(error) => return Err(error),
        };
        match frame::head(&entry.payload) {
            Ok(head) if entry.kind == FRAME_KIND => {
                let (first, count) = (head.first, head.count);
                index.push(
                    &head,
                    FrameAt { first, count, offset: entry.location.offset, len: entry.location.len },
                );
            }
            _ => {
                tracing::error!(location = ?entry.location, kind = entry.kind, "a journal record is no stream record")
            }
        }
    }
    Ok(index)
}
