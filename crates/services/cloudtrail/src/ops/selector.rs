//! Event selectors: which events a trail takes.

use millpond_core::Arn;
use millpond_gateway::{Call, Caller};
use millpond_store::Txn;

use super::trail::Named;
use crate::CloudTrail;
use crate::api;
use crate::error::CloudTrailError;
use crate::selector::{Advanced, Basic, DATA_TYPES, FieldSelector, OBJECTS, ReadWrite, Selectors, check};
use crate::trail::Trail;

pub fn asked(caller: &Caller, input: &api::GetEventSelectorsInput) -> Result<Arn, CloudTrailError> {
    Ok(Named::parse(&input.trail_name, &caller.scope)?.arn())
}

pub fn put(caller: &Caller, input: &api::PutEventSelectorsInput) -> Result<Arn, CloudTrailError> {
    Ok(Named::parse(&input.trail_name, &caller.scope)?.arn())
}

/// Errors: TrailNotFoundException, InvalidTrailNameException, CloudTrailARNInvalidException.
/// Source: AWS CloudTrail API reference, GetEventSelectors.
pub async fn get_event_selectors(
    call: Call<CloudTrail>,
    input: api::GetEventSelectorsInput,
) -> Result<api::GetEventSelectorsOutput, CloudTrailError> {
    let trail = Named::parse(&input.trail_name, call.scope())?.read(&call)?;
    let (event_selectors, advanced_event_selectors) = shown(&trail.selectors);
    let trail_arn = Some(trail.arn().to_string());
    Ok(api::GetEventSelectorsOutput { trail_arn, event_selectors, advanced_event_selectors })
}

/// Takes the place of all selectors that the trail had. Basic ones or advanced ones, not both.
///
/// Errors: InvalidEventSelectorsException, TrailNotFoundException, InvalidHomeRegionException.
/// Source: AWS CloudTrail API reference, PutEventSelectors.
/// `Differs from AWS:` data events are those of S3's objects and Kinesis' records; other types are refused.
pub async fn put_event_selectors(
    call: Call<CloudTrail>,
    input: api::PutEventSelectorsInput,
) -> Result<api::PutEventSelectorsOutput, CloudTrailError> {
    let named = Named::parse(&input.trail_name, call.scope())?.at_home(&call.caller)?;
    let selectors = match (input.event_selectors, input.advanced_event_selectors) {
        (Some(basic), None) => Selectors::Basic(basic.into_iter().map(read_basic).collect::<Result<_, _>>()?),
        (None, Some(advanced)) => {
            Selectors::Advanced(advanced.into_iter().map(read_advanced).collect::<Result<_, _>>()?)
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(CloudTrailError::selectors(
                "A request has either EventSelectors or AdvancedEventSelectors.",
            ));
        }
    };
    check(&selectors).map_err(CloudTrailError::InvalidEventSelectors)?;
    let put = move |_: &mut Txn<'_>, trail: &mut Trail| {
        trail.custom_selectors = selectors != Selectors::default();
        trail.selectors = selectors;
        Ok(())
    };
    let trail = named.change(&call, put).await?;
    let (event_selectors, advanced_event_selectors) = shown(&trail.selectors);
    let trail_arn = Some(trail.arn().to_string());
    Ok(api::PutEventSelectorsOutput { trail_arn, event_selectors, advanced_event_selectors })
}

fn read_basic(given: api::EventSelector) -> Result<Basic, CloudTrailError> {
    let mut objects = Vec::new();
    for resource in given.data_resources.unwrap_or_default() {
        let kind = resource.r#type.unwrap_or_default();
        if kind != OBJECTS {
            let known = DATA_TYPES.iter().any(|(known, _)| *known == kind);
            let why =
                if known { "is for advanced event selectors" } else { "has no data events in Millpond" };
            return Err(CloudTrailError::selectors(format!("The resource type {kind} {why}.")));
        }
        objects.extend(resource.values.unwrap_or_default());
    }
    let read_write = match given.read_write_type {
        Some(api::ReadWriteType::ReadOnly) => ReadWrite::ReadOnly,
        Some(api::ReadWriteType::WriteOnly) => ReadWrite::WriteOnly,
        Some(api::ReadWriteType::All) | None => ReadWrite::All,
    };
    Ok(Basic {
        read_write,
        management: given.include_management_events.unwrap_or(true),
        objects,
        excluded_sources: given.exclude_management_event_sources.unwrap_or_default(),
    })
}

fn read_advanced(given: api::AdvancedEventSelector) -> Result<Advanced, CloudTrailError> {
    let fields = given.field_selectors.into_iter().map(|selector| {
        let field = selector.field.parse().map_err(|_| {
            CloudTrailError::selectors(format!("Events cannot be selected by the field {}.", selector.field))
        })?;
        Ok(FieldSelector {
            field,
            equals: selector.equals.unwrap_or_default(),
            starts_with: selector.starts_with.unwrap_or_default(),
            ends_with: selector.ends_with.unwrap_or_default(),
            not_equals: selector.not_equals.unwrap_or_default(),
            not_starts_with: selector.not_starts_with.unwrap_or_default(),
            not_ends_with: selector.not_ends_with.unwrap_or_default(),
        })
    });
    Ok(Advanced { name: given.name, fields: fields.collect::<Result<_, CloudTrailError>>()? })
}

type Shown = (Option<Vec<api::EventSelector>>, Option<Vec<api::AdvancedEventSelector>>);

fn shown(selectors: &Selectors) -> Shown {
    match selectors {
        Selectors::Basic(selectors) => (Some(selectors.iter().map(show_basic).collect()), None),
        Selectors::Advanced(selectors) => (None, Some(selectors.iter().map(show_advanced).collect())),
    }
}

fn show_basic(selector: &Basic) -> api::EventSelector {
    let objects = (!selector.objects.is_empty()).then(|| api::DataResource {
        r#type: Some(OBJECTS.to_owned()),
        values: Some(selector.objects.clone()),
    });
    api::EventSelector {
        read_write_type: Some(match selector.read_write {
            ReadWrite::ReadOnly => api::ReadWriteType::ReadOnly,
            ReadWrite::WriteOnly => api::ReadWriteType::WriteOnly,
            ReadWrite::All => api::ReadWriteType::All,
        }),
        include_management_events: Some(selector.management),
        data_resources: Some(objects.into_iter().collect()),
        exclude_management_event_sources: Some(selector.excluded_sources.clone()),
    }
}

fn show_advanced(selector: &Advanced) -> api::AdvancedEventSelector {
    let filled = |list: &Vec<String>| Some(list.clone()).filter(|list| !list.is_empty());
    let fields = selector.fields.iter().map(|field| api::AdvancedFieldSelector {
        field: field.field.as_str().to_owned(),
        equals: filled(&field.equals),
        starts_with: filled(&field.starts_with),
        ends_with: filled(&field.ends_with),
        not_equals: filled(&field.not_equals),
        not_starts_with: filled(&field.not_starts_with),
        not_ends_with: filled(&field.not_ends_with),
    });
    api::AdvancedEventSelector { name: selector.name.clone(), field_selectors: fields.collect() }
}
