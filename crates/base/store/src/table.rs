//! Typed tables, and the spans of keys that a scan covers.
//!
//! All tables live in one physical redb table under the key `table name, 00, key`: a batch of transactions over several
//! tables then rewrites the pages of one tree, and a transaction's writes are one ordered map. With a redb table for each, every
//! table that a batch touches would cost its own path of pages and its entry in redb's list of tables.

use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::key::{AsKey, AsPrefix, BeforeText, Key, encode_open_text};

/// A table of records `V` under keys `K`, named as `service.things`.
#[derive(Debug)]
pub struct Table<K, V> {
    name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Serialize + DeserializeOwned> Table<K, V> {
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty(), "a table has a name");
        let mut at = 0;
        while at < bytes.len() {
            assert!(bytes[at] != 0, "a table's name holds no NUL, which ends it in keys");
            at += 1;
        }
        Self { name, types: PhantomData }
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The physical key: the table's name, NUL, the encoded key.
    pub(crate) fn key<Q: AsKey<K> + ?Sized>(&self, key: &Q) -> Vec<u8> {
        let mut out = self.start();
        key.encode(&mut out);
        out
    }

    fn start(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.name.len() + 64);
        out.extend_from_slice(self.name.as_bytes());
        out.push(0);
        out
    }

    /// The physical bounds of a span; `None` when it is empty.
    pub(crate) fn bounds(&self, span: Span<K>) -> Option<Bounds> {
        let placed = |bytes: Vec<u8>| {
            let mut out = self.start();
            out.extend_from_slice(&bytes);
            out
        };
        let lower = match span.lower {
            Bound::Included(bytes) => Bound::Included(placed(bytes)),
            Bound::Excluded(bytes) => Bound::Excluded(placed(bytes)),
            Bound::Unbounded => Bound::Included(self.start()),
        };
        let upper = match span.upper {
            Bound::Included(bytes) => Bound::Included(placed(bytes)),
            Bound::Excluded(bytes) => Bound::Excluded(placed(bytes)),
            Bound::Unbounded => {
                Bound::Excluded(successor(self.start()).expect("the name's NUL has a successor"))
            }
        };
        // Both engines below panic on a range that ends before it starts.
        let empty = match (&lower, &upper) {
            (Bound::Included(low), Bound::Included(high)) => low > high,
            (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => {
                low >= high
            }
            _ => false,
        };
        (!empty).then_some((lower, upper))
    }

    pub(crate) fn decode_key(&self, physical: &[u8]) -> Result<K, StoreError> {
        let key = physical.get(self.name.len() + 1..).unwrap_or_default();
        K::decode(key).map_err(|_| StoreError::Key { table: self.name })
    }

    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<V, StoreError> {
        rmp_serde::from_slice(bytes)
            .map_err(|source| StoreError::Decode { table: self.name, source: Arc::new(source) })
    }

    /// Records keep their fields' names, so that they can gain fields.
    pub(crate) fn encode(&self, value: &V) -> Result<Vec<u8>, StoreError> {
        rmp_serde::to_vec_named(value)
            .map_err(|source| StoreError::Encode { table: self.name, source: Arc::new(source) })
    }
}

pub(crate) type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The first byte string after every one that starts with `bytes`; `None` when there is none.
fn successor(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = bytes.pop() {
        if last < u8::MAX {
            bytes.push(last + 1);
            return Some(bytes);
        }
    }
    None
}

/// A span of a table's keys. It begins as everything, a prefix or a range, and can be narrowed to what comes after a key.
#[derive(Debug, Clone)]
pub struct Span<K> {
    lower: Bound<Vec<u8>>,
    upper: Bound<Vec<u8>>,
    key: PhantomData<fn() -> K>,
}

impl<K: Key> Span<K> {
    pub fn all() -> Self {
        Self { lower: Bound::Unbounded, upper: Bound::Unbounded, key: PhantomData }
    }

    pub fn range<Q: AsKey<K>>(bounds: &impl RangeBounds<Q>) -> Self {
        let encoded = |bound: Bound<&Q>| bound.map(|key| key_bytes(key));
        Self { lower: encoded(bounds.start_bound()), upper: encoded(bounds.end_bound()), key: PhantomData }
    }

    /// Every key whose first parts are `prefix`.
    pub fn prefix<Q: AsPrefix<K> + ?Sized>(prefix: &Q) -> Self {
        let mut bytes = Vec::new();
        prefix.encode(&mut bytes);
        Self::continuing(bytes)
    }

    /// Every key whose first parts are `prefix` and whose next part, a text, starts with `text`.
    pub fn starting_with<Q: BeforeText<K> + ?Sized>(prefix: &Q, text: &str) -> Self {
        Self::continuing(text_bytes(prefix, text))
    }

    fn continuing(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() {
            return Self::all();
        }
        let upper = successor(bytes.clone()).map_or(Bound::Unbounded, Bound::Excluded);
        Self { lower: Bound::Included(bytes), upper, key: PhantomData }
    }

    /// Only what comes after `key`.
    #[must_use]
    pub fn after<Q: AsKey<K> + ?Sized>(self, key: &Q) -> Self {
        self.raised(Bound::Excluded(key_bytes(key)))
    }

    /// Only `key` and what comes after it.
    #[must_use]
    pub fn from<Q: AsKey<K> + ?Sized>(self, key: &Q) -> Self {
        self.raised(Bound::Included(key_bytes(key)))
    }

    /// Only what comes after every key with these first parts and a next part, a text, that starts with `text`: how a
    /// listing by delimiter steps over a folder.
    #[must_use]
    pub fn after_starting_with<Q: BeforeText<K> + ?Sized>(self, prefix: &Q, text: &str) -> Self {
        match successor(text_bytes(prefix, text)) {
            Some(bytes) => self.raised(Bound::Included(bytes)),
            None => self,
        }
    }

    fn raised(mut self, lower: Bound<Vec<u8>>) -> Self {
        let higher = match (&self.lower, &lower) {
            (Bound::Unbounded, _) => true,
            (_, Bound::Unbounded) => false,
            (Bound::Included(old) | Bound::Excluded(old), Bound::Included(new)) => new > old,
            (Bound::Included(old) | Bound::Excluded(old), Bound::Excluded(new)) => new >= old,
        };
        if higher {
            self.lower = lower;
        }
        self
    }
}

fn key_bytes<K, Q: AsKey<K> + ?Sized>(key: &Q) -> Vec<u8> {
    let mut out = Vec::new();
    key.encode(&mut out);
    out
}

fn text_bytes<K, Q: BeforeText<K> + ?Sized>(prefix: &Q, text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    prefix.encode(&mut out);
    encode_open_text(text.as_bytes(), &mut out);
    out
}
