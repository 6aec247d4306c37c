//! A pond while it runs: what the services stand on, how it is opened and closed.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use millpond_core::disk::create_private_dir;
use millpond_core::{Clock, RootKey};
use millpond_gateway::{Access, Services};
use millpond_store::{Store, StoreOptions};
use millpond_work::Tasks;

use crate::credentials::KeyRing;
use crate::services;
use crate::settings::Settings;

/// How long background work may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// What every service is opened with.
pub struct Foundation<'a> {
    /// For services that verify signatures themselves, as S3 does.
    pub access: &'a Access,
    /// Stands on the pond's STS as soon as that is open.
    pub keys: &'a KeyRing,
    pub dir: &'a Path,
    pub root_key: &'a RootKey,
    pub clock: Clock,
    pub settings: &'a Settings,
    pub store: Store,
    pub tasks: Tasks,
}

/// What must be closed when the services are gone.
pub struct Pond {
    store: Store,
    tasks: Tasks,
}

impl Pond {
    /// Opens the data under `dir`, or makes it.
    pub fn open(
        access: &Access,
        keys: &KeyRing,
        dir: &Path,
        root_key: &RootKey,
        clock: Clock,
        settings: &Settings,
    ) -> anyhow::Result<(Self, Services)> {
        create_private_dir(dir).with_context(|| format!("making {}", dir.display()))?;
        let store = Store::open(&dir.join("store.redb"), StoreOptions::default())
            .with_context(|| format!("opening the store in {}", dir.display()))?;
        let tasks = Tasks::new(clock.clone());
        let foundation = Foundation {
            access,
            keys,
            dir,
            root_key,
            clock,
            settings,
            store: store.clone(),
            tasks: tasks.clone(),
        };
        let services = services::open(&foundation)?;
        Ok((Self { store, tasks }, services))
    }

    /// Stops the background work and closes the files. What the caller still holds of the services must be dropped before.
    pub async fn close(self) -> anyhow::Result<()> {
        let stopped = self.tasks.shutdown(STOP_WITHIN).await;
        self.store.close().await;
        Ok(stopped?)
    }
}
