//! Transfers, which also make implicit accounts and bring refunds home.

use super::{Running, initial_nonce};
use crate::actions::access_key::key_storage;
use crate::apply::Application;
use crate::fault::{OrOverflow, RuntimeFault};
use crate::near::{
    AccessKey, AccessKeyPermission, Account, AccountContract, AccountId, ActionErrorKind, Balance,
    PublicKey,
};
use crate::{tree, wallet};
use near_parameters::RuntimeConfig as NearConfig;
use near_primitives::account::id::AccountType;

/// Whether a transfer can make an account of this id, and `CreateAccount` cannot.
pub(super) fn is_implicit(config: &NearConfig, id: &AccountId) -> bool {
    match id.get_account_type() {
        AccountType::NamedAccount => false,
        AccountType::UniversalAccount => config.wasm_config.universal_accounts,
        AccountType::NearImplicitAccount
        | AccountType::EthImplicitAccount
        | AccountType::NearDeterministicAccount => true,
    }
}

/// Whether the transfer that runs may make its receiver. No refund may, as those are free. Otherwise
/// only the sole action of a receipt may, so that none of the others can take the account over; but
/// for universal accounts, which nobody can take over.
pub(super) fn check_creation(
    config: &NearConfig,
    running: &Running<'_>,
) -> Result<(), ActionErrorKind> {
    let account_id = running.account_id();
    let sole = running.action_receipt.actions().len() == 1;
    let universal = account_id.get_account_type() == AccountType::UniversalAccount;
    if is_implicit(config, account_id) && !running.is_refund() && (sole || universal) {
        Ok(())
    } else {
        Err(ActionErrorKind::AccountDoesNotExist { account_id: account_id.clone() })
    }
}

impl Application<'_> {
    pub(super) fn transfer(
        &mut self,
        running: &mut Running<'_>,
        deposit: Balance,
    ) -> Result<(), RuntimeFault> {
        let is_gas_refund =
            running.is_refund() && running.action_receipt.signer_id() == running.account_id();
        if running.account.is_none() {
            return self.create_implicit(running, deposit);
        }
        let public_key = running.action_receipt.signer_public_key();
        if is_gas_refund && self.refund_gas_key(running.account_id(), public_key, deposit)? {
            return Ok(());
        }
        let account = running.existing();
        let amount = account.amount().checked_add(deposit).or_overflow("a transfer")?;
        account.set_amount(amount);
        if is_gas_refund {
            self.refund_allowance(running, deposit)?;
        }
        Ok(())
    }

    /// Makes the account that a transfer makes of the receiver's id.
    fn create_implicit(
        &mut self,
        running: &mut Running<'_>,
        deposit: Balance,
    ) -> Result<(), RuntimeFault> {
        let account = match running.account_id().get_account_type() {
            AccountType::NearImplicitAccount => return self.create_of_key(running, deposit),
            AccountType::EthImplicitAccount => self.eth_account(deposit),
            AccountType::NearDeterministicAccount => self.empty_account(deposit),
            AccountType::UniversalAccount => self.uninitialized_account(deposit),
            AccountType::NamedAccount => {
                let id = running.account_id();
                return Err(RuntimeFault::CorruptState(format!("{id} was let through")));
            }
        };
        running.account = Some(account);
        Ok(())
    }

    /// An account that belongs to an Ethereum address: it has no key, only the wallet contract. Whether
    /// that was deployed shows when it is called.
    fn eth_account(&self, deposit: Balance) -> Account {
        let contract = AccountContract::Global(wallet::hash(&self.env.chain_id));
        let storage = &self.runtime.config().near().fees.storage_usage_config;
        let usage = storage.num_bytes_account.saturating_add(contract.identifier_storage_usage());
        Account::new(deposit, Balance::ZERO, contract, usage)
    }

    /// Makes the account that is named after its key.
    fn create_of_key(
        &mut self,
        running: &mut Running<'_>,
        deposit: Balance,
    ) -> Result<(), RuntimeFault> {
        let id = running.account_id().clone();
        let public_key = PublicKey::from_near_implicit_account(&id)
            .map_err(|error| RuntimeFault::CorruptState(error.to_string()))?;
        let mut access_key = AccessKey::full_access();
        access_key.nonce = initial_nonce(self.env.height);
        let storage = &self.runtime.config().near().fees.storage_usage_config;
        let usage = key_storage(storage, &public_key, &access_key)
            .checked_add(storage.num_bytes_account)
            .or_overflow("a storage usage")?;
        tree::set_access_key(&mut self.state, &id, &public_key, &access_key);
        running.account = Some(Account::new(deposit, Balance::ZERO, AccountContract::None, usage));
        running.actor = id;
        Ok(())
    }

    /// Gas that comes back can be spent again by the key that bought it, if it still exists.
    fn refund_allowance(
        &mut self,
        running: &Running<'_>,
        deposit: Balance,
    ) -> Result<(), RuntimeFault> {
        let (id, public_key) = (running.account_id(), running.action_receipt.signer_public_key());
        let Some(mut key) = tree::access_key(&mut self.state, id, public_key)? else {
            return Ok(());
        };
        if let AccessKeyPermission::FunctionCall(permission) = &mut key.permission
            && let Some(allowance) = permission.allowance.as_mut()
        {
            *allowance = allowance.saturating_add(deposit);
            tree::set_access_key(&mut self.state, id, public_key, &key);
        }
        Ok(())
    }
}
