//! JSON in strings. Athena's type `json` is text here: what `json_extract` gives prints the same.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::error::Result as EngineResult;

use super::{Function, invalid, texts};
use crate::table::Document;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("json_extract", text_and_path, |_| DataType::Utf8, |a, n| extract(a, n, any_json)),
    Function::new("json_extract_scalar", text_and_path, |_| DataType::Utf8, |a, n| extract(a, n, scalar)),
    Function::new("json_array_length", one_text, |_| DataType::Int64, json_array_length),
    Function::new("json_size", text_and_path, |_| DataType::Int64, json_size),
    Function::new("json_parse", one_text, |_| DataType::Utf8, json_parse),
    Function::new("json_format", one_text, |_| DataType::Utf8, |a, _| Ok(Arc::clone(&a[0]))),
];

fn one_text(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    texts(arguments, 1, 1).ok_or_else(|| "varchar".to_owned())
}

fn text_and_path(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    texts(arguments, 2, 2).ok_or_else(|| "varchar, JsonPath".to_owned())
}

/// A step of a path: `.name`, `["name"]` or `[3]`.
#[derive(Debug, PartialEq)]
enum Step {
    Member(String),
    Element(usize),
}

fn path(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            if end == 0 {
                return None;
            }
            steps.push(Step::Member(after[..end].to_owned()));
            rest = &after[end..];
            continue;
        }
        let inner = rest.strip_prefix('[')?;
        let quote = inner.chars().next().filter(|c| matches!(c, '"' | '\''));
        match quote {
            Some(quote) => {
                let (name, after) = inner[1..].split_once(quote)?;
                steps.push(Step::Member(name.to_owned()));
                rest = after.strip_prefix(']')?;
            }
            None => {
                let (index, after) = inner.split_once(']')?;
                steps.push(Step::Element(index.parse().ok()?));
                rest = after;
            }
        }
    }
    Some(steps)
}

fn find<'a>(document: &'a Document, steps: &[Step]) -> Option<&'a Document> {
    steps.iter().try_fold(document, |at, step| match step {
        Step::Member(name) => at.as_object()?.get(name),
        Step::Element(index) => at.as_array()?.get(*index),
    })
}

fn text(arguments: &[ArrayRef], argument: usize, row: usize) -> Option<&str> {
    let array = arguments[argument].as_string::<i32>();
    array.is_valid(row).then(|| array.value(row))
}

/// Calls `with` for each row whose document reads and has something at the path; the path is compiled once.
fn each<T>(
    arguments: &[ArrayRef],
    rows: usize,
    mut with: impl FnMut(Option<&Document>) -> T,
) -> EngineResult<Vec<T>> {
    let mut compiled: Option<(String, Vec<Step>)> = None;
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        let (Some(document), Some(wanted)) = (text(arguments, 0, row), text(arguments, 1, row)) else {
            out.push(with(None));
            continue;
        };
        if compiled.as_ref().is_none_or(|(known, _)| known != wanted) {
            let steps = path(wanted).ok_or_else(|| invalid(format!("Invalid JSON path: '{wanted}'")))?;
            compiled = Some((wanted.to_owned(), steps));
        }
        let steps = compiled.as_ref().map(|(_, steps)| steps.as_slice()).unwrap_or_default();
        // Text that is no JSON is NULL, as in Trino.
        let document = serde_json::from_str::<Document>(document).ok();
        out.push(with(document.as_ref().and_then(|document| find(document, steps))));
    }
    Ok(out)
}

fn extract(
    arguments: &[ArrayRef],
    rows: usize,
    print: fn(&Document) -> Option<String>,
) -> EngineResult<ArrayRef> {
    let mut out = StringBuilder::new();
    each(arguments, rows, |found| out.append_option(found.and_then(print)))?;
    Ok(Arc::new(out.finish()))
}

fn any_json(value: &Document) -> Option<String> {
    Some(value.to_string())
}

fn scalar(value: &Document) -> Option<String> {
    match value {
        Document::Null | Document::Array(_) | Document::Object(_) => None,
        Document::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn json_size(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let sizes = each(arguments, rows, |found| {
        Some(match found? {
            Document::Array(items) => items.len() as i64,
            Document::Object(members) => members.len() as i64,
            _ => 0,
        })
    })?;
    Ok(Arc::new(Int64Array::from(sizes)))
}

fn json_array_length(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let length = |row| {
        let document: Document = serde_json::from_str(text(arguments, 0, row)?).ok()?;
        document.as_array().map(|items| items.len() as i64)
    };
    Ok(Arc::new(Int64Array::from_iter((0..rows).map(length))))
}

fn json_parse(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let mut out = StringBuilder::new();
    for row in 0..rows {
        let Some(text) = text(arguments, 0, row) else {
            out.append_null();
            continue;
        };
        let document: Document = serde_json::from_str(text)
            .map_err(|error| invalid(format!("Cannot convert value to JSON: '{text}': {error}")))?;
        out.append_value(document.to_string());
    }
    Ok(Arc::new(out.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_members_and_elements() {
        let member = |name: &str| Step::Member(name.to_owned());
        for (text, expected) in [
            ("$", Some(vec![])),
            ("$.a.b[0]", Some(vec![member("a"), member("b"), Step::Element(0)])),
            ("$['a.b'][\"c\"]", Some(vec![member("a.b"), member("c")])),
            ("a", None),
            ("$..a", None),
            ("$[x]", None),
        ] {
            assert_eq!(path(text), expected, "{text}");
        }
    }
}
