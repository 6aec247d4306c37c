//! From Trino's syntax tree to one that means the same to the engine: names in lower case, literals in Trino's types,
//! functions under the engine's names. On the way it notes where each name stands, so that errors can name the place.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType, DateTimeField, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, FunctionArguments, GroupByExpr, Ident,
    LimitClause, ObjectName, ObjectNamePart, OrderByExpr, OrderByKind, OrderByOptions, Query, Select,
    SelectItem, Spanned as _, TableAlias, TableFactor, TimezoneInfo, UnaryOperator, Value, ValueWithSpan,
    VisitMut as _, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Span;
use millpond_core::Timestamp;

use crate::error::{Place, QueryError};

/// The alias of a column that the statement leaves unnamed begins so.
const UNNAMED: &str = "__unnamed";

/// Where names stand in the statement; the first place of each.
#[derive(Debug, Default)]
pub(crate) struct Places {
    names: HashMap<String, Place>,
    relations: HashMap<String, Place>,
}

impl Places {
    fn note(&mut self, name: String, span: Span) {
        if let Some(place) = place_of(span) {
            self.names.entry(name).or_insert(place);
        }
    }

    /// The place of a column's or a function's name.
    pub(crate) fn of(&self, name: &str) -> Place {
        self.names.get(&name.to_lowercase()).copied().unwrap_or(Place::START)
    }

    /// The place of a table, by its last name.
    pub(crate) fn of_relation(&self, name: &str) -> Place {
        self.relations.get(&name.to_lowercase()).copied().unwrap_or(Place::START)
    }
}

fn place_of(span: Span) -> Option<Place> {
    (span.start.line > 0).then_some(Place { line: span.start.line, column: span.start.column })
}

/// What the query's answer calls its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OutputName {
    Named(String),
    Unnamed,
    /// A wildcard, which stands for as many columns as its tables have.
    Many,
}

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
    fn name_outputs(&mut self, select: &mut Select) {
        let mut outputs = Vec::with_capacity(select.projection.len());
        let mut seen = HashSet::new();
        let has_wildcard = select
            .projection
            .iter()
            .any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)));
        for item in &mut select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let name = column_name(expr).map(|name| name.value.clone());
                    // The engine wants each column once; a second one is renamed, and named back in the answer.
                    let again =
                        !seen.insert(expr.to_string().to_lowercase()) || (has_wildcard && self.depth == 1);
                    let column = column_name(expr).is_some();
                    outputs.push(name.map_or(OutputName::Unnamed, OutputName::Named));
                    if !column || again {
                        let alias = Ident::new(format!("{UNNAMED}{}", self.unnamed));
                        self.unnamed += 1;
                        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                    }
                }
                SelectItem::ExprWithAlias { alias, .. } => {
                    outputs.push(OutputName::Named(alias.value.clone()));
                    lower(alias);
                    if !seen.insert(format!("as {}", alias.value)) {
                        *alias = Ident::new(format!("{UNNAMED}{}", self.unnamed));
                        self.unnamed += 1;
                    }
                }
                SelectItem::ExprWithAliases { aliases, .. } => {
                    outputs.extend(aliases.iter().map(|alias| OutputName::Named(alias.value.clone())));
                    aliases.iter_mut().for_each(lower);
                }
                SelectItem::QualifiedWildcard(..) | SelectItem::Wildcard(_) => outputs.push(OutputName::Many),
            }
        }
        if self.depth == 1 && self.outputs.is_none() {
            self.outputs = Some(outputs);
        }
    }

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

fn simple_name(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => Some(name.value.to_lowercase()),
        _ => None,
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

fn column_name(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    }
}

/// Literals: integers that fit are `integer`, numbers with an exponent are `double`.
fn number(text: &str) -> Option<Expr> {
    let plain = || Box::new(Expr::Value(Value::Number(text.to_owned(), false).into()));
    let to = if text.contains(['e', 'E']) {
        DataType::Double(datafusion::sql::sqlparser::ast::ExactNumberInfo::None)
    } else if text.parse::<i32>().is_ok() {
        DataType::Integer(None)
    } else {
        return None;
    };
    Some(Expr::Cast { kind: CastKind::Cast, expr: plain(), data_type: to, array: false, format: None })
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

/// A parameter is written as a literal is, and means the same.
fn typed_parameter(parameter: Expr) -> Expr {
    match &parameter {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => number(text).unwrap_or(parameter),
            _ => parameter,
        },
        _ => parameter,
    }
}

