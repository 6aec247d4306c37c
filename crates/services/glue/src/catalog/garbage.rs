//! Removes what dropped databases and tables held, some records a pass.

use std::time::Duration;

use millpond_store::key::{AsPrefix, Key};
use millpond_store::{Reads, Store, Table as StoreTable, Txn};
use millpond_work::{Pass, WorkError, Worker};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Dropped, GARBAGE, PARTITIONS, TABLES, VERSIONS};
use crate::error::GlueError;

/// Records removed in one transaction: few enough not to hold other writers up.
const AT_ONCE: usize = 500;

pub struct Sweeper {
    pub store: Store,
}

impl Worker for Sweeper {
    fn name(&self) -> &str {
        "glue.garbage"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(600)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let next = self.store.read()?.prefix(&GARBAGE, &()).next().transpose()?;
        let Some((id, dropped)) = next else { return Ok(Pass::Idle) };
        self.store.write(move |txn| sweep(txn, id, dropped)).await?;
        Ok(Pass::MoreToDo)
    }
}

/// Removes some of what hung on `id`, and in the end the note that something did.
fn sweep(txn: &mut Txn<'_>, id: Uuid, dropped: Dropped) -> Result<(), GlueError> {
    let empty = match dropped {
        Dropped::Database => {
            let tables: Vec<_> = txn.prefix(&TABLES, &(id,)).take(AT_ONCE).collect::<Result<_, _>>()?;
            for (key, table) in &tables {
                txn.delete(&TABLES, key)?;
                txn.put(&GARBAGE, &table.id, &Dropped::Table)?;
            }
            tables.len() < AT_ONCE
        }
        Dropped::Table => clear(txn, &PARTITIONS, id)? && clear(txn, &VERSIONS, id)?,
    };
    if empty {
        txn.delete(&GARBAGE, &id)?;
    }
    Ok(())
}

/// Removes up to [`AT_ONCE`] records under `id`; whether there are no more.
fn clear<P, V>(txn: &mut Txn<'_>, table: &StoreTable<(Uuid, P), V>, id: Uuid) -> Result<bool, GlueError>
where
    (Uuid, P): Key,
    (Uuid,): AsPrefix<(Uuid, P)>,
    V: Serialize + DeserializeOwned,
{
    let keys: Vec<_> = txn
        .prefix(table, &(id,))
        .take(AT_ONCE)
        .map(|entry| Ok(entry?.0))
        .collect::<Result<_, GlueError>>()?;
    for key in &keys {
        txn.delete(table, key)?;
    }
    Ok(keys.len() < AT_ONCE)
}
