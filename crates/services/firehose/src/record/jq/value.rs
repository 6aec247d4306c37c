//! The values of jq expressions. Whatever makes, copies, compares or prints one pays for it first.
//!
//! jaq has no limits of its own, and is generic over its values: every value that there is in an evaluation was made here. Values are
//! shared, so that a small one can look large (`[., .]` again and again), and so those that are looked at are paid for, too.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::rc::Rc;

use bytes::Bytes;

use super::budget::{above, pay};
use crate::record::json::Json;

/// What a value in an array, or a member of an object, costs.
pub const ITEM: usize = size_of::<Value>() + 16;

/// What it costs to look at a value.
pub const LOOK: usize = 8;

#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Bool(bool),
    /// Beyond what jq counts exactly; arithmetic that leaves it goes on in floating point.
    Int(i128),
    Float(f64),
    /// UTF-8, but for what a function cut.
    Text(Bytes),
    Array(Rc<Array>),
    Object(Rc<Object>),
}

#[derive(Debug, Clone)]
pub struct Array {
    pub items: Vec<Value>,
    depth: u16,
}

pub type Members = jaq_json::Map<Bytes, Value>;

/// In the order in which its members came.
#[derive(Debug, Clone)]
pub struct Object {
    pub members: Members,
    depth: u16,
}

impl Array {
    /// That nothing else holds; a copy is paid for.
    pub fn owned(shared: Rc<Self>) -> Self {
        if Rc::strong_count(&shared) > 1 {
            pay(shared.items.len() * ITEM);
        }
        Rc::unwrap_or_clone(shared)
    }

    /// Whatever is put into one that is there is told here.
    pub fn holds(&mut self, inner: &Value) {
        self.depth = self.depth.max(above(inner.depth()));
    }

    /// As deep as another one, whose content it takes.
    #[must_use]
    pub fn beside(mut self, other: &Self) -> Self {
        self.depth = self.depth.max(other.depth);
        self
    }
}

impl Object {
    pub fn owned(shared: Rc<Self>) -> Self {
        if Rc::strong_count(&shared) > 1 {
            pay(shared.members.len() * 2 * ITEM);
        }
        Rc::unwrap_or_clone(shared)
    }

    /// Whatever is put into one that is there is told here.
    pub fn holds(&mut self, inner: &Value) {
        self.depth = self.depth.max(above(inner.depth()));
    }

    /// As deep as another one, whose content it takes.
    #[must_use]
    pub fn beside(mut self, other: &Self) -> Self {
        self.depth = self.depth.max(other.depth);
        self
    }
}

impl Value {
    /// Of items that are paid for.
    pub fn array(items: Vec<Self>) -> Self {
        let depth = above(items.iter().map(Self::depth).max().unwrap_or(0));
        Self::Array(Rc::new(Array { items, depth }))
    }

    /// Of members that are paid for.
    pub fn object(members: Members) -> Self {
        let depth = above(members.values().map(Self::depth).max().unwrap_or(0));
        Self::Object(Rc::new(Object { members, depth }))
    }

    fn depth(&self) -> u16 {
        match self {
            Self::Array(array) => array.depth,
            Self::Object(object) => object.depth,
            _ => 0,
        }
    }

