//! Watches the folders that objects are kept in: one that is lost shows in the log and in `/_millpond/health`, and one
//! that is back, or is to be adopted, is used again without a restart.

use std::time::Duration;

use millpond_blob::Blobs;
use millpond_work::{Pass, WorkError, Worker};

pub struct ZoneWatch(pub Blobs);

impl Worker for ZoneWatch {
    fn name(&self) -> &str {
        "storage.zones"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let zones = self.0.zones().await?;
        let lost: Vec<_> = zones
            .iter()
            .filter(|zone| !zone.there)
            .map(|zone| format!("zone {} is lost: {} is not it", zone.number, zone.path.display()))
            .collect();
        if lost.is_empty() { Ok(Pass::Idle) } else { Err(lost.join("; ").into()) }
    }
}
