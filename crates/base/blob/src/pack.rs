//! Bodies made smaller before they are sealed, as one Zstandard stream; bounded on both ways.

use std::io;
use std::ops::Range;

use async_compression::tokio::bufread::ZstdDecoder;
use async_compression::tokio::write::ZstdEncoder;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::{ReaderStream, StreamReader};

use crate::BlobError;
use crate::frames::FRAME;
use crate::upload::Upload;

/// What is given to the codec at once: it works on the caller's thread.
const SLICE: usize = FRAME;

pub(crate) struct Packer(ZstdEncoder<Vec<u8>>);

impl Packer {
    pub(crate) fn new() -> Self {
        Self(ZstdEncoder::new(Vec::new()))
    }

    pub(crate) async fn push(&mut self, plain: &[u8], upload: &mut Upload) -> Result<(), BlobError> {
        for slice in plain.chunks(SLICE) {
            self.0.write_all(slice).await.map_err(packing())?;
            upload.push(self.0.get_ref()).await?;
            self.0.get_mut().clear();
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    pub(crate) async fn finish(mut self, upload: &mut Upload) -> Result<(), BlobError> {
        self.0.shutdown().await.map_err(packing())?;
        upload.push(self.0.get_ref()).await
    }
}

fn packing() -> impl FnOnce(io::Error) -> BlobError {
    BlobError::io("compressing an object")
}

/// The bytes of `range` of what `packed` unpacks to, in small pieces.
pub(crate) fn unpack(
    packed: BoxStream<'static, Result<Bytes, BlobError>>,
    range: Range<u64>,
) -> BoxStream<'static, Result<Bytes, BlobError>> {
    let reader = StreamReader::new(packed.map_err(io::Error::other));
    let plain = ReaderStream::with_capacity(ZstdDecoder::new(reader), SLICE).map_err(|error| {
        error.downcast::<BlobError>().unwrap_or(BlobError::Corrupt { what: "a compressed body" })
    });
    let (skip, left) = (range.start, range.end - range.start);
    stream::try_unfold((plain, skip, left), |(mut plain, mut skip, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        loop {
            let piece = plain.try_next().await?;
            let mut piece =
                piece.ok_or(BlobError::Corrupt { what: "a compressed body that is cut short" })?;
            let passed = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
            drop(piece.split_to(passed));
            skip -= passed as u64;
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            if !piece.is_empty() {
                let left = left - piece.len() as u64;
                return Ok(Some((piece, (plain, skip, left))));
            }
        }
    })
    .boxed()
}
