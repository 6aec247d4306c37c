//! Lifecycle rules: what is to become of an object, a version, a delete marker or an upload, and when. Pure; `worker` acts.
//!
//! Source: Amazon S3 user guide, "Lifecycle configuration elements" and "Understanding how conflicts are resolved": days are
//! counted from the creation, or for a noncurrent version from when it was superseded, and rounded up to the next midnight
//! UTC; what is to go goes before anything moves; of several classes the cheapest wins.

mod check;
#[cfg(test)]
mod tests;
mod worker;

use std::time::Duration;

use millpond_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::class::StorageClass;
use crate::store::{Document, Kind};
use crate::tags::Tags;

pub use worker::LifecycleRun;

const DAY: Duration = Duration::from_secs(86_400);
/// Smaller objects stay in their class, unless a rule names a size or the bucket is set otherwise.
const SMALLEST_TO_MOVE: u64 = 128 << 10;

/// The rules of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    pub rules: Vec<Rule>,
    #[serde(default)]
    pub smallest: Smallest,
}

impl Document for Lifecycle {
    const KIND: Kind = Kind::Lifecycle;
}

/// Which moves of objects below 128 KiB a rule without sizes makes (`TransitionDefaultMinimumObjectSize`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Smallest {
    /// None.
    #[default]
    AllClasses,
    /// Those into the archive.
    VariesByClass,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub id: String,
    pub enabled: bool,
    pub filter: Filter,
    #[serde(default)]
    pub expiration: Option<Expiration>,
    #[serde(default)]
    pub transitions: Vec<Transition>,
    #[serde(default)]
    pub noncurrent_expiration: Option<NoncurrentExpiration>,
    #[serde(default)]
    pub noncurrent_transitions: Vec<NoncurrentTransition>,
    /// Of uploads, after they began.
    #[serde(default)]
    pub abort_days: Option<u32>,
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filter {
    pub form: Form,
    #[serde(default)]
    pub prefix: Option<String>,
    #[serde(default)]
    pub tags: Tags,
    #[serde(default)]
    pub larger_than: Option<u64>,
    #[serde(default)]
    pub smaller_than: Option<u64>,
}

