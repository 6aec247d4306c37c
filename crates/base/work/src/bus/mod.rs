//! The bus: what one service tells, and whoever listens, without knowing each other.
//!
//! An event is written in the transaction of the change that it tells of, once for each subscriber that wants it; when nobody
//! does, nothing is written. Each subscriber has a queue of its own with a durable cursor: it gets its events in the order of
//! the transactions, at least once, and what it took is removed. A subscriber that fails gets the same events again.
//!
//! A queue holds [`MOST_WAITING`] events at most. Beyond that the oldest is dropped for each that comes, since a change must
//! not fail because somebody does not listen; how many were lost is counted in the store and logged as an error.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use millpond_store::{Reads as _, Span, Store, StoreError, Table, Txn};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Pass, Tasks, Wake, WorkError, Worker};

/// Events that wait for one subscriber at most.
pub const MOST_WAITING: u64 = 1_000_000;
/// Events that a subscriber is handed at once at most.
const BATCH: usize = 100;

/// By bus and subscriber.
const CURSORS: Table<(String, String), Cursor> = Table::new("work.bus-cursors");

/// By bus, subscriber and number.
const fn events<E: Event>() -> Table<(String, String, u64), E> {
    Table::new("work.bus-events")
}

/// Anything that can be kept.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<E: Serialize + DeserializeOwned + Send + Sync + 'static> Event for E {}

/// Where a subscriber is in its queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Cursor {
    /// The first event that it has not taken.
    next: u64,
    /// The number of the next event that comes.
    end: u64,
    /// Events that were dropped, and that nobody was told of yet.
    lost: u64,
}

/// Whoever listens.
pub trait Subscriber<E>: Send + Sync + 'static {
    /// Names its queue, for ever; also in logs and in the status.
    fn name(&self) -> &str;

    /// Whether an event is for it. Asked in the transaction of whoever publishes: it answers at once.
    fn wants(&self, event: &E) -> bool;

    /// Takes events, in their order. After an error, or a crash, the same ones come again, perhaps with more behind them.
    fn take(&self, events: Vec<E>) -> impl Future<Output = Result<(), WorkError>> + Send;
}

/// One publisher's events. Cheap to clone.
pub struct Bus<E>(Arc<Inner<E>>);

struct Inner<E> {
    name: &'static str,
    store: Store,
    most_waiting: u64,
    /// By name. `None`: it subscribed in an earlier run and has not come back yet; what it may want is kept for it.
    listeners: RwLock<BTreeMap<String, Option<Listener<E>>>>,
}

struct Listener<E> {
    wants: Box<dyn Fn(&E) -> bool + Send + Sync>,
    wake: Wake,
}

impl<E> Clone for Bus<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> fmt::Debug for Bus<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bus({})", self.0.name)
    }
}

impl<E: Event> Bus<E> {
    /// The bus of that name over its part of the store.
    pub fn open(store: Store, name: &'static str) -> Result<Self, StoreError> {
        Self::bounded(store, name, MOST_WAITING)
    }

