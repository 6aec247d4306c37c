//! Signature Version 4 for the JSON, query and CBOR services: header and presigned query.
//!
//! [`Claim::read`] says what a request claims about itself; [`Claim::verify`] holds it against the secret key, the
//! clock and the body. S3's signatures (streams, chunks, forms) are the S3 service's; it shares [`Claim::read`],
//! [`Claim::check_time`] and the credential lookup.
//! Source: AWS General Reference, "Create a signed AWS API request".

mod canonical;
mod claim;
mod error;
#[cfg(test)]
mod tests;

pub use claim::Claim;
pub use error::AuthError;

use aws_lc_rs::{digest, hmac};
use http::request::Parts;
use millpond_core::Timestamp;

use crate::access::Secret;

pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";

/// The lower-case hexadecimal SHA-256 of `bytes`.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

impl Claim {
    /// Checks that whoever holds `secret` made this request, to `service`, with this body, and that it is of now.
    pub fn verify(
        &self,
        parts: &Parts,
        body: &[u8],
        service: &str,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        self.check_scope(service)?;
        self.check_signed_headers(parts)?;
        self.check_time(now)?;
        let request = canonical::request(parts, self, &sha256_hex(body));
        let scope = format!("{}/{}/{}/{TERMINATOR}", self.scope_date, self.region, self.service);
        let text = format!("{ALGORITHM}\n{}\n{scope}\n{}", self.date_text, sha256_hex(request.as_bytes()));
        let key = signing_key(secret, &self.scope_date, self.region.as_str(), &self.service);
        // `hmac::verify` compares in constant time.
        hmac::verify(&key, text.as_bytes(), &self.signature).map_err(|_| AuthError::SignatureDoesNotMatch)
    }
}

fn signing_key(secret: &Secret, date: &str, region: &str, service: &str) -> hmac::Key {
    let first = zeroize::Zeroizing::new(format!("AWS4{}", secret.expose()));
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, first.as_bytes());
    for part in [date, region, service, TERMINATOR] {
        key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
    }
    key
}
