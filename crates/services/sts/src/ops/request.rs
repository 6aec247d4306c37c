//! What the requests for credentials have in common: policies and tags as they are asked for, and the credentials of the answer.

use std::time::Duration;

use millpond_core::{AccountId, Arn};
use millpond_gateway::Caller;
use millpond_iam::Role;
use millpond_policy::{Kind, Policy, Principal, Tag, Value};

use crate::api;
use crate::error::StsError;
use crate::session::{Extras, Issued, Named};

const MOST_POLICIES: usize = 10;
const LONGEST_POLICIES: usize = 2_048;
pub const DEFAULT_DURATION: Duration = Duration::from_secs(3_600);

/// What a session is to be limited by and marked with, checked.
#[derive(Debug, Default)]
pub struct Wanted {
    pub policy: Option<String>,
    pub policy_arns: Vec<String>,
    pub tags: Vec<Tag>,
    pub transitive: Vec<String>,
}

impl Wanted {
    /// Errors: MalformedPolicyDocument, ValidationError, InvalidParameterValue.
    pub fn checked(
        policy: Option<String>,
        policy_arns: Option<Vec<api::PolicyDescriptorType>>,
        tags: Option<Vec<api::Tag>>,
        transitive: Option<Vec<String>>,
    ) -> Result<Self, StsError> {
        let policy_arns: Vec<String> =
            policy_arns.into_iter().flatten().filter_map(|descriptor| descriptor.arn).collect();
        if policy_arns.len() > MOST_POLICIES {
            return Err(too_long("policyArns", MOST_POLICIES));
        }
        let plain = policy.iter().chain(&policy_arns).map(String::len).sum::<usize>();
        if plain > LONGEST_POLICIES {
            return Err(too_long("policy", LONGEST_POLICIES));
        }
        if let Some(policy) = &policy {
            Policy::parse(policy, Kind::Session)
                .map_err(|error| StsError::MalformedPolicy(error.to_string()))?;
        }
        let tags: Vec<Tag> = tags.into_iter().flatten().map(|tag| (tag.key, tag.value)).collect();
        check_tags(&tags)?;
        let transitive = transitive.unwrap_or_default();
        if !transitive.iter().all(|key| has(&tags, key)) {
            return Err(StsError::InvalidParameter(
                "The specified transitive tag key must be included in the requested tags.",
            ));
        }
        Ok(Self { policy, policy_arns, tags, transitive })
    }

    pub fn into_extras(self) -> Extras {
        let Self { policy, policy_arns, tags, transitive } = self;
        Extras { policy, policy_arns, tags, transitive_tags: transitive }
    }
}

fn too_long(member: &str, most: usize) -> StsError {
    StsError::Validation(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must have length less than \
         or equal to {most}"
    ))
}

fn check_tags(tags: &[Tag]) -> Result<(), StsError> {
    for (index, (key, _)) in tags.iter().enumerate() {
        if has(&tags[..index], key) {
            return Err(StsError::InvalidParameter(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return Err(StsError::InvalidParameter(
                "aws: prefixed tag key names are not allowed for external use.",
            ));
        }
    }
    Ok(())
}

/// Keys of tags are the same whatever their case.
pub fn has(tags: &[Tag], key: &str) -> bool {
    tags.iter().any(|(own, _)| own.eq_ignore_ascii_case(key))
}

pub fn pairs(tags: &[Tag]) -> Vec<(&str, &str)> {
    tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// The account and user (`None`: its root) whose own keys signed the request: temporary credentials beget none of this kind.
pub fn long_lived(caller: &Caller, operation: &str) -> Result<(AccountId, Option<Named>), StsError> {
    let refused = || StsError::AccessDenied(format!("Cannot call {operation} with session credentials"));
    match &caller.principal {
        _ if caller.token.is_some() => Err(refused()),
        Principal::Root { account } => Ok((account.clone(), None)),
        Principal::User(user) => {
            Ok((user.account.clone(), Some(Named { name: user.name.clone(), id: user.id.clone() })))
        }
        Principal::AssumedRole(_)
        | Principal::FederatedUser(_)
        | Principal::Anonymous
        | Principal::Service(_)
        | Principal::Federated(_) => Err(refused()),
    }
}

/// The same words for a role that is not there and for one that the caller may not assume, and the same authorization message:
/// that of a role which lets nobody in.
pub fn denied(caller: &Caller, action: &str, arn: &Arn) -> StsError {
    let _denial = caller.ask(action, arn).resource_must_allow().decide();
    StsError::AccessDenied(format!(
        "User: {} is not authorized to perform: {action} on resource: {arn}",
        caller.principal
    ))
}

/// The role that an ARN names: its account, its path and its name.
///
/// Errors: ValidationError.
pub fn role_arn(text: &str) -> Result<(Arn, AccountId, String, String), StsError> {
    let invalid = || StsError::Validation(format!("{text} is invalid"));
    let arn: Arn = text.parse().map_err(|_| invalid())?;
    let account: AccountId = arn.account.parse().map_err(|_| invalid())?;
    let rest = arn.resource.strip_prefix("role/").filter(|_| arn.service == "iam" && arn.region.is_empty());
    let (path, name) = match rest.ok_or_else(invalid)?.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name.to_owned()),
        None => ("/".to_owned(), rest.unwrap_or_default().to_owned()),
    };
    if name.is_empty() { Err(invalid()) } else { Ok((arn, account, path, name)) }
}

/// A question to a role's trust policy.
pub struct TrustQuestion<'a> {
    pub caller: &'a Caller,
    pub role: &'a Role,
    pub arn: &'a Arn,
    pub keys: &'a [(&'a str, Value<'a>)],
    /// The tags that the session would have.
    pub tags: &'a [(&'a str, &'a str)],
}

