//! The scan of a text table: splits shared out over the engine's partitions, each decoded block by block.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::error::Result as EngineResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{StreamExt as _, TryStreamExt as _};

use super::format::TableFormat;
use super::lines::{Lines, Split, can_be_split, each_line};
use super::parquet::TableObject;
use super::{delimited, json};
use crate::error::QueryError;
use crate::objects::Reader;

/// Objects are split into parts no smaller than this.
const MIN_SPLIT: u64 = 8 << 20;

/// What the scan knows of its table.
#[derive(Debug, Clone)]
pub(crate) struct TextTable {
    pub(crate) format: TableFormat,
    /// The columns that lie in the objects.
    pub(crate) columns: SchemaRef,
    /// The columns, then the partition keys.
    pub(crate) schema: SchemaRef,
    pub(crate) reader: Reader,
}

/// Plans the scan of `files`, each with the values of its partition's keys.
pub(crate) fn scan(
    table: &TextTable,
    files: Vec<(TableObject, Vec<ScalarValue>)>,
    projection: Option<&Vec<usize>>,
    target_partitions: usize,
) -> EngineResult<Arc<dyn ExecutionPlan>> {
    let wanted: Vec<usize> = match projection {
        Some(projection) => projection.clone(),
        None => (0..table.schema.fields().len()).collect(),
    };
    let schema = Arc::new(table.schema.project(&wanted)?);
    let shared = Arc::new(Shared { table: table.clone(), wanted, schema: Arc::clone(&schema) });
    let partitions = share_out(files, &table.format, target_partitions)
        .into_iter()
        .map(|parts| {
            Arc::new(TextPartition { shared: Arc::clone(&shared), parts }) as Arc<dyn PartitionStream>
        })
        .collect();
    Ok(Arc::new(StreamingTableExec::try_new(schema, partitions, None, None, false, None)?))
}

#[derive(Debug, Clone)]
struct Part {
    split: Split,
    values: Arc<Vec<ScalarValue>>,
}

/// Cuts large objects and gives each partition about the same number of bytes.
fn share_out(
    files: Vec<(TableObject, Vec<ScalarValue>)>,
    format: &TableFormat,
    target_partitions: usize,
) -> Vec<Vec<Part>> {
    let total: u64 = files.iter().map(|(file, _)| file.object.size).sum();
    let share = (total / target_partitions.max(1) as u64).max(MIN_SPLIT);
    let mut shares: Vec<(u64, Vec<Part>)> = vec![(0, Vec::new()); target_partitions.max(1)];
    for (file, values) in files {
        let values = Arc::new(values);
        let size = file.object.size;
        let step = if hold_back(format) == 0 && can_be_split(&file) { share } else { size };
        let mut start = 0;
        while start < size {
            let end = if size - start < step + step / 4 { size } else { start + step };
            let least =
                shares.iter_mut().min_by_key(|(bytes, _)| *bytes).expect("there is at least one share");
            least.0 += end - start;
            let split = Split { file: file.clone(), start, end };
            least.1.push(Part { split, values: Arc::clone(&values) });
            start = end;
        }
    }
    shares.into_iter().map(|(_, parts)| parts).collect()
}

fn skip_lines(format: &TableFormat) -> usize {
    match format {
        TableFormat::Parquet => 0,
        TableFormat::Delimited(options) => options.skip_lines,
        TableFormat::OpenCsv(options) => options.skip_lines,
        TableFormat::Json(options) => options.skip_lines,
    }
}

fn hold_back(format: &TableFormat) -> usize {
    match format {
        TableFormat::Parquet | TableFormat::Json(_) => 0,
        TableFormat::Delimited(options) => options.skip_last_lines,
        TableFormat::OpenCsv(options) => options.skip_last_lines,
    }
}

#[derive(Debug)]
struct Shared {
    table: TextTable,
    /// Which of the table's columns, keys included, the query needs.
    wanted: Vec<usize>,
    schema: SchemaRef,
}

impl Shared {
    fn decode(&self, block: &[u8], part: &Part) -> Result<RecordBatch, QueryError> {
        let table = &self.table;
        let in_file = table.columns.fields().len();
        let needed: Vec<usize> = self.wanted.iter().copied().filter(|i| *i < in_file).collect();
        let name = || part.split.file.name();
        let (rows, decoded) = if needed.is_empty() {
            (each_line(block).count(), Vec::new())
        } else {
            match &table.format {
                TableFormat::Delimited(options) => delimited::decode(block, options, &table.columns, &needed),
                TableFormat::OpenCsv(options) => {
                    delimited::decode_quoted(block, options, &table.columns, &needed, &name)?
                }
                TableFormat::Json(options) => json::decode(block, options, &table.columns, &needed, &name)?,
                TableFormat::Parquet => unreachable!("Parquet tables are not scanned as text"),
            }
        };
        let mut decoded = decoded.into_iter();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.wanted.len());
        for i in &self.wanted {
            let column = match i.checked_sub(in_file) {
                None => decoded.next(),
                Some(key) => match part.values.get(key) {
                    Some(value) => Some(value.to_array_of_size(rows).map_err(|error| internal(&error))?),
                    None => None,
                },
            };
            columns.push(column.ok_or_else(|| internal(&"a column was not decoded"))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| internal(&error))
    }
}

fn internal(error: &dyn std::fmt::Display) -> QueryError {
    QueryError::system("GENERIC_INTERNAL_ERROR", error.to_string())
}

#[derive(Debug)]
struct TextPartition {
    shared: Arc<Shared>,
    parts: Vec<Part>,
}

impl PartitionStream for TextPartition {
    fn schema(&self) -> &SchemaRef {
        &self.shared.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let shared = Arc::clone(&self.shared);
        let batches = futures::stream::iter(self.parts.clone())
            .then(move |part| {
                let shared = Arc::clone(&shared);
                async move { part_stream(shared, part).await }
            })
            .try_flatten();
        let schema = Arc::clone(&self.shared.schema);
        Box::pin(RecordBatchStreamAdapter::new(schema, batches.map_err(Into::into)))
    }
}

async fn part_stream(
    shared: Arc<Shared>,
    part: Part,
) -> Result<impl futures::Stream<Item = Result<RecordBatch, QueryError>>, QueryError> {
    let format = &shared.table.format;
    let lines = Lines::open(&shared.table.reader, &part.split, skip_lines(format), hold_back(format)).await?;
    Ok(futures::stream::try_unfold((lines, shared, part), |(mut lines, shared, part)| async move {
        let batch = match lines.next().await? {
            Some(block) => shared.decode(&block, &part)?,
            None => return Ok(None),
        };
        Ok(Some((batch, (lines, shared, part))))
    }))
}
