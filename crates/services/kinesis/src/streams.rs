//! The streams as requests see them: what is recorded of each, and its shards with their logs and limits.
//!
//! The store holds the truth. Every change is a transaction there, followed by [`Streams::refresh`], which reads the stream anew
//! under a lock: whatever the order in which changes are refreshed, the last one shows the last state.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use millpond_core::{Clock, Scope};
use millpond_store::{Reads as _, Store, StoreError};
use uuid::Uuid;

use crate::limits::ShardLimits;
use crate::model::sequence::{Index, SequenceNumber};
use crate::model::stream::{Mode, ShardRecord, Status, Stream, shard_id, shard_number};
use crate::records::log::ShardLog;
use crate::settings::KinesisSettings;
use crate::store::STREAMS;

/// A shard at work.
#[derive(Debug)]
pub struct Shard {
    pub stream: Uuid,
    pub record: ShardRecord,
    pub log: ShardLog,
    /// `None`: without limits.
    pub limits: Option<Mutex<ShardLimits>>,
}

impl Shard {
    pub fn id(&self) -> String {
        shard_id(self.record.number)
    }

    pub fn sequence_number(&self, index: Index) -> SequenceNumber {
        self.record.sequence_number(index)
    }

    /// Whether a record of this many bytes may be written now.
    pub fn admits_write(&self, bytes: usize) -> bool {
        self.with_limits(|limits| limits.write(bytes)).unwrap_or(true)
    }

    pub fn admits_read(&self) -> bool {
        self.with_limits(ShardLimits::begin_read).unwrap_or(true)
    }

    pub fn count_read(&self, bytes: usize) {
        self.with_limits(|limits| limits.end_read(bytes));
    }

    fn with_limits<T>(&self, with: impl FnOnce(&mut ShardLimits) -> T) -> Option<T> {
        let limits = self.limits.as_ref()?;
        Some(with(&mut limits.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// A stream at work: a snapshot of its record, and its shards.
#[derive(Debug)]
pub struct LiveStream {
    pub record: Stream,
    /// In the order of their numbers, which is that of their ranges.
    shards: Vec<Arc<Shard>>,
}

impl LiveStream {
    pub fn shards(&self) -> &[Arc<Shard>] {
        &self.shards
    }

    /// The shard whose range holds the hash.
    pub fn shard_of_hash(&self, hash: u128) -> &Arc<Shard> {
        let at = self.shards.partition_point(|shard| shard.record.range.end < hash);
        &self.shards[at.min(self.shards.len() - 1)]
    }

    pub fn shard(&self, number: u32) -> Option<&Arc<Shard>> {
        self.shards.get(usize::try_from(number).ok()?)
    }

    pub fn shard_named(&self, id: &str) -> Option<&Arc<Shard>> {
        self.shard(shard_number(id)?)
    }

    /// Whether records can be written and read.
    pub fn is_open(&self) -> bool {
        match self.record.status {
            Status::Active => true,
            Status::Creating | Status::Deleting => false,
        }
    }
}

type ByScope = HashMap<Scope, BTreeMap<String, Arc<LiveStream>>>;

/// All streams of all accounts and regions.
pub struct Streams {
    by_scope: RwLock<ByScope>,
    refreshing: Mutex<()>,
    settings: KinesisSettings,
    clock: Clock,
}

impl Streams {
    /// The streams as they are recorded, their logs still empty.
    pub fn load(store: &Store, settings: KinesisSettings, clock: Clock) -> Result<Self, StoreError> {
        let streams = Self { by_scope: RwLock::default(), refreshing: Mutex::default(), settings, clock };
        let mut by_scope = ByScope::new();
        for entry in store.read()?.prefix(&STREAMS, &()) {
            let (_, record) = entry?;
            let live = Arc::new(streams.live(record, None));
            by_scope.entry(live.record.scope.clone()).or_default().insert(live.record.name.clone(), live);
        }
        *streams.by_scope.write().unwrap_or_else(PoisonError::into_inner) = by_scope;
        Ok(streams)
    }

    /// Reads one stream anew.
    pub fn refresh(&self, store: &Store, scope: &Scope, name: &str) -> Result<(), StoreError> {
        let _one_at_a_time = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        let record = store.read()?.get(&STREAMS, &(&scope.account, &scope.region, name))?;
        let before = self.get(scope, name);
        let mut by_scope = self.by_scope.write().unwrap_or_else(PoisonError::into_inner);
        let streams = by_scope.entry(scope.clone()).or_default();
        match record {
            Some(record) => {
                drop(streams.insert(name.to_owned(), Arc::new(self.live(record, before.as_deref()))))
            }
            None => drop(streams.remove(name)),
        }
        Ok(())
    }

    /// The shards keep their logs when the stream is the same one.
    fn live(&self, record: Stream, before: Option<&LiveStream>) -> LiveStream {
        let before = before.filter(|before| before.record.id == record.id);
        let kept = |number| before.and_then(|before| before.shard(number)).cloned();
        let opened = |shard: &ShardRecord| {
            let limited = self.settings.enforce_shard_limits && record.mode == Mode::Provisioned;
            Arc::new(Shard {
                stream: record.id,
                record: shard.clone(),
                log: ShardLog::new(Index::at(shard.opened)),
                limits: limited.then(|| Mutex::new(ShardLimits::new(&self.settings, self.clock.clone()))),
            })
        };
        let shards = record.shards.iter().map(|shard| kept(shard.number).unwrap_or_else(|| opened(shard)));
        LiveStream { shards: shards.collect(), record }
    }

    fn read(&self) -> RwLockReadGuard<'_, ByScope> {
        self.by_scope.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, scope: &Scope, name: &str) -> Option<Arc<LiveStream>> {
        self.read().get(scope)?.get(name).cloned()
    }

    /// Up to `limit` streams of an account and region in the order of their names, after `after`.
    pub fn page(&self, scope: &Scope, after: Option<&str>, limit: usize) -> Vec<Arc<LiveStream>> {
        let streams = self.read();
        let Some(streams) = streams.get(scope) else { return Vec::new() };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = streams.range::<str, _>((start, Bound::Unbounded)).take(limit);
        page.map(|(_, stream)| stream.clone()).collect()
    }

    pub fn all(&self) -> Vec<Arc<LiveStream>> {
        self.read().values().flat_map(BTreeMap::values).cloned().collect()
    }
}
