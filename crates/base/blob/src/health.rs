//! Scrub and repair: each copy of a body is held against the checksum of its file, with no key of a caller, and what is
//! missing or rotten is made anew from a good copy.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::TryStreamExt as _;
use rustix::fs::Advice;
use tokio::time::Instant;
use uuid::Uuid;

use crate::folder::NewFile;
use crate::placement::{Body, Zones};
use crate::pool::Buffer;
use crate::read::{Download, Source};
use crate::upload::new_crc;
use crate::zone::{self, Zone};
use crate::{BlobError, Blobs, Placement, Spread};

/// How the copies of a body are, of the zones that should have one. A body inside its placement has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    pub good: Zones,
    /// The zone is there, and the copy is not.
    pub missing: Zones,
    /// The copy is damaged, or can not be read.
    pub rotten: Zones,
    /// The zone is lost, or the settings do not name it any more.
    pub out_of_reach: Zones,
}

impl Health {
    const NONE: Self =
        Self { good: Zones::NONE, missing: Zones::NONE, rotten: Zones::NONE, out_of_reach: Zones::NONE };

    /// Nothing to repair, here or when a zone is back.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.rotten.is_empty() && self.out_of_reach.is_empty()
    }
}

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// Where the body is now: to be recorded when it is not the one that was given.
    pub placement: Placement,
    /// The copies that were made.
    pub made: Zones,
    /// Copies that could not be made, since their zones are lost.
    pub out_of_reach: Zones,
}

impl Blobs {
    /// Reads every copy to its end and says how it is. No key is needed, also for bodies of callers' keys. What was read
    /// is let go of by the system's cache, before and after, so that it is the disk that is asked.
    ///
    /// All checks and repairs together read as fast as the options say, and no faster.
    pub async fn check(&self, placement: &Placement) -> Result<Health, BlobError> {
        Ok(self.examine(placement).await?.0)
    }

    /// Makes missing and rotten copies anew from a good one, also in zones that were added since the body was written.
    /// Idempotent; a body that is removed meanwhile leaves a file for the sweep.
    ///
    /// Errors: `Lost`, `Corrupt` (there is no good copy), `OutOfReach` (none, and a zone that had one is lost); what the disk
    /// says when a copy can not be written.
    pub async fn repair(&self, placement: &Placement) -> Result<Repaired, BlobError> {
        let (health, crc) = self.examine(placement).await?;
        let Health { good, missing, rotten, out_of_reach } = health;
        let mut repaired = Repaired { placement: placement.clone(), made: Zones::NONE, out_of_reach };
        let Body::File(id) = placement.body else { return Ok(repaired) };
        // A copy in a zone that is lost may be there again with the zone.
        let waiting: Zones = out_of_reach.iter().filter(|zone| placement.zones.contains(*zone)).collect();
        let (Some(from), Some(crc)) = (good.iter().next(), crc) else {
            return Err(if !waiting.is_empty() {
                BlobError::OutOfReach
            } else if rotten.is_empty() {
                BlobError::Lost
            } else {
                BlobError::Corrupt { what: "an object with no good copy left" }
            });
        };
        let from = self.0.zones[usize::from(from)].clone();
        let mut outcome = Ok(());
        for zone in missing.iter().chain(rotten.iter()) {
            let to = self.0.zones[usize::from(zone)].clone();
            match self.copy(placement, id, &from, &to, crc).await {
                Ok(()) => {
                    tracing::warn!(%id, zone, "a copy of an object was made anew");
                    repaired.made.insert(zone);
                }
                Err(error) => outcome = Err(error),
            }
        }
        outcome?;
        repaired.placement.zones = good.iter().chain(repaired.made.iter()).chain(waiting.iter()).collect();
        repaired.placement.crc = Some(crc);
        Ok(repaired)
    }

