//! Lines that wait for their delivery, in memory: as on AWS, logs are kept as well as can be, and no request waits for one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millpond_core::Timestamp;
use millpond_work::Wake;

use super::Log;

/// Bytes that wait at most; lines beyond that are lost.
const MOST_BYTES: usize = 32 << 20;
/// A log that has grown to this goes out at once.
const FULL_BYTES: usize = 4 << 20;

#[derive(Debug, Default)]
pub struct Buffers {
    inner: Mutex<Inner>,
    wake: Wake,
}

#[derive(Debug, Default)]
struct Inner {
    logs: BTreeMap<Log, Waiting>,
    bytes: usize,
    lost: u64,
}

#[derive(Debug)]
struct Waiting {
    text: String,
    since: Timestamp,
}

/// What is to be delivered, and when to look again.
#[derive(Debug, Default)]
pub struct Due {
    pub logs: Vec<(Log, String)>,
    pub next: Option<Timestamp>,
    /// Lines for which there was no room.
    pub lost: u64,
}

impl Buffers {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Between lock and unlock nothing can be left half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the delivery.
    pub fn wake(&self) -> &Wake {
        &self.wake
    }

    pub fn push(&self, log: Log, line: &str, now: Timestamp) {
        let mut inner = self.lock();
        if inner.bytes + line.len() > MOST_BYTES {
            inner.lost += 1;
            return;
        }
        inner.bytes += line.len();
        let waiting = inner.logs.entry(log).or_insert_with(|| Waiting { text: String::new(), since: now });
        let began = waiting.text.is_empty();
        waiting.text.push_str(line);
        let full = waiting.text.len() >= FULL_BYTES;
        drop(inner);
        if began || full {
            self.wake.wake();
        }
    }

    /// Takes out what has waited for `longest`, or is full.
    pub fn due(&self, now: Timestamp, longest: Duration) -> Due {
        let mut inner = self.lock();
        let mut due = Due { lost: std::mem::take(&mut inner.lost), ..Due::default() };
        let is_due =
            |waiting: &Waiting| waiting.text.len() >= FULL_BYTES || waiting.since.plus(longest) <= now;
        let (gone, kept): (BTreeMap<_, _>, _) =
            std::mem::take(&mut inner.logs).into_iter().partition(|(_, waiting)| is_due(waiting));
        due.next = kept.values().map(|waiting: &Waiting| waiting.since.plus(longest)).min();
        inner.logs = kept;
        due.logs = gone.into_iter().map(|(log, waiting)| (log, waiting.text)).collect();
        inner.bytes -= due.logs.iter().map(|(_, text)| text.len()).sum::<usize>();
        due
    }

    /// Puts back what could not be delivered, to be tried again.
    pub fn put_back(&self, log: Log, text: String, now: Timestamp) {
        let mut inner = self.lock();
        if inner.bytes + text.len() > MOST_BYTES {
            inner.lost += text.lines().count() as u64;
            return;
        }
        inner.bytes += text.len();
        let waiting = inner.logs.entry(log).or_insert_with(|| Waiting { text: String::new(), since: now });
        waiting.text.insert_str(0, &text);
    }
}

#[cfg(test)]
mod tests {
    use millpond_core::Region;

    use super::super::{KeyFormat, Logging};
    use super::*;

    fn log(source: &str) -> Log {
        let to = Logging {
            target: "t".into(),
            prefix: String::new(),
            format: KeyFormat::Unset,
            grants: Vec::new(),
        };
        Log::new(source.into(), "000000000000".parse().unwrap(), Region::us_east_1(), to, Timestamp::EPOCH)
    }

    fn taken(due: &Due) -> Vec<(&str, &str)> {
        due.logs.iter().map(|(log, text)| (log.source.as_str(), text.as_str())).collect()
    }

    #[test]
    fn lines_wait_and_go() {
        let (buffers, minute) = (Buffers::default(), Duration::from_secs(60));
        let at = Timestamp::from_secs;
        buffers.push(log("a"), "1\n", at(0));
        buffers.push(log("a"), "2\n", at(30));
        buffers.push(log("b"), "3\n", at(30));
        let none = buffers.due(at(59), minute);
        assert_eq!((taken(&none), none.next), (vec![], Some(at(60))));
        let first = buffers.due(at(60), minute);
        assert_eq!((taken(&first), first.next), (vec![("a", "1\n2\n")], Some(at(90))));
        buffers.push(log("a"), "4\n", at(61));
        let (failed, text) = first.logs.into_iter().next().unwrap();
        buffers.put_back(failed, text, at(61));
        let rest = buffers.due(at(61), Duration::ZERO);
        assert_eq!((taken(&rest), rest.next), (vec![("a", "1\n2\n4\n"), ("b", "3\n")], None));
        assert_eq!(buffers.lock().bytes, 0);
    }

    #[test]
    fn what_waits_is_bounded() {
        let (buffers, line) = (Buffers::default(), "x".repeat(1 << 20));
        for _ in 0..40 {
            buffers.push(log("a"), &line, Timestamp::EPOCH);
        }
        let due = buffers.due(Timestamp::EPOCH, Duration::from_secs(1));
        assert_eq!((due.logs[0].1.len(), due.lost), (MOST_BYTES, 8));
    }
}
