//! SHOW and DESCRIBE.

use std::fmt::Write as _;

use super::run::Context;
use super::{Answer, Ddl};
use crate::catalog::{ColumnDef, PartitionFilter, TableDef};
use crate::error::QueryError;
use crate::table::format::LAZY_SIMPLE;

pub(super) async fn run(context: &Context, ddl: Ddl) -> Result<Answer, QueryError> {
    match ddl {
        Ddl::ShowDatabases { pattern } => {
            let names = context.catalog.databases().await?.into_iter().map(|database| database.name);
            Ok(one_column("database_name", matching(names, pattern.as_deref())))
        }
        Ddl::ShowTables { database, pattern } => {
            let database = database.as_deref().unwrap_or(&context.database);
            context.require_database(database).await?;
            let names = context.catalog.tables(database).await?.into_iter().map(|table| table.name);
            Ok(one_column("tab_name", matching(names, pattern.as_deref())))
        }
        Ddl::ShowColumns(name) => {
            let table = context.table(&name).await?;
            let names = table.columns.into_iter().chain(table.partition_keys).map(|column| column.name);
            Ok(one_column("field", names.collect()))
        }
        Ddl::ShowPartitions(name) => {
            let table = context.table(&name).await?;
            if table.partition_keys.is_empty() {
                return Err(QueryError::user(
                    "INVALID_TABLE",
                    format!("FAILED: SemanticException Table {} is not a partitioned table", table.name),
                ));
            }
            let partitions = context.catalog.partitions(&table, &PartitionFilter::default()).await?;
            let label = |values: &[String]| {
                let parts = table
                    .partition_keys
                    .iter()
                    .zip(values)
                    .map(|(key, value)| format!("{}={value}", key.name));
                parts.collect::<Vec<_>>().join("/")
            };
            let mut labels: Vec<String> =
                partitions.iter().map(|partition| label(&partition.values)).collect();
            labels.sort_unstable();
            Ok(one_column("partition", labels))
        }
        Ddl::ShowCreateTable(name) => {
            let text = create_statement(&context.table(&name).await?);
            Ok(one_column("createtab_stmt", text.lines().map(str::to_owned).collect()))
        }
        Ddl::ShowTableProperties { table, property } => {
            let parameters = context.table(&table).await?.parameters;
            let rows = parameters
                .into_iter()
                .filter(|(key, _)| property.as_ref().is_none_or(|wanted| wanted == key))
                .map(|(key, value)| vec![key, value]);
            Ok(Answer::of(&["prpt_name", "prpt_value"], rows.collect()))
        }
        Ddl::Describe { table, column } => describe(&context.table(&table).await?, column.as_deref()),
        other => Err(QueryError::system(
            "GENERIC_INTERNAL_ERROR",
            format!("{} is no question", other.substatement()),
        )),
    }
}

fn one_column(name: &str, mut texts: Vec<String>) -> Answer {
    Answer::of(&[name], texts.drain(..).map(|text| vec![text]).collect())
}

/// Names that match a pattern in which `*` stands for anything and `|` separates alternatives, in order.
fn matching(names: impl Iterator<Item = String>, pattern: Option<&str>) -> Vec<String> {
    let mut kept: Vec<String> = names
        .filter(|name| {
            pattern.is_none_or(|pattern| pattern.split('|').any(|one| is_like(name, one.trim_matches('\''))))
        })
        .collect();
    kept.sort_unstable();
    kept
}

