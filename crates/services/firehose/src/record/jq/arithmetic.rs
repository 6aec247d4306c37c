//! jq's operators over [`Value`]s.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use jaq_core::ValR;
use jaq_core::ops::Math;

use super::budget::{check_text, pay, pay_text, refuse};
use super::value::{Array, ITEM, Members, Object, Value};

type Error = jaq_core::Error<Value>;

/// Both as floating point, when both are numbers.
fn numbers(left: &Value, right: &Value) -> Option<(f64, f64)> {
    Some((number(left)?, number(right)?))
}

pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

impl Add for Value {
    type Output = ValR<Self>;

    fn add(self, right: Self) -> ValR<Self> {
        Ok(match (self, right) {
            (Self::Null, value) | (value, Self::Null) => value,
            (Self::Int(l), Self::Int(r)) => {
                l.checked_add(r).map_or(Self::Float(l as f64 + r as f64), Self::Int)
            }
            (Self::Text(l), Self::Text(r)) => Self::Text(joined(l, &r)),
            (Self::Array(l), Self::Array(r)) => {
                let mut l = Array::owned(l);
                pay(r.items.len() * ITEM);
                l.items.extend_from_slice(&r.items);
                Self::Array(Rc::new(l.beside(&r)))
            }
            (Self::Object(l), Self::Object(r)) => {
                let mut l = Object::owned(l);
                pay(r.members.len() * 2 * ITEM);
                l.members.extend(r.members.iter().map(|(key, value)| (key.clone(), value.clone())));
                Self::Object(Rc::new(l.beside(&r)))
            }
            (l, r) => match numbers(&l, &r) {
                Some((l, r)) => Self::Float(l + r),
                None => return Err(Error::math(l, Math::Add, r)),
            },
        })
    }
}

/// In the memory of the first where nobody else holds it, so that a text that grows piece by piece is not copied for each.
fn joined(left: Bytes, right: &[u8]) -> Bytes {
    let mut text = left.try_into_mut().unwrap_or_else(|shared| {
        pay(shared.len());
        BytesMut::from(&shared[..])
    });
    check_text(text.len() + right.len());
    pay(right.len());
    text.extend_from_slice(right);
    text.freeze()
}

impl Sub for Value {
    type Output = ValR<Self>;

    fn sub(self, right: Self) -> ValR<Self> {
        Ok(match (self, right) {
            (Self::Int(l), Self::Int(r)) => {
                l.checked_sub(r).map_or(Self::Float(l as f64 - r as f64), Self::Int)
            }
            (Self::Array(l), Self::Array(r)) => {
                pay(r.items.len() * ITEM);
                let mut without: Vec<&Self> = r.items.iter().collect();
                without.sort();
                let mut l = Array::owned(l);
                l.items.retain(|item| without.binary_search(&item).is_err());
                Self::Array(Rc::new(l))
            }
            (l, r) => match numbers(&l, &r) {
                Some((l, r)) => Self::Float(l - r),
                None => return Err(Error::math(l, Math::Sub, r)),
            },
        })
    }
}

impl Mul for Value {
    type Output = ValR<Self>;

    fn mul(self, right: Self) -> ValR<Self> {
        Ok(match (self, right) {
            (Self::Int(l), Self::Int(r)) => {
                l.checked_mul(r).map_or(Self::Float(l as f64 * r as f64), Self::Int)
            }
            (Self::Text(text), Self::Int(times)) | (Self::Int(times), Self::Text(text)) => {
                // Less than once is nothing, as in jq.
                if times <= 0 {
                    return Ok(Self::Null);
                }
                let length = usize::try_from(times).ok().and_then(|times| text.len().checked_mul(times));
                pay_text(length.unwrap_or_else(|| refuse()));
                Self::Text(text.repeat(usize::try_from(times).unwrap_or_else(|_| refuse())).into())
            }
            // A part of a time is one.
            (Self::Text(text), Self::Float(times)) | (Self::Float(times), Self::Text(text)) => {
                let times = if times > 0.0 { times.ceil() as i128 } else { 0 };
                return Self::Text(text) * Self::Int(times);
            }
            (Self::Object(l), Self::Object(r)) => merged(l, &r),
            (l, r) => match numbers(&l, &r) {
                Some((l, r)) => Self::Float(l * r),
                None => return Err(Error::math(l, Math::Mul, r)),
            },
        })
    }
}

