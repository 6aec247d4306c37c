//! Glue's catalog and S3's objects as the engine asks for them, with the rights of the caller whose query runs.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use millpond_gateway::Caller;
use millpond_glue::filter::Predicate;
use millpond_glue::model::{
    Column, DatabaseSpec, Partition, PartitionSpec, SerDe, Storage, Table, TableSpec,
};
use millpond_glue::{Glue, GlueError};
use millpond_s3::{ListQuery, S3, S3Error};
use millpond_sql::{
    Catalog, CatalogError, ColumnDef, DatabaseDef, ObjectInfo, ObjectPage, Objects, ObjectsError,
    PartitionDef, PartitionFilter, StorageDef, TableDef,
};
use millpond_wire::ApiError;

/// What one page of a listing of the catalog holds.
const PAGE: usize = 1_000;

/// Partitions that one transaction creates.
const CREATED_AT_ONCE: usize = 1_000;

pub struct GlueCatalog {
    pub glue: Glue,
    pub caller: Caller,
}

fn failed(error: GlueError) -> CatalogError {
    match &error {
        GlueError::DatabaseExists | GlueError::TableExists | GlueError::PartitionExists => {
            CatalogError::AlreadyExists(error.to_string())
        }
        GlueError::DatabaseNotFound(_) | GlueError::TableNotFound(_) | GlueError::PartitionNotFound => {
            CatalogError::NotFound(error.to_string())
        }
        GlueError::InvalidInput(_) | GlueError::Filter(_) => CatalogError::Invalid(error.to_string()),
        _ => carried(error.into(), CatalogError::AccessDenied, CatalogError::Failed),
    }
}

/// Tells a denied access from what broke inside; the latter's cause is for the log alone.
fn carried<T>(error: ApiError, denied: fn(String) -> T, broken: fn(String) -> T) -> T {
    if error.is_server_fault() {
        tracing::error!(error = &error as &dyn std::error::Error, "a query could not go on");
        return broken(error.message);
    }
    denied(error.message)
}

fn missing<T>(found: Result<T, GlueError>) -> Result<Option<T>, CatalogError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(GlueError::DatabaseNotFound(_) | GlueError::TableNotFound(_)) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

#[async_trait]
impl Catalog for GlueCatalog {
    async fn databases(&self) -> Result<Vec<DatabaseDef>, CatalogError> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.glue.databases(&self.caller, after.as_deref(), PAGE).map_err(failed)?;
            all.extend(page.items.into_iter().map(|database| database_def(database.spec)));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    async fn database(&self, name: &str) -> Result<Option<DatabaseDef>, CatalogError> {
        Ok(missing(self.glue.database(&self.caller, name))?.map(|database| database_def(database.spec)))
    }

    async fn tables(&self, database: &str) -> Result<Vec<TableDef>, CatalogError> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.glue.tables(&self.caller, database, after.as_deref(), PAGE).map_err(failed)?;
            all.extend(page.items.into_iter().map(table_def));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    async fn table(&self, database: &str, name: &str) -> Result<Option<TableDef>, CatalogError> {
        Ok(missing(self.glue.table(&self.caller, database, name))?.map(table_def))
    }

