//! How crawlers are kept: one record each, and an entry for each that runs, by which the workers find their work.

use millpond_core::{AccountId, Clock, Region, Scope};
use millpond_store::{Reads, Span, Store, Table as StoreTable, Txn};
use uuid::Uuid;

use super::crawler::{Crawler, CrawlerSpec, Ending, State};
use crate::error::GlueError;
use crate::model::Page;

pub type Key = (AccountId, Region, String);

const CRAWLERS: StoreTable<Key, Crawler> = StoreTable::new("glue.crawlers");
/// The crawlers that are not READY, by their run.
const RUNNING: StoreTable<Key, Uuid> = StoreTable::new("glue.crawlers-running");

/// Cheap to clone.
#[derive(Clone)]
pub struct Crawlers {
    store: Store,
    clock: Clock,
}

impl Crawlers {
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    pub async fn create(&self, scope: &Scope, spec: CrawlerSpec) -> Result<(), GlueError> {
        let key = key(scope, &spec.name);
        let crawler = Crawler::new(spec, self.clock.now());
        self.store
            .write(move |txn| match txn.insert_new(&CRAWLERS, &key, &crawler)? {
                true => Ok(()),
                false => Err(GlueError::CrawlerExists(crawler.spec.name)),
            })
            .await
    }

    pub fn get(&self, scope: &Scope, name: &str) -> Result<Crawler, GlueError> {
        get(&self.store.read()?, &key(scope, name))
    }

    /// Crawlers by name, those after `after`.
    pub fn list(
        &self,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Crawler, String>, GlueError> {
        let snapshot = self.store.read()?;
        let mut span = Span::prefix(&(scope.account.clone(), scope.region.clone()));
        if let Some(after) = after {
            span = span.after(&key(scope, after));
        }
        let found = snapshot.scan(&CRAWLERS, span).map(|entry| Ok(entry?.1));
        Page::take(found, limit, |crawler: &Crawler| crawler.spec.name.clone())
    }

    /// Changes the spec between runs; `change` says what becomes of it.
    pub async fn update(
        &self,
        scope: &Scope,
        name: &str,
        change: impl FnOnce(&mut CrawlerSpec) -> Result<(), GlueError> + Send + 'static,
    ) -> Result<(), GlueError> {
        let now = self.clock.now();
        self.change(scope, name, move |txn, key, mut crawler| {
            crawler.must_be_ready()?;
            change(&mut crawler.spec)?;
            crawler.version += 1;
            crawler.updated = now;
            Ok(txn.put(&CRAWLERS, key, &crawler)?)
        })
        .await
    }

    pub async fn delete(&self, scope: &Scope, name: &str) -> Result<(), GlueError> {
        self.change(scope, name, |txn, key, crawler| {
            crawler.must_be_ready()?;
            txn.delete(&CRAWLERS, key)?;
            Ok(())
        })
        .await
    }

    pub async fn start(&self, scope: &Scope, name: &str) -> Result<(), GlueError> {
        let (run, now) = (Uuid::new_v4(), self.clock.now());
        self.change(scope, name, move |txn, key, mut crawler| {
            crawler.start(run, now)?;
            txn.put(&RUNNING, key, &run)?;
            Ok(txn.put(&CRAWLERS, key, &crawler)?)
        })
        .await
    }

    pub async fn stop(&self, scope: &Scope, name: &str) -> Result<(), GlueError> {
        self.change(scope, name, |txn, key, mut crawler| {
            crawler.stop()?;
            Ok(txn.put(&CRAWLERS, key, &crawler)?)
        })
        .await
    }

    /// The runs that have not ended: those going on, and after a crash those to begin anew.
    pub fn runs(&self) -> Result<Vec<(Key, Uuid)>, GlueError> {
        let snapshot = self.store.read()?;
        let runs = snapshot.prefix(&RUNNING, &()).collect::<Result<Vec<_>, _>>()?;
        Ok(runs)
    }

    /// The crawler of a run, while that run has not ended.
    pub fn of_run(&self, key: &Key, run: Uuid) -> Result<Option<Crawler>, GlueError> {
        let found = self.store.read()?.get(&CRAWLERS, key)?;
        Ok(found.filter(|crawler| match crawler.state {
            State::Ready => false,
            State::Running { run: current, .. } | State::Stopping { run: current, .. } => current == run,
        }))
    }

    pub async fn finish(&self, key: &Key, run: Uuid, ending: Ending) -> Result<(), GlueError> {
        let (key, now) = (key.clone(), self.clock.now());
        self.store
            .write(move |txn| {
                if let Some(mut crawler) = txn.get(&CRAWLERS, &key)?
                    && crawler.finish(run, ending, now)
                {
                    txn.put(&CRAWLERS, &key, &crawler)?;
                }
                txn.delete(&RUNNING, &key)?;
                Ok(())
            })
            .await
    }

    async fn change(
        &self,
        scope: &Scope,
        name: &str,
        change: impl FnOnce(&mut Txn<'_>, &Key, Crawler) -> Result<(), GlueError> + Send + 'static,
    ) -> Result<(), GlueError> {
        let key = key(scope, name);
        self.store
            .write(move |txn| {
                let crawler = get(txn, &key)?;
                change(txn, &key, crawler)
            })
            .await
    }
}

fn key(scope: &Scope, name: &str) -> Key {
    (scope.account.clone(), scope.region.clone(), name.to_owned())
}

fn get(reads: &impl Reads, key: &Key) -> Result<Crawler, GlueError> {
    reads.get(&CRAWLERS, key)?.ok_or_else(|| GlueError::CrawlerNotFound(key.2.clone()))
}
