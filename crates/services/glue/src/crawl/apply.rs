//! Brings the catalog in line with what a crawl found: creates, updates, and treats what is gone as the policy says.
//!
//! Every step checks what is there, so that a crawl that was cut short is simply run again.

use std::collections::{BTreeMap, HashMap, HashSet};

use millpond_core::Timestamp;

use super::configuration::Configuration;
use super::crawler::{Changes, CrawlerSpec, OnDelete, OnUpdate};
use super::describe::{self, DEPRECATED_BY, STATISTICS, UPDATED_BY};
use super::group::{FoundPartition, FoundTable, Skipped};
use super::lake::Lake;
use super::run::Watch;
use super::survey::{Place, SurveyError};
use crate::catalog::{PartitionQuery, TableUpdate};
use crate::error::GlueError;
use crate::filter::Predicate;
use crate::model::{Column, Page, Parameters, Partition, PartitionSpec, Storage, Table, TableSpec};

/// Partitions written in one transaction.
const BATCH: usize = 200;

/// Partitions read at a time.
const PAGE: usize = 1_000;

/// What was found under one target.
pub struct Found {
    pub place: Place,
    pub exclusions: Vec<String>,
    pub tables: Vec<FoundTable>,
    pub skipped: Vec<Skipped>,
}

pub struct Apply<'a> {
    pub lake: Lake<'a>,
    pub crawler: &'a CrawlerSpec,
    pub configuration: Configuration,
    pub now: Timestamp,
    pub watch: &'a Watch<'a>,
}

