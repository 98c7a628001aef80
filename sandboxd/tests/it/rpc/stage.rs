//! A chain on which every method has something to answer and something to refuse, and what the
//! golden requests and responses call the things on it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use near_crypto::{KeyType, SecretKey};
use near_primitives::account::{AccessKey, Account, AccountContract};
use near_primitives::action::{
    Action, AddKeyAction, DeployContractAction, DeployGlobalContractAction, FunctionCallAction,
    GlobalContractDeployMode, TransferAction,
};
use near_primitives::hash::{CryptoHash, hash};
use near_primitives::serialize::to_base64;
use near_primitives::state_record::StateRecord;
use near_primitives::transaction::SignedTransaction;
use near_primitives::types::{AccountId, Balance, Gas};
use near_primitives::views::TxExecutionStatus;
use sandboxd::Sandbox;
use sandboxd::chain::{Clock, Node, NodeOptions};
use sandboxd::chain_file;
use sandboxd::genesis::{self, dev_accounts};
use sandboxd::rpc::{RpcConfig, RpcServer};
use serde_json::{Value, json};

use super::client::Client;
use super::{GENESIS_NS, Rig, encoded};
use crate::support::sign;
use crate::tokens;

/// A contract that writes, returns, panics and waits.
const CONTRACT: &str = r#"(module
    (import "env" "storage_write" (func $write (param i64 i64 i64 i64 i64) (result i64)))
    (import "env" "value_return" (func $return (param i64 i64)))
    (import "env" "panic" (func $panic))
    (import "env" "promise_yield_create"
        (func $yield (param i64 i64 i64 i64 i64 i64 i64) (result i64)))
    (memory 1)
    (data (i32.const 0) "hello")
    (func (export "write")
        (drop (call $write (i64.const 1) (i64.const 0) (i64.const 5) (i64.const 0) (i64.const 0))))
    (func (export "hello") (call $return (i64.const 5) (i64.const 0)))
    (func (export "fail") (call $panic))
    (func (export "wait")
        (drop (call $yield (i64.const 5) (i64.const 0) (i64.const 0) (i64.const 0)
            (i64.const 1000000000000) (i64.const 1) (i64.const 0)))))"#;

/// So few blocks are kept that genesis is forgotten.
const KEPT_BLOCKS: usize = 300;

pub(super) struct Stage {
    rig: Rig,
    /// Serves the same chain, and does not wait.
    hasty: RpcServer,
    /// Serves a chain that has a transaction of which it has forgotten the state before.
    forgetful: (RpcServer, Node),
    fixed: BTreeMap<&'static str, Value>,
}

impl Stage {
    pub(super) fn new() -> Self {
        let sandbox = Sandbox::builder(genesis::localnet(GENESIS_NS))
            .signer(genesis::dev_signer())
            .clock(Clock::manual(GENESIS_NS))
            .kept_blocks(KEPT_BLOCKS)
            .build()
            .expect("a valid genesis");
        let node = sandbox.start(NodeOptions::default()).expect("a thread");
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let serve = |config| RpcServer::start(anywhere, node.clone(), config).expect("a free port");
        let server = serve(RpcConfig::neard());
        let wait_timeout = Duration::from_millis(1);
        let hasty = serve(RpcConfig { wait_timeout, ..RpcConfig::neard() });
        let short = Sandbox::localnet_builder(Clock::manual(GENESIS_NS)).kept_blocks(2).build();
        let short =
            short.expect("a valid genesis").start(NodeOptions::default()).expect("a thread");
        let forgetful = RpcServer::start(anywhere, short.clone(), RpcConfig::neard());
        let forgetful = (forgetful.expect("a free port"), short);
        let rig = Rig { server, node, accounts: dev_accounts() };
        let mut stage = Self { rig, hasty, forgetful, fixed: BTreeMap::new() };
        stage.set();
        stage
    }

    pub(super) fn client(&self) -> Client {
        self.rig.client()
    }

    pub(super) fn hasty_client(&self) -> Client {
        Client::connect(self.hasty.address())
    }

    /// Comes back when what was sent before is in a block.
    pub(super) fn settle(&self) {
        self.rig
            .node
            .patch(Vec::<StateRecord>::new())
            .wait()
            .expect("an answer")
            .expect("nothing is written");
    }

