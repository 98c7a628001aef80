//! Patching and fast-forwarding over the wire, and the contract state that a patch makes visible.

use near_primitives::views::StatusResponse;
use serde_json::{Value, json};

use super::Rig;

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
