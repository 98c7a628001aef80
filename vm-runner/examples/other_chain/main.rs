//! A chain that is not NEAR: its own functions, prices, limits, errors and features, and the
//! functions of `host-fns` that any chain can take over. Run it with
//! `cargo run -p vm-runner --example other_chain`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod chain;
mod prices;

use std::error::Error;
use std::sync::Arc;

use gas_meter::OutOfGas;
use host_fns::abi::FeatureSet;
use host_fns::common::HostError;
use vm_runner::{CodeBytes, Failure, Finished, LinkError, ModuleCache, Runner, VmFault, VmKind};

use chain::{EXPIRY, Points, PointsError};

const CONTRACT: &str = include_str!("contract.wat");

/// Imports a function that exists only where points expire.
const EXPIRING: &str = r#"(module
    (import "points" "expire" (func $expire (param i64)))
    (func (export "main") (call $expire (i64.const 40))))"#;

fn main() -> Result<(), Box<dyn Error>> {
    for engine in VmKind::ALL {
        println!("On {engine}:");
        story(*engine)?;
    }
    Ok(())
}

/// Calls of contracts, and what has to come of them on each engine.
fn story(engine: VmKind) -> Result<(), Box<dyn Error>> {
    let contract = CodeBytes::new(wat::parse_str(CONTRACT)?);
    let chain = runner(engine, FeatureSet::NONE);

    let tipped = show("a tip", chain.run(&contract, "tip", alice()))?;
    assert_eq!(tipped.end, Ok(()));
    assert_eq!(tipped.host.balances, [("alice".to_owned(), 70), ("bob".to_owned(), 30)].into());
    assert_eq!(tipped.host.core().logs, ["a tip for bob"]);
    let returned = tipped.host.core().output.as_deref().expect("the contract returns a value");
    assert_eq!(returned, [[0x2b, 0, 0, 0, 0, 0, 0, 0], [30, 0, 0, 0, 0, 0, 0, 0]].as_flattened());

    let overdrawn = show("too large a tip", chain.run(&contract, "overdraw", alice()))?;
    let too_few =
        PointsError::TooFewPoints { account: "alice".to_owned(), has: 100, wanted: 1_000_000 };
    assert_eq!(overdrawn.end, Err(Failure::Host(too_few)));

    let endless = show("a loop without end", chain.run(&contract, "spin", alice()))?;
    let out_of_gas = HostError::OutOfGas(OutOfGas::Prepaid);
    assert_eq!(endless.end, Err(Failure::Host(PointsError::Host(out_of_gas))));
    assert_eq!(endless.host.core().gas.burnt(), endless.host.core().gas.prepaid());

    let expiring = CodeBytes::new(wat::parse_str(EXPIRING)?);
    let refused = show("expiry where there is none", chain.run(&expiring, "main", alice()))?;
    let unknown =
        LinkError::UnknownImport { module: "points".to_owned(), name: "expire".to_owned() };
    assert_eq!(refused.end, Err(Failure::Link(unknown)));
    let later = runner(engine, FeatureSet::NONE.with(EXPIRY));
    let expired = show("expiry where there is", later.run(&expiring, "main", alice()))?;
    assert_eq!(expired.host.balances, [("alice".to_owned(), 60)].into());
    Ok(())
}

fn runner(engine: VmKind, features: FeatureSet) -> Runner<Points> {
    let cache = Arc::new(ModuleCache::new(64 << 20));
    Runner::new(engine.vm(), cache, Arc::new(prices::vm_config(features)))
}

/// A call by an account with a hundred points.
fn alice() -> Points {
    Points::new("alice", 100, 20_000)
}

/// Prints what came of a call.
fn show(what: &str, run: Result<Finished<Points>, VmFault>) -> Result<Finished<Points>, VmFault> {
    let finished = run?;
    let end = match &finished.end {
        Ok(()) => "done".to_owned(),
        Err(failure) => failure.to_string(),
    };
    let Points { balances, caller, .. } = &finished.host;
    let core = finished.host.core();
    println!("{what}, by {caller}: {end}");
    println!("  balances {balances:?}, logs {:?}, returned {:?}", core.logs, core.output);
    print!("  burnt {} gas:", core.gas.burnt().units());
    let profile = core.gas.profile();
    for (id, gas) in profile.iter() {
        let name = core.gas.costs().row(id).map_or("?", |row| row.name);
        print!(" {name} {}", gas.units());
    }
    println!(" instructions {}", profile.wasm().units());
    Ok(finished)
}

#[test]
fn the_chain_does_as_it_says_on_every_engine() {
    main().expect("every call ends as main asserts");
}
