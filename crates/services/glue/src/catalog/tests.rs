//! The catalog over a real store: names, pages, versions, and many partitions.

use std::time::Duration;

use millpond_core::Timestamp;
use millpond_store::{Reads as _, StoreOptions};
use millpond_wire::ServiceError as _;
use millpond_work::{Pass, Worker as _};

use super::garbage::Sweeper;
use super::*;
use crate::filter::Predicate;
use crate::model::{Column, DatabaseSpec, PartitionSpec, TableSpec};

struct Pond {
    catalog: Catalog,
    clock: Clock,
    scope: Scope,
    _dir: tempfile::TempDir,
}

fn pond() -> Pond {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store"), StoreOptions::default()).unwrap();
    let clock = Clock::manual(Timestamp::from_secs(1_000));
    let scope = Scope::new("000000000000".parse().unwrap(), Region::us_east_1());
    Pond { catalog: Catalog::new(store, clock.clone(), Wake::new()), clock, scope, _dir: dir }
}

fn table_spec(name: &str, keys: &[(&str, &str)]) -> TableSpec {
    let partition_keys = keys.iter().map(|(name, hive_type)| Column::new(*name, *hive_type)).collect();
    TableSpec { name: name.to_owned(), partition_keys, ..TableSpec::default() }
}

fn values(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn partition(of: &[&str]) -> PartitionSpec {
    PartitionSpec { values: values(of), ..PartitionSpec::default() }
}

async fn with_table(keys: &[(&str, &str)]) -> Pond {
    let pond = pond();
    let spec = DatabaseSpec { name: "DB".to_owned(), ..DatabaseSpec::default() };
    pond.catalog.create_database(&pond.scope, spec).await.unwrap();
    pond.catalog.create_table(&pond.scope, "db", table_spec("T", keys), "me".to_owned()).await.unwrap();
    pond
}

/// The first values of every partition that the expression keeps, page by page.
fn listed(pond: &Pond, expression: &str, limit: usize) -> Vec<String> {
    let filter = Predicate::parse(expression).unwrap();
    let mut all = Vec::new();
    let mut after: Option<Vec<String>> = None;
    loop {
        let query = PartitionQuery { filter: &filter, segment: None, after: after.as_deref(), limit };
        let page = pond.catalog.partitions(&pond.scope, "db", "t", &query).unwrap();
        assert!(page.items.len() <= limit);
        all.extend(page.items.into_iter().map(|partition| partition.spec.values.join("/")));
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

#[tokio::test]
async fn names_are_kept_in_lower_case_and_once() {
    let pond = with_table(&[]).await;
    let spec = || DatabaseSpec { name: "dB".to_owned(), ..DatabaseSpec::default() };
    let again = pond.catalog.create_database(&pond.scope, spec()).await;
    assert_eq!(again.map_err(|error| error.to_string()), Err("Database already exists.".to_owned()));
    assert_eq!(pond.catalog.table(&pond.scope, "DB", "t").unwrap().spec.name, "t");
    let again = pond.catalog.create_table(&pond.scope, "Db", table_spec("t", &[]), String::new()).await;
    assert_eq!(again.map_err(|error| error.to_string()), Err("Table already exists.".to_owned()));
    let missing =
        pond.catalog.table(&pond.scope, "db", "Nope").map_err(|error| (error.code(), error.to_string()));
    assert_eq!(missing, Err(("EntityNotFoundException", "Table nope not found.".to_owned())));
    let missing = pond.catalog.table(&pond.scope, "nope", "t").map_err(|error| error.to_string());
    assert_eq!(missing, Err("Database nope not found.".to_owned()));
}

#[tokio::test]
async fn updates_keep_versions_and_refuse_stale_ones() {
    let pond = with_table(&[]).await;
    pond.clock.advance(Duration::from_secs(5));
    let update = |comment: &str| TableSpec { description: Some(comment.to_owned()), ..table_spec("t", &[]) };
    let how = TableUpdate { expected_version: Some(0), ..TableUpdate::default() };
    pond.catalog.update_table(&pond.scope, "db", update("one"), how).await.unwrap();
    let stale = pond.catalog.update_table(&pond.scope, "db", update("two"), how).await;
    assert_eq!(stale.map_err(|error| error.code()), Err("ConcurrentModificationException"));
    let now = pond.catalog.table(&pond.scope, "db", "t").unwrap();
    assert_eq!((now.version, now.updated), (1, Timestamp::from_secs(1_005)));
    let versions = pond.catalog.table_versions(&pond.scope, "db", "t", None, 10).unwrap();
    assert_eq!(versions.items.iter().map(|table| table.version).collect::<Vec<_>>(), [1, 0]);
    let first = pond.catalog.table_version(&pond.scope, "db", "t", Some(0)).unwrap();
    assert_eq!(first.spec.description, None);
    let skip = TableUpdate { skip_archive: true, ..TableUpdate::default() };
    pond.catalog.update_table(&pond.scope, "db", update("three"), skip).await.unwrap();
    let page = pond.catalog.table_versions(&pond.scope, "db", "t", None, 1).unwrap();
    assert_eq!((page.items[0].version, page.next), (2, Some(2)));
    let page = pond.catalog.table_versions(&pond.scope, "db", "t", Some(2), 1).unwrap();
    assert_eq!((page.items[0].version, page.next), (0, None));
}

#[tokio::test]
async fn batches_fail_item_by_item() {
    let pond = with_table(&[("y", "string"), ("m", "int")]).await;
    let specs = vec![
        partition(&["2013", "1"]),
        partition(&["2013"]),
        partition(&["2013", "1"]),
        partition(&["2013", "2"]),
    ];
    let failed = pond.catalog.create_partitions(&pond.scope, "db", "t", specs).await.unwrap();
    let failed: Vec<_> =
        failed.iter().map(|failure| (failure.values.join("/"), failure.error.code())).collect();
    assert_eq!(
        failed,
        [("2013".to_owned(), "InvalidInputException"), ("2013/1".to_owned(), "AlreadyExistsException")]
    );
    let moved = vec![
        (values(&["2013", "2"]), partition(&["2014", "1"])),
        (values(&["9", "9"]), partition(&["9", "9"])),
    ];
    let failed = pond.catalog.update_partitions(&pond.scope, "db", "t", moved).await.unwrap();
    assert_eq!(
        failed.iter().map(|failure| failure.error.code()).collect::<Vec<_>>(),
        ["EntityNotFoundException"]
    );
    assert_eq!(listed(&pond, "", 10), ["2013/1", "2014/1"]);
    let gone = vec![values(&["2013", "1"]), values(&["2013", "1"])];
    let failed = pond.catalog.delete_partitions(&pond.scope, "db", "t", gone).await.unwrap();
    assert_eq!(failed.len(), 1);
}

#[tokio::test]
async fn partitions_are_listed_in_pages_by_expression_and_in_segments() {
    let pond = with_table(&[("y", "string"), ("m", "int")]).await;
    for year in ["2012", "2013", "2014"] {
        let specs = (1..=12).map(|month| partition(&[year, &format!("{month:02}")])).collect();
        assert!(pond.catalog.create_partitions(&pond.scope, "db", "t", specs).await.unwrap().is_empty());
    }
    for limit in [1, 5, 1_000] {
        assert_eq!(listed(&pond, "", limit).len(), 36);
        assert_eq!(listed(&pond, "y = '2013' AND m = 2", limit), ["2013/02"]);
        assert_eq!(listed(&pond, "y > '2012' AND y <= '2014' AND m IN (1, 12)", limit).len(), 4);
        assert_eq!(listed(&pond, "m = 1 OR y = '2012'", limit).len(), 14);
        assert_eq!(listed(&pond, "y = '201'", limit), Vec::<String>::new());
    }
    let all = Predicate::all();
    let mut shared = 0;
    for number in 0..3 {
        let segment = Some(Segment { number, total: 3 });
        let query = PartitionQuery { filter: &all, segment, after: None, limit: 1_000 };
        shared += pond.catalog.partitions(&pond.scope, "db", "t", &query).unwrap().items.len();
    }
    assert_eq!(shared, 36);
}

#[tokio::test]
async fn what_is_dropped_is_gone_at_once_and_swept_later() {
    let pond = with_table(&[("k", "string")]).await;
    let specs = (0..1_200).map(|n| partition(&[&format!("{n}")])).collect();
    pond.catalog.create_partitions(&pond.scope, "db", "t", specs).await.unwrap();
    pond.catalog.delete_database(&pond.scope, "db").await.unwrap();
    assert!(pond.catalog.table(&pond.scope, "db", "t").is_err());
    let spec = DatabaseSpec { name: "db".to_owned(), ..DatabaseSpec::default() };
    pond.catalog.create_database(&pond.scope, spec).await.unwrap();
    pond.catalog
        .create_table(&pond.scope, "db", table_spec("t", &[("k", "string")]), String::new())
        .await
        .unwrap();
    assert_eq!(listed(&pond, "", 1_000), Vec::<String>::new());
    let sweeper = Sweeper { store: pond.catalog.store.clone() };
    while sweeper.pass().await.unwrap() != Pass::Idle {}
    let snapshot = pond.catalog.store.read().unwrap();
    assert_eq!(snapshot.prefix(&PARTITIONS, &()).count(), 0);
    assert_eq!(snapshot.prefix(&TABLES, &()).count(), 1);
}
