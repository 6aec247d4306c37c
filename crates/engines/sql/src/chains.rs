//! Long chains of one operator, `a OR b OR c …` or `a + b - c …`, as the flat or balanced trees that mean the same. The
//! parser makes each operator one level deeper, and whatever walks the tree after it does so by recursion.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Query, Select, UnaryOperator, Value, VisitMut as _, VisitorMut,
};

use crate::error::{Place, QueryError};
use crate::rewrite::{call, text};

/// How deep expressions may nest once their chains are balanced: stacks and the planner's time are made for so many.
const MAX_DEPTH: usize = 200;

/// How many tables one FROM may name with commas.
const MAX_TABLES: usize = 1_000;

/// Chains up to this length stay as they are written. The left edge of the largest balanced tree is shorter: 2^20 terms are
/// more than a statement has room for.
const SHORT: usize = 20;

/// Balances the chains of AND, OR and `||`, makes lists of the equalities in them, and one call each of sums and products.
///
/// Errors: SYNTAX_ERROR (what is left nests deeper than [`MAX_DEPTH`]).
pub(crate) fn balance(query: &mut Query) -> Result<(), QueryError> {
    match query.visit(&mut Balancer { depth: 0 }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Balancer {
    depth: usize,
}

impl VisitorMut for Balancer {
    type Break = QueryError;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<QueryError> {
        // Tables with commas between them are joins too.
        if select.from.len() > MAX_TABLES {
            let message = format!("statement is too large: more than {MAX_TABLES} tables in one FROM");
            return ControlFlow::Break(QueryError::syntax(Place::START, message));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return ControlFlow::Break(too_deep());
        }
        // Before its parts are visited, so that nothing walks down the whole chain.
        if let Expr::BinaryOp { op, .. } = expr
            && let Some(family) = Family::of(op)
        {
            flatten(expr, family);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<QueryError> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

fn too_deep() -> QueryError {
    QueryError::syntax(
        Place::START,
        format!("statement is too large: an expression nests more than {MAX_DEPTH} operators"),
    )
}

/// Operators that chain with each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    And,
    Or,
    Concat,
    Sum,
    Product,
}

impl Family {
    fn of(op: &BinaryOperator) -> Option<Self> {
        Some(match op {
            BinaryOperator::And => Self::And,
            BinaryOperator::Or => Self::Or,
            BinaryOperator::StringConcat => Self::Concat,
            BinaryOperator::Plus | BinaryOperator::Minus => Self::Sum,
            BinaryOperator::Multiply => Self::Product,
            _ => return None,
        })
    }
}

fn flatten(expr: &mut Expr, family: Family) {
    let mut length = 1;
    let mut next = &*expr;
    while let Expr::BinaryOp { left, op, .. } = next
        && Family::of(op) == Some(family)
    {
        length += 1;
        next = left;
    }
    if length <= SHORT {
        return;
    }
    let mut terms = Vec::with_capacity(length);
    // The signs before the second term and those after it.
    let mut signs = String::new();
    let mut rest = std::mem::replace(expr, Expr::Value(Value::Null.into()));
    loop {
        match rest {
            Expr::BinaryOp { left, op, right } if Family::of(&op) == Some(family) => {
                signs.push(if op == BinaryOperator::Minus { '-' } else { '+' });
                terms.push(*right);
                rest = *left;
            }
            first => {
                terms.push(first);
                break;
            }
        }
    }
    terms.reverse();
    // Sums and products go from left to right, whatever the types: where they overflow or round is seen.
    *expr = match family {
        Family::And => tree(with_lists(terms, true), &BinaryOperator::And),
        Family::Or => tree(with_lists(terms, false), &BinaryOperator::Or),
        Family::Concat => tree(terms, &BinaryOperator::StringConcat),
        Family::Sum => {
            let signs: String = signs.chars().rev().collect();
            terms.insert(0, text(&signs));
            call("chained_sum", terms)
        }
        Family::Product => call("chained_product", terms),
    };
}

fn tree(mut terms: Vec<Expr>, op: &BinaryOperator) -> Expr {
    // Neighbours are paired until one is left.
    while terms.len() > 1 {
        let mut pairs = Vec::with_capacity(terms.len().div_ceil(2));
        let mut terms_left = terms.into_iter();
        while let Some(left) = terms_left.next() {
            pairs.push(match terms_left.next() {
                Some(right) => {
                    Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: Box::new(right) }
                }
                None => left,
            });
        }
        terms = pairs;
    }
    terms.pop().unwrap_or(Expr::Value(Value::Null.into()))
}

/// `x = 1 OR x = 2` is `x IN (1, 2)`, and `x <> 1 AND x <> 2` is `x NOT IN (1, 2)`, also for NULLs. Only literals of one
/// kind are put together, so that no comparison changes its type.
fn with_lists(terms: Vec<Expr>, negated: bool) -> Vec<Expr> {
    let mut kept: Vec<Expr> = Vec::new();
    // Where the list of each column and kind of literal stands among the kept.
    let mut lists: std::collections::HashMap<(String, Kind), usize> = std::collections::HashMap::new();
    for term in terms {
        let (column, kind, value) = match equality(&term, negated) {
            Some(found) => found,
            None => {
                kept.push(term);
                continue;
            }
        };
        let key = (column.to_string(), kind);
        if let Some(at) = lists.get(&key)
            && let Some(Expr::InList { list, .. }) = kept.get_mut(*at)
        {
            list.push(value);
            continue;
        }
        lists.insert(key, kept.len());
        kept.push(Expr::InList { expr: Box::new(column), list: vec![value], negated });
    }
    kept
}

#[derive(PartialEq, Eq, Hash)]
enum Kind {
    Integer,
    Text,
}

/// The column and the literal that `term` compares.
fn equality(term: &Expr, negated: bool) -> Option<(Expr, Kind, Expr)> {
    let wanted = if negated { BinaryOperator::NotEq } else { BinaryOperator::Eq };
    let mut term = term;
    while let Expr::Nested(inner) = term {
        term = inner;
    }
    let Expr::BinaryOp { left, op, right } = term else { return None };
    if *op != wanted {
        return None;
    }
    let (column, value) = if is_column(left) { (left, right) } else { (right, left) };
    let kind = kind_of(value)?;
    is_column(column).then(|| ((**column).clone(), kind, (**value).clone()))
}

fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
}

fn kind_of(expr: &Expr) -> Option<Kind> {
    match expr {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
            kind_of(expr).filter(|kind| *kind == Kind::Integer)
        }
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(Kind::Integer),
            Value::SingleQuotedString(_) => Some(Kind::Text),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::ast::{SetExpr, Statement};
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;
    use crate::dialect::Trino;

    fn balanced(condition: &str) -> String {
        let parsed = Parser::parse_sql(&Trino, &format!("SELECT 1 WHERE {condition}")).unwrap();
        let Some(Statement::Query(mut query)) = parsed.into_iter().next() else { panic!("no query") };
        balance(&mut query).unwrap();
        let SetExpr::Select(select) = *query.body else { panic!("no select") };
        select.selection.unwrap().to_string()
    }

    #[test]
    fn equalities_become_lists() {
        let joined = |n: usize, term: &dyn Fn(usize) -> String, between: &str| {
            (0..n).map(term).collect::<Vec<_>>().join(between)
        };
        let chain = |term: &dyn Fn(usize) -> String, op: &str| joined(30, term, &format!(" {op} "));
        let list = |n: usize| joined(n, &|n| n.to_string(), ", ");
        for (condition, expected) in [
            ("a = 1 OR a = 2".to_owned(), "a = 1 OR a = 2".to_owned()),
            (chain(&|n| format!("a = {n}"), "OR"), format!("a IN ({})", list(30))),
            (chain(&|n| format!("{n} <> t.a"), "AND"), format!("t.a NOT IN ({})", list(30))),
            (
                chain(&|n| if n % 2 == 0 { format!("a = -{n}") } else { format!("(b = '{n}')") }, "OR"),
                format!(
                    "a IN ({}) OR b IN ({})",
                    joined(15, &|n| format!("-{}", 2 * n), ", "),
                    joined(15, &|n| format!("'{}'", 2 * n + 1), ", ")
                ),
            ),
            (chain(&|n| format!("a = {n}.5"), "OR"), chain(&|n| format!("a = {n}.5"), "OR")),
            (chain(&|n| format!("b{n}"), "||"), chain(&|n| format!("b{n}"), "||")),
            (
                format!("0 < {}", chain(&|n| format!("a{n}"), "- 1 +")),
                format!(
                    "0 < chained_sum('{}', {}, 1, a29)",
                    "-+".repeat(29),
                    joined(29, &|n| format!("a{n}"), ", 1, ")
                ),
            ),
            (
                format!("0 < b + {}", chain(&|n| format!("a{n}"), "*")),
                format!("0 < b + chained_product({})", joined(30, &|n| format!("a{n}"), ", ")),
            ),
            (
                format!("x LIKE 'y' OR {} AND b = 2", chain(&|n| format!("a = {n}"), "OR")),
                format!("x LIKE 'y' OR a IN ({}) OR a = 29 AND b = 2", list(29)),
            ),
        ] {
            assert_eq!(balanced(&condition), expected);
        }
    }
}
