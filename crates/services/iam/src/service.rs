//! The service's state: the store, and what was read from it for requests to come.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millpond_core::{AccountId, Clock, RootKey, Timestamp};
use millpond_gateway::Secret;
use millpond_policy::{IdentityGrants, Kind as DocumentKind, Policy, User};
use millpond_store::{Snapshot, Store, StoreError, Txn};
use millpond_work::{Pass, Tasks, WorkError, Worker};

use crate::domain;
use crate::error::IamError;
use crate::model::document::Documents;
use crate::model::entity::{Entity, Kind};
use crate::model::ids::folded;
use crate::model::key::LastUse;
use crate::store;
use crate::vault::Vault;

/// What the program hands in.
pub struct Deps<'a> {
    pub store: Store,
    pub root_key: &'a RootKey,
    pub clock: Clock,
    pub tasks: &'a Tasks,
}

/// AWS IAM. Cheap to clone. Its methods in `domain` are what the gateway, STS and other services work with.
#[derive(Clone)]
pub struct Iam(Arc<Inner>);

struct Inner {
    store: Store,
    vault: Vault,
    clock: Clock,
    identity_documents: Documents,
    trust_documents: Documents,
    identities: Kept<(AccountId, Kind, String), Identity>,
    keys: Kept<String, KnownKey>,
    /// A version of the store, and the generation that it has.
    seen: Mutex<Option<(u64, u64)>>,
    uses: Mutex<HashMap<String, LastUse>>,
}

/// A user or a role with all that decides what it may do.
#[derive(Debug)]
pub struct Identity {
    pub entity: Entity,
    pub grants: Arc<IdentityGrants>,
    /// A role's.
    pub trust: Option<Arc<Policy>>,
    /// A user, as principals are made of.
    pub user: Arc<User>,
}

/// The number that the last change gave what is stored, and a view of it for what is not in memory yet. The view may be newer
/// than the number, never older.
pub struct Moment<'a> {
    store: &'a Store,
    reads: OnceCell<Snapshot>,
    generation: u64,
}

impl Moment<'_> {
    fn reads(&self) -> Result<&Snapshot, StoreError> {
        match self.reads.get() {
            Some(reads) => Ok(reads),
            None => {
                let reads = self.store.read()?;
                Ok(self.reads.get_or_init(|| reads))
            }
        }
    }
}

/// A key that requests may be signed with.
#[derive(Debug)]
pub struct KnownKey {
    pub account: AccountId,
    /// Its user's name, folded.
    pub user: String,
    pub secret: Secret,
}

/// How many of each are kept in memory.
const KEPT: usize = 10_000;

/// What was read, with the generation that it was read in.
struct Kept<K, V>(Mutex<HashMap<K, (u64, Arc<V>)>>);

impl<K: Eq + std::hash::Hash, V> Kept<K, V> {
    fn new() -> Self {
        Self(Mutex::default())
    }

    fn get(&self, key: &K, generation: u64) -> Option<Arc<V>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).filter(|(read, _)| *read == generation).map(|(_, value)| Arc::clone(value))
    }

    fn keep(&self, key: K, generation: u64, value: &Arc<V>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, (generation, Arc::clone(value)));
    }
}

impl Iam {
    /// Starts the service and its worker.
    pub fn open(deps: Deps<'_>) -> Self {
        let tasks = deps.tasks;
        let iam = Self::without_workers(deps);
        tasks.worker(KeepUses(iam.clone()));
        iam
    }

    /// The service without its worker.
    pub(crate) fn without_workers(deps: Deps<'_>) -> Self {
        let Deps { store, root_key, clock, tasks: _ } = deps;
        Self(Arc::new(Inner {
            store,
            vault: Vault::new(root_key),
            clock,
            identity_documents: Documents::of(DocumentKind::Identity),
            trust_documents: Documents::of(DocumentKind::Trust),
            identities: Kept::new(),
            keys: Kept::new(),
            seen: Mutex::default(),
            uses: Mutex::default(),
        }))
    }

    pub(crate) fn read(&self) -> Result<Snapshot, StoreError> {
        self.0.store.read()
    }

