//! Record format conversion: JSON records into a Parquet file with the schema of a Glue table.
//!
//! - [`hive_type`]: the catalog's types in Arrow.
//! - [`column`]: one Arrow builder a column, which takes JSON values as the SerDes do.
//! - [`timestamp`]: the forms of a timestamp.
//! - [`parquet`]: how the file is written.

mod column;
mod hive_type;
pub mod parquet;
mod timestamp;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Schema, SchemaRef};

use crate::record::json::{Json, documents};
use column::Column;
use hive_type::HiveType;
pub use timestamp::TimestampForms;

/// How JSON is read: the settings of the two SerDes, as they differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deserializer {
    pub case_insensitive: bool,
    pub dots_to_underscores: bool,
    /// From a column's name to the JSON key that holds it.
    pub key_of_column: HashMap<String, String>,
    pub timestamps: TimestampForms,
}

/// Why a table's schema cannot be converted to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error("the table has no columns")]
    NoColumns,
    #[error("column {column} has the type {text}, which is not a valid type")]
    Invalid { column: String, text: String },
    #[error("column {column} has the type {text}, which format conversion does not support")]
    Unsupported { column: String, text: String },
    #[error("the table has the column {0} twice")]
    Twice(String),
}

/// A record that did not fit the schema, by its place among the records given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    pub record: usize,
    pub reason: ConversionError,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    #[error("The input record is not valid JSON: {0}")]
    NotJson(String),
    #[error("The input record is not a JSON object")]
    NotAnObject,
    #[error("Column {column}: {reason}")]
    Value { column: String, reason: column::Mismatch },
}

impl ConversionError {
    /// AWS's error code for the error record.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotJson(_) | Self::NotAnObject => "DataFormatConversion.ParseError",
            Self::Value { .. } => "DataFormatConversion.InvalidTypeConversion",
        }
    }
}

/// A table's schema with the rules to read JSON into it.
#[derive(Debug)]
pub struct Converter {
    schema: SchemaRef,
    types: Vec<HiveType>,
    /// From a JSON key, as [`Deserializer`] normalizes it, to the column.
    column_of_key: HashMap<String, usize>,
    deserializer: Deserializer,
}

impl Converter {
    /// `columns` are the names and types of the table, without its partition keys.
    pub fn new<'a>(
        columns: impl IntoIterator<Item = (&'a str, &'a str)>,
        deserializer: Deserializer,
    ) -> Result<Self, SchemaError> {
        let (mut fields, mut types, mut column_of_key) = (Vec::new(), Vec::new(), HashMap::new());
        for (name, text) in columns {
            let hive_type: HiveType = text
                .parse()
                .map_err(|_| SchemaError::Invalid { column: name.to_owned(), text: text.to_owned() })?;
            if !hive_type::is_supported(&hive_type) {
                return Err(SchemaError::Unsupported { column: name.to_owned(), text: text.to_owned() });
            }
            let key = deserializer.key_of_column.get(name).map_or(name, String::as_str);
            if column_of_key.insert(deserializer.normal(key).into_owned(), fields.len()).is_some() {
                return Err(SchemaError::Twice(name.to_owned()));
            }
            fields.push(Field::new(name, hive_type::arrow(&hive_type), true));
            types.push(hive_type);
        }
        if fields.is_empty() {
            return Err(SchemaError::NoColumns);
        }
        Ok(Self { schema: Arc::new(Schema::new(fields)), types, column_of_key, deserializer })
    }

    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The rows of `records` (a record may hold several documents), and the records that do not fit. A record with one
    /// bad document is left out as a whole.
    pub fn convert<'a>(
        &self,
        records: impl ExactSizeIterator<Item = &'a [u8]>,
    ) -> (RecordBatch, Vec<Misfit>) {
        let mut columns: Vec<Column> = self.types.iter().map(|of| Column::new(of, records.len())).collect();
        let (mut good, mut misfits) = (Vec::with_capacity(records.len()), Vec::new());
        for (record, bytes) in records.enumerate() {
            let first_row = good.len();
            if let Err(reason) = self.append(bytes, &mut columns, &mut good) {
                // The rows stay in the builders, which cannot go back, and are filtered out below.
                good[first_row..].fill(false);
                misfits.push(Misfit { record, reason });
            }
        }
        let arrays: Vec<ArrayRef> = columns.into_iter().map(Column::finish).collect();
        let batch =
            RecordBatch::try_new(self.schema(), arrays).expect("each row appends to every column once");
        if misfits.is_empty() {
            return (batch, misfits);
        }
        let kept = filter_record_batch(&batch, &BooleanArray::from(good)).expect("one flag a row");
        (kept, misfits)
    }

    fn append(
        &self,
        bytes: &[u8],
        columns: &mut [Column],
        good: &mut Vec<bool>,
    ) -> Result<(), ConversionError> {
        let mut any = false;
        for document in documents(bytes) {
            any = true;
            let document = document.map_err(|error| ConversionError::NotJson(error.to_string()))?;
            let Json::Object(members) = document else { return Err(ConversionError::NotAnObject) };
            self.append_row(&members, columns, good)?;
        }
        if any { Ok(()) } else { Err(ConversionError::NotJson("the record is empty".to_owned())) }
    }

    fn append_row(
        &self,
        members: &[(std::borrow::Cow<'_, str>, Json<'_>)],
        columns: &mut [Column],
        good: &mut Vec<bool>,
    ) -> Result<(), ConversionError> {
        let mut row: Vec<&Json<'_>> = vec![&Json::Null; columns.len()];
        for (name, value) in members {
            if let Some(column) = self.column_of_key.get(self.deserializer.normal(name).as_ref()) {
                row[*column] = value;
            }
        }
        good.push(true);
        let mut failed = Ok(());
        for (index, (column, value)) in columns.iter_mut().zip(row).enumerate() {
            if let Err(reason) = column.append(value, &self.deserializer) {
                let column = self.schema.field(index).name().clone();
                failed = failed.and(Err(ConversionError::Value { column, reason }));
            }
        }
        failed
    }
}

impl Deserializer {
    /// A JSON key in the form under which columns are looked up.
    fn normal<'a>(&self, key: &'a str) -> std::borrow::Cow<'a, str> {
        let lower =
            self.case_insensitive && key.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii());
        let dots = self.dots_to_underscores && key.contains('.');
        match (lower, dots) {
            (false, false) => key.into(),
            (true, false) => key.to_lowercase().into(),
            (false, true) => key.replace('.', "_").into(),
            (true, true) => key.to_lowercase().replace('.', "_").into(),
        }
    }
}

#[cfg(test)]
mod tests;
