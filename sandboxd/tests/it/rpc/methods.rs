//! The methods that only look: by name, by position, and what they answer when they cannot.

use expect_test::expect;
use near_chain_configs::{GenesisConfig, ProtocolConfigView};
use near_jsonrpc_primitives::types::chunks::RpcChunkResponse;
use near_jsonrpc_primitives::types::query::{QueryResponseKind, RpcQueryResponse};
use near_primitives::views::{
    BlockView, EpochValidatorInfo, GasPriceView, ReceiptView, StatusResponse,
};
use sandboxd::genesis;
use sandboxd::rpc::RpcConfig;
use serde_json::{Value, json};

use super::client::Client;
use super::{Rig, encoded, shape};

fn unknown_hash() -> String {
    near_primitives::hash::hash(b"nothing").to_string()
}

fn names(status: u16, cause: &str) -> (u16, String, String) {
    (status, "HANDLER_ERROR".to_owned(), cause.to_owned())
}

fn parse_error(client: &mut Client, method: &str, params: &Value) {
    let failure = client.error(method, params);
    let expected = (400, "REQUEST_VALIDATION_ERROR".to_owned(), "PARSE_ERROR".to_owned());
    assert_eq!(failure.names(), expected, "{method} {params}");
}

#[test]
fn status_has_the_shape_of_neard() {
    let rig = Rig::new();
    let mut client = rig.client();
    let status: StatusResponse = client.view("status", &json!([]));
    assert_eq!(status.chain_id, rig.node.view().chain_id());
    assert_eq!(status.sync_info.latest_block_hash, rig.head());
    assert_eq!(status.genesis_hash, rig.head());
    assert!(!status.sync_info.syncing);
    let status = client.result("status", &json!({}));
    expect![[r#"{"chain_id":"string","genesis_hash":"string","latest_protocol_version":"number","node_key":"string","node_public_key":"string","protocol_version":"number","rpc_addr":"string","sync_info":{"earliest_block_hash":"string","earliest_block_height":"number","earliest_block_time":"string","epoch_id":"string","epoch_start_height":"number","latest_block_hash":"string","latest_block_height":"number","latest_block_time":"string","latest_state_root":"string","syncing":"bool"},"uptime_sec":"number","validator_account_id":"string","validator_public_key":"string","validators":[{"account_id":"string"}],"version":{"build":"string","commit":"string","rustc_version":"string","version":"string"}}"#]]
        .assert_eq(&shape(&status).to_string());
}

#[test]
fn a_block_is_found_by_every_reference() {
    let rig = Rig::new();
    let mut client = rig.client();
    let hash = rig.head().to_string();
    for params in [
        json!({"finality": "final"}),
        json!({"finality": "near-final"}),
        json!({"finality": "optimistic"}),
        json!({"block_id": 0}),
        json!({"block_id": hash}),
        json!({"sync_checkpoint": "genesis"}),
        json!({"sync_checkpoint": "earliest_available"}),
        json!([0]),
        json!([hash]),
    ] {
        let block: BlockView = client.view("block", &params);
        assert_eq!(block.header.hash, rig.head(), "{params}");
        assert_eq!(block.chunks.len(), 1);
    }
}

#[test]
fn a_missing_block_is_unknown() {
    let rig = Rig::new();
    let mut client = rig.client();
    let failure = client.error("block", &json!({"block_id": 1000}));
    assert_eq!(failure.names(), names(200, "UNKNOWN_BLOCK"));
    assert_eq!(
        failure.json(),
        json!({
            "name": "HANDLER_ERROR",
            "cause": {"name": "UNKNOWN_BLOCK", "info": {}},
            "code": -32000,
            "message": "Server error",
            "data": "DB Not Found Error: BLOCK HEIGHT: 1000 \n Cause: Unknown",
        })
    );
    let by_hash = client.error("block", &json!([unknown_hash()]));
    assert_eq!(by_hash.names(), names(200, "UNKNOWN_BLOCK"));
}

#[test]
fn a_block_that_can_never_come_has_another_status() {
    let rig = Rig::new();
    let mut client = rig.client();
    client.result("sandbox_fast_forward", &json!({"delta_height": 100}));
    let skipped = json!({"block_id": 50});
    assert_eq!(client.error("block", &skipped).names(), names(422, "UNKNOWN_BLOCK"));
    assert_eq!(client.error("gas_price", &json!([50])).names(), names(422, "UNKNOWN_BLOCK"));
    let in_chunk = json!({"block_id": 50, "shard_id": 0});
    assert_eq!(client.error("chunk", &in_chunk).names(), names(422, "UNKNOWN_BLOCK"));
}

#[test]
fn block_references_that_are_none_are_refused() {
    let rig = Rig::new();
    let mut client = rig.client();
    for params in [
        json!(null),
        json!([]),
        json!({}),
        json!([0, 0]),
        json!({"block_id": -1}),
        json!({"block_id": 1.5}),
        json!({"block_id": 0, "finality": "final"}),
        json!({"block_id": "not base58: 0OIl"}),
        json!({"finality": "sure"}),
        json!([{"block_id": 0}]),
    ] {
        parse_error(&mut client, "block", &params);
    }
    let failure = client.error("block", &json!({"finality": "sure"}));
    let text = failure.json()["data"].as_str().unwrap_or_default().to_owned();
    assert!(text.starts_with("Failed parsing args: "), "{text}");
}

#[test]
fn a_chunk_is_found_by_hash_and_by_block() {
    let rig = Rig::new();
    let mut client = rig.client();
    client.result("send_tx", &json!([encoded(&rig.transfer(1))]));
    let block: BlockView = client.view("block", &json!([1]));
    let chunk = block.chunks.first().expect("one chunk").chunk_hash.to_string();
    let block = block.header.hash.to_string();
    for params in [
        json!({"chunk_id": chunk}),
        json!({"block_id": 1, "shard_id": 0}),
        json!({"block_id": block, "shard_id": 0}),
        json!([chunk]),
        json!([[1, 0]]),
        json!([[block, 0]]),
    ] {
        let found: RpcChunkResponse = client.view("chunk", &params);
        assert_eq!(found.chunk_view.header.chunk_hash.to_string(), chunk, "{params}");
        assert_eq!(found.chunk_view.transactions.len(), 1);
    }
}

#[test]
fn a_missing_chunk_is_told_by_what_is_missing() {
    let rig = Rig::new();
    let mut client = rig.client();
    let chunk = json!({"chunk_id": unknown_hash()});
    assert_eq!(client.error("chunk", &chunk).names(), names(200, "UNKNOWN_CHUNK"));
    let shard = json!({"block_id": 0, "shard_id": 7});
    assert_eq!(client.error("chunk", &shard).names(), names(200, "INVALID_SHARD_ID"));
    let block = json!([[9, 0]]);
    assert_eq!(client.error("chunk", &block).names(), names(200, "UNKNOWN_BLOCK"));
    parse_error(&mut client, "chunk", &json!({"block_id": 0}));
    parse_error(&mut client, "chunk", &json!([0]));
}

#[test]
fn the_gas_price_is_that_of_a_block() {
    let rig = Rig::new();
    let mut client = rig.client();
    let hash = rig.head().to_string();
    for params in [
        json!([null]),
        json!([0]),
        json!([hash]),
        json!({"block_id": null}),
        json!({"block_id": 0}),
        json!({"block_id": hash}),
    ] {
        let price: GasPriceView = client.view("gas_price", &params);
        assert_eq!(price.gas_price, rig.node.view().gas_price(), "{params}");
    }
    assert!(client.result("gas_price", &json!([null]))["gas_price"].is_string());
    assert_eq!(client.error("gas_price", &json!([8])).names(), names(200, "UNKNOWN_BLOCK"));
    parse_error(&mut client, "gas_price", &json!([{}]));
}

#[test]
fn validators_are_told_for_running_and_finished_epochs() {
    let rig = Rig::new();
    let mut client = rig.client();
    let length = rig.node.view().genesis_config().epoch_length;
    client.result("sandbox_fast_forward", &json!({"delta_height": length * 3}));
    for params in [json!([null]), json!("latest"), json!({"latest": null})] {
        let info: EpochValidatorInfo = client.view("validators", &params);
        assert_eq!(info.current_validators.len(), 1, "{params}");
        assert_eq!(info.epoch_height, rig.node.view().head().epoch().height);
    }
    let chain = rig.node.view();
    let first = chain
        .block_by_id(&near_primitives::types::BlockId::Height(chain.head().epoch().start_height))
        .expect("the epoch has a first block");
    let last = first.header().prev_hash().to_string();
    let info: EpochValidatorInfo = client.view("validators", &json!({"block_id": last}));
    assert_eq!(info.current_validators.len(), 1);
    let block: BlockView = client.view("block", &json!([last]));
    let epoch = json!({"epoch_id": block.header.epoch_id.to_string()});
    assert_eq!(client.view::<EpochValidatorInfo>("validators", &epoch), info);
    let running = json!({"epoch_id": chain.head().epoch().id.0.to_string()});
    let latest: EpochValidatorInfo = client.view("validators", &json!("latest"));
    assert_eq!(client.view::<EpochValidatorInfo>("validators", &running), latest);
    let running = json!([first.hash().to_string()]);
    let expected = names(200, "VALIDATOR_INFO_UNAVAILABLE");
    assert_eq!(client.error("validators", &running).names(), expected);
    let unknown = json!({"epoch_id": unknown_hash()});
    assert_eq!(client.error("validators", &unknown).names(), names(200, "UNKNOWN_EPOCH"));
    parse_error(&mut client, "validators", &json!([]));
}

#[test]
fn the_protocol_version_is_that_of_the_genesis_everywhere() {
    for version in 84..=88 {
        let mut genesis = genesis::localnet(1);
        genesis.config.protocol_version = version;
        let rig = Rig::of(&genesis, RpcConfig::neard());
        let mut client = rig.client();
        client.result("send_tx", &json!([encoded(&rig.transfer(1))]));
        let status = client.result("status", &json!([]));
        assert_eq!(status["protocol_version"], version);
        assert_eq!(status["latest_protocol_version"], 88, "what the program could do");
        let config = client.result("genesis_config", &json!([]));
        assert_eq!(config["protocol_version"], version);
        let finality = json!({"finality": "final"});
        let config = client.result("EXPERIMENTAL_protocol_config", &finality);
        assert_eq!(config["protocol_version"], version);
        let reward = if version < 87 { json!([3, 10]) } else { json!([0, 1]) };
        let fees = &config["runtime_config"]["transaction_costs"];
        assert_eq!(fees["burnt_gas_reward"], reward, "{version}");
        let block: BlockView = client.view("block", &finality);
        assert_eq!(block.header.latest_protocol_version, version);
    }
}

#[test]
fn the_configurations_have_neards_types() {
    let rig = Rig::new();
    let mut client = rig.client();
    for method in ["genesis_config", "EXPERIMENTAL_genesis_config"] {
        let config: GenesisConfig = client.view(method, &json!([]));
        assert_eq!(config.chain_id, rig.node.view().chain_id());
    }
    let params = json!({"finality": "final"});
    let config: ProtocolConfigView = client.view("EXPERIMENTAL_protocol_config", &params);
    assert_eq!(config.protocol_version, rig.node.view().protocol_version());
    let missing = json!({"block_id": 77});
    let failure = client.error("EXPERIMENTAL_protocol_config", &missing);
    assert_eq!(failure.names(), names(200, "UNKNOWN_BLOCK"));
    assert_eq!(failure.json()["data"], "Block Not Found: BLOCK HEIGHT: 77");
}

#[test]
fn a_receipt_is_found_by_its_id() {
    let rig = Rig::new();
    let mut client = rig.client();
    let sent = client.result("send_tx", &json!([encoded(&rig.transfer(1))]));
    let id = &sent["transaction_outcome"]["outcome"]["receipt_ids"][0];
    for params in [json!({"receipt_id": id}), json!([id])] {
        let receipt: ReceiptView = client.view("EXPERIMENTAL_receipt", &params);
        assert_eq!(receipt.receiver_id, rig.receiver());
    }
    let missing = json!({"receipt_id": unknown_hash()});
    let failure = client.error("EXPERIMENTAL_receipt", &missing);
    assert_eq!(failure.names(), names(200, "UNKNOWN_RECEIPT"));
    parse_error(&mut client, "EXPERIMENTAL_receipt", &json!(["short"]));
}

#[test]
fn an_account_is_viewed() {
    let rig = Rig::new();
    let mut client = rig.client();
    let id = rig.receiver();
    for params in [
        json!({"request_type": "view_account", "finality": "final", "account_id": id}),
        json!([format!("account/{id}"), ""]),
    ] {
        let answer: RpcQueryResponse = client.view("query", &params);
        let QueryResponseKind::ViewAccount(account) = answer.kind else {
            panic!("not an account: {answer:?}")
        };
        assert_eq!(account.amount, rig.account(2).balance);
        assert_eq!((answer.block_height, answer.block_hash), (0, rig.head()));
    }
}

#[test]
fn keys_are_viewed_and_listed() {
    let rig = Rig::new();
    let mut client = rig.client();
    let (id, key) = (rig.receiver(), rig.account(2).secret_key.public_key());
    let by_name = json!({"request_type": "view_access_key", "finality": "final",
        "account_id": id, "public_key": key});
    for params in [by_name, json!([format!("access_key/{id}/{key}"), ""])] {
        let result = client.result("query", &params);
        assert_eq!((&result["nonce"], &result["permission"]), (&json!(0), &json!("FullAccess")));
    }
    let list = json!({"request_type": "view_access_key_list", "finality": "final",
        "account_id": id});
    for params in [list, json!([format!("access_key/{id}"), ""])] {
        let answer: RpcQueryResponse = client.view("query", &params);
        let QueryResponseKind::AccessKeyList(list) = answer.kind else {
            panic!("not a list: {answer:?}")
        };
        assert_eq!(list.keys.len(), 1);
        assert_eq!(list.last_key, None);
    }
}

#[test]
fn a_missing_key_is_a_result_with_an_error() {
    let rig = Rig::new();
    let (id, key) = (rig.receiver(), rig.account(1).secret_key.public_key());
    let params = json!({"request_type": "view_access_key", "finality": "final",
        "account_id": id, "public_key": key});
    let result = rig.client().result("query", &params);
    let expected = json!({
        "error": format!("access key {key} does not exist while viewing"),
        "logs": [],
        "block_height": 0,
        "block_hash": rig.head(),
    });
    assert_eq!(result, expected);
}

#[test]
fn a_missing_account_is_unknown() {
    let rig = Rig::new();
    let mut client = rig.client();
    for request in ["view_account", "view_code"] {
        let params =
            json!({"request_type": request, "finality": "final", "account_id": "nobody.near"});
        let failure = client.error("query", &params);
        assert_eq!(failure.names(), names(200, "UNKNOWN_ACCOUNT"), "{request}");
        let json = failure.json();
        assert_eq!(json["data"], "account nobody.near does not exist while viewing");
        assert_eq!(json["cause"]["info"]["requested_account_id"], "nobody.near");
        assert_eq!(json["cause"]["info"]["block_height"], 0);
    }
}

#[test]
fn an_account_without_code_has_none_to_view() {
    let rig = Rig::new();
    let mut client = rig.client();
    let id = rig.receiver();
    let params = json!({"request_type": "view_code", "finality": "final", "account_id": id});
    assert_eq!(client.error("query", &params).names(), names(200, "NO_CONTRACT_CODE"));
}

#[test]
fn a_query_at_a_missing_block_says_so_in_the_old_words() {
    let rig = Rig::new();
    let mut client = rig.client();
    let id = rig.receiver();
    let params = json!({"request_type": "view_account", "block_id": 31, "account_id": id});
    let failure = client.error("query", &params);
    assert_eq!(failure.names(), names(200, "UNKNOWN_BLOCK"));
    let json = failure.json();
    assert_eq!(json["data"], "DB Not Found Error: BLOCK HEIGHT: 31 \n Cause: Unknown");
    assert_eq!(json["cause"]["info"], json!({"block_reference": {"block_id": 31}}));
}

#[test]
fn queries_that_are_none_are_refused() {
    let rig = Rig::new();
    let mut client = rig.client();
    for params in [
        json!({"finality": "final", "account_id": "test.near"}),
        json!({"request_type": "view_everything", "finality": "final", "account_id": "test.near"}),
        json!({"request_type": "view_account", "account_id": "test.near"}),
        json!({"request_type": "view_account", "finality": "final", "account_id": "NOT VALID"}),
        json!({"request_type": "view_access_key", "finality": "final",
            "account_id": "test.near", "public_key": "ed25519:short"}),
        json!({"request_type": "call_function", "finality": "final",
            "account_id": "test.near", "method_name": "a", "args_base64": "%"}),
        json!(["account"]),
        json!(["account", ""]),
        json!(["planet/test.near", ""]),
        json!(["call/test.near", ""]),
        json!(["call/test.near/method", "0OIl"]),
        json!(["call/test.near/method", "1".repeat(20_000)]),
        json!(["access_key/test.near/none", ""]),
    ] {
        parse_error(&mut client, "query", &params);
    }
}
