//! Operators, after "Condition operators" and "Multivalued context keys" in the IAM User Guide.

use std::net::IpAddr;

use millpond_core::Timestamp;

use super::{NOW, OURS, role_of, root_of, user_of};
use crate::condition::Condition;
use crate::pattern::Facts;
use crate::{Context, Principal, Token, Value};

fn holds(condition: &str, context: &Context<'_>, principal: &Principal) -> bool {
    let parts: Vec<_> = condition.splitn(3, ' ').collect();
    let [operator, key, values] = parts[..] else { panic!("{condition}") };
    let values: Vec<_> = values.split('|').filter(|value| !value.is_empty()).map(str::to_owned).collect();
    let parsed = Condition::parse(operator, key, &values, true).unwrap();
    parsed.holds(Facts { principal, context })
}

/// `key` is what the request says for `s:k`, if anything.
fn check(cases: &[(&str, Option<Value<'_>>, bool)]) {
    for (condition, value, expected) in cases {
        let keys: Vec<_> = value.iter().map(|value| ("s:k", value.clone())).collect();
        let context = Context { now: NOW, keys: &keys, ..Context::default() };
        assert_eq!(holds(condition, &context, &user_of(OURS)), *expected, "{condition} of {value:?}");
    }
}

fn text(text: &'static str) -> Option<Value<'static>> {
    Some(text.into())
}

#[test]
fn texts() {
    check(&[
        ("StringEquals s:k a|b", text("b"), true),
        ("StringEquals s:k a|b", text("B"), false),
        ("StringEquals s:k a*", text("a*"), true),
        ("StringEquals s:k a*", text("ab"), false),
        ("StringEquals S:K a", text("a"), true),
        ("StringNotEquals s:k a|b", text("b"), false),
        ("StringNotEquals s:k a|b", text("c"), true),
        ("StringEqualsIgnoreCase s:k ÄB", text("äb"), true),
        ("StringNotEqualsIgnoreCase s:k AB", text("ab"), false),
        ("StringLike s:k a*|b?", text("bc"), true),
        ("StringLike s:k a*|b?", text("b"), false),
        ("StringLike s:k ${aws:username}-*", text("Bob-1"), true),
        ("StringNotLike s:k a*", text("ab"), false),
        ("StringNotLike s:k a*", text("b"), true),
        ("StringEquals s:k 7", Some(Value::Number(7)), true),
        ("StringEquals s:k true", Some(Value::Bool(true)), true),
    ]);
}

#[test]
fn absent_keys() {
    check(&[
        ("StringEquals s:k a", None, false),
        ("StringNotEquals s:k a", None, true),
        ("StringLikeIfExists s:k a", None, true),
        ("StringEqualsIfExists s:k a", text("b"), false),
        ("StringNotEqualsIfExists s:k a", None, true),
        ("NumericLessThan s:k 5", None, false),
        ("NumericNotEquals s:k 5", None, true),
        ("DateLessThan s:k 2030-01-01", None, false),
        ("Bool s:k true", None, false),
        ("BoolIfExists s:k true", None, true),
        ("IpAddress s:k 10.0.0.0/8", None, false),
        ("NotIpAddress s:k 10.0.0.0/8", None, true),
        ("ArnLike s:k arn:*", None, false),
        ("ArnNotEquals s:k arn:*", None, true),
        ("Null s:k true", None, true),
        ("Null s:k false", None, false),
        ("Null s:k true", text("a"), false),
        ("Null s:k false", text("a"), true),
        ("Null s:k true", Some(Value::Texts(&[])), true),
    ]);
}

#[test]
fn numbers_dates_truths_and_bytes() {
    let at = |millis| Some(Value::Time(Timestamp::from_millis(millis)));
    check(&[
        ("NumericEquals s:k 5|7", Some(Value::Number(7)), true),
        ("NumericEquals s:k 7.0", text("7"), true),
        ("NumericNotEquals s:k 5|7", Some(Value::Number(7)), false),
        ("NumericLessThan s:k 7", text("6.5"), true),
        ("NumericLessThanEquals s:k 7", text("7"), true),
        ("NumericGreaterThan s:k 7", text("7"), false),
        ("NumericGreaterThanEquals s:k 7", text("-1"), false),
        ("NumericEquals s:k 7", text("seven"), false),
        ("DateEquals s:k 1970-01-01T00:00:01Z", at(1_000), true),
        ("DateEquals s:k 1970-01-01T01:00:01+01:00", at(1_000), true),
        ("DateEquals s:k 1", at(1_000), true),
        ("DateNotEquals s:k 1", at(1_000), false),
        ("DateLessThan s:k 1970-01-02", at(86_399_999), true),
        ("DateLessThan s:k 1970-01-02", at(86_400_000), false),
        ("DateLessThanEquals s:k 1970-01-02", at(86_400_000), true),
        ("DateGreaterThan s:k 2012", text("2012-01-01T00:00:01Z"), true),
        ("DateGreaterThanEquals s:k 2012", text("2011-12-31"), false),
        ("Bool s:k TRUE", Some(Value::Bool(true)), true),
        ("Bool s:k false", text("true"), false),
        ("BinaryEquals s:k QmluYXJ5", text("QmluYXJ5"), true),
        ("BinaryEquals s:k QmluYXJ5", text("QmluYXJ4"), false),
    ]);
}

#[test]
fn addresses_and_arns() {
    let ip = |text: &str| Some(Value::Ip(text.parse::<IpAddr>().unwrap()));
    check(&[
        ("IpAddress s:k 203.0.113.0/24", ip("203.0.113.9"), true),
        ("IpAddress s:k 203.0.113.0/24", ip("203.0.114.9"), false),
        ("IpAddress s:k 203.0.113.7/24", ip("203.0.113.9"), true),
        ("IpAddress s:k 203.0.113.7|2001:db8::/32", ip("2001:db8::1"), true),
        ("IpAddress s:k 203.0.113.7", ip("203.0.113.7"), true),
        ("IpAddress s:k 0.0.0.0/0", ip("2001:db8::1"), false),
        ("NotIpAddress s:k 203.0.113.0/24", ip("203.0.113.9"), false),
        ("IpAddress s:k 10.0.0.0/8", text("10.1.2.3"), true),
        ("IpAddress s:k 10.0.0.0/8", text("here"), false),
        ("ArnEquals s:k arn:aws:sns:*:111122223333:*", text("arn:aws:sns:r:111122223333:t"), true),
        ("ArnLike s:k arn:aws:sns:*:111122223333:*", text("arn:aws:sns:r:1:t"), false),
        ("ArnNotLike s:k arn:aws:sns:*:111122223333:*", text("arn:aws:sns:r:1:t"), true),
        (
            "ArnLike s:k arn:aws:iam::111122223333:user/${aws:username}",
            text("arn:aws:iam::111122223333:user/Bob"),
            true,
        ),
    ]);
}

#[test]
fn several_values() {
    let both = || Some(Value::Texts(&["a", "b"]));
    let none = || Some(Value::Texts(&[]));
    check(&[
        ("ForAllValues:StringEquals s:k a|b|c", both(), true),
        ("ForAllValues:StringEquals s:k a", both(), false),
        ("ForAllValues:StringEquals s:k a", None, true),
        ("ForAllValues:StringEquals s:k a", none(), true),
        ("ForAllValues:StringEquals s:k a", text(""), true),
        ("ForAllValues:StringNotEquals s:k c", both(), true),
        ("ForAllValues:StringNotEquals s:k a", both(), false),
        ("ForAnyValue:StringEquals s:k b|c", both(), true),
        ("ForAnyValue:StringEquals s:k c", both(), false),
        ("ForAnyValue:StringEquals s:k a", None, false),
        ("ForAnyValue:StringEquals s:k a", none(), false),
        ("ForAnyValue:StringEqualsIfExists s:k a", None, true),
        ("ForAnyValue:StringNotEquals s:k a", both(), true),
        ("ForAnyValue:StringNotEquals s:k a|b", both(), false),
        ("ForAnyValue:StringNotEquals s:k a", None, false),
        ("ForAllValues:StringLike s:k a*|b*", both(), true),
        // Without a quantifier: one that matches is enough.
        ("StringEquals s:k b", both(), true),
        ("StringNotEquals s:k b", both(), false),
        // No values in the policy match nothing.
        ("StringEquals s:k ", text("a"), false),
        ("StringNotEquals s:k ", text("a"), true),
    ]);
}

#[test]
fn global_keys() {
    let mut context = Context {
        now: Timestamp::from_secs(1_789_000_000),
        source_ip: Some("203.0.113.9".parse().unwrap()),
        secure_transport: true,
        region: Some("us-east-1"),
        source_vpce: Some("vpce-1a2b"),
        user_agent: Some("curl/8"),
        referer: Some("http://example.com/a"),
        token: Some(Token { issued: Timestamp::from_secs(5), mfa: None }),
        called_via: &["athena.amazonaws.com", "glue.amazonaws.com"],
        resource_account: Some(OURS),
        resource_tags: &[("Team", "lake")],
        request_tags: Some(&[("Owner", "Bob"), ("Cost", "1")]),
        ..Context::default()
    };
    let (user, role, root) = (user_of(OURS), role_of(OURS), root_of(OURS));
    let service = Principal::Service("s3.amazonaws.com".into());
    for (condition, principal, expected) in [
        ("DateEquals aws:CurrentTime 2026-09-10T00:26:40Z", &user, true),
        ("StringEquals aws:CurrentTime 2026-09-10T00:26:40Z", &user, true),
        ("NumericEquals aws:EpochTime 1789000000", &user, true),
        ("DateGreaterThan aws:EpochTime 1788999999", &user, true),
        ("IpAddress aws:SourceIp 203.0.113.0/24", &user, true),
        ("Bool aws:SecureTransport true", &user, true),
        ("StringEquals aws:RequestedRegion us-east-1", &user, true),
        ("StringEquals aws:SourceVpce vpce-1a2b", &user, true),
        ("StringLike aws:UserAgent curl/*", &user, true),
        ("StringLike aws:Referer http://example.com/*", &user, true),
        ("DateEquals aws:TokenIssueTime 5", &user, true),
        ("Bool aws:MultiFactorAuthPresent false", &user, true),
        ("Null aws:MultiFactorAuthAge true", &user, true),
        ("Bool aws:ViaAWSService true", &user, true),
        ("ForAnyValue:StringEquals aws:CalledVia glue.amazonaws.com", &user, true),
        ("StringEquals aws:CalledViaFirst athena.amazonaws.com", &user, true),
        ("StringEquals aws:CalledViaLast glue.amazonaws.com", &user, true),
        ("StringEquals aws:ResourceAccount 111122223333", &user, true),
        ("StringEquals aws:ResourceTag/team lake", &user, true),
        ("StringEquals aws:RequestTag/Owner Bob", &user, true),
        ("ForAllValues:StringEquals aws:TagKeys Owner|Cost", &user, true),
        ("ForAllValues:StringEquals aws:TagKeys Owner", &user, false),
        ("StringEquals aws:PrincipalTag/Team lake", &user, true),
        ("StringEquals aws:PrincipalAccount 111122223333", &role, true),
        ("StringEquals aws:PrincipalArn arn:aws:iam::111122223333:user/Bob", &user, true),
        ("ArnEquals aws:PrincipalArn arn:aws:iam::111122223333:role/jobs/Loader", &role, true),
        ("ArnLike aws:PrincipalArn arn:aws:sts::111122223333:assumed-role/*", &role, false),
        ("StringEquals aws:PrincipalType User", &user, true),
        ("StringEquals aws:PrincipalType AssumedRole", &role, true),
        ("StringEquals aws:PrincipalType Account", &root, true),
        ("StringEquals aws:PrincipalType Anonymous", &Principal::Anonymous, true),
        ("Null aws:PrincipalArn true", &Principal::Anonymous, true),
        ("Bool aws:PrincipalIsAWSService true", &service, true),
        ("Bool aws:PrincipalIsAWSService false", &user, true),
        ("StringEquals aws:PrincipalServiceName s3.amazonaws.com", &service, true),
        ("StringEquals aws:username Bob", &user, true),
        ("Null aws:username true", &role, true),
        ("Null aws:username true", &root, true),
        ("StringEquals aws:userid AIDABOBBOBBOBBOBB", &user, true),
        ("StringLike aws:userid AROALOADERLOADERL:*", &role, true),
        ("StringEquals aws:userid 111122223333", &root, true),
        ("StringEquals aws:SourceIdentity alice", &role, true),
        ("Null aws:SourceArn true", &user, true),
        ("Null aws:Unheard true", &user, true),
    ] {
        assert_eq!(holds(condition, &context, principal), expected, "{condition} of {principal}");
    }
    let mfa = Timestamp::from_secs(1_788_999_000);
    context.token = Some(Token { issued: mfa, mfa: Some(mfa) });
    assert!(holds("NumericEquals aws:MultiFactorAuthAge 1000", &context, &user));
    // Somebody who asks what would be may say what is.
    let keys = [("aws:sourceip", Value::from("10.0.0.1"))];
    context.keys = &keys;
    assert!(holds("IpAddress aws:SourceIp 10.0.0.0/8", &context, &user));
    context.token = None;
    assert!(
        !holds("Bool aws:MultiFactorAuthPresent false", &context, &user),
        "long-lived keys have no such key"
    );
}
