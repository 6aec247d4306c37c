//! Who called, as CloudTrail shapes it (`userIdentity`). Pure.

use millpond_core::{Arn, Timestamp};
use millpond_gateway::Caller;
use millpond_policy::{Principal, RoleSession};
use serde::Serialize;

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserIdentity {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_context: Option<SessionContext>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoked_by: Option<String>,
    /// What LookupEvents calls the caller by.
    #[serde(skip)]
    pub lookup_name: Option<String>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionContext {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_issuer: Option<SessionIssuer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_id_federation_data: Option<WebIdentity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<SessionAttributes>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionIssuer {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    pub arn: String,
    pub account_id: String,
    pub user_name: String,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebIdentity {
    pub federated_provider: String,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionAttributes {
    pub creation_date: String,
    pub mfa_authenticated: &'static str,
}

/// Second precision, as CloudTrail writes times.
pub fn iso(at: Timestamp) -> String {
    format!("{:.0}", Timestamp::from_secs(at.as_secs()).to_jiff())
}

impl UserIdentity {
    pub fn of(caller: &Caller) -> Self {
        let principal = &caller.principal;
        let attributes = caller.token.map(|token| SessionAttributes {
            creation_date: iso(token.issued),
            mfa_authenticated: if token.mfa.is_some() { "true" } else { "false" },
        });
        let own = Self {
            principal_id: Some(principal.user_id().into_owned()),
            arn: principal.arn().map(|arn| arn.to_string()),
            account_id: principal.account().map(ToString::to_string),
            access_key_id: caller.access_key.as_deref().map(str::to_owned),
            ..Self::default()
        };
        let session = || {
            attributes.clone().map(|attributes| SessionContext {
                attributes: Some(attributes),
                ..SessionContext::default()
            })
        };
        match principal {
            Principal::Root { .. } => {
                Self { kind: "Root", lookup_name: Some("root".into()), session_context: session(), ..own }
            }
            Principal::User(user) => Self {
                kind: "IAMUser",
                user_name: Some(user.name.clone()),
                lookup_name: Some(user.name.clone()),
                session_context: session(),
                ..own
            },
            Principal::AssumedRole(role) => Self {
                kind: "AssumedRole",
                lookup_name: Some(role.session.clone()),
                session_context: Some(of_role(role, attributes)),
                ..own
            },
            Principal::FederatedUser(user) => Self {
                kind: "FederatedUser",
                lookup_name: Some(user.name.clone()),
                session_context: Some(SessionContext {
                    session_issuer: user.issuer.as_ref().map(|issuer| SessionIssuer {
                        kind: "IAMUser",
                        principal_id: Some(issuer.id.clone()),
                        arn: issuer.arn().to_string(),
                        account_id: issuer.account.to_string(),
                        user_name: issuer.name.clone(),
                    }),
                    attributes,
                    ..SessionContext::default()
                }),
                ..own
            },
            // As CloudTrail names requests that nobody signed.
            Principal::Anonymous => Self {
                kind: "AWSAccount",
                principal_id: Some(String::new()),
                account_id: Some("ANONYMOUS_PRINCIPAL".into()),
                ..Self::default()
            },
            Principal::Service(name) => Self {
                kind: "AWSService",
                invoked_by: Some(name.to_string()),
                lookup_name: Some(name.to_string()),
                ..Self::default()
            },
            Principal::Federated(provider) => Self {
                kind: "WebIdentityUser",
                principal_id: Some(provider.to_string()),
                lookup_name: Some(provider.to_string()),
                ..Self::default()
            },
        }
    }

    /// Of somebody of whom only the ARN was kept, through a service.
    pub fn through(arn: Option<&str>, account: &str, service: &str) -> Self {
        let invoked_by = Some(service.to_owned());
        let Some(parsed) = arn.and_then(|arn| arn.parse::<Arn>().ok()) else {
            return Self {
                kind: "AWSService",
                lookup_name: invoked_by.clone(),
                invoked_by,
                ..Self::default()
            };
        };
        let (kind, name) = match parsed.resource.split_once('/') {
            None => ("Root", "root"),
            Some(("assumed-role", role)) => ("AssumedRole", role.rsplit('/').next().unwrap_or(role)),
            Some(("federated-user", name)) => ("FederatedUser", name),
            Some((_, name)) => ("IAMUser", name.rsplit('/').next().unwrap_or(name)),
        };
        Self {
            kind,
            arn: arn.map(str::to_owned),
            account_id: Some(account.to_owned()),
            user_name: (kind == "IAMUser").then(|| name.to_owned()),
            lookup_name: Some(name.to_owned()),
            invoked_by,
            ..Self::default()
        }
    }
}

fn of_role(role: &RoleSession, attributes: Option<SessionAttributes>) -> SessionContext {
    SessionContext {
        session_issuer: Some(SessionIssuer {
            kind: "Role",
            principal_id: Some(role.role_id.clone()),
            arn: role.role_arn().to_string(),
            account_id: role.account.to_string(),
            user_name: role.role.clone(),
        }),
        web_id_federation_data: role
            .federated_provider
            .as_ref()
            .map(|provider| WebIdentity { federated_provider: provider.clone() }),
        source_identity: role.source_identity.clone(),
        attributes,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millpond_core::{AccountId, Clock, Region, Scope};
    use millpond_policy::{Token, User};

    use super::*;

    fn account() -> AccountId {
        "111122223333".parse().unwrap()
    }

    fn caller(principal: Principal) -> Caller {
        let scope = Scope::new(account(), Region::us_east_1());
        Caller::on_behalf_of(principal, scope, Clock::manual(Timestamp::EPOCH))
            .with_access_key(Some("AKIAX".into()))
    }

    fn json(identity: &UserIdentity) -> String {
        serde_json::to_string(identity).unwrap()
    }

    #[test]
    fn identities_are_shaped_as_cloudtrail_does() {
        let user = Arc::new(User {
            account: account(),
            path: "/team/".into(),
            name: "Bob".into(),
            id: "AIDABOB".into(),
            tags: Vec::new(),
        });
        let role = Arc::new(RoleSession {
            account: account(),
            path: "/".into(),
            role: "etl".into(),
            role_id: "AROAETL".into(),
            session: "night".into(),
            tags: Vec::new(),
            transitive_tags: Vec::new(),
            source_identity: None,
            federated_provider: None,
        });
        for (principal, name, expected) in [
            (
                Principal::Root { account: account() },
                Some("root"),
                r#"{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333","accessKeyId":"AKIAX"}"#,
            ),
            (
                Principal::User(user),
                Some("Bob"),
                r#"{"type":"IAMUser","principalId":"AIDABOB","arn":"arn:aws:iam::111122223333:user/team/Bob","accountId":"111122223333","accessKeyId":"AKIAX","userName":"Bob"}"#,
            ),
            (
                Principal::AssumedRole(role),
                Some("night"),
                r#"{"type":"AssumedRole","principalId":"AROAETL:night","arn":"arn:aws:sts::111122223333:assumed-role/etl/night","accountId":"111122223333","accessKeyId":"AKIAX","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAETL","arn":"arn:aws:iam::111122223333:role/etl","accountId":"111122223333","userName":"etl"},"attributes":{"creationDate":"1970-01-01T00:00:00Z","mfaAuthenticated":"false"}}}"#,
            ),
            (
                Principal::Anonymous,
                None,
                r#"{"type":"AWSAccount","principalId":"","accountId":"ANONYMOUS_PRINCIPAL"}"#,
            ),
            (
                Principal::Service("logging.s3.amazonaws.com".into()),
                Some("logging.s3.amazonaws.com"),
                r#"{"type":"AWSService","invokedBy":"logging.s3.amazonaws.com"}"#,
            ),
        ] {
            let is_session = matches!(principal, Principal::AssumedRole(_));
            let mut caller = caller(principal);
            caller.token = is_session.then_some(Token { issued: Timestamp::EPOCH, mfa: None });
            let identity = UserIdentity::of(&caller);
            assert_eq!(json(&identity), expected);
            assert_eq!(identity.lookup_name.as_deref(), name);
        }
    }

    #[test]
    fn an_arn_alone_says_what_kind_it_is() {
        for (arn, kind, name) in [
            (Some("arn:aws:iam::111122223333:root"), "Root", "root"),
            (Some("arn:aws:iam::111122223333:user/a/Bob"), "IAMUser", "Bob"),
            (Some("arn:aws:sts::111122223333:assumed-role/etl/night"), "AssumedRole", "night"),
            (Some("arn:aws:sts::111122223333:federated-user/Eve"), "FederatedUser", "Eve"),
            (None, "AWSService", "s3.amazonaws.com"),
        ] {
            let identity = UserIdentity::through(arn, "111122223333", "s3.amazonaws.com");
            assert_eq!((identity.kind, identity.lookup_name.as_deref()), (kind, Some(name)), "{arn:?}");
            assert_eq!(identity.invoked_by.as_deref(), Some("s3.amazonaws.com"));
        }
    }
}
