//! A table of the catalog as the engine scans it: partitions are pruned before anything is listed, objects are listed
//! before anything is opened, and only the columns that a query needs are decoded.

mod delimited;
pub(crate) mod format;
mod json;
mod lines;
mod named;
pub(crate) mod parquet;
mod prune;
mod text;

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result as EngineResult;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt as _, TryStreamExt as _};

pub(crate) use self::json::Document;

use self::format::TableFormat;
use self::named::NamedParquet;
use self::parquet::{AnyCase, Footers, ObjectReader, ObjectReaders, TableObject};
use crate::catalog::{Catalog, TableDef};
use crate::error::QueryError;
use crate::objects::{Reader, split_location};

/// The address under which scans of tables are planned; reads never go there, see [`ObjectReaders`].
pub(crate) const STORE: &str = "millpond://tables";

/// So many locations are listed, and footers read, at a time.
const CONCURRENCY: usize = 16;

/// A scan of more files than this is planned without their footers: reading them would cost more than it saves.
const MAX_FOOTERS: usize = 2_000;

/// What all tables of one statement share.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) reader: Reader,
    pub(crate) footers: Arc<Footers>,
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

/// A table of the catalog.
#[derive(Debug)]
pub(crate) struct LakeTable {
    def: Arc<TableDef>,
    format: TableFormat,
    /// The columns that lie in the objects.
    columns: SchemaRef,
    keys: SchemaRef,
    /// The columns, then the partition keys.
    schema: SchemaRef,
    sources: Sources,
}

/// One object to read, with the values of its partition.
#[derive(Debug, Clone)]
struct Found {
    file: TableObject,
    values: Vec<ScalarValue>,
}

impl LakeTable {
    /// Errors: what [`TableFormat::of`] and the columns' types say.
    pub(crate) fn new(def: TableDef, sources: Sources) -> Result<Self, QueryError> {
        let format = TableFormat::of(&def, &def.storage)?;
        let fields = |columns: &[crate::catalog::ColumnDef]| {
            columns
                .iter()
                .map(|column| {
                    Ok(Field::new(
                        column.name.to_lowercase(),
                        crate::types::from_hive(&column.hive_type)?,
                        true,
                    ))
                })
                .collect::<Result<Vec<Field>, QueryError>>()
        };
        let (columns, keys) = (fields(&def.columns)?, fields(&def.partition_keys)?);
        if let Some(key) = keys.iter().find(|key| !prune::is_key_type(key.data_type())) {
            return Err(QueryError::user(
                "HIVE_INVALID_METADATA",
                format!(
                    "Partition key {} of table {}.{} has an unsupported type",
                    key.name(),
                    def.database,
                    def.name
                ),
            ));
        }
        let all: Vec<Field> = columns.iter().chain(&keys).cloned().collect();
        Ok(Self {
            def: Arc::new(def),
            format,
            columns: Arc::new(Schema::new(columns)),
            keys: Arc::new(Schema::new(keys)),
            schema: Arc::new(Schema::new(all)),
            sources,
        })
    }

    /// The objects of the partitions that `filters` leave.
    async fn find(&self, session: &dyn Session, filters: &[Expr]) -> EngineResult<Vec<Found>> {
        if self.def.partition_keys.is_empty() {
            return Ok(self.list(&self.def.storage.location, Vec::new()).await?);
        }
        let filters: Vec<Expr> = filters
            .iter()
            .filter(|filter| prune::only_partition_keys(filter, &self.def.partition_keys))
            .cloned()
            .collect();
        let wanted = prune::catalog_filter(&filters, &self.def.partition_keys);
        let partitions =
            self.sources.catalog.partitions(&self.def, &wanted).await.map_err(QueryError::from)?;
        let matching = prune::matching(session, partitions, &filters, &self.keys)?;
        for (partition, _) in &matching {
            if TableFormat::of(&self.def, &partition.storage)? != self.format {
                return Err(QueryError::not_supported(format!(
                    "Partition {} in another format than its table {}.{}",
                    partition.storage.location, self.def.database, self.def.name
                ))
                .into());
            }
        }
        let listed: Vec<Vec<Found>> = futures::stream::iter(matching)
            .map(|(partition, values)| async move { self.list(&partition.storage.location, values).await })
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        Ok(listed.into_iter().flatten().collect())
    }

