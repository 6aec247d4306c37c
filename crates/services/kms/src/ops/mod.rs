//! The operations, by resource, and what several of them share.

pub mod alias;
pub mod crypt;
pub mod data_key;
pub mod data_key_pair;
pub mod grant;
pub mod import;
pub mod key;
pub mod policy;
pub mod rotation;
pub mod shape;
pub mod sign;
pub mod tag;

use millpond_core::{Arn, PageToken};
use millpond_gateway::{Call, Caller};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Kms;
use crate::error::KmsError;
use crate::model::key::Key;

/// What a permission is asked on that is about no key in particular.
pub fn any_key<I>(caller: &Caller, _input: &I) -> Arn {
    caller.scope.arn("kms", "key/*")
}

/// The customer's own key, to be changed.
fn own_key(call: &Call<Kms>, action: &str, text: &str) -> Result<Key, KmsError> {
    call.find_own(&call.store().read()?, &call.caller, action, text)
}

/// Grants count from the moment that they are made, so that a token adds nothing; it must be one of ours nevertheless.
///
/// Errors: InvalidGrantTokenException.
fn check_grant_tokens(call: &Call<Kms>, tokens: Option<&Vec<String>>) -> Result<(), KmsError> {
    tokens.into_iter().flatten().try_for_each(|token| grant::of_token(call.vault(), token).map(|_grant| ()))
}

/// A request that only asks whether it would succeed ends here.
fn unless_dry_run(dry_run: Option<bool>) -> Result<(), KmsError> {
    match dry_run {
        Some(true) => Err(KmsError::DryRun),
        Some(false) | None => Ok(()),
    }
}

/// A part of a listing, as a request asks for it.
struct Page<K> {
    after: Option<K>,
    limit: usize,
    question: String,
}

impl<K: Serialize + DeserializeOwned> Page<K> {
    /// `limit` has passed the model's bounds; beyond `most`, the page has that many.
    fn of(
        marker: Option<&String>,
        limit: Option<i32>,
        most: usize,
        question: String,
    ) -> Result<Self, KmsError> {
        let after = marker.map(|marker| PageToken::decode(marker, &question)).transpose();
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(most).min(most);
        Ok(Self { after: after.map_err(|_| KmsError::InvalidMarker)?, limit, question })
    }

    /// One more than the page holds shows whether there are more; the marker goes on after the page's last.
    fn cut<T>(&self, items: &mut Vec<T>, key: impl Fn(&T) -> K) -> Option<String> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let last = items.last().filter(|_| more)?;
        Some(PageToken::encode(&key(last), &self.question))
    }
}
