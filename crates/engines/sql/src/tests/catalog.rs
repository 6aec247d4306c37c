//! Statements on the catalog.

use super::Pond;

const CREATE: &str = "CREATE EXTERNAL TABLE IF NOT EXISTS `logs` (
    `at` timestamp COMMENT 'when',
    tags array<string>,
    `user` struct<id:int,name:string>,
    price decimal(10, 2)
  )
  COMMENT 'the logs'
  PARTITIONED BY (year string, month int)
  ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' WITH SERDEPROPERTIES ('ignore.malformed.json'='true')
  LOCATION 's3://lake/logs/'
  TBLPROPERTIES ('classification'='json')";

#[tokio::test]
async fn tables_are_created_shown_and_dropped() {
    let pond = Pond::new().await;
    for sql in [
        CREATE,
        CREATE,
        "CREATE SCHEMA IF NOT EXISTS sales COMMENT 'x'",
        "CREATE DATABASE IF NOT EXISTS sales",
    ] {
        assert!(pond.lines(sql).await.is_empty());
    }
    for (sql, expected) in [
        ("SHOW DATABASES", vec!["default", "sales"]),
        ("SHOW SCHEMAS LIKE 's*'", vec!["sales"]),
        ("SHOW TABLES", vec!["logs"]),
        ("SHOW TABLES IN default 'x*'", vec![]),
        ("SHOW COLUMNS IN logs", vec!["at", "tags", "user", "price", "year", "month"]),
        ("SHOW TBLPROPERTIES logs('classification')", vec!["classification|json"]),
        ("SHOW PARTITIONS logs", vec![]),
        ("DESCRIBE logs price", vec!["price               |decimal(10,2)       |                    "]),
    ] {
        assert_eq!(pond.lines(sql).await, expected, "{sql}");
    }
    let described = pond.lines("DESCRIBE default.logs").await;
    assert_eq!(described.len(), 12, "{described:?}");
    assert!(described[2].contains("struct<id:int,name:string>"), "{described:?}");
    // What SHOW CREATE TABLE says creates the same table again.
    let statement = pond.lines("SHOW CREATE TABLE logs").await.join("\n");
    let before = pond.lake.tables.lock().unwrap().values().next().unwrap().0.clone();
    pond.run("DROP TABLE logs").await.unwrap();
    pond.run(&statement).await.unwrap();
    let mut after = pond.lake.tables.lock().unwrap().values().next().unwrap().0.clone();
    after.parameters.insert("comment".to_owned(), "the logs".to_owned());
    assert_eq!(after, before);
    for (sql, name) in [
        ("CREATE DATABASE sales", "ALREADY_EXISTS"),
        ("DROP DATABASE default", "SCHEMA_NOT_EMPTY"),
        ("DROP TABLE nothing", "NOT_FOUND"),
        ("DESCRIBE nothing", "TABLE_NOT_FOUND"),
        ("SHOW TABLES IN nothing", "SCHEMA_NOT_FOUND"),
        ("CREATE EXTERNAL TABLE t (a int)", "INVALID_TABLE_PROPERTY"),
        ("CREATE EXTERNAL TABLE t (a int) STORED AS ORC LOCATION 's3://b/p'", "NOT_SUPPORTED"),
        ("CREATE EXTERNAL TABLE t (a nonsense) LOCATION 's3://b/p'", "SYNTAX_ERROR"),
        ("CREATE EXTERNAL TABLE t (a int, a int) LOCATION 's3://b/p'", "SYNTAX_ERROR"),
        ("CREATE TABLE t AS SELECT 1", "NOT_SUPPORTED"),
        ("CREATE VIEW v AS SELECT 1", "NOT_SUPPORTED"),
        ("DROP", "SYNTAX_ERROR"),
    ] {
        assert_eq!(pond.run(sql).await.unwrap_err().name, name, "{sql}");
    }
    pond.run("DROP TABLE IF EXISTS nothing").await.unwrap();
    pond.run("DROP DATABASE default CASCADE").await.unwrap();
    assert_eq!(pond.lines("SHOW DATABASES").await, ["sales"]);
}

#[tokio::test]
async fn partitions_are_added_repaired_and_dropped() {
    let pond = Pond::new().await;
    pond.run(CREATE).await.unwrap();
    pond.put("logs/year=2013/month=1/a.json", "{}\n");
    pond.put("logs/year=2013/month=2/a.json", "{}\n");
    pond.put("logs/other/a.json", "{}\n");
    pond.run("ALTER TABLE logs ADD PARTITION (year='2012', month=12) LOCATION 's3://lake/old/'")
        .await
        .unwrap();
    pond.run("ALTER TABLE logs ADD IF NOT EXISTS PARTITION (year='2012', month='12')").await.unwrap();
    let again = pond.run("ALTER TABLE logs ADD PARTITION (year='2012', month=12)").await.unwrap_err();
    assert_eq!(again.name, "ALREADY_EXISTS");
    let repaired = pond.lines("MSCK REPAIR TABLE logs").await;
    assert_eq!(repaired[1], "Repair: Added partition to metastore logs:year=2013/month=1", "{repaired:?}");
    assert!(pond.lines("MSCK REPAIR TABLE logs").await.is_empty());
    let all = ["year=2012/month=12", "year=2013/month=1", "year=2013/month=2"];
    assert_eq!(pond.lines("SHOW PARTITIONS logs").await, all);
    pond.run("ALTER TABLE logs DROP PARTITION (year='2013', month=1)").await.unwrap();
    assert_eq!(pond.lines("SELECT count(*) FROM logs").await, ["1"]);
}
