//! The accounts of a pond beside its first one: made by `millpond account create`, each with a root user and its access key.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use aws_lc_rs::rand;
use millpond_core::access_key::{self, KeyKind};
use millpond_core::key::KeyError;
use millpond_core::{AccountId, RootKey, Sealer, Timestamp};
use millpond_gateway::{Credential, Secret};
use millpond_store::{Reads as _, Span, Store, Table};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::StsError;

const ACCOUNTS: Table<AccountId, AccountRecord> = Table::new("sts.accounts");
/// Access key ids of root users.
const ROOT_KEYS: Table<String, AccountId> = Table::new("sts.root-keys");

const LONGEST_NAME: usize = 50;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct AccountRecord {
    #[serde(default)]
    name: Option<String>,
    created: Timestamp,
    access_key_id: String,
    /// Sealed, bound to the access key id.
    #[serde(with = "serde_bytes")]
    secret: Vec<u8>,
}

/// An account, as it is listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    pub id: AccountId,
    pub name: Option<String>,
    pub created: Timestamp,
}

/// A new account. The secret is not shown again.
#[derive(Debug)]
pub struct NewAccount {
    pub account: Account,
    pub access_key_id: String,
    pub secret: Zeroizing<String>,
}

/// Cheap to clone.
#[derive(Debug)]
pub struct Accounts {
    store: Store,
    sealer: Sealer,
    /// The pond's own account, whose root's key is in the data folder.
    first: AccountId,
    /// The access key ids of root users, so that users' requests are not looked up among them.
    /// Read when they are first asked for.
    root_keys: RwLock<Option<HashSet<String>>>,
}

impl Accounts {
    pub fn new(store: Store, root_key: &RootKey, first: AccountId) -> Self {
        let sealer = Sealer::new(&root_key.derive("sts/accounts"));
        Self { store, sealer, first, root_keys: RwLock::default() }
    }

    /// Makes an account with this number, or with one that is free. Durable when it returns.
    ///
    /// Errors: AccountExists, Validation (the name).
    pub async fn create(
        &self,
        number: Option<AccountId>,
        name: Option<String>,
        now: Timestamp,
    ) -> Result<NewAccount, StsError> {
        let printable = |name: &str| name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if name
            .as_deref()
            .is_some_and(|name| name.is_empty() || name.len() > LONGEST_NAME || !printable(name))
        {
            return Err(StsError::Validation(format!(
                "An account's name has 1 to {LONGEST_NAME} printable ASCII characters."
            )));
        }
        let id = match number {
            Some(number) => number,
            // Twelve random digits are free but for a chance that the check below takes care of.
            None => random_number()?,
        };
        if id == self.first {
            return Err(StsError::AccountExists(id.to_string()));
        }
        let access_key_id = access_key::new_id(KeyKind::LongLived, &id)?;
        let secret = access_key::new_secret()?;
        let sealed = self.sealer.seal(access_key_id.as_bytes(), secret.as_bytes())?;
        let account = Account { id: id.clone(), name, created: now };
        let record = AccountRecord {
            name: account.name.clone(),
            created: now,
            access_key_id: access_key_id.clone(),
            secret: sealed,
        };
        let key_id = access_key_id.clone();
        self.store
            .write(move |txn| {
                if !txn.insert_new(&ACCOUNTS, &id, &record)? || !txn.insert_new(&ROOT_KEYS, &key_id, &id)? {
                    return Err(StsError::AccountExists(id.to_string()));
                }
                Ok(())
            })
            .await?;
        if let Some(known) = &mut *self.root_keys.write().unwrap_or_else(PoisonError::into_inner) {
            known.insert(access_key_id.clone());
        }
        Ok(NewAccount { account, access_key_id, secret })
    }

    fn is_root_key(&self, access_key_id: &str) -> Result<bool, StsError> {
        let known = self.root_keys.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*known {
            return Ok(known.contains(access_key_id));
        }
        drop(known);
        // Under the lock, so that a key that is made meanwhile is in it or is added to it.
        let mut known = self.root_keys.write().unwrap_or_else(PoisonError::into_inner);
        let entries = self.store.read()?.scan(&ROOT_KEYS, Span::all()).collect::<Result<Vec<_>, _>>()?;
        let all = known.insert(entries.into_iter().map(|(id, _)| id).collect());
        Ok(all.contains(access_key_id))
    }

