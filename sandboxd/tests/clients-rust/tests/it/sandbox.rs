//! near-sandbox: nodes are configured, started beside each other, patched and moved in time.

use std::sync::Arc;

use near_api::types::Reference;
use near_api::{Chain, Contract, NearToken, NetworkConfig, Signer, Tokens};
use near_sandbox::config::{DEFAULT_GENESIS_ACCOUNT, DEFAULT_GENESIS_ACCOUNT_PRIVATE_KEY};
use near_sandbox::{FetchData, GenesisAccount, Sandbox, SandboxConfig};
use rust_clients::{fixture, id};
use serde_json::json;

fn network(node: &Sandbox) -> NetworkConfig {
    NetworkConfig::from_rpc_url("sandbox", node.rpc_addr.parse().expect("a URL"))
}

async fn height(node: &Sandbox) -> u64 {
    let height = Chain::block_number().at(Reference::Optimistic);
    height.fetch_from(&network(node)).await.expect("a height")
}

async fn balance(node: &Sandbox, account: &str) -> NearToken {
    let balance = Tokens::account(id(account)).near_balance();
    balance.fetch_from(&network(node)).await.expect("a balance").total
}

async fn count(node: &Sandbox, account: &str) -> u64 {
    let count = Contract(id(account)).call_function("get_count", ()).read_only();
    count.fetch_from(&network(node)).await.expect("a view").data
}

fn signer() -> Arc<Signer> {
    let key = DEFAULT_GENESIS_ACCOUNT_PRIVATE_KEY.parse().expect("a key");
    Signer::from_secret_key(key).expect("a signer")
}

async fn deploy(node: &Sandbox, account: &str) {
    let deploy = Contract::deploy(id(account)).use_code(fixture("status")).without_init_call();
    let sent = deploy.with_signer(signer()).send_to(&network(node)).await;
    sent.expect("an answer").assert_success();
}

async fn increment(node: &Sandbox, account: &str) {
    let call = Contract(id(account)).call_function("increment", ()).transaction();
    let sent = call.with_signer(id(account), signer()).send_to(&network(node)).await;
    sent.expect("an answer").assert_success();
}

#[tokio::test]
async fn a_node_starts_as_it_is_configured() {
    let mut rich = GenesisAccount::default_with_name(id("rich.near"));
    rich.balance = NearToken::from_near(123_456);
    let config = SandboxConfig {
        additional_accounts: vec![rich],
        additional_genesis: Some(json!({"epoch_length": 7, "chain_id": "mine"})),
        additional_config: Some(json!({"rpc": {"limits_config": {"json_payload_max_size": 400}}})),
        ..SandboxConfig::default()
    };
    let node = Sandbox::start_sandbox_with_config(config).await.expect("a node");
    assert_eq!(balance(&node, "rich.near").await, NearToken::from_near(123_456));
    assert_eq!(
        balance(&node, DEFAULT_GENESIS_ACCOUNT.as_str()).await,
        NearToken::from_near(10_000)
    );
    let genesis =
        near_jsonrpc_client::methods::EXPERIMENTAL_genesis_config::RpcGenesisConfigRequest;
    let client = near_jsonrpc_client::JsonRpcClient::connect(&node.rpc_addr);
    let genesis = client.call(genesis).await.expect("the genesis");
    assert_eq!((genesis.epoch_length, genesis.chain_id.as_str()), (7, "mine"));
    let long = "x".repeat(400);
    let request = near_jsonrpc_client::methods::any::<Result<serde_json::Value, serde_json::Value>>(
        &long,
        json!({}),
    );
    let refused = client.call(request).await.expect_err("a body over the limit");
    assert!(format!("{refused:?}").contains("413"), "{refused:?}");
}

#[tokio::test]
async fn nodes_run_beside_each_other() {
    let start = || tokio::spawn(Sandbox::start_sandbox());
    let starts: Vec<_> = (0..6).map(|_| start()).collect();
    let mut nodes = Vec::new();
    for node in starts {
        nodes.push(node.await.expect("no panic").expect("a node"));
    }
    let first = nodes.remove(0);
    first.fast_forward(1_000).await.expect("to move on");
    assert!(height(&first).await >= 1_000);
    for node in &nodes {
        assert!(height(node).await < 1_000, "each has its own chain");
    }
    let home = first.home_dir.path().to_owned();
    drop(first);
    assert!(!home.exists());
}

#[tokio::test]
async fn a_port_is_taken_when_it_is_asked_for() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let config = SandboxConfig { rpc_port: Some(port), ..SandboxConfig::default() };
    let node = Sandbox::start_sandbox_with_config(config).await.expect("a node");
    assert_eq!(node.rpc_addr, format!("http://127.0.0.1:{port}"));
    height(&node).await;
}

/// nearcore#9690: a neard can answer before it has the block.
#[tokio::test]
async fn the_head_is_there_when_fast_forward_answers() {
    let node = Sandbox::start_sandbox().await.expect("a node");
    for delta in [1, 50, 100, 1_000] {
        let before = height(&node).await;
        node.fast_forward(delta).await.expect("to move on");
        assert!(height(&node).await >= before + delta, "{delta}");
    }
}

#[tokio::test]
async fn accounts_are_created_and_patched() {
    const ALICE: &str = "alice.near";
    let node = Sandbox::start_sandbox().await.expect("a node");
    let create = node.create_account(id(ALICE)).initial_balance(NearToken::from_near(77));
    create.send().await.expect("an account");
    assert_eq!(balance(&node, ALICE).await, NearToken::from_near(77));
    deploy(&node, ALICE).await;
    increment(&node, ALICE).await;

    let patch = node.patch_state(id(ALICE));
    let patch = patch.fetch_from(&node.rpc_addr, FetchData::NONE.account()).await.expect("alice");
    patch.initial_balance(NearToken::from_near(5)).send().await.expect("a patch");
    assert_eq!(balance(&node, ALICE).await, NearToken::from_near(5));
    assert_eq!(count(&node, ALICE).await, 1, "a patch leaves alone what it does not name");
}

#[tokio::test]
async fn a_contract_is_imported_from_another_node() {
    const STATUS: &str = "status.near";
    let (there, here) = tokio::join!(Sandbox::start_sandbox(), Sandbox::start_sandbox());
    let (there, here) = (there.expect("a node"), here.expect("a node"));
    there.create_account(id(STATUS)).send().await.expect("an account");
    deploy(&there, STATUS).await;
    increment(&there, STATUS).await;

    let import = here.import_account(&there.rpc_addr, id(STATUS)).with_storage();
    import.initial_balance(NearToken::from_near(9)).send().await.expect("a copy");
    assert_eq!(balance(&here, STATUS).await, NearToken::from_near(9));
    increment(&here, STATUS).await;
    assert_eq!((count(&here, STATUS).await, count(&there, STATUS).await), (2, 1));

    let patch = here.patch_state(id("copy.near")).with_default_access_key();
    let patch = patch.fetch_from_account(&id(STATUS), &there.rpc_addr, FetchData::ALL).await;
    patch.expect("what is there").send().await.expect("a copy under another name");
    assert_eq!(count(&here, "copy.near").await, 1);
}
