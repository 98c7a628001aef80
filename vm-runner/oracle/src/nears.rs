//! A call in nearcore.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use fixtures::Case;
use host_fns::near::{AccountContract as OurContract, Context, Mode, PromiseResult as OurResult};
use near_primitives::account::AccountContract;
use near_primitives::config::ViewConfig;
use near_primitives::hash::CryptoHash;
use near_primitives::types::{Balance, Gas};
use near_vm_runner::ContractRuntimeCache;
use near_vm_runner::logic::errors::FunctionCallError;
use near_vm_runner::logic::mocks::mock_external::MockedExternal;
use near_vm_runner::logic::types::PromiseResult;
use near_vm_runner::logic::{HostError, VMContext, VMOutcome};
use sandbox_runtime::RuntimeConfig;

use crate::near_port::NearPort;
use crate::outcome::{Effects, Outcome};
use crate::{Call, Contract, ours};

/// nearcore's side: its virtual machine with its cache and its mock of the chain.
pub struct NearRunner {
    config: RuntimeConfig,
    cache: Box<dyn ContractRuntimeCache>,
}

impl NearRunner {
    /// With the parameters `config`, keeping compiled contracts in `cache`.
    pub fn new(config: RuntimeConfig, cache: Box<dyn ContractRuntimeCache>) -> Self {
        NearRunner { config, cache }
    }

    /// What comes of the call.
    pub fn run(&self, contract: &Contract, case: &Case) -> anyhow::Result<Outcome> {
        self.run_call(contract, &ours::call(contract, case, self.config.host()))
    }

    /// What comes of a call in circumstances of its own.
    pub fn run_call(&self, contract: &Contract, call: &Call) -> anyhow::Result<Outcome> {
        let (outcome, external) = self.execute(contract, call)?;
        Ok(translate(outcome, external))
    }

    /// The call alone, for measuring: the gas that it burns.
    pub fn burn(&self, contract: &Contract, case: &Case) -> anyhow::Result<u64> {
        let call = ours::call(contract, case, self.config.host());
        self.execute(contract, &call).map(|(outcome, _)| outcome.burnt_gas.as_gas())
    }

    /// Compiles the contract for the cache, for measuring.
    pub fn compile(&self, contract: &Contract) -> anyhow::Result<()> {
        let config = Arc::clone(&self.config.near().wasm_config);
        let compiled =
            near_vm_runner::precompile_contract(&contract.near, config, Some(&*self.cache))?;
        compiled.map(drop).map_err(|error| anyhow::anyhow!("{error:?}"))
    }

    fn execute(
        &self,
        contract: &Contract,
        call: &Call,
    ) -> anyhow::Result<(VMOutcome, MockedExternal)> {
        let mut external = MockedExternal::new();
        external.code = Some(Arc::clone(&contract.near));
        external.code_hash = *contract.near.hash();
        external.fake_trie =
            call.storage.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        for (account, stake) in ours::VALIDATORS {
            external.validators.insert(account.parse()?, Balance::from_yoctonear(*stake));
        }
        let near = self.config.near();
        let context = context(&call.context)?;
        let wasm_config = Arc::clone(&near.wasm_config);
        let mut bounded = Arc::clone(&wasm_config);
        let max_gas_burnt = Gas::from_gas(call.max_gas_burnt.units());
        if bounded.limit_config.max_gas_burnt != max_gas_burnt {
            Arc::make_mut(&mut bounded).limit_config.max_gas_burnt = max_gas_burnt;
        }
        let gas = context.make_gas_counter(&bounded);
        let cache = Some(&*self.cache);
        let prepared = near_vm_runner::prepare(&external, wasm_config, cache, gas, &call.method);
        let mut external = NearPort::new(external);
        let fees = Arc::clone(&near.fees);
        let outcome = near_vm_runner::run(prepared, &mut external, &context, fees)?;
        Ok((outcome, external.mock))
    }
}

impl fmt::Debug for NearRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NearRunner")
    }
}

fn translate(outcome: VMOutcome, external: MockedExternal) -> Outcome {
    let mut profile = BTreeMap::new();
    for (id, gas) in &outcome.profile.wasm_ext_profile {
        profile.insert(id.to_string().to_uppercase(), gas.as_gas());
    }
    for (id, gas) in &outcome.profile.actions_profile {
        profile.insert(id.to_string().to_uppercase(), gas.as_gas());
    }
    profile.insert("WASM".to_owned(), outcome.profile.wasm_gas.as_gas());
    profile.retain(|_, gas| *gas > 0);
    let effects = outcome.aborted.is_none().then(|| Effects {
        balance: outcome.balance.as_yoctonear(),
        subsidized: outcome.subsidized_amount.as_yoctonear(),
        storage_usage: outcome.storage_usage,
        storage: external.fake_trie.into_iter().collect(),
        receipts: external.action_log,
    });
    Outcome {
        message: outcome.aborted.as_ref().map(ToString::to_string),
        failure: outcome.aborted.map(failure),
        burnt: outcome.burnt_gas.as_gas(),
        used: outcome.used_gas.as_gas(),
        compute: outcome.compute_usage,
        logs: outcome.logs,
        returned: outcome.return_data,
        profile,
        effects,
    }
}

fn failure(error: FunctionCallError) -> String {
    match error {
        // A size has a debug form of its own; ours is a number.
        FunctionCallError::HostError(HostError::RecordedStorageExceeded { limit }) => {
            format!("HostError(RecordedStorageExceeded {{ limit: {} }})", limit.as_u64())
        }
        error => format!("{error:?}"),
    }
}

fn context(ours: &Context) -> anyhow::Result<VMContext> {
    let results = ours.promise_results.iter().map(|result| match result {
        OurResult::NotReady => PromiseResult::NotReady,
        OurResult::Failed => PromiseResult::Failed,
        OurResult::Successful(value) => PromiseResult::Successful(Rc::from(&**value)),
    });
    let receivers = ours.output_data_receivers.iter().map(|id| id.parse());
    Ok(VMContext {
        current_account_id: ours.current_account_id.parse()?,
        signer_account_id: ours.signer_account_id.parse()?,
        signer_account_pk: ours.signer_public_key.clone(),
        predecessor_account_id: ours.predecessor_account_id.parse()?,
        refund_to_account_id: ours.refund_to_account_id.parse()?,
        input: Rc::from(&*ours.input),
        promise_results: results.collect(),
        block_height: ours.block_height,
        block_timestamp: ours.block_timestamp_ns,
        epoch_height: ours.epoch_height,
        account_balance: Balance::from_yoctonear(ours.account_balance),
        account_locked_balance: Balance::from_yoctonear(ours.account_locked_balance),
        storage_usage: ours.storage_usage,
        account_contract: match &ours.account_contract {
            OurContract::None => AccountContract::None,
            OurContract::Local(hash) => AccountContract::Local(CryptoHash(*hash)),
            OurContract::Global(hash) => AccountContract::Global(CryptoHash(*hash)),
            OurContract::GlobalByAccount(id) => AccountContract::GlobalByAccount(id.parse()?),
        },
        attached_deposit: Balance::from_yoctonear(ours.attached_deposit),
        prepaid_gas: Gas::from_gas(ours.prepaid_gas.units()),
        random_seed: ours.random_seed.clone(),
        view_config: match ours.mode {
            Mode::Call => None,
            Mode::View { max_gas_burnt } => {
                Some(ViewConfig { max_gas_burnt: Gas::from_gas(max_gas_burnt.units()) })
            }
        },
        output_data_receivers: receivers.collect::<Result<_, _>>()?,
    })
}
