//! From the names in a request to keys, and whether the caller may do with them what was asked. A key that the caller may
//! not know of is denied in the same words whether it is there or not.

use millpond_core::{Arn, Scope};
use millpond_gateway::Caller;
use millpond_store::Reads;
use uuid::Uuid;

use crate::Kms;
use crate::error::KmsError;
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
        self.permit(caller, action, &key)?;
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
    pub(crate) fn permit(&self, caller: &Caller, action: &str, key: &Key) -> Result<(), KmsError> {
        let arn = key.arn();
        let Manager::Aws { service } = &key.manager else {
            return Ok(caller.authorize(action, &arn)?);
        };
        let own = caller.principal.account() == Some(&key.scope.account);
        if own && self.via() == Some(service.as_str()) {
            return Ok(());
        }
        caller.authorize(action, &arn)?;
        match LOOKING.contains(&action) {
            true => Ok(()),
            false => Err(denied_by_key(caller, action, &arn)),
        }
    }
}

fn denied_by_key(caller: &Caller, action: &str, arn: &Arn) -> KmsError {
    let message = format!(
        "User: {} is not authorized to perform: {action} on resource: {arn} because no resource-based policy allows the \
         {action} action",
        caller.principal
    );
    millpond_wire::ApiError::access_denied(message).into()
}
