//! Keys: tuples of parts, encoded so that the order of the bytes is the order of the tuples, and so that no key is
//! a prefix of another. A lookup takes borrowed parts (`&str` for `String`) and allocates once.
//!
//! Text and bytes end in `00`; the bytes `00` and `01` inside are written `01 01` and `01 02`. Integers are big-endian, signed
//! ones with the sign bit turned. This is the format on disk: a change needs a migration.

use millpond_core::{AccountId, Region, Timestamp};
use uuid::Uuid;

/// The bytes are no key of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// One part of a key, as it is given back.
pub trait Part: AsPart<Self> + Sized {
    /// Takes the part from the front of `bytes`.
    fn decode(bytes: &mut &[u8]) -> Result<Self, Malformed>;
}

/// What may stand for a part `P` in a lookup.
pub trait AsPart<P> {
    fn encode(&self, out: &mut Vec<u8>);
}

/// A whole key, as it is given back: a part or a tuple of up to five.
pub trait Key: AsKey<Self> + Sized + 'static {
    fn decode(bytes: &[u8]) -> Result<Self, Malformed>;
}

/// What may stand for a key `K` in a lookup.
pub trait AsKey<K> {
    fn encode(&self, out: &mut Vec<u8>);
}

/// The first parts of a key `K`: `()`, `(A,)`, `(A, B)` … up to the whole tuple.
pub trait AsPrefix<K> {
    fn encode(&self, out: &mut Vec<u8>);
}

/// A prefix of a key `K` after which a text follows.
pub trait BeforeText<K>: AsPrefix<K> {}

const END: u8 = 0x00;
const ESCAPE: u8 = 0x01;

/// `bytes` without their end mark, so that what continues them shares this prefix.
pub(crate) fn encode_open_text(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 1);
    if !bytes.iter().any(|byte| *byte <= ESCAPE) {
        out.extend_from_slice(bytes);
        return;
    }
    for byte in bytes {
        match *byte {
            END => out.extend_from_slice(&[ESCAPE, 1]),
            ESCAPE => out.extend_from_slice(&[ESCAPE, 2]),
            byte => out.push(byte),
        }
    }
}

fn encode_text(bytes: &[u8], out: &mut Vec<u8>) {
    encode_open_text(bytes, out);
    out.push(END);
}

