//! The operations, on s3s' types. Each is checked by `access` before it comes here.
//!
//! One file a resource; `Ops` only hands over. What s3s knows and this trait's implementation does not name is refused in
//! `access`, since it is not in the table.

mod acl;
mod append;
mod bucket;
mod configuration;
mod convert;
mod copy;
mod cors;
mod directory;
mod encryption;
pub(crate) mod lifecycle;
mod list;
mod lock;
mod logging;
mod multipart;
mod notification;
mod object;
mod ownership;
mod payment;
mod policy;
mod rename;
mod restore;
mod tagging;
mod tiering;
mod versioning;
mod website;

use std::sync::Arc;

pub(crate) use convert::{encode, from_timestamp, http_date};
pub(crate) use rename::Renames;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use crate::access;
use crate::context::Context;
use crate::error::S3Error;
use crate::events::{EventName, Teller};
use crate::ownership::ObjectAccess;
use crate::service::S3;
use crate::store::Bucket;
use crate::version::Wanted;

/// A request in the hands of its operation.
struct Call {
    s3: S3,
    context: Arc<Context>,
}

impl Call {
    /// The version that the request names.
    fn wanted(version: Option<&String>) -> Result<Option<Wanted>, S3Error> {
        version.map(|text| Wanted::parse(text)).transpose()
    }

    /// Whose the object that the request makes will be, and whom it lets in.
    fn access_of_new_object(&self, bucket: &Bucket) -> Result<ObjectAccess, S3Error> {
        ObjectAccess::of_new_object(&bucket.record, &self.context.caller.principal, &self.context.headers)
    }

    /// Tells on the bus what the caller does.
    fn teller(&self, name: EventName) -> Teller {
        self.s3.teller(&self.context.caller, name)
    }

    fn bucket(&self, name: &str) -> Result<Bucket, S3Error> {
        self.s3.metadata().bucket(name)
    }
}

/// Where s3s hands requests over.
pub struct Ops(pub S3);

impl Ops {
    async fn run<I, O, F>(
        &self,
        req: S3Request<I>,
        operation: impl FnOnce(Call, I) -> F,
    ) -> S3Result<S3Response<O>>
    where
        F: Future<Output = Result<O, S3Error>>,
    {
        let context = Context::of(&req.extensions);
        let call = Call { s3: self.0.clone(), context: Arc::clone(&context) };
        let outcome = operation(call, req.input).await;
        outcome
            .map(S3Response::new)
            .map_err(|error| context.fail(access::conceal_from(&self.0, &context, error)))
    }
}

macro_rules! operations {
    ($($name:ident($input:ty) -> $output:ty = $file:ident;)*) => {
        #[async_trait::async_trait]
        impl s3s::S3 for Ops {
            $(
                async fn $name(&self, req: S3Request<$input>) -> S3Result<S3Response<$output>> {
                    self.run(req, $file::$name).await
                }
            )*
        }
    };
}

