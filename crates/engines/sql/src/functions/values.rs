//! Functions over any type: `typeof`, the cast to text, and the cast of binary to text and back.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BinaryBuilder, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::error::Result as EngineResult;

use super::{Function, invalid, texts};
use crate::error::QueryError;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("typeof", any_one, text_type, type_of),
    Function::new("cast_to_varchar", any_one, own_text_type, cast_to_varchar).no_op_on_own_type(),
    Function::new("to_utf8", one_text, |_| DataType::Binary, to_utf8),
    Function::new("from_utf8", one_binary, text_type, from_utf8),
    Function::new("to_hex", one_binary, text_type, to_hex),
    Function::new("from_hex", one_text, |_| DataType::Binary, from_hex),
    Function::new("fail", one_text, |_| DataType::Null, fail),
];

fn text_type(_arguments: &[DataType]) -> DataType {
    DataType::Utf8
}

fn own_text_type(arguments: &[DataType]) -> DataType {
    match arguments {
        [DataType::Utf8View] => DataType::Utf8View,
        [DataType::LargeUtf8] => DataType::LargeUtf8,
        _ => DataType::Utf8,
    }
}

fn any_one(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    if arguments.len() == 1 { Ok(arguments.to_vec()) } else { Err("any".to_owned()) }
}

fn one_text(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    texts(arguments, 1, 1).ok_or_else(|| "varchar".to_owned())
}

fn one_binary(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    match arguments {
        [DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::Null] => {
            Ok(vec![DataType::Binary])
        }
        _ => Err("varbinary".to_owned()),
    }
}

fn type_of(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let name = crate::types::trino_name(arguments[0].data_type());
    Ok(Arc::new(arrow::array::StringArray::from_iter_values(std::iter::repeat_n(name, rows))))
}

/// The text that an answer would print.
fn cast_to_varchar(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let array = &arguments[0];
    if own_text_type(&[array.data_type().clone()]) == *array.data_type() {
        return Ok(Arc::clone(array));
    }
    if array.data_type().is_nested() {
        let name = crate::types::trino_name(array.data_type());
        return Err(QueryError::user("TYPE_MISMATCH", format!("Cannot cast {name} to varchar")).into());
    }
    let mut out = StringBuilder::with_capacity(rows, rows * 8);
    let mut text = String::new();
    for row in 0..array.len() {
        if array.is_null(row) || *array.data_type() == DataType::Null {
            out.append_null();
            continue;
        }
        text.clear();
        crate::print::cell(array, row, &mut text);
        out.append_value(&text);
    }
    Ok(Arc::new(out.finish()))
}

fn to_utf8(arguments: &[ArrayRef], _rows: usize) -> EngineResult<ArrayRef> {
    Ok(arrow::compute::cast(&arguments[0], &DataType::Binary)?)
}

/// Bytes that are not UTF-8 become the replacement character, as in Trino.
fn from_utf8(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let mut out = StringBuilder::with_capacity(rows, rows * 8);
    for bytes in arguments[0].as_binary::<i32>() {
        out.append_option(bytes.map(String::from_utf8_lossy));
    }
    Ok(Arc::new(out.finish()))
}

fn to_hex(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    use std::fmt::Write as _;
    let mut out = StringBuilder::with_capacity(rows, rows * 16);
    for bytes in arguments[0].as_binary::<i32>() {
        match bytes {
            Some(bytes) => {
                for byte in bytes {
                    let _infallible = write!(out, "{byte:02X}");
                }
                out.append_value("");
            }
            None => out.append_null(),
        }
    }
    Ok(Arc::new(out.finish()))
}

fn from_hex(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let mut out = BinaryBuilder::with_capacity(rows, rows * 8);
    for text in arguments[0].as_string::<i32>() {
        let Some(text) = text else {
            out.append_null();
            continue;
        };
        let digits: Option<Vec<u8>> =
            text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
        match digits {
            Some(digits) if digits.len().is_multiple_of(2) => {
                let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect();
                out.append_value(bytes);
            }
            _ => return Err(invalid(format!("invalid input string: {text}"))),
        }
    }
    Ok(Arc::new(out.finish()))
}

/// Fails the query with the caller's own message.
fn fail(arguments: &[ArrayRef], _rows: usize) -> EngineResult<ArrayRef> {
    match arguments[0].as_string::<i32>().iter().flatten().next() {
        Some(message) => Err(QueryError::user("GENERIC_USER_ERROR", message).into()),
        None => Ok(arrow::array::new_null_array(&DataType::Null, arguments[0].len())),
    }
}
