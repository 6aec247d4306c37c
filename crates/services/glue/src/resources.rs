//! The ARNs that Glue's permissions are about.
//!
//! An operation on a table needs its permission on the catalog, the database and the table, all three.
//! Source: AWS Glue developer guide, "Specifying AWS Glue resource ARNs".

use millpond_core::{Arn, Scope};

pub fn catalog(scope: &Scope) -> Arn {
    scope.arn("glue", "catalog")
}

pub fn database(scope: &Scope, name: &str) -> [Arn; 2] {
    [catalog(scope), scope.arn("glue", format!("database/{}", name.to_lowercase()))]
}

pub fn table(scope: &Scope, database_name: &str, name: &str) -> [Arn; 3] {
    let [catalog, database] = database(scope, database_name);
    let table = format!("table/{}/{}", database_name.to_lowercase(), name.to_lowercase());
    [catalog, database, scope.arn("glue", table)]
}

/// What goes when a database is dropped: it, and all that is in it.
pub fn whole_database(scope: &Scope, name: &str) -> [Arn; 4] {
    let [catalog, database, tables] = all_tables(scope, name);
    let functions = format!("userDefinedFunction/{}/*", name.to_lowercase());
    [catalog, database, tables, scope.arn("glue", functions)]
}

pub fn all_databases(scope: &Scope) -> [Arn; 2] {
    database(scope, "*")
}

/// Every table of a database.
pub fn all_tables(scope: &Scope, database_name: &str) -> [Arn; 3] {
    table(scope, database_name, "*")
}

pub fn crawler(scope: &Scope, name: &str) -> Arn {
    scope.arn("glue", format!("crawler/{name}"))
}
