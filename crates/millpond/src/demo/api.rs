//! The requests and answers that the demo needs, as AWS writes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An answer of which nothing is needed.
#[derive(Deserialize)]
pub struct Nothing {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateStream<'a> {
    pub stream_name: &'a str,
    pub stream_mode_details: StreamModeDetails,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamModeDetails {
    pub stream_mode: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamName<'a> {
    pub stream_name: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribedStream {
    pub stream_description_summary: StreamSummary,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamSummary {
    pub stream_status: String,
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRecords<'a> {
    pub stream_name: &'a str,
    pub records: Vec<PutRecord>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRecord {
    /// In base64.
    pub data: String,
    pub partition_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRecordsAnswer {
    pub records: Vec<PutRecordAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRecordAnswer {
    #[serde(default)]
    pub error_code: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateDatabase<'a> {
    pub database_input: Named<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Named<'a> {
    pub name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateTable<'a> {
    pub database_name: &'a str,
    pub table_input: TableInput<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TableInput<'a> {
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_type: Option<&'static str>,
    pub parameters: BTreeMap<&'static str, &'static str>,
    pub storage_descriptor: StorageDescriptor<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StorageDescriptor<'a> {
    pub columns: Vec<Column<'a>>,
    #[serde(flatten)]
    pub files: Option<Files<'a>>,
}

/// Where a table's files lie and how they are read.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Files<'a> {
    pub location: &'a str,
    pub input_format: &'static str,
    pub output_format: &'static str,
    pub serde_info: SerDe,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SerDe {
    pub serialization_library: &'static str,
    pub parameters: BTreeMap<&'static str, &'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Column<'a> {
    pub name: &'a str,
    pub r#type: &'a str,
}

impl<'a> TableInput<'a> {
    /// A table that is nothing but a schema.
    pub fn schema(name: &'a str, columns: &[(&'a str, &'a str)]) -> Self {
        let columns = columns.iter().map(|(name, r#type)| Column { name, r#type }).collect();
        let storage_descriptor = StorageDescriptor { columns, files: None };
        Self { name, table_type: None, parameters: BTreeMap::new(), storage_descriptor }
    }

    /// A table over CSV files with a header each.
    pub fn csv(name: &'a str, columns: &[(&'a str, &'a str)], location: &'a str) -> Self {
        let mut table = Self::schema(name, columns);
        table.table_type = Some("EXTERNAL_TABLE");
        table.parameters = [("classification", "csv"), ("skip.header.line.count", "1")].into();
        table.storage_descriptor.files = Some(Files {
            location,
            input_format: "org.apache.hadoop.mapred.TextInputFormat",
            output_format: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            serde_info: SerDe {
                serialization_library: "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
                parameters: [("field.delim", ",")].into(),
            },
        });
        table
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateDeliveryStream<'a> {
    pub delivery_stream_name: &'a str,
    pub delivery_stream_type: &'a str,
    pub kinesis_stream_source_configuration: KinesisSource<'a>,
    pub extended_s3_destination_configuration: S3Destination<'a>,
}

#[derive(Serialize)]
pub struct KinesisSource<'a> {
    #[serde(rename = "KinesisStreamARN")]
    pub stream: &'a str,
    #[serde(rename = "RoleARN")]
    pub role: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct S3Destination<'a> {
    #[serde(rename = "RoleARN")]
    pub role: &'a str,
    #[serde(rename = "BucketARN")]
    pub bucket: &'a str,
    pub prefix: &'a str,
    pub error_output_prefix: &'a str,
    pub buffering_hints: BufferingHints,
    pub dynamic_partitioning_configuration: Enabled,
    pub processing_configuration: Processing<'a>,
    pub data_format_conversion_configuration: Conversion<'a>,
}

#[derive(Serialize)]
pub struct BufferingHints {
    #[serde(rename = "SizeInMBs")]
    pub size_in_mbs: u32,
    #[serde(rename = "IntervalInSeconds")]
    pub interval_in_seconds: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Enabled {
    pub enabled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Processing<'a> {
    pub enabled: bool,
    pub processors: Vec<Processor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Processor<'a> {
    pub r#type: &'a str,
    pub parameters: Vec<Parameter<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Parameter<'a> {
    pub parameter_name: &'a str,
    pub parameter_value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Conversion<'a> {
    pub enabled: bool,
    pub schema_configuration: Schema<'a>,
    pub input_format_configuration: InputFormat,
    pub output_format_configuration: OutputFormat,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Schema<'a> {
    #[serde(rename = "RoleARN")]
    pub role: &'a str,
    pub database_name: &'a str,
    pub table_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InputFormat {
    pub deserializer: Deserializer,
}

/// The OpenX SerDe, with its own settings.
#[derive(Serialize, Default)]
pub struct Deserializer {
    #[serde(rename = "OpenXJsonSerDe")]
    pub openx: Defaults,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OutputFormat {
    pub serializer: Serializer,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "PascalCase")]
pub struct Serializer {
    pub parquet_ser_de: Defaults,
}

/// A structure of which no member is given.
#[derive(Serialize, Default)]
pub struct Defaults {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeliveryStreamName<'a> {
    pub delivery_stream_name: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribedDeliveryStream {
    pub delivery_stream_description: DeliveryStreamDescription,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeliveryStreamDescription {
    pub delivery_stream_status: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateCrawler<'a> {
    pub name: &'a str,
    pub role: &'a str,
    pub database_name: &'a str,
    pub targets: Targets,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Targets {
    pub s3_targets: Vec<S3Target>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct S3Target {
    pub path: String,
    pub exclusions: &'static [&'static str],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetPartitions<'a> {
    pub database_name: &'a str,
    pub table_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GotPartitions {
    pub partitions: Vec<Nothing>,
    #[serde(default)]
    pub next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GotCrawler {
    pub crawler: Crawler,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Crawler {
    pub state: String,
    #[serde(default)]
    pub last_crawl: Option<LastCrawl>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LastCrawl {
    pub status: String,
    #[serde(default)]
    pub error_message: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartQuery<'a> {
    pub query_string: &'a str,
    pub query_execution_context: Context<'a>,
    pub result_configuration: ResultConfiguration<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Context<'a> {
    pub database: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResultConfiguration<'a> {
    pub output_location: &'a str,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct QueryId {
    pub query_execution_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GotQuery {
    pub query_execution: Query,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Query {
    pub status: QueryStatus,
    #[serde(default)]
    pub statistics: Statistics,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct QueryStatus {
    pub state: String,
    #[serde(default)]
    pub state_change_reason: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub struct Statistics {
    pub data_scanned_in_bytes: u64,
    pub total_execution_time_in_millis: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GotResults {
    pub result_set: ResultSet,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResultSet {
    pub rows: Vec<ResultRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResultRow {
    #[serde(default)]
    pub data: Vec<Datum>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Datum {
    #[serde(default)]
    pub var_char_value: Option<String>,
}
