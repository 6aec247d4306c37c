//! Destinations between the wire and the domain: configurations and updates in, descriptions out.
//!
//! What the domain has no place for is refused here by name.

use millpond_core::{Arn, Scope};

use crate::api;
use crate::compress::Compression;
use crate::convert::parquet::{Codec, ParquetOptions};
use crate::error::FirehoseError;
use crate::model::{
    Conversion, DESTINATION_ID, Destination, DynamicPartitioning, JsonSerDe, Processing, Processor,
    TableSchema,
};

const DEFAULT_SIZE_MB: u32 = 5;
/// With dynamic partitioning or conversion.
const DEFAULT_LARGE_SIZE_MB: u32 = 128;
const DEFAULT_INTERVAL_SECONDS: u32 = 300;

/// What all configurations and updates are read as; `None` leaves what an update finds.
type Given = api::ExtendedS3DestinationUpdate;

impl From<api::S3DestinationUpdate> for Given {
    fn from(plain: api::S3DestinationUpdate) -> Self {
        Self {
            role_arn: plain.role_arn,
            bucket_arn: plain.bucket_arn,
            prefix: plain.prefix,
            error_output_prefix: plain.error_output_prefix,
            buffering_hints: plain.buffering_hints,
            compression_format: plain.compression_format,
            encryption_configuration: plain.encryption_configuration,
            cloud_watch_logging_options: plain.cloud_watch_logging_options,
            ..Self::default()
        }
    }
}

impl From<api::ExtendedS3DestinationConfiguration> for Given {
    fn from(extended: api::ExtendedS3DestinationConfiguration) -> Self {
        Self {
            role_arn: Some(extended.role_arn),
            bucket_arn: Some(extended.bucket_arn),
            prefix: extended.prefix,
            error_output_prefix: extended.error_output_prefix,
            buffering_hints: extended.buffering_hints,
            compression_format: extended.compression_format,
            encryption_configuration: extended.encryption_configuration,
            cloud_watch_logging_options: extended.cloud_watch_logging_options,
            processing_configuration: extended.processing_configuration,
            s3_backup_mode: extended.s3_backup_mode,
            data_format_conversion_configuration: extended.data_format_conversion_configuration,
            dynamic_partitioning_configuration: extended.dynamic_partitioning_configuration,
            file_extension: extended.file_extension,
            custom_time_zone: extended.custom_time_zone,
        }
    }
}

fn refused(what: &str) -> FirehoseError {
    FirehoseError::InvalidArgument(format!("{what} is not supported by Millpond."))
}

fn invalid(message: impl Into<String>) -> FirehoseError {
    FirehoseError::InvalidArgument(message.into())
}

impl Given {
    /// Checks what concerns one member alone and puts it into `destination`.
    fn apply(self, destination: &mut Destination, scope: &Scope) -> Result<(), FirehoseError> {
        if self.cloud_watch_logging_options.is_some_and(|logging| logging.enabled == Some(true)) {
            return Err(refused("CloudWatchLoggingOptions with Enabled true"));
        }
        if self.s3_backup_mode == Some(api::S3BackupMode::Enabled) {
            return Err(refused("S3BackupMode Enabled"));
        }
        if let Some(role) = self.role_arn {
            destination.role = role;
        }
        if let Some(arn) = self.bucket_arn {
            destination.bucket = bucket_name(&arn)?;
        }
        destination.prefix = self.prefix.or(destination.prefix.take());
        destination.error_prefix = self.error_output_prefix.or(destination.error_prefix.take());
        destination.file_extension = self.file_extension.or(destination.file_extension.take());
        destination.time_zone = self.custom_time_zone.or(destination.time_zone.take());
        if let Some(compression) = self.compression_format {
            destination.compression = compression_in(compression)?;
        }
        if let Some(processing) = self.processing_configuration {
            destination.processing = Some(processing_in(processing));
        }
        if let Some(conversion) = self.data_format_conversion_configuration {
            destination.conversion = Some(conversion_in(conversion, scope)?);
        }
        if let Some(partitioning) = self.dynamic_partitioning_configuration {
            destination.dynamic_partitioning = Some(partitioning_in(partitioning));
        }
        if let Some(hints) = self.buffering_hints {
            // The model bounds both, so that neither is negative.
            let number = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
            destination.size_in_mbs = number(hints.size_in_mbs).unwrap_or(destination.size_in_mbs);
            destination.interval_in_seconds =
                number(hints.interval_in_seconds).unwrap_or(destination.interval_in_seconds);
        }
        Ok(())
    }

