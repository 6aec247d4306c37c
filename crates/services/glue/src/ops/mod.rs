//! The operations on the wire, by resource: from shapes to the catalog and back.

pub mod classifier;
pub mod convert;
pub mod crawler;
pub mod database;
pub mod partition;
pub mod table;

use millpond_core::{Arn, PageToken, Scope};
use millpond_gateway::Caller;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::GlueError;
use crate::resources;

/// The account's catalog unless another account's is named.
pub fn scope(caller: &Caller, catalog_id: Option<&String>) -> Result<Scope, GlueError> {
    match catalog_id {
        None => Ok(caller.scope.clone()),
        Some(id) => {
            let account = id.parse().map_err(|_| GlueError::CatalogNotFound(id.clone()))?;
            Ok(Scope::new(account, caller.scope.region.clone()))
        }
    }
}

pub fn on_all_databases(caller: &Caller, catalog_id: Option<&String>) -> Result<[Arn; 2], GlueError> {
    Ok(resources::all_databases(&scope(caller, catalog_id)?))
}

pub fn on_whole_database(
    caller: &Caller,
    catalog_id: Option<&String>,
    database: &str,
) -> Result<[Arn; 4], GlueError> {
    Ok(resources::whole_database(&scope(caller, catalog_id)?, database))
}

pub fn on_database(
    caller: &Caller,
    catalog_id: Option<&String>,
    database: &str,
) -> Result<[Arn; 2], GlueError> {
    Ok(resources::database(&scope(caller, catalog_id)?, database))
}

pub fn on_table(
    caller: &Caller,
    catalog_id: Option<&String>,
    database: &str,
    table: &str,
) -> Result<[Arn; 3], GlueError> {
    Ok(resources::table(&scope(caller, catalog_id)?, database, table))
}

/// The key after which a page goes on.
fn after<K: DeserializeOwned>(token: Option<&String>, question: &str) -> Result<Option<K>, GlueError> {
    // Some clients send the empty token that they began with.
    let token = token.filter(|token| !token.is_empty());
    let key = token.map(|token| PageToken::decode(token, question)).transpose();
    key.map_err(|_| GlueError::invalid("Invalid NextToken"))
}

fn token<K: Serialize>(next: Option<K>, question: &str) -> Option<String> {
    next.map(|key| PageToken::encode(&key, question))
}

/// `asked` has passed the model's bounds.
fn limit(asked: Option<i32>, otherwise: usize) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(otherwise)
}
