//! What a bucket is set to. Nothing here can be changed yet; each answer is the state that Millpond's buckets are in:
//! owned by their account alone, closed to the public, encrypted, without rules and policies.

use s3s::dto::*;

use super::Call;
use super::convert::owner;
use crate::error::S3Error;

/// The configurations that a bucket does not have, with AWS's error for each.
macro_rules! absent {
    ($($name:ident($input:ty) -> $output:ty: $code:literal, $message:literal;)*) => { $(
        pub(super) async fn $name(call: Call, input: $input) -> Result<$output, S3Error> {
            let bucket = call.bucket(&input.bucket)?.name;
            Err(S3Error::NoSuchConfiguration { code: $code, message: $message, bucket })
        }
    )* };
}

absent! {
    get_bucket_cors(GetBucketCorsInput) -> GetBucketCorsOutput:
        "NoSuchCORSConfiguration", "The CORS configuration does not exist";
    get_bucket_policy(GetBucketPolicyInput) -> GetBucketPolicyOutput:
        "NoSuchBucketPolicy", "The bucket policy does not exist";
    get_bucket_policy_status(GetBucketPolicyStatusInput) -> GetBucketPolicyStatusOutput:
        "NoSuchBucketPolicy", "The bucket policy does not exist";
    get_bucket_replication(GetBucketReplicationInput) -> GetBucketReplicationOutput:
        "ReplicationConfigurationNotFoundError", "The replication configuration was not found";
    get_bucket_website(GetBucketWebsiteInput) -> GetBucketWebsiteOutput:
        "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration";
    get_object_lock_configuration(GetObjectLockConfigurationInput) -> GetObjectLockConfigurationOutput:
        "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket";
}

/// The configurations whose default is that nothing is set, which AWS answers with an empty document.
macro_rules! empty {
    ($($name:ident($input:ty) -> $output:ident;)*) => { $(
        pub(super) async fn $name(call: Call, input: $input) -> Result<$output, S3Error> {
            call.bucket(&input.bucket)?;
            Ok($output::default())
        }
    )* };
}

empty! {
    get_bucket_accelerate_configuration(GetBucketAccelerateConfigurationInput) -> GetBucketAccelerateConfigurationOutput;
    get_bucket_logging(GetBucketLoggingInput) -> GetBucketLoggingOutput;
    get_bucket_notification_configuration(GetBucketNotificationConfigurationInput) -> GetBucketNotificationConfigurationOutput;
}

/// The owner, and nobody else.
///
/// Source: Amazon S3 API reference, GetBucketAcl.
pub(super) async fn get_bucket_acl(
    call: Call,
    input: GetBucketAclInput,
) -> Result<GetBucketAclOutput, S3Error> {
    let owner = owner(&call.bucket(&input.bucket)?.record.account);
    Ok(GetBucketAclOutput { grants: Some(vec![full_control(&owner)]), owner: Some(owner) })
}

/// The owner, and nobody else.
///
/// Source: Amazon S3 API reference, GetObjectAcl.
pub(super) async fn get_object_acl(
    call: Call,
    input: GetObjectAclInput,
) -> Result<GetObjectAclOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    call.s3.open_object(&bucket, &input.key, Call::wanted(input.version_id.as_ref())?)?;
    let owner = owner(&bucket.record.account);
    let grants = Some(vec![full_control(&owner)]);
    Ok(GetObjectAclOutput { grants, owner: Some(owner), ..GetObjectAclOutput::default() })
}

fn full_control(owner: &Owner) -> Grant {
    let grantee = Grantee {
        display_name: None,
        email_address: None,
        id: owner.id.clone(),
        type_: Type::from_static(Type::CANONICAL_USER),
        uri: None,
    };
    Grant { grantee: Some(grantee), permission: Some(Permission::from_static(Permission::FULL_CONTROL)) }
}

/// Everything is encrypted at rest under keys of the pond's own, as with SSE-S3.
///
/// Source: Amazon S3 API reference, GetBucketEncryption.
pub(super) async fn get_bucket_encryption(
    call: Call,
    input: GetBucketEncryptionInput,
) -> Result<GetBucketEncryptionOutput, S3Error> {
    call.bucket(&input.bucket)?;
    let default = ServerSideEncryptionByDefault {
        kms_master_key_id: None,
        sse_algorithm: ServerSideEncryption::from_static(ServerSideEncryption::AES256),
    };
    let rule = ServerSideEncryptionRule {
        apply_server_side_encryption_by_default: Some(default),
        bucket_key_enabled: Some(false),
    };
    let configuration = ServerSideEncryptionConfiguration { rules: vec![rule] };
    Ok(GetBucketEncryptionOutput { server_side_encryption_configuration: Some(configuration) })
}

/// The bucket's account owns every object in it.
///
/// Source: Amazon S3 API reference, GetBucketOwnershipControls.
pub(super) async fn get_bucket_ownership_controls(
    call: Call,
    input: GetBucketOwnershipControlsInput,
) -> Result<GetBucketOwnershipControlsOutput, S3Error> {
    call.bucket(&input.bucket)?;
    let enforced = ObjectOwnership::from_static(ObjectOwnership::BUCKET_OWNER_ENFORCED);
    let rules = vec![OwnershipControlsRule { object_ownership: enforced }];
    Ok(GetBucketOwnershipControlsOutput { ownership_controls: Some(OwnershipControls { rules }) })
}

/// Source: Amazon S3 API reference, GetBucketRequestPayment.
pub(super) async fn get_bucket_request_payment(
    call: Call,
    input: GetBucketRequestPaymentInput,
) -> Result<GetBucketRequestPaymentOutput, S3Error> {
    call.bucket(&input.bucket)?;
    Ok(GetBucketRequestPaymentOutput { payer: Some(Payer::from_static(Payer::BUCKET_OWNER)) })
}

/// No bucket can be opened to the public.
///
/// Source: Amazon S3 API reference, GetPublicAccessBlock.
pub(super) async fn get_public_access_block(
    call: Call,
    input: GetPublicAccessBlockInput,
) -> Result<GetPublicAccessBlockOutput, S3Error> {
    call.bucket(&input.bucket)?;
    let blocked = PublicAccessBlockConfiguration {
        block_public_acls: Some(true),
        block_public_policy: Some(true),
        ignore_public_acls: Some(true),
        restrict_public_buckets: Some(true),
    };
    Ok(GetPublicAccessBlockOutput { public_access_block_configuration: Some(blocked) })
}
