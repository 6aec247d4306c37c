//! The service's state and its background work.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use millpond_core::Clock;
use millpond_gateway::Roles;
use millpond_s3::S3;
use millpond_store::Store;
use millpond_work::{Tasks, Wake};

use crate::catalog::Catalog;
use crate::catalog::garbage::Sweeper;
use crate::crawl::own::Classifiers;
use crate::crawl::run::{CrawlWorker, Crawls, WORKERS};
use crate::crawl::store::Crawlers;

/// What the program hands in.
pub struct Deps<'a> {
    pub store: Store,
    pub s3: S3,
    pub roles: Arc<dyn Roles>,
    pub clock: Clock,
    pub tasks: &'a Tasks,
}

/// AWS Glue. Cheap to clone. Its methods in `domain` are what other services work with.
#[derive(Clone)]
pub struct Glue(Arc<Inner>);

struct Inner {
    catalog: Catalog,
    crawlers: Crawlers,
    classifiers: Classifiers,
    roles: Arc<dyn Roles>,
    wakes: Vec<Wake>,
}

impl Glue {
    /// Starts the service and its workers; crawls that were running when the program ended run again.
    pub fn open(deps: Deps<'_>) -> Self {
        let Deps { store, s3, roles, clock, tasks } = deps;
        let garbage = Wake::new();
        tasks.worker_woken_by(&garbage, Sweeper { store: store.clone() });
        let catalog = Catalog::new(store.clone(), clock.clone(), garbage);
        let crawlers = Crawlers::new(store.clone(), clock.clone());
        let classifiers = Classifiers::new(store, clock.clone());
        let shared = Arc::new(Crawls {
            catalog: catalog.clone(),
            crawlers: crawlers.clone(),
            classifiers: classifiers.clone(),
            s3,
            roles: Arc::clone(&roles),
            clock,
            token: tasks.token().clone(),
            claimed: Mutex::new(HashSet::new()),
        });
        let wakes = (1..=WORKERS)
            .map(|n| {
                tasks.worker(CrawlWorker { name: format!("glue.crawls.{n}"), shared: Arc::clone(&shared) })
            })
            .collect();
        Self(Arc::new(Inner { catalog, crawlers, classifiers, roles, wakes }))
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    pub(crate) fn crawlers(&self) -> &Crawlers {
        &self.0.crawlers
    }

    pub(crate) fn classifiers(&self) -> &Classifiers {
        &self.0.classifiers
    }

    pub(crate) fn roles(&self) -> &dyn Roles {
        &*self.0.roles
    }

    /// A crawler was started: one of the workers takes it, the others find nothing.
    pub(crate) fn wake_crawls(&self) {
        self.0.wakes.iter().for_each(Wake::wake);
    }
}
