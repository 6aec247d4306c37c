//! Signature Version 4 for the JSON, query and CBOR services: header and presigned query.
//!
//! [`Claim::read`] says what a request claims about itself; [`Claim::verify`] holds it against the secret key, the
//! clock and the body. S3 has errors, payloads and chunks of its own: it takes [`Claim::read`], [`Claim::check_time`] and
//! [`Claim::verify_payload`], and goes on from [`Signed`].
//! Source: AWS General Reference, "Create a signed AWS API request".

mod canonical;
mod claim;
mod error;
#[cfg(test)]
mod tests;

pub use claim::{Claim, FormFields, Place};
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
        let path = canonical::path(parts.uri.path());
        let request = canonical::request(parts, self, &path, &sha256_hex(body));
        self.verify_request(&request, &self.signing_key(secret)).map_err(|_| AuthError::SignatureDoesNotMatch)
    }

    /// Checks the signature alone, of a request to S3. `payload` is what stands for the body in the canonical request; whether
    /// the body is that, and whether the claim is of now and for S3, is for the caller to check.
    pub fn verify_payload(&self, parts: &Parts, payload: &str, secret: &Secret) -> Result<Signed, Mismatch> {
        let key = self.signing_key(secret);
        let request = canonical::request(parts, self, &canonical::object_path(parts.uri.path()), payload);
        let verified = self.verify_request(&request, &key).or_else(|string_to_sign| {
            // Some clients sign the path as they send it, with characters that AWS would encode.
            let as_sent = canonical::request(parts, self, parts.uri.path(), payload);
            self.verify_request(&as_sent, &key).map_err(|_| string_to_sign)
        });
        match verified {
            Ok(()) => Ok(Signed {
                key,
                date: self.date_text.clone(),
                scope: self.scope(),
                signature: hex::encode(&self.signature),
            }),
            Err(string_to_sign) => Err(Mismatch {
                string_to_sign,
                canonical_request: without_token(&request, self),
                provided: hex::encode(&self.signature),
            }),
        }
    }

    /// Whether this text itself is what was signed, as a form's policy is.
    pub fn verify_text(&self, text: &str, secret: &Secret) -> Result<(), Mismatch> {
        hmac::verify(&self.signing_key(secret), text.as_bytes(), &self.signature).map_err(|_| Mismatch {
            string_to_sign: text.to_owned(),
            canonical_request: String::new(),
            provided: hex::encode(&self.signature),
        })
    }

    /// The string to sign, when it is not what was signed.
    fn verify_request(&self, canonical_request: &str, key: &hmac::Key) -> Result<(), String> {
        let hash = sha256_hex(canonical_request.as_bytes());
        let text = format!("{ALGORITHM}\n{}\n{}\n{hash}", self.date_text, self.scope());
        // `hmac::verify` compares in constant time.
        hmac::verify(key, text.as_bytes(), &self.signature).map_err(|_| text)
    }

    fn scope(&self) -> String {
        format!("{}/{}/{}/{TERMINATOR}", self.scope_date, self.region, self.service)
    }

    fn signing_key(&self, secret: &Secret) -> hmac::Key {
        signing_key(secret, &self.scope_date, self.region.as_str(), &self.service)
    }
}

/// What a verified signature leaves for the chunks of the body, each of which is signed on from the one before.
#[derive(Debug)]
pub struct Signed {
    pub key: hmac::Key,
    /// The date in the form that is signed.
    pub date: String,
    /// The credential scope.
    pub scope: String,
    /// The request's signature, in hexadecimal digits.
    pub signature: String,
}

/// What was calculated and what was given; none of it is a secret.
#[derive(Debug)]
pub struct Mismatch {
    pub string_to_sign: String,
    pub canonical_request: String,
    pub provided: String,
}

/// A session's token is its holder's secret, also where it is his own mistake that is told.
fn without_token(canonical_request: &str, claim: &Claim) -> String {
    match claim.session_token.as_deref().filter(|token| !token.is_empty()) {
        Some(token) => canonical_request.replace(token, "...").replace(&canonical::encoded(token), "..."),
        None => canonical_request.to_owned(),
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
