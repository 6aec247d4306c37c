//! Trails: made, changed, shown and deleted.

use std::collections::BTreeMap;

use millpond_core::{Arn, PageToken, Scope};
use millpond_gateway::{Call, Caller};
use millpond_s3::S3Error;
use millpond_store::Txn;
use uuid::Uuid;

use super::tag;
use crate::CloudTrail;
use crate::api;
use crate::delivery;
use crate::error::CloudTrailError;
use crate::selector::Selectors;
use crate::store;
use crate::trail::{Delivery, Logging, Trail, check_name};

/// AWS's quota.
pub const MAX_TRAILS: usize = 5;
const MAX_PREFIX: usize = 200;
const PAGE: usize = 100;

/// A trail as a request names it: by its name, which is one of the caller's region, or by its ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub scope: Scope,
    pub name: String,
}

impl Named {
    /// Errors: InvalidTrailNameException, CloudTrailARNInvalidException.
    pub fn parse(text: &str, own: &Scope) -> Result<Self, CloudTrailError> {
        if !text.starts_with("arn:") {
            check_name(text).map_err(CloudTrailError::InvalidTrailName)?;
            return Ok(Self { scope: own.clone(), name: text.to_owned() });
        }
        let invalid = || CloudTrailError::InvalidArn { arn: text.to_owned() };
        let arn: Arn = text.parse().map_err(|_| invalid())?;
        let name = arn.resource.strip_prefix("trail/").filter(|_| arn.service == "cloudtrail");
        let name = name.filter(|name| check_name(name).is_ok()).ok_or_else(invalid)?;
        let scope = Scope::new(
            arn.account.parse().map_err(|_| invalid())?,
            arn.region.parse().map_err(|_| invalid())?,
        );
        Ok(Self { scope, name: name.to_owned() })
    }

    pub fn arn(&self) -> Arn {
        self.scope.arn("cloudtrail", format!("trail/{}", self.name))
    }

    /// Errors: InvalidHomeRegionException: a trail is changed where it lives.
    pub fn at_home(self, caller: &Caller) -> Result<Self, CloudTrailError> {
        match self.scope.region == caller.scope.region {
            true => Ok(self),
            false => Err(CloudTrailError::NotAtHome { arn: self.arn().to_string(), home: self.scope.region }),
        }
    }

    /// Errors: TrailNotFoundException.
    pub fn read(&self, svc: &CloudTrail) -> Result<Trail, CloudTrailError> {
        let found = store::trail(&svc.store().read()?, &self.scope, &self.name)?;
        found.ok_or_else(|| self.not_found())
    }

    pub fn not_found(&self) -> CloudTrailError {
        CloudTrailError::TrailNotFound { arn: self.arn().to_string(), account: self.scope.account.clone() }
    }

    /// Reads, changes and writes the trail in one transaction; from then on events are watched for as it says.
    ///
    /// Errors: TrailNotFoundException, and those of `change`.
    pub async fn change<F>(self, svc: &CloudTrail, change: F) -> Result<Trail, CloudTrailError>
    where
        F: FnOnce(&mut Txn<'_>, &mut Trail) -> Result<(), CloudTrailError> + Send + 'static,
    {
        let write = move |txn: &mut Txn<'_>| {
            let mut trail = store::trail(txn, &self.scope, &self.name)?.ok_or_else(|| self.not_found())?;
            change(txn, &mut trail)?;
            store::put_trail(txn, &trail)?;
            Ok::<_, CloudTrailError>(trail)
        };
        let trail = svc.store().write(write).await?;
        svc.interest().refresh(svc.store())?;
        Ok(trail)
    }
}

/// The trail that an operation names by `Name`, for the policy.
macro_rules! trail_of {
    ($function:ident, $input:ty, $member:ident) => {
        pub fn $function(caller: &Caller, input: &$input) -> Result<Arn, CloudTrailError> {
            Ok(Named::parse(&input.$member, &caller.scope)?.arn())
        }
    };
}

trail_of!(created, api::CreateTrailInput, name);
trail_of!(updated, api::UpdateTrailInput, name);
trail_of!(deleted, api::DeleteTrailInput, name);
trail_of!(shown_one, api::GetTrailInput, name);

