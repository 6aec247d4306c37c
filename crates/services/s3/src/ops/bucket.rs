//! Buckets: create, head, list, delete, location.

use millpond_core::{PageToken, Region};
use millpond_gateway::Caller;
use millpond_store::{Reads as _, Span};
use s3s::dto::*;

use super::Call;
use super::convert::{owner, timestamp};
use crate::acl::{Acl, Of, canonical_id};
use crate::error::S3Error;
use crate::express::is_directory;
use crate::lock::BucketLock;
use crate::ownership::Ownership;
use crate::service::MAX_PAGE;
use crate::store::{ACCOUNT_BUCKETS, BUCKETS};

/// Makes a bucket in the region of its location constraint, or in that of the request.
///
/// Errors: BucketAlreadyExists, BucketAlreadyOwnedByYou (not in us-east-1, where making it again is no error),
/// IllegalLocationConstraintException, InvalidLocationConstraint, InvalidBucketName, TooManyBuckets,
/// InvalidBucketAclWithObjectOwnership, InvalidBucketAclWithBlockPublicAccessError.
/// Source: Amazon S3 API reference, CreateBucket.
pub(super) async fn create_bucket(
    call: Call,
    input: CreateBucketInput,
) -> Result<CreateBucketOutput, S3Error> {
    let caller = &call.context.caller;
    let configuration = input.create_bucket_configuration.unwrap_or_default();
    if configuration.bucket.is_some() || configuration.location.is_some() || is_directory(&input.bucket) {
        return super::directory::create(&call, &input.bucket, configuration).await;
    }
    let constraint = configuration.location_constraint.as_ref().map(BucketLocationConstraint::as_str);
    let region = location(&caller.scope.region, constraint)?;
    let (ownership, acl) = wanted_access(&call, caller)?;
    let lock = input.object_lock_enabled_for_bucket.unwrap_or(false).then(BucketLock::default);
    let again_is_fine = region == Region::us_east_1();
    match call.s3.make_bucket(caller, &input.bucket, region, (ownership, acl.as_ref()), lock).await? {
        Some(there) if there.account != caller.scope.account => {
            Err(S3Error::BucketAlreadyExists { bucket: input.bucket })
        }
        Some(there) if !(again_is_fine && there.region == Region::us_east_1()) => {
            Err(S3Error::BucketAlreadyOwnedByYou { bucket: input.bucket })
        }
        _ => Ok(CreateBucketOutput { location: Some(format!("/{}", input.bucket)) }),
    }
}

/// Who is to own what is put into the new bucket, and the list that it begins with. A list needs an owner of objects who may
/// be another than the bucket's; and what is public is blocked as long as nobody has unblocked it.
fn wanted_access(call: &Call, caller: &Caller) -> Result<(Ownership, Option<Acl>), S3Error> {
    let ownership = match call.context.header("x-amz-object-ownership") {
        None => Ownership::default(),
        Some(text) => Ownership::parse(text).ok_or_else(|| {
            S3Error::invalid_argument("Invalid x-amz-object-ownership header", "x-amz-object-ownership", text)
        })?,
    };
    let id = canonical_id(&caller.scope.account);
    let acl = Acl::of_headers(&call.context.headers, Of::Bucket, &id)?;
    let acl = acl.filter(|acl| !acl.is_full_control_of(&id));
    match &acl {
        Some(_) if ownership.is_enforced() => Err(super::ownership::acl_under_enforcement()),
        Some(acl) if acl.is_public() => Err(S3Error::InvalidBucketAcl {
            code: "InvalidBucketAclWithBlockPublicAccessError",
            message: "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
        }),
        _ => Ok((ownership, acl)),
    }
}

/// Where a bucket goes: us-east-1's endpoint makes buckets everywhere, every other one only in its own region.
fn location(endpoint: &Region, constraint: Option<&str>) -> Result<Region, S3Error> {
    let constraint =
        constraint.filter(|text| !text.is_empty()).map(|text| if text == "EU" { "eu-west-1" } else { text });
    let is_global = *endpoint == Region::us_east_1();
    match constraint {
        None if is_global => Ok(endpoint.clone()),
        None => Err(S3Error::IllegalLocationConstraint { location: "unspecified".into() }),
        Some(wanted) if wanted == endpoint.as_str() && !is_global => Ok(endpoint.clone()),
        Some(wanted) if !is_global => Err(S3Error::IllegalLocationConstraint { location: wanted.to_owned() }),
        Some(wanted) => {
            let invalid = || S3Error::InvalidLocationConstraint { location: wanted.to_owned() };
            let region: Region = wanted.parse().map_err(|_| invalid())?;
            if looks_like_a_region(wanted) && region != *endpoint { Ok(region) } else { Err(invalid()) }
        }
    }
}

/// `eu-central-1`, `us-gov-west-1`: an area, a direction, a number.
fn looks_like_a_region(text: &str) -> bool {
    const DIRECTIONS: [&str; 9] =
        ["north", "south", "east", "west", "central", "northeast", "northwest", "southeast", "southwest"];
    let parts: Vec<&str> = text.split('-').collect();
    match parts.as_slice() {
        [area, direction, number] | [area, _, direction, number] => {
            area.len() == 2 && DIRECTIONS.contains(direction) && number.parse::<u8>().is_ok()
        }
        _ => false,
    }
}

