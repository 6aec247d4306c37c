//! A denial, explained in the JSON form of STS's DecodeAuthorizationMessage: what decided, and what was asked.

use serde::Serialize;

use crate::context::{Context, Key, Value, global_keys};
use crate::decide::{Denial, Layer, Request, Source};
use crate::document::{Effect, Statement};
use crate::grants::Attached;
use crate::principal::Principal;

/// The names are AWS's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation<'a> {
    allowed: bool,
    explicit_deny: bool,
    matched_statements: Items<Matched<'a>>,
    failures: Items<Text<'a>>,
    context: Asked<'a>,
}

#[derive(Debug, Serialize)]
struct Items<T> {
    items: Vec<T>,
}

#[derive(Debug, Serialize)]
struct Text<'a> {
    value: std::borrow::Cow<'a, str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Matched<'a> {
    statement_id: &'a str,
    effect: &'static str,
    principals: Items<Text<'a>>,
    principal_groups: Items<Text<'a>>,
    actions: Items<Text<'a>>,
    resources: Items<Text<'a>>,
    conditions: Items<Keyed<'a>>,
}

#[derive(Debug, Serialize)]
struct Keyed<'a> {
    key: &'a str,
    values: Items<Text<'a>>,
}

#[derive(Debug, Serialize)]
struct Asked<'a> {
    principal: Who<'a>,
    action: &'a str,
    resource: String,
    conditions: Items<Keyed<'a>>,
}

#[derive(Debug, Serialize)]
struct Who<'a> {
    id: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arn: String,
}

impl<'a, T: Into<std::borrow::Cow<'a, str>>> FromIterator<T> for Items<Text<'a>> {
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        Self { items: texts.into_iter().map(|text| Text { value: text.into() }).collect() }
    }
}

/// The explanation, for whoever the principal's account lets read it. Of a policy of another account it says no more than that it
/// denied.
///
/// Source: AWS STS API reference, DecodeAuthorizationMessage.
pub fn explain(request: &Request<'_>, denial: &Denial<'_>) -> String {
    let context = Context { resource_account: Some(request.resource_account.as_str()), ..request.context };
    let statement = match denial {
        Denial::Explicit(source) => statement(request, source),
        Denial::Implicit(_) => None,
    };
    let principal = request.principal;
    let explanation = Explanation {
        allowed: false,
        explicit_deny: matches!(denial, Denial::Explicit(_)),
        matched_statements: Items {
            items: statement.map(|found| matched(found, principal)).into_iter().collect(),
        },
        failures: Items { items: Vec::new() },
        context: Asked {
            principal: Who {
                id: principal.user_id(),
                name: match principal {
                    Principal::User(user) => Some(&user.name),
                    Principal::FederatedUser(user) => Some(&user.name),
                    _ => None,
                },
                arn: principal.to_string(),
            },
            action: request.action,
            resource: request.resource.to_string(),
            conditions: Items { items: conditions(&context, principal) },
        },
    };
    serde_json::to_string(&explanation).expect("texts and lists of them are JSON")
}

fn matched<'a>(statement: &'a Statement, principal: &'a Principal) -> Matched<'a> {
    let of = |condition: &'a crate::condition::Condition| Keyed {
        key: condition.key(),
        values: condition.values().collect(),
    };
    Matched {
        statement_id: statement.sid().unwrap_or_default(),
        effect: match statement.effect() {
            Effect::Allow => "ALLOW",
            Effect::Deny => "DENY",
        },
        principals: [principal.user_id()].into_iter().collect(),
        principal_groups: Items { items: Vec::new() },
        actions: statement.actions().iter().map(|action| action.text()).collect(),
        resources: statement.resources().iter().map(|resource| resource.text()).collect(),
        conditions: Items { items: statement.conditions().iter().map(of).collect() },
    }
}

/// The statement that a decision names, unless it is another account's.
fn statement<'a>(request: &Request<'a>, source: &Source<'_>) -> Option<&'a Statement> {
    let grants = request.grants;
    let among = |policies: &'a [Attached]| {
        let named = policies.iter().filter(|attached| &*attached.name == source.policy);
        named
            .filter_map(|attached| attached.policy.statements().get(source.statement))
            .find(|statement| statement.effect() == Effect::Deny && statement.sid() == source.sid)
    };
    match source.layer {
        Layer::Resource if request.principal.account() == Some(request.resource_account) => {
            request.resource_policy?.statements().get(source.statement)
        }
        Layer::Resource => None,
        Layer::Identity => among(&grants.identity),
        Layer::Boundary => among(grants.boundary.as_slice()),
        Layer::Session => among(grants.session.as_deref().unwrap_or_default()),
        Layer::ServiceControl => grants.service_control.iter().find_map(|level| among(level)),
    }
}