    /// Each change goes this way: it begins a generation in its own transaction, so that nothing that was read before it counts
    /// from its commit on, whether or not anybody waits for the answer.
    pub(crate) async fn write<T, F>(&self, change: F) -> Result<T, IamError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Txn<'_>) -> Result<T, IamError> + Send + 'static,
    {
        let change = move |txn: &mut Txn<'_>| {
            let done = change(txn)?;
            store::begin_generation(txn)?;
            Ok(done)
        };
        self.0.store.write(change).await
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn identity_documents(&self) -> &Documents {
        &self.0.identity_documents
    }

    /// Which generation this is. As long as nothing at all was written, the store is not asked.
    pub(crate) fn moment(&self) -> Result<Moment<'_>, IamError> {
        let store = &self.0.store;
        // Before the read: what is read may be newer than its version says, and is then read once more.
        let version = store.version();
        let seen = *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, generation)) = seen.filter(|(seen, _)| *seen == version) {
            return Ok(Moment { store, reads: OnceCell::new(), generation });
        }
        let reads = self.read()?;
        let generation = store::generation(&reads)?;
        *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, generation));
        Ok(Moment { store, reads: reads.into(), generation })
    }

    /// A user or a role by its name, ready to be decided about.
    pub(crate) fn identity(
        &self,
        moment: &Moment<'_>,
        account: &AccountId,
        kind: Kind,
        name: &str,
    ) -> Result<Option<Arc<Identity>>, IamError> {
        let key = (account.clone(), kind, folded(name));
        if let Some(identity) = self.0.identities.get(&key, moment.generation) {
            return Ok(Some(identity));
        }
        let reads = moment.reads()?;
        let Some(entity) = store::entity(reads, account, kind, name)? else { return Ok(None) };
        let grants = Arc::new(self.grants(reads, &entity)?);
        let trust = entity.role.as_ref().map(|role| self.0.trust_documents.read(&role.trust)).transpose()?;
        let user = Arc::new(domain::user(&entity));
        let identity = Arc::new(Identity { entity, grants, trust, user });
        self.0.identities.keep(key, moment.generation, &identity);
        Ok(Some(identity))
    }

    /// A key that is active.
    pub(crate) fn known_key(&self, moment: &Moment<'_>, id: &str) -> Result<Option<Arc<KnownKey>>, IamError> {
        let id = id.to_owned();
        if let Some(known) = self.0.keys.get(&id, moment.generation) {
            return Ok(Some(known));
        }
        let reads = moment.reads()?;
        let Some(key) = store::key(reads, &id)?.filter(|key| key.active) else { return Ok(None) };
        let user = store::by_id(reads, &key.user)?.ok_or(IamError::Inconsistent("a key without its user"))?;
        let secret = self.vault().open(&id, &key.sealed)?;
        let known = Arc::new(KnownKey { account: key.account, user: folded(&user.name), secret });
        self.0.keys.keep(id, moment.generation, &known);
        Ok(Some(known))
    }

    /// Remembers a use of a key or, by its id, of a role. Not acknowledged to anybody: a crash may forget the last minutes of it.
    pub(crate) fn remember_use(&self, id: &str, last: LastUse) {
        let mut uses = self.0.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < KEPT || uses.contains_key(id) {
            uses.insert(id.to_owned(), last);
        }
    }

    pub(crate) fn remembered_use(&self, id: &str) -> Option<LastUse> {
        self.0.uses.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    async fn keep_uses(&self) -> Result<(), IamError> {
        let uses = self.0.uses.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if uses.is_empty() {
            return Ok(());
        }
        let kept = uses.clone();
        // Decides nothing, so that it leaves what was read in its place.
        self.0.store.write(move |txn| store::put_uses(txn, &kept)).await?;
        let mut now = self.0.uses.lock().unwrap_or_else(PoisonError::into_inner);
        now.retain(|id, last| uses.get(id) != Some(last));
        Ok(())
    }
}

/// Writes down when keys and roles were used.
pub(crate) struct KeepUses(pub Iam);

impl Worker for KeepUses {
    fn name(&self) -> &str {
        "iam.key-uses"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        self.0.keep_uses().await?;
        Ok(Pass::Idle)
    }
}
