//! A destination, checked and compiled: everything that delivery evaluates for each record or object.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Zoned;
use jiff::tz::TimeZone;
use millpond_core::Timestamp;

use crate::buffer::Hints;
use crate::compress::Compression;
use crate::convert::parquet::ParquetOptions;
use crate::convert::{Deserializer, TimestampForms};
use crate::java_time::{JavaPattern, PatternError};
use crate::model::{Conversion, Destination, JsonSerDe, Processor, TableSchema};
use crate::prefix::{PrefixError, Prefixes};
use crate::record::jq::{KeyQuery, QueryError};
use crate::record::split::{DelimiterError, SubRecords, appended};

/// With dynamic partitioning or format conversion a buffer must be at least this large.
const MIN_LARGE_BUFFER_MB: u32 = 64;

/// How a stream delivers.
pub struct Plan {
    pub hints: Hints,
    pub zone: TimeZone,
    pub prefixes: Prefixes,
    pub split: Option<SubRecords>,
    pub query: Option<KeyQuery>,
    /// What follows each record in an object that is not converted.
    pub delimiter: Vec<u8>,
    pub compression: Compression,
    pub extension: String,
    pub conversion: Option<ConversionPlan>,
}

pub struct ConversionPlan {
    pub schema: TableSchema,
    pub deserializer: Deserializer,
    pub output: ParquetOptions,
}

