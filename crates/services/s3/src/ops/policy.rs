//! The policy of a bucket.

use millpond_policy::Principal;
use s3s::dto::*;

use super::Call;
use crate::bucket_policy::BucketPolicy;
use crate::decide::arn;
use crate::error::S3Error;
use crate::express;
use crate::store::Bucket;

fn no_policy(bucket: &Bucket) -> S3Error {
    S3Error::NoSuchConfiguration {
        code: "NoSuchBucketPolicy",
        message: "The bucket policy does not exist",
        bucket: bucket.name.clone(),
    }
}

/// The bucket, for callers of its own account: nobody else handles its policy, whatever they may do.
fn own_bucket(call: &Call, name: &str, method: &str) -> Result<Bucket, S3Error> {
    let bucket = call.bucket(name)?;
    match call.context.caller.principal.account() == Some(&bucket.record.account) {
        true => Ok(bucket),
        false => Err(S3Error::MethodNotAllowed { method: method.to_owned() }),
    }
}

/// The policy, word for word.
///
/// Errors: NoSuchBucketPolicy, MethodNotAllowed (another account's).
/// Source: Amazon S3 API reference, GetBucketPolicy.
pub(super) async fn get_bucket_policy(
    call: Call,
    input: GetBucketPolicyInput,
) -> Result<GetBucketPolicyOutput, S3Error> {
    let bucket = own_bucket(&call, &input.bucket, "GET")?;
    let policy = call.s3.metadata().document::<BucketPolicy>(&bucket)?.ok_or_else(|| no_policy(&bucket))?;
    Ok(GetBucketPolicyOutput { policy: Some(policy.text.clone()) })
}

/// Source: Amazon S3 API reference, GetBucketPolicyStatus. Errors: NoSuchBucketPolicy.
pub(super) async fn get_bucket_policy_status(
    call: Call,
    input: GetBucketPolicyStatusInput,
) -> Result<GetBucketPolicyStatusOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let policy = call.s3.metadata().document::<BucketPolicy>(&bucket)?.ok_or_else(|| no_policy(&bucket))?;
    Ok(GetBucketPolicyStatusOutput {
        policy_status: Some(PolicyStatus { is_public: Some(policy.is_public) }),
    })
}

/// Sets the policy; the next request is decided by it.
///
/// Errors: MalformedPolicy, AccessDenied (a public policy where those are blocked; one that takes this very permission from the
/// caller, without ConfirmRemoveSelfBucketAccess), MethodNotAllowed (another account's bucket).
/// Source: Amazon S3 API reference, PutBucketPolicy.
pub(super) async fn put_bucket_policy(
    call: Call,
    input: PutBucketPolicyInput,
) -> Result<PutBucketPolicyOutput, S3Error> {
    let bucket = own_bucket(&call, &input.bucket, "PUT")?;
    let policy = BucketPolicy::parse(input.policy, &bucket.name)?;
    let caller = &call.context.caller;
    // The root user is not asked for it: nothing takes it from them.
    if !input.confirm_remove_self_bucket_access.unwrap_or(false)
        && !matches!(caller.principal, Principal::Root { .. })
    {
        let (action, arn) = match bucket.record.is_directory() {
            true => ("s3express:PutBucketPolicy", express::bucket_arn(&bucket)),
            false => ("s3:PutBucketPolicy", arn(caller, bucket.name.as_str())),
        };
        let asked = caller.ask(action, &arn).owner(&bucket.record.account);
        if !asked.resource_policy(Some(&policy.policy)).is_allowed() {
            return Err(S3Error::access_denied());
        }
    }
    let is_public = policy.is_public;
    let check =
        move |record: &mut crate::store::BucketRecord| match is_public && record.blocked().block_policy {
            true => Err(S3Error::access_denied()),
            false => Ok(()),
        };
    call.s3.metadata().set_document(&bucket, Some(&policy), check).await?;
    Ok(PutBucketPolicyOutput::default())
}

/// Source: Amazon S3 API reference, DeleteBucketPolicy. Errors: MethodNotAllowed (another account's bucket).
pub(super) async fn delete_bucket_policy(
    call: Call,
    input: DeleteBucketPolicyInput,
) -> Result<DeleteBucketPolicyOutput, S3Error> {
    let bucket = own_bucket(&call, &input.bucket, "DELETE")?;
    call.s3.metadata().set_document::<BucketPolicy>(&bucket, None, |_| Ok(())).await?;
    Ok(DeleteBucketPolicyOutput::default())
}
