//! Recorded transactions that run again.

mod receipts;

use std::collections::BTreeMap;

use near_primitives::action::{Action, DeployContractAction, FunctionCallAction, TransferAction};
use near_primitives::hash::CryptoHash;
use near_primitives::types::Gas;
use near_primitives::views::TxExecutionStatus;
use sandboxd::chain::Differs;
use sandboxd::remote::{Recorded, RecordedId, RemoteSource};
use serde_json::json;

use super::*;
use crate::rpc::client::Client as Http;
use crate::support::{near, sign};

fn call(method: &str, args: &serde_json::Value) -> Action {
    Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method.to_owned(),
        args: args.to_string().into_bytes(),
        gas: Gas::from_teragas(30),
        deposit: Balance::ZERO,
    }))
}

impl Elsewhere {
    fn send(&self, from: &str, to: &str, nonce: u64, action: Action) -> CryptoHash {
        let transaction = sign(&self.node.view(), from, to, nonce, vec![action]);
        let hash = transaction.get_hash();
        let landed = self.node.submit(transaction, TxExecutionStatus::Final).wait();
        landed.unwrap().unwrap();
        hash
    }
}

/// A chain where alice has deployed a contract, and bob has called it twice.
struct Story {
    elsewhere: Elsewhere,
    calls: Vec<CryptoHash>,
    transfer: CryptoHash,
}

impl Story {
    fn new() -> Self {
        let elsewhere = Elsewhere::start();
        let send = |from: &str, to: &str, nonce, action| elsewhere.send(from, to, nonce, action);
        let code = fixtures::wasm("status").to_vec();
        let (alice, bob) = ("alice.test.near", "bob.test.near");
        send(alice, alice, 1, Action::DeployContract(DeployContractAction { code }));
        let say = |message: &str| call("set_status", &json!({ "message": message }));
        let calls = vec![send(bob, alice, 1, say("first")), send(bob, alice, 2, say("second"))];
        let gift = Action::Transfer(TransferAction { deposit: near(1) });
        let transfer = send(bob, "carol.test.near", 3, gift);
        for nonce in 4..8 {
            send(bob, alice, nonce, say("later"));
        }
        Self { elsewhere, calls, transfer }
    }

    fn client(&self) -> Arc<Client> {
        client(&[self.elsewhere.url()]).into()
    }

    fn recorded(&self, hash: CryptoHash) -> Recorded {
        let id = RecordedId::Transaction { hash, sender_id: id("bob.test.near") };
        Recorded::fetch(&self.client(), &id).unwrap().unwrap()
    }
}

/// A fork's trie has other nodes than the chain's, and so other fees for reading them.
fn is_of_trie_nodes(what: &Differs) -> bool {
    let nodes = ["READ_CACHED_TRIE_NODE", "TOUCHING_TRIE_NODE"];
    match what {
        Differs::GasBurnt(_) | Differs::TokensBurnt(_) => true,
        Differs::Profile { cost, .. } => nodes.contains(&cost.as_str()),
        _ => false,
    }
}

#[test]
fn what_was_recorded_comes_out_again() {
    let story = Story::new();
    for hash in story.calls.iter().chain([&story.transfer]) {
        let recorded = story.recorded(*hash);
        let mut replay = recorded.replay(story.client(), None, BTreeMap::new()).unwrap();
        if *hash == story.transfer {
            assert_eq!(replay.differences, []);
        }
        replay.differences.retain(|one| !is_of_trie_nodes(&one.what));
        assert_eq!(replay.differences, [], "{:?}", replay.outcome);
        assert_eq!(replay.outcome.status, recorded.outcome.status);
    }
    let chain = story.elsewhere.node.view();
    let call = chain.execution(&story.calls[1]).unwrap();
    let receipt = call.outcomes[1].outcome.id;
    let by_receipt = Recorded::fetch(&story.client(), &RecordedId::Receipt(receipt));
    assert_eq!(by_receipt.unwrap().unwrap().outcome.transaction.hash, story.calls[1]);
    let nothing = Recorded::fetch(&story.client(), &RecordedId::Receipt(hash(b"nothing")));
    assert!(nothing.unwrap().is_none());
}

#[test]
fn other_code_makes_the_difference_that_it_makes() {
    let story = Story::new();
    let recorded = story.recorded(story.calls[1]);
    let other = wat::parse_str(r#"(module (func (export "set_status")))"#).unwrap();
    let code = BTreeMap::from([(id("alice.test.near"), other)]);
    let replay = recorded.replay(story.client(), None, code).unwrap();
    let at: Vec<&str> = replay.differences.iter().map(|one| one.at.as_str()).collect();
    assert!(at.iter().all(|at| at.starts_with("transaction.receipts[0]")), "{at:?}");
    let is_status = |differs: &Differs| matches!(differs, Differs::Status(_));
    let is_gas = |differs: &Differs| matches!(differs, Differs::GasBurnt(_));
    assert!(replay.differences.iter().any(|one| is_status(&one.what)));
    assert!(replay.differences.iter().any(|one| is_gas(&one.what)));
    let none = BTreeMap::from([(id("nobody.near"), Vec::new())]);
    let error = recorded.replay(story.client(), None, none).unwrap_err().to_string();
    assert!(error.contains("nobody.near"), "{error}");
}

#[test]
fn a_fork_replays_what_its_origin_recorded() {
    let story = Story::new();
    let source = Arc::new(RemoteSource::open(story.client(), BlockPin::Final, None).unwrap());
    let sandbox = Sandbox::fork_builder(Arc::<RemoteSource>::clone(&source)).build().unwrap();
    let node = sandbox.start(NodeOptions::default()).unwrap();
    let before = *node.view().head().hash();
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = RpcConfig { origin: Some(source), ..RpcConfig::neard() };
    let server = RpcServer::start(anywhere, node.clone(), config).unwrap();
    let params = json!({ "transaction_hash": story.transfer, "sender_id": "bob.test.near" });
    let result = Http::connect(server.address()).result("sandbox_replay", &params);
    assert_eq!(result["differences"], json!([]), "{result}");
    assert_eq!(result["recorded"]["status"], result["replayed"]["status"]);
    assert_eq!(*node.view().head().hash(), before);
    for params in [json!({}), json!({"receipt_id": story.calls[0], "sender_id": "bob.test.near"})] {
        let failure = Http::connect(server.address()).error("sandbox_replay", &params);
        assert_eq!(failure.status, 400, "{params}");
    }
}
