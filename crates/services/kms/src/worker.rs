//! Background passes: what becomes due of keys, and records that are old enough to go.

use std::time::Duration;

use millpond_core::Timestamp;
use millpond_work::{Pass, WorkError, Worker};

use crate::audit;
use crate::crypto;
use crate::error::KmsError;
use crate::model::key::{Cause, Change, Key, Material};
use crate::service::Kms;
use crate::store;

/// How many keys a pass deals with at most.
const BATCH: usize = 100;

/// Does what is due: removes keys whose waiting period is over, renews material, removes what expired.
pub struct DueKeys(pub Kms);

impl Worker for DueKeys {
    fn name(&self) -> &str {
        "kms.due"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        for _ in 0..BATCH {
            let Some(due) = store::next_due(&self.0.store().read()?)? else { return Ok(Pass::Idle) };
            if due.at > self.0.clock().now() {
                return Ok(Pass::At(due.at));
            }
            self.0.do_due(due).await?;
        }
        Ok(Pass::MoreToDo)
    }
}

impl Kms {
    async fn do_due(&self, due: store::Due) -> Result<(), KmsError> {
        let (store, now) = (self.store(), self.clock().now());
        let key = store::key(&store.read()?, &due.scope, due.key)?;
        match key.as_ref().and_then(|key| Some((key, key.due()?))) {
            Some((_, (at, Change::Removal))) if at == due.at => Ok(store::remove_key(store, due).await?),
            Some((key, (at, Change::Rotation))) if at == due.at => {
                self.renew(key, Cause::Automatic, now).await
            }
            Some((_, (at, Change::Expiry))) if at == due.at => {
                store::delete_material(store, due.scope, due.key, now, true).await
            }
            Some(_) | None => Ok(store::forget_due(store, due).await?),
        }
    }

    /// Gives a symmetric key fresh material.
    pub(crate) async fn renew(&self, key: &Key, cause: Cause, now: Timestamp) -> Result<(), KmsError> {
        let (arn, version) = (key.arn(), key.next_version());
        let material = crypto::random(32)?;
        let wrapped = store::Wrapped { bytes: self.vault().wrap(&arn, version, &material)? };
        let id = self.vault().material_id(&arn, &material);
        let material = Material { version, id, since: now, cause };
        store::renew_key(self.store(), key, material, wrapped, now).await
    }
}

/// Removes records of uses that are older than 90 days.
pub struct TrimTrail(pub Kms);

impl Worker for TrimTrail {
    fn name(&self) -> &str {
        "kms.trail"
    }

    fn interval(&self) -> Duration {
        audit::TRIM_EVERY
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        match audit::trim(self.0.store(), self.0.clock().now()).await? {
            true => Ok(Pass::MoreToDo),
            false => Ok(Pass::Idle),
        }
    }
}
