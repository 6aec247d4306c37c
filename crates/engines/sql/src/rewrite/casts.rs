//! Casts to Trino's types in the engine's terms.

use datafusion::sql::sqlparser::ast::{CastKind, CharacterLength, DataType, Expr, Value};

use super::build::{call, plain_number};
use crate::error::QueryError;

/// Types as the engine's planner understands them in Trino's sense; see also [`crate::plan::Types`].
pub(super) fn engine_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Timestamp(precision, zone) => {
            DataType::Timestamp(Some(precision.unwrap_or(3).min(3)), *zone)
        }
        other => other.clone(),
    }
}

pub(super) fn cast(expr: &mut Expr) -> Result<(), QueryError> {
    let Expr::Cast { kind, expr: inner, data_type, .. } = expr else { return Ok(()) };
    // What `number` made of a literal.
    if let Expr::Value(value) = inner.as_ref()
        && let Value::Number(text, _) = &value.value
        && text.parse::<i32>().is_ok()
    {
        return Ok(());
    }
    *data_type = engine_type(data_type);
    match data_type {
        DataType::Varchar(length) | DataType::CharacterVarying(length) | DataType::Char(length) => {
            let text = call("cast_to_varchar", vec![(**inner).clone()]);
            let length = match length {
                Some(CharacterLength::IntegerLength { length, .. }) => Some(*length),
                _ => None,
            };
            *expr = match length {
                Some(length) => call("substr", vec![text, plain_number(1), plain_number(length)]),
                None => text,
            };
        }
        DataType::TinyInt(None)
        | DataType::SmallInt(None)
        | DataType::Int(None)
        | DataType::Integer(None)
        | DataType::BigInt(None) => {
            // Text is not rounded: '1.5' is no integer in Trino either.
            **inner = call("round_for_cast", vec![(**inner).clone()]);
        }
        DataType::JSON => return Err(QueryError::not_supported("CAST to JSON")),
        _ => {
            if *kind == CastKind::DoubleColon {
                return Err(QueryError::user("SYNTAX_ERROR", "mismatched input '::'"));
            }
        }
    }
    Ok(())
}
