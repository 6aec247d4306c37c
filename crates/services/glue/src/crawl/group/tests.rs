//! Grouping as tables of listings.

use super::super::classify::{Compression, CsvLayout};
use super::*;
use crate::hive::HiveType;

const CSV: Format = Format::Csv(CsvLayout { delimiter: b',', quote: b'"', header: true, quoted: false });

fn kind(format: Format, columns: &str) -> Arc<Kind> {
    let columns = columns.split(' ').map(|name| (name.to_owned(), HiveType::BigInt)).collect();
    Arc::new(Kind { format, compression: Compression::None, columns })
}

fn file(key: &str, kind: &Arc<Kind>) -> File {
    File { key: key.to_owned(), bytes: 100, records: 10, kind: kind.clone() }
}

/// Tables as `root [keys] {values at folder; …} columns`.
fn described(grouped: &Grouped) -> Vec<String> {
    let table = |table: &FoundTable| {
        let partitions: Vec<String> =
            table.partitions.iter().map(|p| format!("{}@{}", p.values.join(","), p.root)).collect();
        let columns: Vec<&str> = table.kind.columns.iter().map(|(name, _)| name.as_str()).collect();
        format!(
            "{}={} [{}] {{{}}} {}",
            table.base_name,
            table.root,
            table.partition_keys.join(" "),
            partitions.join("; "),
            columns.join(" ")
        )
    };
    grouped.tables.iter().map(table).collect()
}

fn check(prefix: &str, files: &[(&str, &Arc<Kind>)], wanted: &[&str]) {
    let files = files.iter().map(|(key, kind)| file(key, kind));
    assert_eq!(described(&group("pond", prefix, files, Grouping::default())), wanted);
}

#[test]
fn folders_become_tables_and_partitions() {
    let (ab, xyz) = (kind(Format::Parquet, "a b c"), kind(CSV, "x y z"));
    check("lake/", &[("1.parquet", &ab), ("2.parquet", &ab)], &["lake=lake/ [] {} a b c"]);
    check("", &[("1.parquet", &ab)], &["pond= [] {} a b c"]);
    check(
        "lake/",
        &[("t/year=2013/month=1/a", &ab), ("t/year=2013/month=2/a", &ab), ("u/x.csv", &xyz)],
        &[
            "t=lake/t/ [year month] {2013,1@lake/t/year=2013/month=1/; 2013,2@lake/t/year=2013/month=2/} a b c",
            "u=lake/u/ [] {} x y z",
        ],
    );
    check(
        "lake/",
        &[("events/2013/01/05/a", &ab), ("events/2013/01/06/a", &ab)],
        &["events=lake/events/ [partition_0 partition_1 partition_2] \
           {2013,01,05@lake/events/2013/01/05/; 2013,01,06@lake/events/2013/01/06/} a b c"],
    );
    check("lake/", &[("Year=2013/a", &ab)], &["lake=lake/ [year] {2013@lake/Year=2013/} a b c"]);
    check(
        "lake/",
        &[("dt=a%3Ab/f", &ab), ("dt=50%/f", &ab)],
        &["lake=lake/ [dt] {50%@lake/dt=50%/; a:b@lake/dt=a%3Ab/} a b c"],
    );
}

#[test]
fn what_differs_stands_apart() {
    let (ab, xyz) = (kind(Format::Parquet, "a b c"), kind(CSV, "x y z"));
    check(
        "lake/",
        &[("a.parquet", &ab), ("x.csv", &xyz)],
        &["a.parquet=lake/a.parquet [] {} a b c", "x.csv=lake/x.csv [] {} x y z"],
    );
    let (small, large) = (kind(CSV, "carrier name"), kind(CSV, "faa name lat lon"));
    check(
        "ref/",
        &[("airlines/f.csv", &small), ("airports/f.csv", &large)],
        &["airlines=ref/airlines/ [] {} carrier name", "airports=ref/airports/ [] {} faa name lat lon"],
    );
    check(
        "ref/",
        &[("one/f", &ab), ("two/f", &ab)],
        &["ref=ref/ [partition_0] {one@ref/one/; two@ref/two/} a b c"],
    );
}

#[test]
fn partitions_gain_columns_and_lose_those_that_are_keys() {
    let (before, after) = (kind(Format::Parquet, "a b day"), kind(Format::Parquet, "a b c d e day"));
    check(
        "t/",
        &[("day=1/f", &before), ("day=2/f", &after)],
        &["t=t/ [day] {1@t/day=1/; 2@t/day=2/} a b c d e"],
    );
    let csv = kind(CSV, "a day");
    check("t/", &[("day=1/f", &csv)], &["t=t/ [day] {1@t/day=1/} a day_1"]);
}

#[test]
fn stray_files_beside_partitions_are_named() {
    let ab = kind(Format::Parquet, "a b c");
    let files = [file("day=1/f", &ab), file("stray", &ab)];
    let grouped = group("pond", "t/", files, Grouping::default());
    assert_eq!(described(&grouped), ["t=t/ [day] {1@t/day=1/} a b c"]);
    let reason = "1 file(s) lie outside of the table's partitions".to_owned();
    assert_eq!(grouped.skipped, [Skipped { key: "t/".to_owned(), reason }]);
    assert_eq!(grouped.tables[0].stats, Stats { objects: 1, bytes: 100, records: 10 });
}

#[test]
fn the_configuration_bends_the_rules() {
    let (a, b) = (kind(CSV, "a b c"), kind(CSV, "x y z"));
    let files = || [file("one/f", &a), file("two/f", &b)];
    let combined = group("pond", "", files(), Grouping { combine: true, table_level: None });
    assert_eq!(described(&combined), ["pond= [partition_0] {one@one/; two@two/} a b c x y z"]);
    let level = |table_level| {
        let files = [file("lake/t/one/f", &a), file("lake/t/two/f", &a), file("lake/u/one/f", &a)];
        described(&group("pond", "", files, Grouping { combine: false, table_level: Some(table_level) }))
    };
    assert_eq!(
        level(3),
        [
            "t=lake/t/ [partition_0] {one@lake/t/one/; two@lake/t/two/} a b c",
            "u=lake/u/ [partition_0] {one@lake/u/one/} a b c"
        ]
    );
    assert_eq!(level(4).len(), 3);
}
