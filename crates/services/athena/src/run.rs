//! A query's way: it waits for a slot, the engine runs it, its rows go to S3, and how it ended is recorded.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use millpond_gateway::Caller;
use millpond_sql::{Execution, Fault, QueryError, Session, Statement};
use tokio_util::sync::CancellationToken;

use crate::Athena;
use crate::bridge::{GlueCatalog, S3Objects};
use crate::model::{Ended, Outcome, Query, ResultColumn, Statistics};
use crate::output::{self, Place};
use crate::store;

/// A query of this process that has not ended.
#[derive(Debug, Default)]
pub struct Live {
    pub cancel: CancellationToken,
    running: AtomicBool,
}

impl Live {
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }
}

/// What was seen of a query when it ended, however it did.
#[derive(Default)]
struct Seen {
    queued: Duration,
    planning: Duration,
    engine: Duration,
    scanned: u64,
    columns: Vec<ResultColumn>,
}

/// Runs the query in the background. It is registered and recorded already.
pub fn start(athena: &Arc<Athena>, caller: Caller, query: Query, statement: Statement, live: Arc<Live>) {
    let (athena, tasks) = (Arc::clone(athena), athena.tasks.clone());
    tasks.spawn("athena.query", async move {
        let (id, scope) = (query.id, query.scope.clone());
        let begun = Instant::now();
        let mut seen = Seen::default();
        let outcome = tokio::select! {
            outcome = run(&athena, caller, &query, statement, &live, &mut seen) => outcome,
            () = live.cancel.cancelled() => Outcome::Cancelled,
            // The next start says what became of it.
            () = stopping(&athena) => return,
        };
        let ended = Ended {
            at: athena.clock.now(),
            outcome,
            statistics: statistics(&seen, begun.elapsed()),
            columns: std::mem::take(&mut seen.columns),
        };
        if let Err(error) = store::end_query(&athena.store, &scope, id, ended).await {
            // The pass that settles queries finds it when the store takes writes again.
            tracing::error!(error = &error as &dyn std::error::Error, %id, "a query's end could not be recorded");
        }
        athena.live.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    });
}

async fn stopping(athena: &Athena) {
    athena.tasks.token().cancelled().await;
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn statistics(seen: &Seen, total: Duration) -> Statistics {
    let service = total.saturating_sub(seen.queued + seen.engine);
    Statistics {
        queue_millis: millis(seen.queued),
        planning_millis: millis(seen.planning),
        engine_millis: millis(seen.engine),
        service_millis: millis(service),
        total_millis: millis(total),
        scanned_bytes: i64::try_from(seen.scanned).unwrap_or(i64::MAX),
    }
}

async fn run(
    athena: &Athena,
    caller: Caller,
    query: &Query,
    statement: Statement,
    live: &Live,
    seen: &mut Seen,
) -> Outcome {
    let begun = Instant::now();
    let Ok(_slot) = athena.slots.acquire().await else {
        return failed(&QueryError::system("INTERNAL_ERROR", "the server is stopping"));
    };
    seen.queued = begun.elapsed();
    live.running.store(true, Ordering::Release);
    match work(athena, caller, query, statement, seen).await {
        Ok(()) => Outcome::Succeeded,
        Err(error) => failed(&error),
    }
}

fn failed(error: &QueryError) -> Outcome {
    let category = match error.fault {
        Fault::System => 1,
        Fault::User => 2,
    };
    Outcome::Failed { category, reason: error.to_string() }
}

async fn work(
    athena: &Athena,
    caller: Caller,
    query: &Query,
    statement: Statement,
    seen: &mut Seen,
) -> Result<(), QueryError> {
    let session = Session {
        catalog: Arc::new(GlueCatalog { glue: athena.glue.clone(), caller: caller.clone() }),
        objects: Arc::new(S3Objects { s3: athena.s3.clone(), caller: caller.clone() }),
        database: query.database.clone().unwrap_or_else(|| "default".to_owned()),
        now: query.submitted,
        scan_limit: query.scan_limit.map(i64::unsigned_abs),
        parameters: query.parameters.clone(),
    };
    let begun = Instant::now();
    let mut execution = athena.engine()?.run(session, statement).await.inspect_err(|_| {
        seen.engine = begun.elapsed();
    })?;
    seen.planning = execution.planning();
    seen.columns = columns(&execution);
    let place = Place::of(&query.output)
        .ok_or_else(|| QueryError::user("INVALID_OUTPUT", format!("{} is no place in S3", query.output)))?;
    let written = output::write(&athena.s3, &caller, place, query.kind, &seen.columns, &mut execution).await;
    seen.engine = begun.elapsed();
    seen.scanned = execution.scanned();
    written
}

fn columns(execution: &Execution) -> Vec<ResultColumn> {
    let column = |column: &millpond_sql::ColumnInfo| ResultColumn {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        precision: column.precision,
        scale: column.scale,
        case_sensitive: column.case_sensitive,
    };
    execution.columns().iter().map(column).collect()
}
