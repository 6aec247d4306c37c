//! The way in for the gateway, STS and other services of the same process.

use std::sync::Arc;
use std::time::Duration;

use millpond_core::{AccountId, Arn};
use millpond_gateway::Credential;
use millpond_policy::{Attached, IdentityGrants, Policy, Principal, Tag, User};
use millpond_store::Reads;

use crate::catalogue;
use crate::error::IamError;
use crate::model::entity::{Entity, Kind};
use crate::model::key::LastUse;
use crate::model::tags::Tags;
use crate::service::{Iam, Identity};
use crate::store;

/// A role, as those see it who let it be assumed.
#[derive(Debug, Clone)]
pub struct Role {
    pub account: AccountId,
    pub path: String,
    pub name: String,
    /// As `AROADBQP57FF2AEXAMPLE`.
    pub id: String,
    /// Who may assume it.
    pub trust: Arc<Policy>,
    pub max_session: Duration,
    pub tags: Vec<Tag>,
}

impl Role {
    pub fn arn(&self) -> Arn {
        crate::model::entity::arn(&self.account, "role", &self.path, &self.name)
    }
}

/// A provider of identities whose word an account takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcProvider {
    pub arn: Arn,
    /// Without `https://`.
    pub url: String,
    /// Whom its tokens may be made for.
    pub client_ids: Vec<String>,
    /// Of the certificates that its server may show, in hexadecimal digits.
    pub thumbprints: Vec<String>,
}

impl Iam {
    /// What a user's access key stands for; `None` when there is no such key, or it is inactive.
    pub fn credential(&self, access_key_id: &str) -> Result<Option<Credential>, IamError> {
        let moment = self.moment()?;
        let Some(key) = self.known_key(&moment, access_key_id)? else { return Ok(None) };
        let identity = self.identity(&moment, &key.account, Kind::User, &key.user)?;
        let Some(identity) = identity else { return Ok(None) };
        Ok(Some(Credential {
            secret: key.secret.clone(),
            principal: Principal::User(Arc::clone(&identity.user)),
            account: key.account.clone(),
            grants: Arc::clone(&identity.grants),
            token: None,
        }))
    }

    /// Whose key it is, also when it is inactive.
    pub fn account_of_key(&self, access_key_id: &str) -> Result<Option<AccountId>, IamError> {
        Ok(store::key(&self.read()?, access_key_id)?.map(|key| key.account))
    }

    /// A key was used to sign a request. Kept in memory and written down by a worker.
    pub fn key_used(&self, access_key_id: &str, service: &str, region: &str) {
        let last = LastUse { at: self.now(), service: service.to_owned(), region: region.to_owned() };
        self.remember_use(access_key_id, last);
    }

    /// A session of a role, known by its id, was made use of. As [`Iam::key_used`].
    pub fn role_used(&self, role_id: &str, service: &str, region: &str) {
        self.key_used(role_id, service, region);
    }

    pub fn role(&self, account: &AccountId, name: &str) -> Result<Option<Role>, IamError> {
        let identity = self.identity(&self.moment()?, account, Kind::Role, name)?;
        let Some(identity) = identity else { return Ok(None) };
        let Identity { entity, trust, .. } = &*identity;
        let (Some(role), Some(trust)) = (&entity.role, trust) else { return Ok(None) };
        Ok(Some(Role {
            account: entity.account.clone(),
            path: entity.path.clone(),
            name: entity.name.clone(),
            id: entity.id.clone(),
            trust: Arc::clone(trust),
            max_session: role.max_session(),
            tags: pairs(&entity.tags),
        }))
    }

    /// The role's own policies and its boundary, as they are now; none when it is gone, also when another has its name.
    pub fn role_grants(&self, role: &Role) -> Result<IdentityGrants, IamError> {
        self.grants_of(&role.account, Kind::Role, &role.name, &role.id)
    }

