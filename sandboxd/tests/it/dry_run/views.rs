//! View calls with overrides.

use std::collections::BTreeMap;

use near_primitives::types::Gas;
use sandbox_runtime::overrides::StateOverrides;
use sandboxd::chain::{DryViewFailed, Overrides};

use super::{ALICE, BOB, CAROL, SHARER, seen, stage};
use crate::support::id;

fn with_code(name: &str, code: Vec<u8>) -> Overrides {
    let code = BTreeMap::from([(id(name), code)]);
    Overrides {
        state: StateOverrides { code, ..StateOverrides::default() },
        ..Overrides::default()
    }
}

#[test]
fn a_view_answers_as_it_does_without_overrides_and_tells_its_gas() {
    let chain = stage();
    let before = seen(&chain);
    let dry = chain.dry_run_view(&id(BOB), "get_count", b"{}", &Overrides::default()).unwrap();
    let real = chain.call_view(&id(BOB), "get_count", b"{}").unwrap();
    assert_eq!((&dry.result, &dry.logs, dry.gas_burnt), (&real.value, &real.logs, real.gas_burnt));
    assert!(dry.gas.wasm > Gas::ZERO && dry.gas.contract_loading > Gas::ZERO);
    assert_eq!(dry.block_height, chain.head().height());
    assert_eq!(seen(&chain), before);
}

#[test]
fn code_height_and_time_are_those_of_the_overrides() {
    let chain = stage();
    let mut overrides = with_code(ALICE, wat::parse_str(SHARER).unwrap());
    (overrides.height, overrides.timestamp_ns) = (Some(5), Some(7));
    let dry = chain.dry_run_view(&id(ALICE), "block", b"", &overrides).unwrap();
    assert_eq!(dry.result, [5_u64.to_le_bytes(), 7_u64.to_le_bytes()].concat());
    assert_eq!(dry.block_height, 5);
}

#[test]
fn failures_say_what_failed() {
    let chain = stage();
    let view = |name, method: &str, overrides: &Overrides| {
        chain.dry_run_view(&id(name), method, b"", overrides).unwrap_err()
    };
    let none = Overrides::default();
    assert!(matches!(view("no.near", "x", &none), DryViewFailed::Query(_)));
    assert!(matches!(view(CAROL, "share", &none), DryViewFailed::Query(_)));
    let wrong = view(CAROL, "block", &with_code("no.near", vec![1]));
    assert_eq!(
        wrong.to_string(),
        "overrides.code[\"no.near\"]: there is no such account; give its `Account` record in \
         `records`, or leave it out"
    );
}
