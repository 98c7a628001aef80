//! The rules under which both sides run: NEAR's, with prices that no sum of others makes up.

use std::sync::Arc;

use host_fns::near::Config;
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
    pub(crate) host: Arc<Config>,
}

/// What differs from NEAR's rules.
struct Changes {
    space: Space,
    /// The stack, where the prices are those of this module.
    stack_bytes: Option<u32>,
    /// Whether functions may be of any size.
    unbounded: bool,
}

impl Rules {
    /// A small memory, and so much stack.
    pub(crate) fn new(stack_bytes: u32) -> Self {
        let space = Space { initial_pages: 4, max_pages: 8, max_elements: 200 };
        Rules::with(&Changes { space, stack_bytes: Some(stack_bytes), unbounded: false })
    }

    /// Functions of any size.
    pub(crate) fn unbounded(stack_bytes: u32) -> Self {
        let space = Space { initial_pages: 4, max_pages: 8, max_elements: 200 };
        Rules::with(&Changes { space, stack_bytes: Some(stack_bytes), unbounded: true })
    }

    /// NEAR's own prices, and room for a contract that was compiled.
    pub(crate) fn near() -> Self {
        let space = Space { initial_pages: 32, max_pages: 64, max_elements: 10_000 };
        Rules::with(&Changes { space, stack_bytes: None, unbounded: false })
    }

    fn with(changes: &Changes) -> Self {
        let near = RuntimeConfig::new(PROTOCOL_VERSION).expect("the runtime's own version");
        let mut near = near.near().clone();
        let wasm = Arc::make_mut(&mut near.wasm_config);
        let limits = &mut wasm.limit_config;
        if let Some(stack_bytes) = changes.stack_bytes {
            wasm.regular_op_cost = u32::try_from(OP).expect("it is small");
            (wasm.linear_op_base_cost, wasm.linear_op_unit_cost) = BULK;
            limits.max_stack_height = stack_bytes;
        }
        if changes.unbounded {
            limits.max_params_per_contract = None;
            limits.max_params_per_function = None;
            limits.max_operand_stack_bytes_per_function = None;
            limits.max_blocks_per_contract = None;
            limits.max_blocks_per_function = None;
        }
        let space = changes.space;
        limits.initial_memory_pages = space.initial_pages;
        limits.max_memory_pages = space.max_pages;
        limits.max_elements_per_contract_table = usize::try_from(space.max_elements).ok();
        let prices = Prices {
            op: u64::from(wasm.regular_op_cost),
            bulk_base: wasm.linear_op_base_cost,
            bulk_unit: wasm.linear_op_unit_cost,
            stack_bytes: u64::from(limits.max_stack_height),
        };
        let config = RuntimeConfig::from_near(Arc::new(near));
        let vm = VmConfig { loading: None, ..(**config.vm()).clone() };
        Rules { vm, prices, space, host: Arc::clone(config.host()) }
    }
}
