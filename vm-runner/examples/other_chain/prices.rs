//! What the chain charges and allows: its own figures throughout.

use std::sync::Arc;

use gas_meter::instrument::{FlatSchedule, FrameSizes, Limits as MeteringLimits, Prices};
use gas_meter::{Cost, CostId, CostKind, CostRow, CostTable, Gas};
use host_fns::abi::FeatureSet;
use host_fns::common::{Limits, cost};
use vm_runner::{ModuleLimits, VmConfig, WasmProposals};

/// Looking an account up.
pub(crate) const LOOK_UP: CostId = CostId(256);

/// Moving points.
pub(crate) const MOVE: CostId = CostId(257);

/// Gas that no execution may burn more of, whatever it was given.
pub(crate) const MOST_BURNT: Gas = Gas::new(1_000_000);

/// Prices of the chain's own functions, and of those that it takes over: a base, and by the byte.
pub(crate) fn costs() -> Arc<CostTable> {
    let own = [(LOOK_UP, "LOOK_UP", 500), (MOVE, "MOVE", 2_000)];
    let common = cost::ALL.iter().map(|(id, name)| {
        let price = if name.ends_with("_BYTE") { 2 } else { 100 };
        (*id, *name, price)
    });
    let rows = common.chain(own).map(|(id, name, gas)| {
        let cost = Cost::of_gas(Gas::new(gas));
        CostRow { id, name, kind: CostKind::Host, cost }
    });
    Arc::new(CostTable::new(rows))
}

pub(crate) fn limits() -> Limits {
    Limits {
        max_register_bytes: 1_024,
        max_registers: 8,
        registers_memory_bytes: 4_096,
        max_logs: 4,
        max_total_log_bytes: 256,
        max_output_bytes: 64,
    }
}

/// How modules are checked and metered: an instruction costs one gas.
pub(crate) fn vm_config(features: FeatureSet) -> VmConfig {
    let schedule = FlatSchedule {
        regular_op: 1,
        linear_base: 10,
        linear_unit: 1,
        frame: FrameSizes { activation: 64, word32: 4, word64: 8, reference: 8 },
    };
    VmConfig {
        limits: ModuleLimits {
            initial_memory_pages: 1,
            max_memory_pages: 4,
            functions: Some(100),
            locals: Some(1_000),
            bytes_per_local: None,
            types: Some(100),
            globals: Some(100),
            tables: Some(1),
            table_elements: Some(100),
            function_body_bytes: Some(65_536),
            instrumented_bytes: None,
            metering: MeteringLimits {
                stack_bytes: 65_536,
                blocks_per_function: None,
                blocks_per_module: None,
                params_per_function: None,
                params_per_module: None,
                operand_stack_bytes_per_function: None,
            },
        },
        wasm: WasmProposals::Basic,
        import_module: "points",
        prices: Prices::new(&schedule).expect("the prices are small"),
        host_features: features,
        loading: None,
    }
}
