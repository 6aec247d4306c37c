//! The daily run: goes through every bucket that has rules, some hundred versions at a time, and does what is due.
//!
//! Where it is, is in the store after every batch, so that a restart goes on there; doing a batch again does no harm, since
//! each version is looked at anew. What it removes goes the way of users' deletions.

use std::ops::Bound;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use millpond_core::Timestamp;
use millpond_work::{Pass, WorkError, Worker};

use super::{Action, Lifecycle, State, Version, last_midnight, next_midnight};
use crate::condition::WriteCondition;
use crate::error::S3Error;
use crate::events::EventName;
use crate::service::S3;
use crate::store::{
    Bucket, CONTENTS, Expired, ObjectRecord, Place, RunRecord, Target, VersionRecord, What, versions_from,
};
use crate::tags::Tags;
use crate::version::Wanted;

use millpond_store::Reads as _;

/// Versions, or uploads, that a pass looks at.
const BATCH: usize = 500;
/// Objects that are moved side by side.
const AT_ONCE: usize = 16;
/// Bytes after whose writing a pass moves no further object.
const MOVED_BYTES: u64 = 256 << 20;

pub struct LifecycleRun(S3);

/// What a batch found to do.
#[derive(Default)]
struct Found {
    expired: Vec<Expired>,
    moves: Vec<(String, ObjectRecord, crate::class::StorageClass)>,
    bytes: u64,
    /// Where the next batch begins; `None` at the end.
    next: Option<Place>,
}

impl LifecycleRun {
    pub fn new(s3: S3) -> Self {
        Self(s3)
    }

    /// Looks at the next versions of a bucket.
    fn look(&self, bucket: &Bucket, rules: &Lifecycle, place: &Place) -> Result<Found, S3Error> {
        let now = self.0.now();
        let (key, sequence, mut newer) = match place {
            Place::Start => (None, None, 0),
            Place::Version { key, sequence, newer } => (Some(key.clone()), Some(*sequence), *newer),
            Place::Upload { .. } => return Ok(Found::default()),
        };
        let snapshot = self.0.metadata().read()?;
        let from = key.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut rows = versions_from(&snapshot, bucket.record.id, from, sequence).peekable();
        let (mut last_key, mut found) = (key, Found::default());
        for _ in 0..BATCH {
            let Some(row) = rows.next() else { return Ok(found.more(false)) };
            let (key, row) = row?;
            if last_key.as_ref() != Some(&key) {
                newer = 0;
            }
            let followed = matches!(rows.peek(), Some(Ok((next, _))) if *next == key);
            let tags = match &row.what {
                What::Object(object) if rules.needs_tags() => {
                    snapshot.get(&CONTENTS, &object.content)?.map(|content| content.tags)
                }
                _ => None,
            };
            let sequence = row.version().sequence;
            let noncurrent = row.superseded.is_some();
            found.take(rules, &key, row, (newer, !followed), &tags.unwrap_or_default(), now);
            newer += u32::from(noncurrent);
            found.next = Some(Place::Version { key: key.clone(), sequence, newer });
            last_key = Some(key);
            if found.bytes >= MOVED_BYTES {
                return Ok(found);
            }
        }
        Ok(found.more(rows.peek().is_some()))
    }

