//! Classifiers of one's own: what CSV files look like where the built-in classifier cannot know, as with a header over
//! columns of text alone.

use millpond_core::{AccountId, Clock, Region, Scope, Timestamp};
use millpond_store::{Reads, Span, Store, Table as StoreTable};
use serde::{Deserialize, Serialize};

use super::classify::CsvRules;
use crate::error::GlueError;
use crate::model::Page;

const CLASSIFIERS: StoreTable<(AccountId, Region, String), Classifier> = StoreTable::new("glue.classifiers");

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classifier {
    pub name: String,
    pub rules: CsvRules,
    /// Whether a quote was named; without one it is the double quote.
    pub quote_named: bool,
    pub version: i64,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Classifiers {
    store: Store,
    clock: Clock,
}

impl Classifiers {
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    pub async fn create(
        &self,
        scope: &Scope,
        name: String,
        rules: CsvRules,
        quote_named: bool,
    ) -> Result<(), GlueError> {
        let now = self.clock.now();
        let key = key(scope, &name);
        let classifier = Classifier { name, rules, quote_named, version: 1, created: now, updated: now };
        self.store
            .write(move |txn| match txn.insert_new(&CLASSIFIERS, &key, &classifier)? {
                true => Ok(()),
                false => Err(GlueError::ClassifierExists(classifier.name)),
            })
            .await
    }

    pub fn get(&self, scope: &Scope, name: &str) -> Result<Classifier, GlueError> {
        get(&self.store.read()?, scope, name)
    }

    /// Classifiers by name, those after `after`.
    pub fn list(
        &self,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Classifier, String>, GlueError> {
        let snapshot = self.store.read()?;
        let mut span = Span::prefix(&(scope.account.clone(), scope.region.clone()));
        if let Some(after) = after {
            span = span.after(&key(scope, after));
        }
        let found = snapshot.scan(&CLASSIFIERS, span).map(|entry| Ok(entry?.1));
        Page::take(found, limit, |classifier: &Classifier| classifier.name.clone())
    }

    pub async fn update(
        &self,
        scope: &Scope,
        name: &str,
        change: impl FnOnce(&mut Classifier) -> Result<(), GlueError> + Send + 'static,
    ) -> Result<(), GlueError> {
        let (scope, name, now) = (scope.clone(), name.to_owned(), self.clock.now());
        self.store
            .write(move |txn| {
                let mut classifier = get(txn, &scope, &name)?;
                change(&mut classifier)?;
                classifier.version += 1;
                classifier.updated = now;
                Ok(txn.put(&CLASSIFIERS, &key(&scope, &name), &classifier)?)
            })
            .await
    }

    pub async fn delete(&self, scope: &Scope, name: &str) -> Result<(), GlueError> {
        let (key, name) = (key(scope, name), name.to_owned());
        self.store
            .write(move |txn| match txn.delete(&CLASSIFIERS, &key)? {
                true => Ok(()),
                false => Err(GlueError::ClassifierNotFound(name)),
            })
            .await
    }

    /// The rules of the named classifiers, in that order.
    ///
    /// Errors: EntityNotFoundException for one that there is not.
    pub fn rules(&self, scope: &Scope, names: &[String]) -> Result<Vec<CsvRules>, GlueError> {
        let snapshot = self.store.read()?;
        names.iter().map(|name| Ok(get(&snapshot, scope, name)?.rules)).collect()
    }
}

fn key(scope: &Scope, name: &str) -> (AccountId, Region, String) {
    (scope.account.clone(), scope.region.clone(), name.to_owned())
}

fn get(reads: &impl Reads, scope: &Scope, name: &str) -> Result<Classifier, GlueError> {
    reads.get(&CLASSIFIERS, &key(scope, name))?.ok_or_else(|| GlueError::ClassifierNotFound(name.to_owned()))
}
