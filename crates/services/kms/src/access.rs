//! From the names in a request to keys, and whether the caller may do with them what was asked. A key that the caller may
//! not know of is denied in the same words whether it is there or not.

use millpond_core::{Arn, Scope};
use millpond_gateway::Caller;
use millpond_policy::{AclGrant, Value};
use millpond_store::Reads;
use uuid::Uuid;

use crate::Kms;
use crate::error::KmsError;
use crate::model::context::EncryptionContext;
use crate::model::grant::{self, Grant, Granted};
use crate::model::key::{Key, Manager};
use crate::model::name::{self, KeyName, Target};
use crate::store;

/// What anyone in the account may ask of a service's key.
const LOOKING: [&str; 9] = [
    "kms:DescribeKey",
    "kms:GetKeyLastUsage",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListKeyRotations",
    "kms:GetPublicKey",
    "kms:ListKeyPolicies",
    "kms:ListResourceTags",
    "kms:ListAliases",
];

impl Kms {
    /// The key that a request names by id, ARN, alias or alias' ARN, if the caller may do `action` with it.
    ///
    /// Errors: NotFoundException, AccessDenied.
    pub(crate) fn find(
        &self,
        reads: &impl Reads,
        caller: &Caller,
        action: &str,
        text: &str,
    ) -> Result<Key, KmsError> {
        let key = self.look_up(reads, caller, action, text)?;
        self.permit(reads, caller, action, &key, About::default())?;
        Ok(key)
    }

    /// As [`Kms::find`], before it is asked whether the caller may.
    pub(crate) fn look_up(
        &self,
        reads: &impl Reads,
        caller: &Caller,
        action: &str,
        text: &str,
    ) -> Result<Key, KmsError> {
        let KeyName { scope, target } = KeyName::parse(text, &caller.scope)?;
        let id = match target {
            Target::Key(id) => id,
            Target::Alias(alias) => match store::alias(reads, &scope, &alias)? {
                Some(alias) => alias.target,
                None => {
                    let arn = name::alias_arn(&scope, &alias);
                    caller.authorize(action, &arn)?;
                    return Err(KmsError::AliasNotFound { arn: arn.into() });
                }
            },
        };
        match self.existing(reads, caller, &scope, id)? {
            Some(key) => Ok(key),
            None => {
                let arn = name::key_arn(&scope, id);
                caller.authorize(action, &arn)?;
                Err(KmsError::KeyNotFound { arn: arn.into() })
            }
        }
    }

    /// As [`Kms::find`], for the operations that change a key: they take its id or ARN, of an account's own key.
    ///
    /// Errors: NotFoundException (also for aliases), AccessDenied (also for keys of services).
    pub(crate) fn find_own(
        &self,
        reads: &impl Reads,
        caller: &Caller,
        action: &str,
        text: &str,
    ) -> Result<Key, KmsError> {
        let named = KeyName::parse(text, &caller.scope)?;
        if let Target::Alias(_) = named.target {
            caller.authorize(action, &name::key_arn(&named.scope, Uuid::nil()))?;
            return Err(KmsError::InvalidKeyId(text.to_owned()));
        }
        self.find(reads, caller, action, text)
    }

    pub(crate) fn existing(
        &self,
        reads: &impl Reads,
        caller: &Caller,
        scope: &Scope,
        id: Uuid,
    ) -> Result<Option<Key>, KmsError> {
        let now = caller.clock.now();
        Ok(store::key(reads, scope, id)?.filter(|key| !key.is_gone(now)).map(|key| key.at(now)))
    }

