//! Formats, partitions and broken objects.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;

use super::Pond;

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Bytes {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes.into()
}

#[tokio::test]
async fn partitions_that_are_ruled_out_are_never_listed_or_opened() {
    let pond = Pond::new().await;
    for month in 1..=3_i64 {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(month * 10..month * 10 + 3));
        pond.put(&format!("f/year=2013/month={month}/a.parquet"), parquet(vec![("id", ids)]));
    }
    pond.run(
        "CREATE EXTERNAL TABLE f (id bigint) PARTITIONED BY (year string, month int)
         STORED AS PARQUET LOCATION 's3://lake/f/'",
    )
    .await
    .unwrap();
    pond.run("MSCK REPAIR TABLE f").await.unwrap();
    for (condition, expected, opened) in [
        ("year = '2013' AND month = 2", "3|63", vec![2]),
        ("month > 1 AND id <> 20", "5|136", vec![2, 3]),
        ("month + 1 = 4", "3|93", vec![3]),
        ("CAST(year AS integer) = 2012", "0|~", vec![]),
        ("year = '2013' AND (month = 1 OR month = 3)", "6|126", vec![1, 3]),
    ] {
        pond.bucket.listed.lock().unwrap().clear();
        pond.bucket.read.lock().unwrap().clear();
        assert_eq!(
            pond.lines(&format!("SELECT count(*), sum(id) FROM f WHERE {condition}")).await,
            [expected],
            "{condition}"
        );
        let folders: Vec<String> = opened.iter().map(|month| format!("f/year=2013/month={month}/")).collect();
        assert_eq!(*pond.bucket.listed.lock().unwrap(), folders, "{condition}");
        let read = pond.bucket.read.lock().unwrap().clone();
        assert!(
            read.iter().all(|key| folders.iter().any(|folder| key.starts_with(folder))),
            "{condition}: {read:?}"
        );
    }
    let filters = pond.lake.filters.lock().unwrap().clone();
    assert!(filters.contains(&Some("year = '2013' AND month = 2".to_owned())), "{filters:?}");
}

#[tokio::test]
async fn parquet_columns_are_found_by_name_in_any_case_or_are_null() {
    let pond = Pond::new().await;
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_357_016_400_123_456, 0]));
    pond.put("p/new.parquet", parquet(vec![("Name", names), ("ID", Arc::clone(&ids)), ("at", times)]));
    pond.put("p/old.parquet", parquet(vec![("id", ids)]));
    pond.run(
        "CREATE EXTERNAL TABLE p (id bigint, name string, at timestamp) STORED AS PARQUET LOCATION 's3://lake/p/'",
    )
    .await
    .unwrap();
    assert_eq!(
        pond.lines("SELECT * FROM p ORDER BY id, name, at").await,
        ["1|a|2013-01-01 05:00:00.123", "1|~|~", "2|~|1970-01-01 00:00:00.000", "2|~|~"]
    );
    assert_eq!(
        pond.lines("SELECT count(*), count(name), min(id), max(at) FROM p").await,
        ["4|1|1|2013-01-01 05:00:00.123"]
    );
    assert_eq!(pond.lines("SELECT id FROM p WHERE name = 'a' AND id < 2").await, ["1"]);
    assert_eq!(pond.lines("SELECT id FROM p WHERE at > TIMESTAMP '2013-01-01 00:00:00'").await, ["1"]);
}

#[tokio::test]
async fn broken_parquet_objects_are_named() {
    let pond = Pond::new().await;
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1_000));
    let whole = parquet(vec![("id", ids)]);
    pond.run("CREATE EXTERNAL TABLE c (id bigint) STORED AS PARQUET LOCATION 's3://lake/c/'").await.unwrap();
    pond.run("CREATE EXTERNAL TABLE s (id string) STORED AS PARQUET LOCATION 's3://lake/c/'").await.unwrap();
    for body in [whole.slice(..whole.len() / 2), whole.slice(..3), Bytes::from_static(b"PAR1PAR1")] {
        pond.put("c/a.parquet", body);
        let error = pond.error("SELECT sum(id) FROM c").await;
        assert!(error.starts_with("HIVE_C") && error.contains("s3://lake/c/a.parquet"), "{error}");
    }
    pond.put("c/a.parquet", whole);
    let error = pond.error("SELECT id FROM s").await;
    assert!(
        error.starts_with("HIVE_BAD_DATA: Field id's type bigint in parquet file s3://lake/c/a.parquet"),
        "{error}"
    );
}

#[tokio::test]
async fn delimited_text_is_read_as_hive_reads_it() {
    let pond = Pond::new().await;
    pond.put(
        "d/a.txt",
        "id|n|tags|m|s|at\n1|5|a,b|k:1,l:2|x,7|2013-01-01 05:00:00\n2|bad|\\N\n3|7|||,|nonsense|extra\n4|1.9",
    );
    pond.run(
        "CREATE EXTERNAL TABLE d (id int, n int, tags array<string>, m map<string,int>, s struct<a:string,b:int>, at timestamp)
         ROW FORMAT DELIMITED FIELDS TERMINATED BY '|' COLLECTION ITEMS TERMINATED BY ',' MAP KEYS TERMINATED BY ':'
         LOCATION 's3://lake/d/' TBLPROPERTIES ('skip.header.line.count'='1')",
    )
    .await
    .unwrap();
    assert_eq!(
        pond.lines("SELECT * FROM d ORDER BY id").await,
        [
            "1|5|[a, b]|{k=1, l=2}|{a=x, b=7}|2013-01-01 05:00:00.000",
            "2|~|~|~|~|~",
            "3|7|[]|{}|{a=, b=null}|~",
            "4|1|~|~|~|~",
        ]
    );
    assert_eq!(pond.lines("SELECT m['l'], s.a, tags[1] FROM d WHERE id = 1").await, ["2|x|a"]);
}

