//! [`RuntimeConfig`]: NEAR's parameters of one protocol version, translated once for every part that
//! needs them.
//!
//! This is the only place where the names of near-parameters meet those of the VM and the host
//! functions.

use std::collections::BTreeMap;
use std::sync::Arc;

use gas_meter::instrument::{FlatSchedule, FrameSizes, Limits as MeteringLimits, Prices};
use gas_meter::{Cost, CostId, CostKind, Profile};
use host_fns::abi::FeatureSet;
use host_fns::near::{self as host, cost, feature};
use near_parameters::RuntimeConfig as NearConfig;
use near_parameters::vm::{Config as NearVmConfig, LimitConfig};
use vm_runner::{LoadingCosts, ModuleLimits, VmConfig, WasmProposals};

use crate::fee_table::{self, FeeTable, InvalidFees};
use crate::near::{
    ActionCosts, ExtCosts, Gas, ParameterCost, ProfileDataV3, ProtocolVersion, RuntimeConfigStore,
};
use crate::rules::{Rules, UnsupportedProtocolVersion};

/// Bytes of a value that NEAR's flat state keeps beside its key (near-primitives-core `config.rs`).
const INLINE_VALUE_BYTES: u64 = 4_000;

/// The rules and prices of a protocol version.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    rules: Rules,
    near: Arc<NearConfig>,
    vm: Arc<VmConfig>,
    host: Arc<host::Config>,
    /// How much gas a view may burn.
    max_gas_burnt_view: u64,
    /// NEAR's costs by ours, for gas profiles.
    profile_rows: Arc<BTreeMap<CostId, ProfileRow>>,
}

/// Which row of NEAR's gas profile a cost is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProfileRow {
    Host(ExtCosts),
    Action(ActionCosts),
}

impl RuntimeConfig {
    /// The rules and prices of `version`.
    ///
    /// # Errors
    /// When near-parameters does not know the version.
    pub fn new(version: ProtocolVersion) -> Result<Self, UnsupportedProtocolVersion> {
        let rules = Rules::new(version)?;
        Ok(Self::of(rules, Arc::clone(RuntimeConfigStore::new(None).get_config(version))))
    }

    /// The newest rules, with the prices of `near`.
    ///
    /// # Panics
    /// When the parameters lack a cost that a host function charges: the two lists are fixed at
    /// compile time, and a test walks them.
    pub fn from_near(near: Arc<NearConfig>) -> Self {
        Self::of(Rules::latest(), near)
    }

    fn of(rules: Rules, near: Arc<NearConfig>) -> Self {
        let vm = Arc::new(vm_config(&near.wasm_config));
        let host = Arc::new(host_config(&near));
        let profile_rows = Arc::new(profile_rows(&near));
        let max_gas_burnt_view = near.wasm_config.limit_config.max_gas_burnt.as_gas();
        RuntimeConfig { rules, near, vm, host, max_gas_burnt_view, profile_rows }
    }

    /// The same, but views may burn `gas`: a node decides that for itself.
    #[must_use]
    pub fn with_max_gas_burnt_view(self, gas: u64) -> Self {
        Self { max_gas_burnt_view: gas, ..self }
    }

    /// All prices in gas, by NEAR's names for them: `wasm_sha256_base`,
    /// `action_transfer.execution`.
    pub fn fee_table(&self) -> FeeTable {
        fee_table::of(&self.near)
    }

    /// The same rules with other prices: those that `fees` does not name stay.
    ///
    /// # Errors
    /// When NEAR has no such price, or it does not fit.
    pub fn with_fees(&self, fees: &FeeTable) -> Result<Self, InvalidFees> {
        let near = fee_table::replace(NearConfig::clone(&self.near), fees)?;
        let max_gas_burnt_view = self.max_gas_burnt_view;
        Ok(Self { max_gas_burnt_view, ..Self::of(self.rules, Arc::new(near)) })
    }

    /// NEAR's name for the price of a host function or the fee of an action, the latter without the
    /// suffixes of its three prices; `None` where NEAR has no such price.
    pub fn parameter_name(&self, id: CostId) -> Option<String> {
        self.profile_rows.contains_key(&id).then(|| cost::parameter(id)).flatten()
    }

    /// How much gas a view may burn: as much as a call, if nothing else was said.
    pub fn max_gas_burnt_view(&self) -> u64 {
        self.max_gas_burnt_view
    }

    /// What the protocol version decides and no parameter says.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// NEAR's parameters: fees, limits, and what `EXPERIMENTAL_protocol_config` shows.
    pub fn near(&self) -> &NearConfig {
        &self.near
    }

    /// How contracts are prepared, metered and run.
    pub fn vm(&self) -> &Arc<VmConfig> {
        &self.vm
    }

