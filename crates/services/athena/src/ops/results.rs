//! Results, page by page, read from the object that the query wrote.

use millpond_core::PageToken;
use millpond_gateway::Call;
use millpond_s3::S3Error;

use super::{page_after, page_size, query};
use crate::Athena;
use crate::api::{
    ColumnInfo, ColumnNullable, Datum, GetQueryResultsInput, GetQueryResultsOutput, QueryResultType,
    ResultSet, ResultSetMetadata, Row,
};
use crate::error::AthenaError;
use crate::model::{Kind, Outcome, ResultColumn};
use crate::output::{self, NotOurs, Place};

/// Rows a page holds at the most, the header row counted.
const PAGE: usize = 1_000;

/// Read at once from the object.
const CHUNK: u64 = 256 << 10;

/// A page ends early at this many bytes; a single row may be larger, up to the next constant.
const PAGE_BYTES: usize = 8 << 20;

/// The largest row that is given.
const ROW_BYTES: usize = 64 << 20;

/// Gives a page of a query's rows; a SELECT's first row holds the names of its columns.
///
/// Errors: InvalidRequestException (no such query; it has not succeeded; its result object is gone or was changed).
/// Source: AWS Athena API reference, GetQueryResults. Needs s3:GetObject for the result object, as AWS does.
pub async fn get_query_results(
    call: Call<Athena>,
    input: GetQueryResultsInput,
) -> Result<GetQueryResultsOutput, AthenaError> {
    if input.query_result_type == Some(QueryResultType::DataManifest) {
        return Err(AthenaError::not_supported("QueryResultType DATA_MANIFEST"));
    }
    let (query, live) = query::find(&call, "athena:GetQueryResults", &input.query_execution_id)?;
    let columns = match query.ended {
        Some(ended) => match ended.outcome {
            Outcome::Succeeded => ended.columns,
            Outcome::Failed { reason, .. } => {
                let text = format!("Query did not finish successfully. Final query state: FAILED ({reason})");
                return Err(AthenaError::invalid(text));
            }
            Outcome::Cancelled => {
                return Err(AthenaError::invalid(
                    "Query did not finish successfully. Final query state: CANCELLED",
                ));
            }
        },
        None => {
            let state = if live.is_some_and(|live| live.is_running()) { "RUNNING" } else { "QUEUED" };
            return Err(AthenaError::invalid(format!("Query has not yet finished. Current state: {state}")));
        }
    };
    let question = format!("results of {}", query.id);
    let from: u64 = page_after(input.next_token.as_deref(), &question)?.unwrap_or(0);
    let limit = page_size(input.max_results, PAGE);
    let (rows, next) = read(&call, &query.output, query.kind, columns.len(), from, limit).await?;
    Ok(GetQueryResultsOutput {
        update_count: Some(0),
        result_set: Some(ResultSet {
            rows: Some(rows.into_iter().map(row).collect()),
            result_set_metadata: Some(ResultSetMetadata {
                column_info: Some(columns.into_iter().map(column_info).collect()),
            }),
        }),
        next_token: next.map(|next| PageToken::encode(&next, &question)),
    })
}

async fn read(
    call: &Call<Athena>,
    location: &str,
    kind: Kind,
    columns: usize,
    from: u64,
    limit: usize,
) -> Result<(Vec<output::Row>, Option<u64>), AthenaError> {
    let changed = |NotOurs| {
        AthenaError::invalid(format!("The result object {location} was changed since the query wrote it"))
    };
    let place = Place::of(location).ok_or(NotOurs).map_err(changed)?;
    let object = call.s3.get(&call.caller, place.bucket, place.key).await.map_err(|error| match error {
        S3Error::AccessDenied { .. } => AthenaError::invalid(
            "You do not seem to have access to the S3 location of your query results. Please confirm your account has access \
             to the S3 location where your query results are saved and try again.",
        ),
        other => other.into(),
    })?;
    let size = object.info().size;
    let (mut all, mut at) = (Vec::new(), from.min(size));
    let mut text: Vec<u8> = Vec::new();
    let mut taken = 0;
    while all.len() < limit && taken < PAGE_BYTES {
        let read_to = at + text.len() as u64;
        let upto = (read_to + CHUNK).min(size);
        if read_to < upto {
            text.extend_from_slice(&object.bytes(read_to..upto).await?);
        }
        let (rows, length) =
            output::rows(&text, kind, columns, limit - all.len(), upto == size).map_err(changed)?;
        if rows.is_empty() && upto == size {
            break;
        }
        if rows.is_empty() && text.len() > ROW_BYTES {
            return Err(AthenaError::invalid(
                "A row of the result is too large for GetQueryResults; read the result object",
            ));
        }
        all.extend(rows);
        text.drain(..length);
        at += length as u64;
        taken += length;
    }
    Ok((all, (at < size).then_some(at)))
}

fn row(values: output::Row) -> Row {
    Row { data: Some(values.into_iter().map(|value| Datum { var_char_value: value }).collect()) }
}

fn column_info(column: ResultColumn) -> ColumnInfo {
    ColumnInfo {
        catalog_name: Some("hive".to_owned()),
        schema_name: Some(String::new()),
        table_name: Some(String::new()),
        label: Some(column.name.clone()),
        name: column.name,
        r#type: column.type_name,
        precision: Some(column.precision),
        scale: Some(column.scale),
        nullable: Some(ColumnNullable::Unknown),
        case_sensitive: Some(column.case_sensitive),
    }
}
