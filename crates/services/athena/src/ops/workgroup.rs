//! Workgroups: where results go, what a query may read, and whether clients may say otherwise.

use millpond_core::{Arn, PageToken};
use millpond_gateway::{Call, Caller};

use super::{page_after, page_size};
use crate::Athena;
use crate::api::{
    CreateWorkGroupInput, CreateWorkGroupOutput, DeleteWorkGroupInput, DeleteWorkGroupOutput,
    EncryptionConfiguration, EncryptionOption, EngineVersion, GetWorkGroupInput, GetWorkGroupOutput,
    ListWorkGroupsInput, ListWorkGroupsOutput, ResultConfiguration, UpdateWorkGroupInput,
    UpdateWorkGroupOutput, WorkGroupConfiguration, WorkGroupState, WorkGroupSummary,
};
use crate::error::AthenaError;
use crate::model::{ENGINE_VERSION, PRIMARY, WorkGroup, split_location, workgroup_arn};
use crate::store;

/// Workgroups a page of a listing holds at the most.
const PAGE: usize = 50;

pub fn of_create(caller: &Caller, input: &CreateWorkGroupInput) -> Arn {
    workgroup_arn(&caller.scope, &input.name)
}

pub fn of_get(caller: &Caller, input: &GetWorkGroupInput) -> Arn {
    workgroup_arn(&caller.scope, &input.work_group)
}

pub fn of_update(caller: &Caller, input: &UpdateWorkGroupInput) -> Arn {
    workgroup_arn(&caller.scope, &input.work_group)
}

pub fn of_delete(caller: &Caller, input: &DeleteWorkGroupInput) -> Arn {
    workgroup_arn(&caller.scope, &input.work_group)
}

pub fn of_list(caller: &Caller, _input: &ListWorkGroupsInput) -> Arn {
    workgroup_arn(&caller.scope, "*")
}

/// Refuses what Millpond does not do: metrics in CloudWatch, paying requesters, other engines.
fn check_common(
    metrics: Option<bool>,
    requester_pays: Option<bool>,
    engine: Option<&EngineVersion>,
) -> Result<(), AthenaError> {
    if metrics == Some(true) {
        return Err(AthenaError::not_supported("PublishCloudWatchMetricsEnabled"));
    }
    if requester_pays == Some(true) {
        return Err(AthenaError::not_supported("RequesterPaysEnabled"));
    }
    match engine.and_then(|engine| engine.selected_engine_version.as_deref()) {
        None | Some("AUTO" | ENGINE_VERSION) => Ok(()),
        Some(other) => {
            Err(AthenaError::invalid(format!("Engine version {other} is not supported by Millpond.")))
        }
    }
}

/// Every object is encrypted as SSE-S3 says; other keys come with KMS.
pub(super) fn check_encryption(encryption: Option<&EncryptionConfiguration>) -> Result<bool, AthenaError> {
    match encryption.map(|encryption| encryption.encryption_option) {
        None => Ok(false),
        Some(EncryptionOption::SseS3) => Ok(true),
        Some(other) => Err(AthenaError::not_supported(&format!("EncryptionOption {other}"))),
    }
}

fn check_location(location: Option<&str>) -> Result<(), AthenaError> {
    match location.filter(|location| !location.is_empty()).map(split_location) {
        Some(None) => Err(AthenaError::invalid("outputLocation is not a valid S3 path.")),
        Some(Some(_)) | None => Ok(()),
    }
}

fn check_owner(caller: &Caller, owner: Option<&str>) -> Result<(), AthenaError> {
    match owner.is_none_or(|owner| owner == caller.scope.account.as_str()) {
        true => Ok(()),
        false => Err(AthenaError::invalid("The bucket's owner is not the ExpectedBucketOwner.")),
    }
}

pub(super) fn check_result(caller: &Caller, result: &ResultConfiguration) -> Result<bool, AthenaError> {
    check_location(result.output_location.as_deref())?;
    check_owner(caller, result.expected_bucket_owner.as_deref())?;
    check_encryption(result.encryption_configuration.as_ref())
}

/// Makes a workgroup.
///
/// Errors: InvalidRequestException (the name is taken, the configuration asks for what Millpond does not do).
/// Source: AWS Athena API reference, CreateWorkGroup.
/// Differs from AWS: metrics are not published to CloudWatch, so that `PublishCloudWatchMetricsEnabled` is false unless it
/// is given, and refused when it is true.
pub async fn create_work_group(
    call: Call<Athena>,
    input: CreateWorkGroupInput,
) -> Result<CreateWorkGroupOutput, AthenaError> {
    if input.tags.is_some_and(|tags| !tags.is_empty()) {
        return Err(AthenaError::not_supported("Tags"));
    }
    let mut group = WorkGroup::new(input.name, call.clock().now());
    group.description = input.description;
    if let Some(configuration) = input.configuration {
        check_common(
            configuration.publish_cloud_watch_metrics_enabled,
            configuration.requester_pays_enabled,
            configuration.engine_version.as_ref(),
        )?;
        if let Some(result) = configuration.result_configuration {
            check_result(&call.caller, &result)?;
            group.output_location = result.output_location;
        }
        group.enforce = configuration.enforce_work_group_configuration.unwrap_or(true);
        group.bytes_scanned_cutoff = configuration.bytes_scanned_cutoff_per_query;
        if let Some(engine) = configuration.engine_version.and_then(|engine| engine.selected_engine_version) {
            group.engine = engine;
        }
    }
    store::insert_workgroup(&call.store, call.scope(), group).await?;
    Ok(CreateWorkGroupOutput {})
}

