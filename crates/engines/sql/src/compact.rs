//! What is sorted is made compact first: batches of the engine's size, each with bytes of its own.
//!
//! Strings that came from one block share its memory, and the sort counts the whole of it for each batch that holds some: it
//! would take its memory for used up long before that, and could not merge what it has spilled.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, GenericByteViewArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{ByteViewType, DataType};
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion};
use datafusion::error::Result as EngineResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, replace_children_if_necessary,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};

/// The plan, with this step before each sort that keeps all rows.
pub(crate) fn compact_before_sorts(plan: Arc<dyn ExecutionPlan>) -> EngineResult<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| {
        let input =
            plan.downcast_ref::<SortExec>().filter(|sort| sort.fetch().is_none()).map(SortExec::input);
        match input {
            Some(input) if input.schema().fields().iter().any(|field| is_view(field.data_type())) => {
                let compact: Arc<dyn ExecutionPlan> = Arc::new(Compact { input: Arc::clone(input) });
                replace_children_if_necessary(plan, vec![compact]).map(Transformed::yes)
            }
            _ => Ok(Transformed::no(plan)),
        }
    })
    .data()
}

fn is_view(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8View | DataType::BinaryView)
}

#[derive(Debug)]
struct Compact {
    input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for Compact {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Compact")
    }
}

impl ExecutionPlan for Compact {
    fn name(&self) -> &'static str {
        "Compact"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> EngineResult<TreeNodeRecursion>,
    ) -> EngineResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self { input: children.swap_remove(0) }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> EngineResult<SendableRecordBatchStream> {
        let rows = context.session_config().batch_size();
        let input = self.input.execute(partition, context)?;
        let schema = input.schema();
        let batches = input.map_ok(move |batch| stream::iter(pieces(batch, rows))).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches.boxed())))
    }
}

/// The batch in pieces of so many rows at most.
fn pieces(batch: RecordBatch, rows: usize) -> impl Iterator<Item = EngineResult<RecordBatch>> {
    let total = batch.num_rows();
    (0..total).step_by(rows.max(1)).map(move |from| {
        if total <= rows {
            return own_bytes(&batch);
        }
        let range = from..total.min(from + rows);
        let indices = UInt32Array::from_iter_values(range.filter_map(|row| u32::try_from(row).ok()));
        own_bytes(&take_record_batch(&batch, &indices)?)
    })
}

fn own_bytes(batch: &RecordBatch) -> EngineResult<RecordBatch> {
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Utf8View => view(column.as_string_view(), column),
        DataType::BinaryView => view(column.as_binary_view(), column),
        _ => Arc::clone(column),
    });
    Ok(RecordBatch::try_new(batch.schema(), columns.collect())?)
}

fn view<T: ByteViewType + ?Sized>(array: &GenericByteViewArray<T>, column: &ArrayRef) -> ArrayRef {
    let held: usize = array.data_buffers().iter().map(|buffer| buffer.capacity()).sum();
    // A copy of what is as good as compact would be for nothing.
    if held > array.total_buffer_bytes_used() / 4 * 5 { Arc::new(array.gc()) } else { Arc::clone(column) }
}
