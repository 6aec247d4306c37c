//! LookupEvents: the account's management events of the last 90 days, in its region.

use millpond_core::PageToken;
use millpond_core::Timestamp;
use millpond_gateway::Call;

use crate::CloudTrail;
use crate::api::{self, LookupAttributeKey};
use crate::error::CloudTrailError;
use crate::record::EventRecord;
use crate::store::{self, Attribute, Wanted};

const PAGE: i32 = 50;

/// Management events, the newest first; by one attribute at most, as on AWS.
///
/// Errors: InvalidLookupAttributesException (more than one), InvalidTimeRangeException, InvalidNextTokenException,
/// InvalidEventCategoryException (Insights).
/// Source: AWS CloudTrail API reference, LookupEvents.
/// `Differs from AWS:` an event is found a second after its call, and a resource by its ARN also where its name is shorter.
pub async fn lookup_events(
    call: Call<CloudTrail>,
    input: api::LookupEventsInput,
) -> Result<api::LookupEventsOutput, CloudTrailError> {
    if input.event_category.is_some() {
        return Err(CloudTrailError::InvalidEventCategory);
    }
    let attributes = input.lookup_attributes.unwrap_or_default();
    if attributes.len() > 1 {
        return Err(CloudTrailError::InvalidLookupAttributes("You can specify only one lookup attribute."));
    }
    let (start, end) = (input.start_time, input.end_time);
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        return Err(CloudTrailError::InvalidTimeRange);
    }
    let attribute =
        attributes.first().map(|asked| (attribute(asked.attribute_key), asked.attribute_value.as_str()));
    let question = format!("{attribute:?} {start:?} {end:?} {:?}", call.scope());
    let before = match &input.next_token {
        Some(token) => Some(
            PageToken::decode::<(Timestamp, u64)>(token, &question)
                .map_err(|_| CloudTrailError::InvalidNextToken)?,
        ),
        None => None,
    };
    // What the caller did before this is to be found.
    call.queue().flush(call.store()).await?;
    let kept_since = call.clock().now().minus(call.kept_for());
    // The times of requests have seconds, those of events milliseconds.
    const WITHIN_SECOND: std::time::Duration = std::time::Duration::from_millis(999);
    let wanted = Wanted {
        scope: call.scope(),
        attribute,
        from: start.unwrap_or(kept_since).max(kept_since),
        to: end.map_or(call.clock().now(), |end| end.plus(WITHIN_SECOND)),
        before,
    };
    let limit = usize::try_from(input.max_results.unwrap_or(PAGE)).unwrap_or(0);
    let snapshot = call.store().read()?;
    let mut found = store::lookup(&snapshot, &wanted, limit + 1)?;
    let is_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().map(|(number, event)| (event.at, *number));
    let next_token = last.filter(|_| is_more).map(|last| PageToken::encode(&last, &question));
    let events = found.into_iter().map(|(_, event)| shown(event)).collect();
    Ok(api::LookupEventsOutput { events: Some(events), next_token })
}

fn attribute(key: LookupAttributeKey) -> Attribute {
    match key {
        LookupAttributeKey::EventId => Attribute::EventId,
        LookupAttributeKey::EventName => Attribute::EventName,
        LookupAttributeKey::ReadOnly => Attribute::ReadOnly,
        LookupAttributeKey::Username => Attribute::Username,
        LookupAttributeKey::ResourceType => Attribute::ResourceType,
        LookupAttributeKey::ResourceName => Attribute::ResourceName,
        LookupAttributeKey::EventSource => Attribute::EventSource,
        LookupAttributeKey::AccessKeyId => Attribute::AccessKeyId,
    }
}

fn shown(event: EventRecord) -> api::Event {
    let typed = event.resources.into_iter().filter(|resource| resource.kind.is_some());
    let resources = typed
        .map(|resource| api::Resource { resource_type: resource.kind, resource_name: Some(resource.name) });
    api::Event {
        event_id: Some(event.id.to_string()),
        event_name: Some(event.name),
        read_only: Some(event.read_only.to_string()),
        access_key_id: event.access_key,
        event_time: Some(event.at),
        event_source: Some(event.source),
        username: event.user,
        resources: Some(resources.collect()),
        cloud_trail_event: Some(event.text),
    }
}
