//! A bucket's server access logs. What writes them is in `crate::logging`.

use millpond_policy::Principal;
use s3s::dto::*;

use super::Call;
use crate::acl::{Acl, Permission};
use crate::error::S3Error;
use crate::logging::{KeyFormat, Logging, SERVICE};
use crate::store::Bucket;

/// Source: Amazon S3 API reference, GetBucketLogging.
pub(super) async fn get_bucket_logging(
    call: Call,
    input: GetBucketLoggingInput,
) -> Result<GetBucketLoggingOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let logging = call.s3.metadata().document::<Logging>(&bucket)?;
    let logging_enabled = logging.map(|logging| LoggingEnabled {
        target_bucket: logging.target.clone(),
        target_grants: None,
        target_object_key_format: format_shown(logging.format),
        target_prefix: logging.prefix.clone(),
    });
    Ok(GetBucketLoggingOutput { logging_enabled })
}

fn format_shown(format: KeyFormat) -> Option<TargetObjectKeyFormat> {
    let partitioned = |source| TargetObjectKeyFormat {
        partitioned_prefix: Some(PartitionedPrefix {
            partition_date_source: Some(PartitionDateSource::from_static(source)),
        }),
        simple_prefix: None,
    };
    match format {
        KeyFormat::Unset => None,
        KeyFormat::Simple => {
            Some(TargetObjectKeyFormat { partitioned_prefix: None, simple_prefix: Some(SimplePrefix {}) })
        }
        KeyFormat::ByEvent => Some(partitioned(PartitionDateSource::EVENT_TIME)),
        KeyFormat::ByDelivery => Some(partitioned(PartitionDateSource::DELIVERY_TIME)),
    }
}

/// Begins to log the bucket's requests, or ends it.
///
/// Errors: InvalidTargetBucketForLogging (none, another account's, or one whose list does not let the log-delivery group
/// write), CrossLocationLoggingProhibitted, MalformedXML, NotImplemented (TargetGrants).
/// Source: Amazon S3 API reference, PutBucketLogging.
pub(super) async fn put_bucket_logging(
    call: Call,
    input: PutBucketLoggingInput,
) -> Result<PutBucketLoggingOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let wanted = match input.bucket_logging_status.logging_enabled {
        None => None,
        Some(wanted) => Some(read(&call, &bucket, wanted)?),
    };
    call.s3.metadata().set_document(&bucket, wanted.as_ref(), |_| Ok(())).await?;
    Ok(PutBucketLoggingOutput::default())
}

fn read(call: &Call, bucket: &Bucket, wanted: LoggingEnabled) -> Result<Logging, S3Error> {
    let refused = |message| S3Error::Misconfigured { code: "InvalidTargetBucketForLogging", message };
    if wanted.target_grants.is_some_and(|grants| !grants.is_empty()) {
        return Err(S3Error::NotImplemented { what: "A list for access logs (TargetGrants)".into() });
    }
    let format = match wanted.target_object_key_format {
        None => KeyFormat::Unset,
        Some(TargetObjectKeyFormat { simple_prefix: Some(_), partitioned_prefix: None }) => KeyFormat::Simple,
        Some(TargetObjectKeyFormat { simple_prefix: None, partitioned_prefix: Some(by) }) => {
            match by.partition_date_source.as_ref().map(PartitionDateSource::as_str) {
                None | Some(PartitionDateSource::DELIVERY_TIME) => KeyFormat::ByDelivery,
                Some(PartitionDateSource::EVENT_TIME) => KeyFormat::ByEvent,
                Some(_) => return Err(S3Error::MalformedXml),
            }
        }
        Some(_) => return Err(S3Error::MalformedXml),
    };
    let target = match call.bucket(&wanted.target_bucket) {
        Err(S3Error::NoSuchBucket { .. }) => {
            return Err(refused("The target bucket for logging does not exist"));
        }
        target => target?,
    };
    if target.record.account != bucket.record.account {
        return Err(refused("The owner for the bucket to be logged and the target bucket must be the same."));
    }
    if target.record.region != bucket.record.region {
        return Err(S3Error::Misconfigured {
            code: "CrossLocationLoggingProhibitted",
            message: "Cross S3 location logging not allowed. ",
        });
    }
    // Where lists mean nothing the bucket's policy decides, at each delivery.
    if !target.record.ownership.is_enforced() && !lets_logs_in(call, &target)? {
        return Err(refused(
            "You must give the log-delivery group WRITE and READ_ACP permissions to the target bucket",
        ));
    }
    Ok(Logging { target: wanted.target_bucket, prefix: wanted.target_prefix, format })
}

/// By its list, or by any policy, which is asked at each delivery.
fn lets_logs_in(call: &Call, target: &Bucket) -> Result<bool, S3Error> {
    let metadata = call.s3.metadata();
    if metadata.document::<crate::bucket_policy::BucketPolicy>(target)?.is_some() {
        return Ok(true);
    }
    let service = Principal::Service(SERVICE.into());
    let grants = |acl: &Acl, needed| acl.grants(needed, &service, None, false).is_some();
    let acl = metadata.document::<Acl>(target)?;
    Ok(acl.is_some_and(|acl| grants(&acl, Permission::Write) && grants(&acl, Permission::ReadAcp)))
}
