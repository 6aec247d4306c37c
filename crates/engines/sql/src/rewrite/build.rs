//! Expressions made from parts.

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, UnaryOperator, Value,
};

pub(super) fn plain_number(number: u64) -> Expr {
    Expr::Value(Value::Number(number.to_string(), false).into())
}

pub(super) fn signed_number(number: i64) -> Expr {
    let plain = plain_number(number.unsigned_abs());
    if number < 0 { Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(plain) } } else { plain }
}

/// `units` with the last `digits` of them behind the point.
pub(super) fn number_of(units: i64, digits: u32) -> Expr {
    let one = 10_i64.pow(digits);
    let (whole, rest) = (units.div_euclid(one), units.rem_euclid(one));
    Expr::Value(Value::Number(format!("{whole}.{rest:0width$}", width = digits as usize), false).into())
}

pub(crate) fn text(value: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_owned()).into())
}

pub(super) fn bigint(expr: Expr) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr),
        data_type: DataType::BigInt(None),
        array: false,
        format: None,
    }
}

pub(crate) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
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

pub(super) fn and(first: Option<&Expr>, second: &Expr) -> Expr {
    match first {
        Some(first) => Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new(first.clone()))),
            op: BinaryOperator::And,
            right: Box::new(Expr::Nested(Box::new(second.clone()))),
        },
        None => second.clone(),
    }
}

pub(super) fn case(condition: &Expr, then: &Expr, otherwise: Option<&Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition: condition.clone(), result: then.clone() }],
        else_result: otherwise.map(|otherwise| Box::new(otherwise.clone())),
    }
}

pub(super) fn binary(left: &Expr, op: BinaryOperator, right: &Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(Expr::Nested(Box::new(left.clone()))),
        op,
        right: Box::new(Expr::Nested(Box::new(right.clone()))),
    }
}

pub(super) fn cast_to(expr: &Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr.clone()), data_type, array: false, format: None }
}
