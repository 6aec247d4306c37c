//! Conditions: an operator, a key and values, ready to be compared.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;

use crate::PolicyError;
use crate::arn::ArnPattern;
use crate::context::{Key, Scalar};
use crate::pattern::{Facts, Pattern, Syntax};

/// One key under one operator. Several of them must all hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    quantifier: Quantifier,
    if_exists: bool,
    negated: bool,
    key: Key,
    /// As they are written.
    values: Box<[Box<str>]>,
    test: Test,
}

/// How a key of several values is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    /// No prefix: as if the key had one value.
    None,
    ForAllValues,
    ForAnyValue,
}

/// What one value is held against; any of the policy's values will do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    Text(Box<[Pattern]>),
    Arn(Box<[ArnPattern]>),
    Number(Comparison, Box<[f64]>),
    /// In milliseconds since the epoch.
    Date(Comparison, Box<[i64]>),
    Bool(Box<[bool]>),
    Binary(Box<[Vec<u8>]>),
    Ip(Box<[IpNet]>),
    /// Whether the key is absent.
    Null(Box<[bool]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equals,
    Less,
    LessEquals,
    Greater,
    GreaterEquals,
}

impl Comparison {
    fn holds<T: PartialOrd>(self, value: &T, limit: &T) -> bool {
        match self {
            Self::Equals => value == limit,
            Self::Less => value < limit,
            Self::LessEquals => value <= limit,
            Self::Greater => value > limit,
            Self::GreaterEquals => value >= limit,
        }
    }
}

/// An operator without its prefix and `IfExists`.
#[derive(Clone, Copy)]
enum Family {
    Text { wildcards: bool, folded: bool },
    Arn,
    Number(Comparison),
    Date(Comparison),
    Bool,
    Binary,
    Ip,
    Null,
}

/// The operator, and whether it is a negation.
fn family(operator: &str) -> Option<(Family, bool)> {
    use Comparison::{Equals, Greater, GreaterEquals, Less, LessEquals};
    let text = |wildcards, folded| Family::Text { wildcards, folded };
    Some(match operator {
        "StringEquals" => (text(false, false), false),
        "StringNotEquals" => (text(false, false), true),
        "StringEqualsIgnoreCase" => (text(false, true), false),
        "StringNotEqualsIgnoreCase" => (text(false, true), true),
        "StringLike" => (text(true, false), false),
        "StringNotLike" => (text(true, false), true),
        "NumericEquals" => (Family::Number(Equals), false),
        "NumericNotEquals" => (Family::Number(Equals), true),
        "NumericLessThan" => (Family::Number(Less), false),
        "NumericLessThanEquals" => (Family::Number(LessEquals), false),
        "NumericGreaterThan" => (Family::Number(Greater), false),
        "NumericGreaterThanEquals" => (Family::Number(GreaterEquals), false),
        "DateEquals" => (Family::Date(Equals), false),
        "DateNotEquals" => (Family::Date(Equals), true),
        "DateLessThan" => (Family::Date(Less), false),
        "DateLessThanEquals" => (Family::Date(LessEquals), false),
        "DateGreaterThan" => (Family::Date(Greater), false),
        "DateGreaterThanEquals" => (Family::Date(GreaterEquals), false),
        "Bool" => (Family::Bool, false),
        "BinaryEquals" => (Family::Binary, false),
        "IpAddress" => (Family::Ip, false),
        "NotIpAddress" => (Family::Ip, true),
        "ArnEquals" | "ArnLike" => (Family::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Family::Arn, true),
        "Null" => (Family::Null, false),
        _ => return None,
    })
}

impl Condition {
    pub(crate) fn parse(
        operator: &str,
        key: &str,
        values: &[String],
        variables: bool,
    ) -> Result<Self, PolicyError> {
        let invalid = || PolicyError::InvalidOperator { operator: operator.to_owned() };
        let (quantifier, rest) = match operator.split_once(':') {
            None => (Quantifier::None, operator),
            Some(("ForAllValues", rest)) => (Quantifier::ForAllValues, rest),
            Some(("ForAnyValue", rest)) => (Quantifier::ForAnyValue, rest),
            Some(_) => return Err(invalid()),
        };
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let (family, negated) = family(name).ok_or_else(invalid)?;
        if matches!(family, Family::Null) && (if_exists || quantifier != Quantifier::None) {
            return Err(invalid());
        }
        if !key.contains(':') {
            return Err(PolicyError::NoVendor { name: key.to_owned() });
        }
        let test = Test::parse(family, values, variables).map_err(|error| match error {
            Unfit::Value(value) => {
                PolicyError::InvalidConditionValue { operator: operator.to_owned(), value }
            }
            Unfit::Policy(error) => error,
        })?;
        let values = values.iter().map(|value| value.as_str().into()).collect();
        Ok(Self { quantifier, if_exists, negated, key: Key::new(key), values, test })
    }

    /// As it is written, as `aws:SourceIp`.
    pub fn key(&self) -> &str {
        self.key.name()
    }

