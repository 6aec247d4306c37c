//! Scrub and repair: two workers that go through every body that there is and see that each zone has its copy.
//!
//! The scrub reads each copy to its end, once in so many days. The repair reads nothing that is not damaged: it begins when
//! a zone is there that was not, another folder in its place, or all are after bodies were written without one, and looks at which files are missing; and it mends at once
//! what readers found bad. Both do a bounded amount in a pass and keep their place in the store.
//!
//! An object of which no copy is left is recorded as lost; whoever asks for it is told. One whose copies are all damaged is
//! told of in the log, and read as far as it can be.

#[cfg(test)]
mod tests;
mod walk;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use millpond_blob::{BlobError, Placement};
use millpond_gateway::Counter;
use millpond_work::{CancellationToken, Pass, WorkError, Worker};
use uuid::Uuid;

use crate::error::S3Error;
use crate::service::S3;
use crate::store::WalkRecord;

use walk::{How, Walk};

const SCRUB: &str = "scrub";
const REPAIR: &str = "repair";
const DAY: Duration = Duration::from_secs(86_400);

/// What scrub and repair count, as `/_millpond/metrics` shows it.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    pub scrubbed_bytes: Counter,
    pub repaired_copies: Counter,
    pub damaged_bodies: Counter,
    pub lost_bodies: Counter,
}

impl S3 {
    /// Name, meaning and value of each.
    pub fn counters(&self) -> [(&'static str, &'static str, Counter); 4] {
        let Counters { scrubbed_bytes, repaired_copies, damaged_bodies, lost_bodies } = &self.0.counters;
        [
            ("s3_scrubbed_bytes", "Bytes of copies that the scrub read", scrubbed_bytes.clone()),
            ("s3_repaired_copies", "Copies of bodies that were made anew", repaired_copies.clone()),
            ("s3_damaged_bodies", "Bodies found without a copy that is whole", damaged_bodies.clone()),
            ("s3_lost_bodies", "Bodies found without a copy", lost_bodies.clone()),
        ]
    }

    /// Before a body is named that lacks a copy: asks for a repair, once until that begins.
    pub(crate) async fn note_if_short(&self, placement: &Placement) -> Result<(), S3Error> {
        if self.0.blobs.is_short(placement) && !self.0.short.load(Ordering::Acquire) {
            self.metadata().want_repair().await?;
            self.0.short.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// The zones that are there, and as which folders.
    async fn zones_there(&self) -> Result<Vec<(u8, Option<Uuid>)>, S3Error> {
        let zones = self.0.blobs.zones().await;
        let zones = zones.map_err(|error| S3Error::internal("looking at the zones", error))?;
        Ok(zones.into_iter().filter(|zone| zone.there).map(|zone| (zone.number, zone.made)).collect())
    }
}

/// Reads every copy once in so many days.
pub struct Scrub {
    s3: S3,
    token: CancellationToken,
}

impl Scrub {
    pub fn new(s3: S3, token: CancellationToken) -> Self {
        Self { s3, token }
    }
}

impl Worker for Scrub {
    fn name(&self) -> &'static str {
        "s3.scrub"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let every = DAY * self.s3.settings().check_days;
        if every.is_zero() {
            return Ok(Pass::Idle);
        }
        let now = self.s3.now();
        let mut record = match self.s3.metadata().walk(SCRUB)? {
            Some(record) if record.ended.is_none() => record,
            Some(record) if record.began.plus(every) > now => return Ok(Pass::At(record.began.plus(every))),
            Some(_) => WalkRecord { began: now, ..WalkRecord::default() },
            // A new pond has nothing to look at yet.
            None => WalkRecord { began: now, ended: Some(now), ..WalkRecord::default() },
        };
        if record.ended.is_none() {
            Walk::new(&self.s3, &self.token, How::Reading).batch(&mut record).await?;
        }
        self.s3.metadata().set_walk(SCRUB, record).await?;
        Ok(Pass::MoreToDo)
    }

    fn progress(&self) -> Option<String> {
        walk::progress(&self.s3, SCRUB)
    }
}

/// Makes copies that are missing, or that readers found bad.
pub struct Repair {
    s3: S3,
    token: CancellationToken,
    /// A reader met a body without a copy: whose it is, a walk finds out.
    asked: AtomicBool,
}

impl Repair {
    pub fn new(s3: S3, token: CancellationToken) -> Self {
        Self { s3, token, asked: AtomicBool::new(false) }
    }

    /// Mends what readers found bad.
    async fn mend_suspects(&self) {
        for suspect in self.s3.0.blobs.suspicious().found {
            let repair = self.s3.0.blobs.repair(&suspect.placement);
            // What is not mended before the program stops, the scrub finds.
            let Some(repaired) = self.token.run_until_cancelled(repair).await else { return };
            match repaired {
                Ok(repaired) => {
                    self.s3.0.counters.repaired_copies.inc_by(u64::from(repaired.made.len()));
                }
                // It may have been removed since.
                Err(BlobError::Lost) => self.asked.store(true, Ordering::Release),
                Err(error) => {
                    let (error, zone) = (&error as &dyn std::error::Error, suspect.zone);
                    tracing::error!(error, zone, "a bad copy of an object could not be made anew");
                }
            }
        }
    }
}

impl Worker for Repair {
    fn name(&self) -> &'static str {
        "s3.repair"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        self.mend_suspects().await;
        let (now, zones) = (self.s3.now(), self.s3.zones_there().await?);
        let known = self.s3.metadata().walk(REPAIR)?;
        // A pond that never had a walk begins with one: its zones may be older than the first walk.
        let known = known.unwrap_or_default();
        let grown = zones.iter().any(|zone| !known.zones.contains(zone));
        let all = zones.len() == self.s3.0.blobs.zone_count();
        let short = all && self.s3.metadata().wants_repair()?;
        if short {
            self.s3.metadata().begin_repair().await?;
            // What is written from here on without a zone asks again.
            self.s3.0.short.store(false, Ordering::Release);
        }
        let mut record = if grown || short || self.asked.swap(false, Ordering::AcqRel) {
            WalkRecord { began: now, zones, ..WalkRecord::default() }
        } else if zones != known.zones {
            // One was lost. What goes on meanwhile goes on.
            WalkRecord { zones, ..known }
        } else if known.ended.is_some() {
            return Ok(Pass::Idle);
        } else {
            known
        };
        if record.ended.is_none() {
            Walk::new(&self.s3, &self.token, How::ByPresence).batch(&mut record).await?;
        }
        let idle = record.ended.is_some();
        self.s3.metadata().set_walk(REPAIR, record).await?;
        Ok(if idle { Pass::Idle } else { Pass::MoreToDo })
    }

    fn progress(&self) -> Option<String> {
        walk::progress(&self.s3, REPAIR)
    }
}
