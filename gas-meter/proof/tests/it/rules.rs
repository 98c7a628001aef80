//! The rules under which both sides run: NEAR's, with prices that no sum of others makes up.

use std::sync::Arc;

use metering_proof::{Prices, Space};
use sandbox_runtime::RuntimeConfig;
use vm_runner::VmConfig;

/// Whose rules are meant.
const PROTOCOL_VERSION: u32 = 88;

/// Gas of an instruction.
pub(crate) const OP: u64 = 1_009;

/// Gas of a bulk instruction, and of each of its units.
const BULK: (u64, u64) = (20_011, 307);

/// The same rules for the virtual machine and for the reference.
pub(crate) struct Rules {
    pub(crate) vm: VmConfig,
    pub(crate) prices: Prices,
    pub(crate) space: Space,
}

impl Rules {
    /// A small memory, and so much stack.
    pub(crate) fn new(stack_bytes: u32) -> Self {
        Rules::with(stack_bytes, true)
    }

    /// Functions of any size.
    pub(crate) fn unbounded(stack_bytes: u32) -> Self {
        Rules::with(stack_bytes, false)
    }

    fn with(stack_bytes: u32, bounded: bool) -> Self {
        let near = RuntimeConfig::new(PROTOCOL_VERSION).expect("the runtime's own version");
        let mut near = near.near().clone();
        let wasm = Arc::make_mut(&mut near.wasm_config);
        wasm.regular_op_cost = u32::try_from(OP).expect("it is small");
        (wasm.linear_op_base_cost, wasm.linear_op_unit_cost) = BULK;
        let limits = &mut wasm.limit_config;
        limits.max_stack_height = stack_bytes;
        limits.initial_memory_pages = 4;
        limits.max_memory_pages = 8;
        limits.max_elements_per_contract_table = Some(200);
        if !bounded {
            limits.max_params_per_contract = None;
            limits.max_params_per_function = None;
            limits.max_operand_stack_bytes_per_function = None;
            limits.max_blocks_per_contract = None;
            limits.max_blocks_per_function = None;
        }
        let config = RuntimeConfig::from_near(Arc::new(near));
        Rules {
            vm: VmConfig { loading: None, ..(**config.vm()).clone() },
            prices: Prices {
                op: OP,
                bulk_base: BULK.0,
                bulk_unit: BULK.1,
                stack_bytes: u64::from(stack_bytes),
            },
            space: Space { initial_pages: 4, max_pages: 8, max_elements: 200 },
        }
    }
}
