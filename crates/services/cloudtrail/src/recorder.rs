//! Where the gateway's events arrive: what changes something is durable before its answer goes out; reads and data events wait
//! in a bounded queue, for a second at most.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use millpond_gateway::record::{Category, Event, Nature, RecordError, Recorder};
use millpond_store::{Store, StoreError, Txn};
use millpond_work::Tasks;
use tokio::sync::Notify;

use crate::CloudTrail;
use crate::record::EventRecord;
use crate::store;

/// How many bytes of events wait at most; whoever brings more waits too.
const CAPACITY: usize = 16 << 20;
/// How many events one transaction takes.
const BATCH: usize = 500;
/// How long events gather before they are written.
const GATHER: Duration = Duration::from_millis(300);
/// After a failure.
const REST: Duration = Duration::from_secs(1);

/// Events that are not written yet.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    /// One writer at a time, so that events stay in order.
    writing: tokio::sync::Mutex<()>,
    arrived: Notify,
    full: Notify,
    room: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<EventRecord>,
    bytes: usize,
    /// Why the last write failed, until one succeeds.
    failed: Option<String>,
}

/// Nothing fits, and nothing can be written.
#[derive(Debug, thiserror::Error)]
#[error("events cannot be recorded: {0}")]
struct Stuck(String);

fn size(event: &EventRecord) -> usize {
    // What is beside the text is about as long again.
    event.text.len() * 2
}

impl Queue {
    fn with<T>(&self, look: impl FnOnce(&mut Waiting) -> T) -> T {
        look(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits while the queue is full.
    async fn push(&self, event: EventRecord) -> Result<(), RecordError> {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            let is_full = self.with(|waiting| {
                if waiting.bytes < CAPACITY {
                    waiting.bytes += size(&event);
                    waiting.events.push_back(event.clone());
                    return Ok(false);
                }
                waiting.failed.clone().map_or(Ok(true), Err)
            });
            match is_full {
                Ok(false) => {
                    self.arrived.notify_one();
                    return Ok(());
                }
                Ok(true) => {
                    self.full.notify_one();
                    room.await;
                }
                Err(cause) => return Err(Stuck(cause).into()),
            }
        }
    }

    /// Writes everything that waits.
    pub async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let _one = self.writing.lock().await;
        loop {
            let batch: Vec<_> = self.with(|waiting| {
                let count = waiting.events.len().min(BATCH);
                waiting.events.iter().take(count).cloned().collect()
            });
            if batch.is_empty() {
                return Ok(());
            }
            let (count, bytes) = (batch.len(), batch.iter().map(size).sum::<usize>());
            let written = store.write::<(), StoreError, _>(move |txn| store::append(txn, &batch)).await;
            self.with(|waiting| match &written {
                Ok(()) => {
                    waiting.events.drain(..count);
                    waiting.bytes -= bytes;
                    waiting.failed = None;
                }
                Err(error) => waiting.failed = Some(error.to_string()),
            });
            self.room.notify_waiters();
            written?;
        }
    }

    fn is_empty(&self) -> bool {
        self.with(|waiting| waiting.events.is_empty())
    }
}

impl CloudTrail {
    /// Writes what arrives until the shutdown, and then the rest.
    pub(crate) fn start_writing(&self, tasks: &Tasks) {
        let (trail, token) = (self.clone(), tasks.token().clone());
        tasks.spawn("cloudtrail.write", async move {
            let queue = trail.queue();
            while !token.is_cancelled() {
                tokio::select! {
                    () = token.cancelled() => {}
                    () = queue.arrived.notified() => {}
                }
                tokio::select! {
                    () = token.cancelled() => {}
                    () = queue.full.notified() => {}
                    () = tokio::time::sleep(GATHER) => {}
                }
                while let Err(error) = queue.flush(trail.store()).await {
                    tracing::error!(%error, "events cannot be recorded");
                    tokio::select! {
                        () = token.cancelled() => break,
                        () = tokio::time::sleep(REST) => {}
                    }
                }
            }
            if !queue.is_empty()
                && let Err(error) = queue.flush(trail.store()).await
            {
                tracing::error!(%error, "the last events could not be recorded");
            }
        });
    }
}

impl Recorder for CloudTrail {
    fn wants(&self, service: &str, nature: Nature) -> bool {
        match nature.category {
            Category::Management => true,
            Category::Data => self.interest().wants(service),
        }
    }

    fn record(&self, event: Event) -> BoxFuture<'_, Result<(), RecordError>> {
        Box::pin(async move {
            let waits = event.nature.read_only || event.nature.category == Category::Data;
            let record = EventRecord::of(&event);
            drop(event);
            if record.data && !self.interest().selects(&record) {
                return Ok(());
            }
            if waits {
                return self.queue().push(record).await;
            }
            let append = move |txn: &mut Txn<'_>| store::append(txn, &[record]);
            Ok(self.store().write::<(), StoreError, _>(append).await?)
        })
    }
}
