//! Accounts elsewhere as a genesis that a chain here starts from.

use std::collections::BTreeSet;
use std::io::{self, Write};

use near_chain_configs::GenesisConfig;
use near_primitives::state_record::{StateRecord, state_record_to_account_id};
use near_primitives::types::{AccountId, Balance};

use super::Remote;
use super::error::RemoteError;
use super::records::Parts;
use crate::genesis::{self, GenesisWriter};

/// A genesis was not written, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportFailed {
    /// Something could not be read.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// There is no such account.
    #[error("{account_id} does not exist at block {height}")]
    UnknownAccount {
        /// The account.
        account_id: AccountId,
        /// The height of the block.
        height: u64,
    },
    /// The account is that which makes the blocks of the new chain.
    #[error(
        "{account_id} makes the blocks of the new chain, and cannot be another account as well"
    )]
    Validator {
        /// The account.
        account_id: AccountId,
    },
    /// All balances together do not fit 128 bits.
    #[error("the balances of the accounts overflow")]
    BalanceOverflow,
    /// It could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes a genesis to `out` that has the accounts `ids` beside those of a localnet, in the place of
/// those of the same name. It starts at the height and the time of the block that is read, so that
/// nonces, and what contracts remember of both, stay in the past. Data is written page by page as it
/// comes.
pub fn export(
    remote: &Remote,
    ids: &BTreeSet<AccountId>,
    out: &mut impl Write,
) -> Result<(), ExportFailed> {
    let header = &remote.block().header;
    let base = genesis::localnet(header.timestamp_nanosec);
    let validator = base.config.validators.iter().find(|one| ids.contains(&one.account_id));
    if let Some(validator) = validator {
        return Err(ExportFailed::Validator { account_id: validator.account_id.clone() });
    }
    let mut records: Vec<StateRecord> = genesis::records(&base).to_vec();
    records.retain(|record| !ids.contains(state_record_to_account_id(record)));
    for id in ids {
        let own = remote.records_without_data(id, Parts::default())?;
        let height = header.height;
        records.extend(
            own.ok_or_else(|| ExportFailed::UnknownAccount { account_id: id.clone(), height })?,
        );
    }
    let config = GenesisConfig {
        genesis_height: header.height,
        total_supply: supply(&records).ok_or(ExportFailed::BalanceOverflow)?,
        ..base.config
    };
    let mut writer = GenesisWriter::genesis(out, &config)?;
    records.iter().try_for_each(|record| writer.push(record))?;
    for id in ids {
        remote.each_datum(id, |record| Ok::<_, ExportFailed>(writer.push(&record)?))?;
    }
    writer.end()?;
    Ok(())
}

fn supply(records: &[StateRecord]) -> Option<Balance> {
    let accounts = records.iter().filter_map(|record| match record {
        StateRecord::Account { account, .. } => Some(account),
        _ => None,
    });
    accounts.into_iter().try_fold(Balance::ZERO, |sum, account| {
        sum.checked_add(account.amount())?.checked_add(account.locked())
    })
}
