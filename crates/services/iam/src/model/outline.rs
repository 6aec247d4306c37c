//! Where the statements of a document stand, and which keys it looks at: for the simulator, which shows both.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A line and a column, both counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(rename = "Statement", borrow)]
    statement: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement<'a> {
    /// By operator and key.
    #[serde(borrow, default)]
    condition: BTreeMap<String, BTreeMap<String, &'a RawValue>>,
    #[serde(borrow)]
    principal: Option<&'a RawValue>,
    #[serde(borrow)]
    not_principal: Option<&'a RawValue>,
}

/// The texts of a document's statements, each a part of it. Empty when it is no policy.
fn statements(document: &str) -> Vec<&str> {
    let Ok(Document { statement }) = serde_json::from_str(document) else { return Vec::new() };
    let text = statement.get();
    match serde_json::from_str::<Vec<&RawValue>>(text) {
        Ok(list) => list.into_iter().map(RawValue::get).collect(),
        Err(_) => vec![text],
    }
}

/// Where a statement, counted from zero, begins and ends.
pub fn span(document: &str, statement: usize) -> Option<(Position, Position)> {
    let Range { start, end } = range(document, statements(document).get(statement)?)?;
    Some((position(document, start)?, position(document, end)?))
}

/// Where a part of a document lies that serde borrowed from it.
fn range(document: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(document.as_ptr().addr())?;
    document.get(start..start + part.len()).map(|_part| start..start + part.len())
}

/// Where the statements say whom they are about, in their order.
pub fn principals(document: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for text in statements(document) {
        let Ok(Statement { principal, not_principal, .. }) = serde_json::from_str(text) else { continue };
        let parts = principal.into_iter().chain(not_principal);
        found.extend(parts.filter_map(|part| range(document, part.get())));
    }
    found
}

fn position(document: &str, offset: usize) -> Option<Position> {
    let before = document.get(..offset)?;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Some(Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    })
}

/// The condition keys that a document looks at, as conditions and as policy variables.
pub fn context_keys(document: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for text in statements(document) {
        if let Ok(Statement { condition, .. }) = serde_json::from_str(text) {
            keys.extend(condition.into_values().flat_map(BTreeMap::into_keys));
        }
        keys.extend(variables(text).map(ToOwned::to_owned));
    }
    keys
}

/// `aws:username` of `${aws:username}` and of `${aws:username, 'nobody'}`. A star, a question mark and a dollar sign in
/// braces are themselves.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| {
        let (inside, _) = rest.split_once('}')?;
        let name = inside.split(',').next()?.trim();
        (!matches!(name, "*" | "?" | "$" | "")).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DOCUMENT: &str = r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::ü/${aws:username, 'x'}/${*}"},
        {
            "Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}, "StringLike": {"s3:prefix": ["a"]}}
        }
    ]
}"#;

    #[test]
    fn statements_are_found_where_they_stand() {
        let at = |line, column| Position { line, column };
        assert_eq!(span(DOCUMENT, 0), Some((at(4, 9), at(4, 99))));
        assert_eq!(span(DOCUMENT, 1), Some((at(5, 9), at(8, 10))));
        assert_eq!(span(DOCUMENT, 2), None);
        assert_eq!(span(r#"{"Statement": {"Effect": "Allow"}}"#, 0), Some((at(1, 15), at(1, 34))));
        assert_eq!(span("nonsense", 0), None);
    }

    proptest! {
        #[test]
        fn whatever_it_is_it_is_read(text in "\\PC{0,60}|.{0,20}\"Statement\".{0,40}|\\[\\{\"Statement\": .{0,40}") {
            for document in [DOCUMENT.replacen("Allow", &text, 1), text] {
                span(&document, 0);
                context_keys(&document);
                for range in principals(&document) {
                    assert!(document.get(range).is_some());
                }
            }
        }
    }

    #[test]
    fn keys_are_those_of_conditions_and_variables() {
        let keys: Vec<String> = context_keys(DOCUMENT).into_iter().collect();
        assert_eq!(keys, ["aws:SecureTransport", "aws:username", "s3:prefix"]);
    }
}
