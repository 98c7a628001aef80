//! Many records put into the trie at once. They come in the order of their keys, so that each node is
//! made and hashed once, however many records are below it.

use std::sync::Arc;

use crate::children::Children;
use crate::kind::{Kind, Usage};
use crate::nibbles::{self, Path};
use crate::node::Node;
use crate::store::Home;
use crate::value::Held;
use crate::{Unavailable, Value, trie};

/// A record to be put in.
pub(crate) type Record<'a> = (&'a [u8], &'a Value);

/// Deeper than this, records are put in one by one: keys can be chosen so that each is the beginning
/// of the next, and the stack must not be as deep as they are many.
const MOST_LEVELS: usize = 128;

/// Puts `records`, which are in the order of their keys and have different ones, into the trie.
pub(crate) fn insert_all(
    root: &mut Option<Arc<Node>>,
    records: &[Record<'_>],
    home: &Home,
) -> Result<(), Unavailable> {
    let before = root.take();
    *root = Bulk { home }.merge(before, records, 0, MOST_LEVELS)?;
    Ok(())
}

/// What all nodes that are made have in common.
struct Bulk<'a> {
    home: &'a Home,
}

impl Bulk<'_> {
    /// The node for all keys that begin with the same `depth` nibbles: `node` with `records` put in.
    fn merge(
        &self,
        node: Option<Arc<Node>>,
        records: &[Record<'_>],
        depth: usize,
        levels: usize,
    ) -> Result<Option<Arc<Node>>, Unavailable> {
        let (Some((first, _)), Some((last, _))) = (records.first(), records.last()) else {
            return Ok(node);
        };
        let Some(left) = levels.checked_sub(1).filter(|_| node.is_none() || records.len() > 1)
        else {
            return self.one_by_one(node, records, depth);
        };
        let Some(mut node) = node else { return self.build(records, depth, left).map(Some) };
        let extension = match node.here()?.kind {
            Kind::Leaf { path, value } => {
                let (nibbles, value) = (path.nibbles().collect::<Vec<_>>(), value.clone());
                let mut built = Some(self.build(records, depth, left)?);
                let end = depth.saturating_add(nibbles.len());
                let is_same = |key: &[u8]| {
                    nibbles::count(key) == end && common(&nibbles, key, depth) == nibbles.len()
                };
                if !records.iter().any(|(key, _)| is_same(key)) {
                    trie::insert_at(&mut built, &nibbles, value, self.home)?;
                }
                return Ok(built);
            }
            Kind::Extension { path, child, .. } => {
                Some((path.nibbles().collect::<Vec<_>>(), child))
            }
            Kind::Branch { .. } => None,
        };
        if let Some((path, child)) = extension {
            let shared = |key: &[u8]| common(&path, key, depth);
            let kept = shared(first).min(shared(last));
            let below =
                if kept == path.len() { Arc::clone(child) } else { self.fork(&path, kept, child) };
            // The old extension is gone, so that what only it held is not copied.
            drop(node);
            let deeper = depth.saturating_add(kept);
            let below = self.merge(Some(below), records, deeper, left)?;
            let run = path.get(..kept).unwrap_or_default();
            return Ok(match below {
                Some(below) if !run.is_empty() => Some(Node::extension(run, below, self.home)),
                below => below,
            });
        }
        if let Kind::Branch { children, value, .. } = Node::unseal(&mut node)? {
            self.fill(children, value, records, depth, left)?;
        }
        Ok(Some(node))
    }

    /// The node of `records` alone, of which there is at least one.
    fn build(
        &self,
        records: &[Record<'_>],
        depth: usize,
        levels: usize,
    ) -> Result<Arc<Node>, Unavailable> {
        let (Some((first, value)), Some((last, _))) = (records.first(), records.last()) else {
            unreachable!("nothing is built of no records");
        };
        let node = if records.len() == 1 {
            let (path, value) = (Path::of_key(first, depth), Held::new(Arc::clone(value)));
            Node::new(Kind::Leaf { path, value }, self.home)
        } else {
            let end = fork_of(first, last, depth);
            let (mut children, mut value) = (Children::default(), None);
            self.fill(&mut children, &mut value, records, end, levels)?;
            let kind = Kind::Branch { children, value, usage: Usage::default() };
            let branch = Node::new(kind, self.home);
            branch.seal()?;
            if end == depth {
                return Ok(branch);
            }
            let mut run = rest(first, depth);
            run.truncate(end.saturating_sub(depth));
            Node::extension(&run, branch, self.home)
        };
        node.seal()?;
        Ok(node)
    }

    /// Puts `records` into a branch to which `depth` nibbles lead.
    fn fill(
        &self,
        children: &mut Children,
        value: &mut Option<Box<Held>>,
        records: &[Record<'_>],
        depth: usize,
        levels: usize,
    ) -> Result<(), Unavailable> {
        let mut left = records;
        if let Some(((key, own), others)) = left.split_first()
            && nibbles::count(key) == depth
        {
            *value = Some(Box::new(Held::new(Arc::clone(own))));
            left = others;
        }
        while let Some(nibble) = left.first().and_then(|(key, _)| nibbles::at(key, depth)) {
            let end = left.partition_point(|(key, _)| nibbles::at(key, depth) == Some(nibble));
            let (own, others) = left.split_at(end);
            let slot = children.slot(nibble)?;
            *slot = self.merge(slot.take(), own, depth.saturating_add(1), levels)?;
            left = others;
        }
        Ok(())
    }

    fn one_by_one(
        &self,
        mut node: Option<Arc<Node>>,
        records: &[Record<'_>],
        depth: usize,
    ) -> Result<Option<Arc<Node>>, Unavailable> {
        for (key, value) in records {
            let value = Held::new(Arc::clone(value));
            trie::insert_at(&mut node, &rest(key, depth), value, self.home)?;
        }
        Ok(node)
    }

    /// The branch at which a key leaves an extension along `path` to `child` after `kept` nibbles.
    fn fork(&self, path: &[u8], kept: usize, child: &Arc<Node>) -> Arc<Node> {
        let mut children = Children::default();
        if let Some((nibble, run)) = path.get(kept..).and_then(<[u8]>::split_first) {
            let child = Arc::clone(child);
            let below = if run.is_empty() { child } else { Node::extension(run, child, self.home) };
            children.put(*nibble, below);
        }
        Node::new(Kind::branch(children, None), self.home)
    }
}

/// Where two keys part, which have the first `depth` nibbles in common.
fn fork_of(one: &[u8], other: &[u8], depth: usize) -> usize {
    let same = |place: &usize| nibbles::at(one, *place) == nibbles::at(other, *place);
    let shared = (depth..nibbles::count(one)).take_while(same).count();
    depth.saturating_add(shared)
}

/// How many nibbles `run` shares with those of `key` from `depth` on.
fn common(run: &[u8], key: &[u8], depth: usize) -> usize {
    let same = |(place, nibble): &(usize, &u8)| {
        nibbles::at(key, depth.saturating_add(*place)) == Some(**nibble)
    };
    run.iter().enumerate().take_while(same).count()
}

/// The nibbles of `key` from `depth` on.
fn rest(key: &[u8], depth: usize) -> Vec<u8> {
    nibbles::split(key).split_off(depth.min(nibbles::count(key)))
}