/// Records the trail; it logs from StartLogging on.
///
/// Errors: TrailAlreadyExistsException, MaximumNumberOfTrailsExceededException, S3BucketDoesNotExistException,
/// InsufficientS3BucketPolicyException, InvalidTrailNameException, InvalidS3PrefixException,
/// InvalidParameterCombinationException, UnsupportedOperationException, those of tags.
/// Source: AWS CloudTrail API reference, CreateTrail.
pub async fn create_trail(
    call: Call<CloudTrail>,
    input: api::CreateTrailInput,
) -> Result<api::CreateTrailOutput, CloudTrailError> {
    check_name(&input.name).map_err(CloudTrailError::InvalidTrailName)?;
    refuse(input.enable_log_file_validation, "EnableLogFileValidation")?;
    refuse(input.is_organization_trail, "IsOrganizationTrail")?;
    let mut tags = BTreeMap::new();
    tag::add(&mut tags, input.tags_list.unwrap_or_default())?;
    let trail = Trail {
        id: Uuid::new_v4(),
        scope: call.scope().clone(),
        name: input.name,
        bucket: input.s3_bucket_name,
        prefix: prefix(input.s3_key_prefix)?,
        global_events: input.include_global_service_events.unwrap_or(true),
        multi_region: input.is_multi_region_trail.unwrap_or(false),
        created: call.clock().now(),
        selectors: Selectors::default(),
        custom_selectors: false,
        tags,
        logging: Logging::default(),
        delivery: Delivery::default(),
    };
    call.caller.authorize_tags("cloudtrail:AddTags", &trail.arn(), &trail.tags)?;
    check_regions(&trail)?;
    check_bucket(&call, &trail)?;
    let new = trail.clone();
    let write = move |txn: &mut Txn<'_>| {
        if store::trail(txn, &new.scope, &new.name)?.is_some() {
            return Err(CloudTrailError::TrailExists { name: new.name, account: new.scope.account });
        }
        if store::trails_of(txn, &new.scope)?.len() >= MAX_TRAILS {
            return Err(CloudTrailError::TooManyTrails { scope: new.scope, limit: MAX_TRAILS });
        }
        Ok(store::put_trail(txn, &new)?)
    };
    call.store().write(write).await?;
    Ok(api::CreateTrailOutput {
        trail_arn: Some(trail.arn().to_string()),
        name: Some(trail.name),
        s3_bucket_name: Some(trail.bucket),
        s3_key_prefix: trail.prefix,
        include_global_service_events: Some(trail.global_events),
        is_multi_region_trail: Some(trail.multi_region),
        log_file_validation_enabled: Some(false),
        is_organization_trail: Some(false),
        ..api::CreateTrailOutput::default()
    })
}

/// Sending `false` is what everybody gets.
fn refuse(flag: Option<bool>, name: &'static str) -> Result<(), CloudTrailError> {
    match flag {
        Some(true) => Err(CloudTrailError::Unsupported(name)),
        Some(false) | None => Ok(()),
    }
}

/// Errors: InvalidS3PrefixException.
fn prefix(given: Option<String>) -> Result<Option<String>, CloudTrailError> {
    let Some(prefix) = given.filter(|prefix| !prefix.is_empty()) else { return Ok(None) };
    let trimmed = prefix.trim_end_matches('/');
    if prefix.len() > MAX_PREFIX || trimmed.is_empty() || prefix.starts_with('/') {
        return Err(CloudTrailError::InvalidPrefix { prefix });
    }
    Ok(Some(trimmed.to_owned()))
}

fn check_regions(trail: &Trail) -> Result<(), CloudTrailError> {
    if trail.multi_region && !trail.global_events {
        return Err(CloudTrailError::InvalidParameterCombination(
            "Multi-Region trail must include global service events.",
        ));
    }
    Ok(())
}

