//! Host functions whose work is the chain's: storage, trie nodes, logs, yields. A contract calls them in
//! a loop inside of a real receipt; what is measured ends with the new root of the state and the hash
//! of the outcome. How often a cost was charged is in the receipt's gas profile.
//!
//! The state is in memory; what a disk takes instead is measured by cases of its own.

use std::fmt::Write;

use sandbox_runtime::near::{
    Action, DeployContractAction, UniversalStateInit, UniversalStateInitV1,
};

use super::Bed;
use super::actions::call;
use super::host::letters;
use super::ledger::{Ledger, actor, all_units, receipt};
use crate::case::{Case, Prepared, Units, grid};

/// The functions that contracts import here.
const IMPORTS: &str = r#"
    (import "env" "storage_write" (func $write (param i64 i64 i64 i64 i64) (result i64)))
    (import "env" "storage_read" (func $read (param i64 i64 i64) (result i64)))
    (import "env" "storage_remove" (func $remove (param i64 i64 i64) (result i64)))
    (import "env" "storage_has_key" (func $has (param i64 i64) (result i64)))
    (import "env" "log_utf8" (func $log (param i64 i64)))
    (import "env" "read_register" (func $register (param i64 i64)))
    (import "env" "promise_yield_create"
      (func $yield (param i64 i64 i64 i64 i64 i64 i64) (result i64)))
    (import "env" "promise_yield_create_with_id"
      (func $yield_as (param i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
    (import "env" "promise_yield_resume" (func $resume (param i64 i64 i64 i64) (result i32)))
    (import "env" "universal_state_init_to_account_id"
      (func $derive (param i64 i64 i64) (result i64)))"#;

/// Bytes of keys, of values, and of the values that were there before.
type Shape = (u64, u64, Option<u64>);

/// Keys that are not there: each write splits a leaf.
const NEW: &[Shape] =
    &[(8, 8, None), (8, 2_000, None), (8, 8_000, None), (200, 8, None), (1_000, 8, None)];
/// Keys that are there.
const CHANGED: &[Shape] = &[
    (8, 8, Some(8)),
    (8, 2_000, Some(8)),
    (8, 8_000, Some(8)),
    (500, 8, Some(8)),
    (2_000, 8, Some(8)),
    (8, 8, Some(2_000)),
    (8, 8, Some(8_000)),
];
const READS: &[Shape] = &[
    (8, 8, Some(8)),
    (8, 8, Some(1_000)),
    (8, 8, Some(4_000)),
    (500, 8, Some(8)),
    (2_000, 8, Some(8)),
];
/// Other keys of the account: the first byte of each is another one, so that they fill two levels of
/// branches, and all that are written beside them find the same there.
const FILL: u64 = 256;
/// From so many calls on, each branch of the second level is changed by some of them.
const CALLS: &[u64] = &[16, 40, 64];

const NODES: [&str; 2] = ["wasm_touching_trie_node", "wasm_read_cached_trie_node"];

pub(super) fn cases(bed: &Bed) -> Vec<Case> {
    vec![
        nodes(bed),
        storage(bed, "write of new keys", WRITE, &write_prices("new", 3), NEW),
        storage(bed, "write of changed values", WRITE, &write_prices("changed", 4), CHANGED),
        storage(
            bed,
            "read",
            "(drop (call $read (i64.const KEY) (i64.const 0) (i64.const 0)))",
            &["base", "key_byte", "value_byte"].map(|part| format!("wasm_storage_read_{part}")),
            READS,
        ),
        storage(
            bed,
            "remove",
            "(drop (call $remove (i64.const KEY) (i64.const 0) (i64.const 0)))",
            &["base", "key_byte", "ret_value_byte"].map(|part| format!("wasm_storage_remove_{part}")),
            READS,
        ),
        storage(
            bed,
            "has_key",
            "(drop (call $has (i64.const KEY) (i64.const 0)))",
            &["base", "byte"].map(|part| format!("wasm_storage_has_key_{part}")),
            READS,
        ),
        logs(bed)
        .minus(&["wasm_base", "wasm_utf8_decoding_base", "wasm_utf8_decoding_byte"]),
        yields(
            bed,
            "yield_create",
            "(drop (call $yield (i64.const 4) (i64.const 65536) (i64.const SIZE) (i64.const 65536)
                (i64.const 1000000000) (i64.const 0) (i64.const 0)))",
            &["wasm_yield_create_base", "wasm_yield_create_byte"],
            &[16, 1_000, 10_000],
        ),
        yields(
            bed,
            "yield_create_with_id",
            "(drop (call $yield_as (i64.const 4) (i64.const 65536) (i64.const SIZE) (i64.const 65536)
                (i64.const 131072) (i64.const 1000000000) (i64.const 0) (i64.const 32) (i64.const 0)))",
            &["wasm_yield_create_with_id_base"],
            &[16, 1_000],
        )
        .minus(&["wasm_yield_create_byte"]),
        yields(
            bed,
            "yield_resume",
            "(drop (call $yield (i64.const 4) (i64.const 65536) (i64.const 16) (i64.const 65536)
                (i64.const 1000000000) (i64.const 0) (i64.const 0)))
             (call $register (i64.const 0) (i64.const 4096))
             (drop (call $resume (i64.const 32) (i64.const 4096) (i64.const SIZE) (i64.const 65536)))",
            &["wasm_yield_resume_base", "wasm_yield_resume_byte"],
            &[16, 400, 1_000],
        )
        .minus(&["wasm_yield_create_base", "wasm_yield_create_byte"]),
        derived(bed),
    ]
}

