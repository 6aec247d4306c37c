//! The engine over a catalog and objects in memory: what queries answer, what they read, and how they fail.

mod broken;
mod catalog;
mod functions;
mod limits;
mod queries;
mod tables;
mod unnest;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use millpond_core::Timestamp;

use crate::{
    Catalog, CatalogError, ColumnInfo, DatabaseDef, Engine, EngineOptions, ObjectInfo, ObjectPage, Objects,
    ObjectsError, PartitionDef, PartitionFilter, QueryError, Session, Statement, TableDef,
};

/// Tables with their partitions, by database and name.
type Tables = BTreeMap<(String, String), (TableDef, Vec<PartitionDef>)>;

/// Databases, tables and partitions in memory; remembers the filters that it was asked with.
#[derive(Default)]
struct Lake {
    databases: Mutex<BTreeMap<String, DatabaseDef>>,
    tables: Mutex<Tables>,
    filters: Mutex<Vec<Option<String>>>,
}

#[async_trait]
impl Catalog for Lake {
    async fn databases(&self) -> Result<Vec<DatabaseDef>, CatalogError> {
        Ok(self.databases.lock().unwrap().values().cloned().collect())
    }

    async fn database(&self, name: &str) -> Result<Option<DatabaseDef>, CatalogError> {
        Ok(self.databases.lock().unwrap().get(name).cloned())
    }

    async fn tables(&self, database: &str) -> Result<Vec<TableDef>, CatalogError> {
        let tables = self.tables.lock().unwrap();
        Ok(tables
            .values()
            .map(|(table, _)| table.clone())
            .filter(|table| table.database == database)
            .collect())
    }

    async fn table(&self, database: &str, name: &str) -> Result<Option<TableDef>, CatalogError> {
        let key = (database.to_owned(), name.to_owned());
        Ok(self.tables.lock().unwrap().get(&key).map(|(table, _)| table.clone()))
    }

    async fn partitions(
        &self,
        table: &TableDef,
        filter: &PartitionFilter,
    ) -> Result<Vec<PartitionDef>, CatalogError> {
        self.filters.lock().unwrap().push(filter.expression.clone());
        let key = (table.database.clone(), table.name.clone());
        Ok(self.tables.lock().unwrap()[&key].1.clone())
    }

    async fn create_database(&self, database: DatabaseDef) -> Result<(), CatalogError> {
        let mut databases = self.databases.lock().unwrap();
        if databases.contains_key(&database.name) {
            return Err(CatalogError::AlreadyExists(format!("Database {} already exists", database.name)));
        }
        databases.insert(database.name.clone(), database);
        Ok(())
    }

    async fn drop_database(&self, name: &str) -> Result<(), CatalogError> {
        self.databases.lock().unwrap().remove(name);
        self.tables.lock().unwrap().retain(|(database, _), _| database != name);
        Ok(())
    }

    async fn create_table(&self, table: TableDef) -> Result<(), CatalogError> {
        let key = (table.database.clone(), table.name.clone());
        let mut tables = self.tables.lock().unwrap();
        if tables.contains_key(&key) {
            return Err(CatalogError::AlreadyExists(format!("Table {} already exists", table.name)));
        }
        tables.insert(key, (table, Vec::new()));
        Ok(())
    }

    async fn drop_table(&self, database: &str, name: &str) -> Result<(), CatalogError> {
        let gone = self.tables.lock().unwrap().remove(&(database.to_owned(), name.to_owned()));
        gone.map(drop).ok_or_else(|| CatalogError::NotFound(format!("Table {name} not found")))
    }

    async fn add_partitions(
        &self,
        table: &TableDef,
        partitions: Vec<PartitionDef>,
    ) -> Result<(), CatalogError> {
        let key = (table.database.clone(), table.name.clone());
        self.tables.lock().unwrap().get_mut(&key).unwrap().1.extend(partitions);
        Ok(())
    }

    async fn drop_partition(&self, table: &TableDef, values: &[String]) -> Result<(), CatalogError> {
        let key = (table.database.clone(), table.name.clone());
        self.tables.lock().unwrap().get_mut(&key).unwrap().1.retain(|partition| partition.values != values);
        Ok(())
    }
}

