//! Trino's functions that the engine lacks or understands otherwise. A function is an entry of a table: its name, how
//! its arguments are coerced, the type that it gives, and the code that works on whole arrays.

mod arithmetic;
mod arrays;
mod calendar;
mod datetime;
mod joda_format;
mod json;
mod mysql_format;
mod text;
mod values;

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::plan_err;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::expr_fn;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

pub(crate) use arithmetic::Operators;

use crate::error::QueryError;

/// Gives the types that arguments of the given types are cast to, or a message about what does not fit.
type Coerce = fn(&[DataType]) -> Result<Vec<DataType>, String>;
/// Gives the type of the answer for coerced arguments.
type Returns = fn(&[DataType]) -> DataType;
/// Works on arrays of one length each; the second argument is that length.
type Eval = fn(&[ArrayRef], usize) -> EngineResult<ArrayRef>;

/// One function of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function {
    name: &'static str,
    coerce: Coerce,
    returns: Returns,
    eval: Eval,
    /// True for one argument that already has the answer's type: the call is left out of the plan.
    no_op_on_own_type: bool,
}

impl Function {
    const fn new(name: &'static str, coerce: Coerce, returns: Returns, eval: Eval) -> Self {
        Self { name, coerce, returns, eval, no_op_on_own_type: false }
    }

    const fn no_op_on_own_type(mut self) -> Self {
        self.no_op_on_own_type = true;
        self
    }
}

/// All scalar functions of ours.
pub(crate) fn all() -> Vec<Arc<ScalarUDF>> {
    [
        arithmetic::FUNCTIONS,
        arrays::FUNCTIONS,
        datetime::FUNCTIONS,
        json::FUNCTIONS,
        text::FUNCTIONS,
        values::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
    .map(|function| Arc::new(ScalarUDF::new_from_impl(Scalar::new(*function))))
    .chain([Arc::new(ScalarUDF::new_from_impl(datetime::AtTimezone::new()))])
    .collect()
}

#[derive(Debug)]
struct Scalar {
    function: Function,
    signature: Signature,
}

impl Scalar {
    fn new(function: Function) -> Self {
        Self { function, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for Scalar {}

impl std::hash::Hash for Scalar {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

impl ScalarUDFImpl for Scalar {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> EngineResult<DataType> {
        Ok((self.function.returns)(arguments))
    }

    fn coerce_types(&self, arguments: &[DataType]) -> EngineResult<Vec<DataType>> {
        match (self.function.coerce)(arguments) {
            Ok(types) => Ok(types),
            Err(expected) => {
                let given: Vec<String> = arguments.iter().map(crate::types::trino_name).collect();
                plan_err!(
                    "Unexpected parameters ({}) for function {}. Expected: {}({expected})",
                    given.join(", "),
                    self.function.name,
                    self.function.name
                )
            }
        }
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        let scalar = call.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { call.number_rows };
        let arrays =
            call.args.iter().map(|argument| argument.to_array(rows)).collect::<EngineResult<Vec<_>>>()?;
        let answer = (self.function.eval)(&arrays, rows)?;
        if scalar {
            let value = datafusion::common::ScalarValue::try_from_array(&answer, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(answer))
    }

    fn simplify(&self, arguments: Vec<Expr>, info: &SimplifyContext) -> EngineResult<ExprSimplifyResult> {
        if self.function.no_op_on_own_type
            && let [argument] = arguments.as_slice()
        {
            let given = info.get_data_type(argument)?;
            if (self.function.returns)(std::slice::from_ref(&given)) == given {
                return Ok(ExprSimplifyResult::Simplified(expr_fn::cast(argument.clone(), given)));
            }
        }
        Ok(ExprSimplifyResult::Original(arguments))
    }
}

/// An argument that a function cannot work with, found while it runs.
fn invalid(message: impl Into<String>) -> datafusion::error::DataFusionError {
    QueryError::user("INVALID_FUNCTION_ARGUMENT", message).into()
}

/// True for types that read as text.
fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null)
}

/// All arguments are text, `least` to `most` of them.
fn texts(arguments: &[DataType], least: usize, most: usize) -> Option<Vec<DataType>> {
    let fits = (least..=most).contains(&arguments.len()) && arguments.iter().all(is_text);
    fits.then(|| vec![DataType::Utf8; arguments.len()])
}
