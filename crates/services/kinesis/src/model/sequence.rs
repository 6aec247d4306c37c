//! Sequence numbers: 56-digit decimals in AWS's style, which compare as numbers in the order of the records of a shard.
//!
//! A number is 47 hexadecimal digits: `2`, the shard's creation in seconds (9), the shard's lowest digit (1), the record's
//! [`Index`] (16), `0`, the arrival in seconds (9), `0`, the shard (8), `2`.

use std::fmt;

use millpond_core::Timestamp;
use serde::{Deserialize, Serialize};

/// A record's place in its shard: its arrival in milliseconds, and a count within it. It only ever grows, also when the
/// clock stands still or goes back: then it runs ahead of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Index(u64);

const COUNT_BITS: u32 = 20;

impl Index {
    pub const FIRST: Self = Self(0);

    /// The first place of what arrives at `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(at.as_millis().clamp(0, (1 << 43) - 1).unsigned_abs() << COUNT_BITS)
    }

    pub const fn from_u64(index: u64) -> Self {
        Self(index)
    }

    pub const fn as_u64(self) -> u64 {
        self.0
    }

    #[must_use]
    pub fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// How many places `self` lies after `earlier`.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    pub fn arrival(self) -> Timestamp {
        Timestamp::from_millis((self.0 >> COUNT_BITS).cast_signed())
    }
}

/// A record's sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SequenceNumber {
    /// Of the shard, in seconds.
    pub created_secs: u64,
    pub shard: u32,
    pub index: Index,
}

const SECS_DIGITS: u32 = 9;

impl SequenceNumber {
    fn digits(self) -> Limbs {
        let secs = |secs: u64| secs & ((1 << (4 * SECS_DIGITS)) - 1);
        let mut limbs = Limbs::default();
        limbs.push_digits(2, 1);
        limbs.push_digits(secs(self.created_secs), SECS_DIGITS);
        limbs.push_digits(u64::from(self.shard & 0xf), 1);
        limbs.push_digits(self.index.0, 16);
        limbs.push_digits(0, 1);
        limbs.push_digits(secs(self.index.arrival().as_secs().max(0).unsigned_abs()), SECS_DIGITS);
        limbs.push_digits(0, 1);
        limbs.push_digits(u64::from(self.shard), 8);
        limbs.push_digits(2, 1);
        limbs
    }

    /// `None` for a number that was never given out here.
    pub fn parse(text: &str) -> Option<Self> {
        let limbs = Limbs::from_decimal(text)?;
        let mut rest = limbs;
        rest.pop_digits(1);
        let shard = u32::try_from(rest.pop_digits(8)).ok()?;
        rest.pop_digits(1 + SECS_DIGITS + 1);
        let index = Index(rest.pop_digits(16));
        rest.pop_digits(1);
        let created_secs = rest.pop_digits(SECS_DIGITS);
        let parsed = Self { created_secs, shard, index };
        (parsed.digits() == limbs).then_some(parsed)
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits().fmt_decimal(f)
    }
}

/// A number below 2^192, the highest limb first.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Limbs([u64; 3]);

const CHUNK: u64 = 10_000_000_000_000_000_000;
const CHUNK_DIGITS: usize = 19;

impl Limbs {
    /// Appends hexadecimal digits at the low end.
    fn push_digits(&mut self, value: u64, digits: u32) {
        let bits = 4 * digits;
        let [high, middle, low] = &mut self.0;
        if bits == 64 {
            (*high, *middle, *low) = (*middle, *low, value);
        } else {
            *high = (*high << bits) | (*middle >> (64 - bits));
            *middle = (*middle << bits) | (*low >> (64 - bits));
            *low = (*low << bits) | value;
        }
    }

    /// Takes up to 16 hexadecimal digits off the low end; of more, the lowest are dropped.
    fn pop_digits(&mut self, digits: u32) -> u64 {
        let bits = 4 * digits;
        let [high, middle, low] = self.0;
        if bits == 64 {
            self.0 = [0, high, middle];
            return low;
        }
        self.0 =
            [high >> bits, (middle >> bits) | (high << (64 - bits)), (low >> bits) | (middle << (64 - bits))];
        low & ((1 << bits) - 1)
    }

    fn from_decimal(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > 58 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut limbs = [0_u64; 3];
        for digit in text.bytes() {
            let mut carry = u128::from(digit - b'0');
            for limb in limbs.iter_mut().rev() {
                let wide = u128::from(*limb) * 10 + carry;
                (*limb, carry) = (wide as u64, wide >> 64);
            }
            if carry > 0 {
                return None;
            }
        }
        Some(Self(limbs))
    }

    fn fmt_decimal(mut self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chunks = [0_u64; 4];
        for chunk in &mut chunks {
            let mut rest = 0_u128;
            for limb in &mut self.0 {
                let wide = (rest << 64) | u128::from(*limb);
                (*limb, rest) = ((wide / u128::from(CHUNK)) as u64, wide % u128::from(CHUNK));
            }
            *chunk = rest as u64;
        }
        let highest = chunks.iter().rposition(|chunk| *chunk > 0).unwrap_or(0);
        write!(f, "{}", chunks[highest])?;
        chunks[..highest].iter().rev().try_for_each(|chunk| write!(f, "{chunk:0CHUNK_DIGITS$}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(created_secs: u64, shard: u32, index: u64) -> SequenceNumber {
        SequenceNumber { created_secs, shard, index: Index(index) }
    }

    #[test]
    fn numbers_look_as_awss_do() {
        let now = Timestamp::from_secs(1_795_000_000);
        let text = number(1_795_000_000, 3, Index::at(now).plus(17).as_u64()).to_string();
        assert_eq!(text.len(), 56);
        assert!(text.starts_with("49"), "{text}");
    }

    #[test]
    fn what_was_never_given_out_is_refused() {
        let real = number(1_795_000_000, 3, 5).to_string();
        for text in ["", "0", "1", "12345", &real[1..], &format!("{real}0"), &real.replace('4', "5"), "x"] {
            assert_eq!(SequenceNumber::parse(text), None, "{text}");
        }
        let beyond = "9".repeat(58);
        assert_eq!(SequenceNumber::parse(&beyond), None);
    }

    proptest! {
        #[test]
        fn a_number_parses_to_itself(created in 0..1_u64 << 36, shard: u32, index: u64) {
            let number = number(created, shard, index);
            prop_assert_eq!(SequenceNumber::parse(&number.to_string()), Some(number));
        }

        #[test]
        fn numbers_of_a_shard_compare_as_their_places(created in 0..1_u64 << 36, shard: u32, a: u64, b: u64) {
            let (left, right) = (number(created, shard, a).to_string(), number(created, shard, b).to_string());
            prop_assert_eq!(left.len(), right.len());
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        }

        #[test]
        fn foreign_texts_never_panic(text in "[0-9]{0,70}") {
            let _ = SequenceNumber::parse(&text);
        }
    }
}
