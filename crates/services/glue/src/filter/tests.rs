//! The filter as tables, and what must hold for any text.

use proptest::prelude::*;

use super::*;
use crate::model::Column;

fn keys() -> Vec<Column> {
    [
        ("dt", "string"),
        ("n", "int"),
        ("price", "decimal(10,2)"),
        ("day", "date"),
        ("at", "timestamp"),
        ("d", "double"),
    ]
    .map(|(name, hive_type)| Column::new(name, hive_type))
    .to_vec()
}

fn row(dt: &str, n: &str) -> Vec<String> {
    [dt, n, "10.50", "2013-01-31", "2013-01-31 10:00:00.5", "1.0"].map(str::to_owned).to_vec()
}

fn asked(expression: &str) -> Result<bool, FilterError> {
    Predicate::parse(expression)?.bind(&keys())?.keeps(&row("2013-01-05", "07"))
}

#[test]
fn expressions_are_evaluated_by_the_type_of_their_key() {
    for (expression, kept) in [
        ("", true),
        ("dt = '2013-01-05'", true),
        ("DT <> '2013-01-05'", false),
        ("'2013-01-04' < dt", true),
        ("n = 7", true),
        ("n = '7'", true),
        ("n > -1 AND n < 10", true),
        ("n BETWEEN 8 AND 9", false),
        ("n NOT BETWEEN 8 AND 9", true),
        ("n IN (1, 2, 7)", true),
        ("NOT (n IN (1, 2, 7))", false),
        ("price = 10.5", true),
        ("price > 9.99 and price < 100", true),
        ("price >= -20", true),
        ("day >= '2013-01-31'", true),
        ("day = DATE '2013-01-31'", true),
        ("at = '2013-01-31 10:00:00.500'", true),
        ("at < '2013-01-31 10:00:00'", false),
        ("dt LIKE '2013-%-05'", true),
        ("dt LIKE '2013-_-05'", false),
        ("dt NOT LIKE '%6'", true),
        ("dt IS NULL", false),
        ("dt IS NOT NULL", true),
        ("(dt = 'x' OR n = 7) AND (\"n\" = 7)", true),
        ("dt = 'it''s'", false),
        ("n = 1 OR n = 2 OR n = 3 OR n = 7", true),
    ] {
        assert_eq!(asked(expression), Ok(kept), "{expression}");
    }
}

#[test]
fn a_null_value_answers_neither_a_comparison_nor_its_opposite() {
    for (expression, kept) in [
        ("dt = 'x'", false),
        ("NOT dt = 'x'", false),
        ("dt <> 'x'", false),
        ("dt LIKE '%'", false),
        ("dt IS NULL", true),
        ("dt IS NOT NULL", false),
        ("dt = 'x' OR n = 7", true),
        ("NOT (dt = 'x' AND n = 8)", true),
    ] {
        let filter = Predicate::parse(expression).unwrap().bind(&keys()).unwrap();
        assert_eq!(filter.keeps(&row(NULL_VALUE, "7")), Ok(kept), "{expression}");
    }
}

#[test]
fn what_is_refused_says_why() {
    for (expression, said) in [
        ("dt =", "Unsupported expression 'dt ='"),
        ("dt = 'x' extra", "Unsupported expression 'dt = 'x' extra'"),
        ("lower(dt) = 'x'", "Unsupported expression 'lower(dt) = 'x''"),
        ("dt = n", "Unsupported expression 'dt = n'"),
        ("dt ILIKE 'x'", "Unsupported expression 'dt ILIKE 'x''"),
        ("dt IN (SELECT 1)", "Unsupported expression 'dt IN (SELECT 1)'"),
        ("missing = 1", "Unknown column 'missing'"),
        ("d = 1", "Unknown type : 'double'"),
        ("n = 'x'", "\"x\" is not an integer."),
        ("n LIKE '1%'", "Integral data type doesn't support operation 'LIKE'"),
        ("day LIKE '1%'", "Date data type doesn't support operation 'LIKE'"),
        ("day = '2013-1-1'", "2013-1-1 is not a date."),
        ("price = 'x'", "x is not a decimal."),
    ] {
        assert_eq!(asked(expression).map_err(|e| e.to_string()), Err(said.to_owned()), "{expression}");
    }
    assert!(matches!(asked(&"(".repeat(2_000)), Err(FilterError::Unsupported(_))));
    assert!(matches!(asked(&"n = 1 OR ".repeat(300)), Err(FilterError::Unsupported(_))));
    let stored = Predicate::parse("n = 1").unwrap().bind(&keys()).unwrap().keeps(&row("a", "b"));
    assert_eq!(stored, Err(FilterError::Stored("\"b\" is not an integer.".to_owned())));
}

