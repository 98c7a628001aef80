//! Subscriptions over a WebSocket.

use std::net::TcpStream;
use std::time::Duration;

use near_primitives::action::{Action, DeployContractAction, FunctionCallAction};
use near_primitives::types::{Balance, Gas};
use sandboxd::rpc::{RpcConfig, RpcLimits};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::HandshakeError;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

use super::{Rig, encoded};

struct Socket(WebSocket<TcpStream>);

impl Socket {
    fn open(rig: &Rig) -> Self {
        Self::open_with(rig, &[]).expect("the handshake")
    }

    /// Opens a socket with these headers; the status of the refusal otherwise.
    fn open_with(rig: &Rig, headers: &[(&'static str, &'static str)]) -> Result<Self, u16> {
        let address = rig.server.address();
        let stream = TcpStream::connect(address).expect("the server listens");
        let mut request = format!("ws://{address}/ws").into_client_request().expect("an address");
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_static(value));
        }
        match client(request, stream) {
            Ok((socket, _response)) => Ok(Self(socket)),
            Err(HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).expect("the socket is open");
    }

    fn receive(&mut self) -> Value {
        loop {
            match self.0.read().expect("the socket is open") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": "id", "method": method, "params": params});
        self.send(&request.to_string());
        let answer = self.receive();
        assert_eq!(answer["id"], "id", "{answer}");
        answer
    }

    fn subscribe(&mut self, params: &Value) -> u64 {
        let answer = self.call("subscribe", params);
        answer["result"].as_u64().unwrap_or_else(|| panic!("{answer}"))
    }

    /// What the next message tells to this subscription.
    fn told(&mut self, subscription: u64) -> Value {
        let mut message = self.receive();
        assert_eq!(message["method"], "subscription", "{message}");
        assert_eq!(message["params"]["subscription"], subscription, "{message}");
        message["params"]["result"].take()
    }
}

/// Sends a transfer from the second account to the third, and waits for all of it.
fn transfer(rig: &Rig, nonce: u64) -> Value {
    let sent = encoded(&rig.transfer(nonce));
    let params = json!({"signed_tx_base64": sent, "wait_until": "FINAL"});
    rig.client().result("send_tx", &params)
}

#[test]
fn every_block_is_told_in_order_as_block_answers_it() {
    let rig = Rig::new();
    transfer(&rig, 1);
    let from = rig.node.view().head().height();
    let mut socket = Socket::open(&rig);
    let blocks = socket.subscribe(&json!({"topic": "blocks"}));
    for nonce in 2..=20 {
        transfer(&rig, nonce);
    }
    let head = rig.node.view().head().height();
    let mut client = rig.client();
    for height in from + 1..=head {
        let told = socket.told(blocks);
        assert_eq!(told, client.result("block", &json!({"block_id": height})));
    }
}

#[test]
fn blocks_of_a_fast_forward_are_told_too() {
    let rig = Rig::new();
    let mut socket = Socket::open(&rig);
    let blocks = socket.subscribe(&json!({"topic": "blocks"}));
    rig.client().result("sandbox_fast_forward", &json!({"delta_height": 1000}));
    let chain = rig.node.view();
    // Most of the heights have no block; those at the ends of the two epochs have.
    let heights: Vec<_> = chain.blocks_after(0).map(|block| block.height()).collect();
    assert!(heights.len() > 3 && heights.len() < 1000, "{heights:?}");
    for height in heights {
        assert_eq!(socket.told(blocks)["header"]["height"], height);
    }
}

#[test]
fn outcomes_are_told_as_tx_shows_them() {
    let rig = Rig::new();
    let mut socket = Socket::open(&rig);
    let all = socket.subscribe(&json!({"topic": "outcomes"}));
    let shown = transfer(&rig, 1);
    let mut outcomes = vec![shown["transaction_outcome"].clone()];
    outcomes.extend(shown["receipts_outcome"].as_array().expect("a list").iter().cloned());
    for outcome in outcomes {
        let mut told = socket.told(all);
        let told = told.as_object_mut().expect("an object");
        assert!(told.remove("block_height").is_some_and(|height| height.is_u64()));
        assert_eq!(Value::Object(told.clone()), outcome);
    }
}

#[test]
fn outcomes_of_one_account_are_told_alone() {
    let rig = Rig::new();
    let mut socket = Socket::open(&rig);
    let receiver = rig.receiver();
    let of_one = socket.subscribe(&json!({"topic": "outcomes", "account_id": receiver}));
    for nonce in 1..=2 {
        transfer(&rig, nonce);
        assert_eq!(socket.told(of_one)["outcome"]["executor_id"], receiver.as_str());
    }
}