const WRITE: &str = "(drop (call $write (i64.const KEY) (i64.const 0)
    (i64.const VALUE) (i64.const 65536) (i64.const 0)))";

/// The first so many prices of a write, of a kind of keys.
fn write_prices(kind: &str, count: usize) -> Vec<String> {
    let parts = ["base", "key_byte", "value_byte", "evicted_byte"];
    parts.iter().take(count).map(|part| format!("wasm_storage_write_{part}/{kind}")).collect()
}

/// A contract whose `main` does `body` as often as it is told, each time with another key.
fn looped(body: &str, calls: u64, data: &str) -> anyhow::Result<Vec<u8>> {
    contract(&[(body, 0, calls)], data)
}

/// A contract whose `main` does each body with the keys of so many numbers, from the first on.
fn contract(loops: &[(&str, u64, u64)], data: &str) -> anyhow::Result<Vec<u8>> {
    let mut main = String::new();
    for (body, first, calls) in loops {
        write!(
            main,
            "(local.set $i (i32.const {first}))
             (loop
                (i32.store (i32.const 0) (i32.mul (local.get $i) (i32.const 0x9e3779b1)))
                {body}
                (br_if 0 (i32.lt_u
                  (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                  (i32.const {}))))",
            first + calls
        )?;
    }
    let text = format!(
        r#"(module {IMPORTS} (memory 20) (data (i32.const 65536) "main{data}")
            (func (export "main") (local $i i32) {main}))"#
    );
    Ok(wat::parse_str(text)?)
}

/// A ledger on which the contract `code` is deployed, after the contract `before` was called.
fn deployed(bed: &Bed, before: Option<Vec<u8>>, code: Vec<u8>) -> anyhow::Result<Ledger> {
    let mut ledger = Ledger::new(&bed.near, bed.vm)?;
    let deploy = |code| Action::DeployContract(DeployContractAction { code });
    let own = |number, actions| receipt(number, actor(0), actor(0), actions, Vec::new());
    if let Some(before) = before {
        ledger.execute(vec![own(1, vec![deploy(before), call(0, 0)?])])?;
    }
    ledger.execute(vec![own(2, vec![deploy(code)])])?;
    Ok(ledger)
}

/// A call of the contract, worth what its receipt's profile says.
fn called(bed: &Bed, before: Option<Vec<u8>>, code: Vec<u8>) -> anyhow::Result<Prepared> {
    let mut ledger = deployed(bed, before, code)?;
    let receipts = vec![receipt(3, actor(0), actor(0), vec![call(0, 0)?], Vec::new())];
    let profiles = ledger.clone().execute(receipts.clone())?;
    let costs = &bed.near.near().wasm_config.ext_costs.costs;
    let names: Vec<_> = costs.iter().map(|(cost, _)| (cost, cost.param().to_string())).collect();
    Ok(Prepared::new(all_units(&profiles, &names), move || {
        ledger.execute(receipts)?;
        Ok(ledger)
    }))
}

/// Writes to keys that are each the beginning of the one before: the first touches a branch for each
/// byte, those that follow find the branches cached.
fn nodes(bed: &Bed) -> Case {
    let bed = bed.clone();
    let prices = [NODES[0], NODES[1], "trie_write"];
    Case::new("storage: trie nodes", &prices, grid(&[1, 2, 4, 8], &[8, 32, 128]), move |size| {
        // Keys of zeroes, each longer by one.
        let chain = "(i32.store (i32.const 0) (i32.const 0))
            (drop (call $write (i64.extend_i32_u (i32.add (local.get $i) (i32.const 4)))
                (i64.const 0) (i64.const 8) (i64.const 65536) (i64.const 0)))";
        let upwards = format!(
            "(i32.store (i32.const 0) (i32.const 0))
             (drop (call $write
                (i64.extend_i32_u (i32.sub (i32.const {}) (local.get $i)))
                (i64.const 0) (i64.const 8) (i64.const 65536) (i64.const 0)))",
            size.each + 3
        );
        let before = looped(chain, size.each, "")?;
        let mut prepared = called(&bed, Some(before), looped(&upwards, size.calls, "")?)?;
        prepared.units.insert("trie_write".to_owned(), crate::real(size.calls));
        Ok(prepared)
    })
}

