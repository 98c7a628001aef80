//! Gas keys (NEP-611): access keys that hold tokens of their own for gas, and have many nonces, so that
//! one key signs many transactions at a time.

use near_parameters::RuntimeConfig as NearConfig;

use super::{ActionResult, Running};
use crate::apply::Application;
use crate::fault::{OrOverflow, RuntimeFault};
use crate::fees;
use crate::near::{
    AccessKey, AccountId, ActionErrorKind, Balance, GasKeyInfo, PublicKey, TransferToGasKeyAction,
    TrieKey, WithdrawFromGasKeyAction,
};
use crate::tree;

impl ActionResult {
    /// Books gas keys that are removed: what they hold is burnt, and removing their nonces takes
    /// compute.
    pub(super) fn burn_gas_keys(
        &mut self,
        config: &NearConfig,
        balance: Balance,
        nonces: u64,
        nonce_key_bytes: u64,
    ) -> Result<(), RuntimeFault> {
        self.tokens_burnt = fees::sum(self.tokens_burnt, balance)?;
        let removal = fees::nonces_removal(config, nonces, nonce_key_bytes)?;
        self.compute = self.compute.checked_add(removal).or_overflow("the compute of an action")?;
        Ok(())
    }
}

impl Application<'_> {
    pub(super) fn transfer_to_gas_key(
        &mut self,
        running: &Running<'_>,
        transfer: &TransferToGasKeyAction,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let public_key = &transfer.public_key;
        let Some((mut key, info)) = self.gas_key(running, public_key, result)? else {
            return Ok(());
        };
        let balance = info.balance.checked_add(transfer.deposit).or_overflow("a gas key")?;
        set_balance(&mut key, balance);
        tree::set_access_key(&mut self.state, running.account_id(), public_key, &key);
        Ok(())
    }

    pub(super) fn withdraw_from_gas_key(
        &mut self,
        running: &mut Running<'_>,
        withdraw: &WithdrawFromGasKeyAction,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let WithdrawFromGasKeyAction { public_key, amount } = withdraw;
        let Some((mut key, info)) = self.gas_key(running, public_key, result)? else {
            return Ok(());
        };
        let Some(rest) = info.balance.checked_sub(*amount) else {
            result.fail(ActionErrorKind::InsufficientGasKeyBalance {
                account_id: running.account_id().clone(),
                public_key: Box::new(public_key.clone()),
                balance: info.balance,
                required: *amount,
            });
            return Ok(());
        };
        set_balance(&mut key, rest);
        tree::set_access_key(&mut self.state, running.account_id(), public_key, &key);
        let account = running.existing();
        let balance = account.amount().checked_add(*amount).or_overflow("an account")?;
        account.set_amount(balance);
        Ok(())
    }

    /// Removes the nonces of a gas key and burns what it holds; not when it holds too much to be lost
    /// by mistake. Says whether it did.
    pub(super) fn delete_nonces(
        &mut self,
        account_id: &AccountId,
        public_key: &PublicKey,
        info: &GasKeyInfo,
        result: &mut ActionResult,
    ) -> Result<bool, RuntimeFault> {
        let GasKeyInfo { balance, num_nonces } = *info;
        if balance > GasKeyInfo::MAX_BALANCE_TO_BURN {
            let (account_id, public_key) = (account_id.clone(), Some(Box::new(public_key.clone())));
            result.fail(ActionErrorKind::GasKeyBalanceTooHigh { account_id, public_key, balance });
            return Ok(false);
        }
        for index in 0..num_nonces {
            tree::remove_gas_key_nonce(&mut self.state, account_id, public_key, index);
        }
        let key_bytes = TrieKey::gas_key_nonce(account_id.clone(), public_key, 0).len();
        let key_bytes = u64::try_from(key_bytes)
            .ok()
            .and_then(|bytes| bytes.checked_mul(u64::from(num_nonces)))
            .or_overflow("the keys of nonces")?;
        let config = self.runtime.config().near();
        result.burn_gas_keys(config, balance, num_nonces.into(), key_bytes)?;
        Ok(true)
    }

    /// Gas that comes back goes to the gas key that paid for it. Says whether there is one.
    pub(super) fn refund_gas_key(
        &mut self,
        account_id: &AccountId,
        public_key: &PublicKey,
        amount: Balance,
    ) -> Result<bool, RuntimeFault> {
        let Some(mut key) = tree::access_key(&mut self.state, account_id, public_key)? else {
            return Ok(false);
        };
        let Some(info) = key.gas_key_info() else { return Ok(false) };
        let balance = info.balance.checked_add(amount).or_overflow("a gas key")?;
        set_balance(&mut key, balance);
        tree::set_access_key(&mut self.state, account_id, public_key, &key);
        Ok(true)
    }

    /// The receiver's gas key; without one, the action fails.
    fn gas_key(
        &mut self,
        running: &Running<'_>,
        public_key: &PublicKey,
        result: &mut ActionResult,
    ) -> Result<Option<(AccessKey, GasKeyInfo)>, RuntimeFault> {
        let account_id = running.account_id();
        let key = tree::access_key(&mut self.state, account_id, public_key)?;
        let found = key.and_then(|key| {
            let info = key.gas_key_info()?.clone();
            Some((key, info))
        });
        if found.is_none() {
            let (account_id, public_key) = (account_id.clone(), Box::new(public_key.clone()));
            result.fail(ActionErrorKind::GasKeyDoesNotExist { account_id, public_key });
        }
        Ok(found)
    }
}

fn set_balance(key: &mut AccessKey, balance: Balance) {
    if let Some(info) = key.gas_key_info_mut() {
        info.balance = balance;
    }
}
