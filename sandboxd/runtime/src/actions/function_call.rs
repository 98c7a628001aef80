//! Contracts are called: by receipts, and by views.

use std::sync::Arc;

use host_fns::near::{Context, Mode, PromiseResult};
use near_primitives::utils::create_random_seed;
use sandbox_state::{Overlay, Snapshot};

use super::{ActionResult, ReturnData, Running};
use crate::apply::{Application, Runtime};
use crate::block::BlockEnv;
use crate::contract::{CallOutcome, ContractCode, host_contract};
use crate::external::{CallSite, ReceiptContext};
use crate::fault::{OrOverflow, RuntimeFault};
use crate::near::{
    Account, AccountId, ActionErrorKind, Balance, CryptoHash, FunctionCallAction, Gas, KeyType,
    PromiseYieldIndices, PromiseYieldTimeout, PublicKey, TrieKey,
};
use crate::outbox::Outbox;
use crate::outcome::CallFailure;
use crate::rules::StorageProofLimit;
use crate::tree;
use crate::view::{CallResult, InvalidQuery, ViewResult};

impl Application<'_> {
    pub(super) fn function_call(
        &mut self,
        running: &mut Running<'_>,
        call: &FunctionCallAction,
        action_hash: CryptoHash,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let account_id = running.account_id().clone();
        let account = running.existing().clone();
        let Some((hash, bytes)) = tree::code(&mut self.state, &account_id, &account)? else {
            let failure = CallFailure::NoCode(account_id);
            result.fail(ActionErrorKind::FunctionCallError(failure.error()));
            return Ok(());
        };
        let context = self.context(running, &account, call, action_hash);
        let external = self.lend_state(running, action_hash);
        let code = ContractCode::new(hash, bytes);
        let contracts = self.runtime.contracts();
        let outcome = contracts.call(&code, &call.method_name, external, context)?;
        self.take_back(running, call, outcome, result)
    }

    /// Moves the state into the context of a call. A fault in the call drops the block, so the state
    /// need not come back from it.
    fn lend_state(&mut self, running: &Running<'_>, action_hash: CryptoHash) -> ReceiptContext {
        let proof_bytes_before = match self.runtime.config().rules().storage_proof_limit() {
            StorageProofLimit::PerCall => self.state.visits.proof_bytes(),
            StorageProofLimit::PerReceipt | StorageProofLimit::AllActions => {
                running.proof_bytes_before
            }
        };
        let base = self.state.base().clone();
        let state = std::mem::replace(&mut self.state, Overlay::new(base));
        let site = CallSite {
            account_id: running.account_id(),
            action_hash,
            proof_bytes_before: Some(proof_bytes_before),
            height: self.env.height,
            chain_id: &self.env.chain_id,
            validators: &self.env.validators,
        };
        ReceiptContext::new(state, &site)
    }

    /// Takes the state back and books what the call did.
    fn take_back(
        &mut self,
        running: &mut Running<'_>,
        call: &FunctionCallAction,
        outcome: CallOutcome,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let ReceiptContext { state, mut outbox, .. } = outcome.context;
        self.state = state;
        let unused = call.gas.saturating_sub(outcome.gas_used);
        let given = outbox.distribute(unused)?;
        (result.spare, result.shared) = (unused, given);
        let used = outcome.gas_used.checked_add(given).or_overflow("the gas of a call")?;
        let add = |sum: Gas, gas: Gas| sum.checked_add(gas).or_overflow("the gas of an action");
        result.gas_burnt = add(result.gas_burnt, outcome.gas_burnt)?;
        result.gas_used = add(result.gas_used, used)?;
        result.call_gas = add(result.call_gas, outcome.gas_burnt)?;
        result.compute =
            result.compute.checked_add(outcome.compute).or_overflow("the compute of an action")?;
        result.profile.merge(&self.runtime.config().near_profile(&outcome.profile));
        result.logs.extend(outcome.logs);
        match outcome.end {
            Err(failure) => result.fail(ActionErrorKind::FunctionCallError(failure.error())),
            Ok(data) => {
                let account_id = running.account_id().clone();
                self.await_resumes(&account_id, &outbox)?;
                result.new_receipts = outbox.into_receipts(&account_id, running.action_receipt)?;
                result.subsidized = outcome.subsidized;
                result.end = Ok(data);
                let account = running.existing();
                account.set_amount(outcome.balance);
                account.set_storage_usage(outcome.storage_usage);
            }
        }
        Ok(())
    }

    /// Sets a time for each new yield after which it resumes without data.
    fn await_resumes(
        &mut self,
        account_id: &AccountId,
        outbox: &Outbox,
    ) -> Result<(), RuntimeFault> {
        // Every call that succeeds reads the queue, and so has it in the proof.
        let mut queue: PromiseYieldIndices =
            tree::read(&mut self.state, &TrieKey::PromiseYieldIndices)?.unwrap_or_default();
        let yielded = outbox.yielded();
        if yielded.is_empty() {
            return Ok(());
        }
        let limits = &self.runtime.config().near().wasm_config.limit_config;
        let expires_at = self.env.height.saturating_add(limits.yield_timeout_length_in_blocks);
        for data_id in yielded {
            let index = queue.next_available_index;
            queue.next_available_index =
                index.checked_add(1).or_overflow("the queue of yield timeouts")?;
            let account_id = account_id.clone();
            let entry = PromiseYieldTimeout { account_id, data_id, expires_at };
            tree::write(&mut self.state, &TrieKey::PromiseYieldTimeout { index }, &entry);
        }
        tree::write(&mut self.state, &TrieKey::PromiseYieldIndices, &queue);
        Ok(())
    }

    /// What the contract can learn about the call.
    fn context(
        &self,
        running: &Running<'_>,
        account: &Account,
        call: &FunctionCallAction,
        action_hash: CryptoHash,
    ) -> Context {
        let receipt = running.action_receipt;
        let predecessor = running.receipt.predecessor_id();
        let is_last = running.index.saturating_add(1) == receipt.actions().len();
        // Only the last call returns what the receipt returns.
        let waiting = if is_last { receipt.output_data_receivers() } else { &[] };
        let promise_results = running
            .promise_results
            .iter()
            .map(|result| match result {
                Some(value) => PromiseResult::Successful(Arc::clone(value)),
                None => PromiseResult::Failed,
            })
            .collect();
        Context {
            signer_account_id: receipt.signer_id().to_string(),
            signer_public_key: key_bytes(receipt.signer_public_key()),
            predecessor_account_id: predecessor.to_string(),
            refund_to_account_id: receipt.refund_to().as_ref().unwrap_or(predecessor).to_string(),
            input: Arc::from(call.args.as_slice()),
            promise_results,
            attached_deposit: call.deposit.as_yoctonear(),
            prepaid_gas: gas_meter::Gas::new(call.gas.as_gas()),
            random_seed: create_random_seed(action_hash, self.env.random_seed),
            output_data_receivers: waiting.iter().map(|to| to.receiver_id.to_string()).collect(),
            ..base_context(running.account_id(), account, self.env, Mode::Call)
        }
    }
}

