//! Integer arithmetic that fails where Trino's does, instead of wrapping around, and rounding as Trino's casts do.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type};
use datafusion::common::DFSchema;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::logical_expr::binary::BinaryTypeCoercer;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable as _, GetFieldAccess, Operator, ScalarUDF};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::Function;
use crate::error::QueryError;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("checked_add", widest, first, add),
    Function::new("checked_subtract", widest, first, subtract),
    Function::new("checked_multiply", widest, first, multiply),
    Function::new("chained_sum", summands, sum_type, chained_sum),
    Function::new("chained_product", factors, product_type, chained_product),
    Function::new("round_for_cast", any_one, first, round_for_cast),
];

fn first(arguments: &[DataType]) -> DataType {
    arguments.first().cloned().unwrap_or(DataType::Null)
}

fn any_one(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    if arguments.len() == 1 { Ok(arguments.to_vec()) } else { Err("any".to_owned()) }
}

fn width(data_type: &DataType) -> Option<u8> {
    match data_type {
        DataType::Int8 => Some(1),
        DataType::Int16 => Some(2),
        DataType::Int32 => Some(4),
        DataType::Int64 => Some(8),
        _ => None,
    }
}

fn widest(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    match arguments {
        [left, right] => match (width(left), width(right)) {
            (Some(a), Some(b)) => Ok(vec![if a >= b { left.clone() } else { right.clone() }; 2]),
            _ => Err("integer, integer".to_owned()),
        },
        _ => Err("integer, integer".to_owned()),
    }
}

fn add(arguments: &[ArrayRef], _rows: usize) -> EngineResult<ArrayRef> {
    numeric::add(&arguments[0], &arguments[1]).map_err(|_| overflow("addition", &arguments[0]))
}

fn subtract(arguments: &[ArrayRef], _rows: usize) -> EngineResult<ArrayRef> {
    numeric::sub(&arguments[0], &arguments[1]).map_err(|_| overflow("subtraction", &arguments[0]))
}

fn multiply(arguments: &[ArrayRef], _rows: usize) -> EngineResult<ArrayRef> {
    numeric::mul(&arguments[0], &arguments[1]).map_err(|_| overflow("multiplication", &arguments[0]))
}

fn overflow(what: &str, array: &ArrayRef) -> DataFusionError {
    let kind = crate::types::trino_name(array.data_type());
    QueryError::user("NUMERIC_VALUE_OUT_OF_RANGE", format!("{kind} {what} overflow")).into()
}

/// The types in which one step of a chain is computed, and the type that it gives.
struct Step {
    left: DataType,
    right: DataType,
    result: DataType,
}

impl Step {
    fn of(left: &DataType, op: Operator, right: &DataType) -> EngineResult<Self> {
        if let (Some(a), Some(b)) = (width(left), width(right)) {
            let wide = if a >= b { left } else { right };
            return Ok(Self { left: wide.clone(), right: wide.clone(), result: wide.clone() });
        }
        let coercer = BinaryTypeCoercer::new(left, &op, right);
        let (left, right) = coercer.get_input_types()?;
        Ok(Self { left, right, result: coercer.get_result_type()? })
    }
}

/// The type of a chain of operands, from left to right.
fn fold(operands: &[DataType], op: Operator) -> EngineResult<DataType> {
    let Some((first, rest)) = operands.split_first() else { return Ok(DataType::Null) };
    rest.iter().try_fold(first.clone(), |so_far, next| Ok(Step::of(&so_far, op, next)?.result))
}

fn summands(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    match arguments.split_first() {
        Some((signs, operands)) if super::is_text(signs) && fold(operands, Operator::Plus).is_ok() => {
            Ok([&[DataType::Utf8], operands].concat())
        }
        _ => Err("signs, number, ...".to_owned()),
    }
}

fn factors(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    fold(arguments, Operator::Multiply).map_err(|_| "number, ...".to_owned())?;
    Ok(arguments.to_vec())
}

fn sum_type(arguments: &[DataType]) -> DataType {
    fold(arguments.get(1..).unwrap_or_default(), Operator::Plus).unwrap_or(DataType::Null)
}

fn product_type(arguments: &[DataType]) -> DataType {
    fold(arguments, Operator::Multiply).unwrap_or(DataType::Null)
}

