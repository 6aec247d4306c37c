//! What every spec goes through before it is kept: names in lower case, values that fit.

use crate::error::GlueError;
use crate::model::{Column, DatabaseSpec, PartitionSpec, Storage, TableSpec};

/// The catalog keeps names of databases, tables and columns in lower case.
pub fn name(name: &str) -> String {
    name.to_lowercase()
}

pub fn database(mut spec: DatabaseSpec) -> Result<DatabaseSpec, GlueError> {
    spec.name = entity_name("Database", &spec.name)?;
    Ok(spec)
}

pub fn table(mut spec: TableSpec) -> Result<TableSpec, GlueError> {
    spec.name = entity_name("Table", &spec.name)?;
    spec.storage = spec.storage.map(storage);
    spec.partition_keys = columns(spec.partition_keys);
    Ok(spec)
}

/// `keys` are the partition keys of the table.
pub fn partition(mut spec: PartitionSpec, keys: &[Column]) -> Result<PartitionSpec, GlueError> {
    values(&spec.values, keys)?;
    spec.storage = spec.storage.map(storage);
    Ok(spec)
}

pub fn values(values: &[String], keys: &[Column]) -> Result<(), GlueError> {
    if values.len() != keys.len() {
        return Err(GlueError::invalid(
            "The number of partition keys do not match the number of partition values",
        ));
    }
    // The store's keys join values by NUL.
    if values.iter().any(|value| value.contains('\0')) {
        return Err(GlueError::invalid("Partition values must not contain the character U+0000"));
    }
    Ok(())
}

fn storage(mut storage: Storage) -> Storage {
    storage.columns = columns(storage.columns);
    storage
}

fn columns(columns: Vec<Column>) -> Vec<Column> {
    columns.into_iter().map(|column| Column { name: name(&column.name), ..column }).collect()
}

fn entity_name(what: &str, given: &str) -> Result<String, GlueError> {
    let trimmed = given.trim();
    if trimmed.is_empty() || trimmed.contains('\0') {
        return Err(GlueError::invalid(format!("{what} name is not valid: {given:?}")));
    }
    Ok(name(given))
}