/// Objects in memory; remembers which were listed and which were read.
#[derive(Default)]
struct Bucket {
    objects: Mutex<BTreeMap<String, Bytes>>,
    listed: Mutex<Vec<String>>,
    read: Mutex<Vec<String>>,
}

#[async_trait]
impl Objects for Bucket {
    async fn list(
        &self,
        _bucket: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<ObjectPage, ObjectsError> {
        self.listed.lock().unwrap().push(prefix.to_owned());
        let objects = self.objects.lock().unwrap();
        let mut found = objects
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
        // Pages of two, so that paging is met everywhere.
        let page: Vec<ObjectInfo> = found
            .by_ref()
            .take(2)
            .map(|(key, body)| ObjectInfo {
                key: key.clone(),
                size: body.len() as u64,
                etag: format!("{:p}", body.as_ptr()),
            })
            .collect();
        let next = found.next().and_then(|_| page.last()).map(|last| last.key.clone());
        Ok(ObjectPage { objects: page, next })
    }

    async fn read(
        &self,
        _bucket: &str,
        object: &ObjectInfo,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, ObjectsError>>, ObjectsError> {
        self.read.lock().unwrap().push(object.key.clone());
        let body = self.objects.lock().unwrap()[&object.key].clone();
        let end = (range.end as usize).min(body.len());
        let pieces: Vec<_> =
            body[range.start as usize..end].chunks(64 << 10).map(Bytes::copy_from_slice).map(Ok).collect();
        Ok(futures::stream::iter(pieces).boxed())
    }
}

/// A pond of one engine, one catalog and one bucket.
struct Pond {
    engine: Engine,
    lake: Arc<Lake>,
    bucket: Arc<Bucket>,
    spills: tempfile::TempDir,
}

/// What a statement answered.
#[derive(Debug)]
struct Answer {
    columns: Vec<ColumnInfo>,
    rows: Vec<Vec<Option<String>>>,
    scanned: u64,
}

impl Answer {
    /// Rows as `a|b`, NULL as `~`.
    fn lines(&self) -> Vec<String> {
        let line = |row: &Vec<Option<String>>| {
            let cells: Vec<&str> = row.iter().map(|cell| cell.as_deref().unwrap_or("~")).collect();
            cells.join("|")
        };
        self.rows.iter().map(line).collect()
    }
}

impl Pond {
    async fn new() -> Self {
        let spills = tempfile::tempdir().unwrap();
        Self::with(EngineOptions::new(spills.path().to_owned(), 2), spills).await
    }

    async fn with(options: EngineOptions, spills: tempfile::TempDir) -> Self {
        let engine = Engine::new(&options).unwrap();
        let pond = Self { engine, lake: Arc::default(), bucket: Arc::default(), spills };
        pond.run("CREATE DATABASE default").await.unwrap();
        pond
    }

    fn put(&self, key: &str, body: impl Into<Bytes>) {
        self.bucket.objects.lock().unwrap().insert(key.to_owned(), body.into());
    }

    fn session(&self) -> Session {
        Session {
            catalog: self.lake.clone(),
            objects: self.bucket.clone(),
            database: "default".to_owned(),
            // 2024-02-29T12:34:56.789Z.
            now: Timestamp::from_millis(1_709_210_096_789),
            scan_limit: None,
            parameters: Vec::new(),
        }
    }

    async fn run(&self, sql: &str) -> Result<Answer, QueryError> {
        self.run_in(self.session(), sql).await
    }

    async fn run_in(&self, session: Session, sql: &str) -> Result<Answer, QueryError> {
        let mut execution = self.engine.run(session, Statement::parse(sql)?).await?;
        let mut rows = Vec::new();
        while let Some(block) = execution.next().await? {
            for row in 0..block.len() {
                rows.push((0..block.width()).map(|column| block.text(row, column)).collect());
            }
        }
        Ok(Answer { columns: execution.columns().to_vec(), rows, scanned: execution.scanned() })
    }

    /// The answer's rows as lines.
    async fn lines(&self, sql: &str) -> Vec<String> {
        self.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).lines()
    }

    async fn error(&self, sql: &str) -> String {
        match self.run(sql).await {
            Ok(answer) => panic!("{sql}: {:?}", answer.lines()),
            Err(error) => error.to_string(),
        }
    }
}
