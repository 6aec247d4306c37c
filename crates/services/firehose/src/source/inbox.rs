//! The journal of a DirectPut stream: records are durable in it before they are acknowledged, and stay in it until they
//! are delivered. One frame holds the records of one request; group commit shares the syncs.
//!
//! A frame: arrival (milliseconds, 8 bytes), number of records (4 bytes), their lengths (4 bytes each), their bytes;
//! numbers are little-endian.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use millpond_core::{DerivedKey, Timestamp};
use millpond_journal::{Journal, JournalError, JournalOptions, Position};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::Batch;
use crate::error::FirehoseError;
use crate::process::Incoming;
use crate::record::Stamp;

/// The kind of a frame of this layout.
const RECORDS: u16 = 1;

/// The name of the only lane.
pub const LANE: &str = "journal";

/// What may wait undelivered; beyond it, producers are told to slow down.
const MAX_BACKLOG: u64 = 4 << 30;
/// A small segment gives space back sooner.
const SEGMENT: u64 = 16 << 20;
/// What may wait for the disk; enough for a few of the largest requests.
const QUEUE: usize = 16 << 20;

#[derive(Clone)]
pub struct Inbox(Journal);

impl Inbox {
    /// Opens the journal in `dir`, or makes it. Blocking.
    pub fn open(dir: &Path, key: &DerivedKey) -> Result<Self, JournalError> {
        let options =
            JournalOptions { segment_bytes: SEGMENT, queue_bytes: QUEUE, ..JournalOptions::default() };
        let (journal, _) = Journal::open(dir, key, options)?;
        Ok(Self(journal))
    }

    /// Makes the records durable; gives the id of each.
    ///
    /// Errors: ServiceUnavailableException (too much waits), and those of the disk.
    pub async fn put(&self, records: &[Bytes], now: Timestamp) -> Result<Vec<String>, FirehoseError> {
        if self.0.segments().iter().map(|segment| segment.bytes).sum::<u64>() > MAX_BACKLOG {
            return Err(FirehoseError::SlowDown);
        }
        let at = self.0.append(RECORDS, encode(records, now)).await?;
        let id = |index: usize| {
            let mut bytes = [0u8; 20];
            bytes[..8].copy_from_slice(&at.segment.to_be_bytes());
            bytes[8..16].copy_from_slice(&at.offset.to_be_bytes());
            bytes[16..].copy_from_slice(&u32::try_from(index).unwrap_or(u32::MAX).to_be_bytes());
            URL_SAFE_NO_PAD.encode(bytes)
        };
        Ok((0..records.len()).map(id).collect())
    }

