//! Runs one worker: timer, wake-ups, back-off, panics.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use millpond_core::{Clock, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::{Pass, Wake, Worker, WorkerStatus};

const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

/// The status of one worker, shared between its runner and whoever asks.
#[derive(Debug)]
pub(crate) struct Monitor(Mutex<WorkerStatus>);

impl Monitor {
    pub(crate) fn new(name: &str) -> Self {
        Self(Mutex::new(WorkerStatus {
            name: name.to_owned(),
            running: false,
            last_pass: None,
            last_error: None,
            failures: 0,
            progress: None,
        }))
    }

    pub(crate) fn status(&self) -> WorkerStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut WorkerStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What the runner does after a pass; decided without waiting, so that it can be tested as a table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    Not,
    /// Until then, or until woken.
    WakeableUntil(Timestamp),
    /// Until then, whoever calls: a worker that fails must not be hammered by the requests that wake it.
    Until(Timestamp),
    Forever,
}

/// `failures` counts this pass, if it failed.
pub(crate) fn rest(outcome: Option<Pass>, failures: u32, interval: Duration, now: Timestamp) -> Rest {
    match outcome {
        Some(Pass::MoreToDo) => Rest::Not,
        Some(Pass::Idle) => Rest::WakeableUntil(now.plus(interval)),
        Some(Pass::At(at)) if at <= now => Rest::Not,
        Some(Pass::At(at)) => Rest::WakeableUntil(at),
        Some(Pass::Done) => Rest::Forever,
        None => {
            let doublings = failures.saturating_sub(1).min(16);
            Rest::Until(now.plus((FIRST_BACK_OFF * 2u32.pow(doublings)).min(LONGEST_BACK_OFF)))
        }
    }
}

/// Returns when the worker is done or the token is cancelled; a pass that runs then is let finish.
pub(crate) async fn run(
    worker: impl Worker,
    wake: Wake,
    clock: Clock,
    token: CancellationToken,
    monitor: Arc<Monitor>,
) {
    let mut failures = 0;
    while !token.is_cancelled() {
        monitor.change(|status| status.running = true);
        let outcome = match AssertUnwindSafe(worker.pass()).catch_unwind().await {
            Ok(Ok(pass)) => Ok(pass),
            Ok(Err(error)) => Err(with_causes(error.as_ref())),
            Err(panic) => Err(format!("panicked: {}", panic_text(panic.as_ref()))),
        };
        failures = if outcome.is_ok() { 0 } else { failures + 1 };
        if let Err(error) = &outcome {
            tracing::warn!(worker = worker.name(), failures, error, "a pass failed; it will be tried again");
        }
        let now = clock.now();
        let rest = rest(outcome.as_ref().ok().copied(), failures, worker.interval(), now);
        monitor.change(|status| {
            status.running = false;
            status.last_pass = Some(now);
            status.last_error = outcome.err();
            status.failures = failures;
            status.progress = worker.progress();
        });
        match rest {
            // Lets other tasks run, also when the pass never waited.
            Rest::Not => tokio::task::yield_now().await,
            Rest::WakeableUntil(at) => tokio::select! {
                () = token.cancelled() => {}
                () = wake.woken() => {}
                () = clock.sleep_until(at) => {}
            },
            Rest::Until(at) => tokio::select! {
                () = token.cancelled() => {}
                () = clock.sleep_until(at) => {}
            },
            Rest::Forever => return,
        }
    }
}

fn with_causes(error: &(dyn std::error::Error + Send + Sync)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// What a caught panic said.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
