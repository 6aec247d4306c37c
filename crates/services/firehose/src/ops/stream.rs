//! Delivery streams: create, delete, describe, list, and updates of the destination.

use millpond_core::{Arn, Scope};
use millpond_gateway::Call;
use uuid::Uuid;

use super::{destination, tag};
use crate::Firehose;
use crate::api::{self, DeliveryStreamType};
use crate::error::FirehoseError;
use crate::model::{DESTINATION_ID, Source, State, Stream};
use crate::plan::Plan;
use crate::store::apply_update;

const DEFAULT_PAGE: usize = 10;

/// Records the stream as CREATING; its delivery worker makes it ACTIVE and delivers from then on. A Kinesis stream is
/// read from the time of this call.
///
/// Errors: ResourceInUseException (the name is taken), LimitExceededException (the account's quota),
/// InvalidArgumentException (rules between members, what is not supported, a role that Firehose cannot take on or that may
/// not read the source or the table), AccessDeniedException (the caller may not pass a role).
/// Source: Amazon Data Firehose API reference, CreateDeliveryStream; developer guide, Controlling access.
pub async fn create_delivery_stream(
    call: Call<Firehose>,
    input: api::CreateDeliveryStreamInput,
) -> Result<api::CreateDeliveryStreamOutput, FirehoseError> {
    let (scope, now) = (call.scope().clone(), call.clock().now());
    let source = source(&input, &scope, now)?;
    let destination = destination::configured(
        input.s3_destination_configuration,
        input.extended_s3_destination_configuration,
        &scope,
    )?;
    Plan::new(&destination)?;
    let mut tags = std::collections::BTreeMap::new();
    tag::add(&mut tags, input.tags.unwrap_or_default())?;
    let stream = Stream {
        id: Uuid::new_v4(),
        scope,
        name: input.delivery_stream_name,
        state: State::Creating,
        version: 1,
        created: now,
        updated: None,
        source,
        destination,
        tags,
    };
    call.caller.authorize_tags("firehose:TagDeliveryStream", &stream.arn(), &stream.tags)?;
    call.svc.pass_all(&call.caller, &stream)?;
    call.svc.store().insert(stream.clone()).await?;
    let arn = stream.arn().to_string();
    call.svc.start(stream);
    Ok(api::CreateDeliveryStreamOutput { delivery_stream_arn: Some(arn) })
}

fn source(
    input: &api::CreateDeliveryStreamInput,
    scope: &Scope,
    now: millpond_core::Timestamp,
) -> Result<Source, FirehoseError> {
    let invalid = |message: &str| Err(FirehoseError::InvalidArgument(message.to_owned()));
    let kind = input.delivery_stream_type.unwrap_or(DeliveryStreamType::DirectPut);
    match (kind, &input.kinesis_stream_source_configuration) {
        (DeliveryStreamType::DirectPut, None) => Ok(Source::DirectPut),
        (DeliveryStreamType::DirectPut, Some(_)) => invalid(
            "KinesisStreamSourceConfiguration is only applicable to KinesisStreamAsSource delivery stream type.",
        ),
        (DeliveryStreamType::KinesisStreamAsSource, None) => invalid(
            "KinesisStreamSourceConfiguration is required for KinesisStreamAsSource delivery stream type.",
        ),
        (DeliveryStreamType::KinesisStreamAsSource, Some(given)) => {
            let stream: Option<Arn> = given.kinesis_stream_arn.parse().ok();
            let own =
                |arn: &Arn| arn.account == scope.account.as_str() && arn.region == scope.region.as_str();
            match stream.filter(own) {
                Some(stream) => Ok(Source::Kinesis { stream, role: given.role_arn.clone(), since: now }),
                None => invalid("KinesisStreamARN must name a stream of this account and region."),
            }
        }
        (DeliveryStreamType::MskAsSource | DeliveryStreamType::DatabaseAsSource, _) => {
            invalid(&format!("DeliveryStreamType {} is not supported by Millpond.", kind.as_str()))
        }
    }
}

/// Marks the stream as DELETING; its worker delivers what is buffered and then removes it.
///
/// Errors: ResourceNotFoundException, ResourceInUseException (it is being created).
/// Source: Amazon Data Firehose API reference, DeleteDeliveryStream.
/// `Differs from AWS:` AllowForceDelete changes nothing, since no key could be unavailable.
pub async fn delete_delivery_stream(
    call: Call<Firehose>,
    input: api::DeleteDeliveryStreamInput,
) -> Result<api::DeleteDeliveryStreamOutput, FirehoseError> {
    let mark = |stream: &mut Stream| match stream.state {
        State::Creating => {
            Err(FirehoseError::NotActive { name: stream.name.clone(), state: stream.state.as_str() })
        }
        State::Active | State::Deleting => {
            stream.state = State::Deleting;
            Ok(())
        }
    };
    let stream = call.svc.store().change(call.scope(), &input.delivery_stream_name, mark).await?;
    call.svc.finish(stream.id);
    Ok(api::DeleteDeliveryStreamOutput {})
}

