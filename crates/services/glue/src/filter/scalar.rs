//! Partition values by their key's type.

use std::cmp::Ordering;

use jiff::civil::{Date, DateTime};

/// The types by which partitions can be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Integer,
    Decimal,
    Date,
    Timestamp,
}

/// A partition value. Only values of one kind are ever compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scalar {
    Text(String),
    Integer(i64),
    Decimal(Decimal),
    Date(Date),
    Timestamp(DateTime),
}

impl Kind {
    /// The kind of a partition key's Hive type; `None` where Glue cannot select by it.
    pub fn of(hive_type: &str) -> Option<Self> {
        let name = hive_type.split('(').next().unwrap_or_default().trim().to_ascii_lowercase();
        Some(match name.as_str() {
            "string" | "char" | "varchar" => Self::Text,
            "tinyint" | "smallint" | "int" | "integer" | "bigint" | "long" => Self::Integer,
            "decimal" => Self::Decimal,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            _ => return None,
        })
    }

    /// Whether equal values have one spelling only, so that they can be looked up by their text.
    pub fn one_spelling(self) -> bool {
        matches!(self, Self::Text | Self::Date)
    }

    /// As AWS names the kind where it refuses LIKE.
    pub fn without_like(self) -> Option<&'static str> {
        match self {
            Self::Text => None,
            Self::Integer => Some("Integral"),
            Self::Decimal => Some("Decimal"),
            Self::Date => Some("Date"),
            Self::Timestamp => Some("Timestamp"),
        }
    }

    /// The value that `text` stands for, or AWS's words for why it stands for none.
    pub fn read(self, text: &str) -> Result<Scalar, String> {
        match self {
            Self::Text => Ok(Scalar::Text(text.to_owned())),
            Self::Integer => {
                let number = text.trim().parse().map_err(|_| format!("\"{text}\" is not an integer."))?;
                Ok(Scalar::Integer(number))
            }
            Self::Decimal => {
                Decimal::read(text).map(Scalar::Decimal).ok_or_else(|| format!("{text} is not a decimal."))
            }
            Self::Date => date(text).map(Scalar::Date).ok_or_else(|| format!("{text} is not a date.")),
            Self::Timestamp => timestamp(text).map(Scalar::Timestamp).ok_or_else(|| {
                format!("Timestamp format must be yyyy-mm-dd hh:mm:ss[.fffffffff] {text} is not a timestamp.")
            }),
        }
    }
}

/// `yyyy-mm-dd` and nothing else.
fn date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() });
    shaped.then(|| text.parse().ok()).flatten()
}

/// `yyyy-mm-dd hh:mm:ss[.fffffffff]` and nothing else.
fn timestamp(text: &str) -> Option<DateTime> {
    let (day, time) = text.split_once(' ')?;
    let (clock, fraction) = match time.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (time, None),
    };
    let bytes = clock.as_bytes();
    let shaped = bytes.len() == 8
        && bytes
            .iter()
            .enumerate()
            .all(|(i, b)| if i == 2 || i == 5 { *b == b':' } else { b.is_ascii_digit() });
    let fraction_fits =
        fraction.is_none_or(|f| (1..=9).contains(&f.len()) && f.bytes().all(|b| b.is_ascii_digit()));
    let day = date(day)?;
    (shaped && fraction_fits).then(|| format!("{day}T{time}").parse().ok()).flatten()
}

/// A decimal number of any precision, in one normal form, so that order and equality are exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    /// Digits before the point, without leading zeros.
    whole: String,
    /// Digits after the point, without trailing zeros.
    fraction: String,
}

impl Decimal {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) || whole.len() + fraction.len() == 0 {
            return None;
        }
        let whole = whole.trim_start_matches('0').to_owned();
        let fraction = fraction.trim_end_matches('0').to_owned();
        let negative = negative && !(whole.is_empty() && fraction.is_empty());
        Some(Self { negative, whole, fraction })
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        let by_length = self.whole.len().cmp(&other.whole.len());
        by_length.then_with(|| self.whole.cmp(&other.whole)).then_with(|| self.fraction.cmp(&other.fraction))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
