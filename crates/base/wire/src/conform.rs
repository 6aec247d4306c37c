//! One walk that holds a request's tree against its shape: protocol forms become typed ones, and every broken
//! constraint is gathered, to be answered at once in AWS's words.

mod constraint;
mod convert;

use std::fmt;

use constraint::{NOT_NULL, all_of, broken_by, broken_length, told, told_list, told_map};
use convert::{LIST_UNEXPECTED, MAP_UNEXPECTED, Mistyped, convert};

use crate::shape::{Length, Member, Presence, Shape};
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
                ApiError::new(validation_code, message)
            }
            Self::Invalid(violations) => {
                let (count, s) = (violations.len(), if violations.len() == 1 { "" } else { "s" });
                let message = format!("{count} validation error{s} detected: {}", violations.join("; "));
                ApiError::new(validation_code, message)
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

#[cfg(test)]
mod tests;