    fn into_new(self, scope: &Scope) -> Result<Destination, FirehoseError> {
        let converts = self
            .data_format_conversion_configuration
            .as_ref()
            .is_some_and(|conversion| conversion.enabled != Some(false));
        let partitions = self
            .dynamic_partitioning_configuration
            .as_ref()
            .is_some_and(|partitioning| partitioning.enabled == Some(true));
        let large = converts || partitions;
        let mut destination = Destination {
            role: String::new(),
            bucket: String::new(),
            prefix: None,
            error_prefix: None,
            size_in_mbs: if large { DEFAULT_LARGE_SIZE_MB } else { DEFAULT_SIZE_MB },
            interval_in_seconds: DEFAULT_INTERVAL_SECONDS,
            compression: Compression::None,
            processing: None,
            conversion: None,
            dynamic_partitioning: None,
            file_extension: None,
            time_zone: None,
        };
        self.apply(&mut destination, scope)?;
        Ok(destination)
    }
}

/// What of an update has to do with roles.
pub struct GivenRoles {
    pub role: bool,
    pub conversion: bool,
}

pub fn given(
    plain: &Option<api::S3DestinationUpdate>,
    extended: &Option<api::ExtendedS3DestinationUpdate>,
) -> GivenRoles {
    let roles = plain.iter().map(|plain| &plain.role_arn).chain(extended.iter().map(|given| &given.role_arn));
    let conversion =
        |given: &api::ExtendedS3DestinationUpdate| given.data_format_conversion_configuration.is_some();
    GivenRoles {
        role: roles.flatten().next().is_some(),
        conversion: extended.as_ref().is_some_and(conversion),
    }
}

/// The destination of a new stream.
///
/// Errors: InvalidArgumentException (none or two destinations, something that is not supported).
pub fn configured(
    plain: Option<api::S3DestinationConfiguration>,
    extended: Option<api::ExtendedS3DestinationConfiguration>,
    scope: &Scope,
) -> Result<Destination, FirehoseError> {
    let given = match (plain, extended) {
        // The same members, but for the two that a configuration must have.
        (Some(plain), None) => Given::from(api::S3DestinationUpdate {
            role_arn: Some(plain.role_arn),
            bucket_arn: Some(plain.bucket_arn),
            prefix: plain.prefix,
            error_output_prefix: plain.error_output_prefix,
            buffering_hints: plain.buffering_hints,
            compression_format: plain.compression_format,
            encryption_configuration: plain.encryption_configuration,
            cloud_watch_logging_options: plain.cloud_watch_logging_options,
        }),
        (None, Some(extended)) => Given::from(extended),
        (None, None) | (Some(_), Some(_)) => {
            return Err(invalid("Exactly one destination configuration is supported for a Firehose"));
        }
    };
    given.into_new(scope)
}

/// The destination as an update leaves it.
///
/// Errors: InvalidArgumentException (none or two updates, something that is not supported, dynamic partitioning turned
/// on where it was off).
pub fn updated(
    before: &Destination,
    plain: Option<api::S3DestinationUpdate>,
    extended: Option<api::ExtendedS3DestinationUpdate>,
    scope: &Scope,
) -> Result<Destination, FirehoseError> {
    let given = match (plain, extended) {
        (Some(plain), None) => Given::from(plain),
        (None, Some(extended)) => extended,
        (None, None) | (Some(_), Some(_)) => {
            return Err(invalid("Exactly one destination update is supported for a Firehose"));
        }
    };
    let mut destination = before.clone();
    given.apply(&mut destination, scope)?;
    let partitions =
        |destination: &Destination| destination.dynamic_partitioning.as_ref().is_some_and(|on| on.enabled);
    if partitions(&destination) && !partitions(before) {
        return Err(invalid("Dynamic Partitioning can only be enabled when a delivery stream is created."));
    }
    Ok(destination)
}

