//! What only a sandbox does, over the wire, and the contract state that a patch makes visible.

use near_primitives::views::StatusResponse;
use serde_json::{Value, json};

use super::{Rig, encoded};

/// The empty code hash in a record.
const NO_CODE: &str = "11111111111111111111111111111111";

fn account(id: &str, amount: &str, code_hash: &str) -> Value {
    // The two members at the end are those that clients leave in when they copy a view.
    json!({"Account": {"account_id": id, "account": {"amount": amount, "locked": "0",
        "code_hash": code_hash, "storage_usage": 182, "version": "V1",
        "storage_paid_at": 0, "block_height": 5}}})
}

#[test]
fn a_patch_is_visible_when_the_call_returns() {
    let rig = Rig::new();
    let mut client = rig.client();
    let records = json!({"records": [account("patched.near", "123", NO_CODE)]});
    // near-sandbox sends each patch twice.
    for _ in 0..2 {
        assert_eq!(client.result("sandbox_patch_state", &records), json!({}));
        let query = json!({"request_type": "view_account", "finality": "final",
            "account_id": "patched.near"});
        assert_eq!(client.result("query", &query)["amount"], "123");
    }
}

#[test]
fn patched_data_is_viewed() {
    let rig = Rig::new();
    let mut client = rig.client();
    let records = json!({"records": [
        account("patched.near", "123", NO_CODE),
        {"Data": {"account_id": "patched.near", "data_key": "YQ==", "value": "Yg=="}},
    ]});
    client.result("sandbox_patch_state", &records);
    for params in [
        json!({"request_type": "view_state", "finality": "final", "account_id": "patched.near",
            "prefix_base64": ""}),
        json!(["contract/patched.near", ""]),
    ] {
        let result = client.result("query", &params);
        assert_eq!(result["values"], json!([{"key": "YQ==", "value": "Yg=="}]), "{params}");
    }
}

#[test]
fn patches_that_are_none_change_nothing() {
    let rig = Rig::new();
    let mut client = rig.client();
    let head = rig.head();
    for params in [json!([]), json!({}), json!({"records": [{"Planet": {}}]})] {
        assert_eq!(client.error("sandbox_patch_state", &params).status, 400, "{params}");
    }
    assert_eq!(rig.head(), head);
}

#[test]
fn fast_forward_is_done_when_the_call_returns() {
    let rig = Rig::new();
    let mut client = rig.client();
    let result = client.result("sandbox_fast_forward", &json!({"delta_height": 1000}));
    assert_eq!(result, json!({}));
    let status: StatusResponse = client.view("status", &json!([]));
    assert!(status.sync_info.latest_block_height >= 1000);
    client.result("sandbox_fast_forward", &json!([1000]));
    let status: StatusResponse = client.view("status", &json!([]));
    assert!(status.sync_info.latest_block_height >= 2000);
}

#[test]
fn fast_forward_wants_a_number() {
    let rig = Rig::new();
    let mut client = rig.client();
    for params in [json!([]), json!({"delta_height": -1}), json!({"delta_height": "1"})] {
        assert_eq!(client.error("sandbox_fast_forward", &params).status, 400, "{params}");
    }
    let failure = client.error("sandbox_fast_forward", &json!({"delta_height": u64::MAX}));
    assert_eq!(failure.names().0, 500);
    let text = failure.json()["cause"]["info"]["error_message"].as_str().map(str::to_owned);
    let expected = "sandbox failed to fast forward due to: ";
    assert!(text.is_some_and(|text| text.starts_with(expected)));
}

#[test]
fn in_manual_mode_a_client_waits_for_a_block_or_gets_the_hash_at_once() {
    let rig = Rig::impatient();
    let mut client = rig.client();
    client.result("sandbox_set_block_mode", &json!({"mode": "manual"}));
    let (first, second) = (rig.transfer(1), rig.transfer(2));
    let hash = client.result("broadcast_tx_async", &json!([encoded(&first)]));
    assert_eq!(hash, json!(first.get_hash()));
    let none = json!({"signed_tx_base64": encoded(&second), "wait_until": "NONE"});
    assert_eq!(client.result("send_tx", &none)["final_execution_status"], "NONE");
    let wait = json!({"signed_tx_base64": encoded(&second)});
    assert_eq!(client.error("send_tx", &wait).names().2, "TIMEOUT_ERROR");
    let mined = client.result("sandbox_mine", &json!({"blocks": 2}));
    assert_eq!(mined["block_height"], 2);
    assert_eq!(mined["block_hash"], json!(rig.head()));
    let sent = client.result("send_tx", &wait);
    assert_eq!(sent["final_execution_status"], "EXECUTED");
}

#[test]
fn a_time_is_a_number_or_a_string_and_nothing_else() {
    let rig = Rig::new();
    let mut client = rig.client();
    let later = super::GENESIS_NS + 1_000;
    for time in [json!(later), json!(later.to_string())] {
        let result = client.result("sandbox_set_time", &json!({ "time": time }));
        assert_eq!(result, json!({"time": later.to_string()}));
    }
    for time in [json!(-1), json!(1.5), json!("1e3"), json!(""), json!("18446744073709551616")] {
        let refused = client.error("sandbox_set_time", &json!({ "time": time }));
        assert_eq!(refused.status, 400, "{time}");
    }
    client.result("sandbox_mine", &json!({}));
    assert_eq!(rig.node.view().head().header().raw_timestamp(), later);
}

#[test]
fn held_receipts_are_told_and_released() {
    let rig = Rig::new();
    let mut client = rig.client();
    let receiver = rig.receiver();
    let hold = client.result("sandbox_hold_receipts", &json!({"receiver_id": receiver}));
    let sent = json!({"signed_tx_base64": encoded(&rig.transfer(1)), "wait_until": "INCLUDED"});
    let sent = client.result("send_tx", &sent);
    let id = &sent["transaction_outcome"]["outcome"]["receipt_ids"][0];
    let told = client.result("sandbox_held_receipts", &json!({}));
    assert_eq!(told["holds"], json!([{"hold_id": hold["hold_id"], "receiver_id": receiver}]));
    assert_eq!(told["receipts"][0]["hold_id"], hold["hold_id"]);
    let receipt = client.result("EXPERIMENTAL_receipt", &json!({"receipt_id": id}));
    assert_eq!(told["receipts"][0]["receipt"], receipt);
    for params in [json!({}), json!({"hold_id": 1, "receipt_ids": []})] {
        assert_eq!(client.error("sandbox_release_receipts", &params).status, 400, "{params}");
    }
    let mistyped = json!({"reciever_id": receiver});
    assert_eq!(client.error("sandbox_hold_receipts", &mistyped).status, 400);
    let released = client.result("sandbox_release_receipts", &json!({"receipt_ids": [id]}));
    assert_eq!(released, json!({"released": [id]}));
    let hash = &sent["transaction"]["hash"];
    let status = json!({"tx_hash": hash, "sender_account_id": rig.account(1).account_id,
        "wait_until": "FINAL"});
    assert_eq!(client.result("tx", &status)["final_execution_status"], "FINAL");
}
