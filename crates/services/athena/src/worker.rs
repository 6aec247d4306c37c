//! Background passes: queries that a stop left behind, and executions that are past their time.

use std::sync::Arc;
use std::time::Duration;

use millpond_work::{Pass, WorkError, Worker};

use crate::Athena;
use crate::model::{Ended, Outcome, Statistics};
use crate::store;

/// How long Athena keeps the history of queries.
const KEPT: Duration = Duration::from_secs(45 * 24 * 3600);

/// Executions that one pass removes.
const REMOVED_AT_ONCE: usize = 500;

/// What a query that was running when the program ended is told.
pub const LEFT_BEHIND: &str =
    "INTERNAL_ERROR: the server was stopped while the query was queued or running; run it again";

/// How a query ended that no process works on any more.
pub fn left_behind(at: millpond_core::Timestamp) -> Ended {
    Ended {
        at,
        outcome: Outcome::Failed { category: 1, reason: LEFT_BEHIND.to_owned() },
        statistics: Statistics::default(),
        columns: Vec::new(),
    }
}

/// Ends queries that no process works on.
pub struct Settle(pub Arc<Athena>);

impl Worker for Settle {
    fn name(&self) -> &str {
        "athena.settle"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(600)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let athena = &self.0;
        for (scope, id) in store::active(&athena.store.read()?)? {
            if athena.live(id).is_none() {
                store::end_query(&athena.store, &scope, id, left_behind(athena.clock.now())).await?;
            }
        }
        Ok(Pass::Idle)
    }
}

/// Removes executions after 45 days, as Athena does.
pub struct Expire(pub Arc<Athena>);

impl Worker for Expire {
    fn name(&self) -> &str {
        "athena.expire"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(3600)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let until = self.0.clock.now().minus(KEPT);
        match store::remove_older(&self.0.store, until, REMOVED_AT_ONCE).await? {
            true => Ok(Pass::MoreToDo),
            false => Ok(Pass::Idle),
        }
    }
}
