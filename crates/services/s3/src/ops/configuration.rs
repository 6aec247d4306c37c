//! What a bucket is set to. Nothing here can be changed yet; each answer is the state that Millpond's buckets are in:
//! without rules.

use s3s::dto::*;

use super::Call;
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
    get_bucket_replication(GetBucketReplicationInput) -> GetBucketReplicationOutput:
        "ReplicationConfigurationNotFoundError", "The replication configuration was not found";
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
}
