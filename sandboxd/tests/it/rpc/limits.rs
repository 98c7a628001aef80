//! Limits on what clients take at once and for how long, and that those who leave give it back.

use std::time::Duration;

use sandboxd::rpc::{RpcConfig, RpcLimits};
use serde_json::json;

use super::client::Client;
use super::{Rig, encoded};

/// Short enough for a test, long enough for a slow machine to send a request.
const SHORT: Duration = Duration::from_millis(300);

fn limited(limits: RpcLimits) -> Rig {
    Rig::with(RpcConfig { limits, ..RpcConfig::neard() })
}

/// The value of a metric without labels.
fn metric(client: &mut Client, name: &str) -> String {
    let metrics = client.get("/metrics").text();
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in\n{metrics}")).to_owned()
}

/// Waits until a metric has the value: the server notices on its own time that clients left.
fn wait_for(client: &mut Client, name: &str, value: &str) {
    let found = (0..10_000).any(|_| metric(client, name) == value);
    assert!(found, "{name} is {}", metric(client, name));
}

/// A request that waits for a transaction that never comes.
fn long_poll() -> Vec<u8> {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tx",
        "params": {
            "tx_hash": "11111111111111111111111111111111", "sender_account_id": "nobody.near",
        },
    })
    .to_string();
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[test]
fn too_many_connections_are_turned_away_in_words() {
    let rig = limited(RpcLimits { max_connections: 2, ..RpcLimits::default() });
    let (mut first, mut second) = (rig.client(), rig.client());
    assert_eq!(first.get("/health").status, 200);
    assert_eq!(second.get("/health").status, 200);
    let mut third = rig.client();
    let refused = third.read(false);
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("all 2 connections are in use"), "{}", refused.text());
    assert!(third.is_closed());
    let refusals = first.get("/metrics").text();
    assert!(refusals.contains("sandboxd_rpc_refused_total{limit=\"connections\"} 1\n"));
    drop(second);
    wait_for(&mut first, "sandboxd_rpc_connections", "1");
    assert_eq!(rig.client().get("/health").status, 200);
}

#[test]
fn too_many_waiting_requests_are_refused_and_those_who_leave_make_room() {
    let rig = limited(RpcLimits { max_waiting: 2, ..RpcLimits::default() });
    let mut client = rig.client();
    let mut waiting = [rig.client(), rig.client()];
    for waiting in &mut waiting {
        waiting.write_raw(&long_poll());
    }
    wait_for(&mut client, "sandboxd_rpc_requests_waiting", "2");
    let reply = client.call("health", &json!([]));
    assert_eq!(reply.status, 503);
    let error = reply.json()["error"].clone();
    assert_eq!(error["name"], "INTERNAL_ERROR");
    assert!(error["data"].as_str().is_some_and(|why| why.contains("2 requests are waiting")));
    drop(waiting);
    wait_for(&mut client, "sandboxd_rpc_requests_waiting", "0");
    wait_for(&mut client, "sandboxd_rpc_connections", "1");
    assert!(client.result("health", &json!([])).is_null());
}

#[test]
fn a_client_that_leaves_without_its_answer_leaves_its_transaction() {
    let rig = Rig::new();
    let mut client = rig.client();
    let transaction = rig.transfer(1);
    let params = json!([encoded(&transaction)]);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "send_tx", "params": params});
    let mut leaving = rig.client();
    let json = ["content-type: application/json"];
    leaving.write("POST /", &json, body.to_string().as_bytes());
    let sender = &rig.account(1).account_id;
    let hash = transaction.get_hash();
    let params = json!({"tx_hash": hash, "sender_account_id": sender, "wait_until": "FINAL"});
    assert_eq!(client.result("tx", &params)["final_execution_status"], "FINAL");
    drop(leaving);
    wait_for(&mut client, "sandboxd_rpc_connections", "1");
}

#[test]
fn a_head_that_does_not_come_ends_the_connection() {
    let rig = limited(RpcLimits { head_timeout: SHORT, ..RpcLimits::default() });
    let mut slow = rig.client();
    slow.write_raw(b"POST / HTTP/1.1\r\nhost: localhost\r\nx-slow: ");
    assert!(slow.is_closed());
    let mut idle = rig.client();
    assert_eq!(idle.get("/health").status, 200);
    assert!(idle.is_closed());
    assert_eq!(rig.client().get("/health").status, 200);
}

