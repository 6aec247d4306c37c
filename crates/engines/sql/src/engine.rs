//! The engine: one memory pool, one pool of threads, one cache of footers for all statements; a session, a plan and a
//! stream of rows for each.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::CatalogProviderList as _;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, displayable, execute_stream};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement as EngineStatement;
use datafusion::sql::sqlparser::ast::{Query, Statement as Ast};
use futures::StreamExt as _;
use millpond_core::{ByteSize, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::catalog::Catalog;
use crate::compact::compact_before_sorts;
use crate::ddl;
use crate::error::{QueryError, from_engine};
use crate::functions;
use crate::lateral::unnest_beside;
use crate::objects::{Meter, Objects, Reader};
use crate::plan::{CATALOG, QueryCatalog, Types, planning_error};
use crate::print::Rows;
use crate::rewrite::{self, OutputName};
use crate::statement::{Parsed, Statement, parse_parameter};
use crate::table::parquet::Footers;
use crate::table::{STORE, Sources};
use crate::types::ColumnInfo;

/// Blocks of rows that wait for the reader of an execution.
const WAITING_BLOCKS: usize = 2;

/// Plans and expressions are walked by recursion; the statement's limits are set for stacks of this size.
const STACK: usize = 64 << 20;

/// What the engine may use.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Memory of all running statements together; beyond it sorts, joins and groups spill to disk or fail.
    pub memory: ByteSize,
    pub spill_dir: PathBuf,
    pub spill: ByteSize,
    /// Threads, and the parts that a query is divided into.
    pub threads: usize,
    /// Memory for Parquet footers that are kept between statements.
    pub footers: ByteSize,
}

impl EngineOptions {
    /// Sizes for a machine with that many processors; spills go to `spill_dir`.
    pub fn new(spill_dir: PathBuf, threads: usize) -> Self {
        Self {
            memory: ByteSize::gib(2),
            spill_dir,
            spill: ByteSize::gib(100),
            threads: threads.max(1),
            footers: ByteSize::mib(64),
        }
    }
}

/// On whose behalf, on what and when a statement runs.
pub struct Session {
    pub catalog: Arc<dyn Catalog>,
    pub objects: Arc<dyn Objects>,
    /// The database of names that name none.
    pub database: String,
    /// What `now()` and `current_date` say.
    pub now: Timestamp,
    /// The statement ends with EXCEEDED_SCAN_LIMIT when it has read this much.
    pub scan_limit: Option<u64>,
    /// The values of the statement's `?`, as SQL literals.
    pub parameters: Vec<String>,
}

/// The engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    /// Queries keep processors busy for long stretches: on threads of their own they do not hold up anything else.
    runtime: Option<tokio::runtime::Runtime>,
    template: SessionState,
    footers: Arc<Footers>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for its threads is not allowed where the engine may be dropped.
            runtime.shutdown_background();
        }
    }
}

impl Engine {
    /// Errors: GENERIC_INTERNAL_ERROR (the folder for spills or the threads cannot be made).
    pub fn new(options: &EngineOptions) -> Result<Self, QueryError> {
        let failed =
            |error: &dyn std::fmt::Display| QueryError::system("GENERIC_INTERNAL_ERROR", error.to_string());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(options.threads)
            .thread_name("sql")
            .thread_stack_size(STACK)
            .enable_all()
            .build()
            .map_err(|error| failed(&error))?;
        let environment = environment(options).map_err(|error| failed(&error))?;
        Ok(Self(Arc::new(Inner {
            runtime: Some(runtime),
            template: template(options, environment).map_err(|error| failed(&error))?,
            footers: Arc::new(Footers::new(options.footers.as_usize())),
        })))
    }

    /// Plans the statement and begins to run it. Dropping the future, or the execution, ends it.
    ///
    /// Errors: what planning finds wrong, with the place in the statement.
    pub async fn run(&self, session: Session, statement: Statement) -> Result<Execution, QueryError> {
        let begun = Instant::now();
        let meter = Meter::new(session.scan_limit);
        let (planned, plan) = oneshot::channel();
        let (rows, received) = mpsc::channel(WAITING_BLOCKS);
        let work = Work { inner: Arc::clone(&self.0), session, meter: Arc::clone(&meter) };
        let Some(runtime) = &self.0.runtime else { return Err(stopped()) };
        let task = AbortOnDrop(runtime.spawn(work.run(statement, planned, rows)));
        let columns = plan.await.map_err(|_| stopped())??;
        Ok(Execution { columns, rows: received, meter, planning: begun.elapsed(), task })
    }

    /// How many parts of statements are being worked on.
    #[cfg(test)]
    pub(crate) fn running(&self) -> usize {
        self.0.runtime.as_ref().map_or(0, |runtime| runtime.metrics().num_alive_tasks())
    }
}

