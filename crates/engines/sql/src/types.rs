//! Types three ways: as Hive writes them in the catalog, as Arrow carries them, as Athena names them in answers.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

use crate::error::QueryError;

/// Nested types deeper than this are refused, so that no parser of them runs out of stack.
const MAX_DEPTH: usize = 64;

/// The zone that Athena's sessions run in.
pub(crate) const UTC: &str = "UTC";

/// A Hive type, `array<struct<a:int,b:decimal(10,2)>>`, as Arrow carries it.
///
/// Errors: HIVE_INVALID_METADATA, naming the type that is not one.
pub(crate) fn from_hive(text: &str) -> Result<DataType, QueryError> {
    let mut parser = HiveType { rest: text, whole: text };
    let parsed = parser.parse(0)?;
    parser.skip_blanks();
    if parser.rest.is_empty() { Ok(parsed) } else { Err(parser.error()) }
}

struct HiveType<'a> {
    rest: &'a str,
    whole: &'a str,
}

impl HiveType<'_> {
    fn error(&self) -> QueryError {
        QueryError::user(
            "HIVE_INVALID_METADATA",
            format!("Error: type '{}' is not a valid Hive type", self.whole),
        )
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn expect(&mut self, c: char) -> Result<(), QueryError> {
        self.skip_blanks();
        self.rest = self.rest.strip_prefix(c).ok_or_else(|| self.error())?;
        Ok(())
    }

    fn took(&mut self, c: char) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> String {
        self.skip_blanks();
        let end = self
            .rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ' '))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.trim().to_ascii_lowercase()
    }

    /// A struct field's name: anything up to the colon, with backquotes taken off.
    fn field_name(&mut self) -> Result<String, QueryError> {
        self.skip_blanks();
        let end = self.rest.find(':').ok_or_else(|| self.error())?;
        let (name, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        let name = name.trim().trim_matches('`');
        if name.is_empty() { Err(self.error()) } else { Ok(name.to_lowercase()) }
    }

    fn number(&mut self) -> Result<u8, QueryError> {
        self.skip_blanks();
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits.parse().map_err(|_| self.error())
    }

    fn length(&mut self) -> Result<(), QueryError> {
        if self.took('(') {
            let end = self.rest.find(')').ok_or_else(|| self.error())?;
            let _length: u32 = self.rest[..end].trim().parse().map_err(|_| self.error())?;
            self.rest = &self.rest[end + 1..];
        }
        Ok(())
    }

    fn decimal(&mut self) -> Result<DataType, QueryError> {
        let (mut precision, mut scale) = (10, 0);
        if self.took('(') {
            precision = self.number()?;
            if self.took(',') {
                scale = self.number()?;
            }
            self.expect(')')?;
        }
        if precision == 0 || precision > 38 || scale > precision {
            return Err(self.error());
        }
        Ok(DataType::Decimal128(precision, scale as i8))
    }

    fn parse(&mut self, depth: usize) -> Result<DataType, QueryError> {
        if depth > MAX_DEPTH {
            return Err(self.error());
        }
        Ok(match self.word().as_str() {
            "tinyint" => DataType::Int8,
            "smallint" => DataType::Int16,
            "int" | "integer" => DataType::Int32,
            "bigint" | "long" => DataType::Int64,
            "float" | "real" => DataType::Float32,
            "double" | "double precision" => DataType::Float64,
            "boolean" => DataType::Boolean,
            "string" => DataType::Utf8View,
            "varchar" | "char" => {
                self.length()?;
                DataType::Utf8View
            }
            "binary" | "varbinary" => DataType::Binary,
            "date" => DataType::Date32,
            "timestamp" => DataType::Timestamp(TimeUnit::Millisecond, None),
            "decimal" | "numeric" => self.decimal()?,
            "array" => {
                self.expect('<')?;
                let element = self.parse(depth + 1)?;
                self.expect('>')?;
                DataType::List(Arc::new(Field::new("item", element, true)))
            }
            "map" => {
                self.expect('<')?;
                let key = self.parse(depth + 1)?;
                self.expect(',')?;
                let value = self.parse(depth + 1)?;
                self.expect('>')?;
                map_of(key, value)
            }
            "struct" => {
                self.expect('<')?;
                let mut fields = Vec::new();
                loop {
                    let name = self.field_name()?;
                    fields.push(Field::new(name, self.parse(depth + 1)?, true));
                    if !self.took(',') {
                        break;
                    }
                }
                self.expect('>')?;
                DataType::Struct(fields.into())
            }
            _ => return Err(self.error()),
        })
    }
}

