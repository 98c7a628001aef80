//! A chain of which part is elsewhere: it goes on from a block of another one, and what of its state
//! is not here is fetched when it is first read.
//!
//! A read that cannot be answered is an error of that read and nothing else: the block is made
//! without the transaction that needs it, and a receipt waits.

mod apply;
mod facts;
mod origin;
mod port;
mod wanted;

use std::collections::BTreeSet;
use std::sync::Arc;

use near_chain_configs::{Genesis, GenesisConfig};
use near_primitives::state_record::state_record_to_account_id;

use super::spec::Start;
use super::{Chain, ChainOptions, InvalidChain};
use crate::genesis::for_each_record;

pub use apply::Unexecuted;
pub(super) use origin::Origin;
pub use port::{Fetched, PinnedBlock, Source, SourceFailure, Stretch};

impl Chain {
    /// A chain that goes on from the pinned block of `source`, with the accounts and validators of
    /// `own` in place of those of the same names. Name, version, height, time and prices are those of
    /// the block; of the rest of `own` they take nothing. The clock shows the time of the block, and
    /// goes on from there if it goes.
    pub fn fork(
        source: Arc<dyn Source>,
        own: &Genesis,
        mut options: ChainOptions,
    ) -> Result<Self, InvalidChain> {
        options.clock.set(source.pinned().timestamp_ns);
        let config = config(&own.config, source.pinned()).ok_or(InvalidChain::Supply)?;
        let genesis = Genesis { config, contents: own.contents.clone() };
        let mut hidden = BTreeSet::new();
        for_each_record(own, |record| {
            hidden.insert(state_record_to_account_id(record).clone());
            Ok::<_, InvalidChain>(())
        })??;
        let origin = Arc::new(Origin::new(source, hidden.iter()));
        Self::start(&genesis, options, Start::Fork(origin))
    }

    /// The block of another chain that this one goes on from; `None` if it is no fork.
    pub fn forked_from(&self) -> Option<&PinnedBlock> {
        self.spec.origin.as_ref().map(|origin| origin.pinned())
    }
}

/// How the fork goes on; `None` if there are too many tokens.
fn config(own: &GenesisConfig, pinned: &PinnedBlock) -> Option<GenesisConfig> {
    // What is too late for a date is too late for a chain, which says so.
    let at = i64::try_from(pinned.timestamp_ns).unwrap_or(i64::MIN);
    Some(GenesisConfig {
        chain_id: pinned.chain_id.clone(),
        protocol_version: pinned.protocol_version,
        genesis_height: pinned.height,
        genesis_time: chrono::DateTime::from_timestamp_nanos(at),
        total_supply: pinned.total_supply.checked_add(own.total_supply)?,
        epoch_length: pinned.epoch_length,
        gas_limit: pinned.gas_limit,
        // Mainnet and testnet go below the least price of their genesis since it was lowered for them.
        min_gas_price: pinned.min_gas_price.min(pinned.gas_price),
        max_gas_price: pinned.max_gas_price,
        transaction_validity_period: pinned.transaction_validity_period,
        ..own.clone()
    })
}
