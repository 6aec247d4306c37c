//! Page tokens: opaque to clients, and refused when they were made for another question.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The layout of a token; a token of another version is refused.
const VERSION: u8 = 1;

/// Where a listing goes on: the last key that was given, and a hash of the question that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct PageToken;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is not one that was given for this request")]
pub struct PageTokenError;

impl PageToken {
    /// `question` is everything that decides what is listed (names, filters), not the page size.
    pub fn encode<K: Serialize>(last: &K, question: &str) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&hash(question).to_be_bytes());
        rmp_serde::encode::write(&mut bytes, last).expect("keys are plain data, and a Vec takes every write");
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn decode<K: DeserializeOwned>(token: &str, question: &str) -> Result<K, PageTokenError> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| PageTokenError)?;
        let (version, rest) = bytes.split_first().ok_or(PageTokenError)?;
        let (asked, key) = rest.split_first_chunk::<8>().ok_or(PageTokenError)?;
        if *version != VERSION || u64::from_be_bytes(*asked) != hash(question) {
            return Err(PageTokenError);
        }
        rmp_serde::from_slice(key).map_err(|_| PageTokenError)
    }
}

/// FNV-1a: stable across versions and machines. It guards against mistakes; a token grants nothing, so it is no secret.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_serves_only_its_own_question() {
        let token = PageToken::encode(&("db", 7), "tables of a");
        assert_eq!(PageToken::decode::<(String, u8)>(&token, "tables of a"), Ok(("db".to_owned(), 7)));
        assert_eq!(PageToken::decode::<(String, u8)>(&token, "tables of b"), Err(PageTokenError));
        for broken in ["", "A", "not base64!", &token[..token.len() - 3]] {
            assert!(PageToken::decode::<(String, u8)>(broken, "tables of a").is_err(), "{broken}");
        }
    }
}
