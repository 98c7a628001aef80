//! Dry runs over the wire, beside the real thing.

use near_primitives::action::{Action, DeployContractAction};
use near_primitives::serialize::to_base64;
use near_primitives::types::Nonce;
use near_primitives::views::TxExecutionStatus;
use serde_json::{Value, json};

use super::{Rig, encoded};

const ACTIONS: fn() -> Value = || {
    json!([{ "FunctionCall": {
        "method_name": "increment", "args": "", "gas": 100_000_000_000_000_u64, "deposit": "0",
    }}])
};

/// A rig with a contract on the second account.
fn rig() -> Rig {
    let rig = Rig::new();
    let code = fixtures::wasm("status").to_vec();
    let deploy = vec![Action::DeployContract(DeployContractAction { code })];
    let own = rig.account(1).account_id.clone();
    let deploy = rig.signed_to(own, 1, deploy);
    let landed = rig.node.submit(deploy, TxExecutionStatus::Final).wait();
    landed.expect("an answer").expect("it is deployed");
    rig
}

#[test]
fn the_answer_is_that_of_tx_status_when_it_is_sent_afterwards_and_more() {
    let rig = rig();
    let mut client = rig.client();
    let transaction = rig.transfer(2);
    let params = json!({ "signed_tx_base64": encoded(&transaction) });
    let head = rig.head();
    let dry = client.result("dry_run", &params);
    assert_eq!((dry.clone(), rig.head()), (client.result("sandbox_dry_run", &params), head));
    client.result("broadcast_tx_commit", &params);
    let real = client.result(
        "tx_status",
        &json!({
            "tx_hash": transaction.get_hash(),
            "sender_account_id": rig.account(1).account_id,
            "wait_until": "FINAL",
        }),
    );
    for (name, value) in real.as_object().expect("an object") {
        assert_eq!(&dry[name], value, "{name}");
    }
    let before = client.result(
        "query",
        &json!({
            "request_type": "view_account", "block_id": head, "account_id": rig.receiver(),
        }),
    );
    let after = client.result(
        "query",
        &json!({
            "request_type": "view_account", "finality": "final", "account_id": rig.receiver(),
        }),
    );
    let change = &dry["state_changes"][1]["account"];
    assert_eq!(change["before"]["amount"], before["amount"]);
    assert_eq!(change["after"]["amount"], after["amount"]);
}

#[test]
fn many_run_at_the_same_time_and_none_of_them_counts() {
    let rig = rig();
    let own = &rig.account(1).account_id;
    let params = json!({ "transaction": {
        "signer_id": own, "receiver_id": own, "actions": ACTIONS(),
    }});
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = rig.client();
                for _ in 0..5 {
                    let dry = client.result("dry_run", &params);
                    assert_eq!(dry["status"], json!({ "SuccessValue": to_base64(b"1") }));
                    assert_eq!(dry["least"][0]["exact"], true);
                }
            });
        }
        let mut client = rig.client();
        for nonce in 2..20 {
            let nonce: Nonce = nonce;
            client.result("broadcast_tx_commit", &json!([encoded(&rig.transfer(nonce))]));
        }
    });
    let view = json!({ "account_id": own, "method_name": "get_count", "args_base64": "" });
    let count = rig.client().result("dry_run_view", &view);
    assert_eq!(count["result"], json!(b"0"));
}

#[test]
fn wrong_params_are_named_by_their_path() {
    let rig = rig();
    let mut client = rig.client();
    let transaction = encoded(&rig.transfer(2));
    let mut told = |params: Value| {
        let failure = client.error("dry_run", &params);
        assert_eq!(failure.status, 400, "{params}");
        failure.json()["data"].as_str().expect("a text").to_owned()
    };
    let with =
        |overrides: Value| json!({ "signed_tx_base64": transaction, "overrides": overrides });
    for (params, start) in [
        (json!({}), "give either signed_tx_base64 or transaction"),
        (json!([]), "a list has the transaction and nothing else"),
        (json!(["%"]), "Failed to decode transaction: "),
        (with(json!({ "code": { "bob.test.near": "%" } })), "overrides.code.bob.test.near: "),
        (with(json!({ "balances": { "bob.test.near": "-1" } })), "overrides.balances."),
        (with(json!({ "block": { "timestamp": "soon" } })), "overrides.block.timestamp: "),
        (with(json!({ "records": [{ "Planet": {} }] })), "overrides.records[0]: "),
        (with(json!({ "gas": "1" })), "overrides.gas: unknown field `gas`"),
    ] {
        let text = told(params);
        let text = text.strip_prefix("Failed parsing args: ").unwrap_or(&text);
        assert!(text.starts_with(start), "{text}");
    }
}
