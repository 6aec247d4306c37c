//! Copies that a reader found bad while another copy served it, for whoever repairs.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::Placement;

/// How many wait; what is found beyond that is only counted, and left to the scrub.
const MOST: usize = 1024;

/// A body one of whose copies could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    pub placement: Placement,
    pub zone: u8,
}

/// What readers found since it was last asked for.
#[derive(Debug, Default)]
pub struct Suspicious {
    pub found: Vec<Suspect>,
    /// Findings that there was no room for.
    pub overlooked: u64,
}

#[derive(Default)]
pub(crate) struct Suspects {
    found: Mutex<(VecDeque<Suspect>, u64)>,
    reported: Notify,
}

impl Suspects {
    pub(crate) fn report(&self, placement: &Placement, zone: u8) {
        // The queue is whole at every moment.
        let mut suspects = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let (found, overlooked) = &mut *suspects;
        let suspect = Suspect { placement: placement.clone(), zone };
        if found.contains(&suspect) {
            return;
        }
        if found.len() < MOST {
            found.push_back(suspect)
        } else {
            *overlooked += 1
        }
        self.reported.notify_one();
    }

    pub(crate) async fn reported(&self) {
        self.reported.notified().await;
    }

    pub(crate) fn take(&self) -> Suspicious {
        let mut suspects = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let (found, overlooked) = std::mem::take(&mut *suspects);
        Suspicious { found: found.into(), overlooked }
    }
}
