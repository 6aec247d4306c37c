//! The tracker of every task, its token and its shutdown.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use millpond_core::Clock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::runner::{self, Monitor};
use crate::{Wake, Worker, WorkerStatus};

/// Every task that runs beside the requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    tracker: TaskTracker,
    token: CancellationToken,
    next: AtomicU64,
    running: Mutex<BTreeMap<u64, Cow<'static, str>>>,
    workers: Mutex<Vec<Arc<Monitor>>>,
}

/// The tasks that did not end in time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("these tasks did not stop in time: {}", .0.join(", "))]
pub struct Unfinished(pub Vec<String>);

impl Tasks {
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner {
            clock,
            tracker: TaskTracker::new(),
            token: CancellationToken::new(),
            next: AtomicU64::new(0),
            running: Mutex::default(),
            workers: Mutex::default(),
        }))
    }

    /// Cancelled when the shutdown begins. Whatever runs for long watches it and ends.
    pub fn token(&self) -> &CancellationToken {
        &self.0.token
    }

    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Runs `future` beside the caller. A panic in it is logged and ends that task alone.
    pub fn spawn<F>(&self, name: impl Into<Cow<'static, str>>, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.start(name.into(), future);
    }

    /// As [`Tasks::spawn`], and dropping the handle stops the task where it waits.
    pub fn spawn_scoped<F>(&self, name: impl Into<Cow<'static, str>>, future: F) -> TaskHandle
    where
        F: Future<Output = ()> + Send + 'static,
    {
        TaskHandle(AbortOnDropHandle::new(self.start(name.into(), future)))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that spawns, through the tracker")]
    fn start<F>(&self, name: Cow<'static, str>, future: F) -> tokio::task::JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let entry = Entry::new(self, name);
        tokio::spawn(self.0.tracker.track_future(async move {
            if let Err(panic) = AssertUnwindSafe(future).catch_unwind().await {
                tracing::error!(task = %entry.name(), panic = runner::panic_text(panic.as_ref()), "a task panicked");
            }
        }))
    }

    /// Runs `worker` until it says [`Pass::Done`](crate::Pass::Done) or the shutdown begins.
    pub fn worker(&self, worker: impl Worker) -> Wake {
        let wake = Wake::new();
        self.worker_woken_by(&wake, worker);
        wake
    }

    /// As [`Tasks::worker`], with a handle that was made before the worker.
    pub fn worker_woken_by(&self, wake: &Wake, worker: impl Worker) {
        let monitor = Arc::new(Monitor::new(worker.name()));
        lock(&self.0.workers).push(Arc::clone(&monitor));
        let name = worker.name().to_owned();
        let (wake, clock, token) = (wake.clone(), self.0.clock.clone(), self.0.token.clone());
        let inner = Arc::clone(&self.0);
        self.spawn(name, async move {
            runner::run(worker, wake, clock, token, Arc::clone(&monitor)).await;
            lock(&inner.workers).retain(|other| !Arc::ptr_eq(other, &monitor));
        });
    }

    /// Every worker's state, by name.
    pub fn status(&self) -> Vec<WorkerStatus> {
        let mut all: Vec<_> = lock(&self.0.workers).iter().map(|monitor| monitor.status()).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Cancels the token and waits until every task has ended; names those that have not after `timeout` (real time).
    pub async fn shutdown(&self, timeout: Duration) -> Result<(), Unfinished> {
        self.0.token.cancel();
        self.0.tracker.close();
        tokio::time::timeout(timeout, self.0.tracker.wait()).await.map_err(|_| {
            Unfinished(lock(&self.0.running).values().map(|name| name.clone().into_owned()).collect())
        })
    }
}

/// Keeps a task running; see [`Tasks::spawn_scoped`].
#[derive(Debug)]
pub struct TaskHandle(AbortOnDropHandle<()>);

impl TaskHandle {
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// Returns when the task has ended; never stops it.
    pub async fn finished(self) {
        // A panic was caught inside, and nobody else can abort this task.
        let _ended = self.0.await;
    }
}

/// A task's name in the table of running ones, for as long as the task lives.
struct Entry {
    id: u64,
    tasks: Arc<Inner>,
}

impl Entry {
    fn new(tasks: &Tasks, name: Cow<'static, str>) -> Self {
        let id = tasks.0.next.fetch_add(1, Ordering::Relaxed);
        lock(&tasks.0.running).insert(id, name);
        Self { id, tasks: Arc::clone(&tasks.0) }
    }

    fn name(&self) -> Cow<'static, str> {
        lock(&self.tasks.running).get(&self.id).cloned().unwrap_or_default()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.tasks.running).remove(&self.id);
    }
}

/// The tables stay right whatever happens between lock and unlock, so that a poisoned lock can be used.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
