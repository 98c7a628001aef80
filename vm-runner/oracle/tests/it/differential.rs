//! Programs written at random, each with gas that is enough and with gas that runs out anywhere:
//! whatever they do, both implementations do it, and count the same.

use std::collections::BTreeMap;

use fixtures::{Case, TGAS};
use gas_meter::instrument::wasmparser;
use oracle::{Contract, Oracle, Outcome};

use crate::programs::{Flavour, Rng, program, traced};

/// Programs of each flavour; `ORACLE_MODULES` asks for more, `ORACLE_SEED` for a single one.
const PROGRAMS: u64 = 160;

/// Amounts of gas for each program.
const AMOUNTS: usize = 14;

const CALM: Flavour =
    Flavour { name: "", hosts: 0, wild: 0, counted: 20, deep: false, gas: 6 * TGAS };
const COMPUTE: Flavour = Flavour { name: "compute", gas: TGAS / 4, ..CALM };
const TRAPS: Flavour = Flavour { name: "traps", hosts: 3, wild: 25, ..CALM };
const PROMISES: Flavour = Flavour { name: "promises", hosts: 30, wild: 1, gas: 40 * TGAS, ..CALM };
const DEEP: Flavour = Flavour { name: "deep", hosts: 2, wild: 1, deep: true, ..CALM };
const LOOPS: Flavour =
    Flavour { name: "loops", hosts: 6, wild: 6, counted: 75, gas: 3 * TGAS, ..CALM };

#[test]
fn programs_that_compute() {
    compare(COMPUTE, &["none", "GasExceeded"]);
}

#[test]
fn programs_that_trap() {
    compare(
        TRAPS,
        &[
            "none",
            "GasExceeded",
            "MemoryOutOfBounds",
            "IllegalArithmetic",
            "Unreachable",
            "Indirect",
        ],
    );
}

#[test]
fn programs_that_make_promises() {
    compare(PROMISES, &["none", "GasExceeded"]);
}

#[test]
fn programs_that_recurse() {
    compare(DEEP, &["none", "GasExceeded", "MemoryAccessViolation"]);
}

#[test]
fn programs_that_loop() {
    compare(LOOPS, &["none", "GasExceeded", "MemoryOutOfBounds", "Unreachable"]);
}

/// Compares programs of a flavour; each of `ends` must have been the end of some.
fn compare(flavour: Flavour, ends: &[&str]) {
    let oracle = Oracle::new();
    let number = |name| std::env::var(name).ok().and_then(|count| count.parse::<u64>().ok());
    let seeds = match number("ORACLE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ORACLE_MODULES").unwrap_or(PROGRAMS),
    };
    let fixed = seeds == (0..PROGRAMS);
    let mut ends_met = BTreeMap::<String, u64>::new();
    let mut differences = Vec::new();
    for seed in seeds {
        if let Err(difference) = compare_one(&oracle, flavour, seed, &mut ends_met) {
            differences.push(format!("{} program of seed {seed}: {difference}", flavour.name));
        }
    }
    if !fixed {
        eprintln!("{} programs ended so: {ends_met:#?}", flavour.name);
    }
    let count = differences.len();
    differences.truncate(6);
    assert!(
        count == 0,
        "{count} programs differ:\n{}\nends: {ends_met:#?}",
        differences.join("\n")
    );
    for end in ends {
        let found = ends_met.keys().any(|failure| failure.contains(end));
        assert!(found || !fixed, "no program ended so: {end}; they ended so: {ends_met:#?}");
    }
}

/// Compares the first `programs` of each flavour.
pub(crate) fn sample(oracle: &Oracle, programs: u64) {
    for flavour in [COMPUTE, TRAPS, PROMISES, DEEP, LOOPS] {
        for seed in 0..programs {
            let outcome = compare_one(oracle, flavour, seed, &mut BTreeMap::new());
            assert_eq!(outcome, Ok(()), "{} program of seed {seed}", flavour.name);
        }
    }
}

/// Runs a program with enough gas, then with amounts of which it has something to fear.
fn compare_one(
    oracle: &Oracle,
    flavour: Flavour,
    seed: u64,
    ends_met: &mut BTreeMap<String, u64>,
) -> Result<(), String> {
    let wasm = program(flavour, seed);
    if std::env::var_os("ORACLE_SEED").is_some() {
        let file = format!("{}/{}-{seed}.wasm", env!("CARGO_TARGET_TMPDIR"), flavour.name);
        std::fs::write(&file, &wasm).expect("the target directory can be written to");
    }
    wasmparser::validate(&wasm).map_err(|error| format!("not valid: {error}"))?;
    let contract = Contract::new(&wasm);
    let case = Case::call("main").gas(flavour.gas);
    let full = same(oracle, &contract, &case, ends_met)?;
    let op = u64::from(oracle.near_config().wasm_config.regular_op_cost);
    let mut rng = Rng::new(seed ^ 0xa5a5);
    for gas in amounts(&full, op, &mut rng) {
        same(oracle, &contract, &case.gas(gas), ends_met)?;
    }
    Ok(())
}

/// Amounts of gas: anything up to what was used, and what is close to some charge.
pub(crate) fn amounts(full: &Outcome, op: u64, rng: &mut Rng) -> Vec<u64> {
    let traced: Vec<u64> = full.logs.iter().filter_map(|line| traced(line)).collect();
    let mut amounts = vec![full.used, full.used.saturating_sub(1), full.used.saturating_add(1)];
    while amounts.len() < AMOUNTS {
        let somewhere = rng.below(full.used.saturating_add(1));
        amounts.push(match rng.small(6) {
            0 | 1 => somewhere,
            2 => full.burnt.saturating_sub(op * rng.below(40)),
            3 => full.used.saturating_sub(op * rng.below(40) + rng.below(3)),
            // Between what was burnt and what was attached too.
            4 => full.burnt + rng.below(full.used - full.burnt + 1),
            _ if traced.is_empty() => somewhere,
            _ => rng.pick(&traced) + op * rng.below(60) + rng.below(3),
        });
    }
    amounts
}

/// What came of the call, if it is the same on both sides.
fn same(
    oracle: &Oracle,
    contract: &Contract,
    case: &Case,
    ends_met: &mut BTreeMap<String, u64>,
) -> Result<Outcome, String> {
    let nears = oracle.nears_of(contract, case).expect("nearcore runs");
    let ours = oracle.ours_of(contract, case).expect("ours runs");
    *ends_met.entry(nears.failure.clone().unwrap_or("none".to_owned())).or_default() += 1;
    if ours == nears {
        return Ok(nears);
    }
    Err(format!("with {} gas\n  ours: {ours:?}\n  near: {nears:?}", case.gas))
}
