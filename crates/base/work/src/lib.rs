//! Background work: the one place that spawns tasks, so that shutdown can wait for all of them.
//!
//! - [`Tasks`] tracks every task and carries the [`CancellationToken`] that ends them.
//! - A [`Worker`] is an idempotent [`pass`](Worker::pass): compare what should be with what is, do a bounded amount, say
//!   when to come again. [`Tasks::worker`] runs it by timer and by [`Wake`], backs off on errors and survives panics.
//! - A [`Bus`] carries events from whoever does something to whoever listens, durably: neither knows the other.

mod bus;
mod runner;
mod tasks;
#[cfg(test)]
mod tests;

pub use bus::{Bus, Subscriber};
pub use runner::panic_text;
pub use tasks::{TaskHandle, Tasks, Unfinished};
pub use tokio_util::sync::CancellationToken;

use std::sync::Arc;
use std::time::Duration;

use millpond_core::Timestamp;
use tokio::sync::Notify;

/// Whatever made a pass fail; it is logged and shown in the status, and the pass is tried again.
pub type WorkError = Box<dyn std::error::Error + Send + Sync>;

/// What a pass found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Nothing more to do; come again after the worker's interval, or when woken.
    Idle,
    /// The bounded amount was done and more is waiting; come again at once.
    MoreToDo,
    /// Nothing to do before this time; come again then, or when woken. May be later than the interval.
    At(Timestamp),
    /// What this worker served is gone; it is not run again.
    Done,
}

/// Work that is done in passes. A crash between two passes, or within one, must only mean that the next one does more.
pub trait Worker: Send + Sync + 'static {
    /// Names it in logs and in the status, as `kinesis.retention`.
    fn name(&self) -> &str;

    /// How long an idle worker rests when nobody wakes it.
    fn interval(&self) -> Duration;

    /// One bounded, idempotent pass. A long one watches [`Tasks::token`] and returns early.
    fn pass(&self) -> impl Future<Output = Result<Pass, WorkError>> + Send;

    /// Where its work is, in words for an operator; asked after each pass.
    fn progress(&self) -> Option<String> {
        None
    }
}

/// Wakes a worker. Wakes that come while a pass runs are kept (as one), so that none is lost.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// A handle that can be given to a service before its worker exists; see [`Tasks::worker_woken_by`].
    pub fn new() -> Self {
        Self::default()
    }

    pub fn wake(&self) {
        self.0.notify_one();
    }

    async fn woken(&self) {
        self.0.notified().await;
    }
}

/// How a worker fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerStatus {
    pub name: String,
    pub running: bool,
    /// When the last pass ended.
    pub last_pass: Option<Timestamp>,
    /// Why the last pass failed; `None` once a pass succeeded again.
    pub last_error: Option<String>,
    /// Passes that failed since the last one that succeeded.
    pub failures: u32,
    /// Where its work is, of a worker that says so.
    pub progress: Option<String>,
}
