//! Who asks. Cheap to clone: what is behind a principal is shared.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use millpond_core::{AccountId, Arn};

/// A tag's key and value.
pub type Tag = (String, String);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// An account's root user.
    Root {
        account: AccountId,
    },
    /// A request that nobody signed.
    Anonymous,
    User(Arc<User>),
    AssumedRole(Arc<RoleSession>),
    FederatedUser(Arc<FederatedUser>),
    /// A service at its own work, as `firehose.amazonaws.com`.
    Service(Arc<str>),
    /// Somebody whom an identity provider vouches for, before a role is assumed: the provider's ARN or name.
    Federated(Arc<str>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct User {
    pub account: AccountId,
    /// `/`, or as `/division/team/`.
    pub path: String,
    pub name: String,
    /// As `AIDACKCEVSQ6C2EXAMPLE`.
    pub id: String,
    pub tags: Vec<Tag>,
}

/// A role that somebody assumed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleSession {
    pub account: AccountId,
    /// The role's path: `/`, or as `/service-role/`.
    pub path: String,
    pub role: String,
    /// The role's id, as `AROADBQP57FF2AEXAMPLE`.
    pub role_id: String,
    pub session: String,
    /// The session's tags over the role's own.
    pub tags: Vec<Tag>,
    /// Keys of those session tags that go on to the next role of a chain.
    pub transitive_tags: Vec<String>,
    pub source_identity: Option<String>,
    /// Who vouched for the caller, after AssumeRoleWithWebIdentity.
    pub federated_provider: Option<String>,
}

/// The session of GetFederationToken.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FederatedUser {
    pub account: AccountId,
    pub name: String,
    pub tags: Vec<Tag>,
    /// The user who asked for the session; `None` when the account's root did.
    pub issuer: Option<Arc<User>>,
}

impl Principal {
    /// The account that the principal belongs to.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Root { account } => Some(account),
            Self::User(user) => Some(&user.account),
            Self::AssumedRole(session) => Some(&session.account),
            Self::FederatedUser(user) => Some(&user.account),
            Self::Anonymous | Self::Service(_) | Self::Federated(_) => None,
        }
    }

    /// The ARN by which AWS names the principal: `arn:aws:iam::000000000000:root`, and for a role its session's
    /// (`arn:aws:sts::000000000000:assumed-role/role/session`).
    pub fn arn(&self) -> Option<Arn> {
        match self {
            Self::Root { account } => Some(arn("iam", account, "root".into())),
            Self::User(user) => Some(user.arn()),
            Self::AssumedRole(session) => {
                let RoleSession { account, role, session, .. } = &**session;
                Some(arn("sts", account, format!("assumed-role/{role}/{session}")))
            }
            Self::FederatedUser(user) => {
                Some(arn("sts", &user.account, format!("federated-user/{}", user.name)))
            }
            Self::Anonymous | Self::Service(_) | Self::Federated(_) => None,
        }
    }

    /// What `aws:PrincipalArn` says: the ARN, and for a role the role's own and not the session's.
    pub fn identity_arn(&self) -> Option<Arn> {
        match self {
            Self::AssumedRole(session) => Some(session.role_arn()),
            _ => self.arn(),
        }
    }

    /// The unique id that `sts:GetCallerIdentity` shows and `aws:userid` says; a root's is its account number, a session's
    /// carries the session's name.
    pub fn user_id(&self) -> Cow<'_, str> {
        match self {
            Self::Root { account } => account.as_str().into(),
            Self::User(user) => user.id.as_str().into(),
            Self::AssumedRole(session) => format!("{}:{}", session.role_id, session.session).into(),
            Self::FederatedUser(user) => format!("{}:{}", user.account, user.name).into(),
            Self::Anonymous => "anonymous".into(),
            Self::Service(name) | Self::Federated(name) => (&**name).into(),
        }
    }

    /// The principal's own tags, a session's included.
    pub fn tags(&self) -> &[Tag] {
        match self {
            Self::User(user) => &user.tags,
            Self::AssumedRole(session) => &session.tags,
            Self::FederatedUser(user) => &user.tags,
            Self::Root { .. } | Self::Anonymous | Self::Service(_) | Self::Federated(_) => &[],
        }
    }
}

impl User {
    pub fn arn(&self) -> Arn {
        arn("iam", &self.account, format!("user{}{}", self.path, self.name))
    }
}

impl RoleSession {
    pub fn role_arn(&self) -> Arn {
        arn("iam", &self.account, format!("role{}{}", self.path, self.role))
    }
}

fn arn(service: &str, account: &AccountId, resource: String) -> Arn {
    Arn {
        partition: "aws".into(),
        service: service.into(),
        region: String::new(),
        account: account.as_str().into(),
        resource,
    }
}

/// As AWS's messages name a principal.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::Service(name) | Self::Federated(name) => f.write_str(name),
            _ => match self.arn() {
                Some(arn) => arn.fmt(f),
                None => f.write_str("anonymous"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_print_as_aws_names_them() {
        let account: AccountId = "111122223333".parse().unwrap();
        let user = Arc::new(User {
            account: account.clone(),
            path: "/division/".into(),
            name: "Bob".into(),
            id: "AIDAEXAMPLE".into(),
            tags: Vec::new(),
        });
        let session = RoleSession {
            account: account.clone(),
            path: "/service-role/".into(),
            role: "Deliver".into(),
            role_id: "AROAEXAMPLE".into(),
            session: "night".into(),
            tags: Vec::new(),
            transitive_tags: Vec::new(),
            source_identity: None,
            federated_provider: None,
        };
        let federated =
            FederatedUser { account: account.clone(), name: "guest".into(), tags: Vec::new(), issuer: None };
        for (principal, arn, identity, id) in [
            (Principal::Root { account }, "iam::111122223333:root", "iam::111122223333:root", "111122223333"),
            (
                Principal::User(user),
                "iam::111122223333:user/division/Bob",
                "iam::111122223333:user/division/Bob",
                "AIDAEXAMPLE",
            ),
            (
                Principal::AssumedRole(Arc::new(session)),
                "sts::111122223333:assumed-role/Deliver/night",
                "iam::111122223333:role/service-role/Deliver",
                "AROAEXAMPLE:night",
            ),
            (
                Principal::FederatedUser(Arc::new(federated)),
                "sts::111122223333:federated-user/guest",
                "sts::111122223333:federated-user/guest",
                "111122223333:guest",
            ),
        ] {
            assert_eq!(principal.to_string(), format!("arn:aws:{arn}"));
            assert_eq!(principal.identity_arn().unwrap().to_string(), format!("arn:aws:{identity}"));
            assert_eq!(principal.user_id(), id);
        }
        assert_eq!(Principal::Anonymous.to_string(), "anonymous");
        assert_eq!(Principal::Service("s3.amazonaws.com".into()).to_string(), "s3.amazonaws.com");
    }
}
