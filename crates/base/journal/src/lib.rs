//! Append-only, framed, checksummed segments with group commit.
//!
//! A [`Journal`] is a folder of segment files. One thread writes it: it takes everything that callers queued, writes it
//! in one go and makes it durable with one sync, so that many small records share the cost. Every record is sealed
//! (AES-256-GCM) and checked when it is read. The owner decides what a record's `kind` and payload mean, keeps its own
//! index of [`Location`]s, and removes segments when nothing in them is needed any more.
//!
//! - `format`: the bytes. `queue` and `writer`: the group commit, and what a failed write does. `volume`: the folder.
//! - `segment`: reading in order, damage, where a torn segment ends. `index`: the owner's sidecar of a segment.
//! - [`fuzz`]: the entry for a fuzzer of recovery.
//!
//! Invariants: a location is given only for what is durable; a segment that was recovered, or whose write failed, is never
//! appended to; segment ids only grow, also over restarts.

mod error;
mod format;
pub mod fuzz;
mod index;
mod queue;
mod segment;
#[cfg(test)]
mod tests;
mod volume;
mod writer;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use millpond_core::DerivedKey;
use millpond_core::disk::{Disk, SystemDisk};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

pub use error::JournalError;
pub use queue::Commit;

use queue::{Item, Record};
use segment::FrameReader;
use volume::Volume;
use writer::Writer;

/// Segments are numbered from 1; a later one has a greater id.
pub type SegmentId = u64;

/// A point in a journal, between records; ordered as the records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Position {
    pub segment: SegmentId,
    pub offset: u64,
}

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    pub segment: SegmentId,
    pub offset: u64,
    /// Of the payload, in bytes.
    pub len: u32,
}

impl Location {
    pub fn start(self) -> Position {
        Position { segment: self.segment, offset: self.offset }
    }

    /// Where a scan goes on after this record.
    pub fn end(self) -> Position {
        let frame = format::FRAME_OVERHEAD as u64 + u64::from(self.len);
        Position { segment: self.segment, offset: self.offset + frame }
    }
}

/// A record as it was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub location: Location,
    pub kind: u16,
    pub payload: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentInfo {
    pub id: SegmentId,
    /// Its durable length.
    pub bytes: u64,
    /// Nothing will be appended to it any more.
    pub sealed: bool,
}

/// How a journal is kept. The defaults suit a stream journal.
#[derive(Clone)]
pub struct JournalOptions {
    /// A segment that has reached this length is closed before the next batch.
    pub segment_bytes: u64,
    /// What may wait for the disk; beyond it, [`JournalError::Full`].
    pub queue_bytes: usize,
    /// What one write and sync may hold; it bounds the writer's memory.
    pub max_batch: usize,
    /// The longest payload.
    pub max_record: usize,
    pub disk: Arc<dyn Disk>,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            queue_bytes: 32 << 20,
            max_batch: 8 << 20,
            max_record: 16 << 20,
            disk: Arc::new(SystemDisk),
        }
    }
}

