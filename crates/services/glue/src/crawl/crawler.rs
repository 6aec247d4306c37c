//! A crawler: what was asked of it, and its states. Pure.
//!
//! READY → (start) RUNNING → (done) READY, or RUNNING → (stop) STOPPING → READY. A run is known by its id, so that a
//! result never lands on a later run.

use std::time::Duration;

use millpond_core::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::GlueError;

/// Runs that the median of their times is taken over.
const REMEMBERED_RUNS: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CrawlerSpec {
    pub name: String,
    /// The role that a crawl works as: its name, with its path.
    pub role: String,
    pub database: String,
    pub description: Option<String>,
    pub targets: Vec<S3Target>,
    /// Classifiers of one's own, tried in this order before the built-in ones.
    pub classifiers: Vec<String>,
    pub table_prefix: String,
    pub on_update: OnUpdate,
    pub on_delete: OnDelete,
    /// As given: JSON that [`super::configuration`] reads.
    pub configuration: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct S3Target {
    /// As given: `s3://bucket/prefix`.
    pub path: String,
    pub exclusions: Vec<String>,
    /// Files looked at in each folder; all when there is none.
    pub sample_size: Option<u32>,
}

/// What happens to a table whose objects changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum OnUpdate {
    Log,
    #[default]
    UpdateInDatabase,
}

/// What happens to a table or partition whose objects are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum OnDelete {
    Log,
    DeleteFromDatabase,
    #[default]
    DeprecateInDatabase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    Ready,
    Running { run: Uuid, started: Timestamp },
    Stopping { run: Uuid, started: Timestamp },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCrawl {
    pub status: CrawlStatus,
    pub error: Option<String>,
    pub started: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CrawlStatus {
    Succeeded,
    Cancelled,
    Failed,
}

/// What a run did to the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Changes {
    pub tables_created: u32,
    pub tables_updated: u32,
    pub tables_deleted: u32,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Succeeded(Changes),
    Cancelled,
    Failed(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crawler {
    pub spec: CrawlerSpec,
    pub state: State,
    /// Grows by one with every update of the spec.
    pub version: i64,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub last_crawl: Option<LastCrawl>,
    #[serde(default)]
    pub changes: Changes,
    /// How long the last runs took, in milliseconds, the latest last.
    #[serde(default)]
    pub runtimes_millis: Vec<u64>,
}

impl Crawler {
    pub fn new(spec: CrawlerSpec, now: Timestamp) -> Self {
        Self {
            spec,
            state: State::Ready,
            version: 1,
            created: now,
            updated: now,
            last_crawl: None,
            changes: Changes::default(),
            runtimes_millis: Vec::new(),
        }
    }

    pub fn start(&mut self, run: Uuid, now: Timestamp) -> Result<(), GlueError> {
        match self.state {
            State::Ready => {
                self.state = State::Running { run, started: now };
                Ok(())
            }
            State::Running { .. } | State::Stopping { .. } => Err(self.running()),
        }
    }

    pub fn stop(&mut self) -> Result<(), GlueError> {
        match self.state {
            State::Ready => Err(GlueError::CrawlerNotRunning(self.spec.name.clone())),
            State::Running { run, started } => {
                self.state = State::Stopping { run, started };
                Ok(())
            }
            State::Stopping { .. } => Err(GlueError::CrawlerStopping(self.spec.name.clone())),
        }
    }

    /// Specs change, and crawlers go, only between runs.
    pub fn must_be_ready(&self) -> Result<(), GlueError> {
        match self.state {
            State::Ready => Ok(()),
            State::Running { .. } | State::Stopping { .. } => Err(self.running()),
        }
    }

    /// Takes up the end of a run; `false` when that run is not the current one.
    pub fn finish(&mut self, ended: Uuid, ending: Ending, now: Timestamp) -> bool {
        let (State::Running { run, started } | State::Stopping { run, started }) = self.state else {
            return false;
        };
        if run != ended {
            return false;
        }
        let (status, error) = match ending {
            Ending::Succeeded(changes) => {
                self.changes = changes;
                (CrawlStatus::Succeeded, None)
            }
            Ending::Cancelled => (CrawlStatus::Cancelled, None),
            Ending::Failed(error) => (CrawlStatus::Failed, Some(error)),
        };
        let millis = u64::try_from(now.since(started).as_millis()).unwrap_or(u64::MAX);
        if self.runtimes_millis.len() == REMEMBERED_RUNS {
            self.runtimes_millis.remove(0);
        }
        self.runtimes_millis.push(millis);
        self.last_crawl = Some(LastCrawl { status, error, started });
        self.state = State::Ready;
        true
    }

    /// How long the current run has been going; zero when there is none.
    pub fn elapsed(&self, now: Timestamp) -> Duration {
        match self.state {
            State::Ready => Duration::ZERO,
            State::Running { started, .. } | State::Stopping { started, .. } => now.since(started),
        }
    }

    pub fn last_runtime_seconds(&self) -> f64 {
        self.runtimes_millis.last().map_or(0.0, |millis| *millis as f64 / 1_000.0)
    }

    pub fn median_runtime_seconds(&self) -> f64 {
        let mut sorted = self.runtimes_millis.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).map_or(0.0, |millis| *millis as f64 / 1_000.0)
    }

    fn running(&self) -> GlueError {
        GlueError::CrawlerRunning(self.spec.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use millpond_wire::ServiceError as _;

    use super::*;

    #[test]
    fn a_crawler_goes_from_ready_to_ready() {
        let spec = CrawlerSpec { name: "c".into(), ..CrawlerSpec::default() };
        let mut crawler = Crawler::new(spec, Timestamp::EPOCH);
        let code = |outcome: Result<(), GlueError>| outcome.map_err(|error| error.code());
        assert_eq!(code(crawler.stop()), Err("CrawlerNotRunningException"));
        let run = Uuid::from_u128(1);
        assert_eq!(code(crawler.start(run, Timestamp::from_secs(10))), Ok(()));
        assert_eq!(code(crawler.start(run, Timestamp::from_secs(10))), Err("CrawlerRunningException"));
        assert_eq!(code(crawler.must_be_ready()), Err("CrawlerRunningException"));
        assert_eq!(code(crawler.stop()), Ok(()));
        assert_eq!(code(crawler.stop()), Err("CrawlerStoppingException"));
        assert!(!crawler.finish(Uuid::from_u128(2), Ending::Cancelled, Timestamp::from_secs(11)));
        assert!(crawler.finish(run, Ending::Cancelled, Timestamp::from_secs(13)));
        assert_eq!(crawler.state, State::Ready);
        assert_eq!(crawler.last_crawl.as_ref().map(|last| last.status), Some(CrawlStatus::Cancelled));
        assert!((crawler.median_runtime_seconds() - 3.0).abs() < f64::EPSILON);
    }
}
