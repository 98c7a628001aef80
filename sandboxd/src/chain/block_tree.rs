//! The Merkle tree over the hashes of all blocks, whose root each header carries. Light clients are
//! shown that a block is in it. NEAR's form: a subtree that is not full yet has only as many levels
//! as it needs (nearcore `core/primitives/src/merkle.rs`).

use near_primitives::hash::CryptoHash;
use near_primitives::merkle::{Direction, MerklePath, MerklePathItem, combine_hash};
use rpds::VectorSync;

/// A tree that grows at its end, and is cut there. A clone shares everything.
#[derive(Clone, Debug, Default)]
pub(super) struct BlockTree {
    /// The roots of the full subtrees, level by level, the leaves first.
    levels: Vec<VectorSync<CryptoHash>>,
}

impl BlockTree {
    /// Adds a leaf behind all others.
    pub(super) fn insert(&mut self, leaf: CryptoHash) {
        let mut node = leaf;
        let mut level = 0_usize;
        loop {
            if self.levels.len() == level {
                self.levels.push(VectorSync::new_sync());
            }
            let Some(nodes) = self.levels.get_mut(level) else { return };
            nodes.push_back_mut(node);
            if nodes.len().is_multiple_of(2) {
                let left = nodes.len().checked_sub(2).and_then(|left| nodes.get(left));
                let Some(left) = left else { return };
                node = combine_hash(left, &node);
                level = level.saturating_add(1);
            } else {
                return;
            }
        }
    }

    /// Forgets all leaves but the first `size`.
    pub(super) fn truncate(&mut self, size: usize) {
        let mut left = size;
        for nodes in &mut self.levels {
            while nodes.len() > left {
                nodes.drop_last_mut();
            }
            left /= 2;
        }
    }

    /// The root of all leaves; that of no leaf is the zero hash.
    pub(super) fn root(&self) -> CryptoHash {
        self.subtree(0, self.levels.first().map_or(0, VectorSync::len)).unwrap_or_default()
    }

    /// The way from the leaf at `leaf` to the root that the tree had with `size` leaves. `None` if
    /// it did not have this leaf then.
    pub(super) fn path(&self, leaf: usize, size: usize) -> Option<MerklePath> {
        let mut path = Vec::new();
        let (mut start, mut size) = (0_usize, size);
        if leaf >= size {
            return None;
        }
        // From the root down: the half without the leaf is its sibling there.
        while size > 1 {
            let left = largest_power_below(size);
            let (middle, right) = (start.checked_add(left)?, size.checked_sub(left)?);
            if leaf < middle {
                let hash = self.subtree(middle, right)?;
                path.push(MerklePathItem { hash, direction: Direction::Right });
                size = left;
            } else {
                let hash = self.subtree(start, left)?;
                path.push(MerklePathItem { hash, direction: Direction::Left });
                (start, size) = (middle, right);
            }
        }
        path.reverse();
        Some(path)
    }

    /// The root over `size` leaves from `start` on. `start` is one where a full subtree of at least
    /// that size could start.
    fn subtree(&self, start: usize, size: usize) -> Option<CryptoHash> {
        if size.is_power_of_two() {
            let level = size.trailing_zeros();
            let nodes = self.levels.get(usize::try_from(level).ok()?)?;
            return nodes.get(start.checked_shr(level)?).copied();
        }
        if size == 0 {
            return None;
        }
        let left = largest_power_below(size);
        let right = self.subtree(start.checked_add(left)?, size.checked_sub(left)?)?;
        Some(combine_hash(&self.subtree(start, left)?, &right))
    }
}

/// The largest power of two that is less than `size`, which is more than one.
fn largest_power_below(size: usize) -> usize {
    size.checked_next_power_of_two().map_or(usize::MAX / 2, |power| power / 2)
}

#[cfg(test)]
mod tests {
    use near_primitives::hash::hash;
    use near_primitives::merkle::{PartialMerkleTree, verify_hash};

    use super::BlockTree;

    #[test]
    fn roots_are_nears_and_paths_lead_to_them() {
        let (mut tree, mut nears) = (BlockTree::default(), PartialMerkleTree::default());
        let mut roots = vec![nears.root()];
        let leaf = |place: usize| hash(&place.to_le_bytes());
        for place in 0..70 {
            tree.insert(leaf(place));
            nears.insert(leaf(place));
            assert_eq!(tree.root(), nears.root(), "{place}");
            roots.push(nears.root());
        }
        for (size, root) in roots.iter().enumerate() {
            for place in 0..size {
                let path = tree.path(place, size).expect("the leaf is in the tree");
                assert!(verify_hash(*root, &path, leaf(place)), "{place} of {size}");
            }
            assert_eq!(tree.path(size, size), None);
        }
        for size in (0..roots.len()).rev().step_by(7) {
            tree.truncate(size);
            assert_eq!(tree.root(), roots[size], "{size}");
            let mut longer = tree.clone();
            for place in size..70 {
                longer.insert(leaf(place));
            }
            assert_eq!(Some(&longer.root()), roots.last());
        }
    }
}
