//! A body on its way to its files, in steps of a mebibyte. While one step is sealed and written on blocking threads, one a
//! zone, the next is filled from the stream; and every so often what was written is synced beside that, so that the disks
//! do not begin only when the body has ended.

use std::io;
use std::sync::Arc;

use crc_fast::{CrcAlgorithm, Digest};
use millpond_core::Timestamp;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::folder::NewFile;
use crate::frames::{self, BodyKeys, FRAME, HEADER};
use crate::placement::Zones;
use crate::pool::Buffer;
use crate::zone::Zone;
use crate::{BlobError, Inner, STEP_FRAMES, Spread};

/// The plaintext of a step.
const STEP: usize = STEP_FRAMES * FRAME;
/// After so much plaintext the disk is asked to begin.
const EARLY_SYNC: u64 = 32 << 20;

/// The checksum of a body's file.
pub(crate) fn new_crc() -> Digest {
    Digest::new(CrcAlgorithm::Crc64Nvme)
}

pub(crate) struct Upload {
    inner: Arc<Inner>,
    id: Uuid,
    sealer: Arc<Sealer>,
    overhead: usize,
    buffer: Buffer,
    /// Plaintext in the buffer.
    filled: usize,
    /// Plaintext that left the buffer.
    before: u64,
    /// Of what left the buffer; with the step while one is in flight.
    crc: Option<Digest>,
    /// One a zone; with the step while one is in flight.
    copies: Vec<Copy>,
    in_flight: Option<JoinHandle<Result<Stepped, BlobError>>>,
    spare: Option<Buffer>,
    early_sync: Vec<JoinHandle<Outcome>>,
    /// Plaintext that had left the buffer when the last early sync began.
    early: u64,
}

/// What an upload made.
pub(crate) struct Uploaded {
    pub id: Uuid,
    /// What went into frames, in bytes.
    pub len: u64,
    pub zones: Zones,
    pub crc: u64,
}

struct Sealer {
    keys: BodyKeys,
    header: [u8; HEADER],
}

/// The file in one zone; none before the first step.
#[derive(Clone)]
struct Copy {
    zone: Arc<Zone>,
    file: Option<Arc<NewFile>>,
}

/// What became of one zone's part of a step.
enum Outcome {
    Done(Copy),
    Failed(BlobError),
    /// The zone is lost: the write goes on without it.
    ZoneLost(u8, BlobError),
}

impl Upload {
    pub(crate) fn new(
        inner: Arc<Inner>,
        keys: BodyKeys,
        (spread, wished): (Spread, Option<u8>),
        packed: bool,
    ) -> Result<Self, BlobError> {
        let id = Uuid::new_v4();
        let wished = wished.filter(|_| spread == Spread::OneZone);
        let may_be = |zone: &&Arc<Zone>| !zone.is_lost() && wished.is_none_or(|wished| wished == zone.number);
        let mut copies: Vec<_> = inner.zones.iter().filter(may_be).cloned().collect();
        if copies.is_empty() {
            return Err(BlobError::NoZone);
        }
        if spread == Spread::OneZone {
            // The id is random; its last byte names the folder within the zone.
            copies = vec![copies.swap_remove(usize::from(id.as_bytes()[0]) % copies.len())];
        }
        let overhead = keys.overhead();
        let header = frames::file_header(id, overhead > frames::TAG, packed);
        let buffer = inner.pool.take();
        Ok(Self {
            inner,
            id,
            sealer: Arc::new(Sealer { keys, header }),
            overhead,
            buffer,
            filled: 0,
            before: 0,
            crc: Some(new_crc()),
            copies: copies.into_iter().map(|zone| Copy { zone, file: None }).collect(),
            in_flight: None,
            spare: None,
            early_sync: Vec::new(),
            early: 0,
        })
    }

