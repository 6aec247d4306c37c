//! One walk that holds a request's tree against its shape: protocol forms become typed ones, and every broken
//! constraint is gathered, to be answered at once in AWS's words.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use millpond_core::Timestamp;

use crate::shape::{Bounds, Length, Member, Presence, Shape, Text};
use crate::value::Key;
use crate::{ApiError, Value, query};

/// How a body carries what its wire form has no type for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Blobs are base64, times are seconds.
    Json,
    /// Blobs are blobs, times are tagged, or else milliseconds.
    Cbor,
    /// Everything is a text.
    Query,
}

/// Why a request's tree is not an operation's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejected {
    /// A value of the wrong type. AWS answers the first one.
    Serialization(String),
    /// Members that Millpond does not act on, by their paths.
    Refused(Vec<String>),
    /// Broken constraints, each a sentence.
    Invalid(Vec<String>),
}

/// How many sentences one answer holds at most: a request of a million bad members is not answered by a million lines.
const MAX_VIOLATIONS: usize = 100;

/// How much of a bad value is told back.
const MAX_TOLD: usize = 1_024;

impl Rejected {
    /// The error in AWS's words; `validation_code` is the service's code for a broken constraint.
    pub fn into_error(self, form: Form, validation_code: &'static str) -> ApiError {
        match self {
            Self::Serialization(message) if form == Form::Query => ApiError::new("MalformedInput", message),
            Self::Serialization(message) => ApiError::serialization(message),
            Self::Refused(members) => {
                let members = members.join("', '");
                let message =
                    format!("Millpond does not support the parameter '{members}' of this operation.");
                ApiError::validation(validation_code, message)
            }
            Self::Invalid(violations) => {
                let (count, s) = (violations.len(), if violations.len() == 1 { "" } else { "s" });
                let message = format!("{count} validation error{s} detected: {}", violations.join("; "));
                ApiError::validation(validation_code, message)
            }
        }
    }
}

/// The input's tree in the shape's own terms: members that the shape does not know are left out, blobs and times are
/// decoded, names are the shape's.
pub fn conform(shape: &Shape, value: Value, form: Form) -> Result<Value, Rejected> {
    let mut walk = Walk { form, violations: Vec::new(), refused: Vec::new() };
    let conformed = walk.value(shape, value, &Path::Root).map_err(Rejected::Serialization)?;
    if !walk.refused.is_empty() {
        Err(Rejected::Refused(walk.refused))
    } else if walk.violations.is_empty() {
        Ok(conformed)
    } else {
        Err(Rejected::Invalid(walk.violations))
    }
}

/// Where the walk stands; printed only when something is wrong there.
enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'static str),
    Item(&'p Path<'p>, usize),
    Entry(&'p Path<'p>, &'p str),
}

impl fmt::Display for Path<'_> {
    /// As AWS writes it: `records.1.member.partitionKey`, list members counted from one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(parent, name) => {
                if !matches!(parent, Self::Root) {
                    write!(f, "{parent}.")?;
                }
                let mut letters = name.chars();
                let first = letters.next().map(|c| c.to_ascii_lowercase());
                write!(f, "{}{}", first.unwrap_or_default(), letters.as_str())
            }
            Self::Item(parent, index) => write!(f, "{parent}.{}.member", index + 1),
            Self::Entry(parent, key) => write!(f, "{parent}.{key}.member"),
        }
    }
}

struct Walk {
    form: Form,
    violations: Vec<String>,
    refused: Vec<String>,
}

/// The text of a `SerializationException`.
type Mistyped = String;

impl Walk {
    fn value(&mut self, shape: &Shape, value: Value, path: &Path<'_>) -> Result<Value, Mistyped> {
        match shape {
            Shape::Structure(members) => self.structure(members, value, path),
            Shape::List { member, length } => self.list(member, *length, value, path),
            Shape::Map { key, value: of, length } => self.map((key, of), *length, value, path),
            Shape::Document => Ok(value),
            simple => {
                let value = convert(simple, value, self.form)?;
                for broken in broken_by(simple, &value) {
                    self.violated(&told(simple, &value), path, &broken);
                }
                Ok(value)
            }
        }
    }

