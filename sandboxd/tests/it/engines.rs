//! What contracts run on, and that it makes no difference.

use std::sync::Arc;

use near_primitives::action::{Action, DeployContractAction, FunctionCallAction};
use near_primitives::hash::CryptoHash;
use near_primitives::types::{Balance, Gas};
use near_primitives::views::FinalExecutionOutcomeView;
use parking_lot::Mutex;
use sandbox_runtime::{DiskStore, Engines, VmKind};
use sandboxd::Sandbox;
use sandboxd::chain::{Chain, Clock};
use tempfile::TempDir;

use crate::support::{GENESIS_NS, sign};

const ALICE: &str = "alice.test.near";
const BOB: &str = "bob.test.near";

fn chain(engines: Engines) -> Chain {
    let builder = Sandbox::localnet_builder(Clock::manual(GENESIS_NS)).engines(engines);
    builder.build().unwrap().into_chain()
}

/// A life of a chain: contracts that write, read, fail, call each other and run out of gas.
fn live(mut chain: Chain) -> (CryptoHash, Vec<String>) {
    let deploy = |code: Vec<u8>| Action::DeployContract(DeployContractAction { code });
    let status = || deploy(fixtures::wasm("status").to_vec());
    let call = |method: &str, args: &str, gigagas| {
        Action::FunctionCall(Box::new(FunctionCallAction {
            method_name: method.into(),
            args: args.as_bytes().to_vec(),
            gas: Gas::from_gigagas(gigagas),
            deposit: Balance::ZERO,
        }))
    };
    let sent = [
        (ALICE, ALICE, status()),
        (BOB, BOB, status()),
        (ALICE, BOB, call("set_status", r#"{"message":"hello"}"#, 100_000)),
        (BOB, ALICE, call("set_status", "no JSON", 100_000)),
        (BOB, ALICE, call("no_such_method", "", 100_000)),
        (ALICE, ALICE, call("set_status", r#"{"message":"too little gas"}"#, 300)),
        (ALICE, ALICE, deploy(fixtures::wat("limits"))),
        (BOB, ALICE, call("loop_million", "", 300_000)),
        (BOB, ALICE, call("fib_20", "", 300_000)),
    ];
    let mut nonces = [(ALICE, 0), (BOB, 0)];
    let mut outcomes = Vec::new();
    for (from, to, action) in sent {
        let nonce = nonces.iter_mut().find(|(name, _)| *name == from).map(|(_, nonce)| nonce);
        let nonce = nonce.unwrap();
        *nonce += 1;
        let hash = chain.submit(sign(&chain, from, to, *nonce, vec![action])).unwrap();
        chain.settle().unwrap();
        let outcome: FinalExecutionOutcomeView = chain.execution(&hash).unwrap().view();
        outcomes.push(serde_json::to_string(&outcome).unwrap());
    }
    (*chain.head().hash(), outcomes)
}

#[test]
fn a_chain_is_the_same_on_every_engine() {
    let expected = live(chain(Engines::default()));
    let failed = |outcome: &&String| outcome.contains("Failure");
    assert_eq!(expected.1.iter().filter(failed).count(), 3);
    for vm in VmKind::ALL {
        assert_eq!(live(chain(Engines::only(*vm))), expected, "{vm}");
    }
    let found = Arc::new(Mutex::new(Vec::new()));
    let finds = Arc::clone(&found);
    let [first, others @ ..] = VmKind::ALL else { panic!("there is an engine") };
    let compared = Engines::compared(*first, others.to_vec(), move |fixture| {
        finds.lock().push(fixture.differs_in.clone());
    });
    assert_eq!(live(chain(compared)), expected);
    assert!(found.lock().is_empty());
}

fn stored_in(folder: &TempDir) -> Engines {
    let store = DiskStore::open(folder.path(), 1 << 30).unwrap();
    Engines::default().stored_in(Arc::new(store))
}

fn deploy(chain: &mut Chain, name: &str) {
    let code = fixtures::wasm(name).to_vec();
    let deploy = vec![Action::DeployContract(DeployContractAction { code })];
    chain.submit(sign(chain, ALICE, ALICE, 1, deploy)).unwrap();
    chain.settle().unwrap();
}

#[test]
fn without_a_background_a_block_ends_with_all_compiled_and_stored() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = chain(stored_in(&folder).without_background());
    deploy(&mut first, "status");
    assert_eq!(first.runtime().store_stats().written, 1);
    let at_once = chain(Engines::default().without_background());
    assert_eq!(live(at_once), live(chain(Engines::default())));
}

#[test]
fn what_one_chain_compiled_the_next_one_finds() {
    let folder = tempfile::tempdir().unwrap();
    let open = || chain(stored_in(&folder));
    let mut first = open();
    deploy(&mut first, "status");
    let runtime = first.runtime();
    runtime.wait_for_compilation();
    assert_eq!(runtime.store_stats().written, 1, "a contract is compiled when it is deployed");
    let second = open();
    let runtime = second.runtime().clone();
    assert_eq!(live(second), live(chain(Engines::default())));
    runtime.wait_for_compilation();
    let stats = runtime.store_stats();
    assert_eq!(stats.loaded, 1, "the contract that was deployed on the first chain");
    assert_eq!((stats.unusable, stats.failed), (0, 0));
}

#[test]
fn recorded_calls_can_be_run_again_and_recording_leaves_no_trace() {
    let recorded = Arc::new(Mutex::new(Vec::new()));
    let records = Arc::clone(&recorded);
    let engines = Engines::default().recorded_by(move |fixture| {
        records.lock().push(fixture.clone());
    });
    assert_eq!(live(chain(engines)), live(chain(Engines::default())));
    let ends: Vec<(String, String)> = recorded
        .lock()
        .iter()
        .map(|fixture| {
            let runs = fixture.run(fixture.engines().unwrap()).unwrap();
            assert_eq!(runs.len(), 1, "the engine of the chain");
            (fixture.method.clone(), runs[0].end.clone())
        })
        .collect();
    let methods: Vec<&str> = ends.iter().map(|(method, _)| method.as_str()).collect();
    let called =
        ["set_status", "set_status", "no_such_method", "set_status", "loop_million", "fib_20"];
    assert_eq!(methods, called);
    let returned: Vec<bool> = ends.iter().map(|(_, end)| end == "returned").collect();
    assert_eq!(returned, [true, false, false, false, true, true], "{ends:?}");
}