/// How the filter was written, which is how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Form {
    /// A prefix beside the rule's actions, as before there were filters.
    Prefix,
    /// One condition, or none.
    #[default]
    Filter,
    /// Several conditions.
    And,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// After the creation.
    Days(u32),
    Date(Timestamp),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expiration {
    /// The current version expires: it goes or, where versions are kept, a delete marker comes on top of it.
    Object(When),
    /// A delete marker without versions under it goes.
    Marker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    pub when: When,
    pub class: StorageClass,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoncurrentExpiration {
    pub days: u32,
    /// So many newer noncurrent versions are kept in any case.
    #[serde(default)]
    pub keep: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoncurrentTransition {
    pub days: u32,
    #[serde(default)]
    pub keep: Option<u32>,
    pub class: StorageClass,
}

/// What rules ask of a version.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    pub key: &'a str,
    pub size: u64,
    pub tags: &'a Tags,
    pub state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Current {
        modified: Timestamp,
        class: StorageClass,
    },
    /// `newer` noncurrent versions of its key are newer than it. A delete marker has no class.
    Noncurrent {
        since: Timestamp,
        newer: u32,
        class: Option<StorageClass>,
    },
    /// A delete marker on top of its key, `alone` when there is nothing under it.
    Marker {
        modified: Timestamp,
        alone: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The object of the key expires.
    Expire,
    /// This version, or this delete marker, goes for good.
    Remove,
    Move(StorageClass),
}

impl Lifecycle {
    /// What is to be done with a version now.
    pub fn due(&self, version: &Version<'_>, now: Timestamp) -> Option<Action> {
        let is_due = |at: &Timestamp| *at <= now;
        let mut to: Option<StorageClass> = None;
        for rule in self.about(version) {
            if rule.removal(version).as_ref().is_some_and(is_due) {
                let expires = matches!(version.state, State::Current { .. });
                return Some(if expires { Action::Expire } else { Action::Remove });
            }
            for (at, class) in rule.moves(version) {
                let allowed = self.may_move(rule, version, class);
                if allowed && at <= now && to.is_none_or(|to| cost(class) < cost(to)) {
                    to = Some(class);
                }
            }
        }
        to.map(Action::Move)
    }

    /// When a current object expires, and by which rule.
    pub fn expiration(&self, version: &Version<'_>) -> Option<(Timestamp, &str)> {
        let removals =
            self.about(version).filter_map(|rule| Some((rule.removal(version)?, rule.id.as_str())));
        removals.min_by_key(|(at, _)| *at)
    }

    /// When an upload is aborted, and by which rule.
    pub fn abort(&self, key: &str, initiated: Timestamp) -> Option<(Timestamp, &str)> {
        let rules = self.rules.iter().filter(|rule| rule.enabled && rule.filter.matches_key(key));
        let aborts = rules.filter_map(|rule| Some((after(initiated, rule.abort_days?), rule.id.as_str())));
        aborts.min_by_key(|(at, _)| *at)
    }

    /// Some rule asks for tags.
    pub fn needs_tags(&self) -> bool {
        self.rules.iter().any(|rule| rule.enabled && !rule.filter.tags.is_empty())
    }

    pub fn aborts_uploads(&self) -> bool {
        self.rules.iter().any(|rule| rule.enabled && rule.abort_days.is_some())
    }

    fn about<'r>(&'r self, version: &Version<'_>) -> impl Iterator<Item = &'r Rule> {
        self.rules.iter().filter(|rule| rule.enabled && rule.filter.matches(version))
    }

    fn may_move(&self, rule: &Rule, version: &Version<'_>, to: StorageClass) -> bool {
        let from = match version.state {
            State::Current { class, .. } | State::Noncurrent { class: Some(class), .. } => class,
            State::Noncurrent { class: None, .. } | State::Marker { .. } => return false,
        };
        let names_size = rule.filter.larger_than.is_some() || rule.filter.smaller_than.is_some();
        let large_enough = names_size
            || version.size >= SMALLEST_TO_MOVE
            || (self.smallest == Smallest::VariesByClass && to.is_archive());
        large_enough && goes_down(from, to)
    }
}

impl Rule {
    /// When it removes a version: expires an object, or removes a noncurrent version or a delete marker.
    fn removal(&self, version: &Version<'_>) -> Option<Timestamp> {
        match (version.state, self.expiration) {
            (State::Current { modified, .. }, Some(Expiration::Object(when))) => Some(when.counted(modified)),
            (State::Current { .. }, _) => None,
            (State::Marker { alone: false, .. }, _) | (State::Marker { .. }, None) => None,
            (State::Marker { modified, .. }, Some(Expiration::Marker)) => Some(modified),
            (State::Marker { modified, .. }, Some(Expiration::Object(When::Days(days)))) => {
                Some(after(modified, days))
            }
            (State::Marker { .. }, Some(Expiration::Object(When::Date(_)))) => None,
            (State::Noncurrent { since, newer, .. }, _) => {
                let NoncurrentExpiration { days, keep } = self.noncurrent_expiration?;
                (newer >= keep.unwrap_or(0)).then(|| after(since, days))
            }
        }
    }

    fn moves(&self, version: &Version<'_>) -> Vec<(Timestamp, StorageClass)> {
        match version.state {
            State::Current { modified, .. } => {
                self.transitions.iter().map(|step| (step.when.counted(modified), step.class)).collect()
            }
            State::Noncurrent { since, newer, .. } => {
                let steps = self.noncurrent_transitions.iter();
                let steps = steps.filter(|step| newer >= step.keep.unwrap_or(0));
                steps.map(|step| (after(since, step.days), step.class)).collect()
            }
            State::Marker { .. } => Vec::new(),
        }
    }
}

impl When {
    fn counted(self, from: Timestamp) -> Timestamp {
        match self {
            Self::Days(days) => after(from, days),
            // A rule with a date goes on to act on what comes after it.
            Self::Date(date) => date.max(next_midnight(from)),
        }
    }
}

impl Filter {
    fn matches_key(&self, key: &str) -> bool {
        self.prefix.as_deref().is_none_or(|prefix| key.starts_with(prefix))
    }

    fn matches(&self, version: &Version<'_>) -> bool {
        self.matches_key(version.key)
            && self.tags.iter().all(|(name, value)| version.tags.get(name) == Some(value))
            && self.larger_than.is_none_or(|size| version.size > size)
            && self.smaller_than.is_none_or(|size| version.size < size)
    }
}

/// So many days later, at the next midnight.
fn after(from: Timestamp, days: u32) -> Timestamp {
    next_midnight(from.plus(DAY * days))
}

/// The first midnight (UTC) at or after a time.
pub fn next_midnight(at: Timestamp) -> Timestamp {
    let day = 86_400_000;
    Timestamp::from_millis(at.as_millis().saturating_add(day - 1).div_euclid(day).saturating_mul(day))
}

/// The midnight (UTC) that a time's day began with.
pub fn last_midnight(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis().div_euclid(86_400_000) * 86_400_000)
}

/// The order of the classes by what storing costs, the dearest last.
fn cost(class: StorageClass) -> u8 {
    match class {
        StorageClass::DeepArchive => 0,
        StorageClass::Glacier => 1,
        StorageClass::GlacierIr => 2,
        StorageClass::OnezoneIa => 3,
        StorageClass::IntelligentTiering => 4,
        StorageClass::StandardIa => 5,
        StorageClass::Standard | StorageClass::ReducedRedundancy | StorageClass::ExpressOnezone => 6,
    }
}

/// Which moves there are.
///
/// Source: Amazon S3 user guide, "Transitioning objects using Amazon S3 Lifecycle", supported transitions.
fn goes_down(from: StorageClass, to: StorageClass) -> bool {
    let one_zone_to_zones = from == StorageClass::OnezoneIa && to == StorageClass::GlacierIr;
    cost(to) < cost(from) && !one_zone_to_zones
}