/// Accesses to storage of every shape. A price for nodes is not subtracted: what is there of them on
/// the usual way to a key is part of the base, so that nodes are paid twice rather than not at all.
#[track_caller]
fn storage(bed: &Bed, name: &str, body: &str, prices: &[String], shapes: &'static [Shape]) -> Case {
    let (bed, body) = (bed.clone(), body.to_owned());
    let owned = prices.to_vec();
    let prices: Vec<&str> = prices.iter().map(String::as_str).collect();
    let sizes = grid(CALLS, &(0..crate::count(shapes.len())).collect::<Vec<_>>());
    Case::new(format!("storage: {name}"), &prices, sizes, move |size| {
        let (key, value, old) = shapes[usize::try_from(size.each)?];
        let fill = |text: &str, value: u64| {
            text.replace("KEY", &key.to_string()).replace("VALUE", &value.to_string())
        };
        let usual = WRITE.replace("KEY", "8").replace("VALUE", "8");
        let mut before = vec![(usual.as_str(), 1_000, FILL)];
        let there = old.map(|old| fill(WRITE, old));
        before.extend(there.as_deref().map(|there| (there, 0, size.calls)));
        let before = contract(&before, "")?;
        let mut prepared =
            called(&bed, Some(before), looped(&fill(&body, value), size.calls, "")?)?;
        classify(&mut prepared.units, &owned);
        Ok(prepared)
    })
    .written_at(std::panic::Location::caller())
}

/// Counts units under the names that have a class behind a slash.
fn classify(units: &mut Units, prices: &[String]) {
    for price in prices {
        let plain = price.split('/').next().unwrap_or_default();
        if let Some(count) = units.get(plain).copied() {
            units.insert(price.clone(), count);
        }
    }
}

/// Logs as many as a receipt may have.
fn logs(bed: &Bed) -> Case {
    let bed = bed.clone();
    let prices = ["wasm_log_base", "wasm_log_byte"];
    Case::new("log_utf8", &prices, grid(&[8, 32], &[16, 128, 496]), move |size| {
        let body = format!("(call $log (i64.const {}) (i64.const 65540))", size.each);
        called(&bed, None, looped(&body, size.calls, &escaped(&letters(size.each))?)?)
    })
}

/// Bytes as a string of the text format.
fn escaped(bytes: &[u8]) -> anyhow::Result<String> {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "\\{byte:02x}")?;
    }
    Ok(text)
}

#[track_caller]
fn yields(
    bed: &Bed,
    name: &str,
    body: &'static str,
    prices: &[&str],
    each: &'static [u64],
) -> Case {
    let bed = bed.clone();
    let sizes = grid(&[4, 16, 32], each);
    Case::new(name, prices, sizes, move |size| {
        let body = body.replace("SIZE", &size.each.to_string());
        called(&bed, None, looped(&body, size.calls, "")?)
    })
    .written_at(std::panic::Location::caller())
}

/// The ids of universal accounts.
fn derived(bed: &Bed) -> Case {
    let bed = bed.clone();
    let prices =
        ["base", "byte"].map(|part| format!("wasm_universal_state_init_to_account_id_{part}"));
    let prices = [prices[0].as_str(), prices[1].as_str()];
    Case::new(
        "universal_state_init_to_account_id",
        &prices,
        grid(&[10, 40], &[100, 2_000, 10_000]),
        move |size| {
            // Many small records take the longest to decode.
            let record = |number: u32| (number.to_be_bytes().to_vec(), Vec::new());
            let data = (0..u32::try_from(size.each / 12)?).map(record).collect();
            let access_keys = std::collections::BTreeSet::new();
            let state =
                UniversalStateInit::V1(UniversalStateInitV1 { code: None, data, access_keys });
            let state = borsh::to_vec(&state)?;
            let body = format!(
                "(drop (call $derive (i64.const {}) (i64.const 65540) (i64.const 0)))",
                state.len()
            );
            called(&bed, None, looped(&body, size.calls, &escaped(&state)?)?)
        },
    )
}
