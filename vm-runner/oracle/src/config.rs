//! NEAR's parameters as the configuration of our virtual machine and host functions.

use std::collections::BTreeMap;
use std::sync::Arc;

use gas_meter::instrument::{FrameSizes, Limits as MeteringLimits, Schedule};
use gas_meter::{Cost, Gas};
use host_fns::common;
use host_fns::common::cost::{CONTRACT_LOADING_BASE, CONTRACT_LOADING_BYTES};
use host_fns::near::{Config, Fee, Fees, Limits, cost, feature};
use near_parameters::vm::LimitConfig;
use near_parameters::{ParameterCost, RuntimeConfig};
use near_primitives::config::INLINE_DISK_VALUE_THRESHOLD;
use vm_runner::{LoadingCosts, ModuleLimits, VmConfig, WasmProposals};

/// How modules are checked, metered and run.
pub(crate) fn vm(near: &RuntimeConfig) -> VmConfig {
    let config = &near.wasm_config;
    VmConfig {
        limits: module_limits(&config.limit_config),
        wasm: if config.reftypes_bulk_memory {
            WasmProposals::ReferenceTypesAndBulkMemory
        } else {
            WasmProposals::Basic
        },
        import_module: "env",
        schedule: Schedule {
            regular_op: config.regular_op_cost,
            linear_base: config.linear_op_base_cost,
            linear_unit: config.linear_op_unit_cost,
            frame: FrameSizes { activation: 64, word32: 4, word64: 8, vector: 16, reference: 8 },
        },
        host_features: feature::PROTOCOL_88,
        loading: Some(LoadingCosts { base: CONTRACT_LOADING_BASE, byte: CONTRACT_LOADING_BYTES }),
    }
}

fn module_limits(limits: &LimitConfig) -> ModuleLimits {
    ModuleLimits {
        initial_memory_pages: limits.initial_memory_pages,
        max_memory_pages: limits.max_memory_pages,
        functions: limits.max_functions_number_per_contract,
        locals: limits.max_locals_per_contract,
        bytes_per_local: limits.min_contract_size_per_local,
        types: limits.max_types_per_contract,
        globals: limits.max_globals_per_contract,
        tables: limits.max_tables_per_contract,
        table_elements: limits.max_elements_per_contract_table.map(size),
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

/// What host functions cost and may use.
pub(crate) fn host(near: &RuntimeConfig) -> Config {
    let limits = &near.wasm_config.limit_config;
    let by_name = |name: String| name.to_uppercase();
    let costs: BTreeMap<String, Cost> = near
        .wasm_config
        .ext_costs
        .costs
        .iter()
        .map(|(id, price)| (by_name(id.to_string()), to_cost(*price)))
        .collect();
    let fees: BTreeMap<String, Fee> = near
        .fees
        .action_fees
        .iter()
        .map(|(id, fee)| {
            let fee = Fee {
                send_sir: to_cost(fee.send_fee(true)),
                send_not_sir: to_cost(fee.send_fee(false)),
                exec: to_cost(fee.exec_fee()),
            };
            (by_name(id.to_string()), fee)
        })
        .collect();
    Config {
        costs: Arc::new(cost::table(|name| costs[name])),
        fees: Fees::new(|name| fees[name]),
        common_limits: common::Limits {
            max_register_bytes: limits.max_register_size,
            max_registers: limits.max_number_registers,
            registers_memory_bytes: limits.registers_memory_limit,
            max_logs: limits.max_number_logs,
            max_total_log_bytes: limits.max_total_log_length,
            max_output_bytes: limits.max_length_returned_data,
        },
        limits: Limits {
            max_gas_burnt: Gas::new(limits.max_gas_burnt.as_gas()),
            max_contract_bytes: limits.max_contract_size,
            max_storage_key_bytes: limits.max_length_storage_key,
            max_storage_value_bytes: limits.max_length_storage_value,
            inline_value_bytes: size(INLINE_DISK_VALUE_THRESHOLD),
            max_promises: limits.max_promises_per_function_call_action,
            max_input_data_dependencies: limits.max_number_input_data_dependencies,
            max_yield_payload_bytes: limits.max_yield_payload_size,
            max_storage_proof_bytes: size(limits.per_receipt_storage_proof_size_limit),
        },
        regular_op_gas: u64::from(near.wasm_config.regular_op_cost),
        extra_bytes_per_record: near.fees.storage_usage_config.num_extra_bytes_record,
    }
}

fn to_cost(price: ParameterCost) -> Cost {
    Cost { gas: Gas::new(price.gas.as_gas()), compute: price.compute }
}

fn size(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("sizes fit 64 bits")
}
