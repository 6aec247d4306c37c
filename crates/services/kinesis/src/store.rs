//! Keys, records and transactions of Kinesis: the only file that knows how they are kept.

use millpond_core::{AccountId, Region, Scope};
use millpond_journal::SegmentId;
use millpond_store::{Reads, Store, StoreError, Table, Txn};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::KinesisError;
use crate::model::sequence::Index;
use crate::model::stream::{Mode, Status, Stream};
use crate::settings::KinesisSettings;

/// Streams by account, region and name.
pub const STREAMS: Table<(AccountId, Region, String), Stream> = Table::new("kinesis.streams");

/// What closed segments of the journal hold, so that a start need not read them.
pub const SEGMENTS: Table<u64, SegmentRecord> = Table::new("kinesis.segments");

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRecord {
    pub spans: Vec<SpanRecord>,
}

/// A shard's records in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanRecord {
    pub stream: Uuid,
    pub shard: u32,
    pub first: Index,
    pub last: Index,
}

/// What an account has in a region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Open shards of provisioned streams.
    pub shards: usize,
    pub on_demand_streams: usize,
}

pub fn usage(reads: &impl Reads, scope: &Scope) -> Result<Usage, StoreError> {
    let mut usage = Usage::default();
    for entry in reads.prefix(&STREAMS, &(&scope.account, &scope.region)) {
        let (_, stream) = entry?;
        match stream.mode {
            Mode::Provisioned => usage.shards += stream.shards.len(),
            Mode::OnDemand => usage.on_demand_streams += 1,
        }
    }
    Ok(usage)
}

/// Reserves the name, within the account's quotas.
pub async fn insert_stream(
    store: &Store,
    stream: Stream,
    settings: &KinesisSettings,
) -> Result<(), KinesisError> {
    let (shard_quota, on_demand_quota) =
        (settings.shard_quota as usize, settings.on_demand_stream_quota as usize);
    store
        .write(move |txn| {
            let scope = &stream.scope;
            let key = (&scope.account, &scope.region, stream.name.as_str());
            if txn.contains(&STREAMS, &key)? {
                let (name, account) = (stream.name.clone(), scope.account.clone());
                return Err(KinesisError::StreamExists { name, account });
            }
            let used = usage(txn, scope)?;
            let wanted = stream.shards.len();
            match stream.mode {
                Mode::Provisioned if used.shards + wanted > shard_quota => Err(KinesisError::ShardQuota {
                    scope: scope.clone(),
                    current: used.shards,
                    limit: shard_quota,
                    wanted,
                }),
                Mode::OnDemand if used.on_demand_streams >= on_demand_quota => {
                    Err(KinesisError::OnDemandQuota {
                        account: scope.account.clone(),
                        limit: on_demand_quota,
                    })
                }
                Mode::Provisioned | Mode::OnDemand => Ok(txn.put(&STREAMS, &key, &stream)?),
            }
        })
        .await
}

/// Changes a stream, if it still is the one with this id.
pub async fn update_stream<T, F>(store: &Store, of: &Stream, change: F) -> Result<T, KinesisError>
where
    T: Send + 'static,
    F: FnOnce(&mut Stream) -> Result<T, KinesisError> + Send + 'static,
{
    let (scope, name, id) = (of.scope.clone(), of.name.clone(), of.id);
    let update = move |txn: &mut Txn<'_>| {
        let key = (&scope.account, &scope.region, name.as_str());
        let stream = txn.get(&STREAMS, &key)?.filter(|stream| stream.id == id);
        let mut stream = stream.ok_or_else(|| KinesisError::no_stream(&scope, &name))?;
        let result = change(&mut stream)?;
        txn.put(&STREAMS, &key, &stream)?;
        Ok(result)
    };
    store.write(update).await
}

/// Removes a stream that is being deleted; its records lose their name and go with their segments.
pub async fn remove_stream(store: &Store, of: &Stream) -> Result<(), StoreError> {
    let (scope, name, id) = (of.scope.clone(), of.name.clone(), of.id);
    let remove = move |txn: &mut Txn<'_>| {
        let key = (&scope.account, &scope.region, name.as_str());
        let stream = txn.get(&STREAMS, &key)?;
        if stream.is_some_and(|stream| stream.id == id && stream.status == Status::Deleting) {
            txn.delete(&STREAMS, &key)?;
        }
        Ok(())
    };
    store.write(remove).await
}

pub async fn put_segment(store: &Store, id: SegmentId, record: SegmentRecord) -> Result<(), StoreError> {
    store.write(move |txn| txn.put(&SEGMENTS, &id, &record)).await
}

pub async fn remove_segments(store: &Store, ids: Vec<SegmentId>) -> Result<(), StoreError> {
    let remove = move |txn: &mut Txn<'_>| {
        for id in &ids {
            txn.delete(&SEGMENTS, id)?;
        }
        Ok(())
    };
    store.write(remove).await
}
