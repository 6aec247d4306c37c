//! Whole queries: joins, groups, windows, names of columns, and how wrong ones fail.

use super::Pond;

async fn pond() -> Pond {
    let pond = Pond::new().await;
    pond.put(
        "flights/a.csv",
        "1,AA,10,2013-01-01\n2,UA,-5,2013-01-01\n3,AA,30,2013-01-02\n4,DL,,2013-01-03\n",
    );
    pond.put("airlines/a.csv", "carrier,name\nAA,American\nUA,United\n");
    pond.run(
        "CREATE EXTERNAL TABLE flights (id int, carrier string, delay double, day date)
         ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://lake/flights/'",
    )
    .await
    .unwrap();
    pond.run(
        "CREATE EXTERNAL TABLE airlines (carrier string, name string)
         ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
         LOCATION 's3://lake/airlines' TBLPROPERTIES ('skip.header.line.count'='1')",
    )
    .await
    .unwrap();
    pond
}

#[tokio::test]
async fn queries_answer() {
    let pond = pond().await;
    for (sql, expected) in [
        ("SELECT count(*) FROM flights", vec!["4"]),
        ("SELECT id FROM flights WHERE delay IS NULL", vec!["4"]),
        (
            "SELECT carrier, sum(delay) FROM flights GROUP BY carrier ORDER BY carrier",
            vec!["AA|40.0", "DL|~", "UA|-5.0"],
        ),
        (
            "SELECT carrier, sum(delay) s FROM flights GROUP BY 1 ORDER BY 2",
            vec!["UA|-5.0", "AA|40.0", "DL|~"],
        ),
        (
            "SELECT f.id, a.name FROM flights f LEFT JOIN airlines a ON f.carrier = a.carrier ORDER BY f.id",
            vec!["1|American", "2|United", "3|American", "4|~"],
        ),
        ("SELECT id FROM flights JOIN airlines USING (carrier) ORDER BY id", vec!["1", "2", "3"]),
        (
            "SELECT id, rank() OVER (PARTITION BY carrier ORDER BY delay DESC) FROM flights ORDER BY id",
            vec!["1|2", "2|1", "3|1", "4|1"],
        ),
        (
            "SELECT id, sum(delay) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM flights ORDER BY id",
            vec!["1|10.0", "2|5.0", "3|25.0", "4|30.0"],
        ),
        (
            "WITH x AS (SELECT carrier c FROM flights) SELECT DISTINCT C FROM X ORDER BY 1",
            vec!["AA", "DL", "UA"],
        ),
        (
            "SELECT id FROM flights WHERE carrier IN (SELECT carrier FROM airlines) ORDER BY id DESC",
            vec!["3", "2", "1"],
        ),
        (
            "SELECT id FROM flights f WHERE EXISTS (SELECT 1 FROM airlines a WHERE a.carrier = f.carrier AND a.name = 'United')",
            vec!["2"],
        ),
        ("SELECT id FROM flights WHERE delay > (SELECT avg(delay) FROM flights)", vec!["3"]),
        ("SELECT id FROM flights ORDER BY id OFFSET 1 LIMIT 2", vec!["2", "3"]),
        ("SELECT id FROM flights ORDER BY id OFFSET 1 ROW FETCH FIRST 1 ROW ONLY", vec!["2"]),
        ("SELECT count(DISTINCT carrier) FROM flights", vec!["3"]),
        ("SELECT count_if(delay > 0), max_by(id, delay), min_by(id, delay) FROM flights", vec!["2|3|2"]),
        (
            "SELECT approx_distinct(carrier), arbitrary(1), approx_percentile(delay, 0.5) FROM flights",
            vec!["3|1|10.0"],
        ),
        ("SELECT array_agg(id ORDER BY id) FROM flights", vec!["[1, 2, 3, 4]"]),
        ("SELECT count(*) FILTER (WHERE delay > 0) FROM flights", vec!["2"]),
        (
            "SELECT carrier, day, count(*) FROM flights GROUP BY GROUPING SETS ((carrier), ()) ORDER BY 3, 1",
            vec![],
        ),
        (
            "SELECT carrier, count(*) FROM flights GROUP BY ROLLUP (carrier) ORDER BY 2, 1",
            vec!["DL|1", "UA|1", "AA|2", "~|4"],
        ),
        ("SELECT 1 UNION ALL SELECT 2 ORDER BY 1", vec!["1", "2"]),
        ("SELECT 1 INTERSECT SELECT 1", vec!["1"]),
        ("VALUES (1, 'a'), (2, 'b')", vec!["1|a", "2|b"]),
        ("SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t (n, s) WHERE n = 2", vec!["2|b"]),
        ("SELECT x FROM UNNEST(ARRAY[3, 4]) AS t (x) ORDER BY x", vec!["3", "4"]),
        (
            "SELECT id, x FROM flights CROSS JOIN UNNEST(ARRAY[1, 2]) AS t (x) WHERE id = 1 ORDER BY x",
            vec!["1|1", "1|2"],
        ),
        (
            "SELECT day FROM flights WHERE day >= DATE '2013-01-02' ORDER BY 1",
            vec!["2013-01-02", "2013-01-03"],
        ),
        ("SELECT \"ID\" FROM \"Default\".\"Flights\" WHERE Carrier = 'UA'", vec!["2"]),
        ("SELECT id FROM awsdatacatalog.default.flights WHERE id = 1", vec!["1"]),
        ("SELECT id, id FROM flights WHERE id = 1", vec!["1|1"]),
        ("SELECT *, id FROM flights WHERE id = 1", vec!["1|AA|10.0|2013-01-01|1"]),
    ] {
        if expected.is_empty() {
            assert!(pond.run(sql).await.is_err(), "{sql}");
        } else {
            assert_eq!(pond.lines(sql).await, expected, "{sql}");
        }
    }
}

