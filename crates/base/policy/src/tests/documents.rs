//! What is a policy, and what is said of a text that is none.

use proptest::prelude::*;

use super::document;
use crate::document::MAX_DOCUMENT_BYTES;
use crate::{Effect, Kind, Policy, PolicyError};

const READ: &str = r#""Effect":"Allow","Action":"s3:GetObject","Resource":"*""#;

#[test]
fn a_document_is_read_whole() {
    let json = r#"{
        "Version": "2012-10-17", "Id": "whole",
        "Statement": {
            "Sid": "Some one", "Effect": "Deny", "NotPrincipal": {"AWS": ["111122223333"], "Service": "s3.amazonaws.com"},
            "NotAction": ["s3:Get*", "s3:List*"], "NotResource": "arn:aws:s3:::bucket/*",
            "Condition": {"NumericLessThan": {"s3:max-keys": [10, "11"]}, "Bool": {"aws:SecureTransport": false}}
        }
    }"#;
    let policy = Policy::parse(json, Kind::Resource).unwrap();
    let [statement] = policy.statements() else { panic!("one statement") };
    assert_eq!(
        (policy.id(), statement.sid(), statement.effect()),
        (Some("whole"), Some("Some one"), Effect::Deny)
    );
    assert!(statement.is_not_principal() && statement.is_not_action() && statement.is_not_resource());
    assert_eq!((statement.principals().len(), statement.actions().len()), (2, 2));
    assert_eq!(statement.resources()[0].resource_text(), "bucket/*");
    assert_eq!(statement.resources()[0].service(), Some("s3"));
    let keys: Vec<_> = statement.conditions().iter().map(|condition| condition.key()).collect();
    assert_eq!(keys, ["s3:max-keys", "aws:SecureTransport"]);
}

