//! Amazon Athena: workgroups, and SQL over the Glue catalog with the caller's own rights.
//!
//! - `ops`: one function an operation, by resource. `api`: the wire's shapes, generated.
//! - [`model`]: workgroups and query executions. `store`: what is recorded, and the transactions.
//! - `run`: a query from QUEUED to its end. `output`: its result objects in S3, written and read again.
//! - `bridge`: Glue's catalog and S3's objects as the engine asks for them, in the name of one caller.
//! - `worker`: queries that a stop left behind, and executions that are past their time.

pub mod api;
mod bridge;
pub mod error;
pub mod model;
mod ops;
mod output;
mod run;
mod settings;
mod store;
mod worker;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use millpond_core::{ByteSize, Clock};
use millpond_gateway::{Action, Operations, ServiceInfo};
use millpond_glue::Glue;
use millpond_s3::S3;
use millpond_sql::{Engine, EngineOptions, QueryError};
use millpond_store::Store;
use millpond_work::Tasks;
use tokio::sync::Semaphore;
use uuid::Uuid;

pub use error::AthenaError;
pub use settings::AthenaSettings;

use ops::{catalog, query, results, workgroup};
use run::Live;

/// The operations, each with the permission that it asks for and on what.
pub fn operations() -> Operations<Athena> {
    let info = ServiceInfo {
        name: api::ENDPOINT_PREFIX,
        signing_name: api::SIGNING_NAME,
        protocol: api::PROTOCOL,
        validation_code: "InvalidRequestException",
        largest_body: ByteSize::mib(2),
        known_operations: api::OPERATIONS,
    };
    let action = Action;
    Operations::new(info)
        .op_authorized_in_handler(
            "BatchGetQueryExecution",
            action("athena:BatchGetQueryExecution"),
            query::batch_get_query_execution,
        )
        .op(
            "CreateWorkGroup",
            action("athena:CreateWorkGroup"),
            workgroup::of_create,
            workgroup::create_work_group,
        )
        .op(
            "DeleteWorkGroup",
            action("athena:DeleteWorkGroup"),
            workgroup::of_delete,
            workgroup::delete_work_group,
        )
        .op("GetDataCatalog", action("athena:GetDataCatalog"), catalog::of_get, catalog::get_data_catalog)
        .op("GetDatabase", action("athena:GetDatabase"), catalog::of_database, catalog::get_database)
        .op_authorized_in_handler(
            "GetQueryExecution",
            action("athena:GetQueryExecution"),
            query::get_query_execution,
        )
        .op_authorized_in_handler(
            "GetQueryResults",
            action("athena:GetQueryResults"),
            results::get_query_results,
        )
        .op(
            "GetTableMetadata",
            action("athena:GetTableMetadata"),
            catalog::of_table,
            catalog::get_table_metadata,
        )
        .op("GetWorkGroup", action("athena:GetWorkGroup"), workgroup::of_get, workgroup::get_work_group)
        .op(
            "ListDataCatalogs",
            action("athena:ListDataCatalogs"),
            catalog::of_all,
            catalog::list_data_catalogs,
        )
        .op("ListDatabases", action("athena:ListDatabases"), catalog::of_databases, catalog::list_databases)
        .op(
            "ListQueryExecutions",
            action("athena:ListQueryExecutions"),
            query::of_list,
            query::list_query_executions,
        )
        .op(
            "ListTableMetadata",
            action("athena:ListTableMetadata"),
            catalog::of_tables,
            catalog::list_table_metadata,
        )
        .op(
            "ListWorkGroups",
            action("athena:ListWorkGroups"),
            workgroup::of_list,
            workgroup::list_work_groups,
        )
        .op(
            "StartQueryExecution",
            action("athena:StartQueryExecution"),
            query::of_start,
            query::start_query_execution,
        )
        .op_authorized_in_handler(
            "StopQueryExecution",
            action("athena:StopQueryExecution"),
            query::stop_query_execution,
        )
        .op(
            "UpdateWorkGroup",
            action("athena:UpdateWorkGroup"),
            workgroup::of_update,
            workgroup::update_work_group,
        )
}

/// What Athena needs.
pub struct Deps {
    pub store: Store,
    pub glue: Glue,
    pub s3: S3,
    pub clock: Clock,
    pub tasks: Tasks,
    /// Where sorts and joins that do not fit in memory go.
    pub spill_dir: PathBuf,
    pub settings: AthenaSettings,
}

/// The service.
pub struct Athena {
    store: Store,
    glue: Glue,
    s3: S3,
    clock: Clock,
    tasks: Tasks,
    settings: AthenaSettings,
    spill_dir: PathBuf,
    /// Made with the first query: a pond that runs none keeps its memory.
    engine: OnceLock<Engine>,
    /// The queries of this process that have not ended.
    live: Mutex<HashMap<Uuid, Arc<Live>>>,
    slots: Semaphore,
}

impl Athena {
    pub fn open(deps: Deps) -> Arc<Self> {
        let Deps { store, glue, s3, clock, tasks, spill_dir, settings } = deps;
        let athena = Arc::new(Self {
            store,
            glue,
            s3,
            clock,
            tasks: tasks.clone(),
            spill_dir,
            engine: OnceLock::new(),
            live: Mutex::default(),
            slots: Semaphore::new(settings.running_queries.max(1)),
            settings,
        });
        tasks.worker(worker::Settle(Arc::clone(&athena)));
        tasks.worker(worker::Expire(Arc::clone(&athena)));
        athena
    }

    fn engine(&self) -> Result<Engine, QueryError> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine.clone());
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let options = EngineOptions {
            memory: self.settings.memory,
            ..EngineOptions::new(self.spill_dir.clone(), threads)
        };
        let made = Engine::new(&options)?;
        // Two first queries at once make two engines; one of them stays.
        Ok(self.engine.get_or_init(|| made).clone())
    }

    fn live(&self, id: Uuid) -> Option<Arc<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
}
