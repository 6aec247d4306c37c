//! Key policies, read once: a hot key's policy is not parsed for every request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use millpond_policy::{Kind, Policy};
use uuid::Uuid;

use crate::error::KmsError;
use crate::model::key::Key;

/// How many are kept; when there are more, they are read anew.
const KEPT: usize = 1_000;

#[derive(Debug, Default)]
pub struct Policies(Mutex<HashMap<Uuid, Read>>);

#[derive(Debug)]
struct Read {
    document: String,
    policy: Arc<Policy>,
}

impl Policies {
    /// The policy that the key's owner gave it.
    pub fn of(&self, key: &Key) -> Result<Option<Arc<Policy>>, KmsError> {
        let Some(document) = &key.policy else { return Ok(None) };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = kept.get(&key.id).filter(|read| read.document == *document) {
            return Ok(Some(Arc::clone(&read.policy)));
        }
        let policy = Arc::new(parse(document)?);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key.id, Read { document: document.clone(), policy: Arc::clone(&policy) });
        Ok(Some(policy))
    }
}

/// Errors: MalformedPolicyDocumentException.
pub fn parse(document: &str) -> Result<Policy, KmsError> {
    Policy::parse(document, Kind::Resource).map_err(|error| KmsError::MalformedPolicy(error.to_string()))
}