    /// Whether a zone that is there has no copy where it should have one, or one of another length: what a repair would
    /// make, found without reading. Zones that are lost are passed over.
    pub async fn lacks_copies(&self, placement: &Placement) -> Result<bool, BlobError> {
        let Body::File(id) = placement.body else { return Ok(false) };
        let (inner, wanted, len) = (self.0.clone(), self.wanted(placement), placement.file_len());
        let looked = tokio::task::spawn_blocking(move || {
            let zones = wanted.iter().filter_map(|number| inner.zones.get(usize::from(number)));
            let mut there = zones.filter(|zone| !zone.is_lost());
            there.any(|zone| match std::fs::metadata(zone.folder.path(id)) {
                Ok(meta) => meta.len() != len,
                Err(_) => zone.look(),
            })
        });
        looked.await.map_err(|_| BlobError::CutOff)
    }

    /// The zones that a body should have copies in.
    fn wanted(&self, placement: &Placement) -> Zones {
        let configured = self.0.zones.iter().map(|zone| zone.number);
        match placement.spread {
            Spread::EveryZone => placement.zones.iter().chain(configured).collect(),
            Spread::OneZone => placement.zones,
        }
    }

    /// How each copy is, and the checksum of the good ones.
    async fn examine(&self, placement: &Placement) -> Result<(Health, Option<u64>), BlobError> {
        let (mut health, mut crc) = (Health::NONE, placement.crc);
        let Body::File(id) = placement.body else { return Ok((health, crc)) };
        for number in self.wanted(placement).iter() {
            let found = match self.0.zones.get(usize::from(number)) {
                Some(zone) => self.examine_copy(placement, id, zone, crc).await?,
                None => Found::OutOfReach,
            };
            match found {
                Found::Good(found) => {
                    crc = Some(found);
                    health.good.insert(number);
                }
                Found::Missing => health.missing.insert(number),
                Found::Rotten => health.rotten.insert(number),
                Found::OutOfReach => health.out_of_reach.insert(number),
            }
        }
        Ok((health, crc))
    }

    async fn examine_copy(
        &self,
        placement: &Placement,
        id: Uuid,
        zone: &Arc<Zone>,
        crc: Option<u64>,
    ) -> Result<Found, BlobError> {
        let found = self.checksum(placement, id, zone).await?;
        let Found::Good(found) = found else { return Ok(found) };
        let good = match crc {
            Some(crc) => crc == found,
            None => self.authenticates(placement, id, zone).await?,
        };
        if good {
            return Ok(Found::Good(found));
        }
        tracing::error!(%id, zone = zone.number, "a copy of an object is rotten");
        Ok(Found::Rotten)
    }

    /// Reads a copy to its end, and as many bytes as there should be.
    async fn checksum(&self, placement: &Placement, id: Uuid, zone: &Arc<Zone>) -> Result<Found, BlobError> {
        let zone = zone.clone();
        let mut copy = match tokio::task::spawn_blocking(move || CopyReader::open(&zone, id)).await {
            Ok(Ok(copy)) => copy,
            Ok(Err(found)) => return Ok(found),
            Err(_) => return Err(BlobError::CutOff),
        };
        if copy.len != placement.file_len() {
            return Ok(Found::Rotten);
        }
        let mut crc = new_crc();
        let mut buffer = self.0.pool.take();
        while copy.at < copy.len {
            self.0.pace.take(copy.next_step(&buffer) as u64).await;
            let step = tokio::task::spawn_blocking(move || {
                let read = copy.step(&mut buffer);
                if let Ok(len) = read {
                    crc.update(&buffer[..len]);
                }
                (copy, buffer, crc, read)
            });
            let read;
            (copy, buffer, crc, read) = step.await.map_err(|_| BlobError::CutOff)?;
            if let Err(error) = read {
                tracing::error!(error = &error as &dyn std::error::Error, %id, "a copy of an object can not be read");
                return Ok(Found::Rotten);
            }
        }
        Ok(Found::Good(crc.finalize()))
    }

    /// For bodies that are older than the checksum: all of them are the pond's own to open.
    async fn authenticates(
        &self,
        placement: &Placement,
        id: Uuid,
        zone: &Arc<Zone>,
    ) -> Result<bool, BlobError> {
        let keys = placement.keys(&self.0.wrapping_key, None)?;
        let source = Source::new(self.0.clone(), placement.clone(), id, keys, vec![zone.clone()]);
        let mut pieces = Download::new(source, 0..placement.framed()).into_stream();
        loop {
            match pieces.try_next().await {
                Ok(Some(piece)) => self.0.pace.take(piece.len() as u64).await,
                Ok(None) => return Ok(true),
                Err(BlobError::CutOff) => return Err(BlobError::CutOff),
                Err(_) => return Ok(false),
            }
        }
    }

