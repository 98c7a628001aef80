//! The Merkle tree over the hashes of all blocks, whose root each header carries. Light clients are
//! shown that a block is in it. NEAR's form: a subtree that is not full yet has only as many levels
//! as it needs (nearcore `core/primitives/src/merkle.rs`).

use near_primitives::hash::CryptoHash;
use near_primitives::merkle::{Direction, MerklePath, MerklePathItem, combine_hash};

use super::tail::Tail;

/// A tree that grows at its end, is cut there, and forgets what only the ways from its first leaves
/// need. A clone shares everything.
#[derive(Clone, Debug, Default)]
pub(super) struct BlockTree {
    /// The roots of the full subtrees, level by level, the leaves first.
    levels: Vec<Tail<CryptoHash>>,
}

impl BlockTree {
    /// The tree with these levels.
    pub(super) fn of(levels: Vec<Tail<CryptoHash>>) -> Self {
        Self { levels }
    }

    /// The roots of the full subtrees, level by level, the leaves first.
    pub(super) fn levels(&self) -> &[Tail<CryptoHash>] {
        &self.levels
    }

    /// How many leaves there are, those that are forgotten too.
    pub(super) fn size(&self) -> usize {
        self.levels.first().map_or(0, Tail::end)
    }

    /// The leaf at `place`, if it is not forgotten.
    pub(super) fn leaf(&self, place: usize) -> Option<&CryptoHash> {
        self.levels.first()?.get(place)
    }

    /// The leaves that are not forgotten, with their places.
    pub(super) fn leaves(&self) -> impl DoubleEndedIterator<Item = (usize, &CryptoHash)> {
        self.levels.first().into_iter().flat_map(Tail::iter)
    }

    /// Forgets what neither the roots of `size` leaves and more need, nor the ways from the leaf at
    /// `size` and those behind it; but no leaf from `first_leaf` on.
    pub(super) fn forget_before(&mut self, size: usize, first_leaf: usize) {
        for (level, nodes) in self.levels.iter_mut().enumerate() {
            let place = u32::try_from(level).ok().and_then(|level| size.checked_shr(level));
            // A full subtree that ends there may be on the left of a way.
            let first = place.unwrap_or_default().saturating_sub(1);
            nodes.forget_before(if level == 0 { first.min(first_leaf) } else { first });
        }
    }

    /// Adds a leaf behind all others.
    pub(super) fn insert(&mut self, leaf: CryptoHash) {
        let mut node = leaf;
        let mut level = 0_usize;
        loop {
            if self.levels.len() == level {
                self.levels.push(Tail::default());
            }
            let Some(nodes) = self.levels.get_mut(level) else { return };
            nodes.push(node);
            if nodes.end().is_multiple_of(2) {
                let left = nodes.end().checked_sub(2).and_then(|left| nodes.get(left));
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
            nodes.truncate(left);
            left /= 2;
        }
    }

    /// The root of all leaves; that of no leaf is the zero hash.
    pub(super) fn root(&self) -> CryptoHash {
        self.subtree(0, self.size()).unwrap_or_default()
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

    #[test]
    fn a_tree_without_its_beginning_has_the_same_roots_and_ways() {
        let leaf = |place: usize| hash(&place.to_le_bytes());
        let mut whole = BlockTree::default();
        (0..150).for_each(|place| whole.insert(leaf(place)));
        for first in 0..100 {
            let mut tree = BlockTree::default();
            (0..100).for_each(|place| tree.insert(leaf(place)));
            tree.forget_before(first, usize::MAX);
            (100..150).for_each(|place| tree.insert(leaf(place)));
            assert_eq!(tree.root(), whole.root(), "{first}");
            for size in (first..=150).rev() {
                for place in first..size {
                    assert_eq!(
                        tree.path(place, size),
                        whole.path(place, size),
                        "{first} {place} {size}"
                    );
                }
            }
            tree.truncate(first + 3);
            tree.insert(leaf(first + 3));
            whole.truncate(first + 4);
            assert_eq!(tree.root(), whole.root(), "{first}");
            (first + 4..150).for_each(|place| whole.insert(leaf(place)));
        }
        let mut tree = whole.clone();
        tree.forget_before(140, 70);
        assert!(tree.leaves().eq(whole.leaves().skip(70)));
        let kept = tree.levels().iter().skip(1).map(|nodes| nodes.iter().count()).sum::<usize>();
        assert!(kept < 20, "{kept}");
    }
}
