//! [`Context`]: what a contract can learn about the call it serves. Fixed for the length of an
//! execution.

use std::sync::Arc;

use gas_meter::Gas;

/// The circumstances of one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The account whose contract runs.
    pub current_account_id: String,
    /// The account that signed the transaction.
    pub signer_account_id: String,
    /// The key that signed it, in borsh.
    pub signer_public_key: Vec<u8>,
    /// The account that sent the receipt.
    pub predecessor_account_id: String,
    /// The account that gets refunds of balance.
    pub refund_to_account_id: String,
    /// The arguments of the call.
    pub input: Arc<[u8]>,
    /// The results of the promises that the call waited for.
    pub promise_results: Arc<[PromiseResult]>,
    /// The height of the block.
    pub block_height: u64,
    /// The block's time in nanoseconds since 1970.
    pub block_timestamp_ns: u64,
    /// The number of the epoch.
    pub epoch_height: u64,
    /// The account's balance in yoctoNEAR, without the attached deposit.
    pub account_balance: u128,
    /// The account's staked balance in yoctoNEAR.
    pub account_locked_balance: u128,
    /// Bytes of storage that the account uses.
    pub storage_usage: u64,
    /// Where the account's code comes from.
    pub account_contract: AccountContract,
    /// What came with the call, in yoctoNEAR.
    pub attached_deposit: u128,
    /// The gas that came with the call.
    pub prepaid_gas: Gas,
    /// The block's random seed.
    pub random_seed: Vec<u8>,
    /// Whether the execution may change anything.
    pub mode: Mode,
    /// The accounts that wait for the call's result.
    pub output_data_receivers: Vec<String>,
}

/// Whether an execution may change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Part of a transaction.
    Call,
    /// Read only, outside of any transaction.
    View {
        /// Gas that the view may burn, in place of prepaid gas.
        max_gas_burnt: Gas,
    },
}

/// The result of a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromiseResult {
    /// Not there yet: never the case once the call runs, kept as the ABI has a number for it.
    NotReady,
    /// The value that the promise returned.
    Successful(Arc<[u8]>),
    /// The promise failed.
    Failed,
}

/// Where an account's code comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountContract {
    /// There is none.
    None,
    /// Deployed to the account: the hash of the code.
    Local([u8; 32]),
    /// A global contract by the hash of its code.
    Global([u8; 32]),
    /// A global contract by the account that deployed it.
    GlobalByAccount(String),
}
