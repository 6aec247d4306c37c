//! The service's state and its background work.

use std::sync::Arc;

use millpond_core::{Clock, RootKey};
use millpond_store::Store;
use millpond_work::{Tasks, Wake};

use crate::crypto::vault::Vault;
use crate::policies::Policies;
use crate::worker::{DueKeys, TrimTrail};

/// What the program hands in.
pub struct Deps<'a> {
    pub store: Store,
    pub root_key: &'a RootKey,
    pub clock: Clock,
    pub tasks: &'a Tasks,
}

/// AWS KMS. Cheap to clone. Its methods in `domain` are what other services work with.
#[derive(Clone)]
pub struct Kms {
    inner: Arc<Inner>,
    /// The service that works with keys for its callers.
    pub(crate) via: Option<&'static str>,
}

struct Inner {
    store: Store,
    vault: Vault,
    clock: Clock,
    due: Wake,
    policies: Policies,
}

impl Kms {
    /// Starts the service and its workers.
    pub fn open(deps: Deps<'_>) -> Self {
        let tasks = deps.tasks;
        let kms = Self::take_up_work(deps);
        tasks.worker_woken_by(&kms.inner.due, DueKeys(kms.clone()));
        tasks.worker(TrimTrail(kms.clone()));
        kms
    }

    /// The service without its workers.
    pub(crate) fn take_up_work(deps: Deps<'_>) -> Self {
        let Deps { store, root_key, clock, tasks: _ } = deps;
        let inner = Inner {
            store,
            vault: Vault::new(root_key),
            clock,
            due: Wake::new(),
            policies: Policies::default(),
        };
        Self { inner: Arc::new(inner), via: None }
    }

    /// The same service in the hands of another one, named as its endpoint is: `kms.for_service("s3")`. Records name it, and
    /// its own keys (`aws/s3`) are used through it alone.
    #[must_use]
    pub fn for_service(&self, service: &'static str) -> Self {
        Self { inner: Arc::clone(&self.inner), via: Some(service) }
    }

    pub(crate) fn via(&self) -> Option<&'static str> {
        self.via
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    pub(crate) fn policies(&self) -> &Policies {
        &self.inner.policies
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Something of a key became due at another time.
    pub(crate) fn wake_due(&self) {
        self.inner.due.wake();
    }
}