/// A map in Arrow's layout.
pub(crate) fn map_of(key: DataType, value: DataType) -> DataType {
    let entry = Fields::from(vec![Field::new("key", key, false), Field::new("value", value, true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
}

/// A column of an answer, as `GetQueryResults` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    pub name: String,
    /// Athena's name of the type: `varchar`, `integer`, `timestamp`, `array`, …
    pub type_name: String,
    pub precision: i32,
    pub scale: i32,
    pub case_sensitive: bool,
}

impl ColumnInfo {
    /// A column of text, as the answers of SHOW and DESCRIBE have.
    pub(crate) fn text(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            type_name: "string".to_owned(),
            precision: 0,
            scale: 0,
            case_sensitive: false,
        }
    }

    pub(crate) fn of(name: String, data_type: &DataType) -> Self {
        let (type_name, precision, scale) = match data_type {
            DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
                ("decimal", i32::from(*precision), i32::from(*scale))
            }
            other => {
                let short = short_name(other);
                (short, precision_of(short), 0)
            }
        };
        let case_sensitive = type_name == "varchar";
        Self { name, type_name: type_name.to_owned(), precision, scale, case_sensitive }
    }
}

fn precision_of(type_name: &str) -> i32 {
    match type_name {
        "tinyint" => 3,
        "smallint" => 5,
        "integer" => 10,
        "bigint" => 19,
        "float" | "double" => 17,
        "varchar" => i32::MAX,
        "varbinary" => 1 << 30,
        "timestamp" | "timestamp with time zone" | "time" => 3,
        _ => 0,
    }
}

/// The name of a type without its parameters, as `ColumnInfo` gives it.
fn short_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Null => "unknown",
        DataType::Boolean => "boolean",
        DataType::Int8 => "tinyint",
        DataType::Int16 | DataType::UInt8 => "smallint",
        DataType::Int32 | DataType::UInt16 => "integer",
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint",
        DataType::Float16 | DataType::Float32 => "float",
        DataType::Float64 => "double",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "varchar",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "varbinary"
        }
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time",
        DataType::Timestamp(_, None) => "timestamp",
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone",
        DataType::Interval(arrow::datatypes::IntervalUnit::YearMonth) => "interval year to month",
        DataType::Interval(_) | DataType::Duration(_) => "interval day to second",
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => "decimal",
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => "array",
        DataType::Map(..) => "map",
        DataType::Struct(_) => "row",
        DataType::Dictionary(_, value) => short_name(value),
        DataType::RunEndEncoded(_, value) => short_name(value.data_type()),
        DataType::Union(..) => "union",
    }
}

/// The full name of a type, as `typeof` and error messages give it: `array(varchar)`, `decimal(10,2)`.
pub(crate) fn trino_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Float16 | DataType::Float32 => "real".to_owned(),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => format!("decimal({p},{s})"),
        DataType::Timestamp(_, None) => "timestamp(3)".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamp(3) with time zone".to_owned(),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            format!("array({})", trino_name(item.data_type()))
        }
        DataType::Map(entry, _) => match entry.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                format!("map({}, {})", trino_name(fields[0].data_type()), trino_name(fields[1].data_type()))
            }
            _ => "map".to_owned(),
        },
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{} {}", field.name(), trino_name(field.data_type())))
                .collect();
            format!("row({})", fields.join(", "))
        }
        other => short_name(other).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hive_types_become_trino_types() {
        for (hive, trino) in [
            ("string", "varchar"),
            ("varchar(20)", "varchar"),
            ("INT", "integer"),
            ("decimal(12,2)", "decimal(12,2)"),
            ("decimal", "decimal(10,0)"),
            ("array<int>", "array(integer)"),
            ("map<string,array<bigint>>", "map(varchar, array(bigint))"),
            ("struct<a:int,`B b`:struct<c:timestamp>>", "row(a integer, b b row(c timestamp(3)))"),
            ("double precision", "double"),
        ] {
            assert_eq!(trino_name(&from_hive(hive).unwrap()), trino, "{hive}");
        }
        let deep = format!("{}int{}", "array<".repeat(100), ">".repeat(100));
        for wrong in [
            "",
            "text",
            "array<int",
            "array<>",
            "decimal(40,2)",
            "struct<int>",
            "map<int>",
            "int>",
            deep.as_str(),
        ] {
            assert_eq!(from_hive(wrong).unwrap_err().name, "HIVE_INVALID_METADATA", "{wrong}");
        }
    }
}
