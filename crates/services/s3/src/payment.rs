//! Request payment: in a bucket whose requesters pay, other accounts say with each request that they will.

use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::S3Error;
use crate::store::{Bucket, Document, Kind};

const HEADER: &str = "x-amz-request-payer";
const REQUESTER: &str = "requester";

/// That it is there says all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequesterPays {}

impl Document for RequesterPays {
    const KIND: Kind = Kind::RequestPayment;
}

pub fn requester_pays(bucket: &Bucket) -> bool {
    bucket.record.documents.contains_key(&Kind::RequestPayment)
}

/// Errors: AccessDenied (another account, or nobody, that does not say that it pays).
pub fn check(context: &Context, bucket: &Bucket) -> Result<(), S3Error> {
    let account = context.caller.principal.account();
    if !requester_pays(bucket) || account == Some(&bucket.record.account) {
        return Ok(());
    }
    let said = context.parameter(HEADER);
    let pays = context.header(HEADER).or(said.as_deref()) == Some(REQUESTER);
    // Nobody pays for nobody.
    if !pays || account.is_none() {
        return Err(S3Error::access_denied());
    }
    context.charge();
    Ok(())
}
