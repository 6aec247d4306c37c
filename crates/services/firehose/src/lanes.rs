//! How far delivery has come in each lane of its source (a shard, or the stream's own journal).
//!
//! What is read is read in batches with growing numbers. A lane's checkpoint may move up to the start of its first batch
//! of which a record is still buffered; after a crash delivery reads on from there, so that nothing is lost and some
//! records may be delivered twice.

use std::collections::{BTreeMap, VecDeque};

/// A place in a lane, in the source's own notation; `None` is the lane's beginning.
pub type Place = Option<String>;

#[derive(Debug, Default)]
pub struct Lanes {
    next_batch: u64,
    lanes: BTreeMap<String, Lane>,
}

#[derive(Debug, Default)]
struct Lane {
    read_up_to: Place,
    checkpoint: Place,
    /// Batches that may still be buffered: their numbers and where they began.
    unsettled: VecDeque<(u64, Place)>,
}

impl Lanes {
    /// The lanes as their durable checkpoints have them.
    pub fn resume(checkpoints: BTreeMap<String, String>) -> Self {
        let lane = |place: String| Lane {
            read_up_to: Some(place.clone()),
            checkpoint: Some(place),
            unsettled: VecDeque::new(),
        };
        Self {
            next_batch: 0,
            lanes: checkpoints.into_iter().map(|(name, place)| (name, lane(place))).collect(),
        }
    }

    /// Where to read on.
    pub fn place(&self, lane: &str) -> Place {
        self.lanes.get(lane).and_then(|lane| lane.read_up_to.clone())
    }

    /// A batch of this lane was read, up to `end`; gives the batch's number.
    pub fn read(&mut self, lane: &str, end: String) -> u64 {
        let number = self.next_batch;
        self.next_batch += 1;
        let lane = self.lanes.entry(lane.to_owned()).or_default();
        let start = lane.read_up_to.replace(end);
        lane.unsettled.push_back((number, start));
        number
    }

    /// The checkpoints that may be made durable now, when `oldest` is the first batch that is still buffered; only
    /// those that move.
    pub fn advance(&mut self, oldest: Option<u64>) -> BTreeMap<String, String> {
        let mut moved = BTreeMap::new();
        for (name, lane) in &mut self.lanes {
            while lane
                .unsettled
                .front()
                .is_some_and(|(number, _)| oldest.is_none_or(|oldest| *number < oldest))
            {
                lane.unsettled.pop_front();
            }
            let safe = lane.unsettled.front().map_or(&lane.read_up_to, |(_, start)| start);
            if let Some(place) = safe.as_ref().filter(|_| *safe != lane.checkpoint) {
                moved.insert(name.clone(), place.clone());
                lane.checkpoint = Some(place.clone());
            }
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places<const N: usize>(places: [(&str, &str); N]) -> BTreeMap<String, String> {
        places.into_iter().map(|(lane, place)| (lane.to_owned(), place.to_owned())).collect()
    }

    #[test]
    fn a_checkpoint_never_passes_what_is_buffered() {
        let mut lanes = Lanes::resume(places([("a", "10")]));
        assert_eq!((lanes.place("a").as_deref(), lanes.place("b")), (Some("10"), None));
        let first = lanes.read("a", "20".into());
        let second = lanes.read("b", "5".into());
        let third = lanes.read("a", "30".into());
        assert_eq!(lanes.place("a").as_deref(), Some("30"));
        assert_eq!(lanes.advance(Some(first)), places([]));
        assert_eq!(lanes.advance(Some(second)), places([("a", "20")]));
        assert_eq!(lanes.advance(Some(third)), places([("b", "5")]));
        assert_eq!(lanes.advance(None), places([("a", "30")]));
        assert_eq!(lanes.advance(None), places([]));
    }
}
