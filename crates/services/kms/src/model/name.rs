//! The four ways in which a request names a key: id, ARN, alias, ARN of an alias.

use millpond_core::{Arn, Scope};
use uuid::Uuid;

use crate::error::KmsError;

pub const ALIAS: &str = "alias/";
/// Aliases of the keys that belong to other services.
pub const RESERVED: &str = "alias/aws/";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName {
    pub scope: Scope,
    pub target: Target,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Key(Uuid),
    /// With its `alias/`.
    Alias(String),
}

impl KeyName {
    /// Errors: InvalidKeyId, InvalidArn (also one of another region).
    pub fn parse(text: &str, here: &Scope) -> Result<Self, KmsError> {
        if !text.starts_with("arn:") {
            let target = target(text).ok_or_else(|| KmsError::InvalidKeyId(text.to_owned()))?;
            return Ok(Self { scope: here.clone(), target });
        }
        let invalid = || KmsError::InvalidArn(text.to_owned());
        let arn: Arn = text.parse().map_err(|_| invalid())?;
        if arn.service != "kms" || arn.partition != here.region.partition() {
            return Err(invalid());
        }
        if arn.region != here.region.as_str() {
            // AWS names just the region.
            return Err(KmsError::InvalidArn(arn.region));
        }
        let resource = match arn.resource.strip_prefix("key/") {
            Some(id) => id.parse().ok().map(Target::Key),
            None => target(&arn.resource).filter(|target| matches!(target, Target::Alias(_))),
        };
        let account = arn.account.parse().map_err(|_| invalid())?;
        let target = resource.ok_or_else(invalid)?;
        Ok(Self { scope: Scope::new(account, here.region.clone()), target })
    }
}

/// A bare id or alias. AWS's ids are UUIDs in their usual spelling.
fn target(text: &str) -> Option<Target> {
    match text.strip_prefix(ALIAS) {
        Some("") => None,
        Some(_) => Some(Target::Alias(text.to_owned())),
        None => Uuid::try_parse(text).ok().filter(|id| id.to_string() == text).map(Target::Key),
    }
}

pub fn key_arn(scope: &Scope, id: Uuid) -> Arn {
    scope.arn("kms", format!("key/{id}"))
}

/// `name` with its `alias/`.
pub fn alias_arn(scope: &Scope, name: &str) -> Arn {
    scope.arn("kms", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_in_four_ways() {
        let here = Scope::new("000000000000".parse().unwrap(), "us-east-1".parse().unwrap());
        let there = Scope::new("111111111111".parse().unwrap(), "us-east-1".parse().unwrap());
        let id: Uuid = "0c3fa5ba-9d33-4b2a-8b7e-0d8b6a8d3f10".parse().unwrap();
        let alias = |name: &str| Target::Alias(name.to_owned());
        for (text, expected) in [
            ("0c3fa5ba-9d33-4b2a-8b7e-0d8b6a8d3f10", Some((&here, Target::Key(id)))),
            ("alias/orders", Some((&here, alias("alias/orders")))),
            (
                "arn:aws:kms:us-east-1:111111111111:key/0c3fa5ba-9d33-4b2a-8b7e-0d8b6a8d3f10",
                Some((&there, Target::Key(id))),
            ),
            ("arn:aws:kms:us-east-1:111111111111:alias/a/b", Some((&there, alias("alias/a/b")))),
            ("0C3FA5BA-9d33-4b2a-8b7e-0d8b6a8d3f10", None),
            ("0c3fa5ba9d334b2a8b7e0d8b6a8d3f10", None),
            ("alias/", None),
            ("orders", None),
            ("arn:aws:kms:eu-west-1:111111111111:alias/a", None),
            ("arn:aws:s3:us-east-1:111111111111:alias/a", None),
            ("arn:aws:kms:us-east-1:1:alias/a", None),
            ("arn:aws:kms:us-east-1:111111111111:key/a", None),
            ("arn:aws:kms:us-east-1:111111111111:0c3fa5ba-9d33-4b2a-8b7e-0d8b6a8d3f10", None),
            ("arn:aws:kms", None),
        ] {
            let parsed = KeyName::parse(text, &here).ok();
            let expected = expected.map(|(scope, target)| KeyName { scope: scope.clone(), target });
            assert_eq!(parsed, expected, "{text}");
        }
    }
}
