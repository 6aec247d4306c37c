//! Between the wire's shapes and the catalog's types.

use std::collections::BTreeMap;

use millpond_core::Scope;

use crate::api;
use crate::catalog::PartitionFailure;
use crate::error::GlueError;
use crate::model::{
    Column, Database, DatabaseSpec, Parameters, Partition, PartitionSpec, SerDe, Skew, SortColumn, Storage,
    Table, TableSpec,
};

pub fn database_spec(input: api::DatabaseInput) -> DatabaseSpec {
    DatabaseSpec {
        name: input.name,
        description: input.description,
        location: input.location_uri,
        parameters: input.parameters.unwrap_or_default(),
    }
}

pub fn database(scope: &Scope, database: Database) -> api::Database {
    let spec = database.spec;
    api::Database {
        name: spec.name,
        description: spec.description,
        location_uri: spec.location,
        parameters: non_empty(spec.parameters),
        create_time: Some(database.created),
        catalog_id: Some(scope.account.to_string()),
    }
}

pub fn table_spec(input: api::TableInput) -> TableSpec {
    TableSpec {
        name: input.name,
        description: input.description,
        owner: input.owner,
        last_access: input.last_access_time,
        last_analyzed: input.last_analyzed_time,
        retention: input.retention.unwrap_or_default(),
        storage: input.storage_descriptor.map(storage_from),
        partition_keys: columns_from(input.partition_keys),
        view_original_text: input.view_original_text,
        view_expanded_text: input.view_expanded_text,
        table_type: input.table_type,
        parameters: input.parameters.unwrap_or_default(),
    }
}

pub fn table(scope: &Scope, table: Table) -> api::Table {
    let spec = table.spec;
    api::Table {
        name: spec.name,
        database_name: Some(table.database),
        description: spec.description,
        owner: spec.owner,
        create_time: Some(table.created),
        update_time: Some(table.updated),
        last_access_time: spec.last_access,
        last_analyzed_time: spec.last_analyzed,
        retention: Some(spec.retention),
        storage_descriptor: spec.storage.map(storage_to),
        partition_keys: Some(columns_to(spec.partition_keys)),
        view_original_text: spec.view_original_text,
        view_expanded_text: spec.view_expanded_text,
        table_type: spec.table_type,
        parameters: Some(spec.parameters),
        created_by: Some(table.created_by),
        is_registered_with_lake_formation: Some(false),
        catalog_id: Some(scope.account.to_string()),
        version_id: Some(table.version.to_string()),
        ..api::Table::default()
    }
}

pub fn partition_spec(input: api::PartitionInput) -> PartitionSpec {
    PartitionSpec {
        values: input.values.unwrap_or_default(),
        storage: input.storage_descriptor.map(storage_from),
        parameters: input.parameters.unwrap_or_default(),
        last_access: input.last_access_time,
        last_analyzed: input.last_analyzed_time,
    }
}

/// `database` and `table` are in lower case.
pub fn partition(scope: &Scope, database: &str, table: &str, partition: Partition) -> api::Partition {
    let spec = partition.spec;
    api::Partition {
        values: Some(spec.values),
        database_name: Some(database.to_owned()),
        table_name: Some(table.to_owned()),
        creation_time: Some(partition.created),
        last_access_time: spec.last_access,
        storage_descriptor: spec.storage.map(storage_to),
        parameters: non_empty(spec.parameters),
        last_analyzed_time: spec.last_analyzed,
        catalog_id: Some(scope.account.to_string()),
    }
}

pub fn partition_errors(failed: Vec<PartitionFailure>) -> Vec<api::PartitionError> {
    let error = |failure: PartitionFailure| api::PartitionError {
        partition_values: Some(failure.values),
        error_detail: Some(error_detail(&failure.error)),
    };
    failed.into_iter().map(error).collect()
}

pub fn error_detail(error: &GlueError) -> api::ErrorDetail {
    let (code, message) = error.detail();
    api::ErrorDetail { error_code: Some(code.to_owned()), error_message: Some(message) }
}

fn storage_from(storage: api::StorageDescriptor) -> Storage {
    let sort = |order: api::Order| SortColumn { column: order.column, order: order.sort_order };
    Storage {
        columns: columns_from(storage.columns),
        location: storage.location,
        input_format: storage.input_format,
        output_format: storage.output_format,
        compressed: storage.compressed.unwrap_or_default(),
        buckets: storage.number_of_buckets.unwrap_or_default(),
        serde: storage.serde_info.map(|serde| SerDe {
            name: serde.name,
            library: serde.serialization_library,
            parameters: serde.parameters.unwrap_or_default(),
        }),
        bucket_columns: storage.bucket_columns.unwrap_or_default(),
        sort_columns: storage.sort_columns.unwrap_or_default().into_iter().map(sort).collect(),
        parameters: storage.parameters.unwrap_or_default(),
        skew: storage.skewed_info.map(|skew| Skew {
            columns: skew.skewed_column_names.unwrap_or_default(),
            values: skew.skewed_column_values.unwrap_or_default(),
            locations: skew.skewed_column_value_location_maps.unwrap_or_default(),
        }),
        stored_as_sub_directories: storage.stored_as_sub_directories.unwrap_or_default(),
    }
}

fn storage_to(storage: Storage) -> api::StorageDescriptor {
    let sort = |sort: SortColumn| api::Order { column: sort.column, sort_order: sort.order };
    api::StorageDescriptor {
        columns: Some(columns_to(storage.columns)),
        location: storage.location,
        input_format: storage.input_format,
        output_format: storage.output_format,
        compressed: Some(storage.compressed),
        number_of_buckets: Some(storage.buckets),
        serde_info: storage.serde.map(|serde| api::SerDeInfo {
            name: serde.name,
            serialization_library: serde.library,
            parameters: Some(serde.parameters),
        }),
        bucket_columns: Some(storage.bucket_columns),
        sort_columns: Some(storage.sort_columns.into_iter().map(sort).collect()),
        parameters: Some(storage.parameters),
        skewed_info: storage.skew.map(|skew| api::SkewedInfo {
            skewed_column_names: Some(skew.columns),
            skewed_column_values: Some(skew.values),
            skewed_column_value_location_maps: Some(skew.locations),
        }),
        stored_as_sub_directories: Some(storage.stored_as_sub_directories),
    }
}

fn columns_from(columns: Option<Vec<api::Column>>) -> Vec<Column> {
    let column = |column: api::Column| Column {
        name: column.name,
        hive_type: column.r#type.unwrap_or_default(),
        comment: column.comment,
        parameters: column.parameters.unwrap_or_default(),
    };
    columns.unwrap_or_default().into_iter().map(column).collect()
}

fn columns_to(columns: Vec<Column>) -> Vec<api::Column> {
    let column = |column: Column| api::Column {
        name: column.name,
        r#type: Some(column.hive_type).filter(|hive_type| !hive_type.is_empty()),
        comment: column.comment,
        parameters: non_empty(column.parameters),
    };
    columns.into_iter().map(column).collect()
}

fn non_empty(parameters: Parameters) -> Option<BTreeMap<String, String>> {
    (!parameters.is_empty()).then_some(parameters)
}
