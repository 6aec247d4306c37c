//! Partitions, ordered by their values.
//!
//! A partition's key is its values, each closed by NUL: texts sort as their values do, one by one, and all partitions
//! with the same first values lie together. A listing of a hundred thousand partitions therefore pages at constant
//! cost, and a filter on leading keys seeks (see [`crate::filter::Seek`]).

use millpond_core::Scope;
use millpond_store::{Reads, Span, Txn};
use uuid::Uuid;

use super::table::table;
use super::{Catalog, PARTITIONS, check};
use crate::error::GlueError;
use crate::filter::{Predicate, Seek};
use crate::model::{Page, Partition, PartitionSpec, Table};

/// So many partitions are looked at for one page; a filter that keeps few of many gives short pages that go on.
const LOOKED_AT: usize = 10_000;

/// One of several equal shares of a listing, for readers in parallel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub number: u32,
    pub total: u32,
}

/// What a listing of partitions asks for.
#[derive(Debug, Clone)]
pub struct PartitionQuery<'a> {
    pub filter: &'a Predicate,
    pub segment: Option<Segment>,
    /// The values after which to go on.
    pub after: Option<&'a [String]>,
    pub limit: usize,
}

/// Why one partition of a batch failed.
#[derive(Debug)]
pub struct PartitionFailure {
    pub values: Vec<String>,
    pub error: GlueError,
}

impl Catalog {
    pub fn partition(
        &self,
        scope: &Scope,
        database: &str,
        table_name: &str,
        values: &[String],
    ) -> Result<Partition, GlueError> {
        let snapshot = self.read()?;
        let owner = table(&snapshot, scope, &check::name(database), &check::name(table_name))?;
        check::values(values, &owner.spec.partition_keys)?;
        get(&snapshot, &owner, values)
    }

