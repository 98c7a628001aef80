//! The RPC over a real socket: every method by name and by position, every error with its HTTP
//! status, and requests that no client would send.

pub(crate) mod client;
mod contracts;
mod docs_examples;
mod dry_run;
mod epochs;
mod hostile;
mod http;
mod limits;
mod methods;
mod methods_changes;
mod methods_golden;
mod methods_light_client;
mod methods_openapi;
mod methods_types;
mod pattern;
mod returns;
mod sandbox;
mod socket;
mod stage;
mod transactions;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use near_chain_configs::Genesis;
use near_crypto::{InMemorySigner, Signer};
use near_primitives::action::{Action, TransferAction};
use near_primitives::hash::CryptoHash;
use near_primitives::transaction::{SignedTransaction, Transaction, TransactionV0};
use near_primitives::types::{AccountId, Balance, BlockHeightDelta, Nonce};
use sandboxd::chain::{Clock, Node, NodeOptions};
use sandboxd::genesis::{DevAccount, dev_accounts};
use sandboxd::rpc::{RpcConfig, RpcServer};
use sandboxd::{Sandbox, genesis, rpc};
use serde_json::{Map, Value};

use client::Client;

/// The time of the genesis block.
const GENESIS_NS: u64 = 1_700_000_000_000_000_000;

/// A chain with its server. The clock stands still, so that the same calls make the same blocks.
struct Rig {
    server: RpcServer,
    node: Node,
    accounts: Vec<DevAccount>,
}

impl Rig {
    fn new() -> Self {
        Self::with(RpcConfig::neard())
    }

    /// A rig that does not wait long.
    fn impatient() -> Self {
        Self::with(RpcConfig { wait_timeout: Duration::from_millis(20), ..RpcConfig::neard() })
    }

    fn with(config: RpcConfig) -> Self {
        Self::of(&genesis::localnet(GENESIS_NS), config)
    }

    /// A rig with another genesis than that of localnet.
    fn of(genesis: &Genesis, config: RpcConfig) -> Self {
        Self::lagging(genesis, config, 0)
    }

    /// A rig whose blocks are final when this many follow them.
    fn lagging(genesis: &Genesis, config: RpcConfig, finality_lag: BlockHeightDelta) -> Self {
        let sandbox = Sandbox::builder(genesis.clone())
            .signer(genesis::dev_signer())
            .clock(Clock::manual(GENESIS_NS))
            .finality_lag(finality_lag)
            .build()
            .expect("a valid genesis");
        let node = sandbox.start(NodeOptions::default()).expect("a thread");
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = RpcServer::start(anywhere, node.clone(), config).expect("a free port");
        Self { server, node, accounts: dev_accounts() }
    }

    fn client(&self) -> Client {
        Client::connect(self.server.address())
    }

    fn account(&self, place: usize) -> &DevAccount {
        self.accounts.get(place).expect("there are ten accounts")
    }

    fn signer(&self, place: usize) -> Signer {
        let account = self.account(place);
        InMemorySigner::from_secret_key(account.account_id.clone(), account.secret_key.clone())
    }

    fn head(&self) -> CryptoHash {
        *self.node.view().head().hash()
    }

    /// The next nonce of the second account.
    fn next_nonce(&self) -> u64 {
        let chain = self.node.view();
        let own = self.account(1);
        let key = own.secret_key.public_key();
        let key = sandbox_runtime::tree::access_key(&mut chain.state(), &own.account_id, &key);
        key.expect("the state is in order").expect("the account has its key").nonce + 1
    }

    /// One NEAR from the second account to the third.
    fn transfer(&self, nonce: Nonce) -> SignedTransaction {
        let deposit = Balance::from_near(1);
        let transfer = Action::Transfer(TransferAction { deposit });
        self.signed_to(self.receiver(), nonce, vec![transfer])
    }

    /// A transaction of the second account.
    fn signed_to(
        &self,
        receiver_id: AccountId,
        nonce: Nonce,
        actions: Vec<Action>,
    ) -> SignedTransaction {
        let signer = self.signer(1);
        let transaction = Transaction::V0(TransactionV0 {
            signer_id: self.account(1).account_id.clone(),
            public_key: signer.public_key(),
            nonce,
            receiver_id,
            block_hash: self.head(),
            actions,
        });
        let (hash, _size) = transaction.get_hash_and_size();
        SignedTransaction::new(signer.sign(hash.as_ref()), transaction)
    }

    fn receiver(&self) -> AccountId {
        self.account(2).account_id.clone()
    }
}

/// A transaction as `signed_tx_base64` has it.
fn encoded(transaction: &SignedTransaction) -> String {
    let bytes = borsh::to_vec(transaction).expect("writing to a vector cannot fail");
    near_primitives::serialize::to_base64(&bytes)
}

/// The members of a JSON value with the types of their values, to compare what must not change.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => Value::from("bool"),
        Value::Number(_) => Value::from("number"),
        Value::String(_) => Value::from("string"),
        Value::Array(items) => items.first().map(shape).into_iter().collect(),
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let shapes = members.into_iter().map(|(name, value)| (name.clone(), shape(value)));
            Value::Object(shapes.collect::<Map<_, _>>())
        }
    }
}

#[test]
fn the_documentation_is_that_of_the_table() {
    let written = std::path::absolute("../docs/rpc.md").expect("a file has a path");
    expect_test::expect_file![written].assert_eq(&rpc::methods::markdown());
}
