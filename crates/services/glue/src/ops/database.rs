//! Databases.

use millpond_gateway::Call;

use super::convert::{database, database_spec};
use super::{after, limit, scope, token};
use crate::api::{
    CreateDatabaseInput, CreateDatabaseOutput, DeleteDatabaseInput, DeleteDatabaseOutput, GetDatabaseInput,
    GetDatabaseOutput, GetDatabasesInput, GetDatabasesOutput, UpdateDatabaseInput, UpdateDatabaseOutput,
};
use crate::error::GlueError;
use crate::service::Glue;

/// The most that GetDatabases gives at once.
const PAGE: usize = 100;

/// Records a database; its name is kept in lower case.
///
/// Errors: AlreadyExistsException, InvalidInputException. Source: AWS Glue API reference, CreateDatabase.
pub async fn create_database(
    call: Call<Glue>,
    input: CreateDatabaseInput,
) -> Result<CreateDatabaseOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    call.catalog().create_database(&scope, database_spec(input.database_input)).await?;
    Ok(CreateDatabaseOutput {})
}

/// Errors: EntityNotFoundException. Source: AWS Glue API reference, GetDatabase.
pub async fn get_database(call: Call<Glue>, input: GetDatabaseInput) -> Result<GetDatabaseOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let found = call.catalog().database(&scope, &input.name)?;
    Ok(GetDatabaseOutput { database: Some(database(&scope, found)) })
}

/// Databases by name, at most 100 at once.
///
/// Source: AWS Glue API reference, GetDatabases.
pub async fn get_databases(
    call: Call<Glue>,
    input: GetDatabasesInput,
) -> Result<GetDatabasesOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let question = format!("databases of {}", scope.account);
    let after: Option<String> = after(input.next_token.as_ref(), &question)?;
    let page = call.catalog().databases(&scope, after.as_deref(), limit(input.max_results, PAGE))?;
    Ok(GetDatabasesOutput {
        database_list: page.items.into_iter().map(|found| database(&scope, found)).collect(),
        next_token: token(page.next, &question),
    })
}

/// Replaces the description, location and parameters.
///
/// Errors: EntityNotFoundException, InvalidInputException. Source: AWS Glue API reference, UpdateDatabase.
/// Differs from AWS: the name cannot be changed.
pub async fn update_database(
    call: Call<Glue>,
    input: UpdateDatabaseInput,
) -> Result<UpdateDatabaseOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    call.catalog().update_database(&scope, &input.name, database_spec(input.database_input)).await?;
    Ok(UpdateDatabaseOutput {})
}

/// Drops the database with its tables and their partitions, at once for every reader.
///
/// Errors: EntityNotFoundException. Source: AWS Glue API reference, DeleteDatabase.
pub async fn delete_database(
    call: Call<Glue>,
    input: DeleteDatabaseInput,
) -> Result<DeleteDatabaseOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    call.catalog().delete_database(&scope, &input.name).await?;
    Ok(DeleteDatabaseOutput {})
}
