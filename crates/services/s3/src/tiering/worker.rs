//! The daily run: goes through the buckets that have had objects in tiers, some hundred versions at a time, and moves down what
//! nobody has read for long enough. Where it is, is in the store after every batch.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use millpond_core::Timestamp;
use millpond_work::{Pass, WorkError, Worker};

use super::{AccessTier, Configurations, Tiering, is_monitored};
use crate::error::S3Error;
use crate::lifecycle::{last_midnight, next_midnight};
use crate::service::S3;
use crate::store::{Bucket, ObjectRecord, Place, RunRecord, WalkRow, Walked};
use crate::tags::Tags;

const RUN: &str = "tiering";
/// Versions that a pass looks at.
const BATCH: usize = 500;
/// Objects that are moved side by side.
const AT_ONCE: usize = 16;
/// Bytes after whose writing a pass moves no further object.
const MOVED_BYTES: u64 = 256 << 20;

pub struct TieringRun(S3);

impl TieringRun {
    pub fn new(s3: S3) -> Self {
        Self(s3)
    }

    /// Where a version is to go.
    fn due(
        &self,
        configurations: &Configurations,
        row: &WalkRow,
        object: &ObjectRecord,
        now: Timestamp,
    ) -> Result<Option<AccessTier>, S3Error> {
        let Some(at) = object.tiering() else { return Ok(None) };
        if !is_monitored(object.class, object.size) || object.restore.is_some() {
            return Ok(None);
        }
        let tags = match configurations.need_tags() {
            true => self.0.metadata().content(object.content)?.map(|content| content.tags),
            false => None,
        };
        Ok(configurations.due(&row.key, &tags.unwrap_or_else(Tags::new), at, now))
    }

    /// One batch of a bucket; `None` when the bucket is done.
    async fn batch(&self, bucket: &Bucket, place: &Place) -> Result<Option<Place>, S3Error> {
        let configurations = self.0.metadata().document::<Configurations>(bucket)?.unwrap_or_default();
        let (now, mut moved) = (self.0.now(), 0);
        let rows = self.0.metadata().rows_after(bucket, place, BATCH)?;
        let full = rows.len() == BATCH;
        let (mut last, mut moves) = (None, Vec::new());
        for row in rows {
            let object = match &row.what {
                Walked::Object(object) => object,
                Walked::Marker => continue,
                // Versions come first.
                Walked::Upload(_) => {
                    last = None;
                    break;
                }
            };
            last = Some(row.place.clone());
            if let Some(tier) = self.due(&configurations, &row, object, now)? {
                moved += object.size;
                moves.push((row.key.clone(), object.clone(), tier));
            }
            if moved >= MOVED_BYTES {
                break;
            }
        }
        self.act(bucket, moves).await?;
        Ok(last.filter(|_| full || moved >= MOVED_BYTES))
    }

    async fn act(
        &self,
        bucket: &Bucket,
        moves: Vec<(String, ObjectRecord, AccessTier)>,
    ) -> Result<(), S3Error> {
        // Side by side, so that they share the store's commits.
        let mut moves = stream::iter(moves)
            .map(async |(key, object, tier)| {
                let moved = self.0.change_tier(bucket, &key, &object, tier).await;
                (key, moved)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((key, moved)) = moves.next().await {
            match moved {
                Ok(()) => {}
                Err(error @ (S3Error::Internal { .. } | S3Error::InsufficientStorage)) => return Err(error),
                Err(error) => {
                    tracing::debug!(bucket = bucket.name, key, %error, "an object stays in its tier");
                }
            }
        }
        Ok(())
    }
}

impl S3 {
    /// Moves an object into another tier, if it is still what it was.
    ///
    /// Errors: PreconditionFailed, NoSuchKey, NoSuchVersion (changed meanwhile), and those of reading it.
    async fn change_tier(
        &self,
        bucket: &Bucket,
        key: &str,
        before: &ObjectRecord,
        tier: AccessTier,
    ) -> Result<(), S3Error> {
        let accessed = before.tiering().map_or(before.modified, |tiering| tiering.accessed);
        let tiering = Tiering { tier, accessed };
        self.change_kept(bucket, key, before, (before.class, Some(tiering))).await
    }
}

impl Worker for TieringRun {
    fn name(&self) -> &'static str {
        "s3.tiering"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let (metadata, today) = (self.0.metadata(), last_midnight(self.0.now()));
        let mut run = match metadata.run(RUN)? {
            Some(run) if !run.done => run,
            Some(run) if run.day >= today => {
                return Ok(Pass::At(next_midnight(self.0.now().plus(Duration::from_millis(1)))));
            }
            Some(_) => RunRecord { day: today, ..RunRecord::default() },
            None => {
                metadata.note_older_tiers().await?;
                RunRecord { day: today, ..RunRecord::default() }
            }
        };
        let bucket = match &run.bucket {
            Some(name) => match metadata.bucket(name) {
                Ok(bucket) => Some(bucket),
                Err(S3Error::NoSuchBucket { .. }) => {
                    metadata.forget_tiers(name.clone()).await?;
                    None
                }
                Err(error) => return Err(error.into()),
            },
            None => None,
        };
        let place = match bucket {
            Some(bucket) => self.batch(&bucket, &run.place).await?,
            None => None,
        };
        match place {
            Some(place) => run.place = place,
            None => {
                run.place = Place::Start;
                run.bucket = metadata.next_with_tiers(run.bucket.as_deref())?;
                run.done = run.bucket.is_none();
            }
        }
        metadata.set_run(RUN, run).await?;
        Ok(Pass::MoreToDo)
    }
}
