//! Delimited text in two tempers: LazySimpleSerDe (no quotes; what does not read is NULL) and OpenCSVSerde (quotes;
//! what does not read fails the query).

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, ListArray, MapArray, StringArray, StringViewBuilder, StructArray,
    TimestampMillisecondArray, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use csv_core::ReadRecordResult;

use super::format::{Delimited, OpenCsv};
use super::lines::each_line;
use crate::error::QueryError;

type Text<'a> = Option<Cow<'a, str>>;

/// The `needed` columns of a block of LazySimpleSerDe's lines: too few fields are NULL, too many are left out.
pub(crate) fn decode(
    block: &[u8],
    options: &Delimited,
    columns: &SchemaRef,
    needed: &[usize],
) -> (usize, Vec<ArrayRef>) {
    let slots = slots(columns, needed);
    let mut texts: Vec<Vec<Text<'_>>> = vec![Vec::new(); needed.len()];
    let mut rows = 0;
    for line in each_line(block) {
        rows += 1;
        for (field, slot) in split(line, options.field, options.escape).zip(&slots) {
            if let Some(slot) = slot {
                texts[*slot].push(options.value(field));
            }
        }
        for column in &mut texts {
            column.resize(rows, None);
        }
    }
    let separators = Separators { options, level: 0 };
    let arrays =
        needed.iter().zip(&texts).map(|(i, texts)| separators.array(texts, columns.field(*i).data_type()));
    (rows, arrays.collect())
}

/// For each field of a line up to the last needed one, the place of its column among the needed ones.
fn slots(columns: &SchemaRef, needed: &[usize]) -> Vec<Option<usize>> {
    let last = needed.iter().copied().max().map_or(0, |last| last + 1);
    (0..last.min(columns.fields().len())).map(|i| needed.iter().position(|n| *n == i)).collect()
}

impl Delimited {
    fn value<'a>(&self, field: &'a [u8]) -> Text<'a> {
        let text = String::from_utf8_lossy(field);
        if text == self.null.as_str() {
            return None;
        }
        match self.escape {
            Some(escape) if field.contains(&escape) => Some(unescape(&text, escape as char).into()),
            _ => Some(text),
        }
    }
}

fn unescape(text: &str, escape: char) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if c == escape { chars.next().unwrap_or(escape) } else { c });
    }
    out
}

/// The parts between separators; an escaped separator does not end a part.
fn split(line: &[u8], separator: u8, escape: Option<u8>) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = match escape {
            None => memchr::memchr(separator, text),
            Some(escape) => {
                let mut at = 0;
                loop {
                    match memchr::memchr2(separator, escape, text.get(at..).unwrap_or_default()) {
                        Some(found) if text[at + found] == separator => break Some(at + found),
                        Some(found) => at += found + 2,
                        None => break None,
                    }
                }
            }
        };
        let (part, after) = match end {
            Some(end) => (&text[..end], Some(&text[end + 1..])),
            None => (text, None),
        };
        rest = after;
        Some(part)
    })
}

/// Hive separates nested values by one control character more at each level.
struct Separators<'a> {
    options: &'a Delimited,
    level: u8,
}

