//! Global contracts (NEP-591): code that many accounts share.
//!
//! Deploying one burns tokens for its storage and sends the code out; with the only shard there is,
//! it arrives in the next block. Follows nearcore's `runtime/runtime/src/global_contracts.rs`.

use super::deploy::contract_storage;
use super::{ActionResult, Running, add_storage, remove_storage};
use crate::apply::Application;
use crate::fault::{OrOverflow, RuntimeFault};
use crate::fees::length;
use crate::near::{
    Account, AccountContract, AccountId, ActionErrorKind, CryptoHash, DeployGlobalContractAction,
    GlobalContractDeployMode, GlobalContractDistributionReceipt, GlobalContractIdentifier, Receipt,
    ShardId, TrieKey, UseGlobalContractAction,
};
use crate::tree::{self, Records};

/// The only shard.
const SHARD: ShardId = ShardId::new(0);

impl Application<'_> {
    pub(super) fn deploy_global_contract(
        &mut self,
        running: &mut Running<'_>,
        deploy: &DeployGlobalContractAction,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let account_id = running.account_id().clone();
        let storage = &self.runtime.config().near().fees.storage_usage_config;
        let amount = storage
            .global_contract_storage_amount_per_byte
            .saturating_mul(u128::from(length(&deploy.code)));
        let account = running.existing();
        let Some(rest) = account.amount().checked_sub(amount) else {
            result.fail(ActionErrorKind::LackBalanceForState { account_id, amount });
            return Ok(());
        };
        account.set_amount(rest);
        result.tokens_burnt = amount;
        let identifier = match deploy.deploy_mode {
            GlobalContractDeployMode::CodeHash => {
                GlobalContractIdentifier::CodeHash(CryptoHash::hash_bytes(&deploy.code))
            }
            GlobalContractDeployMode::AccountId => {
                GlobalContractIdentifier::AccountId(account_id.clone())
            }
        };
        // Numbered, so that an older deployment cannot overtake a newer one.
        let key = nonce_key(&identifier);
        let nonce = tree::read::<u64>(&mut self.state, &key)?
            .unwrap_or_default()
            .checked_add(1)
            .or_overflow("the number of a global contract")?;
        tree::write(&mut self.state, &key, &nonce);
        let code = deploy.code.clone();
        let distribution =
            GlobalContractDistributionReceipt::new(identifier, SHARD, Vec::new(), code, nonce);
        let receipt = Receipt::new_global_contract_distribution(account_id, distribution);
        result.new_receipts.push(receipt);
        Ok(())
    }

    /// The code of a global contract arrives.
    pub(crate) fn distribute_global_contract(
        &mut self,
        distribution: &GlobalContractDistributionReceipt,
    ) -> Result<(), RuntimeFault> {
        let code = distribution.code();
        let key = nonce_key(distribution.id());
        let newest = tree::read::<u64>(&mut self.state, &key)?.unwrap_or_default();
        if distribution.nonce() < newest {
            return Ok(());
        }
        tree::write(&mut self.state, &key, &distribution.nonce());
        self.state.set(tree::global_code_key(distribution.id()).to_vec(), code.to_vec());
        self.runtime.contracts().warm_later(CryptoHash::hash_bytes(code), code);
        let fees = &self.runtime.config().near().fees;
        let compute = fees
            .deploy_global_contract_execution_per_byte
            .checked_mul(length(code))
            .and_then(|bytes| bytes.checked_add(fees.deploy_global_contract_execution_base))
            .and_then(|compute| compute.checked_add(self.burnt.compute));
        self.burnt.compute = compute.or_overflow("a block's compute")?;
        Ok(())
    }

    pub(super) fn use_global_contract(
        &mut self,
        running: &mut Running<'_>,
        used: &UseGlobalContractAction,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let account_id = running.account_id().clone();
        let account = running.existing();
        self.set_global_contract(&account_id, account, &used.contract_identifier, result)
    }

    /// Lets `account` run a global contract, if there is one of this name.
    pub(super) fn set_global_contract(
        &mut self,
        account_id: &AccountId,
        account: &mut Account,
        identifier: &GlobalContractIdentifier,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        if !self.state.has_record(&tree::global_code_key(identifier).to_vec())? {
            let identifier = identifier.clone();
            result.fail(ActionErrorKind::GlobalContractDoesNotExist { identifier });
            return Ok(());
        }
        remove_storage(account, contract_storage(&mut self.state, account_id, account)?);
        if account.contract().is_local() {
            tree::remove(&mut self.state, &tree::code_key(account_id));
        }
        let contract = match identifier {
            GlobalContractIdentifier::CodeHash(hash) => AccountContract::Global(*hash),
            GlobalContractIdentifier::AccountId(id) => AccountContract::GlobalByAccount(id.clone()),
        };
        add_storage(account, contract.identifier_storage_usage());
        account
            .set_contract(contract)
            .map_err(|error| RuntimeFault::CorruptState(format!("{account_id}: {error}")))
    }
}

fn nonce_key(identifier: &GlobalContractIdentifier) -> TrieKey {
    TrieKey::GlobalContractNonce { identifier: identifier.clone().into() }
}
