//! Strings and regular expressions. Positions count characters from one; a negative one counts from the end.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Int64Array, ListBuilder, StringArray, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::error::Result as EngineResult;
use regex::Regex;

use super::{Function, invalid, is_text, texts};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("substr", text_and_integers, text_type, substr),
    Function::new("split", split_arguments, list_of_text, split),
    Function::new("split_part", split_part_arguments, text_type, split_part),
    Function::new("regexp_extract", regexp_arguments, text_type, regexp_extract),
    Function::new("regexp_extract_all", regexp_arguments, list_of_text, regexp_extract_all),
    Function::new("regexp_replace", regexp_replace_arguments, text_type, regexp_replace),
    Function::new("regexp_like", two_texts, |_| DataType::Boolean, regexp_like),
    Function::new("regexp_count", two_texts, |_| DataType::Int64, regexp_count),
    Function::new("regexp_split", two_texts, list_of_text, regexp_split),
    Function::new("codepoint", one_text, |_| DataType::Int32, codepoint),
];

fn text_type(_arguments: &[DataType]) -> DataType {
    DataType::Utf8
}

fn list_of_text(_arguments: &[DataType]) -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))
}

fn one_text(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    texts(arguments, 1, 1).ok_or_else(|| "varchar".to_owned())
}

fn two_texts(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    texts(arguments, 2, 2).ok_or_else(|| "varchar, varchar".to_owned())
}

/// `texts` texts first, then up to `integers` integers.
fn then_integers(arguments: &[DataType], texts: usize, least: usize, most: usize) -> Option<Vec<DataType>> {
    let integers = arguments.len().checked_sub(texts)?;
    let fits = (least..=most).contains(&integers)
        && arguments[..texts].iter().all(is_text)
        && arguments[texts..].iter().all(|kind| kind.is_integer() || kind.is_null());
    fits.then(|| {
        let mut types = vec![DataType::Utf8; texts];
        types.resize(arguments.len(), DataType::Int64);
        types
    })
}

fn text_and_integers(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    then_integers(arguments, 1, 1, 2).ok_or_else(|| "varchar, bigint, bigint".to_owned())
}

fn split_arguments(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    then_integers(arguments, 2, 0, 1).ok_or_else(|| "varchar, varchar, bigint".to_owned())
}

fn split_part_arguments(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    then_integers(arguments, 2, 1, 1).ok_or_else(|| "varchar, varchar, bigint".to_owned())
}

fn regexp_arguments(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    then_integers(arguments, 2, 0, 1).ok_or_else(|| "varchar, JoniRegExp, bigint".to_owned())
}

fn regexp_replace_arguments(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    texts(arguments, 2, 3).ok_or_else(|| "varchar, JoniRegExp, varchar".to_owned())
}

fn text(arguments: &[ArrayRef], argument: usize, row: usize) -> Option<&str> {
    let array = arguments.get(argument)?.as_string::<i32>();
    array.is_valid(row).then(|| array.value(row))
}

fn number(arguments: &[ArrayRef], argument: usize, row: usize) -> Option<i64> {
    let array = arguments.get(argument)?.as_primitive::<Int64Type>();
    array.is_valid(row).then(|| array.value(row))
}

fn substr(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let limited = arguments.len() == 3;
    Ok(Arc::new(StringArray::from_iter((0..rows).map(|row| {
        let (text, start) = (text(arguments, 0, row)?, number(arguments, 1, row)?);
        let length = if limited { number(arguments, 2, row)? } else { i64::MAX };
        Some(part_of(text, start, length))
    }))))
}

fn part_of(text: &str, start: i64, length: i64) -> &str {
    if start == 0 || length <= 0 {
        return "";
    }
    let from = if start > 0 {
        start - 1
    } else {
        let from = text.chars().count() as i64 + start;
        if from < 0 {
            return "";
        }
        from
    };
    let mut places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let Some(begin) = usize::try_from(from).ok().and_then(|from| places.nth(from)) else { return "" };
    let end = usize::try_from(length - 1).ok().and_then(|more| places.nth(more)).unwrap_or(text.len());
    &text[begin..end]
}

