//! Hive's types, in which the catalog describes columns: parsed, printed, and widened to hold two sources.

use std::fmt;
use std::str::FromStr;

/// Deeper types than this are refused, so that a foreign type string cannot exhaust the stack.
const MAX_DEPTH: usize = 64;

/// A Hive type as the catalog spells it: `array<struct<id:bigint,tags:map<string,string>>>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HiveType {
    Boolean,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Float,
    Double,
    /// Precision and scale.
    Decimal(u8, u8),
    String,
    Char(u32),
    Varchar(u32),
    Binary,
    Date,
    Timestamp,
    Array(Box<HiveType>),
    Map(Box<HiveType>, Box<HiveType>),
    /// Fields by name, in their order.
    Struct(Vec<(String, HiveType)>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a Hive type")]
pub struct InvalidHiveType(String);

impl fmt::Display for HiveType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::TinyInt => f.write_str("tinyint"),
            Self::SmallInt => f.write_str("smallint"),
            Self::Int => f.write_str("int"),
            Self::BigInt => f.write_str("bigint"),
            Self::Float => f.write_str("float"),
            Self::Double => f.write_str("double"),
            Self::Decimal(precision, scale) => write!(f, "decimal({precision},{scale})"),
            Self::String => f.write_str("string"),
            Self::Char(length) => write!(f, "char({length})"),
            Self::Varchar(length) => write!(f, "varchar({length})"),
            Self::Binary => f.write_str("binary"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Array(item) => write!(f, "array<{item}>"),
            Self::Map(key, value) => write!(f, "map<{key},{value}>"),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (index, (name, field)) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{name}:{field}")?;
                }
                f.write_str(">")
            }
        }
    }
}

impl FromStr for HiveType {
    type Err = InvalidHiveType;

