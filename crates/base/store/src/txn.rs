//! A transaction in the committer's hands: its writes lie over the store until it succeeds.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::key::{AsKey, Key};
use crate::merge::Merge;
use crate::reads::raw::Raw;
use crate::reads::{BaseEntries, RawEntries, Reads as _, Source, Writes, WrittenEntries};
use crate::table::{Bounds, Table};

/// A transaction's keys and values together stay below this, so that a batch's memory is bounded.
pub const MAX_TRANSACTION_BYTES: usize = 64 << 20;

pub(crate) type Base<'txn> = redb::Table<'txn, &'static [u8], &'static [u8]>;

/// What a [`crate::Store::write`] closure works with. It sees the store as every earlier transaction left it, and its own writes.
pub struct Txn<'a> {
    base: &'a Base<'a>,
    writes: Writes,
    bytes: usize,
    hooks: Vec<Hook>,
}

/// What a transaction wants done once it is durable.
pub(crate) type Hook = Box<dyn FnOnce() + Send>;

impl fmt::Debug for Txn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Txn({} writes)", self.writes.len())
    }
}

impl<'a> Txn<'a> {
    pub(crate) fn new(base: &'a Base<'a>) -> Self {
        Self { base, writes: Writes::new(), bytes: 0, hooks: Vec::new() }
    }

    pub(crate) fn into_parts(self) -> (Writes, usize, Vec<Hook>) {
        (self.writes, self.bytes, self.hooks)
    }

    /// Runs `hook` when the transaction is durable, before its caller is answered; never when it fails. It runs on the
    /// committer's thread: it wakes whoever looks at what was written, and does nothing else.
    pub fn after_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// Writes a record, whether or not there was one.
    pub fn put<K, V, Q>(&mut self, table: &Table<K, V>, key: &Q, value: &V) -> Result<(), StoreError>
    where
        K: Key,
        V: Serialize + DeserializeOwned,
        Q: AsKey<K> + ?Sized,
    {
        let value = table.encode(value)?;
        self.set(table.key(key), Some(value))
    }

    /// Writes a record unless there is one; `false` when the key is taken.
    pub fn insert_new<K, V, Q>(&mut self, table: &Table<K, V>, key: &Q, value: &V) -> Result<bool, StoreError>
    where
        K: Key,
        V: Serialize + DeserializeOwned,
        Q: AsKey<K> + ?Sized,
    {
        if self.contains(table, key)? {
            return Ok(false);
        }
        self.put(table, key, value)?;
        Ok(true)
    }

    /// Removes a record; `false` when there was none.
    pub fn delete<K, V, Q>(&mut self, table: &Table<K, V>, key: &Q) -> Result<bool, StoreError>
    where
        K: Key,
        V: Serialize + DeserializeOwned,
        Q: AsKey<K> + ?Sized,
    {
        let there = self.contains(table, key)?;
        if there {
            self.set(table.key(key), None)?;
        }
        Ok(there)
    }

    fn set(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) -> Result<(), StoreError> {
        self.bytes += key.len() + value.as_ref().map_or(0, Vec::len);
        if self.bytes > MAX_TRANSACTION_BYTES {
            return Err(StoreError::TransactionTooLarge { limit: MAX_TRANSACTION_BYTES });
        }
        self.writes.insert(key, value);
        Ok(())
    }
}

impl Raw for Txn<'_> {
    fn with_bytes<T>(&self, key: &[u8], with: impl FnOnce(&[u8]) -> T) -> Result<Option<T>, StoreError> {
        use redb::ReadableTable as _;
        match self.writes.get(key) {
            Some(written) => Ok(written.as_deref().map(with)),
            None => Ok(self.base.get(key)?.map(|value| with(value.value()))),
        }
    }

    fn entries(&self, (lower, upper): Bounds) -> Result<RawEntries<'_>, StoreError> {
        use redb::ReadableTable as _;
        let bounds = (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
        let base = BaseEntries(self.base.range::<&[u8]>(bounds)?);
        let written = WrittenEntries(self.writes.range::<[u8], _>(bounds));
        Ok(RawEntries { source: Source::Merged(Box::new(Merge::new(base, written))), nudge: None })
    }
}
