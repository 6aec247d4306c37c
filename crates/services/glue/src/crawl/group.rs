//! Which folders are tables, and which are partitions of one. Pure: from classified files to tables.
//!
//! From the leaves upwards: a folder whose files and folders are all alike is one table, or part of a larger one;
//! where they are not alike, each folder that is becomes a table, and each file beside them too. Folders named
//! `key=value` make a named partition key, others `partition_0`, `partition_1`, …
//!
//! Source: AWS Glue developer guide, "How does a crawler determine when to create partitions?".
//!
//! Differs from AWS: how alike two schemas must be is not published; here 70 % of the columns. Folders with the same
//! `key=` are always partitions of one table when their format is the same. A table lies below a lone folder with
//! a plain name (`lake/` with nothing but `flights/` gives `flights`, not `lake` with a `partition_0`). A data column with the name of
//! a partition key is left out (CSV: renamed), since no engine reads a table with both.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::classify::{Format, Kind};
use crate::hive::{self, unused};

/// Of the columns compared, so many percent must be shared.
const ALIKE_PERCENT: usize = 70;

/// A classified file; `key` is relative to the include path.
#[derive(Debug, Clone)]
pub struct File {
    pub key: String,
    pub bytes: u64,
    pub records: u64,
    pub kind: Arc<Kind>,
}

/// How the crawler's configuration bends the rules.
#[derive(Debug, Clone, Copy, Default)]
pub struct Grouping {
    /// Files of one format form one table, however different their columns (CombineCompatibleSchemas).
    pub combine: bool,
    /// Tables lie at this level; the bucket is level 1.
    pub table_level: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    pub objects: u64,
    pub bytes: u64,
    pub records: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FoundTable {
    /// The key of the table's folder with its closing slash, or of its one file.
    pub root: String,
    /// What the table is named after.
    pub base_name: String,
    pub kind: Kind,
    pub partition_keys: Vec<String>,
    pub partitions: Vec<FoundPartition>,
    pub stats: Stats,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPartition {
    pub values: Vec<String>,
    /// The key of the partition's folder with its closing slash.
    pub root: String,
    pub stats: Stats,
}

#[derive(Debug, Default)]
pub struct Grouped {
    pub tables: Vec<FoundTable>,
    /// What belongs to no table, and why.
    pub skipped: Vec<Skipped>,
}

/// Objects that are there and belong to no table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The key of the object, or of the folder that holds them.
    pub key: String,
    pub reason: String,
}

/// Groups the files below the include path `s3://bucket/prefix`; `prefix` is empty or ends in a slash.
pub fn group(bucket: &str, prefix: &str, files: impl IntoIterator<Item = File>, rules: Grouping) -> Grouped {
    let mut top = Folder::default();
    for file in files {
        top.insert(file);
    }
    let level = 1 + prefix.matches('/').count();
    let place = Place { bucket, path: prefix.to_owned(), level };
    let mut grouped = Grouped::default();
    match top.outcome(&place, rules, &mut grouped.skipped) {
        Outcome::Nothing => {}
        Outcome::Alike(alike) => grouped.tables.push(alike.into_table(&place, rules)),
        Outcome::Apart(tables) => grouped.tables = tables,
    }
    grouped
}

#[derive(Default)]
struct Folder {
    /// By name.
    files: Vec<(String, File)>,
    folders: BTreeMap<String, Folder>,
}

/// Where in the bucket a folder lies.
struct Place<'a> {
    bucket: &'a str,
    path: String,
    level: usize,
}

impl Place<'_> {
    fn child(&self, name: &str) -> Self {
        Self { bucket: self.bucket, path: format!("{}{name}/", self.path), level: self.level + 1 }
    }

    /// The folder's own name, or the bucket's.
    fn name(&self) -> &str {
        let path = self.path.trim_end_matches('/');
        if path.is_empty() { self.bucket } else { path.rsplit('/').next().unwrap_or(path) }
    }
}