fn bucket_name(arn: &str) -> Result<String, FirehoseError> {
    let parsed: Option<Arn> = arn.parse().ok();
    let bucket = parsed.filter(|arn| arn.service == "s3" && !arn.resource.contains(['/', ':']));
    bucket.map(|arn| arn.resource).ok_or_else(|| invalid(format!("{arn} is not the ARN of a bucket")))
}

fn compression_in(format: api::CompressionFormat) -> Result<Compression, FirehoseError> {
    match format {
        api::CompressionFormat::Uncompressed => Ok(Compression::None),
        api::CompressionFormat::Gzip => Ok(Compression::Gzip),
        api::CompressionFormat::Snappy => Ok(Compression::Snappy),
        api::CompressionFormat::HadoopSnappy => Ok(Compression::HadoopSnappy),
        api::CompressionFormat::Zip => Err(refused("CompressionFormat ZIP")),
    }
}

fn compression_out(compression: Compression) -> api::CompressionFormat {
    match compression {
        Compression::None => api::CompressionFormat::Uncompressed,
        Compression::Gzip => api::CompressionFormat::Gzip,
        Compression::Snappy => api::CompressionFormat::Snappy,
        Compression::HadoopSnappy => api::CompressionFormat::HadoopSnappy,
    }
}

fn processing_in(processing: api::ProcessingConfiguration) -> Processing {
    let processor = |given: api::Processor| Processor {
        kind: given.r#type.as_str().to_owned(),
        parameters: given
            .parameters
            .into_iter()
            .flatten()
            .map(|parameter| (parameter.parameter_name.as_str().to_owned(), parameter.parameter_value))
            .collect(),
    };
    Processing {
        enabled: processing.enabled.unwrap_or(false),
        processors: processing.processors.into_iter().flatten().map(processor).collect(),
    }
}

