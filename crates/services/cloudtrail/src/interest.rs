//! Which data events anybody asks for, as the request's way sees it: flags first, and only then the trails themselves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use millpond_store::{Store, StoreError};

use crate::record::EventRecord;
use crate::store;
use crate::trail::Trail;

#[derive(Debug, Default)]
pub struct Interest {
    s3: AtomicBool,
    kinesis: AtomicBool,
    /// Those that log data events.
    trails: RwLock<Arc<Vec<Trail>>>,
}

impl Interest {
    /// Reads the trails anew; whoever changed one calls this before answering.
    pub fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        // Held while reading, so that the last one to come reads last.
        let mut kept = self.trails.write().unwrap_or_else(PoisonError::into_inner);
        let mut trails = store::all_trails(&store.read()?)?;
        trails.retain(|trail| trail.logging.is_on());
        for (service, flag) in [("s3", &self.s3), ("kinesis", &self.kinesis)] {
            let is_asked_for = trails.iter().any(|trail| trail.selectors.ask_for_data_of(service));
            flag.store(is_asked_for, Ordering::Release);
        }
        *kept = Arc::new(trails);
        Ok(())
    }

    /// Whether data events of a service may be wanted. Costs a load.
    pub fn wants(&self, service: &str) -> bool {
        match service {
            "s3" => self.s3.load(Ordering::Acquire),
            "kinesis" => self.kinesis.load(Ordering::Acquire),
            _ => false,
        }
    }

    pub fn selects(&self, event: &EventRecord) -> bool {
        let trails = Arc::clone(&self.trails.read().unwrap_or_else(PoisonError::into_inner));
        trails.iter().any(|trail| trail.takes(event))
    }
}
