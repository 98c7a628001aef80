//! Accounts elsewhere as a genesis.

use sandboxd::remote::{ExportFailed, export};

use super::*;
use crate::support::{account, near, transfer};

fn exported(remote: &Remote, names: &[&str]) -> Result<String, ExportFailed> {
    let mut out = Vec::new();
    export(remote, &names.iter().map(|name| id(name)).collect(), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn a_chain_starts_from_exported_accounts() {
    let elsewhere = Elsewhere::start();
    let there = elsewhere.node.view();
    let remote = elsewhere.read_by(client(&[elsewhere.url()]));
    let text = exported(&remote, &[SMALL, LARGE, KEYS, "bob.test.near"]).unwrap();
    let genesis = genesis::read(&text).unwrap();
    let mut chain = Sandbox::builder(genesis)
        .signer(genesis::dev_signer())
        .clock(Clock::manual(GENESIS_NS))
        .build()
        .unwrap()
        .into_chain();
    assert_eq!(chain.head().height(), there.head().height());
    assert_eq!(chain.head().header().raw_timestamp(), there.head().header().raw_timestamp());
    for name in [SMALL, LARGE, KEYS, "alice.test.near"] {
        assert_eq!(account(&chain, name), account(&there, name), "{name}");
    }
    let data = |chain: &sandboxd::chain::Chain| {
        let page = sandbox_runtime::view::StateQuery::default();
        let state = sandbox_runtime::view::state(chain.state(), &id(LARGE), &page);
        state.unwrap().unwrap().values
    };
    assert_eq!(data(&chain), data(&there));
    let transfer = transfer(&chain, "alice.test.near", SMALL, 1, near(1));
    chain.submit(transfer).unwrap();
    chain.settle().unwrap();
    let before = account(&there, SMALL).amount();
    assert_eq!(account(&chain, SMALL).amount(), before.checked_add(near(1)).unwrap());
}

#[test]
fn what_cannot_be_exported_is_said() {
    let elsewhere = Elsewhere::start();
    let remote = elsewhere.read_by(client(&[elsewhere.url()]));
    let error = exported(&remote, &["nobody.near"]).unwrap_err().to_string();
    assert!(error.starts_with("nobody.near does not exist at block "), "{error}");
    let error = exported(&remote, &["test.near"]).unwrap_err();
    assert!(matches!(error, ExportFailed::Validator { .. }), "{error}");
}
