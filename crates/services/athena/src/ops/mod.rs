//! The operations, by resource.

pub mod catalog;
pub mod query;
pub mod results;
pub mod workgroup;

use millpond_core::{PageToken, PageTokenError};
use serde::de::DeserializeOwned;

use crate::error::AthenaError;

/// Decodes a page token that was given for the same question.
fn page_after<K: DeserializeOwned>(token: Option<&str>, question: &str) -> Result<Option<K>, AthenaError> {
    let decoded = token.map(|token| PageToken::decode(token, question)).transpose();
    decoded.map_err(|PageTokenError| AthenaError::invalid("Invalid NextToken"))
}

/// How many items a page holds.
fn page_size(asked: Option<i32>, most: usize) -> usize {
    asked.and_then(|n| usize::try_from(n).ok()).map_or(most, |n| n.clamp(1, most))
}
