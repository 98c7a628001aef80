//! near-api: its examples, and what else its users ask for.

use std::sync::Arc;

use near_api::types::tokens::FTBalance;
use near_api::types::transaction::actions::{AccessKeyPermission, FunctionCallPermission};
use near_api::types::{Data, Reference, TxExecutionStatus};
use near_api::{
    Account, AccountId, Chain, Contract, CryptoHash, NearToken, NetworkConfig, Signer, Staking,
    StorageDeposit, Tokens, Transaction,
};
use near_sandbox::config::{DEFAULT_GENESIS_ACCOUNT, DEFAULT_GENESIS_ACCOUNT_PRIVATE_KEY};
use near_sandbox::{GenesisAccount, Sandbox, SandboxConfig};
use rust_clients::{fixture, id};
use serde_json::{Value, json};

const TOKEN: &str = "token.near";

/// A node whose genesis funds two accounts with one key.
struct Rig {
    network: NetworkConfig,
    alice: AccountId,
    token: AccountId,
    signer: Arc<Signer>,
    _node: Sandbox,
}

impl Rig {
    async fn start() -> Self {
        let config = SandboxConfig {
            additional_accounts: vec![GenesisAccount::default_with_name(id(TOKEN))],
            ..SandboxConfig::default()
        };
        let node = Sandbox::start_sandbox_with_config(config).await.expect("a node");
        let url = node.rpc_addr.parse().expect("a URL");
        let key = DEFAULT_GENESIS_ACCOUNT_PRIVATE_KEY.parse().expect("a key");
        Self {
            network: NetworkConfig::from_rpc_url("sandbox", url),
            alice: id(DEFAULT_GENESIS_ACCOUNT.as_str()),
            token: id(TOKEN),
            signer: Signer::from_secret_key(key).expect("a signer"),
            _node: node,
        }
    }

    /// Deploys and initializes the token, which owns all there is of it.
    async fn with_token() -> Self {
        let rig = Self::start().await;
        let new = json!({"owner_id": rig.token, "total_supply": "1000"});
        let deploy = Contract::deploy(rig.token.clone()).use_code(fixture("token"));
        let deploy = deploy.with_init_call("new", new).expect("arguments");
        let sent = deploy.with_signer(rig.signer.clone()).send_to(&rig.network).await;
        sent.expect("an answer").assert_success();
        rig
    }

    async fn with_status() -> Self {
        let rig = Self::start().await;
        let deploy = Contract::deploy(rig.alice.clone()).use_code(fixture("status"));
        let deploy = deploy.without_init_call().with_signer(rig.signer.clone());
        deploy.send_to(&rig.network).await.expect("an answer").assert_success();
        rig
    }

    async fn balance(&self, account: &AccountId) -> NearToken {
        let balance = Tokens::account(account.clone()).near_balance().fetch_from(&self.network);
        balance.await.expect("a balance").total
    }

    async fn tokens(&self, account: &AccountId) -> u128 {
        let balance = Tokens::account(account.clone()).ft_balance(self.token.clone());
        balance.fetch_from(&self.network).await.expect("a balance").amount()
    }
}

#[tokio::test]
async fn accounts_are_created_funded_keyed_and_deleted() {
    let rig = Rig::start().await;
    let bob: AccountId = id(&format!("bob.{}", rig.alice));
    let key = near_api::signer::generate_secret_key().expect("a key");
    let create = Account::create_account(bob.clone())
        .fund_myself(rig.alice.clone(), NearToken::from_near(1))
        .with_public_key(key.public_key())
        .with_signer(rig.signer.clone());
    create.send_to(&rig.network).await.expect("an answer").assert_success();
    let transfer = Tokens::account(rig.alice.clone()).send_to(bob.clone());
    let transfer = transfer.near(NearToken::from_near(1)).with_signer(rig.signer.clone());
    transfer.send_to(&rig.network).await.expect("an answer").assert_success();
    assert_eq!(rig.balance(&bob).await, NearToken::from_near(2));

    let account = Account(bob.clone());
    let signer = Signer::from_secret_key(key).expect("a signer");
    let second = near_api::signer::generate_secret_key().expect("a key").public_key();
    let permission = AccessKeyPermission::FunctionCall(FunctionCallPermission {
        allowance: Some(NearToken::from_millinear(250)),
        receiver_id: rig.alice.to_string(),
        method_names: vec!["increment".to_owned()],
    });
    let add = account.add_key(permission, second).with_signer(signer.clone());
    add.send_to(&rig.network).await.expect("an answer").assert_success();
    let keys = account.list_keys().fetch_from(&rig.network).await.expect("keys");
    assert_eq!(keys.data.len(), 2);
    let found = account.access_key(second).fetch_from(&rig.network).await.expect("a key");
    assert!(format!("{:?}", found.data).contains("increment"));
    let delete = account.delete_key(second).with_signer(signer.clone());
    delete.send_to(&rig.network).await.expect("an answer").assert_success();
    let gone = account.access_key(second).fetch_from(&rig.network).await;
    assert!(format!("{:?}", gone.expect_err("no key")).contains("does not exist while viewing"));

    let delete = account.delete_account_with_beneficiary(rig.alice.clone()).with_signer(signer);
    delete.send_to(&rig.network).await.expect("an answer").assert_success();
    let gone = account.view().fetch_from(&rig.network).await.expect_err("no account");
    assert!(format!("{gone:?}").contains("UnknownAccount"), "{gone:?}");
}