/// One step of a chain; integers fail where they overflow.
fn step(left: &ArrayRef, op: Operator, right: &ArrayRef) -> EngineResult<ArrayRef> {
    let types = Step::of(left.data_type(), op, right.data_type())?;
    let checked = width(&types.result).is_some();
    let (left, right) = (cast(left, &types.left)?, cast(right, &types.right)?);
    let (result, what) = match op {
        Operator::Minus => (numeric::sub(&left, &right), "subtraction"),
        Operator::Multiply => (numeric::mul(&left, &right), "multiplication"),
        _ => (numeric::add(&left, &right), "addition"),
    };
    match result {
        Ok(array) if *array.data_type() == types.result => Ok(array),
        Ok(array) => Ok(cast(&array, &types.result)?),
        Err(_) if checked => Err(overflow(what, &left)),
        Err(error) => Err(error.into()),
    }
}

/// `chained_sum('+-', a, b, c)` is `a + b - c`: one call, however long, where each operator would nest one deeper.
fn chained_sum(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let types: Vec<DataType> = arguments.iter().map(|array| array.data_type().clone()).collect();
    let (signs, operands) = match arguments.split_first() {
        Some((signs, operands)) if rows > 0 => (signs.as_string::<i32>().value(0).to_owned(), operands),
        _ => return Ok(arrow::array::new_empty_array(&sum_type(&types))),
    };
    let signs = signs.bytes().map(|sign| if sign == b'-' { Operator::Minus } else { Operator::Plus });
    chain(operands, signs)
}

fn chained_product(arguments: &[ArrayRef], _rows: usize) -> EngineResult<ArrayRef> {
    chain(arguments, std::iter::repeat(Operator::Multiply))
}

fn chain(operands: &[ArrayRef], ops: impl Iterator<Item = Operator>) -> EngineResult<ArrayRef> {
    let Some((first, rest)) = operands.split_first() else {
        return Err(DataFusionError::Internal("a chain without operands".to_owned()));
    };
    rest.iter().zip(ops).try_fold(Arc::clone(first), |so_far, (next, op)| step(&so_far, op, next))
}

/// Halves away from zero, before a cast to an integer; what is no fraction stays as it is.
fn round_for_cast(arguments: &[ArrayRef], _rows: usize) -> EngineResult<ArrayRef> {
    let array = &arguments[0];
    Ok(match array.data_type() {
        DataType::Float64 => {
            Arc::new(array.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::round))
        }
        DataType::Float32 => {
            Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float32Type>(f32::round))
        }
        DataType::Decimal128(precision, scale) if *scale > 0 => {
            let unit = 10_i128.pow(scale.unsigned_abs().into());
            let rounded = array.as_primitive::<Decimal128Type>().unary::<_, Decimal128Type>(|value| {
                let half = if value < 0 { -unit / 2 } else { unit / 2 };
                (value + half) / unit * unit
            });
            Arc::new(rounded.with_precision_and_scale(*precision, *scale)?)
        }
        _ => Arc::clone(array),
    })
}

/// Plans `+`, `-` and `*` of two integers as the checked functions, and `map[key]` as `element_at`.
#[derive(Debug)]
pub(crate) struct Operators {
    pub(crate) element_at: Arc<ScalarUDF>,
    pub(crate) add: Arc<ScalarUDF>,
    pub(crate) subtract: Arc<ScalarUDF>,
    pub(crate) multiply: Arc<ScalarUDF>,
}

impl ExprPlanner for Operators {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> EngineResult<PlannerResult<RawBinaryExpr>> {
        let function = match expr.op {
            BinaryOperator::Plus => &self.add,
            BinaryOperator::Minus => &self.subtract,
            BinaryOperator::Multiply => &self.multiply,
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let is_integer =
            |side: &Expr| side.get_type(schema).is_ok_and(|data_type| width(&data_type).is_some());
        if is_integer(&expr.left) && is_integer(&expr.right) {
            return Ok(PlannerResult::Planned(function.call(vec![expr.left, expr.right])));
        }
        Ok(PlannerResult::Original(expr))
    }

    fn plan_field_access(
        &self,
        expr: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> EngineResult<PlannerResult<RawFieldAccessExpr>> {
        if !matches!(expr.expr.get_type(schema), Ok(DataType::Map(..))) {
            return Ok(PlannerResult::Original(expr));
        }
        let key = match expr.field_access {
            GetFieldAccess::NamedStructField { name } => Expr::Literal(name, None),
            GetFieldAccess::ListIndex { key } => *key,
            GetFieldAccess::ListRange { .. } => return Ok(PlannerResult::Original(expr)),
        };
        Ok(PlannerResult::Planned(self.element_at.call(vec![expr.expr, key])))
    }
}
