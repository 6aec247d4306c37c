//! A bucket's server access logs. What writes them is in `crate::logging`.

use millpond_policy::Principal;
use s3s::dto::*;

use super::Call;
use super::acl::{read_grantee, shown_grantee};
use crate::acl::{Acl, Grant, Permission};
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
        target_grants: grants_shown(&logging.grants),
        target_object_key_format: format_shown(logging.format),
        target_prefix: logging.prefix.clone(),
    });
    Ok(GetBucketLoggingOutput { logging_enabled })
}

fn grants_shown(grants: &[Grant]) -> Option<TargetGrants> {
    let shown = grants.iter().map(|grant| TargetGrant {
        grantee: Some(shown_grantee(&grant.grantee)),
        permission: Some(BucketLogsPermission::from_static(grant.permission.as_str())),
    });
    (!grants.is_empty()).then(|| shown.collect())
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
/// write), CrossLocationLoggingProhibitted, MalformedXML, AccessControlListNotSupported (TargetGrants where lists mean nothing),
/// AccessDenied (public ones where those are blocked), and what is wrong with a list.
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
    let grants = read_grants(&target, wanted.target_grants.unwrap_or_default())?;
    Ok(Logging { target: wanted.target_bucket, prefix: wanted.target_prefix, format, grants })
}

/// Whom the logs are to let in, as far as the target bucket takes lists.
fn read_grants(target: &Bucket, wanted: TargetGrants) -> Result<Vec<Grant>, S3Error> {
    let grant = |wanted: TargetGrant| {
        let (Some(grantee), Some(permission)) = (wanted.grantee, wanted.permission) else {
            return Err(S3Error::MalformedXml);
        };
        let permission = match permission.as_str() {
            BucketLogsPermission::FULL_CONTROL => Permission::FullControl,
            BucketLogsPermission::READ => Permission::Read,
            BucketLogsPermission::WRITE => Permission::Write,
            _ => return Err(S3Error::MalformedXml),
        };
        Ok(Grant { grantee: read_grantee(&grantee)?, permission })
    };
    let list = Acl::checked(wanted.into_iter().map(grant).collect::<Result<_, _>>()?)?;
    match () {
        () if list.grants.is_empty() => Ok(list.grants),
        () if target.record.ownership.is_enforced() => Err(S3Error::AclNotSupported),
        () if list.is_public() && target.record.blocked().block_acls => Err(S3Error::access_denied()),
        () => Ok(list.grants),
    }
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
