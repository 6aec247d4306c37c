//! The hash space: a record belongs to the shard whose range holds the MD5 of its partition key, read as a 128-bit number.

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

/// The place of a record in the hash space.
pub fn of_partition_key(key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(key.as_bytes()).into())
}

/// An explicit hash key: a decimal number below 2^128. The pattern of the API lets greater ones through.
pub fn parse(text: &str) -> Option<u128> {
    text.parse().ok()
}

/// A shard's part of the hash space, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashRange {
    #[serde(with = "halves")]
    pub start: u128,
    #[serde(with = "halves")]
    pub end: u128,
}

impl HashRange {
    /// The whole space in `count` parts of one width; the last one takes the rest.
    pub fn even(count: u32) -> Vec<Self> {
        let parts = u128::from(count.max(1));
        // 2^128 / parts, rounded down, without holding 2^128.
        let width = (u128::MAX / parts).wrapping_add(u128::from(u128::MAX % parts == parts - 1));
        let starts = (0..parts).map(|part| part.wrapping_mul(width));
        let ends = (1..parts).map(|part| part.wrapping_mul(width) - 1).chain([u128::MAX]);
        starts.zip(ends).map(|(start, end)| Self { start, end }).collect()
    }
}

/// MessagePack has no 128-bit numbers: two halves.
mod halves {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub fn serialize<S: Serializer>(number: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        ((number >> 64) as u64, *number as u64).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let (high, low) = <(u64, u64)>::deserialize(deserializer)?;
        Ok(u128::from(high) << 64 | u128::from(low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_key_is_hashed_as_aws_does() {
        // MD5("a") is 0cc175b9c0f1b6a831c399e269772661.
        assert_eq!(of_partition_key("a"), 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
    }

    #[test]
    fn even_ranges_cover_the_space_without_gaps() {
        for count in [1, 2, 3, 4, 5, 7, 16, 100, 500, 1000] {
            let ranges = HashRange::even(count);
            assert_eq!(ranges.len(), count as usize);
            assert_eq!((ranges[0].start, ranges[ranges.len() - 1].end), (0, u128::MAX));
            for pair in ranges.windows(2) {
                assert_eq!(pair[0].end + 1, pair[1].start, "{count} shards");
            }
        }
        let third = HashRange::even(3)[1];
        assert_eq!(third.start.to_string(), "113427455640312821154458202477256070485");
        assert_eq!(HashRange::even(2)[1].start, 1 << 127);
    }

    #[test]
    fn hash_keys_beyond_the_space_are_refused() {
        assert_eq!(parse("340282366920938463463374607431768211455"), Some(u128::MAX));
        assert_eq!(parse("340282366920938463463374607431768211456"), None);
        assert_eq!(parse("0"), Some(0));
    }
}
