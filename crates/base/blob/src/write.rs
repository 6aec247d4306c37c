//! Writing a body: small ones are sealed into their placement, larger ones go to a file in steps of a mebibyte. While one
//! step is sealed and written on a blocking thread, the next is filled from the stream; and every so often what was
//! written is synced beside that, so that the disk does not begin only when the body has ended.

use std::pin::pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use millpond_core::Timestamp;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::folder::TempFile;
use crate::frames::{self, BodyKey, FRAME, HEADER, SEALED, TAG};
use crate::placement::Body;
use crate::pool::Buffer;
use crate::{BlobError, Blobs, Inner, Placement, STEP_FRAMES, WriteError};

/// The plaintext of a step.
const STEP: usize = STEP_FRAMES * FRAME;
/// After so much plaintext the disk is asked to begin.
const EARLY_SYNC: u64 = 32 << 20;

impl Blobs {
    /// Writes a body; it is durable when this returns. On an error, and when the future is dropped, nothing is kept.
    ///
    /// Memory: two steps of a mebibyte, whatever the length of the body.
    pub async fn write<S, E>(&self, body: S) -> Result<Placement, WriteError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let mut body = pin!(body);
        let inner = &self.0;
        let mut head = BytesMut::new();
        let first_beyond = loop {
            match body.next().await.transpose().map_err(WriteError::Body)? {
                Some(chunk) if head.len() + chunk.len() <= inner.inline_limit => {
                    head.extend_from_slice(&chunk)
                }
                more_or_end => break more_or_end,
            }
        };
        let (key, wrapped_key) = BodyKey::generate(&inner.wrapping_key)?;
        let Some(beyond) = first_beyond else {
            let size = head.len() as u64;
            let sealed = key.seal_inline(head.into())?;
            return Ok(Placement { size, wrapped_key, body: Body::Inline(sealed) });
        };
        let mut upload = Upload::new(inner.clone(), key);
        upload.push(&head).await?;
        drop(head);
        upload.push(&beyond).await?;
        while let Some(chunk) = body.next().await.transpose().map_err(WriteError::Body)? {
            upload.push(&chunk).await?;
        }
        let id = upload.id;
        let size = upload.finish().await?;
        Ok(Placement { size, wrapped_key, body: Body::File(id) })
    }
}

/// A body on its way to a file.
struct Upload {
    inner: Arc<Inner>,
    id: Uuid,
    sealer: Arc<Sealer>,
    buffer: Buffer,
    /// Plaintext in the buffer.
    filled: usize,
    /// Plaintext that left the buffer.
    before: u64,
    in_flight: Option<JoinHandle<Result<Written, BlobError>>>,
    /// None before the first step landed.
    file: Option<Arc<TempFile>>,
    spare: Option<Buffer>,
    early_sync: Option<JoinHandle<Result<(), BlobError>>>,
    /// Plaintext that had left the buffer when the last early sync began.
    early: u64,
}

struct Sealer {
    key: BodyKey,
    header: [u8; HEADER],
}

/// A step's file and buffer, on their way back.
struct Written {
    file: Arc<TempFile>,
    buffer: Buffer,
}

impl Upload {
    fn new(inner: Arc<Inner>, key: BodyKey) -> Self {
        let id = Uuid::new_v4();
        let sealer = Arc::new(Sealer { key, header: frames::file_header(id) });
        let buffer = inner.pool.take();
        Self {
            inner,
            id,
            sealer,
            buffer,
            filled: 0,
            before: 0,
            in_flight: None,
            file: None,
            spare: None,
            early_sync: None,
            early: 0,
        }
    }

