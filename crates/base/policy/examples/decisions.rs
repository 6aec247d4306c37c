//! How long a decision takes over 10 policies of 20 statements: `cargo run --release -p millpond-policy --example decisions`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use millpond_core::{AccountId, Arn, Timestamp};
use millpond_policy::{
    Attached, Context, IdentityGrants, Kind, Policy, Principal, Request, User, Value, decide,
};

const POLICIES: usize = 10;
const STATEMENTS: usize = 20;
const ROUNDS: u32 = 100_000;

/// Statements as people write them; none but the last of the last policy allows what is asked for.
fn document(policy: usize) -> String {
    let statement = |index: usize| {
        match (policy * STATEMENTS + index) % 4 {
        _ if policy == POLICIES - 1 && index == STATEMENTS - 1 => {
            r#"{"Effect":"Allow","Action":"s3:*Object","Resource":"arn:aws:s3:::lake/home/${aws:username}/*",
               "Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"Bool":{"aws:SecureTransport":"true"}}}"#
                .to_owned()
        }
        0 => format!(r#"{{"Effect":"Allow","Action":["glue:Get*","glue:BatchGet*"],"Resource":"arn:aws:glue:*:*:table/db{index}/*"}}"#),
        1 => format!(r#"{{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::bucket-{index}","arn:aws:s3:::bucket-{index}/*"]}}"#),
        2 => format!(r#"{{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::lake/*","Condition":{{"StringNotLike":{{"s3:prefix":"home/*"}},"StringEquals":{{"aws:PrincipalTag/team":"t{index}"}}}}}}"#),
        _ => format!(r#"{{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::lake/*/part-{index}-*.parquet"}}"#),
    }
    };
    let statements: Vec<_> = (0..STATEMENTS).map(statement).collect();
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let account: AccountId = "111122223333".parse()?;
    let principal = Principal::User(Arc::new(User {
        account: account.clone(),
        path: "/".into(),
        name: "Bob".into(),
        id: "AIDACKCEVSQ6C2EXAMPLE".into(),
        tags: vec![("team".into(), "mill".into())],
    }));
    let mut grants = IdentityGrants::NONE;
    for policy in 0..POLICIES {
        let read = Policy::parse(&document(policy), Kind::Identity)?;
        grants.identity.push(Attached { name: format!("policy-{policy}").into(), policy: Arc::new(read) });
    }
    let resource: Arn = "arn:aws:s3:::lake/home/Bob/2013/01/flights.parquet".parse()?;
    let keys = [("s3:prefix", Value::from("home/Bob/"))];
    let request = Request {
        principal: &principal,
        grants: &grants,
        action: "s3:GetObject",
        resource: &resource,
        resource_account: &account,
        resource_policy: None,
        resource_must_allow: false,
        acl: None,
        canonical_id: None,
        context: Context {
            now: Timestamp::from_secs(1_789_000_000),
            source_ip: Some("10.1.2.3".parse()?),
            secure_transport: true,
            keys: &keys,
            ..Context::default()
        },
    };
    println!("{:?}", decide(&request));
    let started = Instant::now();
    for _ in 0..ROUNDS {
        let _decision = black_box(decide(black_box(&request)));
    }
    let micros = started.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS);
    println!("{micros:.2} µs a decision over {POLICIES} policies of {STATEMENTS} statements");
    Ok(())
}
