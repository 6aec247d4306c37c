//! AWS CloudTrail: who asked what of which service, from where, and what came of it.
//!
//! - `ops`: one function an operation, by resource. `api`: the wire's shapes, generated.
//! - `recorder`: where the gateway's events arrive; `interest`: which data events any trail asks for. `keyuses`: what services did
//!   with keys, from KMS's own trail. `delivery`: log files.
//! - Pure: `record` (events as CloudTrail writes them), `identity`, `resource`, `trail`, `selector`.
//! - `store`: what is kept, and the transactions. `worker`: background passes.

pub mod api;
mod delivery;
pub mod error;
mod identity;
mod interest;
mod keyuses;
mod ops;
mod record;
mod recorder;
mod resource;
mod selector;
mod service;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod trail;
mod worker;

use millpond_core::ByteSize;
use millpond_gateway::{Action, Operations, ServiceInfo};

pub use error::CloudTrailError;
pub use service::{CloudTrail, Deps};
pub use settings::CloudTrailSettings;

use ops::{everything, logging, lookup, selector as selectors, tag, trail as trails};

/// The operations, each with the permission that it asks for and on what.
pub fn operations() -> Operations<CloudTrail> {
    let info = ServiceInfo {
        name: api::ENDPOINT_PREFIX,
        signing_name: api::SIGNING_NAME,
        protocol: api::PROTOCOL,
        validation_code: "ValidationException",
        largest_body: ByteSize::mib(1),
        known_operations: api::OPERATIONS,
    };
    Operations::new(info)
        .op("AddTags", Action("cloudtrail:AddTags"), tag::added, tag::add_tags)
        .op("CreateTrail", Action("cloudtrail:CreateTrail"), trails::created, trails::create_trail)
        .op("DeleteTrail", Action("cloudtrail:DeleteTrail"), trails::deleted, trails::delete_trail)
        .op("DescribeTrails", Action("cloudtrail:DescribeTrails"), everything, trails::describe_trails)
        .op(
            "GetEventSelectors",
            Action("cloudtrail:GetEventSelectors"),
            selectors::asked,
            selectors::get_event_selectors,
        )
        .op("GetTrail", Action("cloudtrail:GetTrail"), trails::shown_one, trails::get_trail)
        .op("GetTrailStatus", Action("cloudtrail:GetTrailStatus"), logging::asked, logging::get_trail_status)
        .op("ListTags", Action("cloudtrail:ListTags"), tag::listed, tag::list_tags)
        .op("ListTrails", Action("cloudtrail:ListTrails"), everything, trails::list_trails)
        .op("LookupEvents", Action("cloudtrail:LookupEvents"), everything, lookup::lookup_events)
        .op(
            "PutEventSelectors",
            Action("cloudtrail:PutEventSelectors"),
            selectors::put,
            selectors::put_event_selectors,
        )
        .op("RemoveTags", Action("cloudtrail:RemoveTags"), tag::removed, tag::remove_tags)
        .op("StartLogging", Action("cloudtrail:StartLogging"), logging::started, logging::start_logging)
        .op("StopLogging", Action("cloudtrail:StopLogging"), logging::stopped, logging::stop_logging)
        .op("UpdateTrail", Action("cloudtrail:UpdateTrail"), trails::updated, trails::update_trail)
}
