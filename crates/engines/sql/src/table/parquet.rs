//! Parquet objects: footers (cached by ETag), statistics for the planner, range reads, and the scan itself.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::common::{ColumnStatistics, Statistics, stats::Precision};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use crate::error::{QueryError, ours_within};
use crate::objects::{ObjectInfo, Reader};
use crate::types::trino_name;

/// The first read of a file takes this much of its end, which holds the whole footer of most files.
const FOOTER_GUESS: usize = 64 << 10;

/// Ranges of one file that are read side by side.
const READS_AT_ONCE: usize = 4;

/// An object of a table.
#[derive(Debug, Clone)]
pub(crate) struct TableObject {
    pub(crate) bucket: Arc<str>,
    pub(crate) object: Arc<ObjectInfo>,
}

impl TableObject {
    pub(crate) fn name(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.object.key)
    }
}

/// Footers that were read before, by bucket, key and ETag; the least recently used go first.
#[derive(Debug)]
pub(crate) struct Footers {
    limit: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    footers: HashMap<FooterKey, Footer>,
    bytes: usize,
    tick: u64,
}

type FooterKey = (Arc<str>, String, String);

#[derive(Debug)]
struct Footer {
    metadata: Arc<ParquetMetaData>,
    bytes: usize,
    used: u64,
}

impl Footers {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, kept: Mutex::default() }
    }

    fn get(&self, file: &TableObject) -> Option<Arc<ParquetMetaData>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.tick += 1;
        let tick = kept.tick;
        let footer = kept.footers.get_mut(&key_of(file))?;
        footer.used = tick;
        Some(Arc::clone(&footer.metadata))
    }

    fn put(&self, file: &TableObject, metadata: &Arc<ParquetMetaData>) {
        let bytes = metadata.memory_size() + file.object.key.len();
        if bytes > self.limit / 4 {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.tick += 1;
        let footer = Footer { metadata: Arc::clone(metadata), bytes, used: kept.tick };
        if let Some(old) = kept.footers.insert(key_of(file), footer) {
            kept.bytes -= old.bytes;
        }
        kept.bytes += bytes;
        if kept.bytes > self.limit {
            kept.make_room(self.limit - self.limit / 8);
        }
    }
}

impl Kept {
    fn make_room(&mut self, wanted: usize) {
        let mut by_use: Vec<(u64, FooterKey)> =
            self.footers.iter().map(|(key, footer)| (footer.used, key.clone())).collect();
        by_use.sort_unstable_by_key(|(used, _)| *used);
        for (_, key) in by_use {
            if self.bytes <= wanted {
                return;
            }
            if let Some(gone) = self.footers.remove(&key) {
                self.bytes -= gone.bytes;
            }
        }
    }
}

fn key_of(file: &TableObject) -> FooterKey {
    (Arc::clone(&file.bucket), file.object.key.clone(), file.object.etag.clone())
}

/// Reads one object for the Parquet decoder.
#[derive(Debug, Clone)]
pub(crate) struct ObjectReader {
    pub(crate) reader: Reader,
    pub(crate) footers: Arc<Footers>,
    pub(crate) file: TableObject,
}

impl ObjectReader {
    /// The footer, with the page index where the file has one.
    ///
    /// Errors: HIVE_CANNOT_OPEN_SPLIT, naming the object that is not Parquet or was cut short.
    pub(crate) async fn footer(&mut self) -> Result<Arc<ParquetMetaData>, QueryError> {
        if let Some(metadata) = self.footers.get(&self.file) {
            return Ok(metadata);
        }
        let size = self.file.object.size;
        let parser = ParquetMetaDataReader::new()
            .with_prefetch_hint(Some(FOOTER_GUESS))
            .with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = match parser.load_and_finish(&mut *self, size).await {
            Ok(metadata) => Arc::new(metadata),
            Err(error) => {
                return Err(ours_within(&error).cloned().unwrap_or_else(|| {
                    let name = self.file.name();
                    QueryError::user(
                        "HIVE_CANNOT_OPEN_SPLIT",
                        format!(
                            "Error opening Hive split {name} (offset=0, length={size}): Invalid Parquet file: {error}"
                        ),
                    )
                }));
            }
        };
        self.footers.put(&self.file, &metadata);
        Ok(metadata)
    }

