//! Which destinations are accepted, and what they compile to.

use super::*;
use crate::model::{DynamicPartitioning, Processing};

fn plain() -> Destination {
    Destination {
        role: "arn:aws:iam::000000000000:role/firehose".into(),
        bucket: "lake".into(),
        prefix: None,
        error_prefix: None,
        size_in_mbs: 5,
        interval_in_seconds: 300,
        compression: Compression::None,
        processing: None,
        conversion: None,
        dynamic_partitioning: None,
        file_extension: None,
        time_zone: None,
    }
}

fn processor(kind: &str, parameters: &[(&str, &str)]) -> Processor {
    let parameters =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Processor { kind: kind.into(), parameters }
}

fn with(processors: Vec<Processor>, destination: Destination) -> Destination {
    Destination { processing: Some(Processing { enabled: true, processors }), ..destination }
}

fn extraction() -> Processor {
    processor(
        "MetadataExtraction",
        &[("MetadataExtractionQuery", "{day:.day}"), ("JsonParsingEngine", "JQ-1.6")],
    )
}

fn partitioned(processors: Vec<Processor>) -> Destination {
    with(
        processors,
        Destination {
            prefix: Some("day=!{partitionKeyFromQuery:day}/".into()),
            error_prefix: Some("failed/!{firehose:error-output-type}/".into()),
            size_in_mbs: 64,
            dynamic_partitioning: Some(DynamicPartitioning { enabled: true, retry_seconds: None }),
            ..plain()
        },
    )
}

fn converted(conversion: Conversion) -> Destination {
    Destination { size_in_mbs: 64, conversion: Some(conversion), ..plain() }
}

fn conversion() -> Conversion {
    let schema = TableSchema {
        role: None,
        catalog: None,
        database: "lake".into(),
        table: "flights".into(),
        region: None,
        version: None,
    };
    let input =
        JsonSerDe::OpenX { dots_to_underscores: None, case_insensitive: None, mappings: Default::default() };
    Conversion {
        enabled: true,
        schema: Some(schema),
        input: Some(input),
        output: Some(ParquetOptions::default()),
    }
}

#[test]
fn sound_destinations_are_taken() {
    let plan = Plan::new(&Destination { compression: Compression::Gzip, ..plain() }).unwrap();
    assert_eq!((plan.extension.as_str(), plan.hints.size), (".gz", 5 << 20));
    let delimiter = processor("AppendDelimiterToRecord", &[("Delimiter", "\\n")]);
    let apart = processor("RecordDeAggregation", &[("SubRecordType", "JSON")]);
    let plan = Plan::new(&partitioned(vec![apart, extraction(), delimiter])).unwrap();
    assert_eq!(plan.delimiter, b"\n");
    assert_eq!((plan.split, plan.query.unwrap().names()), (Some(SubRecords::Json), &["day".to_owned()][..]));
    let plan = Plan::new(&converted(conversion())).unwrap();
    assert!(plan.conversion.unwrap().deserializer.case_insensitive);
    assert_eq!(plan.extension, ".parquet");
    let named =
        Destination { file_extension: Some(".json".into()), time_zone: Some("Asia/Tokyo".into()), ..plain() };
    let plan = Plan::new(&named).unwrap();
    assert_eq!(plan.zoned(Timestamp::EPOCH).hour(), 9);
    assert_eq!(plan.extension, ".json");
    let off = Conversion { enabled: false, ..conversion() };
    assert!(Plan::new(&Destination { conversion: Some(off), ..plain() }).unwrap().conversion.is_none());
}

#[test]
fn what_cannot_be_done_is_refused() {
    let small_page = ParquetOptions { page_size_bytes: 1, ..ParquetOptions::default() };
    for destination in [
        Destination { size_in_mbs: 63, ..partitioned(vec![extraction()]) },
        Destination { size_in_mbs: 63, ..converted(conversion()) },
        Destination { compression: Compression::Gzip, ..converted(conversion()) },
        converted(Conversion { schema: None, ..conversion() }),
        converted(Conversion { input: None, ..conversion() }),
        converted(Conversion { output: Some(small_page), ..conversion() }),
        converted(Conversion {
            input: Some(JsonSerDe::Hive { timestamp_formats: vec!["bogus".into()] }),
            ..conversion()
        }),
        Destination { time_zone: Some("Mars/Olympus".into()), ..plain() },
        Destination { prefix: Some("!{timestamp:yyyy}".into()), ..plain() },
        partitioned(vec![]),
        partitioned(vec![extraction(), extraction()]),
        partitioned(vec![extraction(), processor("Lambda", &[("LambdaArn", "arn")])]),
        partitioned(vec![extraction(), processor("RecordDeAggregation", &[("SubRecordType", "XML")])]),
        partitioned(vec![extraction(), processor("RecordDeAggregation", &[("SubRecordType", "DELIMITED")])]),
        partitioned(vec![extraction(), processor("AppendDelimiterToRecord", &[("RoleArn", "x")])]),
        partitioned(vec![processor("MetadataExtraction", &[("JsonParsingEngine", "JQ-1.6")])]),
        with(vec![extraction()], plain()),
    ] {
        assert!(Plan::new(&destination).is_err(), "{destination:?}");
    }
}