impl Separators<'_> {
    fn separator(&self, level: u8) -> u8 {
        match level {
            0 => self.options.collection,
            1 => self.options.map_key,
            deeper => deeper + 2,
        }
    }

    fn parts<'t>(&self, text: &'t str, level: u8) -> impl Iterator<Item = &'t str> {
        // Separators are ASCII, so that the parts stay whole characters.
        let separator = self.separator(level) as char;
        (!text.is_empty()).then(|| text.split(separator)).into_iter().flatten()
    }

    fn text<'t>(&self, part: &'t str) -> Text<'t> {
        (part != self.options.null.as_str()).then_some(Cow::Borrowed(part))
    }

    fn array(&self, texts: &[Text<'_>], data_type: &DataType) -> ArrayRef {
        let nulls = || NullBuffer::from_iter(texts.iter().map(Option::is_some));
        let deeper = |levels| Separators { options: self.options, level: self.level + levels };
        match data_type {
            DataType::List(item) => {
                let mut lengths = Vec::with_capacity(texts.len());
                let mut items: Vec<Text<'_>> = Vec::new();
                for text in texts {
                    let before = items.len();
                    items.extend(
                        text.iter().flat_map(|text| self.parts(text, self.level)).map(|part| self.text(part)),
                    );
                    lengths.push(items.len() - before);
                }
                let values = deeper(1).array(&items, item.data_type());
                let offsets = OffsetBuffer::from_lengths(lengths);
                Arc::new(ListArray::new(Arc::clone(item), offsets, values, Some(nulls())))
            }
            DataType::Map(entry, _) => {
                let DataType::Struct(fields) = entry.data_type() else {
                    return new_null_array(data_type, texts.len());
                };
                let mut lengths = Vec::with_capacity(texts.len());
                let (mut keys, mut values): (Vec<Text<'_>>, Vec<Text<'_>>) = (Vec::new(), Vec::new());
                let between = self.separator(self.level + 1) as char;
                for text in texts {
                    let before = keys.len();
                    for part in text.iter().flat_map(|text| self.parts(text, self.level)) {
                        let (key, value) = match part.split_once(between) {
                            Some((key, value)) => (key, self.text(value)),
                            None => (part, None),
                        };
                        keys.push(Some(Cow::Borrowed(key)));
                        values.push(value);
                    }
                    lengths.push(keys.len() - before);
                }
                let keys = deeper(2).array(&keys, fields[0].data_type());
                let values = deeper(2).array(&values, fields[1].data_type());
                let offsets = OffsetBuffer::from_lengths(lengths);
                // A key that does not read as its type would be NULL, which a map cannot hold.
                match StructArray::try_new(fields.clone(), vec![keys, values], None) {
                    Ok(entries) => {
                        Arc::new(MapArray::new(Arc::clone(entry), offsets, entries, Some(nulls()), false))
                    }
                    Err(_) => new_null_array(data_type, texts.len()),
                }
            }
            DataType::Struct(fields) => {
                let mut columns: Vec<Vec<Text<'_>>> = vec![Vec::with_capacity(texts.len()); fields.len()];
                for (row, text) in texts.iter().enumerate() {
                    let parts = text.iter().flat_map(|text| self.parts(text, self.level));
                    for (column, part) in columns.iter_mut().zip(parts) {
                        column.push(self.text(part));
                    }
                    for column in &mut columns {
                        column.resize(row + 1, None);
                    }
                }
                let arrays = columns
                    .iter()
                    .zip(fields)
                    .map(|(texts, field)| deeper(1).array(texts, field.data_type()));
                Arc::new(StructArray::new(fields.clone(), arrays.collect(), Some(nulls())))
            }
            plain => lenient(texts, plain),
        }
    }
}

/// What reads as `data_type`; NULL for what does not.
fn lenient(texts: &[Text<'_>], data_type: &DataType) -> ArrayRef {
    let each = || texts.iter().map(Option::as_deref);
    let integer = |text: Option<&str>| text.and_then(hive_integer);
    match data_type {
        DataType::Utf8View => {
            let mut out = StringViewBuilder::with_capacity(texts.len()).with_fixed_block_size(1 << 20);
            each().for_each(|text| out.append_option(text));
            Arc::new(out.finish())
        }
        DataType::Int8 => Arc::new(Int8Array::from_iter(each().map(|t| i8::try_from(integer(t)?).ok()))),
        DataType::Int16 => Arc::new(Int16Array::from_iter(each().map(|t| i16::try_from(integer(t)?).ok()))),
        DataType::Int32 => Arc::new(Int32Array::from_iter(each().map(|t| i32::try_from(integer(t)?).ok()))),
        DataType::Int64 => Arc::new(Int64Array::from_iter(each().map(integer))),
        DataType::Float32 => Arc::new(Float32Array::from_iter(each().map(|t| t?.trim().parse::<f32>().ok()))),
        DataType::Float64 => Arc::new(Float64Array::from_iter(each().map(|t| t?.trim().parse::<f64>().ok()))),
        DataType::Boolean => Arc::new(BooleanArray::from_iter(each().map(|t| boolean(t?)))),
        DataType::Binary => Arc::new(BinaryArray::from_iter(each().map(|t| t.map(str::as_bytes)))),
        // Dates, timestamps and decimals, by Arrow's own readers.
        other => {
            let trimmed = StringArray::from_iter(each().map(|text| text.map(str::trim)));
            cast(&trimmed, other).unwrap_or_else(|_| new_null_array(other, texts.len()))
        }
    }
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// As Hive reads an integer: blanks around it and a fraction behind it are left out.
fn hive_integer(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.split_once('.') {
        Some((whole, fraction)) if !whole.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit()) => {
            whole.parse().ok()
        }
        Some(_) => None,
        None => text.parse().ok(),
    }
}

/// The `needed` columns of a block of OpenCSVSerde's lines.
///
/// Errors: HIVE_BAD_DATA, naming the object and the value that does not read as its column's type.
pub(crate) fn decode_quoted(
    block: &[u8],
    options: &OpenCsv,
    columns: &SchemaRef,
    needed: &[usize],
    name: &dyn Fn() -> String,
) -> Result<(usize, Vec<ArrayRef>), QueryError> {
    let slots = slots(columns, needed);
    let mut texts: Vec<Vec<Option<String>>> = vec![Vec::new(); needed.len()];
    let mut fields = QuotedFields::new(options);
    let mut rows = 0;
    for line in each_line(block) {
        rows += 1;
        for (i, field) in fields.of(line).enumerate() {
            if let Some(Some(slot)) = slots.get(i) {
                texts[*slot].push(Some(String::from_utf8_lossy(field).into_owned()));
            }
        }
        for column in &mut texts {
            column.resize(rows, None);
        }
    }
    let arrays =
        needed.iter().zip(&texts).map(|(i, texts)| strict(texts, columns.field(*i).data_type(), *i, name));
    Ok((rows, arrays.collect::<Result<_, _>>()?))
}

/// Splits one line by `csv-core`, with buffers that are used again.
struct QuotedFields {
    reader: csv_core::Reader,
    out: Vec<u8>,
    ends: Vec<usize>,
}

impl QuotedFields {
    fn new(options: &OpenCsv) -> Self {
        let reader = csv_core::ReaderBuilder::new()
            .delimiter(options.separator)
            .quote(options.quote)
            .escape((options.escape != options.quote).then_some(options.escape))
            .double_quote(true)
            .build();
        Self { reader, out: Vec::new(), ends: Vec::new() }
    }

    fn of(&mut self, line: &[u8]) -> impl Iterator<Item = &[u8]> {
        self.reader.reset();
        self.out.resize(line.len().max(self.out.len()).max(64), 0);
        self.ends.resize(line.len().max(self.ends.len()) + 2, 0);
        let (mut read, mut written, mut ended) = (0, 0, 0);
        loop {
            let (result, used, out, ends) =
                self.reader.read_record(&line[read..], &mut self.out[written..], &mut self.ends[ended..]);
            read += used;
            written += out;
            ended += ends;
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => break,
                // The next call sees an empty rest, which tells the reader that the line is over.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.out.resize(self.out.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
            }
        }
        let (out, ends) = (&self.out, &self.ends[..ended]);
        (0..ends.len()).map(move |i| &out[if i == 0 { 0 } else { ends[i - 1] }..ends[i]])
    }
}

