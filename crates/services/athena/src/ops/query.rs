//! Query executions: started, told about, stopped, listed.

use std::sync::{Arc, PoisonError};

use millpond_core::{Arn, PageToken};
use millpond_gateway::{Call, Caller};
use millpond_s3::S3Error;
use millpond_sql::{Statement, StatementKind};
use uuid::Uuid;

use super::{page_after, page_size};
use crate::Athena;
use crate::api::{
    self, BatchGetQueryExecutionInput, BatchGetQueryExecutionOutput, EncryptionConfiguration,
    EncryptionOption, EngineVersion, GetQueryExecutionInput, GetQueryExecutionOutput,
    ListQueryExecutionsInput, ListQueryExecutionsOutput, QueryExecution, QueryExecutionContext,
    QueryExecutionState, QueryExecutionStatistics, QueryExecutionStatus, ResultConfiguration,
    ResultReuseInformation, StartQueryExecutionInput, StartQueryExecutionOutput, StatementType,
    StopQueryExecutionInput, StopQueryExecutionOutput, UnprocessedQueryExecutionId,
};
use crate::error::AthenaError;
use crate::model::{
    CATALOG, ENGINE_VERSION, Ended, Kind, Outcome, PRIMARY, Query, WorkGroup, split_location, workgroup_arn,
};
use crate::ops::workgroup::check_result;
use crate::run::{self, Live};
use crate::store::{self, HistoryKey};
use crate::worker::left_behind;

/// Ids a page of a listing holds at the most.
const PAGE: usize = 50;

pub fn of_start(caller: &Caller, input: &StartQueryExecutionInput) -> Arn {
    workgroup_arn(&caller.scope, input.work_group.as_deref().unwrap_or(PRIMARY))
}

pub fn of_list(caller: &Caller, input: &ListQueryExecutionsInput) -> Arn {
    workgroup_arn(&caller.scope, input.work_group.as_deref().unwrap_or(PRIMARY))
}