fn processing_out(processing: &Processing) -> api::ProcessingConfiguration {
    let processor = |kept: &Processor| {
        let parameter = |(name, value): &(String, String)| {
            Some(api::ProcessorParameter {
                parameter_name: name.parse().ok()?,
                parameter_value: value.clone(),
            })
        };
        let parameters = kept.parameters.iter().filter_map(parameter).collect();
        Some(api::Processor { r#type: kept.kind.parse().ok()?, parameters: Some(parameters) })
    };
    let processors = processing.processors.iter().filter_map(processor).collect();
    api::ProcessingConfiguration { enabled: Some(processing.enabled), processors: Some(processors) }
}

fn partitioning_in(partitioning: api::DynamicPartitioningConfiguration) -> DynamicPartitioning {
    let seconds = partitioning.retry_options.and_then(|retry| retry.duration_in_seconds);
    DynamicPartitioning {
        enabled: partitioning.enabled.unwrap_or(false),
        retry_seconds: seconds.and_then(|seconds| u32::try_from(seconds).ok()),
    }
}

fn partitioning_out(partitioning: &DynamicPartitioning) -> api::DynamicPartitioningConfiguration {
    let seconds = partitioning.retry_seconds.and_then(|seconds| i32::try_from(seconds).ok());
    api::DynamicPartitioningConfiguration {
        enabled: Some(partitioning.enabled),
        retry_options: seconds.map(|seconds| api::RetryOptions { duration_in_seconds: Some(seconds) }),
    }
}

/// AWS takes `Enabled` for true when it is not given.
fn conversion_in(
    conversion: api::DataFormatConversionConfiguration,
    scope: &Scope,
) -> Result<Conversion, FirehoseError> {
    let serializer = conversion.output_format_configuration.and_then(|output| output.serializer);
    let deserializer = conversion.input_format_configuration.and_then(|input| input.deserializer);
    Ok(Conversion {
        enabled: conversion.enabled.unwrap_or(true),
        schema: conversion.schema_configuration.map(|schema| schema_in(schema, scope)).transpose()?,
        input: deserializer.map(json_serde_in).transpose()?,
        output: serializer.and_then(|serializer| serializer.parquet_ser_de).map(parquet_in).transpose()?,
    })
}

fn conversion_out(conversion: &Conversion) -> api::DataFormatConversionConfiguration {
    api::DataFormatConversionConfiguration {
        enabled: Some(conversion.enabled),
        schema_configuration: conversion.schema.as_ref().map(schema_out),
        input_format_configuration: conversion
            .input
            .as_ref()
            .map(|input| api::InputFormatConfiguration { deserializer: Some(json_serde_out(input)) }),
        output_format_configuration: conversion.output.as_ref().map(|output| {
            api::OutputFormatConfiguration {
                serializer: Some(api::Serializer { parquet_ser_de: Some(parquet_out(output)) }),
            }
        }),
    }
}

fn schema_in(schema: api::SchemaConfiguration, scope: &Scope) -> Result<TableSchema, FirehoseError> {
    let missing = |name: &str| invalid(format!("SchemaConfiguration must contain {name}."));
    if schema.catalog_id.as_deref().is_some_and(|id| id != scope.account.as_str()) {
        return Err(refused("SchemaConfiguration with the CatalogId of another account"));
    }
    if schema.region.as_deref().is_some_and(|region| region != scope.region.as_str()) {
        return Err(refused("SchemaConfiguration with another Region"));
    }
    if schema.version_id.as_deref().is_some_and(|version| version != "LATEST") {
        return Err(refused("SchemaConfiguration with a VersionId other than LATEST"));
    }
    Ok(TableSchema {
        role: Some(schema.role_arn.ok_or_else(|| missing("RoleARN"))?),
        catalog: schema.catalog_id,
        database: schema.database_name.ok_or_else(|| missing("DatabaseName"))?,
        table: schema.table_name.ok_or_else(|| missing("TableName"))?,
        region: schema.region,
        version: schema.version_id,
    })
}

fn schema_out(schema: &TableSchema) -> api::SchemaConfiguration {
    api::SchemaConfiguration {
        role_arn: schema.role.clone(),
        catalog_id: schema.catalog.clone(),
        database_name: Some(schema.database.clone()),
        table_name: Some(schema.table.clone()),
        region: schema.region.clone(),
        version_id: Some(schema.version.clone().unwrap_or_else(|| "LATEST".to_owned())),
    }
}

fn json_serde_in(deserializer: api::Deserializer) -> Result<JsonSerDe, FirehoseError> {
    match (deserializer.open_x_json_ser_de, deserializer.hive_json_ser_de) {
        (Some(openx), None) => Ok(JsonSerDe::OpenX {
            dots_to_underscores: openx.convert_dots_in_json_keys_to_underscores,
            case_insensitive: openx.case_insensitive,
            mappings: openx.column_to_json_key_mappings.unwrap_or_default(),
        }),
        (None, Some(hive)) => {
            Ok(JsonSerDe::Hive { timestamp_formats: hive.timestamp_formats.unwrap_or_default() })
        }
        (None, None) | (Some(_), Some(_)) => Err(invalid("Exactly one deserializer must be specified.")),
    }
}

fn json_serde_out(input: &JsonSerDe) -> api::Deserializer {
    match input {
        JsonSerDe::OpenX { dots_to_underscores, case_insensitive, mappings } => api::Deserializer {
            open_x_json_ser_de: Some(api::OpenXJsonSerDe {
                convert_dots_in_json_keys_to_underscores: *dots_to_underscores,
                case_insensitive: *case_insensitive,
                column_to_json_key_mappings: Some(mappings.clone()).filter(|mappings| !mappings.is_empty()),
            }),
            hive_json_ser_de: None,
        },
        JsonSerDe::Hive { timestamp_formats } => api::Deserializer {
            open_x_json_ser_de: None,
            hive_json_ser_de: Some(api::HiveJsonSerDe {
                timestamp_formats: Some(timestamp_formats.clone()).filter(|formats| !formats.is_empty()),
            }),
        },
    }
}

/// MaxPaddingBytes aligns row groups to HDFS blocks; an object in S3 has none.
fn parquet_in(parquet: api::ParquetSerDe) -> Result<ParquetOptions, FirehoseError> {
    if parquet.max_padding_bytes.is_some_and(|padding| padding != 0) {
        return Err(refused("ParquetSerDe with MaxPaddingBytes other than 0"));
    }
    let default = ParquetOptions::default();
    let size =
        |given: Option<i32>, default| given.map_or(default, |given| usize::try_from(given).unwrap_or(0));
    Ok(ParquetOptions {
        block_size_bytes: size(parquet.block_size_bytes, default.block_size_bytes),
        page_size_bytes: size(parquet.page_size_bytes, default.page_size_bytes),
        codec: match parquet.compression {
            None | Some(api::ParquetCompression::Snappy) => Codec::Snappy,
            Some(api::ParquetCompression::Gzip) => Codec::Gzip,
            Some(api::ParquetCompression::Uncompressed) => Codec::Uncompressed,
        },
        dictionary: parquet.enable_dictionary_compression.unwrap_or(default.dictionary),
        version_2: parquet.writer_version == Some(api::ParquetWriterVersion::V2),
    })
}

fn parquet_out(output: &ParquetOptions) -> api::ParquetSerDe {
    api::ParquetSerDe {
        block_size_bytes: i32::try_from(output.block_size_bytes).ok(),
        page_size_bytes: i32::try_from(output.page_size_bytes).ok(),
        compression: Some(match output.codec {
            Codec::Snappy => api::ParquetCompression::Snappy,
            Codec::Gzip => api::ParquetCompression::Gzip,
            Codec::Uncompressed => api::ParquetCompression::Uncompressed,
        }),
        enable_dictionary_compression: Some(output.dictionary),
        max_padding_bytes: Some(0),
        writer_version: Some(if output.version_2 {
            api::ParquetWriterVersion::V2
        } else {
            api::ParquetWriterVersion::V1
        }),
    }
}

/// A destination as DescribeDeliveryStream shows it, in the plain and in the extended form.
pub fn described(destination: &Destination, scope: &Scope) -> api::DestinationDescription {
    let hints = || api::BufferingHints {
        size_in_mbs: i32::try_from(destination.size_in_mbs).ok(),
        interval_in_seconds: i32::try_from(destination.interval_in_seconds).ok(),
    };
    let encryption =
        || api::EncryptionConfiguration { no_encryption_config: Some(api::NoEncryptionConfig::NoEncryption) };
    let logging = || {
        Some(api::CloudWatchLoggingOptions {
            enabled: Some(false),
            ..api::CloudWatchLoggingOptions::default()
        })
    };
    let bucket = Arn { partition: scope.region.partition().into(), ..Arn::global("s3", &destination.bucket) };
    api::DestinationDescription {
        destination_id: DESTINATION_ID.to_owned(),
        s3_destination_description: Some(api::S3DestinationDescription {
            role_arn: destination.role.clone(),
            bucket_arn: bucket.to_string(),
            prefix: destination.prefix.clone(),
            error_output_prefix: destination.error_prefix.clone(),
            buffering_hints: hints(),
            compression_format: compression_out(destination.compression),
            encryption_configuration: encryption(),
            cloud_watch_logging_options: logging(),
        }),
        extended_s3_destination_description: Some(api::ExtendedS3DestinationDescription {
            role_arn: destination.role.clone(),
            bucket_arn: bucket.to_string(),
            prefix: destination.prefix.clone(),
            error_output_prefix: destination.error_prefix.clone(),
            buffering_hints: hints(),
            compression_format: compression_out(destination.compression),
            encryption_configuration: encryption(),
            cloud_watch_logging_options: logging(),
            processing_configuration: destination.processing.as_ref().map(processing_out),
            s3_backup_mode: Some(api::S3BackupMode::Disabled),
            data_format_conversion_configuration: destination.conversion.as_ref().map(conversion_out),
            dynamic_partitioning_configuration: destination
                .dynamic_partitioning
                .as_ref()
                .map(partitioning_out),
            file_extension: destination.file_extension.clone(),
            custom_time_zone: destination.time_zone.clone(),
        }),
    }
}
