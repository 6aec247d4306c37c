//! Hive's types, as the Glue catalog holds them, in Arrow.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
pub use millpond_glue::hive::HiveType;

/// Whether JSON has values for it: `binary` has no agreed form, and maps have text keys only.
pub fn is_supported(of: &HiveType) -> bool {
    match of {
        HiveType::Binary => false,
        HiveType::Array(item) => is_supported(item),
        HiveType::Map(key, value) => is_text(key) && is_supported(value),
        HiveType::Struct(fields) => !fields.is_empty() && fields.iter().all(|(_, field)| is_supported(field)),
        _ => true,
    }
}

fn is_text(of: &HiveType) -> bool {
    matches!(of, HiveType::String | HiveType::Char(_) | HiveType::Varchar(_))
}

pub fn arrow(of: &HiveType) -> DataType {
    match of {
        HiveType::Boolean => DataType::Boolean,
        HiveType::TinyInt => DataType::Int8,
        HiveType::SmallInt => DataType::Int16,
        HiveType::Int => DataType::Int32,
        HiveType::BigInt => DataType::Int64,
        HiveType::Float => DataType::Float32,
        HiveType::Double => DataType::Float64,
        HiveType::Decimal(precision, scale) => DataType::Decimal128(*precision, scale_of(*scale)),
        HiveType::String | HiveType::Char(_) | HiveType::Varchar(_) => DataType::Utf8,
        HiveType::Binary => DataType::Binary,
        HiveType::Date => DataType::Date32,
        HiveType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        HiveType::Array(item) => DataType::List(item_field(item)),
        HiveType::Map(key, value) => DataType::Map(entries_field(key, value), false),
        HiveType::Struct(fields) => DataType::Struct(struct_fields(fields)),
    }
}

pub fn scale_of(scale: u8) -> i8 {
    i8::try_from(scale).expect("a scale is at most 38")
}

pub fn item_field(item: &HiveType) -> Arc<Field> {
    Arc::new(Field::new("element", arrow(item), true))
}

pub fn entry_fields(key: &HiveType, value: &HiveType) -> Fields {
    Fields::from(vec![Field::new("key", arrow(key), false), Field::new("value", arrow(value), true)])
}

pub fn entries_field(key: &HiveType, value: &HiveType) -> Arc<Field> {
    Arc::new(Field::new("key_value", DataType::Struct(entry_fields(key, value)), false))
}

pub fn struct_fields(fields: &[(String, HiveType)]) -> Fields {
    fields.iter().map(|(name, of)| Field::new(name, arrow(of), true)).collect()
}
