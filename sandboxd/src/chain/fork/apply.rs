//! Blocks of a fork are made without what cannot be executed now.

use near_primitives::hash::CryptoHash;
use sandbox_runtime::{BlockEffects, BlockEnv, BlockInput, NeededBy, RuntimeFault, apply_block};
use sandbox_state::Unavailable;

use crate::chain::{Chain, Produced};

/// A transaction that is in no block, because something that it needs could not be fetched.
#[derive(Clone, Debug)]
pub struct Unexecuted {
    /// Hash of the transaction.
    pub id: CryptoHash,
    /// What could not be fetched, and why.
    pub unavailable: Unavailable,
}

impl Chain {
    /// Whether receipts of a fork wait for what could not be fetched.
    pub fn waits_for_source(&self) -> bool {
        self.held_back > 0
    }

    /// Why receipts of a fork wait, if they still have to: what could not be fetched for one of them.
    pub(in crate::chain) fn why_it_waits(&self) -> Option<RuntimeFault> {
        let env = self.env_after(&self.head);
        apply_block(&self.runtime, &self.state, &env, BlockInput::default()).err()
    }

    /// Makes the next block if one of the receipts that wait for what could not be fetched can be
    /// executed in it.
    pub fn retry(&mut self) -> Result<Option<Produced>, RuntimeFault> {
        let step = self.step(self.next_height(), self.next_time())?;
        let goes_on = step.effects.held_back < self.held_back;
        Ok(goes_on.then(|| self.commit(step)))
    }

    /// Applies a block to the state after the head. A transaction that needs what cannot be got is
    /// left out, and returned; a receipt that does so waits for the next block.
    pub(in crate::chain) fn apply(
        &self,
        env: &BlockEnv,
        mut input: BlockInput,
    ) -> Result<(BlockEffects, Vec<Unexecuted>), RuntimeFault> {
        let mut unexecuted = Vec::new();
        if !self.state.is_partial() {
            return Ok((apply_block(&self.runtime, &self.state, env, input)?, unexecuted));
        }
        loop {
            let fault = match apply_block(&self.runtime, &self.state, env, input.clone()) {
                Ok(effects) => return Ok((effects, unexecuted)),
                Err(fault) => fault,
            };
            match fault {
                RuntimeFault::Unavailable {
                    unavailable,
                    needed_by: Some(NeededBy::Transaction(id)),
                } => {
                    input.transactions.retain(|one| one.transaction().get_hash() != id);
                    unexecuted.push(Unexecuted { id, unavailable });
                }
                RuntimeFault::Unavailable { needed_by: Some(NeededBy::Receipt(id)), .. }
                    if !input.held_back.contains(&id) =>
                {
                    input.held_back.insert(id);
                }
                fault => return Err(fault),
            }
        }
    }
}