fn decode_text(bytes: &mut &[u8]) -> Result<Vec<u8>, Malformed> {
    let end = bytes.iter().position(|byte| *byte == END).ok_or(Malformed)?;
    let (text, rest) = (&bytes[..end], &bytes[end + 1..]);
    *bytes = rest;
    if !text.contains(&ESCAPE) {
        return Ok(text.to_vec());
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut text = text.iter();
    while let Some(byte) = text.next() {
        plain.push(match (*byte, *byte == ESCAPE) {
            (byte, false) => byte,
            (_, true) => match text.next() {
                Some(1) => END,
                Some(2) => ESCAPE,
                _ => return Err(Malformed),
            },
        });
    }
    Ok(plain)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (head, rest) = bytes.split_first_chunk::<N>().ok_or(Malformed)?;
    *bytes = rest;
    Ok(*head)
}

impl<P, T: AsPart<P> + ?Sized> AsPart<P> for &T {
    fn encode(&self, out: &mut Vec<u8>) {
        (**self).encode(out);
    }
}

macro_rules! text_parts {
    ($($taken:ty as $part:ty => $bytes:expr;)*) => { $(
        impl AsPart<$part> for $taken {
            fn encode(&self, out: &mut Vec<u8>) {
                let bytes: fn(&$taken) -> &[u8] = $bytes;
                encode_text(bytes(self), out);
            }
        }
    )* };
}
text_parts! {
    String as String => |text| text.as_bytes();
    str as String => |text| text.as_bytes();
    Vec<u8> as Vec<u8> => |bytes| bytes;
    [u8] as Vec<u8> => |bytes| bytes;
    AccountId as AccountId => |id| id.as_str().as_bytes();
    Region as Region => |region| region.as_str().as_bytes();
}

impl Part for String {
    fn decode(bytes: &mut &[u8]) -> Result<Self, Malformed> {
        Self::from_utf8(decode_text(bytes)?).map_err(|_| Malformed)
    }
}

impl Part for Vec<u8> {
    fn decode(bytes: &mut &[u8]) -> Result<Self, Malformed> {
        decode_text(bytes)
    }
}

impl Part for AccountId {
    fn decode(bytes: &mut &[u8]) -> Result<Self, Malformed> {
        <String as Part>::decode(bytes)?.parse().map_err(|_| Malformed)
    }
}

impl Part for Region {
    fn decode(bytes: &mut &[u8]) -> Result<Self, Malformed> {
        <String as Part>::decode(bytes)?.parse().map_err(|_| Malformed)
    }
}

macro_rules! fixed_parts {
    ($($part:ty: $to:expr, $from:expr;)*) => { $(
        impl AsPart<$part> for $part {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&$to(*self));
            }
        }
        impl Part for $part {
            fn decode(bytes: &mut &[u8]) -> Result<Self, Malformed> {
                Ok($from(take(bytes)?))
            }
        }
    )* };
}
fixed_parts! {
    u8: u8::to_be_bytes, u8::from_be_bytes;
    u16: u16::to_be_bytes, u16::from_be_bytes;
    u32: u32::to_be_bytes, u32::from_be_bytes;
    u64: u64::to_be_bytes, u64::from_be_bytes;
    u128: u128::to_be_bytes, u128::from_be_bytes;
    i32: |n: i32| (n ^ i32::MIN).to_be_bytes(), |bytes| i32::from_be_bytes(bytes) ^ i32::MIN;
    i64: |n: i64| (n ^ i64::MIN).to_be_bytes(), |bytes| i64::from_be_bytes(bytes) ^ i64::MIN;
    Uuid: |id: Uuid| id.into_bytes(), Uuid::from_bytes;
    Timestamp: |at: Timestamp| (at.as_millis() ^ i64::MIN).to_be_bytes(),
        |bytes| Timestamp::from_millis(i64::from_be_bytes(bytes) ^ i64::MIN);
}

impl<P: Part + 'static> Key for P {
    fn decode(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let part = <P as Part>::decode(&mut bytes)?;
        if bytes.is_empty() { Ok(part) } else { Err(Malformed) }
    }
}

impl<P: Part, T: AsPart<P> + ?Sized> AsKey<P> for T {
    fn encode(&self, out: &mut Vec<u8>) {
        AsPart::encode(self, out);
    }
}

impl<K> AsPrefix<K> for () {
    fn encode(&self, _out: &mut Vec<u8>) {}
}

impl BeforeText<String> for () {}

macro_rules! tuple_key {
    ($($part:ident $taken:ident $at:tt),+) => {
        impl<$($part: Part + 'static),+> Key for ($($part,)+) {
            fn decode(mut bytes: &[u8]) -> Result<Self, Malformed> {
                let key = ($(<$part as Part>::decode(&mut bytes)?,)+);
                if bytes.is_empty() { Ok(key) } else { Err(Malformed) }
            }
        }
        impl<$($part: Part, $taken: AsPart<$part>),+> AsKey<($($part,)+)> for ($($taken,)+) {
            fn encode(&self, out: &mut Vec<u8>) {
                $(self.$at.encode(out);)+
            }
        }
    };
}
tuple_key!(A TA 0);
tuple_key!(A TA 0, B TB 1);
tuple_key!(A TA 0, B TB 1, C TC 2);
tuple_key!(A TA 0, B TB 1, C TC 2, D TD 3);
tuple_key!(A TA 0, B TB 1, C TC 2, D TD 3, E TE 4);

