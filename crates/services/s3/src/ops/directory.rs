//! Directory buckets: made, listed, and worked on in sessions.

use millpond_core::PageToken;
use millpond_store::{Reads as _, Span};
use s3s::dto::*;

use super::Call;
use super::convert::timestamp;
use crate::encryption::{BucketEncryption, Method, check_not_overridden};
use crate::error::S3Error;
use crate::express::{Directory, Grant, LIFETIME, Session, is_directory};
use crate::service::MAX_PAGE;
use crate::store::{ACCOUNT_BUCKETS, BUCKETS};

/// Makes a directory bucket in the zone that its name says.
///
/// Errors: InvalidBucketName, MalformedXML (nothing says what it is to be), InvalidRequest (a zone that is not there),
/// NotImplemented (local zones), BucketAlreadyExists, BucketAlreadyOwnedByYou, TooManyBuckets.
/// Source: Amazon S3 API reference, CreateBucket.
/// Differs from AWS: the zones are those that the pond's storage has, and the answer's location is a path.
pub(super) async fn create(
    call: &Call,
    name: &str,
    configuration: CreateBucketConfiguration,
) -> Result<CreateBucketOutput, S3Error> {
    let CreateBucketConfiguration { bucket, location, location_constraint, .. } = configuration;
    let caller = &call.context.caller;
    let directory = Directory::of_new_bucket(name, &caller.scope.region, call.s3.0.blobs.zone_count())?;
    let (Some(bucket), Some(location), None) = (bucket, location, location_constraint) else {
        return Err(S3Error::MalformedXml);
    };
    if bucket.type_.as_ref().map(BucketType::as_str) != Some(BucketType::DIRECTORY) {
        return Err(S3Error::MalformedXml);
    }
    let redundancy = bucket.data_redundancy.as_ref().map(DataRedundancy::as_str);
    match location.type_.as_ref().map(LocationType::as_str) {
        Some(LocationType::AVAILABILITY_ZONE) => {}
        Some(LocationType::LOCAL_ZONE) => {
            return Err(S3Error::NotImplemented { what: "A directory bucket in a Local Zone".into() });
        }
        _ => return Err(S3Error::MalformedXml),
    }
    if redundancy.is_some_and(|text| text != DataRedundancy::SINGLE_AVAILABILITY_ZONE) {
        return Err(S3Error::MalformedXml);
    }
    if location.name != Some(directory.zone_id(&caller.scope.region)) {
        return Err(S3Error::InvalidBucketName { bucket: name.to_owned() });
    }
    match call.s3.make_directory_bucket(caller, name, directory).await? {
        None => Ok(CreateBucketOutput { location: Some(format!("/{name}")) }),
        Some(there) if there.account == caller.scope.account => {
            Err(S3Error::BucketAlreadyOwnedByYou { bucket: name.to_owned() })
        }
        Some(_) => Err(S3Error::BucketAlreadyExists { bucket: name.to_owned() }),
    }
}

/// The directory buckets that the account has in this region, in order of their names.
///
/// Errors: InvalidArgument (a continuation token of another request, a number of buckets).
/// Source: Amazon S3 API reference, ListDirectoryBuckets.
pub(super) async fn list_directory_buckets(
    call: Call,
    input: ListDirectoryBucketsInput,
) -> Result<ListDirectoryBucketsOutput, S3Error> {
    let scope = &call.context.caller.scope;
    let (account, region) = (&scope.account, &scope.region);
    let question = format!("directories {account} {region}");
    let limit = match input.max_directory_buckets {
        None => MAX_PAGE,
        Some(most) => usize::try_from(most).ok().filter(|most| *most <= MAX_PAGE).ok_or_else(|| {
            S3Error::invalid_argument(
                "Argument max-directory-buckets must be an integer between 0 and 1000",
                "max-directory-buckets",
                most.to_string(),
            )
        })?,
    };
    let mut span = Span::prefix(&(account,));
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
    let snapshot = call.s3.metadata().read()?;
    let (mut buckets, mut next) = (Vec::new(), None);
    for entry in snapshot.scan(&ACCOUNT_BUCKETS, span) {
        let ((_, name), _) = entry?;
        let Some(record) = snapshot.get(&BUCKETS, &name)? else { continue };
        if !record.is_directory() || record.region != *region {
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
    Ok(ListDirectoryBucketsOutput {
        buckets: Some(buckets),
        continuation_token: next.map(|last| PageToken::encode(&last, &question)),
    })
}

/// Gives credentials for the bucket's objects, for five minutes.
///
/// Errors: NoSuchBucket, AccessDenied, InvalidArgument (the mode), InvalidRequest (an encryption that is not the bucket's).
/// Source: Amazon S3 API reference, CreateSession.
/// Differs from AWS: whoever may make a bucket gets a session before it is there; a session ends when the credentials do that
/// it was asked for with; an encryption can be repeated, and not chosen.
pub(super) async fn create_session(
    call: Call,
    input: CreateSessionInput,
) -> Result<CreateSessionOutput, S3Error> {
    let context = &call.context;
    let Grant { owner, mode } = call.s3.grant(context, &input.bucket)?;
    if !is_directory(&input.bucket) {
        return Err(S3Error::invalid_request("Only directory buckets have sessions."));
    }
    let default = match call.bucket(&input.bucket) {
        Ok(bucket) => call.s3.metadata().document::<BucketEncryption>(&bucket)?,
        Err(S3Error::NoSuchBucket { .. }) => {
            // One that cannot be made has no session.
            let region = &context.caller.scope.region;
            Directory::of_new_bucket(&input.bucket, region, call.s3.0.blobs.zone_count())?;
            None
        }
        Err(error) => return Err(error),
    };
    let default = default.as_deref();
    check_not_overridden(&context.headers, default)?;
    let holder = context.holder.clone().ok_or_else(S3Error::access_denied)?;
    let expires = call.s3.now().plus(LIFETIME);
    let session = Session { bucket: input.bucket, owner, mode, expires, holder };
    let issued = call.s3.sessions().issue(&context.caller.scope.account, session)?;
    let method = default.map_or(Method::Pond, |default| default.method);
    Ok(CreateSessionOutput {
        credentials: SessionCredentials {
            access_key_id: issued.access_key_id,
            expiration: timestamp(expires),
            secret_access_key: issued.secret.to_string(),
            session_token: issued.token,
        },
        bucket_key_enabled: default.and_then(|default| default.bucket_key.then_some(true)),
        server_side_encryption: Some(ServerSideEncryption::from_static(method.as_str())),
        ssekms_key_id: default.and_then(|default| default.key.clone()),
        ssekms_encryption_context: None,
    })
}