    /// May the caller do this with the key? A service's key is used through that service alone, by everyone in its account.
    /// For every other its policy decides, or without one the account's own policies; a grant lets in whom neither denies.
    pub(crate) fn permit(
        &self,
        reads: &impl Reads,
        caller: &Caller,
        action: &str,
        key: &Key,
        about: About<'_>,
    ) -> Result<By, KmsError> {
        let arn = key.arn();
        let none = EncryptionContext::default();
        let context = about.context.unwrap_or(&none);
        let via = self.via().map(|service| format!("{service}.{}.amazonaws.com", key.scope.region));
        let names: Vec<&str> = context.pairs().keys().map(String::as_str).collect();
        let of_context: Vec<_> = context
            .pairs()
            .iter()
            .map(|(name, value)| (format!("kms:EncryptionContext:{name}"), value))
            .collect();
        let mut keys: Vec<(&str, Value<'_>)> = vec![
            ("kms:CallerAccount", caller.scope.account.as_str().into()),
            ("kms:KeyOrigin", key.origin.as_str().into()),
            ("kms:KeySpec", key.spec.as_str().into()),
            ("kms:KeyUsage", key.usage.as_str().into()),
            ("kms:MultiRegion", false.into()),
            ("kms:EncryptionContextKeys", names.as_slice().into()),
        ];
        keys.extend(via.as_deref().map(|via| ("kms:ViaService", via.into())));
        keys.extend(of_context.iter().map(|(name, value)| (name.as_str(), value.as_str().into())));
        keys.extend_from_slice(about.keys);
        let tags: Vec<_> = key.tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let ask = caller.ask(action, &arn).keys(&keys).resource_tags(&tags);
        if let Manager::Aws { service } = &key.manager {
            let own = caller.principal.account() == Some(&key.scope.account);
            if own && self.via() == Some(service.as_str()) {
                return Ok(By::Policy);
            }
            ask.decide()?;
            return match LOOKING.contains(&action) {
                true => Ok(By::Policy),
                false => Err(denied_by_key(caller, action, &arn)),
            };
        }
        let policy = self.policies().of(key)?;
        let ask = match &policy {
            Some(policy) => ask.resource_policy(Some(policy)).resource_must_allow(),
            None => ask,
        };
        let Err(denied) = ask.decide() else { return Ok(By::Policy) };
        match self.granted(reads, caller, action, key, context)? {
            // What is denied by a statement stays so.
            Some(grant) if ask.acl(Some(AclGrant::Everyone)).is_allowed() => Ok(By::Grant(Box::new(grant))),
            Some(_) | None => Err(denied.into()),
        }
    }

    /// A grant that lets the caller do this.
    fn granted(
        &self,
        reads: &impl Reads,
        caller: &Caller,
        action: &str,
        key: &Key,
        context: &EncryptionContext,
    ) -> Result<Option<Grant>, KmsError> {
        let Some(operation) = Granted::of_action(action).filter(|_| key.grants > 0) else { return Ok(None) };
        for name in grant::names_of(&caller.principal) {
            let grants = store::grants_to(reads, key, &name, None, usize::MAX)?;
            if let Some(grant) = grants.into_iter().find(|grant| grant.allows(operation, context)) {
                return Ok(Some(grant));
            }
        }
        Ok(None)
    }
}

/// What a decision looks at beside the caller and the key.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct About<'a> {
    pub context: Option<&'a EncryptionContext>,
    /// The operation's own condition keys.
    pub keys: &'a [(&'a str, Value<'a>)],
}

impl<'a> About<'a> {
    pub fn context(context: &'a EncryptionContext) -> Self {
        Self { context: Some(context), keys: &[] }
    }

    pub fn keys(keys: &'a [(&'a str, Value<'a>)]) -> Self {
        Self { context: None, keys }
    }
}

/// What let the caller in.
#[derive(Debug, Clone)]
pub(crate) enum By {
    Policy,
    Grant(Box<Grant>),
}

fn denied_by_key(caller: &Caller, action: &str, arn: &Arn) -> KmsError {
    let message = format!(
        "User: {} is not authorized to perform: {action} on resource: {arn} because no resource-based policy allows the \
         {action} action",
        caller.principal
    );
    millpond_wire::ApiError::access_denied(message).into()
}