macro_rules! tuple_prefix {
    ($($part:ident $taken:ident $at:tt),+; $($rest:ident),*) => {
        impl<$($part: Part, $taken: AsPart<$part>,)+ $($rest),*> AsPrefix<($($part,)+ $($rest,)*)> for ($($taken,)+) {
            fn encode(&self, out: &mut Vec<u8>) {
                $(self.$at.encode(out);)+
            }
        }
    };
}
tuple_prefix!(A TA 0; );
tuple_prefix!(A TA 0; B);
tuple_prefix!(A TA 0; B, C);
tuple_prefix!(A TA 0; B, C, D);
tuple_prefix!(A TA 0; B, C, D, E);
tuple_prefix!(A TA 0, B TB 1; );
tuple_prefix!(A TA 0, B TB 1; C);
tuple_prefix!(A TA 0, B TB 1; C, D);
tuple_prefix!(A TA 0, B TB 1; C, D, E);
tuple_prefix!(A TA 0, B TB 1, C TC 2; );
tuple_prefix!(A TA 0, B TB 1, C TC 2; D);
tuple_prefix!(A TA 0, B TB 1, C TC 2; D, E);
tuple_prefix!(A TA 0, B TB 1, C TC 2, D TD 3; );
tuple_prefix!(A TA 0, B TB 1, C TC 2, D TD 3; E);

macro_rules! before_text {
    ($($part:ident $taken:ident),*; $($rest:ident),*) => {
        impl<$($part: Part, $taken: AsPart<$part>,)* $($rest),*> BeforeText<($($part,)* String, $($rest,)*)> for ($($taken,)*) {}
    };
}
before_text!(; );
before_text!(; B);
before_text!(; B, C);
before_text!(; B, C, D);
before_text!(A TA; );
before_text!(A TA; C);
before_text!(A TA; C, D);
before_text!(A TA; C, D, E);
before_text!(A TA, B TB; );
before_text!(A TA, B TB; D);
before_text!(A TA, B TB; D, E);
before_text!(A TA, B TB, C TC; );
before_text!(A TA, B TB, C TC; E);
before_text!(A TA, B TB, C TC, D TD; );

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Sample = (String, i64, Vec<u8>, u32);

    fn encoded<K: Key>(key: &K) -> Vec<u8> {
        let mut out = Vec::new();
        key.encode(&mut out);
        out
    }

    /// Texts in which the bytes that the encoding treats apart are frequent.
    fn text() -> impl Strategy<Value = String> {
        "[\u{0}\u{1}\u{2}a\u{ff}é]{0,6}"
    }

    fn sample() -> impl Strategy<Value = Sample> {
        let bytes =
            prop::collection::vec(prop_oneof![Just(0), Just(1), Just(2), Just(255), any::<u8>()], 0..6);
        (text(), any::<i64>(), bytes, any::<u32>())
    }

    proptest! {
        #[test]
        fn bytes_are_ordered_as_tuples(a in sample(), b in sample()) {
            prop_assert_eq!(encoded(&a).cmp(&encoded(&b)), a.cmp(&b));
        }

        #[test]
        fn a_key_decodes_to_itself(key in sample()) {
            prop_assert_eq!(<Sample as Key>::decode(&encoded(&key)), Ok(key));
        }

        #[test]
        fn no_key_is_a_prefix_of_another(a in sample(), b in sample()) {
            prop_assume!(a != b);
            prop_assert!(!encoded(&b).starts_with(&encoded(&a)));
        }

        #[test]
        fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = <Sample as Key>::decode(&bytes);
        }
    }

    #[test]
    fn the_encoding_stays_as_it_is_on_disk() {
        let account: AccountId = "000000000000".parse().unwrap();
        let key = (account, "a\u{0}\u{1}".to_owned(), Timestamp::from_millis(-1), 7_u16);
        let expected: &[u8] = b"000000000000\0a\x01\x01\x01\x02\0\x7f\xff\xff\xff\xff\xff\xff\xff\0\x07";
        assert_eq!(encoded(&key), expected);
    }

    #[test]
    fn borrowed_parts_encode_as_owned_ones() {
        let mut borrowed = Vec::new();
        AsKey::<(String, Vec<u8>)>::encode(&("name", [1_u8, 2].as_slice()), &mut borrowed);
        assert_eq!(borrowed, encoded(&("name".to_owned(), vec![1_u8, 2])));
    }
}
