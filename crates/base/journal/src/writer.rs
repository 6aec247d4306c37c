//! The one writer of a journal: takes everything that waits, writes it in one go, makes it durable with one sync,
//! then answers all.

use std::fs::File;
use std::sync::Arc;

use crate::format::{Previous, SEGMENT_HEADER, SegmentHeader, SegmentKey, append_frame};
use crate::queue::{Item, Record};
use crate::volume::{Meta, Volume};
use crate::{JournalError, Location, SegmentId};

/// What the batch's buffer keeps between batches.
const KEPT_BUFFER: usize = 1 << 20;

pub(crate) struct Writer {
    volume: Arc<Volume>,
    /// `None` until the first batch, after a segment was closed, and after a failed write.
    current: Option<Current>,
    /// The last closed segment that holds frames.
    previous: Option<Previous>,
    next_id: SegmentId,
    buffer: Vec<u8>,
}

/// The segment that is written to. All of it up to `len` is durable.
struct Current {
    id: SegmentId,
    file: File,
    key: SegmentKey,
    len: u64,
}

impl Writer {
    pub(crate) fn new(volume: Arc<Volume>, previous: Option<Previous>, next_id: SegmentId) -> Self {
        Self { volume, current: None, previous, next_id, buffer: Vec::new() }
    }

    /// Runs until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        while let Some(items) = self.volume.queue.take(self.volume.options.max_batch) {
            let mut batch = Vec::with_capacity(items.len());
            for item in items {
                match item {
                    Item::Record(record) => batch.push(record),
                    Item::Roll(answer) => {
                        self.write(std::mem::take(&mut batch));
                        self.finish_segment();
                        // Whoever asked may be gone; the segment is closed all the same.
                        let _gone = answer.send(());
                    }
                }
            }
            self.write(batch);
        }
    }

    fn write(&mut self, batch: Vec<Record>) {
        if batch.is_empty() {
            return;
        }
        match self.write_durably(&batch) {
            Ok(locations) => {
                for (record, location) in batch.into_iter().zip(locations) {
                    // A caller that is gone has hung up; the record stays.
                    let _gone = record.answer.send(Ok(location));
                }
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    records = batch.len(),
                    "a journal write failed"
                );
                self.abandon_segment();
                for record in batch {
                    let _gone = record.answer.send(Err(error.clone()));
                }
            }
        }
    }

    fn write_durably(&mut self, batch: &[Record]) -> Result<Vec<Location>, JournalError> {
        if self.current.as_ref().is_some_and(|current| current.len >= self.volume.options.segment_bytes) {
            self.finish_segment();
        }
        let current = match &mut self.current {
            Some(current) => current,
            none => none.insert(begin_segment(&self.volume, self.previous, &mut self.next_id)?),
        };
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_BUFFER);
        self.buffer.reserve(batch.iter().map(Record::frame_len).sum());
        let mut locations = Vec::with_capacity(batch.len());
        for Record { kind, payload, .. } in batch {
            let offset = current.len + self.buffer.len() as u64;
            append_frame(&mut self.buffer, &current.key, offset, current.len, *kind, payload)?;
            let len = u32::try_from(payload.len()).expect("append_frame refused longer ones");
            locations.push(Location { segment: current.id, offset, len });
        }
        let disk = &self.volume.options.disk;
        let doing = || format!("writing segment {}", current.id);
        disk.write_at(&current.file, &self.buffer, current.len).map_err(JournalError::io(doing()))?;
        disk.sync(&current.file).map_err(JournalError::io(doing()))?;
        current.len += self.buffer.len() as u64;
        self.volume.set_durable(current.id, current.len);
        Ok(locations)
    }

    fn finish_segment(&mut self) {
        if let Some(current) = self.current.take() {
            self.previous = Some(Previous { id: current.id, len: current.len });
            self.volume.set_sealed(current.id);
        }
    }

    /// After a failed write or sync the file's pages can't be trusted: the segment ends where it was last durable, and
    /// the next batch begins another. What stands behind that end is cut off if the disk lets us; if not, the next
    /// segment's header says where this one ended.
    fn abandon_segment(&mut self) {
        let Some(current) = self.current.take() else { return };
        if current.len == SEGMENT_HEADER as u64 {
            self.volume.forget(current.id);
            remove_file(&self.volume, current.id);
            return;
        }
        if let Err(error) = current.file.set_len(current.len) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                segment = current.id,
                "cutting off a failed write"
            );
        }
        self.previous = Some(Previous { id: current.id, len: current.len });
        self.volume.set_sealed(current.id);
    }
}

/// When the writer ends, also by a panic, nobody is left waiting.
impl Drop for Writer {
    fn drop(&mut self) {
        self.volume.queue.abort();
    }
}

/// A new segment whose header, and whose name in the folder, are durable.
fn begin_segment(
    volume: &Volume,
    previous: Option<Previous>,
    next_id: &mut SegmentId,
) -> Result<Current, JournalError> {
    let id = *next_id;
    *next_id += 1;
    let header = SegmentHeader::new(id, previous)?;
    let key = header.key(&volume.key)?;
    let bytes = header.encode(&key)?;
    let disk = &volume.options.disk;
    let doing = || format!("creating segment {id}");
    let file = disk.create(&volume.segment_path(id)).map_err(JournalError::io(doing()))?;
    let written = disk
        .write_at(&file, &bytes, 0)
        .and_then(|()| disk.sync(&file))
        .and_then(|()| disk.sync_dir(&volume.dir));
    if let Err(error) = written {
        remove_file(volume, id);
        return Err(JournalError::io(doing())(error));
    }
    let len = SEGMENT_HEADER as u64;
    volume.insert(id, Meta { header, durable: len, sealed: false });
    Ok(Current { id, file, key, len })
}

/// Removes a segment that holds nothing. If that fails it does no harm: recovery passes over it.
fn remove_file(volume: &Volume, id: SegmentId) {
    if let Err(error) = std::fs::remove_file(volume.segment_path(id)) {
        tracing::warn!(error = &error as &dyn std::error::Error, segment = id, "removing an empty segment");
    }
}
