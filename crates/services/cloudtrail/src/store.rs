//! How events and trails are kept, and the transactions over them.
//!
//! Events are numbered in the transaction that keeps them, so that the order of numbers is the order of commits, and a
//! delivery that goes on after the last number that it took misses nothing. Management events are found by an index of what
//! LookupEvents asks for, newest last; data events wait for their delivery alone.

use std::ops::Bound;
use std::time::Duration;

use millpond_core::{AccountId, Region, Scope, Timestamp};
use millpond_store::{Reads, Span, StoreError, Table, Txn};

use crate::record::EventRecord;
use crate::trail::Trail;

const EVENTS: Table<u64, EventRecord> = Table::new("cloudtrail.events");
const DATA_EVENTS: Table<u64, EventRecord> = Table::new("cloudtrail.data-events");
/// Whose, where, what is asked for (`EventName=CreateKey`, or nothing for all), when, and the event's number.
const INDEX: Table<IndexKey, ()> = Table::new("cloudtrail.index");
/// The next number, and how far KMS's own trail was followed.
const NUMBERS: Table<String, u64> = Table::new("cloudtrail.numbers");

type IndexKey = (AccountId, Region, String, Timestamp, u64);

const TRAILS: Table<(AccountId, Region, String), Trail> = Table::new("cloudtrail.trails");

const NEXT: &str = "next";
const KEY_USES: &str = "kms.uses";

/// How many bytes of a value are indexed; longer ones share an entry, and are compared when they are found.
const MAX_INDEXED: usize = 512;

/// One numbering serves both kinds of events.
const FIRST: u64 = 0;

/// What is asked of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    EventId,
    EventName,
    ReadOnly,
    Username,
    ResourceType,
    ResourceName,
    EventSource,
    AccessKeyId,
}

impl Attribute {
    pub const ALL: [Self; 8] = [
        Self::EventId,
        Self::EventName,
        Self::ReadOnly,
        Self::Username,
        Self::ResourceType,
        Self::ResourceName,
        Self::EventSource,
        Self::AccessKeyId,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::EventId => "EventId",
            Self::EventName => "EventName",
            Self::ReadOnly => "ReadOnly",
            Self::Username => "Username",
            Self::ResourceType => "ResourceType",
            Self::ResourceName => "ResourceName",
            Self::EventSource => "EventSource",
            Self::AccessKeyId => "AccessKeyId",
        }
    }

    /// The event's values of this attribute.
    fn of(self, event: &EventRecord) -> Vec<String> {
        let one = |value: &Option<String>| value.iter().cloned().collect();
        match self {
            Self::EventId => vec![event.id.to_string()],
            Self::EventName => vec![event.name.clone()],
            Self::ReadOnly => vec![event.read_only.to_string()],
            Self::Username => one(&event.user),
            Self::ResourceType => event.resources.iter().filter_map(|found| found.kind.clone()).collect(),
            // By its name, and by its whole ARN.
            Self::ResourceName => {
                event.resources.iter().flat_map(|found| [found.name.clone(), found.arn.clone()]).collect()
            }
            Self::EventSource => vec![event.source.clone()],
            Self::AccessKeyId => one(&event.access_key),
        }
    }

    fn entry(self, value: &str) -> String {
        let end = value.floor_char_boundary(MAX_INDEXED);
        format!("{}={}", self.as_str(), &value[..end])
    }
}