    async fn act(&self, bucket: &Bucket, found: Found) -> Result<(), S3Error> {
        if !found.expired.is_empty() {
            let teller = self.0.own_teller(EventName::Expired);
            let removed =
                self.0.metadata().expire_objects(bucket, found.expired, self.0.now(), teller).await?;
            if removed.iter().flatten().any(|deleted| deleted.garbage) {
                self.0.0.garbage.wake();
            }
            for error in removed.into_iter().filter_map(Result::err) {
                // Locked, or changed meanwhile: the next run looks again.
                tracing::debug!(bucket = bucket.name, %error, "a lifecycle rule could not remove a version");
            }
        }
        // Side by side, so that they share the store's commits.
        let mut moves = stream::iter(found.moves)
            .map(async |(key, object, class)| {
                let moved = self.0.change_class(bucket, &key, &object, class).await;
                (key, moved)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((key, moved)) = moves.next().await {
            match moved {
                Ok(()) => {}
                Err(error @ (S3Error::Internal { .. } | S3Error::InsufficientStorage)) => return Err(error),
                Err(error) => {
                    tracing::debug!(bucket = bucket.name, key, %error, "an object was not moved");
                }
            }
        }
        Ok(())
    }

    /// Aborts the uploads that are due among the next ones, and says where to go on.
    async fn abort_uploads(
        &self,
        bucket: &Bucket,
        rules: &Lifecycle,
        place: &Place,
    ) -> Result<Option<Place>, S3Error> {
        let after = match place {
            Place::Upload { key, upload } => Some((key.as_str(), *upload)),
            Place::Start | Place::Version { .. } => None,
        };
        let uploads = self.0.metadata().uploads_after(bucket, after, BATCH)?;
        let next = (uploads.len() == BATCH).then(|| uploads.last()).flatten();
        let next = next.map(|(key, upload, _)| Place::Upload { key: key.clone(), upload: *upload });
        let now = self.0.now();
        for (key, upload, record) in uploads {
            if rules.abort(&key, record.initiated).is_some_and(|(at, _)| at <= now) {
                match self.0.abort_upload(bucket, &key, upload).await {
                    Ok(()) | Err(S3Error::NoSuchUpload { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(next)
    }

    /// One batch of a bucket; `None` when the bucket is done.
    async fn batch(&self, bucket: &Bucket, place: Place) -> Result<Option<Place>, S3Error> {
        let Some(rules) = self.0.metadata().document::<Lifecycle>(bucket)? else { return Ok(None) };
        if !matches!(place, Place::Upload { .. }) {
            let mut found = self.look(bucket, &rules, &place)?;
            let next = found.next.take();
            self.act(bucket, found).await?;
            if next.is_some() {
                return Ok(next);
            }
        }
        if rules.aborts_uploads() { self.abort_uploads(bucket, &rules, &place).await } else { Ok(None) }
    }

    /// The run that is under way, or the one that is to begin; `None` when today's is done.
    fn run(&self, today: Timestamp) -> Result<Option<RunRecord>, S3Error> {
        Ok(match self.0.metadata().lifecycle_run()? {
            Some(run) if !run.done => Some(run),
            Some(run) if run.day >= today => None,
            Some(_) | None => Some(RunRecord { day: today, ..RunRecord::default() }),
        })
    }
}

impl Found {
    /// `newer` and `alone` are what the rows around it say of a version.
    fn take(
        &mut self,
        rules: &Lifecycle,
        key: &str,
        row: VersionRecord,
        (newer, alone): (u32, bool),
        tags: &Tags,
        now: Timestamp,
    ) {
        let (size, state) = match (&row.what, row.superseded) {
            (What::Object(object), None) => {
                (object.size, State::Current { modified: object.modified, class: object.class })
            }
            (What::Object(object), Some(since)) => {
                (object.size, State::Noncurrent { since, newer, class: Some(object.class) })
            }
            (What::Marker(_), Some(since)) => (0, State::Noncurrent { since, newer, class: None }),
            (What::Marker(marker), None) => (0, State::Marker { modified: marker.modified, alone }),
        };
        let version = row.version();
        let wanted = Wanted::from(version);
        let target = |version| Expired {
            target: Target {
                key: key.to_owned(),
                version,
                condition: WriteCondition::None,
                bypass_governance: false,
            },
            id: row.version().id,
        };
        match rules.due(&Version { key, size, tags, state }, now) {
            None => {}
            Some(Action::Expire) => self.expired.push(target(None)),
            Some(Action::Remove) => self.expired.push(target(Some(wanted))),
            Some(Action::Move(class)) => {
                if let What::Object(object) = row.what
                    // While a readable copy is asked for or there, an archived object stays where it is.
                    && object.restore.is_none()
                {
                    self.bytes += object.size;
                    self.moves.push((key.to_owned(), object, class));
                }
            }
        }
    }

    fn more(mut self, more: bool) -> Self {
        if !more {
            self.next = None;
        }
        self
    }
}

impl Worker for LifecycleRun {
    fn name(&self) -> &'static str {
        "s3.lifecycle"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let now = self.0.now();
        let Some(mut run) = self.run(last_midnight(now))? else {
            return Ok(Pass::At(next_midnight(now.plus(Duration::from_millis(1)))));
        };
        let bucket = match &run.bucket {
            Some(name) => self.0.metadata().bucket(name).ok(),
            None => None,
        };
        let place = match bucket {
            Some(bucket) => self.batch(&bucket, run.place).await?,
            None => None,
        };
        match place {
            Some(place) => run.place = place,
            None => {
                run.place = Place::Start;
                run.bucket = self.0.metadata().next_with_rules(run.bucket.as_deref())?;
                run.done = run.bucket.is_none();
            }
        }
        self.0.metadata().set_lifecycle_run(run).await?;
        Ok(Pass::MoreToDo)
    }
}
