//! The entry for a fuzzer of partition expressions; the test below runs it for a bounded while.

use crate::filter::{Comparison, Predicate};
use crate::model::Column;

/// Lines: an expression, and the values of a partition's keys. What is read and printed reads the same, and what a
/// filter keeps lies where it seeks.
pub fn partition_expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.lines();
    let Ok(predicate) = Predicate::parse(lines.next().unwrap_or_default()) else { return };
    let printed = print(&predicate);
    // Printing adds parentheses and quotes, and so can leave the limits of an expression.
    if depth(&predicate) < 12 && printed.chars().count() <= 2_048 {
        assert_eq!(Predicate::parse(&printed).as_ref(), Ok(&predicate), "{printed}");
    }
    let keys = [("a", "string"), ("b", "date"), ("c", "int"), ("d", "decimal(10,2)"), ("e", "timestamp")];
    let keys = keys.map(|(name, hive_type)| Column::new(name, hive_type));
    let values: Vec<String> = keys.iter().map(|_| lines.next().unwrap_or_default().to_owned()).collect();
    let Ok(filter) = predicate.bind(&keys) else { return };
    if filter.keeps(&values) == Ok(true) {
        let seek = filter.seek();
        assert!(values.starts_with(&seek.prefix), "{seek:?}");
        assert!(!seek.is_past(&values), "{seek:?}");
        let next = values.get(seek.prefix.len());
        assert!(seek.from.as_ref().zip(next).is_none_or(|(from, value)| value >= from), "{seek:?}");
    }
}

fn depth(predicate: &Predicate) -> usize {
    match predicate {
        Predicate::And(parts) | Predicate::Or(parts) => 1 + parts.iter().map(depth).max().unwrap_or(0),
        Predicate::Not(part) => 1 + depth(part),
        _ => 1,
    }
}

fn print(predicate: &Predicate) -> String {
    let joined = |parts: &[Predicate], by: &str| {
        parts.iter().map(|part| format!("({})", print(part))).collect::<Vec<_>>().join(by)
    };
    match predicate {
        Predicate::And(parts) => joined(parts, " AND "),
        Predicate::Or(parts) => joined(parts, " OR "),
        Predicate::Not(part) => format!("NOT ({})", print(part)),
        Predicate::Compare { key, op, value } => {
            let op = match op {
                Comparison::Equal => "=",
                Comparison::NotEqual => "<>",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("{} {op} {}", quoted(key, '"'), quoted(value, '\''))
        }
        Predicate::In { key, values } => {
            let values: Vec<String> = values.iter().map(|value| quoted(value, '\'')).collect();
            format!("{} IN ({})", quoted(key, '"'), values.join(", "))
        }
        Predicate::Between { key, low, high } => {
            format!("{} BETWEEN {} AND {}", quoted(key, '"'), quoted(low, '\''), quoted(high, '\''))
        }
        Predicate::Like { key, pattern } => format!("{} LIKE {}", quoted(key, '"'), quoted(pattern, '\'')),
        Predicate::IsNull { key } => format!("{} IS NULL", quoted(key, '"')),
    }
}

fn quoted(text: &str, by: char) -> String {
    format!("{by}{}{by}", text.replace(by, &format!("{by}{by}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    // Seeded and bounded; `fuzz/` runs the same entry without end.
    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 500,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(7),
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_text(text in "(?s).{0,120}") {
            super::partition_expression(text.as_bytes());
        }

        #[test]
        fn nearly_expressions(
            words in prop::collection::vec(
                "[a-e]|\"a\"|`a`|=|<|>=|<>|!=|AND|OR|NOT|IN|\\(|\\)|'x'|'it''s'|'%'|1|-1|1\\.5|LIKE|BETWEEN|IS|NULL|,|-|DATE|'2013-01-31'",
                0..24,
            ),
            value in "x|1|2013-01-31|it's",
        ) {
            let text = format!("{}\n{value}\n2013-01-31\n1\n1.5\n2013-01-31 10:00:00", words.join(" "));
            super::partition_expression(text.as_bytes());
        }

        #[test]
        fn expressions(
            terms in prop::collection::vec(
                "(NOT )?(a|b|c) (=|<|>|<=|>=|<>|LIKE|IN|NOT IN|BETWEEN 1 AND|IS NOT NULL AND a =) ?(1|'1'|'x'|\\('x', 1\\))( AND| OR)",
                1..6,
            ),
            value in "x|1",
        ) {
            let text = format!("{} a = 'x'\n{value}\n2013-01-31\n1\n1.5\n2013-01-31 10:00:00", terms.join(" "));
            super::partition_expression(text.as_bytes());
        }
    }
}