/// The entries by which an event is found.
fn entries(event: &EventRecord) -> Vec<String> {
    let mut entries = vec![String::new()];
    for attribute in Attribute::ALL {
        for value in attribute.of(event) {
            let entry = attribute.entry(&value);
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
    }
    entries
}

fn index_key(event: &EventRecord, entry: String, number: u64) -> IndexKey {
    (event.account.clone(), event.region.clone(), entry, event.at, number)
}

/// The number that the next event gets.
pub fn next_number(reads: &impl Reads) -> Result<u64, StoreError> {
    Ok(reads.get(&NUMBERS, NEXT)?.unwrap_or(FIRST))
}

/// Keeps events, in this order.
pub fn append(txn: &mut Txn<'_>, events: &[EventRecord]) -> Result<(), StoreError> {
    let first = next_number(txn)?;
    let mut next = first;
    for event in events {
        if event.data {
            txn.put(&DATA_EVENTS, &next, event)?;
        } else {
            txn.put(&EVENTS, &next, event)?;
            for entry in entries(event) {
                txn.put(&INDEX, &index_key(event, entry, next), &())?;
            }
        }
        next += 1;
    }
    txn.put(&NUMBERS, NEXT, &next)?;
    Ok(())
}

/// What LookupEvents looks for.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    pub scope: &'a Scope,
    pub attribute: Option<(Attribute, &'a str)>,
    /// Both are included.
    pub from: Timestamp,
    pub to: Timestamp,
    /// Where the page before ended.
    pub before: Option<(Timestamp, u64)>,
}

/// Events with their numbers, the newest first.
pub fn lookup(
    reads: &impl Reads,
    wanted: &Wanted<'_>,
    limit: usize,
) -> Result<Vec<(u64, EventRecord)>, StoreError> {
    let Wanted { scope, attribute, from, to, before } = wanted;
    let entry = attribute.map(|(attribute, value)| attribute.entry(value)).unwrap_or_default();
    let key = |at: Timestamp, number: u64| -> IndexKey {
        (scope.account.clone(), scope.region.clone(), entry.clone(), at, number)
    };
    let upper = match before {
        Some((at, number)) => Bound::Excluded(key(*at, *number)),
        None => Bound::Included(key(*to, u64::MAX)),
    };
    let mut found = Vec::new();
    if let Some((at, _)) = before
        && at < from
    {
        return Ok(found);
    }
    for entry in reads.range(&INDEX, (Bound::Included(key(*from, 0)), upper)).rev() {
        let ((.., number), ()) = entry?;
        let Some(event) = reads.get(&EVENTS, &number)? else { continue };
        if attribute.is_none_or(|(attribute, value)| attribute.of(&event).iter().any(|of| of == value)) {
            found.push((number, event));
        }
        if found.len() == limit {
            break;
        }
    }
    Ok(found)
}

/// The events of a kind from a number on, in order.
pub fn events_from(
    reads: &impl Reads,
    data: bool,
    from: u64,
    limit: usize,
) -> Result<Vec<(u64, EventRecord)>, StoreError> {
    let table = if data { &DATA_EVENTS } else { &EVENTS };
    reads.range(table, from..).take(limit).collect()
}

/// Removes events that are older than `before`, and data events that every trail delivered; at most `limit` of each kind.
/// Whether there may be more.
pub fn trim(txn: &mut Txn<'_>, before: Timestamp, limit: usize) -> Result<bool, StoreError> {
    let trails = all_trails(txn)?;
    let undelivered = trails.iter().flat_map(|trail| &trail.logging.spans).map(|span| span.from);
    let delivered_below = undelivered.min().unwrap_or(u64::MAX);
    let expired =
        |(number, event): &(u64, EventRecord)| event.at < before || (event.data && *number < delivered_below);
    let mut more = false;
    for data in [false, true] {
        let first = events_from(txn, data, FIRST, limit)?;
        let gone: Vec<_> = first.into_iter().take_while(expired).collect();
        more |= gone.len() == limit;
        for (number, event) in gone {
            if data {
                txn.delete(&DATA_EVENTS, &number)?;
                continue;
            }
            txn.delete(&EVENTS, &number)?;
            for entry in entries(&event) {
                txn.delete(&INDEX, &index_key(&event, entry, number))?;
            }
        }
    }
    Ok(more)
}

pub fn trail(reads: &impl Reads, scope: &Scope, name: &str) -> Result<Option<Trail>, StoreError> {
    reads.get(&TRAILS, &(&scope.account, &scope.region, name))
}

pub fn put_trail(txn: &mut Txn<'_>, trail: &Trail) -> Result<(), StoreError> {
    let Scope { account, region } = trail.scope.clone();
    txn.put(&TRAILS, &(account, region, trail.name.clone()), trail)?;
    Ok(())
}

/// Whether it was there.
pub fn delete_trail(txn: &mut Txn<'_>, scope: &Scope, name: &str) -> Result<bool, StoreError> {
    txn.delete(&TRAILS, &(&scope.account, &scope.region, name))
}

/// Those that live in a region.
pub fn trails_of(reads: &impl Reads, scope: &Scope) -> Result<Vec<Trail>, StoreError> {
    let found = reads.prefix(&TRAILS, &(scope.account.clone(), scope.region.clone()));
    found.map(|entry| entry.map(|(_, trail)| trail)).collect()
}

pub fn trails_of_account(reads: &impl Reads, account: &AccountId) -> Result<Vec<Trail>, StoreError> {
    let found = reads.prefix(&TRAILS, &(account.clone(),));
    found.map(|entry| entry.map(|(_, trail)| trail)).collect()
}

pub fn all_trails(reads: &impl Reads) -> Result<Vec<Trail>, StoreError> {
    reads.scan(&TRAILS, Span::all()).map(|entry| entry.map(|(_, trail)| trail)).collect()
}

/// The use of a key up to which KMS's trail was taken over for good.
pub fn followed_to(reads: &impl Reads) -> Result<Option<u64>, StoreError> {
    reads.get(&NUMBERS, KEY_USES)
}

pub fn follow_to(txn: &mut Txn<'_>, number: u64) -> Result<(), StoreError> {
    txn.put(&NUMBERS, KEY_USES, &number)?;
    Ok(())
}

/// Whether an event with this id, or of this request to KMS, is there. Requests end soon after what they do.
pub fn is_told(reads: &impl Reads, event: &EventRecord, by_request: bool) -> Result<bool, StoreError> {
    const WITHIN: Duration = Duration::from_secs(300);
    let scope = Scope::new(event.account.clone(), event.region.clone());
    let id: String = event.id.to_string();
    let prefix = (scope.account.clone(), scope.region.clone(), Attribute::EventId.entry(&id));
    if reads.prefix(&INDEX, &prefix).next().transpose()?.is_some() {
        return Ok(true);
    }
    if !by_request {
        return Ok(false);
    }
    let key = |at: Timestamp, number: u64| -> IndexKey {
        let entry = Attribute::EventSource.entry(&event.source);
        (scope.account.clone(), scope.region.clone(), entry, at, number)
    };
    for entry in reads.range(&INDEX, key(event.at.minus(WITHIN), 0)..=key(event.at.plus(WITHIN), u64::MAX)) {
        let ((.., number), ()) = entry?;
        let found = reads.get(&EVENTS, &number)?;
        if found.is_some_and(|found| found.request_id == event.request_id) {
            return Ok(true);
        }
    }
    Ok(false)
}
