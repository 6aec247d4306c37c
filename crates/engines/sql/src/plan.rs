//! From a rewritten query to a plan of the engine: tables are resolved in the catalog as they are met, and what the
//! engine says of a wrong query is said again in Athena's words, with the place.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::SchemaError;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{self, TimezoneInfo};

use crate::error::{QueryError, from_engine, ours_within};
use crate::rewrite::Places;
use crate::table::{LakeTable, Sources};
use crate::types::UTC;

/// The catalog's name in queries.
pub(crate) const CATALOG: &str = "awsdatacatalog";

/// SQL's types in Trino's sense, where the engine would take them otherwise.
#[derive(Debug)]
pub(crate) struct Types;

impl TypePlanner for Types {
    fn plan_type_field(&self, sql_type: &ast::DataType) -> EngineResult<Option<arrow::datatypes::FieldRef>> {
        let data_type = match sql_type {
            ast::DataType::Timestamp(_, zone) => {
                let zone = match zone {
                    TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => None,
                    TimezoneInfo::WithTimeZone | TimezoneInfo::Tz => Some(UTC.into()),
                };
                DataType::Timestamp(TimeUnit::Millisecond, zone)
            }
            ast::DataType::Real => DataType::Float32,
            ast::DataType::Varbinary(_) => DataType::Binary,
            ast::DataType::Decimal(ast::ExactNumberInfo::None) => DataType::Decimal128(38, 0),
            ast::DataType::Decimal(ast::ExactNumberInfo::Precision(precision)) => DataType::Decimal128(
                u8::try_from(*precision).ok().filter(|p| (1..=38).contains(p)).unwrap_or(38),
                0,
            ),
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(arrow::datatypes::Field::new("", data_type, true))))
    }
}

/// The catalog as one query sees it.
#[derive(Debug, Clone)]
pub(crate) struct QueryCatalog {
    pub(crate) sources: Sources,
    pub(crate) places: Arc<Places>,
}

impl CatalogProvider for QueryCatalog {
    fn schema_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        Some(Arc::new(QuerySchema { catalog: self.clone(), database: name.to_owned() }))
    }
}

#[derive(Debug)]
struct QuerySchema {
    catalog: QueryCatalog,
    database: String,
}

#[async_trait]
impl SchemaProvider for QuerySchema {
    fn table_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn table_exist(&self, _name: &str) -> bool {
        true
    }

    async fn table(&self, name: &str) -> EngineResult<Option<Arc<dyn TableProvider>>> {
        let QueryCatalog { sources, places } = &self.catalog;
        let place = places.of_relation(name);
        let database = self.database.as_str();
        if database == "information_schema" {
            return Err(QueryError::not_supported("information_schema").into());
        }
        let found = sources.catalog.table(database, name).await.map_err(QueryError::from)?;
        if let Some(def) = found {
            return Ok(Some(Arc::new(LakeTable::new(def, sources.clone())?)));
        }
        let missing = match sources.catalog.database(database).await.map_err(QueryError::from)? {
            Some(_) => QueryError::user(
                "TABLE_NOT_FOUND",
                format!("{place}: Table '{CATALOG}.{database}.{name}' does not exist"),
            ),
            None => {
                QueryError::user("SCHEMA_NOT_FOUND", format!("{place}: Schema '{database}' does not exist"))
            }
        };
        Err(missing.into())
    }
}

/// What the engine's planner says, in Athena's words and with the place where it can be told.
pub(crate) fn planning_error(error: &DataFusionError, places: &Places) -> QueryError {
    if let Some(ours) = ours_within(error) {
        return ours.clone();
    }
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => {
                let name = match &field.relation {
                    Some(relation) => format!("{}.{}", relation.table(), field.name),
                    None => field.name.clone(),
                };
                QueryError::user(
                    "COLUMN_NOT_FOUND",
                    format!("{}: Column '{name}' cannot be resolved", places.of(&field.name)),
                )
            }
            SchemaError::AmbiguousReference { field } => QueryError::user(
                "AMBIGUOUS_NAME",
                format!("{}: Column '{}' is ambiguous", places.of(&field.name), field.name),
            ),
            other => QueryError::user("SYNTAX_ERROR", format!("{}: {other}", crate::error::Place::START)),
        },
        DataFusionError::Plan(message) => planned_wrong(message, places),
        DataFusionError::SQL(error, _) => {
            QueryError::user("SYNTAX_ERROR", format!("{}: {error}", crate::error::Place::START))
        }
        _ => from_engine(error),
    }
}

fn planned_wrong(message: &str, places: &Places) -> QueryError {
    let message = message.lines().next().unwrap_or_default();
    if let Some(column) = message
        .split_once("column \"")
        .filter(|_| message.contains("must appear in the GROUP BY"))
        .and_then(|(_, rest)| rest.split('"').next())
    {
        let column = column.rsplit('.').next().unwrap_or(column);
        return QueryError::user(
            "EXPRESSION_NOT_AGGREGATE",
            format!(
                "{}: '{column}' must be an aggregate expression or appear in GROUP BY clause",
                places.of(column)
            ),
        );
    }
    let message = message.find("Unexpected parameters").map_or(message, |at| &message[at..]);
    let message = message.split(" No function matches").next().unwrap_or(message);
    // `… for function NAME. Expected: …`, ours, or `… coerce_types … 'NAME' …` and `Function 'NAME' …`, the engine's.
    let function = message
        .split_once(" for function ")
        .map(|(_, rest)| rest)
        .or_else(|| message.split_once("unction '").map(|(_, rest)| rest))
        .map(|rest| rest.split(['.', '\'', ' ', '(']).next().unwrap_or_default());
    let place = function.map_or(crate::error::Place::START, |name| places.of(name));
    let name = if function.is_some() { "FUNCTION_NOT_FOUND" } else { "TYPE_MISMATCH" };
    QueryError::user(name, format!("{place}: {message}"))
}
