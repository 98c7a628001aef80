//! Every case of every fixture.

use fixtures::Case;
use oracle::Oracle;

/// All disagreements at once, so that one does not hide the others.
#[test]
fn every_fixture_ends_the_same() {
    let oracle = Oracle::new();
    let mut differences = Vec::new();
    for module in fixtures::ALL {
        let code = module.code();
        for case in module.cases {
            let nears = oracle.nears(&code, case);
            let ours = oracle.ours(&code, case);
            match (nears, ours) {
                (Ok(nears), Ok(ours)) if nears == ours => {}
                (nears, ours) => {
                    let Case { method, .. } = case;
                    differences.push(format!(
                        "{}.{method} {case:?}\n  near: {nears:?}\n  ours: {ours:?}",
                        module.name
                    ));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
