//! The lines of a text object, a block of whole lines at a time: decompressed by the object's extension, cut at the
//! bounds of a split, without the header and the footer.

use std::io;
use std::pin::Pin;

use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, ZstdDecoder};
use bytes::{Buf as _, BytesMut};
use futures::TryStreamExt as _;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt as _};
use tokio_util::io::StreamReader;

use super::parquet::TableObject;
use crate::error::{QueryError, ours_within};
use crate::objects::Reader;

/// So much text is decoded at a time.
const BLOCK: usize = 1 << 20;

/// Athena's own limit on a line is some 100 MB; ours keeps a broken file from filling the memory.
const MAX_LINE: usize = 64 << 20;

/// A part of an object: the lines that begin in `start..end`.
#[derive(Debug, Clone)]
pub(crate) struct Split {
    pub(crate) file: TableObject,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
    Bzip2,
}

/// Errors: NOT_SUPPORTED for an extension that Athena reads and Millpond does not.
fn compression_of(file: &TableObject) -> Result<Compression, QueryError> {
    let key = file.object.key.as_str();
    let extension = key.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, end)| end);
    Ok(match extension.to_ascii_lowercase().as_str() {
        "gz" | "gzip" => Compression::Gzip,
        "zst" | "zstd" => Compression::Zstd,
        "bz2" => Compression::Bzip2,
        "snappy" | "lz4" | "deflate" | "lzo" => {
            return Err(QueryError::not_supported(format!(
                "Text compressed as .{extension} ({})",
                file.name()
            )));
        }
        _ => Compression::None,
    })
}

/// True where a split may begin inside of the object.
pub(crate) fn can_be_split(file: &TableObject) -> bool {
    matches!(compression_of(file), Ok(Compression::None))
}

/// Reads the lines of a split.
pub(crate) struct Lines {
    input: Pin<Box<dyn AsyncRead + Send>>,
    name: String,
    buffer: BytesMut,
    /// Bytes up to the first line that begins inside of the split still have to be dropped.
    in_foreign_line: bool,
    /// How many more bytes may begin a line; `None` reads to the end of the object.
    left: Option<u64>,
    skip_lines: usize,
    hold_back: usize,
    ended: bool,
}

impl Lines {
    pub(crate) async fn open(
        reader: &Reader,
        split: &Split,
        skip_lines: usize,
        hold_back: usize,
    ) -> Result<Self, QueryError> {
        let file = &split.file;
        let size = file.object.size;
        // The byte before the split tells whether the split begins with a line of its own.
        let from = split.start.saturating_sub(1);
        let pieces = reader.stream(&file.bucket, &file.object, from..size).await?;
        let raw: Pin<Box<dyn AsyncBufRead + Send>> =
            Box::pin(StreamReader::new(pieces.map_err(io::Error::other)));
        let input: Pin<Box<dyn AsyncRead + Send>> = match compression_of(file)? {
            Compression::None => Box::pin(raw),
            Compression::Gzip => {
                let mut decoder = GzipDecoder::new(raw);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
            Compression::Zstd => {
                let mut decoder = ZstdDecoder::new(raw);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
            Compression::Bzip2 => {
                let mut decoder = BzDecoder::new(raw);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
        };
        Ok(Self {
            input,
            name: file.name(),
            buffer: BytesMut::new(),
            in_foreign_line: split.start > 0,
            left: (split.end < size).then_some(split.end - from),
            skip_lines: if split.start == 0 { skip_lines } else { 0 },
            hold_back,
            ended: false,
        })
    }

    /// The next block of whole lines, without the last newline; `None` after the last one.
    ///
    /// Errors: HIVE_CURSOR_ERROR (a line beyond the limit, a broken compressed stream), what reading says.
    pub(crate) async fn next(&mut self) -> Result<Option<BytesMut>, QueryError> {
        loop {
            if self.left == Some(0) {
                return Ok(None);
            }
            self.fill().await?;
            if self.buffer.is_empty() {
                return Ok(None);
            }
            self.drop_foreign();
            if let Some(end) = self.whole_lines() {
                let end = self.within_split(end);
                let skipped = self.skip(end);
                let mut text = self.buffer.split_to(end);
                if skipped >= end {
                    continue;
                }
                text.advance(skipped);
                if text.ends_with(b"\n") {
                    text.truncate(text.len() - 1);
                }
                return Ok(Some(text));
            }
            if self.ended {
                return Ok(None);
            }
            if self.buffer.len() > MAX_LINE {
                return Err(QueryError::user(
                    "HIVE_CURSOR_ERROR",
                    format!("Failed to read file at {}: Line too long in text file", self.name),
                ));
            }
        }
    }

    /// Reads until the buffer holds a block more, or the input ends.
    async fn fill(&mut self) -> Result<(), QueryError> {
        let wanted = self.buffer.len() + BLOCK;
        while !self.ended && self.buffer.len() < wanted {
            self.buffer.reserve(BLOCK);
            let read = self.input.read_buf(&mut self.buffer).await.map_err(|error| {
                error.get_ref().and_then(|inner| ours_within(inner)).cloned().unwrap_or_else(|| {
                    QueryError::user(
                        "HIVE_CURSOR_ERROR",
                        format!("Failed to read file at {}: {error}", self.name),
                    )
                })
            })?;
            self.ended = read == 0;
        }
        Ok(())
    }

    fn drop_foreign(&mut self) {
        if !self.in_foreign_line {
            return;
        }
        let dropped = match memchr::memchr(b'\n', &self.buffer) {
            Some(newline) => {
                self.in_foreign_line = false;
                newline + 1
            }
            None => self.buffer.len(),
        };
        self.buffer.advance(dropped);
        self.left = self.left.map(|left| left.saturating_sub(dropped as u64));
    }

    /// Where the last whole line in the buffer ends, the footer's lines left out.
    fn whole_lines(&self) -> Option<usize> {
        if self.left == Some(0) || self.buffer.is_empty() || self.in_foreign_line {
            return None;
        }
        let mut end = if self.ended { self.buffer.len() } else { memchr::memrchr(b'\n', &self.buffer)? + 1 };
        for _ in 0..self.hold_back {
            let line = &self.buffer[..end];
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            end = memchr::memrchr(b'\n', line).map_or(0, |newline| newline + 1);
        }
        (end > 0).then_some(end)
    }

    /// Cuts at the last line that begins inside of the split.
    fn within_split(&mut self, end: usize) -> usize {
        let Some(left) = self.left else { return end };
        let left_here = usize::try_from(left).unwrap_or(usize::MAX);
        if end < left_here {
            self.left = Some(left - end as u64);
            return end;
        }
        // The line that holds the split's last byte belongs to it, whole.
        let tail = &self.buffer[left_here - 1..end];
        self.left = Some(0);
        memchr::memchr(b'\n', tail).map_or(end, |newline| left_here + newline)
    }

    /// The bytes of the header's lines that are still to be left out.
    fn skip(&mut self, end: usize) -> usize {
        let mut skipped = 0;
        while self.skip_lines > 0 && skipped < end {
            skipped = memchr::memchr(b'\n', &self.buffer[skipped..end])
                .map_or(end, |newline| skipped + newline + 1);
            self.skip_lines -= 1;
        }
        skipped
    }
}

/// One line after the other, without the carriage return that Windows writes.
pub(crate) fn each_line(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(block);
    std::iter::from_fn(move || {
        let text = rest?;
        let (line, after) = match memchr::memchr(b'\n', text) {
            Some(newline) => (&text[..newline], Some(&text[newline + 1..])),
            None => (text, None),
        };
        rest = after;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    })
}
