//! The data catalog as Athena tells of it: Glue's, read with the caller's own rights.

use millpond_core::{Arn, PageToken};
use millpond_gateway::{Call, Caller};
use millpond_glue::model as glue;

use super::{page_after, page_size};
use crate::Athena;
use crate::api::{
    Column, DataCatalog, DataCatalogStatus, DataCatalogSummary, DataCatalogType, Database,
    GetDataCatalogInput, GetDataCatalogOutput, GetDatabaseInput, GetDatabaseOutput, GetTableMetadataInput,
    GetTableMetadataOutput, ListDataCatalogsInput, ListDataCatalogsOutput, ListDatabasesInput,
    ListDatabasesOutput, ListTableMetadataInput, ListTableMetadataOutput, TableMetadata,
};
use crate::error::AthenaError;
use crate::model::{CATALOG, datacatalog_arn};

/// Databases or tables a page of a listing holds at the most.
const PAGE: usize = 50;

pub fn of_get(caller: &Caller, input: &GetDataCatalogInput) -> Arn {
    datacatalog_arn(&caller.scope, &input.name)
}

pub fn of_database(caller: &Caller, input: &GetDatabaseInput) -> Arn {
    datacatalog_arn(&caller.scope, &input.catalog_name)
}

pub fn of_databases(caller: &Caller, input: &ListDatabasesInput) -> Arn {
    datacatalog_arn(&caller.scope, &input.catalog_name)
}

pub fn of_table(caller: &Caller, input: &GetTableMetadataInput) -> Arn {
    datacatalog_arn(&caller.scope, &input.catalog_name)
}

pub fn of_tables(caller: &Caller, input: &ListTableMetadataInput) -> Arn {
    datacatalog_arn(&caller.scope, &input.catalog_name)
}

pub fn of_all(caller: &Caller, _input: &ListDataCatalogsInput) -> Arn {
    datacatalog_arn(&caller.scope, "*")
}

fn check_catalog(name: &str) -> Result<(), AthenaError> {
    match name.eq_ignore_ascii_case(CATALOG) {
        true => Ok(()),
        false => Err(AthenaError::invalid(format!("Data catalog {name} was not found"))),
    }
}

/// Tells of the one data catalog, AwsDataCatalog. Source: AWS Athena API reference, GetDataCatalog.
pub async fn get_data_catalog(
    _call: Call<Athena>,
    input: GetDataCatalogInput,
) -> Result<GetDataCatalogOutput, AthenaError> {
    check_catalog(&input.name)?;
    let catalog = DataCatalog {
        name: CATALOG.to_owned(),
        description: None,
        r#type: DataCatalogType::Glue,
        parameters: None,
        status: Some(DataCatalogStatus::CreateComplete),
        connection_type: None,
        error: None,
    };
    Ok(GetDataCatalogOutput { data_catalog: Some(catalog) })
}

/// Lists the one data catalog. Source: AWS Athena API reference, ListDataCatalogs.
pub async fn list_data_catalogs(
    _call: Call<Athena>,
    input: ListDataCatalogsInput,
) -> Result<ListDataCatalogsOutput, AthenaError> {
    if input.next_token.is_some() {
        return Err(AthenaError::invalid("Invalid NextToken"));
    }
    let summary = DataCatalogSummary {
        catalog_name: Some(CATALOG.to_owned()),
        r#type: Some(DataCatalogType::Glue),
        status: Some(DataCatalogStatus::CreateComplete),
        connection_type: None,
        error: None,
    };
    Ok(ListDataCatalogsOutput { data_catalogs_summary: Some(vec![summary]), next_token: None })
}

fn database(of: glue::Database) -> Database {
    Database {
        name: of.spec.name,
        description: of.spec.description,
        parameters: Some(of.spec.parameters).filter(|parameters| !parameters.is_empty()),
    }
}

/// Tells of a database. Errors: MetadataException (there is none).
/// Source: AWS Athena API reference, GetDatabase.
pub async fn get_database(
    call: Call<Athena>,
    input: GetDatabaseInput,
) -> Result<GetDatabaseOutput, AthenaError> {
    check_catalog(&input.catalog_name)?;
    let found = call.glue.database(&call.caller, &input.database_name)?;
    Ok(GetDatabaseOutput { database: Some(database(found)) })
}

