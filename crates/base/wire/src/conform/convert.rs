//! Plain values in their shape's own type: what JSON, CBOR and forms have no type for, and what AWS says of a wrong one.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use millpond_core::Timestamp;

use super::Form;
use super::constraint::clip;
use crate::Value;
use crate::shape::Shape;

/// The text of a `SerializationException`.
pub(super) type Mistyped = String;

pub(super) const MAP_UNEXPECTED: &str = "Start of structure or map found where not expected.";
pub(super) const LIST_UNEXPECTED: &str = "Start of list found where not expected";

/// Padding may be missing, as Java's decoder takes it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A plain value in its shape's own type.
pub(super) fn convert(shape: &Shape, value: Value, form: Form) -> Result<Value, Mistyped> {
    let value = match (form, value) {
        (_, Value::Null) => return Ok(Value::Null),
        (Form::Query, Value::String(text)) => return from_text(shape, text),
        (_, value) => value,
    };
    match (shape, value) {
        (_, Value::Map(_)) => Err(MAP_UNEXPECTED.into()),
        (_, Value::List(_)) => Err(LIST_UNEXPECTED.into()),
        (Shape::String(_), value @ Value::String(_)) => Ok(value),
        (Shape::Boolean, value @ Value::Bool(_)) => Ok(value),
        (Shape::Integer(_), Value::Long(n)) if i32::try_from(n).is_ok() => Ok(Value::Long(n)),
        (Shape::Long(_), value @ Value::Long(_)) => Ok(value),
        (Shape::Float(_) | Shape::Double(_), Value::Long(n)) => Ok(Value::Double(n as f64)),
        (Shape::Float(_) | Shape::Double(_), value @ Value::Double(_)) => Ok(value),
        (Shape::Integer(_) | Shape::Long(_), Value::Double(n)) => whole(n)
            .filter(|n| matches!(shape, Shape::Long(_)) || i32::try_from(*n).is_ok())
            .map(Value::Long)
            .ok_or_else(|| mistyped(shape, &Value::Double(n))),
        (Shape::Blob(_), value @ Value::Blob(_)) => Ok(value),
        (Shape::Blob(_), Value::String(text)) if form == Form::Json => blob(&text),
        (Shape::Timestamp, value @ Value::Timestamp(_)) => Ok(value),
        (Shape::Timestamp, Value::Long(millis)) if form == Form::Cbor => {
            Ok(Value::Timestamp(Timestamp::from_millis(millis)))
        }
        (Shape::Timestamp, Value::Long(secs)) => time(secs as f64),
        (Shape::Timestamp, Value::Double(secs)) => time(secs),
        (shape, value) => Err(mistyped(shape, &value)),
    }
}

/// Clients that know no integers send `5.0`.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9.0e15).then_some(number as i64)
}

fn blob(text: &str) -> Result<Value, Mistyped> {
    let bytes = BASE64.decode(text).map_err(|error| format!("The value is not valid base64: {error}"))?;
    Ok(Value::Blob(bytes.into()))
}

fn time(secs: f64) -> Result<Value, Mistyped> {
    let at = Timestamp::from_secs_f64(secs).ok_or_else(|| "The timestamp is out of range".to_owned())?;
    Ok(Value::Timestamp(at))
}

/// A plain value of a form.
fn from_text(shape: &Shape, text: String) -> Result<Value, Mistyped> {
    let number = |value: Option<Value>, text: &str| {
        value.ok_or_else(|| format!("{:?} can not be converted to {}", clip(text), kind(shape)))
    };
    match shape {
        Shape::Boolean => match text.as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            other => number(None, other),
        },
        Shape::Integer(_) => number(text.parse::<i32>().ok().map(|n| Value::Long(n.into())), &text),
        Shape::Long(_) => number(text.parse().ok().map(Value::Long), &text),
        Shape::Float(_) | Shape::Double(_) => number(text.parse().ok().map(Value::Double), &text),
        Shape::Blob(_) => blob(&text),
        Shape::Timestamp => {
            let at = text.parse::<jiff::Timestamp>().ok();
            number(at.map(|at| Value::Timestamp(Timestamp::from_jiff(at))), &text)
        }
        _ => Ok(Value::String(text)),
    }
}

fn kind(shape: &Shape) -> &'static str {
    match shape {
        Shape::String(_) => "a String",
        Shape::Blob(_) => "a Blob",
        Shape::Integer(_) => "an Integer",
        Shape::Long(_) => "a Long",
        Shape::Float(_) => "a Float",
        Shape::Double(_) => "a Double",
        Shape::Boolean => "a Boolean",
        Shape::Timestamp => "a Timestamp",
        Shape::Structure(_) | Shape::List { .. } | Shape::Map { .. } | Shape::Document => "a collection",
    }
}

fn mistyped(shape: &Shape, value: &Value) -> Mistyped {
    let token = match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Long(_) | Value::Double(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Blob(_) => "BINARY_VALUE",
        Value::Timestamp(_) => "TIMESTAMP_VALUE",
        Value::List(_) => return LIST_UNEXPECTED.into(),
        Value::Map(_) => return MAP_UNEXPECTED.into(),
    };
    format!("{token} can not be converted to {}", kind(shape))
}
