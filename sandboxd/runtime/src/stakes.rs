//! Stakes go back to their owners when an epoch begins in which they are no longer needed. Who needs
//! to keep what is for the chain to say, which knows the epochs. Follows nearcore's
//! `update_validator_accounts` (`runtime/runtime/src/lib.rs`), without rewards.

use std::collections::BTreeMap;

use sandbox_state::Overlay;

use crate::fault::{OrOverflow, RuntimeFault};
use crate::near::{AccountId, Balance};
use crate::tree;

/// Unlocks what each account has locked beyond what it has to keep. An account is written even if
/// that is nothing, which those who read the changes of the block see.
///
/// An account that has less than that was patched: it keeps what it has.
pub(crate) fn give_back(
    state: &mut Overlay,
    kept: &BTreeMap<AccountId, Balance>,
) -> Result<(), RuntimeFault> {
    for (account_id, kept) in kept {
        let Some(mut account) = tree::account(state, account_id)? else { continue };
        let Some(free) = account.locked().checked_sub(*kept) else { continue };
        let amount = account.amount().checked_add(free).or_overflow("a balance with its stake")?;
        account.set_amount(amount);
        account
            .set_locked(*kept)
            .map_err(|error| RuntimeFault::CorruptState(format!("{account_id}: {error}")))?;
        tree::set_account(state, account_id, &account);
    }
    Ok(())
}
