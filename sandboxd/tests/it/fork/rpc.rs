//! A fork over the wire.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use near_primitives::serialize::to_base64;
use near_primitives::transaction::SignedTransaction;
use sandboxd::chain::{Chain, Node, NodeOptions};
use sandboxd::rpc::{RpcConfig, RpcServer};
use serde_json::{Value, json};

use super::remote::{Answers, Remote, fork};
use super::{ALICE, BOB, CAROL, original};
use crate::rpc::client::Client;
use crate::support::{account, near, transfer};

fn server(remote: &Arc<Remote>) -> (RpcServer, Node, Client) {
    let node = Node::start(fork(remote), NodeOptions::default()).unwrap();
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = RpcServer::start(anywhere, node.clone(), RpcConfig::neard()).unwrap();
    let client = Client::connect(server.address());
    (server, node, client)
}

fn amount_of(chain: &Chain, name: &str) -> String {
    account(chain, name).amount().as_yoctonear().to_string()
}

fn view_account(of: &str) -> Value {
    json!({ "request_type": "view_account", "finality": "final", "account_id": of })
}

fn view_count() -> Value {
    json!({ "request_type": "call_function", "finality": "final", "account_id": BOB,
        "method_name": "get_count", "args_base64": "e30=" })
}

#[test]
fn a_read_that_fails_says_who_was_asked_for_what_and_works_when_it_can() {
    let original = original();
    let remote = Remote::of(&original, Answers::Whole);
    let (_server, node, mut client) = server(&remote);
    remote.go();
    for params in [view_account(BOB), view_count()] {
        let failure = client.error("query", &params);
        assert_eq!(failure.names(), (500, "INTERNAL_ERROR".into(), "INTERNAL_ERROR".into()));
        let message = failure.json()["cause"]["info"]["error_message"].to_string();
        assert!(message.contains("http://remote.test: connection refused"), "{message}");
        assert!(message.contains(&format!("account {BOB} at block")), "{message}");
    }
    assert!(client.result("status", &json!([])).is_object(), "what needs nothing is answered");
    remote.come_back();
    assert_eq!(client.result("query", &view_count())["result"], json!(b"0"));
    remote.go();
    let amount = client.result("query", &view_account(BOB))["amount"].clone();
    assert_eq!(amount, amount_of(&original, BOB));
    let proof = json!({ "request_type": "view_state", "finality": "final", "account_id": BOB,
        "prefix_base64": "", "include_proof": true });
    let message = client.error("query", &proof).json().to_string();
    assert!(message.contains("a fork has no proofs of its state"), "{message}");
    node.stop();
}

#[test]
fn a_transaction_that_cannot_be_executed_is_answered_at_once() {
    let remote = Remote::of(&original(), Answers::Whole);
    let (_server, node, mut client) = server(&remote);
    remote.go();
    let send = |transaction: &SignedTransaction| {
        let bytes = to_base64(&borsh::to_vec(transaction).unwrap());
        json!({ "signed_tx_base64": bytes, "wait_until": "FINAL" })
    };
    let transaction = transfer(&node.view(), CAROL, ALICE, 2, near(1));
    let height = node.view().head().height();
    let failure = client.error("send_tx", &send(&transaction));
    let message = failure.json().to_string();
    assert!(message.contains("connection refused") && message.contains(CAROL), "{message}");
    assert_eq!(node.view().head().height(), height);
    remote.come_back();
    let landed = client.result("send_tx", &send(&transaction));
    assert_eq!(landed["status"], json!({ "SuccessValue": "" }));
    node.stop();
}

#[test]
fn accounts_at_the_pinned_height_are_seen_as_they_were() {
    let original = original();
    let remote = Remote::of(&original, Answers::Whole);
    let (_server, node, mut client) = server(&remote);
    let pinned = original.head().height();
    let hash = node.submit(
        transfer(&node.view(), CAROL, ALICE, 2, near(1)),
        near_primitives::views::TxExecutionStatus::Final,
    );
    assert!(hash.wait().unwrap().is_ok());
    let at = |height: u64, of: &str| json!({ "request_type": "view_account", "block_id": height, "account_id": of });
    let then = client.result("query", &at(pinned, CAROL));
    assert_eq!(then["amount"], amount_of(&original, CAROL));
    let now = client.result("query", &view_account(CAROL));
    assert_ne!(now["amount"], then["amount"]);
    // An account that nobody asked for before is there at all heights.
    let first = client.result("query", &at(pinned, "dave.test.near"));
    let last = client.result("query", &view_account("dave.test.near"));
    assert_eq!(first["amount"], last["amount"]);
    let failure = client.error("query", &at(pinned - 1, CAROL));
    assert_eq!(failure.names().2, "UNKNOWN_BLOCK");
    node.stop();
}

#[test]
fn a_fork_is_not_dumped() {
    let remote = Remote::of(&original(), Answers::Whole);
    let (_server, _node, mut client) = server(&remote);
    let failure = client.error("sandbox_dump_state", &json!({}));
    assert_eq!(failure.names().2, "FORK");
}
