//! UNNEST of maps, and WITH ORDINALITY: both are further arrays beside the first one, which the engine unnests together.
//! And UNNEST of a field of a row that stands to the left.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, ObjectNamePart, Select, TableFactor, visit_expressions_mut,
};

use super::build::{binary, call, case, plain_number, text};

/// `UNNEST(line.parts)` beside a relation with the column `line`: the engine knows names of columns of the left side, and
/// their fields by a function alone.
pub(super) fn fields_of_the_left_side(select: &mut Select) {
    let mut relations: Vec<String> = Vec::new();
    let tables = select.from.iter_mut();
    for factor in tables.flat_map(|table| {
        std::iter::once(&mut table.relation).chain(table.joins.iter_mut().map(|join| &mut join.relation))
    }) {
        if let TableFactor::UNNEST { array_exprs, .. } = factor {
            for array in array_exprs {
                let _: ControlFlow<()> = visit_expressions_mut(array, |part| {
                    if let Expr::CompoundIdentifier(names) = part
                        && let Some(field) = field(names, &relations)
                    {
                        *part = field;
                    }
                    ControlFlow::Continue(())
                });
            }
        }
        relations.extend(name_of(factor));
    }
}

/// What a relation is called in the statement.
fn name_of(factor: &TableFactor) -> Option<String> {
    let alias = match factor {
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::UNNEST { alias, .. } => alias,
        _ => return None,
    };
    let name = match (alias, factor) {
        (Some(alias), _) => &alias.name,
        (None, TableFactor::Table { name, .. }) => match name.0.last() {
            Some(ObjectNamePart::Identifier(last)) => last,
            _ => return None,
        },
        (None, _) => return None,
    };
    Some(name.value.to_lowercase())
}

/// The field that the names lead to, if they lead into a row and not just to a column.
fn field(names: &[Ident], relations: &[String]) -> Option<Expr> {
    let of_relation = names.first().is_some_and(|first| relations.contains(&first.value.to_lowercase()));
    let (column, fields) = names.split_at_checked(if of_relation { 2 } else { 1 })?;
    let whole = match column {
        [column] => Expr::Identifier(column.clone()),
        several => Expr::CompoundIdentifier(several.to_vec()),
    };
    let into = |row, name: &Ident| call("get_field", vec![row, text(&name.value.to_lowercase())]);
    (!fields.is_empty()).then(|| fields.iter().fold(whole, into))
}

/// A map has two columns. Its type is not known yet, but where one thing has two names it can only be a map: an array of
/// rows is one column of rows, as in Athena.
pub(super) fn unnest(factor: &mut TableFactor) {
    let TableFactor::UNNEST { alias: Some(alias), array_exprs, with_ordinality, .. } = factor else { return };
    let names = alias.columns.len() - usize::from(*with_ordinality && !alias.columns.is_empty());
    if let ([map], 2) = (array_exprs.as_slice(), names) {
        *array_exprs = vec![call("map_keys", vec![map.clone()]), call("map_values", vec![map.clone()])];
    }
    if std::mem::take(with_ordinality)
        && let Some(numbers) = numbers(array_exprs)
    {
        array_exprs.push(numbers);
    }
}

/// 1, 2, 3, … as far as the longest of the arrays goes; NULL when all are empty, since a sequence from 1 to 0 counts down.
fn numbers(arrays: &[Expr]) -> Option<Expr> {
    let length =
        |array: &Expr| call("coalesce", vec![call("cardinality", vec![array.clone()]), plain_number(0)]);
    let longest = match arrays {
        [] => return None,
        [array] => length(array),
        several => call("greatest", several.iter().map(length).collect()),
    };
    let some = binary(&longest, BinaryOperator::Gt, &plain_number(0));
    Some(case(&some, &call("sequence", vec![plain_number(1), longest.clone()]), None))
}
