//! The service, and whose an access key is: [`Credentials`] over accounts, IAM's users and session tokens.

use std::sync::Arc;

use millpond_core::access_key::KeyKind;
use millpond_core::{AccountId, Clock, Region, RootKey};
use millpond_gateway::{Access, Credential, Credentials, LookupError, Messages, Secret};
use millpond_iam::Iam;
use millpond_policy::{
    Attached, FederatedUser, IdentityGrants, Kind, Policy, Principal, RoleSession, Tag, Token, User,
};
use millpond_store::Store;
use zeroize::Zeroizing;

use crate::accounts::Accounts;
use crate::error::StsError;
use crate::issuers::Issuers;
use crate::ops;
use crate::session::{Extras, Named, Session, Sessions, Who};

/// What STS is made of.
pub struct Deps<'a> {
    pub store: Store,
    pub iam: Iam,
    pub root_key: &'a RootKey,
    pub clock: Clock,
    /// How the pond lets callers in, and its own account.
    pub access: &'a Access,
    pub issuers: Issuers,
    /// What those who are denied something are told.
    pub messages: Arc<Messages>,
}

/// The service.
pub struct Sts {
    pub accounts: Accounts,
    pub(crate) iam: Iam,
    pub(crate) sessions: Sessions,
    pub(crate) issuers: Issuers,
    pub(crate) messages: Arc<Messages>,
    /// Nobody is asked for permission.
    pub(crate) open: bool,
    access: Access,
    pub(crate) clock: Clock,
    /// What a root's federated users are limited by: their session's policies alone.
    everything: Attached,
}

const EVERYTHING: &str =
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;

/// Whose session it is, with the policies of his own.
type Found = (Principal, IdentityGrants);

impl Sts {
    pub fn open(deps: Deps<'_>) -> Self {
        let Deps { store, iam, root_key, clock, access, issuers, messages } = deps;
        let everything = Policy::parse(EVERYTHING, Kind::Identity).expect("it is a policy of ours");
        Self {
            accounts: Accounts::new(store, root_key, access.account().clone()),
            iam,
            sessions: Sessions::new(root_key),
            issuers,
            messages,
            open: access.is_open(),
            access: access.clone(),
            clock,
            everything: Attached { name: "root".into(), policy: Arc::new(everything) },
        }
    }

    /// Whether the pond has such an account. An open one has any.
    pub(crate) fn knows(&self, account: &AccountId) -> Result<bool, StsError> {
        Ok(self.open || self.accounts.exists(account)?)
    }

    /// Whose a long-lived key is, active or not.
    ///
    /// Errors: UnknownKey.
    pub(crate) fn account_of_key(&self, access_key_id: &str) -> Result<AccountId, StsError> {
        if let Some(account) = self.iam.account_of_key(access_key_id)? {
            return Ok(account);
        }
        match &self.access {
            Access::Verified { credentials, .. } => Ok(credentials.lookup(access_key_id, None)?.account),
            Access::Open { .. } => Ok(self.access.open_account(Some(access_key_id), None)),
        }
    }

    /// Managed policies that a session is to be limited by must be there.
    ///
    /// Errors: ValidationError.
    pub(crate) fn check_managed(&self, account: &AccountId, arns: &[String]) -> Result<(), StsError> {
        for arn in arns {
            if self.iam.managed_policy(account, arn)?.is_none() {
                return Err(StsError::Validation(format!(
                    "Policy {arn} does not exist or is not attachable."
                )));
            }
        }
        Ok(())
    }

    /// Whom the session is of, as IAM has him now; `None` when he is gone.
    fn whom(&self, session: &Session) -> Result<Option<Found>, StsError> {
        let Session { account, who, source_identity, extras, .. } = session;
        match who {
            Who::Root if self.knows(account)? => {
                Ok(Some((Principal::Root { account: account.clone() }, IdentityGrants::NONE)))
            }
            Who::Root => Ok(None),
            Who::User(named) => {
                let Some(user) = self.user(account, named)? else { return Ok(None) };
                let grants = self.iam.user_grants(&user)?;
                Ok(Some((Principal::User(user), grants)))
            }
            Who::Role { role: named, session, provider } => {
                let Some(role) = self.iam.role(account, &named.name)?.filter(|role| role.id == named.id)
                else {
                    return Ok(None);
                };
                let grants = self.iam.role_grants(&role)?;
                let principal = Principal::AssumedRole(Arc::new(RoleSession {
                    account: account.clone(),
                    path: role.path,
                    role: role.name,
                    role_id: role.id,
                    session: session.clone(),
                    tags: overlaid(role.tags, &extras.tags),
                    transitive_tags: extras.transitive_tags.clone(),
                    source_identity: source_identity.clone(),
                    federated_provider: provider.clone(),
                }));
                Ok(Some((principal, grants)))
            }
            Who::Federated { name, issuer } => self.federated(account, name, issuer.as_ref(), &extras.tags),
        }
    }

