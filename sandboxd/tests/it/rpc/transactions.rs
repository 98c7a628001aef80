//! Sending transactions and asking for them: every level of `wait_until`, and every refusal.

use expect_test::expect;
use near_jsonrpc_primitives::types::transactions::RpcTransactionResponse;
use near_primitives::views::{
    FinalExecutionOutcomeViewEnum, FinalExecutionStatus, TxExecutionStatus,
};
use serde_json::{Value, json};

use super::{Rig, encoded, shape};

const LEVELS: [&str; 5] =
    ["INCLUDED", "EXECUTED_OPTIMISTIC", "INCLUDED_FINAL", "EXECUTED", "FINAL"];

/// The rank of a level.
fn rank(level: &Value) -> u8 {
    let level: TxExecutionStatus = serde_json::from_value(level.clone()).expect("a level");
    match level {
        TxExecutionStatus::None => 0,
        TxExecutionStatus::Included => 1,
        TxExecutionStatus::ExecutedOptimistic => 2,
        TxExecutionStatus::IncludedFinal => 3,
        TxExecutionStatus::Executed => 4,
        TxExecutionStatus::Final => 5,
    }
}

fn outcome(response: RpcTransactionResponse) -> FinalExecutionOutcomeViewEnum {
    response.final_execution_outcome.expect("an executed transaction has an outcome")
}

#[test]
fn every_level_is_waited_for() {
    let rig = Rig::new();
    let mut client = rig.client();
    for (nonce, level) in (1..).zip(LEVELS) {
        let signed_tx_base64 = encoded(&rig.transfer(nonce));
        let params = json!({"signed_tx_base64": signed_tx_base64, "wait_until": level});
        let result = client.result("send_tx", &params);
        let reached = rank(&result["final_execution_status"]);
        // A final block makes the optimistic levels as good as the final ones.
        let wanted = match level {
            "INCLUDED" => rank(&json!("INCLUDED_FINAL")),
            "EXECUTED_OPTIMISTIC" => rank(&json!("EXECUTED")),
            other => rank(&json!(other)),
        };
        assert!(reached >= wanted, "{level}: {result}");
    }
}

#[test]
fn a_transfer_arrives() {
    let rig = Rig::new();
    let mut client = rig.client();
    let transaction = rig.transfer(1);
    let params = json!({"signed_tx_base64": encoded(&transaction), "wait_until": "FINAL"});
    let sent: RpcTransactionResponse = client.view("send_tx", &params);
    assert_eq!(sent.final_execution_status, TxExecutionStatus::Final);
    let outcome = outcome(sent).into_outcome();
    assert_eq!(outcome.transaction.hash, transaction.get_hash());
    assert_eq!(outcome.status, FinalExecutionStatus::SuccessValue(Vec::new()));
    assert!(!outcome.receipts_outcome.is_empty());
    let query = json!({"request_type": "view_account", "finality": "final",
        "account_id": rig.receiver()});
    let amount = client.result("query", &query)["amount"].as_str().map(str::to_owned);
    let one = near_primitives::types::Balance::from_near(1);
    let expected = rig.account(2).balance.checked_add(one).expect("fits");
    assert_eq!(amount, Some(expected.as_yoctonear().to_string()));
}

