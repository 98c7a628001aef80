//! The file of a scenario. What a field means is described in `tests/scenarios/README.md`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    /// The rule that the scenario shows, in a sentence.
    pub(super) rule: String,
    #[serde(default)]
    pub(super) chain: Chain,
    #[serde(default, rename = "let")]
    pub(super) lets: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) contracts: BTreeMap<String, Contract>,
    /// State inits by name: `${account name}` is the id that such a state gives.
    #[serde(default)]
    pub(super) state_inits: BTreeMap<String, StateInit>,
    #[serde(default)]
    pub(super) accounts: BTreeMap<String, AccountBefore>,
    pub(super) blocks: Vec<Block>,
    #[serde(default)]
    pub(super) after: BTreeMap<String, AccountAfter>,
    /// Something still waits in the state at the end.
    #[serde(default)]
    pub(super) unfinished: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chain {
    /// The protocol version.
    pub(super) version: Option<u32>,
    pub(super) height: Option<u64>,
    pub(super) price: Option<String>,
    pub(super) gas_limit: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(super) enum Contract {
    /// Methods, each a list of calls of host functions.
    Script(BTreeMap<String, Vec<Vec<Value>>>),
    /// A module in text form.
    Wat(String),
    /// A contract of the fixtures.
    Fixture(String),
    /// So many zero bytes, which are no contract.
    Bytes(usize),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(super) enum StateInit {
    Deterministic {
        /// A contract of the scenario, by its hash.
        contract: String,
        #[serde(default)]
        data: BTreeMap<String, String>,
    },
    Universal {
        contract: Option<String>,
        #[serde(default)]
        data: BTreeMap<String, String>,
        /// Full-access keys by their seeds.
        #[serde(default)]
        keys: Vec<String>,
        /// So many entries and keys more, to come to a limit.
        #[serde(default)]
        more_entries: u32,
        #[serde(default)]
        more_keys: u32,
    },
    /// The bytes of a universal state init, whether or not they are one.
    Raw(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountBefore {
    pub(super) amount: Option<String>,
    pub(super) locked: Option<String>,
    /// The name of its contract.
    pub(super) contract: Option<String>,
    /// Storage usage, where it is not what the records take.
    pub(super) storage_usage: Option<String>,
    /// Keys by their seeds; full access for the seed that is the account's name unless said here.
    #[serde(default)]
    pub(super) keys: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) data: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Block {
    /// Empty blocks before this one.
    #[serde(default)]
    pub(super) skip: u64,
    /// The block's gas price, if it changes.
    pub(super) price: Option<String>,
    #[serde(default)]
    pub(super) transactions: Vec<Transaction>,
    #[serde(default)]
    pub(super) outcomes: Vec<Outcome>,
    /// How many receipts wait for room after the block.
    #[serde(default)]
    pub(super) delayed: u64,
    /// The validator proposals of the block: account and stake.
    #[serde(default)]
    pub(super) proposals: Vec<(String, String)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transaction {
    pub(super) from: String,
    pub(super) to: String,
    /// The seed of the key, if it is not the account's name.
    pub(super) key: Option<String>,
    /// The nonce, if it is not the next one.
    pub(super) nonce: Option<String>,
    pub(super) nonce_index: Option<u16>,
    #[serde(default)]
    pub(super) strict: bool,
    /// The seed of the key that signs, if it is the wrong one.
    pub(super) signed_by: Option<String>,
    pub(super) actions: Vec<Value>,
    /// The error, if it is refused: on submission and in the block.
    pub(super) refused: Option<Value>,
    /// What a client is told on submission, if that is not what the block does.
    pub(super) told: Option<Value>,
    /// It is refused in the block only, after the transactions before it.
    #[serde(default)]
    pub(super) refused_late: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outcome {
    /// Defines this name as the gas that was burnt, and `name.vm` as what the contract burnt of it.
    pub(super) name: Option<String>,
    pub(super) executor: Option<String>,
    /// This account gets `amount` back from the protocol: gas, or a deposit.
    pub(super) refund: Option<String>,
    pub(super) amount: Option<String>,
    pub(super) status: Option<Value>,
    #[serde(default)]
    pub(super) logs: Vec<String>,
    pub(super) gas_burnt: Option<String>,
    pub(super) tokens_burnt: Option<String>,
    /// Receivers of the receipts that the outcome lists.
    pub(super) receipts: Option<Vec<String>>,
    /// The contracts of the receiver before each action.
    pub(super) contracts: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountAfter {
    pub(super) amount: Option<String>,
    pub(super) locked: Option<String>,
    pub(super) storage_usage: Option<String>,
    /// The `contract` that clients see: a name of the scenario's contracts, or `global_…`.
    pub(super) contract: Option<Value>,
    /// Keys that changed; `null` for those that are gone.
    #[serde(default)]
    pub(super) keys: BTreeMap<String, Option<Value>>,
    /// The nonces of gas keys, by the keys' seeds.
    #[serde(default)]
    pub(super) nonces: BTreeMap<String, Vec<u64>>,
    #[serde(default)]
    pub(super) data: BTreeMap<String, Option<String>>,
    /// The nonce of an account that waits for its state init.
    pub(super) bootstrap_nonce: Option<u64>,
    /// The account is gone.
    #[serde(default)]
    pub(super) deleted: bool,
}
