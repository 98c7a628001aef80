//! A chain of its own, whose host has functions that spin as often as they are told: what they cost
//! comes back. The program measures itself, so that it has no harness of tests around it.

#![allow(clippy::float_arithmetic, reason = "measurements are real numbers")]
#![allow(clippy::arithmetic_side_effects, reason = "small counts")]

use std::hint::black_box;
use std::sync::Arc;

use cost_estimator::case::{Case, Prepared, sized, units};
use cost_estimator::constants::Constants;
use cost_estimator::metric::Metric;
use cost_estimator::price::{Sample, price};
use cost_estimator::run::{Setup, serve, supervise};
use gas_meter::{CostTable, Gas, GasCounter, OutOfGas};
use host_fns::abi::{AbiType, Host, HostFn, HostFnDecl, Memory};

#[global_allocator]
static ALLOCATOR: cost_estimator::Steady = cost_estimator::Steady;

/// A chain that can spin.
struct Spinner(GasCounter);

#[derive(Clone, Debug, PartialEq)]
struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

impl Host for Spinner {
    type Error = Refused;
    type Checkpoint = GasCounter;

    const FUNCTIONS: &'static [HostFn<Self>] = &[HostFn {
        decl: HostFnDecl {
            module: "chain",
            group: "Spinning",
            name: "spin",
            params: &[("rounds", AbiType::U64)],
            result: Some(AbiType::U64),
            feature: None,
            docs: "Spins a hundred times, and as often as it is told.",
        },
        call: |_, _, arguments| Ok(spin(100 + arguments[0])),
    }];

    fn gas(&mut self) -> &mut GasCounter {
        &mut self.0
    }

    fn checkpoint(&self) -> GasCounter {
        self.0.clone()
    }

    fn revert_to(&mut self, at: GasCounter) {
        self.0 = at;
    }

    fn out_of_gas(_: OutOfGas) -> Refused {
        Refused
    }

    fn stack_exhausted() -> Refused {
        Refused
    }
}

fn spin(rounds: u64) -> u64 {
    let mut state = 1;
    for round in 0..rounds {
        state = black_box(state ^ round);
    }
    state
}

fn cases() -> Vec<Case> {
    let of_spin =
        Case::new("spin", &["spin_base", "spin_round"], sized(&[0, 1_000, 10_000]), |size| {
            let worth = [("spin_base", size.calls), ("spin_round", size.calls * size.each)];
            Ok(Prepared::new(units(&worth), move || {
                let gas = GasCounter::new(Arc::new(CostTable::default()), Gas::MAX, Gas::MAX);
                let mut host = Spinner(gas);
                let function = &Spinner::FUNCTIONS[0];
                for _ in 0..size.calls {
                    let mut memory = Memory::new(&mut []);
                    black_box(
                        (function.call)(&mut host, &mut memory, &[size.each]).unwrap_or_default(),
                    );
                }
                Ok(())
            }))
        });
    let crooked =
        Case::new("square", &["square_base", "square_round"], sized(&[10, 100, 300]), |size| {
            let worth = [("square_base", size.calls), ("square_round", size.calls * size.each)];
            Ok(Prepared::new(units(&worth), move || {
                Ok((0..size.calls).map(|_| spin(size.each * size.each)).sum::<u64>())
            }))
        });
    // What is done before, on whatever thread, is not counted, nor is what is done without it.
    let rest =
        Case::new("rest", &["rest_base", "rest_round"], sized(&[500, 1_000, 10_000]), |size| {
            let worth = [("rest_base", size.calls), ("rest_round", size.calls * size.each)];
            let spun = move |each: u64| (0..size.calls).map(|_| spin(each + 5_000)).sum::<u64>();
            std::thread::spawn(move || spun(100_000)).join().expect("it spins");
            let rest = Prepared::new(units(&[]), move || Ok(spun(0)));
            Ok(Prepared::new(units(&worth), move || Ok(spun(size.each))).without(rest))
        });
    let broken =
        Case::new("broken", &["broken_base"], sized(&[1]), |_| anyhow::bail!("no such thing"));
    vec![of_spin, crooked, rest, broken]
}

fn main() -> anyhow::Result<()> {
    if serve(|_| Ok(cases()))? {
        return Ok(());
    }
    let counter = match Metric::Instructions.counter() {
        Ok(counter) => counter,
        Err(error) => {
            assert!(error.to_string().contains("apt-get install valgrind"));
            return Ok(());
        }
    };
    let folder = tempfile::tempdir()?;
    let setup = Setup::new(counter, "none", false)?;
    let journal = folder.path().join("journal");
    let measured = supervise(&cases(), &setup, &journal, &mut |_, _| {})?;
    let again = supervise(&cases(), &setup, &journal, &mut |_, _| {})?;
    assert_eq!(measured, again, "what was measured is not measured again");

    let priced = price(&cases(), &measured, Metric::Instructions, &Constants::NEAR);
    let of = |cost: &str| &priced.iter().find(|priced| priced.cost == cost).expect(cost).sample;
    let (Sample::Known { amount: base, .. }, Sample::Known { amount: round, .. }) =
        (of("spin_base"), of("spin_round"))
    else {
        panic!("{priced:?}");
    };
    // A base is a hundred rounds and a call.
    assert!(*round >= 1.0 && *base > 100.0 * round && *base < 150.0 * round + 100.0, "{priced:?}");
    let (Sample::Known { amount: nothing, .. }, Sample::Known { amount: beside, .. }) =
        (of("rest_base"), of("rest_round"))
    else {
        panic!("{priced:?}");
    };
    assert!((beside / round - 1.0).abs() < 0.01 && *nothing < 10.0 * round, "{priced:?}");
    for cost in ["square_base", "square_round"] {
        let Sample::Uncertain { why } = of(cost) else { panic!("{priced:?}") };
        assert!(why.starts_with("not a line"), "{why}");
    }
    let Sample::Uncertain { why } = of("broken_base") else { panic!("{priced:?}") };
    assert!(why.contains("no such thing") && why.contains("synthetic.rs"), "{why}");
    Ok(())
}