    /// What the names stand for now.
    pub(super) fn facts(&self) -> BTreeMap<&'static str, Value> {
        let mut facts = self.fixed.clone();
        let chain = self.rig.node.view();
        let head = chain.head();
        facts.insert("head", json!(head.hash()));
        facts.insert("head_height", json!(head.height()));
        facts.insert("parent", json!(head.header().prev_hash()));
        facts.insert("chunk", json!(head.chunk_hash().0));
        facts.insert("epoch", json!(head.epoch().id));
        let last = head.outcomes().last().map(|outcome| json!(outcome.id));
        facts.insert("last_outcome", last.unwrap_or_default());
        facts.insert("fresh", json!(encoded(&self.transfer())));
        facts.insert("waiting", json!(encoded(&self.call("wait"))));
        facts
    }

    fn set(&mut self) {
        let genesis = self.rig.head();
        self.rig.node.mine(350, None).wait().expect("an answer").expect("blocks are made");
        let code = wat::parse_str(CONTRACT).expect("the contract is valid");
        let own = self.own();
        let gas_key = SecretKey::from_seed(KeyType::ED25519, "gas").public_key();
        let skipped = self.rig.node.view().head().height() + 5;
        self.rig.node.fast_forward(9).wait().expect("an answer").expect("heights are skipped");
        let deploy = DeployContractAction { code: code.clone() };
        self.run(vec![Action::DeployContract(deploy)]);
        self.run(vec![Action::AddKey(Box::new(AddKeyAction {
            public_key: gas_key.clone(),
            access_key: AccessKey::gas_key_full_access(2),
        }))]);
        for deploy_mode in [GlobalContractDeployMode::CodeHash, GlobalContractDeployMode::AccountId]
        {
            let code = code.clone().into();
            let deploy = DeployGlobalContractAction { code, deploy_mode };
            self.run(vec![Action::DeployGlobalContract(deploy)]);
        }
        let waiting = self.land(self.call("wait"), TxExecutionStatus::Included);
        let wrote = self.land(self.call("write"), TxExecutionStatus::Final);
        let wrote_in = *self.rig.node.view().execution(&wrote).expect("it ran").block.hash();
        self.rig.node.patch(records()).wait().expect("an answer").expect("records are written");
        let transfer = self.transfer();
        let mut forged = self.call("hello");
        forged.signature = self.rig.signer(2).sign(b"something else");
        let transaction = self.land(transfer.clone(), TxExecutionStatus::Final);
        let chain = self.rig.node.view();
        let execution = chain.execution(&transaction).expect("it ran");
        let receipt = execution.outcomes[0].outcome.outcome.receipt_ids[0];
        self.fixed = BTreeMap::from([
            ("genesis", json!(genesis)),
            ("dumped", json!(self.dumped())),
            ("forgetful_rpc", json!(format!("http://{}", self.forgetful.0.address()))),
            ("forgetful_transaction", json!(self.forgetful_transaction())),
            ("rpc", json!(format!("http://{}", self.rig.server.address()))),
            ("skipped", json!(skipped)),
            ("account", json!(own)),
            ("receiver", json!(self.rig.receiver())),
            ("validator", json!(chain.signer().validator_id())),
            ("key", json!(self.rig.account(1).secret_key.public_key())),
            ("gas_key", json!(gas_key)),
            ("no_key", json!(SecretKey::from_seed(KeyType::ED25519, "no").public_key())),
            ("code_hash", json!(hash(&code))),
            ("transaction", json!(transaction)),
            ("transaction_block", json!(execution.block.hash())),
            ("waiting_transaction", json!(waiting)),
            ("wrote", json!(wrote)),
            ("wrote_in", json!(wrote_in)),
            ("receipt", json!(receipt)),
            ("known", json!(encoded(&transfer))),
            ("forged", json!(encoded(&forged))),
            ("forged_hash", json!(forged.get_hash())),
            ("unknown", json!(hash(b"nothing"))),
        ]);
    }

    fn own(&self) -> AccountId {
        self.rig.account(1).account_id.clone()
    }

    fn transfer(&self) -> SignedTransaction {
        let deposit = Balance::from_near(1);
        let actions = vec![Action::Transfer(TransferAction { deposit })];
        self.rig.signed_to(self.rig.receiver(), self.rig.next_nonce(), actions)
    }

    fn call(&self, method: &str) -> SignedTransaction {
        let actions = vec![Action::FunctionCall(Box::new(FunctionCallAction {
            method_name: method.to_owned(),
            args: Vec::new(),
            gas: Gas::from_teragas(100),
            deposit: Balance::ZERO,
        }))];
        self.rig.signed_to(self.own(), self.rig.next_nonce(), actions)
    }

    fn dumped(&self) -> String {
        let mut file = Vec::new();
        let chains = self.rig.node.chains().wait().expect("the node answers");
        chain_file::write(&chains, &mut file).expect("a vector takes it");
        to_base64(&file)
    }

    fn forgetful_transaction(&self) -> CryptoHash {
        let node = &self.forgetful.1;
        let actions = vec![Action::Transfer(TransferAction { deposit: Balance::from_near(1) })];
        let transaction = sign(&node.view(), self.own().as_str(), self.own().as_str(), 1, actions);
        let hash = transaction.get_hash();
        let landed = node.submit(transaction, TxExecutionStatus::Final).wait();
        landed.expect("the node answers").expect("the transaction is valid");
        // The states after its block and after the next one, with the refund, are those that are kept.
        assert_eq!(node.view().head().height(), 2);
        hash
    }

    fn run(&self, actions: Vec<Action>) -> CryptoHash {
        let transaction = self.rig.signed_to(self.own(), self.rig.next_nonce(), actions);
        self.land(transaction, TxExecutionStatus::Final)
    }

    fn land(&self, transaction: SignedTransaction, until: TxExecutionStatus) -> CryptoHash {
        let hash = transaction.get_hash();
        let landed = self.rig.node.submit(transaction, until).wait();
        landed.expect("the node answers").expect("the transaction is valid");
        hash
    }
}

/// An account with more state than is shown at once, one with more keys, one that is not
/// initialized, and tokens.
fn records() -> Vec<StateRecord> {
    let account = |name: &str, storage_usage| StateRecord::Account {
        account_id: name.parse().expect("a valid name"),
        account: Account::new(
            Balance::from_near(1000),
            Balance::ZERO,
            AccountContract::None,
            storage_usage,
        ),
    };
    let keys = (0..101).map(|place| StateRecord::AccessKey {
        account_id: "keys.near".parse().expect("a valid name"),
        public_key: SecretKey::from_seed(KeyType::ED25519, &format!("key {place}"))
            .public_key()
            .into(),
        access_key: AccessKey::full_access(),
    });
    let empty = StateRecord::Account {
        account_id: "empty.near".parse().expect("a valid name"),
        account: Account::new_uninitialized(Balance::from_near(1), 100, 0),
    };
    let accounts = [account("large.near", 60_000), account("keys.near", 182), empty];
    accounts.into_iter().chain(keys).chain(tokens::records()).collect()
}