#[tokio::test]
async fn quoted_csv_is_strict_about_numbers() {
    let pond = Pond::new().await;
    pond.put("q/a.csv", "\"1\",\"a, \"\"b\"\"\",2.5\r\n2,\"\\\"c\\\"\",\n");
    pond.run(
        "CREATE EXTERNAL TABLE q (id int, t string, x string) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
         WITH SERDEPROPERTIES ('separatorChar'=',', 'quoteChar'='\"') LOCATION 's3://lake/q/'",
    )
    .await
    .unwrap();
    assert_eq!(pond.lines("SELECT * FROM q ORDER BY id").await, ["1|a, \"b\"|2.5", "2|\"c\"|"]);
    pond.put("q/b.csv", "x,y,z\n");
    let error = pond.error("SELECT sum(id) FROM q").await;
    assert!(error.starts_with("HIVE_BAD_DATA: Error parsing field value 'x' for field 0"), "{error}");
    assert_eq!(pond.lines("SELECT count(t) FROM q").await, ["3"]);
}

#[tokio::test]
async fn json_lines_are_read_and_broken_ones_are_named() {
    let pond = Pond::new().await;
    pond.put(
        "j/a.json",
        r#"{"Id": 1, "name": "a", "tags": ["x", null], "deep": {"n": 5, "m": {"k": 1.5}}, "at": "2013-01-01T05:00:00Z", "ok": true}
{"id": "2", "name": {"x": 1}, "other": 1}

{"id": null}"#,
    );
    let columns = "id int, name string, tags array<string>, deep struct<n:int,m:map<string,double>>, at timestamp, ok boolean";
    for (table, properties) in
        [("j", ""), ("lenient", "WITH SERDEPROPERTIES ('ignore.malformed.json'='true')")]
    {
        pond.run(&format!(
            "CREATE EXTERNAL TABLE {table} ({columns}) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' {properties}
             LOCATION 's3://lake/j/'"
        ))
        .await
        .unwrap();
    }
    assert_eq!(
        pond.lines("SELECT * FROM j ORDER BY id").await,
        [
            "1|a|[x, null]|{n=5, m={k=1.5}}|2013-01-01 05:00:00.000|true",
            "2|{\"x\":1}|~|~|~|~",
            "~|~|~|~|~|~",
            "~|~|~|~|~|~",
        ]
    );
    pond.put("j/b.json", "{\"id\": 3}\n{\"id\": \n");
    let error = pond.error("SELECT id FROM j").await;
    assert!(
        error.starts_with(
            "HIVE_CURSOR_ERROR: Failed to read file at s3://lake/j/b.json: Row is not a valid JSON Object"
        ),
        "{error}"
    );
    assert_eq!(pond.lines("SELECT max(id) FROM lenient").await, ["3"]);
}

#[tokio::test]
async fn compressed_text_is_read_by_its_extension() {
    use std::io::Write as _;
    let pond = Pond::new().await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"1\n2\n").unwrap();
    pond.put("z/a.gz", gzip.finish().unwrap());
    pond.put("z/b.zst", zstd::encode_all(&b"3\n"[..], 1).unwrap());
    pond.put("z/c.csv", "4\n");
    pond.put("z/_hidden", "100\n");
    pond.run("CREATE EXTERNAL TABLE z (n int) LOCATION 's3://lake/z/'").await.unwrap();
    assert_eq!(pond.lines("SELECT count(*), sum(n) FROM z").await, ["4|10"]);
    pond.put("z/d.gz", "no gzip at all");
    let error = pond.error("SELECT sum(n) FROM z").await;
    assert!(error.starts_with("HIVE_CURSOR_ERROR: Failed to read file at s3://lake/z/d.gz"), "{error}");
}

#[tokio::test]
async fn large_text_is_split_at_its_lines() {
    let pond = Pond::new().await;
    let mut body = String::from("n,t\n");
    for n in 0..400_000 {
        body.push_str(&format!("{n},some text that fills the line {n}\n"));
    }
    assert!(body.len() > 16 << 20);
    pond.put("l/a.csv", body.clone());
    body.truncate(body.len() - 1);
    pond.put("m/a.csv", body);
    for table in ["l", "m"] {
        pond.run(&format!(
            "CREATE EXTERNAL TABLE {table} (n bigint, t string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ','
             LOCATION 's3://lake/{table}/' TBLPROPERTIES ('skip.header.line.count'='1')"
        ))
        .await
        .unwrap();
        let sum: u64 = (0..400_000).sum();
        let expected = format!("400000|{sum}|399999|400000");
        assert_eq!(
            pond.lines(&format!("SELECT count(*), sum(n), max(n), count(DISTINCT t) FROM {table}")).await,
            [expected]
        );
    }
}