/// Removes a workgroup. Its queries keep their history.
///
/// Errors: InvalidRequestException (there is none; it is the primary one; it has queries and RecursiveDeleteOption is not set).
/// Source: AWS Athena API reference, DeleteWorkGroup.
pub async fn delete_work_group(
    call: Call<Athena>,
    input: DeleteWorkGroupInput,
) -> Result<DeleteWorkGroupOutput, AthenaError> {
    if input.work_group == PRIMARY {
        return Err(AthenaError::invalid("WorkGroup primary cannot be deleted"));
    }
    let recursive = input.recursive_delete_option.unwrap_or(false);
    store::remove_workgroup(&call.store, call.scope(), &input.work_group, recursive).await?;
    Ok(DeleteWorkGroupOutput {})
}

fn engine_version(group: &WorkGroup) -> EngineVersion {
    EngineVersion {
        selected_engine_version: Some(group.engine.clone()),
        effective_engine_version: Some(ENGINE_VERSION.to_owned()),
    }
}

fn state(group: &WorkGroup) -> WorkGroupState {
    if group.enabled { WorkGroupState::Enabled } else { WorkGroupState::Disabled }
}

/// Tells a workgroup's state and configuration.
///
/// Errors: InvalidRequestException (there is none). Source: AWS Athena API reference, GetWorkGroup.
pub async fn get_work_group(
    call: Call<Athena>,
    input: GetWorkGroupInput,
) -> Result<GetWorkGroupOutput, AthenaError> {
    let found = store::workgroup(&call.store.read()?, call.scope(), &input.work_group)?;
    let group = found.ok_or(AthenaError::WorkGroupNotFound(input.work_group))?;
    let configuration = WorkGroupConfiguration {
        result_configuration: Some(ResultConfiguration {
            output_location: group.output_location.clone(),
            ..ResultConfiguration::default()
        }),
        enforce_work_group_configuration: Some(group.enforce),
        publish_cloud_watch_metrics_enabled: Some(false),
        bytes_scanned_cutoff_per_query: group.bytes_scanned_cutoff,
        requester_pays_enabled: Some(false),
        engine_version: Some(engine_version(&group)),
    };
    Ok(GetWorkGroupOutput {
        work_group: Some(crate::api::WorkGroup {
            state: Some(state(&group)),
            configuration: Some(configuration),
            description: group.description.clone(),
            creation_time: Some(group.created),
            name: group.name,
        }),
    })
}

/// Lists workgroups by name. Source: AWS Athena API reference, ListWorkGroups.
pub async fn list_work_groups(
    call: Call<Athena>,
    input: ListWorkGroupsInput,
) -> Result<ListWorkGroupsOutput, AthenaError> {
    let question = format!("{} workgroups", call.scope().account);
    let after: Option<String> = page_after(input.next_token.as_deref(), &question)?;
    let size = page_size(input.max_results, PAGE);
    let all = store::workgroups(&call.store.read()?, call.scope())?;
    let rest: Vec<_> =
        all.into_iter().filter(|group| after.as_ref().is_none_or(|after| group.name > *after)).collect();
    let more = rest.len() > size;
    let page = rest.into_iter().take(size);
    let groups: Vec<WorkGroupSummary> = page
        .map(|group| WorkGroupSummary {
            state: Some(state(&group)),
            description: group.description.clone(),
            creation_time: Some(group.created),
            engine_version: Some(engine_version(&group)),
            identity_center_application_arn: None,
            name: Some(group.name),
        })
        .collect();
    let last = groups.last().and_then(|group| group.name.clone());
    let next_token = last.filter(|_| more).map(|last| PageToken::encode(&last, &question));
    Ok(ListWorkGroupsOutput { work_groups: Some(groups), next_token })
}

/// Changes a workgroup; what is not given stays.
///
/// Errors: InvalidRequestException (there is none; the update asks for what Millpond does not do).
/// Source: AWS Athena API reference, UpdateWorkGroup.
pub async fn update_work_group(
    call: Call<Athena>,
    input: UpdateWorkGroupInput,
) -> Result<UpdateWorkGroupOutput, AthenaError> {
    let UpdateWorkGroupInput { work_group, description, configuration_updates, state } = input;
    let updates = configuration_updates.unwrap_or_default();
    check_common(
        updates.publish_cloud_watch_metrics_enabled,
        updates.requester_pays_enabled,
        updates.engine_version.as_ref(),
    )?;
    let results = updates.result_configuration_updates.unwrap_or_default();
    check_location(results.output_location.as_deref())?;
    check_owner(&call.caller, results.expected_bucket_owner.as_deref())?;
    check_encryption(results.encryption_configuration.as_ref())?;
    store::update_workgroup(&call.store, call.scope(), &work_group, move |group| {
        if let Some(description) = description {
            group.description = Some(description);
        }
        if let Some(state) = state {
            group.enabled = state == WorkGroupState::Enabled;
        }
        if let Some(enforce) = updates.enforce_work_group_configuration {
            group.enforce = enforce;
        }
        if updates.remove_bytes_scanned_cutoff_per_query == Some(true) {
            group.bytes_scanned_cutoff = None;
        } else if let Some(cutoff) = updates.bytes_scanned_cutoff_per_query {
            group.bytes_scanned_cutoff = Some(cutoff);
        }
        if results.remove_output_location == Some(true) {
            group.output_location = None;
        } else if let Some(location) = results.output_location {
            group.output_location = Some(location);
        }
        if let Some(engine) = updates.engine_version.and_then(|engine| engine.selected_engine_version) {
            group.engine = engine;
        }
        Ok(())
    })
    .await?;
    Ok(UpdateWorkGroupOutput {})
}
