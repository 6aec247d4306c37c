//! Partitions.

use millpond_gateway::Call;

use super::convert::{error_detail, partition, partition_errors, partition_spec};
use super::{after, limit, scope, token};
use crate::api::{
    BatchCreatePartitionInput, BatchCreatePartitionOutput, BatchDeletePartitionInput,
    BatchDeletePartitionOutput, BatchGetPartitionInput, BatchGetPartitionOutput,
    BatchUpdatePartitionFailureEntry, BatchUpdatePartitionInput, BatchUpdatePartitionOutput,
    CreatePartitionInput, CreatePartitionOutput, DeletePartitionInput, DeletePartitionOutput,
    GetPartitionIndexesInput, GetPartitionIndexesOutput, GetPartitionInput, GetPartitionOutput,
    GetPartitionsInput, GetPartitionsOutput, UpdatePartitionInput, UpdatePartitionOutput,
};
use crate::catalog::{PartitionFailure, PartitionQuery, Segment, first_failure};
use crate::error::GlueError;
use crate::filter::Predicate;
use crate::model::Partition;
use crate::service::Glue;

/// The most that GetPartitions gives at once.
const PAGE: usize = 1_000;

/// Errors: EntityNotFoundException (database or table), AlreadyExistsException, InvalidInputException.
/// Source: AWS Glue API reference, CreatePartition.
pub async fn create_partition(
    call: Call<Glue>,
    input: CreatePartitionInput,
) -> Result<CreatePartitionOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let spec = partition_spec(input.partition_input);
    call.catalog().create_partition(&scope, &input.database_name, &input.table_name, spec).await?;
    Ok(CreatePartitionOutput {})
}

/// Creates each partition by itself, and says which could not be.
///
/// Errors: EntityNotFoundException (database or table). Source: AWS Glue API reference, BatchCreatePartition.
pub async fn batch_create_partition(
    call: Call<Glue>,
    input: BatchCreatePartitionInput,
) -> Result<BatchCreatePartitionOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let specs = input.partition_input_list.into_iter().map(partition_spec).collect();
    let failed =
        call.catalog().create_partitions(&scope, &input.database_name, &input.table_name, specs).await?;
    Ok(BatchCreatePartitionOutput { errors: Some(partition_errors(failed)) })
}

/// Errors: EntityNotFoundException, InvalidInputException (not one value per key).
/// Source: AWS Glue API reference, GetPartition.
pub async fn get_partition(
    call: Call<Glue>,
    input: GetPartitionInput,
) -> Result<GetPartitionOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let (database, table) = (input.database_name.to_lowercase(), input.table_name.to_lowercase());
    let found = call.catalog().partition(&scope, &database, &table, &input.partition_values)?;
    Ok(GetPartitionOutput { partition: Some(partition(&scope, &database, &table, found)) })
}

/// Those of the named partitions that exist.
///
/// Errors: EntityNotFoundException (database or table), InvalidInputException.
/// Source: AWS Glue API reference, BatchGetPartition.
pub async fn batch_get_partition(
    call: Call<Glue>,
    input: BatchGetPartitionInput,
) -> Result<BatchGetPartitionOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let (database, table) = (input.database_name.to_lowercase(), input.table_name.to_lowercase());
    let asked: Vec<Vec<String>> = input.partitions_to_get.into_iter().map(|list| list.values).collect();
    let found = call.catalog().partitions_of(&scope, &database, &table, &asked)?;
    let found = found.into_iter().map(|found| partition(&scope, &database, &table, found));
    Ok(BatchGetPartitionOutput { partitions: Some(found.collect()), unprocessed_keys: Some(Vec::new()) })
}

/// Partitions by their values, at most 1,000 at once, that `Expression` keeps. A page may be short, even empty, and
/// still have a next one.
///
/// Errors: EntityNotFoundException (database or table), InvalidInputException (the expression), InvalidStateException (a
/// stored value that its key's type cannot hold). Source: AWS Glue API reference, GetPartitions.
pub async fn get_partitions(
    call: Call<Glue>,
    input: GetPartitionsInput,
) -> Result<GetPartitionsOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let (database, table) = (input.database_name.to_lowercase(), input.table_name.to_lowercase());
    let expression = input.expression.unwrap_or_default();
    let segment = input.segment.as_ref().map(segment).transpose()?;
    let question = format!("partitions of {} {database} {table} {segment:?} {expression}", scope.account);
    let after: Option<Vec<String>> = after(input.next_token.as_ref(), &question)?;
    let filter = Predicate::parse(&expression)?;
    let limit = limit(input.max_results, PAGE);
    let query = PartitionQuery { filter: &filter, segment, after: after.as_deref(), limit };
    let page = call.catalog().partitions(&scope, &database, &table, &query)?;
    let bare = input.exclude_column_schema.unwrap_or_default();
    let shown = |mut found: Partition| {
        if bare && let Some(storage) = &mut found.spec.storage {
            storage.columns.clear();
        }
        partition(&scope, &database, &table, found)
    };
    Ok(GetPartitionsOutput {
        partitions: Some(page.items.into_iter().map(shown).collect()),
        next_token: token(page.next, &question),
    })
}

