//! Multipart uploads, behind authorization. A completed object is made of its parts by reference: nothing is copied.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use futures::Stream;
use millpond_blob::{BodyWrap, WriteOptions};
use millpond_core::Timestamp;
use millpond_store::{Reads as _, Span};
use uuid::Uuid;

use crate::class::StorageClass;
use crate::condition::WriteCondition;
use crate::digest::{Checksum, Coverage, PartValue, multipart_etag, of_parts, parse_value};
use crate::error::S3Error;
use crate::events::Teller;
use crate::listing::{self, Page, Question};
use crate::names;
use crate::parts::Runs;
use crate::receive::{Expected, Received};
use crate::service::{MAX_OBJECT, MAX_PARTS, MIN_PART, S3};
use crate::store::{
    BodyRecord, Bucket, ContentRecord, ObjectRecord, PARTS, PartRecord, Placed, UPLOADS, UploadRecord,
    no_such_upload,
};

/// A part as the client that completes an upload names it.
#[derive(Debug, Clone, Default)]
pub(crate) struct NamedPart {
    pub(crate) number: i32,
    pub(crate) etag: String,
    /// The values that came with it, by algorithm's name.
    pub(crate) checksums: Vec<(crate::digest::Algorithm, String)>,
}

/// What the client wants of the whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Completion {
    pub(crate) parts: Vec<NamedPart>,
    pub(crate) size: Option<u64>,
    pub(crate) coverage: Option<Coverage>,
    pub(crate) checksums: Vec<(crate::digest::Algorithm, String)>,
}

#[derive(Debug)]
pub(crate) struct PartsPage {
    pub(crate) upload: UploadRecord,
    pub(crate) parts: Vec<(u32, PartRecord)>,
    /// More follow.
    pub(crate) more: bool,
}

pub(crate) fn parse_upload_id(text: &str) -> Result<Uuid, S3Error> {
    Uuid::try_parse(text).map_err(|_| S3Error::NoSuchUpload { upload: text.to_owned() })
}

pub(crate) fn check_part_number(number: i32) -> Result<u32, S3Error> {
    match u32::try_from(number) {
        Ok(part @ 1..=MAX_PARTS) => Ok(part),
        _ => Err(S3Error::invalid_argument(
            "Part number must be an integer between 1 and 10000, inclusive",
            "partNumber",
            number.to_string(),
        )),
    }
}

impl S3 {
    pub(crate) async fn begin_upload(
        &self,
        bucket: &Bucket,
        key: &str,
        record: UploadRecord,
    ) -> Result<Uuid, S3Error> {
        names::check_key(key)?;
        let upload = self.new_id();
        self.metadata().create_upload(bucket, key, upload, record).await?;
        Ok(upload)
    }

    pub(crate) async fn write_part<S>(
        &self,
        bucket: &Bucket,
        key: &str,
        (upload, number): (Uuid, u32),
        body: S,
        expected: Expected,
        (class, wrap): (StorageClass, Option<&BodyWrap>),
    ) -> Result<(Received, Timestamp), S3Error>
    where
        S: Stream<Item = Result<Bytes, S3Error>> + Send + Unpin,
    {
        let (placement, received) = self
            .write_bytes(body, expected, WriteOptions { key: wrap, ..bucket.record.keeping(class) })
            .await?;
        let modified = self.now();
        let part = PartRecord {
            size: received.size,
            md5: received.md5,
            checksum: received.checksum.clone(),
            other: received.other.clone(),
            modified,
            placement: placement.clone(),
            lost: false,
        };
        let named = self.metadata().put_part(bucket, key, (upload, number), part).await;
        self.settle(&placement, named, |garbage| *garbage).await?;
        Ok((received, modified))
    }

    pub(crate) async fn abort_upload(&self, bucket: &Bucket, key: &str, upload: Uuid) -> Result<(), S3Error> {
        self.metadata().abort_upload(bucket, key, upload).await?;
        self.0.garbage.wake();
        Ok(())
    }

    pub(crate) async fn complete_upload(
        &self,
        bucket: &Bucket,
        key: &str,
        upload: Uuid,
        completion: Completion,
        condition: WriteCondition,
        teller: Teller,
    ) -> Result<(Placed, ContentRecord), S3Error> {
        let (content, modified) = (self.new_id(), self.now());
        let assemble = move |record: &UploadRecord, parts: &BTreeMap<u32, PartRecord>| {
            let whole = assemble(upload, record, parts, &completion)?;
            let object = ObjectRecord {
                content,
                size: whole.size,
                etag: whole.etag,
                modified,
                checksum: Some((whole.checksum.algorithm, whole.checksum.coverage)),
                sequence: 0,
                versioned: false,
                owner: record.access.owner.clone(),
                class: record.class,
                restore: None,
                tiering: None,
                renamed: None,
            };
            let body = BodyRecord::Parts { upload, runs: whole.runs };
            let content = ContentRecord {
                attributes: record.attributes.clone(),
                checksum: Some(whole.checksum),
                body,
                tags: record.tags.clone(),
                acl: record.access.acl.clone(),
                pinned: None,
                copy: None,
                lock: record.lock,
                encryption: record.encryption.clone(),
                lost: None,
            };
            Ok((object, content))
        };
        let done = self.metadata().complete_upload(bucket, key, upload, condition, teller, assemble).await?;
        self.0.garbage.wake();
        Ok(done)
    }

