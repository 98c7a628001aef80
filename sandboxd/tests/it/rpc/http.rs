//! What is HTTP and envelope: routes, statuses, CORS, limits, and bodies that are no requests.

use std::io::Read as _;

use near_jsonrpc_primitives::message::Message;
use near_primitives::views::StatusResponse;
use sandboxd::rpc::RpcConfig;
use serde_json::{Value, json};

use super::client::Reply;
use super::{Rig, encoded};

/// Status and the text of a `PARSE_ERROR`.
fn refusal(reply: &Reply) -> (u16, String) {
    let json = serde_json::to_value(reply.error()).expect("an error is JSON");
    assert_eq!(reply.json()["id"], Value::Null);
    assert_eq!(json["name"], "REQUEST_VALIDATION_ERROR");
    assert_eq!(json["cause"]["name"], "PARSE_ERROR");
    assert_eq!(json["code"], -32700);
    let text = json["cause"]["info"]["error_message"].as_str().expect("a text");
    assert_eq!(json["data"], text);
    (reply.status, text.to_owned())
}

#[test]
fn status_is_there_for_a_probe() {
    let rig = Rig::new();
    let mut client = rig.client();
    let reply = client.get("/status");
    assert_eq!(reply.status, 200);
    let status: StatusResponse = serde_json::from_slice(&reply.body).expect("a status");
    assert_eq!(status.rpc_addr, Some(rig.server.address().to_string()));
    let head = client.send("HEAD /status", &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn health_and_network_info_and_metrics_are_served() {
    let rig = Rig::new();
    let mut client = rig.client();
    assert_eq!(client.get("/health").json(), Value::Null);
    assert_eq!(client.get("/network_info").json()["num_active_peers"], 0);
    client.result("status", &json!([]));
    client.error("nonsense", &json!([]));
    let metrics = client.get("/metrics");
    assert!(metrics.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    let metrics = metrics.text();
    assert!(metrics.contains("near_block_height_head 0\n"), "{metrics}");
    assert!(metrics.contains("near_rpc_total_count{method=\"status\"} 1\n"), "{metrics}");
    assert!(metrics.contains("near_rpc_total_count{method=\"UNSUPPORTED_METHOD\"} 1\n"));
}

#[test]
fn metrics_count_blocks_and_requests() {
    let rig = Rig::new();
    let mut client = rig.client();
    let sent = encoded(&rig.transfer(1));
    let params = json!({"signed_tx_base64": sent, "wait_until": "FINAL"});
    let shown = client.result("send_tx", &params);
    let receipts = shown["receipts_outcome"].as_array().expect("a list").len();
    let metrics = client.get("/metrics").text();
    let figure = |name: &str| {
        let lines = metrics.lines().filter_map(|line| line.rsplit_once(' '));
        let mut found = lines.filter(|(other, _)| *other == name).map(|(_, figure)| figure);
        found.next().unwrap_or_else(|| panic!("{name} is not in\n{metrics}")).to_owned()
    };
    let chain = rig.node.view();
    let blocks: Vec<_> = chain.blocks_after(0).collect();
    assert_eq!(figure("near_block_height_head"), chain.head().height().to_string());
    assert_eq!(figure("near_block_processed_total"), blocks.len().to_string());
    assert_eq!(figure("near_transaction_processed_successfully_total"), "1");
    let outcomes = blocks.iter().flat_map(|block| block.outcomes());
    let burnt: u64 = outcomes.map(|outcome| outcome.outcome.gas_burnt.as_gas()).sum();
    assert_eq!(figure("sandboxd_gas_burnt_total"), burnt.to_string());
    assert_eq!(figure("sandboxd_receipts_executed_total"), receipts.to_string());
    assert_eq!(figure("sandboxd_failed_outcomes_total"), "0");
    assert_eq!(figure("near_rpc_processing_time_count{method=\"send_tx\"}"), "1");
    assert_eq!(figure("near_rpc_processing_time_bucket{method=\"send_tx\",le=\"+Inf\"}"), "1");
    assert_eq!(figure("sandboxd_rpc_connections"), "1");
    assert_eq!(figure("sandboxd_rpc_requests_waiting"), "0");
    // Counted once, however often it is asked for.
    assert!(client.get("/metrics").text().contains("near_transaction_processed_total 1\n"));
}

#[test]
fn an_answer_is_given_again_only_while_nothing_has_changed() {
    let rig = Rig::new();
    let mut client = rig.client();
    let ask = json!({
        "request_type": "view_account", "finality": "final", "account_id": rig.receiver(),
    });
    let mut before = client.result("query", &ask);
    for nonce in 1..=5 {
        assert_eq!(client.result("query", &ask), before, "asked twice");
        let sent = encoded(&rig.transfer(nonce));
        let params = json!({"signed_tx_base64": sent, "wait_until": "FINAL"});
        client.result("send_tx", &params);
        let after = client.result("query", &ask);
        let amount = |view: &Value| view["amount"].as_str().and_then(|text| text.parse().ok());
        let received = amount(&before).map(|amount: u128| amount + 10_u128.pow(24));
        assert_eq!(amount(&after), received);
        assert_eq!(
            client.result("status", &json!([]))["sync_info"]["latest_block_hash"],
            client.result("block", &json!({"finality": "final"}))["header"]["hash"]
        );
        before = after;
    }
    let metrics = client.get("/metrics").text();
    assert!(metrics.contains("near_rpc_total_count{method=\"query\"} 11\n"), "{metrics}");
    // The same text in another place is no request, however well it is known.
    let known = json!({"jsonrpc": "2.0", "id": 1, "method": "query", "params": ask}).to_string();
    assert_eq!(client.post(known.as_bytes()).status, 200);
    let with_more = known.replacen('{', "{\"extra\":1,", 1);
    assert_eq!(refusal(&client.post(with_more.as_bytes())).0, 400);
}

#[test]
fn a_name_that_is_not_the_servers_own_is_refused() {
    let allowed_hosts = vec!["sandbox".to_owned()];
    let rig = Rig::with(RpcConfig { allowed_hosts, ..RpcConfig::neard() });
    let mut client = rig.client();
    let stranger = client.send("GET /status", &["host: rebound.example.com:3030"], b"");
    assert_eq!(stranger.status, 403);
    let why = stranger.text();
    assert!(why.contains("rebound.example.com"), "{why}");
    assert!(why.contains("--allow-host rebound.example.com"), "{why}");
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "health"}).to_string();
    let json = "content-type: application/json";
    let mut stranger = rig.client();
    let refused = stranger.send("POST /", &["host: example.com", json], body.as_bytes());
    assert_eq!((refused.status, refused.header("connection")), (403, Some("close")));
    let local = format!("host: {}", rig.server.address());
    for own in ["host: localhost:3030", "host: 0.0.0.0:3030", "host: sandbox:3030", &local] {
        let reply = rig.client().send("POST /", &[own, json], body.as_bytes());
        assert_eq!(reply.status, 200, "{own}");
    }
}

#[test]
fn long_answers_are_compressed_for_those_who_ask() {
    let rig = Rig::new();
    let mut client = rig.client();
    let plain = client.send("GET /metrics", &[], b"");
    assert_eq!(plain.header("content-encoding"), None);
    let long = client.send("GET /openapi.json", &[], b"");
    let short = client.send("GET /openapi.json", &["accept-encoding: gzip, deflate"], b"");
    assert_eq!(short.header("content-encoding"), Some("gzip"));
    assert!(short.body.len() * 2 < long.body.len(), "{} bytes", short.body.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&*short.body).read_to_end(&mut unpacked).expect("it is gzip");
    assert_eq!(unpacked, long.body);
    // What is short already stays as it is.
    let health = client.send("GET /health", &["accept-encoding: gzip"], b"");
    assert_eq!((health.header("content-encoding"), health.text()), (None, "null".to_owned()));
}

#[test]
fn other_routes_and_methods_are_refused() {
    let rig = Rig::new();
    let mut client = rig.client();
    for path in ["/nowhere", "/debug", "/debug/api/status", "/debug/client_config"] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
    let reply = client.get("/");
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    assert_eq!(client.send("POST /status", &[], b"").status, 405);
}

#[test]
fn browsers_may_call_from_anywhere() {
    let rig = Rig::new();
    let mut client = rig.client();
    let asking = ["origin: http://localhost:5173", "access-control-request-method: POST"];
    let reply = client.send("OPTIONS /", &asking, b"");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("access-control-allow-methods"), Some("GET,POST"));
    let headers = reply.header("access-control-allow-headers");
    assert_eq!(headers, Some("authorization,accept,content-type"));
    assert_eq!(reply.header("access-control-max-age"), Some("3600"));
    let reply = client.get("/status");
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
}