    /// What host functions cost and allow.
    pub fn host(&self) -> &Arc<host::Config> {
        &self.host
    }

    /// A gas profile as NEAR's outcomes carry it.
    pub fn near_profile(&self, profile: &Profile) -> ProfileDataV3 {
        let mut near = ProfileDataV3::default();
        for (id, gas) in profile.iter() {
            let gas = Gas::from_gas(gas.units());
            match self.profile_rows.get(&id) {
                Some(ProfileRow::Host(cost)) => near.add_ext_cost(*cost, gas),
                Some(ProfileRow::Action(cost)) => near.add_action_cost(*cost, gas),
                None => {}
            }
        }
        near.wasm_gas = Gas::from_gas(profile.wasm().units());
        near
    }
}

fn vm_config(config: &NearVmConfig) -> VmConfig {
    let wasm = if config.reftypes_bulk_memory {
        WasmProposals::ReferenceTypesAndBulkMemory
    } else {
        WasmProposals::Basic
    };
    VmConfig {
        limits: module_limits(&config.limit_config),
        wasm,
        prices: Prices::new(&FlatSchedule {
            regular_op: config.regular_op_cost,
            linear_base: config.linear_op_base_cost,
            linear_unit: config.linear_op_unit_cost,
            // near-vm-runner `prepare/prepare_v3.rs`.
            frame: FrameSizes { activation: 64, word32: 4, word64: 8, reference: 8 },
        })
        .expect("NEAR's parameters are small"),
        import_module: "env",
        host_features: host_features(config),
        loading: Some(LoadingCosts {
            base: host_fns::common::cost::CONTRACT_LOADING_BASE,
            byte: host_fns::common::cost::CONTRACT_LOADING_BYTES,
        }),
    }
}

fn module_limits(limits: &LimitConfig) -> ModuleLimits {
    let elements = limits.max_elements_per_contract_table;
    ModuleLimits {
        initial_memory_pages: limits.initial_memory_pages,
        max_memory_pages: limits.max_memory_pages,
        functions: limits.max_functions_number_per_contract,
        locals: limits.max_locals_per_contract,
        bytes_per_local: limits.min_contract_size_per_local,
        types: limits.max_types_per_contract,
        globals: limits.max_globals_per_contract,
        tables: limits.max_tables_per_contract,
        table_elements: elements.map(|elements| u64::try_from(elements).unwrap_or(u64::MAX)),
        function_body_bytes: limits.max_function_body_size,
        instrumented_bytes: limits.max_instrumented_code_size,
        metering: MeteringLimits {
            stack_bytes: limits.max_stack_height,
            blocks_per_function: limits.max_blocks_per_function,
            blocks_per_module: limits.max_blocks_per_contract,
            params_per_function: limits.max_params_per_function,
            params_per_module: limits.max_params_per_contract,
            operand_stack_bytes_per_function: limits.max_operand_stack_bytes_per_function,
        },
    }
}

fn host_features(config: &NearVmConfig) -> FeatureSet {
    [
        (config.sha3_host_fns, feature::SHA3),
        (config.chain_id_host_fn, feature::CHAIN_ID),
        (config.p256_verify_host_fn, feature::P256),
        (config.ml_dsa_verify_host_fn, feature::ML_DSA),
        (config.global_contract_host_fns, feature::GLOBAL_CONTRACTS),
        (config.gas_key_host_fns, feature::GAS_KEYS),
        (config.yield_with_id_host_fns, feature::YIELD_WITH_ID),
        (config.universal_accounts, feature::UNIVERSAL_ACCOUNTS),
    ]
    .into_iter()
    .filter(|(on, _)| *on)
    .fold(FeatureSet::NONE, |features, (_, feature)| features.with(feature))
}

