//! A call in nearcore.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use fixtures::{Answer, Case};
use near_primitives::account::AccountContract;
use near_primitives::config::ViewConfig;
use near_primitives::types::{Balance, Gas};
use near_vm_runner::ContractRuntimeCache;
use near_vm_runner::logic::mocks::mock_external::MockedExternal;
use near_vm_runner::logic::types::PromiseResult;
use near_vm_runner::logic::{VMContext, VMOutcome};
use sandbox_runtime::RuntimeConfig;

use crate::near_port::NearPort;
use crate::outcome::{Effects, Outcome};
use crate::{Contract, ours};

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
        let (outcome, external) = self.execute(contract, case)?;
        Ok(translate(outcome, external))
    }

    /// The call alone, for measuring: the gas that it burns.
    pub fn burn(&self, contract: &Contract, case: &Case) -> anyhow::Result<u64> {
        self.execute(contract, case).map(|(outcome, _)| outcome.burnt_gas.as_gas())
    }

    fn execute(
        &self,
        contract: &Contract,
        case: &Case,
    ) -> anyhow::Result<(VMOutcome, MockedExternal)> {
        let mut external = MockedExternal::new();
        external.code = Some(Arc::clone(&contract.near));
        external.code_hash = *contract.near.hash();
        for (key, value) in case.storage {
            external.fake_trie.insert(key.to_vec(), value.to_vec());
        }
        for (account, stake) in ours::VALIDATORS {
            external.validators.insert(account.parse()?, Balance::from_yoctonear(*stake));
        }
        let near = self.config.near();
        let context = context(&self.config, case, external.code_hash)?;
        let wasm_config = Arc::clone(&near.wasm_config);
        let gas = context.make_gas_counter(&wasm_config);
        let cache = Some(&*self.cache);
        let prepared = near_vm_runner::prepare(&external, wasm_config, cache, gas, case.method);
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
        receipts: external.action_log.iter().map(|action| format!("{action:?}")).collect(),
    });
    Outcome {
        failure: outcome.aborted.map(|error| format!("{error:?}")),
        burnt: outcome.burnt_gas.as_gas(),
        used: outcome.used_gas.as_gas(),
        compute: outcome.compute_usage,
        logs: outcome.logs,
        returned: format!("{:?}", outcome.return_data),
        profile,
        effects,
    }
}

fn context(
    config: &RuntimeConfig,
    case: &Case,
    code_hash: near_primitives::hash::CryptoHash,
) -> anyhow::Result<VMContext> {
    let answers = case.answers.iter().map(|answer| match answer {
        Answer::Waiting => PromiseResult::NotReady,
        Answer::Failed => PromiseResult::Failed,
        Answer::Value(value) => PromiseResult::Successful(Rc::from(*value)),
    });
    let ours = ours::context(case, config.host());
    let max_gas_burnt = config.near().wasm_config.limit_config.max_gas_burnt;
    Ok(VMContext {
        current_account_id: ours.current_account_id.parse()?,
        signer_account_id: ours.signer_account_id.parse()?,
        signer_account_pk: ours.signer_public_key,
        predecessor_account_id: ours.predecessor_account_id.parse()?,
        refund_to_account_id: ours.refund_to_account_id.parse()?,
        input: Rc::from(case.input),
        promise_results: answers.collect(),
        block_height: ours.block_height,
        block_timestamp: ours.block_timestamp_ns,
        epoch_height: ours.epoch_height,
        account_balance: Balance::from_yoctonear(ours.account_balance),
        account_locked_balance: Balance::from_yoctonear(ours.account_locked_balance),
        storage_usage: ours.storage_usage,
        account_contract: AccountContract::Local(code_hash),
        attached_deposit: Balance::from_yoctonear(ours.attached_deposit),
        prepaid_gas: Gas::from_gas(case.gas),
        random_seed: ours.random_seed,
        view_config: case.view.then_some(ViewConfig { max_gas_burnt }),
        output_data_receivers: Vec::new(),
    })
}
