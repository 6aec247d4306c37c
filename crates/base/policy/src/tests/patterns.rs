//! Wildcards, variables, and ARNs section by section.

use millpond_core::Arn;
use proptest::prelude::*;

use super::{NOW, OURS, role_of, user_of};
use crate::arn::{ArnPattern, ResourcePattern};
use crate::pattern::{Facts, Pattern, Syntax};
use crate::{ActionPattern, Context, Principal, Value};

const WILD: Syntax = Syntax { wildcards: true, variables: true, folded: false };

/// Tries everything.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some(('*', rest)), None) => naive(rest, text),
        (Some(('*', rest)), Some((_, tail))) => naive(rest, text) || naive(pattern, tail),
        (Some(('?', rest)), Some((_, tail))) => naive(rest, tail),
        (Some((one, rest)), Some((other, tail))) => one == other && naive(rest, tail),
        (Some(_), None) => false,
    }
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn wildcards_match_what_trying_everything_finds(pattern in "[ab*?é]{0,9}", text in "[abé]{0,12}") {
        let compiled = Pattern::parse(&pattern, WILD).unwrap();
        prop_assert_eq!(compiled.matches_text(&text), naive(&chars(&pattern), &chars(&text)));
    }

    #[test]
    fn stars_at_the_end_of_a_section_reach_over_colons(
        region in "[ab]{0,2}[*?]?[ab]{0,2}\\*?",
        account in "[ab]{0,2}\\*?",
        resource in "[ab:*?]{1,5}",
        text in "[ab]{0,3}:[ab]{0,3}:[ab:]{1,6}",
    ) {
        let pattern = ResourcePattern::parse(&format!("arn:aws:sqs:{region}:{account}:{resource}"), true);
        let arn: Arn = format!("arn:aws:sqs:{text}").parse().unwrap();
        let principal = Principal::Anonymous;
        let facts = Facts { principal: &principal, context: &Context::default() };
        prop_assert_eq!(pattern.unwrap().matches(&arn, facts), naive_arn(&[&region, &account, &resource], &text));
    }
}

/// A star reaches over colons in the last section, and at the end of any; `?` and other stars do not, but in the last.
fn naive_arn(sections: &[&str], text: &str) -> bool {
    fn walk(pattern: &[(char, bool)], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some((('*', _), rest)), None) => walk(rest, text),
            (Some((('*', over), rest)), Some((one, tail))) => {
                walk(rest, text) || ((*over || *one != ':') && walk(pattern, tail))
            }
            (Some((('?', over), rest)), Some((one, tail))) => (*over || *one != ':') && walk(rest, tail),
            (Some(((one, _), rest)), Some((other, tail))) => one == other && walk(rest, tail),
            (Some(_), None) => false,
        }
    }
    let mut pattern = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let last = index + 1 == sections.len();
        let section = chars(section);
        pattern.extend(
            section
                .iter()
                .enumerate()
                .map(|(at, one)| (*one, last || (*one == '*' && at + 1 == section.len()))),
        );
        if !last {
            pattern.push((':', false));
        }
    }
    walk(&pattern, &chars(text))
}

#[test]
fn patterns_that_blow_up_elsewhere_are_quick_here() {
    let pattern = Pattern::parse(&format!("{}b", "a*".repeat(500)), WILD).unwrap();
    assert!(!pattern.matches_text(&"a".repeat(2_000)));
    let pattern = Pattern::parse(&format!("*{}b", "a?".repeat(500)), WILD).unwrap();
    assert!(!pattern.matches_text(&"a".repeat(2_000)));
}

#[test]
fn actions_are_compared_without_case() {
    for (pattern, action, expected) in [
        ("*", "s3:GetObject", true),
        ("s3:*", "s3:GetObject", true),
        ("s3:*", "s3express:CreateSession", false),
        ("S3:getobject", "s3:GetObject", true),
        ("s3:Get*", "s3:getObjectAcl", true),
        ("s3:*Object", "s3:PutObjectAcl", false),
        ("s3:?etObject", "s3:GetObject", true),
        ("*:Describe*", "kinesis:DescribeStream", true),
        ("s3:GetObject", "s3:GetObjectAcl", false),
    ] {
        assert_eq!(ActionPattern::parse(pattern).unwrap().matches(action), expected, "{pattern} {action}");
    }
}