    async fn list(&self, location: &str, values: Vec<ScalarValue>) -> Result<Vec<Found>, QueryError> {
        let (bucket, prefix) = split_location(location).ok_or_else(|| {
            QueryError::user(
                "HIVE_INVALID_METADATA",
                format!("Table {}.{} has no S3 location: '{location}'", self.def.database, self.def.name),
            )
        })?;
        let objects = self.sources.reader.list(bucket, &prefix).await?;
        let bucket: Arc<str> = bucket.into();
        Ok(objects
            .into_iter()
            .filter(|object| {
                object.size > 0 && !is_hidden(object.key.get(prefix.len()..).unwrap_or_default())
            })
            .map(|object| Found {
                file: TableObject { bucket: Arc::clone(&bucket), object: Arc::new(object) },
                values: values.clone(),
            })
            .collect())
    }

    async fn parquet_files(&self, found: Vec<Found>) -> Result<Vec<PartitionedFile>, QueryError> {
        let with_footers = found.len() <= MAX_FOOTERS;
        futures::stream::iter(found)
            .map(|Found { file, values }| async move {
                let place = format!("{}/{}", file.bucket, file.object.key);
                let mut planned = PartitionedFile::new(place, file.object.size).with_partition_values(values);
                if with_footers {
                    let mut reader = ObjectReader {
                        reader: self.sources.reader.clone(),
                        footers: Arc::clone(&self.sources.footers),
                        file: file.clone(),
                    };
                    let footer = reader.footer().await?;
                    let known = parquet::statistics(&footer, &self.columns, &file)?;
                    planned = planned.with_statistics(Arc::new(known));
                }
                Ok(planned.with_extension(file))
            })
            .buffered(CONCURRENCY)
            .try_collect()
            .await
    }

    async fn scan_parquet(
        &self,
        session: &dyn Session,
        found: Vec<Found>,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let files = self.parquet_files(found).await?;
        let known: Vec<&Statistics> = files.iter().filter_map(|file| file.statistics.as_deref()).collect();
        let statistics = if known.len() == files.len() && !files.is_empty() {
            Statistics::try_merge_iter(known, &self.schema)?
        } else {
            Statistics::new_unknown(&self.schema)
        };
        let groups = FileGroup::new(files).split_files(session.config().target_partitions());
        let keys: Vec<_> = self.keys.fields().iter().cloned().collect();
        let table_schema =
            TableSchema::builder(Arc::clone(&self.columns)).with_table_partition_cols(keys).build();
        let readers =
            ObjectReaders { reader: self.sources.reader.clone(), footers: Arc::clone(&self.sources.footers) };
        let source = ParquetSource::new(table_schema)
            .with_table_parquet_options(session.table_options().parquet.clone())
            .with_parquet_file_reader_factory(Arc::new(readers));
        let url = ObjectStoreUrl::parse(STORE)?;
        let scan = FileScanConfigBuilder::new(url, Arc::new(NamedParquet(source)))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_expr_adapter(Some(Arc::new(AnyCase)))
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}

/// Objects that Hive does not read: any part of the path under the table's location begins with `.` or `_`.
fn is_hidden(path: &str) -> bool {
    path.ends_with('/') || path.split('/').any(|part| part.starts_with(['.', '_']) && !part.contains('='))
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> EngineResult<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| {
            if prune::only_partition_keys(filter, &self.def.partition_keys) {
                TableProviderFilterPushDown::Exact
            } else if self.format == TableFormat::Parquet {
                TableProviderFilterPushDown::Inexact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let found = self.find(session, filters).await?;
        match &self.format {
            TableFormat::Parquet => self.scan_parquet(session, found, projection, limit).await,
            other => text::scan(
                &text::TextTable {
                    format: other.clone(),
                    columns: Arc::clone(&self.columns),
                    schema: Arc::clone(&self.schema),
                    reader: self.sources.reader.clone(),
                },
                found.into_iter().map(|found| (found.file, found.values)).collect(),
                projection,
                session.config().target_partitions(),
            ),
        }
    }

    fn statistics(&self) -> Option<Statistics> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_objects_are_those_hive_skips() {
        for (path, hidden) in [
            ("a.csv", false),
            ("year=2013/a.csv", false),
            ("_SUCCESS", true),
            (".part", true),
            ("_temporary/0/a.csv", true),
            ("year=2013/_a", true),
            ("folder/", true),
            ("_hidden=1/a", false),
        ] {
            assert_eq!(is_hidden(path), hidden, "{path}");
        }
    }
}
