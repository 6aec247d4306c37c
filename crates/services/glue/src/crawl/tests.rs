//! Whole crawls over a real S3 and a real catalog.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use millpond_blob::{BlobOptions, Blobs};
use millpond_core::{Clock, Region, RootKey, Scope, Timestamp};
use millpond_gateway::{Caller, Errand, RoleError, Roles};
use millpond_kms::Kms;
use millpond_policy::Principal;
use millpond_s3::{PutOptions, S3, S3Settings};
use millpond_store::{Store, StoreOptions};
use millpond_work::{Pass, Tasks, Wake, Worker as _};
use parquet::arrow::ArrowWriter;

use super::crawler::{Changes, CrawlStatus, CrawlerSpec, OnDelete, OnUpdate, S3Target, State};
use super::own::Classifiers;
use super::run::{CrawlWorker, Crawls};
use super::store::Crawlers;
use crate::catalog::{Catalog, PartitionQuery};
use crate::error::GlueError;
use crate::filter::Predicate;
use crate::model::Table;

struct Pond {
    s3: S3,
    caller: Caller,
    scope: Scope,
    clock: Clock,
    tasks: Tasks,
    worker: CrawlWorker,
    _dir: tempfile::TempDir,
}

/// Every role but one is the account's owner.
struct Owner(Caller);

impl Roles for Owner {
    fn pass(&self, _: &Caller, role: &str, errand: &Errand<'_>) -> Result<Caller, RoleError> {
        self.assume(role, errand)
    }

    fn assume(&self, role: &str, errand: &Errand<'_>) -> Result<Caller, RoleError> {
        if role.ends_with(":role/nobody") { Err(errand.refused(role)) } else { Ok(self.0.clone()) }
    }
}

async fn pond() -> Pond {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp::from_secs(1_700_000_000));
    let tasks = Tasks::new(clock.clone());
    let store = Store::open(&dir.path().join("store"), StoreOptions::default()).unwrap();
    let key = RootKey::generate().unwrap();
    let blobs = Blobs::open(&dir.path().join("blobs"), &key, clock.clone(), BlobOptions::default()).unwrap();
    let settings = S3Settings::default();
    let s3 = S3::open(millpond_s3::Deps {
        store: store.clone(),
        blobs,
        kms: Kms::open(millpond_kms::Deps {
            store: store.clone(),
            root_key: &key,
            clock: clock.clone(),
            tasks: &tasks,
        }),
        root_key: &key,
        clock: clock.clone(),
        tasks: &tasks,
        settings,
    })
    .unwrap();
    let scope = Scope::new("000000000000".parse().unwrap(), Region::us_east_1());
    let principal = Principal::Root { account: scope.account.clone() };
    let caller = Caller::on_behalf_of(principal, scope.clone(), clock.clone());
    s3.create_bucket(&caller, "pond").await.unwrap();
    let shared = Arc::new(Crawls {
        catalog: Catalog::new(store.clone(), clock.clone(), Wake::new()),
        crawlers: Crawlers::new(store.clone(), clock.clone()),
        classifiers: Classifiers::new(store, clock.clone()),
        s3: s3.clone(),
        roles: Arc::new(Owner(caller.clone())),
        clock: clock.clone(),
        token: tasks.token().clone(),
        claimed: Mutex::new(HashSet::new()),
    });
    let worker = CrawlWorker { name: "glue.crawls.1".to_owned(), shared };
    Pond { s3, caller, scope, clock, tasks, worker, _dir: dir }
}

fn spec(path: &str) -> CrawlerSpec {
    let target = S3Target { path: path.to_owned(), ..S3Target::default() };
    CrawlerSpec {
        name: "c".to_owned(),
        role: "r".to_owned(),
        database: "lake".to_owned(),
        targets: vec![target],
        ..CrawlerSpec::default()
    }
}

impl Pond {
    fn crawlers(&self) -> &Crawlers {
        &self.worker.shared.crawlers
    }

    fn catalog(&self) -> &Catalog {
        &self.worker.shared.catalog
    }

    async fn put(&self, key: &str, body: impl Into<Vec<u8>>) {
        self.s3.put(&self.caller, "pond", key, body.into(), PutOptions::default()).await.unwrap();
    }

    async fn delete(&self, key: &str) {
        self.s3.delete(&self.caller, "pond", key).await.unwrap();
    }

    /// Runs the crawler and gives its last crawl: how it ended, why, and what it did.
    async fn crawl(&self) -> (CrawlStatus, Option<String>, Changes) {
        self.crawlers().start(&self.scope, "c").await.unwrap();
        assert_eq!(self.worker.pass().await.unwrap(), Pass::MoreToDo);
        assert_eq!(self.worker.pass().await.unwrap(), Pass::Idle);
        let crawler = self.crawlers().get(&self.scope, "c").unwrap();
        assert_eq!(crawler.state, State::Ready);
        let last = crawler.last_crawl.unwrap();
        (last.status, last.error, crawler.changes)
    }

