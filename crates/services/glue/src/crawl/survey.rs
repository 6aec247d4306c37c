//! Looks at a target's objects: lists them, samples them, classifies them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use millpond_gateway::Caller;
use millpond_s3::{ListQuery, ObjectSummary, S3, S3Error};

use super::classify::{self, Classified, CsvRules, Kind, Records, SAMPLE_BYTES, Tail, Unclassified};
use super::crawler::S3Target;
use super::group::{File, Grouped, Grouping, Skipped, group};
use super::run::{Interrupted, Watch};
use crate::error::GlueError;

/// Objects read at the same time.
const AT_ONCE: usize = 16;

/// `s3://bucket/prefix`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub bucket: String,
    /// Empty, or ending in a slash, unless it names one object.
    pub prefix: String,
}

impl Place {
    /// Errors: InvalidInputException when the path is not of that form.
    pub fn read(path: &str) -> Result<Self, GlueError> {
        let rest =
            ["s3://", "s3a://", "s3n://"].iter().find_map(|scheme| path.strip_prefix(scheme)).unwrap_or(path);
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || rest.contains("://") {
            return Err(GlueError::invalid(format!("S3 target path is not valid: {path}")));
        }
        let closed = prefix.is_empty() || prefix.ends_with('/');
        let prefix = if closed { prefix.to_owned() } else { format!("{prefix}/") };
        Ok(Self { bucket: bucket.to_owned(), prefix })
    }
}

/// The exclusion patterns of a target, relative to its path. `*` stays within a folder, `**` goes through.
///
/// Errors: InvalidInputException for a pattern that is none.
pub fn exclusions(patterns: &[String]) -> Result<GlobSet, GlueError> {
    let refused =
        |error: globset::Error| GlueError::invalid(format!("Exclusion pattern is not valid: {error}"));
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(GlobBuilder::new(pattern).literal_separator(true).build().map_err(refused)?);
    }
    set.build().map_err(refused)
}

/// Why a survey ended early.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    #[error("{0}")]
    Storage(#[from] S3Error),
    #[error("{0}")]
    Glue(#[from] GlueError),
    #[error("interrupted")]
    Interrupted(#[from] Interrupted),
}

/// Where objects are read, as whom, and by which classifiers of one's own.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    pub s3: &'a S3,
    pub caller: &'a Caller,
    pub classifiers: &'a Arc<[CsvRules]>,
}

/// Finds the tables under a target.
pub async fn survey(
    reader: Reader<'_>,
    target: &S3Target,
    rules: Grouping,
    watch: &Watch<'_>,
) -> Result<(Place, Grouped), SurveyError> {
    let place = Place::read(&target.path)?;
    let mut survey = Survey {
        reader,
        exclusions: exclusions(&target.exclusions)?,
        sample_size: target.sample_size,
        place: &place,
        kinds: HashSet::new(),
        per_folder: HashMap::new(),
        files: Vec::new(),
        skipped: Vec::new(),
    };
    let mut after = None;
    loop {
        watch.check()?;
        let query = ListQuery { prefix: place.prefix.clone(), start_after: after, ..ListQuery::default() };
        let listing = reader.s3.list(reader.caller, &place.bucket, &query).await?;
        survey.take_up(listing.objects).await?;
        match listing.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let Survey { files, mut skipped, .. } = survey;
    if files.is_empty() && skipped.is_empty() && !place.prefix.is_empty() {
        return single_object(reader, &place, rules).await;
    }
    let mut grouped = group(&place.bucket, &place.prefix, files, rules);
    grouped.skipped.append(&mut skipped);
    Ok((place, grouped))
}

/// A path that names no folder may name an object.
async fn single_object(
    reader: Reader<'_>,
    place: &Place,
    rules: Grouping,
) -> Result<(Place, Grouped), SurveyError> {
    let key = place.prefix.trim_end_matches('/');
    let (folder, name) =
        key.rsplit_once('/').map_or(("", key), |(_, name)| (&key[..key.len() - name.len()], name));
    let classified = match reader.classify(&place.bucket, key).await {
        Ok(classified) => classified,
        Err(Refused::Storage(S3Error::NoSuchKey { .. })) => return Ok((place.clone(), Grouped::default())),
        Err(Refused::Storage(error)) => return Err(error.into()),
        Err(Refused::Content(reason)) => {
            let skipped = vec![Skipped { key: key.to_owned(), reason: reason.to_string() }];
            return Ok((place.clone(), Grouped { skipped, ..Grouped::default() }));
        }
    };
    let (size, Classified { kind, records }) = classified;
    let file =
        File { key: name.to_owned(), bytes: size, records: counted(records, size), kind: Arc::new(kind) };
    let mut grouped = group(&place.bucket, folder, [file], rules);
    // The table is the object, not its folder.
    for table in &mut grouped.tables {
        table.root = key.to_owned();
        table.base_name = name.to_owned();
    }
    Ok((Place { bucket: place.bucket.clone(), prefix: key.to_owned() }, grouped))
}

struct Survey<'a> {
    reader: Reader<'a>,
    exclusions: GlobSet,
    sample_size: Option<u32>,
    place: &'a Place,
    /// Each kind once: a million files are of few kinds.
    kinds: HashSet<Arc<Kind>>,
    /// Files taken so far from each folder, when that is limited.
    per_folder: HashMap<String, u32>,
    files: Vec<File>,
    skipped: Vec<Skipped>,
}

enum Refused {
    Storage(S3Error),
    Content(Unclassified),
}

impl From<S3Error> for Refused {
    fn from(error: S3Error) -> Self {
        Self::Storage(error)
    }
}

impl From<Unclassified> for Refused {
    fn from(reason: Unclassified) -> Self {
        Self::Content(reason)
    }
}

impl Survey<'_> {
    async fn take_up(&mut self, objects: Vec<ObjectSummary>) -> Result<(), SurveyError> {
        let wanted: Vec<ObjectSummary> = objects.into_iter().filter(|object| self.wants(object)).collect();
        let (reader, bucket) = (self.reader, &self.place.bucket);
        let mut classified = stream::iter(wanted)
            .map(|object| async move {
                let outcome = reader.classify(bucket, &object.key).await;
                (object, outcome)
            })
            .buffered(AT_ONCE);
        let mut found = Vec::new();
        while let Some(outcome) = classified.next().await {
            found.push(outcome);
        }
        drop(classified);
        for (object, outcome) in found {
            match outcome {
                Ok((size, classified)) => self.keep(&object.key, size, classified),
                // Deleted since it was listed.
                Err(Refused::Storage(S3Error::NoSuchKey { .. })) => {}
                Err(Refused::Storage(error)) => return Err(error.into()),
                Err(Refused::Content(reason)) => {
                    self.skipped.push(Skipped { key: object.key, reason: reason.to_string() });
                }
            }
        }
        Ok(())
    }

    /// Not what is excluded, nor what readers of a table pass over: empty objects, and names that begin with `_` or `.`.
    fn wants(&mut self, object: &ObjectSummary) -> bool {
        let Some(relative) = object.key.strip_prefix(&self.place.prefix) else { return false };
        let hidden = relative.split('/').any(|part| part.starts_with('_') || part.starts_with('.'));
        if object.size == 0 || relative.is_empty() || hidden || self.exclusions.is_match(relative) {
            return false;
        }
        let Some(limit) = self.sample_size else { return true };
        let folder = relative.rsplit_once('/').map_or("", |(folder, _)| folder);
        let taken = self.per_folder.entry(folder.to_owned()).or_default();
        *taken += 1;
        *taken <= limit
    }

    fn keep(&mut self, key: &str, size: u64, classified: Classified) {
        let kind = match self.kinds.get(&classified.kind) {
            Some(known) => Arc::clone(known),
            None => {
                let new = Arc::new(classified.kind);
                self.kinds.insert(Arc::clone(&new));
                new
            }
        };
        let relative = key.strip_prefix(&self.place.prefix).unwrap_or(key).to_owned();
        self.files.push(File {
            key: relative,
            bytes: size,
            records: counted(classified.records, size),
            kind,
        });
    }
}