fn split(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let limited = arguments.len() == 3;
    lists(rows, |row, out| {
        let (Some(text), Some(separator)) = (text(arguments, 0, row), text(arguments, 1, row)) else {
            return Ok(false);
        };
        if separator.is_empty() {
            return Err(invalid("The delimiter may not be the empty string"));
        }
        match limited.then(|| number(arguments, 2, row)) {
            None => text.split(separator).for_each(|part| out.append_value(part)),
            Some(Some(limit)) if limit > 0 => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                text.splitn(limit, separator).for_each(|part| out.append_value(part));
            }
            Some(Some(_)) => return Err(invalid("Limit must be positive")),
            Some(None) => return Ok(false),
        }
        Ok(true)
    })
}

/// Builds one list a row; `fill` answers false for NULL.
fn lists(
    rows: usize,
    mut fill: impl FnMut(usize, &mut StringBuilder) -> EngineResult<bool>,
) -> EngineResult<ArrayRef> {
    let mut out = ListBuilder::new(StringBuilder::new());
    for row in 0..rows {
        let valid = fill(row, out.values())?;
        out.append(valid);
    }
    Ok(Arc::new(out.finish()))
}

fn split_part(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let mut out = StringBuilder::new();
    for row in 0..rows {
        let (Some(text), Some(separator), Some(index)) =
            (text(arguments, 0, row), text(arguments, 1, row), number(arguments, 2, row))
        else {
            out.append_null();
            continue;
        };
        let Some(before) = usize::try_from(index).ok().and_then(|index| index.checked_sub(1)) else {
            return Err(invalid("Index must be greater than zero"));
        };
        if separator.is_empty() {
            let mut letters = text.char_indices().map(|(at, letter)| &text[at..at + letter.len_utf8()]);
            out.append_option(letters.nth(before));
        } else {
            out.append_option(text.split(separator).nth(before));
        }
    }
    Ok(Arc::new(out.finish()))
}

/// Compiles each pattern once: it is nearly always the same one for all rows.
#[derive(Default)]
struct Patterns(HashMap<String, Regex>);

impl Patterns {
    fn get(&mut self, pattern: &str) -> EngineResult<&Regex> {
        if !self.0.contains_key(pattern) {
            let compiled = Regex::new(pattern)
                .map_err(|error| invalid(format!("Invalid regular expression '{pattern}': {error}")))?;
            self.0.insert(pattern.to_owned(), compiled);
        }
        Ok(&self.0[pattern])
    }
}

fn group(arguments: &[ArrayRef], row: usize, pattern: &Regex) -> EngineResult<Option<usize>> {
    if arguments.len() < 3 {
        return Ok(Some(0));
    }
    let Some(wanted) = number(arguments, 2, row) else { return Ok(None) };
    let groups = pattern.captures_len() - 1;
    match usize::try_from(wanted) {
        Ok(wanted) if wanted <= groups => Ok(Some(wanted)),
        _ => Err(invalid(format!("Pattern has {groups} groups. Cannot access group {wanted}"))),
    }
}

fn regexp_extract(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let mut patterns = Patterns::default();
    let mut out = StringBuilder::new();
    for row in 0..rows {
        let (Some(text), Some(pattern)) = (text(arguments, 0, row), text(arguments, 1, row)) else {
            out.append_null();
            continue;
        };
        let pattern = patterns.get(pattern)?;
        let group = group(arguments, row, pattern)?;
        let found = group.and_then(|group| pattern.captures(text)?.get(group));
        out.append_option(found.map(|found| found.as_str()));
    }
    Ok(Arc::new(out.finish()))
}

