//! A [`Predicate`] over typed keys: evaluation by SQL's three-valued logic, and where in the ordered partitions
//! the matches can lie.

use std::cmp::Ordering;

use super::scalar::{Kind, Scalar};
use super::{Comparison, FilterError, NULL_VALUE, Predicate};
use crate::model::Column;

/// A predicate whose literals have the types of the table's partition keys.
#[derive(Debug, Clone)]
pub struct Filter {
    root: Node,
    kinds: Vec<Option<Kind>>,
}

#[derive(Debug, Clone)]
enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Compare(usize, Comparison, Scalar),
    In(usize, Vec<Scalar>),
    Between(usize, Scalar, Scalar),
    Like(usize, String),
    IsNull(usize),
}

/// Bounds on the partitions that a filter can keep, in their order of storage. Everything outside is ruled out;
/// what is inside still has to be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seek {
    /// The first values of every match.
    pub prefix: Vec<String>,
    /// The least value of the key after the prefix.
    pub from: Option<String>,
    /// The greatest value of the key after the prefix.
    pub until: Option<String>,
}

impl Seek {
    /// Whether a partition, and with it every later one, lies beyond the bounds.
    pub fn is_past(&self, values: &[String]) -> bool {
        let value = values.get(self.prefix.len());
        self.until.as_ref().zip(value).is_some_and(|(until, value)| value > until)
    }
}

impl Predicate {
    /// Gives every literal the type of its key. Names are compared without regard to case, as Glue keeps them in
    /// lower case.
    pub fn bind(&self, keys: &[Column]) -> Result<Filter, FilterError> {
        let kinds = keys.iter().map(|key| Kind::of(&key.hive_type)).collect();
        Ok(Filter { root: bind(self, keys)?, kinds })
    }
}

fn bind(predicate: &Predicate, keys: &[Column]) -> Result<Node, FilterError> {
    let all = |parts: &[Predicate]| parts.iter().map(|part| bind(part, keys)).collect::<Result<Vec<_>, _>>();
    Ok(match predicate {
        Predicate::And(parts) => Node::And(all(parts)?),
        Predicate::Or(parts) => Node::Or(all(parts)?),
        Predicate::Not(part) => Node::Not(Box::new(bind(part, keys)?)),
        Predicate::Compare { key, op, value } => {
            let (index, kind) = resolve(key, keys)?;
            Node::Compare(index, *op, literal(kind, value)?)
        }
        Predicate::In { key, values } => {
            let (index, kind) = resolve(key, keys)?;
            Node::In(index, values.iter().map(|value| literal(kind, value)).collect::<Result<_, _>>()?)
        }
        Predicate::Between { key, low, high } => {
            let (index, kind) = resolve(key, keys)?;
            Node::Between(index, literal(kind, low)?, literal(kind, high)?)
        }
        Predicate::Like { key, pattern } => {
            let (index, kind) = resolve(key, keys)?;
            match kind.without_like() {
                Some(kind) => return Err(FilterError::NoLike { kind }),
                None => Node::Like(index, pattern.clone()),
            }
        }
        Predicate::IsNull { key } => Node::IsNull(resolve(key, keys)?.0),
    })
}

fn resolve(name: &str, keys: &[Column]) -> Result<(usize, Kind), FilterError> {
    let found = keys.iter().enumerate().find(|(_, key)| key.name.eq_ignore_ascii_case(name));
    let (index, key) = found.ok_or_else(|| FilterError::UnknownColumn(name.to_owned()))?;
    let kind = Kind::of(&key.hive_type).ok_or_else(|| FilterError::UnknownType(key.hive_type.clone()))?;
    Ok((index, kind))
}

fn literal(kind: Kind, text: &str) -> Result<Scalar, FilterError> {
    kind.read(text).map_err(FilterError::Literal)
}

impl Filter {
    /// Whether the partition with these values is asked for; `values` are as many as the table has partition keys.
    pub fn keeps(&self, values: &[String]) -> Result<bool, FilterError> {
        Ok(self.root.eval(values, &self.kinds)? == Some(true))
    }