    async fn chunk(&self, range: Range<u64>) -> parquet::errors::Result<Bytes> {
        let wanted = range.end - range.start;
        let bytes = self.reader.range(&self.file.bucket, &self.file.object, range).await.map_err(external)?;
        if (bytes.len() as u64) < wanted {
            return Err(external(QueryError::user(
                "HIVE_CURSOR_ERROR",
                format!("Failed to read Parquet file: {}: the file ends too early", self.file.name()),
            )));
        }
        Ok(bytes)
    }
}

impl AsyncFileReader for ObjectReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.chunk(range).boxed()
    }

    /// The chunks of a row group's columns, read side by side: while one is decrypted the next comes from the disk.
    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        let reads = stream::iter(ranges).map(|range| self.chunk(range));
        reads.buffered(READS_AT_ONCE).try_collect().boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async move { self.footer().await.map_err(external) }.boxed()
    }
}

fn external(error: QueryError) -> ParquetError {
    ParquetError::External(Box::new(error))
}

/// Makes the readers of a scan; each file carries its object as an extension.
#[derive(Debug)]
pub(crate) struct ObjectReaders {
    pub(crate) reader: Reader,
    pub(crate) footers: Arc<Footers>,
}

impl ParquetFileReaderFactory for ObjectReaders {
    fn create_reader(
        &self,
        _partition_index: usize,
        file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> EngineResult<Box<dyn AsyncFileReader + Send>> {
        let file = file
            .extension::<TableObject>()
            .cloned()
            .ok_or_else(|| DataFusionError::Internal("a scanned file without its object".to_owned()))?;
        Ok(Box::new(ObjectReader { reader: self.reader.clone(), footers: Arc::clone(&self.footers), file }))
    }
}

/// What the planner can know of a file from its footer, in the types of the table.
///
/// Errors: HIVE_BAD_DATA (a column that cannot be read as the table declares it).
pub(crate) fn statistics(
    metadata: &ParquetMetaData,
    table: &SchemaRef,
    file: &TableObject,
) -> Result<Statistics, QueryError> {
    let about = metadata.file_metadata();
    let broken = |error: &dyn std::fmt::Display| {
        QueryError::user("HIVE_BAD_DATA", format!("Malformed Parquet file {}: {error}", file.name()))
    };
    let physical = parquet_to_arrow_schema(about.schema_descr(), about.key_value_metadata())
        .map_err(|error| broken(&error))?;
    // The statistics are looked up by name: ask for each column as the file spells it.
    let mut spelled = Vec::with_capacity(table.fields().len());
    for field in table.fields() {
        let found = find(&physical, field.name());
        if let Some(found) = found
            && !can_read(found.data_type(), field.data_type())
        {
            return Err(QueryError::user(
                "HIVE_BAD_DATA",
                format!(
                    "Field {}'s type {} in parquet file {} is incompatible with type {} defined in table schema",
                    field.name(),
                    trino_name(found.data_type()),
                    file.name(),
                    trino_name(field.data_type()),
                ),
            ));
        }
        let name = found.map_or_else(|| field.name().clone(), |found| found.name().clone());
        spelled.push(Field::new(name, field.data_type().clone(), true));
    }
    let spelled = Arc::new(Schema::new(spelled));
    let mut known = DFParquetMetadata::statistics_from_parquet_metadata(metadata, &spelled)
        .map_err(|error| broken(&error))?;
    for (i, field) in table.fields().iter().enumerate() {
        let same_type = find(&physical, field.name())
            .is_none_or(|found| plain_type(found.data_type()) == plain_type(field.data_type()));
        // Bounds in another type than the column's would be taken for its own.
        if !same_type && let Some(column) = known.column_statistics.get_mut(i) {
            *column = ColumnStatistics {
                null_count: column.null_count,
                byte_size: column.byte_size,
                ..ColumnStatistics::new_unknown()
            };
        }
    }
    if known.column_statistics.is_empty() {
        known.column_statistics = Statistics::unknown_column(table);
    }
    known.total_byte_size = Precision::Inexact(usize::try_from(file.object.size).unwrap_or(usize::MAX));
    Ok(known)
}

fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    }
}

