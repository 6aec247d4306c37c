//! Keys, records and transactions of Athena: the only file that knows how they are kept.

use millpond_core::{AccountId, Region, Scope, Timestamp};
use millpond_store::{Reads, Store, StoreError, Table};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::AthenaError;
use crate::model::{Ended, PRIMARY, Query, WorkGroup};

type Named = (AccountId, Region, String);

/// Workgroups by account, region and name; the primary one only once it was changed.
const WORKGROUPS: Table<Named, WorkGroup> = Table::new("athena.workgroups");

const QUERIES: Table<(AccountId, Region, Uuid), Query> = Table::new("athena.queries");

/// Ids by workgroup, the newest first.
const HISTORY: Table<(AccountId, Region, String, u64, Uuid), ()> = Table::new("athena.history");

/// Ids by time, the oldest first, for their removal.
const AGES: Table<(Timestamp, AccountId, Region, Uuid), ()> = Table::new("athena.ages");

/// The queries that have not ended.
const ACTIVE: Table<(AccountId, Region, Uuid), ()> = Table::new("athena.active");

/// What a client's token started.
const TOKENS: Table<Named, Started> = Table::new("athena.tokens");

/// Where a listing of a workgroup's queries goes on.
pub type HistoryKey = (u64, Uuid);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Started {
    id: Uuid,
    sql: String,
    at: Timestamp,
}

/// Sorts later times first.
fn newest_first(at: Timestamp) -> u64 {
    u64::MAX - at.as_millis().max(0).unsigned_abs()
}

pub fn workgroup(reads: &impl Reads, scope: &Scope, name: &str) -> Result<Option<WorkGroup>, StoreError> {
    let found = reads.get(&WORKGROUPS, &(&scope.account, &scope.region, name))?;
    Ok(found.or_else(|| (name == PRIMARY).then(WorkGroup::primary)))
}

