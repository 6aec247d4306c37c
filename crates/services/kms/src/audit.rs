//! The trail: who used which key for what, kept for 90 days. CloudTrail reads it with [`Kms::uses_after`].
//!
//! A use is numbered in the transaction that records it, so that the order of numbers is the order of commits and a reader
//! who goes on after the last number that it saw misses nothing. The store's group commit shares one sync among
//! the uses that are recorded at the same time; a service that commits a transaction of its own for the same request takes
//! the record into it ([`Unrecorded`]).

use std::collections::BTreeMap;
use std::time::Duration;

use millpond_core::{Arn, Timestamp};
use millpond_gateway::Caller;
use millpond_store::{Reads, Span, Store, StoreError, Table, Txn};
use millpond_wire::ServiceError as _;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Kms;
use crate::error::KmsError;
use crate::model::context::EncryptionContext;
use crate::model::key::days;

const USES: Table<u64, KeyUse> = Table::new("kms.uses");
/// The last use that succeeded, by key.
const LAST_USES: Table<Uuid, LastUse> = Table::new("kms.last_uses");

const RETENTION_DAYS: u32 = 90;
/// How many records a pass removes at most.
const BATCH: usize = 1_000;

/// One use of a key, or an attempt at one, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    pub event: Uuid,
    pub at: Timestamp,
    /// As AWS's API names it.
    pub operation: String,
    /// The caller's ARN; none for a caller without an identity.
    pub principal: Option<String>,
    /// The caller's account.
    pub account: String,
    pub source_ip: String,
    /// The service that used the key for the caller, as `s3`; none for a call to KMS itself.
    pub via: Option<String>,
    pub request_id: String,
    pub key: Arn,
    pub context: BTreeMap<String, String>,
    /// AWS's code of why it did not succeed.
    pub error: Option<String>,
}

/// As GetKeyLastUsage shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUse {
    pub operation: String,
    pub at: Timestamp,
    pub event: Uuid,
    pub request_id: String,
}

/// A request's uses of keys while it runs.
#[derive(Debug)]
pub struct Trail {
    template: KeyUse,
    keys: Vec<(Arn, BTreeMap<String, String>)>,
}

impl Trail {
    pub fn of(caller: &Caller, operation: &'static str, via: Option<&'static str>) -> Self {
        let template = KeyUse {
            event: Uuid::nil(),
            at: caller.clock.now(),
            operation: operation.to_owned(),
            principal: caller.principal.arn().map(|arn| arn.to_string()),
            account: caller.scope.account.to_string(),
            source_ip: caller.source_ip.to_string(),
            via: via.map(str::to_owned),
            request_id: caller.request_id.to_string(),
            // Each record's own key takes this place.
            key: Arn::global("kms", "key"),
            context: BTreeMap::new(),
            error: None,
        };
        Self { template, keys: Vec::new() }
    }

    /// The request found this key: whatever becomes of it, it leaves a record.
    pub fn touch(&mut self, key: Arn, context: &EncryptionContext) {
        self.keys.push((key, context.pairs().clone()));
    }

    /// The records, once it is known how the request ended.
    fn end<T>(self, result: &Result<T, KmsError>) -> Vec<KeyUse> {
        let error = result.as_ref().err().map(|error| match error {
            KmsError::AccessDenied(denied) => denied.code.to_string(),
            other => other.code().to_owned(),
        });
        let Self { template, keys } = self;
        let record = |(key, context)| {
            let error = error.clone();
            KeyUse { event: Uuid::new_v4(), key, context, error, ..template.clone() }
        };
        keys.into_iter().map(record).collect()
    }

    /// Makes the uses durable, and then gives the result on.
    pub async fn close<T>(self, store: &Store, result: Result<T, KmsError>) -> Result<T, KmsError> {
        let uses = self.end(&result);
        if !uses.is_empty() {
            store.write(move |txn| record(txn, &uses)).await?;
        }
        result
    }

    /// As [`Trail::close`]; when the request succeeded, its record is left to the caller's transaction.
    pub async fn hand_over<T>(
        self,
        store: &Store,
        result: Result<T, KmsError>,
    ) -> Result<(T, Unrecorded), KmsError> {
        match result {
            Ok(value) => {
                let uses = self.end(&Ok(()));
                Ok((value, Unrecorded(uses)))
            }
            Err(error) => self.close(store, Err(error)).await,
        }
    }
}