fn counted(records: Records, size: u64) -> u64 {
    match records {
        Records::Counted(count) => count,
        Records::OfSize(bytes) => (size as f64 / bytes.max(1.0)).round() as u64,
    }
}

impl Reader<'_> {
    /// Reads as little of the object as tells what it is; also gives its size.
    async fn classify(self, bucket: &str, key: &str) -> Result<(u64, Classified), Refused> {
        let object = self.s3.get(self.caller, bucket, key).await?;
        let size = object.info().size;
        let magic = object.bytes(0..size.min(4)).await?;
        if !classify::is_parquet(&magic) {
            let head = object.bytes(0..size.min(SAMPLE_BYTES)).await?;
            let own = Arc::clone(self.classifiers);
            return Ok((size, aside(move || classify::classify_text(&head, size, &own)).await?));
        }
        let mut tail = object.bytes(size.saturating_sub(classify::TAIL_BYTES)..size).await?;
        if let Tail::Needs(bytes) = classify::footer_length(&tail, size)? {
            tail = object.bytes(size - bytes..size).await?;
        }
        Ok((size, aside(move || classify::classify_parquet(&tail)).await?))
    }
}

/// Classifying takes milliseconds of computing, which requests must not wait behind.
async fn aside(
    classify: impl FnOnce() -> Result<Classified, Unclassified> + Send + 'static,
) -> Result<Classified, Unclassified> {
    match tokio::task::spawn_blocking(classify).await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(outcome) => outcome,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // Only a runtime that ends cancels it, and this future with it.
        Err(Err(_)) => Err(Unclassified::NotText("the program ended".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        for (path, bucket, prefix) in [
            ("s3://pond", "pond", ""),
            ("s3://pond/", "pond", ""),
            ("s3://pond/lake", "pond", "lake/"),
            ("s3://pond/lake/x/", "pond", "lake/x/"),
            ("pond/lake", "pond", "lake/"),
        ] {
            let wanted = Place { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
            assert_eq!(Place::read(path).ok(), Some(wanted), "{path}");
        }
        for path in ["", "s3://", "http://pond/x"] {
            assert!(Place::read(path).is_err(), "{path}");
        }
    }

    #[test]
    fn exclusions_are_globs() {
        let patterns = ["*.tmp", "logs/**", "year=201[0-2]/**", "{a,b}/x?.csv"].map(str::to_owned);
        let set = exclusions(&patterns).unwrap();
        for (key, excluded) in [
            ("a.tmp", true),
            ("deep/a.tmp", false),
            ("logs/1/2.csv", true),
            ("year=2011/f", true),
            ("year=2013/f", false),
            ("b/x1.csv", true),
            ("c/x1.csv", false),
        ] {
            assert_eq!(set.is_match(key), excluded, "{key}");
        }
        assert!(exclusions(&["[".to_owned()]).is_err());
    }
}
