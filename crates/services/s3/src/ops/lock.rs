//! Object lock: a bucket's configuration, the retention and the legal hold of a version.

use millpond_core::Timestamp;
use s3s::dto::*;

use super::Call;
use super::convert::{from_timestamp, timestamp};
use crate::access::authorize;
use crate::error::S3Error;
use crate::events::Teller;
use crate::lock::{self, BucketLock, Lock, Mode, Period, Retention};
use crate::store::{Bucket, ContentRecord};
use crate::version::Versioning;

/// The lock that the headers of a new object ask for. As on AWS, a body that gets one must come with its digest.
///
/// Errors: InvalidArgument, InvalidRequest (the bucket locks nothing; no digest).
pub(super) fn of_headers(
    call: &Call,
    bucket: &Bucket,
    mode: Option<&ObjectLockMode>,
    until: Option<&ObjectLockRetainUntilDate>,
    hold: Option<&ObjectLockLegalHoldStatus>,
) -> Result<Lock, S3Error> {
    let mode = mode.map(|text| {
        Mode::parse(text.as_str()).ok_or_else(|| {
            S3Error::invalid_argument("Unknown wormMode directive.", "x-amz-object-lock-mode", text.as_str())
        })
    });
    let retention = match (mode.transpose()?, until.and_then(from_timestamp)) {
        (Some(mode), Some(until)) => {
            lock::check_future(until, call.s3.now(), "x-amz-object-lock-retain-until-date")?;
            Some(Retention { mode, until })
        }
        (None, None) => None,
        _ => {
            return Err(S3Error::invalid_argument(
                "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
                "x-amz-object-lock-mode",
                "",
            ));
        }
    };
    let legal_hold = hold.map(|hold| legal_hold(hold.as_str())).transpose()?;
    let asked = Lock { retention, legal_hold };
    lock::of_new(bucket.record.lock, asked, Timestamp::EPOCH)?;
    Ok(asked)
}

/// Errors: InvalidRequest.
pub(super) fn check_digest(call: &Call, bucket: &Bucket, asked: &Lock) -> Result<(), S3Error> {
    let locks = !asked.is_none() || bucket.record.lock.is_some_and(|lock| lock.default.is_some());
    let is_digest = |name: &str| name == "content-md5" || name.starts_with("x-amz-checksum-");
    let headers = &call.context.headers;
    let has_digest =
        headers.keys().any(|name| is_digest(name.as_str())) || headers.contains_key("x-amz-trailer");
    if locks && !has_digest {
        return Err(S3Error::invalid_request(
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters",
        ));
    }
    Ok(())
}

fn legal_hold(text: &str) -> Result<bool, S3Error> {
    match text {
        ObjectLockLegalHoldStatus::ON => Ok(true),
        ObjectLockLegalHoldStatus::OFF => Ok(false),
        other => Err(S3Error::invalid_argument(
            "Legal Hold must be either of 'ON' or 'OFF'",
            "x-amz-object-lock-legal-hold",
            other,
        )),
    }
}

/// Whether the caller asks to bypass governance mode, and may.
pub(super) fn bypasses(call: &Call, bucket: &str, key: &str) -> bool {
    let asked = call.context.header("x-amz-bypass-governance-retention");
    asked.is_some_and(|text| text.eq_ignore_ascii_case("true"))
        && authorize(&call.s3, &call.context.caller, "s3:BypassGovernanceRetention", bucket, Some(key))
            .is_ok()
}

/// What a reader is shown of a lock: what it may read.
pub(super) struct Shown {
    pub(super) retention: Option<Retention>,
    pub(super) legal_hold: Option<ObjectLockLegalHoldStatus>,
}

pub(super) fn shown(call: &Call, bucket: &str, key: &str, lock: &Lock) -> Shown {
    let may = |action: &str| authorize(&call.s3, &call.context.caller, action, bucket, Some(key)).is_ok();
    Shown {
        retention: lock.retention.filter(|_| may("s3:GetObjectRetention")),
        legal_hold: lock.legal_hold.filter(|_| may("s3:GetObjectLegalHold")).map(status),
    }
}

