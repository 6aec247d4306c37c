//! Buffers: records that wait to become an S3 object, one buffer a partition and one a kind of failure.
//!
//! Pure: time comes in as an argument. A buffer is due when it is large enough or old enough; due buffers stay
//! accounted for until they are [`Buffers::settle`]d, so that the checkpoint never passes them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use millpond_core::Timestamp;

use crate::failure::ErrorOutputType;
use crate::record::Stamp;

/// Where a buffer's object goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// Data, by the values of its partition keys; without dynamic partitioning there are none.
    Data(Vec<String>),
    Failed(ErrorOutputType),
}

/// When a buffer is delivered, as the stream's BufferingHints say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hints {
    pub size: usize,
    pub interval: Duration,
}

/// A stream may hold this many partitions open at once (AWS's default quota).
pub const MAX_ACTIVE_PARTITIONS: usize = 500;

/// Records of one target, one after the other in one piece of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffer {
    data: Vec<u8>,
    records: Vec<Mark>,
    opened: Timestamp,
    oldest_batch: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    end: usize,
    stamp: Stamp,
}

impl Buffer {
    fn new(opened: Timestamp, oldest_batch: u64) -> Self {
        Self { data: Vec::new(), records: Vec::new(), opened, oldest_batch }
    }

    /// Every record's bytes (with its delimiter) and stamp.
    pub fn records(&self) -> impl ExactSizeIterator<Item = (&[u8], Stamp)> {
        self.records.iter().enumerate().map(|(index, mark)| {
            let start = index.checked_sub(1).map_or(0, |before| self.records[before].end);
            (&self.data[start..mark.end], mark.stamp)
        })
    }

    /// When the oldest record arrived: the time of timestamp expressions.
    pub fn oldest_arrival(&self) -> Timestamp {
        self.records.iter().map(|mark| mark.stamp.arrived).min().unwrap_or(self.opened)
    }

    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The first batch of which a record is in it.
    pub fn oldest_batch(&self) -> u64 {
        self.oldest_batch
    }

    /// What it takes in memory, about.
    fn weight(&self) -> usize {
        self.data.capacity() + self.records.capacity() * size_of::<Mark>()
    }
}

/// All buffers of one delivery stream.
#[derive(Debug)]
pub struct Buffers {
    hints: Hints,
    open: HashMap<Target, Buffer>,
    due: Vec<(Target, Arc<Buffer>)>,
}

/// The stream has [`MAX_ACTIVE_PARTITIONS`], and the record belongs to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Active partition limit exceeded")]
pub struct TooManyPartitions;

impl Buffers {
    pub fn new(hints: Hints) -> Self {
        Self { hints, open: HashMap::new(), due: Vec::new() }
    }

    /// Adds a record that was read in `batch`; `parts` are its bytes and its delimiter.
    pub fn append(
        &mut self,
        target: &Target,
        parts: [&[u8]; 2],
        stamp: Stamp,
        now: Timestamp,
        batch: u64,
    ) -> Result<(), TooManyPartitions> {
        if !self.open.contains_key(target) {
            if matches!(target, Target::Data(_)) && self.active_partitions() >= MAX_ACTIVE_PARTITIONS {
                return Err(TooManyPartitions);
            }
            self.open.insert(target.clone(), Buffer::new(now, batch));
        }
        let buffer = self.open.get_mut(target).expect("it was there or was inserted above");
        for part in parts {
            buffer.data.extend_from_slice(part);
        }
        buffer.records.push(Mark { end: buffer.data.len(), stamp });
        if buffer.data.len() >= self.hints.size {
            self.due
                .extend(self.open.remove_entry(target).map(|(target, buffer)| (target, Arc::new(buffer))));
        }
        Ok(())
    }

    fn active_partitions(&self) -> usize {
        let targets = self.open.keys().chain(self.due.iter().map(|(target, _)| target));
        targets.filter(|target| matches!(target, Target::Data(_))).count()
    }

