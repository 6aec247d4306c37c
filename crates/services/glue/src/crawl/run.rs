//! Runs crawls: workers that take started crawlers one by one.
//!
//! What runs is in the store. A run that a crash or a shutdown cut short is still there at the next start and is
//! run again from its beginning.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millpond_core::{Clock, Scope};
use millpond_gateway::Roles;
use millpond_s3::S3;
use millpond_work::{CancellationToken, Pass, WorkError, Worker};
use uuid::Uuid;

use super::apply::{Apply, Found};
use super::configuration::Configuration;
use super::crawler::{Crawler, Ending, State};
use super::lake::Lake;
use super::own::Classifiers;
use super::role;
use super::store::{Crawlers, Key};
use super::survey::{Reader, SurveyError, survey};
use crate::catalog::Catalog;
use crate::error::GlueError;

/// Crawls that run at the same time.
pub const WORKERS: usize = 4;

/// Reasons logged of one crawl.
const REASONS: usize = 20;

/// What AWS lets an error message hold.
const MAX_MESSAGE: usize = 2_000;

/// What all the workers share.
pub struct Crawls {
    pub catalog: Catalog,
    pub crawlers: Crawlers,
    pub classifiers: Classifiers,
    pub s3: S3,
    pub roles: Arc<dyn Roles>,
    pub clock: Clock,
    pub token: CancellationToken,
    /// The runs that a worker of this process has in hand.
    pub claimed: Mutex<HashSet<Uuid>>,
}

pub struct CrawlWorker {
    pub name: String,
    pub shared: Arc<Crawls>,
}

impl Worker for CrawlWorker {
    fn name(&self) -> &str {
        &self.name
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let Some((key, run, _claim)) = self.shared.claim()? else { return Ok(Pass::Idle) };
        self.shared.run(&key, run).await?;
        Ok(if self.shared.token.is_cancelled() { Pass::Idle } else { Pass::MoreToDo })
    }
}

/// The right of one worker to a run, for as long as it lives.
struct Claim<'a> {
    run: Uuid,
    crawls: &'a Crawls,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.crawls.claimed.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.run);
    }
}

/// The run was stopped, or the program shuts down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Tells a run whether to go on.
pub struct Watch<'a> {
    crawls: &'a Crawls,
    key: &'a Key,
    run: Uuid,
}

impl Watch<'_> {
    pub fn check(&self) -> Result<(), Interrupted> {
        let wanted = !self.crawls.token.is_cancelled()
            && matches!(
                self.crawls.crawlers.of_run(self.key, self.run),
                Ok(Some(Crawler { state: State::Running { .. }, .. }))
            );
        if wanted { Ok(()) } else { Err(Interrupted) }
    }
}

impl Crawls {
    fn claim(&self) -> Result<Option<(Key, Uuid, Claim<'_>)>, WorkError> {
        let runs = self.crawlers.runs()?;
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        let free = runs.into_iter().find(|(_, run)| claimed.insert(*run));
        drop(claimed);
        Ok(free.map(|(key, run)| (key, run, Claim { run, crawls: self })))
    }

    /// Runs to the end and writes down how it ended, unless the program shuts down before that.
    async fn run(&self, key: &Key, run: Uuid) -> Result<(), WorkError> {
        let Some(crawler) = self.crawlers.of_run(key, run)? else {
            // Nothing to run any more: its crawler moved on.
            return Ok(self.crawlers.finish(key, run, Ending::Cancelled).await?);
        };
        let watch = Watch { crawls: self, key, run };
        let ending = match self.crawl(key, &crawler, &watch).await {
            Ok(ending) => ending,
            Err(SurveyError::Interrupted(Interrupted)) if self.token.is_cancelled() => return Ok(()),
            Err(SurveyError::Interrupted(Interrupted)) => Ending::Cancelled,
            Err(SurveyError::Glue(GlueError::Store(error))) => return Err(error.into()),
            Err(SurveyError::Glue(GlueError::Api(error))) if error.is_server_fault() => {
                return Err(error.into());
            }
            Err(error) => Ending::Failed(error.to_string().chars().take(MAX_MESSAGE).collect()),
        };
        tracing::info!(crawler = %crawler.spec.name, ?ending, "crawl ended");
        Ok(self.crawlers.finish(key, run, ending).await?)
    }

    async fn crawl(&self, key: &Key, crawler: &Crawler, watch: &Watch<'_>) -> Result<Ending, SurveyError> {
        watch.check()?;
        let (account, region, _) = key;
        let scope = Scope::new(account.clone(), region.clone());
        let spec = &crawler.spec;
        let caller = role::assume(&*self.roles, &scope, &spec.role, &spec.name)?;
        let configuration = Configuration::read(spec.configuration.as_deref())?;
        let classifiers = self.classifiers.rules(&scope, &spec.classifiers)?.into();
        let reader = Reader { s3: &self.s3, caller: &caller, classifiers: &classifiers };
        let mut found = Vec::new();
        for target in &spec.targets {
            let (place, grouped) = survey(reader, target, configuration.grouping(), watch).await?;
            for skipped in grouped.skipped.iter().take(REASONS) {
                tracing::warn!(crawler = %spec.name, bucket = %place.bucket, key = %skipped.key, reason = %skipped.reason, "skipped");
            }
            let exclusions = target.exclusions.clone();
            found.push(Found { place, exclusions, tables: grouped.tables, skipped: grouped.skipped });
        }
        let now = self.clock.now();
        let apply = Apply {
            lake: Lake { catalog: &self.catalog, caller: &caller, database: &spec.database },
            crawler: spec,
            configuration,
            now,
            watch,
        };
        Ok(Ending::Succeeded(apply.all(&found).await?))
    }
}