    async fn crawl_well(&self) -> [u32; 3] {
        let (status, error, changes) = self.crawl().await;
        assert_eq!((status, error), (CrawlStatus::Succeeded, None));
        [changes.tables_created, changes.tables_updated, changes.tables_deleted]
    }

    fn table(&self, name: &str) -> Table {
        self.catalog().table(&self.scope, "lake", name).unwrap()
    }

    fn tables(&self) -> Vec<String> {
        let page = self.catalog().tables(&self.scope, "lake", None, 100, |_| true).unwrap();
        page.items.into_iter().map(|table| table.spec.name).collect()
    }

    /// Partitions as `values@location`, those marked as gone with a `!`.
    fn partitions(&self, table: &str) -> Vec<String> {
        let filter = Predicate::all();
        let query = PartitionQuery { filter: &filter, segment: None, after: None, limit: 1_000 };
        let page = self.catalog().partitions(&self.scope, "lake", table, &query).unwrap();
        let shown = |spec: crate::model::PartitionSpec| {
            let gone = if spec.parameters.contains_key("DEPRECATED_BY_CRAWLER") { "!" } else { "" };
            let location = spec.storage.and_then(|storage| storage.location).unwrap_or_default();
            format!("{gone}{}@{location}", spec.values.join("/"))
        };
        page.items.into_iter().map(|partition| shown(partition.spec)).collect()
    }
}

/// Columns as `name:type name:type`.
fn columns(table: &Table) -> String {
    let column = |column: &crate::model::Column| format!("{}:{}", column.name, column.hive_type);
    table.spec.columns().iter().map(column).collect::<Vec<_>>().join(" ")
}

