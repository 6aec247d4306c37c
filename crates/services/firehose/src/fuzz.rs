//! Entries for a fuzzer of prefix expressions, of times by a pattern and of jq expressions; the tests below run them for a bounded while.

use std::collections::BTreeSet;

use jiff::Zoned;
use jiff::civil::date;
use jiff::tz::{Offset, TimeZone};

use crate::java_time::JavaPattern;
use crate::prefix::{Prefixes, Template};
use crate::record::jq::{KeyError, KeyQuery, Room};

/// Lines: a prefix, an error prefix, and the names of partition keys apart by commas. A template prints as it was
/// written, and what is accepted is evaluated for any time.
pub fn prefixes(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default();
    let (prefix, error_prefix, keys) = (next(), next(), next());
    for text in [prefix, error_prefix] {
        if let Ok(template) = Template::parse(text) {
            assert_eq!(template.to_string(), text);
        }
    }
    let keys: Option<BTreeSet<String>> =
        (!keys.is_empty()).then(|| keys.split(',').map(str::to_owned).collect());
    let Ok(prefixes) = Prefixes::parse(prefix, Some(error_prefix), keys.as_ref()) else { return };
    for at in times() {
        let data = prefixes.data(&at, |_| "value");
        let literal = prefix.split_once("!{").map_or(prefix, |(before, _)| before);
        assert!(data.starts_with(literal), "{data}");
        assert!(prefixes.failed(&at, "processing-failed").contains("processing-failed"));
    }
}

/// Lines: a pattern, and a text to read by it. A pattern survives being stored, and prints any time.
pub fn java_time(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (source, text) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(pattern) = JavaPattern::parse(source) else { return };
    let stored = String::from(pattern.clone());
    assert_eq!(stored, source);
    assert_eq!(JavaPattern::parse(&stored).as_ref(), Ok(&pattern));
    let _foreign = pattern.read(text);
    for at in times() {
        let _own = pattern.read(&pattern.format(&at));
    }
}

/// Lines: the expression of a partition key, and a record. It is refused or compiled, and an evaluation ends within its limits.
pub fn jq(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (expression, record) = text.split_once('\n').unwrap_or((text, "null"));
    // As long as the model lets one be.
    let query = format!("{{a:({expression})}}");
    if query.len() > 5_120 {
        return;
    }
    let Ok(query) = KeyQuery::compile(&query) else { return };
    let keys = Room::with(|room| query.keys(room, record.as_bytes())).expect("a thread for the evaluation");
    assert!(!matches!(keys, Err(KeyError::Broken)), "{text}");
}

/// Ordinary times, and those at the ends of what there is.
fn times() -> [Zoned; 4] {
    let offset = TimeZone::fixed(Offset::constant(-12));
    let zoned = |year, month, day, zone: &TimeZone| {
        date(year, month, day)
            .at(23, 59, 59, 987_654_321)
            .to_zoned(zone.clone())
            .expect("a time that there is")
    };
    [
        zoned(2013, 1, 31, &TimeZone::UTC),
        zoned(1969, 12, 31, &offset),
        zoned(-9998, 3, 1, &offset),
        zoned(9998, 12, 30, &TimeZone::UTC),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    // Seeded and bounded; `fuzz/` runs the same entries without end.
    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2_000,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(7),
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_text(text in "(?s).{0,100}") {
            super::prefixes(text.as_bytes());
            super::java_time(text.as_bytes());
        }

        #[test]
        fn nearly_prefixes(
            prefix in "(!\\{timestamp:['yMdHs/%]{1,6}\\}|!\\{partitionKeyFromQuery:[ab]\\}|!\\{firehose:random-string\\}|!\\{|[a/!{}'%]){0,6}",
            failed in "(!\\{firehose:error-output-type\\}|!\\{timestamp:['yMdHs/%]{1,6}\\}|e/){0,4}",
            keys in prop::sample::select(&["", "a", "b", "a,b"][..]),
        ) {
            super::prefixes(format!("{prefix}\n{failed}\n{keys}").as_bytes());
        }

        #[test]
        fn nearly_times(pattern in "([a-zA-Z]{1,5}|[-/:' %T]){0,8}", text in "([0-9]{1,4}|[-/:TZ+ ]|[A-Za-z/]{1,9}){0,8}") {
            super::java_time(format!("{pattern}\n{text}").as_bytes());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 1_500,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(7),
            ..ProptestConfig::default()
        })]

        /// Built of what grows, repeats and nests.
        #[test]
        fn greedy_jq(parts in prop::collection::vec(prop::sample::select(&[
            ".", "..", ".[]?", ".a?", ".[0]?", ".[1:]?", "[.,.]", "{a:.,b:.}", "[..]", "1", "-1", "1e9", "1e300", "\"x\"", "\"é\"", "null",
            " + ", " * ", " - ", " / ", " % ", " | ", ", ", " // ", " == ", " < ", " |= ", " += ", " as $x | ", "$x", "(", ")", "[", "]",
            "range(1e9)", "range(60)", "repeat(.)", "recurse", "recurse([.])", "limit(1e9; ", "reduce range(60) as $x (.; ", "foreach range(99) as $x (.; ",
            "tojson", "fromjson", "tostring", "add", "flatten", "explode", "implode", "combinations", "transpose", "walk(", "map(", "path(", "paths", "gsub(\"\";\"xx\")",
            "test(\"(a*)*\")", "@html", "@base64", "@sh", "join(.)", "sort", "unique", "group_by(.)", "strftime(\"%255Y\")", "try ", " catch .", "error", "splits(\"\")",
            "first(", "last(", "until(false; ", "while(true; ", "def f: f; f", "def f: ., f; f", "to_entries", "with_entries(.)", "getpath([0,0])", "del(..)", "ltrimstr(.)",
            "indices(.)", "contains(.)", "ascii", "todate", "mktime", "gmtime", "tonumber", "infinite", "nan", "input", "env", "$__loc__", "limit(3; ", "ltrimstr(\"x\")",
        ][..]), 1..14), close in 0..6usize) {
            let text = format!("{}{}", parts.concat(), ")".repeat(close));
            super::jq(format!("{text}\n{{\"a\":[1,[2,\"xx\"]],\"b\":\"text\"}}").as_bytes());
        }
    }
}
