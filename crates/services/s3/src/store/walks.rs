//! What walks over every body need of the store: where they are, the rows in their order, and recording what they found.

use std::ops::Bound;

use millpond_blob::Placement;
use millpond_core::Timestamp;
use millpond_store::{Reads as _, Span, Table, Txn};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::objects::update;
use super::{
    BUCKETS, BodyRecord, Bucket, CONTENTS, ContentRecord, Metadata, ObjectRecord, PARTS, Place, What,
    check_bucket, versions_from,
};
use crate::error::S3Error;
use crate::events::{Subject, Teller};
use crate::version::Wanted;

/// The walks, by name.
pub const WALKS: Table<String, WalkRecord> = Table::new("s3.walks");

/// Under [`SHORT`]: bodies were written that lack a copy, since a zone was lost.
pub const WANTED: Table<String, ()> = Table::new("s3.walks-wanted");
const SHORT: &str = "repair";

/// A walk over every body that there is: bucket by bucket, versions by key, then the parts of uploads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WalkRecord {
    pub began: Timestamp,
    /// `None` while it goes on.
    pub ended: Option<Timestamp>,
    /// The zones that were there when it began, and as which folders.
    pub zones: Vec<(u8, Option<Uuid>)>,
    /// The bucket that it is in.
    pub bucket: Option<String>,
    pub place: Place,
    /// How far it is within the row behind `place`.
    pub within: Option<Within>,
    pub found: Found,
}

/// Bodies of one row that are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Within {
    /// Of the content, or of the upload.
    pub id: Uuid,
    pub done: u32,
    /// One of them has no copy left.
    pub lost: bool,
}

/// What a walk came across.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    pub bodies: u64,
    /// Of the copies that were read.
    pub bytes: u64,
    /// Copies that were made.
    pub made: u64,
    /// Bodies of which no copy is whole.
    pub damaged: u64,
    /// Bodies of which no copy is left.
    pub lost: u64,
    /// Bodies whose copies are all in zones that are lost.
    pub away: u64,
}

/// One thing that has bodies.
#[derive(Clone, Debug)]
pub struct WalkRow {
    /// Behind what a walk goes on after it.
    pub place: Place,
    pub key: String,
    pub what: Walked,
}

#[derive(Clone, Debug)]
pub enum Walked {
    Object(ObjectRecord),
    /// A delete marker has none.
    Marker,
    Upload(Uuid),
}

/// Where a placement is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    Content(Uuid),
    Part(Uuid, u32),
}

impl Metadata {
    pub fn walk(&self, name: &str) -> Result<Option<WalkRecord>, S3Error> {
        Ok(self.read()?.get(&WALKS, name)?)
    }

    pub async fn set_walk(&self, name: &'static str, walk: WalkRecord) -> Result<(), S3Error> {
        self.store.write(move |txn| Ok(txn.put(&WALKS, name, &walk)?)).await
    }

    /// A body is about to be named that lacks a copy: a walk is to look for it, also after a crash.
    pub async fn want_repair(&self) -> Result<(), S3Error> {
        self.store.write(move |txn| Ok(txn.put(&WANTED, SHORT, &())?)).await
    }

    pub fn wants_repair(&self) -> Result<bool, S3Error> {
        Ok(self.read()?.contains(&WANTED, SHORT)?)
    }

    /// The walk that is wanted begins.
    pub async fn begin_repair(&self) -> Result<(), S3Error> {
        self.store.write(move |txn| Ok(txn.delete(&WANTED, SHORT).map(drop)?)).await
    }

    /// The next bucket, in the order of names.
    pub fn next_bucket(&self, after: Option<&str>) -> Result<Option<Bucket>, S3Error> {
        let snapshot = self.read()?;
        let span = after.map_or_else(Span::all, |after| Span::all().after(after));
        let next = snapshot.scan(&BUCKETS, span).next().transpose()?;
        Ok(next.map(|(name, record)| Bucket { name, record }))
    }

    /// The next rows of a bucket behind a place: `limit` of them, or fewer at the end.
    pub fn rows_after(&self, bucket: &Bucket, place: &Place, limit: usize) -> Result<Vec<WalkRow>, S3Error> {
        let mut rows = Vec::new();
        let after_upload = match place {
            Place::Upload { key, upload } => Some((key.as_str(), *upload)),
            Place::Start | Place::Version { .. } => {
                let (from, after) = match place {
                    Place::Version { key, sequence, .. } => (Bound::Excluded(key.as_str()), Some(*sequence)),
                    Place::Start | Place::Upload { .. } => (Bound::Unbounded, None),
                };
                let snapshot = self.read()?;
                for row in versions_from(&snapshot, bucket.record.id, from, after).take(limit) {
                    let (key, row) = row?;
                    let place =
                        Place::Version { key: key.clone(), sequence: row.version().sequence, newer: 0 };
                    let what = match row.what {
                        What::Object(object) => Walked::Object(object),
                        What::Marker(_) => Walked::Marker,
                    };
                    rows.push(WalkRow { place, key, what });
                }
                None
            }
        };
        let uploads = self.uploads_after(bucket, after_upload, limit - rows.len())?;
        rows.extend(uploads.into_iter().map(|(key, upload, _)| WalkRow {
            place: Place::Upload { key: key.clone(), upload },
            key,
            what: Walked::Upload(upload),
        }));
        Ok(rows)
    }