/// A use whose record is to go into the transaction that keeps what was made with it. When that transaction never comes
/// about, neither did anything that the key protects.
#[derive(Debug)]
#[must_use = "the use of the key is recorded in the caller's transaction"]
pub struct Unrecorded(Vec<KeyUse>);

impl Unrecorded {
    pub fn record(&self, txn: &mut Txn<'_>) -> Result<(), StoreError> {
        record(txn, &self.0)
    }
}

fn record(txn: &mut Txn<'_>, uses: &[KeyUse]) -> Result<(), StoreError> {
    let last = txn.scan(&USES, Span::all()).next_back().transpose()?;
    let first = last.map_or(0, |(number, _)| number + 1);
    for (number, key_use) in (first..).zip(uses) {
        txn.put(&USES, &number, key_use)?;
        let id = key_use.key.resource_name().and_then(|id| id.parse::<Uuid>().ok());
        if let (None, Some(id)) = (&key_use.error, id) {
            let KeyUse { operation, at, event, request_id, .. } = key_use.clone();
            txn.put(&LAST_USES, &id, &LastUse { operation, at, event, request_id })?;
        }
    }
    Ok(())
}

pub fn last_use(reads: &impl Reads, key: Uuid) -> Result<Option<LastUse>, StoreError> {
    reads.get(&LAST_USES, &key)
}

/// The key is gone, and with it this; its records stay for their time.
pub fn forget_key(txn: &mut Txn<'_>, key: Uuid) -> Result<(), StoreError> {
    txn.delete(&LAST_USES, &key)?;
    Ok(())
}

/// Removes records older than 90 days, at most a batch; whether there are more. The newest stays, so that numbers only grow.
pub async fn trim(store: &Store, now: Timestamp) -> Result<bool, StoreError> {
    let before = now.minus(days(RETENTION_DAYS));
    let (expired, more) = {
        let snapshot = store.read()?;
        let Some((newest, _)) = snapshot.scan(&USES, Span::all()).next_back().transpose()? else {
            return Ok(false);
        };
        let mut expired = Vec::new();
        let mut more = false;
        for entry in snapshot.range(&USES, ..newest) {
            let (number, key_use) = entry?;
            if key_use.at >= before {
                break;
            }
            if expired.len() == BATCH {
                more = true;
                break;
            }
            expired.push(number);
        }
        (expired, more)
    };
    if !expired.is_empty() {
        let remove = move |txn: &mut Txn<'_>| {
            expired.iter().try_for_each(|number| txn.delete(&USES, number).map(|_there| ()))
        };
        store.write::<(), StoreError, _>(remove).await?;
    }
    Ok(more)
}

/// How often old records are looked for.
pub const TRIM_EVERY: Duration = Duration::from_secs(3_600);

impl Kms {
    /// Uses of keys in the order in which they were recorded, those after number `after`: how a trail follows them.
    pub fn uses_after(&self, after: Option<u64>, limit: usize) -> Result<Vec<(u64, KeyUse)>, StoreError> {
        let snapshot = self.store().read()?;
        let span = match after {
            Some(number) => Span::all().after(&number),
            None => Span::all(),
        };
        snapshot.scan(&USES, span).take(limit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_uses_stay_readable() {
        let key_use = KeyUse {
            event: Uuid::nil(),
            at: Timestamp::from_secs(1_795_000_000),
            operation: "Decrypt".to_owned(),
            principal: Some("arn:aws:iam::000000000000:root".to_owned()),
            account: "000000000000".to_owned(),
            source_ip: "127.0.0.1".to_owned(),
            via: Some("s3".to_owned()),
            request_id: "r".to_owned(),
            key: "arn:aws:kms:us-east-1:000000000000:key/k".parse().unwrap(),
            context: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
            error: None,
        };
        let bytes = rmp_serde::to_vec_named(&key_use).unwrap();
        assert_eq!(hex::encode(&bytes), include_str!("use_v1.hex").trim());
        assert_eq!(rmp_serde::from_slice::<KeyUse>(&bytes).unwrap(), key_use);
    }
}
