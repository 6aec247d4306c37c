//! Restores of archived objects.

use std::time::Duration;

use http::StatusCode;
use s3s::dto::*;

use super::Call;
use crate::class::{self, Restore, StorageClass};
use crate::error::S3Error;
use crate::events::EventName;
use crate::lifecycle::next_midnight;
use crate::store::ObjectRecord;

const DAY: Duration = Duration::from_secs(86_400);
/// The most days that fit AWS's type and a calendar.
const MOST_DAYS: u32 = 36_500;

/// Asks for a readable copy of an archived object: 202, and the copy is there when the tier's time is over. Of one that has
/// its copy, the days are counted anew: 200. One that is on its way can be made faster. What intelligent tiering archived moves
/// to its frequent tier, and takes no days.
///
/// Errors: InvalidObjectState (not archived), RestoreAlreadyInProgress, InvalidArgument (days; a tier that the class does
/// not have), MalformedXML, NotImplemented (a select).
/// Source: Amazon S3 API reference, RestoreObject.
pub(super) async fn restore_object(
    call: Call,
    input: RestoreObjectInput,
) -> Result<RestoreObjectOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let request = input.restore_request.ok_or(S3Error::MalformedXml)?;
    let selects = request.type_.is_some() || request.select_parameters.is_some();
    if selects || request.output_location.is_some() {
        return Err(S3Error::NotImplemented { what: "A restore of type SELECT".into() });
    }
    let invalid = |message: &str, name: &str, value: String| S3Error::invalid_argument(message, name, value);
    let positive = |days: i32| {
        u32::try_from(days).ok().filter(|days| (1..=MOST_DAYS).contains(days)).ok_or_else(|| {
            invalid("The days of a restore must be a positive integer", "Days", days.to_string())
        })
    };
    let days = request.days.map(positive).transpose()?;
    let asked = request.glacier_job_parameters.map(|parameters| parameters.tier).or(request.tier);
    let tier = match asked {
        None => class::Tier::Standard,
        Some(asked) => asked.as_str().parse().map_err(|_| S3Error::MalformedXml)?,
    };
    let now = call.s3.now();
    let decide = move |object: &ObjectRecord| decide(object, days, tier, now);
    let wanted = Call::wanted(input.version_id.as_ref())?;
    let (id, teller) = (call.s3.new_id(), call.teller(EventName::RestoreBegun));
    let begun = call.s3.metadata().restore_object(&bucket, &input.key, wanted, id, teller, decide).await?;
    call.s3.0.restores.wake();
    if begun {
        call.context.answer_with(StatusCode::ACCEPTED);
    }
    Ok(RestoreObjectOutput::default())
}

/// What a restore comes to: whether it began, what is recorded, and when it is looked at.
fn decide(
    object: &ObjectRecord,
    days: Option<u32>,
    tier: class::Tier,
    now: millpond_core::Timestamp,
) -> Result<(bool, Restore, millpond_core::Timestamp), S3Error> {
    let class: StorageClass = object.class;
    if !object.kept_as().is_archive() {
        let message = "Restore is not allowed for the object's current storage class";
        return Err(S3Error::InvalidObjectState { class, tier: None, message });
    }
    let days = match (object.tiering(), days) {
        // The object moves to the frequent tier, for good.
        (Some(_), None) => 0,
        (Some(_), Some(days)) => {
            return Err(S3Error::invalid_argument(
                "Days must not be specified for objects in the INTELLIGENT_TIERING storage class",
                "Days",
                days.to_string(),
            ));
        }
        (None, days) => days.ok_or(S3Error::MalformedXml)?,
    };
    let takes = tier.takes(object.kept_as()).ok_or_else(|| {
        S3Error::invalid_argument(
            "Retrieval option is not supported by this storage class",
            "Tier",
            tier.as_str(),
        )
    })?;
    let due = now.plus(takes);
    match object.restore {
        Some(restore) if restore.is_there(now) => {
            let expires = next_midnight(now.plus(DAY * days));
            Ok((false, Restore { days, expires: Some(expires), ..restore }, expires))
        }
        Some(restore) if restore.is_ongoing() && due < restore.due && tier < restore.tier => {
            Ok((true, Restore { due, tier, ..restore }, due))
        }
        Some(restore) if restore.is_ongoing() => Err(S3Error::RestoreAlreadyInProgress),
        Some(_) | None => Ok((true, Restore { due, days, tier, expires: None }, due)),
    }
}
