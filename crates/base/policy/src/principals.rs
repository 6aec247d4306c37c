//! The `Principal` element: whom a resource's policy speaks of.

use millpond_core::{AccountId, Arn};

use crate::PolicyError;
use crate::principal::{Principal, User};

/// One entry of `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalPattern {
    /// `*`: whoever it is, signed or not.
    Everyone,
    /// An account number or its root's ARN: everyone of the account, as far as the account itself lets them.
    Account(AccountId),
    /// A user or role by the resource part of its ARN, as `user/division/Bob`.
    Identity {
        account: AccountId,
        resource: Box<str>,
    },
    /// A session, as `assumed-role/Role/session` or `federated-user/guest`.
    Session {
        account: AccountId,
        resource: Box<str>,
    },
    /// The id of a user or role, which survives neither.
    Id(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
    /// An account as S3 names owners.
    CanonicalUser(Box<str>),
}

/// In how far a resource's policy names the caller; more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Named {
    /// Through the account: its own identity policies must allow as well.
    AsAccount,
    /// By a role (or a federation's user): what is granted is limited by the session's policy and the boundary.
    AsRole,
    /// The very user or session, or everyone: nothing limits what is granted.
    Itself,
}

impl PrincipalPattern {
    pub(crate) fn parse(kind: &str, text: &str) -> Result<Self, PolicyError> {
        let invalid = || PolicyError::InvalidPrincipal { principal: format!("\"{kind}\":\"{text}\"") };
        match kind {
            "AWS" => Self::parse_aws(text).ok_or_else(invalid),
            _ if text.is_empty() || text.contains(['*', '?']) => Err(invalid()),
            "Service" if text.contains('.') => Ok(Self::Service(text.to_ascii_lowercase().into())),
            "Federated" => Ok(Self::Federated(text.into())),
            "CanonicalUser" if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Ok(Self::CanonicalUser(text.to_ascii_lowercase().into()))
            }
            _ => Err(invalid()),
        }
    }

    fn parse_aws(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Everyone);
        }
        if let Ok(account) = text.parse() {
            return Some(Self::Account(account));
        }
        if text.len() >= 16
            && text.starts_with('A')
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        {
            return Some(Self::Id(text.into()));
        }
        let arn: Arn = text.parse().ok()?;
        let account: AccountId = arn.account.parse().ok()?;
        if !arn.region.is_empty() || arn.resource.contains(['*', '?', '$']) {
            return None;
        }
        let (kind, name) = arn.resource.split_once('/').unwrap_or((&arn.resource, ""));
        let resource = || arn.resource.as_str().into();
        match (arn.service.as_str(), kind, name.is_empty()) {
            ("iam", "root", true) if arn.resource == "root" => Some(Self::Account(account)),
            ("iam", "user" | "role", false) => Some(Self::Identity { account, resource: resource() }),
            ("sts", "federated-user", false) => Some(Self::Session { account, resource: resource() }),
            ("sts", "assumed-role", false) if name.contains('/') => {
                Some(Self::Session { account, resource: resource() })
            }
            _ => None,
        }
    }

    /// `canonical_id`: of the caller's account.
    pub(crate) fn names(&self, principal: &Principal, canonical_id: Option<&str>) -> Option<Named> {
        match self {
            Self::Everyone => Some(Named::Itself),
            Self::Account(account) => through(account, principal),
            Self::CanonicalUser(id) => {
                let same = canonical_id.is_some_and(|own| own.eq_ignore_ascii_case(id));
                same.then(|| principal.account().and_then(|account| through(account, principal))).flatten()
            }
            Self::Identity { account, resource } => match principal {
                Principal::User(user) => is_user(user, account, resource).then_some(Named::Itself),
                Principal::AssumedRole(session) => {
                    let same = session.account == *account
                        && is_identity(resource, "role", &session.path, &session.role);
                    same.then_some(Named::AsRole)
                }
                Principal::FederatedUser(federated) => {
                    let issuer = federated.issuer.as_deref();
                    issuer.is_some_and(|user| is_user(user, account, resource)).then_some(Named::AsRole)
                }
                Principal::Root { .. }
                | Principal::Anonymous
                | Principal::Service(_)
                | Principal::Federated(_) => None,
            },
            Self::Session { account, resource } => self_session(principal, account, resource),
            Self::Id(id) => match principal {
                Principal::User(user) => (*user.id == **id).then_some(Named::Itself),
                Principal::AssumedRole(session) => (*session.role_id == **id).then_some(Named::AsRole),
                Principal::Root { .. }
                | Principal::Anonymous
                | Principal::FederatedUser(_)
                | Principal::Service(_)
                | Principal::Federated(_) => None,
            },
            Self::Service(name) => match principal {
                Principal::Service(own) => own.eq_ignore_ascii_case(name).then_some(Named::Itself),
                _ => None,
            },
            Self::Federated(provider) => match principal {
                Principal::Federated(own) => (**own == **provider).then_some(Named::Itself),
                _ => None,
            },
        }
    }
}

fn through(account: &AccountId, principal: &Principal) -> Option<Named> {
    let named = match principal {
        Principal::Root { .. } => Named::Itself,
        _ => Named::AsAccount,
    };
    (principal.account() == Some(account)).then_some(named)
}

fn is_user(user: &User, account: &AccountId, resource: &str) -> bool {
    user.account == *account && is_identity(resource, "user", &user.path, &user.name)
}

fn is_identity(resource: &str, kind: &str, path: &str, name: &str) -> bool {
    let rest = resource.strip_prefix(kind).and_then(|rest| rest.strip_prefix(path));
    rest == Some(name)
}

fn self_session(principal: &Principal, account: &AccountId, resource: &str) -> Option<Named> {
    let same = match principal {
        Principal::AssumedRole(session) => {
            let rest = resource.strip_prefix("assumed-role/").and_then(|rest| rest.split_once('/'));
            session.account == *account && rest == Some((&session.role, &session.session))
        }
        Principal::FederatedUser(user) => {
            user.account == *account && resource.strip_prefix("federated-user/") == Some(&user.name)
        }
        Principal::Root { .. }
        | Principal::Anonymous
        | Principal::User(_)
        | Principal::Service(_)
        | Principal::Federated(_) => false,
    };
    same.then_some(Named::Itself)
}

/// Whether `NotPrincipal` leaves the caller out. AWS looks at the account, then at the role, then at the session: each of
/// them must be in the list, so that a user is left out only together with the account.
pub(crate) fn exempts(list: &[PrincipalPattern], principal: &Principal, canonical_id: Option<&str>) -> bool {
    let has = |wanted: Named, by: fn(&PrincipalPattern) -> bool| {
        list.iter().any(|entry| by(entry) && entry.names(principal, canonical_id) == Some(wanted))
    };
    let account = || {
        let by: fn(&PrincipalPattern) -> bool =
            |entry| matches!(entry, PrincipalPattern::Account(_) | PrincipalPattern::CanonicalUser(_));
        has(Named::AsAccount, by) || has(Named::Itself, by)
    };
    let itself = || {
        has(Named::Itself, |entry| {
            !matches!(entry, PrincipalPattern::Account(_) | PrincipalPattern::CanonicalUser(_))
        })
    };
    list.contains(&PrincipalPattern::Everyone)
        || match principal {
            Principal::Root { .. } => account(),
            Principal::User(_) | Principal::FederatedUser(_) => account() && itself(),
            Principal::AssumedRole(_) => account() && has(Named::AsRole, |_| true) && itself(),
            Principal::Service(_) | Principal::Federated(_) => itself(),
            Principal::Anonymous => false,
        }
}
