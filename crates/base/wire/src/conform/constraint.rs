//! Which constraints a plain value breaks, and AWS's sentences about them.

use std::fmt::{self, Write as _};

use crate::Value;
use crate::shape::{Bounds, Length, Shape, Text};
use crate::value::Key;

/// How much of a bad value is told back.
const MAX_TOLD: usize = 1_024;

pub(super) const NOT_NULL: &str = "Member must not be null";

/// The constraints of a plain shape that a value of its type breaks.
pub(super) fn broken_by(shape: &Shape, value: &Value) -> Vec<String> {
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

pub(super) fn broken_length(length: Length, actual: usize) -> Option<String> {
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
pub(super) fn all_of(shape: &Shape) -> String {
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
pub(super) fn told(shape: &Shape, value: &Value) -> String {
    if is_secret(shape) { String::new() } else { format!("'{}' ", clip(&plain(value))) }
}

pub(super) fn told_list(member: &Shape, items: &[Value]) -> String {
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

pub(super) fn told_map(shape: &Shape, entries: &[(Key, Value)]) -> String {
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

pub(super) fn clip(text: &str) -> &str {
    text.char_indices().nth(MAX_TOLD).map_or(text, |(end, _)| &text[..end])
}
