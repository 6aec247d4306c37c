//! What jaq asks of its values beside arithmetic: their parts, and others in the place of these.

use std::rc::Rc;

use bytes::Bytes;
use jaq_core::box_iter::{BoxIter, box_once};
use jaq_core::path::Opt;
use jaq_core::{Exn, ValR, ValX, val};

use super::arithmetic::{characters, members, number};
use super::budget::{pay, pay_text};
use super::value::{Array, ITEM, LOOK, Members, Object, Value};

type Error = jaq_core::Error<Value>;

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<isize> for Value {
    fn from(value: isize) -> Self {
        Self::Int(value as i128)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Int(value as i128)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        pay_text(text.len());
        Self::Text(text.into())
    }
}

/// As a slice is written in a path.
impl From<val::Range<Self>> for Value {
    fn from(range: val::Range<Self>) -> Self {
        pay(4 * ITEM);
        let bounds = [("start", range.start), ("end", range.end)];
        let bounds = bounds
            .into_iter()
            .filter_map(|(name, bound)| Some((Bytes::from_static(name.as_bytes()), bound?)));
        Self::object(bounds.collect())
    }
}

impl FromIterator<Self> for Value {
    fn from_iter<I: IntoIterator<Item = Self>>(items: I) -> Self {
        Self::array(items.into_iter().inspect(|_| pay(ITEM)).collect())
    }
}

