//! Accounts whose id is the hash of what they start with: deterministic ones (NEP-616, `0s…`) and
//! universal ones (`0u…`).
//!
//! Anyone may install the state, since the id says what it must be. Whoever does so gets no right over
//! the account by it: the actor stays the predecessor. Follows nearcore's
//! `runtime/runtime/src/{deterministic,universal}_account_id.rs`.

use std::collections::BTreeMap;

use near_parameters::StorageUsageConfig;

use super::{ActionResult, Running, add_storage, initial_nonce, record_storage};
use crate::apply::Application;
use crate::fault::{OrOverflow, RuntimeFault};
use crate::near::{
    AccessKey, Account, AccountContract, AccountId, ActionErrorKind, Balance,
    DeterministicStateInitAction, Receipt, TrieKey, UniversalStateInit, UniversalStateInitAction,
};
use crate::tree;
use crate::verify::missing_for_storage;

impl Application<'_> {
    /// Installs the state of a deterministic account that has none yet; does nothing to one that has.
    pub(super) fn deterministic_state_init(
        &mut self,
        running: &mut Running<'_>,
        init: &DeterministicStateInitAction,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let account_id = running.account_id().clone();
        let mut account =
            running.account.take().unwrap_or_else(|| self.empty_account(Balance::ZERO));
        if account.contract().is_none() {
            let state_init = &init.state_init;
            self.set_global_contract(&account_id, &mut account, state_init.code(), result)?;
            if result.end.is_ok() {
                self.install_data(&account_id, &mut account, state_init.data());
            }
        }
        if result.end.is_ok() {
            self.pay_for_storage(running.receipt, &mut account, init.deposit, result)?;
        }
        running.account = Some(account);
        Ok(())
    }

    /// Installs the state of a universal account that has none yet. One that has gives the deposit
    /// back.
    pub(super) fn universal_state_init(
        &mut self,
        running: &mut Running<'_>,
        init: &UniversalStateInitAction,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let account_id = running.account_id().clone();
        let mut account = match running.account.take() {
            Some(account) => account,
            None => self.uninitialized_account(Balance::ZERO),
        };
        if account.is_initialized() {
            if self.runtime.config().rules().repeated_state_init_is_refunded() {
                refund(running.receipt, init.deposit, result);
            } else {
                self.pay_for_storage(running.receipt, &mut account, init.deposit, result)?;
            }
            running.account = Some(account);
            return Ok(());
        }
        let mode = self.runtime.config().near().wasm_config.state_init_decode_mode();
        match UniversalStateInit::from_raw(&init.state_init, mode) {
            Err(_) => result.fail(ActionErrorKind::MalformedUniversalStateInit),
            Ok(state_init) => self.install(&account_id, &mut account, &state_init, result)?,
        }
        if result.end.is_ok() {
            self.pay_for_storage(running.receipt, &mut account, init.deposit, result)?;
        }
        running.account = Some(account);
        Ok(())
    }

    /// The account that a transfer makes of a deterministic id: it holds tokens, and its state is
    /// installed later.
    pub(super) fn empty_account(&self, amount: Balance) -> Account {
        let usage = self.storage_config().num_bytes_account;
        Account::new(amount, Balance::ZERO, AccountContract::None, usage)
    }

    /// The same of a universal id.
    pub(super) fn uninitialized_account(&self, amount: Balance) -> Account {
        let usage = self.storage_config().num_bytes_account;
        Account::new_uninitialized(amount, usage, initial_nonce(self.env.height))
    }

    /// Contract, data and keys of a universal account.
    fn install(
        &mut self,
        account_id: &AccountId,
        account: &mut Account,
        state_init: &UniversalStateInit,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        // Above what a transaction of the account itself has used: its bytes must not be valid again
        // under the keys that it installs.
        let nonce = initial_nonce(self.env.height).max(account.bootstrap_nonce().unwrap_or(0));
        account
            .initialize()
            .map_err(|error| RuntimeFault::CorruptState(format!("{account_id}: {error}")))?;
        if let Some(code) = state_init.code() {
            self.set_global_contract(account_id, account, code, result)?;
            if result.end.is_err() {
                return Ok(());
            }
        }
        self.install_data(account_id, account, state_init.data());
        let mut access_key = AccessKey::full_access();
        access_key.nonce = nonce;
        let key_bytes = borsh::object_length(&access_key).unwrap_or(usize::MAX);
        for handle in state_init.access_keys() {
            let bytes = record_storage(self.storage_config(), handle.trie_id_len(), key_bytes);
            add_storage(account, bytes);
            let key = tree::access_key_key(account_id, handle.clone());
            tree::write(&mut self.state, &key, &access_key);
        }
        Ok(())
    }

    fn install_data(
        &mut self,
        account_id: &AccountId,
        account: &mut Account,
        data: &BTreeMap<Vec<u8>, Vec<u8>>,
    ) {
        for (key, value) in data {
            add_storage(account, record_storage(self.storage_config(), key.len(), value.len()));
            let trie_key =
                TrieKey::ContractData { account_id: account_id.clone(), key: key.clone() };
            self.state.set(trie_key.to_vec(), value.clone());
        }
    }

    /// Takes of the deposit what the account lacks for its storage and gives the rest back. A deposit
    /// that is too small fails the action: none that follows makes up for it.
    fn pay_for_storage(
        &self,
        receipt: &Receipt,
        account: &mut Account,
        deposit: Balance,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let amount =
            missing_for_storage(self.runtime.config().near(), account)?.unwrap_or(Balance::ZERO);
        let Some(rest) = deposit.checked_sub(amount) else {
            let account_id = receipt.receiver_id().clone();
            result.fail(ActionErrorKind::LackBalanceForState { account_id, amount });
            return Ok(());
        };
        account.set_amount(account.amount().checked_add(amount).or_overflow("an account")?);
        refund(receipt, rest, result);
        Ok(())
    }

    fn storage_config(&self) -> &StorageUsageConfig {
        &self.runtime.config().near().fees.storage_usage_config
    }
}

fn refund(receipt: &Receipt, amount: Balance, result: &mut ActionResult) {
    if !amount.is_zero() {
        let to = receipt.balance_refund_receiver();
        result.new_receipts.push(Receipt::new_balance_refund(to, amount));
    }
}
