#![allow(clippy::float_arithmetic, reason = "measurements are real numbers")]

//! The case runs under NEAR's own configuration, and its report holds what it promises.

use cost_estimator::cases::Case;
use cost_estimator::cases::wasm_ops::WasmInstruction;
use cost_estimator::report::{self, Line};
use cost_estimator::sample::Sample;
use sandbox_runtime::RuntimeConfig;
use sandbox_runtime::near::PROTOCOL_VERSION;

#[test]
fn the_kernel_runs_more_instructions_the_larger_it_is() -> anyhow::Result<()> {
    let case = WasmInstruction::new(&RuntimeConfig::new(PROTOCOL_VERSION)?);
    let (small, large) = (case.prepare(1)?, case.prepare(3)?);
    // Three times the rounds; how often the inner branch is taken depends on the data.
    assert!(small.units > 10_000.0);
    assert!((large.units / small.units - 3.0).abs() < 0.05);
    case.run(large.work);
    Ok(())
}

#[test]
fn a_doubtful_case_is_reported_with_its_place_and_without_a_figure() -> anyhow::Result<()> {
    let case = WasmInstruction::new(&RuntimeConfig::new(PROTOCOL_VERSION)?);
    let line = Line {
        cost: case.label(),
        unit: case.unit(),
        result: report::Result::of(Sample::of(&[], case.location())),
        charged_gas: 822_756,
    };
    let (mut table, mut json) = (Vec::new(), Vec::new());
    report::table(std::slice::from_ref(&line), &mut table)?;
    report::json(&[line], &mut json)?;
    let table = String::from_utf8(table)?;
    assert!(table.contains("UNCERTAIN") && table.contains("wasm_ops.rs"), "{table}");
    let json: serde_json::Value = serde_json::from_slice(&json)?;
    assert_eq!(json[0]["status"], "uncertain");
    assert_eq!(json[0].get("gas"), None);
    Ok(())
}
