//! What a file holds: its format, compression and columns, from a bounded sample of its bytes.
//!
//! Pure functions over bytes. A file that is none of the formats, or is broken, is [`Unclassified`] with a reason and
//! the crawl goes on without it.

mod csv;
mod json;
mod parquet;
mod sample;

pub use csv::{CsvRules, Header};
pub use parquet::{TAIL_BYTES, Tail, classify as classify_parquet, footer_length};

use crate::hive::HiveType;

/// How much of a text file is read, and how much text is made of it at most.
pub const SAMPLE_BYTES: u64 = 1 << 20;

/// The catalog takes no longer type; a column that would need one is described as a string.
const MAX_TYPE_LENGTH: usize = 131_072;

/// What a file's bytes are, apart from how many there are. Files of one kind form one table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kind {
    pub format: Format,
    pub compression: Compression,
    pub columns: Vec<(String, HiveType)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Csv(CsvLayout),
    Json,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CsvLayout {
    pub delimiter: u8,
    pub quote: u8,
    pub header: bool,
    /// Some field stands in quotes.
    pub quoted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
    /// Inside Parquet's pages; readers find it in the file.
    Snappy,
}

/// How many records a file holds, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Records {
    Counted(u64),
    /// Bytes a record takes in the file, from the sample.
    OfSize(f64),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    pub kind: Kind,
    pub records: Records,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclassified {
    #[error("the file is empty")]
    Empty,
    #[error("{0} files are not supported")]
    Format(&'static str),
    #[error("{0} compression is not supported")]
    Compression(&'static str),
    #[error("the compressed data is broken: {0}")]
    BrokenCompression(String),
    #[error("the Parquet file is broken: {0}")]
    BrokenParquet(String),
    #[error("the content is neither CSV nor JSON: {0}")]
    NotText(String),
}

impl Compression {
    /// As the crawler writes it into `compressionType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
        }
    }
}

impl Format {
    pub fn classification(self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Json => "json",
            Self::Parquet => "parquet",
        }
    }

    /// Whether files of both formats can be read as one table, and how then: some quoted fields ask for a reader
    /// that knows quotes.
    pub fn joined(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Csv(a), Self::Csv(b)) => {
                let quoted = a.quoted || b.quoted;
                let same = CsvLayout { quoted, ..a } == CsvLayout { quoted, ..b };
                same.then_some(Self::Csv(CsvLayout { quoted, ..a }))
            }
            (Self::Json, Self::Json) => Some(Self::Json),
            (Self::Parquet, Self::Parquet) => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// Whether the file says that it is Parquet.
pub fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(b"PAR1")
}

/// Classifies a text file by `head`, its first bytes; `size` is the whole file's. The classifiers of one's own are tried
/// first, in their order.
pub fn classify_text(head: &[u8], size: u64, own: &[CsvRules]) -> Result<Classified, Unclassified> {
    if head.is_empty() {
        return Err(Unclassified::Empty);
    }
    let sample = sample::read(head, size)?;
    let Some(first) = sample.text.trim_start().chars().next() else { return Err(Unclassified::Empty) };
    let built_in = || match first {
        '{' | '[' => json::classify(&sample)
            .or_else(|not_json| csv::classify(&sample, &CsvRules::default()).map_err(|_| not_json)),
        _ => csv::classify(&sample, &CsvRules::default()),
    };
    let own = own.iter().find_map(|rules| csv::classify(&sample, rules).ok());
    let mut found = own.map_or_else(built_in, Ok)?;
    for (_, hive_type) in &mut found.columns {
        if hive_type.to_string().len() > MAX_TYPE_LENGTH {
            *hive_type = HiveType::String;
        }
    }
    let records = match found.complete && sample.whole {
        true => Records::Counted(found.records),
        false => Records::OfSize(found.bytes as f64 / found.records.max(1) as f64 * sample.bytes_per_byte),
    };
    let kind = Kind { format: found.format, compression: sample.compression, columns: found.columns };
    Ok(Classified { kind, records })
}

/// What a text classifier found in a sample.
struct Found {
    format: Format,
    columns: Vec<(String, HiveType)>,
    /// Records seen, without a header, and the bytes of text that they take.
    records: u64,
    bytes: u64,
    /// Nothing of the sample was left unread.
    complete: bool,
}

#[cfg(test)]
mod tests;
