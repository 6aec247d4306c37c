//! The managed policies that AWS brings along, those that people attach by name: a flat list, written from what each is
//! documented to allow.

use aws_lc_rs::digest::{SHA256, digest};

/// A policy that every account has and nobody changes.
#[derive(Debug)]
pub struct AwsPolicy {
    /// `/`, or as `/service-role/`.
    pub path: &'static str,
    pub name: &'static str,
    pub description: &'static str,
    pub document: &'static str,
}

const PREFIX: &str = "arn:aws:iam::aws:policy";

impl AwsPolicy {
    pub fn arn(&self) -> String {
        format!("{PREFIX}{}{}", self.path, self.name)
    }

    /// In the form of AWS's ids, always the same for the same policy.
    pub fn id(&self) -> String {
        let digest = digest(&SHA256, self.arn().as_bytes());
        let letter = |byte: &u8| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(*byte % 32)]);
        format!("ANPA{}", digest.as_ref().iter().take(17).map(letter).collect::<String>())
    }
}

/// The policy of this ARN.
pub fn find(arn: &str) -> Option<&'static AwsPolicy> {
    let rest = arn.strip_prefix(PREFIX)?;
    let split = rest.rfind('/')? + 1;
    let (path, name) = rest.split_at(split);
    POLICIES.iter().find(|policy| policy.path == path && policy.name == name)
}

/// In the order of their names.
pub static POLICIES: &[AwsPolicy] = &[
    AwsPolicy {
        path: "/",
        name: "AdministratorAccess",
        description: "Everything, everywhere.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonS3FullAccess",
        description: "Everything in S3 and S3 Object Lambda.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:*", "s3-object-lambda:*"], "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonS3ReadOnlyAccess",
        description: "Reading and listing in S3 and S3 Object Lambda.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"],
            "Resource": "*"
        }
    ]
}"#,
    },
];

#[cfg(test)]
mod tests {
    use millpond_policy::{Kind, Policy};

    use super::*;
    use crate::model::document::check_managed;

    #[test]
    fn every_policy_is_in_order_and_found_by_its_arn() {
        assert!(POLICIES.windows(2).all(|pair| pair[0].name < pair[1].name), "they are sorted");
        for policy in POLICIES {
            let Err(error) = check_managed(policy.document) else {
                let arn = policy.arn();
                assert!(std::ptr::eq(find(&arn).unwrap(), policy), "{arn}");
                Policy::parse(policy.document, Kind::Boundary).unwrap();
                continue;
            };
            panic!("{}: {error}", policy.name);
        }
        for unknown in ["", "arn:aws:iam::aws:policy", "arn:aws:iam::aws:policy/x/AdministratorAccess"] {
            assert!(find(unknown).is_none(), "{unknown}");
        }
    }
}