#[tokio::test]
async fn columns_are_named_and_typed_as_athena_does() {
    let pond = pond().await;
    let sql =
        "SELECT id AS Flight, count(*), max(delay), carrier, 'x' || carrier, CAST(1 AS decimal(10,2)) AS d
               FROM flights GROUP BY id, carrier";
    let columns = pond.run(sql).await.unwrap().columns;
    let seen: Vec<(&str, &str, i32)> = columns
        .iter()
        .map(|column| (column.name.as_str(), column.type_name.as_str(), column.precision))
        .collect();
    assert_eq!(
        seen,
        [
            ("Flight", "integer", 10),
            ("_col1", "bigint", 19),
            ("_col2", "double", 17),
            ("carrier", "varchar", i32::MAX),
            ("_col4", "varchar", i32::MAX),
            ("d", "decimal", 10),
        ]
    );
    let names =
        |columns: Vec<crate::ColumnInfo>| columns.into_iter().map(|column| column.name).collect::<Vec<_>>();
    let star = pond.run("SELECT *, 1, id FROM flights").await.unwrap().columns;
    assert_eq!(names(star), ["id", "carrier", "delay", "day", "_col4", "id"]);
    assert_eq!(names(pond.run("VALUES (1, 2)").await.unwrap().columns), ["_col0", "_col1"]);
}

#[tokio::test]
async fn wrong_queries_name_the_place() {
    let pond = pond().await;
    for (sql, expected) in [
        (
            "SELECT id,\n  nothing FROM flights",
            "COLUMN_NOT_FOUND: line 2:3: Column 'nothing' cannot be resolved",
        ),
        (
            "SELECT f.nothing FROM flights f",
            "COLUMN_NOT_FOUND: line 1:8: Column 'f.nothing' cannot be resolved",
        ),
        (
            "SELECT * FROM nowhere",
            "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.default.nowhere' does not exist",
        ),
        ("SELECT * FROM no.where_", "SCHEMA_NOT_FOUND: line 1:15: Schema 'no' does not exist"),
        ("SELECT carrier FROM flights, airlines", "AMBIGUOUS_NAME: line 1:8: Column 'carrier' is ambiguous"),
        (
            "SELECT id, count(*) FROM flights",
            "EXPRESSION_NOT_AGGREGATE: line 1:8: 'id' must be an aggregate expression or appear in GROUP BY clause",
        ),
        ("SELECT id FROM flights WHERE id = ?", "INVALID_PARAMETER_USAGE: "),
        ("SELECT carrier + 1 FROM flights", "TYPE_MISMATCH: line 1:"),
    ] {
        let error = pond.error(sql).await;
        assert!(error.starts_with(expected), "{sql}: {error}");
    }
}

#[tokio::test]
async fn parameters_stand_for_question_marks() {
    let pond = pond().await;
    let mut session = pond.session();
    session.parameters = vec!["'AA'".to_owned(), "20".to_owned()];
    let answer =
        pond.run_in(session, "SELECT id FROM flights WHERE carrier = ? AND delay > ?").await.unwrap();
    assert_eq!(answer.lines(), ["3"]);
}

#[tokio::test]
async fn explain_shows_the_plan() {
    let pond = pond().await;
    let answer = pond.run("EXPLAIN SELECT count(*) FROM flights").await.unwrap();
    assert_eq!(answer.columns[0].name, "Query Plan");
    assert!(answer.lines().join("\n").contains("Aggregate"), "{answer:?}");
    assert_eq!(answer.scanned, 0);
}

#[tokio::test]
async fn a_dropped_execution_ends_the_work() {
    let pond = pond().await;
    let sql = "SELECT count(*) FROM UNNEST(sequence(1, 100000)) a (x), UNNEST(sequence(1, 100000)) b (y) WHERE x + y = 7";
    let execution = pond.engine.run(pond.session(), crate::Statement::parse(sql).unwrap()).await.unwrap();
    drop(execution);
    // The engine's threads are free again: a small query answers while the large one would take minutes.
    assert_eq!(pond.lines("SELECT count(*) FROM flights").await, ["4"]);
}

#[tokio::test]
async fn a_scan_ends_at_its_limit() {
    let pond = pond().await;
    let mut session = pond.session();
    session.scan_limit = Some(10);
    let error = pond.run_in(session, "SELECT count(id) FROM flights").await.unwrap_err();
    assert_eq!(error.name, "EXCEEDED_SCAN_LIMIT");
}

#[tokio::test]
async fn long_chains_are_planned_without_running_out_of_stack() {
    let pond = pond().await;
    let chain = vec!["id = 1"; 1_000].join(" OR ");
    assert_eq!(pond.lines(&format!("SELECT count(*) FROM flights WHERE {chain}")).await, ["1"]);
    let sum = vec!["id"; 80].join(" + ");
    assert_eq!(pond.lines(&format!("SELECT {sum} FROM flights WHERE id = 2")).await, ["160"]);
}