    fn from_str(text: &str) -> Result<Self, InvalidHiveType> {
        let mut reader = Reader { rest: text.trim() };
        let parsed = reader.hive_type(MAX_DEPTH).filter(|_| reader.rest.trim().is_empty());
        parsed.ok_or_else(|| InvalidHiveType(text.chars().take(200).collect()))
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn hive_type(&mut self, depth: usize) -> Option<HiveType> {
        let depth = depth.checked_sub(1)?;
        let name = self.word()?.to_ascii_lowercase();
        Some(match name.as_str() {
            "boolean" => HiveType::Boolean,
            "tinyint" => HiveType::TinyInt,
            "smallint" => HiveType::SmallInt,
            "int" | "integer" => HiveType::Int,
            "bigint" | "long" => HiveType::BigInt,
            "float" | "real" => HiveType::Float,
            "double" => {
                let _precision = self.take("precision");
                HiveType::Double
            }
            "decimal" | "numeric" | "dec" => self.decimal()?,
            "string" => HiveType::String,
            "char" => HiveType::Char(self.length()?),
            "varchar" => HiveType::Varchar(self.length()?),
            "binary" => HiveType::Binary,
            "date" => HiveType::Date,
            "timestamp" => HiveType::Timestamp,
            "array" => {
                self.expect("<")?;
                let item = self.hive_type(depth)?;
                self.expect(">")?;
                HiveType::Array(Box::new(item))
            }
            "map" => {
                self.expect("<")?;
                let key = self.hive_type(depth)?;
                self.expect(",")?;
                let value = self.hive_type(depth)?;
                self.expect(">")?;
                HiveType::Map(Box::new(key), Box::new(value))
            }
            "struct" => HiveType::Struct(self.fields(depth)?),
            _ => return None,
        })
    }

    fn fields(&mut self, depth: usize) -> Option<Vec<(String, HiveType)>> {
        self.expect("<")?;
        let mut fields = Vec::new();
        if self.take(">") {
            return Some(fields);
        }
        loop {
            let name = self.field_name()?;
            self.expect(":")?;
            fields.push((name, self.hive_type(depth)?));
            if self.take(">") {
                return Some(fields);
            }
            self.expect(",")?;
        }
    }

    /// `decimal` alone is `decimal(10,0)`, as in Hive.
    fn decimal(&mut self) -> Option<HiveType> {
        if !self.take("(") {
            return Some(HiveType::Decimal(10, 0));
        }
        let precision = self.word()?.parse().ok().filter(|precision| (1..=38).contains(precision))?;
        let scale = if self.take(",") { self.word()?.parse().ok()? } else { 0 };
        self.expect(")")?;
        (scale <= precision).then_some(HiveType::Decimal(precision, scale))
    }

    fn length(&mut self) -> Option<u32> {
        self.expect("(")?;
        let length = self.word()?.parse().ok().filter(|length| (1..=65_535).contains(length))?;
        self.expect(")")?;
        Some(length)
    }

    fn word(&mut self) -> Option<&'a str> {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// Field names may hold anything but what ends them; backquotes around them are dropped.
    fn field_name(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        if let Some(quoted) = self.rest.strip_prefix('`') {
            let (name, rest) = quoted.split_once('`')?;
            self.rest = rest;
            return Some(name.to_owned());
        }
        let end = self.rest.find([':', ',', '<', '>'])?;
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        let name = name.trim();
        (!name.is_empty()).then(|| name.to_owned())
    }

    fn take(&mut self, token: &str) -> bool {
        let trimmed = self.rest.trim_start();
        match trimmed.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Option<()> {
        self.take(token).then_some(())
    }
}

impl HiveType {
    /// The type that holds the values of both: numbers widen, structs gain fields, and what has nothing in common
    /// becomes a string.
    #[must_use]
    pub fn widened(self, other: Self) -> Self {
        if self == other {
            return self;
        }
        match (self, other) {
            (Self::Struct(mine), Self::Struct(others)) => Self::Struct(merged(mine, others)),
            (Self::Array(mine), Self::Array(other)) => Self::Array(Box::new(mine.widened(*other))),
            (Self::Map(key, value), Self::Map(other_key, other_value)) => {
                Self::Map(Box::new(key.widened(*other_key)), Box::new(value.widened(*other_value)))
            }
            (Self::Decimal(p1, s1), Self::Decimal(p2, s2)) => {
                let scale = s1.max(s2);
                let whole = (p1 - s1).max(p2 - s2);
                if whole + scale <= 38 { Self::Decimal(whole + scale, scale) } else { Self::Double }
            }
            (Self::Date, Self::Timestamp) | (Self::Timestamp, Self::Date) => Self::Timestamp,
            (mine, other) => match (mine.rank(), other.rank()) {
                (Some(a), Some(b)) if a.max(b) <= BIGINT_RANK => {
                    if a > b {
                        mine
                    } else {
                        other
                    }
                }
                // A float cannot hold every int, and neither holds every decimal: double is Hive's common type.
                (Some(_), Some(_)) => Self::Double,
                _ => Self::String,
            },
        }
    }

    /// Where a number type stands in the order of widening; `None` for what is no number.
    fn rank(&self) -> Option<u8> {
        match self {
            Self::TinyInt => Some(0),
            Self::SmallInt => Some(1),
            Self::Int => Some(2),
            Self::BigInt => Some(BIGINT_RANK),
            Self::Float => Some(4),
            Self::Double => Some(5),
            Self::Decimal(..) => Some(6),
            Self::Boolean
            | Self::String
            | Self::Char(_)
            | Self::Varchar(_)
            | Self::Binary
            | Self::Date
            | Self::Timestamp
            | Self::Array(_)
            | Self::Map(..)
            | Self::Struct(_) => None,
        }
    }
}

const BIGINT_RANK: u8 = 3;

/// Fields by name: those of both widened, new ones appended.
pub fn merged(mut mine: Vec<(String, HiveType)>, others: Vec<(String, HiveType)>) -> Vec<(String, HiveType)> {
    let mut places: std::collections::HashMap<String, usize> =
        mine.iter().enumerate().map(|(index, (name, _))| (name.clone(), index)).collect();
    for (name, other) in others {
        match places.get(&name) {
            Some(index) => {
                let slot = &mut mine[*index].1;
                let before = std::mem::replace(slot, HiveType::String);
                *slot = before.widened(other);
            }
            None => {
                places.insert(name.clone(), mine.len());
                mine.push((name, other));
            }
        }
    }
    mine
}

/// `name`, or `name_1`, `name_2`, … when it is taken.
pub(crate) fn unused(name: String, taken: impl Fn(&str) -> bool) -> String {
    if !taken(&name) {
        return name;
    }
    (1..)
        .map(|n| format!("{name}_{n}"))
        .find(|name| !taken(name))
        .expect("only finitely many names are taken")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_and_printed() {
        for (text, printed) in [
            ("string", "string"),
            (" INT ", "int"),
            ("decimal", "decimal(10,0)"),
            ("decimal( 38 , 2 )", "decimal(38,2)"),
            ("varchar(12)", "varchar(12)"),
            (
                "array<struct<id:bigint,tags:map<string,array<double>>>>",
                "array<struct<id:bigint,tags:map<string,array<double>>>>",
            ),
            ("struct<`a b`: int, c: timestamp>", "struct<a b:int,c:timestamp>"),
            ("struct<>", "struct<>"),
        ] {
            assert_eq!(text.parse::<HiveType>().map(|t| t.to_string()).as_deref(), Ok(printed), "{text}");
        }
        for text in [
            "",
            "text",
            "array<int",
            "array<>",
            "decimal(39,1)",
            "decimal(3,4)",
            "varchar",
            "int int",
            "struct<a>",
        ] {
            assert!(text.parse::<HiveType>().is_err(), "{text}");
        }
        assert!(("array<".repeat(10_000) + "int").parse::<HiveType>().is_err());
    }

    #[test]
    fn types_widen_to_hold_both() {
        for (a, b, wide) in [
            ("int", "bigint", "bigint"),
            ("bigint", "double", "double"),
            ("float", "int", "double"),
            ("decimal(5,2)", "decimal(4,3)", "decimal(6,3)"),
            ("decimal(5,2)", "int", "double"),
            ("date", "timestamp", "timestamp"),
            ("boolean", "int", "string"),
            ("string", "double", "string"),
            ("array<int>", "array<double>", "array<double>"),
            ("array<int>", "struct<a:int>", "string"),
            ("struct<a:int>", "struct<b:string,a:bigint>", "struct<a:bigint,b:string>"),
        ] {
            let (left, right): (HiveType, HiveType) = (a.parse().unwrap(), b.parse().unwrap());
            assert_eq!(left.widened(right).to_string(), wide, "{a} and {b}");
        }
    }
}
