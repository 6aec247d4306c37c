//! Getting and scanning: the same calls on a [`Snapshot`] and inside a transaction.

use std::collections::btree_map;
use std::fmt;
use std::ops::RangeBounds;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::file::Nudge;
use crate::key::{AsKey, AsPrefix, BeforeText, Key};
use crate::merge::{Keyed, Merge};
use crate::table::{Bounds, Span, Table};

/// Reading. A read is short and synchronous: pages come from the cache or from the file.
pub trait Reads: raw::Raw {
    /// The record under `key`.
    fn get<K, V, Q>(&self, table: &Table<K, V>, key: &Q) -> Result<Option<V>, StoreError>
    where
        K: Key,
        V: Serialize + DeserializeOwned,
        Q: AsKey<K> + ?Sized,
    {
        self.with_bytes(&table.key(key), |bytes| table.decode(bytes))?.transpose()
    }

    /// Whether there is a record under `key`; its value is not decoded.
    fn contains<K, V, Q>(&self, table: &Table<K, V>, key: &Q) -> Result<bool, StoreError>
    where
        K: Key,
        V: Serialize + DeserializeOwned,
        Q: AsKey<K> + ?Sized,
    {
        Ok(self.with_bytes(&table.key(key), |_| ())?.is_some())
    }

    /// The records of `span` in the order of their keys, from either end.
    fn scan<'a, K, V>(&'a self, table: &'a Table<K, V>, span: Span<K>) -> Entries<'a, K, V>
    where
        K: Key,
        V: Serialize + DeserializeOwned,
    {
        let state = match table.bounds(span) {
            None => State::Empty,
            Some(bounds) => match self.entries(bounds) {
                Ok(entries) => State::Open(entries),
                Err(error) => State::Failed(Some(error)),
            },
        };
        Entries { table, state }
    }

    /// The records whose keys lie in `bounds`, which may hold borrowed keys.
    fn range<'a, K, V, Q>(&'a self, table: &'a Table<K, V>, bounds: impl RangeBounds<Q>) -> Entries<'a, K, V>
    where
        K: Key,
        V: Serialize + DeserializeOwned,
        Q: AsKey<K>,
    {
        self.scan(table, Span::range(&bounds))
    }

    /// The records whose keys begin with the parts of `prefix`; `&()` for all.
    fn prefix<'a, K, V, Q>(&'a self, table: &'a Table<K, V>, prefix: &Q) -> Entries<'a, K, V>
    where
        K: Key,
        V: Serialize + DeserializeOwned,
        Q: AsPrefix<K> + ?Sized,
    {
        self.scan(table, Span::prefix(prefix))
    }

    /// The records whose keys begin with the parts of `prefix` and go on with a text that starts with `text`.
    fn starting_with<'a, K, V, Q>(
        &'a self,
        table: &'a Table<K, V>,
        prefix: &Q,
        text: &str,
    ) -> Entries<'a, K, V>
    where
        K: Key,
        V: Serialize + DeserializeOwned,
        Q: BeforeText<K> + ?Sized,
    {
        self.scan(table, Span::starting_with(prefix, text))
    }
}

impl<R: raw::Raw + ?Sized> Reads for R {}

pub(crate) mod raw {
    //! What [`super::Reads`] stands on; outside this crate nothing implements it.

    use super::{Bounds, RawEntries, StoreError};

    pub trait Raw {
        /// Calls `with` on the value under the physical key.
        fn with_bytes<T>(&self, key: &[u8], with: impl FnOnce(&[u8]) -> T) -> Result<Option<T>, StoreError>;

        fn entries(&self, bounds: Bounds) -> Result<RawEntries<'_>, StoreError>;
    }
}

type Guard<'a> = redb::AccessGuard<'a, &'static [u8]>;
pub(crate) type BaseRange<'a> = redb::Range<'a, &'static [u8], &'static [u8]>;
pub(crate) type Writes = btree_map::BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A record as bytes: in a page of the file, or among the transaction's own writes.
pub enum RawEntry<'a> {
    Base(Guard<'a>, Guard<'a>),
    Written(&'a [u8], Option<&'a [u8]>),
}

impl Keyed for RawEntry<'_> {
    fn key(&self) -> &[u8] {
        match self {
            Self::Base(key, _) => key.value(),
            Self::Written(key, _) => key,
        }
    }

    fn is_gone(&self) -> bool {
        matches!(self, Self::Written(_, None))
    }
}