#[test]
fn browsers_may_be_told_apart_by_origin() {
    let allowed_origins = vec!["http://localhost:5173".to_owned()];
    let rig = Rig::with(RpcConfig { allowed_origins, ..RpcConfig::neard() });
    let mut client = rig.client();
    let friend = client.send("GET /status", &["origin: http://localhost:5173"], b"");
    let allowed = friend.header("access-control-allow-origin");
    assert_eq!(allowed, Some("http://localhost:5173"));
    let stranger = client.send("GET /status", &["origin: http://example.com"], b"");
    assert_eq!(stranger.header("access-control-allow-origin"), None);
}

#[test]
fn the_id_comes_back_whatever_it_is() {
    let rig = Rig::new();
    let mut client = rig.client();
    for id in [json!(1), json!(-1.5), json!("a"), json!(null), json!([1, {"b": 2}])] {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": "health"});
        let reply = client.post(request.to_string().as_bytes()).json();
        assert_eq!(reply, json!({"jsonrpc": "2.0", "result": null, "id": id}));
    }
}

#[test]
fn params_that_nobody_reads_may_be_anything() {
    let rig = Rig::new();
    let mut client = rig.client();
    for params in [json!(null), json!([]), json!({}), json!([null]), json!({"a": 1}), json!(7)] {
        assert!(client.result("health", &params).is_null());
    }
}

