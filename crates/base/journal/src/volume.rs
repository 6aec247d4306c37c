//! The folder of a journal: which segments there are, how long each is, and how to open one for reading.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millpond_core::DerivedKey;
use millpond_core::disk::create_private_dir;

use crate::format::{HeaderFault, Previous, SEGMENT_HEADER, SegmentHeader};
use crate::queue::Queue;
use crate::segment::{FrameReader, OpenSegment};
use crate::{JournalError, JournalOptions, SegmentId};

/// How many segment files are kept open for readers.
const OPEN_FILES: usize = 64;

pub(crate) struct Volume {
    pub dir: PathBuf,
    pub key: DerivedKey,
    pub options: JournalOptions,
    pub queue: Queue,
    segments: Mutex<BTreeMap<SegmentId, Meta>>,
    /// The most recently used at the back.
    open_files: Mutex<VecDeque<Arc<OpenSegment>>>,
    /// Held while an index is written.
    pub index_writers: Mutex<()>,
}

#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub header: SegmentHeader,
    /// Everything before it is durable and readable.
    pub durable: u64,
    pub sealed: bool,
}

/// What a folder held when it was opened.
pub(crate) struct Found {
    pub last: Option<Previous>,
    pub next_id: SegmentId,
}

impl Volume {
    /// Reads the headers of all segments, and the last one for its end.
    pub(crate) fn open(
        dir: &Path,
        key: DerivedKey,
        options: JournalOptions,
    ) -> Result<(Self, Found), JournalError> {
        let doing = || format!("opening the journal {}", dir.display());
        create_private_dir(dir).map_err(JournalError::io(doing()))?;
        let ids = list(dir).map_err(JournalError::io(doing()))?;
        let queue = Queue::new(options.queue_bytes);
        let volume = Self {
            dir: dir.to_owned(),
            key,
            options,
            queue,
            segments: Mutex::default(),
            open_files: Mutex::default(),
            index_writers: Mutex::default(),
        };
        let newest = ids.last().copied().unwrap_or(0);
        for id in ids {
            volume.load(id, id == newest)?;
        }
        volume.find_ends()?;
        let last = volume.lock().iter().next_back().map(|(id, meta)| Previous { id: *id, len: meta.durable });
        Ok((volume, Found { last, next_id: newest + 1 }))
    }

    /// Takes up segment `id`. The newest one may have been torn while it was created: then nothing was ever
    /// acknowledged in it.
    fn load(&self, id: SegmentId, newest: bool) -> Result<(), JournalError> {
        let path = self.segment_path(id);
        let reading = || format!("reading segment {id}");
        let file = File::open(&path).map_err(JournalError::io(reading()))?;
        let len = file.metadata().map_err(JournalError::io(reading()))?.len();
        let mut bytes = [0; SEGMENT_HEADER];
        let decoded = match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => SegmentHeader::decode(&bytes, &self.key),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(HeaderFault::Torn),
            Err(error) => return Err(JournalError::io(reading())(error)),
        };
        match decoded {
            Ok(header) if header.id == id => {
                self.insert(id, Meta { header, durable: len, sealed: true });
                Ok(())
            }
            Err(HeaderFault::Torn) if newest => {
                tracing::info!(segment = id, "a segment that was never finished is removed");
                std::fs::remove_file(&path).map_err(JournalError::io(reading()))
            }
            Ok(_) | Err(HeaderFault::Torn) => {
                Err(JournalError::Corrupt { segment: id, offset: 0, what: "the segment's header" })
            }
            Err(HeaderFault::Error(error)) => Err(error),
        }
    }

    /// Each segment ends where its successor's header says; the last one where its whole frames end.
    fn find_ends(&self) -> Result<(), JournalError> {
        let ends: Vec<Previous> = self.lock().values().filter_map(|meta| meta.header.previous).collect();
        for end in ends {
            if let Some(meta) = self.lock().get_mut(&end.id) {
                meta.durable = end.len;
            }
        }
        let newest = self.lock().keys().next_back().copied();
        let Some(newest) = newest else { return Ok(()) };
        let (segment, len) = self.open_segment(newest)?;
        // What is served from here on must survive a power loss, also what a killed process had not synced.
        self.options
            .disk
            .sync(&segment.file)
            .map_err(JournalError::io(format!("syncing segment {newest}")))?;
        let end = FrameReader::new(segment, 0, len).find_end()?;
        self.set_durable(newest, end);
        Ok(())
    }

    pub(crate) fn segment_path(&self, id: SegmentId) -> PathBuf {
        self.dir.join(format!("{id:016x}.segment"))
    }

    pub(crate) fn index_path(&self, id: SegmentId) -> PathBuf {
        self.dir.join(format!("{id:016x}.index"))
    }

    pub(crate) fn insert(&self, id: SegmentId, meta: Meta) {
        self.lock().insert(id, meta);
    }

    pub(crate) fn set_durable(&self, id: SegmentId, len: u64) {
        if let Some(meta) = self.lock().get_mut(&id) {
            meta.durable = len;
        }
    }

    pub(crate) fn set_sealed(&self, id: SegmentId) {
        if let Some(meta) = self.lock().get_mut(&id) {
            meta.sealed = true;
        }
    }

    pub(crate) fn segments(&self) -> Vec<(SegmentId, Meta)> {
        self.lock().iter().map(|(id, meta)| (*id, meta.clone())).collect()
    }

    pub(crate) fn header(&self, id: SegmentId) -> Result<SegmentHeader, JournalError> {
        let segments = self.lock();
        segments.get(&id).map(|meta| meta.header.clone()).ok_or(JournalError::NoSegment { segment: id })
    }

    pub(crate) fn is_newest(&self, id: SegmentId) -> bool {
        self.lock().keys().next_back() == Some(&id)
    }

    /// No longer lists or reads the segment.
    pub(crate) fn forget(&self, id: SegmentId) {
        self.lock().remove(&id);
        self.files().retain(|open| open.id != id);
    }

    /// The segment, open for reading, and its durable length.
    pub(crate) fn open_segment(&self, id: SegmentId) -> Result<(Arc<OpenSegment>, u64), JournalError> {
        let Some(Meta { header, durable, .. }) = self.lock().get(&id).cloned() else {
            return Err(JournalError::NoSegment { segment: id });
        };
        let mut files = self.files();
        if let Some(at) = files.iter().position(|open| open.id == id) {
            let open = files.remove(at).expect("the position was just found");
            files.push_back(open.clone());
            return Ok((open, durable));
        }
        drop(files);
        let file =
            File::open(self.segment_path(id)).map_err(JournalError::io(format!("opening segment {id}")))?;
        let open = Arc::new(OpenSegment { id, file, key: header.key(&self.key)? });
        let mut files = self.files();
        files.push_back(open.clone());
        if files.len() > OPEN_FILES {
            files.pop_front();
        }
        Ok((open, durable))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SegmentId, Meta>> {
        // Every change under the lock is whole, so a panic of another holder leaves nothing half done.
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self) -> MutexGuard<'_, VecDeque<Arc<OpenSegment>>> {
        self.open_files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ids of the segment files in `dir`, in order.
fn list(dir: &Path) -> io::Result<Vec<SegmentId>> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".segment"));
        ids.extend(id.and_then(|id| SegmentId::from_str_radix(id, 16).ok()));
    }
    ids.sort_unstable();
    Ok(ids)
}