enum Outcome {
    Nothing,
    /// All is of one kind: a table, or part of one.
    Alike(Alike),
    Apart(Vec<FoundTable>),
}

/// A folder that holds one kind of files at one depth.
struct Alike {
    kind: Kind,
    /// How the folders below are named, nearest first; empty when they are no partitions.
    levels: Vec<Level>,
    leaves: Vec<Leaf>,
    stats: Stats,
}

#[derive(Clone, PartialEq, Eq)]
enum Level {
    /// `key=value` folders, by their key in lower case.
    Named(String),
    Plain,
}

struct Leaf {
    /// Names of the folders from here to the files, the last first (so that a parent appends its own).
    path: Vec<String>,
    stats: Stats,
}

/// How strictly schemas are compared.
#[derive(Clone, Copy)]
enum Likeness {
    /// The same format is enough.
    Format,
    /// The smaller schema lies mostly in the larger: files beside each other, or folders named by date.
    Contained,
    /// Both schemas are mostly shared: folders with names of their own.
    Shared,
}

impl Folder {
    fn insert(&mut self, file: File) {
        let mut folder = self;
        let key = file.key.clone();
        let mut parts = key.split('/').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                folder.files.push((part.to_owned(), file));
                return;
            }
            folder = folder.folders.entry(part.to_owned()).or_default();
        }
    }

    fn outcome(self, place: &Place<'_>, rules: Grouping, skipped: &mut Vec<Skipped>) -> Outcome {
        let Self { files, folders } = self;
        let mut parts: Vec<(String, Outcome)> = Vec::new();
        for (name, folder) in folders {
            let outcome = folder.outcome(&place.child(&name), rules, skipped);
            if !matches!(outcome, Outcome::Nothing) {
                parts.push((name, outcome));
            }
        }
        let above_tables = rules.table_level.is_some_and(|level| place.level < level);
        let forced = rules.combine || rules.table_level.is_some_and(|level| place.level >= level);
        if !above_tables {
            let own = files_alike(&files, forced);
            if parts.is_empty()
                && let Some(own) = own
            {
                return Outcome::Alike(own);
            }
            let own = if files.is_empty() { Some(None) } else { own.map(Some) };
            if let Some(own) = own
                && !parts.is_empty()
                && parts.iter().all(|(_, part)| matches!(part, Outcome::Alike(_)))
            {
                let alike: Vec<(String, Alike)> = parts
                    .into_iter()
                    .filter_map(|(name, part)| match part {
                        Outcome::Alike(alike) => Some((name, alike)),
                        Outcome::Nothing | Outcome::Apart(_) => None,
                    })
                    .collect();
                match together(own, alike, forced, place, skipped) {
                    Ok(alike) => return Outcome::Alike(alike),
                    Err(apart) => {
                        parts =
                            apart.into_iter().map(|(name, alike)| (name, Outcome::Alike(alike))).collect();
                    }
                }
            }
        }
        let mut tables: Vec<FoundTable> =
            files.iter().map(|(name, file)| file_table(place, name, file)).collect();
        for (name, part) in parts {
            match part {
                Outcome::Nothing => {}
                Outcome::Alike(alike) => tables.push(alike.into_table(&place.child(&name), rules)),
                Outcome::Apart(below) => tables.extend(below),
            }
        }
        if tables.is_empty() { Outcome::Nothing } else { Outcome::Apart(tables) }
    }
}

/// The files of one folder as one kind; `None` when there are none or they differ.
fn files_alike(files: &[(String, File)], forced: bool) -> Option<Alike> {
    let (_, first) = files.first()?;
    let likeness = if forced { Likeness::Format } else { Likeness::Contained };
    let mut kind = first.kind.as_ref().clone();
    let mut stats = Stats::default();
    for (_, file) in files {
        if *file.kind != kind {
            kind = joined(kind, &file.kind, likeness)?;
        }
        stats.add(Stats { objects: 1, bytes: file.bytes, records: file.records });
    }
    Some(Alike { kind, levels: Vec::new(), leaves: vec![Leaf { path: Vec::new(), stats }], stats })
}