/// A table has no partition indexes, since CreateTable refuses them: listings by leading keys need none.
///
/// Errors: EntityNotFoundException. Source: AWS Glue API reference, GetPartitionIndexes.
pub async fn get_partition_indexes(
    call: Call<Glue>,
    input: GetPartitionIndexesInput,
) -> Result<GetPartitionIndexesOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    if input.next_token.is_some_and(|token| !token.is_empty()) {
        return Err(GlueError::invalid("Invalid NextToken"));
    }
    call.catalog().table(&scope, &input.database_name, &input.table_name)?;
    Ok(GetPartitionIndexesOutput { partition_index_descriptor_list: Some(Vec::new()), next_token: None })
}

/// Replaces a partition; other values in the input move it.
///
/// Errors: EntityNotFoundException, AlreadyExistsException (there is one with the new values), InvalidInputException.
/// Source: AWS Glue API reference, UpdatePartition.
pub async fn update_partition(
    call: Call<Glue>,
    input: UpdatePartitionInput,
) -> Result<UpdatePartitionOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let updates = vec![(input.partition_value_list, partition_spec(input.partition_input))];
    first_failure(
        call.catalog().update_partitions(&scope, &input.database_name, &input.table_name, updates).await?,
    )?;
    Ok(UpdatePartitionOutput {})
}

/// Replaces each partition by itself, and says which could not be.
///
/// Errors: EntityNotFoundException (database or table). Source: AWS Glue API reference, BatchUpdatePartition.
pub async fn batch_update_partition(
    call: Call<Glue>,
    input: BatchUpdatePartitionInput,
) -> Result<BatchUpdatePartitionOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let updates = input
        .entries
        .into_iter()
        .map(|entry| (entry.partition_value_list, partition_spec(entry.partition_input)))
        .collect();
    let failed =
        call.catalog().update_partitions(&scope, &input.database_name, &input.table_name, updates).await?;
    let error = |failure: PartitionFailure| BatchUpdatePartitionFailureEntry {
        partition_value_list: Some(failure.values),
        error_detail: Some(error_detail(&failure.error)),
    };
    Ok(BatchUpdatePartitionOutput { errors: Some(failed.into_iter().map(error).collect()) })
}

/// Errors: EntityNotFoundException. Source: AWS Glue API reference, DeletePartition.
pub async fn delete_partition(
    call: Call<Glue>,
    input: DeletePartitionInput,
) -> Result<DeletePartitionOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let gone = vec![input.partition_values];
    first_failure(
        call.catalog().delete_partitions(&scope, &input.database_name, &input.table_name, gone).await?,
    )?;
    Ok(DeletePartitionOutput {})
}

/// Drops each partition by itself, and says which could not be.
///
/// Errors: EntityNotFoundException (database or table). Source: AWS Glue API reference, BatchDeletePartition.
pub async fn batch_delete_partition(
    call: Call<Glue>,
    input: BatchDeletePartitionInput,
) -> Result<BatchDeletePartitionOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let gone = input.partitions_to_delete.into_iter().map(|list| list.values).collect();
    let failed =
        call.catalog().delete_partitions(&scope, &input.database_name, &input.table_name, gone).await?;
    Ok(BatchDeletePartitionOutput { errors: Some(partition_errors(failed)) })
}

/// Numbers have passed the model's bounds; that one is below the other is ours to see.
fn segment(asked: &crate::api::Segment) -> Result<Segment, GlueError> {
    let number = u32::try_from(asked.segment_number).unwrap_or(u32::MAX);
    let total = u32::try_from(asked.total_segments).unwrap_or(0);
    if number >= total {
        return Err(GlueError::invalid("SegmentNumber must be less than TotalSegments"));
    }
    Ok(Segment { number, total })
}
