//! The examples of "The meaning of public" and their kin.

use super::{document, policy};
use crate::{Kind, is_public};

#[test]
fn a_policy_is_public_unless_something_ties_it_to_somebody() {
    let allow = |principal: &str, condition: &str| {
        let base =
            format!(r#""Effect":"Allow","Principal":{principal},"Action":"s3:GetObject","Resource":"*""#);
        if condition.is_empty() { base } else { format!(r#"{base},"Condition":{{{condition}}}"#) }
    };
    for (principal, condition, expected) in [
        (r#""*""#, "", true),
        (r#"{"AWS":"*"}"#, "", true),
        (r#"{"AWS":["111122223333","*"]}"#, "", true),
        (r#"{"AWS":"111122223333"}"#, "", false),
        (r#"{"Service":"logging.s3.amazonaws.com"}"#, "", false),
        (r#""*""#, r#""StringLike":{"aws:SourceVpc":"vpc-*"}"#, true),
        (r#""*""#, r#""StringEquals":{"aws:SourceVpc":"vpc-91237329"}"#, false),
        (r#""*""#, r#""StringLike":{"aws:SourceVpce":"vpce-1"}"#, false),
        (r#""*""#, r#""StringEqualsIfExists":{"aws:SourceVpce":"vpce-1"}"#, true),
        (r#""*""#, r#""ForAllValues:StringEquals":{"aws:SourceVpce":"vpce-1"}"#, true),
        (r#""*""#, r#""StringNotEquals":{"aws:SourceVpce":"vpce-1"}"#, true),
        (r#""*""#, r#""StringEquals":{"aws:SourceVpce":"${aws:username}"}"#, true),
        (r#""*""#, r#""IpAddress":{"aws:SourceIp":"192.0.2.0/24"}"#, false),
        (r#""*""#, r#""IpAddress":{"aws:SourceIp":["192.0.2.0/24","0.0.0.0/1"]}"#, true),
        (r#""*""#, r#""IpAddress":{"aws:SourceIp":"2001:db8::/32"}"#, false),
        (r#""*""#, r#""IpAddress":{"aws:SourceIp":"2000::/3"}"#, true),
        (r#""*""#, r#""IpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#, false),
        (r#""*""#, r#""NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}"#, true),
        (r#""*""#, r#""ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-1:111122223333:t"}"#, false),
        (r#""*""#, r#""ArnLike":{"aws:SourceArn":"arn:aws:sns:*:111122223333:t"}"#, true),
        (r#""*""#, r#""StringEquals":{"aws:PrincipalOrgID":"o-1"}"#, false),
        (r#""*""#, r#""StringEquals":{"s3:x-amz-acl":"private"}"#, true),
        (r#""*""#, r#""Bool":{"aws:SecureTransport":"true"}"#, true),
    ] {
        let json = document(&[&allow(principal, condition)]);
        assert_eq!(is_public(&policy(&json, Kind::Resource)), expected, "{principal} {condition}");
    }
    let deny = r#""Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*""#;
    assert!(!is_public(&policy(&document(&[deny]), Kind::Resource)));
    let both = document(&[&allow(r#"{"AWS":"111122223333"}"#, ""), &allow(r#""*""#, "")]);
    assert!(is_public(&policy(&both, Kind::Resource)), "one public statement is enough");
}
