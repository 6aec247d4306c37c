//! Shard iterators: opaque texts that say where to read on.
//!
//! An iterator grants nothing: GetRecords authorizes the caller for the stream that it names. Its checksum
//! catches texts that were cut or changed; everything in it is checked where it is used.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millpond_core::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::sequence::Index;

/// How long an iterator may be used.
pub const LIFETIME_MILLIS: i64 = 300_000;

const VERSION: u8 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardIterator {
    pub scope: Scope,
    pub name: String,
    pub stream: Uuid,
    pub shard: u32,
    /// The first place to read.
    pub from: Index,
    pub made: Timestamp,
}

impl ShardIterator {
    pub fn encode(&self) -> String {
        let mut bytes = vec![VERSION];
        rmp_serde::encode::write(&mut bytes, self).expect("plain data, and a Vec takes every write");
        let sum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&sum.to_be_bytes());
        STANDARD.encode(bytes)
    }

    /// `None` when the text is no iterator.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        let (bytes, sum) = bytes.split_last_chunk::<4>()?;
        let (version, fields) = bytes.split_first()?;
        if *version != VERSION || crc32c::crc32c(bytes) != u32::from_be_bytes(*sum) {
            return None;
        }
        rmp_serde::from_slice(fields).ok()
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.as_millis().saturating_sub(self.made.as_millis()) > LIFETIME_MILLIS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iterator() -> ShardIterator {
        ShardIterator {
            scope: Scope::new("000000000000".parse().unwrap(), "us-east-1".parse().unwrap()),
            name: "n".repeat(128),
            stream: Uuid::from_u128(7),
            shard: 3,
            from: Index::from_u64(u64::MAX),
            made: Timestamp::from_secs(1_795_000_000),
        }
    }

    #[test]
    fn an_iterator_reads_back_and_fits() {
        let text = iterator().encode();
        assert!(text.len() <= 512, "{}", text.len());
        assert_eq!(ShardIterator::decode(&text), Some(iterator()));
    }

    #[test]
    fn anything_else_is_refused() {
        let text = iterator().encode();
        let changed = text.replacen('A', "B", 1);
        for text in ["", "AAAA", "not base64", &text[4..], &text[..text.len() - 4], &changed] {
            assert_eq!(ShardIterator::decode(text), None, "{text}");
        }
    }

    #[test]
    fn an_iterator_lives_for_five_minutes() {
        let iterator = iterator();
        let after = |millis| Timestamp::from_millis(iterator.made.as_millis() + millis);
        assert!(!iterator.is_expired(after(300_000)));
        assert!(iterator.is_expired(after(300_001)));
        assert!(!iterator.is_expired(after(-5)));
    }
}