/// Records a query as QUEUED and runs it in the background. It is durable when this returns.
///
/// Errors: InvalidRequestException (the statement does not parse; no output location; the workgroup is disabled or not there;
/// the token started another query), TooManyRequestsException (the queue is full).
/// Source: AWS Athena API reference, StartQueryExecution.
pub async fn start_query_execution(
    call: Call<Athena>,
    input: StartQueryExecutionInput,
) -> Result<StartQueryExecutionOutput, AthenaError> {
    let name = input.work_group.as_deref().unwrap_or(PRIMARY);
    let group = store::workgroup(&call.store.read()?, call.scope(), name)?
        .ok_or_else(|| AthenaError::WorkGroupNotFound(name.to_owned()))?;
    if !group.enabled {
        return Err(AthenaError::invalid(format!("WorkGroup {name} is disabled.")));
    }
    let statement = Statement::parse(&input.query_string).map_err(AthenaError::MalformedQuery)?;
    let token = input.client_request_token.clone();
    let query = accept(&call, input, &group, &statement).await?;
    let live = Arc::new(Live::default());
    register(&call, &query, &live)?;
    let id = query.id;
    let recorded = store::insert_query(&call.store, query.clone(), token).await;
    if !matches!(&recorded, Ok(recorded) if *recorded == id) {
        call.live.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
    let recorded = recorded?;
    if recorded == id {
        run::start(&call.svc, call.caller.clone(), query, statement, live);
    }
    Ok(StartQueryExecutionOutput { query_execution_id: Some(recorded.to_string()) })
}

/// The query as it will be recorded, from what the client and its workgroup say.
async fn accept(
    call: &Call<Athena>,
    input: StartQueryExecutionInput,
    group: &WorkGroup,
    statement: &Statement,
) -> Result<Query, AthenaError> {
    let context = input.query_execution_context.unwrap_or_default();
    if let Some(catalog) = context.catalog.as_deref().filter(|name| !name.eq_ignore_ascii_case(CATALOG)) {
        return Err(AthenaError::invalid(format!("Catalog {catalog} does not exist.")));
    }
    let wanted = input.result_configuration.unwrap_or_default();
    let asked_for_sse_s3 = check_result(&call.caller, &wanted)?;
    let clients = wanted.output_location.filter(|location| !location.is_empty() && !group.enforce);
    let location = clients.or_else(|| group.output_location.clone()).ok_or_else(|| {
        AthenaError::invalid(
            "No output location provided. An output location is required either through the Workgroup result configuration \
             setting or as an API input.",
        )
    })?;
    let kind = match statement.kind() {
        StatementKind::Dml => Kind::Dml,
        StatementKind::Ddl => Kind::Ddl,
        StatementKind::Utility => Kind::Utility,
    };
    let id = Uuid::new_v4();
    let (bucket, prefix) = split_location(&location)
        .ok_or_else(|| AthenaError::invalid("outputLocation is not a valid S3 path."))?;
    match call.s3.bucket_exists(&call.caller, bucket).await {
        Ok(true) => {}
        Ok(false) | Err(S3Error::AccessDenied { .. }) => {
            return Err(AthenaError::invalid(format!("Unable to verify/create output bucket {bucket}")));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Query {
        id,
        scope: call.scope().clone(),
        workgroup: group.name.clone(),
        sql: input.query_string,
        parameters: input.execution_parameters.unwrap_or_default(),
        kind,
        substatement: statement.substatement().to_owned(),
        database: context.database.map(|name| name.to_lowercase()),
        catalog: context.catalog,
        output: format!("s3://{bucket}/{prefix}{id}.{}", kind.ending()),
        asked_for_sse_s3,
        scan_limit: group.bytes_scanned_cutoff,
        submitted: call.clock().now(),
        ended: None,
    })
}

/// Takes the query among those of this process, before it is recorded: what is recorded and not here is taken for left behind.
fn register(call: &Call<Athena>, query: &Query, live: &Arc<Live>) -> Result<(), AthenaError> {
    let mut all = call.live.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= call.settings.running_queries + call.settings.queued_queries {
        return Err(AthenaError::TooManyQueries);
    }
    all.insert(query.id, Arc::clone(live));
    Ok(())
}

/// A query, its state as of now, and the permission to know of it.
pub(super) fn find(
    call: &Call<Athena>,
    action: &str,
    id: &str,
) -> Result<(Query, Option<Arc<Live>>), AthenaError> {
    let not_found = || AthenaError::QueryNotFound(id.to_owned());
    let parsed: Uuid = id.parse().map_err(|_| not_found())?;
    // In this order: a query leaves the live ones only when its end is recorded.
    let live = call.live(parsed);
    let found = store::query(&call.store.read()?, call.scope(), parsed)?;
    let Some(query) = found else {
        call.caller.authorize(action, &workgroup_arn(call.scope(), PRIMARY))?;
        return Err(not_found());
    };
    call.caller.authorize(action, &workgroup_arn(call.scope(), &query.workgroup))?;
    Ok((query, live))
}

/// Tells a query's state, statistics and where its results are.
///
/// Errors: InvalidRequestException (there is none). Source: AWS Athena API reference, GetQueryExecution.
pub async fn get_query_execution(
    call: Call<Athena>,
    input: GetQueryExecutionInput,
) -> Result<GetQueryExecutionOutput, AthenaError> {
    let (query, live) = find(&call, "athena:GetQueryExecution", &input.query_execution_id)?;
    Ok(GetQueryExecutionOutput { query_execution: Some(shown(&call, query, live.as_deref())) })
}

/// Tells of up to 50 queries at once; those that are not there are named apart.
///
/// Source: AWS Athena API reference, BatchGetQueryExecution.
pub async fn batch_get_query_execution(
    call: Call<Athena>,
    input: BatchGetQueryExecutionInput,
) -> Result<BatchGetQueryExecutionOutput, AthenaError> {
    let (mut queries, mut missing) = (Vec::new(), Vec::new());
    for id in input.query_execution_ids {
        match find(&call, "athena:BatchGetQueryExecution", &id) {
            Ok((query, live)) => queries.push(shown(&call, query, live.as_deref())),
            Err(error @ AthenaError::QueryNotFound(_)) => missing.push(UnprocessedQueryExecutionId {
                query_execution_id: Some(id),
                error_code: Some("INVALID_QUERY_EXECUTION_ID".to_owned()),
                error_message: Some(error.to_string()),
            }),
            Err(other) => return Err(other),
        }
    }
    Ok(BatchGetQueryExecutionOutput {
        query_executions: Some(queries),
        unprocessed_query_execution_ids: Some(missing),
    })
}

/// Stops a query: the engine ends, the state becomes CANCELLED. A query that has ended stays as it is.
///
/// Errors: InvalidRequestException (there is none). Source: AWS Athena API reference, StopQueryExecution.
pub async fn stop_query_execution(
    call: Call<Athena>,
    input: StopQueryExecutionInput,
) -> Result<StopQueryExecutionOutput, AthenaError> {
    let (_, live) = find(&call, "athena:StopQueryExecution", &input.query_execution_id)?;
    if let Some(live) = live {
        live.cancel.cancel();
    }
    Ok(StopQueryExecutionOutput {})
}

/// Lists a workgroup's queries, the newest first. Source: AWS Athena API reference, ListQueryExecutions.
pub async fn list_query_executions(
    call: Call<Athena>,
    input: ListQueryExecutionsInput,
) -> Result<ListQueryExecutionsOutput, AthenaError> {
    let group = input.work_group.as_deref().unwrap_or(PRIMARY);
    let reads = call.store.read()?;
    if store::workgroup(&reads, call.scope(), group)?.is_none() {
        return Err(AthenaError::WorkGroupNotFound(group.to_owned()));
    }
    let question = format!("{} queries of {group}", call.scope().account);
    let after: Option<HistoryKey> = page_after(input.next_token.as_deref(), &question)?;
    let size = page_size(input.max_results, PAGE);
    let (ids, next) = store::history(&reads, call.scope(), group, after, size)?;
    Ok(ListQueryExecutionsOutput {
        query_execution_ids: Some(ids.iter().map(Uuid::to_string).collect()),
        next_token: next.map(|next| PageToken::encode(&next, &question)),
    })
}

fn shown(call: &Call<Athena>, query: Query, live: Option<&Live>) -> QueryExecution {
    let ended = match (query.ended, live) {
        (Some(ended), _) => Ok(ended),
        (None, Some(live)) => Err(live.is_running()),
        (None, None) => Ok(left_behind(call.clock().now())),
    };
    let statement_type = match query.kind {
        Kind::Dml => StatementType::Dml,
        Kind::Ddl => StatementType::Ddl,
        Kind::Utility => StatementType::Utility,
    };
    let encryption = EncryptionConfiguration { encryption_option: EncryptionOption::SseS3, kms_key: None };
    let statistics = ended.as_ref().map(statistics).unwrap_or_default();
    QueryExecution {
        query_execution_id: Some(query.id.to_string()),
        query: Some(query.sql),
        statement_type: Some(statement_type),
        result_configuration: Some(ResultConfiguration {
            output_location: Some(query.output),
            encryption_configuration: query.asked_for_sse_s3.then_some(encryption),
            expected_bucket_owner: None,
        }),
        query_execution_context: Some(QueryExecutionContext {
            database: query.database,
            catalog: query.catalog,
        }),
        status: Some(status(query.submitted, &ended)),
        statistics: Some(statistics),
        work_group: Some(query.workgroup),
        engine_version: Some(EngineVersion {
            selected_engine_version: Some(ENGINE_VERSION.to_owned()),
            effective_engine_version: Some(ENGINE_VERSION.to_owned()),
        }),
        execution_parameters: Some(query.parameters).filter(|parameters| !parameters.is_empty()),
        substatement_type: Some(query.substatement),
    }
}

fn status(submitted: millpond_core::Timestamp, ended: &Result<Ended, bool>) -> QueryExecutionStatus {
    let mut status = QueryExecutionStatus { submission_date_time: Some(submitted), ..Default::default() };
    let ended = match ended {
        Ok(ended) => ended,
        Err(running) => {
            let state = if *running { QueryExecutionState::Running } else { QueryExecutionState::Queued };
            return QueryExecutionStatus { state: Some(state), ..status };
        }
    };
    status.completion_date_time = Some(ended.at);
    match &ended.outcome {
        Outcome::Succeeded => status.state = Some(QueryExecutionState::Succeeded),
        Outcome::Cancelled => {
            status.state = Some(QueryExecutionState::Cancelled);
            status.state_change_reason = Some("Query cancelled by user".to_owned());
        }
        Outcome::Failed { category, reason } => {
            status.state = Some(QueryExecutionState::Failed);
            status.state_change_reason = Some(reason.clone());
            status.athena_error = Some(api::AthenaError {
                error_category: Some(*category),
                error_type: None,
                retryable: Some(*category == 1),
                error_message: Some(reason.clone()),
            });
        }
    }
    status
}

fn statistics(ended: &Ended) -> QueryExecutionStatistics {
    let of = &ended.statistics;
    QueryExecutionStatistics {
        engine_execution_time_in_millis: Some(of.engine_millis),
        data_scanned_in_bytes: Some(of.scanned_bytes),
        total_execution_time_in_millis: Some(of.total_millis),
        query_queue_time_in_millis: Some(of.queue_millis),
        query_planning_time_in_millis: Some(of.planning_millis),
        service_processing_time_in_millis: Some(of.service_millis),
        result_reuse_information: Some(ResultReuseInformation { reused_previous_result: false }),
        ..QueryExecutionStatistics::default()
    }
}
