//! Parquet, by its footer: columns, rows and compression are stated there, so that nothing is guessed.

use arrow::datatypes::{DataType, Field, Fields};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::Compression as Codec;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::{Classified, Compression, Format, Kind, Records, Unclassified};
use crate::hive::HiveType;

/// How much of a file's end is read at first; most footers are shorter.
pub const TAIL_BYTES: u64 = 64 << 10;

/// A footer longer than this is taken for a broken file.
const MAX_FOOTER: u64 = 64 << 20;

/// The footer's length and the closing magic.
const TRAILER: usize = 8;

/// Whether a tail holds the whole footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    Complete,
    /// So many bytes from the end are needed.
    Needs(u64),
}

/// What the last bytes of a file of `size` bytes say about its footer.
pub fn footer_length(tail: &[u8], size: u64) -> Result<Tail, Unclassified> {
    let trailer = tail.last_chunk::<TRAILER>().ok_or_else(|| broken("it is too short"))?;
    if !trailer.ends_with(b"PAR1") {
        return Err(broken("it does not end in a footer; it was probably cut short"));
    }
    let length = u32::from_le_bytes([trailer[0], trailer[1], trailer[2], trailer[3]]);
    let needed = u64::from(length) + TRAILER as u64;
    if needed > size || u64::from(length) > MAX_FOOTER {
        return Err(broken("its footer is longer than the file"));
    }
    Ok(if needed <= tail.len() as u64 { Tail::Complete } else { Tail::Needs(needed) })
}

/// Classifies by a tail that [`footer_length`] called complete.
pub fn classify(tail: &[u8]) -> Result<Classified, Unclassified> {
    let Tail::Complete = footer_length(tail, u64::MAX)? else {
        return Err(broken("its footer is cut short"));
    };
    let (body, trailer) = tail.split_at(tail.len() - TRAILER);
    let length = u32::from_le_bytes([trailer[0], trailer[1], trailer[2], trailer[3]]) as usize;
    let footer = &body[body.len() - length..];
    let metadata =
        ParquetMetaDataReader::decode_metadata(footer).map_err(|error| broken(&error.to_string()))?;
    let file = metadata.file_metadata();
    let schema =
        parquet_to_arrow_schema(file.schema_descr(), None).map_err(|error| broken(&error.to_string()))?;
    let columns = columns(schema.fields())?;
    if columns.is_empty() {
        return Err(broken("it has no columns"));
    }
    let rows = u64::try_from(file.num_rows()).map_err(|_| broken("its number of rows is negative"))?;
    let kind = Kind { format: Format::Parquet, compression: compression(&metadata), columns };
    Ok(Classified { kind, records: Records::Counted(rows) })
}

fn columns(fields: &Fields) -> Result<Vec<(String, HiveType)>, Unclassified> {
    fields.iter().map(|field| Ok((field.name().to_lowercase(), hive_type(field)?))).collect()
}

/// As readers of the catalog expect Parquet's types to be called.
fn hive_type(field: &Field) -> Result<HiveType, Unclassified> {
    Ok(match field.data_type() {
        DataType::Boolean => HiveType::Boolean,
        DataType::Int8 => HiveType::TinyInt,
        DataType::Int16 | DataType::UInt8 => HiveType::SmallInt,
        DataType::Int32 | DataType::UInt16 | DataType::Time32(_) => HiveType::Int,
        DataType::Int64 | DataType::UInt32 | DataType::Time64(_) | DataType::Duration(_) => HiveType::BigInt,
        DataType::UInt64 => HiveType::Decimal(20, 0),
        DataType::Float16 | DataType::Float32 => HiveType::Float,
        DataType::Float64 => HiveType::Double,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => {
            let scale = u8::try_from(*scale).map_err(|_| unsupported(field))?;
            HiveType::Decimal(*precision, scale)
        }
        DataType::Date32 | DataType::Date64 => HiveType::Date,
        DataType::Timestamp(..) => HiveType::Timestamp,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => HiveType::String,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            HiveType::Binary
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            HiveType::Array(Box::new(hive_type(item)?))
        }
        DataType::Struct(fields) => HiveType::Struct(columns(fields)?),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                HiveType::Map(Box::new(hive_type(&pair[0])?), Box::new(hive_type(&pair[1])?))
            }
            _ => return Err(unsupported(field)),
        },
        DataType::Dictionary(_, value) => {
            hive_type(&Field::new(field.name(), value.as_ref().clone(), field.is_nullable()))?
        }
        _ => return Err(unsupported(field)),
    })
}

/// The codec of the first column; writers use one for all.
fn compression(metadata: &ParquetMetaData) -> Compression {
    let first = metadata.row_groups().first().and_then(|group| group.columns().first());
    match first.map(|column| column.compression()) {
        Some(Codec::SNAPPY) => Compression::Snappy,
        Some(Codec::GZIP(_)) => Compression::Gzip,
        Some(Codec::ZSTD(_)) => Compression::Zstd,
        _ => Compression::None,
    }
}

fn unsupported(field: &Field) -> Unclassified {
    broken(&format!("column {} has a type that Hive does not have: {}", field.name(), field.data_type()))
}

fn broken(why: &str) -> Unclassified {
    Unclassified::BrokenParquet(why.chars().take(300).collect())
}
