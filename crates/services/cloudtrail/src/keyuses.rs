//! Uses of keys, from KMS's own trail.
//!
//! Who calls KMS directly is told of by the gateway, which knows all of the request; what services do with keys for their
//! callers is told of by KMS alone. So of KMS's trail those uses are taken that a service made, and of the direct ones those
//! whose request ended in a crash: their events never came about. Every event keeps the id that KMS gave the use, so that none
//! is taken twice. The place in the store stays a minute behind, so that after a crash that minute is looked at again.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use millpond_core::Timestamp;
use millpond_store::{StoreError, Txn};
use millpond_work::{Pass, WorkError, Worker};

use crate::CloudTrail;
use crate::record::EventRecord;
use crate::store;

/// How many uses a pass takes at most.
const BATCH: usize = 500;
/// Longer than any request of KMS runs, and longer than its event waits.
const SETTLED: Duration = Duration::from_secs(60);

/// Follows KMS's trail.
pub struct KeyUses {
    trail: CloudTrail,
    /// When this process took up the trail: what happened before may have ended in a crash.
    since: Timestamp,
    looked: Mutex<Looked>,
}

#[derive(Debug, Default)]
struct Looked {
    /// The last use that was looked at.
    last: Option<u64>,
    /// Uses that may still be looked at again, some seconds apart, the oldest first.
    fresh: VecDeque<(u64, Timestamp)>,
}

impl Looked {
    fn at(&mut self, number: u64, at: Timestamp) {
        const APART: Duration = Duration::from_secs(5);
        self.last = Some(number);
        match self.fresh.back_mut() {
            Some(last) if at.since(last.1) < APART => last.0 = number,
            _ => self.fresh.push_back((number, at)),
        }
    }

    /// The last of those that are settled.
    fn settled(&mut self, before: Timestamp) -> Option<u64> {
        let mut settled = None;
        while let Some((number, _)) = self.fresh.front().copied().filter(|(_, at)| *at < before) {
            self.fresh.pop_front();
            settled = Some(number);
        }
        settled
    }
}

impl KeyUses {
    pub fn new(trail: CloudTrail) -> Result<Self, StoreError> {
        let last = store::followed_to(&trail.store().read()?)?;
        let since = trail.clock().now();
        Ok(Self { trail, since, looked: Mutex::new(Looked { last, ..Looked::default() }) })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Looked) -> T) -> T {
        look(&mut self.looked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub async fn take(&self) -> Result<Pass, WorkError> {
        let uses = self.trail.kms().uses_after(self.with(|looked| looked.last), BATCH)?;
        let last = uses.last().map(|(number, key_use)| (*number, key_use.at));
        let count = uses.len();
        let settled = self.with(|looked| looked.settled(self.trail.clock().now().minus(SETTLED)));
        let since = self.since;
        let taken: Vec<_> = uses
            .into_iter()
            .map(|(_, key_use)| key_use)
            .filter(|key_use| key_use.via.is_some() || key_use.at < since)
            .filter_map(|key_use| Some((EventRecord::of_key_use(&key_use)?, key_use.via.is_none())))
            .collect();
        if !taken.is_empty() || settled.is_some() {
            let write = move |txn: &mut Txn<'_>| {
                let mut new = Vec::new();
                for (event, is_direct) in taken {
                    if !store::is_told(txn, &event, is_direct)? {
                        new.push(event);
                    }
                }
                if !new.is_empty() {
                    store::append(txn, &new)?;
                }
                settled.map_or(Ok(()), |number| store::follow_to(txn, number))
            };
            self.trail.store().write::<(), StoreError, _>(write).await?;
        }
        if let Some((number, at)) = last {
            self.with(|looked| looked.at(number, at));
        }
        Ok(if count == BATCH { Pass::MoreToDo } else { Pass::Idle })
    }
}

impl Worker for KeyUses {
    fn name(&self) -> &str {
        "cloudtrail.key-uses"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        self.take().await
    }
}