    /// Up to about `limit` bytes of durable records from `place` on; `None` when there are none. Blocking.
    pub fn read(&self, place: Option<&str>, limit: usize) -> Result<Option<Batch>, JournalError> {
        let mut records = Vec::new();
        let (mut end, mut bytes) = (None, 0);
        for entry in self.0.scan_from(place.map_or_else(Position::default, parse)) {
            // What is damaged was acknowledged and is lost; it must be seen, and must not hold up the rest.
            let entry = match entry {
                Ok(entry) => entry,
                Err(error @ JournalError::Corrupt { .. }) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "records of a delivery stream are damaged"
                    );
                    continue;
                }
                Err(error) => return Err(error),
            };
            bytes += entry.payload.len();
            end = Some(entry.location.end());
            records.extend(decode(entry.payload));
            if bytes >= limit {
                break;
            }
        }
        Ok(end.map(|end| Batch {
            lane: LANE.to_owned(),
            end: format!("{}:{}", end.segment, end.offset),
            records,
        }))
    }

    /// Gives back the segments before `place`. Blocking.
    pub fn reclaim(&self, place: &str) -> Result<(), JournalError> {
        let place = parse(place);
        for segment in self.0.segments() {
            if segment.id < place.segment && segment.sealed {
                match self.0.remove_segment(segment.id) {
                    Ok(()) | Err(JournalError::Newest { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

/// The inboxes of all streams, each opened when it is first needed. Cheap to clone.
#[derive(Clone)]
pub struct Inboxes {
    dir: PathBuf,
    key: DerivedKey,
    open: Arc<Mutex<HashMap<Uuid, Inbox>>>,
}

impl Inboxes {
    pub fn new(dir: PathBuf, key: DerivedKey) -> Self {
        Self { dir, key, open: Arc::default() }
    }

    fn folder(&self, stream: Uuid) -> PathBuf {
        self.dir.join(stream.to_string())
    }

    /// The inbox of a stream; opening takes the lock, so that a journal is opened once.
    pub async fn open(&self, stream: Uuid) -> Result<Inbox, FirehoseError> {
        let mut open = self.open.lock().await;
        if let Some(inbox) = open.get(&stream) {
            return Ok(inbox.clone());
        }
        let (folder, key) = (self.folder(stream), self.key.clone());
        let opened = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder).map_err(FirehoseError::Folder)?;
            Inbox::open(&folder, &key).map_err(FirehoseError::from)
        });
        let inbox = opened.await.map_err(FirehoseError::task)??;
        open.insert(stream, inbox.clone());
        Ok(inbox)
    }

    /// Closes the journal of a stream that is no more, and removes it.
    pub async fn remove(&self, stream: Uuid) -> Result<(), FirehoseError> {
        let inbox = self.open.lock().await.remove(&stream);
        if let Some(inbox) = inbox {
            inbox.0.close().await;
        }
        let folder = self.folder(stream);
        let removed = tokio::task::spawn_blocking(move || match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FirehoseError::Folder(error)),
            _ => Ok(()),
        });
        removed.await.map_err(FirehoseError::task)?
    }
}

/// A place that this module wrote; anything else reads from the beginning, which only delivers again.
fn parse(place: &str) -> Position {
    let parts = place
        .split_once(':')
        .and_then(|(segment, offset)| Some((segment.parse().ok()?, offset.parse().ok()?)));
    parts.map_or_else(Position::default, |(segment, offset)| Position { segment, offset })
}

fn encode(records: &[Bytes], now: Timestamp) -> Bytes {
    let total: usize = records.iter().map(Bytes::len).sum();
    let mut frame = BytesMut::with_capacity(12 + 4 * records.len() + total);
    frame.put_i64_le(now.as_millis());
    let length = |length: usize| u32::try_from(length).expect("a request is a few MiB at most");
    frame.put_u32_le(length(records.len()));
    for record in records {
        frame.put_u32_le(length(record.len()));
    }
    for record in records {
        frame.extend_from_slice(record);
    }
    frame.freeze()
}

/// The records of a frame; a frame is checked by the journal, so that one that does not parse cannot come.
fn decode(mut frame: Bytes) -> Vec<Incoming> {
    let (Ok(arrived), Ok(count)) = (frame.try_get_i64_le(), frame.try_get_u32_le()) else {
        return Vec::new();
    };
    let lengths: Vec<usize> =
        (0..count).map_while(|_| frame.try_get_u32_le().ok()).map(|n| n as usize).collect();
    let stamp = Stamp::direct(Timestamp::from_millis(arrived));
    let take = |length| (length <= frame.len()).then(|| frame.split_to(length));
    let records = lengths.into_iter().map_while(take);
    records.map(|data| Incoming { data, stamp }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back() {
        let records = [Bytes::from_static(b"a"), Bytes::new(), Bytes::from_static(b"ccc")];
        let frame = encode(&records, Timestamp::from_millis(7));
        let read = decode(frame.clone());
        assert!(read.iter().map(|record| &record.data).eq(&records));
        assert!(read.iter().all(|record| record.stamp.arrived == Timestamp::from_millis(7)));
        for length in 0..frame.len() {
            assert!(decode(frame.slice(..length)).len() < 3);
        }
    }
}