    /// Those of the named partitions that exist, in the order asked.
    pub fn partitions_of(
        &self,
        scope: &Scope,
        database: &str,
        table_name: &str,
        asked: &[Vec<String>],
    ) -> Result<Vec<Partition>, GlueError> {
        let snapshot = self.read()?;
        let owner = table(&snapshot, scope, &check::name(database), &check::name(table_name))?;
        let mut found = Vec::new();
        for values in asked {
            check::values(values, &owner.spec.partition_keys)?;
            match get(&snapshot, &owner, values) {
                Ok(partition) => found.push(partition),
                Err(GlueError::PartitionNotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// A page of the partitions that the filter keeps, by their values. It may be short, even empty, and still have a
    /// next one.
    pub fn partitions(
        &self,
        scope: &Scope,
        database: &str,
        table_name: &str,
        query: &PartitionQuery<'_>,
    ) -> Result<Page<Partition, Vec<String>>, GlueError> {
        let snapshot = self.read()?;
        let owner = table(&snapshot, scope, &check::name(database), &check::name(table_name))?;
        let filter = query.filter.bind(&owner.spec.partition_keys)?;
        let seek = filter.seek();
        let mut items: Vec<Partition> = Vec::new();
        let mut last = None;
        for (looked_at, entry) in snapshot.scan(&PARTITIONS, span(owner.id, &seek, query.after)).enumerate() {
            let (_, partition) = entry?;
            if seek.is_past(&partition.spec.values) {
                break;
            }
            if looked_at == LOOKED_AT || items.len() == query.limit {
                return Ok(Page { items, next: last });
            }
            last = Some(partition.spec.values.clone());
            let mine = query.segment.is_none_or(|segment| segment.holds(&partition.spec.values));
            if mine && filter.keeps(&partition.spec.values)? {
                items.push(partition);
            }
        }
        Ok(Page { items, next: None })
    }

    pub async fn create_partition(
        &self,
        scope: &Scope,
        database: &str,
        table_name: &str,
        spec: PartitionSpec,
    ) -> Result<(), GlueError> {
        let failed = self.create_partitions(scope, database, table_name, vec![spec]).await?;
        first_failure(failed)
    }

    /// Creates each partition by itself, in one transaction; gives back those that could not be.
    pub async fn create_partitions(
        &self,
        scope: &Scope,
        database: &str,
        table_name: &str,
        specs: Vec<PartitionSpec>,
    ) -> Result<Vec<PartitionFailure>, GlueError> {
        let now = self.clock.now();
        self.each(
            scope,
            database,
            table_name,
            specs,
            |spec| spec.values.clone(),
            move |txn, owner, spec| {
                let spec = check::partition(spec, &owner.spec.partition_keys)?;
                let key = key(owner.id, &spec.values);
                match txn.insert_new(&PARTITIONS, &key, &Partition { spec, created: now })? {
                    true => Ok(()),
                    false => Err(GlueError::PartitionExists),
                }
            },
        )
        .await
    }

    /// Replaces each partition by itself; a spec with other values moves it. Gives back those that could not be.
    pub async fn update_partitions(
        &self,
        scope: &Scope,
        database: &str,
        table_name: &str,
        updates: Vec<(Vec<String>, PartitionSpec)>,
    ) -> Result<Vec<PartitionFailure>, GlueError> {
        self.each(
            scope,
            database,
            table_name,
            updates,
            |(values, _)| values.clone(),
            |txn, owner, (values, spec)| {
                let spec = check::partition(spec, &owner.spec.partition_keys)?;
                check::values(&values, &owner.spec.partition_keys)?;
                let before = get(txn, owner, &values)?;
                if spec.values != values {
                    if txn.contains(&PARTITIONS, &key(owner.id, &spec.values))? {
                        return Err(GlueError::PartitionExists);
                    }
                    txn.delete(&PARTITIONS, &key(owner.id, &values))?;
                }
                let key = key(owner.id, &spec.values);
                Ok(txn.put(&PARTITIONS, &key, &Partition { spec, ..before })?)
            },
        )
        .await
    }

    pub async fn delete_partitions(
        &self,
        scope: &Scope,
        database: &str,
        table_name: &str,
        gone: Vec<Vec<String>>,
    ) -> Result<Vec<PartitionFailure>, GlueError> {
        self.each(scope, database, table_name, gone, Clone::clone, |txn, owner, values: Vec<String>| {
            check::values(&values, &owner.spec.partition_keys)?;
            match txn.delete(&PARTITIONS, &key(owner.id, &values))? {
                true => Ok(()),
                false => Err(GlueError::PartitionNotFound),
            }
        })
        .await
    }

    /// Does `one` for every item in one transaction. An item that fails leaves the others alone; a store that fails
    /// ends all.
    async fn each<T: Send + 'static>(
        &self,
        scope: &Scope,
        database: &str,
        table_name: &str,
        items: Vec<T>,
        values: impl Fn(&T) -> Vec<String> + Send + 'static,
        one: impl Fn(&mut Txn<'_>, &Table, T) -> Result<(), GlueError> + Send + 'static,
    ) -> Result<Vec<PartitionFailure>, GlueError> {
        let (scope, database, table_name) = (scope.clone(), check::name(database), check::name(table_name));
        self.store
            .write(move |txn| {
                let owner = table(txn, &scope, &database, &table_name)?;
                let mut failed = Vec::new();
                for item in items {
                    let values = values(&item);
                    match one(txn, &owner, item) {
                        Ok(()) => {}
                        Err(GlueError::Store(error)) => return Err(GlueError::Store(error)),
                        Err(error) => failed.push(PartitionFailure { values, error }),
                    }
                }
                Ok(failed)
            })
            .await
    }
}

/// What a batch of one answers.
pub fn first_failure(failed: Vec<PartitionFailure>) -> Result<(), GlueError> {
    failed.into_iter().next().map_or(Ok(()), |failure| Err(failure.error))
}

fn get(reads: &impl Reads, owner: &Table, values: &[String]) -> Result<Partition, GlueError> {
    reads.get(&PARTITIONS, &key(owner.id, values))?.ok_or(GlueError::PartitionNotFound)
}

fn key(table: Uuid, values: &[String]) -> (Uuid, String) {
    (table, joined(values))
}

fn joined(values: &[String]) -> String {
    values.iter().flat_map(|value| [value.as_str(), "\0"]).collect()
}

fn span(table: Uuid, seek: &Seek, after: Option<&[String]>) -> Span<(Uuid, String)> {
    let prefix = joined(&seek.prefix);
    let mut span = Span::starting_with(&(table,), &prefix);
    if let Some(from) = &seek.from {
        span = span.from(&(table, format!("{prefix}{from}")));
    }
    if let Some(after) = after {
        span = span.after(&key(table, after));
    }
    span
}

impl Segment {
    /// FNV-1a, so that every segment gets its share whatever the values look like.
    fn holds(self, values: &[String]) -> bool {
        let hash = joined(values).bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        hash % u64::from(self.total.max(1)) == u64::from(self.number)
    }
}
