//! Columns under construction: each takes JSON values of its type, coerced as the SerDes do.
//!
//! A value that does not fit appends a null and is reported, so that all columns of a batch stay equally long; the
//! caller leaves such rows out afterwards.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder, Float64Builder,
    Int8Builder, Int16Builder, Int32Builder, Int64Builder, ListArray, MapArray, StringBuilder, StructArray,
    TimestampMicrosecondBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{Decimal128Type, Field, Fields};

use super::Deserializer;
use super::hive_type::{HiveType, entries_field, entry_fields, item_field, scale_of, struct_fields};
use super::timestamp::read_date;
use crate::record::json::Json;

/// Why a value is not of its column's type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("{value} cannot be read as {wanted}")]
    NotA { wanted: &'static str, value: String },
    #[error("{value} is out of the range of {wanted}")]
    OutOfRange { wanted: &'static str, value: String },
    #[error("the text is longer than {0} characters")]
    TooLong(usize),
    #[error("the column is larger than 2 GiB in one object")]
    TooLarge,
}

pub enum Column {
    Boolean(BooleanBuilder),
    Int8(Int8Builder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal {
        builder: Decimal128Builder,
        precision: u8,
        scale: i8,
    },
    Text {
        builder: StringBuilder,
        length: Option<usize>,
    },
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    List {
        item: Box<Column>,
        field: Arc<Field>,
        offsets: Vec<i32>,
        valid: Vec<bool>,
    },
    Map {
        key: StringBuilder,
        value: Box<Column>,
        fields: (Arc<Field>, Fields),
        offsets: Vec<i32>,
        valid: Vec<bool>,
    },
    Struct {
        members: Vec<(String, Column)>,
        fields: Fields,
        valid: Vec<bool>,
    },
}

impl Column {
    pub fn new(of: &HiveType, rows: usize) -> Self {
        match of {
            HiveType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            HiveType::TinyInt => Self::Int8(Int8Builder::with_capacity(rows)),
            HiveType::SmallInt => Self::Int16(Int16Builder::with_capacity(rows)),
            HiveType::Int => Self::Int32(Int32Builder::with_capacity(rows)),
            HiveType::BigInt => Self::Int64(Int64Builder::with_capacity(rows)),
            HiveType::Float => Self::Float32(Float32Builder::with_capacity(rows)),
            HiveType::Double => Self::Float64(Float64Builder::with_capacity(rows)),
            HiveType::Decimal(precision, scale) => Self::Decimal {
                builder: Decimal128Builder::with_capacity(rows)
                    .with_precision_and_scale(*precision, scale_of(*scale))
                    .expect("the type's parser checked precision and scale"),
                precision: *precision,
                scale: scale_of(*scale),
            },
            HiveType::String => Self::text(rows, None),
            HiveType::Char(length) | HiveType::Varchar(length) => Self::text(rows, Some(*length as usize)),
            HiveType::Binary => unreachable!("a Converter refuses schemas that are not supported"),
            HiveType::Date => Self::Date(Date32Builder::with_capacity(rows)),
            HiveType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::with_capacity(rows)),
            HiveType::Array(item) => Self::List {
                item: Box::new(Self::new(item, rows)),
                field: item_field(item),
                offsets: vec![0],
                valid: Vec::with_capacity(rows),
            },
            HiveType::Map(key, value) => Self::Map {
                key: StringBuilder::new(),
                value: Box::new(Self::new(value, rows)),
                fields: (entries_field(key, value), entry_fields(key, value)),
                offsets: vec![0],
                valid: Vec::with_capacity(rows),
            },
            HiveType::Struct(fields) => Self::Struct {
                members: fields.iter().map(|(name, of)| (name.clone(), Self::new(of, rows))).collect(),
                fields: struct_fields(fields),
                valid: Vec::with_capacity(rows),
            },
        }
    }

    fn text(rows: usize, length: Option<usize>) -> Self {
        Self::Text { builder: StringBuilder::with_capacity(rows, rows * 8), length }
    }

    /// Appends one value, or a null with the reason why not.
    pub fn append(&mut self, value: &Json<'_>, how: &Deserializer) -> Result<(), Mismatch> {
        macro_rules! scalar {
            ($builder:expr, $read:expr) => {
                match $read {
                    Ok(value) => {
                        $builder.append_option(value);
                        Ok(())
                    }
                    Err(mismatch) => {
                        $builder.append_null();
                        Err(mismatch)
                    }
                }
            };
        }
        match self {
            Self::Boolean(builder) => scalar!(builder, boolean(value)),
            Self::Int8(builder) => scalar!(builder, integer::<i8>(value, "tinyint")),
            Self::Int16(builder) => scalar!(builder, integer::<i16>(value, "smallint")),
            Self::Int32(builder) => scalar!(builder, integer::<i32>(value, "int")),
            Self::Int64(builder) => scalar!(builder, integer::<i64>(value, "bigint")),
            Self::Float32(builder) => {
                scalar!(builder, double(value, "float").map(|value| value.map(|value| value as f32)))
            }
            Self::Float64(builder) => scalar!(builder, double(value, "double")),
            Self::Decimal { builder, precision, scale } => {
                scalar!(builder, decimal(value, *precision, *scale))
            }
            Self::Text { builder, length } => append_text(builder, value, *length),
            Self::Date(builder) => scalar!(builder, date(value)),
            Self::Timestamp(builder) => scalar!(
                builder,
                match value {
                    Json::Null => Ok(None),
                    value => how.timestamps.read(value).map(Some).ok_or_else(|| not_a("timestamp", value)),
                }
            ),
            Self::List { item, offsets, valid, .. } => append_list(item, offsets, valid, value, how),
            Self::Map { key, value: values, offsets, valid, .. } => {
                append_map(key, values, offsets, valid, value, how)
            }
            Self::Struct { members, valid, .. } => append_struct(members, valid, value, how),
        }
    }

    pub fn finish(self) -> ArrayRef {
        match self {
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
            Self::Int8(mut builder) => Arc::new(builder.finish()),
            Self::Int16(mut builder) => Arc::new(builder.finish()),
            Self::Int32(mut builder) => Arc::new(builder.finish()),
            Self::Int64(mut builder) => Arc::new(builder.finish()),
            Self::Float32(mut builder) => Arc::new(builder.finish()),
            Self::Float64(mut builder) => Arc::new(builder.finish()),
            Self::Decimal { mut builder, .. } => Arc::new(builder.finish()),
            Self::Text { mut builder, .. } => Arc::new(builder.finish()),
            Self::Date(mut builder) => Arc::new(builder.finish()),
            Self::Timestamp(mut builder) => Arc::new(builder.finish()),
            Self::List { item, field, offsets, valid } => {
                let offsets = OffsetBuffer::new(offsets.into());
                Arc::new(ListArray::new(field, offsets, item.finish(), nulls(valid)))
            }
            Self::Map { mut key, value, fields: (field, entries), offsets, valid } => {
                let entries = StructArray::new(entries, vec![Arc::new(key.finish()), value.finish()], None);
                let offsets = OffsetBuffer::new(offsets.into());
                Arc::new(MapArray::new(field, offsets, entries, nulls(valid), false))
            }
            Self::Struct { members, fields, valid } => {
                let arrays: Vec<ArrayRef> = members.into_iter().map(|(_, member)| member.finish()).collect();
                debug_assert!(arrays.iter().all(|array| array.len() == valid.len()));
                Arc::new(StructArray::new(fields, arrays, nulls(valid)))
            }
        }
    }
}

fn nulls(valid: Vec<bool>) -> Option<NullBuffer> {
    Some(NullBuffer::from(valid)).filter(|nulls| nulls.null_count() > 0)
}

fn not_a(wanted: &'static str, value: &Json<'_>) -> Mismatch {
    Mismatch::NotA { wanted, value: shown(value) }
}

/// The value in an error message, cut short.
fn shown(value: &Json<'_>) -> String {
    match value {
        Json::Array(_) => "an array".to_owned(),
        Json::Object(_) => "an object".to_owned(),
        Json::Text(text) => format!("{:?}", text.chars().take(60).collect::<String>()),
        value => value.to_string(),
    }
}

fn boolean(value: &Json<'_>) -> Result<Option<bool>, Mismatch> {
    match value {
        Json::Null => Ok(None),
        Json::Bool(value) => Ok(Some(*value)),
        Json::Text(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Json::Text(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        value => Err(not_a("boolean", value)),
    }
}

fn integer<T: TryFrom<i64>>(value: &Json<'_>, wanted: &'static str) -> Result<Option<T>, Mismatch> {
    let wide = match value {
        Json::Null => return Ok(None),
        Json::Integer(value) => *value,
        // A fraction is not cut off: the value would not be the record's.
        Json::Double(value) if value.fract() == 0.0 && value.abs() < 9.0e18 => *value as i64,
        Json::Text(text) => text.trim().parse().map_err(|_| not_a(wanted, value))?,
        Json::Unsigned(_) => return Err(Mismatch::OutOfRange { wanted, value: shown(value) }),
        value => return Err(not_a(wanted, value)),
    };
    T::try_from(wide).map(Some).map_err(|_| Mismatch::OutOfRange { wanted, value: shown(value) })
}

fn double(value: &Json<'_>, wanted: &'static str) -> Result<Option<f64>, Mismatch> {
    match value {
        Json::Null => Ok(None),
        Json::Integer(value) => Ok(Some(*value as f64)),
        Json::Unsigned(value) => Ok(Some(*value as f64)),
        Json::Double(value) => Ok(Some(*value)),
        Json::Text(text) => text.trim().parse().map(Some).map_err(|_| not_a(wanted, value)),
        value => Err(not_a(wanted, value)),
    }
}

fn decimal(value: &Json<'_>, precision: u8, scale: i8) -> Result<Option<i128>, Mismatch> {
    let text = match value {
        Json::Null => return Ok(None),
        Json::Integer(_) | Json::Unsigned(_) | Json::Double(_) => value.to_string(),
        Json::Text(text) => text.trim().to_owned(),
        value => return Err(not_a("decimal", value)),
    };
    let numeric = text.bytes().any(|byte| byte.is_ascii_digit());
    let parsed =
        arrow::compute::kernels::cast_utils::parse_decimal::<Decimal128Type>(&text, precision, scale);
    match parsed {
        Ok(parsed) if numeric => Ok(Some(parsed)),
        _ => Err(not_a("decimal", value)),
    }
}

fn date(value: &Json<'_>) -> Result<Option<i32>, Mismatch> {
    match value {
        Json::Null => Ok(None),
        Json::Text(text) => read_date(text).map(Some).ok_or_else(|| not_a("date", value)),
        value => Err(not_a("date", value)),
    }
}

/// Text as it is; anything else as its JSON text, as the OpenX SerDe does.
fn append_text(builder: &mut StringBuilder, value: &Json<'_>, length: Option<usize>) -> Result<(), Mismatch> {
    let printed;
    let text = match value {
        Json::Null => {
            builder.append_null();
            return Ok(());
        }
        Json::Text(text) => text.as_ref(),
        value => {
            printed = value.to_string();
            &printed
        }
    };
    if let Some(length) = length.filter(|length| text.chars().count() > *length) {
        builder.append_null();
        return Err(Mismatch::TooLong(length));
    }
    builder.append_value(text);
    Ok(())
}

fn append_list(
    item: &mut Column,
    offsets: &mut Vec<i32>,
    valid: &mut Vec<bool>,
    value: &Json<'_>,
    how: &Deserializer,
) -> Result<(), Mismatch> {
    let mut appended = Ok(());
    let mut count = 0;
    match value {
        Json::Null => {}
        Json::Array(values) => {
            count = values.len();
            for value in values {
                appended = appended.and(item.append(value, how));
            }
        }
        value => appended = Err(not_a("array", value)),
    }
    valid.push(matches!(value, Json::Array(_)));
    appended.and(push_offset(offsets, count))
}

fn append_map(
    keys: &mut StringBuilder,
    values: &mut Column,
    offsets: &mut Vec<i32>,
    valid: &mut Vec<bool>,
    value: &Json<'_>,
    how: &Deserializer,
) -> Result<(), Mismatch> {
    let mut appended = Ok(());
    let mut count = 0;
    match value {
        Json::Null => {}
        Json::Object(members) => {
            count = members.len();
            for (name, member) in members {
                keys.append_value(name);
                appended = appended.and(values.append(member, how));
            }
        }
        value => appended = Err(not_a("map", value)),
    }
    valid.push(matches!(value, Json::Object(_)));
    appended.and(push_offset(offsets, count))
}

fn append_struct(
    members: &mut [(String, Column)],
    valid: &mut Vec<bool>,
    value: &Json<'_>,
    how: &Deserializer,
) -> Result<(), Mismatch> {
    let mut appended = Ok(());
    let given: &[_] = match value {
        Json::Object(given) => given,
        Json::Null => &[],
        value => {
            appended = Err(not_a("struct", value));
            &[]
        }
    };
    for (name, column) in members {
        let member = given.iter().rev().find(|(key, _)| how.normal(key) == name.as_str());
        appended = appended.and(column.append(member.map_or(&Json::Null, |(_, value)| value), how));
    }
    valid.push(matches!(value, Json::Object(_)));
    appended
}

/// Offsets are 32 bits wide. A buffer holds at most 128 MiB of records, so this ends only a constructed case.
fn push_offset(offsets: &mut Vec<i32>, count: usize) -> Result<(), Mismatch> {
    let last = offsets.last().copied().unwrap_or(0);
    let next = i32::try_from(count).ok().and_then(|count| last.checked_add(count));
    offsets.push(next.unwrap_or(last));
    next.map(drop).ok_or(Mismatch::TooLarge)
}
