//! From Trino's syntax tree to one that means the same to the engine: names in lower case, literals in Trino's types,
//! functions under the engine's names. On the way it notes where each name stands, so that errors can name the place.

mod build;
mod casts;
mod functions;
mod literals;
mod outputs;
mod places;
mod unnest;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, GroupByExpr, Ident, LimitClause, ObjectName, ObjectNamePart, OrderByKind, Query, Select,
    Spanned as _, TableAlias, TableFactor, Value, VisitMut as _, VisitorMut,
};
use millpond_core::Timestamp;

use self::build::{bigint, plain_number};
pub(crate) use self::build::{call, text};
use self::casts::{cast, engine_type};
use self::functions::{
    field_function, gives_bigint, make_lenient, renamed, simple_name, special, take_arguments,
};
use self::literals::{bare_number, like, number, typed_parameter, window_numbers};
pub(crate) use self::outputs::{OutputName, output_names};
pub(crate) use self::places::Places;
use self::places::place_of;
use self::unnest::{fields_of_the_left_side, unnest};
use crate::error::QueryError;

/// A rewritten query.
#[derive(Debug)]
pub(crate) struct Rewritten {
    pub(crate) places: Places,
    pub(crate) outputs: Vec<OutputName>,
}

/// Rewrites `query` in place. `parameters` are the values of its `?`, as SQL literals.
///
/// Errors: FUNCTION_NOT_FOUND, SYNTAX_ERROR, INVALID_PARAMETER_USAGE (more or fewer parameters than `?`), NOT_SUPPORTED.
pub(crate) fn rewrite(
    query: &mut Query,
    parameters: Vec<Expr>,
    now: Timestamp,
    known: &dyn Fn(&str) -> bool,
) -> Result<Rewritten, QueryError> {
    let mut rewriter = Rewriter {
        places: Places::default(),
        outputs: None,
        parameters: parameters.into_iter(),
        missing_parameters: 0,
        now,
        known,
        depth: 0,
        unnamed: 0,
    };
    if let ControlFlow::Break(error) = query.visit(&mut rewriter) {
        return Err(error);
    }
    let left = rewriter.parameters.len();
    if left > 0 || rewriter.missing_parameters > 0 {
        return Err(QueryError::user(
            "INVALID_PARAMETER_USAGE",
            "Incorrect number of parameters: the statement's question marks and the execution parameters differ",
        ));
    }
    Ok(Rewritten { places: rewriter.places, outputs: rewriter.outputs.unwrap_or_default() })
}

struct Rewriter<'a> {
    places: Places,
    outputs: Option<Vec<OutputName>>,
    parameters: std::vec::IntoIter<Expr>,
    missing_parameters: usize,
    now: Timestamp,
    known: &'a dyn Fn(&str) -> bool,
    /// How many queries enclose what is visited; the statement itself is 1.
    depth: usize,
    unnamed: usize,
}

type Flow = ControlFlow<QueryError>;

