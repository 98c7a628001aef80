//! What the next block of a chain is made of, as far as it follows from the blocks before it and from
//! what applying it gave.

use std::collections::BTreeMap;
use std::sync::Arc;

use near_primitives::block::Block as NearBlock;
use near_primitives::hash::{CryptoHash, hash};
use near_primitives::receipt::Receipt;
use near_primitives::transaction::SignedTransaction;
use near_primitives::types::{AccountId, Balance, BlockHeight};
use sandbox_runtime::BlockEnv;

use super::block::{Applied, Block, NewBlock};
use super::epoch::{Epoch, Predecessor, epoch_of_next};
use super::validators::Staking;
use super::{Chain, TimestampNs};

/// The price of gas is at most this many times the lowest, whatever the genesis says (nearcore's
/// `BlockEconomicsConfig`, `chain/chain/src/types.rs`).
const MAX_GAS_MULTIPLIER: u128 = 20;

/// What is to be in the next block, and what applying that gave.
pub(super) struct Next {
    pub(super) height: BlockHeight,
    pub(super) timestamp_ns: TimestampNs,
    pub(super) random_value: CryptoHash,
    pub(super) epoch: Epoch,
    pub(super) staking: Staking,
    pub(super) transactions: Vec<SignedTransaction>,
    pub(super) incoming: Arc<[Receipt]>,
    pub(super) applied: Applied,
}

impl Chain {
    /// The block after the head, which counts to those that passed already.
    pub(super) fn next_block(&self, next: Next) -> Block {
        let block = NewBlock {
            previous: &self.head,
            protocol_version: self.protocol_version(),
            height: next.height,
            timestamp_ns: next.timestamp_ns,
            random_value: next.random_value,
            epoch: next.epoch,
            staking: next.staking,
            gas_limit: self.spec.genesis.gas_limit,
            next_gas_price: self.next_gas_price(),
            block_merkle_root: self.passed.root(),
            transactions: next.transactions,
            incoming: next.incoming,
            applied: next.applied,
        };
        block.build()
    }

    pub(super) fn env_of_next(
        &self,
        height: BlockHeight,
        timestamp_ns: TimestampNs,
        epoch: &Epoch,
        staking: &Staking,
    ) -> BlockEnv {
        BlockEnv {
            height,
            timestamp_ns,
            gas_price: self.gas_price(),
            gas_limit: self.spec.genesis.gas_limit,
            random_seed: self.next_random_value(),
            epoch_id: epoch.id.0,
            epoch_height: epoch.height,
            chain_id: Arc::clone(&self.spec.chain_id),
            prev_block_hash: *self.head.hash(),
            validators: Arc::clone(staking.current().stakes()),
            minimum_stake: staking.next().minimum_stake(&self.spec.epoch_config),
        }
    }

    pub(super) fn epoch_of_next(&self, height: BlockHeight) -> Epoch {
        let previous = Predecessor {
            epoch: *self.head.epoch(),
            hash: *self.head.hash(),
            height: self.head.height(),
            last_final_height: self.head.last_final_height(),
            is_genesis: self.head.header().is_genesis(),
        };
        epoch_of_next(&previous, height, self.spec.genesis.epoch_length)
    }

    /// What the next block, which is in `epoch`, knows of the validators, and the stakes that have to
    /// be kept if it is the first of its epoch.
    pub(super) fn staking_of_next(&self, epoch: &Epoch) -> (Staking, BTreeMap<AccountId, Balance>) {
        let (staking, made) = (self.head.staking(), &self.head.applied.proposals);
        if self.head.header().is_genesis() {
            (staking.continued(made), staking.kept_from_genesis())
        } else if epoch.id == self.head.epoch().id {
            (staking.continued(made), BTreeMap::new())
        } else {
            staking.turned(&self.spec.epoch_config, made)
        }
    }

    /// Every block's random value follows from the one before and the validator's key. It is not
    /// the output of a verifiable random function: there is nobody to verify it.
    pub(super) fn next_random_value(&self) -> CryptoHash {
        let previous = self.head.header().random_value();
        let mut seed = self.spec.random_seed.clone();
        seed.extend_from_slice(previous.as_ref());
        hash(&seed)
    }

    /// The price that the next block announces, from how full the head was.
    fn next_gas_price(&self) -> Balance {
        let genesis = &self.spec.genesis;
        let most = genesis.min_gas_price.saturating_mul(MAX_GAS_MULTIPLIER);
        let most = most.min(genesis.max_gas_price);
        NearBlock::compute_next_gas_price_checked(
            self.gas_price(),
            self.head.gas_used(),
            genesis.gas_limit,
            genesis.gas_price_adjustment_rate,
            genesis.min_gas_price,
            most,
        )
        .unwrap_or(most)
    }
}