/// Why a destination is refused; each text goes to the caller with InvalidArgumentException.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Delimiter(#[from] DelimiterError),
    #[error("TimestampFormats contains an invalid format: {0}.")]
    TimestampFormat(PatternError),
    #[error("BufferingHints.SizeInMBs must be at least 64 when {0} is enabled.")]
    SmallBuffer(&'static str),
    #[error("CustomTimeZone {0} is not a time zone that is known here.")]
    TimeZone(String),
    #[error("Processor {0} is not supported.")]
    Processor(String),
    #[error("Processor {processor} does not take the parameter {parameter}.")]
    Parameter { processor: String, parameter: String },
    #[error("Processor {processor} needs the parameter {parameter}.")]
    Missing { processor: String, parameter: &'static str },
    #[error("Processor {processor} has the parameter {parameter} with the unknown value {value}.")]
    Value { processor: String, parameter: &'static str, value: String },
    #[error("Processor {0} is given twice.")]
    Twice(String),
    #[error("MetadataExtraction processor is required when Dynamic Partitioning is enabled.")]
    NoKeys,
    #[error("{0} processor can only be used when Dynamic Partitioning is enabled.")]
    OnlyPartitioned(&'static str),
    #[error("CompressionFormat must be UNCOMPRESSED when data format conversion is enabled.")]
    CompressedParquet,
    #[error("{0} must be specified when data format conversion is enabled.")]
    NoConversionPart(&'static str),
    #[error("ParquetSerDe.{name} must be at least {least}.")]
    ParquetSize { name: &'static str, least: usize },
}

impl Plan {
    pub fn new(destination: &Destination) -> Result<Self, PlanError> {
        let partitioned = destination.dynamic_partitioning.as_ref().is_some_and(|dynamic| dynamic.enabled);
        let steps = Steps::read(destination, partitioned)?;
        let keys: Option<BTreeSet<String>> =
            steps.query.as_ref().map(|query| query.names().iter().cloned().collect());
        let error_prefix = destination.error_prefix.as_deref();
        let prefixes =
            Prefixes::parse(destination.prefix.as_deref().unwrap_or(""), error_prefix, keys.as_ref())?;
        let conversion = destination.conversion.as_ref().filter(|conversion| conversion.enabled);
        if destination.size_in_mbs < MIN_LARGE_BUFFER_MB && (partitioned || conversion.is_some()) {
            let what = if partitioned { "Dynamic Partitioning" } else { "data format conversion" };
            return Err(PlanError::SmallBuffer(what));
        }
        if conversion.is_some() && destination.compression != Compression::None {
            return Err(PlanError::CompressedParquet);
        }
        let own_extension =
            if conversion.is_some() { ".parquet" } else { destination.compression.extension() };
        let given_extension = destination.file_extension.as_deref().filter(|extension| !extension.is_empty());
        Ok(Self {
            hints: Hints {
                size: destination.size_in_mbs as usize * (1 << 20),
                interval: Duration::from_secs(destination.interval_in_seconds.into()),
            },
            zone: zone(destination.time_zone.as_deref().unwrap_or(""))?,
            prefixes,
            split: steps.split,
            query: steps.query,
            delimiter: steps.delimiter,
            compression: destination.compression,
            extension: given_extension.unwrap_or(own_extension).to_owned(),
            conversion: conversion.map(ConversionPlan::new).transpose()?,
        })
    }

    pub fn zoned(&self, at: Timestamp) -> Zoned {
        at.to_jiff().to_zoned(self.zone.clone())
    }
}

fn zone(name: &str) -> Result<TimeZone, PlanError> {
    match name {
        "" | "UTC" => Ok(TimeZone::UTC),
        name => TimeZone::get(name).map_err(|_| PlanError::TimeZone(name.to_owned())),
    }
}

impl ConversionPlan {
    fn new(conversion: &Conversion) -> Result<Self, PlanError> {
        let part = |name| PlanError::NoConversionPart(name);
        let schema = conversion.schema.clone().ok_or(part("SchemaConfiguration"))?;
        let input = conversion.input.as_ref().ok_or(part("InputFormatConfiguration"))?;
        let output = conversion.output.clone().ok_or(part("OutputFormatConfiguration"))?;
        for (name, value, least) in [
            ("BlockSizeBytes", output.block_size_bytes, 64 << 20),
            ("PageSizeBytes", output.page_size_bytes, 64 << 10),
        ] {
            if value < least {
                return Err(PlanError::ParquetSize { name, least });
            }
        }
        Ok(Self { schema, deserializer: deserializer(input)?, output })
    }
}

fn deserializer(input: &JsonSerDe) -> Result<Deserializer, PlanError> {
    Ok(match input {
        JsonSerDe::OpenX { dots_to_underscores, case_insensitive, mappings } => Deserializer {
            case_insensitive: case_insensitive.unwrap_or(true),
            dots_to_underscores: dots_to_underscores.unwrap_or(false),
            key_of_column: mappings.clone().into_iter().collect(),
            timestamps: TimestampForms::OpenX,
        },
        JsonSerDe::Hive { timestamp_formats } => {
            let formats = timestamp_formats.iter().filter(|format| *format != "millis");
            let patterns = formats.map(|format| JavaPattern::parse(format)).collect::<Result<_, _>>();
            Deserializer {
                case_insensitive: true,
                dots_to_underscores: false,
                key_of_column: std::collections::HashMap::new(),
                timestamps: TimestampForms::Hive {
                    patterns: patterns.map_err(PlanError::TimestampFormat)?,
                    millis: timestamp_formats.iter().any(|format| format == "millis"),
                },
            }
        }
    })
}

/// What the processors do together.
#[derive(Default)]
struct Steps {
    split: Option<SubRecords>,
    query: Option<KeyQuery>,
    delimiter: Vec<u8>,
}

impl Steps {
    fn read(destination: &Destination, partitioned: bool) -> Result<Self, PlanError> {
        let mut steps = Self::default();
        let mut seen = BTreeSet::new();
        let processing = destination.processing.as_ref().filter(|processing| processing.enabled);
        for processor in processing.iter().flat_map(|processing| &processing.processors) {
            if !seen.insert(processor.kind.as_str()) {
                return Err(PlanError::Twice(processor.kind.clone()));
            }
            match processor.kind.as_str() {
                "RecordDeAggregation" if !partitioned => {
                    return Err(PlanError::OnlyPartitioned("RecordDeAggregation"));
                }
                "MetadataExtraction" if !partitioned => {
                    return Err(PlanError::OnlyPartitioned("MetadataExtraction"));
                }
                "RecordDeAggregation" => steps.split = Some(sub_records(processor)?),
                "MetadataExtraction" => steps.query = Some(key_query(processor)?),
                "AppendDelimiterToRecord" => {
                    only(processor, &["Delimiter"])?;
                    steps.delimiter = appended(parameter(processor, "Delimiter").unwrap_or("\\n"))?;
                }
                other => return Err(PlanError::Processor(other.to_owned())),
            }
        }
        if partitioned && steps.query.is_none() {
            return Err(PlanError::NoKeys);
        }
        Ok(steps)
    }
}

fn sub_records(processor: &Processor) -> Result<SubRecords, PlanError> {
    only(processor, &["SubRecordType", "Delimiter"])?;
    match required(processor, "SubRecordType")? {
        "JSON" => {
            only(processor, &["SubRecordType"])?;
            Ok(SubRecords::Json)
        }
        "DELIMITED" => Ok(SubRecords::delimited(required(processor, "Delimiter")?)?),
        value => Err(value_error(processor, "SubRecordType", value)),
    }
}

fn key_query(processor: &Processor) -> Result<KeyQuery, PlanError> {
    only(processor, &["MetadataExtractionQuery", "JsonParsingEngine"])?;
    match required(processor, "JsonParsingEngine")? {
        "JQ-1.6" => Ok(KeyQuery::compile(required(processor, "MetadataExtractionQuery")?)?),
        value => Err(value_error(processor, "JsonParsingEngine", value)),
    }
}

fn value_error(processor: &Processor, parameter: &'static str, value: &str) -> PlanError {
    PlanError::Value { processor: processor.kind.clone(), parameter, value: value.to_owned() }
}

fn only(processor: &Processor, known: &[&str]) -> Result<(), PlanError> {
    match processor.parameters.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some((parameter, _)) => {
            Err(PlanError::Parameter { processor: processor.kind.clone(), parameter: parameter.clone() })
        }
    }
}

fn parameter<'a>(processor: &'a Processor, name: &str) -> Option<&'a str> {
    processor.parameters.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
}

fn required<'a>(processor: &'a Processor, name: &'static str) -> Result<&'a str, PlanError> {
    let missing = || PlanError::Missing { processor: processor.kind.clone(), parameter: name };
    parameter(processor, name).ok_or_else(missing)
}

#[cfg(test)]
mod tests;
