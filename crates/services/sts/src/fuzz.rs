//! The entry for a fuzzer of session tokens; the tests below run it for a bounded while.

use millpond_core::RootKey;
use millpond_core::key::KEY_LEN;

use crate::session::Sessions;

/// Bytes as an access key id, a line break, and its token. Nothing of theirs may open.
pub fn session_token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (id, token) = text.split_once('\n').unwrap_or(("ASIAQA3DOWT7SFIXTURE", text));
    let opened = Sessions::new(&RootKey::from_bytes([1; KEY_LEN])).open(id, token);
    assert!(opened.is_none(), "a token that nobody made");
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 1_000,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(7),
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            super::session_token(&bytes);
            super::session_token(STANDARD.encode(&bytes).as_bytes());
        }

        #[test]
        fn nearly_a_token(changes in prop::collection::vec((any::<prop::sample::Index>(), "[A-Za-z0-9+/=]"), 1..4)) {
            let mut token: Vec<u8> = include_str!("token_v1.txt").trim().into();
            let before = token.clone();
            for (at, letter) in changes {
                let at = at.index(token.len());
                token[at] = letter.as_bytes()[0];
            }
            prop_assume!(token != before);
            super::session_token(&token);
        }
    }
}