    /// Of a record, whose size is bounded where it comes in.
    pub fn of(json: Json<'_>) -> Self {
        let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Integer(value) => Self::Int(value.into()),
            Json::Unsigned(value) => Self::Int(value.into()),
            Json::Double(value) => Self::Float(value),
            Json::Text(value) => Self::Text(text(&value)),
            Json::Array(values) => Self::array(values.into_iter().map(Self::of).collect()),
            Json::Object(members) => {
                let members = members.into_iter().map(|(name, member)| (text(&name), Self::of(member)));
                Self::object(members.collect())
            }
        }
    }

    /// As JSON, in memory that is paid for.
    pub fn json(&self) -> Bytes {
        self.to_string().into()
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(false) => 1,
            Self::Bool(true) => 2,
            Self::Int(_) | Self::Float(_) => 3,
            Self::Text(_) => 4,
            Self::Array(_) => 5,
            Self::Object(_) => 6,
        }
    }

    /// With a say of its own for two that are no numbers (NaN).
    fn compare(&self, other: &Self, unordered: Ordering) -> Ordering {
        pay(LOOK);
        match (self, other) {
            (Self::Int(l), Self::Int(r)) => l.cmp(r),
            (Self::Int(l), Self::Float(r)) => floats(*l as f64, *r, unordered),
            (Self::Float(l), Self::Int(r)) => floats(*l, *r as f64, unordered),
            (Self::Float(l), Self::Float(r)) => floats(*l, *r, unordered),
            (Self::Text(l), Self::Text(r)) => {
                pay(l.len().min(r.len()));
                l.cmp(r)
            }
            (Self::Array(l), Self::Array(r)) => {
                let pairs = l.items.iter().zip(&r.items);
                let first = pairs.map(|(l, r)| l.compare(r, unordered)).find(|order| order.is_ne());
                first.unwrap_or_else(|| l.items.len().cmp(&r.items.len()))
            }
            (Self::Object(l), Self::Object(r)) => objects(&l.members, &r.members, unordered),
            (l, r) => l.rank().cmp(&r.rank()),
        }
    }
}

/// What is no number is below each that is one.
fn floats(left: f64, right: f64, unordered: Ordering) -> Ordering {
    match (left.is_nan(), right.is_nan()) {
        (true, true) => unordered,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) if left == right => Ordering::Equal,
        (false, false) => left.total_cmp(&right),
    }
}

/// By their keys, sorted, and then by what these hold.
fn objects(left: &Members, right: &Members, unordered: Ordering) -> Ordering {
    let sorted = |members: &Members| {
        pay(members.len() * ITEM);
        let mut keys: Vec<Bytes> = members.keys().cloned().collect();
        keys.sort_by(|l, r| {
            pay(l.len().min(r.len()));
            l.cmp(r)
        });
        keys
    };
    let (l, r) = (sorted(left), sorted(right));
    l.cmp(&r).then_with(|| {
        let differ = |key: &Bytes| left[key].compare(&right[key], unordered);
        l.iter().map(differ).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    })
}

impl Ord for Value {
    /// A total order, as sorting needs one.
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other, Ordering::Equal)
    }
}

#[expect(
    clippy::non_canonical_partial_ord_impl,
    reason = "jq's operators put NaN below itself, and sorting must not"
)]
impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.compare(other, Ordering::Less))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other, Ordering::Less).is_eq()
    }
}

impl Eq for Value {}

/// JSON, but for the floating point that JSON has no word for.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        pay(LOOK);
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) if value.is_nan() => f.write_str("NaN"),
            Self::Float(value) if value.is_infinite() => {
                f.write_str(if *value > 0.0 { "Infinity" } else { "-Infinity" })
            }
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(text) => quoted(f, text),
            Self::Array(array) => {
                f.write_char('[')?;
                for (index, item) in array.items.iter().enumerate() {
                    separate(f, index)?;
                    item.fmt(f)?;
                }
                f.write_char(']')
            }
            Self::Object(object) => {
                f.write_char('{')?;
                for (index, (key, value)) in object.members.iter().enumerate() {
                    separate(f, index)?;
                    quoted(f, key)?;
                    f.write_char(':')?;
                    value.fmt(f)?;
                }
                f.write_char('}')
            }
        }
    }
}

fn separate(f: &mut fmt::Formatter<'_>, index: usize) -> fmt::Result {
    if index > 0 { f.write_char(',') } else { Ok(()) }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &[u8]) -> fmt::Result {
    // An escape is six times what it stands for.
    pay(text.len() * 6);
    let quoted = serde_json::to_string(&String::from_utf8_lossy(text)).map_err(|_| fmt::Error)?;
    f.write_str(&quoted)
}
