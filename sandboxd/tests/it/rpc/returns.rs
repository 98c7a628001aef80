//! Reverts over the wire, while others wait.

use near_primitives::transaction::SignedTransaction;
use serde_json::{Value, json};

use super::stage::Stage;

#[test]
fn whoever_waits_for_a_transaction_that_is_gone_is_told_so() {
    let stage = Stage::new();
    let mut client = stage.client();
    let snapshot = client.result("sandbox_snapshot", &json!({}));
    // It waits for data that nobody sends.
    let sent = stage.facts()["waiting"].clone();
    let tx = decoded(&sent);
    let included = json!({"tx_hash": tx.get_hash(), "sender_account_id": tx.transaction.signer_id(),
        "wait_until": "INCLUDED"});
    let mut other = stage.client();
    let waits = std::thread::spawn(move || {
        other.error("send_tx", &json!({"signed_tx_base64": sent, "wait_until": "FINAL"}))
    });
    client.result("tx", &included);
    client.result("sandbox_revert", &snapshot);
    let told = waits.join().expect("an answer").names();
    assert_eq!(told, (200, "HANDLER_ERROR".to_owned(), "UNKNOWN_TRANSACTION".to_owned()));
}

fn decoded(signed: &Value) -> SignedTransaction {
    let text = signed.as_str().expect("base64");
    let bytes = near_primitives::serialize::from_base64(text).expect("base64");
    borsh::from_slice(&bytes).expect("a transaction")
}
