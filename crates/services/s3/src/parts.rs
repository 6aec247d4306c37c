//! Which parts of an upload an object is made of, in a form that stays small: parts in a row that have one size are one
//! run. A range of the object's bytes is found without looking at the parts. Pure.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// `count` parts of one size, numbered on from `first`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Run {
    first: u32,
    count: u32,
    size: u64,
}

/// The parts of an object, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Runs(Vec<Run>);

/// A part's place in its object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placed {
    pub number: u32,
    pub start: u64,
    pub size: u64,
}

impl Runs {
    /// Parts are pushed by rising number.
    pub fn push(&mut self, number: u32, size: u64) {
        match self.0.last_mut() {
            Some(run) if run.size == size && run.first + run.count == number => run.count += 1,
            _ => self.0.push(Run { first: number, count: 1, size }),
        }
    }

    pub fn count(&self) -> u32 {
        self.0.iter().map(|run| run.count).sum()
    }

    pub fn contains(&self, number: u32) -> bool {
        self.0.iter().any(|run| (run.first..run.first + run.count).contains(&number))
    }

    /// Every part, in order.
    pub fn iter(&self) -> impl Iterator<Item = Placed> + '_ {
        self.starts().flat_map(|(start, run)| (0..run.count).map(move |nth| placed(start, run, nth)))
    }

    /// The part that a client calls number `position`, counting from 1 over the parts that the object has.
    pub fn nth(&self, position: u32) -> Option<Placed> {
        let mut nth = position.checked_sub(1)?;
        for (start, run) in self.starts() {
            if nth < run.count {
                return Some(placed(start, run, nth));
            }
            nth -= run.count;
        }
        None
    }

    /// The pieces of parts that make up a range of the object: the part's number and the range within it.
    pub fn cover(&self, range: Range<u64>) -> impl Iterator<Item = (u32, Range<u64>)> + Send + 'static {
        let runs: Vec<(u64, Run)> = self.starts().collect();
        runs.into_iter().flat_map(move |(start, run)| {
            let end = start + run.size * u64::from(run.count);
            let (from, to) = (range.start.max(start), range.end.min(end));
            let parts = if from < to && run.size > 0 {
                ((from - start) / run.size)..((to - 1 - start) / run.size + 1)
            } else {
                0..0
            };
            parts.map(move |nth| {
                let begin = start + nth * run.size;
                let number = run.first + u32::try_from(nth).expect("less than the run's count");
                (number, from.max(begin) - begin..to.min(begin + run.size) - begin)
            })
        })
    }

    fn starts(&self) -> impl Iterator<Item = (u64, Run)> + '_ {
        self.0.iter().scan(0, |at, run| {
            let start = *at;
            *at += run.size * u64::from(run.count);
            Some((start, *run))
        })
    }
}

fn placed(start: u64, run: Run, nth: u32) -> Placed {
    Placed { number: run.first + nth, start: start + run.size * u64::from(nth), size: run.size }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn runs(parts: &[(u32, u64)]) -> Runs {
        let mut runs = Runs::default();
        for (number, size) in parts {
            runs.push(*number, *size);
        }
        runs
    }

    #[test]
    fn equal_parts_in_a_row_are_one_run() {
        let all = runs(&(1..=10_000).map(|number| (number, 8 << 20)).collect::<Vec<_>>());
        assert_eq!((all.0.len(), all.count()), (1, 10_000));
        let pieces: Vec<_> = all.cover((8 << 20) - 1..(16 << 20) + 1).collect();
        assert_eq!(pieces, [(1, (8 << 20) - 1..8 << 20), (2, 0..8 << 20), (3, 0..1)]);
    }

    #[test]
    fn parts_may_have_gaps() {
        let some = runs(&[(2, 5), (5, 5), (6, 3)]);
        assert!(some.contains(2) && !some.contains(3) && some.contains(6));
        assert_eq!(some.nth(2), Some(Placed { number: 5, start: 5, size: 5 }));
        assert_eq!(some.nth(4), None);
        assert_eq!(some.nth(0), None);
        assert_eq!(some.iter().map(|part| part.start).collect::<Vec<_>>(), [0, 5, 10]);
    }

    proptest! {
        #[test]
        fn pieces_cover_the_range(sizes in proptest::collection::vec(0..6_u64, 0..12), a in 0..60_u64, b in 0..60_u64) {
            let parts: Vec<(u32, u64)> = (1..).zip(sizes.iter().copied()).collect();
            let whole: Vec<(u32, u64)> =
                parts.iter().flat_map(|(number, size)| (0..*size).map(move |at| (*number, at))).collect();
            let range = a.min(b)..a.max(b).min(whole.len() as u64).max(a.min(b));
            let covered: Vec<(u32, u64)> =
                runs(&parts).cover(range.clone()).flat_map(|(number, piece)| piece.map(move |at| (number, at))).collect();
            let (from, to) = (range.start as usize, (range.end as usize).min(whole.len()));
            prop_assert_eq!(&covered[..], whole.get(from..to.max(from)).unwrap_or_default());
        }
    }
}