impl RawEntry<'_> {
    fn value(&self) -> &[u8] {
        match self {
            Self::Base(_, value) => value.value(),
            Self::Written(_, value) => value.unwrap_or_default(),
        }
    }
}

/// The base's entries as [`RawEntry`].
pub struct BaseEntries<'a>(pub(crate) BaseRange<'a>);

impl<'a> BaseEntries<'a> {
    fn entry(item: Result<(Guard<'a>, Guard<'a>), redb::StorageError>) -> Result<RawEntry<'a>, StoreError> {
        item.map(|(key, value)| RawEntry::Base(key, value)).map_err(Into::into)
    }
}

impl<'a> Iterator for BaseEntries<'a> {
    type Item = Result<RawEntry<'a>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(Self::entry)
    }
}

impl DoubleEndedIterator for BaseEntries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(Self::entry)
    }
}

/// A transaction's writes as [`RawEntry`].
pub struct WrittenEntries<'a>(pub(crate) btree_map::Range<'a, Vec<u8>, Option<Vec<u8>>>);

impl<'a> Iterator for WrittenEntries<'a> {
    type Item = RawEntry<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| RawEntry::Written(key, value.as_deref()))
    }
}

impl DoubleEndedIterator for WrittenEntries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(key, value)| RawEntry::Written(key, value.as_deref()))
    }
}

pub struct RawEntries<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) nudge: Option<&'a Nudge>,
}

pub(crate) enum Source<'a> {
    Base(Box<BaseEntries<'a>>),
    Merged(Box<Merge<BaseEntries<'a>, WrittenEntries<'a>>>),
}

impl<'a> RawEntries<'a> {
    fn advance(&mut self, front: bool) -> Option<Result<RawEntry<'a>, StoreError>> {
        let item = match (&mut self.source, front) {
            (Source::Base(base), true) => base.next(),
            (Source::Base(base), false) => base.next_back(),
            (Source::Merged(merged), true) => merged.next(),
            (Source::Merged(merged), false) => merged.next_back(),
        };
        if let (Some(Err(error)), Some(nudge)) = (&item, self.nudge) {
            nudge.on(error);
        }
        item
    }
}

/// Records in the order of their keys, from either end. After an error it is at its end.
pub struct Entries<'a, K, V> {
    table: &'a Table<K, V>,
    state: State<'a>,
}

enum State<'a> {
    Empty,
    Failed(Option<StoreError>),
    Open(RawEntries<'a>),
}

impl<K: Key, V: Serialize + DeserializeOwned> Entries<'_, K, V> {
    fn advance(&mut self, front: bool) -> Option<Result<(K, V), StoreError>> {
        let entry = match &mut self.state {
            State::Empty => return None,
            State::Failed(error) => return error.take().map(Err),
            State::Open(entries) => entries.advance(front)?,
        };
        let decoded = entry
            .and_then(|entry| Ok((self.table.decode_key(entry.key())?, self.table.decode(entry.value())?)));
        if decoded.is_err() {
            self.state = State::Empty;
        }
        Some(decoded)
    }
}

impl<K: Key, V: Serialize + DeserializeOwned> Iterator for Entries<'_, K, V> {
    type Item = Result<(K, V), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance(true)
    }
}

impl<K: Key, V: Serialize + DeserializeOwned> DoubleEndedIterator for Entries<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.advance(false)
    }
}

/// A consistent view of the whole store. Hold it briefly: the pages that it sees are not used again before it is dropped.
pub struct Snapshot {
    pub(crate) table: redb::ReadOnlyTable<&'static [u8], &'static [u8]>,
    pub(crate) nudge: Nudge,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot")
    }
}

impl raw::Raw for Snapshot {
    fn with_bytes<T>(&self, key: &[u8], with: impl FnOnce(&[u8]) -> T) -> Result<Option<T>, StoreError> {
        match self.table.get(key) {
            Ok(value) => Ok(value.map(|value| with(value.value()))),
            Err(error) => Err(self.nudge.on(&error.into()).clone()),
        }
    }

    fn entries(&self, (lower, upper): Bounds) -> Result<RawEntries<'_>, StoreError> {
        let bounds = (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
        match self.table.range::<&[u8]>(bounds) {
            Ok(range) => Ok(RawEntries {
                source: Source::Base(Box::new(BaseEntries(range))),
                nudge: Some(&self.nudge),
            }),
            Err(error) => Err(self.nudge.on(&error.into()).clone()),
        }
    }
}
