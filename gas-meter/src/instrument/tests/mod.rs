//! What the analysis finds and how metered modules look; that they count right is tested where
//! they run.

#![allow(clippy::arithmetic_side_effects, reason = "tests of small numbers")]

mod analysis;
mod forms;
mod operators;

use super::*;

fn schedule() -> FlatSchedule {
    FlatSchedule {
        regular_op: 1,
        linear_base: 100,
        linear_unit: 10,
        frame: FrameSizes { activation: 64, word32: 4, word64: 8, reference: 8 },
    }
}

fn prices() -> Prices {
    Prices::new(&schedule()).expect("small prices")
}

fn limits() -> Limits {
    Limits {
        stack_bytes: 4096,
        blocks_per_function: Some(3),
        blocks_per_module: Some(4),
        params_per_function: Some(2),
        params_per_module: Some(3),
        operand_stack_bytes_per_function: Some(16),
    }
}

fn unlimited() -> Limits {
    Limits {
        stack_bytes: 4096,
        blocks_per_function: None,
        blocks_per_module: None,
        params_per_function: None,
        params_per_module: None,
        operand_stack_bytes_per_function: None,
    }
}

fn code(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("valid text")
}