fn parquet_file(columns: &[&str]) -> Vec<u8> {
    let column = |name: &&str| -> (String, ArrayRef) {
        let values: ArrayRef = match name.starts_with('s') {
            true => Arc::new(StringArray::from(vec!["x", "y"])),
            false => Arc::new(Int64Array::from(vec![1, 2])),
        };
        ((*name).to_owned(), values)
    };
    let batch = RecordBatch::try_from_iter(columns.iter().map(column)).unwrap();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

#[tokio::test]
async fn a_lake_of_three_formats_becomes_three_tables() {
    let pond = pond().await;
    pond.put("lake/planes/planes.csv", "tailnum,year,seats\nN1,2004,55\nN2,1998,182\n").await;
    pond.put("lake/notes/2013/01/05/a.json", "{\"id\":1,\"tags\":[\"a\"]}\n{\"id\":2,\"tags\":[]}\n").await;
    pond.put("lake/flights/year=2013/month=1/a.parquet", parquet_file(&["n", "s", "month"])).await;
    pond.put("lake/flights/year=2013/month=2/a.parquet", parquet_file(&["n", "s", "month"])).await;
    pond.put("lake/flights/_SUCCESS", "done").await;
    pond.put("lake/flights/year=2013/month=2/cut.parquet", &parquet_file(&["n"])[..100]).await;
    pond.crawlers().create(&pond.scope, spec("s3://pond/lake")).await.unwrap();
    assert_eq!(pond.crawl_well().await, [3, 0, 0]);
    assert_eq!(pond.tables(), ["flights", "notes", "planes"]);

    let flights = pond.table("flights");
    assert_eq!(columns(&flights), "n:bigint s:string");
    let keys: Vec<_> =
        flights.spec.partition_keys.iter().map(|key| (key.name.as_str(), key.hive_type.as_str())).collect();
    assert_eq!(keys, [("year", "string"), ("month", "string")]);
    assert_eq!(
        pond.partitions("flights"),
        [
            "2013/1@s3://pond/lake/flights/year=2013/month=1/",
            "2013/2@s3://pond/lake/flights/year=2013/month=2/"
        ]
    );
    let parameter = |table: &Table, name: &str| table.spec.parameters.get(name).cloned();
    assert_eq!(parameter(&flights, "classification").as_deref(), Some("parquet"));
    assert_eq!(parameter(&flights, "recordCount").as_deref(), Some("4"));
    assert_eq!(parameter(&flights, "UPDATED_BY_CRAWLER").as_deref(), Some("c"));

    let planes = pond.table("planes");
    assert_eq!(columns(&planes), "tailnum:string year:bigint seats:bigint");
    assert_eq!(planes.spec.location(), Some("s3://pond/lake/planes/"));
    assert_eq!(parameter(&planes, "skip.header.line.count").as_deref(), Some("1"));
    assert_eq!(columns(&pond.table("notes")), "id:int tags:array<string>");
    assert_eq!(pond.partitions("notes"), ["2013/01/05@s3://pond/lake/notes/2013/01/05/"]);
    assert_eq!(pond.crawl_well().await, [0, 0, 0], "nothing changed");
    assert_eq!(pond.table("flights").version, 0);
}

#[tokio::test]
async fn a_second_run_adds_what_is_new_and_updates_what_changed() {
    let pond = pond().await;
    pond.put("t/day=1/a", parquet_file(&["n", "s"])).await;
    pond.crawlers().create(&pond.scope, spec("s3://pond/t/")).await.unwrap();
    assert_eq!(pond.crawl_well().await, [1, 0, 0]);
    pond.put("t/day=2/a", parquet_file(&["n", "s", "m"])).await;
    assert_eq!(pond.crawl_well().await, [0, 1, 0]);
    let table = pond.table("t");
    assert_eq!((columns(&table).as_str(), table.version), ("n:bigint s:string m:bigint", 1));
    assert_eq!(pond.partitions("t"), ["1@s3://pond/t/day=1/", "2@s3://pond/t/day=2/"]);
    pond.put("t/day=3/a", parquet_file(&["n", "s", "m"])).await;
    assert_eq!(pond.crawl_well().await, [0, 0, 0]);
    assert_eq!((pond.partitions("t").len(), pond.table("t").version), (3, 1));

    let only_log = |spec: &mut CrawlerSpec| {
        spec.on_update = OnUpdate::Log;
        Ok(())
    };
    pond.crawlers().update(&pond.scope, "c", only_log).await.unwrap();
    pond.put("t/day=4/a", parquet_file(&["n", "s", "k"])).await;
    assert_eq!(pond.crawl_well().await, [0, 0, 0]);
    assert_eq!(columns(&pond.table("t")), "n:bigint s:string m:bigint");
    assert_eq!(pond.partitions("t").len(), 4);
}

#[tokio::test]
async fn what_is_gone_is_marked_or_deleted_as_the_policy_says() {
    let pond = pond().await;
    for key in ["lake/t/day=1/a", "lake/t/day=2/a"] {
        pond.put(key, parquet_file(&["n", "s"])).await;
    }
    pond.put("lake/u/a.csv", "a,b\n1,2\n3,4\n").await;
    pond.crawlers().create(&pond.scope, spec("s3://pond/lake/")).await.unwrap();
    assert_eq!(pond.crawl_well().await, [2, 0, 0]);
    pond.delete("lake/t/day=1/a").await;
    pond.delete("lake/u/a.csv").await;
    pond.clock.advance(Duration::from_secs(1));
    assert_eq!(pond.crawl_well().await, [0, 1, 0]);
    assert_eq!(pond.partitions("t"), ["!1@s3://pond/lake/t/day=1/", "2@s3://pond/lake/t/day=2/"]);
    assert_eq!(pond.table("u").spec.parameters.get("DEPRECATED_BY_CRAWLER").unwrap(), "1700000001000");
    assert_eq!(pond.crawl_well().await, [0, 0, 0], "marked once");

    let delete = |spec: &mut CrawlerSpec| {
        spec.on_delete = OnDelete::DeleteFromDatabase;
        Ok(())
    };
    pond.crawlers().update(&pond.scope, "c", delete).await.unwrap();
    // Objects that cannot be read are not gone.
    pond.put("lake/t/day=2/a", "PAR1 but cut short").await;
    pond.put("lake/t/day=3/a", parquet_file(&["n", "s"])).await;
    assert_eq!(pond.crawl_well().await, [0, 0, 1]);
    assert_eq!(pond.tables(), ["t"]);
    assert_eq!(pond.partitions("t"), ["2@s3://pond/lake/t/day=2/", "3@s3://pond/lake/t/day=3/"]);
}

#[tokio::test]
async fn a_name_that_is_taken_gets_a_suffix_and_people_keep_what_they_wrote() {
    let pond = pond().await;
    pond.put("a/t/f.csv", "a,b\n1,2\n3,4\n").await;
    pond.put("b/t/f.csv", "a,b\n1,2\n3,4\n").await;
    let mut both = spec("s3://pond/a/t/");
    both.targets.push(S3Target { path: "s3://pond/b/t/f.csv".to_owned(), ..S3Target::default() });
    both.targets.push(S3Target { path: "s3://pond/b/".to_owned(), ..S3Target::default() });
    both.table_prefix = "raw_".to_owned();
    pond.crawlers().create(&pond.scope, both).await.unwrap();
    assert_eq!(pond.crawl_well().await, [3, 0, 0]);
    let tables = pond.tables();
    assert_eq!(tables[0], "raw_f_csv");
    assert_eq!(tables[1], "raw_t");
    assert!(tables[2].starts_with("raw_t_") && tables[2].len() == 38, "{tables:?}");
    let mut table = pond.table("raw_t");
    table.spec.description = Some("mine".to_owned());
    if let Some(storage) = &mut table.spec.storage {
        storage.columns[0].comment = Some("first".to_owned());
    }
    pond.catalog().update_table(&pond.scope, "lake", table.spec, Default::default()).await.unwrap();
    pond.put("a/t/f.csv", "a,b\n1.5,2\n3,4\n").await;
    assert_eq!(pond.crawl_well().await, [0, 1, 0]);
    let table = pond.table("raw_t");
    assert_eq!(columns(&table), "a:double b:bigint");
    assert_eq!(table.spec.description.as_deref(), Some("mine"));
    assert_eq!(table.spec.columns()[0].comment.as_deref(), Some("first"));
}

#[tokio::test]
async fn a_crawl_that_cannot_be_done_fails_with_its_reason() {
    let pond = pond().await;
    pond.crawlers().create(&pond.scope, spec("s3://nowhere-to-be-found/x")).await.unwrap();
    let (status, error, _) = pond.crawl().await;
    assert_eq!(status, CrawlStatus::Failed);
    assert_eq!(error.as_deref(), Some("The specified bucket does not exist"));
    pond.put("one/a.csv", "a,b\n1,2\n").await;
    pond.put("two/a.csv", "x,y\n1,2\n").await;
    let narrow = |spec: &mut CrawlerSpec| {
        spec.targets = vec![S3Target { path: "s3://pond".to_owned(), ..S3Target::default() }];
        spec.configuration =
            Some(r#"{"Version":1.0,"CrawlerOutput":{"Tables":{"TableThreshold":1}}}"#.to_owned());
        Ok(())
    };
    pond.crawlers().update(&pond.scope, "c", narrow).await.unwrap();
    let (status, error, _) = pond.crawl().await;
    assert_eq!(status, CrawlStatus::Failed);
    assert!(error.unwrap().contains("table threshold"), "names the threshold");
    let untrusting = |spec: &mut CrawlerSpec| {
        "nobody".clone_into(&mut spec.role);
        Ok(())
    };
    pond.crawlers().update(&pond.scope, "c", untrusting).await.unwrap();
    let (status, error, _) = pond.crawl().await;
    assert_eq!(status, CrawlStatus::Failed);
    assert!(error.unwrap().starts_with("Service is unable to assume provided role."));
}

#[tokio::test]
async fn a_stopped_crawl_is_cancelled_and_one_cut_short_runs_again() {
    let pond = pond().await;
    pond.put("t/a.csv", "a,b\n1,2\n3,4\n").await;
    pond.crawlers().create(&pond.scope, spec("s3://pond/t")).await.unwrap();
    pond.crawlers().start(&pond.scope, "c").await.unwrap();
    assert!(matches!(pond.crawlers().delete(&pond.scope, "c").await, Err(GlueError::CrawlerRunning(_))));
    pond.crawlers().stop(&pond.scope, "c").await.unwrap();
    assert_eq!(pond.worker.pass().await.unwrap(), Pass::MoreToDo);
    let crawler = pond.crawlers().get(&pond.scope, "c").unwrap();
    assert_eq!(crawler.last_crawl.unwrap().status, CrawlStatus::Cancelled);
    assert!(pond.catalog().database(&pond.scope, "lake").is_err(), "nothing was done");

    // A shutdown leaves the run where it is; the next start finds it.
    pond.crawlers().start(&pond.scope, "c").await.unwrap();
    pond.tasks.token().cancel();
    assert_eq!(pond.worker.pass().await.unwrap(), Pass::Idle);
    assert!(matches!(pond.crawlers().get(&pond.scope, "c").unwrap().state, State::Running { .. }));
    let restarted = Crawls {
        catalog: pond.catalog().clone(),
        crawlers: pond.crawlers().clone(),
        classifiers: pond.worker.shared.classifiers.clone(),
        s3: pond.s3.clone(),
        roles: Arc::new(Owner(pond.caller.clone())),
        clock: pond.clock.clone(),
        token: millpond_work::CancellationToken::new(),
        claimed: Mutex::new(HashSet::new()),
    };
    let worker = CrawlWorker { name: "glue.crawls.1".to_owned(), shared: Arc::new(restarted) };
    assert_eq!(worker.pass().await.unwrap(), Pass::MoreToDo);
    assert_eq!(pond.tables(), ["t"]);
}