fn status(hold: bool) -> ObjectLockLegalHoldStatus {
    let text = if hold { ObjectLockLegalHoldStatus::ON } else { ObjectLockLegalHoldStatus::OFF };
    ObjectLockLegalHoldStatus::from_static(text)
}

/// Source: Amazon S3 API reference, GetObjectLockConfiguration. Errors: ObjectLockConfigurationNotFoundError.
pub(super) async fn get_object_lock_configuration(
    call: Call,
    input: GetObjectLockConfigurationInput,
) -> Result<GetObjectLockConfigurationOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let Some(lock) = bucket.record.lock else {
        return Err(S3Error::NoSuchConfiguration {
            code: "ObjectLockConfigurationNotFoundError",
            message: "Object Lock configuration does not exist for this bucket",
            bucket: bucket.name,
        });
    };
    let rule = lock.default.map(|default| {
        let number = |n: u32| i32::try_from(n).ok();
        let (days, years) = match default.period {
            Period::Days(days) => (number(days), None),
            Period::Years(years) => (None, number(years)),
        };
        let mode = Some(ObjectLockRetentionMode::from_static(default.mode.as_str()));
        ObjectLockRule { default_retention: Some(DefaultRetention { days, mode, years }) }
    });
    let object_lock_enabled = Some(ObjectLockEnabled::from_static(ObjectLockEnabled::ENABLED));
    Ok(GetObjectLockConfigurationOutput {
        object_lock_configuration: Some(ObjectLockConfiguration { object_lock_enabled, rule }),
    })
}

/// Lets the objects of a bucket with versions be locked, from now on for ever, and says how new ones are.
///
/// Errors: MalformedXML, InvalidArgument (the period), InvalidBucketState (no versions).
/// Source: Amazon S3 API reference, PutObjectLockConfiguration.
pub(super) async fn put_object_lock_configuration(
    call: Call,
    input: PutObjectLockConfigurationInput,
) -> Result<PutObjectLockConfigurationOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    if input.token.is_some() {
        return Err(S3Error::HeaderNotImplemented { header: "x-amz-bucket-object-lock-token".into() });
    }
    let wanted = input.object_lock_configuration.ok_or(S3Error::MalformedXml)?;
    let enabled = wanted.object_lock_enabled.as_ref().map(ObjectLockEnabled::as_str);
    if enabled != Some(ObjectLockEnabled::ENABLED) {
        return Err(S3Error::MalformedXml);
    }
    let default = wanted.rule.map(|rule| {
        let default = rule.default_retention.ok_or(S3Error::MalformedXml)?;
        let mode = default.mode.as_ref().and_then(|mode| Mode::parse(mode.as_str()));
        let period = Period::parse(default.days, default.years)?;
        Ok::<_, S3Error>(lock::DefaultRetention { mode: mode.ok_or(S3Error::MalformedXml)?, period })
    });
    let default = default.transpose()?;
    let set = move |record: &mut crate::store::BucketRecord| {
        if record.versioning != Versioning::Enabled {
            return Err(S3Error::InvalidBucketState {
                message: "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
            });
        }
        record.lock = Some(BucketLock { default });
        Ok(())
    };
    call.s3.metadata().update_bucket(&bucket, set).await?;
    Ok(PutObjectLockConfigurationOutput::default())
}

/// Source: Amazon S3 API reference, GetObjectRetention. Errors: NoSuchObjectLockConfiguration, InvalidRequest.
pub(super) async fn get_object_retention(
    call: Call,
    input: GetObjectRetentionInput,
) -> Result<GetObjectRetentionOutput, S3Error> {
    let retention = lock_of(&call, &input.bucket, &input.key, input.version_id.as_ref())?.retention;
    let Some(Retention { mode, until }) = retention else { return Err(nothing_set(input.bucket)) };
    let retention = ObjectLockRetention {
        mode: Some(ObjectLockRetentionMode::from_static(mode.as_str())),
        retain_until_date: Some(timestamp(until)),
    };
    Ok(GetObjectRetentionOutput { retention: Some(retention) })
}

