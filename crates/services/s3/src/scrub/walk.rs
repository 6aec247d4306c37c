//! A walk over every body, a bounded amount at a time.

use millpond_blob::{BlobError, Placement};
use millpond_core::ByteSize;
use millpond_store::{Reads as _, Span};
use millpond_work::CancellationToken;
use uuid::Uuid;

use crate::class::StorageClass;
use crate::error::S3Error;
use crate::events::{EventName, Teller};
use crate::service::S3;
use crate::store::{
    BodyRecord, Bucket, Change, ContentRecord, Found, Named, ObjectRecord, PARTS, Place, WalkRecord, WalkRow,
    Walked, Within,
};

/// Rows that a pass looks at.
const ROWS: usize = 256;
/// Bytes after whose reading a pass begins with no further body.
const BYTES: u64 = 64 << 20;

/// How a walk finds what is to be mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Reading,
    ByPresence,
}

/// How a body was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    Damaged,
    Lost,
    Away,
}

pub(super) struct Walk<'a> {
    s3: &'a S3,
    token: &'a CancellationToken,
    how: How,
}

/// A body of a row.
struct Body {
    named: Named,
    placement: Placement,
    /// The readable copy of an archived object, and not the object.
    is_copy: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(s3: &'a S3, token: &'a CancellationToken, how: How) -> Self {
        Self { s3, token, how }
    }

    /// Goes on for a while. Ends early, and on record, when the program is to stop.
    pub(super) async fn batch(&self, record: &mut WalkRecord) -> Result<(), S3Error> {
        let bucket = match &record.bucket {
            Some(name) => match self.s3.metadata().bucket(name) {
                Ok(bucket) => Some(bucket),
                Err(S3Error::NoSuchBucket { .. }) => None,
                Err(error) => return Err(error),
            },
            None => None,
        };
        if let Some(bucket) = bucket {
            let rows = self.s3.metadata().rows_after(&bucket, &record.place, ROWS)?;
            let ended = rows.len() < ROWS;
            let begun = record.found.bytes;
            for row in rows {
                if !self.row(&bucket, &row, record, begun).await? {
                    return Ok(());
                }
                record.place = row.place;
                record.within = None;
                if record.found.bytes - begun >= BYTES {
                    return Ok(());
                }
            }
            if !ended {
                return Ok(());
            }
        }
        let next = self.s3.metadata().next_bucket(record.bucket.as_deref())?;
        record.place = Place::Start;
        record.within = None;
        match next {
            Some(bucket) => record.bucket = Some(bucket.name),
            None => {
                record.bucket = None;
                record.ended = Some(self.s3.now());
            }
        }
        Ok(())
    }

    /// Looks at the bodies of a row; false when it is to be gone on with.
    async fn row(
        &self,
        bucket: &Bucket,
        row: &WalkRow,
        record: &mut WalkRecord,
        begun: u64,
    ) -> Result<bool, S3Error> {
        let (id, content) = match &row.what {
            Walked::Marker => return Ok(true),
            Walked::Upload(upload) => (*upload, None),
            Walked::Object(object) => {
                let Some(content) = self.s3.metadata().content(object.content)? else { return Ok(true) };
                (object.content, Some(content))
            }
        };
        let bodies = match &content {
            Some(content) => self.bodies_of(id, content)?,
            None => self.parts_of(id)?,
        };
        let mut within = record.within.filter(|within| within.id == id);
        let mut within = within.take().unwrap_or(Within { id, done: 0, lost: false });
        for body in bodies.into_iter().skip(usize::try_from(within.done).unwrap_or(usize::MAX)) {
            let looked = tokio::select! {
                biased;
                () = self.token.cancelled() => None,
                state = self.look(&body, &mut record.found) => Some(state?),
            };
            let Some(state) = looked else {
                record.within = Some(within);
                return Ok(false);
            };
            if state == State::Lost {
                self.lost(bucket, row, &body).await?;
                within.lost |= !body.is_copy;
            }
            within.done += 1;
            if record.found.bytes - begun >= BYTES {
                record.within = Some(within);
                return Ok(false);
            }
        }
        if let (Walked::Object(object), Some(content)) = (&row.what, content)
            && content.lost.is_some()
            && !within.lost
        {
            tolerate(self.s3.metadata().set_found(bucket, &row.key, object).await)?;
        }
        Ok(true)
    }

    fn bodies_of(&self, id: Uuid, content: &ContentRecord) -> Result<Vec<Body>, S3Error> {
        let copy = content.copy.as_ref().map(|copy| (&copy.body, true));
        let mut bodies = Vec::new();
        for (body, is_copy) in [(&content.body, false)].into_iter().chain(copy) {
            match body {
                BodyRecord::Whole(placement) => {
                    bodies.push(Body { named: Named::Content(id), placement: placement.clone(), is_copy });
                }
                BodyRecord::Parts { upload, runs } => {
                    let snapshot = self.s3.metadata().read()?;
                    for placed in runs.iter() {
                        let Some(part) = snapshot.get(&PARTS, &(*upload, placed.number))? else { continue };
                        let named = Named::Part(*upload, placed.number);
                        bodies.push(Body { named, placement: part.placement, is_copy });
                    }
                }
            }
        }
        bodies.retain(|body| body.placement.file().is_some());
        Ok(bodies)
    }