    /// Where the matches can lie when partitions are ordered by the text of their values. Only keys whose values
    /// have one spelling bound it: `month=1` of an int key also matches `01`.
    pub fn seek(&self) -> Seek {
        let conjuncts = match &self.root {
            Node::And(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut seek = Seek::default();
        for (index, kind) in self.kinds.iter().enumerate() {
            if !kind.is_some_and(Kind::one_spelling) {
                return seek;
            }
            let equal = conjuncts.iter().find_map(|node| match node {
                Node::Compare(key, Comparison::Equal, value) if *key == index => value.spelled(),
                _ => None,
            });
            match equal {
                Some(value) => seek.prefix.push(value),
                None => {
                    for node in conjuncts {
                        node.bound(index, &mut seek);
                    }
                    return seek;
                }
            }
        }
        seek
    }
}

impl Node {
    /// Tightens the bounds on the key at `index` by this conjunct.
    fn bound(&self, index: usize, seek: &mut Seek) {
        let (low, high) = match self {
            Self::Compare(key, Comparison::Greater | Comparison::GreaterOrEqual, value) if *key == index => {
                (value.spelled(), None)
            }
            Self::Compare(key, Comparison::Less | Comparison::LessOrEqual, value) if *key == index => {
                (None, value.spelled())
            }
            Self::Between(key, low, high) if *key == index => (low.spelled(), high.spelled()),
            Self::In(key, values) if *key == index => {
                (values.iter().min().and_then(Scalar::spelled), values.iter().max().and_then(Scalar::spelled))
            }
            Self::And(parts) => return parts.iter().for_each(|part| part.bound(index, seek)),
            _ => return,
        };
        if low > seek.from {
            seek.from = low;
        }
        if high.is_some() && (seek.until.is_none() || high < seek.until) {
            seek.until = high;
        }
    }

    /// SQL's logic: `None` is unknown, which a NULL brings in.
    fn eval(&self, values: &[String], kinds: &[Option<Kind>]) -> Result<Option<bool>, FilterError> {
        let compared = |index: usize, other: &Scalar| -> Result<Option<Ordering>, FilterError> {
            Ok(value(index, values, kinds)?.map(|value| value.cmp(other)))
        };
        Ok(match self {
            Self::And(parts) => junction(parts, false, values, kinds)?,
            Self::Or(parts) => junction(parts, true, values, kinds)?,
            Self::Not(part) => part.eval(values, kinds)?.map(|truth| !truth),
            Self::Compare(index, op, other) => compared(*index, other)?.map(|order| op.holds(order)),
            Self::In(index, others) => value(*index, values, kinds)?.map(|value| others.contains(&value)),
            Self::Between(index, low, high) => {
                value(*index, values, kinds)?.map(|value| *low <= value && value <= *high)
            }
            Self::Like(index, pattern) => stored(*index, values).map(|text| like(text, pattern)),
            Self::IsNull(index) => Some(stored(*index, values).is_none()),
        })
    }
}

/// AND is decided by the first false, OR by the first true; an unknown among undecided parts stays unknown.
fn junction(
    parts: &[Node],
    decisive: bool,
    values: &[String],
    kinds: &[Option<Kind>],
) -> Result<Option<bool>, FilterError> {
    let mut outcome = Some(!decisive);
    for part in parts {
        match part.eval(values, kinds)? {
            Some(truth) if truth == decisive => return Ok(Some(decisive)),
            Some(_) => {}
            None => outcome = None,
        }
    }
    Ok(outcome)
}

fn stored(index: usize, values: &[String]) -> Option<&str> {
    values.get(index).map(String::as_str).filter(|value| *value != NULL_VALUE)
}

fn value(index: usize, values: &[String], kinds: &[Option<Kind>]) -> Result<Option<Scalar>, FilterError> {
    let (Some(text), Some(Some(kind))) = (stored(index, values), kinds.get(index)) else { return Ok(None) };
    kind.read(text).map(Some).map_err(FilterError::Stored)
}

impl Scalar {
    /// The text under which the value is stored, where it has one spelling.
    fn spelled(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Date(date) => Some(date.to_string()),
            Self::Integer(_) | Self::Decimal(_) | Self::Timestamp(_) => None,
        }
    }
}

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// SQL's LIKE over whole texts, in time proportional to the product of both lengths at worst.
fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut wanted) = (0, 0);
    // Where to go on after the last `%` when what follows it does not match here.
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(wanted) {
            Some('%') => {
                retry = Some((wanted + 1, at));
                wanted += 1;
            }
            Some(c) if *c == '_' || *c == text[at] => {
                at += 1;
                wanted += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    retry = Some((after, from + 1));
                    wanted = after;
                    at = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[wanted..].iter().all(|c| *c == '%')
}