/// Sets the retention of a version; an empty one removes it, with a bypass of governance mode.
///
/// Errors: MalformedXML, InvalidArgument (not in the future), AccessDenied (what holds would be loosened), InvalidRequest
/// (the bucket locks nothing).
/// Source: Amazon S3 API reference, PutObjectRetention.
pub(super) async fn put_object_retention(
    call: Call,
    input: PutObjectRetentionInput,
) -> Result<PutObjectRetentionOutput, S3Error> {
    let now = call.s3.now();
    let wanted = input.retention.ok_or(S3Error::MalformedXml)?;
    let wanted = match (wanted.mode, wanted.retain_until_date.as_ref().and_then(from_timestamp)) {
        (None, None) => None,
        (Some(mode), Some(until)) => {
            let mode = Mode::parse(mode.as_str()).ok_or(S3Error::MalformedXml)?;
            lock::check_future(until, now, "RetainUntilDate")?;
            Some(Retention { mode, until })
        }
        _ => return Err(S3Error::MalformedXml),
    };
    let bypass = bypasses(&call, &input.bucket, &input.key);
    let change = move |lock: &mut Lock| lock.retain(wanted, now, bypass);
    change_lock(&call, &input.bucket, &input.key, input.version_id.as_ref(), change).await?;
    Ok(PutObjectRetentionOutput::default())
}

/// Source: Amazon S3 API reference, GetObjectLegalHold. Errors: NoSuchObjectLockConfiguration, InvalidRequest.
pub(super) async fn get_object_legal_hold(
    call: Call,
    input: GetObjectLegalHoldInput,
) -> Result<GetObjectLegalHoldOutput, S3Error> {
    let hold = lock_of(&call, &input.bucket, &input.key, input.version_id.as_ref())?.legal_hold;
    let Some(hold) = hold else { return Err(nothing_set(input.bucket)) };
    Ok(GetObjectLegalHoldOutput { legal_hold: Some(ObjectLockLegalHold { status: Some(status(hold)) }) })
}

/// Lays a hold on a version, or lifts it.
///
/// Errors: MalformedXML, InvalidRequest (the bucket locks nothing).
/// Source: Amazon S3 API reference, PutObjectLegalHold.
pub(super) async fn put_object_legal_hold(
    call: Call,
    input: PutObjectLegalHoldInput,
) -> Result<PutObjectLegalHoldOutput, S3Error> {
    let wanted = input.legal_hold.and_then(|hold| hold.status).ok_or(S3Error::MalformedXml)?;
    let hold = legal_hold(wanted.as_str()).map_err(|_| S3Error::MalformedXml)?;
    let change = move |lock: &mut Lock| {
        lock.legal_hold = Some(hold);
        Ok(())
    };
    change_lock(&call, &input.bucket, &input.key, input.version_id.as_ref(), change).await?;
    Ok(PutObjectLegalHoldOutput::default())
}

fn lock_of(call: &Call, bucket: &str, key: &str, version: Option<&String>) -> Result<Lock, S3Error> {
    let bucket = call.bucket(bucket)?;
    if bucket.record.lock.is_none() {
        return Err(lock::missing());
    }
    Ok(call.s3.open_object(&bucket, key, Call::wanted(version)?)?.info().lock)
}

async fn change_lock(
    call: &Call,
    bucket: &str,
    key: &str,
    version: Option<&String>,
    change: impl FnOnce(&mut Lock) -> Result<(), S3Error> + Send + 'static,
) -> Result<(), S3Error> {
    let bucket = call.bucket(bucket)?;
    if bucket.record.lock.is_none() {
        return Err(lock::missing());
    }
    let change = move |_: &mut _, content: &mut ContentRecord| change(&mut content.lock);
    let version = Call::wanted(version)?;
    call.s3.metadata().update_object(&bucket, key, version, Teller::default(), change).await?;
    Ok(())
}

fn nothing_set(bucket: String) -> S3Error {
    S3Error::NoSuchConfiguration {
        code: "NoSuchObjectLockConfiguration",
        message: "The specified object does not have a ObjectLock configuration",
        bucket,
    }
}
