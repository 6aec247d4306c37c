//! Reading one segment: frames in order, damage skipped, and where a segment that nobody closed ends.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

use crate::format::{FRAME_HEADER, FRAME_MAGIC, FRAME_OVERHEAD, FrameHeader, SEGMENT_HEADER, SegmentKey};
use crate::{Entry, JournalError, Location, SegmentId};

/// How much is read in one go when frames are read in order.
const WINDOW: usize = 256 << 10;

/// A segment file that is open for reading.
pub(crate) struct OpenSegment {
    pub id: SegmentId,
    pub file: File,
    pub key: SegmentKey,
}

impl OpenSegment {
    /// Reads and checks the one frame at `location`.
    pub(crate) fn read(&self, location: Location) -> Result<Entry, JournalError> {
        let Location { segment, offset, len } = location;
        let mut frame = vec![0; FRAME_OVERHEAD + len as usize];
        match self.file.read_exact_at(&mut frame, offset) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(JournalError::Corrupt {
                    segment,
                    offset,
                    what: "the file ends within the frame",
                });
            }
            Err(error) => return Err(JournalError::io(format!("reading segment {segment}"))(error)),
        }
        match FrameHeader::parse(&frame) {
            Some(header) if header.len == len => self.entry(offset, &header, &frame),
            _ => Err(JournalError::Corrupt { segment, offset, what: "no frame begins here" }),
        }
    }

    fn entry(&self, offset: u64, header: &FrameHeader, frame: &[u8]) -> Result<Entry, JournalError> {
        let segment = self.id;
        let sealed = &frame[FRAME_HEADER..];
        if !header.payload_is_whole(sealed) {
            return Err(JournalError::Corrupt { segment, offset, what: "a payload whose checksum is wrong" });
        }
        let mut payload = sealed.to_vec();
        self.key.open(segment, offset, frame, &mut payload)?;
        let location = Location { segment, offset, len: header.len };
        Ok(Entry { location, kind: header.kind, payload: Bytes::from(payload) })
    }
}

/// What stands at an offset of a segment.
enum Found {
    /// A frame whose header and payload have the right checksums.
    Frame(FrameHeader),
    /// No whole frame; the next one that is whole begins there.
    Gap { next: u64 },
    /// No whole frame from here to the end.
    Nothing,
}

/// Reads the frames of one segment in order, through a window.
pub(crate) struct FrameReader {
    segment: Arc<OpenSegment>,
    offset: u64,
    end: u64,
    window: Vec<u8>,
    window_start: u64,
}

impl FrameReader {
    /// Frames from `offset` (the start of a frame, or anything below the first) up to `end`.
    pub(crate) fn new(segment: Arc<OpenSegment>, offset: u64, end: u64) -> Self {
        let offset = offset.max(SEGMENT_HEADER as u64);
        Self { segment, offset, end, window: Vec::new(), window_start: 0 }
    }

    /// The next frame, opened. After an error that names damage, the reader goes on behind it.
    pub(crate) fn next(&mut self) -> Option<Result<Entry, JournalError>> {
        if self.offset >= self.end {
            return None;
        }
        let (segment, offset) = (self.segment.id, self.offset);
        let gap = |what| Some(Err(JournalError::Corrupt { segment, offset, what }));
        match self.look() {
            Err(error) => {
                self.offset = self.end;
                Some(Err(error))
            }
            Ok(Found::Frame(header)) => {
                self.offset += header.frame_len() as u64;
                let at = usize::try_from(offset - self.window_start).expect("a window fits in memory");
                let frame = &self.window[at..at + header.frame_len()];
                Some(self.segment.entry(offset, &header, frame))
            }
            Ok(Found::Gap { next }) => {
                self.offset = next;
                gap("frames that are not whole, before others that are")
            }
            Ok(Found::Nothing) => {
                self.offset = self.end;
                gap("no whole frame up to the end that was durable")
            }
        }
    }

    /// Where the frames of a segment end that nobody closed. Behind the end is what a crash tore, which nobody was told
    /// to be durable; but a whole frame that proves a bad one before it to have been durable makes that one damage.
    pub(crate) fn find_end(mut self) -> Result<u64, JournalError> {
        let (mut end, mut torn) = (self.offset.min(self.end), None);
        while self.offset < self.end {
            match self.look()? {
                Found::Frame(header) => {
                    self.offset += header.frame_len() as u64;
                    if torn.is_none_or(|torn| header.durable > torn) {
                        (end, torn) = (self.offset, None);
                    }
                }
                Found::Gap { next } => {
                    torn = torn.or(Some(self.offset));
                    self.offset = next;
                }
                Found::Nothing => break,
            }
        }
        if let Some(rest) = self.end.checked_sub(end).filter(|rest| *rest > 0) {
            tracing::info!(segment = self.segment.id, end, rest, "the segment's torn end is left out");
        }
        Ok(end)
    }

    fn look(&mut self) -> Result<Found, JournalError> {
        if let Some(header) = self.whole_frame_at(self.offset)? {
            return Ok(Found::Frame(header));
        }
        let mut at = self.offset + 1;
        while at + FRAME_OVERHEAD as u64 <= self.end {
            let window = self.bytes(at, WINDOW)?;
            let found = window.windows(FRAME_MAGIC.len()).position(|bytes| bytes == FRAME_MAGIC);
            let Some(skip) = found else {
                at += (window.len().saturating_sub(FRAME_MAGIC.len() - 1)).max(1) as u64;
                continue;
            };
            at += skip as u64;
            if self.whole_frame_at(at)?.is_some() {
                return Ok(Found::Gap { next: at });
            }
            at += 1;
        }
        Ok(Found::Nothing)
    }

    fn whole_frame_at(&mut self, offset: u64) -> Result<Option<FrameHeader>, JournalError> {
        let Some(header) = FrameHeader::parse(self.bytes(offset, FRAME_HEADER)?) else { return Ok(None) };
        if offset + header.frame_len() as u64 > self.end {
            return Ok(None);
        }
        let frame = self.bytes(offset, header.frame_len())?;
        Ok((frame.len() == header.frame_len() && header.payload_is_whole(&frame[FRAME_HEADER..]))
            .then_some(header))
    }

    /// Up to `len` bytes from `offset`; fewer only at the segment's end.
    fn bytes(&mut self, offset: u64, len: usize) -> Result<&[u8], JournalError> {
        let left = usize::try_from(self.end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = len.min(left);
        let in_window = offset >= self.window_start
            && offset + len as u64 <= self.window_start + self.window.len() as u64;
        if !in_window {
            let want = len.max(WINDOW).min(left);
            self.window.resize(want, 0);
            let read = read_up_to(&self.segment.file, &mut self.window, offset)
                .map_err(JournalError::io(format!("reading segment {}", self.segment.id)))?;
            self.window.truncate(read);
            self.window_start = offset;
        }
        let at = usize::try_from(offset - self.window_start).expect("a window fits in memory");
        Ok(&self.window[at..(at + len).min(self.window.len())])
    }
}

/// Fills `buffer` from `offset`; less only where the file ends.
fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
