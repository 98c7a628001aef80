//! The state of a chain as the genesis of another, as neard's `view-state dump-state` makes it
//! (nearcore `tools/state-viewer/src/state_dump.rs`).

use std::collections::{BTreeMap, BTreeSet};

use near_chain_configs::{Genesis, GenesisContents, GenesisRecords};
use near_primitives::state_record::{StateRecord, state_record_to_account_id};
use near_primitives::trie_key::col;
use near_primitives::types::{AccountId, AccountInfo, Balance, BlockHeight, BlockId};
use sandbox_state::Unavailable;
use serde::{Deserialize, Serialize};

use crate::chain::{Block, Chain, UnknownBlock};
use crate::cli::DumpStateArgs;

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

/// A genesis that goes on where `chain` is. What waits for a yield, and global contracts, have no
/// form in it.
pub fn dump(chain: &Chain, request: &DumpRequest) -> Result<Genesis, DumpFailed> {
    let block = match request.height {
        None => chain.head(),
        Some(height) => chain.block_by_id(&BlockId::Height(height))?,
    };
    let mut config = chain.genesis_config().clone();
    let stakes: BTreeMap<AccountId, Balance> =
        producers(chain, block).map(|validator| (validator.account_id, validator.amount)).collect();
    let kept = &request.include_validators;
    let is_kept = |id: &AccountId| kept.is_empty() || kept.contains(id);
    let mut chosen: BTreeSet<&AccountId> = request.account_ids.iter().collect();
    if !chosen.is_empty() {
        chosen.extend(stakes.keys());
        chosen.insert(&config.protocol_treasury_account);
    }
    let mut total_supply = Balance::ZERO;
    let mut records = Vec::new();
    for entry in chain.state_after(block)?.range_here(&[]) {
        let (key, value) = entry?;
        let Some(mut record) = record(&key, &value) else { continue };
        if !chosen.is_empty() && !chosen.contains(state_record_to_account_id(&record)) {
            continue;
        }
        if let StateRecord::Account { account_id, account } = &mut record {
            let held =
                account.amount().checked_add(account.locked()).ok_or(DumpFailed::Overflow)?;
            total_supply = total_supply.checked_add(held).ok_or(DumpFailed::Overflow)?;
            // Stakes that are on their way back are back.
            let stake = stakes.get(account_id).copied().filter(|_| is_kept(account_id));
            let locked = account.locked().min(stake.unwrap_or(Balance::ZERO));
            account.set_amount(held.saturating_sub(locked));
            // An account that holds nothing but tokens cannot lock any, and has none.
            drop(account.set_locked(locked));
        }
        records.push(record);
    }
    config.validators = producers(chain, block).filter(|one| is_kept(&one.account_id)).collect();
    config.validators.sort_by(|a, b| a.account_id.cmp(&b.account_id));
    config.genesis_height = block.height().saturating_add(1);
    config.genesis_time = chrono::DateTime::from_timestamp_nanos(
        i64::try_from(block.header().raw_timestamp()).unwrap_or(i64::MAX),
    );
    config.total_supply = total_supply;
    Ok(Genesis { config, contents: GenesisContents::Records { records: GenesisRecords(records) } })
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
