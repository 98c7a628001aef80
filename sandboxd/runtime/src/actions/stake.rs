//! Accounts lock tokens to become validators. The epoch's end decides over the proposals; here they
//! are only made.

use super::{ActionResult, Running};
use crate::apply::Application;
use crate::fault::RuntimeFault;
use crate::near::{ActionErrorKind, StakeAction, ValidatorStake};

impl Application<'_> {
    pub(super) fn stake(
        &mut self,
        running: &mut Running<'_>,
        action: &StakeAction,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let account_id = running.account_id().clone();
        let minimum_stake = self.env.minimum_stake;
        let stake = action.stake;
        let account = running.existing();
        let (locked, balance) = (account.locked(), account.amount());
        let Some(rest) = balance.checked_sub(stake.saturating_sub(locked)) else {
            result.fail(ActionErrorKind::TriesToStake { account_id, stake, locked, balance });
            return Ok(());
        };
        if locked.is_zero() && stake.is_zero() {
            result.fail(ActionErrorKind::TriesToUnstake { account_id });
            return Ok(());
        }
        if !stake.is_zero() && stake < minimum_stake {
            result.fail(ActionErrorKind::InsufficientStake { account_id, stake, minimum_stake });
            return Ok(());
        }
        if stake > locked {
            account.set_amount(rest);
            account
                .set_locked(stake)
                .map_err(|error| RuntimeFault::CorruptState(format!("{account_id}: {error}")))?;
        }
        let public_key = action.public_key.clone();
        result.proposals.push(ValidatorStake::new(account_id, public_key, stake));
        Ok(())
    }
}