#[test]
fn equality_and_order_on_leading_text_keys_bound_the_search() {
    let columns = [("y", "string"), ("m", "string"), ("n", "int")].map(|(name, t)| Column::new(name, t));
    for (expression, prefix, from, until) in [
        ("y = '2013'", vec!["2013"], None, None),
        ("m = '02' AND y = '2013'", vec!["2013", "02"], None, None),
        ("y = '2013' AND n = 1", vec!["2013"], None, None),
        ("y >= '2013' AND y < '2015'", vec![], Some("2013"), Some("2015")),
        ("y = '2013' AND (m > '02' AND m <= '05')", vec!["2013"], Some("02"), Some("05")),
        ("y IN ('2015', '2013')", vec![], Some("2013"), Some("2015")),
        ("y BETWEEN '1' AND '2' AND y BETWEEN '15' AND '3'", vec![], Some("15"), Some("2")),
        ("y = '2013' OR m = '1'", vec![], None, None),
        ("NOT y = '2013'", vec![], None, None),
        ("m = '02'", vec![], None, None),
        ("", vec![], None, None),
    ] {
        let seek = Predicate::parse(expression).unwrap().bind(&columns).unwrap().seek();
        let prefix = prefix.into_iter().map(str::to_owned).collect();
        let wanted = Seek { prefix, from: from.map(str::to_owned), until: until.map(str::to_owned) };
        assert_eq!(seek, wanted, "{expression}");
    }
}

fn predicates() -> impl Strategy<Value = Predicate> {
    let ops = prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::NotEqual),
        Just(Comparison::Less),
        Just(Comparison::LessOrEqual),
        Just(Comparison::Greater),
        Just(Comparison::GreaterOrEqual),
    ];
    let key = prop_oneof![Just("a".to_owned()), Just("b".to_owned())];
    let leaf = prop_oneof![
        (key.clone(), ops, "[abc]{0,2}").prop_map(|(key, op, value)| Predicate::Compare { key, op, value }),
        (key.clone(), prop::collection::vec("[abc]{0,2}", 1..3))
            .prop_map(|(key, values)| Predicate::In { key, values }),
        (key.clone(), "[abc]", "[abc]").prop_map(|(key, low, high)| Predicate::Between { key, low, high }),
        key.prop_map(|key| Predicate::IsNull { key }),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::Or),
            inner.prop_map(|part| Predicate::Not(Box::new(part))),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(expression in ".{0,200}") {
        if let Ok(predicate) = Predicate::parse(&expression) {
            let _outcome = predicate.bind(&keys()).map(|filter| filter.keeps(&row("a", "1")));
        }
    }

    #[test]
    fn any_words_are_read_or_refused(
        words in prop::collection::vec("dt|n|=|<|>|AND|OR|NOT|IN|\\(|\\)|'x'|1|LIKE|BETWEEN|IS|NULL|,|-", 0..40),
    ) {
        if let Ok(predicate) = Predicate::parse(&words.join(" ")) {
            let _outcome = predicate.bind(&keys()).map(|filter| filter.keeps(&row("a", "1")));
        }
    }

    /// Whatever lies outside the bounds is not kept by the filter.
    #[test]
    fn nothing_that_is_kept_lies_outside_the_bounds(
        predicate in predicates(),
        a in "[abc]{0,2}",
        b in "[abc]{0,2}",
    ) {
        let columns = [Column::new("a", "string"), Column::new("b", "string")];
        let filter = predicate.bind(&columns).unwrap();
        let values = [a, b];
        if filter.keeps(&values).unwrap() {
            let seek = filter.seek();
            prop_assert!(values.starts_with(&seek.prefix));
            if let Some(next) = values.get(seek.prefix.len()) {
                prop_assert!(seek.from.is_none_or(|from| *next >= from));
                prop_assert!(seek.until.is_none_or(|until| *next <= until));
            }
        }
    }
}