    fn bounded(store: Store, name: &'static str, most_waiting: u64) -> Result<Self, StoreError> {
        let known = store
            .read()?
            .scan(&CURSORS, Span::prefix(&(name,)))
            .map(|entry| entry.map(|((_, subscriber), _)| (subscriber, None)))
            .collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Inner { name, store, most_waiting, listeners: RwLock::new(known) })))
    }

    /// Hands `subscriber` the events that come from now on, and those that were kept for its name. Services subscribe when
    /// they are opened.
    pub fn subscribe(&self, tasks: &Tasks, subscriber: impl Subscriber<E>) {
        let subscriber = Arc::new(subscriber);
        let name = subscriber.name().to_owned();
        let (asked, wake) = (Arc::clone(&subscriber), Wake::new());
        let listener = Listener { wants: Box::new(move |event| asked.wants(event)), wake: wake.clone() };
        let mut listeners = self.0.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.insert(name.clone(), Some(listener));
        let shown = format!("bus.{}.{name}", self.0.name);
        let delivery = Delivery { bus: self.clone(), subscriber, queue: name, name: shown };
        tasks.worker_woken_by(&wake, delivery);
    }

    /// Forgets a subscriber that does not come back, with what waits for it.
    pub async fn forget(&self, subscriber: &str) -> Result<(), StoreError> {
        self.0.listeners.write().unwrap_or_else(PoisonError::into_inner).remove(subscriber);
        loop {
            let at = (self.0.name.to_owned(), subscriber.to_owned());
            let done = self.0.store.write(move |txn| {
                let waiting: Vec<_> = txn
                    .prefix(&events::<E>(), &(&at.0, &at.1))
                    .take(BATCH)
                    .map(|entry| entry.map(|(key, _)| key))
                    .collect::<Result<_, _>>()?;
                for key in &waiting {
                    txn.delete(&events::<E>(), key)?;
                }
                txn.delete(&CURSORS, &at)?;
                Ok::<_, StoreError>(waiting.len() < BATCH)
            });
            if done.await? {
                return Ok(());
            }
        }
    }

    /// Whether anybody listens at all: whoever does not need to know what happened need not put it together.
    pub fn is_listened_to(&self) -> bool {
        !self.0.listeners.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Keeps the event for everyone who wants it, in the transaction of the change that it tells of.
    pub fn publish(&self, txn: &mut Txn<'_>, event: &E) -> Result<(), StoreError> {
        let listeners = self.0.listeners.read().unwrap_or_else(PoisonError::into_inner);
        for (name, listener) in &*listeners {
            if listener.as_ref().is_none_or(|listener| (listener.wants)(event)) {
                self.keep(txn, name, event)?;
                if let Some(listener) = listener {
                    let wake = listener.wake.clone();
                    txn.after_commit(move || wake.wake());
                }
            }
        }
        Ok(())
    }

    fn keep(&self, txn: &mut Txn<'_>, subscriber: &str, event: &E) -> Result<(), StoreError> {
        let bus = self.0.name;
        let mut cursor = txn.get(&CURSORS, &(bus, subscriber))?.unwrap_or_default();
        txn.put(&events::<E>(), &(bus, subscriber, cursor.end), event)?;
        cursor.end += 1;
        if cursor.end - cursor.next > self.0.most_waiting {
            txn.delete(&events::<E>(), &(bus, subscriber, cursor.next))?;
            cursor.next += 1;
            cursor.lost += 1;
        }
        txn.put(&CURSORS, &(bus, subscriber), &cursor)
    }

    /// The first events that wait for a subscriber, and its cursor.
    fn waiting(&self, subscriber: &str) -> Result<(Vec<E>, Cursor), StoreError> {
        let (bus, snapshot) = (self.0.name, self.0.store.read()?);
        let cursor = snapshot.get(&CURSORS, &(bus, subscriber))?.unwrap_or_default();
        let table = events::<E>();
        let first = snapshot.scan(&table, Span::prefix(&(bus, subscriber))).take(BATCH);
        Ok((first.map(|entry| entry.map(|(_, event)| event)).collect::<Result<_, _>>()?, cursor))
    }

    /// Moves a subscriber's cursor behind `count` events from where it was, and removes them.
    async fn taken(&self, subscriber: &str, was: Cursor, count: u64) -> Result<(), StoreError> {
        let at = (self.0.name.to_owned(), subscriber.to_owned());
        self.0
            .store
            .write(move |txn| {
                // Some of them may have been dropped meanwhile.
                let Some(mut cursor) = txn.get(&CURSORS, &at)? else { return Ok(()) };
                for number in cursor.next.max(was.next)..was.next + count {
                    txn.delete(&events::<E>(), &(&at.0, &at.1, number))?;
                }
                cursor.next = cursor.next.max(was.next + count);
                cursor.lost = cursor.lost.saturating_sub(was.lost);
                txn.put(&CURSORS, &at, &cursor)
            })
            .await
    }
}

/// Hands one subscriber its events.
struct Delivery<E, S> {
    bus: Bus<E>,
    subscriber: Arc<S>,
    queue: String,
    /// In the status.
    name: String,
}

impl<E: Event, S: Subscriber<E>> Worker for Delivery<E, S> {
    fn name(&self) -> &str {
        &self.name
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let (waiting, cursor) = self.bus.waiting(&self.queue)?;
        if waiting.is_empty() {
            return Ok(Pass::Idle);
        }
        if cursor.lost > 0 {
            tracing::error!(
                bus = self.bus.0.name,
                subscriber = self.queue,
                lost = cursor.lost,
                "more events waited for a subscriber than are kept: the oldest were dropped"
            );
        }
        let count = waiting.len() as u64;
        // Before it came back, everything was kept for it.
        let wanted: Vec<E> = waiting.into_iter().filter(|event| self.subscriber.wants(event)).collect();
        if !wanted.is_empty() {
            self.subscriber.take(wanted).await?;
        }
        self.bus.taken(&self.queue, cursor, count).await?;
        Ok(Pass::MoreToDo)
    }
}