#[test]
fn an_outcome_has_the_shape_of_neard() {
    let rig = Rig::new();
    let params = json!({"signed_tx_base64": encoded(&rig.transfer(1)), "wait_until": "FINAL"});
    let result = rig.client().result("send_tx", &params);
    expect![[r#"{"final_execution_status":"string","receipts_outcome":[{"block_hash":"string","id":"string","outcome":{"executor_id":"string","gas_burnt":"number","logs":[],"metadata":{"contracts":[null],"gas_profile":[],"version":"number"},"receipt_ids":["string"],"status":{"SuccessValue":"string"},"tokens_burnt":"string"},"proof":[]}],"status":{"SuccessValue":"string"},"transaction":{"actions":[{"Transfer":{"deposit":"string"}}],"hash":"string","nonce":"number","priority_fee":"number","public_key":"string","receiver_id":"string","signature":"string","signer_id":"string"},"transaction_outcome":{"block_hash":"string","id":"string","outcome":{"executor_id":"string","gas_burnt":"number","logs":[],"metadata":{"gas_profile":null,"version":"number"},"receipt_ids":["string"],"status":{"SuccessReceiptId":"string"},"tokens_burnt":"string"},"proof":[]}}"#]].assert_eq(&shape(&result).to_string());
}

#[test]
fn none_answers_at_once_and_checks_nothing() {
    let rig = Rig::new();
    let mut client = rig.client();
    let valid = rig.transfer(1);
    // A nonce of 0 is never valid.
    for transaction in [rig.transfer(0), valid.clone()] {
        let params = json!({"signed_tx_base64": encoded(&transaction), "wait_until": "NONE"});
        let result = client.result("send_tx", &params);
        assert_eq!(result, json!({"final_execution_status": "NONE"}));
    }
    let (hash, sender) = (valid.get_hash().to_string(), &rig.account(1).account_id);
    let sent: RpcTransactionResponse = client.view("tx", &json!([hash, sender]));
    assert_eq!(outcome(sent).into_outcome().transaction.hash, valid.get_hash());
}

#[test]
fn the_older_methods_send_too() {
    let rig = Rig::new();
    let mut client = rig.client();
    for (nonce, by_name) in [(1, false), (2, true)] {
        let transaction = rig.transfer(nonce);
        let base64 = encoded(&transaction);
        let params = if by_name { json!({"signed_tx_base64": base64}) } else { json!([base64]) };
        let hash = client.result("broadcast_tx_async", &params);
        assert_eq!(hash, transaction.get_hash().to_string());
        let committed: RpcTransactionResponse = client.view("broadcast_tx_commit", &params);
        let committed = outcome(committed).into_outcome();
        assert_eq!(committed.transaction.hash, transaction.get_hash());
        assert_eq!(committed.status, FinalExecutionStatus::SuccessValue(Vec::new()));
    }
}

#[test]
fn a_transaction_is_found_by_hash_and_by_itself() {
    let rig = Rig::new();
    let mut client = rig.client();
    let transaction = rig.transfer(1);
    let base64 = encoded(&transaction);
    client.result("send_tx", &json!({"signed_tx_base64": base64, "wait_until": "FINAL"}));
    let hash = transaction.get_hash().to_string();
    let sender = &rig.account(1).account_id;
    for params in [
        json!([hash, sender]),
        json!([base64]),
        json!({"tx_hash": hash, "sender_account_id": sender}),
        json!({"tx_hash": hash, "sender_account_id": sender, "wait_until": "NONE"}),
        json!({"tx_hash": hash, "sender_account_id": sender, "wait_until": "FINAL"}),
        json!({"signed_tx_base64": base64, "wait_until": "FINAL"}),
    ] {
        let found: RpcTransactionResponse = client.view("tx", &params);
        assert_eq!(found.final_execution_status, TxExecutionStatus::Final, "{params}");
        assert!(client.result("tx", &params).get("receipts").is_none());
        for method in ["tx_status", "EXPERIMENTAL_tx_status"] {
            let found: RpcTransactionResponse = client.view(method, &params);
            let FinalExecutionOutcomeViewEnum::FinalExecutionOutcomeWithReceipt(found) =
                outcome(found)
            else {
                panic!("without receipts: {method} {params}")
            };
            let receipt = found.receipts.first().expect("a transfer has a receipt");
            assert_eq!(receipt.receiver_id, rig.receiver());
            let hash = found.final_outcome.transaction.hash;
            assert_eq!(hash, transaction.get_hash());
        }
    }
}

#[test]
fn sending_again_is_no_error_and_does_nothing() {
    let rig = Rig::new();
    let mut client = rig.client();
    let params = json!({"signed_tx_base64": encoded(&rig.transfer(1)), "wait_until": "FINAL"});
    let first = client.result("send_tx", &params);
    let head = rig.head();
    assert_eq!(client.result("send_tx", &params), first);
    assert_eq!(rig.head(), head);
}

#[test]
fn an_invalid_transaction_says_why_in_data() {
    let rig = Rig::new();
    let mut client = rig.client();
    client.result("send_tx", &json!([encoded(&rig.transfer(5))]));
    for method in ["send_tx", "broadcast_tx_commit"] {
        let failure = client.error(method, &json!([encoded(&rig.transfer(4))]));
        assert_eq!(failure.status, 200);
        assert_eq!(
            failure.json(),
            json!({
                "name": "HANDLER_ERROR",
                "cause": {"name": "INVALID_TRANSACTION", "info": {}},
                "code": -32000,
                "message": "Server error",
                "data": {"TxExecutionError": {"InvalidTxError": {
                    "InvalidNonce": {"tx_nonce": 4, "ak_nonce": 5},
                }}},
            })
        );
    }
}

#[test]
fn asking_for_an_invalid_transaction_says_so() {
    let rig = Rig::new();
    let mut client = rig.client();
    let failure = client.error("tx", &json!([encoded(&rig.transfer(0))]));
    assert_eq!(failure.names().2, "INVALID_TRANSACTION");
}

#[test]
fn an_unknown_transaction_is_waited_for() {
    let rig = Rig::impatient();
    let mut client = rig.client();
    let hash = rig.transfer(1).get_hash().to_string();
    let sender = &rig.account(1).account_id;
    let failure = client.error("tx", &json!([hash, sender]));
    assert_eq!(failure.status, 408);
    assert_eq!(
        failure.json(),
        json!({
            "name": "HANDLER_ERROR",
            "cause": {"name": "TIMEOUT_ERROR", "info": {"cause": "NOT_OBSERVED"}},
            "code": -32000,
            "message": "Server error",
            "data": "Timeout",
        })
    );
    let at_once = json!({"tx_hash": hash, "sender_account_id": sender, "wait_until": "NONE"});
    let failure = client.error("tx", &at_once);
    assert_eq!(failure.names().2, "UNKNOWN_TRANSACTION");
    let json = failure.json();
    assert_eq!(json["cause"]["info"]["requested_transaction_hash"], hash);
    assert_eq!(json["data"], format!("Transaction {hash} doesn't exist"));
}

#[test]
fn a_transaction_that_comes_later_ends_the_wait() {
    let rig = Rig::new();
    let transaction = rig.transfer(1);
    let (hash, sender) = (transaction.get_hash().to_string(), rig.account(1).account_id.clone());
    let mut waiting = rig.client();
    let waiting = std::thread::spawn(move || waiting.result("tx", &json!([hash, sender])));
    rig.client().result("send_tx", &json!([encoded(&transaction)]));
    let found = waiting.join().expect("the wait ends well");
    assert_eq!(found["transaction"]["hash"], transaction.get_hash().to_string());
}

#[test]
fn what_is_no_transaction_is_refused() {
    let rig = Rig::new();
    let mut client = rig.client();
    let whole = encoded(&rig.transfer(1));
    let truncated = near_primitives::serialize::to_base64(&[1, 2, 3]);
    for method in ["send_tx", "broadcast_tx_async", "broadcast_tx_commit", "tx"] {
        for text in ["%", &truncated, ""] {
            let failure = client.error(method, &json!([text]));
            let (status, _, cause) = failure.names();
            assert_eq!((status, cause.as_str()), (400, "PARSE_ERROR"), "{method} {text}");
            let said = failure.json()["data"].as_str().map(str::to_owned);
            let expected = "Failed to decode transaction: ";
            assert!(said.is_some_and(|said| said.starts_with(expected)), "{method}");
            let by_name = client.error(method, &json!({"signed_tx_base64": text}));
            assert_eq!(by_name.status, 400);
        }
    }
    for params in [json!([]), json!(null), json!({}), json!([whole, "FINAL"]), json!([1])] {
        assert_eq!(client.error("send_tx", &params).status, 400, "{params}");
    }
    let level = json!({"signed_tx_base64": whole, "wait_until": "SOON"});
    assert_eq!(client.error("send_tx", &level).status, 400);
}

#[test]
fn trailing_bytes_are_refused() {
    let rig = Rig::new();
    let mut bytes = borsh::to_vec(&rig.transfer(1)).expect("writing to a vector cannot fail");
    bytes.push(0);
    let longer = near_primitives::serialize::to_base64(&bytes);
    let failure = rig.client().error("send_tx", &json!([longer]));
    assert_eq!(failure.json()["data"], "Failed to decode transaction: Not all bytes read");
}

#[test]
fn a_hundred_clients_are_answered() {
    let rig = Rig::new();
    let clients = (0..100).map(|place| {
        let mut client = rig.client();
        let params =
            json!({"signed_tx_base64": encoded(&rig.transfer(1 + place)), "wait_until": "NONE"});
        std::thread::spawn(move || client.result("send_tx", &params))
    });
    for client in clients.collect::<Vec<_>>() {
        client.join().expect("an answer");
    }
}
