//! Authorization messages: why a request was denied, sealed into a header of the answer for whoever may know.
//!
//! Nothing is kept of them: STS's DecodeAuthorizationMessage opens them for the account of whoever was denied. Services of AWS that
//! have them put them into their errors' text, which stays as it is here.

use std::fmt;
use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use http::{HeaderValue, Response};
use millpond_core::{AccountId, RootKey, Sealer};

use crate::body::Body;

pub(crate) const HEADER: &str = "x-millpond-authorization-message";
/// What AWS takes at most.
const LONGEST: usize = 10_240;
/// What a message is at most, unpacked.
const LONGEST_TEXT: u64 = 1 << 20;

/// Why somebody was denied something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Whose principal it was.
    pub account: AccountId,
    /// As `millpond_policy::explain` has it.
    pub explanation: String,
}

/// Seals messages and opens them.
pub struct Messages(Sealer);

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Messages(redacted)")
    }
}

impl Messages {
    pub fn new(root_key: &RootKey) -> Self {
        Self(Sealer::new(&root_key.derive("gateway/authorization-messages")))
    }

    /// `None` where it would be longer than a message may be.
    pub fn seal(&self, denied: &Denied) -> Option<String> {
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(denied.explanation.as_bytes()).ok()?;
        let sealed = self.0.seal(denied.account.as_str().as_bytes(), &packer.finish().ok()?).ok()?;
        Some(URL_SAFE_NO_PAD.encode(sealed)).filter(|message| message.len() <= LONGEST)
    }

    /// What a message says, for somebody of this account; `None` for everything but a message that this pond made for it.
    pub fn open(&self, account: &AccountId, message: &str) -> Option<String> {
        if message.len() > LONGEST {
            return None;
        }
        let packed = self.0.open(account.as_str().as_bytes(), &URL_SAFE_NO_PAD.decode(message).ok()?)?;
        let mut text = String::new();
        ZlibDecoder::new(packed.as_slice()).take(LONGEST_TEXT).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// Puts the message into the answer to whom it explains.
    pub(crate) fn attach(&self, denied: &Denied, response: &mut Response<Body>) {
        if let Some(Ok(message)) = self.seal(denied).map(HeaderValue::try_from) {
            response.headers_mut().insert(HEADER, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use millpond_core::key::KEY_LEN;

    use super::*;

    #[test]
    fn a_message_opens_for_its_account_alone_and_whole() {
        let messages = |byte| Messages::new(&RootKey::from_bytes([byte; KEY_LEN]));
        let [own, other]: [AccountId; 2] = ["111122223333", "444455556666"].map(|text| text.parse().unwrap());
        let denied = Denied { account: own.clone(), explanation: "{\"allowed\":false}".repeat(20) };
        let message = messages(7).seal(&denied).unwrap();
        assert_eq!(messages(7).open(&own, &message).as_ref(), Some(&denied.explanation));
        assert!(messages(7).open(&other, &message).is_none() && messages(8).open(&own, &message).is_none());
        for at in 0..message.len() {
            assert!(messages(7).open(&own, &message[..at]).is_none(), "cut at {at}");
            let letter = if &message[at..=at] == "A" { "B" } else { "A" };
            let bent = format!("{}{letter}{}", &message[..at], &message[at + 1..]);
            assert!(messages(7).open(&own, &bent).is_none(), "letter {at}");
        }
        for text in ["", "é", &"A".repeat(LONGEST + 1)] {
            assert!(messages(7).open(&own, text).is_none());
        }
    }

    #[test]
    fn a_message_that_would_be_too_long_is_none() {
        let messages = Messages::new(&RootKey::from_bytes([7; KEY_LEN]));
        let account: AccountId = "111122223333".parse().unwrap();
        // What is sealed does not pack any more.
        let noise =
            (0..200).map(|_| messages.seal(&Denied { account: account.clone(), explanation: "x".into() }));
        let explanation = noise.flatten().collect();
        assert_eq!(messages.seal(&Denied { account, explanation }), None);
    }
}
