//! JSON documents, one a line, as the OpenX and the Hive SerDe read them: keys in any case, what is missing is NULL.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, ListArray, MapArray, StringArray, StringViewBuilder, StructArray,
    TimestampMillisecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};

use super::format::Json;
use super::lines::each_line;
use crate::error::QueryError;

#[expect(clippy::disallowed_types, reason = "the documents of users have no schema")]
pub(crate) type Document = serde_json::Value;

/// The `needed` columns of a block of lines.
///
/// Errors: HIVE_CURSOR_ERROR (a line that is no JSON object, unless the table ignores those), HIVE_BAD_DATA (a value
/// that does not read as its column's type); both name the object.
pub(crate) fn decode(
    block: &[u8],
    options: &Json,
    columns: &SchemaRef,
    needed: &[usize],
    name: &dyn Fn() -> String,
) -> Result<(usize, Vec<ArrayRef>), QueryError> {
    let mut documents = Vec::new();
    for line in each_line(block) {
        documents.push(document(line, options, name)?);
    }
    let reading = Reading { options, name };
    let mut arrays = Vec::with_capacity(needed.len());
    for i in needed {
        let field = columns.field(*i);
        let key = options.mapping.get(field.name()).map_or(field.name().as_str(), String::as_str);
        let values: Vec<Option<&Document>> =
            documents.iter().map(|document| reading.member(document.as_ref()?, key)).collect();
        arrays.push(reading.array(&values, field.data_type(), field.name())?);
    }
    Ok((documents.len(), arrays))
}

fn document(line: &[u8], options: &Json, name: &dyn Fn() -> String) -> Result<Option<Document>, QueryError> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let problem = match serde_json::from_slice::<Document>(line) {
        Ok(document) if document.is_object() => return Ok(Some(document)),
        Ok(_) => "it is another kind of JSON value".to_owned(),
        Err(error) => error.to_string(),
    };
    if options.ignore_malformed {
        return Ok(None);
    }
    Err(QueryError::user(
        "HIVE_CURSOR_ERROR",
        format!("Failed to read file at {}: Row is not a valid JSON Object: {problem}", name()),
    ))
}

struct Reading<'a> {
    options: &'a Json,
    name: &'a dyn Fn() -> String,
}