/// Takes [`number`]'s cast off again, where the grammar wants a bare number: `ORDER BY 1`, `LIMIT 10`.
fn bare_number(expr: &mut Expr) {
    if let Expr::Cast { expr: inner, data_type: DataType::Integer(None), .. } = expr
        && let Expr::Value(value) = inner.as_ref()
        && matches!(value.value, Value::Number(..))
    {
        *expr = (**inner).clone();
    }
}

fn window_numbers(function: &mut Function) {
    use datafusion::sql::sqlparser::ast::{WindowFrameBound, WindowType};
    if let Some(WindowType::WindowSpec(window)) = &mut function.over {
        for item in &mut window.order_by {
            item.options.nulls_first.get_or_insert(false);
        }
        if let Some(frame) = &mut window.window_frame {
            for bound in [Some(&mut frame.start_bound), frame.end_bound.as_mut()].into_iter().flatten() {
                if let WindowFrameBound::Preceding(Some(count)) | WindowFrameBound::Following(Some(count)) =
                    bound
                {
                    bare_number(count);
                }
            }
        }
    }
}

/// The engine escapes with a backslash and nothing else; Trino only with what ESCAPE names.
fn like(pattern: &mut Expr, escape: &mut Option<ValueWithSpan>) -> Result<(), QueryError> {
    let escape_char = match escape.take().map(|escape| escape.value.into_string()) {
        None => None,
        Some(Some(text)) if text.chars().count() == 1 => text.chars().next(),
        Some(_) => {
            return Err(QueryError::user(
                "INVALID_FUNCTION_ARGUMENT",
                "Escape string must be a single character",
            ));
        }
    };
    let Expr::Value(value) = &mut *pattern else {
        return match escape_char {
            None => Ok(()),
            Some(_) => Err(QueryError::not_supported("LIKE with ESCAPE and a pattern that is no literal")),
        };
    };
    if let Value::SingleQuotedString(text) = &mut value.value {
        let mut out = String::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if Some(c) == escape_char {
                out.push('\\');
                out.extend(chars.next());
            } else {
                out.extend((c == '\\').then_some('\\'));
                out.push(c);
            }
        }
        *text = out;
    }
    Ok(())
}

/// Types as the engine's planner understands them in Trino's sense; see also [`crate::plan::Types`].
fn engine_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Timestamp(precision, zone) => {
            DataType::Timestamp(Some(precision.unwrap_or(3).min(3)), *zone)
        }
        other => other.clone(),
    }
}

fn cast(expr: &mut Expr) -> Result<(), QueryError> {
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
                Some(datafusion::sql::sqlparser::ast::CharacterLength::IntegerLength { length, .. }) => {
                    Some(*length)
                }
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

fn plain_number(number: u64) -> Expr {
    Expr::Value(Value::Number(number.to_string(), false).into())
}

fn bigint(expr: Expr) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr),
        data_type: DataType::BigInt(None),
        array: false,
        format: None,
    }
}

fn text(value: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_owned()).into())
}

fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let args =
        arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn take_arguments(function: &Function) -> Vec<Expr> {
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

fn field_function(field: &DateTimeField) -> Result<&'static str, QueryError> {
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

/// Trino's name to the engine's, where a function means the same under another name.
fn renamed(name: &str) -> &str {
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
fn gives_bigint(name: &str) -> bool {
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

/// Functions that are written as something else altogether.
fn special(name: &str, function: &Function, now: Timestamp) -> Result<Option<Expr>, QueryError> {
    let arguments = take_arguments(function);
    let binary = |left: &Expr, op, right: &Expr| Expr::BinaryOp {
        left: Box::new(Expr::Nested(Box::new(left.clone()))),
        op,
        right: Box::new(Expr::Nested(Box::new(right.clone()))),
    };
    let cast_to = |expr: &Expr, data_type| Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr.clone()),
        data_type,
        array: false,
        format: None,
    };
    Ok(Some(match (name, arguments.as_slice()) {
        ("if", [condition, then]) => case(condition, then, None),
        ("if", [condition, then, otherwise]) => case(condition, then, Some(otherwise)),
        ("concat", [first, second, rest @ ..]) => {
            rest.iter().fold(binary(first, BinaryOperator::StringConcat, second), |so_far, next| {
                binary(&so_far, BinaryOperator::StringConcat, next)
            })
        }
        ("mod", [a, b]) => binary(a, BinaryOperator::Modulo, b),
        ("pow" | "power", [a, b]) => {
            let double = || DataType::Double(datafusion::sql::sqlparser::ast::ExactNumberInfo::None);
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
            case(&any_null, &unknown, Some(&call(name, arguments.clone())))
        }
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
        ("from_unixtime", [seconds, zone]) => {
            call("at_timezone", vec![call("from_unixtime", vec![seconds.clone()]), zone.clone()])
        }
        ("now" | "current_timestamp", []) => call("from_unixtime", vec![number_of(now.as_millis(), 3)]),
        ("localtimestamp", []) => {
            let at = call("from_unixtime", vec![number_of(now.as_millis(), 3)]);
            cast_to(&at, DataType::Timestamp(Some(3), TimezoneInfo::None))
        }
        ("current_date", []) => {
            let days = now.as_secs().div_euclid(86_400);
            let epoch = cast_to(&text("1970-01-01"), DataType::Date);
            call("date_add", vec![text("day"), signed_number(days), epoch])
        }
        ("current_timezone", []) => text(crate::types::UTC),
        ("current_user", []) => return Err(QueryError::not_supported("current_user")),
        _ => return Ok(None),
    }))
}

fn signed_number(number: i64) -> Expr {
    let plain = plain_number(number.unsigned_abs());
    if number < 0 { Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(plain) } } else { plain }
}

/// `units` with the last `digits` of them behind the point.
fn number_of(units: i64, digits: u32) -> Expr {
    let one = 10_i64.pow(digits);
    let (whole, rest) = (units.div_euclid(one), units.rem_euclid(one));
    Expr::Value(Value::Number(format!("{whole}.{rest:0width$}", width = digits as usize), false).into())
}

fn and(first: Option<&Expr>, second: &Expr) -> Expr {
    match first {
        Some(first) => Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new(first.clone()))),
            op: BinaryOperator::And,
            right: Box::new(Expr::Nested(Box::new(second.clone()))),
        },
        None => second.clone(),
    }
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

fn case(condition: &Expr, then: &Expr, otherwise: Option<&Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition: condition.clone(), result: then.clone() }],
        else_result: otherwise.map(|otherwise| Box::new(otherwise.clone())),
    }
}

/// What `TRY(…)` means for the functions and operators that can fail: their forms that give NULL.
fn make_lenient(expr: &mut Expr) {
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

/// The names of an answer's columns, given how many columns it has and what the engine calls them.
pub(crate) fn output_names(outputs: &[OutputName], engine_names: &[String]) -> Vec<String> {
    let wildcards = outputs.iter().filter(|output| **output == OutputName::Many).count();
    let others = outputs.len() - wildcards;
    let fits = match wildcards {
        0 => others == engine_names.len(),
        _ => others <= engine_names.len(),
    };
    let per_wildcard = match wildcards {
        0 => 0,
        _ => (engine_names.len().saturating_sub(others)) / wildcards,
    };
    let unnamed = |i: usize, name: &str| {
        if name.starts_with(UNNAMED) || name.starts_with("column") && outputs.is_empty() {
            format!("_col{i}")
        } else {
            name.to_owned()
        }
    };
    if !fits || (wildcards > 1 && others > 0) {
        return engine_names.iter().enumerate().map(|(i, name)| unnamed(i, name)).collect();
    }
    let mut names = Vec::with_capacity(engine_names.len());
    for output in outputs {
        match output {
            OutputName::Named(name) => names.push(name.clone()),
            OutputName::Unnamed => names.push(format!("_col{}", names.len())),
            OutputName::Many => {
                let from = names.len();
                names.extend(
                    engine_names.iter().enumerate().skip(from).take(per_wildcard).map(|(i, n)| unnamed(i, n)),
                );
            }
        }
    }
    let rest = names.len();
    names.extend(engine_names.iter().enumerate().skip(rest).map(|(i, name)| unnamed(i, name)));
    names
}
