//! What a block gives to the runtime, and what it gets back. Knows no header, no chain and no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sandbox_state::ChangeSet;

use crate::impersonation::Impersonated;
use crate::itemized::Itemized;
use crate::near::{
    AccountId, Balance, BlockHeight, CryptoHash, EpochHeight, ExecutionOutcomeWithId, Gas,
    InvalidTxError, Receipt, ValidatorStake,
};
use crate::state_changes::Causes;
use crate::verify::WellFormed;

/// The block that is being made, as far as its transactions and contracts can see it.
#[derive(Clone, Debug)]
pub struct BlockEnv {
    /// Height of the block.
    pub height: BlockHeight,
    /// Time of the block in nanoseconds since 1970 (UTC).
    pub timestamp_ns: u64,
    /// Price of gas in the block, in yoctoNEAR per unit.
    pub gas_price: Balance,
    /// What the block may burn, in compute units; receipts beyond it wait for the next block.
    pub gas_limit: Gas,
    /// Random value of the block. Each action derives its own seed from it.
    pub random_seed: CryptoHash,
    /// Id of the epoch that the block is in.
    pub epoch_id: CryptoHash,
    /// Number of the epoch that the block is in.
    pub epoch_height: EpochHeight,
    /// Id of the chain, as contracts see it.
    pub chain_id: Arc<str>,
    /// Hash of the block before.
    pub prev_block_hash: CryptoHash,
    /// The validators of the epoch and their stakes.
    pub validators: Arc<[(AccountId, Balance)]>,
    /// The least that a stake action may stake.
    pub minimum_stake: Balance,
}

/// What a block applies.
#[derive(Clone, Debug, Default)]
pub struct BlockInput {
    /// Transactions, in the order in which they came. Each is checked against the state that the
    /// ones before it left.
    pub transactions: Vec<WellFormed>,
    /// Receipts that the block before sent out, in its order.
    pub receipts: Vec<Receipt>,
    /// Receipts that do not run in this block, though they could: they go to the end of the queue
    /// of the delayed ones.
    pub held_back: BTreeSet<CryptoHash>,
    /// In the first block of an epoch: how much each account that validates, or wanted to, has to
    /// keep locked. What it has locked beyond that goes back to its balance.
    pub kept_stakes: BTreeMap<AccountId, Balance>,
    /// Accounts whose delegated actions need no signature and no key.
    pub impersonated: Impersonated,
    /// Whether to say what each action burnt.
    pub itemize: bool,
}

/// What a block did.
#[derive(Clone, Debug)]
pub struct BlockEffects {
    /// What it changed in the state.
    pub changes: ChangeSet,
    /// The same one by one, with what caused each.
    pub causes: Causes,
    /// Outcomes of transactions and receipts, in the order of execution.
    pub outcomes: Vec<ExecutionOutcomeWithId>,
    /// Receipts for the next block, in the order in which they were made.
    pub outgoing: Vec<Receipt>,
    /// Receipts that ran in this block without ever being outgoing: those of transactions that an
    /// account sends to itself, and the instant ones.
    pub local: Vec<Receipt>,
    /// Transactions that were not valid any more at their turn: they are not in the block.
    pub dropped: Vec<DroppedTransaction>,
    /// Stakes that accounts asked for, at most one for each.
    pub proposals: Vec<ValidatorStake>,
    /// Receipts that wait in the state's queue for a block with room for them.
    pub delayed_receipts: u64,
    /// How many of them are there because they were held back.
    pub held_back: u64,
    /// What was burnt.
    pub burnt: Burnt,
    /// What each action burnt; empty if that was not asked for.
    pub itemized: Itemized,
}

/// A transaction that was refused at its turn, without a trace in the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedTransaction {
    /// Hash of the transaction.
    pub id: CryptoHash,
    /// Why it is not valid.
    pub error: InvalidTxError,
}

/// Gas and tokens that a block burnt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Burnt {
    /// Gas, of transactions and receipts.
    pub gas: Gas,
    /// Compute units, which the block's gas limit bounds.
    pub compute: u64,
    /// Tokens: the price of the gas, and what actions burn directly.
    pub tokens: Balance,
    /// Tokens that are gone without being burnt: gas that a promise bound and its receipt does not
    /// carry. Up to version 88 there is such gas with post-quantum gas keys.
    pub lost: Balance,
    /// Tokens that the protocol gave to contracts (one yoctoNEAR attached to a promise call).
    pub subsidized: Balance,
}