/// A folder's parts as one; gives the folders back when they are not alike.
fn together(
    own: Option<Alike>,
    folders: Vec<(String, Alike)>,
    forced: bool,
    place: &Place<'_>,
    skipped: &mut Vec<Skipped>,
) -> Result<Alike, Vec<(String, Alike)>> {
    let level = level_of(&folders);
    let likeness = match &level {
        _ if forced => Likeness::Format,
        Level::Named(_) => Likeness::Format,
        Level::Plain if folders.iter().all(|(name, _)| is_date_like(name)) => Likeness::Contained,
        Level::Plain => Likeness::Shared,
    };
    let Some(kind) = common_kind(&folders, likeness) else { return Err(folders) };
    let named = matches!(level, Level::Named(_));
    match own {
        // Files beside named folders: no reader of a partitioned table would see them.
        Some(own) if named => skipped.push(Skipped {
            key: place.path.clone(),
            reason: format!("{} file(s) lie outside of the table's partitions", own.stats.objects),
        }),
        Some(own) => {
            let Some(kind) = joined(kind, &own.kind, Likeness::Contained) else { return Err(folders) };
            let mut stats = own.stats;
            folders.iter().for_each(|(_, folder)| stats.add(folder.stats));
            let leaves = vec![Leaf { path: Vec::new(), stats }];
            return Ok(Alike { kind, levels: Vec::new(), leaves, stats });
        }
        None => {}
    }
    let mut levels = vec![level];
    levels.extend(folders.first().map(|(_, first)| first.levels.clone()).unwrap_or_default());
    let mut stats = Stats::default();
    let mut leaves = Vec::new();
    for (name, folder) in folders {
        stats.add(folder.stats);
        leaves.extend(folder.leaves.into_iter().map(|mut leaf| {
            leaf.path.push(name.clone());
            leaf
        }));
    }
    Ok(Alike { kind, levels, leaves, stats })
}

/// The kind of all folders, when they are alike and have the same levels below.
fn common_kind(folders: &[(String, Alike)], likeness: Likeness) -> Option<Kind> {
    let ((_, first), others) = folders.split_first()?;
    others.iter().try_fold(first.kind.clone(), |kind, (_, other)| {
        if other.levels != first.levels {
            return None;
        }
        if other.kind == kind { Some(kind) } else { joined(kind, &other.kind, likeness) }
    })
}

fn level_of(folders: &[(String, Alike)]) -> Level {
    let mut keys = folders.iter().map(|(name, _)| named_key(name));
    match keys.next().flatten() {
        Some(first) if keys.all(|key| key.as_ref() == Some(&first)) => Level::Named(first),
        _ => Level::Plain,
    }
}

fn named_key(folder: &str) -> Option<String> {
    let (key, _) = folder.split_once('=')?;
    (!key.is_empty()).then(|| key.to_lowercase())
}

/// `2013`, `01`, `2013-01-05`.
fn is_date_like(folder: &str) -> bool {
    folder.bytes().any(|b| b.is_ascii_digit())
        && folder.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'_' | b':' | b'T'))
}

/// Both kinds as one, if they are alike enough.
fn joined(mine: Kind, other: &Kind, likeness: Likeness) -> Option<Kind> {
    let format = mine.format.joined(other.format)?;
    // Parquet states its codec in each file.
    if mine.compression != other.compression && format != Format::Parquet {
        return None;
    }
    let names: HashSet<&str> = mine.columns.iter().map(|(name, _)| name.as_str()).collect();
    let shared = other.columns.iter().filter(|(name, _)| names.contains(name.as_str())).count();
    let (few, many) = (names.len().min(other.columns.len()), names.len().max(other.columns.len()));
    let alike = match likeness {
        Likeness::Format => true,
        Likeness::Contained => shared * 100 >= few * ALIKE_PERCENT,
        Likeness::Shared => shared * 100 >= many * ALIKE_PERCENT,
    };
    alike.then(|| Kind { format, columns: hive::merged(mine.columns, other.columns.clone()), ..mine })
}

