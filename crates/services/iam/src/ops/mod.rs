//! The operations, by resource, and what several of them share.

pub mod account;
pub mod attach;
pub mod boundary;
pub mod details;
pub mod group;
pub mod inline;
pub mod key;
pub mod linked;
pub mod login;
pub mod policy;
pub mod profile;
pub mod provider;
pub mod report;
pub mod role;
pub mod shape;
pub mod simulate;
pub mod tag;
pub mod user;

use millpond_core::PageToken;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::IamError;

const DEFAULT_PAGE: usize = 100;

/// A part of a listing, as a request asks for it.
pub struct Page<K> {
    pub after: Option<K>,
    limit: usize,
    question: String,
}

/// What fits on a page.
pub struct Cut<T> {
    pub items: Vec<T>,
    pub is_truncated: Option<bool>,
    pub marker: Option<String>,
}

impl<K: Serialize + DeserializeOwned> Page<K> {
    /// `max_items` has passed the model's bounds. `question` is all that decides what is listed.
    pub fn of(
        marker: Option<&String>,
        max_items: Option<i32>,
        question: impl Into<String>,
    ) -> Result<Self, IamError> {
        let question = question.into();
        let after = marker.map(|marker| PageToken::decode(marker, &question)).transpose();
        let after = after.map_err(|_| IamError::Validation("Invalid Marker.".to_owned()))?;
        let limit = max_items.and_then(|most| usize::try_from(most).ok()).unwrap_or(DEFAULT_PAGE);
        Ok(Self { after, limit, question })
    }

    /// Takes as many as the page holds, and one more to see whether there are more.
    pub fn take<T>(&self, items: impl Iterator<Item = Result<(K, T), IamError>>) -> Result<Cut<T>, IamError> {
        let mut taken = Vec::new();
        let mut last = None;
        for item in items {
            let (key, item) = item?;
            if taken.len() == self.limit {
                let marker = last.map(|last: K| PageToken::encode(&last, &self.question));
                return Ok(Cut { items: taken, is_truncated: Some(true), marker });
            }
            taken.push(item);
            last = Some(key);
        }
        Ok(Cut { items: taken, is_truncated: Some(false), marker: None })
    }
}

impl Page<String> {
    /// The same from what is in memory, in the order of its keys.
    pub fn take_ordered<T>(&self, items: impl Iterator<Item = (String, T)>) -> Result<Cut<T>, IamError> {
        let after = self.after.as_deref();
        self.take(items.filter(|(key, _)| after.is_none_or(|after| key.as_str() > after)).map(Ok))
    }
}