/// A statement of a resource's policy with one element changed or added.
fn changed(element: &str, value: &str) -> String {
    let mut elements = vec![
        ("Effect", r#""Allow""#),
        ("Principal", r#""*""#),
        ("Action", r#""s3:GetObject""#),
        ("Resource", r#""*""#),
    ];
    elements.retain(|(name, _)| *name != element);
    let kept = elements.iter().map(|(name, value)| format!(r#""{name}":{value}"#));
    let added = (!value.is_empty()).then(|| format!(r#""{element}":{value}"#));
    document(&[&kept.chain(added).collect::<Vec<_>>().join(",")])
}

#[test]
fn statements_are_refused_by_what_is_wrong_with_them() {
    for (element, value, iam, s3) in [
        ("Effect", "", "Syntax errors in policy.", "Missing required field Effect"),
        ("Effect", r#""allow""#, "Syntax errors in policy.", "Invalid effect : allow"),
        ("Effect", "true", "Syntax errors in policy.", "Invalid value for field Effect"),
        ("Action", "", "Policy statement must contain actions.", "Missing required field Action"),
        ("Action", "[]", "Policy statement must contain actions.", "Missing required field Action"),
        ("Action", "7", "Syntax errors in policy.", "Invalid value for field Action"),
        ("Action", "[[]]", "Syntax errors in policy.", "Invalid value for field Action"),
        (
            "Action",
            r#""GetObject""#,
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            "Policy has invalid action",
        ),
        (
            "Action",
            r#""s3:Get:Object""#,
            "Actions/Condition can contain only one colon.",
            "Policy has invalid action",
        ),
        ("Action", r#""a a:Get""#, "Vendor a a is not valid", "Policy has invalid action"),
        ("Resource", "", "Policy statement must contain resources.", "Missing required field Resource"),
        (
            "Resource",
            r#""bucket""#,
            "Resource bucket must be in ARN format or \"*\".",
            "Policy has invalid resource",
        ),
        (
            "Resource",
            r#""arn:mars:s3:::b""#,
            "Partition \"mars\" is not valid for resource \"arn:mars:s3:::b\".",
            "Policy has invalid resource",
        ),
        (
            "Resource",
            r#""arn:aws:s*:::b""#,
            "Resource vendor must be fully qualified and cannot contain regexes.",
            "Policy has invalid resource",
        ),
        (
            "Resource",
            r#""arn:aws:sqs:${aws:RequestedRegion}:1:q""#,
            "The policy failed legacy parsing",
            "Policy has invalid resource",
        ),
        (
            "Resource",
            r#""arn:aws:s3:::b/${aws:username""#,
            "The policy failed legacy parsing",
            "Policy has invalid resource",
        ),
        ("Principal", "", "Syntax errors in policy.", "Missing required field Principal"),
        ("Principal", "{}", "Syntax errors in policy.", "Missing required field Principal"),
        (
            "Principal",
            r#""111122223333""#,
            "Invalid principal in policy: 111122223333",
            "Invalid principal in policy",
        ),
        ("Principal", r#"{"Aws":"*"}"#, "Syntax errors in policy.", "Unknown field Aws"),
        (
            "Principal",
            r#"{"AWS":"arn:aws:iam::111122223333:user/*"}"#,
            r#"Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*""#,
            "Invalid principal in policy",
        ),
        (
            "Principal",
            r#"{"AWS":"Bob"}"#,
            r#"Invalid principal in policy: "AWS":"Bob""#,
            "Invalid principal in policy",
        ),
        (
            "Principal",
            r#"{"AWS":"arn:aws:iam::111122223333:group/g"}"#,
            r#"Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:group/g""#,
            "Invalid principal in policy",
        ),
        (
            "Principal",
            r#"{"Service":"s3"}"#,
            r#"Invalid principal in policy: "Service":"s3""#,
            "Invalid principal in policy",
        ),
        ("Condition", r#"[]"#, "Syntax errors in policy.", "Invalid value for field Condition"),
        ("Condition", r#"{"Like":{}}"#, "", ""),
        (
            "Condition",
            r#"{"Like":{"aws:x":"1"}}"#,
            "Syntax errors in policy.",
            "Invalid Condition type : Like",
        ),
        (
            "Condition",
            r#"{"NullIfExists":{"aws:x":"true"}}"#,
            "Syntax errors in policy.",
            "Invalid Condition type : NullIfExists",
        ),
        (
            "Condition",
            r#"{"ForSomeValues:StringLike":{"aws:x":"1"}}"#,
            "Syntax errors in policy.",
            "Invalid Condition type : ForSomeValues:StringLike",
        ),
        (
            "Condition",
            r#"{"Bool":{"aws:x":"1"}}"#,
            "The policy failed legacy parsing",
            "Invalid value in Condition : 1",
        ),
        (
            "Condition",
            r#"{"IpAddress":{"aws:x":"1.2.3"}}"#,
            "The policy failed legacy parsing",
            "Invalid value in Condition : 1.2.3",
        ),
        (
            "Condition",
            r#"{"DateEquals":{"aws:x":"now"}}"#,
            "The policy failed legacy parsing",
            "Invalid value in Condition : now",
        ),
        (
            "Condition",
            r#"{"Bool":{"aws:x":{}}}"#,
            "Syntax errors in policy.",
            "Invalid value for field Condition",
        ),
        (
            "Condition",
            r#"{"Bool":{"aws:x":"true","AWS:X":"true"}}"#,
            "Syntax errors in policy.",
            "Duplicate field AWS:X",
        ),
        (
            "NotAction",
            r#""s3:*""#,
            "Syntax errors in policy.",
            "Policy statement cannot contain both Action and NotAction",
        ),
        ("Unheard", "1", "Syntax errors in policy.", "Unknown field Unheard"),
        ("Sid", "1", "Syntax errors in policy.", "Invalid value for field Sid"),
    ] {
        let error = Policy::parse(&changed(element, value), Kind::Resource).err();
        let said = error.map(|error| (error.to_string(), error.in_s3s_words())).unwrap_or_default();
        assert_eq!(said, (iam.to_owned(), s3.to_owned()), "{element}: {value}");
    }
}

#[test]
fn documents_are_refused_by_what_is_wrong_with_them() {
    let statement = format!(r#"{{{READ}}}"#);
    let of = |version: &str| format!(r#"{{{version}"Statement":[{statement}]}}"#);
    for (json, expected) in [
        ("".to_owned(), PolicyError::NotJson),
        ("[]".into(), PolicyError::NotJson),
        (" {}".into(), PolicyError::NotJson),
        ("{".into(), PolicyError::NotJson),
        ("{}{}".into(), PolicyError::NotJson),
        ("{\"a\":".repeat(100_000), PolicyError::TooLarge { limit: MAX_DOCUMENT_BYTES }),
        ("{\"a\":".repeat(10_000), PolicyError::NotJson),
        ("{}".into(), PolicyError::Missing { element: "Statement" }),
        (r#"{"Statement":[]}"#.into(), PolicyError::Missing { element: "Statement" }),
        (r#"{"Statement":1}"#.into(), PolicyError::WrongType { element: "Statement".into() }),
        (
            r#"{"Version":"2012-10-17","Statement":["x"]}"#.into(),
            PolicyError::WrongType { element: "Statement".into() },
        ),
        (of(r#""Version":1,"#), PolicyError::WrongType { element: "Version".into() }),
        (of(r#""Version":"2013-01-01","#), PolicyError::InvalidVersion { version: "2013-01-01".into() }),
        (of(""), PolicyError::OldVersion),
        (of(r#""Version":"2008-10-17","#), PolicyError::OldVersion),
        (
            of(r#""Version":"2012-10-17","Version":"2012-10-17","#),
            PolicyError::Duplicate { element: "Version".into() },
        ),
        (of(r#""version":"2012-10-17","#), PolicyError::Unknown { element: "version".into() }),
        (document(&[&format!(r#""Sid":"a b",{READ}"#)]), PolicyError::InvalidSid { sid: "a b".into() }),
        (
            document(&[&format!(r#""Sid":"a",{READ}"#), &format!(r#""Sid":"a",{READ}"#)]),
            PolicyError::DuplicateSid { sid: "a".into() },
        ),
        (
            document(&[&format!(r#""Principal":"*",{READ}"#)]),
            PolicyError::Prohibited { element: "Principal" },
        ),
    ] {
        assert_eq!(Policy::parse(&json, Kind::Identity), Err(expected), "{}", &json[..json.len().min(200)]);
    }
}

#[test]
fn each_kind_has_its_own_elements() {
    let trust =
        r#""Effect":"Allow","Principal":{"Service":"firehose.amazonaws.com"},"Action":"sts:AssumeRole""#;
    let resource = format!(r#""Principal":"*",{READ}"#);
    let not_principal = format!(r#""NotPrincipal":"*",{READ}"#);
    for (inside, kind, expected) in [
        (READ, Kind::Identity, None),
        (READ, Kind::Session, None),
        (READ, Kind::Boundary, None),
        (READ, Kind::ServiceControl, None),
        (&resource, Kind::Resource, None),
        (trust, Kind::Trust, None),
        (READ, Kind::Resource, Some(PolicyError::Missing { element: "Principal" })),
        (READ, Kind::Trust, Some(PolicyError::Missing { element: "Principal" })),
        (&resource, Kind::Trust, Some(PolicyError::Prohibited { element: "Resource" })),
        (&resource, Kind::Session, Some(PolicyError::Prohibited { element: "Principal" })),
        (trust, Kind::Resource, Some(PolicyError::Missing { element: "Resource" })),
        (&not_principal, Kind::Resource, Some(PolicyError::AllowNotPrincipal)),
    ] {
        assert_eq!(Policy::parse(&document(&[inside]), kind).err(), expected, "{kind:?}: {inside}");
    }
}

#[test]
fn quotas_do_not_count_white_space() {
    for (json, expected) in
        [("{ \"a b\" :\n\t1 }", 9), (r#"{"a\" b": 1}"#, 11), ("", 0), (r#"{"é": "ü"}"#, 9)]
    {
        assert_eq!(Policy::counted_size(json), expected, "{json}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Seeded and bounded; `fuzz/` runs the same entry without end.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        crate::fuzz::document(&bytes);
    }

    #[test]
    fn near_misses_are_read_or_refused(
        at in 0..400_usize, bytes in "[\"{}\\[\\],:$*?a0 ]{0,4}", skipped in 0..6_usize,
    ) {
        let json = r#"{"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"A","Effect":"Allow","Principal":{"AWS":"*"},"NotAction":["s3:Put*","s3:?"],"Resource":["arn:aws:s3:::b/${aws:username, 'x'}/*","arn:aws:sqs:*:*:q?"],"Condition":{"ForAnyValue:StringLikeIfExists":{"s3:prefix":["a*",1]},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}}]}"#;
        let at = at.min(json.len());
        let rest = &json[(at + skipped).min(json.len())..];
        crate::fuzz::document(format!("{}{bytes}{rest}", &json[..at]).as_bytes());
    }
}