#[test]
fn logs_of_an_account_are_told() {
    let rig = Rig::new();
    let own = rig.account(1).account_id.clone();
    let mut socket = Socket::open(&rig);
    let of_other = socket.subscribe(&json!({"topic": "logs", "account_id": rig.receiver()}));
    let of_own = socket.subscribe(&json!({"topic": "logs", "account_id": own}));
    assert_ne!(of_own, of_other);
    let code = fixtures::wasm("tiny").to_vec();
    let increment = FunctionCallAction {
        method_name: "increment".to_owned(),
        args: Vec::new(),
        gas: Gas::from_teragas(10),
        deposit: Balance::ZERO,
    };
    let actions = vec![
        Action::DeployContract(DeployContractAction { code }),
        Action::FunctionCall(Box::new(increment)),
    ];
    let sent = encoded(&rig.signed_to(own.clone(), 1, actions));
    let params = json!({"signed_tx_base64": sent, "wait_until": "FINAL"});
    let shown = rig.client().result("send_tx", &params);
    let receipt = &shown["receipts_outcome"][0];
    let told = socket.told(of_own);
    let height = told["block_height"].as_u64().expect("a height");
    let block = rig.client().result("block", &json!({"block_id": height}));
    let expected = json!({
        "block_height": height, "block_hash": block["header"]["hash"], "id": receipt["id"],
        "account_id": own, "logs": ["counted"],
    });
    assert_eq!(told, expected);
    assert_eq!(told["block_hash"], receipt["block_hash"]);
}

#[test]
fn two_subscriptions_share_a_socket_until_one_ends() {
    let rig = Rig::new();
    let mut socket = Socket::open(&rig);
    let blocks = socket.subscribe(&json!({"topic": "blocks"}));
    let receiver = rig.receiver();
    let outcomes = socket.subscribe(&json!({"topic": "outcomes", "account_id": receiver}));
    assert_ne!(blocks, outcomes);
    let ended = socket.call("unsubscribe", &json!({"subscription": blocks}));
    assert_eq!(ended["result"], true);
    let again = socket.call("unsubscribe", &json!({"subscription": blocks}));
    assert_eq!(again["result"], false);
    transfer(&rig, 1);
    socket.told(outcomes);
}

#[test]
fn what_is_no_request_is_answered_with_an_error() {
    let rig = Rig::with(RpcConfig {
        limits: RpcLimits { max_subscriptions: 1, ..RpcLimits::default() },
        ..RpcConfig::neard()
    });
    let mut socket = Socket::open(&rig);
    socket.send("{");
    assert_eq!(socket.receive()["error"]["cause"]["name"], "PARSE_ERROR");
    let unknown = socket.call("status", &json!([]));
    assert_eq!(unknown["error"]["cause"]["name"], "METHOD_NOT_FOUND");
    for params in [
        json!({}),
        json!({"topic": "weather"}),
        json!({"topic": "blocks", "account_id": "a.near"}),
        json!({"topic": "logs", "account_id": "NOT AN ACCOUNT"}),
        json!({"topic": "logs", "accountId": "a.near"}),
    ] {
        let answer = socket.call("subscribe", &params);
        assert_eq!(answer["error"]["cause"]["name"], "PARSE_ERROR", "{params}: {answer}");
    }
    socket.subscribe(&json!({"topic": "blocks"}));
    let second = socket.call("subscribe", &json!({"topic": "blocks"}));
    let why = second["error"]["data"].as_str().expect("a text");
    assert!(why.contains("at most 1 subscriptions"), "{why}");
}

#[test]
fn pages_of_others_open_no_socket() {
    let allowed_origins = vec!["http://localhost:5173".to_owned()];
    let rig = Rig::with(RpcConfig { allowed_origins, ..RpcConfig::neard() });
    let status = |headers: &[(&'static str, &'static str)]| Socket::open_with(&rig, headers).err();
    assert_eq!(status(&[("origin", "http://example.com")]), Some(403));
    assert_eq!(status(&[("host", "example.com")]), Some(403));
    assert_eq!(status(&[("origin", "http://localhost:5173")]), None);
    assert_eq!(status(&[]), None, "programs send no origin");
    assert_eq!(rig.client().get("/ws").status, 426);
}

#[test]
fn a_client_that_is_gone_is_noticed() {
    let limits = RpcLimits { socket_timeout: Duration::from_millis(200), ..RpcLimits::default() };
    let rig = Rig::with(RpcConfig { limits, ..RpcConfig::neard() });
    let mut socket = Socket::open(&rig);
    socket.subscribe(&json!({"topic": "blocks"}));
    // Reading answers pings; without it the server hears nothing more.
    let stream = socket.0.get_mut();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(stream, &mut bytes).expect("the server closes");
    let metrics = rig.client().get("/metrics").text();
    assert!(metrics.contains("sandboxd_rpc_subscriptions 0\n"), "{metrics}");
}

#[test]
fn blocks_of_a_new_branch_are_told_after_a_revert() {
    let rig = Rig::new();
    let mut socket = Socket::open(&rig);
    let mut client = rig.client();
    let first = socket.subscribe(&json!({"topic": "blocks"}));
    transfer(&rig, 1);
    let snapshot = client.result("sandbox_snapshot", &json!({}));
    transfer(&rig, 2);
    let common = rig.node.view();
    for block in common.blocks_after(0) {
        assert_eq!(socket.told(first)["header"]["hash"], block.hash().to_string());
    }
    let second = socket.subscribe(&json!({"topic": "outcomes"}));
    let reverted = client.result("sandbox_revert", &snapshot);
    transfer(&rig, 2);
    // Heights that were told already are told again, now of the blocks in their place; so they are to
    // the subscription that came when the chain was higher.
    let height = reverted["height"].as_u64().expect("a height");
    let chain = rig.node.view();
    for block in chain.blocks_after(height) {
        assert_eq!(socket.told(first)["header"]["hash"], block.hash().to_string());
        for _ in block.outcomes() {
            assert_eq!(socket.told(second)["block_height"], block.height());
        }
    }
}