#[test]
fn a_body_that_does_not_come_is_answered_408() {
    let rig = limited(RpcLimits { body_timeout: SHORT, ..RpcLimits::default() });
    let mut slow = rig.client();
    slow.write_raw(
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
          content-length: 1000\r\n\r\n{",
    );
    let reply = slow.read(false);
    assert_eq!((reply.status, reply.header("connection")), (408, Some("close")));
    assert!(reply.text().contains("longer than 300ms"), "{}", reply.text());
    assert!(slow.is_closed());
}

#[test]
fn a_body_that_says_that_it_is_too_long_is_refused_before_it_comes() {
    let rig = limited(RpcLimits::default());
    let mut client = rig.client();
    client.write_raw(&head(11 << 20));
    assert_eq!(client.read(false).status, 413);
    assert!(client.is_closed());
}

#[test]
fn long_bodies_at_the_same_time_have_a_limit_together() {
    let rig = limited(RpcLimits { max_bytes: 0, ..RpcLimits::default() });
    // One of the longest that is allowed always has its place.
    let mut first = rig.client();
    first.write_raw(&head(10 << 20));
    first.write_raw(&vec![b' '; (10 << 20) - 1]);
    let mut client = rig.client();
    wait_for(&mut client, "sandboxd_rpc_body_bytes", &(10_u32 << 20).to_string());
    let mut second = rig.client();
    second.write_raw(&head(1 << 20));
    second.write_raw(&vec![b' '; 1 << 17]);
    let refused = second.read(false);
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("try again"), "{}", refused.text());
    assert_eq!(client.get("/status").status, 200);
    drop(first);
    wait_for(&mut client, "sandboxd_rpc_body_bytes", "0");
}

/// The head of a request with so long a body.
fn head(length: usize) -> Vec<u8> {
    format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    )
    .into_bytes()
}

#[test]
fn a_state_that_does_not_come_gives_its_place_back() {
    let time = Duration::from_secs(2);
    let rig = limited(RpcLimits { max_transfers: 1, body_timeout: time, ..RpcLimits::default() });
    let mut client = rig.client();
    let put = |client: &mut Client, body: &[u8]| {
        let reply = client.send("PUT /sandbox/state", &[], body);
        (reply.status, reply.text())
    };
    let mut slow = rig.client();
    slow.write_raw(
        b"PUT /sandbox/state HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9000\r\n\r\nsand",
    );
    wait_for(&mut client, "sandboxd_rpc_transfers", "1");
    let (status, why) = put(&mut rig.client(), b"x");
    assert_eq!((status, why.contains("1 states come or go already")), (503, true), "{why}");
    let late = slow.read(false);
    assert_eq!(late.status, 408, "{}", late.text());
    assert!(slow.is_closed());
    wait_for(&mut client, "sandboxd_rpc_transfers", "0");
    let (status, why) = put(&mut client, b"what is this");
    assert_eq!((status, why.contains("not a file that sandboxd wrote")), (400, true), "{why}");
    let mut client = rig.client();
    assert_eq!(client.get("/sandbox/state?format=mine").status, 400);
    let reply = client.send("POST /sandbox/state", &[], b"");
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET,PUT")));
    assert_eq!(client.result("health", &json!([])), json!(null));
}

#[test]
fn pages_of_others_do_not_touch_the_state() {
    let allowed_origins = vec!["http://mine".to_owned()];
    let rig = Rig::with(RpcConfig { allowed_origins, ..RpcConfig::neard() });
    for line in ["GET /sandbox/state", "PUT /sandbox/state"] {
        assert_eq!(rig.client().send(line, &["origin: http://other"], b"").status, 403, "{line}");
    }
    let asked = ["origin: http://other", "access-control-request-method: PUT"];
    let reply = rig.client().send("OPTIONS /sandbox/state", &asked, b"");
    assert_eq!(reply.header("access-control-allow-methods"), Some("GET,POST"));
}