    /// As they are written.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|value| &**value)
    }

    /// The key that it looks at, and those that its variables name.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let (texts, arns): (&[Pattern], &[ArnPattern]) = match &self.test {
            Test::Text(texts) => (&**texts, &[]),
            Test::Arn(arns) => (&[], &**arns),
            Test::Number(..)
            | Test::Date(..)
            | Test::Bool(_)
            | Test::Binary(_)
            | Test::Ip(_)
            | Test::Null(_) => (&[], &[]),
        };
        let named = texts.iter().flat_map(Pattern::keys).chain(arns.iter().flat_map(ArnPattern::keys));
        [self.key()].into_iter().chain(named)
    }

    pub(crate) fn is_about(&self, key: &str) -> bool {
        self.key.is(key)
    }

    pub(crate) fn test(&self) -> &Test {
        &self.test
    }

    /// Holds only for a request that has the key with one of the values.
    pub(crate) fn demands_a_value(&self) -> bool {
        !self.negated && !self.if_exists && self.quantifier != Quantifier::ForAllValues
    }

    pub(crate) fn holds(&self, facts: Facts<'_, '_>) -> bool {
        let value = facts.context.lookup(&self.key, facts.principal).filter(|value| value.len() > 0);
        if let Test::Null(wanted) = &self.test {
            return wanted.contains(&value.is_none());
        }
        // For the quantifiers an empty text is as good as none.
        let quantified = self.quantifier != Quantifier::None;
        let value = value.filter(|value| !(quantified && value.single() == Some(Scalar::Text(""))));
        let Some(value) = value else {
            return match self.quantifier {
                Quantifier::ForAllValues => true,
                Quantifier::ForAnyValue => self.if_exists,
                Quantifier::None => self.if_exists || self.negated,
            };
        };
        let mut values = value.iter();
        match self.quantifier {
            Quantifier::None => values.any(|one| self.test.passes(one, facts)) != self.negated,
            Quantifier::ForAllValues => values.all(|one| self.test.passes(one, facts) != self.negated),
            Quantifier::ForAnyValue => values.any(|one| self.test.passes(one, facts) != self.negated),
        }
    }
}

enum Unfit {
    Value(String),
    Policy(PolicyError),
}

impl Test {
    fn parse(family: Family, values: &[String], variables: bool) -> Result<Self, Unfit> {
        fn each<T>(values: &[String], read: impl Fn(&str) -> Option<T>) -> Result<Box<[T]>, Unfit> {
            values.iter().map(|value| read(value).ok_or_else(|| Unfit::Value(value.clone()))).collect()
        }
        Ok(match family {
            Family::Text { wildcards, folded } => {
                let syntax = Syntax { wildcards, variables, folded };
                let patterns = values.iter().map(|value| Pattern::parse(value, syntax));
                Self::Text(patterns.collect::<Result<_, _>>().map_err(Unfit::Policy)?)
            }
            Family::Arn => {
                let patterns = values.iter().map(|value| ArnPattern::parse(value, variables));
                Self::Arn(patterns.collect::<Result<_, _>>().map_err(Unfit::Policy)?)
            }
            Family::Number(comparison) => Self::Number(comparison, each(values, number)?),
            Family::Date(comparison) => Self::Date(comparison, each(values, millis)?),
            Family::Bool => Self::Bool(each(values, boolean)?),
            Family::Binary => Self::Binary(each(values, |text| STANDARD.decode(text).ok())?),
            Family::Ip => Self::Ip(each(values, network)?),
            Family::Null => Self::Null(each(values, boolean)?),
        })
    }

    fn passes(&self, value: Scalar<'_>, facts: Facts<'_, '_>) -> bool {
        match self {
            Self::Text(patterns) => {
                let text = value.text();
                patterns.iter().any(|pattern| pattern.matches(&text, facts))
            }
            Self::Arn(patterns) => {
                let text = value.text();
                patterns.iter().any(|pattern| pattern.matches(&text, facts))
            }
            Self::Number(comparison, limits) => {
                let number = match value {
                    Scalar::Number(number) => Some(number as f64),
                    Scalar::Text(text) => number(text),
                    Scalar::Bool(_) | Scalar::Time(_) | Scalar::Ip(_) => None,
                };
                number.is_some_and(|number| limits.iter().any(|limit| comparison.holds(&number, limit)))
            }
            Self::Date(comparison, limits) => {
                let time = match value {
                    Scalar::Time(time) => Some(time.as_millis()),
                    // aws:EpochTime.
                    Scalar::Number(seconds) => seconds.checked_mul(1_000),
                    Scalar::Text(text) => millis(text),
                    Scalar::Bool(_) | Scalar::Ip(_) => None,
                };
                time.is_some_and(|time| limits.iter().any(|limit| comparison.holds(&time, limit)))
            }
            Self::Bool(wanted) => {
                let value = match value {
                    Scalar::Bool(value) => Some(value),
                    Scalar::Text(text) => boolean(text),
                    Scalar::Number(_) | Scalar::Time(_) | Scalar::Ip(_) => None,
                };
                value.is_some_and(|value| wanted.contains(&value))
            }
            Self::Binary(wanted) => match value {
                Scalar::Text(text) => STANDARD.decode(text).is_ok_and(|bytes| wanted.contains(&bytes)),
                Scalar::Number(_) | Scalar::Bool(_) | Scalar::Time(_) | Scalar::Ip(_) => false,
            },
            Self::Ip(networks) => {
                let ip = match value {
                    Scalar::Ip(ip) => Some(ip),
                    Scalar::Text(text) => text.parse().ok(),
                    Scalar::Number(_) | Scalar::Bool(_) | Scalar::Time(_) => None,
                };
                ip.is_some_and(|ip| networks.iter().any(|network| network.contains(&ip)))
            }
            // Asked of the key, and not of a value.
            Self::Null(_) => false,
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A CIDR block, or one address.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// ISO 8601, a day alone or with a time (in UTC unless it says otherwise); or seconds since the epoch.
fn millis(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        // Four digits are a year.
        if text.len() != 4 {
            return seconds.checked_mul(1_000);
        }
        return utc(jiff::civil::Date::new(seconds.try_into().ok()?, 1, 1).ok()?.at(0, 0, 0, 0));
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(at.as_millisecond());
    }
    if let Ok(at) = text.parse::<jiff::civil::DateTime>() {
        return utc(at);
    }
    None
}

fn utc(at: jiff::civil::DateTime) -> Option<i64> {
    at.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp().as_millisecond())
}