impl VisitorMut for Rewriter<'_> {
    type Break = QueryError;

    fn pre_visit_query(&mut self, query: &mut Query) -> Flow {
        self.depth += 1;
        for cte in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            lower_alias(&mut cte.alias);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> Flow {
        self.depth -= 1;
        if let Some(order) = &mut query.order_by
            && let OrderByKind::Expressions(items) = &mut order.kind
        {
            for item in items {
                bare_number(&mut item.expr);
                // NULLs come last in both directions, unless the statement says otherwise.
                item.options.nulls_first.get_or_insert(false);
            }
        }
        match &mut query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, .. }) => {
                limit.iter_mut().for_each(bare_number);
                offset.iter_mut().for_each(|offset| bare_number(&mut offset.value));
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                bare_number(offset);
                bare_number(limit);
            }
            None => {}
        }
        match fetch_as_limit(query) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Flow {
        fields_of_the_left_side(select);
        self.name_outputs(select);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> Flow {
        if let GroupByExpr::Expressions(items, _) = &mut select.group_by {
            items.iter_mut().for_each(bare_number);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> Flow {
        if let Some(ObjectNamePart::Identifier(last)) = relation.0.last()
            && let Some(place) = place_of(relation.span())
        {
            self.places.relations.entry(last.value.to_lowercase()).or_insert(place);
        }
        lower_name(relation);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> Flow {
        unnest(factor);
        match factor {
            TableFactor::Table { alias, .. }
            | TableFactor::Derived { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::NestedJoin { alias, .. }
            | TableFactor::Function { alias, .. }
            | TableFactor::TableFunction { alias, .. } => alias.iter_mut().for_each(lower_alias),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> Flow {
        // Functions are renamed on the way in as far as their arguments' meaning depends on it.
        if let Expr::Function(function) = expr
            && let Some(name) = simple_name(function)
            && name == "try"
        {
            return match take_arguments(function).as_slice() {
                [argument] => {
                    let mut argument = argument.clone();
                    make_lenient(&mut argument);
                    *expr = Expr::Nested(Box::new(argument));
                    ControlFlow::Continue(())
                }
                _ => ControlFlow::Break(QueryError::not_supported("TRY with several arguments")),
            };
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> Flow {
        match self.rewrite_expr(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl Rewriter<'_> {
    fn rewrite_expr(&mut self, expr: &mut Expr) -> Result<(), QueryError> {
        match expr {
            Expr::Identifier(name) => {
                self.places.note(name.value.to_lowercase(), name.span);
                lower(name);
            }
            Expr::CompoundIdentifier(parts) => {
                if let Some(last) = parts.last() {
                    self.places.note(last.value.to_lowercase(), parts[0].span);
                }
                parts.iter_mut().for_each(lower);
            }
            Expr::Value(value) => {
                let rewritten = match &value.value {
                    Value::Number(text, _) => number(text),
                    Value::Placeholder(_) => match self.parameters.next() {
                        Some(parameter) => Some(typed_parameter(parameter)),
                        None => {
                            self.missing_parameters += 1;
                            None
                        }
                    },
                    _ => None,
                };
                if let Some(rewritten) = rewritten {
                    *expr = rewritten;
                }
            }
            Expr::TypedString(typed) => match &typed.data_type {
                // The literal's own digits are its precision and its scale.
                DataType::Decimal(_) => {
                    let digits = typed.value.value.clone().into_string().unwrap_or_default();
                    *expr = Expr::Value(Value::Number(digits, false).into());
                }
                other => typed.data_type = engine_type(other),
            },
            Expr::Like { pattern, escape_char, .. } => like(pattern, escape_char)?,
            Expr::Cast { .. } => cast(expr)?,
            Expr::AtTimeZone { timestamp, time_zone } => {
                *expr = call("at_timezone", vec![(**timestamp).clone(), (**time_zone).clone()]);
            }
            Expr::Extract { field, expr: of, .. } => {
                *expr = call(field_function(field)?, vec![(**of).clone()])
            }
            Expr::Substring { expr: of, substring_from, substring_for, .. } => {
                let mut arguments = vec![(**of).clone()];
                arguments
                    .extend(substring_from.iter().chain(substring_for.iter()).map(|part| (**part).clone()));
                *expr = call("substr", arguments);
            }
            Expr::Position { expr: part, r#in } => {
                *expr = bigint(call("strpos", vec![(**r#in).clone(), (**part).clone()]));
            }
            Expr::Function(_) => self.function(expr)?,
            _ => {}
        }
        Ok(())
    }

    fn function(&mut self, expr: &mut Expr) -> Result<(), QueryError> {
        let Expr::Function(function) = expr else { return Ok(()) };
        let Some(name) = simple_name(function) else {
            return Err(QueryError::user(
                "FUNCTION_NOT_FOUND",
                format!("Function '{}' not registered", function.name),
            ));
        };
        let span = function.name.span();
        self.places.note(name.clone(), span);
        let place = self.places.of(&name);
        window_numbers(function);
        if let Some(rewritten) = special(&name, function, self.now)? {
            *expr = rewritten;
            return Ok(());
        }
        let own = renamed(&name);
        if !(self.known)(own) {
            return Err(QueryError::user(
                "FUNCTION_NOT_FOUND",
                format!("{}: Function '{name}' not registered", place_of(span).unwrap_or(place)),
            ));
        }
        function.name = ObjectName::from(vec![Ident::new(own)]);
        if gives_bigint(&name) {
            *expr = bigint(expr.clone());
        }
        Ok(())
    }
}

fn lower(name: &mut Ident) {
    name.value = name.value.to_lowercase();
    // Quoted names are taken as they stand, and Trino's are of no case.
    name.quote_style = Some('"');
}

fn lower_alias(alias: &mut TableAlias) {
    lower(&mut alias.name);
    alias.columns.iter_mut().for_each(|column| lower(&mut column.name));
}

fn lower_name(name: &mut ObjectName) {
    for part in &mut name.0 {
        if let ObjectNamePart::Identifier(part) = part {
            lower(part);
        }
    }
}

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`.
fn fetch_as_limit(query: &mut Query) -> Result<(), QueryError> {
    let Some(fetch) = query.fetch.take() else { return Ok(()) };
    if fetch.with_ties || fetch.percent {
        return Err(QueryError::not_supported("FETCH FIRST with TIES or PERCENT"));
    }
    let mut quantity = fetch.quantity.unwrap_or_else(|| plain_number(1));
    bare_number(&mut quantity);
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => *limit = Some(quantity),
        Some(LimitClause::OffsetCommaLimit { limit, .. }) => *limit = quantity,
        none => {
            *none =
                Some(LimitClause::LimitOffset { limit: Some(quantity), offset: None, limit_by: Vec::new() });
        }
    }
    Ok(())
}
