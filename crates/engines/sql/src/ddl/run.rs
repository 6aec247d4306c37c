//! Carries out statements on the catalog.

use std::sync::Arc;

use super::{Answer, Ddl, PartitionSpec, TableName, repair, show};
use crate::catalog::{Catalog, CatalogError, PartitionDef, PartitionFilter, TableDef};
use crate::error::QueryError;
use crate::objects::{Reader, split_location};

/// What a statement works with.
pub(crate) struct Context {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) reader: Reader,
    /// The database of names that name none.
    pub(crate) database: String,
}

impl Context {
    pub(crate) fn database_of<'a>(&'a self, name: &'a TableName) -> &'a str {
        name.database.as_deref().unwrap_or(&self.database)
    }

    pub(crate) async fn table(&self, name: &TableName) -> Result<TableDef, QueryError> {
        let database = self.database_of(name);
        self.catalog.table(database, &name.table).await?.ok_or_else(|| {
            QueryError::user(
                "TABLE_NOT_FOUND",
                format!("SemanticException Table not found {database}.{}", name.table),
            )
        })
    }

    pub(crate) async fn require_database(&self, name: &str) -> Result<(), QueryError> {
        match self.catalog.database(name).await? {
            Some(_) => Ok(()),
            None => Err(QueryError::user(
                "SCHEMA_NOT_FOUND",
                format!("SemanticException Database does not exist: {name}"),
            )),
        }
    }
}

/// Errors: what the catalog says; ALREADY_EXISTS and the NOT_FOUNDs unless the statement's IF covers them.
pub(crate) async fn run(context: &Context, ddl: Ddl) -> Result<Answer, QueryError> {
    match ddl {
        Ddl::CreateDatabase { database, if_not_exists } => {
            unless_exists(if_not_exists, context.catalog.create_database(database).await)?;
        }
        Ddl::DropDatabase { name, if_exists, cascade } => {
            drop_database(context, &name, if_exists, cascade).await?
        }
        Ddl::CreateTable { name, table, if_not_exists } => {
            create_table(context, &name, *table, if_not_exists).await?;
        }
        Ddl::DropTable { name, if_exists } => {
            let database = context.database_of(&name);
            match context.catalog.drop_table(database, &name.table).await {
                Err(CatalogError::NotFound(_)) if if_exists => {}
                other => other?,
            }
        }
        Ddl::AddPartitions { table, partitions, if_not_exists } => {
            add_partitions(context, &table, partitions, if_not_exists).await?;
        }
        Ddl::DropPartitions { table, partitions, if_exists } => {
            drop_partitions(context, &table, partitions, if_exists).await?;
        }
        Ddl::RepairTable(table) => return repair::run(context, &table).await,
        other => return show::run(context, other).await,
    }
    Ok(Answer::default())
}

fn unless_exists(if_not_exists: bool, done: Result<(), CatalogError>) -> Result<(), QueryError> {
    match done {
        Err(CatalogError::AlreadyExists(_)) if if_not_exists => Ok(()),
        other => Ok(other?),
    }
}

async fn drop_database(
    context: &Context,
    name: &str,
    if_exists: bool,
    cascade: bool,
) -> Result<(), QueryError> {
    if context.catalog.database(name).await?.is_none() {
        if if_exists {
            return Ok(());
        }
        return context.require_database(name).await;
    }
    if !cascade && let Some(table) = context.catalog.tables(name).await?.first() {
        return Err(QueryError::user(
            "SCHEMA_NOT_EMPTY",
            format!(
                "InvalidOperationException(message:Database {name} is not empty. One or more tables exist, as {}.)",
                table.name
            ),
        ));
    }
    Ok(context.catalog.drop_database(name).await?)
}

async fn create_table(
    context: &Context,
    name: &TableName,
    mut table: TableDef,
    if_not_exists: bool,
) -> Result<(), QueryError> {
    context.database_of(name).clone_into(&mut table.database);
    context.require_database(&table.database).await?;
    if split_location(&table.storage.location).is_none() {
        return Err(QueryError::user(
            "INVALID_TABLE_PROPERTY",
            format!(
                "An external table needs a LOCATION in S3, as 's3://bucket/folder/': '{}'",
                table.storage.location
            ),
        ));
    }
    let mut seen = std::collections::HashSet::new();
    for column in table.columns.iter().chain(&table.partition_keys) {
        if !seen.insert(column.name.as_str()) {
            return Err(QueryError::user(
                "SYNTAX_ERROR",
                format!("FAILED: SemanticException Duplicate column name: {}", column.name),
            ));
        }
    }
    // What cannot be read is refused now, not at the first query.
    crate::table::format::TableFormat::of(&table, &table.storage)?;
    unless_exists(if_not_exists, context.catalog.create_table(table).await)
}

/// The values of a partition's keys in the table's order.
fn values_of(table: &TableDef, spec: &PartitionSpec) -> Result<Vec<String>, QueryError> {
    if spec.len() != table.partition_keys.len() {
        let keys: Vec<&str> = table.partition_keys.iter().map(|key| key.name.as_str()).collect();
        return Err(QueryError::user(
            "INVALID_PARTITION_SPEC",
            format!("The partition must name each of the keys of {}: {}", table.name, keys.join(", ")),
        ));
    }
    table
        .partition_keys
        .iter()
        .map(|key| {
            let given = spec.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key.name));
            given.map(|(_, value)| value.clone()).ok_or_else(|| {
                QueryError::user("INVALID_PARTITION_SPEC", format!("Partition key {} is missing", key.name))
            })
        })
        .collect()
}

async fn add_partitions(
    context: &Context,
    name: &TableName,
    partitions: Vec<(PartitionSpec, Option<String>)>,
    if_not_exists: bool,
) -> Result<(), QueryError> {
    let table = context.table(name).await?;
    let known = context.catalog.partitions(&table, &PartitionFilter::default()).await?;
    let mut wanted = Vec::new();
    for (spec, location) in partitions {
        let values = values_of(&table, &spec)?;
        if known.iter().any(|partition| partition.values == values) {
            if if_not_exists {
                continue;
            }
            return Err(QueryError::user(
                "ALREADY_EXISTS",
                format!("Partition already exists: {}", values.join("/")),
            ));
        }
        let mut storage = table.storage.clone();
        storage.location = location.unwrap_or_else(|| default_location(&table, &values));
        wanted.push(PartitionDef { values, storage });
    }
    if wanted.is_empty() {
        return Ok(());
    }
    unless_exists(if_not_exists, context.catalog.add_partitions(&table, wanted).await)
}

/// `location/key=value/…`.
fn default_location(table: &TableDef, values: &[String]) -> String {
    let keys = table.partition_keys.iter().zip(values).map(|(key, value)| format!("{}={value}/", key.name));
    let folder = table.storage.location.trim_end_matches('/');
    format!("{folder}/{}", keys.collect::<String>())
}

async fn drop_partitions(
    context: &Context,
    name: &TableName,
    partitions: Vec<PartitionSpec>,
    if_exists: bool,
) -> Result<(), QueryError> {
    let table = context.table(name).await?;
    for spec in partitions {
        let values = values_of(&table, &spec)?;
        match context.catalog.drop_partition(&table, &values).await {
            Err(CatalogError::NotFound(_)) if if_exists => {}
            other => other?,
        }
    }
    Ok(())
}
