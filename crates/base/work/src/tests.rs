//! The runner with a clock that stands still until it is turned.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::runner::{Rest, rest};
use millpond_core::Clock;
use tokio::sync::watch;

const MINUTE: Duration = Duration::from_secs(60);

/// Counts its passes and does in each what the script says.
struct Scripted {
    script: fn(u32) -> Result<Pass, WorkError>,
    passes: watch::Sender<u32>,
}

impl Worker for Scripted {
    fn name(&self) -> &str {
        "test.scripted"
    }

    fn interval(&self) -> Duration {
        MINUTE
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let pass = *self.passes.borrow() + 1;
        self.passes.send_replace(pass);
        (self.script)(pass)
    }
}

fn start(script: fn(u32) -> Result<Pass, WorkError>) -> (Tasks, Clock, Wake, watch::Receiver<u32>) {
    let clock = Clock::manual(Timestamp::EPOCH);
    let tasks = Tasks::new(clock.clone());
    let (passes, seen) = watch::channel(0);
    let wake = tasks.worker(Scripted { script, passes });
    (tasks, clock, wake, seen)
}

/// Lets the current-thread runtime run every task that can run.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_idle_worker_comes_again_by_timer_and_by_wake() {
    let (tasks, clock, wake, seen) = start(|_| Ok(Pass::Idle));
    settle().await;
    assert_eq!(*seen.borrow(), 1);
    clock.advance(MINUTE - Duration::from_millis(1));
    settle().await;
    assert_eq!(*seen.borrow(), 1);
    clock.advance(Duration::from_millis(1));
    settle().await;
    assert_eq!(*seen.borrow(), 2);
    wake.wake();
    settle().await;
    assert_eq!(*seen.borrow(), 3);
    assert_eq!(tasks.status()[0].last_pass, Some(Timestamp::from_secs(60)));
    tasks.shutdown(MINUTE).await.unwrap();
    assert!(tasks.status().is_empty());
}

#[tokio::test]
async fn more_to_do_is_done_at_once_and_done_is_never_run_again() {
    let (tasks, clock, wake, seen) = start(|pass| Ok(if pass < 5 { Pass::MoreToDo } else { Pass::Done }));
    settle().await;
    wake.wake();
    clock.advance(MINUTE);
    settle().await;
    assert_eq!(*seen.borrow(), 5);
    assert!(tasks.status().is_empty());
}

#[tokio::test]
async fn a_named_time_is_kept_even_past_the_interval() {
    let (_tasks, clock, _wake, seen) =
        start(|pass| Ok(Pass::At(Timestamp::from_secs(3_600 * i64::from(pass)))));
    settle().await;
    clock.advance(MINUTE * 59);
    settle().await;
    assert_eq!(*seen.borrow(), 1);
    clock.advance(MINUTE);
    seen.clone().wait_for(|passes| *passes >= 2).await.unwrap();
}

#[tokio::test]
async fn errors_and_panics_back_off_and_are_shown() {
    let (tasks, clock, wake, seen) = start(|pass| match pass {
        1 => Err("disk is full".into()),
        2 => panic!("a bug"),
        _ => Ok(Pass::Idle),
    });
    settle().await;
    let status = &tasks.status()[0];
    assert_eq!((status.last_error.as_deref(), status.failures), (Some("disk is full"), 1));
    wake.wake();
    settle().await;
    assert_eq!(*seen.borrow(), 1, "a wake does not cut the back-off short");
    clock.advance(Duration::from_millis(100));
    settle().await;
    let status = &tasks.status()[0];
    assert_eq!((status.last_error.as_deref(), status.failures), (Some("panicked: a bug"), 2));
    clock.advance(Duration::from_millis(200));
    settle().await;
    let status = &tasks.status()[0];
    assert_eq!((status.last_error.as_deref(), status.failures), (None, 0));
}

#[test]
fn back_off_doubles_up_to_a_minute() {
    let at = |millis| Rest::Until(Timestamp::from_millis(millis));
    for (failures, expected) in [(1, 100), (2, 200), (4, 800), (10, 51_200), (11, 60_000), (u32::MAX, 60_000)]
    {
        assert_eq!(rest(None, failures, MINUTE, Timestamp::EPOCH), at(expected), "{failures}");
    }
}

#[tokio::test]
async fn shutdown_names_what_does_not_stop() {
    let tasks = Tasks::new(Clock::manual(Timestamp::EPOCH));
    tasks.spawn("deaf", std::future::pending());
    let token = tasks.token().clone();
    tasks.spawn("polite", async move { token.cancelled().await });
    let unfinished = tasks.shutdown(Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(unfinished, Unfinished(vec!["deaf".to_owned()]));
}

#[tokio::test]
async fn a_dropped_handle_stops_its_task() {
    let tasks = Tasks::new(Clock::manual(Timestamp::EPOCH));
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let handle = tasks.spawn_scoped("query", async move {
        counted.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    });
    settle().await;
    drop(handle);
    tasks.shutdown(MINUTE).await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}