    /// Those that were created, in the order of their numbers.
    pub fn list(&self) -> Result<Vec<Account>, StsError> {
        let snapshot = self.store.read()?;
        let entries = snapshot.scan(&ACCOUNTS, Span::all());
        entries
            .map(|entry| {
                let (id, AccountRecord { name, created, .. }) = entry?;
                Ok(Account { id, name, created })
            })
            .collect()
    }

    pub fn exists(&self, account: &AccountId) -> Result<bool, StsError> {
        Ok(*account == self.first || self.store.read()?.contains(&ACCOUNTS, account)?)
    }

    /// The root user whose key it is.
    pub fn root(&self, access_key_id: &str) -> Result<Option<Credential>, StsError> {
        if !self.is_root_key(access_key_id)? {
            return Ok(None);
        }
        let snapshot = self.store.read()?;
        let Some(account) = snapshot.get(&ROOT_KEYS, access_key_id)? else { return Ok(None) };
        let Some(record) = snapshot.get(&ACCOUNTS, &account)? else { return Ok(None) };
        let secret = self.sealer.open(access_key_id.as_bytes(), &record.secret);
        let secret = secret.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
        let damaged = || StsError::internal("opening an account's key", "it was not sealed by this root key");
        Ok(Some(Credential::of_root(account, Secret::new(secret.ok_or_else(damaged)?))))
    }
}

/// Never with a zero in front, which spreadsheets lose.
fn random_number() -> Result<AccountId, KeyError> {
    const LEAST: u64 = 100_000_000_000;
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).map_err(|_| KeyError)?;
    let number = LEAST + u64::from_be_bytes(bytes) % (9 * LEAST);
    Ok(number.to_string().parse().expect("twelve digits are an account id"))
}

#[cfg(test)]
mod tests {
    use millpond_core::key::KEY_LEN;
    use millpond_store::StoreOptions;

    use super::*;

    fn accounts(dir: &tempfile::TempDir) -> Accounts {
        let store = Store::open(&dir.path().join("store"), StoreOptions::default()).unwrap();
        let key = RootKey::from_bytes([7; KEY_LEN]);
        Accounts::new(store, &key, "000000000000".parse().unwrap())
    }

    #[tokio::test]
    async fn an_account_is_made_once_and_has_a_root() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = accounts(&dir);
        let second: AccountId = "123456789012".parse().unwrap();
        let create = |number: Option<&AccountId>, name: Option<&str>| {
            accounts.create(number.cloned(), name.map(ToOwned::to_owned), Timestamp::EPOCH)
        };
        let new = create(Some(&second), Some("second")).await.unwrap();
        let root = accounts.root(&new.access_key_id).unwrap().unwrap();
        assert_eq!((root.account, root.secret.expose()), (second.clone(), new.secret.as_str()));
        assert!(accounts.root("AKIAAAAAAAAAAAAAAAAA").unwrap().is_none());
        let free = create(None, None).await.unwrap().account.id;
        let listed: Vec<AccountId> = accounts.list().unwrap().into_iter().map(|account| account.id).collect();
        assert!(listed.len() == 2 && listed.contains(&free) && listed.contains(&second), "{listed:?}");
        let first = "000000000000".parse().unwrap();
        for taken in [&second, &first] {
            assert!(matches!(create(Some(taken), None).await, Err(StsError::AccountExists(_))), "{taken}");
            assert!(accounts.exists(taken).unwrap());
        }
        assert!(!accounts.exists(&"111111111111".parse().unwrap()).unwrap());
        for name in ["", "é", &"x".repeat(51)] {
            assert!(matches!(create(None, Some(name)).await, Err(StsError::Validation(_))), "{name}");
        }
    }

    #[test]
    fn records_that_were_written_before_still_decode() {
        let record: AccountRecord = rmp_serde::from_slice(include_bytes!("account_v1.bin")).unwrap();
        let expected = AccountRecord {
            name: Some("second".into()),
            created: Timestamp::from_secs(1),
            access_key_id: "AKIAEXAMPLE".into(),
            secret: vec![1, 2, 3],
        };
        assert_eq!(record, expected);
    }
}