#[test]
fn resources_are_compared_section_by_section() {
    let principal = Principal::Anonymous;
    let facts = Facts { principal: &principal, context: &Context::default() };
    for (pattern, arn, expected) in [
        ("*", "arn:aws:s3:::bucket", true),
        ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket", true),
        ("arn:aws:s3:::bucket", "arn:aws:s3:::Bucket", false),
        ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket/key", false),
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a/b:c", true),
        ("arn:aws:s3:::bucket*", "arn:aws:s3:::bucket-2/key", true),
        ("arn:aws:s3:::*", "arn:aws:s3:::bucket/key", true),
        ("arn:aws:s3:::b?cket/*.csv", "arn:aws:s3:::bucket/2013/1:2.csv", true),
        ("arn:aws-cn:s3:::bucket", "arn:aws:s3:::bucket", false),
        ("arn:*:s3:::bucket", "arn:aws-cn:s3:::bucket", true),
        // One that stops early says everything after.
        ("arn:aws:sqs", "arn:aws:sqs:us-east-1:111122223333:queue", true),
        ("arn:aws:sqs:us-east-1", "arn:aws:sqs:us-east-1:111122223333:queue", true),
        ("arn:aws:sqs:us-east-1", "arn:aws:sqs:us-west-1:111122223333:queue", false),
        ("arn:aws:sqs:*:*:queue", "arn:aws:sqs:us-east-1:111122223333:queue", true),
        ("arn:aws:sqs:us-*:111122223333:queue", "arn:aws:sqs:us-east-1:111122223333:queue", true),
        ("arn:aws:sqs:us-*-1:*:queue", "arn:aws:sqs:us-east-1:111122223333:queue", true),
        // A star that ends a section reaches over colons, one within it does not.
        ("arn:aws:logs:*:stream", "arn:aws:logs:r:1:log-group:g:stream", false),
        ("arn:aws:logs:*:*:g:stream", "arn:aws:logs:r:1:log-group:g:stream", true),
        ("arn:aws:logs:*r:1:g:stream", "arn:aws:logs:r:1:log-group:g:stream", false),
        ("arn:aws:logs:r:1:log-group:*:stream", "arn:aws:logs:r:1:log-group:a:b:stream", true),
    ] {
        let parsed = ResourcePattern::parse(pattern, true).unwrap();
        assert_eq!(parsed.matches(&arn.parse().unwrap(), facts), expected, "{pattern} {arn}");
    }
}

#[test]
fn arn_operators_compare_section_by_section() {
    let principal = Principal::Anonymous;
    let facts = Facts { principal: &principal, context: &Context::default() };
    for (pattern, text, expected) in [
        ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket", true),
        ("arn:aws:s3:::b*", "arn:aws:s3:::bucket", true),
        ("arn:aws:sns:*:111122223333:topic", "arn:aws:sns:us-east-1:111122223333:topic", true),
        ("arn:aws:sns:*:topic", "arn:aws:sns:us-east-1:111122223333:topic", false),
        ("arn:aws:sns:*:*:a:b", "arn:aws:sns:r:1:x:a:b", false),
        ("*", "arn:aws:s3:::bucket", true),
        ("*", "bucket", false),
        ("arn:aws:s3:::bucket", "bucket", false),
    ] {
        let parsed = ArnPattern::parse(pattern, true).unwrap();
        assert_eq!(parsed.matches(text, facts), expected, "{pattern} {text}");
    }
}

#[test]
fn variables_stand_for_what_the_request_says() {
    let keys = [("s3:prefix", Value::from("home/*")), ("aws:x", Value::Texts(&["a", "b"]))];
    let context = Context { now: NOW, keys: &keys, ..Context::default() };
    for (pattern, principal, text, expected) in [
        ("${aws:username}/*", user_of(OURS), "Bob/x", true),
        ("${AWS:UserName}/*", user_of(OURS), "Bob/x", true),
        ("${aws:username}/*", user_of(OURS), "Eve/x", false),
        // A role's session has no user name: nothing matches.
        ("${aws:username}/*", role_of(OURS), "/x", false),
        ("${aws:username, 'nobody'}/*", role_of(OURS), "nobody/x", true),
        ("${aws:username, ''}/*", role_of(OURS), "/x", true),
        ("${aws:PrincipalTag/team}", role_of(OURS), "mill", true),
        ("${aws:userid}", role_of(OURS), "AROALOADERLOADERL:night", true),
        // A star in a value is a star, not a wildcard.
        ("${s3:prefix}", user_of(OURS), "home/*", true),
        ("${s3:prefix}", user_of(OURS), "home/Bob", false),
        // Of two values none is the one.
        ("${aws:x}", user_of(OURS), "a", false),
        ("a${*}b${?}c${$}d", user_of(OURS), "a*b?c$d", true),
        ("a${*}b", user_of(OURS), "axxb", false),
        ("$5 {x}", user_of(OURS), "$5 {x}", true),
    ] {
        let parsed = Pattern::parse(pattern, WILD).unwrap();
        let facts = Facts { principal: &principal, context: &context };
        assert_eq!(parsed.matches(text, facts), expected, "{pattern} {text}");
    }
    let before = Pattern::parse("${aws:username}", Syntax { variables: false, ..WILD }).unwrap();
    assert!(before.matches_text("${aws:username}"), "the older version has no variables");
    for wrong in ["${", "${}", "${username}", "${aws:username", "${aws:a, b}", "${aws:a${aws:b}}"] {
        assert!(Pattern::parse(wrong, WILD).is_err(), "{wrong}");
    }
}
