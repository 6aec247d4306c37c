//! Reading a range of a body: only the frames it touches, in steps of a mebibyte, one step ahead of the reader; each frame
//! from the first copy that has it whole.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::frames::{self, BodyKeys, FRAME, HEADER};
use crate::placement::Body;
use crate::pool::Filled;
use crate::zone::{self, Zone};
use crate::{BlobError, Blobs, Inner, Key, Placement, SCRATCH_FRAMES, STEP_FRAMES, Suspicious, pack};

/// A piece up to this length is copied out, so that it does not hold a whole buffer.
const COPIED: usize = FRAME;

impl Blobs {
    /// The plaintext of `range` of a body that the pond can open. See [`Blobs::read_with`].
    pub fn read(
        &self,
        placement: &Placement,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
        self.read_with(placement, range, None)
    }

    /// The plaintext of `range`, in pieces of up to a mebibyte; each frame is authenticated before a byte of it is given.
    /// A copy that is missing, unreadable or damaged is passed over for the next one, without the reader noticing, and
    /// shows in [`Blobs::suspicious`]. A stream that is not polled reads at most one step ahead.
    ///
    /// Errors: `WrongKey` (`key` is not the one that the body is wrapped under; never wrong bytes), `Lost` (every copy is
    /// gone), `Corrupt`, `Io` (none can be read).
    pub fn read_with(
        &self,
        placement: &Placement,
        range: Range<u64>,
        key: Option<&Key>,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
        match self.start_read(placement, range, key) {
            Ok(stream) => stream,
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    /// The plaintext of `range` in one piece. For ranges that fit in memory.
    pub async fn read_to_bytes(&self, placement: &Placement, range: Range<u64>) -> Result<Bytes, BlobError> {
        self.read_to_bytes_with(placement, range, None).await
    }

    /// As [`Blobs::read_with`], in one piece. For ranges that fit in memory.
    pub async fn read_to_bytes_with(
        &self,
        placement: &Placement,
        range: Range<u64>,
        key: Option<&Key>,
    ) -> Result<Bytes, BlobError> {
        let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let mut pieces = self.read_with(placement, range, key);
        let Some(first) = pieces.try_next().await? else { return Ok(Bytes::new()) };
        if first.len() == len {
            return Ok(first);
        }
        let mut whole = BytesMut::with_capacity(len);
        whole.extend_from_slice(&first);
        while let Some(piece) = pieces.try_next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// What readers found bad since this was last asked, for [`Blobs::repair`].
    pub fn suspicious(&self) -> Suspicious {
        self.0.suspects.take()
    }

    /// Returns when a reader found a copy bad since this was last awaited. For one who waits at a time.
    pub async fn suspected(&self) {
        self.0.suspects.reported().await;
    }

    fn start_read(
        &self,
        placement: &Placement,
        range: Range<u64>,
        key: Option<&Key>,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        let Range { start, end } = range;
        let size = placement.size;
        if start > end || end > size {
            return Err(BlobError::Range { start, end, size });
        }
        let keys = placement.keys(&self.0.wrapping_key, key)?;
        if start == end {
            return Ok(stream::empty().boxed());
        }
        match &placement.body {
            Body::Inline(sealed) => {
                let plain = Bytes::from(keys.open_inline(sealed)?);
                let at =
                    |n| usize::try_from(n).map_err(|_| BlobError::Corrupt { what: "a small body's size" });
                let (start, end) = (at(start)?, at(end)?);
                if plain.len() as u64 != size {
                    return Err(BlobError::Corrupt { what: "a small body's size" });
                }
                Ok(stream::once(async move { Ok(plain.slice(start..end)) }).boxed())
            }
            Body::File(id) => {
                let zones = self.0.in_reading_order(placement, *id);
                let source = Source::new(self.0.clone(), placement.clone(), *id, keys, zones);
                Ok(match placement.packed {
                    Some(packed) => pack::unpack(Download::new(source, 0..packed).into_stream(), range),
                    None => Download::new(source, range).into_stream(),
                })
            }
        }
    }
}

impl Inner {
    /// The zone is lost, or the settings do not name it any more.
    pub(crate) fn is_away(&self, zone: u8) -> bool {
        self.zones.get(usize::from(zone)).is_none_or(|zone| zone.is_lost())
    }

    /// The zones that are said to have a copy: begun with another one for each body, so that all disks read; those that
    /// are lost come last, since they may be back.
    fn in_reading_order(&self, placement: &Placement, id: Uuid) -> Vec<Arc<Zone>> {
        let holding = self.zones.iter().filter(|zone| placement.zones.contains(zone.number));
        let mut zones: Vec<_> = holding.cloned().collect();
        if !zones.is_empty() {
            let begin = usize::from(id.as_bytes()[0]) % zones.len();
            zones.rotate_left(begin);
        }
        zones.sort_by_key(|zone| zone.is_lost());
        zones
    }
}

/// A body's copies and what opens them.
pub(crate) struct Source {
    inner: Arc<Inner>,
    placement: Placement,
    id: Uuid,
    keys: BodyKeys,
    header: [u8; HEADER],
    /// In the order in which they are tried.
    zones: Vec<Arc<Zone>>,
}

/// The copies as far as a reader opened them, beside [`Source::zones`].
struct Copies {
    files: Vec<Option<File>>,
    /// Found bad, and told.
    bad: Vec<bool>,
    /// The one that served last.
    current: usize,
}

/// A range on its way out.
pub(crate) struct Download {
    source: Arc<Source>,
    /// What is not asked of the disk yet.
    rest: Range<u64>,
    /// None while a step is in flight.
    copies: Option<Copies>,
    ahead: Option<JoinHandle<Result<(Copies, Bytes), BlobError>>>,
}

impl Download {
    pub(crate) fn new(source: Source, rest: Range<u64>) -> Self {
        let copies = Copies {
            files: source.zones.iter().map(|_| None).collect(),
            bad: vec![false; source.zones.len()],
            current: 0,
        };
        Self { source: Arc::new(source), rest, copies: Some(copies), ahead: None }
    }

    pub(crate) fn into_stream(self) -> BoxStream<'static, Result<Bytes, BlobError>> {
        stream::try_unfold(self, |mut download| async move {
            let piece = download.piece().await?;
            Ok(piece.map(|piece| (piece, download)))
        })
        .boxed()
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, BlobError> {
        if self.ahead.is_none() {
            self.start_step();
        }
        let Some(ahead) = self.ahead.take() else { return Ok(None) };
        let (copies, piece) = ahead.await.map_err(|_| BlobError::CutOff)??;
        self.copies = Some(copies);
        self.start_step();
        Ok(Some(piece))
    }

    /// Asks for the next step, if there is one: up to the next border of steps, so that later ones are aligned.
    fn start_step(&mut self) {
        if self.rest.is_empty() {
            return;
        }
        let Some(mut copies) = self.copies.take() else { return };
        let step = (STEP_FRAMES * FRAME) as u64;
        let border = (self.rest.start / step + 1) * step;
        let now = self.rest.start..border.min(self.rest.end);
        self.rest.start = now.end;
        let source = self.source.clone();
        self.ahead = Some(tokio::task::spawn_blocking(move || {
            let piece = source.read(&mut copies, now)?;
            Ok((copies, piece))
        }));
    }
}

impl Source {
    pub(crate) fn new(
        inner: Arc<Inner>,
        placement: Placement,
        id: Uuid,
        keys: BodyKeys,
        zones: Vec<Arc<Zone>>,
    ) -> Self {
        let header = placement.header(id);
        Self { inner, placement, id, keys, header, zones }
    }

    /// Reads and opens the frames of a non-empty range that lies within one step.
    fn read(&self, copies: &mut Copies, range: Range<u64>) -> Result<Bytes, BlobError> {
        let (len, overhead) = (self.placement.framed(), self.keys.overhead());
        let first = range.start / FRAME as u64;
        let frames = range.end.div_ceil(FRAME as u64) - first;
        let offset = |number| frames::frame_offset(number, overhead);
        let sealed_len =
            in_memory(offset(first + frames).min(frames::file_len(len, overhead)) - offset(first));
        let (mut sealed, mut plain) = (self.inner.scratch.take(), self.inner.pool.take());
        // A few frames at a time, so that what was read is still in the processor's cache when it is opened.
        let chunk = SCRATCH_FRAMES * (FRAME + overhead);
        for at in (0..sealed_len).step_by(chunk) {
            let done = at / (FRAME + overhead);
            let sealed = &mut sealed[..(sealed_len - at).min(chunk)];
            self.read_frames(copies, first + done as u64, sealed, &mut plain[done * FRAME..])?;
        }
        let base = first * FRAME as u64;
        let range = in_memory(range.start - base)..in_memory(range.end - base);
        if range.len() <= COPIED {
            return Ok(Bytes::copy_from_slice(&plain[range]));
        }
        Ok(Bytes::from_owner(Filled { buffer: plain, range }))
    }

    /// Reads the frames from `number` on that fill `sealed`, from the copy that served last or else from another one.
    fn read_frames(
        &self,
        copies: &mut Copies,
        number: u64,
        sealed: &mut [u8],
        plain: &mut [u8],
    ) -> Result<(), BlobError> {
        let mut worst = BlobError::Lost;
        for turn in 0..self.zones.len() {
            let at = (copies.current + turn) % self.zones.len();
            match self.read_copy(&mut copies.files[at], &self.zones[at], number, sealed, plain) {
                Ok(()) => {
                    copies.current = at;
                    return Ok(());
                }
                Err(error) => {
                    if !std::mem::replace(&mut copies.bad[at], true) {
                        self.tell(&self.zones[at], &error);
                    }
                    worst = worse(worst, error);
                }
            }
        }
        Err(match worst {
            BlobError::Lost if self.placement.zones.iter().any(|zone| self.inner.is_away(zone)) => {
                BlobError::OutOfReach
            }
            worst => worst,
        })
    }

    fn read_copy(
        &self,
        file: &mut Option<File>,
        zone: &Zone,
        number: u64,
        sealed: &mut [u8],
        plain: &mut [u8],
    ) -> Result<(), BlobError> {
        let file = match file {
            Some(file) => file,
            None => file.insert(File::open(zone.folder.path(self.id)).map_err(|error| {
                if zone::is_absence(&error) {
                    BlobError::Lost
                } else {
                    BlobError::io("opening an object's file")(error)
                }
            })?),
        };
        let overhead = self.keys.overhead();
        file.read_exact_at(sealed, frames::frame_offset(number, overhead)).map_err(|error| {
            match error.kind() {
                io::ErrorKind::UnexpectedEof => BlobError::Corrupt { what: "the object's file is cut short" },
                _ => BlobError::io("reading an object's file")(error),
            }
        })?;
        let last = frames::frame_count(self.placement.framed()) - 1;
        let frames = sealed.chunks_mut(FRAME + overhead).zip(plain.chunks_mut(FRAME));
        for (number, (frame, into)) in (number..).zip(frames) {
            let len = frame.len() - overhead;
            self.keys.open(&self.header, number, number == last, frame, &mut into[..len])?;
        }
        Ok(())
    }

    /// Tells of a copy that could not be read. That a zone is lost is told once, and not for each body in it.
    fn tell(&self, zone: &Zone, error: &BlobError) {
        if zone.is_lost() || !zone.look() {
            return;
        }
        let error = error as &dyn std::error::Error;
        tracing::error!(error, id = %self.id, zone = zone.number, "a copy of an object is missing or damaged");
        self.inner.suspects.report(&self.placement, zone.number);
    }
}

/// Of two copies' errors the one that says more: what may pass, what was found, that there was nothing.
fn worse(one: BlobError, other: BlobError) -> BlobError {
    let weight = |error: &BlobError| match error {
        BlobError::Lost => 0,
        BlobError::Corrupt { .. } => 1,
        _ => 2,
    };
    if weight(&other) > weight(&one) { other } else { one }
}

fn in_memory(len: u64) -> usize {
    usize::try_from(len).expect("a step is a mebibyte")
}
