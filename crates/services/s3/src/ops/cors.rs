//! A bucket's rules for requests across origins. What they do is in `crate::cors`.

use s3s::dto::*;

use super::Call;
use crate::cors::{BucketCors, Rule};
use crate::error::S3Error;

/// Source: Amazon S3 API reference, GetBucketCors. Errors: NoSuchCORSConfiguration.
pub(super) async fn get_bucket_cors(
    call: Call,
    input: GetBucketCorsInput,
) -> Result<GetBucketCorsOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let Some(cors) = call.s3.metadata().document::<BucketCors>(&bucket)? else {
        return Err(S3Error::NoSuchConfiguration {
            code: "NoSuchCORSConfiguration",
            message: "The CORS configuration does not exist",
            bucket: bucket.name,
        });
    };
    let filled = |texts: &Vec<String>| (!texts.is_empty()).then(|| texts.clone());
    let rules = cors.rules.iter().map(|rule| CORSRule {
        allowed_headers: filled(&rule.headers),
        allowed_methods: rule.methods.clone(),
        allowed_origins: rule.origins.clone(),
        expose_headers: filled(&rule.expose),
        id: rule.id.clone(),
        max_age_seconds: rule.max_age_secs,
    });
    Ok(GetBucketCorsOutput { cors_rules: Some(rules.collect()) })
}

/// Errors: MalformedXML, InvalidRequest (a method that browsers do not send, a second `*`, more than 100 rules).
/// Source: Amazon S3 API reference, PutBucketCors.
pub(super) async fn put_bucket_cors(
    call: Call,
    input: PutBucketCorsInput,
) -> Result<PutBucketCorsOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let rules = input.cors_configuration.cors_rules.into_iter().map(|rule| Rule {
        id: rule.id,
        origins: rule.allowed_origins,
        methods: rule.allowed_methods,
        headers: rule.allowed_headers.unwrap_or_default(),
        expose: rule.expose_headers.unwrap_or_default(),
        max_age_secs: rule.max_age_seconds,
    });
    let cors = BucketCors { rules: rules.collect() };
    cors.check()?;
    call.s3.metadata().set_document(&bucket, Some(&cors), |_| Ok(())).await?;
    Ok(PutBucketCorsOutput::default())
}

/// Source: Amazon S3 API reference, DeleteBucketCors.
pub(super) async fn delete_bucket_cors(
    call: Call,
    input: DeleteBucketCorsInput,
) -> Result<DeleteBucketCorsOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    call.s3.metadata().set_document::<BucketCors>(&bucket, None, |_| Ok(())).await?;
    Ok(DeleteBucketCorsOutput::default())
}