fn stopped() -> QueryError {
    QueryError::system("GENERIC_INTERNAL_ERROR", "The engine ended the statement; its log tells why")
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A statement that runs. Dropping it ends the work.
pub struct Execution {
    columns: Vec<ColumnInfo>,
    rows: mpsc::Receiver<Result<Rows, QueryError>>,
    meter: Arc<Meter>,
    planning: Duration,
    task: AbortOnDrop,
}

impl Execution {
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    /// How long parsing, resolving and planning took.
    pub fn planning(&self) -> Duration {
        self.planning
    }

    /// The bytes that were read from objects so far.
    pub fn scanned(&self) -> u64 {
        self.meter.scanned()
    }

    /// The next block of rows; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<Rows>, QueryError> {
        match self.rows.recv().await {
            Some(block) => block.map(Some),
            None => {
                // The channel also closes when the work panicked: that is not the end of the rows.
                match (&mut self.task.0).await {
                    Ok(()) => Ok(None),
                    Err(_) => Err(stopped()),
                }
            }
        }
    }
}

fn environment(options: &EngineOptions) -> datafusion::error::Result<RuntimeEnv> {
    let spills = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![options.spill_dir.clone()]))
        .with_max_temp_directory_size(options.spill.as_u64());
    let environment = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(options.memory.as_usize())))
        .with_disk_manager_builder(spills)
        .build()?;
    // Plans name a store; reads go through the tables' own readers, so that it is never asked.
    let url = ObjectStoreUrl::parse(STORE)?;
    environment
        .register_object_store(url.as_ref(), Arc::new(datafusion::object_store::memory::InMemory::new()));
    Ok(environment)
}

/// The state that each statement's own begins from.
fn template(options: &EngineOptions, environment: RuntimeEnv) -> datafusion::error::Result<SessionState> {
    let mut config = SessionConfig::new()
        .with_target_partitions(options.threads)
        .with_default_catalog_and_schema(CATALOG, "default")
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false)
        .with_collect_statistics(true);
    let settings = config.options_mut();
    settings.sql_parser.parse_float_as_decimal = true;
    settings.sql_parser.enable_ident_normalization = true;
    settings.sql_parser.default_null_ordering = "nulls_last".to_owned();
    settings.execution.time_zone = Some(crate::types::UTC.to_owned());
    settings.execution.parquet.pushdown_filters = false;
    settings.execution.parquet.coerce_int96 = Some("ms".to_owned());
    // With few threads, one table of the smaller side is cheaper than dividing both sides among them
    // (TPC-H's Q3, Q5, Q7 and Q21 on two: a third less).
    settings.optimizer.hash_join_single_partition_threshold = 64 << 20;
    settings.optimizer.hash_join_single_partition_threshold_rows = 4_000_000;
    let mut builder = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(Arc::new(environment))
        .with_default_features()
        .with_type_planner(Arc::new(Types));
    let functions = functions::all();
    let named = |name: &str| functions.iter().find(|function| function.name() == name).cloned();
    if let (Some(add), Some(subtract), Some(multiply), Some(element_at)) =
        (named("checked_add"), named("checked_subtract"), named("checked_multiply"), named("element_at"))
    {
        let operators = functions::Operators { add, subtract, multiply, element_at };
        builder.expr_planners().get_or_insert_default().insert(0, Arc::new(operators));
    }
    // Later functions of a name replace earlier ones: ours the engine's.
    builder.scalar_functions().get_or_insert_default().extend(functions);
    Ok(builder.build())
}

struct Work {
    inner: Arc<Inner>,
    session: Session,
    meter: Arc<Meter>,
}

type Planned = oneshot::Sender<Result<Vec<ColumnInfo>, QueryError>>;
type RowSink = mpsc::Sender<Result<Rows, QueryError>>;

impl Work {
    async fn run(self, statement: Statement, planned: Planned, rows: RowSink) {
        match statement.parsed {
            Parsed::Query(query) => self.query(*query, planned, rows).await,
            Parsed::Explain { query, analyze } => {
                let lines = self.explain(*query, analyze).await;
                answer(lines.map(|lines| one_column("Query Plan", lines)), planned, rows).await;
            }
            Parsed::Ddl(statement) => {
                let context = ddl::Context {
                    catalog: Arc::clone(&self.session.catalog),
                    reader: self.reader(),
                    database: self.session.database.clone(),
                };
                answer(ddl::run(&context, *statement).await, planned, rows).await;
            }
        }
    }

    fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.session.objects), Arc::clone(&self.meter))
    }

    async fn query(&self, query: Query, planned: Planned, rows: RowSink) {
        let begun = async {
            let (state, plan, outputs) = self.plan(query).await?;
            let names: Vec<String> =
                plan.schema().fields().iter().map(|field| field.name().clone()).collect();
            let physical = physical(&state, &plan).await?;
            let columns = rewrite::output_names(&outputs, &names)
                .into_iter()
                .zip(physical.schema().fields())
                .map(|(name, field)| ColumnInfo::of(name, field.data_type()))
                .collect();
            let stream = execute_stream(physical, state.task_ctx()).map_err(|error| from_engine(&error))?;
            Ok((columns, stream))
        };
        let mut stream = match begun.await {
            Ok((columns, stream)) => {
                if planned.send(Ok(columns)).is_err() {
                    return;
                }
                stream
            }
            Err(error) => {
                // Nobody waits any more when the caller has gone.
                let _gone = planned.send(Err(error));
                return;
            }
        };
        while let Some(batch) = stream.next().await {
            let block = match batch {
                Ok(batch) if batch.num_rows() == 0 => continue,
                Ok(batch) => Ok(Rows::new(batch)),
                Err(error) => Err(from_engine(&error)),
            };
            let failed = block.is_err();
            if rows.send(block).await.is_err() || failed {
                return;
            }
        }
    }

    async fn plan(
        &self,
        mut query: Query,
    ) -> Result<(SessionState, LogicalPlan, Vec<OutputName>), QueryError> {
        let template = &self.inner.template;
        let known = |name: &str| {
            template.scalar_functions().contains_key(name)
                || template.aggregate_functions().contains_key(name)
                || template.window_functions().contains_key(name)
                || template.higher_order_functions().contains_key(name)
                || template.table_functions().contains_key(name)
        };
        let parameters =
            self.session.parameters.iter().map(|text| parse_parameter(text)).collect::<Result<_, _>>()?;
        let rewritten = rewrite::rewrite(&mut query, parameters, self.session.now, &known)?;
        let places = Arc::new(rewritten.places);
        let sources = Sources {
            catalog: Arc::clone(&self.session.catalog),
            reader: self.reader(),
            footers: Arc::clone(&self.inner.footers),
        };
        let mut state = template.clone();
        state.config_mut().options_mut().catalog.default_schema.clone_from(&self.session.database);
        let catalogs = datafusion::catalog::MemoryCatalogProviderList::new();
        let catalog = QueryCatalog { sources, places: Arc::clone(&places) };
        catalogs.register_catalog(CATALOG.to_owned(), Arc::new(catalog));
        state.register_catalog_list(Arc::new(catalogs));
        let statement = EngineStatement::Statement(Box::new(Ast::Query(Box::new(query))));
        let plan =
            state.statement_to_plan(statement).await.map_err(|error| planning_error(&error, &places))?;
        let plan = unnest_beside(plan).map_err(|error| planning_error(&error, &places))?;
        let plan = state.optimize(&plan).map_err(|error| planning_error(&error, &places))?;
        Ok((state, plan, rewritten.outputs))
    }

    async fn explain(&self, query: Query, analyze: bool) -> Result<Vec<String>, QueryError> {
        let (state, plan, _) = self.plan(query).await?;
        let physical = physical(&state, &plan).await?;
        if analyze {
            let mut stream = execute_stream(Arc::clone(&physical), state.task_ctx())
                .map_err(|error| from_engine(&error))?;
            while let Some(batch) = stream.next().await {
                batch.map_err(|error| from_engine(&error))?;
            }
            let shown =
                datafusion::physical_plan::display::DisplayableExecutionPlan::with_metrics(physical.as_ref());
            return Ok(shown.indent(false).to_string().lines().map(str::to_owned).collect());
        }
        let text = displayable(physical.as_ref()).indent(false).to_string();
        Ok(text.lines().map(str::to_owned).collect())
    }
}

async fn physical(state: &SessionState, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, QueryError> {
    let planned = state.create_physical_plan(plan).await.and_then(compact_before_sorts);
    planned.map_err(|error| from_engine(&error))
}

fn one_column(name: &str, lines: Vec<String>) -> ddl::Answer {
    ddl::Answer {
        columns: vec![ColumnInfo::text(name)],
        rows: lines.into_iter().map(|line| vec![line]).collect(),
    }
}

/// Gives a finished answer to the waiting caller.
async fn answer(answer: Result<ddl::Answer, QueryError>, planned: Planned, rows: RowSink) {
    let block = answer.and_then(|answer| Ok((block_of(&answer)?, answer.columns)));
    match block {
        Ok((block, columns)) => {
            if planned.send(Ok(columns)).is_ok() && !block.is_empty() {
                // The reader may have gone meanwhile, which ends the statement.
                let _gone = rows.send(Ok(block)).await;
            }
        }
        Err(error) => {
            let _gone = planned.send(Err(error));
        }
    }
}

fn block_of(answer: &ddl::Answer) -> Result<Rows, QueryError> {
    let fields: Vec<Field> =
        answer.columns.iter().map(|column| Field::new(&column.name, DataType::Utf8, true)).collect();
    let columns = (0..answer.columns.len()).map(|i| {
        let texts = answer.rows.iter().map(|row| row.get(i).map(String::as_str));
        Arc::new(StringArray::from_iter(texts)) as ArrayRef
    });
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(answer.rows.len()));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns.collect(), &options)
        .map_err(|error| QueryError::system("GENERIC_INTERNAL_ERROR", error.to_string()))?;
    Ok(Rows::new(batch))
}
