//! What other services work with: the catalog in process, without HTTP, in the name of a caller. Every method asks the
//! policy first, for the account and region of the caller.

use millpond_core::Arn;
use millpond_gateway::Caller;

use crate::catalog::{PartitionFailure, PartitionQuery, TableUpdate};
use crate::error::GlueError;
use crate::filter::Predicate;
use crate::model::{Database, DatabaseSpec, Page, Partition, PartitionSpec, Table, TableSpec};
use crate::resources;
use crate::service::Glue;

impl Glue {
    /// Needs glue:GetDatabase. Errors: DatabaseNotFound.
    pub fn database(&self, caller: &Caller, name: &str) -> Result<Database, GlueError> {
        authorize(caller, "glue:GetDatabase", &resources::database(&caller.scope, name))?;
        self.catalog().database(&caller.scope, name)
    }

    /// Databases by name, those after `after`. Needs glue:GetDatabases.
    pub fn databases(
        &self,
        caller: &Caller,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Database, String>, GlueError> {
        authorize(caller, "glue:GetDatabases", &resources::all_databases(&caller.scope))?;
        self.catalog().databases(&caller.scope, after, limit)
    }

    /// Needs glue:CreateDatabase. Errors: DatabaseExists.
    pub async fn create_database(&self, caller: &Caller, spec: DatabaseSpec) -> Result<(), GlueError> {
        authorize(caller, "glue:CreateDatabase", &resources::database(&caller.scope, &spec.name))?;
        self.catalog().create_database(&caller.scope, spec).await
    }

    /// Drops the database and its tables. Needs glue:DeleteDatabase. Errors: DatabaseNotFound.
    pub async fn delete_database(&self, caller: &Caller, name: &str) -> Result<(), GlueError> {
        authorize(caller, "glue:DeleteDatabase", &resources::whole_database(&caller.scope, name))?;
        self.catalog().delete_database(&caller.scope, name).await
    }

    /// Needs glue:GetTable. Errors: DatabaseNotFound, TableNotFound.
    pub fn table(&self, caller: &Caller, database: &str, name: &str) -> Result<Table, GlueError> {
        authorize(caller, "glue:GetTable", &resources::table(&caller.scope, database, name))?;
        self.catalog().table(&caller.scope, database, name)
    }

    /// Tables by name, those after `after`. Needs glue:GetTables. Errors: DatabaseNotFound.
    pub fn tables(
        &self,
        caller: &Caller,
        database: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Table, String>, GlueError> {
        authorize(caller, "glue:GetTables", &resources::all_tables(&caller.scope, database))?;
        self.catalog().tables(&caller.scope, database, after, limit, |_| true)
    }

    /// Needs glue:CreateTable. Errors: DatabaseNotFound, TableExists.
    pub async fn create_table(
        &self,
        caller: &Caller,
        database: &str,
        spec: TableSpec,
    ) -> Result<(), GlueError> {
        authorize(caller, "glue:CreateTable", &resources::table(&caller.scope, database, &spec.name))?;
        self.catalog().create_table(&caller.scope, database, spec, caller.principal.to_string()).await
    }

    /// Replaces the table; the version before is kept. Needs glue:UpdateTable. Errors: DatabaseNotFound, TableNotFound.
    pub async fn update_table(
        &self,
        caller: &Caller,
        database: &str,
        spec: TableSpec,
    ) -> Result<(), GlueError> {
        authorize(caller, "glue:UpdateTable", &resources::table(&caller.scope, database, &spec.name))?;
        self.catalog().update_table(&caller.scope, database, spec, TableUpdate::default()).await
    }

    /// Needs glue:DeleteTable. Errors: DatabaseNotFound, TableNotFound.
    pub async fn delete_table(&self, caller: &Caller, database: &str, name: &str) -> Result<(), GlueError> {
        authorize(caller, "glue:DeleteTable", &resources::table(&caller.scope, database, name))?;
        self.catalog().delete_table(&caller.scope, database, name).await
    }

    /// Needs glue:GetPartition. Errors: DatabaseNotFound, TableNotFound, PartitionNotFound.
    pub fn partition(
        &self,
        caller: &Caller,
        database: &str,
        table: &str,
        values: &[String],
    ) -> Result<Partition, GlueError> {
        authorize(caller, "glue:GetPartition", &resources::table(&caller.scope, database, table))?;
        self.catalog().partition(&caller.scope, database, table, values)
    }

    /// A page of the partitions that `filter` keeps, by their values, those after `after`. It may be short, even empty,
    /// and still have a next one. Needs glue:GetPartitions.
    ///
    /// Errors: DatabaseNotFound, TableNotFound, Filter.
    pub fn partitions(
        &self,
        caller: &Caller,
        database: &str,
        table: &str,
        filter: &Predicate,
        after: Option<&[String]>,
        limit: usize,
    ) -> Result<Page<Partition, Vec<String>>, GlueError> {
        authorize(caller, "glue:GetPartitions", &resources::table(&caller.scope, database, table))?;
        let query = PartitionQuery { filter, segment: None, after, limit };
        self.catalog().partitions(&caller.scope, database, table, &query)
    }

    /// Creates each partition by itself, in one transaction; gives back those that could not be. Needs
    /// glue:BatchCreatePartition. Errors: DatabaseNotFound, TableNotFound.
    pub async fn create_partitions(
        &self,
        caller: &Caller,
        database: &str,
        table: &str,
        specs: Vec<PartitionSpec>,
    ) -> Result<Vec<PartitionFailure>, GlueError> {
        authorize(caller, "glue:BatchCreatePartition", &resources::table(&caller.scope, database, table))?;
        self.catalog().create_partitions(&caller.scope, database, table, specs).await
    }

    /// Drops each partition by itself, in one transaction; gives back those that could not be. Needs
    /// glue:BatchDeletePartition. Errors: DatabaseNotFound, TableNotFound.
    pub async fn delete_partitions(
        &self,
        caller: &Caller,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
    ) -> Result<Vec<PartitionFailure>, GlueError> {
        authorize(caller, "glue:BatchDeletePartition", &resources::table(&caller.scope, database, table))?;
        self.catalog().delete_partitions(&caller.scope, database, table, values).await
    }
}

fn authorize(caller: &Caller, action: &str, resources: &[Arn]) -> Result<(), GlueError> {
    Ok(resources.iter().try_for_each(|resource| caller.authorize(action, resource))?)
}
