//! The bounded queue between the callers and the writer thread. Order of calls is order on the disk.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::format::FRAME_OVERHEAD;
use crate::{JournalError, Location};

pub(crate) struct Record {
    pub kind: u16,
    pub payload: Bytes,
    pub answer: oneshot::Sender<Result<Location, JournalError>>,
}

impl Record {
    pub(crate) fn frame_len(&self) -> usize {
        self.payload.len() + FRAME_OVERHEAD
    }
}

pub(crate) enum Item {
    Record(Record),
    /// Ends the current segment; answered once the writer will use another.
    Roll(oneshot::Sender<()>),
}

/// A queued record: resolves once it is durable, or with what went wrong. Dropping it does not take the record back.
#[must_use = "a record is durable only when this resolves"]
pub struct Commit(pub(crate) oneshot::Receiver<Result<Location, JournalError>>);

impl Future for Commit {
    type Output = Result<Location, JournalError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // A sender that is gone means a writer that is gone.
        Pin::new(&mut self.0).poll(cx).map(|answer| answer.unwrap_or(Err(JournalError::Closed)))
    }
}

pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    /// Of the frames that wait.
    bytes: usize,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { state: Mutex::default(), filled: Condvar::new(), capacity }
    }

    pub(crate) fn push(&self, item: Item) -> Result<(), JournalError> {
        let len = match &item {
            Item::Record(record) => record.frame_len(),
            Item::Roll(_) => 0,
        };
        let mut state = self.lock();
        if state.closed {
            return Err(JournalError::Closed);
        }
        // An empty queue takes any record that the journal takes at all.
        if state.bytes > 0 && state.bytes + len > self.capacity {
            return Err(JournalError::Full);
        }
        state.bytes += len;
        state.items.push_back(item);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// Closes the queue and drops what waits, which answers it with `Closed`.
    pub(crate) fn abort(&self) {
        self.close();
        let items = std::mem::take(&mut self.lock().items);
        drop(items);
    }

    /// Waits for work and takes up to `max` bytes of it (at least one item); `None` when closed and empty.
    pub(crate) fn take(&self, max: usize) -> Option<Vec<Item>> {
        let mut state = self.lock();
        while state.items.is_empty() {
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut taken, mut bytes) = (Vec::with_capacity(state.items.len()), 0);
        while let Some(item) = state.items.front() {
            if let Item::Record(record) = item {
                if !taken.is_empty() && bytes + record.frame_len() > max {
                    break;
                }
                bytes += record.frame_len();
            }
            taken.extend(state.items.pop_front());
        }
        state.bytes -= bytes;
        Some(taken)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is whole, so a panic of another holder leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
