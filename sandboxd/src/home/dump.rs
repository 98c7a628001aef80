//! The state of a chain as the genesis of another, as neard's `view-state dump-state` makes it
//! (nearcore `tools/state-viewer/src/state_dump.rs`). Its records are read from the state one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use near_chain_configs::GenesisConfig;
use near_primitives::state_record::{StateRecord, state_record_to_account_id};
use near_primitives::trie_key::col;
use near_primitives::types::{AccountId, AccountInfo, Balance, BlockHeight, BlockId};
use sandbox_state::{Snapshot, Unavailable};
use serde::{Deserialize, Serialize};

use crate::chain::{Block, Chain, UnknownBlock};
use crate::cli::DumpStateArgs;
use crate::genesis::GenesisWriter;

/// What to dump.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct DumpRequest {
    /// The block after which the state is meant; the latest, if there is none.
    pub height: Option<BlockHeight>,
    /// The accounts to dump beside validators and treasury; all, if there are none.
    pub account_ids: Vec<AccountId>,
    /// The validators that go on; all, if there are none.
    pub include_validators: Vec<AccountId>,
}

/// A state that cannot be dumped.
#[derive(Debug, thiserror::Error)]
pub enum DumpFailed {
    /// There is no such block, or its state is forgotten.
    #[error(transparent)]
    Block(#[from] UnknownBlock),
    /// All balances together do not fit 128 bits.
    #[error("the balances overflow")]
    Overflow,
    /// The state cannot be read.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// There is no place for it.
    #[error("the genesis cannot be written")]
    Io(#[from] io::Error),
}

impl From<&DumpStateArgs> for DumpRequest {
    fn from(args: &DumpStateArgs) -> Self {
        Self {
            height: args.height,
            account_ids: args.account_ids.clone(),
            include_validators: args.include_validators.clone(),
        }
    }
}

/// A genesis that goes on where a chain was, with the chain's state for its records.
#[derive(Debug)]
pub struct Dump {
    config: GenesisConfig,
    state: Snapshot,
    /// What the validators that go on stake.
    stakes: BTreeMap<AccountId, Balance>,
    /// The accounts to dump; all, if there are none.
    chosen: BTreeSet<AccountId>,
}

/// A genesis that goes on where `chain` is. What waits for a yield, and global contracts, have no
/// form in it.
pub fn dump(chain: &Chain, request: &DumpRequest) -> Result<Dump, DumpFailed> {
    let block = match request.height {
        None => chain.head(),
        Some(height) => chain.block_by_id(&BlockId::Height(height))?,
    };
    let mut config = chain.genesis_config().clone();
    let mut chosen: BTreeSet<AccountId> = request.account_ids.iter().cloned().collect();
    if !chosen.is_empty() {
        chosen.extend(producers(chain, block).map(|validator| validator.account_id));
        chosen.insert(config.protocol_treasury_account.clone());
    }
    let kept = &request.include_validators;
    let is_kept = |one: &AccountInfo| kept.is_empty() || kept.contains(&one.account_id);
    config.validators = producers(chain, block).filter(is_kept).collect();
    config.validators.sort_by(|a, b| a.account_id.cmp(&b.account_id));
    config.genesis_height = block.height().saturating_add(1);
    config.genesis_time = chrono::DateTime::from_timestamp_nanos(
        i64::try_from(block.header().raw_timestamp()).unwrap_or(i64::MAX),
    );
    let stakes = config.validators.iter().map(|one| (one.account_id.clone(), one.amount)).collect();
    let state = chain.state_after(block)?.clone();
    let mut dump = Dump { config, state, stakes, chosen };
    let mut total_supply = Balance::ZERO;
    for record in dump.under(&[col::ACCOUNT]) {
        let StateRecord::Account { account, .. } = record? else { continue };
        let held = account.amount().checked_add(account.locked()).ok_or(DumpFailed::Overflow)?;
        total_supply = total_supply.checked_add(held).ok_or(DumpFailed::Overflow)?;
    }
    dump.config.total_supply = total_supply;
    Ok(dump)
}

impl Dump {
    /// All but the records.
    pub fn config(&self) -> &GenesisConfig {
        &self.config
    }

    /// The records, in the order of their keys in the state.
    pub fn records(&self) -> impl Iterator<Item = Result<StateRecord, DumpFailed>> + '_ {
        self.under(&[])
    }

    /// Writes the genesis in neard's format.
    pub fn write(&self, out: impl Write) -> Result<(), DumpFailed> {
        let mut writer = GenesisWriter::genesis(out, &self.config)?;
        for record in self.records() {
            writer.push(&record?)?;
        }
        writer.end()?;
        Ok(())
    }

    /// The records whose keys in the state begin with `prefix`.
    fn under(&self, prefix: &[u8]) -> impl Iterator<Item = Result<StateRecord, DumpFailed>> + '_ {
        let entries = self.state.range_here(prefix);
        entries.filter_map(|entry| {
            entry
                .map_err(DumpFailed::from)
                .and_then(|(key, value)| {
                    let Some(mut record) = record(&key, &value) else { return Ok(None) };
                    if !self.chosen.is_empty()
                        && !self.chosen.contains(state_record_to_account_id(&record))
                    {
                        return Ok(None);
                    }
                    if let StateRecord::Account { account_id, account } = &mut record {
                        let held = account.amount().checked_add(account.locked());
                        let held = held.ok_or(DumpFailed::Overflow)?;
                        // Stakes that are on their way back are back.
                        let stake = self.stakes.get(account_id).copied().unwrap_or_default();
                        let locked = account.locked().min(stake);
                        account.set_amount(held.saturating_sub(locked));
                        // An account that holds nothing but tokens cannot lock any, and has none.
                        drop(account.set_locked(locked));
                    }
                    Ok(Some(record))
                })
                .transpose()
        })
    }
}

fn producers(chain: &Chain, block: &Block) -> impl Iterator<Item = AccountInfo> {
    block.staking().current().block_producers(chain.epoch_config()).iter().map(|validator| {
        AccountInfo {
            account_id: validator.account_id().clone(),
            public_key: validator.public_key().clone(),
            amount: validator.stake(),
        }
    })
}

/// The columns of the state that have a record in a genesis.
const COLUMNS: [u8; 7] = [
    col::ACCOUNT,
    col::CONTRACT_CODE,
    col::ACCESS_KEY,
    col::RECEIVED_DATA,
    col::POSTPONED_RECEIPT,
    col::DELAYED_RECEIPT_OR_INDICES,
    col::CONTRACT_DATA,
];

fn record(key: &[u8], value: &[u8]) -> Option<StateRecord> {
    COLUMNS.contains(key.first()?).then(|| StateRecord::from_raw_key_value(key, value.to_vec()))?
}
