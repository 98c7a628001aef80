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
    links: [Option<Arc<Node>>; 16],
    /// Those whose usage is known together only, one bit each: a branch that was fetched states the sum,
    /// and what does not change is not fetched to be added up again.
    summed: u16,
    sum: u64,
}

impl Children {
    /// The children of a branch that was fetched. They are known by their hashes, and use `sum`.
    pub(crate) fn fetched(hashes: &ChildHashes, sum: u64, home: &Home) -> Box<Self> {
        let mut children = Box::new(Self { sum, ..Self::default() });
        for ((link, hash), nibble) in children.links.iter_mut().zip(&**hashes).zip(0..) {
            if let Some(hash) = hash {
                *link = Some(Node::away(*hash, home));
                children.summed |= bit(nibble);
            }
        }
        children
    }

    /// The child behind `nibble`.
    pub(crate) fn get(&self, nibble: u8) -> Option<&Arc<Node>> {
        self.links.get(usize::from(nibble))?.as_ref()
    }

    /// The place of the child behind `nibble`, for changing it. A child that is there is fetched.
    pub(crate) fn slot(&mut self, nibble: u8) -> Result<&mut Option<Arc<Node>>, Unavailable> {
        let link = &mut self.links[usize::from(nibble)];
        if let Some(child) = link
            && self.summed & bit(nibble) != 0
        {
            self.sum = self.sum.saturating_sub(child.memory_usage()?);
            self.summed &= !bit(nibble);
        }
        Ok(link)
    }

    /// Puts a child where none is.
    pub(crate) fn put(&mut self, nibble: u8, child: Arc<Node>) {
        self.links[usize::from(nibble)] = Some(child);
    }

    /// The children with their nibbles, in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u8, &Arc<Node>)> {
        let links = (0u8..16).zip(&self.links);
        links.filter_map(|(nibble, link)| Some((nibble, link.as_ref()?)))
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
