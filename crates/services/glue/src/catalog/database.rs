//! Databases.

use millpond_core::Scope;
use millpond_store::{Reads, Span};
use uuid::Uuid;

use super::{Catalog, DATABASES, Dropped, GARBAGE, check, database_key};
use crate::error::GlueError;
use crate::model::{Database, DatabaseSpec, Page};

impl Catalog {
    pub async fn create_database(&self, scope: &Scope, spec: DatabaseSpec) -> Result<(), GlueError> {
        let spec = check::database(spec)?;
        let key = database_key(scope, &spec.name);
        let database = Database { id: Uuid::new_v4(), spec, created: self.clock.now() };
        self.store
            .write(move |txn| match txn.insert_new(&DATABASES, &key, &database)? {
                true => Ok(()),
                false => Err(GlueError::DatabaseExists),
            })
            .await
    }

    pub fn database(&self, scope: &Scope, name: &str) -> Result<Database, GlueError> {
        database(&self.read()?, scope, &check::name(name))
    }

    /// Databases by name, those after `after`.
    pub fn databases(
        &self,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Database, String>, GlueError> {
        let snapshot = self.read()?;
        let mut span = Span::prefix(&(scope.account.clone(), scope.region.clone()));
        if let Some(after) = after {
            span = span.after(&database_key(scope, after));
        }
        let found = snapshot.scan(&DATABASES, span).map(|entry| Ok(entry?.1));
        Page::take(found, limit, |database: &Database| database.spec.name.clone())
    }

    /// Replaces everything but the name.
    pub async fn update_database(
        &self,
        scope: &Scope,
        name: &str,
        spec: DatabaseSpec,
    ) -> Result<(), GlueError> {
        let spec = check::database(spec)?;
        let (scope, name) = (scope.clone(), check::name(name));
        self.store
            .write(move |txn| {
                let mut found = database(txn, &scope, &name)?;
                if spec.name != name {
                    return Err(GlueError::invalid("The name of a database cannot be changed"));
                }
                found.spec = spec;
                Ok(txn.put(&DATABASES, &database_key(&scope, &name), &found)?)
            })
            .await
    }

    /// Drops the database; its tables are gone at once and removed in the background.
    pub async fn delete_database(&self, scope: &Scope, name: &str) -> Result<(), GlueError> {
        let (scope, name) = (scope.clone(), check::name(name));
        self.store
            .write(move |txn| {
                let found = database(txn, &scope, &name)?;
                txn.delete(&DATABASES, &database_key(&scope, &name))?;
                Ok::<_, GlueError>(txn.put(&GARBAGE, &found.id, &Dropped::Database)?)
            })
            .await?;
        self.garbage.wake();
        Ok(())
    }
}

/// `name` is in lower case.
pub(super) fn database(reads: &impl Reads, scope: &Scope, name: &str) -> Result<Database, GlueError> {
    let found = reads.get(&DATABASES, &database_key(scope, name))?;
    found.ok_or_else(|| GlueError::DatabaseNotFound(name.to_owned()))
}