    pub fn user(&self, account: &AccountId, name: &str) -> Result<Option<Arc<User>>, IamError> {
        let identity = self.identity(&self.moment()?, account, Kind::User, name)?;
        Ok(identity.map(|identity| Arc::clone(&identity.user)))
    }

    /// The user's and its groups' policies and its boundary, as they are now.
    pub fn user_grants(&self, user: &User) -> Result<IdentityGrants, IamError> {
        self.grants_of(&user.account, Kind::User, &user.name, &user.id)
    }

    fn grants_of(
        &self,
        account: &AccountId,
        kind: Kind,
        name: &str,
        id: &str,
    ) -> Result<IdentityGrants, IamError> {
        let identity = self.identity(&self.moment()?, account, kind, name)?;
        let identity = identity.filter(|identity| identity.entity.id == id);
        Ok(identity.map_or(IdentityGrants::NONE, |identity| IdentityGrants::clone(&identity.grants)))
    }

    /// A provider whose tokens the account takes, by its URL, with or without `https://`.
    pub fn oidc_provider(&self, account: &AccountId, url: &str) -> Result<Option<OidcProvider>, IamError> {
        let url = url.strip_prefix("https://").unwrap_or(url).trim_end_matches('/');
        let provider = store::provider(&self.read()?, account, url)?;
        Ok(provider.map(|provider| OidcProvider {
            arn: provider.arn(),
            url: provider.url,
            client_ids: provider.clients,
            thumbprints: provider.thumbprints,
        }))
    }

    /// What an entity may do, read from the store.
    pub(crate) fn grants(&self, reads: &impl Reads, entity: &Entity) -> Result<IdentityGrants, IamError> {
        let mut identity = self.own_policies(reads, entity)?;
        for group in &entity.groups {
            if let Some(group) = store::by_id(reads, group)? {
                identity.extend(self.own_policies(reads, &group)?);
            }
        }
        let boundary = match &entity.boundary {
            Some(arn) => Some(self.managed(reads, &entity.account, arn)?),
            None => None,
        };
        Ok(IdentityGrants { identity, boundary, ..IdentityGrants::NONE })
    }

    /// A managed policy, AWS's or the account's own, by its ARN.
    pub fn managed_policy(&self, account: &AccountId, arn: &str) -> Result<Option<Attached>, IamError> {
        let snapshot = self.read()?;
        let known = catalogue::find(arn).is_some() || store::policy(&snapshot, account, arn)?.is_some();
        known.then(|| self.managed(&snapshot, account, arn)).transpose()
    }

    fn own_policies(&self, reads: &impl Reads, entity: &Entity) -> Result<Vec<Attached>, IamError> {
        let mut policies = Vec::with_capacity(entity.inline.len() + entity.attached.len());
        for (name, document) in &entity.inline {
            let name = inline_name(entity, name).into();
            policies.push(Attached { name, policy: self.identity_documents().read(document)? });
        }
        for arn in &entity.attached {
            policies.push(self.managed(reads, &entity.account, arn)?);
        }
        Ok(policies)
    }

    fn managed(&self, reads: &impl Reads, account: &AccountId, arn: &str) -> Result<Attached, IamError> {
        let name: Arc<str> = arn.into();
        if let Some(known) = catalogue::find(arn) {
            return Ok(Attached { name, policy: self.identity_documents().read(known.document)? });
        }
        let gone = IamError::Inconsistent("an attached policy that is not there");
        let policy = store::policy(reads, account, arn)?.ok_or(gone)?;
        Ok(Attached { name, policy: self.identity_documents().read(policy.document())? })
    }
}

/// An inline policy's name in decisions, as AWS's simulator has it.
pub(crate) fn inline_name(entity: &Entity, policy: &str) -> String {
    format!("{}_{}_{policy}", entity.kind, entity.name)
}

pub(crate) fn user(entity: &Entity) -> User {
    User {
        account: entity.account.clone(),
        path: entity.path.clone(),
        name: entity.name.clone(),
        id: entity.id.clone(),
        tags: pairs(&entity.tags),
    }
}

fn pairs(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}
