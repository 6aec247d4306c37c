//! How delivery streams and checkpoints are kept.

use std::collections::BTreeMap;

use millpond_core::{AccountId, Region, Scope, Timestamp};
use millpond_store::{Reads as _, Span, Store, StoreError, Table};
use uuid::Uuid;

use crate::error::FirehoseError;
use crate::model::{Destination, MAX_STREAMS, State, Stream};

type StreamKey = (AccountId, Region, String);

const STREAMS: Table<StreamKey, Stream> = Table::new("firehose.streams");
/// By the stream's id and the lane's name: a place in the notation of the source.
const CHECKPOINTS: Table<(Uuid, String), String> = Table::new("firehose.checkpoints");

#[derive(Clone)]
pub struct StreamStore(Store);

impl StreamStore {
    pub fn new(store: Store) -> Self {
        Self(store)
    }

    /// Errors: ResourceInUseException (the name is taken), LimitExceededException (the account's quota).
    pub async fn insert(&self, stream: Stream) -> Result<(), FirehoseError> {
        self.0
            .write(move |txn| {
                let Scope { account, region } = &stream.scope;
                let in_scope = txn.prefix(&STREAMS, &(account.clone(), region.clone())).take(MAX_STREAMS);
                if in_scope.count() >= MAX_STREAMS {
                    return Err(FirehoseError::TooManyStreams(MAX_STREAMS));
                }
                if txn.insert_new(&STREAMS, &key(&stream.scope, &stream.name), &stream)? {
                    return Ok(());
                }
                Err(FirehoseError::NameTaken { name: stream.name, account: stream.scope.account.to_string() })
            })
            .await
    }

    pub fn find(&self, scope: &Scope, name: &str) -> Result<Option<Stream>, StoreError> {
        self.0.read()?.get(&STREAMS, &key(scope, name))
    }

    /// Errors: ResourceNotFoundException.
    pub fn get(&self, scope: &Scope, name: &str) -> Result<Stream, FirehoseError> {
        self.find(scope, name)?.ok_or_else(|| not_found(scope, name))
    }

    /// Names in order, after `after`, of streams that `wanted` picks; one more than `limit` shows that there are more.
    pub fn list(
        &self,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
        wanted: impl Fn(&Stream) -> bool,
    ) -> Result<Vec<String>, StoreError> {
        let snapshot = self.0.read()?;
        let mut names = Vec::new();
        for entry in snapshot.prefix(&STREAMS, &(scope.account.clone(), scope.region.clone())) {
            let ((_, _, name), stream) = entry?;
            if after.is_none_or(|after| name.as_str() > after) && wanted(&stream) {
                names.push(name);
            }
            if names.len() > limit {
                break;
            }
        }
        Ok(names)
    }

    pub fn all(&self) -> Result<Vec<Stream>, StoreError> {
        let snapshot = self.0.read()?;
        snapshot.scan(&STREAMS, Span::all()).map(|entry| entry.map(|(_, stream)| stream)).collect()
    }

    /// Reads, changes and writes a stream in one transaction.
    ///
    /// Errors: ResourceNotFoundException, and those of `change`.
    pub async fn change<F>(&self, scope: &Scope, name: &str, change: F) -> Result<Stream, FirehoseError>
    where
        F: FnOnce(&mut Stream) -> Result<(), FirehoseError> + Send + 'static,
    {
        let (scope, name) = (scope.clone(), name.to_owned());
        self.0
            .write(move |txn| {
                let key = key(&scope, &name);
                let mut stream: Stream = txn.get(&STREAMS, &key)?.ok_or_else(|| not_found(&scope, &name))?;
                change(&mut stream)?;
                txn.put(&STREAMS, &key, &stream)?;
                Ok(stream)
            })
            .await
    }

    /// Forgets a stream and its checkpoints, unless another one has its name by now.
    pub async fn remove(&self, stream: &Stream) -> Result<(), FirehoseError> {
        let (key, id) = (key(&stream.scope, &stream.name), stream.id);
        self.0
            .write(move |txn| {
                if txn.get(&STREAMS, &key)?.is_some_and(|found: Stream| found.id == id) {
                    txn.delete(&STREAMS, &key)?;
                }
                let lanes: Vec<(Uuid, String)> = txn
                    .prefix(&CHECKPOINTS, &(id,))
                    .map(|entry| entry.map(|(key, _)| key))
                    .collect::<Result<_, _>>()?;
                for lane in lanes {
                    txn.delete(&CHECKPOINTS, &lane)?;
                }
                Ok(())
            })
            .await
    }

    /// The place up to which each lane of a stream is delivered.
    pub fn checkpoints(&self, id: Uuid) -> Result<BTreeMap<String, String>, StoreError> {
        let snapshot = self.0.read()?;
        let entries = snapshot.prefix(&CHECKPOINTS, &(id,));
        entries.map(|entry| entry.map(|((_, lane), place)| (lane, place))).collect()
    }

    pub async fn save_checkpoints(
        &self,
        id: Uuid,
        moved: BTreeMap<String, String>,
    ) -> Result<(), FirehoseError> {
        self.0
            .write(move |txn| {
                for (lane, place) in &moved {
                    txn.put(&CHECKPOINTS, &(id, lane.clone()), place)?;
                }
                Ok(())
            })
            .await
    }
}

/// What an update of the destination does to the stream.
///
/// Errors: ResourceInUseException (not ACTIVE), ConcurrentModificationException (another version).
pub fn apply_update(
    stream: &mut Stream,
    version: &str,
    destination: Destination,
    now: Timestamp,
) -> Result<(), FirehoseError> {
    if stream.state != State::Active {
        return Err(FirehoseError::NotActive { name: stream.name.clone(), state: stream.state.as_str() });
    }
    if version != stream.version.to_string() {
        let (name, current, given) = (stream.name.clone(), stream.version, version.to_owned());
        return Err(FirehoseError::VersionMismatch { name, current, given });
    }
    stream.destination = destination;
    stream.version += 1;
    stream.updated = Some(now);
    Ok(())
}

pub fn not_found(scope: &Scope, name: &str) -> FirehoseError {
    FirehoseError::NotFound { name: name.to_owned(), account: scope.account.to_string() }
}

fn key(scope: &Scope, name: &str) -> StreamKey {
    (scope.account.clone(), scope.region.clone(), name.to_owned())
}
