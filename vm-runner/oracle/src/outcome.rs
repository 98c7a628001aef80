//! [`Outcome`]: what came of a call, in words that both implementations share.

use std::collections::BTreeMap;

use near_vm_runner::logic::mocks::mock_external::MockAction;
use near_vm_runner::logic::types::ReturnData;

/// What came of a call. What a failed call would have changed is left out: it never happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// nearcore's debug form of the failure, if there was one.
    pub failure: Option<String>,
    /// What users read of it.
    pub message: Option<String>,
    /// Gas spent.
    pub burnt: u64,
    /// Gas spent or attached.
    pub used: u64,
    /// Compute units.
    pub compute: u64,
    /// The logs.
    pub logs: Vec<String>,
    /// What was returned.
    pub returned: ReturnData,
    /// Gas by cost, without zeros; wasm instructions are `WASM`.
    pub profile: BTreeMap<String, u64>,
    /// What a call that succeeded changed.
    pub effects: Option<Effects>,
}

/// What a call changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effects {
    /// The account's balance in yoctoNEAR.
    pub balance: u128,
    /// Tokens that promises got without the account having them.
    pub subsidized: u128,
    /// Bytes of storage in use.
    pub storage_usage: u64,
    /// All keys and values.
    pub storage: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Receipts and their actions, as nearcore's mock records them.
    pub receipts: Vec<MockAction>,
}
