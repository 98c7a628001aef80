//! What blocks change, with the causes that nearcore names: of a transaction, of the receipt that
//! it makes, of the gas that a contract earns, and of a patch.

use near_chain_configs::Genesis;
use near_primitives::action::{
    Action, DeleteAccountAction, DeployContractAction, FunctionCallAction,
};
use near_primitives::types::{Balance, Gas};
use sandboxd::genesis;
use sandboxd::rpc::RpcConfig;
use serde_json::{Value, json};

use super::client::Client;
use super::{GENESIS_NS, Rig, encoded};

const CONTRACT: &str = r#"(module
    (import "env" "storage_write" (func $write (param i64 i64 i64 i64 i64) (result i64)))
    (import "env" "storage_remove" (func $remove (param i64 i64 i64) (result i64)))
    (import "env" "panic" (func $panic))
    (memory 1)
    (data (i32.const 0) "hello")
    (func $put (param i64)
        (drop (call $write (i64.const 1) (i64.const 0) (local.get 0) (i64.const 0) (i64.const 0))))
    (func (export "write") (call $put (i64.const 2)) (call $put (i64.const 5)))
    (func (export "remove") (drop (call $remove (i64.const 1) (i64.const 0) (i64.const 0))))
    (func (export "fail") (call $put (i64.const 3)) (call $panic)))"#;

/// A chain whose second account has the contract.
fn rig(genesis: &Genesis) -> (Rig, Client) {
    let rig = Rig::of(genesis, RpcConfig::neard());
    let mut client = rig.client();
    let code = wat::parse_str(CONTRACT).expect("the contract is valid");
    send(&rig, &mut client, 1, Action::DeployContract(DeployContractAction { code }));
    (rig, client)
}

fn send(rig: &Rig, client: &mut Client, nonce: u64, action: Action) -> Value {
    let own = rig.account(1).account_id.clone();
    let transaction = encoded(&rig.signed_to(own, nonce, vec![action]));
    let params = json!({"signed_tx_base64": transaction, "wait_until": "FINAL"});
    client.result("send_tx", &params)
}

fn call(rig: &Rig, client: &mut Client, nonce: u64, method: &str) -> Value {
    let action = Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method.to_owned(),
        args: Vec::new(),
        gas: Gas::from_teragas(100),
        deposit: Balance::ZERO,
    }));
    send(rig, client, nonce, action)
}

/// The changes of one kind in a block, without what they belong to.
fn changes(client: &mut Client, block: &Value, mut asked: Value) -> Vec<Value> {
    asked["block_id"] = block.clone();
    let told = client.result("changes", &asked);
    assert_eq!(told["block_hash"], *block);
    told["changes"].as_array().expect("a list").clone()
}

fn causes(changes: &[Value]) -> Vec<Value> {
    changes.iter().map(|change| change["cause"].clone()).collect()
}

fn effects(client: &mut Client, block: &Value) -> Vec<Value> {
    let told = client.result("block_effects", &json!({"block_id": block}));
    let kind = |change: &Value| change["type"].clone();
    told["changes"].as_array().expect("a list").iter().map(kind).collect()
}

/// The causes of what a call of the own contract changes.
struct Causes {
    transaction: Value,
    receipt: Value,
    reward: Value,
    refund: Value,
    refund_block: Value,
    block: Value,
}

impl Causes {
    fn of(called: &Value) -> Self {
        let (receipt, refund) = (&called["receipts_outcome"][0], &called["receipts_outcome"][1]);
        let by = |kind: &str, id: &Value| json!({"type": kind, "receipt_hash": id});
        let id = &called["transaction"]["hash"];
        Self {
            transaction: json!({"type": "transaction_processing", "tx_hash": id}),
            receipt: by("receipt_processing", &receipt["id"]),
            reward: by("action_receipt_gas_reward", &receipt["id"]),
            refund: by("receipt_processing", &refund["id"]),
            refund_block: refund["block_hash"].clone(),
            block: receipt["block_hash"].clone(),
        }
    }
}

#[test]
fn a_call_changes_account_key_and_data_each_by_its_cause() {
    let (rig, mut client) = rig(&genesis::localnet(GENESIS_NS));
    let (own, key) = (rig.account(1).account_id.clone(), rig.account(1).secret_key.public_key());
    let account = json!({"changes_type": "account_changes", "account_ids": [own]});
    let data =
        json!({"changes_type": "data_changes", "account_ids": [own], "key_prefix_base64": ""});
    let called = call(&rig, &mut client, 2, "write");
    let by = Causes::of(&called);
    let told = changes(&mut client, &by.block, account.clone());
    assert_eq!(causes(&told), [by.transaction.clone(), by.receipt.clone()]);
    let view = json!({"request_type": "view_account", "account_id": own, "block_id": by.block});
    let seen = client.result("query", &view);
    for member in ["amount", "locked", "storage_usage", "code_hash"] {
        assert_eq!(told[1]["change"][member], seen[member], "the last change is what is left");
    }
    let told = changes(&mut client, &by.block, data.clone());
    // What one receipt writes twice has changed once.
    let expected = json!([{"cause": by.receipt, "type": "data_update",
        "change": {"account_id": own, "key_base64": "aA==", "value_base64": "aGVsbG8="}}]);
    assert_eq!(json!(told), expected);
    for keys in [
        json!({"changes_type": "all_access_key_changes", "account_ids": [own]}),
        json!({"changes_type": "single_access_key_changes",
            "keys": [{"account_id": own, "public_key": key}]}),
    ] {
        let told = changes(&mut client, &by.block, keys);
        assert_eq!(causes(&told), std::slice::from_ref(&by.transaction));
        assert_eq!(told[0]["change"]["access_key"]["nonce"], 2);
    }
    let kinds = ["account_touched", "access_key_touched", "data_touched"];
    assert_eq!(effects(&mut client, &by.block), kinds);
    assert_eq!(causes(&changes(&mut client, &by.refund_block, account)), [by.refund]);

    let removed = Causes::of(&call(&rig, &mut client, 3, "remove"));
    let told = changes(&mut client, &removed.block, data);
    let expected = json!([{"cause": removed.receipt, "type": "data_deletion",
        "change": {"account_id": own, "key_base64": "aA=="}}]);
    assert_eq!(json!(told), expected);
}