    fn violated(&mut self, told: &str, path: &Path<'_>, constraint: &str) {
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations
                .push(format!("Value {told}at '{path}' failed to satisfy constraint: {constraint}"));
        }
    }

    fn structure(&mut self, members: &[Member], value: Value, path: &Path<'_>) -> Result<Value, Mistyped> {
        let entries = match value {
            Value::Null => return Ok(Value::Null),
            Value::Map(entries) => entries,
            Value::String(text) if self.form == Form::Query && text.is_empty() => Vec::new(),
            Value::List(_) => return Err(LIST_UNEXPECTED.into()),
            _ => return Err("Expected null".into()),
        };
        // Members come out in the model's order, so that the answer to bad input does not depend on the client's.
        let mut found: Vec<Value> = members.iter().map(|_| Value::Null).collect();
        for (name, value) in entries {
            if let Some(at) = members.iter().position(|member| member.name == name) {
                found[at] = value;
            }
        }
        let mut conformed = Vec::with_capacity(members.len());
        for (member, value) in members.iter().zip(found) {
            let path = Path::Member(path, member.name);
            match (member.presence, value.is_null()) {
                (Presence::Required, true) => self.violated("null ", &path, NOT_NULL),
                (Presence::Optional | Presence::Refused, true) => {}
                (Presence::Refused, false) => self.refused.push(path.to_string()),
                (Presence::Optional | Presence::Required, false) => {
                    conformed.push((Key::Borrowed(member.name), self.value(member.shape, value, &path)?));
                }
            }
        }
        Ok(Value::Map(conformed))
    }

    fn list(
        &mut self,
        member: &Shape,
        length: Length,
        value: Value,
        path: &Path<'_>,
    ) -> Result<Value, Mistyped> {
        let items = match value {
            Value::Null => return Ok(Value::Null),
            Value::List(items) => items,
            Value::Map(_) if self.form != Form::Query => return Err(MAP_UNEXPECTED.into()),
            other if self.form == Form::Query => {
                query::list_of(other).ok_or_else(|| "Expected list or null".to_owned())?
            }
            _ => return Err("Expected list or null".into()),
        };
        let mut conformed = Vec::with_capacity(items.len());
        if !member.is_simple() {
            for (index, item) in items.into_iter().enumerate() {
                let path = Path::Item(path, index);
                if item.is_null() {
                    self.violated("null ", &path, NOT_NULL);
                }
                conformed.push(self.value(member, item, &path)?);
            }
            self.length(length, &conformed, path);
            return Ok(Value::List(conformed));
        }
        // A list of plain values is judged as a whole: one sentence names the whole list and all that holds for a member.
        let mut all_good = true;
        for item in items {
            let item = convert(member, item, self.form)?;
            all_good &= !item.is_null() && broken_by(member, &item).is_empty();
            conformed.push(item);
        }
        self.length(length, &conformed, path);
        if !all_good {
            let constraint = format!("Member must satisfy constraint: [{}]", all_of(member));
            self.violated(&told_list(member, &conformed), path, &constraint);
        }
        Ok(Value::List(conformed))
    }

    fn length(&mut self, length: Length, items: &[Value], path: &Path<'_>) {
        if let Some(constraint) = broken_length(length, items.len()) {
            self.violated(&told_list(&Shape::STRING, items), path, &constraint);
        }
    }

    fn map(
        &mut self,
        (key_shape, shape): (&Shape, &Shape),
        length: Length,
        value: Value,
        path: &Path<'_>,
    ) -> Result<Value, Mistyped> {
        let entries = match value {
            Value::Null => return Ok(Value::Null),
            other if self.form == Form::Query => {
                query::entries_of(other).ok_or_else(|| "Expected map or null".to_owned())?
            }
            Value::Map(entries) => entries,
            Value::List(_) => return Err(LIST_UNEXPECTED.into()),
            _ => return Err("Expected map or null".into()),
        };
        let mut keys_good = true;
        let mut values_good = true;
        let mut conformed = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key_text = Value::String(key.into_owned());
            keys_good &= broken_by(key_shape, &key_text).is_empty();
            let Value::String(key) = key_text else { unreachable!("made four lines above") };
            let value = if shape.is_simple() {
                let value = convert(shape, value, self.form)?;
                values_good &= !value.is_null() && broken_by(shape, &value).is_empty();
                value
            } else {
                let path = Path::Entry(path, &key);
                if value.is_null() {
                    self.violated("null ", &path, NOT_NULL);
                }
                self.value(shape, value, &path)?
            };
            conformed.push((Key::Owned(key), value));
        }
        let told = || told_map(shape, &conformed);
        let judged = [
            broken_length(length, conformed.len()),
            (!keys_good).then(|| format!("Map keys must satisfy constraint: [{}]", all_of(key_shape))),
            (!values_good).then(|| format!("Map value must satisfy constraint: [{}]", all_of(shape))),
        ];
        for constraint in judged.into_iter().flatten() {
            self.violated(&told(), path, &constraint);
        }
        Ok(Value::Map(conformed))
    }
}

const NOT_NULL: &str = "Member must not be null";
const MAP_UNEXPECTED: &str = "Start of structure or map found where not expected.";
const LIST_UNEXPECTED: &str = "Start of list found where not expected.";