/// Every condition key that the request has.
fn conditions<'a>(context: &Context<'a>, principal: &'a Principal) -> Vec<Keyed<'a>> {
    let texts = |value: &Value<'_>| value.iter().map(|one| one.text().into_owned()).collect();
    let service = context.keys.iter().map(|(key, value)| Keyed { key, values: texts(value) });
    let global = global_keys().filter_map(|key| {
        let value = context.lookup(&Key::new(key), principal)?;
        (value.len() > 0).then(|| Keyed { key, values: texts(&value) })
    });
    // Where the service names a global key, its value stands in the other's place.
    let named = |key: &str| context.keys.iter().any(|(own, _)| own.eq_ignore_ascii_case(key));
    service.chain(global.filter(|keyed| !named(keyed.key))).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millpond_core::{AccountId, Arn, Timestamp};

    use super::*;
    use crate::decide::{Decision, decide};
    use crate::document::{Kind, Policy};
    use crate::grants::IdentityGrants;
    use crate::principal::User;

    fn bob() -> Principal {
        Principal::User(Arc::new(User {
            account: "111122223333".parse().unwrap(),
            path: "/".into(),
            name: "Bob".into(),
            id: "AIDABOB".into(),
            tags: Vec::new(),
        }))
    }

    /// What Bob is told of deleting a key of the lake, which is this account's and has this policy.
    fn told(own: &str, bucket: Option<&str>, owner: &str) -> String {
        let attached =
            Attached { name: "own".into(), policy: Arc::new(Policy::parse(own, Kind::Identity).unwrap()) };
        let grants = IdentityGrants { identity: vec![attached], ..IdentityGrants::NONE };
        let bucket = bucket.map(|json| Policy::parse(json, Kind::Resource).unwrap());
        let (principal, resource, owner) =
            (bob(), Arn::global("s3", "lake/key"), owner.parse::<AccountId>().unwrap());
        let request = Request {
            principal: &principal,
            grants: &grants,
            action: "s3:DeleteObject",
            resource: &resource,
            resource_account: &owner,
            resource_policy: bucket.as_ref(),
            resource_must_allow: false,
            acl: None,
            canonical_id: None,
            context: Context {
                now: Timestamp::EPOCH,
                region: Some("us-east-1"),
                keys: &[("s3:versionid", "3".into())],
                ..Context::default()
            },
        };
        match decide(&request) {
            Decision::Deny(denial) => explain(&request, &denial),
            Decision::Allow(reason) => panic!("{reason}"),
        }
    }

    const NOTHING: &str =
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}}"#;

    #[test]
    fn what_no_policy_allows() {
        let told = told(NOTHING, None, "111122223333");
        let begin = r#"{"allowed":false,"explicitDeny":false,"matchedStatements":{"items":[]},"failures":{"items":[]},"context":{"principal":{"id":"AIDABOB","name":"Bob","arn":"arn:aws:iam::111122223333:user/Bob"},"action":"s3:DeleteObject","resource":"arn:aws:s3:::lake/key","conditions":{"items":[{"key":"s3:versionid","values":{"items":[{"value":"3"}]}},"#;
        assert!(told.starts_with(begin), "{told}");
        for (key, value) in [
            ("aws:RequestedRegion", "us-east-1"),
            ("aws:username", "Bob"),
            ("aws:CurrentTime", "1970-01-01T00:00:00Z"),
            ("aws:SecureTransport", "false"),
        ] {
            let item = format!(r#"{{"key":"{key}","values":{{"items":[{{"value":"{value}"}}]}}}}"#);
            assert!(told.contains(&item), "{item} in {told}");
        }
        assert!(!told.contains("aws:SourceIp") && !told.contains("aws:CalledVia\""), "what is absent");
    }

    #[test]
    fn what_a_statement_denies() {
        let own = r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Sid": "Keep", "Effect": "Deny", "Action": "s3:Delete*", "Resource": "arn:aws:s3:::lake/*",
             "Condition": {"StringLike": {"aws:username": ["B*", "${aws:userid}"]}}}
        ]}"#;
        let told = told(own, None, "111122223333");
        let matched = r#""explicitDeny":true,"matchedStatements":{"items":[{"statementId":"Keep","effect":"DENY","principals":{"items":[{"value":"AIDABOB"}]},"principalGroups":{"items":[]},"actions":{"items":[{"value":"s3:Delete*"}]},"resources":{"items":[{"value":"arn:aws:s3:::lake/*"}]},"conditions":{"items":[{"key":"aws:username","values":{"items":[{"value":"B*"},{"value":"${aws:userid}"}]}}]}}]}"#;
        assert!(told.contains(matched), "{told}");
    }

    #[test]
    fn anothers_policy_is_not_shown() {
        let bucket = r#"{"Version": "2012-10-17", "Statement":
            {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}}"#;
        assert!(told(NOTHING, Some(bucket), "111122223333").contains(r#""statementId":"Theirs""#));
        let theirs = told(NOTHING, Some(bucket), "444455556666");
        assert!(theirs.contains(r#""explicitDeny":true"#) && !theirs.contains("Theirs"), "{theirs}");
    }
}
