//! `sandbox_import_account`.

use serde_json::{Value, json};

use super::proxy::Fault;
use super::*;
use crate::rpc::client::Client as Http;
use crate::support::account;

/// A chain with nothing on it.
struct Here {
    node: Node,
    server: RpcServer,
}

impl Here {
    fn start() -> Self {
        let sandbox = Sandbox::localnet(Clock::manual(GENESIS_NS));
        let node = sandbox.start(NodeOptions::default()).unwrap();
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = RpcServer::start(anywhere, node.clone(), RpcConfig::neard()).unwrap();
        Self { node, server }
    }

    fn client(&self) -> Http {
        Http::connect(self.server.address())
    }
}

fn import(account_id: &str, url: &str) -> Value {
    json!({ "account_id": account_id, "endpoint": url })
}

#[test]
fn accounts_are_imported_over_rpc() {
    let elsewhere = Elsewhere::start();
    let here = Here::start();
    let head = elsewhere.node.view();
    for name in [SMALL, LARGE, KEYS] {
        let result =
            here.client().result("sandbox_import_account", &import(name, &elsewhere.url()));
        let (height, hash) = (head.head().height(), head.head().hash());
        let expected = json!({ "account_id": name, "block_height": height, "block_hash": hash });
        assert_eq!(result, expected);
        assert_eq!(account(&here.node.view(), name), account(&head, name));
    }
    let query = json!({"request_type": "view_state", "finality": "final", "account_id": SMALL,
        "prefix_base64": ""});
    assert_eq!(here.client().result("query", &query)["values"].as_array().unwrap().len(), 3);
}

#[test]
fn an_import_that_breaks_off_changes_nothing_and_holds_nobody_up() {
    let elsewhere = Elsewhere::start();
    let here = Here::start();
    let before = *here.node.view().head().hash();
    let broken = Proxy::start(elsewhere.server.address(), |_, request| {
        // The second page is never seen.
        if request["params"].get("after_key_base64").is_some() {
            return Fault::Answer(403, "", "no more");
        }
        Fault::None
    });
    let failure = here.client().error("sandbox_import_account", &import(LARGE, &broken.url()));
    let cause = &failure.json()["cause"];
    assert_eq!(cause["name"], "REMOTE_FAILED");
    let why = cause["info"]["error_message"].as_str().unwrap();
    assert!(why.contains("view_state large.near") && why.contains("403"), "{why}");
    assert_eq!(*here.node.view().head().hash(), before);
    // While one import waits, others are served.
    let (asked, is_asked) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let gate = parking_lot::Mutex::new(may_go_on);
    let slow = Proxy::start(elsewhere.server.address(), move |number, _| {
        if number == 0 {
            asked.send(()).unwrap();
            gate.lock().recv_timeout(Duration::from_secs(5)).ok();
        }
        Fault::None
    });
    std::thread::scope(|threads| {
        let waiting = threads
            .spawn(|| here.client().result("sandbox_import_account", &import(SMALL, &slow.url())));
        is_asked.recv_timeout(Duration::from_secs(20)).unwrap();
        for _ in 0..20 {
            here.client().result("status", &json!([]));
        }
        go_on.send(()).unwrap();
        waiting.join().unwrap();
    });
}

#[test]
fn wrong_params_are_told_by_name() {
    let here = Here::start();
    let mut client = here.client();
    for (params, says) in [
        (json!({"account_id": "x.near"}), "endpoint"),
        (json!({"account_id": "x.near", "endpoint": "http://x", "block": "latest"}), "`latest`"),
        (json!({"account_id": "x.near", "endpoint": "http://x", "block": -1}), "`-1`"),
        (json!({"account_id": "x.near", "endpoint": "http://x", "with": {"sate": true}}), "sate"),
        (json!({"account_id": "X", "endpoint": "http://x"}), "account_id"),
    ] {
        let failure = client.error("sandbox_import_account", &params);
        assert_eq!(failure.status, 400, "{params}");
        let text = failure.json().to_string();
        assert!(text.contains(says) || says == "account_id", "{text}");
    }
}