operations! {
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput = multipart;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput = multipart;
    copy_object(CopyObjectInput) -> CopyObjectOutput = copy;
    create_bucket(CreateBucketInput) -> CreateBucketOutput = bucket;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput = multipart;
    create_session(CreateSessionInput) -> CreateSessionOutput = directory;
    delete_bucket(DeleteBucketInput) -> DeleteBucketOutput = bucket;
    delete_bucket_cors(DeleteBucketCorsInput) -> DeleteBucketCorsOutput = cors;
    delete_bucket_encryption(DeleteBucketEncryptionInput) -> DeleteBucketEncryptionOutput = encryption;
    delete_bucket_intelligent_tiering_configuration(DeleteBucketIntelligentTieringConfigurationInput) -> DeleteBucketIntelligentTieringConfigurationOutput = tiering;
    delete_bucket_lifecycle(DeleteBucketLifecycleInput) -> DeleteBucketLifecycleOutput = lifecycle;
    delete_bucket_ownership_controls(DeleteBucketOwnershipControlsInput) -> DeleteBucketOwnershipControlsOutput = ownership;
    delete_bucket_policy(DeleteBucketPolicyInput) -> DeleteBucketPolicyOutput = policy;
    delete_bucket_tagging(DeleteBucketTaggingInput) -> DeleteBucketTaggingOutput = tagging;
    delete_bucket_website(DeleteBucketWebsiteInput) -> DeleteBucketWebsiteOutput = website;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput = object;
    delete_object_tagging(DeleteObjectTaggingInput) -> DeleteObjectTaggingOutput = tagging;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput = object;
    delete_public_access_block(DeletePublicAccessBlockInput) -> DeletePublicAccessBlockOutput = ownership;
    get_bucket_accelerate_configuration(GetBucketAccelerateConfigurationInput) -> GetBucketAccelerateConfigurationOutput = configuration;
    get_bucket_acl(GetBucketAclInput) -> GetBucketAclOutput = acl;
    get_bucket_cors(GetBucketCorsInput) -> GetBucketCorsOutput = cors;
    get_bucket_encryption(GetBucketEncryptionInput) -> GetBucketEncryptionOutput = encryption;
    get_bucket_intelligent_tiering_configuration(GetBucketIntelligentTieringConfigurationInput) -> GetBucketIntelligentTieringConfigurationOutput = tiering;
    get_bucket_lifecycle_configuration(GetBucketLifecycleConfigurationInput) -> GetBucketLifecycleConfigurationOutput = lifecycle;
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput = bucket;
    get_bucket_logging(GetBucketLoggingInput) -> GetBucketLoggingOutput = logging;
    get_bucket_notification_configuration(GetBucketNotificationConfigurationInput) -> GetBucketNotificationConfigurationOutput = notification;
    get_bucket_ownership_controls(GetBucketOwnershipControlsInput) -> GetBucketOwnershipControlsOutput = ownership;
    get_bucket_policy(GetBucketPolicyInput) -> GetBucketPolicyOutput = policy;
    get_bucket_policy_status(GetBucketPolicyStatusInput) -> GetBucketPolicyStatusOutput = policy;
    get_bucket_replication(GetBucketReplicationInput) -> GetBucketReplicationOutput = configuration;
    get_bucket_request_payment(GetBucketRequestPaymentInput) -> GetBucketRequestPaymentOutput = payment;
    get_bucket_tagging(GetBucketTaggingInput) -> GetBucketTaggingOutput = tagging;
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput = versioning;
    get_bucket_website(GetBucketWebsiteInput) -> GetBucketWebsiteOutput = website;
    get_object(GetObjectInput) -> GetObjectOutput = object;
    get_object_acl(GetObjectAclInput) -> GetObjectAclOutput = acl;
    get_object_attributes(GetObjectAttributesInput) -> GetObjectAttributesOutput = object;
    get_object_legal_hold(GetObjectLegalHoldInput) -> GetObjectLegalHoldOutput = lock;
    get_object_lock_configuration(GetObjectLockConfigurationInput) -> GetObjectLockConfigurationOutput = lock;
    get_object_retention(GetObjectRetentionInput) -> GetObjectRetentionOutput = lock;
    get_object_tagging(GetObjectTaggingInput) -> GetObjectTaggingOutput = tagging;
    get_public_access_block(GetPublicAccessBlockInput) -> GetPublicAccessBlockOutput = ownership;
    head_bucket(HeadBucketInput) -> HeadBucketOutput = bucket;
    head_object(HeadObjectInput) -> HeadObjectOutput = object;
    list_bucket_intelligent_tiering_configurations(ListBucketIntelligentTieringConfigurationsInput) -> ListBucketIntelligentTieringConfigurationsOutput = tiering;
    list_buckets(ListBucketsInput) -> ListBucketsOutput = bucket;
    list_directory_buckets(ListDirectoryBucketsInput) -> ListDirectoryBucketsOutput = directory;
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput = multipart;
    list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput = list;
    list_objects(ListObjectsInput) -> ListObjectsOutput = list;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = list;
    list_parts(ListPartsInput) -> ListPartsOutput = multipart;
    put_bucket_acl(PutBucketAclInput) -> PutBucketAclOutput = acl;
    put_bucket_cors(PutBucketCorsInput) -> PutBucketCorsOutput = cors;
    put_bucket_encryption(PutBucketEncryptionInput) -> PutBucketEncryptionOutput = encryption;
    put_bucket_intelligent_tiering_configuration(PutBucketIntelligentTieringConfigurationInput) -> PutBucketIntelligentTieringConfigurationOutput = tiering;
    put_bucket_lifecycle_configuration(PutBucketLifecycleConfigurationInput) -> PutBucketLifecycleConfigurationOutput = lifecycle;
    put_bucket_logging(PutBucketLoggingInput) -> PutBucketLoggingOutput = logging;
    put_bucket_notification_configuration(PutBucketNotificationConfigurationInput) -> PutBucketNotificationConfigurationOutput = notification;
    put_bucket_ownership_controls(PutBucketOwnershipControlsInput) -> PutBucketOwnershipControlsOutput = ownership;
    put_bucket_policy(PutBucketPolicyInput) -> PutBucketPolicyOutput = policy;
    put_bucket_request_payment(PutBucketRequestPaymentInput) -> PutBucketRequestPaymentOutput = payment;
    put_bucket_tagging(PutBucketTaggingInput) -> PutBucketTaggingOutput = tagging;
    put_bucket_versioning(PutBucketVersioningInput) -> PutBucketVersioningOutput = versioning;
    put_bucket_website(PutBucketWebsiteInput) -> PutBucketWebsiteOutput = website;
    put_object(PutObjectInput) -> PutObjectOutput = object;
    put_object_acl(PutObjectAclInput) -> PutObjectAclOutput = acl;
    put_object_legal_hold(PutObjectLegalHoldInput) -> PutObjectLegalHoldOutput = lock;
    put_object_lock_configuration(PutObjectLockConfigurationInput) -> PutObjectLockConfigurationOutput = lock;
    put_object_retention(PutObjectRetentionInput) -> PutObjectRetentionOutput = lock;
    put_object_tagging(PutObjectTaggingInput) -> PutObjectTaggingOutput = tagging;
    put_public_access_block(PutPublicAccessBlockInput) -> PutPublicAccessBlockOutput = ownership;
    restore_object(RestoreObjectInput) -> RestoreObjectOutput = restore;
    upload_part(UploadPartInput) -> UploadPartOutput = multipart;
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput = copy;
}
