//! From the text of an expression to a [`Predicate`]. `sqlparser` reads the SQL; what is not a condition on a
//! partition key and literals is refused.

use sqlparser::ast::{BinaryOperator, DataType, Expr, Ident, UnaryOperator, Value};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::{Comparison, FilterError, Predicate};

/// AWS's limit on the length of an expression.
const MAX_LENGTH: usize = 2_048;

/// How deep parentheses and NOTs may nest: far more than people write, far less than the stack holds.
const MAX_DEPTH: usize = 40;

impl Predicate {
    /// Reads an expression of GetPartitions. An empty one is every partition.
    pub fn parse(expression: &str) -> Result<Self, FilterError> {
        let refused = || FilterError::Unsupported(expression.chars().take(MAX_LENGTH).collect());
        if expression.trim().is_empty() {
            return Ok(Self::all());
        }
        if expression.chars().count() > MAX_LENGTH {
            return Err(refused());
        }
        let mut parser = Parser::new(&GenericDialect {})
            .with_recursion_limit(MAX_DEPTH)
            .try_with_sql(expression)
            .map_err(|_| refused())?;
        let parsed = parser.parse_expr().map_err(|_| refused())?;
        if parser.peek_token().token != Token::EOF {
            return Err(refused());
        }
        predicate(parsed).ok_or_else(refused)
    }
}

/// `None` when the expression is not one that Glue evaluates.
fn predicate(expr: Expr) -> Option<Predicate> {
    Some(match expr {
        Expr::Nested(inner) => predicate(*inner)?,
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => negated(true, predicate(*expr)?),
        Expr::BinaryOp { op: BinaryOperator::And, .. } => Predicate::And(chain(expr, &BinaryOperator::And)?),
        Expr::BinaryOp { op: BinaryOperator::Or, .. } => Predicate::Or(chain(expr, &BinaryOperator::Or)?),
        Expr::BinaryOp { left, op, right } => compare(*left, &op, *right)?,
        Expr::InList { expr, list, negated: not } => {
            let values = list.into_iter().map(literal).collect::<Option<_>>()?;
            negated(not, Predicate::In { key: key(*expr)?, values })
        }
        Expr::Between { expr, negated: not, low, high } => {
            let (low, high) = (literal(*low)?, literal(*high)?);
            negated(not, Predicate::Between { key: key(*expr)?, low, high })
        }
        Expr::Like { negated: not, any: false, expr, pattern, escape_char: None } => {
            negated(not, Predicate::Like { key: key(*expr)?, pattern: literal(*pattern)? })
        }
        Expr::IsNull(expr) => Predicate::IsNull { key: key(*expr)? },
        Expr::IsNotNull(expr) => negated(true, Predicate::IsNull { key: key(*expr)? }),
        _ => return None,
    })
}

/// The parts of `a AND b AND c`. The parser leans such chains to the left, as deep as they are long, so they are
/// unrolled without recursion.
fn chain(mut expr: Expr, joined_by: &BinaryOperator) -> Option<Vec<Predicate>> {
    let mut parts = Vec::new();
    loop {
        match expr {
            Expr::BinaryOp { left, op, right } if op == *joined_by => {
                parts.push(predicate(*right)?);
                expr = *left;
            }
            first => {
                parts.push(predicate(first)?);
                parts.reverse();
                return Some(parts);
            }
        }
    }
}

fn compare(left: Expr, op: &BinaryOperator, right: Expr) -> Option<Predicate> {
    let op = match op {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    };
    if is_key(&left) {
        Some(Predicate::Compare { key: key(left)?, op, value: literal(right)? })
    } else {
        Some(Predicate::Compare { key: key(right)?, op: op.turned(), value: literal(left)? })
    }
}

fn negated(not: bool, predicate: Predicate) -> Predicate {
    if not { Predicate::Not(Box::new(predicate)) } else { predicate }
}

fn is_key(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_key(inner),
        Expr::Identifier(_) => true,
        _ => false,
    }
}

fn key(expr: Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) => key(*inner),
        Expr::Identifier(Ident { value, .. }) => Some(value),
        _ => None,
    }
}

/// Numbers keep their spelling: the key's type decides later what they are.
fn literal(expr: Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) => literal(*inner),
        Expr::Value(value) => text(value.value),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match *expr {
            Expr::Value(value) => match value.value {
                Value::Number(number, _) => Some(format!("-{number}")),
                _ => None,
            },
            _ => None,
        },
        Expr::TypedString(typed) if matches!(typed.data_type, DataType::Date | DataType::Timestamp(..)) => {
            text(typed.value.value)
        }
        _ => None,
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Number(text, false) | Value::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}

impl Comparison {
    /// The comparison that holds when left and right change places.
    fn turned(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::NotEqual => Self::NotEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }
}