/// The bucket's policy must let CloudTrail read the bucket's list and put files, for this trail.
fn check_bucket(call: &Call<CloudTrail>, trail: &Trail) -> Result<(), CloudTrailError> {
    let key = format!("{}/", trail.folder());
    let bucket = trail.bucket.clone();
    match call.s3().check_delivery(&delivery::caller(call, trail), &bucket, &key) {
        Ok(()) => Ok(()),
        Err(S3Error::NoSuchBucket { .. }) => Err(CloudTrailError::NoBucket { bucket }),
        Err(S3Error::AccessDenied { .. }) => Err(CloudTrailError::InsufficientBucketPolicy { bucket }),
        Err(other) => Err(CloudTrailError::S3(Box::new(other))),
    }
}

/// Removes the trail; its log files stay.
///
/// Errors: TrailNotFoundException, InvalidHomeRegionException, InvalidTrailNameException.
/// Source: AWS CloudTrail API reference, DeleteTrail.
pub async fn delete_trail(
    call: Call<CloudTrail>,
    input: api::DeleteTrailInput,
) -> Result<api::DeleteTrailOutput, CloudTrailError> {
    let named = Named::parse(&input.name, call.scope())?.at_home(&call.caller)?;
    let write = move |txn: &mut Txn<'_>| match store::delete_trail(txn, &named.scope, &named.name)? {
        true => Ok(()),
        false => Err(named.not_found()),
    };
    call.store().write(write).await?;
    call.interest().refresh(call.store())?;
    Ok(api::DeleteTrailOutput {})
}

/// The trails of the region, and those of others that log here; or those that are named, as far as they are there.
///
/// Errors: InvalidTrailNameException, CloudTrailARNInvalidException.
/// Source: AWS CloudTrail API reference, DescribeTrails.
pub async fn describe_trails(
    call: Call<CloudTrail>,
    input: api::DescribeTrailsInput,
) -> Result<api::DescribeTrailsOutput, CloudTrailError> {
    let shadows = input.include_shadow_trails.unwrap_or(true);
    let snapshot = call.store().read()?;
    let wanted = input.trail_name_list.unwrap_or_default();
    let wanted: Vec<_> =
        wanted.iter().map(|text| Named::parse(text, call.scope())).collect::<Result<_, _>>()?;
    let mut found = Vec::new();
    for trail in store::trails_of_account(&snapshot, &call.scope().account)? {
        let is_home = trail.scope.region == call.scope().region;
        let is_named = wanted.is_empty() || wanted.iter().any(|named| named.arn() == trail.arn());
        if is_named && (is_home || (shadows && trail.multi_region)) {
            found.push(shown(trail));
        }
    }
    Ok(api::DescribeTrailsOutput { trail_list: Some(found) })
}

/// Errors: TrailNotFoundException, InvalidTrailNameException, CloudTrailARNInvalidException.
/// Source: AWS CloudTrail API reference, GetTrail.
pub async fn get_trail(
    call: Call<CloudTrail>,
    input: api::GetTrailInput,
) -> Result<api::GetTrailOutput, CloudTrailError> {
    let trail = Named::parse(&input.name, call.scope())?.read(&call)?;
    Ok(api::GetTrailOutput { trail: Some(shown(trail)) })
}

fn shown(trail: Trail) -> api::Trail {
    api::Trail {
        trail_arn: Some(trail.arn().to_string()),
        name: Some(trail.name),
        s3_bucket_name: Some(trail.bucket),
        s3_key_prefix: trail.prefix,
        include_global_service_events: Some(trail.global_events),
        is_multi_region_trail: Some(trail.multi_region),
        home_region: Some(trail.scope.region.to_string()),
        log_file_validation_enabled: Some(false),
        has_custom_event_selectors: Some(trail.custom_selectors),
        has_insight_selectors: Some(false),
        is_organization_trail: Some(false),
        ..api::Trail::default()
    }
}