impl Apply<'_> {
    pub async fn all(&self, found: &[Found]) -> Result<Changes, SurveyError> {
        self.within_threshold(found)?;
        self.lake.ensure_database().await?;
        let mut changes = Changes::default();
        let mut known = self.known_tables()?;
        let mut seen: HashSet<String> = HashSet::new();
        for target in found {
            for table in &target.tables {
                self.watch.check()?;
                let location = describe::location(&target.place.bucket, &table.root);
                if !seen.insert(location.clone()) {
                    continue;
                }
                let kept = self.table(target, table, &location, &mut known, &mut changes).await?;
                if let Some(spec) = kept {
                    self.partitions(target, table, &spec).await?;
                }
            }
        }
        for table in known.values() {
            let gone = table.spec.location().is_some_and(|at| !seen.contains(at) && self.is_gone(at, found));
            if gone && table.spec.parameters.get(UPDATED_BY) == Some(&self.crawler.name) {
                self.table_gone(table, &mut changes).await?;
            }
        }
        Ok(changes)
    }

    fn within_threshold(&self, found: &[Found]) -> Result<(), GlueError> {
        let tables: usize = found.iter().map(|target| target.tables.len()).sum();
        match self.configuration.table_threshold {
            Some(threshold) if tables > threshold => Err(GlueError::invalid(format!(
                "The number of tables identified by crawler: {tables} is greater than table threshold value provided: \
                 {threshold}. If the table threshold value provided is not right, update the table threshold value."
            ))),
            _ => Ok(()),
        }
    }

    /// The database's tables by their names.
    fn known_tables(&self) -> Result<BTreeMap<String, Table>, GlueError> {
        let mut known = BTreeMap::new();
        let mut after = None;
        loop {
            let Page { items, next } = self.lake.tables(after.as_deref())?;
            known.extend(items.into_iter().map(|table| (table.spec.name.clone(), table)));
            match next {
                Some(next) => after = Some(next),
                None => return Ok(known),
            }
        }
    }

    /// Creates or updates one table; the spec as it now stands, or `None` when its keys cannot take the found partitions.
    async fn table(
        &self,
        target: &Found,
        found: &FoundTable,
        location: &str,
        known: &mut BTreeMap<String, Table>,
        changes: &mut Changes,
    ) -> Result<Option<TableSpec>, GlueError> {
        let existing = known.values().find(|table| same_place(table.spec.location(), location));
        let name = match existing {
            Some(table) => table.spec.name.clone(),
            None => {
                let name = describe::table_name(&self.crawler.table_prefix, &found.base_name);
                if known.contains_key(&name) { describe::distinct_name(&name, location) } else { name }
            }
        };
        let wanted =
            describe::table(&self.crawler.name, &target.place.bucket, &target.exclusions, name, found);
        let Some(existing) = existing else {
            return self.create(wanted, known, changes).await.map(Some);
        };
        let same_keys = names(&existing.spec.partition_keys).eq(names(&wanted.partition_keys));
        if self.crawler.on_update == OnUpdate::Log {
            return Ok(same_keys.then(|| existing.spec.clone()));
        }
        if !same_keys {
            // The catalog cannot change the keys of a table that has partitions.
            let name = existing.spec.name.clone();
            self.lake.delete_table(&name).await?;
            known.remove(&name);
            changes.tables_updated += 1;
            let mut uncounted = Changes::default();
            return self.create(wanted, known, &mut uncounted).await.map(Some);
        }
        let merged = merged(&existing.spec, wanted, self.configuration.merge_new_columns);
        if merged != existing.spec {
            let only_statistics = without_statistics(&merged) == without_statistics(&existing.spec);
            changes.tables_updated += u32::from(!only_statistics);
            let how = TableUpdate { same_version: only_statistics, ..TableUpdate::default() };
            self.lake.update_table(merged.clone(), how).await?;
        }
        Ok(Some(merged))
    }

    async fn create(
        &self,
        wanted: TableSpec,
        known: &mut BTreeMap<String, Table>,
        changes: &mut Changes,
    ) -> Result<TableSpec, GlueError> {
        let created = self.lake.create_table(wanted.clone()).await?;
        known.insert(wanted.name.clone(), created);
        changes.tables_created += 1;
        Ok(wanted)
    }

    /// Compares page by page, so that a table of many partitions is never in memory whole.
    async fn partitions(
        &self,
        target: &Found,
        found: &FoundTable,
        table: &TableSpec,
    ) -> Result<(), SurveyError> {
        let mut missing: HashMap<&[String], &FoundPartition> =
            found.partitions.iter().map(|partition| (partition.values.as_slice(), partition)).collect();
        let filter = Predicate::all();
        let mut after: Option<Vec<String>> = None;
        loop {
            self.watch.check()?;
            let query =
                PartitionQuery { filter: &filter, segment: None, after: after.as_deref(), limit: PAGE };
            let Page { items, next } = self.lake.partitions(&table.name, &query)?;
            self.known_partitions(target, table, items, &mut missing).await?;
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let new: Vec<&FoundPartition> = found
            .partitions
            .iter()
            .filter(|partition| missing.contains_key(partition.values.as_slice()))
            .collect();
        for batch in new.chunks(BATCH) {
            self.watch.check()?;
            let specs =
                batch.iter().map(|found| describe::partition(table, &target.place.bucket, found)).collect();
            let failed = self.lake.create_partitions(&table.name, specs).await?;
            ignoring_races(failed)?;
        }
        Ok(())
    }

    async fn known_partitions(
        &self,
        target: &Found,
        table: &TableSpec,
        known: Vec<Partition>,
        missing: &mut HashMap<&[String], &FoundPartition>,
    ) -> Result<(), GlueError> {
        let (mut updates, mut gone) = (Vec::new(), Vec::new());
        for partition in known {
            let spec = partition.spec;
            match missing.remove(spec.values.as_slice()) {
                Some(found) if self.crawler.on_update == OnUpdate::UpdateInDatabase => {
                    let wanted = describe::partition(table, &target.place.bucket, found);
                    if wanted.storage != spec.storage || wanted.parameters != spec.parameters {
                        let parameters = wanted.parameters;
                        let updated = PartitionSpec { storage: wanted.storage, parameters, ..spec };
                        updates.push((updated.values.clone(), updated));
                    }
                }
                Some(_) => {}
                None => {
                    let location = spec.storage.as_ref().and_then(|storage| storage.location.as_deref());
                    if location.is_some_and(|location| self.is_gone(location, std::slice::from_ref(target))) {
                        gone.push(spec);
                    }
                }
            }
        }
        match self.crawler.on_delete {
            OnDelete::Log => {}
            OnDelete::DeleteFromDatabase => {
                let gone = gone.into_iter().map(|spec| spec.values).collect();
                let failed = self.lake.delete_partitions(&table.name, gone).await?;
                ignoring_races(failed)?;
            }
            OnDelete::DeprecateInDatabase => {
                for mut spec in gone {
                    if self.deprecate(&mut spec.parameters) {
                        updates.push((spec.values.clone(), spec));
                    }
                }
            }
        }
        while !updates.is_empty() {
            let batch: Vec<_> = updates.drain(..updates.len().min(BATCH)).collect();
            let failed = self.lake.update_partitions(&table.name, batch).await?;
            ignoring_races(failed)?;
        }
        Ok(())
    }

    async fn table_gone(&self, table: &Table, changes: &mut Changes) -> Result<(), GlueError> {
        match self.crawler.on_delete {
            OnDelete::Log => Ok(()),
            OnDelete::DeleteFromDatabase => {
                changes.tables_deleted += 1;
                match self.lake.delete_table(&table.spec.name).await {
                    Err(GlueError::TableNotFound(_)) => Ok(()),
                    other => other,
                }
            }
            OnDelete::DeprecateInDatabase => {
                let mut spec = table.spec.clone();
                if self.deprecate(&mut spec.parameters) {
                    let how = TableUpdate::default();
                    self.lake.update_table(spec, how).await?;
                    changes.tables_updated += 1;
                }
                Ok(())
            }
        }
    }

    /// `false` when it is marked already.
    fn deprecate(&self, parameters: &mut Parameters) -> bool {
        if parameters.contains_key(DEPRECATED_BY) {
            return false;
        }
        parameters.insert(DEPRECATED_BY.to_owned(), self.now.as_millis().to_string());
        true
    }

    /// Whether the place was looked at and nothing lies there, not even what could not be read.
    fn is_gone(&self, location: &str, found: &[Found]) -> bool {
        let within = |target: &&Found| {
            location.starts_with(&describe::location(&target.place.bucket, &target.place.prefix))
        };
        let mut targets = found.iter().filter(within).peekable();
        targets.peek().is_some()
            && targets.all(|target| {
                let bucket = &target.place.bucket;
                target.skipped.iter().all(|skipped| {
                    let at = describe::location(bucket, &skipped.key);
                    !at.starts_with(location) && at != location
                })
            })
    }
}