/// Lists databases by name. Source: AWS Athena API reference, ListDatabases.
pub async fn list_databases(
    call: Call<Athena>,
    input: ListDatabasesInput,
) -> Result<ListDatabasesOutput, AthenaError> {
    check_catalog(&input.catalog_name)?;
    let question = format!("{} databases", call.scope().account);
    let after: Option<String> = page_after(input.next_token.as_deref(), &question)?;
    let page = call.glue.databases(&call.caller, after.as_deref(), page_size(input.max_results, PAGE))?;
    Ok(ListDatabasesOutput {
        database_list: Some(page.items.into_iter().map(database).collect()),
        next_token: page.next.map(|next| PageToken::encode(&next, &question)),
    })
}

fn column(of: glue::Column) -> Column {
    Column { name: of.name, r#type: Some(of.hive_type), comment: of.comment }
}

/// The table's own parameters, and among them where and how its data is kept, as Athena tells it.
fn table(of: glue::Table) -> TableMetadata {
    let glue::Table { spec, created, .. } = of;
    let storage = spec.storage.unwrap_or_default();
    let serde = storage.serde.unwrap_or_default();
    let mut parameters = spec.parameters;
    let told = [
        ("inputformat", storage.input_format),
        ("location", storage.location),
        ("outputformat", storage.output_format),
        ("serde.serialization.lib", serde.library),
    ];
    let told = told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    parameters.extend(told);
    parameters
        .extend(serde.parameters.into_iter().map(|(name, value)| (format!("serde.param.{name}"), value)));
    TableMetadata {
        name: spec.name,
        create_time: Some(created),
        last_access_time: spec.last_access,
        table_type: spec.table_type,
        columns: Some(storage.columns.into_iter().map(column).collect()),
        partition_keys: Some(spec.partition_keys.into_iter().map(column).collect()),
        parameters: Some(parameters),
    }
}

/// Tells of a table. Errors: MetadataException (there is none).
/// Source: AWS Athena API reference, GetTableMetadata.
pub async fn get_table_metadata(
    call: Call<Athena>,
    input: GetTableMetadataInput,
) -> Result<GetTableMetadataOutput, AthenaError> {
    check_catalog(&input.catalog_name)?;
    let found = call.glue.table(&call.caller, &input.database_name, &input.table_name)?;
    Ok(GetTableMetadataOutput { table_metadata: Some(table(found)) })
}

/// Lists a database's tables by name, those whose name the expression matches.
///
/// Errors: MetadataException (no such database), InvalidRequestException (the expression is none).
/// Source: AWS Athena API reference, ListTableMetadata.
pub async fn list_table_metadata(
    call: Call<Athena>,
    input: ListTableMetadataInput,
) -> Result<ListTableMetadataOutput, AthenaError> {
    check_catalog(&input.catalog_name)?;
    let expression = input.expression.unwrap_or_default();
    let pattern = match expression.as_str() {
        "" => None,
        text => Some(regex(text)?),
    };
    let question = format!("{} tables of {} like {expression}", call.scope().account, input.database_name);
    let mut after: Option<String> = page_after(input.next_token.as_deref(), &question)?;
    let size = page_size(input.max_results, PAGE);
    let mut tables = Vec::new();
    loop {
        let page =
            call.glue.tables(&call.caller, &input.database_name, after.as_deref(), size - tables.len())?;
        let fits =
            |found: &glue::Table| pattern.as_ref().is_none_or(|pattern| pattern.is_match(&found.spec.name));
        tables.extend(page.items.into_iter().filter(fits).map(table));
        after = page.next;
        if after.is_none() || tables.len() >= size {
            break;
        }
    }
    Ok(ListTableMetadataOutput {
        table_metadata_list: Some(tables),
        next_token: after.map(|next| PageToken::encode(&next, &question)),
    })
}

fn regex(text: &str) -> Result<regex::Regex, AthenaError> {
    regex::Regex::new(&format!(r"\A(?:{text})\z"))
        .map_err(|error| AthenaError::invalid(format!("The expression is not valid: {error}")))
}
