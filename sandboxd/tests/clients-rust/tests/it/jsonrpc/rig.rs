//! A node with a client that remembers which methods and errors it has seen.

use std::collections::BTreeSet;
use std::fmt::Debug;

use near_crypto::{InMemorySigner, KeyType, PublicKey, SecretKey, Signer};
use near_jsonrpc_client::JsonRpcClient;
use near_jsonrpc_client::errors::{JsonRpcError, JsonRpcServerError};
use near_jsonrpc_client::methods::{self, RpcMethod};
use near_jsonrpc_primitives::types::query::QueryResponseKind;
use near_primitives::account::{AccessKey, AccessKeyPermission};
use near_primitives::action::{
    AddKeyAction, DeployContractAction, FunctionCallAction, TransferAction,
};
use near_primitives::hash::CryptoHash;
use near_primitives::transaction::{Action, SignedTransaction};
use near_primitives::types::{AccountId, Balance, BlockReference, Gas};
use near_primitives::views::{
    BlockView, FinalExecutionOutcomeView, FinalExecutionStatus, QueryRequest, TxExecutionStatus,
};
use near_sandbox::config::{DEFAULT_GENESIS_ACCOUNT, DEFAULT_GENESIS_ACCOUNT_PRIVATE_KEY};
use near_sandbox::{Sandbox, SandboxConfig};
use serde_json::{Value, json};

/// A node that makes blocks when there is work, and the account that its genesis funds.
pub struct Rig {
    pub client: JsonRpcClient,
    pub account: AccountId,
    pub key: PublicKey,
    /// Names of the methods that answered as asked.
    pub methods: BTreeSet<String>,
    /// What was refused, as the error's type and its case.
    pub errors: BTreeSet<(String, String)>,
    /// Types of the errors of all methods that were called.
    pub error_types: BTreeSet<String>,
    signer: Signer,
    nonce: u64,
    _node: Sandbox,
}

impl Rig {
    pub async fn start(genesis: Option<Value>) -> Self {
        let config = SandboxConfig {
            additional_config: Some(json!({
                "consensus": {"produce_empty_blocks": false},
                "rpc": {"polling_config": {"polling_timeout": {"secs": 1, "nanos": 0}}},
            })),
            additional_genesis: genesis,
            ..SandboxConfig::default()
        };
        let node = Sandbox::start_sandbox_with_config(config).await.expect("a node");
        let account: AccountId = DEFAULT_GENESIS_ACCOUNT.into();
        let key: SecretKey = DEFAULT_GENESIS_ACCOUNT_PRIVATE_KEY.parse().expect("a key");
        Self {
            client: JsonRpcClient::connect(&node.rpc_addr),
            account: account.clone(),
            key: key.public_key(),
            methods: BTreeSet::new(),
            errors: BTreeSet::new(),
            error_types: BTreeSet::new(),
            signer: InMemorySigner::from_secret_key(account, key),
            nonce: 0,
            _node: node,
        }
    }

    /// The answer to a call that must succeed.
    pub async fn ok<M: RpcMethod>(&mut self, method: M) -> M::Response
    where
        M::Error: Debug,
    {
        self.error_types.insert(last_segment(std::any::type_name::<M::Error>()));
        self.methods.insert(method.method_name().to_owned());
        let answer = self.client.call(&method).await;
        answer.unwrap_or_else(|error| panic!("{}: {error:?}", method.method_name()))
    }

    /// The error, by its type, of a call that must be refused.
    pub async fn refused<M: RpcMethod>(&mut self, method: M) -> M::Error
    where
        M::Error: Debug,
    {
        let error_type = last_segment(std::any::type_name::<M::Error>());
        self.error_types.insert(error_type.clone());
        match self.client.call(&method).await {
            Err(JsonRpcError::ServerError(JsonRpcServerError::HandlerError(error))) => {
                let case = format!("{error:?}");
                let end = case.find(|end: char| !end.is_alphanumeric()).unwrap_or(case.len());
                self.errors.insert((error_type, case[..end].to_owned()));
                error
            }
            Err(other) => panic!("{}: {other:?}", method.method_name()),
            Ok(_) => panic!("{} was not refused: {:?}", method.method_name(), method.params()),
        }
    }

    pub async fn head(&mut self) -> BlockView {
        let block_reference = BlockReference::latest();
        self.ok(methods::block::RpcBlockRequest { block_reference }).await
    }

    /// A transaction of the account to itself, with its next nonce.
    pub async fn signed(&mut self, actions: Vec<Action>) -> SignedTransaction {
        let block_hash = self.head().await.header.hash;
        self.nonce += 1;
        self.signed_on(block_hash, self.nonce, actions)
    }

    pub fn signed_on(
        &self,
        block_hash: CryptoHash,
        nonce: u64,
        actions: Vec<Action>,
    ) -> SignedTransaction {
        let (from, to) = (self.account.clone(), self.account.clone());
        SignedTransaction::from_actions(nonce, from, to, &self.signer, actions, block_hash)
    }

    /// Sends what must succeed, and waits for all of it.
    pub async fn send(&mut self, actions: Vec<Action>) -> FinalExecutionOutcomeView {
        let signed_transaction = self.signed(actions).await;
        let wait_until = TxExecutionStatus::Final;
        let request =
            methods::send_tx::RpcSendTransactionRequest { signed_transaction, wait_until };
        let answer = self.ok(request).await;
        let outcome = answer.final_execution_outcome.expect("an outcome").into_outcome();
        assert!(
            matches!(outcome.status, FinalExecutionStatus::SuccessValue(_)),
            "{:?}",
            outcome.status
        );
        outcome
    }

    pub async fn query(&mut self, request: QueryRequest) -> QueryResponseKind {
        self.ok(latest(request)).await.kind
    }

    pub async fn patch(&mut self, records: Value) {
        let records = serde_json::from_value(records).expect("records");
        self.ok(methods::sandbox_patch_state::RpcSandboxPatchStateRequest { records }).await;
    }
}

pub fn latest(request: QueryRequest) -> methods::query::RpcQueryRequest {
    methods::query::RpcQueryRequest { block_reference: BlockReference::latest(), request }
}

pub fn transfer() -> Action {
    Action::Transfer(TransferAction { deposit: Balance::from_yoctonear(1) })
}

pub fn deploy(code: Vec<u8>) -> Action {
    Action::DeployContract(DeployContractAction { code })
}

pub fn call(method_name: &str) -> Action {
    Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method_name.to_owned(),
        args: Vec::new(),
        gas: Gas::from_teragas(30),
        deposit: Balance::ZERO,
    }))
}

pub fn add_key(public_key: PublicKey, permission: AccessKeyPermission) -> Action {
    let access_key = AccessKey { nonce: 0, permission };
    Action::AddKey(Box::new(AddKeyAction { public_key, access_key }))
}

/// A key that no account has before `seed` is used.
pub fn other_key(seed: &str) -> PublicKey {
    SecretKey::from_seed(KeyType::ED25519, seed).public_key()
}

/// A hash of nothing that the chain knows.
pub fn unknown_hash() -> CryptoHash {
    CryptoHash([7; 32])
}

fn last_segment(path: &str) -> String {
    path.rsplit("::").next().unwrap_or(path).to_owned()
}