    fn parts_of(&self, upload: Uuid) -> Result<Vec<Body>, S3Error> {
        let snapshot = self.s3.metadata().read()?;
        let mut bodies = Vec::new();
        for entry in snapshot.scan(&PARTS, Span::prefix(&(upload,))) {
            let ((_, number), part) = entry?;
            let named = Named::Part(upload, number);
            bodies.push(Body { named, placement: part.placement, is_copy: false });
        }
        bodies.retain(|body| body.placement.file().is_some());
        Ok(bodies)
    }

    /// Mends a body where that can be done. What the disk refuses ends the walk's pass: it is tried again.
    async fn look(&self, body: &Body, found: &mut Found) -> Result<State, S3Error> {
        let (blobs, placement) = (&self.s3.0.blobs, &body.placement);
        found.bodies += 1;
        if self.how == How::ByPresence {
            let lacks = blobs.lacks_copies(placement).await;
            if !lacks.map_err(|error| S3Error::internal("looking for copies of an object", error))? {
                return Ok(State::Good);
            }
        }
        let repaired = blobs.repair(placement).await;
        found.bytes += placement.stored_bytes();
        if self.how == How::Reading {
            self.s3.0.counters.scrubbed_bytes.inc_by(placement.stored_bytes());
        }
        match repaired {
            Ok(repaired) => {
                found.made += u64::from(repaired.made.len());
                self.s3.0.counters.repaired_copies.inc_by(u64::from(repaired.made.len()));
                if repaired.placement != *placement {
                    self.s3.metadata().set_placement(body.named, repaired.placement).await?;
                }
                Ok(State::Good)
            }
            Err(BlobError::Lost) => Ok(State::Lost),
            Err(BlobError::OutOfReach) => {
                found.away += 1;
                Ok(State::Away)
            }
            // A key that does not open it is as bad.
            Err(BlobError::Corrupt { .. } | BlobError::WrongKey) => {
                found.damaged += 1;
                self.s3.0.counters.damaged_bodies.inc();
                tracing::error!(?placement, "no copy of an object is whole");
                Ok(State::Damaged)
            }
            Err(error) => Err(S3Error::internal("repairing the copies of an object", error)),
        }
        .inspect(|state| found.lost += u64::from(*state == State::Lost))
    }

    /// Records that a body is gone, unless it was removed or rewritten meanwhile.
    async fn lost(&self, bucket: &Bucket, row: &WalkRow, body: &Body) -> Result<(), S3Error> {
        let (metadata, now) = (self.s3.metadata(), self.s3.now());
        let is_new = match (&row.what, body.named) {
            (Walked::Object(object), _) if body.is_copy => {
                // What it was made of is still there: it can be asked for again.
                let (change, teller) =
                    (Change::Copy(None, None), self.s3.own_teller(EventName::RestoreExpired));
                tolerate(metadata.change_version(bucket, &row.key, object, change, teller).await)?.is_some()
            }
            (Walked::Object(object), named) => {
                let gone = (named, body.placement.clone());
                let reduced = object.class == StorageClass::ReducedRedundancy;
                let teller = if reduced { self.s3.own_teller(EventName::Lost) } else { Teller::default() };
                let lost = metadata.set_lost(bucket, &row.key, object, (gone, now), teller).await;
                let is_new = tolerate(lost)?.unwrap_or(false);
                if is_new {
                    self.tell(bucket, row, object);
                }
                is_new
            }
            (Walked::Upload(_), Named::Part(upload, number)) => {
                metadata.set_part_lost(upload, number, body.placement.clone()).await?
            }
            (Walked::Upload(_), Named::Content(_)) | (Walked::Marker, _) => false,
        };
        if is_new {
            self.s3.0.counters.lost_bodies.inc();
        }
        Ok(())
    }

    fn tell(&self, bucket: &Bucket, row: &WalkRow, object: &ObjectRecord) {
        let class: StorageClass = object.class;
        tracing::error!(bucket = bucket.name, key = row.key, %class, "AN OBJECT IS LOST: no copy of its bytes is left");
    }
}

/// Passes over what was removed or changed since it was looked at.
fn tolerate<T>(result: Result<T, S3Error>) -> Result<Option<T>, S3Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(
            S3Error::NoSuchBucket { .. }
            | S3Error::NoSuchKey { .. }
            | S3Error::NoSuchVersion { .. }
            | S3Error::DeleteMarker { .. }
            | S3Error::PreconditionFailed { .. },
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

/// In words.
pub(super) fn progress(s3: &S3, name: &str) -> Option<String> {
    let WalkRecord { began, ended, bucket, found, .. } = s3.metadata().walk(name).ok()??;
    let Found { bodies, bytes, made, damaged, lost, away } = found;
    let when = match (ended, bucket) {
        (Some(ended), _) => format!("ended {ended}"),
        (None, Some(bucket)) => format!("in bucket {bucket}"),
        (None, None) => "beginning".to_owned(),
    };
    Some(format!(
        "began {began}, {when}: {bodies} bodies, {} read, {made} copies made; {lost} lost, {damaged} damaged, {away} out of \
         reach",
        ByteSize::bytes(bytes)
    ))
}