    pub(crate) async fn push(&mut self, mut chunk: &[u8]) -> Result<(), BlobError> {
        while !chunk.is_empty() {
            if self.filled == STEP {
                self.step().await?;
            }
            let (frame, within) = (self.filled / FRAME, self.filled % FRAME);
            let (now, rest) = chunk.split_at(chunk.len().min(FRAME - within));
            let at = frame * (FRAME + self.overhead) + within;
            self.buffer[at..at + now.len()].copy_from_slice(now);
            self.filled += now.len();
            chunk = rest;
        }
        Ok(())
    }

    /// Sends the full buffer on its way. More of the body follows, so none of its frames is the last one.
    async fn step(&mut self) -> Result<(), BlobError> {
        self.land().await?;
        self.sync_early().await?;
        self.start_step(None);
        Ok(())
    }

    pub(crate) async fn finish(mut self) -> Result<Uploaded, BlobError> {
        self.land().await?;
        self.land_early_sync().await?;
        let len = self.before + self.filled as u64;
        self.start_step(Some(self.inner.clock.now()));
        self.land().await?;
        let crc = self.crc.take().ok_or(BlobError::CutOff)?.finalize();
        let kept = self.copies.iter().filter_map(|copy| {
            copy.file.as_ref()?.keep();
            Some(copy.zone.number)
        });
        Ok(Uploaded { id: self.id, len, zones: kept.collect(), crc })
    }

    /// `place`: the step is the last one, and the files are put in place with this time.
    fn start_step(&mut self, place: Option<Timestamp>) {
        let Some(crc) = self.crc.take() else { return };
        let next = self.spare.take().unwrap_or_else(|| self.inner.pool.take());
        let step = Step {
            id: self.id,
            sealer: self.sealer.clone(),
            copies: std::mem::take(&mut self.copies),
            buffer: std::mem::replace(&mut self.buffer, next),
            plain: std::mem::take(&mut self.filled),
            first: self.before / FRAME as u64,
            crc,
            place,
        };
        self.before += step.plain as u64;
        self.in_flight = Some(tokio::task::spawn_blocking(move || step.run()));
    }

    /// Waits for the step in flight, in every zone.
    async fn land(&mut self) -> Result<(), BlobError> {
        let Some(in_flight) = self.in_flight.take() else { return Ok(()) };
        let Stepped { crc, sealed, first, others } = in_flight.await.map_err(|_| BlobError::CutOff)??;
        self.crc = Some(crc);
        let mut outcomes = vec![first];
        for other in others {
            outcomes.push(other.await.map_err(|_| BlobError::CutOff)?);
        }
        let mut lost = None;
        for outcome in outcomes {
            match outcome {
                Outcome::Done(copy) => self.copies.push(copy),
                Outcome::Failed(error) => return Err(error),
                Outcome::ZoneLost(_, error) => lost = Some(error),
            }
        }
        self.spare = Arc::into_inner(sealed).map(|sealed| sealed.buffer);
        match lost {
            Some(error) if self.copies.is_empty() => Err(error),
            _ => Ok(()),
        }
    }

    async fn sync_early(&mut self) -> Result<(), BlobError> {
        let running = self.early_sync.iter().any(|sync| !sync.is_finished());
        if running || self.before - self.early < EARLY_SYNC {
            return Ok(());
        }
        self.land_early_sync().await?;
        self.early = self.before;
        for copy in self.copies.iter().cloned() {
            self.early_sync
                .push(tokio::task::spawn_blocking(move || copy.attempt(|file| file.sync(), SYNCING)));
        }
        Ok(())
    }

