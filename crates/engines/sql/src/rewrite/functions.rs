//! Trino's functions under the engine's names, or written as something else that means the same.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DateTimeField, ExactNumberInfo, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, OrderByExpr, OrderByOptions, TimezoneInfo, Value, VisitMut as _, VisitorMut,
};
use millpond_core::Timestamp;

use super::build::{and, binary, call, case, cast_to, number_of, plain_number, signed_number, text};
use super::literals::bare_number;
use crate::error::QueryError;

pub(super) fn simple_name(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => Some(name.value.to_lowercase()),
        _ => None,
    }
}

pub(super) fn take_arguments(function: &Function) -> Vec<Expr> {
    match &function.args {
        FunctionArguments::List(list) => list
            .args
            .iter()
            .filter_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Trino's name to the engine's, where a function means the same under another name.
pub(super) fn renamed(name: &str) -> &str {
    match name {
        "arbitrary" => "any_value",
        "every" => "bool_and",
        "contains" => "array_has",
        "array_join" => "array_to_string",
        "arrays_overlap" => "array_has_any",
        "sequence" => "generate_series",
        "transform" => "array_transform",
        "filter" => "array_filter",
        "levenshtein_distance" => "levenshtein",
        "truncate" => "trunc",
        "is_nan" => "isnan",
        "day_of_month" => "day",
        "week_of_year" => "week",
        "dow" => "day_of_week",
        "doy" => "day_of_year",
        "yow" => "year_of_week",
        "with_timezone" => "at_timezone",
        "variance" => "var_samp",
        "stddev" => "stddev_samp",
        "row" => "struct",
        "zip" => "arrays_zip",
        "listagg" => "string_agg",
        other => other,
    }
}

/// Functions whose counts are `bigint` in Trino and another integer type in the engine.
pub(super) fn gives_bigint(name: &str) -> bool {
    matches!(
        name,
        "length"
            | "strpos"
            | "approx_distinct"
            | "array_position"
            | "bit_length"
            | "levenshtein_distance"
            | "row_number"
            | "rank"
            | "dense_rank"
            | "ntile"
            | "grouping"
    )
}

pub(super) fn field_function(field: &DateTimeField) -> Result<&'static str, QueryError> {
    Ok(match field {
        DateTimeField::Year | DateTimeField::Years => "year",
        DateTimeField::Quarter => "quarter",
        DateTimeField::Month | DateTimeField::Months => "month",
        DateTimeField::Week(_) | DateTimeField::Weeks => "week",
        DateTimeField::Day | DateTimeField::Days => "day",
        DateTimeField::DayOfWeek | DateTimeField::Dow => "day_of_week",
        DateTimeField::DayOfYear | DateTimeField::Doy => "day_of_year",
        DateTimeField::Hour | DateTimeField::Hours => "hour",
        DateTimeField::Minute | DateTimeField::Minutes => "minute",
        DateTimeField::Second | DateTimeField::Seconds => "second",
        DateTimeField::Custom(name) => match name.value.to_lowercase().as_str() {
            "day_of_month" => "day",
            "day_of_week" => "day_of_week",
            "day_of_year" => "day_of_year",
            "year_of_week" | "yow" => "year_of_week",
            _ => {
                return Err(QueryError::user(
                    "INVALID_FUNCTION_ARGUMENT",
                    format!("Invalid EXTRACT field: {name}"),
                ));
            }
        },
        other => {
            return Err(QueryError::user(
                "INVALID_FUNCTION_ARGUMENT",
                format!("Invalid EXTRACT field: {other}"),
            ));
        }
    })
}

/// Functions that are written as something else altogether.
pub(super) fn special(name: &str, function: &Function, now: Timestamp) -> Result<Option<Expr>, QueryError> {
    let arguments = take_arguments(function);
    if let Some(aggregate) = aggregate(name, function, &arguments)? {
        return Ok(Some(aggregate));
    }
    if arguments.is_empty()
        && let Some(clock) = clock(name, now)
    {
        return Ok(Some(clock));
    }
    scalar(name, &arguments)
}

fn scalar(name: &str, arguments: &[Expr]) -> Result<Option<Expr>, QueryError> {
    Ok(Some(match (name, arguments) {
        ("if", [condition, then]) => case(condition, then, None),
        ("if", [condition, then, otherwise]) => case(condition, then, Some(otherwise)),
        ("concat", [first, second, rest @ ..]) => {
            rest.iter().fold(binary(first, BinaryOperator::StringConcat, second), |so_far, next| {
                binary(&so_far, BinaryOperator::StringConcat, next)
            })
        }
        ("mod", [a, b]) => binary(a, BinaryOperator::Modulo, b),
        ("pow" | "power", [a, b]) => {
            let double = || DataType::Double(ExactNumberInfo::None);
            call("power", vec![cast_to(a, double()), cast_to(b, double())])
        }
        ("sign", [x]) => call("signum", vec![x.clone()]),
        ("e", []) => call("exp", vec![plain_number(1)]),
        ("date", [x]) => cast_to(x, DataType::Date),
        ("json_object" | "json_array", _) => {
            return Err(QueryError::not_supported(format!("The function {name}")));
        }
        ("slice", [array, start, length]) => {
            let last =
                binary(&binary(start, BinaryOperator::Plus, length), BinaryOperator::Minus, &plain_number(1));
            call("array_slice", vec![array.clone(), start.clone(), last])
        }
        ("md5", [x]) => call("digest", vec![x.clone(), text("md5")]),
        ("sha256", [x]) => call("digest", vec![x.clone(), text("sha256")]),
        ("sha512", [x]) => call("digest", vec![x.clone(), text("sha512")]),
        ("greatest" | "least", [first, ..]) => {
            // One NULL makes the answer NULL.
            let any_null =
                arguments[1..].iter().fold(Expr::IsNull(Box::new(first.clone())), |so_far, next| {
                    binary(&so_far, BinaryOperator::Or, &Expr::IsNull(Box::new(next.clone())))
                });
            let unknown = Expr::Value(Value::Null.into());
            case(&any_null, &unknown, Some(&call(name, arguments.to_vec())))
        }
        ("from_unixtime", [seconds, zone]) => {
            call("at_timezone", vec![call("from_unixtime", vec![seconds.clone()]), zone.clone()])
        }
        ("current_timezone", []) => text(crate::types::UTC),
        ("current_user", []) => return Err(QueryError::not_supported("current_user")),
        _ => return Ok(None),
    }))
}

fn aggregate(name: &str, function: &Function, arguments: &[Expr]) -> Result<Option<Expr>, QueryError> {
    Ok(Some(match (name, arguments) {
        ("approx_percentile", [x, percentile]) => {
            let mut percentile = percentile.clone();
            bare_number(&mut percentile);
            with_clauses(function, call("approx_percentile_cont", vec![x.clone(), percentile]))
        }
        ("approx_percentile", _) => {
            return Err(QueryError::not_supported("approx_percentile with a weight or an accuracy"));
        }
        ("count_if", [condition]) => {
            let Expr::Function(mut count) = call("count", Vec::new()) else { return Ok(None) };
            count.args = FunctionArguments::List(FunctionArgumentList {
                duplicate_treatment: None,
                args: vec![FunctionArg::Unnamed(FunctionArgExpr::Wildcard)],
                clauses: Vec::new(),
            });
            count.over.clone_from(&function.over);
            count.filter = Some(Box::new(and(function.filter.as_deref(), condition)));
            Expr::Function(count)
        }
        ("max_by", [x, by]) => extreme(function, x, by, false),
        ("min_by", [x, by]) => extreme(function, x, by, true),
        ("max_by" | "min_by", _) => return Err(QueryError::not_supported(format!("{name} with a count"))),
        _ => return Ok(None),
    }))
}

/// The functions that tell the time, which is the same throughout a statement.
fn clock(name: &str, now: Timestamp) -> Option<Expr> {
    Some(match name {
        "now" | "current_timestamp" => call("from_unixtime", vec![number_of(now.as_millis(), 3)]),
        "localtimestamp" => {
            let at = call("from_unixtime", vec![number_of(now.as_millis(), 3)]);
            cast_to(&at, DataType::Timestamp(Some(3), TimezoneInfo::None))
        }
        "current_date" => {
            let days = now.as_secs().div_euclid(86_400);
            let epoch = cast_to(&text("1970-01-01"), DataType::Date);
            call("date_add", vec![text("day"), signed_number(days), epoch])
        }
        _ => return None,
    })
}

fn with_clauses(from: &Function, to: Expr) -> Expr {
    match to {
        Expr::Function(mut to) => {
            to.filter.clone_from(&from.filter);
            to.over.clone_from(&from.over);
            Expr::Function(to)
        }
        other => other,
    }
}

/// `max_by(x, y)`: the `x` of the first row in the order of `y`, among the rows that have a `y`.
fn extreme(function: &Function, x: &Expr, by: &Expr, ascending: bool) -> Expr {
    let Expr::Function(mut first) = call("first_value", vec![x.clone()]) else { return x.clone() };
    if let FunctionArguments::List(list) = &mut first.args {
        let order = OrderByExpr {
            expr: by.clone(),
            options: OrderByOptions { asc: Some(ascending), nulls_first: Some(false) },
            with_fill: None,
        };
        list.clauses.push(FunctionArgumentClause::OrderBy(vec![order]));
    }
    first.over.clone_from(&function.over);
    first.filter = Some(Box::new(and(function.filter.as_deref(), &Expr::IsNotNull(Box::new(by.clone())))));
    Expr::Function(first)
}

/// What `TRY(…)` means for the functions and operators that can fail: their forms that give NULL.
pub(super) fn make_lenient(expr: &mut Expr) {
    struct Lenient;
    impl VisitorMut for Lenient {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            match expr {
                Expr::Cast { kind, .. } => *kind = CastKind::TryCast,
                Expr::BinaryOp { op: BinaryOperator::Divide | BinaryOperator::Modulo, right, .. } => {
                    **right = call("nullif", vec![(**right).clone(), plain_number(0)]);
                }
                Expr::Function(function) => {
                    if let Some(name @ ("date_parse" | "parse_datetime")) = simple_name(function).as_deref() {
                        function.name = ObjectName::from(vec![Ident::new(format!("try_{name}"))]);
                    }
                }
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let _never_breaks = expr.visit(&mut Lenient);
}