#[tokio::test]
async fn a_contract_is_deployed_called_and_viewed() {
    let rig = Rig::with_status().await;
    let contract = Contract(rig.alice.clone());
    let call = |method: &str, arguments: Value| {
        let call = contract.call_function(method, arguments).transaction();
        call.with_signer(rig.alice.clone(), rig.signer.clone()).send_to(&rig.network)
    };
    let outcome = call("increment", json!({})).await.expect("an answer").assert_success();
    assert_eq!(outcome.json::<u64>().expect("a number"), 1);
    assert!(outcome.logs()[0].starts_with("EVENT_JSON:"));
    let count: Data<u64> = contract
        .call_function("get_count", ())
        .read_only()
        .fetch_from(&rig.network)
        .await
        .expect("a view");
    assert_eq!(count.data, 1);
    let failure = call("fail", json!({"message": "on purpose"})).await.expect("an answer");
    let failure = format!("{:?}", failure.assert_failure());
    assert!(failure.contains("Smart contract panicked: on purpose"), "{failure}");
    let missing = contract.call_function("no_such_method", ()).read_only::<u64>();
    let missing = missing.fetch_from(&rig.network).await.expect_err("no method");
    assert!(format!("{missing:?}").contains("MethodNotFound"), "{missing:?}");

    let state = contract.view_storage().fetch_from(&rig.network).await.expect("state");
    assert_eq!(state.data.values.len(), 1);
    let code = contract.wasm().fetch_from(&rig.network).await.expect("code");
    assert_eq!(code.data.hash.to_string(), CryptoHash::hash(&fixture("status")).to_string());
}

#[tokio::test]
async fn a_contract_is_deployed_for_all() {
    let rig = Rig::start().await;
    let code = fixture("status");
    let by_hash = Contract::deploy_global_contract_code(code.clone()).as_hash();
    let sent = by_hash.with_signer(rig.alice.clone(), rig.signer.clone()).send_to(&rig.network);
    sent.await.expect("an answer").assert_success();
    let by_account = Contract::deploy_global_contract_code(code.clone());
    let by_account = by_account.as_account_id(rig.alice.clone()).with_signer(rig.signer.clone());
    by_account.send_to(&rig.network).await.expect("an answer").assert_success();
    for deploy in [
        Contract::deploy(rig.token.clone()).use_global_hash(CryptoHash::hash(&code)),
        Contract::deploy(rig.token.clone()).use_global_account_id(rig.alice.clone()),
    ] {
        let deploy = deploy.without_init_call().with_signer(rig.signer.clone());
        deploy.send_to(&rig.network).await.expect("an answer").assert_success();
        let count = Contract(rig.token.clone()).call_function("get_count", ()).read_only::<u64>();
        assert_eq!(count.fetch_from(&rig.network).await.expect("a view").data, 0);
    }
    let global = Contract::global_wasm().by_account_id(rig.alice.clone());
    let global = global.fetch_from(&rig.network).await.expect("code");
    assert_eq!(global.data.hash.to_string(), CryptoHash::hash(&code).to_string());
}

