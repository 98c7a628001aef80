//! What the endpoints prove: the roots of a state, and that what was listed is what the state holds.

use near_primitives::merkle::merklize;
use near_primitives::trie_key::trie_key_parsers::get_raw_prefix_for_contract_data;
use near_primitives::types::{AccountId, ShardId};
use near_primitives::views::{BlockView, ViewStateResult};
use sandbox_state::{InvalidProof, Proof, StateRoot};

/// The roots of a state, as the block after it announces them.
#[derive(Clone, Debug)]
pub(super) struct StateRoots(Vec<(ShardId, StateRoot)>);

impl StateRoots {
    /// The roots that the chunks of `block` start from, if its header commits to them. A chunk that
    /// was missed says nothing of its shard.
    pub(super) fn announced_by(block: &BlockView) -> Self {
        let all: Vec<_> = block.chunks.iter().map(|chunk| chunk.prev_state_root).collect();
        if merklize(&all).0 != block.header.prev_state_root {
            return Self(Vec::new());
        }
        let new = block.chunks.iter().filter(|one| one.height_included == block.header.height);
        Self(new.map(|one| (one.shard_id, StateRoot(one.prev_state_root.0))).collect())
    }

    pub(super) fn of(&self, shard: ShardId) -> Option<&StateRoot> {
        self.0.iter().find(|(id, _)| *id == shard).map(|(_, root)| root)
    }
}

/// Checks that what was listed is all that a state with this root holds of the data of `id`.
pub(super) fn check(
    root: &StateRoot,
    id: &AccountId,
    listed: &ViewStateResult,
) -> Result<(), InvalidProof> {
    let own = get_raw_prefix_for_contract_data(id, &[]);
    let keys: Vec<_> =
        listed.values.iter().map(|item| [own.as_slice(), &item.key].concat()).collect();
    let values = listed.values.iter().map(|item| item.value.as_slice());
    let records = keys.iter().map(Vec::as_slice).zip(values);
    Proof::new(listed.proof.clone()).verify_prefix(root, &own, records)
}
