//! A scan of Parquet whose every error names its object: what the decoder says of broken bytes does not tell where they
//! lie. A decoder that panics over them has found them broken too.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileOpener, FileScanConfig, FileSource, ParquetSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::filter_pushdown::FilterPushdownPropagation;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{DisplayFormatType, SortOrderPushdownResult};
use datafusion_datasource::morsel::{Morsel, MorselPlan, MorselPlanner, Morselizer};
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use object_store::ObjectStore;

use super::parquet::TableObject;
use crate::error::{QueryError, ours_within};

/// The engine's scan of Parquet, and names in its errors.
#[derive(Clone)]
pub(super) struct NamedParquet(pub(super) ParquetSource);

impl NamedParquet {
    /// The engine's own source changes itself by making another one.
    fn rewrap(source: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        match source.downcast_ref::<ParquetSource>() {
            Some(parquet) => Arc::new(Self(parquet.clone())),
            None => source,
        }
    }
}

impl FileSource for NamedParquet {
    fn create_file_opener(
        &self,
        object_store: Arc<dyn ObjectStore>,
        base_config: &FileScanConfig,
        partition: usize,
    ) -> EngineResult<Arc<dyn FileOpener>> {
        self.0.create_file_opener(object_store, base_config, partition)
    }

    fn create_morselizer(
        &self,
        object_store: Arc<dyn ObjectStore>,
        base_config: &FileScanConfig,
        partition: usize,
    ) -> EngineResult<Box<dyn Morselizer>> {
        let inner = self.0.create_morselizer(object_store, base_config, partition)?;
        Ok(Box::new(NamedMorselizer(inner)))
    }

    fn table_schema(&self) -> &TableSchema {
        self.0.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Self::rewrap(self.0.with_batch_size(batch_size))
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.0.filter()
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.0.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.0.metrics()
    }

    fn file_type(&self) -> &str {
        self.0.file_type()
    }

    fn fmt_extra(&self, t: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt_extra(t, f)
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> EngineResult<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let mut pushed = self.0.try_pushdown_filters(filters, config)?;
        pushed.updated_node = pushed.updated_node.map(Self::rewrap);
        Ok(pushed)
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
        eq_properties: &EquivalenceProperties,
    ) -> EngineResult<SortOrderPushdownResult<Arc<dyn FileSource>>> {
        Ok(match self.0.try_pushdown_sort(order, eq_properties)? {
            SortOrderPushdownResult::Exact { inner } => {
                SortOrderPushdownResult::Exact { inner: Self::rewrap(inner) }
            }
            SortOrderPushdownResult::Inexact { inner } => {
                SortOrderPushdownResult::Inexact { inner: Self::rewrap(inner) }
            }
            SortOrderPushdownResult::Unsupported => SortOrderPushdownResult::Unsupported,
        })
    }

    fn reorder_files(&self, files: Vec<PartitionedFile>) -> Vec<PartitionedFile> {
        self.0.reorder_files(files)
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> EngineResult<Option<Arc<dyn FileSource>>> {
        Ok(self.0.try_pushdown_projection(projection)?.map(Self::rewrap))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> EngineResult<TreeNodeRecursion>,
    ) -> EngineResult<TreeNodeRecursion> {
        self.0.apply_expressions(f)
    }
}

/// The object that is read, for its name.
type Name = Arc<str>;

#[derive(Debug)]
struct NamedMorselizer(Box<dyn Morselizer>);

impl Morselizer for NamedMorselizer {
    fn plan_file(&self, file: PartitionedFile) -> EngineResult<Box<dyn MorselPlanner>> {
        let name: Name = file.extension::<TableObject>().map(TableObject::name).unwrap_or_default().into();
        let inner = guarded(&name, || self.0.plan_file(file))?;
        Ok(Box::new(NamedPlanner { inner, name }))
    }
}

#[derive(Debug)]
struct NamedPlanner {
    inner: Box<dyn MorselPlanner>,
    name: Name,
}

impl MorselPlanner for NamedPlanner {
    fn plan(self: Box<Self>) -> EngineResult<Option<MorselPlan>> {
        let Self { inner, name } = *self;
        let Some(mut plan) = guarded(&name, || inner.plan())? else { return Ok(None) };
        let planner = {
            let name = Arc::clone(&name);
            move |inner| -> Box<dyn MorselPlanner> {
                Box::new(NamedPlanner { inner, name: Arc::clone(&name) })
            }
        };
        let morsels = plan
            .take_morsels()
            .into_iter()
            .map(|inner| -> Box<dyn Morsel> { Box::new(NamedMorsel { inner, name: Arc::clone(&name) }) })
            .collect();
        let planners = plan.take_ready_planners().into_iter().map(&planner).collect();
        let mut named = MorselPlan::new().with_morsels(morsels).with_planners(planners);
        if let Some(pending) = plan.take_pending_planner() {
            named.set_pending_planner(async move {
                match AssertUnwindSafe(pending.into_future()).catch_unwind().await {
                    Ok(Ok(inner)) => Ok(planner(inner)),
                    Ok(Err(error)) => Err(told(&name, error)),
                    Err(panic) => Err(panicked(&name, panic.as_ref())),
                }
            });
        }
        Ok(Some(named))
    }
}

#[derive(Debug)]
struct NamedMorsel {
    inner: Box<dyn Morsel>,
    name: Name,
}

impl Morsel for NamedMorsel {
    fn into_stream(self: Box<Self>) -> BoxStream<'static, EngineResult<RecordBatch>> {
        let Self { inner, name } = *self;
        AssertUnwindSafe(inner.into_stream())
            .catch_unwind()
            .map(move |batch| match batch {
                Ok(batch) => batch.map_err(|error| told(&name, error)),
                Err(panic) => Err(panicked(&name, panic.as_ref())),
            })
            .boxed()
    }
}

fn guarded<T>(name: &Name, work: impl FnOnce() -> EngineResult<T>) -> EngineResult<T> {
    match std::panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| told(name, error)),
        Err(panic) => Err(panicked(name, panic.as_ref())),
    }
}

/// The decoder's errors with the object's name; those that tell of something else stay as they are.
fn told(name: &Name, error: DataFusionError) -> DataFusionError {
    if ours_within(&error).is_some() {
        return error;
    }
    let reason = match error.find_root() {
        DataFusionError::ParquetError(parquet) => parquet.to_string(),
        DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
            ArrowError::ParquetError(_)
            | ArrowError::InvalidArgumentError(_)
            | ArrowError::ExternalError(_) => arrow.to_string(),
            _ => return error,
        },
        _ => return error,
    };
    broken(name, &reason).into()
}

fn panicked(name: &Name, panic: &(dyn Any + Send)) -> DataFusionError {
    let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    broken(name, said.unwrap_or("its bytes make no sense")).into()
}

fn broken(name: &Name, reason: &str) -> QueryError {
    let reason = reason.lines().next().unwrap_or_default();
    QueryError::user("HIVE_CURSOR_ERROR", format!("Failed to read Parquet file: {name}: {reason}"))
}
