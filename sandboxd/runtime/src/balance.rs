//! No block makes or loses tokens: checked after every block, on the records that it changed.
//!
//! The check knows nothing of what the block did. It adds up what the changed records held before
//! and hold now, with the receipts that came and went, so that an error anywhere else shows.

use near_parameters::RuntimeConfig as NearConfig;
use sandbox_state::{ChangeSet, Snapshot};

use crate::block::{BlockEffects, Burnt};
use crate::fault::{OrOverflow, RuntimeFault};
use crate::fees;
use crate::near::{
    AccessKey, Account, Balance, Receipt, ReceiptOrStateStoredReceipt, VersionedReceiptEnum,
};

/// First bytes of trie keys whose records hold tokens (near-primitives `trie_key::col`).
mod column {
    pub(super) const ACCOUNT: u8 = 0;
    pub(super) const ACCESS_KEY: u8 = 2;
    pub(super) const POSTPONED_RECEIPT: u8 = 6;
    pub(super) const DELAYED_RECEIPT_OR_INDICES: u8 = 7;
    pub(super) const PROMISE_YIELD_RECEIPT: u8 = 12;

    pub(super) const HOLDING: [u8; 5] =
        [ACCOUNT, ACCESS_KEY, POSTPONED_RECEIPT, DELAYED_RECEIPT_OR_INDICES, PROMISE_YIELD_RECEIPT];
}

/// Compares all tokens that the block touched before and after it.
///
/// # Errors
/// [`RuntimeFault::Unbalanced`] when they differ.
pub(crate) fn check(
    config: &NearConfig,
    base: &Snapshot,
    incoming: &[Receipt],
    effects: &BlockEffects,
) -> Result<(), RuntimeFault> {
    let Burnt { tokens, lost, subsidized, .. } = effects.burnt;
    let before = total([
        held_before(config, base, &effects.changes)?,
        in_receipts(config, incoming)?,
        subsidized,
    ])?;
    let after = total([
        held_after(config, &effects.changes)?,
        in_receipts(config, &effects.outgoing)?,
        tokens,
        lost,
    ])?;
    if before == after { Ok(()) } else { Err(RuntimeFault::Unbalanced { before, after }) }
}

/// What the records that `changes` touches held in `base`.
pub(crate) fn held_before(
    config: &NearConfig,
    base: &Snapshot,
    changes: &ChangeSet,
) -> Result<Balance, RuntimeFault> {
    let mut sum = Balance::ZERO;
    for (key, _) in changes.iter().filter(|(key, _)| may_hold(key)) {
        if let Some(value) = base.read(key)? {
            sum = total([sum, in_record(config, key, &value)?])?;
        }
    }
    Ok(sum)
}

/// What the records that `changes` writes hold.
pub(crate) fn held_after(
    config: &NearConfig,
    changes: &ChangeSet,
) -> Result<Balance, RuntimeFault> {
    let written = changes.iter().filter_map(|(key, value)| Some((key, value?)));
    written
        .filter(|(key, _)| may_hold(key))
        .try_fold(Balance::ZERO, |sum, (key, value)| total([sum, in_record(config, key, value)?]))
}

/// What all records of `state` that are here hold.
pub(crate) fn held_by(config: &NearConfig, state: &Snapshot) -> Result<Balance, RuntimeFault> {
    let mut sum = Balance::ZERO;
    for record in column::HOLDING.iter().flat_map(|column| state.range_here(&[*column])) {
        let (key, value) = record?;
        sum = total([sum, in_record(config, &key, &value)?])?;
    }
    Ok(sum)
}

/// Whether a record under `key` may hold tokens: most of a large patch are not even looked up.
fn may_hold(key: &[u8]) -> bool {
    key.first().is_some_and(|column| column::HOLDING.contains(column))
}

fn in_record(config: &NearConfig, key: &[u8], value: &[u8]) -> Result<Balance, RuntimeFault> {
    match key.first() {
        Some(&column::ACCOUNT) => {
            let account: Account = decode(value)?;
            total([account.amount(), account.locked()])
        }
        // The nonces of a gas key lie under its own key and hold no tokens.
        Some(&column::ACCESS_KEY) if value.len() > size_of::<u64>() => {
            let key: AccessKey = decode(value)?;
            Ok(key.gas_key_info().map_or(Balance::ZERO, |info| info.balance))
        }
        Some(&(column::POSTPONED_RECEIPT | column::PROMISE_YIELD_RECEIPT)) => {
            in_receipt(config, &decode(value)?)
        }
        Some(&column::DELAYED_RECEIPT_OR_INDICES) if key.len() > 1 => {
            in_receipt(config, decode::<ReceiptOrStateStoredReceipt<'_>>(value)?.get_receipt())
        }
        _ => Ok(Balance::ZERO),
    }
}

fn in_receipts(config: &NearConfig, receipts: &[Receipt]) -> Result<Balance, RuntimeFault> {
    receipts
        .iter()
        .try_fold(Balance::ZERO, |sum, receipt| total([sum, in_receipt(config, receipt)?]))
}

fn in_receipt(config: &NearConfig, receipt: &Receipt) -> Result<Balance, RuntimeFault> {
    match receipt.versioned_receipt() {
        VersionedReceiptEnum::Action(action) | VersionedReceiptEnum::PromiseYield(action) => {
            let (from, to) = (receipt.predecessor_id(), receipt.receiver_id());
            Ok(fees::receipt_value(config, from, to, &action)?)
        }
        VersionedReceiptEnum::Data(_)
        | VersionedReceiptEnum::PromiseResume(_)
        | VersionedReceiptEnum::GlobalContractDistribution(_) => Ok(Balance::ZERO),
    }
}

fn total<const N: usize>(parts: [Balance; N]) -> Result<Balance, RuntimeFault> {
    parts
        .into_iter()
        .try_fold(Balance::ZERO, |sum, part| sum.checked_add(part).or_overflow("a balance check"))
}

fn decode<T: borsh::BorshDeserialize>(bytes: &[u8]) -> Result<T, RuntimeFault> {
    T::try_from_slice(bytes).map_err(|error| RuntimeFault::CorruptState(error.to_string()))
}
