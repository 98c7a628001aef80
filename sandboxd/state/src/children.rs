//! The children of a branch, and what is known of their memory usage without them. Knows nothing of
//! keys or encodings.

use std::sync::Arc;

use crate::Unavailable;
use crate::node::Node;
use crate::raw::ChildHashes;
use crate::store::Home;

/// The children of a branch, by the nibble that leads to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Children {
    /// A place for each bit of `places`, in their order. Those of children that were removed are empty.
    links: Vec<Option<Arc<Node>>>,
    /// The memory usage together of those that have a bit in `summed`: a branch that was fetched states
    /// the sum, and what does not change is not fetched to be added up again.
    sum: u64,
    places: u16,
    summed: u16,
}

impl Children {
    /// The children of a branch that was fetched. They are known by their hashes, and use `sum`.
    pub(crate) fn fetched(hashes: &ChildHashes, sum: u64, home: &Home) -> Self {
        let mut children = Self { sum, ..Self::default() };
        children.links.reserve_exact(hashes.iter().flatten().count());
        for (hash, nibble) in hashes.iter().zip(0..) {
            if let Some(hash) = hash {
                children.put(nibble, Node::away(*hash, home));
            }
        }
        children.summed = children.places;
        children
    }

    /// The child behind `nibble`.
    pub(crate) fn get(&self, nibble: u8) -> Option<&Arc<Node>> {
        if self.places & bit(nibble) == 0 {
            return None;
        }
        self.links.get(self.index(nibble))?.as_ref()
    }

    /// The place of the child behind `nibble`, for changing it. A child that is there is fetched.
    pub(crate) fn slot(&mut self, nibble: u8) -> Result<&mut Option<Arc<Node>>, Unavailable> {
        if self.summed & bit(nibble) != 0 {
            let usage = self.get(nibble).map_or(Ok(0), |child| child.memory_usage())?;
            self.sum = self.sum.saturating_sub(usage);
            self.summed &= !bit(nibble);
        }
        Ok(self.place(nibble))
    }

    /// Puts a child where none is.
    pub(crate) fn put(&mut self, nibble: u8, child: Arc<Node>) {
        *self.place(nibble) = Some(child);
    }

    fn place(&mut self, nibble: u8) -> &mut Option<Arc<Node>> {
        let index = self.index(nibble);
        if self.places & bit(nibble) == 0 {
            self.places |= bit(nibble);
            self.links.insert(index, None);
        }
        &mut self.links[index]
    }

    /// How many places are before that of `nibble`.
    fn index(&self, nibble: u8) -> usize {
        let before = self.places & bit(nibble).wrapping_sub(1);
        usize::try_from(before.count_ones()).expect("at most 16")
    }

    /// The children with their nibbles, in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u8, &Arc<Node>)> {
        (0..16).filter_map(|nibble| Some((nibble, self.get(nibble)?)))
    }

    /// How many children there are.
    pub(crate) fn count(&self) -> usize {
        self.links.iter().flatten().count()
    }

    /// The memory that the places take.
    pub(crate) fn footprint(&self) -> usize {
        self.links.capacity().saturating_mul(size_of::<Option<Arc<Node>>>())
    }

    /// Moves all children out.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Arc<Node>> {
        self.links.iter_mut().filter_map(Option::take)
    }

    /// NEAR's memory usage of all that is below.
    pub(crate) fn memory_usage(&self) -> Result<u64, Unavailable> {
        let mut others = self.iter().filter(|(nibble, _)| self.summed & bit(*nibble) == 0);
        others.try_fold(self.sum, |sum, (_, child)| Ok(sum.saturating_add(child.memory_usage()?)))
    }
}

fn bit(nibble: u8) -> u16 {
    1u16 << nibble
}
