//! Reading a shard from a place on.

use std::sync::Arc;

use millpond_core::Timestamp;
use millpond_journal::JournalError;

use crate::error::KinesisError;
use crate::model::sequence::Index;
use crate::records::frame::{self, Record};
use crate::records::log::{Found, frames_from};
use crate::records::segments::Segments;
use crate::streams::Shard;

/// How much one read gives; always at least one record, if there is one.
#[derive(Debug, Clone, Copy)]
pub struct AtMost {
    pub records: usize,
    pub bytes: usize,
}

/// What a read found.
#[derive(Debug, Default)]
pub struct Batch {
    pub records: Vec<Record>,
    /// Data and partition keys.
    pub bytes: usize,
    /// Where to read on.
    pub next: Index,
}

impl Batch {
    fn takes(&self, record: &Record, at_most: AtMost) -> bool {
        let fits = self.bytes + record.data.len() + record.partition_key.len() <= at_most.bytes;
        self.records.is_empty() || (self.records.len() < at_most.records && fits)
    }

    fn push(&mut self, record: Record) {
        self.bytes += record.data.len() + record.partition_key.len();
        self.next = record.index.plus(1);
        self.records.push(record);
    }

    /// How far the reader is behind the tip of the shard.
    pub fn millis_behind(&self, shard: &Shard, now: Timestamp) -> i64 {
        if shard.log.tip().is_none_or(|tip| self.next > tip) {
            return 0;
        }
        let reached = self.records.last().map_or(self.next, |record| record.index);
        now.as_millis().saturating_sub(reached.arrival().as_millis()).max(0)
    }
}

/// The records at `from` and after.
pub async fn read(
    segments: &Arc<Segments>,
    shard: &Arc<Shard>,
    from: Index,
    at_most: AtMost,
) -> Result<Batch, KinesisError> {
    // A reader at the tip, which asks again and again, costs no thread.
    if shard.log.tip().is_none_or(|tip| tip < from) {
        return Ok(Batch { next: from, ..Batch::default() });
    }
    let (segments, shard) = (segments.clone(), shard.clone());
    tokio::task::spawn_blocking(move || read_blocking(&segments, &shard, from, at_most)).await?
}

fn read_blocking(
    segments: &Segments,
    shard: &Shard,
    from: Index,
    at_most: AtMost,
) -> Result<Batch, KinesisError> {
    let mut batch = Batch { next: from, ..Batch::default() };
    loop {
        let (segment, frames) = match shard.log.find(batch.next) {
            Found::End => return Ok(batch),
            Found::Frames(segment, frames) => (segment, frames),
            Found::Closed(span) => {
                let frames = match segments.index(span.segment) {
                    Ok(index) => frames_from(index.frames(shard.stream, shard.record.number), batch.next),
                    // Its retention ended a moment ago.
                    Err(JournalError::NoSegment { .. }) => Vec::new(),
                    Err(error) => return Err(error.into()),
                };
                if frames.is_empty() {
                    batch.next = batch.next.max(span.last.plus(1));
                }
                (span.segment, frames)
            }
        };
        for at in frames {
            let payload = match segments.journal().read(at.location(segment)) {
                Ok(payload) => payload,
                Err(JournalError::NoSegment { .. }) => {
                    batch.next = batch.next.max(at.last().plus(1));
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            for record in frame::records(payload)? {
                let record = record?;
                if record.index < batch.next {
                    continue;
                }
                if !batch.takes(&record, at_most) {
                    return Ok(batch);
                }
                batch.push(record);
            }
        }
    }
}
