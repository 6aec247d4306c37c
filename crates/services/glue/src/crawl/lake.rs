//! The crawler's database, as far as its role may read and change it.

use millpond_core::Arn;
use millpond_gateway::Caller;

use crate::catalog::{Catalog, PartitionFailure, PartitionQuery, TableUpdate};
use crate::error::GlueError;
use crate::model::{DatabaseSpec, Page, Partition, PartitionSpec, Table, TableSpec};
use crate::resources;

/// The most tables read at a time.
const PAGE: usize = 1_000;

/// Each of its methods asks for the permission of the operation that a client would call.
pub struct Lake<'a> {
    pub catalog: &'a Catalog,
    /// The crawler's role.
    pub caller: &'a Caller,
    pub database: &'a str,
}

impl Lake<'_> {
    fn permit(&self, action: &str, resources: &[Arn]) -> Result<(), GlueError> {
        Ok(resources.iter().try_for_each(|resource| self.caller.authorize(action, resource))?)
    }

    fn permit_table(&self, action: &str, table: &str) -> Result<(), GlueError> {
        self.permit(action, &resources::table(&self.caller.scope, self.database, table))
    }

    /// Makes the database, unless it is there.
    pub async fn ensure_database(&self) -> Result<(), GlueError> {
        let (scope, resources) = (&self.caller.scope, resources::database(&self.caller.scope, self.database));
        self.permit("glue:GetDatabase", &resources)?;
        match self.catalog.database(scope, self.database) {
            Err(GlueError::DatabaseNotFound(_)) => {}
            found => return found.map(|_| ()),
        }
        self.permit("glue:CreateDatabase", &resources)?;
        let spec = DatabaseSpec { name: self.database.to_owned(), ..DatabaseSpec::default() };
        match self.catalog.create_database(scope, spec).await {
            Ok(()) | Err(GlueError::DatabaseExists) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Tables by name, those after `after`.
    pub fn tables(&self, after: Option<&str>) -> Result<Page<Table, String>, GlueError> {
        self.permit("glue:GetTables", &resources::all_tables(&self.caller.scope, self.database))?;
        self.catalog.tables(&self.caller.scope, self.database, after, PAGE, |_| true)
    }

    /// Creates the table; gives it as it is now.
    pub async fn create_table(&self, spec: TableSpec) -> Result<Table, GlueError> {
        self.permit_table("glue:CreateTable", &spec.name)?;
        let (scope, name, by) = (&self.caller.scope, spec.name.clone(), self.caller.principal.to_string());
        self.catalog.create_table(scope, self.database, spec, by).await?;
        self.catalog.table(scope, self.database, &name)
    }

    pub async fn update_table(&self, spec: TableSpec, how: TableUpdate) -> Result<(), GlueError> {
        self.permit_table("glue:UpdateTable", &spec.name)?;
        self.catalog.update_table(&self.caller.scope, self.database, spec, how).await
    }

    pub async fn delete_table(&self, name: &str) -> Result<(), GlueError> {
        self.permit_table("glue:DeleteTable", name)?;
        self.catalog.delete_table(&self.caller.scope, self.database, name).await
    }

    pub fn partitions(
        &self,
        table: &str,
        query: &PartitionQuery<'_>,
    ) -> Result<Page<Partition, Vec<String>>, GlueError> {
        self.permit_table("glue:GetPartitions", table)?;
        self.catalog.partitions(&self.caller.scope, self.database, table, query)
    }

    pub async fn create_partitions(
        &self,
        table: &str,
        specs: Vec<PartitionSpec>,
    ) -> Result<Vec<PartitionFailure>, GlueError> {
        self.permit_table("glue:BatchCreatePartition", table)?;
        self.catalog.create_partitions(&self.caller.scope, self.database, table, specs).await
    }

    pub async fn update_partitions(
        &self,
        table: &str,
        updates: Vec<(Vec<String>, PartitionSpec)>,
    ) -> Result<Vec<PartitionFailure>, GlueError> {
        self.permit_table("glue:BatchUpdatePartition", table)?;
        self.catalog.update_partitions(&self.caller.scope, self.database, table, updates).await
    }

    pub async fn delete_partitions(
        &self,
        table: &str,
        gone: Vec<Vec<String>>,
    ) -> Result<Vec<PartitionFailure>, GlueError> {
        self.permit_table("glue:BatchDeletePartition", table)?;
        self.catalog.delete_partitions(&self.caller.scope, self.database, table, gone).await
    }
}
