//! Every case of every fixture, on every engine.

use fixtures::Case;
use oracle::{Contract, Oracle, OurRunner};
use vm_runner::VmKind;

/// All disagreements at once, so that one does not hide the others.
#[test]
fn every_fixture_ends_the_same() {
    let oracle = Oracle::new();
    let ours = VmKind::ALL.iter().map(|vm| OurRunner::on(*vm, oracle.config()));
    let ours: Vec<_> = ours.collect();
    let mut differences = Vec::new();
    for module in fixtures::ALL {
        let contract = Contract::new(&module.code());
        for case in module.cases {
            let nears = oracle.nears_of(&contract, case);
            for (vm, ours) in VmKind::ALL.iter().zip(&ours) {
                match (&nears, ours.run(&contract, case)) {
                    (Ok(nears), Ok(ours)) if *nears == ours => {}
                    (nears, ours) => {
                        let Case { method, .. } = case;
                        differences.push(format!(
                            "{}.{method} {case:?}\n  near: {nears:?}\n  {vm}: {ours:?}",
                            module.name
                        ));
                    }
                }
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