    async fn push(&mut self, mut chunk: &[u8]) -> Result<(), BlobError> {
        while !chunk.is_empty() {
            if self.filled == STEP {
                self.step().await?;
            }
            let (frame, within) = (self.filled / FRAME, self.filled % FRAME);
            let (now, rest) = chunk.split_at(chunk.len().min(FRAME - within));
            let at = frame * SEALED + within;
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
        let next = self.spare.take().unwrap_or_else(|| self.inner.pool.take());
        let buffer = std::mem::replace(&mut self.buffer, next);
        let step = self.take_step(buffer, false);
        self.in_flight = Some(tokio::task::spawn_blocking(move || step.write()));
        Ok(())
    }

    async fn finish(mut self) -> Result<u64, BlobError> {
        self.land().await?;
        self.land_early_sync().await?;
        let size = self.before + self.filled as u64;
        let now = self.inner.clock.now();
        let last = self.inner.pool.take();
        let buffer = std::mem::replace(&mut self.buffer, last);
        let step = self.take_step(buffer, true);
        let placed = tokio::task::spawn_blocking(move || step.write_last(now));
        placed.await.map_err(|_| BlobError::CutOff)??;
        Ok(size)
    }

    /// Waits for the step in flight.
    async fn land(&mut self) -> Result<(), BlobError> {
        if let Some(in_flight) = self.in_flight.take() {
            let Written { file, buffer } = in_flight.await.map_err(|_| BlobError::CutOff)??;
            self.file = Some(file);
            self.spare = Some(buffer);
        }
        Ok(())
    }

    async fn sync_early(&mut self) -> Result<(), BlobError> {
        let running = self.early_sync.as_ref().is_some_and(|sync| !sync.is_finished());
        let Some(file) = self.file.clone().filter(|_| !running && self.before - self.early >= EARLY_SYNC)
        else {
            return Ok(());
        };
        self.land_early_sync().await?;
        self.early = self.before;
        self.early_sync = Some(tokio::task::spawn_blocking(move || {
            file.sync().map_err(BlobError::io("making an object's file durable"))
        }));
        Ok(())
    }

    /// The system tells of a failed sync only once: its error must not be lost.
    async fn land_early_sync(&mut self) -> Result<(), BlobError> {
        match self.early_sync.take() {
            Some(sync) => sync.await.map_err(|_| BlobError::CutOff)?,
            None => Ok(()),
        }
    }

    fn take_step(&mut self, buffer: Buffer, last: bool) -> Step {
        let plain = std::mem::take(&mut self.filled);
        let first = self.before / FRAME as u64;
        self.before += plain as u64;
        let (inner, sealer, file) = (self.inner.clone(), self.sealer.clone(), self.file.clone());
        Step { inner, id: self.id, sealer, file, buffer, plain, first, last }
    }
}

/// One buffer's way to the disk; owns all it needs, so that a dropped upload still removes its file.
struct Step {
    inner: Arc<Inner>,
    id: Uuid,
    sealer: Arc<Sealer>,
    file: Option<Arc<TempFile>>,
    buffer: Buffer,
    /// Plaintext in the buffer.
    plain: usize,
    /// The number of its first frame.
    first: u64,
    last: bool,
}

impl Step {
    /// Seals the buffer's frames where they stand and writes them.
    fn write(mut self) -> Result<Written, BlobError> {
        let frames = self.plain.div_ceil(FRAME);
        for n in 0..frames {
            let start = n * SEALED;
            let len = FRAME.min(self.plain - n * FRAME) + TAG;
            let last = self.last && n + 1 == frames;
            let frame = &mut self.buffer[start..start + len];
            self.sealer.key.seal(&self.sealer.header, self.first + n as u64, last, frame)?;
        }
        let writing = || BlobError::io("writing an object's file");
        let file = match self.file {
            Some(file) => file,
            None => {
                let file = TempFile::create(self.inner.folder.clone(), self.id).map_err(writing())?;
                let file = Arc::new(file);
                file.write_at(&self.sealer.header, 0).map_err(writing())?;
                file
            }
        };
        let sealed = self.plain + frames * TAG;
        file.write_at(&self.buffer[..sealed], frames::frame_offset(self.first)).map_err(writing())?;
        Ok(Written { file, buffer: self.buffer })
    }

    fn write_last(self, now: Timestamp) -> Result<(), BlobError> {
        let Written { file, .. } = self.write()?;
        file.put_in_place(now).map_err(BlobError::io("making an object's file durable"))
    }
}