/// The account's trails, of all regions.
///
/// Errors: InvalidTokenException.
/// Source: AWS CloudTrail API reference, ListTrails.
pub async fn list_trails(
    call: Call<CloudTrail>,
    input: api::ListTrailsInput,
) -> Result<api::ListTrailsOutput, CloudTrailError> {
    const QUESTION: &str = "trails";
    let skipped = match &input.next_token {
        Some(token) => {
            PageToken::decode::<usize>(token, QUESTION).map_err(|_| CloudTrailError::InvalidToken)?
        }
        None => 0,
    };
    let all = store::trails_of_account(&call.store().read()?, &call.scope().account)?;
    let next = skipped.saturating_add(PAGE);
    let next_token = (all.len() > next).then(|| PageToken::encode(&next, QUESTION));
    let trails = all.into_iter().skip(skipped).take(PAGE).map(|trail| api::TrailInfo {
        trail_arn: Some(trail.arn().to_string()),
        name: Some(trail.name),
        home_region: Some(trail.scope.region.to_string()),
    });
    Ok(api::ListTrailsOutput { trails: Some(trails.collect()), next_token })
}

/// Changes what is given, and leaves the rest.
///
/// Errors: TrailNotFoundException, InvalidHomeRegionException, and those of CreateTrail.
/// Source: AWS CloudTrail API reference, UpdateTrail.
pub async fn update_trail(
    call: Call<CloudTrail>,
    input: api::UpdateTrailInput,
) -> Result<api::UpdateTrailOutput, CloudTrailError> {
    refuse(input.enable_log_file_validation, "EnableLogFileValidation")?;
    refuse(input.is_organization_trail, "IsOrganizationTrail")?;
    let named = Named::parse(&input.name, call.scope())?.at_home(&call.caller)?;
    let mut wanted = named.read(&call)?;
    let (bucket, moves) = (input.s3_bucket_name, input.s3_key_prefix.is_some());
    wanted.bucket = bucket.unwrap_or(wanted.bucket);
    if moves {
        wanted.prefix = prefix(input.s3_key_prefix)?;
    }
    wanted.global_events = input.include_global_service_events.unwrap_or(wanted.global_events);
    wanted.multi_region = input.is_multi_region_trail.unwrap_or(wanted.multi_region);
    check_regions(&wanted)?;
    check_bucket(&call, &wanted)?;
    let change = move |_: &mut Txn<'_>, trail: &mut Trail| {
        trail.bucket = wanted.bucket;
        trail.prefix = wanted.prefix;
        (trail.global_events, trail.multi_region) = (wanted.global_events, wanted.multi_region);
        Ok(())
    };
    let trail = named.change(&call, change).await?;
    Ok(api::UpdateTrailOutput {
        trail_arn: Some(trail.arn().to_string()),
        name: Some(trail.name),
        s3_bucket_name: Some(trail.bucket),
        s3_key_prefix: trail.prefix,
        include_global_service_events: Some(trail.global_events),
        is_multi_region_trail: Some(trail.multi_region),
        log_file_validation_enabled: Some(false),
        is_organization_trail: Some(false),
        ..api::UpdateTrailOutput::default()
    })
}

#[cfg(test)]
mod tests {
    use millpond_core::Region;

    use super::*;

    #[test]
    fn trails_are_named_by_name_or_arn() {
        let own = Scope::new("000000000000".parse().unwrap(), Region::us_east_1());
        for (text, expected) in [
            ("all-events", Some("arn:aws:cloudtrail:us-east-1:000000000000:trail/all-events")),
            (
                "arn:aws:cloudtrail:eu-west-1:111122223333:trail/all",
                Some("arn:aws:cloudtrail:eu-west-1:111122223333:trail/all"),
            ),
            ("arn:aws:cloudtrail:eu-west-1:111122223333:eventdatastore/x", None),
            ("arn:aws:s3:::trail/all", None),
            ("arn:", None),
            ("a", None),
        ] {
            let named = Named::parse(text, &own).ok().map(|named| named.arn().to_string());
            assert_eq!(named.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn prefixes_are_kept_without_their_slash() {
        for (given, expected) in [
            (None, Ok(None)),
            (Some(""), Ok(None)),
            (Some("logs/a/"), Ok(Some("logs/a"))),
            (Some("/"), Err(())),
            (Some("/logs"), Err(())),
        ] {
            let kept = prefix(given.map(str::to_owned)).map_err(|_| ());
            assert_eq!(kept.as_ref().map(Option::as_deref), expected.as_ref().map(|kept| *kept), "{given:?}");
        }
        assert!(prefix(Some("x".repeat(201))).is_err());
    }
}