/// A journal that is open for writing. Cheap to clone; the last clone that is dropped writes what is queued and closes it.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    volume: Arc<Volume>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Opens the journal in `dir`, made if it is not there; one process at a time (the data folder's lock sees to that).
    /// Blocking: reads every segment's header, and the last segment for its end. The [`Scan`] gives everything that is
    /// there; narrow it with [`Scan::starting_at`] if an index knows the rest.
    ///
    /// Errors: WrongKey, NewerFormat, Corrupt (a segment's header), Io.
    pub fn open(dir: &Path, key: &DerivedKey, options: JournalOptions) -> Result<(Self, Scan), JournalError> {
        let (volume, found) = Volume::open(dir, key.clone(), options)?;
        let volume = Arc::new(volume);
        let scan = Scan::new(volume.clone());
        let writer = Writer::new(volume.clone(), found.last, found.next_id);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run())
            .map_err(JournalError::io("starting the journal's writer"))?;
        Ok((Self(Arc::new(Inner { volume, thread: Mutex::new(Some(thread)) })), scan))
    }

    /// Queues a record, in the order of the calls; the [`Commit`] resolves once it is durable.
    ///
    /// Errors: Full (try later), TooLarge, Closed.
    pub fn enqueue(&self, kind: u16, payload: Bytes) -> Result<Commit, JournalError> {
        let max = self.volume().options.max_record;
        if payload.len() > max {
            return Err(JournalError::TooLarge { len: payload.len(), max });
        }
        let (answer, committed) = oneshot::channel();
        self.volume().queue.push(Item::Record(Record { kind, payload, answer }))?;
        Ok(Commit(committed))
    }

    /// Appends a record; it is durable when this returns.
    pub async fn append(&self, kind: u16, payload: Bytes) -> Result<Location, JournalError> {
        self.enqueue(kind, payload)?.await
    }

    /// Closes the current segment, if there is one, after everything that is queued.
    pub async fn roll(&self) -> Result<(), JournalError> {
        let (answer, done) = oneshot::channel();
        self.volume().queue.push(Item::Roll(answer))?;
        done.await.map_err(|_| JournalError::Closed)
    }

    /// Reads one record, checked by its CRC and its tag. Blocking, though short when the page is cached.
    pub fn read(&self, location: Location) -> Result<Bytes, JournalError> {
        let (segment, durable) = self.volume().open_segment(location.segment)?;
        if location.end().offset > durable {
            let Location { segment, offset, .. } = location;
            return Err(JournalError::Corrupt { segment, offset, what: "a location beyond its end" });
        }
        Ok(segment.read(location)?.payload)
    }

    /// Everything that is durable now, from `position` on, in order. Blocking, like [`Journal::read`].
    pub fn scan_from(&self, position: Position) -> Scan {
        Scan::new(self.volume().clone()).starting_at(position)
    }

    /// The segments that hold records, in order.
    pub fn segments(&self) -> Vec<SegmentInfo> {
        let segments = self.volume().segments().into_iter();
        segments.map(|(id, meta)| SegmentInfo { id, bytes: meta.durable, sealed: meta.sealed }).collect()
    }

    /// Removes a segment and its index. The newest one stays, so that its id is never given again. Blocking.
    ///
    /// Errors: Newest, NoSegment, Io. After a power loss a removed segment may be there again.
    pub fn remove_segment(&self, id: SegmentId) -> Result<(), JournalError> {
        let volume = self.volume();
        volume.header(id)?;
        if volume.is_newest(id) {
            return Err(JournalError::Newest { segment: id });
        }
        for path in [volume.index_path(id), volume.segment_path(id)] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(JournalError::io(format!("removing segment {id}"))(error));
                }
                _ => {}
            }
        }
        volume.forget(id);
        Ok(())
    }

    /// Keeps `index` beside a segment, sealed and durable, in place of an earlier one: any bytes that spare the
    /// next start the reading of the segment. Blocking.
    pub fn write_index(&self, id: SegmentId, index: &[u8]) -> Result<(), JournalError> {
        index::write(self.volume(), id, index)
    }

    /// What [`Journal::write_index`] kept; `None` when there is none. A damaged one is `Corrupt`. Blocking.
    pub fn read_index(&self, id: SegmentId) -> Result<Option<Vec<u8>>, JournalError> {
        index::read(self.volume(), id)
    }

    /// Takes no more records, and returns once everything that was queued is durable or answered.
    pub async fn close(&self) {
        let inner = self.0.clone();
        // The thread ends by itself once the queue is closed and empty; it is only waited for here.
        let joined = tokio::task::spawn_blocking(move || inner.close()).await;
        if let Err(error) = joined {
            tracing::error!(error = &error as &dyn std::error::Error, "closing a journal");
        }
    }

    fn volume(&self) -> &Arc<Volume> {
        &self.0.volume
    }
}

impl Inner {
    fn close(&self) {
        self.volume.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("a journal's writer panicked");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// The durable records of a journal, in order. An error that says `Corrupt` is for what could not be read; the scan
/// goes on behind it. Blocking.
pub struct Scan {
    volume: Arc<Volume>,
    segments: VecDeque<(SegmentId, u64)>,
    from: Position,
    reader: Option<FrameReader>,
}

impl Scan {
    fn new(volume: Arc<Volume>) -> Self {
        let segments = volume.segments().into_iter().map(|(id, meta)| (id, meta.durable)).collect();
        Self { volume, segments, from: Position::default(), reader: None }
    }

    /// Leaves out what is before `position`, unread. It must be a record's start or end, or lie in no segment.
    #[must_use]
    pub fn starting_at(mut self, position: Position) -> Self {
        self.segments.retain(|(id, _)| *id >= position.segment);
        self.from = position;
        self
    }

    fn next_reader(&mut self) -> Option<Result<FrameReader, JournalError>> {
        let (id, end) = self.segments.pop_front()?;
        let offset = if id == self.from.segment { self.from.offset } else { 0 };
        Some(self.volume.open_segment(id).map(|(segment, _)| FrameReader::new(segment, offset, end)))
    }
}

impl Iterator for Scan {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.reader.as_mut().and_then(FrameReader::next) {
                return Some(entry);
            }
            self.reader = None;
            match self.next_reader()? {
                Ok(reader) => self.reader = Some(reader),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