/// Errors: ResourceNotFoundException.
/// Source: Amazon Data Firehose API reference, DescribeDeliveryStream.
/// `Differs from AWS:` FailureDescription also says why the last delivery failed, until one succeeds.
pub async fn describe_delivery_stream(
    call: Call<Firehose>,
    input: api::DescribeDeliveryStreamInput,
) -> Result<api::DescribeDeliveryStreamOutput, FirehoseError> {
    let stream = call.svc.store().get(call.scope(), &input.delivery_stream_name)?;
    // A stream has one destination, so that after it there is none.
    let after = input.exclusive_start_destination_id.as_deref().unwrap_or("");
    let destinations = if after < DESTINATION_ID {
        vec![destination::described(&stream.destination, &stream.scope)]
    } else {
        vec![]
    };
    Ok(api::DescribeDeliveryStreamOutput {
        delivery_stream_description: api::DeliveryStreamDescription {
            delivery_stream_arn: stream.arn().to_string(),
            delivery_stream_status: match stream.state {
                State::Creating => api::DeliveryStreamStatus::Creating,
                State::Active => api::DeliveryStreamStatus::Active,
                State::Deleting => api::DeliveryStreamStatus::Deleting,
            },
            failure_description: call.svc.trouble(stream.id).map(|details| api::FailureDescription {
                r#type: api::DeliveryStreamFailureType::UnknownError,
                details,
            }),
            delivery_stream_type: kind(&stream.source),
            version_id: stream.version.to_string(),
            create_timestamp: Some(stream.created),
            last_update_timestamp: stream.updated,
            source: match &stream.source {
                Source::DirectPut => None,
                Source::Kinesis { stream, role, since } => Some(api::SourceDescription {
                    kinesis_stream_source_description: Some(api::KinesisStreamSourceDescription {
                        kinesis_stream_arn: Some(stream.to_string()),
                        role_arn: Some(role.clone()),
                        delivery_start_timestamp: Some(*since),
                    }),
                }),
            },
            destinations,
            has_more_destinations: false,
            delivery_stream_name: stream.name,
        },
    })
}

fn kind(source: &Source) -> DeliveryStreamType {
    match source {
        Source::DirectPut => DeliveryStreamType::DirectPut,
        Source::Kinesis { .. } => DeliveryStreamType::KinesisStreamAsSource,
    }
}

/// The names of the caller's delivery streams, in order.
///
/// Source: Amazon Data Firehose API reference, ListDeliveryStreams.
pub async fn list_delivery_streams(
    call: Call<Firehose>,
    input: api::ListDeliveryStreamsInput,
) -> Result<api::ListDeliveryStreamsOutput, FirehoseError> {
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DEFAULT_PAGE);
    let wanted =
        |stream: &Stream| input.delivery_stream_type.is_none_or(|wanted| kind(&stream.source) == wanted);
    let after = input.exclusive_start_delivery_stream_name.as_deref();
    let mut names = call.svc.store().list(call.scope(), after, limit, wanted)?;
    let has_more_delivery_streams = names.len() > limit;
    names.truncate(limit);
    Ok(api::ListDeliveryStreamsOutput { delivery_stream_names: names, has_more_delivery_streams })
}

/// Changes the destination. What is buffered is delivered to the old one first, or to the new one if that fails.
///
/// Errors: ResourceNotFoundException, ResourceInUseException (not ACTIVE), ConcurrentModificationException (another
/// version), InvalidArgumentException, AccessDeniedException (the caller may not pass a role).
/// Source: Amazon Data Firehose API reference, UpdateDestination.
pub async fn update_destination(
    call: Call<Firehose>,
    input: api::UpdateDestinationInput,
) -> Result<api::UpdateDestinationOutput, FirehoseError> {
    if input.destination_id != DESTINATION_ID {
        let message = format!("Destination Id {} not found", input.destination_id);
        return Err(FirehoseError::InvalidArgument(message));
    }
    let before = call.svc.store().get(call.scope(), &input.delivery_stream_name)?;
    let given = destination::given(&input.s3_destination_update, &input.extended_s3_destination_update);
    let after = destination::updated(
        &before.destination,
        input.s3_destination_update,
        input.extended_s3_destination_update,
        call.scope(),
    )?;
    Plan::new(&after)?;
    if given.role {
        call.svc.pass(&call.caller, &before.name, &after.role)?;
    }
    if given.conversion {
        call.svc.pass_schema(&call.caller, &before.name, &after)?;
    }
    let (version, now) = (input.current_delivery_stream_version_id, call.clock().now());
    // A change between the reading above and this transaction shows in the version, which is then another one.
    let based_on = before.version;
    let update = move |stream: &mut Stream| {
        if stream.version != based_on {
            let (name, current) = (stream.name.clone(), stream.version);
            return Err(FirehoseError::VersionMismatch { name, current, given: version });
        }
        apply_update(stream, &version, after, now)
    };
    let stream = call.svc.store().change(call.scope(), &input.delivery_stream_name, update).await?;
    call.svc.wake(stream.id);
    Ok(api::UpdateDestinationOutput {})
}