    /// An upload and a page of its parts behind a number.
    pub(crate) fn list_parts(
        &self,
        bucket: &Bucket,
        key: &str,
        upload: Uuid,
        after: u32,
        limit: usize,
    ) -> Result<PartsPage, S3Error> {
        let snapshot = self.metadata().read()?;
        let record = snapshot.get(&UPLOADS, &(bucket.record.id, key, upload))?;
        let record = record.ok_or_else(|| no_such_upload(upload))?;
        let span = Span::prefix(&(upload,)).after(&(upload, after));
        let mut parts =
            snapshot.scan(&PARTS, span).map(|entry| entry.map(|((_, number), part)| (number, part)));
        let page = parts.by_ref().take(limit).collect::<Result<_, _>>()?;
        let more = parts.next().transpose()?.is_some();
        Ok(PartsPage { upload: record, parts: page, more })
    }

    /// A page of the uploads that are under way. `after_upload` only counts beside `question.after`: then that key's later
    /// uploads follow.
    pub(crate) fn list_uploads(
        &self,
        bucket: &Bucket,
        question: &Question<'_>,
        after_upload: Option<Uuid>,
    ) -> Result<Page<(Uuid, UploadRecord)>, S3Error> {
        let snapshot = self.metadata().read()?;
        let bucket = bucket.record.id;
        listing::page(question, |from| {
            let all = Span::prefix(&(bucket,));
            let span = match from {
                Bound::Included(key) => all.from(&(bucket, key, Uuid::nil())),
                Bound::Excluded(key) => all.after(&(bucket, key, after_upload.unwrap_or(Uuid::max()))),
                Bound::Unbounded => all,
            };
            snapshot.scan(&UPLOADS, span).map(|entry| {
                entry.map(|((_, key, upload), record)| (key, (upload, record))).map_err(S3Error::from)
            })
        })
    }
}

/// What an upload's parts come to.
#[derive(Debug)]
struct Whole {
    size: u64,
    etag: String,
    checksum: Checksum,
    runs: Runs,
}

/// Puts the named parts together, or says what is wrong with them. Pure.
fn assemble(
    upload: Uuid,
    record: &UploadRecord,
    parts: &BTreeMap<u32, PartRecord>,
    completion: &Completion,
) -> Result<Whole, S3Error> {
    let chosen = choose(upload, record, parts, &completion.parts)?;
    let mut runs = Runs::default();
    for (number, part) in &chosen {
        runs.push(*number, part.size);
    }
    let size = chosen.iter().map(|(_, part)| part.size).sum();
    if size > MAX_OBJECT.as_u64() {
        return Err(S3Error::EntityTooLarge { size, most: MAX_OBJECT.as_u64() });
    }
    if completion.size.is_some_and(|announced| announced != size) {
        return Err(S3Error::invalid_request(
            "The provided 'x-amz-mp-object-size' header does not match what was computed.",
        ));
    }
    let values = chosen.iter().map(|(_, part)| PartValue { value: &part.checksum.value, size: part.size });
    let checksum = of_parts(record.algorithm(), record.coverage(), values)
        .ok_or_else(|| S3Error::internal("completing an upload", "its checksum has a type that cannot be"))?;
    check_whole(&checksum, completion)?;
    let etag = multipart_etag(chosen.iter().map(|(_, part)| &part.md5));
    Ok(Whole { size, etag, checksum, runs })
}

fn choose<'p>(
    upload: Uuid,
    record: &UploadRecord,
    parts: &'p BTreeMap<u32, PartRecord>,
    named: &[NamedPart],
) -> Result<Vec<(u32, &'p PartRecord)>, S3Error> {
    let id = || upload.simple().to_string();
    if named.is_empty() {
        return Err(S3Error::MalformedXml);
    }
    if named.windows(2).any(|pair| pair[0].number >= pair[1].number) {
        return Err(S3Error::InvalidPartOrder { upload: id() });
    }
    let mut chosen = Vec::with_capacity(named.len());
    for part in named {
        let number = check_part_number(part.number)?;
        let invalid = || S3Error::InvalidPart { upload: id(), part: number, etag: part.etag.clone() };
        let there = parts
            .get(&number)
            .filter(|there| there.etag() == part.etag && !there.lost)
            .ok_or_else(invalid)?;
        let algorithm = there.checksum.algorithm;
        for (of, text) in &part.checksums {
            let known = [Some(&there.checksum), there.other.as_ref()].into_iter().flatten();
            let same = known.into_iter().any(|known| known.algorithm == *of && known.text() == *text);
            if !same {
                return Err(invalid());
            }
        }
        if record.coverage() == Coverage::Composite && part.checksums.is_empty() {
            return Err(S3Error::invalid_request(format!(
                "The upload was created using a {} checksum. The complete request must include the checksum for each \
                 part. It was missing for part {number} in the request.",
                algorithm.as_str().to_lowercase()
            )));
        }
        chosen.push((number, there));
    }
    let small = chosen[..chosen.len() - 1].iter().find(|(_, part)| part.size < MIN_PART.as_u64());
    match small {
        Some((number, part)) => Err(S3Error::EntityTooSmall {
            size: part.size,
            least: MIN_PART.as_u64(),
            part: *number,
            etag: part.etag(),
        }),
        None => Ok(chosen),
    }
}

/// Holds the checksum of the whole against what the client says that it is.
fn check_whole(checksum: &Checksum, completion: &Completion) -> Result<(), S3Error> {
    let name = checksum.algorithm.as_str();
    if completion.coverage.is_some_and(|coverage| coverage != checksum.coverage) {
        return Err(S3Error::invalid_request(format!(
            "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
            checksum.coverage.as_str()
        )));
    }
    for (algorithm, text) in &completion.checksums {
        let value = text.split('-').next().unwrap_or_default();
        if *algorithm != checksum.algorithm
            || parse_value(*algorithm, value).as_ref() != Some(&checksum.value)
        {
            return Err(S3Error::BadChecksum { algorithm: name });
        }
    }
    Ok(())
}