    pub fn content(&self, id: Uuid) -> Result<Option<ContentRecord>, S3Error> {
        Ok(self.read()?.get(&CONTENTS, &id)?)
    }

    /// Records where a body is now, if it is still named where it was found.
    pub async fn set_placement(&self, named: Named, placement: Placement) -> Result<(), S3Error> {
        self.store
            .write(move |txn| match named {
                Named::Content(id) => {
                    let Some(mut content) = txn.get(&CONTENTS, &id)? else { return Ok(()) };
                    let Some(there) = whole_bodies(&mut content).find(|there| is_same(there, &placement))
                    else {
                        return Ok(());
                    };
                    *there = placement;
                    Ok(txn.put(&CONTENTS, &id, &content)?)
                }
                Named::Part(upload, number) => match txn.get(&PARTS, &(upload, number))? {
                    Some(part) if is_same(&part.placement, &placement) => {
                        Ok(txn.put(&PARTS, &(upload, number), &super::PartRecord { placement, ..part })?)
                    }
                    _ => Ok(()),
                },
            })
            .await
    }

    /// Records of an object that no copy of its bytes is left, if the body that is gone is still its own. True when it was
    /// not known; then it is told of.
    ///
    /// Errors: NoSuchBucket, NoSuchKey, NoSuchVersion (removed meanwhile).
    pub async fn set_lost(
        &self,
        bucket: &Bucket,
        key: &str,
        object: &ObjectRecord,
        ((named, gone), now): ((Named, Placement), Timestamp),
        teller: Teller,
    ) -> Result<bool, S3Error> {
        let told = bucket.clone();
        self.change_lost(bucket, key, object, move |txn, key, object, content| {
            let lost = still_has(txn, content, named, &gone)? && content.lost.is_none();
            if lost {
                content.lost = Some(now);
                teller.tell(txn, &told, Subject::object(&told.record, key, object))?;
            }
            Ok(lost)
        })
        .await
    }

    /// An object's bytes are there again, in a zone that came back.
    ///
    /// Errors: NoSuchBucket, NoSuchKey, NoSuchVersion (removed meanwhile).
    pub async fn set_found(&self, bucket: &Bucket, key: &str, object: &ObjectRecord) -> Result<(), S3Error> {
        self.change_lost(bucket, key, object, |_, _, _, content| {
            content.lost = None;
            Ok(())
        })
        .await
    }

    async fn change_lost<T: Send + 'static>(
        &self,
        bucket: &Bucket,
        key: &str,
        object: &ObjectRecord,
        change: impl FnOnce(&mut Txn<'_>, &str, &ObjectRecord, &mut ContentRecord) -> Result<T, S3Error>
        + Send
        + 'static,
    ) -> Result<T, S3Error> {
        let (bucket, key, wanted) = (bucket.clone(), key.to_owned(), Wanted::from(object.version()));
        let id = object.content;
        self.store
            .write(move |txn| {
                let record = check_bucket(txn, &bucket)?;
                let changed = update(txn, &record, &key, Some(wanted), |txn, object, content| {
                    if object.content != id {
                        return Err(S3Error::NoSuchKey { key: key.clone() });
                    }
                    change(txn, &key, object, content)
                });
                changed.map(|(outcome, _)| outcome)
            })
            .await
    }

    /// Records of an upload's part that no copy of it is left, if it is still the one that is gone. True when it was not known.
    pub async fn set_part_lost(&self, upload: Uuid, number: u32, gone: Placement) -> Result<bool, S3Error> {
        self.store
            .write(move |txn| {
                let Some(mut part) = txn.get(&PARTS, &(upload, number))? else { return Ok(false) };
                if part.lost || !is_same(&part.placement, &gone) {
                    return Ok(false);
                }
                part.lost = true;
                txn.put(&PARTS, &(upload, number), &part)?;
                Ok(true)
            })
            .await
    }
}

fn is_same(one: &Placement, other: &Placement) -> bool {
    one.file().is_some() && one.file() == other.file()
}

fn whole_bodies(content: &mut ContentRecord) -> impl Iterator<Item = &mut Placement> {
    let bodies = [Some(&mut content.body), content.copy.as_mut().map(|copy| &mut copy.body)];
    bodies.into_iter().flatten().filter_map(|body| match body {
        BodyRecord::Whole(placement) => Some(placement),
        BodyRecord::Parts { .. } => None,
    })
}

fn still_has(
    txn: &Txn<'_>,
    content: &ContentRecord,
    named: Named,
    gone: &Placement,
) -> Result<bool, S3Error> {
    Ok(match (&content.body, named) {
        (BodyRecord::Whole(placement), Named::Content(_)) => is_same(placement, gone),
        (BodyRecord::Parts { upload, .. }, Named::Part(of, number)) if *upload == of => {
            let part = txn.get(&PARTS, &(of, number))?;
            part.is_some_and(|part| is_same(&part.placement, gone))
        }
        (BodyRecord::Whole(_) | BodyRecord::Parts { .. }, _) => false,
    })
}