impl Reading<'_> {
    fn member<'d>(&self, document: &'d Document, key: &str) -> Option<&'d Document> {
        let object = document.as_object()?;
        let same = |found: &str| {
            let spelled =
                if self.options.case_sensitive { found == key } else { found.eq_ignore_ascii_case(key) };
            // With dots.in.keys a column `a_b` is read from the key `a.b`.
            spelled || (self.options.dots_in_keys && found.replace('.', "_").eq_ignore_ascii_case(key))
        };
        let found = object
            .get(key)
            .or_else(|| object.iter().find(|(found, _)| same(found)).map(|(_, value)| value))?;
        (!found.is_null()).then_some(found)
    }

    fn bad(&self, value: &Document, data_type: &DataType, column: &str) -> QueryError {
        let text: String = value.to_string().chars().take(200).collect();
        let expected = crate::types::trino_name(data_type);
        QueryError::user(
            "HIVE_BAD_DATA",
            format!(
                "Error parsing a column in the table: {column}: {text} is not a {expected} ({})",
                (self.name)()
            ),
        )
    }

    /// One value, or NULL where malformed ones are ignored.
    fn read<'d, T>(
        &self,
        value: &'d Document,
        data_type: &DataType,
        column: &str,
        read: impl FnOnce(&'d Document) -> Option<T>,
    ) -> Result<Option<T>, QueryError> {
        match read(value) {
            Some(value) => Ok(Some(value)),
            None if self.options.ignore_malformed => Ok(None),
            None => Err(self.bad(value, data_type, column)),
        }
    }

    fn array(
        &self,
        values: &[Option<&Document>],
        data_type: &DataType,
        column: &str,
    ) -> Result<ArrayRef, QueryError> {
        macro_rules! each {
            ($array:ty, $read:expr) => {{
                let mut read = Vec::with_capacity(values.len());
                for value in values {
                    read.push(match value {
                        Some(value) => self.read(value, data_type, column, $read)?,
                        None => None,
                    });
                }
                Arc::new(<$array>::from_iter(read)) as ArrayRef
            }};
        }
        Ok(match data_type {
            DataType::Utf8View => {
                let mut out = StringViewBuilder::with_capacity(values.len()).with_fixed_block_size(1 << 20);
                for value in values {
                    match value {
                        Some(Document::String(text)) => out.append_value(text),
                        Some(other) => out.append_value(other.to_string()),
                        None => out.append_null(),
                    }
                }
                Arc::new(out.finish())
            }
            DataType::Boolean => each!(BooleanArray, boolean),
            DataType::Int8 => each!(Int8Array, |v| i8::try_from(integer(v)?).ok()),
            DataType::Int16 => each!(Int16Array, |v| i16::try_from(integer(v)?).ok()),
            DataType::Int32 => each!(Int32Array, |v| i32::try_from(integer(v)?).ok()),
            DataType::Int64 => each!(Int64Array, integer),
            DataType::Float32 => each!(Float32Array, |v| double(v).map(|v| v as f32)),
            DataType::Float64 => each!(Float64Array, double),
            DataType::Date32 => each!(Date32Array, date),
            DataType::Timestamp(TimeUnit::Millisecond, None) => each!(TimestampMillisecondArray, timestamp),
            DataType::Binary => {
                let bytes = values.iter().map(|value| value.and_then(Document::as_str).map(str::as_bytes));
                Arc::new(BinaryArray::from_iter(bytes))
            }
            DataType::Decimal128(..) => {
                let texts = StringArray::from_iter(values.iter().map(|value| match value {
                    Some(Document::String(text)) => Some(text.clone()),
                    Some(other) => Some(other.to_string()),
                    None => None,
                }));
                let array = cast(&texts, data_type).map_err(|error| {
                    QueryError::user("HIVE_BAD_DATA", format!("{error} ({})", (self.name)()))
                })?;
                for (row, value) in values.iter().enumerate() {
                    if let Some(value) = value.filter(|_| array.is_null(row)) {
                        self.read(value, data_type, column, |_| None::<()>)?;
                    }
                }
                array
            }
            DataType::List(item) => {
                let mut lengths = Vec::with_capacity(values.len());
                let mut items: Vec<Option<&Document>> = Vec::new();
                for value in values {
                    let list = match value {
                        Some(value) => self.read(value, data_type, column, |v| v.as_array())?,
                        None => None,
                    };
                    let list = list.map(Vec::as_slice).unwrap_or_default();
                    lengths.push(list.len());
                    items.extend(list.iter().map(|item| (!item.is_null()).then_some(item)));
                }
                let nulls = NullBuffer::from_iter(values.iter().map(|v| v.is_some_and(Document::is_array)));
                let items = self.array(&items, item.data_type(), column)?;
                Arc::new(ListArray::new(
                    Arc::clone(item),
                    OffsetBuffer::from_lengths(lengths),
                    items,
                    Some(nulls),
                ))
            }
            DataType::Struct(fields) => {
                let mut objects = Vec::with_capacity(values.len());
                for value in values {
                    objects.push(match value {
                        Some(value) => self.read(value, data_type, column, |v| v.is_object().then_some(v))?,
                        None => None,
                    });
                }
                let mut arrays = Vec::with_capacity(fields.len());
                for field in fields {
                    let members: Vec<Option<&Document>> =
                        objects.iter().map(|object| self.member((*object)?, field.name())).collect();
                    arrays.push(self.array(&members, field.data_type(), column)?);
                }
                let nulls = NullBuffer::from_iter(objects.iter().map(Option::is_some));
                Arc::new(StructArray::new(fields.clone(), arrays, Some(nulls)))
            }
            DataType::Map(entry, _) => self.map(values, data_type, entry, column)?,
            other => {
                let name = crate::types::trino_name(other);
                return Err(QueryError::not_supported(format!("Reading {name} from JSON")));
            }
        })
    }

    fn map(
        &self,
        values: &[Option<&Document>],
        data_type: &DataType,
        entry: &arrow::datatypes::FieldRef,
        column: &str,
    ) -> Result<ArrayRef, QueryError> {
        let DataType::Struct(fields) = entry.data_type() else {
            return Err(QueryError::not_supported("A map without keys and values"));
        };
        let mut lengths = Vec::with_capacity(values.len());
        let (mut keys, mut entries) = (Vec::new(), Vec::new());
        for value in values {
            let object = match value {
                Some(value) => self.read(value, data_type, column, |v| v.as_object())?,
                None => None,
            };
            lengths.push(object.map_or(0, serde_json::Map::len));
            for (key, value) in object.into_iter().flatten() {
                keys.push(Document::String(key.clone()));
                entries.push((!value.is_null()).then_some(value));
            }
        }
        let keys: Vec<Option<&Document>> = keys.iter().map(Some).collect();
        let keys = self.array(&keys, fields[0].data_type(), column)?;
        let entries = self.array(&entries, fields[1].data_type(), column)?;
        let nulls = NullBuffer::from_iter(values.iter().map(|v| v.is_some_and(Document::is_object)));
        let offsets = OffsetBuffer::from_lengths(lengths);
        let pairs = StructArray::try_new(fields.clone(), vec![keys, entries], None)
            .map_err(|error| QueryError::user("HIVE_BAD_DATA", format!("{error} ({})", (self.name)())))?;
        Ok(Arc::new(MapArray::new(Arc::clone(entry), offsets, pairs, Some(nulls), false)))
    }
}

fn boolean(value: &Document) -> Option<bool> {
    match value {
        Document::Bool(value) => Some(*value),
        Document::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Document::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn integer(value: &Document) -> Option<i64> {
    match value {
        Document::Number(number) => number.as_i64().or_else(|| {
            let double = number.as_f64()?;
            (double.fract() == 0.0 && double.abs() < 9.0e15).then_some(double as i64)
        }),
        Document::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn double(value: &Document) -> Option<f64> {
    match value {
        Document::Number(number) => number.as_f64(),
        Document::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn date(value: &Document) -> Option<i32> {
    let date: jiff::civil::Date = value.as_str()?.get(..10)?.parse().ok()?;
    let days = date.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days();
    Some(days)
}

/// A text with a blank or a `T` between date and time, with or without a zone, or a number of seconds or milliseconds.
fn timestamp(value: &Document) -> Option<i64> {
    match value {
        Document::Number(number) => {
            let number = number.as_f64()?;
            // What is too large for seconds of this age is in milliseconds, as the OpenX SerDe takes it.
            Some(if number.abs() < 1.0e11 { number * 1_000.0 } else { number } as i64)
        }
        Document::String(text) => {
            let text = text.trim();
            if let Ok(at) = text.parse::<jiff::Timestamp>() {
                return Some(at.as_millisecond());
            }
            let at: jiff::civil::DateTime = text.parse().ok()?;
            Some(jiff::tz::TimeZone::UTC.to_timestamp(at).ok()?.as_millisecond())
        }
        _ => None,
    }
}