fn regexp_extract_all(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let mut patterns = Patterns::default();
    lists(rows, |row, out| {
        let (Some(text), Some(pattern)) = (text(arguments, 0, row), text(arguments, 1, row)) else {
            return Ok(false);
        };
        let pattern = patterns.get(pattern)?;
        let Some(group) = group(arguments, row, pattern)? else { return Ok(false) };
        for found in pattern.captures_iter(text) {
            out.append_option(found.get(group).map(|found| found.as_str()));
        }
        Ok(true)
    })
}

fn regexp_split(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let mut patterns = Patterns::default();
    lists(rows, |row, out| {
        let (Some(text), Some(pattern)) = (text(arguments, 0, row), text(arguments, 1, row)) else {
            return Ok(false);
        };
        patterns.get(pattern)?.split(text).for_each(|part| out.append_value(part));
        Ok(true)
    })
}

/// Every match is replaced; `$1` and `${name}` stand for groups, `\$` for a dollar sign.
fn regexp_replace(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let mut patterns = Patterns::default();
    let mut out = StringBuilder::new();
    let by = arguments.len() == 3;
    for row in 0..rows {
        let replacement = if by { text(arguments, 2, row) } else { Some("") };
        let (Some(text), Some(pattern), Some(replacement)) =
            (text(arguments, 0, row), text(arguments, 1, row), replacement)
        else {
            out.append_null();
            continue;
        };
        let replacement = template(replacement);
        out.append_value(patterns.get(pattern)?.replace_all(text, replacement.as_str()));
    }
    Ok(Arc::new(out.finish()))
}

/// Java's `$12x` means group 12 and then an `x`; the regex crate needs braces for that.
fn template(replacement: &str) -> String {
    let mut out = String::with_capacity(replacement.len());
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('$') => out.push_str("$$"),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            '$' if chars.peek().is_some_and(char::is_ascii_digit) => {
                out.push_str("${");
                while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                    out.push(digit);
                }
                out.push('}');
            }
            other => out.push(other),
        }
    }
    out
}

fn regexp_like(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let mut patterns = Patterns::default();
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        out.push(match (text(arguments, 0, row), text(arguments, 1, row)) {
            (Some(text), Some(pattern)) => Some(patterns.get(pattern)?.is_match(text)),
            _ => None,
        });
    }
    Ok(Arc::new(BooleanArray::from(out)))
}

fn regexp_count(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let mut patterns = Patterns::default();
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        out.push(match (text(arguments, 0, row), text(arguments, 1, row)) {
            (Some(text), Some(pattern)) => Some(patterns.get(pattern)?.find_iter(text).count() as i64),
            _ => None,
        });
    }
    Ok(Arc::new(Int64Array::from(out)))
}

fn codepoint(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        out.push(match text(arguments, 0, row) {
            Some(text) => {
                let mut chars = text.chars();
                match (chars.next(), chars.next()) {
                    (Some(one), None) => Some(one as i32),
                    _ => return Err(invalid("Input string must be a single character string")),
                }
            }
            None => None,
        });
    }
    Ok(Arc::new(arrow::array::Int32Array::from(out)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_count_characters_from_one_or_from_the_end() {
        for (text, start, length, expected) in [
            ("hello", 1, 2, "he"),
            ("hello", 2, i64::MAX, "ello"),
            ("hello", -3, 2, "ll"),
            ("hello", -9, 2, ""),
            ("hello", 0, 2, ""),
            ("hello", 6, 2, ""),
            ("hello", 1, 0, ""),
            ("grüße", 3, 2, "üß"),
        ] {
            assert_eq!(part_of(text, start, length), expected, "{text} {start} {length}");
        }
    }

    #[test]
    fn replacements_are_translated_from_java() {
        for (java, ours) in [("$1x", "${1}x"), ("\\$1", "$$1"), ("a\\\\b", "a\\b"), ("${n}", "${n}")] {
            assert_eq!(template(java), ours);
        }
    }
}