fn find<'a>(schema: &'a Schema, name: &str) -> Option<&'a Field> {
    schema.field_with_name(name).ok().or_else(|| {
        schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(name)).map(AsRef::as_ref)
    })
}

/// Which Parquet types Athena reads as which declared types.
fn can_read(physical: &DataType, declared: &DataType) -> bool {
    use DataType as T;
    let string = |data_type: &T| matches!(data_type, T::Utf8 | T::LargeUtf8 | T::Utf8View);
    let binary = |data_type: &T| {
        matches!(data_type, T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_))
    };
    match (physical, declared) {
        (physical, declared) if physical.is_integer() => {
            declared.is_integer() || declared.is_floating() || declared.is_decimal()
        }
        (physical, declared) if physical.is_floating() => declared.is_floating(),
        (physical, declared) if physical.is_decimal() => {
            declared.is_decimal() || declared.is_floating() || declared.is_integer()
        }
        (physical, declared) if string(physical) || binary(physical) => string(declared) || binary(declared),
        (T::Boolean, declared) => *declared == T::Boolean,
        (T::Date32 | T::Date64, declared) => matches!(declared, T::Date32 | T::Timestamp(..)),
        (T::Timestamp(..), declared) => matches!(declared, T::Timestamp(..) | T::Date32),
        (T::List(a) | T::LargeList(a) | T::FixedSizeList(a, _), T::List(b)) => {
            can_read(a.data_type(), b.data_type())
        }
        (T::Map(a, _), T::Map(b, _)) => can_read(a.data_type(), b.data_type()),
        (T::Struct(a), T::Struct(b)) => b.iter().all(|wanted| {
            a.iter()
                .find(|field| field.name().eq_ignore_ascii_case(wanted.name()))
                .is_none_or(|field| can_read(field.data_type(), wanted.data_type()))
        }),
        (physical, declared) => physical == declared,
    }
}

/// Finds a table's columns in a file whatever their case: Glue's names are lower case, writers' need not be.
#[derive(Debug)]
pub(crate) struct AnyCase;

impl PhysicalExprAdapterFactory for AnyCase {
    fn create(&self, logical: SchemaRef, physical: SchemaRef) -> EngineResult<Arc<dyn PhysicalExprAdapter>> {
        let respelled: Vec<Field> = physical
            .fields()
            .iter()
            .map(|field| {
                let exact = logical.field_with_name(field.name()).is_ok();
                match find(&logical, field.name()) {
                    Some(wanted) if !exact && physical.field_with_name(wanted.name()).is_err() => {
                        field.as_ref().clone().with_name(wanted.name())
                    }
                    _ => field.as_ref().clone(),
                }
            })
            .collect();
        let respelled = Arc::new(Schema::new_with_metadata(respelled, physical.metadata().clone()));
        let inner = DefaultPhysicalExprAdapterFactory {}.create(logical, respelled)?;
        Ok(Arc::new(AnyCaseAdapter { inner, physical }))
    }
}

#[derive(Debug)]
struct AnyCaseAdapter {
    inner: Arc<dyn PhysicalExprAdapter>,
    physical: SchemaRef,
}

impl PhysicalExprAdapter for AnyCaseAdapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> EngineResult<Arc<dyn PhysicalExpr>> {
        let adapted = self.inner.rewrite(expr)?;
        // Back to the file's own spelling: page and row-group statistics are found by it.
        adapted
            .transform(|expr| {
                if let Some(column) = expr.downcast_ref::<Column>()
                    && let Some(field) = self.physical.fields().get(column.index())
                    && field.name() != column.name()
                    && field.name().eq_ignore_ascii_case(column.name())
                {
                    let own: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), column.index()));
                    return Ok(Transformed::yes(own));
                }
                Ok(Transformed::no(expr))
            })
            .map(|done| done.data)
    }
}
