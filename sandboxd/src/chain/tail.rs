//! A list that grows at its end, is cut there, and forgets its beginning. What is left keeps its
//! numbers.

use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

/// So many items are kept together: each push after a clone copies those that came before it.
const CHUNK: usize = 32;

/// A list without its beginning. A clone shares everything.
#[derive(Clone, Debug)]
pub(super) struct Tail<T> {
    /// By the number of the first item, divided by [`CHUNK`].
    chunks: RedBlackTreeMapSync<usize, Arc<Vec<T>>>,
    start: usize,
    end: usize,
}

impl<T> Default for Tail<T> {
    fn default() -> Self {
        Self { chunks: RedBlackTreeMapSync::new_sync(), start: 0, end: 0 }
    }
}

impl<T: Copy + Default> Tail<T> {
    /// A list whose first items up to the number `start` are forgotten, and then has `items`.
    pub(super) fn new(start: usize, items: impl IntoIterator<Item = T>) -> Self {
        let mut tail = Self { start, end: start, ..Self::default() };
        let missing = start.checked_rem(CHUNK).unwrap_or_default();
        if missing > 0 {
            tail.chunks.insert_mut(start / CHUNK, Arc::new(vec![T::default(); missing]));
        }
        for item in items {
            tail.push(item);
        }
        tail
    }

    /// The number of the first item that is not forgotten.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// How many items there have been, those that are forgotten too.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    pub(super) fn get(&self, place: usize) -> Option<&T> {
        if place < self.start {
            return None;
        }
        self.chunks.get(&(place / CHUNK))?.get(place.checked_rem(CHUNK)?)
    }

    pub(super) fn push(&mut self, item: T) {
        let place = self.end / CHUNK;
        if let Some(chunk) = self.chunks.get_mut(&place) {
            if Arc::get_mut(chunk).is_none() {
                // A plain copy has no room, and growing would leave too much.
                let mut copy = Vec::with_capacity(CHUNK);
                copy.extend_from_slice(chunk);
                *chunk = Arc::new(copy);
            }
            Arc::make_mut(chunk).push(item);
        } else {
            let mut chunk = Vec::with_capacity(CHUNK);
            chunk.push(item);
            self.chunks.insert_mut(place, Arc::new(chunk));
        }
        self.end = self.end.saturating_add(1);
    }

    /// Forgets the items from the number `end` on.
    pub(super) fn truncate(&mut self, end: usize) {
        if end >= self.end {
            return;
        }
        let kept = end.checked_rem(CHUNK).unwrap_or_default();
        while let Some(last) = self.chunks.last().map(|(place, _)| *place) {
            if last < end / CHUNK {
                break;
            }
            if last == end / CHUNK && kept > 0 {
                if let Some(chunk) = self.chunks.get_mut(&last) {
                    Arc::make_mut(chunk).truncate(kept);
                }
                break;
            }
            self.chunks.remove_mut(&last);
        }
        self.end = end;
        self.start = self.start.min(end);
    }

    /// Forgets the items before the number `start`.
    pub(super) fn forget_before(&mut self, start: usize) {
        self.start = self.start.max(start.min(self.end));
        while let Some(first) = self.chunks.first().map(|(place, _)| *place)
            && first < self.start / CHUNK
        {
            self.chunks.remove_mut(&first);
        }
    }

    /// The items that are left, with their numbers.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, &T)> {
        let all = self.chunks.iter().flat_map(|(place, chunk)| {
            let first = place.saturating_mul(CHUNK);
            chunk.iter().enumerate().map(move |(index, item)| (first.saturating_add(index), item))
        });
        all.filter(|(place, _)| *place >= self.start)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test fails by panicking")]
mod tests {
    use std::collections::VecDeque;

    use fixtures::Rng;

    use super::Tail;

    #[test]
    fn it_is_a_list_without_its_beginning() {
        let mut rng = Rng::new(7);
        let (mut tail, mut model, mut start) = (Tail::default(), VecDeque::new(), 0);
        for step in 0..4_000_u64 {
            match rng.below(40) {
                0 => {
                    let left =
                        model.len() - usize::try_from(rng.below(9)).unwrap().min(model.len());
                    tail.truncate(start + left);
                    model.truncate(left);
                }
                1 => {
                    let gone = usize::try_from(rng.below(70)).unwrap().min(model.len());
                    tail.forget_before(start + gone);
                    model.drain(..gone);
                    start += gone;
                }
                2 => tail = Tail::new(start, model.iter().copied()),
                _ => {
                    tail.push(step);
                    model.push_back(step);
                }
            }
            assert_eq!((tail.start(), tail.end()), (start, start + model.len()));
            assert!(tail.iter().map(|(_, item)| item).eq(&model));
            assert!(tail.iter().all(|(place, item)| tail.get(place) == Some(item)));
            assert_eq!(
                (tail.get(start + model.len()), start.checked_sub(1).and_then(|at| tail.get(at))),
                (None, None)
            );
        }
    }
}