    /// Makes every buffer due whose interval has passed; all of them when `everything` is asked for.
    pub fn expire(&mut self, now: Timestamp, everything: bool) {
        let interval = self.hints.interval;
        let expired = self.open.extract_if(|_, buffer| everything || buffer.opened.plus(interval) <= now);
        self.due.extend(expired.map(|(target, buffer)| (target, Arc::new(buffer))));
    }

    pub fn due(&self) -> &[(Target, Arc<Buffer>)] {
        &self.due
    }

    /// Forgets the due buffers at these places: their objects are durable.
    pub fn settle(&mut self, places: &[usize]) {
        let mut place = 0;
        self.due.retain(|_| {
            place += 1;
            !places.contains(&(place - 1))
        });
    }

    /// When the next buffer becomes due by its age.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.open.values().map(|buffer| buffer.opened.plus(self.hints.interval)).min()
    }

    /// The first batch of which a record is still buffered.
    pub fn oldest_batch(&self) -> Option<u64> {
        self.buffers().map(|buffer| buffer.oldest_batch).min()
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.due.is_empty()
    }

    pub fn weight(&self) -> usize {
        self.buffers().map(Buffer::weight).sum()
    }

    fn buffers(&self) -> impl Iterator<Item = &Buffer> {
        self.open.values().chain(self.due.iter().map(|(_, buffer)| buffer.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HINTS: Hints = Hints { size: 10, interval: Duration::from_secs(60) };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn stamp(secs: i64) -> Stamp {
        Stamp::direct(at(secs))
    }

    fn day(day: &str) -> Target {
        Target::Data(vec![day.to_owned()])
    }

    #[test]
    fn buffers_fall_due_by_size_and_by_age() {
        let mut buffers = Buffers::new(HINTS);
        buffers.append(&day("1"), [b"12345", b"\n"], stamp(1), at(2), 1).unwrap();
        buffers.append(&day("2"), [b"a", b""], stamp(3), at(4), 2).unwrap();
        assert!(buffers.due().is_empty());
        buffers.append(&day("1"), [b"6789", b"\n"], stamp(0), at(5), 3).unwrap();
        assert_eq!(buffers.due().len(), 1);
        let (target, buffer) = &buffers.due()[0];
        assert_eq!(
            (target, buffer.data(), buffer.oldest_arrival()),
            (&day("1"), &b"12345\n6789\n"[..], at(0))
        );
        let records: Vec<_> = buffer.records().collect();
        assert_eq!(records, [(&b"12345\n"[..], stamp(1)), (&b"6789\n"[..], stamp(0))]);
        assert_eq!((buffers.oldest_batch(), buffers.next_expiry()), (Some(1), Some(at(64))));
        buffers.settle(&[0]);
        assert_eq!(buffers.oldest_batch(), Some(2));
        buffers.expire(at(63), false);
        assert!(buffers.due().is_empty());
        buffers.expire(at(64), false);
        assert_eq!(buffers.due().len(), 1);
        buffers.settle(&[0]);
        assert!(buffers.is_empty() && buffers.oldest_batch().is_none());
    }

    #[test]
    fn the_number_of_partitions_is_bounded() {
        let mut buffers = Buffers::new(HINTS);
        for n in 0..MAX_ACTIVE_PARTITIONS {
            buffers.append(&day(&n.to_string()), [b"x", b""], stamp(0), at(0), 0).unwrap();
        }
        assert_eq!(buffers.append(&day("one more"), [b"x", b""], stamp(0), at(0), 0), Err(TooManyPartitions));
        buffers.append(&day("7"), [b"x", b""], stamp(0), at(0), 0).unwrap();
        let failed = Target::Failed(ErrorOutputType::ProcessingFailed);
        buffers.append(&failed, [b"x", b""], stamp(0), at(0), 0).unwrap();
        buffers.expire(at(0), true);
        assert_eq!(buffers.due().len(), MAX_ACTIVE_PARTITIONS + 1);
        assert_eq!(buffers.append(&day("one more"), [b"x", b""], stamp(0), at(0), 0), Err(TooManyPartitions));
        buffers.settle(&(0..=MAX_ACTIVE_PARTITIONS).collect::<Vec<_>>());
        buffers.append(&day("one more"), [b"x", b""], stamp(0), at(0), 0).unwrap();
    }
}