    /// Copies a file from one zone into another: written beside, synced, renamed over what was there.
    async fn copy(
        &self,
        placement: &Placement,
        id: Uuid,
        from: &Arc<Zone>,
        to: &Arc<Zone>,
        crc: u64,
    ) -> Result<(), BlobError> {
        let copying = || BlobError::io("copying an object's file");
        let (from, to, now) = (from.clone(), to.clone(), self.0.clock.now());
        let opened = tokio::task::spawn_blocking(move || {
            let source = CopyReader::open(&from, id).map_err(|_| BlobError::Lost)?;
            let file = NewFile::create(to.folder.clone(), id).map_err(copying())?;
            Ok::<_, BlobError>((source, file))
        });
        let (mut source, mut file) = opened.await.map_err(|_| BlobError::CutOff)??;
        let mut sum = new_crc();
        let mut buffer = self.0.pool.take();
        while source.at < source.len {
            self.0.pace.take(source.next_step(&buffer) as u64).await;
            let step = tokio::task::spawn_blocking(move || {
                let offset = source.at;
                let len = source.step(&mut buffer).map_err(copying())?;
                sum.update(&buffer[..len]);
                file.write_at(&buffer[..len], offset).map_err(copying())?;
                Ok::<_, BlobError>((source, file, buffer, sum))
            });
            (source, file, buffer, sum) = step.await.map_err(|_| BlobError::CutOff)??;
        }
        if sum.finalize() != crc || source.len != placement.file_len() {
            return Err(BlobError::Corrupt { what: "a copy that rotted while it was copied" });
        }
        let placed = tokio::task::spawn_blocking(move || {
            file.put_in_place(now)?;
            file.keep();
            Ok(())
        });
        placed.await.map_err(|_| BlobError::CutOff)?.map_err(copying())
    }
}

/// How one copy is.
enum Found {
    Good(u64),
    Missing,
    Rotten,
    OutOfReach,
}

/// A file that is read from its beginning to its end.
struct CopyReader {
    file: File,
    len: u64,
    at: u64,
}

impl CopyReader {
    fn open(zone: &Zone, id: Uuid) -> Result<Self, Found> {
        if zone.is_lost() {
            return Err(Found::OutOfReach);
        }
        let opened = File::open(zone.folder.path(id)).and_then(|file| {
            let len = file.metadata()?.len();
            Ok((file, len))
        });
        match opened {
            Ok((file, len)) => {
                let copy = Self { file, len, at: 0 };
                copy.let_go();
                Ok(copy)
            }
            Err(_) if !zone.look() => Err(Found::OutOfReach),
            Err(error) if zone::is_absence(&error) => Err(Found::Missing),
            Err(_) => Err(Found::Rotten),
        }
    }

    fn next_step(&self, buffer: &Buffer) -> usize {
        usize::try_from(self.len - self.at).unwrap_or(usize::MAX).min(buffer.len())
    }

    fn step(&mut self, buffer: &mut Buffer) -> std::io::Result<usize> {
        let len = self.next_step(buffer);
        self.file.read_exact_at(&mut buffer[..len], self.at)?;
        self.at += len as u64;
        Ok(len)
    }

    fn let_go(&self) {
        // Only advice: where it is not taken, the cache answers in the place of the disk.
        let _advice = rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed);
    }
}

impl Drop for CopyReader {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Spreads what checks read over real time: it is the disks that are spared.
pub(crate) struct Pace {
    bytes_per_second: u64,
    /// When the next one may read.
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), next: Mutex::default() }
    }

    /// Waits until `bytes` may be read.
    async fn take(&self, bytes: u64) {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let at = next.filter(|at| *at > now).unwrap_or(now);
            *next = Some(at + cost);
            at
        };
        tokio::time::sleep_until(at).await;
    }
}
