//! Whether a bucket keeps versions.

use s3s::dto::*;

use super::Call;
use crate::error::S3Error;
use crate::version::Versioning;

/// Nothing is said of a bucket that never had versions.
///
/// Source: Amazon S3 API reference, GetBucketVersioning.
pub(super) async fn get_bucket_versioning(
    call: Call,
    input: GetBucketVersioningInput,
) -> Result<GetBucketVersioningOutput, S3Error> {
    let status = match call.bucket(&input.bucket)?.record.versioning {
        Versioning::Never => None,
        Versioning::Enabled => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED)),
        Versioning::Suspended => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::SUSPENDED)),
    };
    Ok(GetBucketVersioningOutput { status, ..GetBucketVersioningOutput::default() })
}

/// Lets a bucket keep versions from now on, or suspends that.
///
/// Errors: IllegalVersioningConfigurationException (no status, or an unknown one), NotImplemented (MFA delete),
/// InvalidBucketState (objects can be locked: versions stay on).
/// Source: Amazon S3 API reference, PutBucketVersioning.
pub(super) async fn put_bucket_versioning(
    call: Call,
    input: PutBucketVersioningInput,
) -> Result<PutBucketVersioningOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let wanted = input.versioning_configuration;
    if wanted.mfa_delete.is_some_and(|state| state.as_str() != MFADelete::DISABLED) {
        return Err(S3Error::NotImplemented { what: "MFA delete".into() });
    }
    let versioning = match wanted.status.as_ref().map(BucketVersioningStatus::as_str) {
        Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        Some(_) => return Err(S3Error::MalformedXml),
        None => return Err(S3Error::IllegalVersioningConfiguration),
    };
    let set = move |record: &mut crate::store::BucketRecord| {
        if record.lock.is_some() && versioning != Versioning::Enabled {
            return Err(S3Error::InvalidBucketState {
                message: "An Object Lock configuration is present on this bucket, so the versioning state cannot be \
                          changed.",
            });
        }
        record.versioning = versioning;
        Ok(())
    };
    call.s3.metadata().update_bucket(&bucket, set).await?;
    Ok(PutBucketVersioningOutput::default())
}
