//! `MSCK REPAIR TABLE`: the folders `key=value` under a table's location become its partitions.

use std::collections::BTreeSet;

use super::run::Context;
use super::{Answer, TableName};
use crate::catalog::{PartitionDef, PartitionFilter, TableDef};
use crate::error::QueryError;
use crate::objects::split_location;
use crate::types::ColumnInfo;

/// So many partitions are added at a time.
const BATCH: usize = 100;

pub(super) async fn run(context: &Context, name: &TableName) -> Result<Answer, QueryError> {
    let table = context.table(name).await?;
    if table.partition_keys.is_empty() {
        return Err(QueryError::user(
            "INVALID_TABLE",
            format!("FAILED: SemanticException Table {} is not partitioned", table.name),
        ));
    }
    let (bucket, prefix) = split_location(&table.storage.location).ok_or_else(|| {
        QueryError::user("HIVE_INVALID_METADATA", format!("Table {} has no S3 location", table.name))
    })?;
    let mut found = BTreeSet::new();
    for object in context.reader.list(bucket, &prefix).await? {
        found.extend(values_of(&table, object.key.get(prefix.len()..).unwrap_or_default()));
    }
    let known = context.catalog.partitions(&table, &PartitionFilter::default()).await?;
    let missing: Vec<(Vec<String>, String)> = found
        .into_iter()
        .filter(|(values, _)| !known.iter().any(|partition| partition.values == *values))
        .collect();
    let label = |folder: &str| format!("{}:{}", table.name, folder.trim_end_matches('/'));
    let mut rows = Vec::new();
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(|(_, folder)| label(folder)).collect();
        rows.push(vec![format!("Partitions not in metastore:\t{}", names.join("\t"))]);
        rows.extend(names.iter().map(|name| vec![format!("Repair: Added partition to metastore {name}")]));
    }
    for batch in missing.chunks(BATCH) {
        let partitions = batch
            .iter()
            .map(|(values, folder)| {
                let mut storage = table.storage.clone();
                storage.location = format!("s3://{bucket}/{prefix}{folder}");
                PartitionDef { values: values.clone(), storage }
            })
            .collect();
        context.catalog.add_partitions(&table, partitions).await?;
    }
    Ok(Answer { columns: vec![ColumnInfo::text("result")], rows })
}

/// The values in a key's folders, if they are the table's keys in their order, and those folders' path.
fn values_of(table: &TableDef, path: &str) -> Option<(Vec<String>, String)> {
    let mut values = Vec::new();
    let mut folders = String::new();
    let mut parts = path.split('/');
    for key in &table.partition_keys {
        let folder = parts.next()?;
        let (name, value) = folder.split_once('=')?;
        if !name.eq_ignore_ascii_case(&key.name) || value.is_empty() {
            return None;
        }
        values.push(unescape(value));
        folders.push_str(folder);
        folders.push('/');
    }
    // The last part is the object's own name.
    parts.next()?;
    Some((values, folders))
}

/// Hive writes characters that paths cannot hold as `%3A`.
fn unescape(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| value.get(at + 1..at + 3)).flatten();
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_values_are_read() {
        for (value, expected) in [("2013", "2013"), ("a%3Ab", "a:b"), ("50%", "50%"), ("%zz", "%zz")] {
            assert_eq!(unescape(value), expected);
        }
    }
}