#[tokio::test]
async fn tokens_are_sent() {
    let rig = Rig::with_token().await;
    assert_eq!(rig.tokens(&rig.token).await, 1000);
    let amount = FTBalance::with_decimals(24).with_amount(30);
    let send = Tokens::account(rig.token.clone()).send_to(rig.alice.clone());
    let send = send.ft(rig.token.clone(), amount).with_signer(rig.signer.clone());
    send.send_to(&rig.network).await.expect("an answer").assert_success();
    assert_eq!((rig.tokens(&rig.alice).await, rig.tokens(&rig.token).await), (30, 970));
    let metadata = Tokens::ft_metadata(rig.token.clone()).fetch_from(&rig.network).await;
    assert_eq!(metadata.expect("metadata").data.symbol, "FIX");
}

#[tokio::test]
async fn storage_is_paid_for_and_given_back() {
    let rig = Rig::with_token().await;
    let storage = StorageDeposit::on_contract(rig.token.clone());
    let registered = || async {
        let view = storage.view_account_storage(rig.alice.clone()).fetch_from(&rig.network);
        view.await.expect("a view").data
    };
    assert!(registered().await.is_none());
    let deposit = storage.deposit(rig.alice.clone(), NearToken::from_millinear(100));
    let deposit = deposit.with_signer(rig.alice.clone(), rig.signer.clone());
    deposit.send_to(&rig.network).await.expect("an answer").assert_success();
    assert!(registered().await.expect("a deposit").total > NearToken::ZERO);
    let leave = storage.unregister().with_signer(rig.alice.clone(), rig.signer.clone());
    leave.send_to(&rig.network).await.expect("an answer").assert_success();
    assert!(registered().await.is_none());
}

#[tokio::test]
async fn transactions_and_their_receipts_are_looked_up() {
    let rig = Rig::start().await;
    let transfer = Tokens::account(rig.alice.clone()).send_to(rig.token.clone());
    let transfer = transfer.near(NearToken::from_near(1)).with_signer(rig.signer.clone());
    let transfer = transfer.wait_until(TxExecutionStatus::Final).send_to(&rig.network);
    let sent = transfer.await.expect("an answer").into_full().expect("an outcome");
    let hash = sent.outcome().transaction_hash;
    for wait_until in [TxExecutionStatus::ExecutedOptimistic, TxExecutionStatus::Final] {
        let status = Transaction::status_with_options(rig.alice.clone(), hash, wait_until);
        let status = status.fetch_from(&rig.network).await.expect("a status");
        assert!(status.is_success());
        assert_eq!(status.total_gas_burnt, sent.total_gas_burnt);
    }
    let receipt_id = sent.outcome().receipt_ids[0];
    let receipt = Transaction::receipt(receipt_id).fetch_from(&rig.network).await;
    assert_eq!(receipt.expect("a receipt").receiver_id, rig.token);
    // Headers carry the outcomes of the block before.
    for _ in 0..2 {
        let transfer = Tokens::account(rig.alice.clone()).send_to(rig.token.clone());
        let transfer = transfer.near(NearToken::from_near(1)).with_signer(rig.signer.clone());
        transfer.send_to(&rig.network).await.expect("an answer").assert_success();
    }
    let head = Chain::block_hash().at(Reference::Final).fetch_from(&rig.network).await;
    let proof = Transaction::proof(rig.alice.clone(), hash, head.expect("a head"));
    let proof = proof.fetch_from(&rig.network).await.expect("a proof");
    assert_eq!(proof.outcome_proof.id.to_string(), hash.to_string());
}

#[tokio::test]
async fn blocks_and_validators_are_looked_up() {
    let rig = Rig::start().await;
    let hash = Chain::block_hash().at(Reference::Final).fetch_from(&rig.network).await;
    let at_hash = Reference::AtBlockHash(hash.expect("a hash"));
    let block = Chain::block().at(at_hash).fetch_from(&rig.network).await.expect("the block");
    let at_height = Reference::AtBlock(block.header.height);
    let same = Chain::block().at(at_height).fetch_from(&rig.network).await.expect("the block");
    assert_eq!(same.header.hash, block.header.hash);
    for reference in [Reference::Optimistic, Reference::NearFinal] {
        let height = Chain::block_number().at(reference).fetch_from(&rig.network).await;
        assert!(height.expect("a height") >= block.header.height);
    }
    let validators = Staking::epoch_validators_info().fetch_from(&rig.network).await;
    assert_eq!(validators.expect("validators").current_validators.len(), 1);
}
