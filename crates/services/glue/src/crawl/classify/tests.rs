//! Classification as tables of samples.

use std::io::Write as _;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Schema, TimeUnit};
use proptest::prelude::*;

use super::*;

fn text(content: &str) -> Result<Classified, Unclassified> {
    classify_text(content.as_bytes(), content.len() as u64, &[])
}

/// Columns as `name:type name:type`.
fn columns(found: &Classified) -> String {
    found.kind.columns.iter().map(|(name, t)| format!("{name}:{t}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn csv_is_read_as_the_built_in_classifier_reads_it() {
    for (content, layout, described) in [
        ("id,Name,score\n1,a,1.5\n2,b,2\n", (b',', true, false), "id:bigint name:string score:double"),
        ("carrier,name\n9E,Endeavor\nAA,American\n", (b',', false, false), "col0:string col1:string"),
        ("1|2|x\n3|4|y\n", (b'|', false, false), "col0:bigint col1:bigint col2:string"),
        ("a\tb\n1\t2013-01-01\n", (b'\t', true, false), "a:bigint b:string"),
        ("a;b\n1;true\n2;false\n", (b';', true, false), "a:bigint b:boolean"),
        ("a\u{1}b\n1\u{1}2.5\n", (1, true, false), "a:bigint b:double"),
        ("a,b\n\"x, y\",1\n\"say \"\"hi\"\"\",2\n", (b',', true, true), "a:string b:bigint"),
        ("a,b\r\n1,NA\r\n2,3\r\n", (b',', true, false), "a:bigint b:string"),
        ("a,b,\n1,2,\n3,4,\n", (b',', true, false), "a:bigint b:bigint col2:string"),
        (
            "a,b\n1,\n,2\nbroken\n3,4\n5,6\n7,8\n9,1\n2,3\n4,5\n6,7\n8,9\n1,1\n",
            (b',', true, false),
            "a:bigint b:bigint",
        ),
        ("\u{feff}a,b\n1,inf\n", (b',', true, false), "a:bigint b:string"),
    ] {
        let found = text(content).unwrap();
        let Format::Csv(got) = found.kind.format else { panic!("{content:?} is {:?}", found.kind.format) };
        assert_eq!((got.delimiter, got.header, got.quoted), layout, "{content:?}");
        assert_eq!(columns(&found), described, "{content:?}");
    }
}

#[test]
fn classifiers_of_ones_own_come_first() {
    let carriers = "carrier,name\n9E,Endeavor\nAA,American\n";
    let rules = |change: fn(&mut CsvRules)| {
        let mut rules = CsvRules::default();
        change(&mut rules);
        rules
    };
    for (content, own, described) in [
        (carriers, rules(|own| own.header = Header::Present), "carrier:string name:string"),
        ("a,b\n1,2\n", rules(|own| own.header = Header::Absent), "col0:string col1:string"),
        (
            carriers,
            rules(|own| own.names = vec!["Carrier".into(), "NAME".into()]),
            "carrier:string name:string",
        ),
        (carriers, rules(|own| own.names = vec!["one".into()]), "col0:string col1:string"),
        ("x~y\n1~2\n", rules(|own| own.delimiter = Some(b'~')), "x:bigint y:bigint"),
        ("x\n1\n2\n", rules(|own| own.single_column = true), "x:bigint"),
        ("a,b\n'x,y',1\n", rules(|own| own.quote = b'\''), "a:string b:bigint"),
        ("a,a\n1,2\n", rules(|own| own.header = Header::Present), "a:bigint a_1:bigint"),
    ] {
        let found = classify_text(content.as_bytes(), content.len() as u64, &[own]).unwrap();
        assert_eq!(columns(&found), described, "{content:?}");
    }
}

#[test]
fn json_lines_give_nested_types() {
    for (content, described) in [
        ("{\"a\":1}\n{\"a\":2,\"B\":\"x\"}\n", "a:int b:string"),
        ("{\"a\":1}\n{\"a\":5000000000}\n", "a:bigint"),
        ("{\"a\":1}\n{\"a\":1.5}\n", "a:double"),
        ("{\"a\":null}\n", "a:string"),
        (
            "{\"a\":[1,2.5],\"s\":{\"X\":[{\"y\":true}]}}\n",
            "a:array<double> s:struct<x:array<struct<y:boolean>>>",
        ),
        ("{\"a\":[]}\n{\"a\":[null]}", "a:array<string>"),
        ("{\"a\":{\"b\":1}}\n{\"a\":\"x\"}\n", "a:string"),
        ("{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n", "a:int"),
        ("[{\"a\":1},{\"a\":2,\"b\":\"x\"}]", "array:array<struct<a:int,b:string>>"),
    ] {
        let found = text(content).unwrap();
        assert_eq!(found.kind.format, Format::Json, "{content:?}");
        assert_eq!(columns(&found), described, "{content:?}");
    }
}

#[test]
fn what_is_no_table_is_refused_with_its_reason() {
    for (content, reason) in [
        (&b""[..], "the file is empty"),
        (b"  \n ", "the file is empty"),
        (
            b"just one column\nof text\n",
            "the content is neither CSV nor JSON: no delimiter gives two columns in two rows or more",
        ),
        (b"a,b\n", "the content is neither CSV nor JSON: no delimiter gives two columns in two rows or more"),
        (b"Obj\x01rest", "Avro files are not supported"),
        (b"BZh91AY", "bzip2 compression is not supported"),
        (b"a,b\n1,\xff\n", "the content is neither CSV nor JSON: it is not UTF-8"),
        (b"\x1f\x8bnot gzip at all", "the compressed data is broken: invalid gzip header"),
    ] {
        let refused = classify_text(content, content.len() as u64, &[]).map_err(|e| e.to_string());
        assert_eq!(refused, Err(reason.to_owned()), "{:?}", String::from_utf8_lossy(content));
    }
    let deep = format!("{{\"a\":{}1{}}}\n", "[".repeat(5_000), "]".repeat(5_000));
    assert!(text(&deep).is_err());
}

#[test]
fn compressed_text_is_sampled() {
    let rows: String = (0..200_000).map(|i| format!("{i},name {i},{}\n", i as f64 / 3.0)).collect();
    let content = format!("id,name,third\n{rows}");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(content.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(content.as_bytes(), 3).unwrap();
    for (bytes, compression) in [(gzip, Compression::Gzip), (zstd, Compression::Zstd)] {
        for head in [&bytes[..], &bytes[..100_000]] {
            let found = classify_text(head, bytes.len() as u64, &[]).unwrap();
            assert_eq!(found.kind.compression, compression);
            assert_eq!(columns(&found), "id:bigint name:string third:double");
        }
    }
}

fn parquet_file() -> Vec<u8> {
    let schema = Schema::new(vec![
        Field::new("Id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        Field::new("price", DataType::Decimal128(12, 2), true),
        Field::new_list("tags", Field::new_list_field(DataType::Utf8, true), true),
        Field::new_struct("pos", vec![Field::new("x", DataType::Float32, true)], true),
    ]);
    let mut file = Vec::new();
    let full = RecordBatch::new_empty(Arc::new(schema));
    let mut writer = ArrowWriter::try_new(&mut file, full.schema(), None).unwrap();
    writer.write(&full).unwrap();
    writer.close().unwrap();
    file
}

use arrow::datatypes::{DataType, Field};

#[test]
fn parquet_is_read_by_its_footer() {
    let file = parquet_file();
    assert!(is_parquet(&file));
    assert_eq!(footer_length(&file, file.len() as u64), Ok(Tail::Complete));
    let found = classify_parquet(&file).unwrap();
    assert_eq!(
        columns(&found),
        "id:bigint name:string at:timestamp price:decimal(12,2) tags:array<string> pos:struct<x:float>"
    );
    assert_eq!(found.records, Records::Counted(0));
    let short = &file[file.len() - 20..];
    assert!(matches!(footer_length(short, file.len() as u64), Ok(Tail::Needs(_))));
    for end in 0..file.len() {
        assert!(classify_parquet(&file[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn parquet_counts_its_rows() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("n", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("s", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert_eq!(classify_parquet(&file).unwrap().records, Records::Counted(3));
}

proptest! {
    #[test]
    fn any_bytes_are_classified_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), more in 0u64..2) {
        let _outcome = classify_text(&bytes, bytes.len() as u64 + more, &[]);
        let _outcome = classify_parquet(&bytes);
    }

    #[test]
    fn any_text_is_classified_or_refused(content in "[\\[\\]{}\",:a1.\n|;\t ]{0,120}", more in 0u64..2) {
        let _outcome = classify_text(content.as_bytes(), content.len() as u64 + more, &[]);
    }

    #[test]
    fn a_broken_footer_is_refused(at in 0usize..600, to in any::<u8>()) {
        let mut file = parquet_file();
        let end = file.len() - 1;
        file[end.saturating_sub(at)] = to;
        let _outcome = classify_parquet(&file);
    }
}
