//! Whether a trail logs, and how its deliveries go.

use millpond_core::{Arn, Timestamp};
use millpond_gateway::{Call, Caller};
use millpond_store::Txn;

use super::trail::Named;
use crate::CloudTrail;
use crate::api;
use crate::error::CloudTrailError;
use crate::identity::iso;
use crate::store;
use crate::trail::Trail;

pub fn asked(caller: &Caller, input: &api::GetTrailStatusInput) -> Result<Arn, CloudTrailError> {
    Ok(Named::parse(&input.name, &caller.scope)?.arn())
}

pub fn started(caller: &Caller, input: &api::StartLoggingInput) -> Result<Arn, CloudTrailError> {
    Ok(Named::parse(&input.name, &caller.scope)?.arn())
}

pub fn stopped(caller: &Caller, input: &api::StopLoggingInput) -> Result<Arn, CloudTrailError> {
    Ok(Named::parse(&input.name, &caller.scope)?.arn())
}

/// Errors: TrailNotFoundException, InvalidTrailNameException, CloudTrailARNInvalidException.
/// Source: AWS CloudTrail API reference, GetTrailStatus.
pub async fn get_trail_status(
    call: Call<CloudTrail>,
    input: api::GetTrailStatusInput,
) -> Result<api::GetTrailStatusOutput, CloudTrailError> {
    let Trail { logging, delivery, .. } = Named::parse(&input.name, call.scope())?.read(&call)?;
    let text = |at: Option<Timestamp>| Some(at.map(iso).unwrap_or_default());
    Ok(api::GetTrailStatusOutput {
        is_logging: Some(logging.is_on()),
        latest_delivery_error: delivery.error.clone(),
        latest_delivery_time: delivery.succeeded,
        start_logging_time: logging.started,
        stop_logging_time: logging.stopped,
        latest_delivery_attempt_time: text(delivery.attempted),
        latest_delivery_attempt_succeeded: text(delivery.succeeded),
        latest_notification_attempt_time: Some(String::new()),
        latest_notification_attempt_succeeded: Some(String::new()),
        time_logging_started: text(logging.started),
        time_logging_stopped: text(logging.stopped),
        ..api::GetTrailStatusOutput::default()
    })
}

/// From now on events are delivered; no error when they are already.
///
/// Errors: TrailNotFoundException, InvalidHomeRegionException, InvalidTrailNameException.
/// Source: AWS CloudTrail API reference, StartLogging.
pub async fn start_logging(
    call: Call<CloudTrail>,
    input: api::StartLoggingInput,
) -> Result<api::StartLoggingOutput, CloudTrailError> {
    let named = Named::parse(&input.name, call.scope())?.at_home(&call.caller)?;
    // Reads from before are not among what is logged.
    call.queue().flush(call.store()).await?;
    let now = call.clock().now();
    let start = move |txn: &mut Txn<'_>, trail: &mut Trail| {
        trail.logging.start(store::next_number(txn)?, now);
        Ok(())
    };
    named.change(&call, start).await?;
    Ok(api::StartLoggingOutput {})
}

/// What was logged until now is still delivered; no error when nothing was.
///
/// Errors: TrailNotFoundException, InvalidHomeRegionException, InvalidTrailNameException.
/// Source: AWS CloudTrail API reference, StopLogging.
pub async fn stop_logging(
    call: Call<CloudTrail>,
    input: api::StopLoggingInput,
) -> Result<api::StopLoggingOutput, CloudTrailError> {
    let named = Named::parse(&input.name, call.scope())?.at_home(&call.caller)?;
    call.queue().flush(call.store()).await?;
    let now = call.clock().now();
    let stop = move |txn: &mut Txn<'_>, trail: &mut Trail| {
        trail.logging.stop(store::next_number(txn)?, now);
        Ok(())
    };
    named.change(&call, stop).await?;
    Ok(api::StopLoggingOutput {})
}
