//! Tables and their versions.

use millpond_gateway::Call;
use regex::{Regex, RegexBuilder};

use super::convert::{error_detail, table, table_spec};
use super::{after, limit, scope, token};
use crate::api::{
    BatchDeleteTableInput, BatchDeleteTableOutput, BatchDeleteTableVersionInput,
    BatchDeleteTableVersionOutput, CreateTableInput, CreateTableOutput, DeleteTableInput, DeleteTableOutput,
    DeleteTableVersionInput, DeleteTableVersionOutput, GetTableInput, GetTableOutput, GetTableVersionInput,
    GetTableVersionOutput, GetTableVersionsInput, GetTableVersionsOutput, GetTablesInput, GetTablesOutput,
    TableError, TableInput, TableVersion, TableVersionError, UpdateTableInput, UpdateTableOutput,
};
use crate::catalog::TableUpdate;
use crate::error::GlueError;
use crate::service::Glue;

/// The most that GetTables and GetTableVersions give at once.
const PAGE: usize = 100;

/// A compiled pattern may take so much memory: a foreign one could ask for any amount.
const PATTERN_BYTES: usize = 1 << 20;

/// Records a table; names of the table and its columns are kept in lower case.
///
/// Errors: EntityNotFoundException (the database), AlreadyExistsException, InvalidInputException.
/// Source: AWS Glue API reference, CreateTable.
pub async fn create_table(call: Call<Glue>, input: CreateTableInput) -> Result<CreateTableOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let spec = table_spec(required(input.table_input)?);
    let created_by = call.caller.principal.to_string();
    call.catalog().create_table(&scope, &input.database_name, spec, created_by).await?;
    Ok(CreateTableOutput {})
}

/// Errors: EntityNotFoundException. Source: AWS Glue API reference, GetTable.
pub async fn get_table(call: Call<Glue>, input: GetTableInput) -> Result<GetTableOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let found = call.catalog().table(&scope, &input.database_name, &input.name)?;
    Ok(GetTableOutput { table: Some(table(&scope, found)) })
}

/// Tables by name, at most 100 at once; `Expression` is a regular expression that the whole name matches.
///
/// Errors: EntityNotFoundException (the database), InvalidInputException. Source: AWS Glue API reference, GetTables.
pub async fn get_tables(call: Call<Glue>, input: GetTablesInput) -> Result<GetTablesOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let expression = input.expression.filter(|expression| !expression.is_empty());
    let question = format!(
        "tables of {} {} {}",
        scope.account,
        input.database_name,
        expression.as_deref().unwrap_or("")
    );
    let pattern = expression.as_deref().map(pattern).transpose()?;
    let after: Option<String> = after(input.next_token.as_ref(), &question)?;
    let wanted = |table: &crate::model::Table| {
        pattern.as_ref().is_none_or(|pattern| pattern.is_match(&table.spec.name))
    };
    let limit = limit(input.max_results, PAGE);
    let page = call.catalog().tables(&scope, &input.database_name, after.as_deref(), limit, wanted)?;
    Ok(GetTablesOutput {
        table_list: Some(page.items.into_iter().map(|found| table(&scope, found)).collect()),
        next_token: token(page.next, &question),
    })
}

/// Replaces the table; the version before is kept unless `SkipArchive`. A `VersionId` must be the current one.
///
/// Errors: EntityNotFoundException, ConcurrentModificationException, InvalidInputException.
/// Source: AWS Glue API reference, UpdateTable.
pub async fn update_table(call: Call<Glue>, input: UpdateTableInput) -> Result<UpdateTableOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let how = TableUpdate {
        expected_version: input.version_id.as_ref().map(|id| version(id)).transpose()?,
        skip_archive: input.skip_archive.unwrap_or_default(),
        same_version: false,
    };
    let spec = table_spec(required(input.table_input)?);
    call.catalog().update_table(&scope, &input.database_name, spec, how).await?;
    Ok(UpdateTableOutput {})
}

/// Drops the table with its partitions and versions, at once for every reader.
///
/// Errors: EntityNotFoundException. Source: AWS Glue API reference, DeleteTable.
pub async fn delete_table(call: Call<Glue>, input: DeleteTableInput) -> Result<DeleteTableOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    call.catalog().delete_table(&scope, &input.database_name, &input.name).await?;
    Ok(DeleteTableOutput {})
}

/// Drops each table by itself, and says which could not be.
///
/// Errors: EntityNotFoundException (the database). Source: AWS Glue API reference, BatchDeleteTable.
pub async fn batch_delete_table(
    call: Call<Glue>,
    input: BatchDeleteTableInput,
) -> Result<BatchDeleteTableOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let failed = call.catalog().delete_tables(&scope, &input.database_name, input.tables_to_delete).await?;
    let error = |(name, error): (String, GlueError)| TableError {
        table_name: Some(name),
        error_detail: Some(error_detail(&error)),
    };
    Ok(BatchDeleteTableOutput { errors: Some(failed.into_iter().map(error).collect()) })
}

