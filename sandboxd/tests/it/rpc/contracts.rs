//! Contracts over the wire: deployed and called by transactions, viewed by queries, and the texts
//! of what goes wrong that clients read.

use near_jsonrpc_primitives::types::query::{QueryResponseKind, RpcQueryResponse};
use near_jsonrpc_primitives::types::transactions::RpcTransactionResponse;
use near_primitives::action::{Action, DeployContractAction, FunctionCallAction};
use near_primitives::serialize::to_base64;
use near_primitives::types::{Balance, Gas};
use near_primitives::views::FinalExecutionStatus;
use serde_json::{Value, json};

use super::client::Client;
use super::{Rig, encoded};

/// A rig whose second account has the near-sdk contract of the fixtures.
fn rig() -> (Rig, Client) {
    let rig = Rig::new();
    let mut client = rig.client();
    let code = fixtures::wasm("status").to_vec();
    let deploy = Action::DeployContract(DeployContractAction { code });
    let own = rig.account(1).account_id.clone();
    let transaction = rig.signed_to(own, 1, vec![deploy]);
    let params = json!({"signed_tx_base64": encoded(&transaction), "wait_until": "FINAL"});
    let sent: RpcTransactionResponse = client.view("send_tx", &params);
    let outcome = sent.final_execution_outcome.expect("an outcome").into_outcome();
    assert_eq!(outcome.status, FinalExecutionStatus::SuccessValue(Vec::new()));
    (rig, client)
}

fn call(rig: &Rig, client: &mut Client, nonce: u64, method: &str, args: &Value) -> Value {
    let action = Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method.to_owned(),
        args: args.to_string().into_bytes(),
        gas: Gas::from_teragas(100),
        deposit: Balance::ZERO,
    }));
    let own = rig.account(1).account_id.clone();
    let transaction = rig.signed_to(own, nonce, vec![action]);
    let params = json!({"signed_tx_base64": encoded(&transaction), "wait_until": "FINAL"});
    client.result("send_tx", &params)
}

fn view_params(account: &str, method: &str, args: &[u8]) -> Value {
    json!({"request_type": "call_function", "finality": "final", "account_id": account,
        "method_name": method, "args_base64": to_base64(args)})
}

#[test]
fn a_call_is_read_back_by_a_view() {
    let (rig, mut client) = rig();
    let own = rig.account(1).account_id.to_string();
    let called = call(&rig, &mut client, 2, "set_status", &json!({"message": "hello"}));
    assert_eq!(called["status"], json!({"SuccessValue": to_base64(b"null")}));
    let outcome = &called["receipts_outcome"][0]["outcome"];
    assert_eq!(outcome["logs"], json!([format!("{own} says hello")]));
    let profile = outcome["metadata"]["gas_profile"].as_array().expect("a profile");
    assert!(profile.iter().any(|cost| cost["cost"] == "WASM_INSTRUCTION"), "{profile:?}");

    let args = json!({"account_id": own}).to_string();
    let path = format!("call/{own}/get_status");
    let bs58 = bs58::encode(args.as_bytes()).into_string();
    for params in [view_params(&own, "get_status", args.as_bytes()), json!([path, bs58])] {
        let answer: RpcQueryResponse = client.view("query", &params);
        let QueryResponseKind::CallResult(result) = answer.kind else {
            panic!("not a call: {answer:?}")
        };
        assert_eq!(result.result, b"\"hello\"", "{params}");
        assert_eq!(result.logs, Vec::<String>::new());
    }
    let raw = client.result("query", &view_params(&own, "get_count", b""));
    assert_eq!(raw["result"], json!([48]), "bytes as numbers");
}

#[test]
fn a_view_of_an_older_block_sees_the_older_state() {
    let (rig, mut client) = rig();
    let own = rig.account(1).account_id.to_string();
    let before = rig.node.view().head().height();
    call(&rig, &mut client, 2, "increment", &json!({}));
    let mut params = view_params(&own, "get_count", b"");
    assert_eq!(client.result("query", &params)["result"], json!([49]));
    params["block_id"] = json!(before);
    params.as_object_mut().expect("an object").remove("finality");
    let older = client.result("query", &params);
    assert_eq!((&older["result"], &older["block_height"]), (&json!([48]), &json!(before)));
}

#[test]
fn code_and_state_are_viewed() {
    let (rig, mut client) = rig();
    let own = rig.account(1).account_id.to_string();
    let request = |kind: &str| {
        json!({"request_type": kind, "finality": "final", "account_id": own, "prefix_base64": "",
            "include_proof": true})
    };
    let code: RpcQueryResponse = client.view("query", &request("view_code"));
    let QueryResponseKind::ViewCode(code) = code.kind else { panic!("not code: {code:?}") };
    assert_eq!(code.code, fixtures::wasm("status"));
    assert_eq!(code.hash, near_primitives::hash::hash(&code.code));
    call(&rig, &mut client, 2, "increment", &json!({}));
    let state = client.result("query", &request("view_state"));
    let keys = state["values"].as_array().expect("a list");
    assert!(keys.iter().any(|item| item["key"] == to_base64(b"STATE")), "{state}");
    let proof = state["proof"].as_array().expect("a proof was asked for");
    assert!(!proof.is_empty());
}

#[test]
fn what_a_view_call_fails_with_is_in_the_result() {
    let (rig, mut client) = rig();
    let (own, other) = (rig.account(1).account_id.to_string(), rig.receiver().to_string());
    let no_code = format!(
        "wasm execution failed with error: CompilationError(CodeDoesNotExist {{ account_id: \
         \"{other}\" }})"
    );
    let not_found = "wasm execution failed with error: MethodResolveError(MethodNotFound)";
    let not_in_view = "wasm execution failed with error: HostError(ProhibitedInView { \
                       method_name: \"predecessor_account_id\" })";
    for (account, method, error) in [
        (&other, "get_count", no_code.as_str()),
        (&own, "no_such_method", not_found),
        (&own, "remove_status", not_in_view),
    ] {
        let result = client.result("query", &view_params(account, method, b"{}"));
        assert_eq!(result["error"], error);
        assert_eq!(result["logs"], json!([]));
        assert!(result.get("result").is_none());
    }
    let nobody = client.error("query", &view_params("nobody.near", "get_count", b""));
    assert_eq!(nobody.names().2, "UNKNOWN_ACCOUNT");
}

#[test]
fn a_call_that_fails_is_an_outcome_and_no_error() {
    let (rig, mut client) = rig();
    let called = call(&rig, &mut client, 2, "no_such_method", &json!({}));
    let expected = json!({"ActionError": {"index": 0, "kind": {"FunctionCallError":
        {"MethodResolveError": "MethodNotFound"}}}});
    assert_eq!(called["status"]["Failure"], expected);
    assert_eq!(called["final_execution_status"], "FINAL");
}
