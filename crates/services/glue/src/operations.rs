//! The table of operations: each with the permission that it asks for, and on what.
//!
//! Permission is asked on the catalog, the database and the table, and each must allow it.

use millpond_core::{Arn, ByteSize};
use millpond_gateway::{Action, Caller, Operations, ServiceInfo};

use crate::api;
use crate::error::GlueError;
use crate::ops::{self, on_all_databases, on_database, on_table, on_whole_database};
use crate::resources::{catalog, crawler};
use crate::service::Glue;

pub fn operations() -> Operations<Glue> {
    let info = ServiceInfo {
        name: api::ENDPOINT_PREFIX,
        signing_name: api::SIGNING_NAME,
        protocol: api::PROTOCOL,
        // Glue reports broken constraints by its own word.
        validation_code: "InvalidInputException",
        // A hundred partitions, each with all the columns of a wide table.
        largest_body: ByteSize::mib(16),
        known_operations: api::OPERATIONS,
    };
    Operations::new(info)
        .op(
            "BatchCreatePartition",
            Action("glue:BatchCreatePartition"),
            |c: &Caller, i: &api::BatchCreatePartitionInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.table_name)
            },
            ops::partition::batch_create_partition,
        )
        .op(
            "BatchDeletePartition",
            Action("glue:BatchDeletePartition"),
            |c: &Caller, i: &api::BatchDeletePartitionInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.table_name)
            },
            ops::partition::batch_delete_partition,
        )
        .op(
            "BatchDeleteTable",
            Action("glue:BatchDeleteTable"),
            |c: &Caller, i: &api::BatchDeleteTableInput| tables(c, i),
            ops::table::batch_delete_table,
        )
        .op(
            "BatchDeleteTableVersion",
            Action("glue:BatchDeleteTableVersion"),
            |c: &Caller, i: &api::BatchDeleteTableVersionInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.table_name)
            },
            ops::table::batch_delete_table_version,
        )
        .op(
            "BatchGetCrawlers",
            Action("glue:BatchGetCrawlers"),
            |c: &Caller, i: &api::BatchGetCrawlersInput| {
                i.crawler_names.iter().map(|name| crawler(&c.scope, name)).collect::<Vec<Arn>>()
            },
            ops::crawler::batch_get_crawlers,
        )
        .op(
            "BatchGetPartition",
            Action("glue:BatchGetPartition"),
            |c: &Caller, i: &api::BatchGetPartitionInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.table_name)
            },
            ops::partition::batch_get_partition,
        )
        .op(
            "BatchUpdatePartition",
            Action("glue:BatchUpdatePartition"),
            |c: &Caller, i: &api::BatchUpdatePartitionInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.table_name)
            },
            ops::partition::batch_update_partition,
        )
        .op(
            "CreateCrawler",
            Action("glue:CreateCrawler"),
            |c: &Caller, i: &api::CreateCrawlerInput| crawler(&c.scope, &i.name),
            ops::crawler::create_crawler,
        )
        .op(
            "CreateClassifier",
            Action("glue:CreateClassifier"),
            |c: &Caller, _: &api::CreateClassifierInput| catalog(&c.scope),
            ops::classifier::create_classifier,
        )
        .op(
            "CreateDatabase",
            Action("glue:CreateDatabase"),
            |c: &Caller, i: &api::CreateDatabaseInput| {
                on_database(c, i.catalog_id.as_ref(), &i.database_input.name)
            },
            ops::database::create_database,
        )
        .op(
            "CreatePartition",
            Action("glue:CreatePartition"),
            |c: &Caller, i: &api::CreatePartitionInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.table_name)
            },
            ops::partition::create_partition,
        )
        .op(
            "CreateTable",
            Action("glue:CreateTable"),
            |c: &Caller, i: &api::CreateTableInput| {
                named(c, i.catalog_id.as_ref(), &i.database_name, i.table_input.as_ref())
            },
            ops::table::create_table,
        )
        .op(
            "DeleteClassifier",
            Action("glue:DeleteClassifier"),
            |c: &Caller, _: &api::DeleteClassifierInput| catalog(&c.scope),
            ops::classifier::delete_classifier,
        )
        .op(
            "DeleteCrawler",
            Action("glue:DeleteCrawler"),
            |c: &Caller, i: &api::DeleteCrawlerInput| crawler(&c.scope, &i.name),
            ops::crawler::delete_crawler,
        )
        .op(
            "DeleteDatabase",
            Action("glue:DeleteDatabase"),
            |c: &Caller, i: &api::DeleteDatabaseInput| on_whole_database(c, i.catalog_id.as_ref(), &i.name),
            ops::database::delete_database,
        )
        .op(
            "DeletePartition",
            Action("glue:DeletePartition"),
            |c: &Caller, i: &api::DeletePartitionInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.table_name)
            },
            ops::partition::delete_partition,
        )
        .op(
            "DeleteTable",
            Action("glue:DeleteTable"),
            |c: &Caller, i: &api::DeleteTableInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.name)
            },
            ops::table::delete_table,
        )
        .op(
            "DeleteTableVersion",
            Action("glue:DeleteTableVersion"),
            |c: &Caller, i: &api::DeleteTableVersionInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.table_name)
            },
            ops::table::delete_table_version,
        )
        .op(
            "GetClassifier",
            Action("glue:GetClassifier"),
            |c: &Caller, _: &api::GetClassifierInput| catalog(&c.scope),
            ops::classifier::get_classifier,
        )
        .op(
            "GetClassifiers",
            Action("glue:GetClassifiers"),
            |c: &Caller, _: &api::GetClassifiersInput| catalog(&c.scope),
            ops::classifier::get_classifiers,
        )
        .op(
            "GetCrawler",
            Action("glue:GetCrawler"),
            |c: &Caller, i: &api::GetCrawlerInput| crawler(&c.scope, &i.name),
            ops::crawler::get_crawler,
        )
        .op(
            "GetCrawlerMetrics",
            Action("glue:GetCrawlerMetrics"),
            |c: &Caller, _: &api::GetCrawlerMetricsInput| crawler(&c.scope, "*"),
            ops::crawler::get_crawler_metrics,
        )
        .op(
            "GetCrawlers",
            Action("glue:GetCrawlers"),
            |c: &Caller, _: &api::GetCrawlersInput| crawler(&c.scope, "*"),
            ops::crawler::get_crawlers,
        )
        .op(
            "GetDatabase",
            Action("glue:GetDatabase"),
            |c: &Caller, i: &api::GetDatabaseInput| on_database(c, i.catalog_id.as_ref(), &i.name),
            ops::database::get_database,
        )
        .op(
            "GetDatabases",
            Action("glue:GetDatabases"),
            |c: &Caller, i: &api::GetDatabasesInput| on_all_databases(c, i.catalog_id.as_ref()),
            ops::database::get_databases,
        )
        .op(
            "GetPartition",
            Action("glue:GetPartition"),
            |c: &Caller, i: &api::GetPartitionInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.table_name)
            },
            ops::partition::get_partition,
        )
        .op(
            "GetPartitionIndexes",
            Action("glue:GetPartitionIndexes"),
            |c: &Caller, i: &api::GetPartitionIndexesInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.table_name)
            },
            ops::partition::get_partition_indexes,
        )
        .op(
            "GetPartitions",
            Action("glue:GetPartitions"),
            |c: &Caller, i: &api::GetPartitionsInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.table_name)
            },
            ops::partition::get_partitions,
        )
        .op(
            "GetTable",
            Action("glue:GetTable"),
            |c: &Caller, i: &api::GetTableInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.name)
            },
            ops::table::get_table,
        )
        .op(
            "GetTableVersion",
            Action("glue:GetTableVersion"),
            |c: &Caller, i: &api::GetTableVersionInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.table_name)
            },
            ops::table::get_table_version,
        )
        .op(
            "GetTableVersions",
            Action("glue:GetTableVersions"),
            |c: &Caller, i: &api::GetTableVersionsInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.table_name)
            },
            ops::table::get_table_versions,
        )
        .op(
            "GetTables",
            Action("glue:GetTables"),
            |c: &Caller, i: &api::GetTablesInput| on_table(c, i.catalog_id.as_ref(), &i.database_name, "*"),
            ops::table::get_tables,
        )
        .op(
            "ListCrawlers",
            Action("glue:ListCrawlers"),
            |c: &Caller, _: &api::ListCrawlersInput| crawler(&c.scope, "*"),
            ops::crawler::list_crawlers,
        )
        .op(
            "StartCrawler",
            Action("glue:StartCrawler"),
            |c: &Caller, i: &api::StartCrawlerInput| crawler(&c.scope, &i.name),
            ops::crawler::start_crawler,
        )
        .op(
            "StopCrawler",
            Action("glue:StopCrawler"),
            |c: &Caller, i: &api::StopCrawlerInput| crawler(&c.scope, &i.name),
            ops::crawler::stop_crawler,
        )
        .op(
            "UpdateClassifier",
            Action("glue:UpdateClassifier"),
            |c: &Caller, _: &api::UpdateClassifierInput| catalog(&c.scope),
            ops::classifier::update_classifier,
        )
        .op(
            "UpdateCrawler",
            Action("glue:UpdateCrawler"),
            |c: &Caller, i: &api::UpdateCrawlerInput| crawler(&c.scope, &i.name),
            ops::crawler::update_crawler,
        )
        .op(
            "UpdateDatabase",
            Action("glue:UpdateDatabase"),
            |c: &Caller, i: &api::UpdateDatabaseInput| on_database(c, i.catalog_id.as_ref(), &i.name),
            ops::database::update_database,
        )
        .op(
            "UpdatePartition",
            Action("glue:UpdatePartition"),
            |c: &Caller, i: &api::UpdatePartitionInput| {
                on_table(c, i.catalog_id.as_ref(), &i.database_name, &i.table_name)
            },
            ops::partition::update_partition,
        )
        .op(
            "UpdateTable",
            Action("glue:UpdateTable"),
            |c: &Caller, i: &api::UpdateTableInput| {
                named(c, i.catalog_id.as_ref(), &i.database_name, i.table_input.as_ref())
            },
            ops::table::update_table,
        )
}

/// The table that is to be made or replaced. Without an input there is none, and the handler says so.
fn named(
    caller: &Caller,
    catalog_id: Option<&String>,
    database: &str,
    input: Option<&api::TableInput>,
) -> Result<[Arn; 3], GlueError> {
    on_table(caller, catalog_id, database, input.map_or("*", |input| &input.name))
}

/// Every table of the batch.
fn tables(caller: &Caller, input: &api::BatchDeleteTableInput) -> Result<Vec<Arn>, GlueError> {
    let arns = input
        .tables_to_delete
        .iter()
        .map(|table| on_table(caller, input.catalog_id.as_ref(), &input.database_name, table));
    Ok(arns.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}