/// Calls a contract without changing anything. `reads` takes the keys that it read, if it is `Some`.
pub(crate) fn view_call(
    (runtime, mut state, env): (&Runtime, &Snapshot, &BlockEnv),
    (id, account): (&AccountId, &Account),
    method_name: &str,
    args: &[u8],
    reads: &mut Option<Vec<Vec<u8>>>,
) -> ViewResult<CallResult> {
    let Some((hash, bytes)) = tree::code(&mut state, id, account)? else {
        return Ok(Err(refusal(&CallFailure::NoCode(id.clone()), Vec::new())));
    };
    let max_gas_burnt = gas_meter::Gas::new(runtime.config().max_gas_burnt_view());
    let root = CryptoHash(*state.root().as_bytes());
    let context = Context {
        input: Arc::from(args),
        random_seed: create_random_seed(CryptoHash::default(), root),
        ..base_context(id, account, env, Mode::View { max_gas_burnt })
    };
    let site = CallSite {
        account_id: id,
        action_hash: CryptoHash::default(),
        proof_bytes_before: None,
        height: env.height,
        chain_id: &env.chain_id,
        validators: &env.validators,
    };
    let mut external = ReceiptContext::new(Overlay::new(state.clone()), &site);
    external.reads = reads.take();
    let code = ContractCode::new(hash, bytes);
    let outcome = runtime.contracts().call(&code, method_name, external, context)?;
    *reads = outcome.context.reads;
    let CallOutcome { logs, gas_burnt, profile, .. } = outcome;
    Ok(match outcome.end {
        Ok(data) => {
            let value = match data {
                ReturnData::Value(value) => value,
                ReturnData::None | ReturnData::Receipt(_) => Vec::new(),
            };
            Ok(CallResult { value, logs, gas_burnt, profile })
        }
        Err(failure) => Err(refusal(&failure, logs)),
    })
}

fn refusal(failure: &CallFailure, logs: Vec<String>) -> InvalidQuery {
    InvalidQuery::Call { error: failure.error(), message: failure.view_message(), logs }
}

/// The circumstances of a call of `id` by itself with nothing attached, as views have them.
fn base_context(id: &AccountId, account: &Account, env: &BlockEnv, mode: Mode) -> Context {
    Context {
        current_account_id: id.to_string(),
        signer_account_id: id.to_string(),
        signer_public_key: key_bytes(&PublicKey::empty(KeyType::ED25519)),
        predecessor_account_id: id.to_string(),
        refund_to_account_id: id.to_string(),
        input: Arc::from([]),
        promise_results: Arc::from([]),
        block_height: env.height,
        block_timestamp_ns: env.timestamp_ns,
        epoch_height: env.epoch_height,
        account_balance: account.amount().as_yoctonear(),
        account_locked_balance: account.locked().as_yoctonear(),
        storage_usage: account.storage_usage(),
        account_contract: host_contract(&account.contract()),
        attached_deposit: Balance::ZERO.as_yoctonear(),
        prepaid_gas: gas_meter::Gas::ZERO,
        random_seed: Vec::new(),
        mode,
        output_data_receivers: Vec::new(),
    }
}

fn key_bytes(key: &PublicKey) -> Vec<u8> {
    borsh::to_vec(key).expect("writing into memory does not fail")
}
