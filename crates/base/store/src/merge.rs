//! Two ordered iterators read as one: a transaction's own writes over what the store holds.

use std::cmp::Ordering;

/// An iterator whose both ends can be looked at before they are taken.
struct Ends<I: Iterator> {
    iter: I,
    front: Option<I::Item>,
    back: Option<I::Item>,
}

impl<I: DoubleEndedIterator> Ends<I> {
    fn new(iter: I) -> Self {
        Self { iter, front: None, back: None }
    }

    fn peek(&mut self, end: End) -> Option<&I::Item> {
        let (near, far) = match end {
            End::Front => (&mut self.front, &mut self.back),
            End::Back => (&mut self.back, &mut self.front),
        };
        if near.is_none() {
            let next = match end {
                End::Front => self.iter.next(),
                End::Back => self.iter.next_back(),
            };
            // The last item may have been looked at from the other end already.
            *near = next.or_else(|| far.take());
        }
        near.as_ref()
    }

    fn take(&mut self, end: End) -> Option<I::Item> {
        self.peek(end);
        match end {
            End::Front => self.front.take(),
            End::Back => self.back.take(),
        }
    }
}

#[derive(Clone, Copy)]
enum End {
    Front,
    Back,
}

/// An item with a key to merge by. `is_gone` marks a deletion that hides the item of the lower layer.
pub(crate) trait Keyed {
    fn key(&self) -> &[u8];
    fn is_gone(&self) -> bool;
}

/// `over` laid over `base`: an item of `over` replaces or hides the item of `base` with the same key.
pub(crate) struct Merge<B: Iterator, O: Iterator> {
    base: Ends<B>,
    over: Ends<O>,
}

impl<T, E, B, O> Merge<B, O>
where
    T: Keyed,
    B: DoubleEndedIterator<Item = Result<T, E>>,
    O: DoubleEndedIterator<Item = T>,
{
    pub(crate) fn new(base: B, over: O) -> Self {
        Self { base: Ends::new(base), over: Ends::new(over) }
    }

    fn advance(&mut self, end: End) -> Option<Result<T, E>> {
        loop {
            let order = match (self.base.peek(end), self.over.peek(end)) {
                (None, None) => return None,
                (Some(Err(_)), _) | (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(Ok(base)), Some(over)) => match end {
                    End::Front => base.key().cmp(over.key()),
                    End::Back => over.key().cmp(base.key()),
                },
            };
            match order {
                Ordering::Less => return self.base.take(end),
                Ordering::Equal => drop(self.base.take(end)),
                Ordering::Greater => {}
            }
            if let Some(item) = self.over.take(end).filter(|item| !item.is_gone()) {
                return Some(Ok(item));
            }
        }
    }
}

impl<T, E, B, O> Iterator for Merge<B, O>
where
    T: Keyed,
    B: DoubleEndedIterator<Item = Result<T, E>>,
    O: DoubleEndedIterator<Item = T>,
{
    type Item = Result<T, E>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance(End::Front)
    }
}

impl<T, E, B, O> DoubleEndedIterator for Merge<B, O>
where
    T: Keyed,
    B: DoubleEndedIterator<Item = Result<T, E>>,
    O: DoubleEndedIterator<Item = T>,
{
    fn next_back(&mut self) -> Option<Self::Item> {
        self.advance(End::Back)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Item([u8; 1], Option<u32>);

    impl Keyed for Item {
        fn key(&self) -> &[u8] {
            &self.0
        }

        fn is_gone(&self) -> bool {
            self.1.is_none()
        }
    }

    type Model = BTreeMap<u8, Option<u32>>;

    fn items(model: &Model) -> impl DoubleEndedIterator<Item = Item> {
        model.iter().map(|(key, value)| Item([*key], *value))
    }

    proptest! {
        /// Any walk from both ends gives what a map with the writes applied gives.
        #[test]
        fn a_merge_equals_the_map_with_the_writes_applied(
            base in prop::collection::btree_map(0..20_u8, any::<u32>().prop_map(Some), 0..12),
            over in prop::collection::btree_map(0..20_u8, any::<Option<u32>>(), 0..12),
            walk in prop::collection::vec(any::<bool>(), 24),
        ) {
            let mut merged = Merge::new(items(&base).map(Ok::<_, ()>), items(&over));
            let mut applied = base.clone();
            applied.extend(over.clone());
            applied.retain(|_, value| value.is_some());
            let mut expected = items(&applied);
            for front in walk {
                let (given, wanted) = match front {
                    true => (merged.next(), expected.next()),
                    false => (merged.next_back(), expected.next_back()),
                };
                prop_assert_eq!(given, wanted.map(Ok));
            }
        }
    }
}
