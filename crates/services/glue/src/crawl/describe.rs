//! A found table as the catalog describes it: names, formats, SerDes and the crawler's own parameters, so that
//! Athena, Spark and pandas read it as they read what Glue's crawler wrote.
//!
//! Differs from AWS: CSV with quoted fields gets OpenCSVSerde, which reads the quotes; Glue leaves LazySimpleSerDe there,
//! which does not. Partitions have the table's columns; Glue gives each its own unless told to inherit.

use md5::{Digest as _, Md5};

use super::classify::{Format, Kind};
use super::group::{FoundPartition, FoundTable, Stats};
use crate::model::{Column, Parameters, PartitionSpec, SerDe, Storage, TableSpec};

/// By which crawler a table was written; the crawler knows its tables by it.
pub const UPDATED_BY: &str = "UPDATED_BY_CRAWLER";
/// Set, with the time in milliseconds, on tables and partitions whose objects are gone.
pub const DEPRECATED_BY: &str = "DEPRECATED_BY_CRAWLER";

const MAX_NAME: usize = 128;

const TEXT_INPUT: &str = "org.apache.hadoop.mapred.TextInputFormat";
const TEXT_OUTPUT: &str = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat";
const PARQUET_INPUT: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat";
const PARQUET_OUTPUT: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat";
const LAZY_SIMPLE_SERDE: &str = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe";
const OPEN_CSV_SERDE: &str = "org.apache.hadoop.hive.serde2.OpenCSVSerde";
const JSON_SERDE: &str = "org.openx.data.jsonserde.JsonSerDe";
const PARQUET_SERDE: &str = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe";

/// Parameters that change with every crawl though the schema does not.
pub const STATISTICS: [&str; 4] = ["averageRecordSize", "objectCount", "recordCount", "sizeKey"];

/// What the table is called: lower case, and `_` for all but letters and digits.
pub fn table_name(prefix: &str, base_name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '_' };
    format!("{prefix}{base_name}").chars().map(plain).take(MAX_NAME).collect()
}

/// What the table is called when another table has its name: with a suffix that only its location decides.
pub fn distinct_name(name: &str, location: &str) -> String {
    let suffix = hex::encode(Md5::digest(location.as_bytes()));
    let kept: String = name.chars().take(MAX_NAME - 1 - suffix.len()).collect();
    format!("{kept}_{suffix}")
}

pub fn location(bucket: &str, root: &str) -> String {
    format!("s3://{bucket}/{root}")
}

/// The table as this crawl alone would write it.
pub fn table(
    crawler: &str,
    bucket: &str,
    exclusions: &[String],
    name: String,
    found: &FoundTable,
) -> TableSpec {
    let mut parameters = parameters(&found.kind, found.stats);
    parameters.insert(UPDATED_BY.to_owned(), crawler.to_owned());
    if !exclusions.is_empty() {
        let list = serde_json::to_string(exclusions).expect("a list of strings is JSON");
        parameters.insert("exclusions".to_owned(), list);
    }
    if !found.partition_keys.is_empty() {
        parameters.insert("partition_filtering.enabled".to_owned(), "true".to_owned());
    }
    let storage = storage(&found.kind, location(bucket, &found.root), parameters.clone());
    TableSpec {
        name,
        owner: Some("owner".to_owned()),
        storage: Some(storage),
        // Crawlers give partition keys the type string, whatever the values look like.
        partition_keys: found.partition_keys.iter().map(|key| Column::new(key, "string")).collect(),
        table_type: Some("EXTERNAL_TABLE".to_owned()),
        parameters,
        ..TableSpec::default()
    }
}

/// The partition, read as its table is.
pub fn partition(table: &TableSpec, bucket: &str, found: &FoundPartition) -> PartitionSpec {
    let mut parameters = table.parameters.clone();
    statistics(&mut parameters, found.stats);
    for of_tables in [UPDATED_BY, DEPRECATED_BY, "exclusions", "partition_filtering.enabled"] {
        parameters.remove(of_tables);
    }
    let storage = table.storage.clone().map(|storage| Storage {
        location: Some(location(bucket, &found.root)),
        parameters: parameters.clone(),
        ..storage
    });
    PartitionSpec { values: found.values.clone(), storage, parameters, ..PartitionSpec::default() }
}

fn parameters(kind: &Kind, stats: Stats) -> Parameters {
    let mut parameters = Parameters::new();
    let mut set = |name: &str, value: String| parameters.insert(name.to_owned(), value);
    set("classification", kind.format.classification().to_owned());
    set("compressionType", kind.compression.as_str().to_owned());
    set("typeOfData", "file".to_owned());
    set("CrawlerSchemaSerializerVersion", "1.0".to_owned());
    set("CrawlerSchemaDeserializerVersion", "1.0".to_owned());
    if let Format::Csv(layout) = kind.format {
        set("delimiter", char::from(layout.delimiter).to_string());
        set("columnsOrdered", "true".to_owned());
        set("areColumnsQuoted", layout.quoted.to_string());
        if layout.header {
            set("skip.header.line.count", "1".to_owned());
        }
    }
    statistics(&mut parameters, stats);
    parameters
}

fn statistics(parameters: &mut Parameters, stats: Stats) {
    let average = stats.bytes.checked_div(stats.records).map_or(0, |bytes| bytes.max(1));
    for (name, value) in STATISTICS.iter().zip([average, stats.objects, stats.records, stats.bytes]) {
        parameters.insert((*name).to_owned(), value.to_string());
    }
}

fn storage(kind: &Kind, location: String, parameters: Parameters) -> Storage {
    let columns: Vec<Column> =
        kind.columns.iter().map(|(name, hive_type)| Column::new(name, hive_type.to_string())).collect();
    let (input, output) = match kind.format {
        Format::Csv(_) | Format::Json => (TEXT_INPUT, TEXT_OUTPUT),
        Format::Parquet => (PARQUET_INPUT, PARQUET_OUTPUT),
    };
    Storage {
        serde: Some(serde(kind.format, &columns)),
        columns,
        location: Some(location),
        input_format: Some(input.to_owned()),
        output_format: Some(output.to_owned()),
        buckets: -1,
        parameters,
        ..Storage::default()
    }
}

fn serde(format: Format, columns: &[Column]) -> SerDe {
    let (library, parameters) = match format {
        Format::Csv(layout) if layout.quoted => (
            OPEN_CSV_SERDE,
            vec![
                ("separatorChar", char::from(layout.delimiter).to_string()),
                ("quoteChar", char::from(layout.quote).to_string()),
                ("escapeChar", "\\".to_owned()),
            ],
        ),
        Format::Csv(layout) => {
            (LAZY_SIMPLE_SERDE, vec![("field.delim", char::from(layout.delimiter).to_string())])
        }
        Format::Json => {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            (JSON_SERDE, vec![("paths", names.join(","))])
        }
        Format::Parquet => (PARQUET_SERDE, vec![("serialization.format", "1".to_owned())]),
    };
    let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    SerDe { name: None, library: Some(library.to_owned()), parameters }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_named_after_their_folder() {
        for (prefix, base, name) in [
            ("", "flights", "flights"),
            ("raw_", "Flights 2013.csv", "raw_flights_2013_csv"),
            ("", "année=1", "ann_e_1"),
        ] {
            assert_eq!(table_name(prefix, base), name);
        }
        assert_eq!(table_name("", &"x".repeat(300)).len(), 128);
        let name = distinct_name(&"x".repeat(128), "s3://pond/a/");
        assert_eq!(name.len(), 128);
        assert_ne!(name, distinct_name(&"x".repeat(128), "s3://pond/b/"));
    }
}