fn same_place(known: Option<&str>, location: &str) -> bool {
    known.is_some_and(|known| known.trim_end_matches('/') == location.trim_end_matches('/'))
}

fn names(columns: &[Column]) -> impl Iterator<Item = &str> {
    columns.iter().map(|column| column.name.as_str())
}

/// The table as it stands, with what the crawl found. People's comments, descriptions and own parameters stay, and so do
/// the types of partition keys, which the crawl does not look at.
fn merged(existing: &TableSpec, wanted: TableSpec, only_new_columns: bool) -> TableSpec {
    let mut parameters = existing.parameters.clone();
    parameters.remove(DEPRECATED_BY);
    // A header that is not there any more must not be skipped.
    parameters.remove("skip.header.line.count");
    parameters.extend(wanted.parameters);
    let storage = match (&existing.storage, wanted.storage) {
        (Some(before), Some(now)) => {
            Some(Storage { columns: merged_columns(&before.columns, now.columns, only_new_columns), ..now })
        }
        (_, now) => now,
    };
    TableSpec { storage, parameters, table_type: wanted.table_type, ..existing.clone() }
}

fn merged_columns(before: &[Column], now: Vec<Column>, only_new: bool) -> Vec<Column> {
    let known: HashMap<&str, &Column> = before.iter().map(|column| (column.name.as_str(), column)).collect();
    if only_new {
        let new = now.into_iter().filter(|column| !known.contains_key(column.name.as_str()));
        return before.iter().cloned().chain(new).collect();
    }
    now.into_iter()
        .map(|column| match known.get(column.name.as_str()) {
            Some(before) => Column { hive_type: column.hive_type, ..(*before).clone() },
            None => column,
        })
        .collect()
}

fn without_statistics(spec: &TableSpec) -> TableSpec {
    let mut spec = spec.clone();
    for name in STATISTICS {
        spec.parameters.remove(name);
        if let Some(storage) = &mut spec.storage {
            storage.parameters.remove(name);
        }
    }
    spec
}

/// Others may create or drop partitions while the crawl runs; what they did stands.
fn ignoring_races(failed: Vec<crate::catalog::PartitionFailure>) -> Result<(), GlueError> {
    let other = failed
        .into_iter()
        .find(|failure| !matches!(failure.error, GlueError::PartitionExists | GlueError::PartitionNotFound));
    other.map_or(Ok(()), |failure| Err(failure.error))
}