fn strict(
    texts: &[Option<String>],
    data_type: &DataType,
    field: usize,
    name: &dyn Fn() -> String,
) -> Result<ArrayRef, QueryError> {
    let bad = |text: &str| {
        QueryError::user(
            "HIVE_BAD_DATA",
            format!(
                "Error parsing field value '{text}' for field {field}: For input string: \"{text}\" ({})",
                name()
            ),
        )
    };
    macro_rules! each {
        ($array:ty, $read:expr) => {{
            let mut values = Vec::with_capacity(texts.len());
            for text in texts {
                values.push(match text {
                    Some(text) => Some($read(text.as_str()).ok_or_else(|| bad(text))?),
                    None => None,
                });
            }
            Arc::new(<$array>::from_iter(values)) as ArrayRef
        }};
    }
    Ok(match data_type {
        DataType::Utf8View => {
            let mut out = StringViewBuilder::with_capacity(texts.len()).with_fixed_block_size(1 << 20);
            texts.iter().for_each(|text| out.append_option(text.as_deref()));
            Arc::new(out.finish())
        }
        DataType::Int8 => each!(Int8Array, |t: &str| t.parse().ok()),
        DataType::Int16 => each!(Int16Array, |t: &str| t.parse().ok()),
        DataType::Int32 => each!(Int32Array, |t: &str| t.parse().ok()),
        DataType::Int64 => each!(Int64Array, |t: &str| t.parse().ok()),
        DataType::Float32 => each!(Float32Array, |t: &str| t.parse::<f32>().ok()),
        DataType::Float64 => each!(Float64Array, |t: &str| t.parse::<f64>().ok()),
        DataType::Boolean => each!(BooleanArray, boolean),
        // This SerDe keeps dates as days and timestamps as milliseconds since 1970.
        DataType::Date32 => each!(Date32Array, |t: &str| t.parse().ok()),
        DataType::Timestamp(TimeUnit::Millisecond, None) => {
            each!(TimestampMillisecondArray, |t: &str| t.parse().ok())
        }
        DataType::Decimal128(..) => {
            let plain = StringArray::from_iter(texts.iter().map(Option::as_deref));
            let cast = cast(&plain, data_type).map_err(|error| bad(&error.to_string()))?;
            if let Some(row) = (0..texts.len()).find(|row| texts[*row].is_some() && cast.is_null(*row)) {
                return Err(bad(texts[row].as_deref().unwrap_or_default()));
            }
            cast
        }
        other => {
            return Err(QueryError::user(
                "NOT_SUPPORTED",
                format!("OpenCSVSerde does not read columns of type {}", crate::types::trino_name(other)),
            ));
        }
    })
}