/// One version of a table, the latest when none is named.
///
/// Errors: EntityNotFoundException, InvalidInputException. Source: AWS Glue API reference, GetTableVersion.
pub async fn get_table_version(
    call: Call<Glue>,
    input: GetTableVersionInput,
) -> Result<GetTableVersionOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let wanted = input.version_id.as_ref().map(|id| version(id)).transpose()?;
    let found = call.catalog().table_version(&scope, &input.database_name, &input.table_name, wanted)?;
    let version_id = Some(found.version.to_string());
    Ok(GetTableVersionOutput {
        table_version: Some(TableVersion { table: Some(table(&scope, found)), version_id }),
    })
}

/// Versions of a table from the latest to the oldest, at most 100 at once.
///
/// Errors: EntityNotFoundException. Source: AWS Glue API reference, GetTableVersions.
pub async fn get_table_versions(
    call: Call<Glue>,
    input: GetTableVersionsInput,
) -> Result<GetTableVersionsOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let question = format!("versions of {} {} {}", scope.account, input.database_name, input.table_name);
    let before: Option<u64> = after(input.next_token.as_ref(), &question)?;
    let limit = limit(input.max_results, PAGE);
    let page =
        call.catalog().table_versions(&scope, &input.database_name, &input.table_name, before, limit)?;
    let version = |found: crate::model::Table| {
        let version_id = Some(found.version.to_string());
        TableVersion { table: Some(table(&scope, found)), version_id }
    };
    Ok(GetTableVersionsOutput {
        table_versions: Some(page.items.into_iter().map(version).collect()),
        next_token: token(page.next, &question),
    })
}

/// Forgets an older version of a table.
///
/// Errors: EntityNotFoundException, InvalidInputException (the latest). Source: AWS Glue API reference, DeleteTableVersion.
pub async fn delete_table_version(
    call: Call<Glue>,
    input: DeleteTableVersionInput,
) -> Result<DeleteTableVersionOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let wanted = version(&input.version_id)?;
    call.catalog().delete_table_version(&scope, &input.database_name, &input.table_name, wanted).await?;
    Ok(DeleteTableVersionOutput {})
}

/// Forgets older versions one by one, and says which could not be.
///
/// Errors: EntityNotFoundException (the table). Source: AWS Glue API reference, BatchDeleteTableVersion.
pub async fn batch_delete_table_version(
    call: Call<Glue>,
    input: BatchDeleteTableVersionInput,
) -> Result<BatchDeleteTableVersionOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let (database, name) = (&input.database_name, &input.table_name);
    call.catalog().table(&scope, database, name)?;
    let mut errors = Vec::new();
    for id in input.version_ids {
        let outcome = match version(&id) {
            Ok(wanted) => call.catalog().delete_table_version(&scope, database, name, wanted).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => {}
            Err(GlueError::Store(error)) => return Err(GlueError::Store(error)),
            Err(error) => errors.push(TableVersionError {
                table_name: Some(name.clone()),
                version_id: Some(id),
                error_detail: Some(error_detail(&error)),
            }),
        }
    }
    Ok(BatchDeleteTableVersionOutput { errors: Some(errors) })
}

/// The model leaves the table input out for open table formats, which are refused.
fn required(input: Option<TableInput>) -> Result<TableInput, GlueError> {
    input.ok_or_else(|| GlueError::invalid("TableInput must not be null"))
}

fn version(id: &str) -> Result<u64, GlueError> {
    id.parse().map_err(|_| GlueError::invalid(format!("VersionId is not valid: {id}")))
}

/// A regular expression for whole names, in which a `*` that repeats nothing stands for any text, as Hive's patterns
/// have it and clients write it (`*orders*`).
fn pattern(expression: &str) -> Result<Regex, GlueError> {
    RegexBuilder::new(&format!("^(?:{})$", with_wildcards(expression)))
        .case_insensitive(true)
        .size_limit(PATTERN_BYTES)
        .build()
        .map_err(|_| GlueError::invalid(format!("Invalid regular expression: {expression}")))
}

/// After a dot, a group, a class or an escape, `*` repeats; after anything else it is Hive's.
fn with_wildcards(expression: &str) -> String {
    let mut written = String::with_capacity(expression.len() + 4);
    let (mut escaped, mut repeats) = (false, false);
    for c in expression.chars() {
        if c == '*' && !escaped && !repeats {
            written.push('.');
        }
        written.push(c);
        repeats = escaped || matches!(c, '.' | ')' | ']');
        escaped = c == '\\' && !escaped;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_by_regular_expression_and_by_hives_wildcards() {
        for (expression, name, matches) in [
            ("flights", "flights", true),
            ("flights", "flights2", false),
            ("flights.*", "flights2", true),
            ("*ligh*", "flights", true),
            ("fl*", "flights", true),
            ("fl*|pl*", "planes", true),
            ("[a-f]*s", "flights", false),
            ("[a-t]*", "flights", true),
            ("(ab)*", "abab", true),
            ("FLIGHTS", "flights", true),
            ("a\\.b", "a.b", true),
        ] {
            assert_eq!(
                pattern(expression).map(|regex| regex.is_match(name)).ok(),
                Some(matches),
                "{expression}"
            );
        }
        assert!(pattern("(").is_err());
        assert!(pattern(&"(a{1,1000}){1,1000}".repeat(3)).is_err());
    }
}
