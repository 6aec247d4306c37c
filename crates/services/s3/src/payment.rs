//! Request payment: in a bucket whose requesters pay, other accounts say with each request that they will.

use millpond_gateway::Caller;
use millpond_policy::Principal;
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
    if !has_to_pay(&context.caller, bucket) {
        return Ok(());
    }
    let said = context.parameter(HEADER);
    let pays = context.header(HEADER).or(said.as_deref()) == Some(REQUESTER);
    // Nobody pays for nobody.
    if !pays || context.caller.principal.account().is_none() {
        return Err(S3Error::access_denied());
    }
    context.charge();
    Ok(())
}

/// For services that work in a caller's name, and have no way to say that it pays.
///
/// Errors: AccessDenied.
pub fn check_in_process(caller: &Caller, bucket: &Bucket) -> Result<(), S3Error> {
    if has_to_pay(caller, bucket) { Err(S3Error::access_denied()) } else { Ok(()) }
}

fn has_to_pay(caller: &Caller, bucket: &Bucket) -> bool {
    let is_service = matches!(caller.principal, Principal::Service(_));
    requester_pays(bucket) && !is_service && caller.principal.account() != Some(&bucket.record.account)
}

#[cfg(test)]
mod tests {
    use http::Method;
    use millpond_core::{AccountId, Clock, Region, Scope, Timestamp};

    use super::*;
    use crate::tests::{pond, root};
    use crate::{ListQuery, PutOptions};

    #[tokio::test]
    async fn services_do_not_pay_in_a_callers_name() {
        let pond = pond();
        let account: AccountId = "111122223333".parse().unwrap();
        let scope = Scope::new(account.clone(), Region::us_east_1());
        let other = Caller::on_behalf_of(Principal::Root { account }, scope, Clock::manual(Timestamp::EPOCH));
        pond.s3.create_bucket(&root(), "bucket").await.unwrap();
        pond.s3.put(&root(), "bucket", "k", "x".to_owned(), PutOptions::default()).await.unwrap();
        let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"},
            "Action": "s3:*", "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]}]}"#;
        assert_eq!(pond.send(Method::PUT, "/bucket?policy", &[], policy).await.status, 204);
        assert!(pond.s3.get(&other, "bucket", "k").await.is_ok());
        let pays = "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>";
        assert_eq!(pond.send(Method::PUT, "/bucket?requestPayment", &[], pays).await.status, 200);
        let denied = |error: S3Error| matches!(error, S3Error::AccessDenied { .. });
        assert!(pond.s3.get(&other, "bucket", "k").await.err().is_some_and(denied));
        assert!(pond.s3.list(&other, "bucket", &ListQuery::default()).await.err().is_some_and(denied));
        assert!(pond.s3.get(&root(), "bucket", "k").await.is_ok());
    }
}
