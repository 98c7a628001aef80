//! Accounts are made and deleted.

use super::{
    ActionResult, Running,
    deploy::{code_storage, contract_storage},
};
use crate::apply::Application;
use crate::fault::RuntimeFault;
use crate::near::{
    Account, AccountContract, ActionErrorKind, Balance, DeleteAccountAction, GasKeyInfo, Receipt,
};
use crate::tree::{self, GasKeys};

impl Application<'_> {
    pub(super) fn create_account(&mut self, running: &mut Running<'_>, result: &mut ActionResult) {
        let config = self.runtime.config().near();
        let rules = &config.account_creation_config;
        let account_id = running.account_id().clone();
        let predecessor_id = running.receipt.predecessor_id().clone();
        if account_id.is_top_level() {
            let shortest = usize::from(rules.min_allowed_top_level_account_length);
            if account_id.len() < shortest && predecessor_id != rules.registrar_account_id {
                result.fail(ActionErrorKind::CreateAccountOnlyByRegistrar {
                    account_id,
                    registrar_account_id: rules.registrar_account_id.clone(),
                    predecessor_id,
                });
                return;
            }
        } else if !account_id.is_sub_account_of(&predecessor_id) {
            result.fail(ActionErrorKind::CreateAccountNotAllowed { account_id, predecessor_id });
            return;
        }
        running.actor = account_id;
        running.account = Some(Account::new(
            Balance::ZERO,
            Balance::ZERO,
            AccountContract::None,
            config.fees.storage_usage_config.num_bytes_account,
        ));
    }

    /// Deletes the receiver; what it holds goes to the beneficiary as a refund, and what its gas keys
    /// hold is burnt.
    pub(super) fn delete_account(
        &mut self,
        running: &mut Running<'_>,
        delete: &DeleteAccountAction,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let account_id = running.account_id().clone();
        let account = running.existing();
        let code = if self.runtime.config().rules().deletion_ignores_global_contract() {
            contract_storage(&mut self.state, &account_id, account)?
        } else {
            code_storage(&mut self.state, &account_id)?
        };
        if account.storage_usage().saturating_sub(code)
            > Account::MAX_ACCOUNT_DELETION_STORAGE_USAGE
        {
            result.fail(ActionErrorKind::DeleteAccountWithLargeState { account_id });
            return Ok(());
        }
        let GasKeys { balance, nonces, nonce_key_bytes } =
            tree::gas_keys(&mut self.state, &account_id)?;
        if balance > GasKeyInfo::MAX_BALANCE_TO_BURN {
            let public_key = None;
            result.fail(ActionErrorKind::GasKeyBalanceTooHigh { account_id, public_key, balance });
            return Ok(());
        }
        let amount = account.amount();
        if !amount.is_zero() {
            result.new_receipts.push(Receipt::new_balance_refund(&delete.beneficiary_id, amount));
        }
        tree::remove_account(&mut self.state, &account_id)?;
        result.burn_gas_keys(self.runtime.config().near(), balance, nonces, nonce_key_bytes)?;
        running.actor = running.receipt.predecessor_id().clone();
        running.account = None;
        Ok(())
    }
}
