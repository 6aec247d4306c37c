//! Entries for a fuzzer: what an unsigned stranger may send as a signature, and what somebody may send as an authorization
//! message. The tests below run them for a bounded while.

use http::Request;
use millpond_core::key::KEY_LEN;
use millpond_core::{RootKey, Timestamp};

use crate::authorization::Messages;
use crate::sigv4::Claim;

/// Lines of bytes as the headers `authorization`, `x-amz-date`, `date` and `x-amz-security-token`, and the last as the query.
pub fn sigv4(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut request = Request::builder();
    for name in ["authorization", "x-amz-date", "date", "x-amz-security-token"] {
        if let Some(value) = lines.next().filter(|line| !line.is_empty()) {
            request = request.header(name, value);
        }
    }
    let query = lines.next().unwrap_or_default();
    let request = request.uri(["/?".as_bytes(), query].concat());
    // What is no HTTP never gets as far as the signature.
    let Ok(request) = request.body(()) else { return };
    let (parts, ()) = request.into_parts();
    if let Ok(Some(claim)) = Claim::read(&parts) {
        let _judged = (claim.check_scope("kinesis"), claim.check_time(Timestamp::EPOCH));
    }
}

/// Bytes as a message. None that nobody made may open.
pub fn authorization_message(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let account = "111122223333".parse().expect("twelve digits are an account");
    let opened = Messages::new(&RootKey::from_bytes([1; KEY_LEN])).open(&account, text);
    assert!(opened.is_none(), "a message that nobody made");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    const HEADER: &str = "AWS4-HMAC-SHA256 Credential=AKIA/20261121/us-east-1/kinesis/aws4_request, \
                          SignedHeaders=host;x-amz-date, Signature=0123456789abcdef\n20261121T095029Z\n\n\n";
    const QUERY: &str = "\n\n\n\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20261121%2Fus-east-1%2Fkinesis\
                         %2Faws4_request&X-Amz-Date=20261121T095029Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&\
                         X-Amz-Signature=00";

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2_000,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(7),
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            super::sigv4(&bytes);
            super::authorization_message(&bytes);
        }

        #[test]
        fn any_letters(text in "[A-Za-z0-9_-]{0,300}") {
            super::authorization_message(text.as_bytes());
        }

        #[test]
        fn nearly_signed(
            base in prop::sample::select(&[HEADER, QUERY]),
            changes in prop::collection::vec((any::<prop::sample::Index>(), ".{0,3}", 0_usize..4), 1..6),
        ) {
            let mut text: Vec<char> = base.chars().collect();
            for (at, new, gone) in changes {
                let start = at.index(text.len());
                let end = (start + gone).min(text.len());
                text.splice(start..end, new.chars());
            }
            super::sigv4(text.into_iter().collect::<String>().as_bytes());
        }
    }
}
