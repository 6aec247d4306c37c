//! Resources as CloudTrail names them: a type of CloudFormation's and a name. Pure.

use millpond_core::Arn;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// `None` for what has no type here.
    pub kind: Option<String>,
    pub name: String,
    pub arn: String,
    pub account: String,
}

/// By the ARN's service and how its resource begins; the name is the whole ARN where CloudTrail says so.
const TYPES: &[(&str, &str, &str, Named)] = &[
    ("athena", "datacatalog", "AWS::Athena::DataCatalog", Named::Rest),
    ("athena", "workgroup", "AWS::Athena::WorkGroup", Named::Rest),
    ("cloudtrail", "trail", "AWS::CloudTrail::Trail", Named::Arn),
    ("firehose", "deliverystream", "AWS::KinesisFirehose::DeliveryStream", Named::Rest),
    ("glue", "classifier", "AWS::Glue::Classifier", Named::Rest),
    ("glue", "crawler", "AWS::Glue::Crawler", Named::Rest),
    ("glue", "database", "AWS::Glue::Database", Named::Rest),
    ("glue", "table", "AWS::Glue::Table", Named::Rest),
    ("iam", "group", "AWS::IAM::Group", Named::Last),
    ("iam", "instance-profile", "AWS::IAM::InstanceProfile", Named::Last),
    ("iam", "oidc-provider", "AWS::IAM::OIDCProvider", Named::Arn),
    ("iam", "policy", "AWS::IAM::Policy", Named::Arn),
    ("iam", "role", "AWS::IAM::Role", Named::Last),
    ("iam", "user", "AWS::IAM::User", Named::Last),
    ("kinesis", "stream", "AWS::Kinesis::Stream", Named::Rest),
    ("kms", "alias", "AWS::KMS::Alias", Named::Arn),
    ("kms", "key", "AWS::KMS::Key", Named::Arn),
    ("sts", "assumed-role", "AWS::STS::AssumedRole", Named::Arn),
];

#[derive(Debug, Clone, Copy)]
enum Named {
    /// What follows the kind.
    Rest,
    /// What follows the path.
    Last,
    Arn,
}

/// `None` for what stands for many, as `key/*` does. `account` owns what an ARN without one names.
pub fn resource(arn: &Arn, account: &str) -> Option<Resource> {
    if arn.resource.contains('*') {
        return None;
    }
    let (begins, rest) = arn.resource.split_once('/').unwrap_or((&arn.resource, ""));
    let (kind, name) = if arn.service == "s3" {
        match rest {
            "" => (Some("AWS::S3::Bucket"), begins.to_owned()),
            key => (Some("AWS::S3::Object"), key.to_owned()),
        }
    } else {
        match TYPES.iter().find(|(service, kind, ..)| *service == arn.service && *kind == begins) {
            Some((.., kind, Named::Rest)) => (Some(*kind), rest.to_owned()),
            Some((.., kind, Named::Last)) => {
                (Some(*kind), rest.rsplit('/').next().unwrap_or(rest).to_owned())
            }
            Some((.., kind, Named::Arn)) => (Some(*kind), arn.to_string()),
            None => (None, arn.to_string()),
        }
    };
    let account = if arn.account.is_empty() { account } else { &arn.account };
    Some(Resource { kind: kind.map(str::to_owned), name, arn: arn.to_string(), account: account.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_have_types_and_names() {
        for (arn, expected) in [
            ("arn:aws:s3:::lake", Some((Some("AWS::S3::Bucket"), "lake"))),
            ("arn:aws:s3:::lake/a/b", Some((Some("AWS::S3::Object"), "a/b"))),
            ("arn:aws:kinesis:us-east-1:1:stream/orders", Some((Some("AWS::Kinesis::Stream"), "orders"))),
            ("arn:aws:iam::1:user/team/Bob", Some((Some("AWS::IAM::User"), "Bob"))),
            ("arn:aws:kms:r:1:key/k", Some((Some("AWS::KMS::Key"), "arn:aws:kms:r:1:key/k"))),
            ("arn:aws:glue:r:1:table/db/t", Some((Some("AWS::Glue::Table"), "db/t"))),
            ("arn:aws:glue:r:1:catalog", Some((None, "arn:aws:glue:r:1:catalog"))),
            ("arn:aws:kms:r:1:key/*", None),
        ] {
            let found = resource(&arn.parse().unwrap(), "9");
            let found = found.as_ref().map(|found| (found.kind.as_deref(), found.name.as_str()));
            assert_eq!(found, expected, "{arn}");
        }
    }
}
