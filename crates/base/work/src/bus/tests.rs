//! The bus over a real store: order, at least once across failures and reopening, no cost without interest, the bound.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use millpond_core::{Clock, Timestamp};
use millpond_store::StoreOptions;
use tokio::sync::watch;

use super::*;

/// Takes even numbers, when it is told to take any.
#[derive(Clone)]
struct Evens {
    taken: watch::Sender<Vec<u64>>,
    refuses: Arc<AtomicBool>,
}

impl Evens {
    fn new() -> Self {
        Self { taken: watch::channel(Vec::new()).0, refuses: Arc::default() }
    }

    /// Waits until it took so many.
    async fn took(&self, count: usize) -> Vec<u64> {
        self.taken.subscribe().wait_for(|taken| taken.len() >= count).await.unwrap().clone()
    }
}

impl Subscriber<u64> for Evens {
    fn name(&self) -> &str {
        "evens"
    }

    fn wants(&self, event: &u64) -> bool {
        event.is_multiple_of(2)
    }

    async fn take(&self, events: Vec<u64>) -> Result<(), WorkError> {
        // What it took before it refuses was taken all the same.
        self.taken.send_modify(|taken| taken.extend(events));
        if self.refuses.load(Ordering::SeqCst) { Err("not now".into()) } else { Ok(()) }
    }
}

fn store(folder: &Path) -> Store {
    Store::open(&folder.join("store"), StoreOptions::default()).unwrap()
}

fn tasks() -> Tasks {
    Tasks::new(Clock::system(Duration::ZERO))
}

/// Publishes all in one transaction, which is refused or not.
async fn publish(store: &Store, bus: &Bus<u64>, all: impl IntoIterator<Item = u64>, fails: bool) {
    let (bus, all) = (bus.clone(), all.into_iter().collect::<Vec<_>>());
    let done = store.write(move |txn| {
        for event in &all {
            bus.publish(txn, event)?;
        }
        if fails { Err(StoreError::Closed) } else { Ok(()) }
    });
    assert_eq!(done.await.is_err(), fails);
}

fn kept(store: &Store) -> usize {
    store.read().unwrap().scan(&events::<u64>(), Span::all()).count()
}

/// Waits until nothing is kept any more.
async fn drained(store: &Store) {
    while kept(store) > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_somebody_wants_comes_in_order_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let bus = Bus::open(store.clone(), "test").unwrap();
    assert!(!bus.is_listened_to());
    publish(&store, &bus, 0..10, false).await;
    assert_eq!((kept(&store), store.stats().commits), (0, 0));
    let (tasks, evens) = (tasks(), Evens::new());
    bus.subscribe(&tasks, evens.clone());
    assert!(bus.is_listened_to());
    publish(&store, &bus, 0..500, false).await;
    publish(&store, &bus, 500..510, true).await;
    publish(&store, &bus, 510..520, false).await;
    let expected: Vec<u64> = (0..520).filter(|n| n % 2 == 0 && !(500..510).contains(n)).collect();
    assert_eq!(evens.took(expected.len()).await, expected);
    drained(&store).await;
    bus.forget("evens").await.unwrap();
    assert!(!bus.is_listened_to());
}

#[tokio::test]
async fn what_was_not_taken_comes_again_after_a_failure_and_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let evens = Evens::new();
    {
        let store = store(folder.path());
        let bus = Bus::open(store.clone(), "test").unwrap();
        let tasks = Tasks::new(Clock::manual(Timestamp::EPOCH));
        evens.refuses.store(true, Ordering::SeqCst);
        bus.subscribe(&tasks, evens.clone());
        publish(&store, &bus, [2, 4], false).await;
        evens.took(1).await;
        // The clock stands still: it is not tried again, and the program ends here.
        tasks.shutdown(Duration::from_secs(60)).await.unwrap();
        store.close().await;
    }
    let store = store(folder.path());
    let bus = Bus::open(store.clone(), "test").unwrap();
    // Before the subscriber is back, everything is kept for it.
    publish(&store, &bus, [5, 6], false).await;
    evens.refuses.store(false, Ordering::SeqCst);
    evens.taken.send_replace(Vec::new());
    bus.subscribe(&tasks(), evens.clone());
    assert_eq!(evens.took(3).await, [2, 4, 6]);
    drained(&store).await;
}

#[tokio::test]
async fn a_queue_is_bounded_and_the_loss_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let bus = Bus::bounded(store.clone(), "test", 3).unwrap();
    let (tasks, evens) = (Tasks::new(Clock::manual(Timestamp::EPOCH)), Evens::new());
    evens.refuses.store(true, Ordering::SeqCst);
    bus.subscribe(&tasks, evens.clone());
    publish(&store, &bus, [0], false).await;
    evens.took(1).await;
    publish(&store, &bus, (2..=10).step_by(2), false).await;
    let (waiting, cursor) = bus.waiting("evens").unwrap();
    assert_eq!((waiting, cursor), (vec![6, 8, 10], Cursor { next: 3, end: 6, lost: 3 }));
    // What was taken while it was dropped moves nothing back.
    bus.taken("evens", Cursor { next: 0, end: 3, lost: 1 }, 4).await.unwrap();
    let (waiting, cursor) = bus.waiting("evens").unwrap();
    assert_eq!((waiting, cursor), (vec![8, 10], Cursor { next: 4, end: 6, lost: 2 }));
}

#[test]
fn older_cursors_still_decode() {
    let bytes = b"\x83\xa4next\x01\xa3end\x02\xa4lost\x00";
    let cursor: Cursor = rmp_serde::from_slice(bytes).unwrap();
    assert_eq!(cursor, Cursor { next: 1, end: 2, lost: 0 });
}
