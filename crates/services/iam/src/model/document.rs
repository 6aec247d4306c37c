//! Policy documents: what may be stored, and how it is shown.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use millpond_policy::{Kind, Policy, PolicyError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::entity::Entity;
use crate::error::IamError;

/// A managed policy's quota in characters, white space not counted.
pub const MANAGED_SIZE: usize = 6_144;
/// A trust policy's.
pub const TRUST_SIZE: usize = 2_048;

/// Documents come back URL-encoded, after RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub fn encoded(document: &str) -> String {
    utf8_percent_encode(document, ENCODED).to_string()
}

fn malformed(error: PolicyError) -> IamError {
    IamError::MalformedPolicyDocument(error.to_string())
}

/// Errors: MalformedPolicyDocument, LimitExceeded.
pub fn check_managed(document: &str) -> Result<(), IamError> {
    Policy::parse(document, Kind::Identity).map_err(malformed)?;
    if Policy::counted_size(document) > MANAGED_SIZE {
        return Err(IamError::LimitExceeded(format!("Cannot exceed quota for PolicySize: {MANAGED_SIZE}")));
    }
    Ok(())
}

/// Errors: MalformedPolicyDocument, LimitExceeded.
pub fn check_trust(document: &str) -> Result<(), IamError> {
    Policy::parse(document, Kind::Trust).map_err(malformed)?;
    if Policy::counted_size(document) > TRUST_SIZE {
        return Err(IamError::LimitExceeded(format!("Cannot exceed quota for ACLSizePerRole: {TRUST_SIZE}")));
    }
    Ok(())
}

/// Errors: MalformedPolicyDocument.
pub fn check_inline(document: &str) -> Result<(), IamError> {
    Policy::parse(document, Kind::Identity).map(|_policy| ()).map_err(malformed)
}

/// All inline policies of one entity share a quota.
///
/// Errors: LimitExceeded.
pub fn check_inline_sizes(entity: &Entity) -> Result<(), IamError> {
    let size: usize = entity.inline.values().map(|document| Policy::counted_size(document)).sum();
    let most = entity.kind.inline_bytes();
    if size <= most {
        return Ok(());
    }
    let (kind, name) = (entity.kind, &entity.name);
    Err(IamError::LimitExceeded(format!("Maximum policy size of {most} bytes exceeded for {kind} {name}")))
}

/// Documents that were read before: the same text is not read twice.
#[derive(Debug)]
pub struct Documents {
    kind: Kind,
    kept: Mutex<HashMap<String, Arc<Policy>>>,
}

/// How many are kept; when there are more, they are read anew.
const KEPT: usize = 4_096;

impl Documents {
    pub fn of(kind: Kind) -> Self {
        Self { kind, kept: Mutex::default() }
    }

    /// A document that was checked when it was stored.
    pub fn read(&self, document: &str) -> Result<Arc<Policy>, IamError> {
        if let Some(policy) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(document) {
            return Ok(Arc::clone(policy));
        }
        let policy = Arc::new(Policy::parse(document, self.kind).map_err(IamError::StoredPolicy)?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(document.to_owned(), Arc::clone(&policy));
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_shown_url_encoded() {
        assert_eq!(encoded(r#"{"a": "b-c_d.~*"}"#), "%7B%22a%22%3A%20%22b-c_d.~%2A%22%7D");
    }

    #[test]
    fn what_is_read_once_is_kept() {
        let documents = Documents::of(Kind::Identity);
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let (one, other) = (documents.read(text).unwrap(), documents.read(text).unwrap());
        assert!(Arc::ptr_eq(&one, &other));
        assert!(matches!(documents.read("{"), Err(IamError::StoredPolicy(_))));
    }
}
