//! Who pays for a bucket's requests. What follows from it is in `crate::payment`.

use s3s::dto::*;

use super::Call;
use crate::error::S3Error;
use crate::payment::{RequesterPays, requester_pays};

/// Source: Amazon S3 API reference, GetBucketRequestPayment.
pub(super) async fn get_bucket_request_payment(
    call: Call,
    input: GetBucketRequestPaymentInput,
) -> Result<GetBucketRequestPaymentOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let payer = if requester_pays(&bucket) { Payer::REQUESTER } else { Payer::BUCKET_OWNER };
    Ok(GetBucketRequestPaymentOutput { payer: Some(Payer::from_static(payer)) })
}

/// Errors: MalformedXML.
/// Source: Amazon S3 API reference, PutBucketRequestPayment.
pub(super) async fn put_bucket_request_payment(
    call: Call,
    input: PutBucketRequestPaymentInput,
) -> Result<PutBucketRequestPaymentOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let document = match input.request_payment_configuration.payer.as_str() {
        Payer::REQUESTER => Some(RequesterPays {}),
        Payer::BUCKET_OWNER => None,
        _ => return Err(S3Error::MalformedXml),
    };
    call.s3.metadata().set_document(&bucket, document.as_ref(), |_| Ok(())).await?;
    Ok(PutBucketRequestPaymentOutput::default())
}
