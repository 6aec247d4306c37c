//! Delimited text: delimiter, quotes, header and column types.
//!
//! Source: AWS Glue developer guide, "Built-in classifiers", CSV: the delimiters that are tried, two columns and two
//! rows at least, and when a first row is a header. Types are those that the built-in classifier gives: `bigint`,
//! `double`, `boolean`, else `string` (also for dates and timestamps, as on AWS).

use std::collections::{HashMap, HashSet};

use super::sample::Sample;
use super::{CsvLayout, Format, Found, Unclassified};
use crate::hive::HiveType;

const DELIMITERS: [u8; 5] = [b',', b'|', b'\t', b';', 1];

/// Rows looked at: enough to meet the rare values of a column.
const MAX_ROWS: usize = 20_000;

/// Of a hundred rows, so many must have as many fields as most have.
const REGULAR_PERCENT: usize = 90;

const MAX_HEADER_LENGTH: usize = 150;

pub fn classify(sample: &Sample) -> Result<Found, Unclassified> {
    let candidates = DELIMITERS.iter().filter_map(|delimiter| Rows::read(sample, *delimiter));
    // Of two delimiters that fit, the one that finds more columns; of equals the first.
    let rows = candidates.reduce(|best, next| if next.width > best.width { next } else { best });
    let rows = rows.ok_or_else(|| {
        Unclassified::NotText("no delimiter gives two columns in two rows or more".to_owned())
    })?;
    let below = rows.types(1);
    let header = rows.has_header(&below);
    let names = if header {
        header_names(&rows.records[0])
    } else {
        (0..rows.width).map(|i| format!("col{i}")).collect()
    };
    let types = if header { below } else { rows.types(0) };
    let layout = CsvLayout { delimiter: rows.delimiter, header, quoted: rows.quoted(sample) };
    Ok(Found {
        format: Format::Csv(layout),
        columns: names.into_iter().zip(types).collect(),
        record_bytes: rows.bytes as f64 / rows.records.len() as f64,
    })
}

struct Rows {
    delimiter: u8,
    /// Fields in most of the rows.
    width: usize,
    /// The rows of that width.
    records: Vec<csv::StringRecord>,
    /// Bytes of text that those rows take.
    bytes: u64,
}

impl Rows {
    /// `None` when the text is not regular under this delimiter.
    fn read(sample: &Sample, delimiter: u8) -> Option<Self> {
        let text =
            if sample.whole { sample.text.as_str() } else { &sample.text[..=sample.text.rfind('\n')?] };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut records = Vec::new();
        let mut record = csv::StringRecord::new();
        while records.len() < MAX_ROWS && reader.read_record(&mut record).ok()? {
            records.push(record.clone());
        }
        let bytes = reader.position().byte();
        let all = records.len();
        let mut widths: HashMap<usize, usize> = HashMap::new();
        for record in &records {
            *widths.entry(record.len()).or_default() += 1;
        }
        let (width, regular) = widths.into_iter().max_by_key(|(width, count)| (*count, *width))?;
        if width < 2 || regular < 2 || regular * 100 < all * REGULAR_PERCENT {
            return None;
        }
        records.retain(|record| record.len() == width);
        Some(Self { delimiter, width, records, bytes: bytes * regular as u64 / all as u64 })
    }

    /// Column types of the rows from `first` on.
    fn types(&self, first: usize) -> Vec<HiveType> {
        let mut types: Vec<Option<HiveType>> = vec![None; self.width];
        for record in self.records.iter().skip(first) {
            for (slot, field) in types.iter_mut().zip(record) {
                if let Some(found) = type_of(field) {
                    *slot = Some(match slot.take() {
                        Some(before) => before.widened(found),
                        None => found,
                    });
                }
            }
        }
        types.into_iter().map(|found| found.unwrap_or(HiveType::String)).collect()
    }

    /// AWS's rule: a first row of short, well-formed texts over rows of which some column is not text.
    fn has_header(&self, below: &[HiveType]) -> bool {
        let Some(first) = self.records.first() else { return false };
        let last = self.width - 1;
        let all_text = first.iter().enumerate().all(|(index, field)| match type_of(field) {
            None => index == last,
            Some(found) => found == HiveType::String,
        });
        let short = first.iter().take(last).all(|field| field.chars().count() < MAX_HEADER_LENGTH);
        let well_formed = first.iter().all(|field| !field.contains(|c: char| c.is_control() && c != '\t'));
        let distinct = first.iter().map(str::to_lowercase).collect::<HashSet<_>>().len() == self.width;
        let different = below.iter().any(|found| *found != HiveType::String);
        all_text && short && well_formed && distinct && different
    }

    /// Whether some field begins with a quote.
    fn quoted(&self, sample: &Sample) -> bool {
        let mut before = b'\n';
        sample.text.bytes().any(|byte| {
            let opens = byte == b'"' && (before == b'\n' || before == self.delimiter);
            before = byte;
            opens
        })
    }
}

/// Column names are kept in lower case; a last column without a name gets one by its place.
fn header_names(header: &csv::StringRecord) -> Vec<String> {
    let name = |(index, field): (usize, &str)| match field.trim() {
        "" => format!("col{index}"),
        named => named.to_lowercase(),
    };
    header.iter().enumerate().map(name).collect()
}

/// The type that one field speaks for; `None` when it is empty.
fn type_of(field: &str) -> Option<HiveType> {
    if field.is_empty() {
        return None;
    }
    let numeric = field.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    Some(if numeric && field.parse::<i64>().is_ok() {
        HiveType::BigInt
    } else if numeric && field.parse::<f64>().is_ok() {
        HiveType::Double
    } else if field.eq_ignore_ascii_case("true") || field.eq_ignore_ascii_case("false") {
        HiveType::Boolean
    } else {
        HiveType::String
    })
}
