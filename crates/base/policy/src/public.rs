//! What S3 calls public: a bucket policy that lets in people whom it does not name.

use ipnet::IpNet;

use crate::condition::{Condition, Test};
use crate::document::{Effect, Policy, Statement};
use crate::principals::PrincipalPattern;

/// Keys that tie a statement to somebody, if their value is fixed.
const FIXING: [&str; 13] = [
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceOwner",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:userid",
    "aws:PrincipalServiceName",
    "s3:DataAccessPointAccount",
    "s3:DataAccessPointArn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
];

/// Whether the policy is public in the sense of GetBucketPolicyStatus and BlockPublicPolicy: a statement allows everyone
/// something, and no condition of it asks for a fixed value of a key that ties it to somebody. Deny statements are
/// not looked at.
///
/// Source: Amazon S3 User Guide, Blocking public access, The meaning of "public".
pub fn is_public(policy: &Policy) -> bool {
    policy.statements().iter().any(is_public_statement)
}

fn is_public_statement(statement: &Statement) -> bool {
    let everyone = statement.not_principal || statement.principals.contains(&PrincipalPattern::Everyone);
    statement.effect == Effect::Allow && everyone && !statement.conditions.iter().any(ties)
}

fn ties(condition: &Condition) -> bool {
    if !condition.demands_a_value() {
        return false;
    }
    match condition.test() {
        Test::Ip(networks) => condition.is_about("aws:SourceIp") && networks.iter().all(is_narrow),
        Test::Text(patterns) => {
            FIXING.iter().any(|key| condition.is_about(key))
                && patterns.iter().all(|pattern| pattern.is_fixed())
        }
        Test::Arn(patterns) => {
            FIXING.iter().any(|key| condition.is_about(key))
                && patterns.iter().all(|pattern| pattern.is_fixed())
        }
        Test::Number(..) | Test::Date(..) | Test::Bool(_) | Test::Binary(_) | Test::Null(_) => false,
    }
}

/// A range that is wider than a /8 of IPv4 or a /32 of IPv6 is everyone's; private ranges are narrow.
fn is_narrow(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() >= 8,
        IpNet::V6(network) => network.prefix_len() >= 32,
    }
}