    fn federated(
        &self,
        account: &AccountId,
        name: &str,
        issuer: Option<&Named>,
        tags: &[Tag],
    ) -> Result<Option<Found>, StsError> {
        let (issuer, grants, own) = match issuer {
            None if !self.knows(account)? => return Ok(None),
            None => {
                let grants =
                    IdentityGrants { identity: vec![self.everything.clone()], ..IdentityGrants::NONE };
                (None, grants, Vec::new())
            }
            Some(named) => {
                let Some(user) = self.user(account, named)? else { return Ok(None) };
                let (grants, own) = (self.iam.user_grants(&user)?, user.tags.clone());
                (Some(user), grants, own)
            }
        };
        let user = FederatedUser {
            account: account.clone(),
            name: name.to_owned(),
            tags: overlaid(own, tags),
            issuer,
        };
        // Without policies of its own such a session may do nothing.
        let grants = IdentityGrants { session: Some(Vec::new()), ..grants };
        Ok(Some((Principal::FederatedUser(Arc::new(user)), grants)))
    }

    fn user(&self, account: &AccountId, named: &Named) -> Result<Option<Arc<User>>, StsError> {
        Ok(self.iam.user(account, &named.name)?.filter(|user| user.id == named.id))
    }

    /// The policies that limit a session. One that is not there any more allows nothing.
    fn limits(&self, account: &AccountId, extras: &Extras) -> Result<Vec<Attached>, StsError> {
        let mut limits = Vec::with_capacity(extras.policy_arns.len() + 1);
        if let Some(policy) = &extras.policy {
            let policy = Policy::parse(policy, Kind::Session)
                .map_err(|error| StsError::internal("reading a session's policy", error))?;
            limits.push(Attached { name: "session".into(), policy: Arc::new(policy) });
        }
        for arn in &extras.policy_arns {
            limits.extend(self.iam.managed_policy(account, arn)?);
        }
        Ok(limits)
    }

    fn temporary(
        &self,
        session: Session,
        secret: &Zeroizing<String>,
    ) -> Result<Option<Credential>, StsError> {
        let Some((principal, mut grants)) = self.whom(&session)? else { return Ok(None) };
        if session.extras.limits() {
            grants.session = Some(self.limits(&session.account, &session.extras)?);
        }
        Ok(Some(Credential {
            secret: Secret::new(secret.to_string()),
            principal,
            account: session.account,
            grants: Arc::new(grants),
            token: Some(Token { issued: session.issued, mfa: None }),
        }))
    }
}

impl Credentials for Sts {
    fn lookup(&self, access_key_id: &str, session_token: Option<&str>) -> Result<Credential, LookupError> {
        let kind = KeyKind::of(access_key_id);
        let Some(token) = session_token else {
            return match kind {
                Some(KeyKind::Temporary) => Err(LookupError::UnknownKey),
                Some(KeyKind::LongLived) | None => {
                    let root = self.accounts.root(access_key_id).map_err(LookupError::failed)?;
                    let found = match root {
                        Some(root) => Some(root),
                        None => self.iam.credential(access_key_id).map_err(LookupError::failed)?,
                    };
                    found.ok_or(LookupError::UnknownKey)
                }
            };
        };
        if kind != Some(KeyKind::Temporary) {
            return Err(LookupError::InvalidToken);
        }
        let (session, secret) = self.sessions.open(access_key_id, token).ok_or(LookupError::InvalidToken)?;
        // By the pond's clock, which a lab turns.
        if session.expires <= self.clock.now() {
            return Err(LookupError::ExpiredToken);
        }
        let found = self.temporary(session, &secret).map_err(LookupError::failed)?;
        found.ok_or(LookupError::InvalidToken)
    }

    fn used(&self, access_key_id: &str, principal: &Principal, service: &str, region: &Region) {
        match principal {
            Principal::AssumedRole(session) => self.iam.role_used(&session.role_id, service, region.as_str()),
            _ if KeyKind::of(access_key_id) == Some(KeyKind::Temporary) => {}
            _ => self.iam.key_used(access_key_id, service, region.as_str()),
        }
    }
}

/// A session's tags over those of its role or user, whatever their case.
fn overlaid(own: Vec<Tag>, over: &[Tag]) -> Vec<Tag> {
    let kept = own.into_iter().filter(|(key, _)| !ops::request::has(over, key));
    kept.chain(over.iter().cloned()).collect()
}