fn host_config(near: &NearConfig) -> host::Config {
    let limits = &near.wasm_config.limit_config;
    let host_costs = &near.wasm_config.ext_costs.costs;
    let prices: BTreeMap<String, Cost> =
        host_costs.iter().map(|(id, price)| (upper(&format!("{id:?}")), cost_of(price))).collect();
    let fees: BTreeMap<String, host::Fee> = near
        .fees
        .action_fees
        .iter()
        .map(|(id, fee)| {
            let fee = host::Fee {
                send_sir: cost_of(&fee.send_fee(true)),
                send_not_sir: cost_of(&fee.send_fee(false)),
                exec: cost_of(&fee.exec_fee()),
            };
            (upper(&format!("{id:?}")), fee)
        })
        .collect();
    let proof_bytes = limits.per_receipt_storage_proof_size_limit;
    host::Config {
        costs: Arc::new(cost::table(|name| {
            // Iterators were removed from NEAR with their prices; their functions charge none.
            prices.get(name).copied().unwrap_or_default()
        })),
        fees: host::Fees::new(|name| {
            *fees.get(name).unwrap_or_else(|| panic!("near-parameters has no fee {name}"))
        }),
        common_limits: host_fns::common::Limits {
            max_register_bytes: limits.max_register_size,
            max_registers: limits.max_number_registers,
            registers_memory_bytes: limits.registers_memory_limit,
            max_logs: limits.max_number_logs,
            max_total_log_bytes: limits.max_total_log_length,
            max_output_bytes: limits.max_length_returned_data,
        },
        limits: host::Limits {
            max_gas_burnt: gas_meter::Gas::new(limits.max_gas_burnt.as_gas()),
            max_contract_bytes: limits.max_contract_size,
            max_storage_key_bytes: limits.max_length_storage_key,
            max_storage_value_bytes: limits.max_length_storage_value,
            inline_value_bytes: INLINE_VALUE_BYTES,
            max_promises: limits.max_promises_per_function_call_action,
            max_input_data_dependencies: limits.max_number_input_data_dependencies,
            max_yield_payload_bytes: limits.max_yield_payload_size,
            max_storage_proof_bytes: u64::try_from(proof_bytes).unwrap_or(u64::MAX),
        },
        regular_op_gas: u64::from(near.wasm_config.regular_op_cost),
        extra_bytes_per_record: near.fees.storage_usage_config.num_extra_bytes_record,
        one_yocto_on_promise: near.wasm_config.one_yocto_on_promise,
    }
}

fn profile_rows(near: &NearConfig) -> BTreeMap<CostId, ProfileRow> {
    let host_costs = &near.wasm_config.ext_costs.costs;
    let host = host_costs.iter().map(|(id, _)| (upper(&format!("{id:?}")), ProfileRow::Host(id)));
    let actions = near.fees.action_fees.iter();
    let actions = actions.map(|(id, _)| (upper(&format!("{id:?}")), ProfileRow::Action(id)));
    let by_name: BTreeMap<(bool, String), ProfileRow> = host
        .chain(actions)
        .map(|(name, row)| ((matches!(row, ProfileRow::Action(_)), name), row))
        .collect();
    cost::all()
        .filter_map(|(id, name, kind)| {
            let row = by_name.get(&(kind == CostKind::Action, name.to_owned()))?;
            Some((id, *row))
        })
        .collect()
}

fn upper(name: &str) -> String {
    name.to_ascii_uppercase()
}

fn cost_of(cost: &ParameterCost) -> Cost {
    Cost { gas: gas_meter::Gas::new(cost.gas.as_gas()), compute: cost.compute }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::near::{MIN_SUPPORTED_PROTOCOL_VERSION, PROTOCOL_VERSION};

    #[test]
    fn every_cost_of_near_is_a_row_of_ours_and_has_its_price() {
        for version in MIN_SUPPORTED_PROTOCOL_VERSION..=PROTOCOL_VERSION {
            let config = RuntimeConfig::new(version).expect("supported");
            assert_eq!(config.rules().version(), version);
            check_costs(&config);
        }
    }

    fn check_costs(config: &RuntimeConfig) {
        let known: Vec<ProfileRow> = config.profile_rows.values().copied().collect();
        for (id, price) in &config.near().wasm_config.ext_costs.costs {
            assert!(known.contains(&ProfileRow::Host(id)), "no row for {id:?}");
            let name = upper(&format!("{id:?}"));
            let row = config.host().costs.iter().find(|row| row.name == name).expect("a row");
            assert_eq!(row.cost, cost_of(price), "{name}");
        }
        for (id, row) in &*config.profile_rows {
            let name = match row {
                ProfileRow::Host(cost) => fee_table::host_name(*cost),
                ProfileRow::Action(cost) => fee_table::action_name(*cost),
            };
            assert_eq!(config.parameter_name(*id), Some(name));
        }
        for (id, _) in &config.near().fees.action_fees {
            assert!(known.contains(&ProfileRow::Action(id)), "no row for {id:?}");
        }
    }

    #[test]
    fn what_host_functions_take_for_granted_is_so() {
        let config = RuntimeConfig::new(PROTOCOL_VERSION).expect("supported");
        // Once it is on, bls12381_p1_sum and others take (0, ±2), which they refuse today.
        assert!(!config.near().wasm_config.bls12381_not_in_group_fix);
    }

    #[test]
    fn other_versions_are_refused() {
        for version in [0, 83, 89, 129] {
            let error = RuntimeConfig::new(version).expect_err("not supported");
            let message = format!("protocol version {version} is not supported, only 84 to 88");
            assert_eq!(error.to_string(), message);
        }
    }
}