/// Padding may be missing, as Java's decoder takes it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A plain value in its shape's own type.
fn convert(shape: &Shape, value: Value, form: Form) -> Result<Value, Mistyped> {
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

/// The constraints of a plain shape that a value of its type breaks.
fn broken_by(shape: &Shape, value: &Value) -> Vec<String> {
    match (shape, value) {
        (Shape::String(text), Value::String(value)) => broken_text(text, value),
        (Shape::Blob(length), Value::Blob(bytes)) => {
            broken_length(*length, bytes.len()).into_iter().collect()
        }
        (Shape::Integer(bounds), Value::Long(n)) => {
            i32::try_from(*n).map_or_else(|_| Vec::new(), |n| broken_bounds(*bounds, n))
        }
        (Shape::Long(bounds), Value::Long(n)) => broken_bounds(*bounds, *n),
        (Shape::Float(bounds) | Shape::Double(bounds), Value::Double(n)) => broken_bounds(*bounds, *n),
        _ => Vec::new(),
    }
}

fn broken_text(text: &Text, value: &str) -> Vec<String> {
    let mut broken = Vec::new();
    if !text.values.is_empty() && !text.values.contains(&value) {
        broken.push(of_values(text.values));
    }
    if let Some(pattern) = text.pattern.filter(|pattern| !pattern.matches(value)) {
        broken.push(of_pattern(pattern.text));
    }
    broken.extend(broken_length(text.length, value.chars().count()));
    broken
}

fn broken_length(length: Length, actual: usize) -> Option<String> {
    if actual < length.min {
        Some(of_min_length(length.min))
    } else if actual > length.max {
        Some(of_max_length(length.max))
    } else {
        None
    }
}

fn broken_bounds<N: PartialOrd + fmt::Display + Copy>(bounds: Bounds<N>, actual: N) -> Vec<String> {
    let low = bounds.min.filter(|min| actual < *min).map(of_min);
    let high = bounds.max.filter(|max| actual > *max).map(of_max);
    low.into_iter().chain(high).collect()
}

fn of_values(values: &[&str]) -> String {
    format!("Member must satisfy enum value set: [{}]", values.join(", "))
}

fn of_pattern(pattern: &str) -> String {
    format!("Member must satisfy regular expression pattern: {pattern}")
}

fn of_min_length(min: usize) -> String {
    format!("Member must have length greater than or equal to {min}")
}

fn of_max_length(max: usize) -> String {
    format!("Member must have length less than or equal to {max}")
}

fn of_min<N: fmt::Display>(min: N) -> String {
    format!("Member must have value greater than or equal to {min}")
}

fn of_max<N: fmt::Display>(max: N) -> String {
    format!("Member must have value less than or equal to {max}")
}

/// All that holds for a plain shape, broken or not, as the sentence about a whole list or map tells it.
fn all_of(shape: &Shape) -> String {
    let lengths = |length: Length| {
        let max = (length.max != Length::ANY.max).then(|| of_max_length(length.max));
        max.into_iter().chain((length.min != 0).then(|| of_min_length(length.min)))
    };
    let mut all: Vec<String> = match shape {
        Shape::String(text) => {
            let values = (!text.values.is_empty()).then(|| of_values(text.values));
            let pattern = text.pattern.map(|pattern| of_pattern(pattern.text));
            lengths(text.length).chain(pattern).chain(values).collect()
        }
        Shape::Blob(length) => lengths(*length).collect(),
        Shape::Integer(bounds) => bounds.max.map(of_max).into_iter().chain(bounds.min.map(of_min)).collect(),
        Shape::Long(bounds) => bounds.max.map(of_max).into_iter().chain(bounds.min.map(of_min)).collect(),
        Shape::Float(bounds) | Shape::Double(bounds) => {
            bounds.max.map(of_max).into_iter().chain(bounds.min.map(of_min)).collect()
        }
        _ => Vec::new(),
    };
    all.push(NOT_NULL.to_owned());
    all.join(", ")
}

/// A bad value as AWS quotes it, with the space behind it; nothing for a secret.
fn told(shape: &Shape, value: &Value) -> String {
    if is_secret(shape) { String::new() } else { format!("'{}' ", clip(&plain(value))) }
}

fn told_list(member: &Shape, items: &[Value]) -> String {
    if is_secret(member) {
        return String::new();
    }
    let mut text = String::new();
    for item in items {
        if text.len() > MAX_TOLD {
            break;
        }
        let comma = if text.is_empty() { "" } else { ", " };
        write!(text, "{comma}{}", plain(item)).expect("a String takes every write");
    }
    format!("'[{}]' ", clip(&text))
}

fn told_map(shape: &Shape, entries: &[(Key, Value)]) -> String {
    if is_secret(shape) {
        return String::new();
    }
    let mut text = String::new();
    for (key, value) in entries {
        if text.len() > MAX_TOLD {
            break;
        }
        let comma = if text.is_empty() { "" } else { ", " };
        write!(text, "{comma}{key}={}", plain(value)).expect("a String takes every write");
    }
    format!("'{{{}}}' ", clip(&text))
}

fn is_secret(shape: &Shape) -> bool {
    matches!(shape, Shape::String(text) if text.sensitive)
}

/// A value as Java prints it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::Long(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Blob(bytes) => format!("java.nio.HeapByteBuffer[pos=0 lim={0} cap={0}]", bytes.len()),
        Value::Timestamp(at) => at.to_string(),
        Value::List(_) => "[..]".into(),
        Value::Map(_) => "{..}".into(),
    }
}

fn clip(text: &str) -> &str {
    text.char_indices().nth(MAX_TOLD).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests;
