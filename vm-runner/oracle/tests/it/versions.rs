//! Older protocol versions: other prices, other limits, fewer host functions, the same comparison.

use fixtures::Case;
use oracle::Oracle;
use sandbox_runtime::near::MIN_SUPPORTED_PROTOCOL_VERSION;

use crate::differential::sample;
use crate::same_refusal;

/// The versions that the other tests do not compare.
const OLDER: std::ops::Range<u32> = MIN_SUPPORTED_PROTOCOL_VERSION..oracle::PROTOCOL_VERSION;

#[test]
fn every_fixture_ends_the_same_at_older_versions() {
    for version in OLDER {
        let oracle = Oracle::at(version);
        for module in fixtures::ALL {
            let code = module.code();
            for case in module.cases {
                let nears = oracle.nears(&code, case).expect("nearcore runs");
                let ours = oracle.ours(&code, case).expect("ours runs");
                let Case { method, .. } = case;
                assert_eq!(ours, nears, "{version}: {}.{method} {case:?}", module.name);
            }
        }
    }
}

#[test]
fn programs_end_the_same_at_older_versions() {
    for version in OLDER {
        sample(&Oracle::at(version), 12);
    }
}

#[test]
fn locals_are_bounded_by_the_size_of_the_contract_from_87() {
    let text = format!(r#"(module (func (export "main") (local {})))"#, "i32 ".repeat(2_000));
    let wasm = wat::parse_str(&text).expect("text");
    for version in OLDER {
        let said = same_refusal(&Oracle::at(version), &wasm, &|| format!("{version}"));
        let expected = if version < 87 { Ok(()) } else { Err("TooManyLocals".to_owned()) };
        assert_eq!(said, expected, "{version}");
    }
}