    /// The system tells of a failed sync only once: its error must not be lost.
    async fn land_early_sync(&mut self) -> Result<(), BlobError> {
        for sync in std::mem::take(&mut self.early_sync) {
            match sync.await.map_err(|_| BlobError::CutOff)? {
                Outcome::Done(_) => {}
                Outcome::Failed(error) => return Err(error),
                Outcome::ZoneLost(number, error) => {
                    self.copies.retain(|copy| copy.zone.number != number);
                    if self.copies.is_empty() {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }
}

const WRITING: &str = "writing an object's file";
const SYNCING: &str = "making an object's file durable";

impl Copy {
    /// Does something with the file. After a failure the zone's marker decides whether it is the zone that is lost.
    fn attempt(self, act: impl FnOnce(&NewFile) -> io::Result<()>, doing: &'static str) -> Outcome {
        let done = match &self.file {
            Some(file) => act(file),
            None => Ok(()),
        };
        match done {
            Ok(()) => Outcome::Done(self),
            Err(error) => self.failed(error, doing),
        }
    }

    fn failed(self, error: io::Error, doing: &'static str) -> Outcome {
        let error = BlobError::io(doing)(error);
        match self.zone.look() {
            true => Outcome::Failed(error),
            false => Outcome::ZoneLost(self.zone.number, error),
        }
    }

    /// Writes one step's bytes; the file is made for the first one, and put in place by the last one.
    fn write(mut self, sealed: &Sealed) -> Outcome {
        if self.file.is_none() {
            match NewFile::create(self.zone.folder.clone(), sealed.id) {
                Ok(file) => self.file = Some(Arc::new(file)),
                Err(error) => return self.failed(error, WRITING),
            }
        }
        let written = self.attempt(
            |file| {
                if sealed.offset == HEADER as u64 {
                    file.write_at(&sealed.sealer.header, 0)?;
                }
                file.write_at(&sealed.buffer[..sealed.len], sealed.offset)
            },
            WRITING,
        );
        match (written, sealed.place) {
            (Outcome::Done(copy), Some(now)) => copy.attempt(|file| file.put_in_place(now), SYNCING),
            (written, _) => written,
        }
    }
}

/// One buffer's way to the disks; owns all it needs, so that a dropped upload still removes its files.
struct Step {
    id: Uuid,
    sealer: Arc<Sealer>,
    copies: Vec<Copy>,
    buffer: Buffer,
    /// Plaintext in the buffer.
    plain: usize,
    /// The number of its first frame.
    first: u64,
    crc: Digest,
    place: Option<Timestamp>,
}

/// What every zone writes.
struct Sealed {
    id: Uuid,
    sealer: Arc<Sealer>,
    buffer: Buffer,
    len: usize,
    offset: u64,
    place: Option<Timestamp>,
}

/// A step that was sealed, and written in the first zone.
struct Stepped {
    crc: Digest,
    sealed: Arc<Sealed>,
    first: Outcome,
    others: Vec<JoinHandle<Outcome>>,
}

impl Step {
    /// Seals the buffer's frames where they stand and has every zone write them, the first one here.
    fn run(mut self) -> Result<Stepped, BlobError> {
        let overhead = self.sealer.keys.overhead();
        let frames = self.plain.div_ceil(FRAME);
        if self.first == 0 {
            self.crc.update(&self.sealer.header);
        }
        for n in 0..frames {
            let start = n * (FRAME + overhead);
            let len = FRAME.min(self.plain - n * FRAME) + overhead;
            let last = self.place.is_some() && n + 1 == frames;
            let frame = &mut self.buffer[start..start + len];
            self.sealer.keys.seal(&self.sealer.header, self.first + n as u64, last, frame)?;
            self.crc.update(frame);
        }
        let sealed = Arc::new(Sealed {
            id: self.id,
            sealer: self.sealer,
            buffer: self.buffer,
            len: self.plain + frames * overhead,
            offset: frames::frame_offset(self.first, overhead),
            place: self.place,
        });
        let mut copies = self.copies.into_iter();
        let first = copies.next().ok_or(BlobError::NoZone)?;
        let others = copies
            .map(|copy| {
                let sealed = sealed.clone();
                tokio::task::spawn_blocking(move || copy.write(&sealed))
            })
            .collect();
        let first = first.write(&sealed);
        Ok(Stepped { crc: self.crc, sealed, first, others })
    }
}
