//! Listing of keys by prefix and delimiter, in pages. A page costs a seek per entry at most: a common prefix is
//! jumped over, never scanned. Pure: the keys come through a closure.

use std::ops::Bound;

/// What is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Question<'a> {
    pub prefix: &'a str,
    /// Keys that hold this after the prefix are rolled up; `None` or empty for a flat list.
    pub delimiter: Option<&'a str>,
    /// Go on behind this key or common prefix.
    pub after: Option<&'a str>,
    /// How many keys and common prefixes together.
    pub limit: usize,
}

/// A page of entries, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    pub items: Vec<(String, T)>,
    pub prefixes: Vec<String>,
    /// The last entry of this page, when more follow.
    pub next: Option<String>,
}

/// Walks over keys in byte order. `seek` gives all keys from a bound upwards; it is called anew to jump.
pub fn page<T, E, I>(question: &Question<'_>, mut seek: impl FnMut(Bound<&str>) -> I) -> Result<Page<T>, E>
where
    I: Iterator<Item = Result<(String, T), E>>,
{
    let mut page = Page { items: Vec::new(), prefixes: Vec::new(), next: None };
    let Some(mut from) = start(question) else { return Ok(page) };
    if question.limit == 0 {
        return Ok(page);
    }
    let mut last = String::new();
    'seek: loop {
        for entry in seek(as_bound(&from)) {
            let (key, item) = entry?;
            if !key.starts_with(question.prefix) {
                return Ok(page);
            }
            if page.items.len() + page.prefixes.len() == question.limit {
                page.next = Some(last);
                return Ok(page);
            }
            let Some(common) = common_prefix(question, &key) else {
                last.clone_from(&key);
                page.items.push((key, item));
                continue;
            };
            last = common.to_owned();
            page.prefixes.push(common.to_owned());
            match successor(common) {
                Some(behind) => from = Bound::Included(behind),
                None => return Ok(page),
            }
            continue 'seek;
        }
        return Ok(page);
    }
}

/// Where the first seek goes; `None` when nothing can follow.
fn start(question: &Question<'_>) -> Option<Bound<String>> {
    match question.after {
        Some(after) if after >= question.prefix => match common_prefix(question, after) {
            Some(common) if common == after => successor(common).map(Bound::Included),
            _ => Some(Bound::Excluded(after.to_owned())),
        },
        _ => Some(Bound::Included(question.prefix.to_owned())),
    }
}

fn as_bound(bound: &Bound<String>) -> Bound<&str> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}

/// The part of `key` up to and with the first delimiter behind the prefix.
fn common_prefix<'k>(question: &Question<'_>, key: &'k str) -> Option<&'k str> {
    let delimiter = question.delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let at = key.strip_prefix(question.prefix)?.find(delimiter)?;
    Some(&key[..question.prefix.len() + at + delimiter.len()])
}

/// The smallest text above every text that starts with `prefix`. UTF-8's byte order is that of the code points, so
/// the last one that can grow grows; surrogates are no characters.
pub fn successor(prefix: &str) -> Option<String> {
    let mut head = prefix;
    while let Some(last) = head.chars().next_back() {
        head = &head[..head.len() - last.len_utf8()];
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            other => char::from_u32(u32::from(other) + 1),
        };
        if let Some(next) = next {
            return Some(format!("{head}{next}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::{BTreeMap, BTreeSet};
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn list(keys: &BTreeMap<String, ()>, question: &Question<'_>, seeks: &Cell<usize>) -> Page<()> {
        let read = Cell::new(0_usize);
        let found = page(question, |from| {
            seeks.set(seeks.get() + 1);
            let read = &read;
            let from = (from.map(str::to_owned), Bound::Unbounded);
            keys.range(from).map(move |(key, ())| {
                read.set(read.get() + 1);
                Ok::<_, Infallible>((key.clone(), ()))
            })
        });
        let found = found.unwrap_or_else(|never| match never {});
        assert!(read.get() <= question.limit + 1, "read {} keys for {}", read.get(), question.limit);
        found
    }

    fn keys(texts: &[&str]) -> BTreeMap<String, ()> {
        texts.iter().map(|text| ((*text).to_owned(), ())).collect()
    }

    #[test]
    fn rolls_up_and_goes_on() {
        let keys = keys(&["a", "b/1", "b/2", "c/", "c/x", "d", "e//f"]);
        let ask = |after, limit| Question { prefix: "", delimiter: Some("/"), after, limit };
        let seeks = Cell::new(0);
        let first = list(&keys, &ask(None, 3), &seeks);
        assert_eq!(first.items, [("a".to_owned(), ())]);
        assert_eq!(first.prefixes, ["b/", "c/"]);
        assert_eq!(first.next.as_deref(), Some("c/"));
        let second = list(&keys, &ask(first.next.as_deref(), 3), &seeks);
        assert_eq!(second.items, [("d".to_owned(), ())]);
        assert_eq!(second.prefixes, ["e/"]);
        assert_eq!(second.next, None);
        let inside = list(&keys, &Question { prefix: "b/", ..ask(Some("b/1"), 9) }, &seeks);
        assert_eq!(inside.items, [("b/2".to_owned(), ())]);
        assert_eq!(list(&keys, &ask(None, 0), &seeks).next, None);
    }

    #[test]
    fn a_common_prefix_is_jumped_over() {
        let many: Vec<String> =
            (0..10_000).map(|n| format!("x/{n:05}")).chain(["y/1".into(), "z".into()]).collect();
        let keys = many.into_iter().map(|key| (key, ())).collect();
        let seeks = Cell::new(0);
        let question = Question { prefix: "", delimiter: Some("/"), after: None, limit: 10 };
        let page = list(&keys, &question, &seeks);
        assert_eq!((page.prefixes.len(), page.items.len(), seeks.get()), (2, 1, 3));
    }

    #[test]
    fn successors() {
        for (prefix, expected) in [
            ("a/", Some("a0")),
            ("a\u{10FFFF}", Some("b")),
            ("\u{10FFFF}", None),
            ("", None),
            ("\u{D7FF}", Some("\u{E000}")),
            ("ä", Some("å")),
        ] {
            assert_eq!(successor(prefix).as_deref(), expected, "{prefix:?}");
        }
    }

    proptest! {
        #[test]
        fn pages_add_up_to_the_whole(
            keys in proptest::collection::btree_set("[ab/]{1,6}", 0..40),
            prefix in "[ab/]{0,2}",
            delimited: bool,
            limit in 1..5_usize,
        ) {
            let delimiter = delimited.then_some("/");
            let map: BTreeMap<String, ()> = keys.iter().map(|key| (key.clone(), ())).collect();
            let (mut items, mut prefixes, mut after) = (Vec::new(), Vec::new(), None::<String>);
            loop {
                let question = Question { prefix: &prefix, delimiter, after: after.as_deref(), limit };
                let page = list(&map, &question, &Cell::new(0));
                items.extend(page.items.into_iter().map(|(key, ())| key));
                prefixes.extend(page.prefixes);
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            let mut expected_prefixes = BTreeSet::new();
            let mut expected_items = Vec::new();
            for key in keys.iter().filter(|key| key.starts_with(&prefix)) {
                match delimiter.and_then(|d| key[prefix.len()..].find(d)) {
                    Some(at) => { expected_prefixes.insert(key[..=prefix.len() + at].to_owned()); }
                    None => expected_items.push(key.clone()),
                }
            }
            prop_assert_eq!(items, expected_items);
            prop_assert_eq!(prefixes, expected_prefixes.into_iter().collect::<Vec<_>>());
        }
    }
}
