//! The Data Catalog: databases, tables and partitions of every account and region, without wire and without
//! permissions. The only place that knows how they are kept.
//!
//! Tables hang on their database's id and partitions on their table's, so that dropping either is one record, whatever
//! its size; [`garbage`] removes what hung on it in small transactions.

mod check;
mod database;
pub mod garbage;
mod partition;
mod table;
#[cfg(test)]
mod tests;

use millpond_core::{AccountId, Clock, Region, Scope};
use millpond_store::{Snapshot, Store, Table as StoreTable};
use millpond_work::Wake;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::GlueError;
use crate::model::{Database, Partition, Table};

pub use partition::{PartitionFailure, PartitionQuery, Segment, first_failure};
pub use table::TableUpdate;

const DATABASES: StoreTable<(AccountId, Region, String), Database> = StoreTable::new("glue.databases");
/// By the database's id and the table's name.
const TABLES: StoreTable<(Uuid, String), Table> = StoreTable::new("glue.tables");
/// By the table's id and the version: what the table was before it was updated.
const VERSIONS: StoreTable<(Uuid, u64), Table> = StoreTable::new("glue.table-versions");
/// By the table's id and the joined values (see [`partition`]).
const PARTITIONS: StoreTable<(Uuid, String), Partition> = StoreTable::new("glue.partitions");
/// Ids of dropped databases and tables whose contents are still there.
const GARBAGE: StoreTable<Uuid, Dropped> = StoreTable::new("glue.garbage");

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Dropped {
    Database,
    Table,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    store: Store,
    clock: Clock,
    /// Wakes the worker that removes what dropped things held.
    garbage: Wake,
}

impl Catalog {
    pub fn new(store: Store, clock: Clock, garbage: Wake) -> Self {
        Self { store, clock, garbage }
    }

    fn read(&self) -> Result<Snapshot, GlueError> {
        Ok(self.store.read()?)
    }
}

fn database_key(scope: &Scope, name: &str) -> (AccountId, Region, String) {
    (scope.account.clone(), scope.region.clone(), name.to_owned())
}
