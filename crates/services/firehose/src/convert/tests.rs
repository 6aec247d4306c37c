//! Conversion as a table: JSON records in, rows and misfits out.

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow::array::AsArray as _;
use arrow::datatypes::Int32Type;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::parquet::{Codec, ParquetOptions};
use super::*;

fn openx() -> Deserializer {
    Deserializer {
        case_insensitive: true,
        dots_to_underscores: false,
        key_of_column: HashMap::new(),
        timestamps: TimestampForms::OpenX,
    }
}

fn converter(columns: &[(&str, &str)], how: Deserializer) -> Converter {
    Converter::new(columns.iter().copied(), how).unwrap()
}

/// The rows as text, a cell by `|`, and the numbers of the records that do not fit.
fn convert(converter: &Converter, records: &[&str]) -> (Vec<String>, Vec<usize>) {
    let (batch, misfits) = converter.convert(records.iter().map(|record| record.as_bytes()));
    let options = FormatOptions::default().with_null("-");
    let columns: Vec<_> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let row = |row| columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join("|");
    ((0..batch.num_rows()).map(row).collect(), misfits.into_iter().map(|misfit| misfit.record).collect())
}

#[test]
fn values_become_their_columns_types() {
    for (of, json, expected) in [
        ("int", "7", Some("7")),
        ("int", "\" 7 \"", Some("7")),
        ("int", "7.0", Some("7")),
        ("int", "7.5", None),
        ("int", "3000000000", None),
        ("int", "null", Some("-")),
        ("int", "[]", None),
        ("tinyint", "128", None),
        ("bigint", "9223372036854775807", Some("9223372036854775807")),
        ("bigint", "9223372036854775808", None),
        ("double", "1e3", Some("1000.0")),
        ("double", "\"x\"", None),
        ("boolean", "true", Some("true")),
        ("boolean", "\"FALSE\"", Some("false")),
        ("boolean", "1", None),
        ("string", "\"a\\u00e9\"", Some("aé")),
        ("string", "12", Some("12")),
        ("string", "{\"a\":[1,null]}", Some("{\"a\":[1,null]}")),
        ("varchar(2)", "\"abc\"", None),
        ("decimal(5,2)", "12.345", Some("12.34")),
        ("decimal(5,2)", "\"12.3\"", Some("12.30")),
        ("decimal(5,2)", "12345", None),
        ("decimal(5,2)", "\"\"", None),
        ("date", "\"2013-01-02\"", Some("2013-01-02")),
        ("date", "\"2013-02-30\"", None),
        ("timestamp", "\"2013-01-02T03:04:05Z\"", Some("2013-01-02T03:04:05")),
        ("timestamp", "\"later\"", None),
        ("array<int>", "[1,null,3]", Some("[1, -, 3]")),
        ("array<int>", "[1,\"x\"]", None),
        ("array<int>", "1", None),
        ("map<string,int>", "{\"a\":1}", Some("{a: 1}")),
        ("struct<x:int,y:string>", "{\"Y\":\"b\",\"z\":0}", Some("{x: -, y: b}")),
        ("struct<x:int>", "[]", None),
    ] {
        let record = format!("{{\"v\":{json}}}");
        let (rows, misfits) = convert(&converter(&[("v", of)], openx()), &[&record]);
        assert_eq!(rows.first().map(String::as_str), expected, "{of} {json}");
        assert_eq!(misfits.len(), usize::from(expected.is_none()), "{of} {json}");
    }
}

#[test]
fn bad_records_leave_the_others() {
    let converter = converter(&[("a", "int"), ("b", "array<string>")], openx());
    let records = [
        r#"{"a":1,"b":["x"]}"#,
        r#"{"a":"one"}"#,
        r#"{"A":2}{"a":3,"unknown":1}"#,
        r#"{"a":4}{"a":"x"}"#,
        "[]",
        "",
        r#"{"a":5"#,
        r#"{"a":6,"a":7}"#,
    ];
    let (rows, misfits) = convert(&converter, &records);
    assert_eq!(rows, ["1|[x]", "2|-", "3|-", "7|-"]);
    assert_eq!(misfits, [1, 3, 4, 5, 6]);
}

#[test]
fn keys_are_matched_as_the_serde_says() {
    let how = Deserializer {
        dots_to_underscores: true,
        key_of_column: HashMap::from([("ts".to_owned(), "timestamp".to_owned())]),
        ..openx()
    };
    let columns = [("a_b", "int"), ("ts", "int")];
    let (rows, _) = convert(&converter(&columns, how.clone()), &[r#"{"A.B":1,"Timestamp":2}"#]);
    assert_eq!(rows, ["1|2"]);
    let exact = Deserializer { case_insensitive: false, dots_to_underscores: false, ..how };
    let (rows, _) = convert(&converter(&columns, exact), &[r#"{"A.B":1,"Timestamp":2,"timestamp":3}"#]);
    assert_eq!(rows, ["-|3"]);
}

#[test]
fn schemas_that_json_cannot_fill_are_refused() {
    for columns in [vec![], vec![("a", "binary")], vec![("a", "foo")], vec![("a", "int"), ("A", "int")]] {
        assert!(Converter::new(columns.iter().copied(), openx()).is_err(), "{columns:?}");
    }
    assert!(Converter::new([("a", "map<int,int>")], openx()).is_err());
}

#[test]
fn the_file_reads_back() {
    let converter = converter(&[("a", "int"), ("m", "map<string,array<double>>")], openx());
    let records: Vec<String> = (0..1_000).map(|n| format!("{{\"a\":{n},\"m\":{{\"k\":[{n}.5]}}}}")).collect();
    let (batch, _) = converter.convert(records.iter().map(|record| record.as_bytes()));
    for options in [
        ParquetOptions::default(),
        ParquetOptions { codec: Codec::Gzip, dictionary: true, version_2: true, ..ParquetOptions::default() },
        ParquetOptions {
            codec: Codec::Uncompressed,
            page_size_bytes: 1024,
            block_size_bytes: 4096,
            ..ParquetOptions::default()
        },
    ] {
        let file = options.write(&batch).unwrap();
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file)).unwrap().build().unwrap();
        let read: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        let sum: i64 = read
            .iter()
            .flat_map(|batch| batch.column(0).as_primitive::<Int32Type>().values().to_vec())
            .map(i64::from)
            .sum();
        assert_eq!(sum, 499_500);
    }
}