fn is_like(name: &str, pattern: &str) -> bool {
    let pattern = pattern.to_lowercase().replace(".*", "*");
    let parts: Vec<&str> = pattern.split('*').collect();
    let [first, between @ .., last] = parts.as_slice() else { return name == pattern };
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    for part in between {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Hive pads the fields and separates them by tabs; keys of partitions follow under a heading of their own.
fn describe(table: &TableDef, column: Option<&str>) -> Result<Answer, QueryError> {
    let line = |column: &ColumnDef| {
        vec![
            format!("{:<20}", column.name),
            format!("{:<20}", column.hive_type),
            format!("{:<20}", column.comment.as_deref().unwrap_or_default()),
        ]
    };
    let all = || table.columns.iter().chain(&table.partition_keys);
    let heading = ["col_name", "data_type", "comment"];
    if let Some(wanted) = column {
        return match all().find(|column| column.name == wanted) {
            Some(found) => Ok(Answer::of(&heading, vec![line(found)])),
            None => Err(QueryError::user(
                "COLUMN_NOT_FOUND",
                format!("FAILED: SemanticException Invalid column reference {wanted}"),
            )),
        };
    }
    let mut rows: Vec<Vec<String>> = all().map(line).collect();
    if !table.partition_keys.is_empty() {
        let blank = || vec![String::new(), String::new(), String::new()];
        rows.push(blank());
        rows.push(vec!["# Partition Information".to_owned(), String::new(), String::new()]);
        rows.push(vec![
            format!("{:<20}", "# col_name"),
            format!("{:<20}", "data_type"),
            format!("{:<20}", "comment"),
        ]);
        rows.push(blank());
        rows.extend(table.partition_keys.iter().map(line));
    }
    Ok(Answer::of(&heading, rows))
}

fn create_statement(table: &TableDef) -> String {
    let mut out = String::new();
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "\\'"));
    let columns = |columns: &[ColumnDef]| {
        let lines = columns.iter().map(|column| {
            let comment = column.comment.as_deref().map(|text| format!(" COMMENT {}", quoted(text)));
            format!("  `{}` {}{}", column.name, column.hive_type, comment.unwrap_or_default())
        });
        lines.collect::<Vec<_>>().join(", \n")
    };
    let pairs = |pairs: Vec<(&String, &String)>| {
        let lines = pairs.iter().map(|(key, value)| format!("  {}={}", quoted(key), quoted(value)));
        lines.collect::<Vec<_>>().join(", \n")
    };
    let storage = &table.storage;
    let _infallible = write!(
        out,
        "CREATE EXTERNAL TABLE `{}.{}`(\n{})\n",
        table.database,
        table.name,
        columns(&table.columns)
    );
    if let Some(comment) = &table.comment {
        let _infallible = writeln!(out, "COMMENT {}", quoted(comment));
    }
    if !table.partition_keys.is_empty() {
        let _infallible = writeln!(out, "PARTITIONED BY ( \n{})", columns(&table.partition_keys));
    }
    let serde = if storage.serde.is_empty() { LAZY_SIMPLE } else { &storage.serde };
    let _infallible = writeln!(out, "ROW FORMAT SERDE \n  {} ", quoted(serde));
    if !storage.serde_parameters.is_empty() {
        let _infallible =
            writeln!(out, "WITH SERDEPROPERTIES ( \n{}) ", pairs(storage.serde_parameters.iter().collect()));
    }
    let _infallible = writeln!(
        out,
        "STORED AS INPUTFORMAT \n  {} \nOUTPUTFORMAT \n  {}",
        quoted(&storage.input_format),
        quoted(&storage.output_format)
    );
    let _infallible = writeln!(out, "LOCATION\n  {}", quoted(&storage.location));
    let properties: Vec<_> =
        table.parameters.iter().filter(|(key, _)| !matches!(key.as_str(), "EXTERNAL" | "comment")).collect();
    if !properties.is_empty() {
        let _infallible = writeln!(out, "TBLPROPERTIES (\n{})", pairs(properties));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_stars() {
        for (name, pattern, expected) in [
            ("flights", "flights", true),
            ("flights", "fl*", true),
            ("flights", "*ght*", true),
            ("flights", "f*g*s", true),
            ("flights", "f.*", true),
            ("flights", "*", true),
            ("flights", "fl", false),
            ("flights", "*x*", false),
            ("flights", "a*", false),
        ] {
            assert_eq!(is_like(name, pattern), expected, "{name} {pattern}");
        }
    }
}
