//! Literals in Trino's types, and bare where the grammar wants them bare.

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, Function, Value, ValueWithSpan, WindowFrameBound, WindowType,
};

use crate::error::QueryError;

/// Literals: integers that fit are `integer`, numbers with an exponent are `double`.
pub(super) fn number(text: &str) -> Option<Expr> {
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

/// A parameter is written as a literal is, and means the same.
pub(super) fn typed_parameter(parameter: Expr) -> Expr {
    match &parameter {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => number(text).unwrap_or(parameter),
            _ => parameter,
        },
        _ => parameter,
    }
}

/// Takes [`number`]'s cast off again, where the grammar wants a bare number: `ORDER BY 1`, `LIMIT 10`.
pub(super) fn bare_number(expr: &mut Expr) {
    if let Expr::Cast { expr: inner, data_type: DataType::Integer(None), .. } = expr
        && let Expr::Value(value) = inner.as_ref()
        && matches!(value.value, Value::Number(..))
    {
        *expr = (**inner).clone();
    }
}

pub(super) fn window_numbers(function: &mut Function) {
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
pub(super) fn like(pattern: &mut Expr, escape: &mut Option<ValueWithSpan>) -> Result<(), QueryError> {
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