/// The objects in both are merged in their turn; of anything else, the right one counts.
fn merged(left: Rc<Object>, right: &Rc<Object>) -> Value {
    let mut left = Object::owned(left);
    for (key, value) in &right.members {
        pay(2 * ITEM + key.len());
        let value = match (left.members.get_mut(key).map(|old| std::mem::replace(old, Value::Null)), value) {
            (Some(Value::Object(l)), Value::Object(r)) => merged(l, r),
            (_, value) => value.clone(),
        };
        left.holds(&value);
        left.members.insert(key.clone(), value);
    }
    Value::Object(Rc::new(left))
}

impl Div for Value {
    type Output = ValR<Self>;

    fn div(self, right: Self) -> ValR<Self> {
        Ok(match (self, right) {
            (Self::Text(l), Self::Text(r)) => split(&l, &r).into_iter().collect(),
            (l, r) => match numbers(&l, &r) {
                Some((l, r)) => Self::Float(l / r),
                None => return Err(Error::math(l, Math::Div, r)),
            },
        })
    }
}

/// The pieces of a text between separators; between all its characters, by an empty one.
fn split(text: &Bytes, separator: &[u8]) -> Vec<Value> {
    pay(text.len() + separator.len());
    let piece = |piece: &[u8]| {
        pay(ITEM);
        Value::Text(text.slice_ref(piece))
    };
    if text.is_empty() {
        return Vec::new();
    }
    if separator.is_empty() {
        return characters(text).map(piece).collect();
    }
    let mut pieces = Vec::new();
    let mut from = 0;
    for at in found(text, separator) {
        // Separators do not overlap.
        if at >= from {
            pieces.push(piece(&text[from..at]));
            from = at + separator.len();
        }
    }
    pieces.push(piece(&text[from..]));
    pieces
}

/// Where one text is in another, overlaps too.
pub fn found<'t>(text: &'t [u8], wanted: &'t [u8]) -> impl Iterator<Item = usize> + 't {
    let last = text.len().checked_sub(wanted.len()).filter(|_| !wanted.is_empty());
    let starts = last.map_or(0..0, |last| 0..last + 1);
    starts.filter(move |at| {
        let begins = text[*at] == wanted[0];
        if begins {
            pay(wanted.len());
        }
        begins && text[*at..].starts_with(wanted)
    })
}

/// The characters of UTF-8; a byte that is none is one of its own.
pub fn characters(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid();
        let whole = valid.char_indices().map(move |(at, c)| &valid.as_bytes()[at..at + c.len_utf8()]);
        whole.chain(chunk.invalid().chunks(1))
    })
}

impl Rem for Value {
    type Output = ValR<Self>;

    fn rem(self, right: Self) -> ValR<Self> {
        match (&self, &right) {
            (Self::Int(_), Self::Int(0)) => Err(Error::math(self, Math::Rem, right)),
            // The smallest number by -1 is the one that overflows, and divides.
            (Self::Int(l), Self::Int(r)) => Ok(Self::Int(l.checked_rem(*r).unwrap_or(0))),
            (l, r) => match numbers(l, r) {
                Some((l, r)) => Ok(Self::Float(l % r)),
                None => Err(Error::math(self, Math::Rem, right)),
            },
        }
    }
}

impl Neg for Value {
    type Output = ValR<Self>;

    fn neg(self) -> ValR<Self> {
        match self {
            Self::Int(value) => Ok(value.checked_neg().map_or(Self::Float(-(value as f64)), Self::Int)),
            Self::Float(value) => Ok(Self::Float(-value)),
            other => Err(Error::typ(other, "number")),
        }
    }
}

/// An object of members that come one after the other, each paid for.
pub fn members(pairs: impl IntoIterator<Item = (Value, Value)>) -> ValR<Value> {
    let mut members = Members::default();
    for (key, value) in pairs {
        pay(2 * ITEM);
        match key {
            Value::Text(key) => members.insert(key, value),
            other => return Err(Error::typ(other, "object key, which is a string")),
        };
    }
    Ok(Value::object(members))
}
