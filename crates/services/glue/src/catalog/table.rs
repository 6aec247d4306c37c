//! Tables and their versions.

use millpond_core::Scope;
use millpond_store::{Reads, Span, Txn};
use uuid::Uuid;

use super::database::database;
use super::{Catalog, Dropped, GARBAGE, TABLES, VERSIONS, check};
use crate::error::GlueError;
use crate::model::{Page, Table, TableSpec};

/// How an update treats the version before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableUpdate {
    /// The version that the client saw; another one refuses the update.
    pub expected_version: Option<u64>,
    /// Do not keep the version before.
    pub skip_archive: bool,
    /// Only statistics changed: the table stays at its version.
    pub same_version: bool,
}

impl Catalog {
    /// `created_by` is the caller's ARN.
    pub async fn create_table(
        &self,
        scope: &Scope,
        database_name: &str,
        spec: TableSpec,
        created_by: String,
    ) -> Result<(), GlueError> {
        let spec = check::table(spec)?;
        let (scope, database_name) = (scope.clone(), check::name(database_name));
        let now = self.clock.now();
        self.store
            .write(move |txn| {
                let home = database(txn, &scope, &database_name)?;
                let key = (home.id, spec.name.clone());
                let table = Table {
                    id: Uuid::new_v4(),
                    database: database_name,
                    spec,
                    created: now,
                    updated: now,
                    created_by,
                    version: 0,
                };
                match txn.insert_new(&TABLES, &key, &table)? {
                    true => Ok(()),
                    false => Err(GlueError::TableExists),
                }
            })
            .await
    }

    pub fn table(&self, scope: &Scope, database_name: &str, name: &str) -> Result<Table, GlueError> {
        table(&self.read()?, scope, &check::name(database_name), &check::name(name))
    }

    /// Tables by name, those after `after` that `wanted` takes.
    pub fn tables(
        &self,
        scope: &Scope,
        database_name: &str,
        after: Option<&str>,
        limit: usize,
        wanted: impl Fn(&Table) -> bool,
    ) -> Result<Page<Table, String>, GlueError> {
        let snapshot = self.read()?;
        let home = database(&snapshot, scope, &check::name(database_name))?;
        let mut span = Span::prefix(&(home.id,));
        if let Some(after) = after {
            span = span.after(&(home.id, after));
        }
        let found = snapshot.scan(&TABLES, span).map(|entry| Ok(entry?.1));
        let found = found.filter(|entry| entry.as_ref().map_or(true, &wanted));
        Page::take(found, limit, |table: &Table| table.spec.name.clone())
    }

    pub async fn update_table(
        &self,
        scope: &Scope,
        database_name: &str,
        spec: TableSpec,
        how: TableUpdate,
    ) -> Result<(), GlueError> {
        let spec = check::table(spec)?;
        let (scope, database_name) = (scope.clone(), check::name(database_name));
        let now = self.clock.now();
        self.store
            .write(move |txn| {
                let home = database(txn, &scope, &database_name)?;
                let before = table(txn, &scope, &database_name, &spec.name)?;
                if how.expected_version.is_some_and(|version| version != before.version) {
                    return Err(GlueError::ConcurrentModification);
                }
                if !how.skip_archive && !how.same_version {
                    txn.put(&VERSIONS, &(before.id, before.version), &before)?;
                }
                let after = Table {
                    spec,
                    updated: now,
                    version: before.version + u64::from(!how.same_version),
                    ..before
                };
                Ok(txn.put(&TABLES, &(home.id, after.spec.name.clone()), &after)?)
            })
            .await
    }

    /// Drops the table; its partitions are gone at once and removed in the background.
    pub async fn delete_table(
        &self,
        scope: &Scope,
        database_name: &str,
        name: &str,
    ) -> Result<(), GlueError> {
        let (scope, database_name, name) = (scope.clone(), check::name(database_name), check::name(name));
        self.store.write(move |txn| delete(txn, &scope, &database_name, &name)).await?;
        self.garbage.wake();
        Ok(())
    }

    /// Drops each table by itself; gives back those that could not be dropped.
    pub async fn delete_tables(
        &self,
        scope: &Scope,
        database_name: &str,
        names: Vec<String>,
    ) -> Result<Vec<(String, GlueError)>, GlueError> {
        let (scope, database_name) = (scope.clone(), check::name(database_name));
        let failed = self
            .store
            .write(move |txn| {
                database(txn, &scope, &database_name)?;
                let mut failed = Vec::new();
                for name in names {
                    match delete(txn, &scope, &database_name, &check::name(&name)) {
                        Ok(()) => {}
                        Err(GlueError::Store(error)) => return Err(GlueError::Store(error)),
                        Err(error) => failed.push((name, error)),
                    }
                }
                Ok(failed)
            })
            .await?;
        self.garbage.wake();
        Ok(failed)
    }

    /// One version; the latest when none is named.
    pub fn table_version(
        &self,
        scope: &Scope,
        database_name: &str,
        name: &str,
        version: Option<u64>,
    ) -> Result<Table, GlueError> {
        let snapshot = self.read()?;
        let latest = table(&snapshot, scope, &check::name(database_name), &check::name(name))?;
        match version {
            None => Ok(latest),
            Some(version) if version == latest.version => Ok(latest),
            Some(version) => {
                snapshot.get(&VERSIONS, &(latest.id, version))?.ok_or(GlueError::VersionNotFound)
            }
        }
    }

    /// Versions from the latest to the oldest, those before `before`.
    pub fn table_versions(
        &self,
        scope: &Scope,
        database_name: &str,
        name: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<Table, u64>, GlueError> {
        let snapshot = self.read()?;
        let latest = table(&snapshot, scope, &check::name(database_name), &check::name(name))?;
        let bounds = (latest.id, 0)..(latest.id, before.unwrap_or(u64::MAX));
        let older = snapshot.range(&VERSIONS, bounds).rev().map(|entry| Ok(entry?.1));
        let first = before.is_none().then_some(Ok(latest));
        Page::take(first.into_iter().chain(older), limit, |table: &Table| table.version)
    }

    /// Forgets one version; the latest cannot be forgotten.
    pub async fn delete_table_version(
        &self,
        scope: &Scope,
        database_name: &str,
        name: &str,
        version: u64,
    ) -> Result<(), GlueError> {
        let (scope, database_name, name) = (scope.clone(), check::name(database_name), check::name(name));
        self.store
            .write(move |txn| {
                let latest = table(txn, &scope, &database_name, &name)?;
                if version == latest.version {
                    return Err(GlueError::invalid("The latest version of a table cannot be deleted"));
                }
                match txn.delete(&VERSIONS, &(latest.id, version))? {
                    true => Ok(()),
                    false => Err(GlueError::VersionNotFound),
                }
            })
            .await
    }
}

/// Names are in lower case.
pub(super) fn table(
    reads: &impl Reads,
    scope: &Scope,
    database_name: &str,
    name: &str,
) -> Result<Table, GlueError> {
    let home = database(reads, scope, database_name)?;
    let found = reads.get(&TABLES, &(home.id, name))?;
    found.ok_or_else(|| GlueError::TableNotFound(name.to_owned()))
}

fn delete(txn: &mut Txn<'_>, scope: &Scope, database_name: &str, name: &str) -> Result<(), GlueError> {
    let home = database(txn, scope, database_name)?;
    let found = table(txn, scope, database_name, name)?;
    txn.delete(&TABLES, &(home.id, name))?;
    Ok(txn.put(&GARBAGE, &found.id, &Dropped::Table)?)
}
