//! Delimited text: delimiter, quotes, header and column types.
//!
//! Source: AWS Glue developer guide, "Built-in classifiers", CSV: the delimiters that are tried, two columns and two
//! rows at least, and when a first row is a header. Types are those that the built-in classifier gives: `bigint`,
//! `double`, `boolean`, else `string` (also for dates and timestamps, as on AWS).

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::sample::Sample;
use super::{CsvLayout, Format, Found, Unclassified};
use crate::hive::{HiveType, unused};

const DELIMITERS: [u8; 5] = [b',', b'|', b'\t', b';', 1];

/// Rows looked at: enough to meet the rare values of a column.
const MAX_ROWS: usize = 20_000;

/// Of a hundred rows, so many must have as many fields as most have.
const REGULAR_PERCENT: usize = 90;

const MAX_HEADER_LENGTH: usize = 150;

/// What a classifier of one's own says about CSV; the default is the built-in classifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CsvRules {
    /// The only one tried, if there is one.
    pub delimiter: Option<u8>,
    pub quote: u8,
    pub header: Header,
    /// Names of the columns, which must be as many; none to take them from the file.
    pub names: Vec<String>,
    pub single_column: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Header {
    Detected,
    Present,
    Absent,
}

impl Default for CsvRules {
    fn default() -> Self {
        Self {
            delimiter: None,
            quote: b'"',
            header: Header::Detected,
            names: Vec::new(),
            single_column: false,
        }
    }
}

pub fn classify(sample: &Sample, rules: &CsvRules) -> Result<Found, Unclassified> {
    let delimiters = rules.delimiter.as_ref().map_or(&DELIMITERS[..], std::slice::from_ref);
    let candidates = delimiters.iter().filter_map(|delimiter| Rows::read(sample, *delimiter, rules));
    // Of two delimiters that fit, the one that finds more columns; of equals the first.
    let rows = candidates.reduce(|best, next| if next.width > best.width { next } else { best });
    let rows = rows.ok_or_else(|| {
        Unclassified::NotText("no delimiter gives two columns in two rows or more".to_owned())
    })?;
    if !rules.names.is_empty() && rules.names.len() != rows.width {
        return Err(Unclassified::NotText("it has other columns than the classifier names".to_owned()));
    }
    let below = rows.types(1);
    let header = match rules.header {
        Header::Present => true,
        Header::Absent => false,
        Header::Detected if rules.names.is_empty() => rows.has_header(&below),
        Header::Detected => rows.begins_with(&rules.names),
    };
    let names = if !rules.names.is_empty() {
        distinct(rules.names.iter().map(String::as_str))
    } else if header {
        distinct(&rows.records[0])
    } else {
        (0..rows.width).map(|i| format!("col{i}")).collect()
    };
    let types = if header { below } else { rows.types(0) };
    let quoted = rows.quoted(sample, rules.quote);
    let layout = CsvLayout { delimiter: rows.delimiter, quote: rules.quote, header, quoted };
    Ok(Found {
        format: Format::Csv(layout),
        columns: names.into_iter().zip(types).collect(),
        records: (rows.records.len() - usize::from(header)) as u64,
        bytes: rows.bytes,
        complete: rows.complete,
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
    /// All rows of the sample were looked at.
    complete: bool,
}

impl Rows {
    /// `None` when the text is not regular under this delimiter.
    fn read(sample: &Sample, delimiter: u8, rules: &CsvRules) -> Option<Self> {
        let text =
            if sample.whole { sample.text.as_str() } else { &sample.text[..=sample.text.rfind('\n')?] };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .quote(rules.quote)
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
        let least = if rules.single_column { 1 } else { 2 };
        if width < least || regular < 2 || regular * 100 < all * REGULAR_PERCENT {
            return None;
        }
        records.retain(|record| record.len() == width);
        let bytes = bytes * regular as u64 / all as u64;
        Some(Self { delimiter, width, records, bytes, complete: all < MAX_ROWS })
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

    fn begins_with(&self, names: &[String]) -> bool {
        self.records.first().is_some_and(|first| {
            first.iter().zip(names).all(|(field, name)| field.trim().eq_ignore_ascii_case(name))
        })
    }

    /// Whether some field begins with a quote.
    fn quoted(&self, sample: &Sample, quote: u8) -> bool {
        let mut before = b'\n';
        sample.text.bytes().any(|byte| {
            let opens = byte == quote && (before == b'\n' || before == self.delimiter);
            before = byte;
            opens
        })
    }
}

/// Column names in lower case, each once; a column without a name gets one by its place.
fn distinct<'a>(given: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (index, field) in given.into_iter().enumerate() {
        let wanted = match field.trim() {
            "" => format!("col{index}"),
            named => named.to_lowercase(),
        };
        let name = unused(wanted, |name| names.iter().any(|taken| taken == name));
        names.push(name);
    }
    names
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
