//! Keeping an object's bytes anew: in another class, or as a readable copy of an archived one; and the worker that makes
//! and removes such copies.
//!
//! A body that a caller's key opens cannot be read here. Its class changes, its bytes stay as they are.

use std::sync::Arc;
use std::time::Duration;

use millpond_blob::{Pack, Spread, WriteOptions};
use millpond_core::Timestamp;
use millpond_work::{Pass, WorkError, Worker};

use crate::class::{Restore, StorageClass};
use crate::error::S3Error;
use crate::lifecycle::next_midnight;
use crate::objects::Object;
use crate::pins::Pin;
use crate::service::S3;
use crate::store::{BodyRecord, Bucket, Change, ObjectRecord, PartRecord, RestoreJob, Rewritten};
use crate::tiering::Tiering;
use crate::version::Wanted;

/// Readable copies are kept once, as AWS keeps them: what they are made of is still there.
const COPY: WriteOptions<'static> =
    WriteOptions { spread: Spread::OneZone, pack: Pack::Plain, key: None, zone: None };
/// After what a restore that could not be made is tried again.
const LATER: Duration = Duration::from_secs(900);
const DAY: Duration = Duration::from_secs(86_400);

impl S3 {
    /// Moves a version into another class, if it is still what it was.
    ///
    /// Errors: PreconditionFailed, NoSuchKey, NoSuchVersion (changed meanwhile).
    pub(crate) async fn change_class(
        &self,
        bucket: &Bucket,
        key: &str,
        before: &ObjectRecord,
        class: StorageClass,
    ) -> Result<(), S3Error> {
        let tiering = (class == StorageClass::IntelligentTiering).then(|| Tiering::frequent(self.now()));
        self.change_kept(bucket, key, before, (class, tiering)).await
    }

    /// As [`S3::change_class`], into a tier.
    pub(crate) async fn change_kept(
        &self,
        bucket: &Bucket,
        key: &str,
        before: &ObjectRecord,
        (class, tiering): (StorageClass, Option<Tiering>),
    ) -> Result<(), S3Error> {
        let to = ObjectRecord { class, tiering, ..before.clone() }.kept_as().keeping();
        let from = before.kept_as().keeping();
        let object = self.open_object(bucket, key, Some(Wanted::from(before.version())))?;
        let same = (from.spread, from.pack) == (to.spread, to.pack);
        let rewritten = if same { None } else { self.rewrite(&object, to).await? };
        self.take_over(bucket, key, before, rewritten, |rewritten| Change::Class(class, tiering, rewritten))
            .await
    }

    async fn take_over(
        &self,
        bucket: &Bucket,
        key: &str,
        before: &ObjectRecord,
        rewritten: Option<(Rewritten, Arc<Pin>)>,
        change: impl FnOnce(Option<Rewritten>) -> Change,
    ) -> Result<(), S3Error> {
        let (rewritten, _pin) = rewritten.unzip();
        let whole = match rewritten.as_ref().map(|rewritten| &rewritten.body) {
            Some(BodyRecord::Whole(placement)) => Some(placement.clone()),
            // Parts that are not taken over are garbage already.
            Some(BodyRecord::Parts { .. }) | None => None,
        };
        let change = change(rewritten);
        let teller = change.event(before).map(|name| self.own_teller(name)).unwrap_or_default();
        let changed = self.metadata().change_version(bucket, key, before, change, teller).await;
        let garbage = match &whole {
            Some(placement) => self.settle(placement, changed, |garbage| *garbage).await?,
            None => changed?,
        };
        if garbage {
            self.0.garbage.wake();
        }
        Ok(())
    }

    /// Writes an object's bytes anew; parts stay parts. `None` when they cannot be read without a caller's key.
    async fn rewrite(
        &self,
        object: &Object,
        keeping: WriteOptions<'_>,
    ) -> Result<Option<(Rewritten, Arc<Pin>)>, S3Error> {
        if object.needs_key()? {
            return Ok(None);
        }
        let pinned = self.new_id();
        let pin = Arc::new(self.0.pins.pin(pinned));
        let Some(runs) = object.runs() else {
            let size = object.info().size;
            let written = self.0.blobs.write_with(object.read(0..size), keeping).await;
            let placement = written.map_err(crate::objects::write_error)?;
            self.note_if_short(&placement).await?;
            return Ok(Some((Rewritten { pinned, body: BodyRecord::Whole(placement) }, pin)));
        };
        self.metadata().begin_rewrite(pinned).await?;
        for (position, placed) in (1..).zip(runs.iter()) {
            let bytes = object.read(placed.start..placed.start + placed.size);
            let written = self.0.blobs.write_with(bytes, keeping.clone()).await;
            let placement = written.map_err(crate::objects::write_error)?;
            self.note_if_short(&placement).await?;
            let part = PartRecord { placement, ..object.part_record(position)? };
            self.metadata().put_rewritten_part(pinned, placed.number, part).await?;
        }
        let body = BodyRecord::Parts { upload: pinned, runs: runs.clone() };
        Ok(Some((Rewritten { pinned, body }, pin)))
    }
}