impl jaq_core::ValT for Value {
    fn from_num(text: &str) -> ValR<Self> {
        pay(text.len());
        let int = text.parse().map(Self::Int);
        int.or_else(|_| text.parse().map(Self::Float)).map_err(Error::str)
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(pairs: I) -> ValR<Self> {
        members(pairs)
    }

    fn key_values(self) -> BoxIter<'static, ValR<(Self, Self), Self>> {
        match self {
            Self::Array(array) => Box::new((0..array.items.len()).map(move |index| {
                pay(LOOK);
                Ok((Self::from(index), array.items[index].clone()))
            })),
            Self::Object(object) => Box::new((0..object.members.len()).filter_map(move |index| {
                pay(LOOK);
                let (key, value) = object.members.get_index(index)?;
                Some(Ok((Self::Text(key.clone()), value.clone())))
            })),
            other => box_once(Err(no_iterable(other))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        match self {
            Self::Array(_) | Self::Object(_) => {
                Box::new(self.key_values().map(|pair| pair.map(|(_, value)| value)))
            }
            other => box_once(Err(no_iterable(other))),
        }
    }

    fn index(self, index: &Self) -> ValR<Self> {
        pay(LOOK);
        Ok(match (&self, index) {
            (Self::Null, Self::Null | Self::Text(_) | Self::Int(_) | Self::Float(_)) => Self::Null,
            (Self::Object(object), Self::Text(key)) => object.members.get(key).cloned().unwrap_or(Self::Null),
            (Self::Array(array), Self::Int(_) | Self::Float(_)) => {
                let at = position(index).and_then(|at| within(at, array.items.len()));
                at.map_or(Self::Null, |at| array.items[at].clone())
            }
            (Self::Array(array), Self::Array(wanted)) => places(&array.items, &wanted.items),
            (Self::Null | Self::Array(_) | Self::Text(_), Self::Object(slice)) => {
                return self.range(bounds(slice));
            }
            _ => return Err(Error::index(self, index.clone())),
        })
    }

    fn range(self, range: val::Range<&Self>) -> ValR<Self> {
        match self {
            Self::Null => Ok(Self::Null),
            Self::Array(array) => {
                let (from, to) = bounded(&range, array.items.len())?;
                Ok(array.items[from..to].iter().cloned().collect())
            }
            Self::Text(text) => {
                let (from, to) = bytes_of(&text, &range)?;
                Ok(Self::Text(text.slice(from..to)))
            }
            other => Err(Error::typ(other, "rangeable (array or string)")),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match self {
            Self::Array(array) => Array::owned(array).items.into_iter().flat_map(f).collect(),
            Self::Object(object) => {
                let mut kept = Members::default();
                for (key, value) in Object::owned(object).members {
                    pay(2 * ITEM);
                    // Nothing in its place: the member goes.
                    if let Some(value) = f(value).next() {
                        kept.insert(key, value?);
                    }
                }
                Ok(Self::object(kept))
            }
            other => opt.fail(other, |value| Exn::from(no_iterable(value))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        pay(LOOK);
        match (self, index) {
            (whole @ (Self::Array(_) | Self::Text(_)), Self::Object(slice)) => {
                whole.map_range(bounds(slice), opt, f)
            }
            (Self::Object(object), Self::Text(key)) => {
                let mut object = Object::owned(object);
                let old = object.members.get_mut(key).map(|old| std::mem::replace(old, Self::Null));
                match f(old.unwrap_or(Self::Null)).next().transpose()? {
                    Some(value) => {
                        pay(2 * ITEM);
                        object.holds(&value);
                        object.members.insert(key.clone(), value);
                    }
                    None => {
                        pay(object.members.len());
                        object.members.shift_remove(key);
                    }
                }
                Ok(Self::Object(Rc::new(object)))
            }
            // As jq has it: a member or an item of nothing makes what holds it.
            (Self::Null, Self::Text(key)) => match f(Self::Null).next().transpose()? {
                Some(value) => Ok(members([(Self::Text(key.clone()), value)])?),
                None => Ok(Self::Null),
            },
            (Self::Array(array), Self::Int(_) | Self::Float(_)) => {
                let Some(at) = position(index).and_then(|at| within(at, array.items.len())) else {
                    let out = |_| Exn::from(Error::str(format_args!("index {index} out of bounds")));
                    return opt.fail(Self::Array(array), out);
                };
                let mut array = Array::owned(array);
                let old = std::mem::replace(&mut array.items[at], Self::Null);
                match f(old).next().transpose()? {
                    Some(value) => {
                        array.holds(&value);
                        array.items[at] = value;
                    }
                    None => {
                        pay(array.items.len());
                        array.items.remove(at);
                    }
                }
                Ok(Self::Array(Rc::new(array)))
            }
            (other, _) => opt.fail(other, |value| Exn::from(Error::index(value, index.clone()))),
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: val::Range<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match self {
            Self::Array(array) => {
                let (from, to) = match bounded(&range, array.items.len()) {
                    Ok(bounds) => bounds,
                    Err(error) => return opt.fail(Self::Array(array), |_| Exn::from(error)),
                };
                let part = array.items[from..to].iter().cloned().collect();
                let part = match f(part).next().transpose()? {
                    None => Vec::new(),
                    Some(Self::Array(part)) => Array::owned(part).items,
                    Some(other) => return Err(Exn::from(Error::typ(other, "array"))),
                };
                let items = Array::owned(array).items;
                pay((items.len() + part.len()) * ITEM);
                let (before, after) = (items[..from].iter().cloned(), items[to..].iter().cloned());
                Ok(Self::array(before.chain(part).chain(after).collect()))
            }
            Self::Text(text) => {
                let (from, to) = match bytes_of(&text, &range) {
                    Ok(bounds) => bounds,
                    Err(error) => return opt.fail(Self::Text(text), |_| Exn::from(error)),
                };
                let part = match f(Self::Text(text.slice(from..to))).next().transpose()? {
                    None => Bytes::new(),
                    Some(Self::Text(part)) => part,
                    Some(other) => return Err(Exn::from(Error::typ(other, "string"))),
                };
                pay_text(text.len() + part.len());
                Ok(Self::Text([&text[..from], &part[..], &text[to..]].concat().into()))
            }
            other => opt.fail(other, |value| Exn::from(Error::typ(value, "array"))),
        }
    }

    fn as_bool(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    fn into_string(self) -> Self {
        match self {
            Self::Text(_) => self,
            other => Self::Text(other.json()),
        }
    }
}

impl jaq_std::ValT for Value {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match self {
            Self::Array(array) => Ok(Array::owned(array).items.into_iter().collect()),
            other => Err(other),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self, Self::Int(_))
    }

    fn as_isize(&self) -> Option<isize> {
        match self {
            Self::Int(value) => isize::try_from(*value).ok(),
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        number(self)
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// Whoever asks looks at them.
    fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => {
                pay(text.len());
                Some(text)
            }
            _ => None,
        }
    }

    fn as_sub_str(&self, sub: &[u8]) -> Self {
        pay(ITEM);
        match self {
            Self::Text(text) => Self::Text(text.slice_ref(sub)),
            _ => Self::Null,
        }
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        pay_text(bytes.as_ref().len());
        Self::Text(Bytes::from_owner(bytes))
    }
}

fn no_iterable(value: Value) -> Error {
    Error::typ(value, "iterable (array or object)")
}

/// Where an index points to, before it is known whether there is something; negative ones count from the end.
fn position(index: &Value) -> Option<i64> {
    match index {
        Value::Int(value) => {
            Some(i64::try_from(*value).unwrap_or(if *value < 0 { i64::MIN } else { i64::MAX }))
        }
        // The cast goes to the nearest there is.
        Value::Float(value) if !value.is_nan() => Some(value.floor() as i64),
        _ => None,
    }
}

fn within(at: i64, length: usize) -> Option<usize> {
    let at = if at < 0 { i64::try_from(length).ok()?.checked_add(at)? } else { at };
    usize::try_from(at).ok().filter(|at| *at < length)
}

fn bounds(slice: &Rc<Object>) -> val::Range<&Value> {
    let of = |name: &'static str| slice.members.get(name.as_bytes());
    of("start")..of("end")
}

/// From where to where, of so many.
fn bounded(range: &val::Range<&Value>, length: usize) -> Result<(usize, usize), Error> {
    let bound = |bound: Option<&Value>, default: usize| match bound {
        None | Some(Value::Null) => Ok(default),
        Some(value) => {
            let at = position(value).ok_or_else(|| Error::typ(value.clone(), "integer"))?;
            let all = i64::try_from(length).unwrap_or(i64::MAX);
            let at = if at < 0 { all.saturating_add(at).max(0) } else { at.min(all) };
            Ok(usize::try_from(at).unwrap_or(length))
        }
    };
    let from = bound(range.start, 0)?;
    Ok((from, bound(range.end, length)?.max(from)))
}

/// The bytes of the characters from where to where.
fn bytes_of(text: &[u8], range: &val::Range<&Value>) -> Result<(usize, usize), Error> {
    pay(text.len());
    // In ASCII they are the same.
    if text.is_ascii() {
        return bounded(range, text.len());
    }
    let (from, to) = bounded(range, characters(text).count())?;
    let start: usize = characters(text).take(from).map(<[u8]>::len).sum();
    let length: usize = characters(&text[start..]).take(to - from).map(<[u8]>::len).sum();
    Ok((start, start + length))
}

/// Where one array is in another.
pub fn places(items: &[Value], wanted: &[Value]) -> Value {
    let starts = match wanted.len() {
        0 => 0,
        length => (items.len() + 1).saturating_sub(length),
    };
    let begins = |at: &usize| {
        pay(LOOK);
        items[*at..*at + wanted.len()] == *wanted
    };
    (0..starts).filter(begins).map(Value::from).collect()
}