#[test]
fn an_unknown_method_is_named() {
    let rig = Rig::new();
    let reply = rig.client().call("adv_produce_blocks", &json!([]));
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.json()["error"],
        json!({
            "name": "REQUEST_VALIDATION_ERROR",
            "cause": {
                "name": "METHOD_NOT_FOUND",
                "info": {"method_name": "adv_produce_blocks"},
            },
            "code": -32601,
            "message": "Method not found",
            "data": "adv_produce_blocks",
        })
    );
}

#[test]
fn a_body_that_is_not_json_is_refused() {
    let rig = Rig::new();
    let mut client = rig.client();
    for body in ["", "{", "hello", "{\"jsonrpc\": \"2.0\",}"] {
        let (status, text) = refusal(&client.post(body.as_bytes()));
        assert_eq!(status, 400);
        assert!(text.starts_with("request body is not valid JSON: "), "{text}");
    }
}

#[test]
fn invalid_utf8_is_refused() {
    let rig = Rig::new();
    let body = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}";
    assert_eq!(refusal(&rig.client().post(body)).0, 400);
}

#[test]
fn deep_nesting_is_refused_and_the_server_goes_on() {
    let rig = Rig::new();
    let mut client = rig.client();
    for depth in [200, 1_000_000] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let body = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"block\",\"params\":{open}{close}}}"
        );
        assert_eq!(refusal(&client.post(body.as_bytes())).0, 400);
    }
    assert!(client.result("health", &json!([])).is_null());
}

#[test]
fn json_that_is_no_request_is_refused() {
    let rig = Rig::new();
    let mut client = rig.client();
    let requests = [
        json!(1),
        json!([]),
        json!({}),
        json!({"jsonrpc": "1.0", "id": 1, "method": "health"}),
        json!({"id": 1, "method": "health"}),
        json!({"jsonrpc": "2.0", "id": 1}),
        json!({"jsonrpc": "2.0", "id": 1, "method": 5}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "health", "extra": true}),
    ];
    for request in requests {
        let refused = refusal(&client.post(request.to_string().as_bytes()));
        assert_eq!(refused, (400, "JSON RPC Request format was expected".to_owned()), "{request}");
        // neard reads a body into this type, and refuses whatever is no request among it.
        let read = serde_json::from_value::<Message>(request);
        assert!(matches!(read, Ok(message) if !matches!(message, Message::Request(_))));
    }
}

#[test]
fn notifications_and_batches_are_refused() {
    let rig = Rig::new();
    let mut client = rig.client();
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "health"});
    for request in [json!({"jsonrpc": "2.0", "method": "health"}), json!([call])] {
        let refused = refusal(&client.post(request.to_string().as_bytes()));
        assert_eq!(refused, (400, "JSON RPC Request format was expected".to_owned()));
    }
}

#[test]
fn another_content_type_is_refused() {
    let rig = Rig::new();
    let mut client = rig.client();
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "health"}).to_string();
    assert_eq!(client.send("POST /", &[], call.as_bytes()).status, 415);
    assert_eq!(client.send("POST /", &["content-type: text/plain"], call.as_bytes()).status, 415);
    let header = ["content-type: application/json; charset=utf-8"];
    assert_eq!(client.send("POST /", &header, call.as_bytes()).status, 200);
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let rig = Rig::with(RpcConfig { max_body_bytes: 1000, ..RpcConfig::neard() });
    let body = " ".repeat(1001);
    assert_eq!(rig.client().post(body.as_bytes()).status, 413);
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "health"}).to_string();
    let fits = format!("{call}{}", " ".repeat(1000 - call.len()));
    assert_eq!(rig.client().post(fits.as_bytes()).status, 200);
}

#[test]
fn a_connection_answers_many_requests() {
    let rig = Rig::new();
    let mut client = rig.client();
    for _ in 0..100 {
        assert!(client.result("health", &json!([])).is_null());
    }
}