    async fn partitions(
        &self,
        table: &TableDef,
        filter: &PartitionFilter,
    ) -> Result<Vec<PartitionDef>, CatalogError> {
        let predicate = match &filter.expression {
            Some(expression) => {
                Predicate::parse(expression).map_err(|error| CatalogError::Invalid(error.to_string()))?
            }
            None => Predicate::all(),
        };
        let mut all = Vec::new();
        let mut after: Option<Vec<String>> = None;
        loop {
            let page = self
                .glue
                .partitions(&self.caller, &table.database, &table.name, &predicate, after.as_deref(), PAGE)
                .map_err(failed)?;
            all.extend(page.items.into_iter().map(partition_def));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    async fn create_database(&self, database: DatabaseDef) -> Result<(), CatalogError> {
        let DatabaseDef { name, comment, location, parameters } = database;
        let spec = DatabaseSpec { name, description: comment, location, parameters };
        self.glue.create_database(&self.caller, spec).await.map_err(failed)
    }

    async fn drop_database(&self, name: &str) -> Result<(), CatalogError> {
        self.glue.delete_database(&self.caller, name).await.map_err(failed)
    }

    async fn create_table(&self, table: TableDef) -> Result<(), CatalogError> {
        let database = table.database.clone();
        self.glue.create_table(&self.caller, &database, table_spec(table)).await.map_err(failed)
    }

    async fn drop_table(&self, database: &str, name: &str) -> Result<(), CatalogError> {
        self.glue.delete_table(&self.caller, database, name).await.map_err(failed)
    }

    async fn add_partitions(
        &self,
        table: &TableDef,
        partitions: Vec<PartitionDef>,
    ) -> Result<(), CatalogError> {
        let mut specs = partitions.into_iter().map(|partition| PartitionSpec {
            values: partition.values,
            storage: Some(storage(partition.storage, columns(&table.columns))),
            ..PartitionSpec::default()
        });
        loop {
            let some: Vec<_> = specs.by_ref().take(CREATED_AT_ONCE).collect();
            if some.is_empty() {
                return Ok(());
            }
            let refused = self.glue.create_partitions(&self.caller, &table.database, &table.name, some).await;
            if let Some(failure) = refused.map_err(failed)?.into_iter().next() {
                return Err(failed(failure.error));
            }
        }
    }

    async fn drop_partition(&self, table: &TableDef, values: &[String]) -> Result<(), CatalogError> {
        let values = vec![values.to_vec()];
        let refused = self.glue.delete_partitions(&self.caller, &table.database, &table.name, values).await;
        match refused.map_err(failed)?.into_iter().next() {
            Some(failure) => Err(failed(failure.error)),
            None => Ok(()),
        }
    }
}

fn database_def(spec: DatabaseSpec) -> DatabaseDef {
    let DatabaseSpec { name, description, location, parameters } = spec;
    DatabaseDef { name, comment: description, location, parameters }
}

fn column_defs(columns: Vec<Column>) -> Vec<ColumnDef> {
    let def = |Column { name, hive_type, comment, .. }| ColumnDef { name, hive_type, comment };
    columns.into_iter().map(def).collect()
}

fn columns(defs: &[ColumnDef]) -> Vec<Column> {
    let column = |def: &ColumnDef| Column {
        comment: def.comment.clone(),
        ..Column::new(def.name.clone(), def.hive_type.clone())
    };
    defs.iter().map(column).collect()
}

fn storage_def(storage: Storage) -> StorageDef {
    let serde = storage.serde.unwrap_or_default();
    StorageDef {
        location: storage.location.unwrap_or_default(),
        input_format: storage.input_format.unwrap_or_default(),
        output_format: storage.output_format.unwrap_or_default(),
        serde: serde.library.unwrap_or_default(),
        serde_parameters: serde.parameters,
    }
}

fn storage(def: StorageDef, columns: Vec<Column>) -> Storage {
    let named = |text: String| (!text.is_empty()).then_some(text);
    Storage {
        columns,
        location: named(def.location),
        input_format: named(def.input_format),
        output_format: named(def.output_format),
        serde: Some(SerDe {
            library: named(def.serde),
            parameters: def.serde_parameters,
            ..SerDe::default()
        }),
        ..Storage::default()
    }
}

fn table_def(table: Table) -> TableDef {
    let Table { database, spec, .. } = table;
    let mut storage = spec.storage.unwrap_or_default();
    TableDef {
        database,
        name: spec.name,
        columns: column_defs(std::mem::take(&mut storage.columns)),
        partition_keys: column_defs(spec.partition_keys),
        storage: storage_def(storage),
        table_type: spec.table_type.unwrap_or_default(),
        parameters: spec.parameters,
        comment: spec.description,
    }
}

fn table_spec(def: TableDef) -> TableSpec {
    TableSpec {
        name: def.name,
        description: def.comment,
        storage: Some(storage(def.storage, columns(&def.columns))),
        partition_keys: columns(&def.partition_keys),
        table_type: Some(def.table_type),
        parameters: def.parameters,
        ..TableSpec::default()
    }
}

fn partition_def(partition: Partition) -> PartitionDef {
    let PartitionSpec { values, storage, .. } = partition.spec;
    PartitionDef { values, storage: storage_def(storage.unwrap_or_default()) }
}

pub struct S3Objects {
    pub s3: S3,
    pub caller: Caller,
}

fn unreadable(error: S3Error) -> ObjectsError {
    match error {
        S3Error::NoSuchBucket { .. } | S3Error::NoSuchKey { .. } => ObjectsError::NotFound(error.to_string()),
        other => {
            let error: ApiError = if matches!(other.code(), "AccessDenied") {
                return ObjectsError::AccessDenied(other.to_string());
            } else {
                other.into()
            };
            carried(error, ObjectsError::Failed, ObjectsError::Failed)
        }
    }
}

#[async_trait]
impl Objects for S3Objects {
    async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<ObjectPage, ObjectsError> {
        let query = ListQuery {
            prefix: prefix.to_owned(),
            start_after: after.map(str::to_owned),
            ..ListQuery::default()
        };
        let listing = self.s3.list(&self.caller, bucket, &query).await.map_err(unreadable)?;
        let objects = listing.objects.into_iter().map(|object| ObjectInfo {
            key: object.key,
            size: object.size,
            etag: object.etag,
        });
        Ok(ObjectPage { objects: objects.collect(), next: listing.next })
    }

    async fn read(
        &self,
        bucket: &str,
        object: &ObjectInfo,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, ObjectsError>>, ObjectsError> {
        let found = self.s3.get(&self.caller, bucket, &object.key).await.map_err(unreadable)?;
        if found.info().etag != object.etag {
            return Err(ObjectsError::NotFound("it was replaced while the query ran".to_owned()));
        }
        Ok(found.read(range).map(|piece| piece.map_err(unreadable)).boxed())
    }
}
