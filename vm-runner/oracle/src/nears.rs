//! A call in nearcore.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use fixtures::{Answer, Case};
use near_parameters::RuntimeConfig;
use near_primitives::account::AccountContract;
use near_primitives::config::ViewConfig;
use near_primitives::types::{Balance, Gas};
use near_vm_runner::ContractCode;
use near_vm_runner::logic::VMContext;
use near_vm_runner::logic::mocks::mock_external::MockedExternal;
use near_vm_runner::logic::types::PromiseResult;

use crate::outcome::{Effects, Outcome};
use crate::{CURRENT_ACCOUNT, PREDECESSOR_ACCOUNT, SIGNER_ACCOUNT, ours};

pub(crate) fn run(near: &RuntimeConfig, code: &[u8], case: &Case) -> anyhow::Result<Outcome> {
    let mut external = MockedExternal::with_code(ContractCode::new(code.to_vec(), None));
    for (key, value) in case.storage {
        external.fake_trie.insert(key.to_vec(), value.to_vec());
    }
    for (account, stake) in ours::VALIDATORS {
        external.validators.insert(account.parse()?, Balance::from_yoctonear(*stake));
    }
    let context = context(near, case, near_vm_runner::Contract::hash(&external))?;
    let config = Arc::clone(&near.wasm_config);
    let gas = context.make_gas_counter(&config);
    let prepared = near_vm_runner::prepare(&external, config, None, gas, case.method);
    let outcome =
        near_vm_runner::run(prepared, &mut external, &context, Arc::clone(&near.fees))?;
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
    Ok(Outcome {
        failure: outcome.aborted.map(|error| format!("{error:?}")),
        burnt: outcome.burnt_gas.as_gas(),
        used: outcome.used_gas.as_gas(),
        compute: outcome.compute_usage,
        logs: outcome.logs,
        returned: format!("{:?}", outcome.return_data),
        profile,
        effects,
    })
}

fn context(
    near: &RuntimeConfig,
    case: &Case,
    code_hash: near_primitives::hash::CryptoHash,
) -> anyhow::Result<VMContext> {
    let answers = case.answers.iter().map(|answer| match answer {
        Answer::Waiting => PromiseResult::NotReady,
        Answer::Failed => PromiseResult::Failed,
        Answer::Value(value) => PromiseResult::Successful(Rc::from(*value)),
    });
    let ours = ours::context(case, &ours::host_limits(near));
    let max_gas_burnt = near.wasm_config.limit_config.max_gas_burnt;
    Ok(VMContext {
        current_account_id: CURRENT_ACCOUNT.parse()?,
        signer_account_id: SIGNER_ACCOUNT.parse()?,
        signer_account_pk: ours.signer_public_key,
        predecessor_account_id: PREDECESSOR_ACCOUNT.parse()?,
        refund_to_account_id: PREDECESSOR_ACCOUNT.parse()?,
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