#[test]
fn a_call_that_fails_changes_what_its_transaction_does() {
    let (rig, mut client) = rig(&genesis::localnet(GENESIS_NS));
    let account = json!({"changes_type": "account_changes",
        "account_ids": [rig.account(1).account_id]});
    let failed = Causes::of(&call(&rig, &mut client, 2, "fail"));
    assert_eq!(causes(&changes(&mut client, &failed.block, account)), [failed.transaction]);
    assert_eq!(effects(&mut client, &failed.block), ["account_touched", "access_key_touched"]);
}

#[test]
fn gas_that_a_contract_earns_is_a_change_of_its_own() {
    let mut genesis = genesis::localnet(GENESIS_NS);
    genesis.config.protocol_version = 86;
    let (rig, mut client) = rig(&genesis);
    let account = json!({"changes_type": "account_changes",
        "account_ids": [rig.account(1).account_id]});
    let wrote = Causes::of(&call(&rig, &mut client, 2, "write"));
    let told = changes(&mut client, &wrote.block, account.clone());
    assert_eq!(causes(&told), [wrote.transaction, wrote.receipt, wrote.reward]);
    let failed = Causes::of(&call(&rig, &mut client, 3, "fail"));
    let told = changes(&mut client, &failed.block, account);
    assert_eq!(causes(&told), [failed.transaction, failed.reward]);
}

#[test]
fn a_deployment_and_a_patch_change_the_code() {
    let (rig, mut client) = rig(&genesis::localnet(GENESIS_NS));
    let own = rig.account(1).account_id.clone();
    let code =
        json!({"changes_type": "contract_code_changes", "account_ids": [own, "nobody.near"]});
    let deploy = DeployContractAction { code: wat::parse_str("(module)").expect("a module") };
    let deployed = Causes::of(&send(&rig, &mut client, 2, Action::DeployContract(deploy)));
    let told = changes(&mut client, &deployed.block, code.clone());
    assert_eq!(causes(&told), [deployed.receipt]);
    assert_eq!(told[0]["change"]["code_base64"], "AGFzbQEAAAA=");

    let data = json!({"account_id": own, "data_key": "aw==", "value": "dg=="});
    client.result("sandbox_patch_state", &json!({"records": [{"Data": data}]}));
    let head = json!(rig.head());
    let asked =
        json!({"changes_type": "data_changes", "account_ids": [own], "key_prefix_base64": "aw=="});
    let expected = json!([{"cause": {"type": "migration"}, "type": "data_update",
        "change": {"account_id": own, "key_base64": "aw==", "value_base64": "dg=="}}]);
    assert_eq!(json!(changes(&mut client, &head, asked)), expected);
}

/// nearcore: `TrieUpdate::set` and `remove` do not look at what was there (`core/store/src/trie/update.rs`),
/// and neither do `storage_write`, `storage_remove` and `remove_account`.
#[test]
fn a_write_is_a_change_even_if_it_leaves_what_was_there() {
    let (rig, mut client) = rig(&genesis::localnet(GENESIS_NS));
    let own = rig.account(1).account_id.clone();
    let data =
        json!({"changes_type": "data_changes", "account_ids": [own], "key_prefix_base64": ""});
    let kinds = |client: &mut Client, nonce, method| {
        let by = Causes::of(&call(&rig, client, nonce, method));
        let told = changes(client, &by.block, data.clone());
        assert_eq!(causes(&told), [by.receipt]);
        told[0]["type"].clone()
    };
    assert_eq!(kinds(&mut client, 2, "write"), "data_update");
    assert_eq!(kinds(&mut client, 3, "write"), "data_update", "the same value");
    assert_eq!(kinds(&mut client, 4, "remove"), "data_deletion");
    assert_eq!(kinds(&mut client, 5, "remove"), "data_deletion", "no value");
}

#[test]
fn deleting_an_account_deletes_its_code_even_if_it_has_none() {
    let rig = Rig::new();
    let mut client = rig.client();
    let own = rig.account(1).account_id.clone();
    let delete = DeleteAccountAction { beneficiary_id: rig.receiver() };
    let deleted = Causes::of(&send(&rig, &mut client, 1, Action::DeleteAccount(delete)));
    for (changes_type, kind) in [
        ("account_changes", "account_deletion"),
        ("contract_code_changes", "contract_code_deletion"),
        ("all_access_key_changes", "access_key_deletion"),
    ] {
        let asked = json!({"changes_type": changes_type, "account_ids": [own]});
        let told = changes(&mut client, &deleted.block, asked);
        let last = told.last().expect("a change");
        assert_eq!([&last["type"], &last["cause"]], [&json!(kind), &deleted.receipt]);
    }
}
