//! What a call of a host function takes here and in near-vm-runner, in one process and in turns.
//!
//! For each row a module has the same loop with and without the call; the difference of their
//! shortest times is what the calls took. Both sides have the compiled module in memory and the same kind
//! of storage behind the host functions, and they must agree on what the call comes to.
//! `scripts/bench` runs it.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::arithmetic_side_effects, clippy::float_arithmetic, reason = "times and ratios")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

mod data;
mod rows;
#[path = "../turns/mod.rs"]
mod turns;

use anyhow::{Result, ensure};
use fixtures::Case;
use oracle::{Contract, NearRunner, OurRunner};
use sandbox_runtime::RuntimeConfig;

use rows::{ROWS, Row};

const RUNS: usize = 101;

fn main() -> Result<()> {
    if turns::only_a_test() {
        return Ok(());
    }
    // A part of a name measures only the rows that have it.
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let config = oracle::Oracle::new().config().clone();
    println!("| host call, ns | here | near-vm-runner | here / there |\n|---|--:|--:|--:|");
    for row in ROWS.iter().filter(|row| wanted.as_ref().is_none_or(|part| row.what.contains(part)))
    {
        let [ours, theirs] = measure(&config, row)?;
        println!("| {} | {ours:.0} | {theirs:.0} | {:.2} |", row.what, ours / theirs);
    }
    Ok(())
}

/// The nanoseconds of one call, here and there.
fn measure(config: &RuntimeConfig, row: &Row) -> Result<[f64; 2]> {
    let home = tempfile::tempdir()?;
    let ours = OurRunner::new(config);
    let nears = turns::warm_near(config, &home)?;
    let with = Contract::new(&module(row, row.call)?);
    let without = Contract::new(&module(row, "")?);
    let case = Case::call("run").storage(row.storage);
    for contract in [&with, &without] {
        agree(&ours, &nears, contract, &case)?;
    }
    let turns = turns::in_turns(
        RUNS,
        row.runs,
        [
            &mut || ours.burn(&with, &case),
            &mut || nears.burn(&with, &case),
            &mut || ours.burn(&without, &case),
            &mut || nears.burn(&without, &case),
        ],
    )?;
    let shortest =
        |side: usize| turns.iter().map(|times| times[side]).min().unwrap_or_default().as_secs_f64();
    let one = |side: usize| (shortest(side) - shortest(side + 2)) * 1e9 / f64::from(row.times);
    Ok([one(0), one(1)])
}

/// A figure means something only when both sides did all of the work.
fn agree(ours: &OurRunner, nears: &NearRunner, contract: &Contract, case: &Case) -> Result<()> {
    let [here, there] = [ours.run(contract, case)?, nears.run(contract, case)?];
    ensure!(here == there, "the sides differ: {here:?}, {there:?}");
    ensure!(here.failure.is_none(), "the call fails: {:?}", here.failure);
    Ok(())
}

/// The row's module with `call` in its loop.
fn module(row: &Row, call: &str) -> Result<Vec<u8>> {
    let imports = row.imports.iter().map(|(name, ty)| {
        let types = |letters: &str| letters.chars().map(|_| " i64").collect::<String>();
        let (params, results) = ty.split_once('>').unwrap_or((ty, ""));
        let (params, results) = (types(params), types(results));
        format!(r#"(import "env" "{name}" (func ${name} (param{params}) (result{results})))"#)
    });
    let data = (row.data)().into_iter().map(|(at, bytes)| {
        let bytes = bytes.iter().map(|byte| format!("\\{byte:02x}"));
        format!(r#"(data (i32.const {at}) "{}")"#, bytes.collect::<String>())
    });
    let text = format!(
        r#"(module {imports} (memory (export "memory") 2) {data}
            (func (export "run") (local $i i32)
                {setup}
                (local.set $i (i32.const {times}))
                (loop $again
                    {call}
                    (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))))"#,
        imports = imports.collect::<String>(),
        data = data.collect::<String>(),
        setup = row.setup,
        times = row.times,
    );
    Ok(wat::parse_str(text)?)
}