fn file_table(place: &Place<'_>, name: &str, file: &File) -> FoundTable {
    FoundTable {
        root: format!("{}{name}", place.path),
        base_name: name.to_owned(),
        kind: file.kind.as_ref().clone(),
        partition_keys: Vec::new(),
        partitions: Vec::new(),
        stats: Stats { objects: 1, bytes: file.bytes, records: file.records },
    }
}

impl Alike {
    /// The table of this folder; `place` is the folder.
    fn into_table(mut self, place: &Place<'_>, rules: Grouping) -> FoundTable {
        let mut path = place.path.clone();
        let mut base_name = place.name().to_owned();
        if rules.table_level.is_none() {
            while let Some(lone) = self.lone_plain_folder() {
                path = format!("{path}{lone}/");
                base_name = lone;
                self.levels.remove(0);
                self.leaves.iter_mut().for_each(|leaf| {
                    leaf.path.pop();
                });
            }
        }
        let partition_keys = key_names(&self.levels);
        let partitions = if self.levels.is_empty() {
            Vec::new()
        } else {
            self.leaves.iter().map(|leaf| leaf.partition(&path, &self.levels)).collect()
        };
        let kind = without_keys(self.kind, &partition_keys);
        FoundTable { root: path, base_name, kind, partition_keys, partitions, stats: self.stats }
    }

    /// The one folder through which all leaves go, if its name says nothing but a name.
    fn lone_plain_folder(&self) -> Option<String> {
        if self.levels.first()? != &Level::Plain {
            return None;
        }
        let first = self.leaves.first()?.path.last()?;
        let lone = self.leaves.iter().all(|leaf| leaf.path.last() == Some(first));
        (lone && !is_date_like(first) && named_key(first).is_none()).then(|| first.clone())
    }
}

impl Leaf {
    fn partition(&self, root: &str, levels: &[Level]) -> FoundPartition {
        let folders: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
        let values = folders.iter().zip(levels).map(|(folder, level)| match level {
            Level::Named(_) => unescaped(folder.split_once('=').map_or("", |(_, value)| value)),
            Level::Plain => (*folder).to_owned(),
        });
        FoundPartition {
            values: values.collect(),
            root: format!("{root}{}/", folders.join("/")),
            stats: self.stats,
        }
    }
}

/// The names of the partition keys, each once.
fn key_names(levels: &[Level]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (index, level) in levels.iter().enumerate() {
        let wanted = match level {
            Level::Named(key) => key.clone(),
            Level::Plain => format!("partition_{index}"),
        };
        let name = unused(wanted, |name| names.iter().any(|taken| taken == name));
        names.push(name);
    }
    names
}

fn without_keys(mut kind: Kind, keys: &[String]) -> Kind {
    match kind.format {
        // Columns are found by their name: the folder's value stands for both.
        Format::Json | Format::Parquet => {
            if kind.columns.iter().any(|(name, _)| !keys.contains(name)) {
                kind.columns.retain(|(name, _)| !keys.contains(name));
            }
        }
        // Columns are found by their place, which must stay.
        Format::Csv(_) => {
            for index in 0..kind.columns.len() {
                let name = kind.columns[index].0.clone();
                if keys.contains(&name) {
                    let taken = |name: &str| {
                        keys.iter().any(|key| key == name)
                            || kind.columns.iter().any(|(known, _)| known == name)
                    };
                    kind.columns[index].0 = unused(name, taken);
                }
            }
        }
    }
    kind
}

/// Hive writes characters that paths cannot hold as `%XX`.
fn unescaped(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped =
            (*first == b'%').then(|| after.get(..2).and_then(|hex| hex::decode(hex).ok())).flatten();
        match escaped {
            Some(byte) => {
                bytes.extend(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| value.to_owned())
}

impl Stats {
    fn add(&mut self, other: Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.records += other.records;
    }
}

#[cfg(test)]
mod tests;