/// Makes the readable copies of archived objects when they are due, and removes them when they had their time.
pub struct Restores(S3);

impl Restores {
    pub fn new(s3: S3) -> Self {
        Self(s3)
    }

    /// Does what is due for one object; says when to look again.
    async fn look(&self, job: &RestoreJob, now: Timestamp) -> Result<Option<Timestamp>, S3Error> {
        let found = self.0.metadata().bucket(&job.bucket).and_then(|bucket| {
            let snapshot = self.0.metadata().read()?;
            let object = self.0.metadata().object(&snapshot, &bucket.record, &job.key, Some(job.wanted()))?;
            Ok((bucket, object))
        });
        let (bucket, object) = match found {
            Ok((bucket, object)) if object.content == job.content => (bucket, object),
            Ok(_) => return Ok(None),
            Err(error @ S3Error::Internal { .. }) => return Err(error),
            Err(_) => return Ok(None),
        };
        let Some(restore) = object.restore else { return Ok(None) };
        match restore.expires {
            None if restore.due > now => Ok(Some(restore.due)),
            None => match self.make(&bucket, &job.key, &object, restore, now).await {
                Err(S3Error::ObjectLost { .. }) => {
                    let change = |rewritten| Change::Copy(None, rewritten);
                    self.0.take_over(&bucket, &job.key, &object, None, change).await?;
                    Ok(None)
                }
                made => made,
            },
            Some(expires) if expires > now => Ok(Some(expires)),
            Some(_) => {
                let change = |rewritten| Change::Copy(None, rewritten);
                self.0.take_over(&bucket, &job.key, &object, None, change).await?;
                Ok(None)
            }
        }
    }
}

impl Restores {
    /// Makes an object readable; says when to look again. In intelligent tiering it is no copy that becomes so: the object moves.
    async fn make(
        &self,
        bucket: &Bucket,
        key: &str,
        object: &ObjectRecord,
        restore: Restore,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, S3Error> {
        if object.class == StorageClass::IntelligentTiering {
            let kept = (object.class, Some(Tiering::frequent(now)));
            self.0.change_kept(bucket, key, object, kept).await?;
            return Ok(None);
        }
        let opened = self.0.open_object(bucket, key, Some(Wanted::from(object.version())))?;
        let rewritten = self.0.rewrite(&opened, COPY).await?;
        let expires = next_midnight(now.plus(DAY * restore.days));
        let restore = Some(Restore { expires: Some(expires), ..restore });
        let change = |rewritten| Change::Copy(restore, rewritten);
        self.0.take_over(bucket, key, object, rewritten, change).await?;
        Ok(Some(expires))
    }
}

impl Worker for Restores {
    fn name(&self) -> &'static str {
        "s3.restores"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let now = self.0.now();
        let Some((at, job)) = self.0.metadata().next_restore()? else { return Ok(Pass::Idle) };
        if at.0 > now {
            return Ok(Pass::At(at.0));
        }
        let again = match self.look(&job, now).await {
            Ok(again) => again,
            Err(error @ (S3Error::Internal { .. } | S3Error::InsufficientStorage)) => {
                return Err(error.into());
            }
            // Others must not wait for what cannot be read now.
            Err(error @ (S3Error::Damaged(_) | S3Error::ServiceUnavailable)) => {
                tracing::error!(%error, bucket = job.bucket, key = job.key, "an archived object cannot be restored now");
                Some(now.plus(LATER))
            }
            // It changed meanwhile: whoever changed it is looked at anew.
            Err(_) => Some(now),
        };
        self.0.metadata().restore_done(at, again.map(|when| (when, job))).await?;
        Ok(Pass::MoreToDo)
    }
}
