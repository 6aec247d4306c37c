//! Expressions and functions, with the answers that Trino's documentation gives.

use super::Pond;

/// Each expression with its printed value, `~` for NULL.
async fn check(cases: &[(&str, &str)]) {
    let pond = Pond::new().await;
    let mut wrong = Vec::new();
    for (expression, expected) in cases {
        match pond.run(&format!("SELECT {expression}")).await {
            Ok(answer) if answer.lines() == [*expected] => {}
            Ok(answer) => wrong.push(format!("{expression}: {:?}, not {expected:?}", answer.lines())),
            Err(error) => wrong.push(format!("{expression}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn literals_and_operators() {
    check(&[
        ("1", "1"),
        ("typeof(1)", "integer"),
        ("typeof(3000000000)", "bigint"),
        ("typeof(1.5)", "decimal(2,1)"),
        ("typeof(1e0)", "double"),
        ("typeof('a')", "varchar"),
        ("typeof(ARRAY[1, 2])", "array(integer)"),
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("7 % 3", "1"),
        ("7 / 2e0", "3.5"),
        ("1 + 2 * 3", "7"),
        ("typeof(1 + 1)", "integer"),
        ("'a' || 'b' || 'c'", "abc"),
        ("'a' || NULL", "~"),
        ("NULL", "~"),
        ("true AND NULL", "~"),
        ("1 BETWEEN 0 AND 2", "true"),
        ("'abc' LIKE 'a%'", "true"),
        ("'a_c' LIKE 'a#_c' ESCAPE '#'", "true"),
        ("2 IN (1, 2)", "true"),
        ("1 IS DISTINCT FROM NULL", "true"),
        ("CASE 2 WHEN 1 THEN 'a' ELSE 'b' END", "b"),
        ("DECIMAL '1.50' + 1", "2.50"),
        ("0.06 + 0.01", "0.07"),
        ("ARRAY[1, NULL, 3]", "[1, null, 3]"),
        ("ARRAY[1, 2][2]", "2"),
        ("MAP(ARRAY['a', 'b'], ARRAY[1, 2])", "{a=1, b=2}"),
        ("X'68656c6c6f'", "68 65 6c 6c 6f"),
        ("INTERVAL '2' DAY", "2 00:00:00.000"),
        ("INTERVAL '14' MONTH", "1-2"),
    ])
    .await;
}

#[tokio::test]
async fn casts_and_conditions() {
    check(&[
        ("CAST('12' AS integer)", "12"),
        ("CAST(1.5 AS integer)", "2"),
        ("CAST(-2.5e0 AS bigint)", "-3"),
        ("CAST(2.4e0 AS bigint)", "2"),
        ("TRY_CAST('x' AS integer)", "~"),
        ("TRY(CAST('x' AS integer))", "~"),
        ("TRY(1 / 0)", "~"),
        ("TRY(date_parse('x', '%Y'))", "~"),
        ("CAST(1e10 AS varchar)", "1.0E10"),
        ("CAST(true AS varchar)", "true"),
        ("CAST('abcdef' AS varchar(3))", "abc"),
        ("CAST(DATE '2013-01-05' AS varchar)", "2013-01-05"),
        ("CAST(TIMESTAMP '2013-01-05 01:02:03' AS varchar)", "2013-01-05 01:02:03.000"),
        ("CAST('2013-01-05' AS date)", "2013-01-05"),
        ("CAST('2013-01-05 01:02:03' AS timestamp)", "2013-01-05 01:02:03.000"),
        ("CAST('1.256' AS decimal(10,2))", "1.26"),
        ("CAST(1 AS double)", "1.0"),
        ("CAST(3 AS real)", "3.0"),
        ("CAST('true' AS boolean)", "true"),
        ("IF(1 > 2, 'a', 'b')", "b"),
        ("IF(1 > 2, 'a')", "~"),
        ("coalesce(NULL, NULL, 3)", "3"),
        ("nullif(1, 1)", "~"),
        ("greatest(1, 3, 2)", "3"),
        ("least(1, NULL)", "~"),
    ])
    .await;
}

#[tokio::test]
async fn strings_and_regular_expressions() {
    check(&[
        ("length('grüße')", "5"),
        ("typeof(length('a'))", "bigint"),
        ("upper('abc')", "ABC"),
        ("trim('  a ')", "a"),
        ("substr('hello', 2, 3)", "ell"),
        ("substring('hello', -3)", "llo"),
        ("SUBSTRING('hello' FROM 2 FOR 2)", "el"),
        ("strpos('high', 'ig')", "2"),
        ("position('ig' IN 'high')", "2"),
        ("replace('abc', 'b', 'x')", "axc"),
        ("reverse('abc')", "cba"),
        ("lpad('7', 3, '0')", "007"),
        ("split('a-b-c', '-')", "[a, b, c]"),
        ("split('a-b-c', '-', 2)", "[a, b-c]"),
        ("split_part('a-b-c', '-', 2)", "b"),
        ("split_part('a-b-c', '-', 4)", "~"),
        ("concat('a', 'b', 'c')", "abc"),
        ("concat('a', NULL)", "~"),
        ("starts_with('abc', 'ab')", "true"),
        ("regexp_like('1a 2b 14m', '\\d+b')", "true"),
        ("regexp_extract('1a 2b 14m', '\\d+')", "1"),
        ("regexp_extract('1a 2b 14m', '(\\d+)([a-z]+)', 2)", "a"),
        ("regexp_extract_all('1a 2b 14m', '\\d+')", "[1, 2, 14]"),
        ("regexp_replace('1a 2b 14m', '\\d+[ab] ')", "14m"),
        ("regexp_replace('1a 2b 14m', '(\\d+)([ab]) ', '3c$2 ')", "3ca 3cb 14m"),
        ("regexp_split('1a 2b 14m', '\\s*[a-z]+\\s*')", "[1, 2, 14, ]"),
        ("codepoint('a')", "97"),
        ("chr(97)", "a"),
        ("levenshtein_distance('apple', 'epplea')", "2"),
        ("to_hex(to_utf8('hi'))", "6869"),
        ("from_utf8(from_hex('6869'))", "hi"),
        ("to_hex(md5(to_utf8('a')))", "0CC175B9C0F1B6A831C399E269772661"),
    ])
    .await;
}

#[tokio::test]
async fn dates_and_timestamps() {
    check(&[
        ("current_date", "2024-02-29"),
        ("now()", "2024-02-29 12:34:56.789 UTC"),
        ("current_timestamp", "2024-02-29 12:34:56.789 UTC"),
        ("year(DATE '2013-01-05')", "2013"),
        ("quarter(DATE '2013-05-05')", "2"),
        ("day_of_week(DATE '2013-01-05')", "6"),
        ("day_of_year(DATE '2013-02-01')", "32"),
        ("week(DATE '2013-01-07')", "2"),
        ("hour(TIMESTAMP '2013-01-05 15:04:09')", "15"),
        ("EXTRACT(MONTH FROM DATE '2013-05-05')", "5"),
        ("typeof(month(DATE '2013-05-05'))", "bigint"),
        ("date_trunc('hour', TIMESTAMP '2001-08-22 03:04:05.321')", "2001-08-22 03:00:00.000"),
        ("date_trunc('week', TIMESTAMP '2001-08-22 03:04:05.321')", "2001-08-20 00:00:00.000"),
        ("date_trunc('quarter', DATE '2001-08-22')", "2001-07-01"),
        ("date_add('second', 86, TIMESTAMP '2020-03-01 00:00:00')", "2020-03-01 00:01:26.000"),
        ("date_add('month', -1, DATE '2020-03-31')", "2020-02-29"),
        ("date_diff('second', TIMESTAMP '2020-03-01 00:00:00', TIMESTAMP '2020-03-02 00:00:00')", "86400"),
        ("date_diff('day', DATE '2020-03-01', DATE '2020-02-01')", "-29"),
        ("date_diff('month', DATE '2020-01-31', DATE '2020-03-01')", "1"),
        ("date_format(TIMESTAMP '2001-08-22 03:04:05', '%m-%d-%Y %H')", "08-22-2001 03"),
        ("date_parse('2001-08-22 03:04:05', '%Y-%m-%d %H:%i:%s')", "2001-08-22 03:04:05.000"),
        ("format_datetime(TIMESTAMP '2001-08-22 03:04:05', 'yyyy/MM/dd')", "2001/08/22"),
        ("parse_datetime('2001/08/22', 'yyyy/MM/dd')", "2001-08-22 00:00:00.000 UTC"),
        ("from_unixtime(1357398249)", "2013-01-05 15:04:09.000 UTC"),
        ("to_unixtime(TIMESTAMP '2013-01-05 15:04:09')", "1.357398249E9"),
        ("from_iso8601_timestamp('2013-01-05T15:04:09+01:00')", "2013-01-05 14:04:09.000 UTC"),
        ("from_iso8601_date('2013-01-05')", "2013-01-05"),
        ("to_iso8601(DATE '2013-01-05')", "2013-01-05"),
        ("last_day_of_month(DATE '2024-02-01')", "2024-02-29"),
        (
            "TIMESTAMP '2012-10-31 01:00:00' AT TIME ZONE 'America/Los_Angeles'",
            "2012-10-30 18:00:00.000 America/Los_Angeles",
        ),
        ("DATE '2012-08-08' + INTERVAL '2' DAY", "2012-08-10"),
        ("TIMESTAMP '2012-08-08 01:00:00' - INTERVAL '3' HOUR", "2012-08-07 22:00:00.000"),
        ("DATE '2013-01-31' + INTERVAL '1' MONTH", "2013-02-28"),
        ("DATE '2013-01-05' < TIMESTAMP '2013-01-05 00:00:01'", "true"),
        ("date('2013-01-05')", "2013-01-05"),
    ])
    .await;
}

#[tokio::test]
async fn json_arrays_and_maps() {
    check(&[
        (r#"json_extract_scalar('{"a":{"b":[1,"x"]}}', '$.a.b[1]')"#, "x"),
        (r#"json_extract('{"a":{"b":[1,2]}}', '$.a.b')"#, "[1,2]"),
        (r#"json_extract_scalar('{"a":null}', '$.a')"#, "~"),
        (r#"json_extract_scalar('no json', '$.a')"#, "~"),
        ("json_array_length('[1, 2, 3]')", "3"),
        (r#"json_size('{"x":{"a":1,"b":2}}', '$.x')"#, "2"),
        ("cardinality(ARRAY[1, 2, 3])", "3"),
        ("element_at(ARRAY['a', 'b'], -1)", "b"),
        ("element_at(ARRAY['a', 'b'], 5)", "~"),
        ("element_at(MAP(ARRAY['a'], ARRAY[1]), 'a')", "1"),
        ("element_at(MAP(ARRAY['a'], ARRAY[1]), 'b')", "~"),
        ("contains(ARRAY[1, 2], 2)", "true"),
        ("array_distinct(ARRAY[1, 1, 2])", "[1, 2]"),
        ("array_sort(ARRAY[3, 1, 2])", "[1, 2, 3]"),
        ("array_join(ARRAY['a', 'b'], '-')", "a-b"),
        ("array_max(ARRAY[1, 3, 2])", "3"),
        ("slice(ARRAY[1, 2, 3, 4], 2, 2)", "[2, 3]"),
        ("sequence(1, 3)", "[1, 2, 3]"),
        ("flatten(ARRAY[ARRAY[1], ARRAY[2, 3]])", "[1, 2, 3]"),
        ("ARRAY[1] || ARRAY[2]", "[1, 2]"),
        ("map_keys(MAP(ARRAY['a', 'b'], ARRAY[1, 2]))", "[a, b]"),
        ("transform(ARRAY[1, 2], x -> x + 1)", "[2, 3]"),
        ("filter(ARRAY[1, 2, 3], x -> x > 1)", "[2, 3]"),
    ])
    .await;
}

#[tokio::test]
async fn numbers() {
    check(&[
        ("abs(-3)", "3"),
        ("round(2.567e0, 2)", "2.57"),
        ("ceil(1.2e0)", "2.0"),
        ("floor(-1.2e0)", "-2.0"),
        ("mod(7, 3)", "1"),
        ("power(2, 10)", "1024.0"),
        ("sqrt(9)", "3.0"),
        ("truncate(1.9e0)", "1.0"),
        ("is_nan(1e0)", "false"),
        ("sign(-5e0)", "-1.0"),
    ])
    .await;
}

#[tokio::test]
async fn what_cannot_be_computed_fails_by_name() {
    let pond = Pond::new().await;
    for (expression, expected) in [
        ("1 / 0", "DIVISION_BY_ZERO: Division by zero"),
        ("2147483647 + 1", "NUMERIC_VALUE_OUT_OF_RANGE: integer addition overflow"),
        ("9223372036854775807 * 2", "NUMERIC_VALUE_OUT_OF_RANGE: bigint multiplication overflow"),
        ("CAST('x' AS integer)", "INVALID_CAST_ARGUMENT: "),
        ("regexp_like('a', '(')", "INVALID_FUNCTION_ARGUMENT: Invalid regular expression"),
        ("date_parse('x', '%Y')", "INVALID_FUNCTION_ARGUMENT: Invalid format"),
        ("nosuch(1)", "FUNCTION_NOT_FOUND: line 1:8: Function 'nosuch' not registered"),
        ("  foo", "COLUMN_NOT_FOUND: line 1:10: Column 'foo' cannot be resolved"),
        ("year('2013')", "FUNCTION_NOT_FOUND: line 1:8: Unexpected parameters (varchar) for function year"),
        ("TRY(fail('x'))", "GENERIC_USER_ERROR: x"),
    ] {
        let error = pond.error(&format!("SELECT {expression}")).await;
        assert!(error.starts_with(expected), "{expression}: {error}");
    }
}