/// Source: Amazon S3 API reference, HeadBucket.
pub(super) async fn head_bucket(call: Call, input: HeadBucketInput) -> Result<HeadBucketOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let region = &bucket.record.region;
    let zone = bucket.record.directory.map(|directory| directory.zone_id(region));
    Ok(HeadBucketOutput {
        bucket_region: Some(region.to_string()),
        bucket_location_type: zone
            .as_ref()
            .map(|_| LocationType::from_static(LocationType::AVAILABILITY_ZONE)),
        access_point_alias: zone.as_ref().map(|_| false),
        bucket_location_name: zone,
    })
}

/// An empty constraint means us-east-1.
///
/// Source: Amazon S3 API reference, GetBucketLocation.
pub(super) async fn get_bucket_location(
    call: Call,
    input: GetBucketLocationInput,
) -> Result<GetBucketLocationOutput, S3Error> {
    let region = call.bucket(&input.bucket)?.record.region;
    let named = (region != Region::us_east_1()).then(|| BucketLocationConstraint::from(region.to_string()));
    Ok(GetBucketLocationOutput { location_constraint: named })
}

/// Removes an empty bucket. Uploads that are under way in it are aborted.
///
/// Errors: NoSuchBucket, BucketNotEmpty.
/// Source: Amazon S3 API reference, DeleteBucket.
pub(super) async fn delete_bucket(
    call: Call,
    input: DeleteBucketInput,
) -> Result<DeleteBucketOutput, S3Error> {
    call.s3.remove_bucket(&input.bucket).await?;
    Ok(DeleteBucketOutput::default())
}

/// The account's buckets, without directory buckets, in order of their names; pages when MaxBuckets asks for them.
///
/// Errors: InvalidArgument (a continuation token of another request).
/// Source: Amazon S3 API reference, ListBuckets.
pub(super) async fn list_buckets(call: Call, input: ListBucketsInput) -> Result<ListBucketsOutput, S3Error> {
    let account = &call.context.caller.scope.account;
    let prefix = input.prefix.clone().unwrap_or_default();
    let question = format!("{account} {prefix} {}", input.bucket_region.as_deref().unwrap_or_default());
    let limit = match input.max_buckets {
        None => 10 * MAX_PAGE,
        Some(most) => {
            usize::try_from(most).ok().filter(|most| (1..=10 * MAX_PAGE).contains(most)).ok_or_else(|| {
                S3Error::invalid_argument(
                    "Argument max-buckets must be an integer between 1 and 10000",
                    "max-buckets",
                    most.to_string(),
                )
            })?
        }
    };
    let snapshot = call.s3.metadata().read()?;
    let mut span = Span::starting_with(&(account,), &prefix);
    if let Some(token) = &input.continuation_token {
        let after: String = PageToken::decode(token, &question).map_err(|_| {
            S3Error::invalid_argument(
                "The continuation token provided is incorrect",
                "continuation-token",
                token,
            )
        })?;
        span = span.after(&(account, after));
    }
    let (mut buckets, mut next) = (Vec::new(), None);
    for entry in snapshot.scan(&ACCOUNT_BUCKETS, span) {
        let ((_, name), _) = entry?;
        let Some(record) = snapshot.get(&BUCKETS, &name)? else { continue };
        let elsewhere = input.bucket_region.as_deref().is_some_and(|wanted| wanted != record.region.as_str());
        if elsewhere || record.is_directory() {
            continue;
        }
        if buckets.len() == limit {
            next = buckets.last().and_then(|last: &Bucket| last.name.clone());
            break;
        }
        buckets.push(Bucket {
            name: Some(name),
            creation_date: Some(timestamp(record.created)),
            bucket_region: Some(record.region.to_string()),
        });
    }
    Ok(ListBucketsOutput {
        buckets: Some(buckets),
        continuation_token: next.map(|last| PageToken::encode(&last, &question)),
        owner: Some(owner(account)),
        prefix: input.prefix,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations() {
        let region = |text: &str| text.parse::<Region>().unwrap();
        for (endpoint, constraint, expected) in [
            ("us-east-1", None, Ok("us-east-1")),
            ("us-east-1", Some(""), Ok("us-east-1")),
            ("us-east-1", Some("eu-west-1"), Ok("eu-west-1")),
            ("us-east-1", Some("EU"), Ok("eu-west-1")),
            ("us-east-1", Some("us-gov-west-1"), Ok("us-gov-west-1")),
            ("us-east-1", Some("us-east-1"), Err("InvalidLocationConstraint")),
            ("us-east-1", Some("the-moon"), Err("InvalidLocationConstraint")),
            ("eu-west-1", None, Err("IllegalLocationConstraintException")),
            ("eu-west-1", Some("eu-west-1"), Ok("eu-west-1")),
            ("eu-west-1", Some("us-west-2"), Err("IllegalLocationConstraintException")),
        ] {
            let found = location(&region(endpoint), constraint);
            let found = found.as_ref().map(Region::as_str).map_err(S3Error::code);
            assert_eq!(found, expected, "{endpoint} {constraint:?}");
        }
    }
}
