//! The entry for a fuzzer of page tokens, which come back from clients; the test below runs it for a bounded while.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::PageToken;

/// A key with one of everything that keys are made of.
type Key = (String, u64, Option<i64>, Vec<String>);

const QUESTION: &str = "objects of a bucket";

/// A token as a client might send it, and the same bytes behind the head of a true one, so that they reach the key.
pub fn page_token(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        token(text);
    }
    let head = PageToken::encode(&(), QUESTION);
    let mut forged = URL_SAFE_NO_PAD.decode(head).expect("a token is base64");
    forged.pop();
    forged.extend_from_slice(bytes);
    token(&URL_SAFE_NO_PAD.encode(forged));
}

fn token(text: &str) {
    if let Ok(key) = PageToken::decode::<String>(text, QUESTION) {
        assert_eq!(PageToken::decode(&PageToken::encode(&key, QUESTION), QUESTION), Ok(key));
        assert!(PageToken::decode::<String>(text, "objects of another").is_err(), "one question's token");
    }
    if let Ok(key) = PageToken::decode::<Key>(text, QUESTION) {
        assert_eq!(PageToken::decode(&PageToken::encode(&key, QUESTION), QUESTION), Ok(key));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    // Seeded and bounded; `fuzz/` runs the same entry without end.
    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2_000,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(7),
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            super::page_token(&bytes);
        }

        #[test]
        fn nearly_keys(bytes in prop::collection::vec(prop_oneof![
            prop::sample::select(b"\x94\xa3key\x07\xc0\x92\xa1ab\xd9\x02\xdb\xff\xcf\xd0\xdd\xdc\x81".as_slice()),
            any::<u8>(),
        ], 0..32)) {
            super::page_token(&bytes);
        }
    }
}
