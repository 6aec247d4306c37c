//! The objects that tables consist of, read straight from Millpond's own S3 (no HTTP), and the count of what was read.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;

use crate::error::QueryError;

/// One object as a listing names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    pub key: String,
    pub size: u64,
    /// Changes whenever the bytes do: what is cached of an object is kept under it.
    pub etag: String,
}

/// A page of a listing in key order; `next` goes on with the following page.
#[derive(Debug, Clone, Default)]
pub struct ObjectPage {
    pub objects: Vec<ObjectInfo>,
    pub next: Option<String>,
}

/// Why objects could not be listed or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectsError {
    #[error("{0}")]
    AccessDenied(String),
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Failed(String),
}

/// Objects, read with the rights of one caller.
#[async_trait]
pub trait Objects: Send + Sync + 'static {
    /// The objects under `prefix`, `after` being the `next` of the page before.
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>)
    -> Result<ObjectPage, ObjectsError>;

    /// The bytes of `range`, in pieces. `etag` is that of the listing: an object that was replaced since is `NotFound`.
    async fn read(
        &self,
        bucket: &str,
        object: &ObjectInfo,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, ObjectsError>>, ObjectsError>;
}

/// Counts the bytes that one statement reads, and ends the statement at its limit.
#[derive(Debug)]
pub(crate) struct Meter {
    scanned: AtomicU64,
    limit: u64,
}

impl Meter {
    pub(crate) fn new(limit: Option<u64>) -> Arc<Self> {
        Arc::new(Self { scanned: AtomicU64::new(0), limit: limit.unwrap_or(u64::MAX) })
    }

    pub(crate) fn scanned(&self) -> u64 {
        self.scanned.load(Ordering::Relaxed)
    }

    fn count(&self, bytes: usize) -> Result<(), QueryError> {
        let scanned = self.scanned.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if scanned > self.limit {
            return Err(QueryError::user(
                "EXCEEDED_SCAN_LIMIT",
                "Bytes scanned limit was exceeded".to_owned(),
            ));
        }
        Ok(())
    }
}

/// Objects with every byte counted and every error naming its object.
#[derive(Clone)]
pub(crate) struct Reader {
    objects: Arc<dyn Objects>,
    meter: Arc<Meter>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("meter", &self.meter).finish_non_exhaustive()
    }
}

impl Reader {
    pub(crate) fn new(objects: Arc<dyn Objects>, meter: Arc<Meter>) -> Self {
        Self { objects, meter }
    }

    /// Every object under `prefix`.
    pub(crate) async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectInfo>, QueryError> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page =
                self.objects.list(bucket, prefix, after.as_deref()).await.map_err(|error| match error {
                    ObjectsError::AccessDenied(text) => QueryError::user(
                        "PERMISSION_DENIED",
                        format!("Access Denied when listing s3://{bucket}/{prefix}: {text}"),
                    ),
                    other => QueryError::user(
                        "HIVE_FILESYSTEM_ERROR",
                        format!("Failed to list s3://{bucket}/{prefix}: {other}"),
                    ),
                })?;
            all.extend(page.objects);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    pub(crate) async fn stream(
        &self,
        bucket: &str,
        object: &ObjectInfo,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, QueryError>>, QueryError> {
        let name = format!("s3://{bucket}/{}", object.key);
        let pieces =
            self.objects.read(bucket, object, range).await.map_err(|error| cannot_open(&name, &error))?;
        let meter = Arc::clone(&self.meter);
        Ok(pieces
            .map(move |piece| {
                let piece = piece.map_err(|error| cannot_open(&name, &error))?;
                meter.count(piece.len())?;
                Ok(piece)
            })
            .boxed())
    }

    /// The bytes of a range in one piece.
    pub(crate) async fn range(
        &self,
        bucket: &str,
        object: &ObjectInfo,
        range: Range<u64>,
    ) -> Result<Bytes, QueryError> {
        let wanted = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let mut pieces = self.stream(bucket, object, range).await?;
        let Some(first) = pieces.next().await.transpose()? else { return Ok(Bytes::new()) };
        if first.len() >= wanted {
            return Ok(first);
        }
        let mut whole = Vec::with_capacity(wanted);
        whole.extend_from_slice(&first);
        while let Some(piece) = pieces.next().await {
            whole.extend_from_slice(&piece?);
        }
        Ok(whole.into())
    }
}

fn cannot_open(name: &str, error: &ObjectsError) -> QueryError {
    match error {
        ObjectsError::AccessDenied(text) => {
            QueryError::user("PERMISSION_DENIED", format!("Access Denied when reading {name}: {text}"))
        }
        ObjectsError::NotFound(text) => QueryError::user(
            "HIVE_CANNOT_OPEN_SPLIT",
            format!("Error opening Hive split {name}: the object was removed or replaced ({text})"),
        ),
        ObjectsError::Failed(text) => {
            QueryError::system("HIVE_CANNOT_OPEN_SPLIT", format!("Error opening Hive split {name}: {text}"))
        }
    }
}

/// `s3://bucket/prefix` (also `s3a`, `s3n`) in its two parts, the prefix with a closing slash unless it is empty.
pub fn split_location(location: &str) -> Option<(&str, String)> {
    let (scheme, rest) = location.split_once("://")?;
    if !matches!(scheme, "s3" | "s3a" | "s3n") {
        return None;
    }
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let closed =
        if prefix.is_empty() || prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") };
    (!bucket.is_empty()).then_some((bucket, closed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_split_into_bucket_and_closed_prefix() {
        for (location, expected) in [
            ("s3://b/p", Some(("b", "p/"))),
            ("s3://b/p/q/", Some(("b", "p/q/"))),
            ("s3a://b", Some(("b", ""))),
            ("s3://b/", Some(("b", ""))),
            ("s3:///p", None),
            ("hdfs://b/p", None),
            ("b/p", None),
        ] {
            let split = split_location(location);
            assert_eq!(
                split.as_ref().map(|(bucket, prefix)| (*bucket, prefix.as_str())),
                expected,
                "{location}"
            );
        }
    }
}