impl TrustQuestion<'_> {
    /// Errors: AccessDenied.
    pub fn permits(&self, action: &str) -> Result<(), StsError> {
        let Self { caller, role, arn, keys, tags } = *self;
        let own = pairs(&role.tags);
        let mut ask = caller
            .ask(action, arn)
            .owner(&role.account)
            .resource_policy(Some(&role.trust))
            .resource_must_allow()
            .resource_tags(&own)
            .keys(keys);
        if !tags.is_empty() {
            ask = ask.request_tags(tags);
        }
        ask.decide().map_err(|error| match error.is_server_fault() {
            true => StsError::Carried(error),
            false => denied(caller, action, arn),
        })
    }
}

pub fn credentials(issued: Issued) -> api::Credentials {
    let Issued { access_key_id, secret, token, expires } = issued;
    api::Credentials {
        access_key_id,
        secret_access_key: secret.to_string(),
        session_token: token,
        expiration: expires,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_arns_name_account_path_and_role() {
        let shown =
            |text: &str| role_arn(text).map(|(_, account, path, name)| format!("{account} {path} {name}"));
        for (text, expected) in [
            ("arn:aws:iam::123456789012:role/Deliver", Some("123456789012 / Deliver")),
            ("arn:aws:iam::123456789012:role/a/b/Deliver", Some("123456789012 /a/b/ Deliver")),
            ("arn:aws:iam::123456789012:user/Deliver", None),
            ("arn:aws:iam::123456789012:role/", None),
            ("arn:aws:iam::123456789012:role", None),
            ("arn:aws:iam::12:role/Deliver", None),
            ("arn:aws:iam:us-east-1:123456789012:role/Deliver", None),
            ("arn:aws:sts::123456789012:assumed-role/Deliver/x", None),
            ("Deliver", None),
        ] {
            assert_eq!(shown(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn wishes_are_checked() {
        let tag = |key: &str| api::Tag { key: key.into(), value: "v".into() };
        let arn = || api::PolicyDescriptorType { arn: Some("arn:aws:iam::aws:policy/ReadOnlyAccess".into()) };
        let check = |policy: Option<&str>, arns: usize, tags: &[&str], transitive: &[&str]| {
            let tags = tags.iter().map(|key| tag(key)).collect();
            let transitive = transitive.iter().map(|key| (*key).to_owned()).collect();
            let arns = (0..arns).map(|_| arn()).collect();
            let wanted = Wanted::checked(policy.map(Into::into), Some(arns), Some(tags), Some(transitive));
            wanted.err().map(|error| millpond_wire::ServiceError::code(&error))
        };
        let allow = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        for (policy, arns, tags, transitive, expected) in [
            (None, 0, &[][..], &[][..], None),
            (Some(allow), 10, &["team", "stage"], &["Team"], None),
            (Some("{}"), 0, &[], &[], Some("MalformedPolicyDocument")),
            (Some(&" ".repeat(2_049)), 0, &[], &[], Some("ValidationError")),
            (None, 11, &[], &[], Some("ValidationError")),
            (None, 0, &["team", "TEAM"], &[], Some("InvalidParameterValue")),
            (None, 0, &["aws:team"], &[], Some("InvalidParameterValue")),
            (None, 0, &["team"], &["stage"], Some("InvalidParameterValue")),
        ] {
            assert_eq!(check(policy, arns, tags, transitive), expected, "{policy:?} {tags:?}");
        }
    }
}
