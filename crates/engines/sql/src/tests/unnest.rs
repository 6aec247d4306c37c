//! Rows from arrays and maps: of columns, of constants, beside other relations.

use super::Pond;

async fn pond() -> Pond {
    let pond = Pond::new().await;
    pond.put(
        "orders/a.json",
        r#"{"id": 1, "items": ["pen", "ink"], "prices": [5, 7, 9], "notes": {"gift": "yes", "wrap": "no"}, "lines": [{"sku": "a", "parts": [1, 2]}, {"sku": "b", "parts": []}]}
{"id": 2, "items": [], "prices": [1], "notes": {}, "lines": [{"sku": "c", "parts": [3]}]}
{"id": 3, "items": null, "prices": null, "notes": null, "lines": null}
{"id": 4, "items": ["cap", null], "prices": [2, 4], "notes": {"gift": "no"}, "lines": []}
"#,
    );
    pond.run(
        "CREATE EXTERNAL TABLE orders (id int, items array<string>, prices array<int>, notes map<string,string>,
           lines array<struct<sku:string,parts:array<int>>>)
         ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' LOCATION 's3://lake/orders/'",
    )
    .await
    .unwrap();
    pond
}

#[tokio::test]
async fn elements_of_a_column_are_rows() {
    let pond = pond().await;
    for (sql, expected) in [
        (
            "SELECT id, item FROM orders CROSS JOIN UNNEST(items) AS t (item) ORDER BY 1, 2",
            vec!["1|ink", "1|pen", "4|cap", "4|~"],
        ),
        ("SELECT o.id, i FROM orders AS o, UNNEST(o.items) AS t (i) WHERE o.id = 1 ORDER BY i", vec!["1|ink", "1|pen"]),
        // The shorter array is filled with NULL.
        (
            "SELECT id, item, price FROM orders CROSS JOIN UNNEST(items, prices) AS t (item, price) ORDER BY 1, 3",
            vec!["1|pen|5", "1|ink|7", "1|~|9", "2|~|1", "4|cap|2", "4|~|4"],
        ),
        (
            "SELECT id, item, n FROM orders CROSS JOIN UNNEST(items) WITH ORDINALITY AS t (item, n) ORDER BY 1, 3",
            vec!["1|pen|1", "1|ink|2", "4|cap|1", "4|~|2"],
        ),
        (
            "SELECT id, k, v FROM orders CROSS JOIN UNNEST(notes) AS t (k, v) ORDER BY 1, 2",
            vec!["1|gift|yes", "1|wrap|no", "4|gift|no"],
        ),
        (
            "SELECT id, k, v, n FROM orders CROSS JOIN UNNEST(notes) WITH ORDINALITY AS t (k, v, n) WHERE id = 4",
            vec!["4|gift|no|1"],
        ),
        // An array of rows is one column of rows.
        (
            "SELECT id, line.sku FROM orders CROSS JOIN UNNEST(lines) AS t (line) ORDER BY 1, 2",
            vec!["1|a", "1|b", "2|c"],
        ),
        // One on the other.
        (
            "SELECT id, line.sku, part FROM orders CROSS JOIN UNNEST(lines) AS t (line)
             CROSS JOIN UNNEST(line.parts) AS p (part) ORDER BY 3",
            vec!["1|a|1", "1|a|2", "2|c|3"],
        ),
        (
            "SELECT id, item FROM orders LEFT JOIN UNNEST(items) AS t (item) ON TRUE ORDER BY 1, 2",
            vec!["1|ink", "1|pen", "2|~", "3|~", "4|cap", "4|~"],
        ),
        (
            "SELECT t.item, count(*), sum(id) FROM orders CROSS JOIN UNNEST(items) AS t (item) GROUP BY t.item
             HAVING count(*) > 0 ORDER BY 1",
            vec!["cap|1|4", "ink|1|1", "pen|1|1", "~|1|4"],
        ),
        (
            "WITH pairs AS (SELECT id, item FROM orders CROSS JOIN UNNEST(items) AS t (item))
             SELECT a.item FROM pairs a JOIN pairs b ON a.id = b.id AND a.item < b.item",
            vec!["ink"],
        ),
        (
            "SELECT id FROM orders WHERE EXISTS (SELECT 1 FROM UNNEST(ARRAY[1, 4]) AS t (x) WHERE x = id) ORDER BY 1",
            vec!["1", "4"],
        ),
        ("SELECT * FROM (SELECT ARRAY['x', 'y'] AS a) CROSS JOIN UNNEST(a) AS t (e) ORDER BY e", vec!["[x, y]|x", "[x, y]|y"]),
        ("SELECT x, n FROM UNNEST(ARRAY['a', 'b']) WITH ORDINALITY AS t (x, n) ORDER BY n DESC", vec!["b|2", "a|1"]),
        ("SELECT k, v FROM UNNEST(map(ARRAY['a', 'b'], ARRAY[1, 2])) AS t (k, v) ORDER BY k", vec!["a|1", "b|2"]),
    ] {
        assert_eq!(pond.lines(sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn what_is_no_array_is_told() {
    let pond = pond().await;
    let error = pond.error("SELECT x FROM orders CROSS JOIN UNNEST(id) AS t (x)").await;
    assert!(error.contains("unnest"), "{error}");
}