/// Workgroups by name, the primary one among them.
pub fn workgroups(reads: &impl Reads, scope: &Scope) -> Result<Vec<WorkGroup>, StoreError> {
    let mut all = Vec::new();
    for entry in reads.prefix(&WORKGROUPS, &(&scope.account, &scope.region)) {
        all.push(entry?.1);
    }
    if !all.iter().any(|group: &WorkGroup| group.name == PRIMARY) {
        all.push(WorkGroup::primary());
        all.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(all)
}

/// How many workgroups an account may have in a region.
const WORKGROUP_QUOTA: usize = 1_000;

pub async fn insert_workgroup(store: &Store, scope: &Scope, group: WorkGroup) -> Result<(), AthenaError> {
    let scope = scope.clone();
    store
        .write(move |txn| {
            if workgroup(txn, &scope, &group.name)?.is_some() {
                return Err(AthenaError::invalid("WorkGroup is already created"));
            }
            if workgroups(txn, &scope)?.len() >= WORKGROUP_QUOTA {
                return Err(AthenaError::invalid(format!(
                    "You have reached the limit of {WORKGROUP_QUOTA} workgroups in this account."
                )));
            }
            Ok(txn.put(&WORKGROUPS, &(&scope.account, &scope.region, group.name.as_str()), &group)?)
        })
        .await
}

pub async fn update_workgroup<F>(
    store: &Store,
    scope: &Scope,
    name: &str,
    change: F,
) -> Result<(), AthenaError>
where
    F: FnOnce(&mut WorkGroup) -> Result<(), AthenaError> + Send + 'static,
{
    let (scope, name) = (scope.clone(), name.to_owned());
    store
        .write(move |txn| {
            let found = workgroup(txn, &scope, &name)?;
            let mut group = found.ok_or_else(|| AthenaError::WorkGroupNotFound(name.clone()))?;
            change(&mut group)?;
            Ok(txn.put(&WORKGROUPS, &(&scope.account, &scope.region, name.as_str()), &group)?)
        })
        .await
}

/// Removes the workgroup; with queries in its history only when `recursive`.
pub async fn remove_workgroup(
    store: &Store,
    scope: &Scope,
    name: &str,
    recursive: bool,
) -> Result<(), AthenaError> {
    let (scope, name) = (scope.clone(), name.to_owned());
    store
        .write(move |txn| {
            let mut history = txn.prefix(&HISTORY, &(&scope.account, &scope.region, name.as_str()));
            let used = history.next().transpose()?.is_some();
            drop(history);
            if used && !recursive {
                return Err(AthenaError::invalid(format!("WorkGroup {name} is not empty")));
            }
            if !txn.delete(&WORKGROUPS, &(&scope.account, &scope.region, name.as_str()))? {
                return Err(AthenaError::WorkGroupNotFound(name));
            }
            Ok(())
        })
        .await
}

/// Records the query and answers its id, or the id of the one that the token already started.
///
/// Errors: InvalidRequestException when the token started another statement.
pub async fn insert_query(store: &Store, query: Query, token: Option<String>) -> Result<Uuid, AthenaError> {
    store
        .write(move |txn| {
            let Scope { account, region } = &query.scope;
            if let Some(token) = &token {
                let key = (account, region, token.as_str());
                if let Some(started) = txn.get(&TOKENS, &key)? {
                    return match started.sql == query.sql {
                        true => Ok(started.id),
                        false => Err(AthenaError::invalid(
                            "Idempotent parameters do not match: the ClientRequestToken started another query",
                        )),
                    };
                }
                txn.put(&TOKENS, &key, &Started { id: query.id, sql: query.sql.clone(), at: query.submitted })?;
            }
            txn.put(&QUERIES, &(account, region, query.id), &query)?;
            txn.put(&ACTIVE, &(account, region, query.id), &())?;
            txn.put(&AGES, &(query.submitted, account, region, query.id), &())?;
            let at = newest_first(query.submitted);
            txn.put(&HISTORY, &(account, region, query.workgroup.as_str(), at, query.id), &())?;
            Ok(query.id)
        })
        .await
}

pub fn query(reads: &impl Reads, scope: &Scope, id: Uuid) -> Result<Option<Query>, StoreError> {
    reads.get(&QUERIES, &(&scope.account, &scope.region, id))
}

/// Ids of a workgroup's queries, the newest first, behind `after`; and where the next page begins.
pub fn history(
    reads: &impl Reads,
    scope: &Scope,
    workgroup: &str,
    after: Option<HistoryKey>,
    limit: usize,
) -> Result<(Vec<Uuid>, Option<HistoryKey>), StoreError> {
    let (account, region) = (scope.account.clone(), scope.region.clone());
    let (at, id) = after.unwrap_or((0, Uuid::nil()));
    let begin = (account, region, workgroup.to_owned(), at, id);
    let mut ids = Vec::new();
    let mut last = None;
    for entry in reads.range(&HISTORY, begin..) {
        let ((account, region, group, at, id), ()) = entry?;
        if account != scope.account || region != scope.region || group != workgroup {
            return Ok((ids, None));
        }
        if Some((at, id)) == after {
            continue;
        }
        if ids.len() == limit {
            return Ok((ids, last));
        }
        ids.push(id);
        last = Some((at, id));
    }
    Ok((ids, None))
}

/// Ends a query that has not ended yet; whether it was this that ended it.
pub async fn end_query(store: &Store, scope: &Scope, id: Uuid, ended: Ended) -> Result<bool, StoreError> {
    let scope = scope.clone();
    store
        .write(move |txn| {
            let key = (&scope.account, &scope.region, id);
            txn.delete(&ACTIVE, &key)?;
            let Some(mut query) = txn.get(&QUERIES, &key)?.filter(|query| query.ended.is_none()) else {
                return Ok(false);
            };
            query.ended = Some(ended);
            txn.put(&QUERIES, &key, &query)?;
            Ok(true)
        })
        .await
}

/// Queries that have not ended, by the record.
pub fn active(reads: &impl Reads) -> Result<Vec<(Scope, Uuid)>, StoreError> {
    let entries = reads.prefix(&ACTIVE, &());
    entries.map(|entry| entry.map(|((account, region, id), ())| (Scope::new(account, region), id))).collect()
}

/// Removes up to `limit` executions from before `until`; whether there may be more.
pub async fn remove_older(store: &Store, until: Timestamp, limit: usize) -> Result<bool, StoreError> {
    store
        .write(move |txn| {
            let mut old = Vec::new();
            for entry in txn.prefix(&AGES, &()) {
                let (key, ()) = entry?;
                if key.0 >= until || old.len() == limit {
                    break;
                }
                old.push(key);
            }
            for key in &old {
                let (at, account, region, id) = key;
                if let Some(query) = txn.get(&QUERIES, &(account, region, *id))? {
                    let at = newest_first(*at);
                    txn.delete(&HISTORY, &(account, region, query.workgroup.as_str(), at, *id))?;
                }
                txn.delete(&QUERIES, &(account, region, *id))?;
                txn.delete(&AGES, key)?;
            }
            let mut tokens = Vec::new();
            for entry in txn.prefix(&TOKENS, &()) {
                let (key, started) = entry?;
                if started.at < until {
                    tokens.push(key);
                }
                if tokens.len() == limit {
                    break;
                }
            }
            for key in &tokens {
                txn.delete(&TOKENS, key)?;
            }
            Ok(old.len() == limit || tokens.len() == limit)
        })
        .await
}
