//! The entry for a fuzzer of policy documents; the tests run it for a bounded while. It must return, whatever it is given.

use std::sync::Arc;

use millpond_core::{AccountId, Arn, Timestamp};

use crate::{
    Attached, Context, IdentityGrants, Kind, Policy, Principal, Request, User, Value, decide, is_public,
};

const KINDS: [Kind; 6] =
    [Kind::Identity, Kind::Resource, Kind::Trust, Kind::Session, Kind::Boundary, Kind::ServiceControl];

/// Any bytes as a document of every kind; what is a policy is then decided by, and decides the same twice.
pub fn document(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for kind in KINDS {
        match Policy::parse(&text, kind) {
            Ok(policy) => evaluate(policy, kind),
            Err(error) => assert!(!error.to_string().is_empty() && !error.in_s3s_words().is_empty()),
        }
    }
}

fn evaluate(policy: Policy, kind: Kind) {
    let account: AccountId = "111122223333".parse().expect("twelve digits");
    let user = Principal::User(Arc::new(User {
        account: account.clone(),
        path: "/".into(),
        name: "Bob".into(),
        id: "AIDAEXAMPLEEXAMPLE".into(),
        tags: vec![("team".into(), "a*b".into())],
    }));
    let (_public, policy) = (is_public(&policy), Arc::new(policy));
    let attached = || Attached { name: "fuzzed".into(), policy: Arc::clone(&policy) };
    let grants = match kind {
        Kind::Identity => IdentityGrants { identity: vec![attached()], ..IdentityGrants::NONE },
        Kind::Boundary => IdentityGrants { boundary: Some(attached()), ..IdentityGrants::NONE },
        Kind::Session => IdentityGrants { session: Some(vec![attached()]), ..IdentityGrants::NONE },
        Kind::ServiceControl => {
            IdentityGrants { service_control: vec![vec![attached()]], ..IdentityGrants::NONE }
        }
        Kind::Resource | Kind::Trust => IdentityGrants::NONE,
    };
    let resource_policy = matches!(kind, Kind::Resource | Kind::Trust).then_some(&*policy);
    let keys = [("s3:prefix", Value::from("home/Bob/")), ("s3:max-keys", Value::from(7))];
    for principal in [&user, &Principal::Anonymous] {
        for resource in ["arn:aws:s3:::bucket/home/Bob/a:b", "arn:aws:sqs:us-east-1:111122223333:queue"] {
            let request = Request {
                principal,
                grants: &grants,
                action: "s3:GetObject",
                resource: &resource.parse::<Arn>().expect("an ARN"),
                resource_account: &account,
                resource_policy,
                resource_must_allow: false,
                acl: None,
                canonical_id: None,
                context: Context { now: Timestamp::EPOCH, keys: &keys, ..Context::default() },
            };
            assert_eq!(decide(&request), decide(&request));
        }
    }
}
