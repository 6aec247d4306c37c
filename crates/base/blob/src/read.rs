//! Reading a range of a body: only the frames it touches, in steps of a mebibyte, one step ahead of the reader.

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

use crate::frames::{self, BodyKey, FRAME, HEADER, SEALED, TAG};
use crate::placement::Body;
use crate::pool::Filled;
use crate::{BlobError, Blobs, Inner, Placement, SCRATCH_FRAMES, STEP_FRAMES};

/// A piece up to this length is copied out, so that it does not hold a whole buffer.
const COPIED: usize = FRAME;

impl Blobs {
    /// The plaintext of `range`, in pieces of up to a mebibyte; each frame is authenticated before a byte of it is given.
    /// A stream that is not polled reads at most one step ahead.
    pub fn read(
        &self,
        placement: &Placement,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
        match self.start_read(placement, range) {
            Ok(stream) => stream,
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    /// The plaintext of `range` in one piece. For ranges that fit in memory.
    pub async fn read_to_bytes(&self, placement: &Placement, range: Range<u64>) -> Result<Bytes, BlobError> {
        let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let mut pieces = self.read(placement, range);
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

    fn start_read(
        &self,
        placement: &Placement,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        let Placement { size, wrapped_key, body } = placement;
        let Range { start, end } = range;
        if start > end || end > *size {
            return Err(BlobError::Range { start, end, size: *size });
        }
        if start == end {
            return Ok(stream::empty().boxed());
        }
        let key = BodyKey::unwrap(&self.0.wrapping_key, wrapped_key)?;
        match body {
            Body::Inline(sealed) => {
                let plain = Bytes::from(key.open_inline(sealed)?);
                let at =
                    |n| usize::try_from(n).map_err(|_| BlobError::Corrupt { what: "a small body's size" });
                let (start, end) = (at(start)?, at(end)?);
                if plain.len() as u64 != *size {
                    return Err(BlobError::Corrupt { what: "a small body's size" });
                }
                Ok(stream::once(async move { Ok(plain.slice(start..end)) }).boxed())
            }
            Body::File(id) => {
                let source = Source {
                    inner: self.0.clone(),
                    id: *id,
                    key,
                    size: *size,
                    header: frames::file_header(*id),
                };
                Ok(Download::new(source, start..end).into_stream())
            }
        }
    }
}

/// A body's file and what opens it.
struct Source {
    inner: Arc<Inner>,
    id: Uuid,
    key: BodyKey,
    size: u64,
    header: [u8; HEADER],
}

/// A range on its way out.
struct Download {
    source: Arc<Source>,
    /// What is not asked of the disk yet.
    rest: Range<u64>,
    /// The file, when no step is in flight; none before the first one.
    file: Option<File>,
    ahead: Option<JoinHandle<Result<(File, Bytes), BlobError>>>,
}

impl Download {
    fn new(source: Source, rest: Range<u64>) -> Self {
        Self { source: Arc::new(source), rest, file: None, ahead: None }
    }

    fn into_stream(self) -> BoxStream<'static, Result<Bytes, BlobError>> {
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
        let (file, piece) = ahead.await.map_err(|_| BlobError::CutOff)??;
        self.file = Some(file);
        self.start_step();
        Ok(Some(piece))
    }

    /// Asks for the next step, if there is one: up to the next border of steps, so that later ones are aligned.
    fn start_step(&mut self) {
        if self.rest.is_empty() {
            return;
        }
        let step = (STEP_FRAMES * FRAME) as u64;
        let border = (self.rest.start / step + 1) * step;
        let now = self.rest.start..border.min(self.rest.end);
        self.rest.start = now.end;
        let (source, file) = (self.source.clone(), self.file.take());
        self.ahead = Some(tokio::task::spawn_blocking(move || {
            let file = match file {
                Some(file) => file,
                None => source.open()?,
            };
            let piece = source.read(&file, now)?;
            Ok((file, piece))
        }));
    }
}

impl Source {
    fn open(&self) -> Result<File, BlobError> {
        File::open(self.inner.folder.path(self.id)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BlobError::Corrupt { what: "the object's file is missing" },
            _ => BlobError::io("opening an object's file")(error),
        })
    }

    /// Reads and opens the frames of a non-empty range that lies within one step.
    fn read(&self, file: &File, range: Range<u64>) -> Result<Bytes, BlobError> {
        let first = range.start / FRAME as u64;
        let frames = range.end.div_ceil(FRAME as u64) - first;
        let len = in_memory(
            frames::frame_offset(first + frames).min(frames::file_len(self.size))
                - frames::frame_offset(first),
        );
        let (mut sealed, mut plain) = (self.inner.scratch.take(), self.inner.pool.take());
        let last = frames::frame_count(self.size) - 1;
        // A few frames at a time, so that what was read is still in the processor's cache when it is opened.
        for at in (0..len).step_by(SCRATCH_FRAMES * SEALED) {
            let number = first + (at / SEALED) as u64;
            let sealed = &mut sealed[..(len - at).min(SCRATCH_FRAMES * SEALED)];
            file.read_exact_at(sealed, frames::frame_offset(number)).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => BlobError::Corrupt { what: "the object's file is cut short" },
                _ => BlobError::io("reading an object's file")(error),
            })?;
            for (number, frame) in (number..).zip(sealed.chunks(SEALED)) {
                let n = in_memory(number - first);
                let into = &mut plain[n * FRAME..n * FRAME + frame.len() - TAG];
                self.key.open(&self.header, number, number == last, frame, into)?;
            }
        }
        let base = first * FRAME as u64;
        let range = in_memory(range.start - base)..in_memory(range.end - base);
        if range.len() <= COPIED {
            return Ok(Bytes::copy_from_slice(&plain[range]));
        }
        Ok(Bytes::from_owner(Filled { buffer: plain, range }))
    }
}

fn in_memory(len: u64) -> usize {
    usize::try_from(len).expect("a step is a mebibyte")
}
