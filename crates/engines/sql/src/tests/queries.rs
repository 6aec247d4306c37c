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
async fn a_scan_ends_at_its_limit() {
    let pond = pond().await;
    let mut session = pond.session();
    session.scan_limit = Some(10);
    let error = pond.run_in(session, "SELECT count(id) FROM flights").await.unwrap_err();
    assert_eq!(error.name, "EXCEEDED_SCAN_LIMIT");
}

#[tokio::test]
async fn words_that_are_not_reserved_are_columns() {
    let pond = Pond::new().await;
    let words = [
        "user",
        "session_user",
        "date",
        "time",
        "timestamp",
        "year",
        "value",
        "type",
        "key",
        "role",
        "position",
        "day",
        "interval",
        "row",
        "rows",
        "array",
        "map",
        "first",
        "last",
        "limit",
        "offset",
        "filter",
        "data",
        "name",
        "start",
        "view",
        "sort",
        "set",
        "top",
        "sample",
        "format",
        "global",
        "output",
        "open",
        "minus",
        "pivot",
        "substring",
        "if",
        "double",
        "decimal",
        "char",
        "any",
        "at",
        "zone",
        "no",
        "only",
        "over",
        "partition",
        "range",
        "schema",
        "semi",
        "session",
        "show",
        "system",
        "ties",
        "to",
        "try",
        "uuid",
        "window",
        "struct",
        "lambda",
    ];
    let declared: Vec<String> = words.iter().map(|word| format!("`{word}` int")).collect();
    let values: Vec<String> = (0..words.len()).map(|n| n.to_string()).collect();
    pond.put("w/a.csv", values.join(","));
    pond.run(&format!(
        "CREATE EXTERNAL TABLE w ({}) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://lake/w/'",
        declared.join(", ")
    ))
    .await
    .unwrap();
    for (n, word) in words.iter().enumerate() {
        for sql in [
            format!("SELECT {word} FROM w WHERE {word} = {n} AND w.{word} + 0 = {n} ORDER BY {word} DESC"),
            format!("SELECT max({word}) AS {word} FROM w GROUP BY {word} HAVING min({word}) = {n}"),
            format!("SELECT \"{word}\" FROM w WHERE \"w\".\"{word}\" = {n} ORDER BY \"{word}\""),
            format!("SELECT {word} FROM (SELECT {word}, 1 AS one FROM w) WHERE {word} IN ({n})"),
        ] {
            assert_eq!(pond.lines(&sql).await, [n.to_string()], "{sql}");
        }
    }
}

#[tokio::test]
async fn long_chains_are_planned() {
    let pond = pond().await;
    let ids =
        |term: &dyn Fn(usize) -> String, op: &str, n: usize| (0..n).map(term).collect::<Vec<_>>().join(op);
    for (sql, expected) in [
        (
            format!("SELECT count(*) FROM flights WHERE {}", ids(&|n| format!("id = {n}"), " OR ", 10_000)),
            "4",
        ),
        (
            format!(
                "SELECT count(*) FROM flights WHERE {}",
                ids(&|n| format!("id <> {}", n + 3), " AND ", 10_000)
            ),
            "2",
        ),
        (
            format!(
                "SELECT count(*) FROM flights WHERE {}",
                ids(&|n| format!("carrier LIKE '%{n}'"), " OR ", 3_000)
            ),
            "0",
        ),
        (
            format!(
                "SELECT count(*) FROM flights WHERE {}",
                ids(&|n| format!("(id = {n} AND carrier = 'AA')"), " OR ", 3_000)
            ),
            "2",
        ),
        (
            format!(
                "SELECT count(*) FROM flights WHERE {}",
                ids(&|n| format!("id < {}", n + 4), " AND ", 1_000)
            ),
            "3",
        ),
        (format!("SELECT {}", ids(&|_| "1".to_owned(), " + ", 10_000)), "10000"),
        (format!("SELECT sum({}) FROM flights", ids(&|_| "id".to_owned(), " + ", 1_000)), "10000"),
        (format!("SELECT 100 - {}", ids(&|_| "1".to_owned(), " - ", 40)), "60"),
        (format!("SELECT {}", ids(&|_| "0.5e0".to_owned(), " + ", 1_000)), "500.0"),
        (format!("SELECT {}", ids(&|_| "DECIMAL '0.5'".to_owned(), " + ", 30)), "15.0"),
        (format!("SELECT {} / 3", ids(&|_| "2".to_owned(), " * ", 30)), "357913941"),
        (
            format!("SELECT DATE '2020-01-01' + {}", ids(&|_| "INTERVAL '1' DAY".to_owned(), " + ", 10)),
            "2020-01-11",
        ),
        (format!("SELECT length({})", ids(&|_| "'ab'".to_owned(), " || ", 5_000)), "10000"),
        (format!("SELECT sum({}) FROM flights", ids(&|_| "id".to_owned(), " + ", 300)), "3000"),
        (format!("SELECT sum({}) FROM flights", ids(&|_| "delay".to_owned(), " + ", 300)), "10500.0"),
        (
            format!("SELECT id FROM flights WHERE id IN ({})", ids(&|n| (n + 4).to_string(), ", ", 20_000)),
            "4",
        ),
    ] {
        let begun = std::time::Instant::now();
        assert_eq!(pond.lines(&sql).await, [expected], "{}", &sql[..80]);
        // What takes longer has fallen back into nesting.
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{}", &sql[..80]);
    }
}

#[tokio::test]
async fn chains_fail_as_their_operators_do() {
    let pond = pond().await;
    let thirty = |term: &str, op: &str| vec![term; 30].join(op);
    for (sql, expected) in [
        (thirty("2000000000", " + "), "NUMERIC_VALUE_OUT_OF_RANGE: integer addition overflow"),
        (thirty("3", " * "), "NUMERIC_VALUE_OUT_OF_RANGE: integer multiplication overflow"),
        (
            format!("-2000000000 - {}", thirty("100000000", " - ")),
            "NUMERIC_VALUE_OUT_OF_RANGE: integer subtraction overflow",
        ),
    ] {
        assert_eq!(pond.error(&format!("SELECT {sql}")).await, expected);
    }
    let error = pond.error(&format!("SELECT {}", thirty("carrier", " + ") + " FROM flights")).await;
    assert!(error.contains("varchar"), "{error}");
}
