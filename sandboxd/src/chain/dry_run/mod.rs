//! A transaction, or a view call, run to its end on a clone of the chain, perhaps on a state and in
//! a block that differ from what is there. The chain itself is only read.
//!
//! The clone goes on as the chain would: with the transactions and receipts that wait, in blocks
//! made by the same code, until the transaction has nothing left to do.

mod gas;
mod least;
mod receipt;
mod stage;
mod state;
mod unsigned;
mod view;

use near_primitives::hash::CryptoHash;
use near_primitives::transaction::SignedTransaction;
use near_primitives::types::{Balance, BlockHeight};
use near_primitives::views::FinalExecutionStatus;
use sandbox_runtime::RuntimeFault;
use sandbox_runtime::overrides::{InvalidOverride, StateOverrides};

use super::{Chain, Execution, Refusal, TimestampNs};
use stage::{Run, Stage};

pub use gas::{ActionGas, CallGas, GasBreakdown, ReceiptGas};
pub use least::Least;
pub use receipt::{DryReceiptFailed, DryReceiptRun};
pub use state::{AccountChanges, Change, CodeView, DataChange, KeyChange, NonceChange};
pub use unsigned::UnsignedTransaction;
pub use view::{DryView, DryViewFailed};

/// What a dry run executes.
#[derive(Clone, Debug)]
pub enum DryTransaction {
    /// A signed transaction, which has to be valid as if it was sent.
    Signed(SignedTransaction),
    /// One that was signed for another time or place: neither how old it is nor its signature counts.
    Recorded(SignedTransaction),
    /// A transaction of anybody.
    Unsigned(UnsignedTransaction),
}

/// What a dry run finds in place of what is there.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Records.
    pub state: StateOverrides,
    /// The height of the block that the transaction is in, above that of the latest block.
    pub height: Option<BlockHeight>,
    /// The time of that block, in nanoseconds since 1970. Each block after it comes a nanosecond
    /// later.
    pub timestamp_ns: Option<TimestampNs>,
    /// The price of gas in all blocks, in yoctoNEAR per unit.
    pub gas_price: Option<Balance>,
}

/// What came of a dry run.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// The chain as it would be then.
    pub after: Chain,
    /// The transaction's hash.
    pub hash: CryptoHash,
    /// Receipts of the transaction that wait for something that does not come by itself: yields
    /// that nobody has resumed yet.
    pub open_receipts: Vec<CryptoHash>,
    /// Where the gas went.
    pub gas: GasBreakdown,
    /// What the transaction and its receipts changed in the state, in the order of the accounts.
    pub changes: Vec<AccountChanges>,
    /// The least gas and deposit of each call in the transaction; `None` if it failed, is not done,
    /// or if this was not asked for.
    pub least: Option<Vec<Least>>,
}

impl DryRun {
    /// The transaction with its outcomes.
    ///
    /// # Panics
    /// Never: a dry run ends with the transaction in a block.
    pub fn execution(&self) -> Execution<'_> {
        self.after.execution(&self.hash).expect("the transaction is in a block of the clone")
    }
}

/// Why there was no dry run.
#[derive(Debug, thiserror::Error)]
pub enum DryRunFailed {
    /// The chain cannot be overridden so.
    #[error("overrides.{0}")]
    Override(#[from] InvalidOverrides),
    /// The transaction would not be taken.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Why a chain cannot be overridden. Each names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOverrides {
    /// The records do not fit.
    #[error(transparent)]
    State(#[from] InvalidOverride),
    /// Blocks only come after the latest one.
    #[error("block.height: {height} is not above {head}, the height of the latest block")]
    HeightNotAboveHead {
        /// What was asked for.
        height: BlockHeight,
        /// The height of the latest block.
        head: BlockHeight,
    },
    /// Heights are counted in 64 bits.
    #[error("block.height: {height} leaves no heights for the blocks after it")]
    HeightTooLarge {
        /// What was asked for.
        height: BlockHeight,
    },
    /// Times are counted in nanoseconds in 64 bits.
    #[error(
        "block.timestamp: {at} ns since 1970 is too late: a block's time ends in the year 2554"
    )]
    TimeTooLate {
        /// What was asked for.
        at: TimestampNs,
    },
    /// The price of gas has a bound in the genesis.
    #[error("gas_price: {price} is above {max}, the chain's `max_gas_price`")]
    GasPriceTooHigh {
        /// What was asked for.
        price: Balance,
        /// The most that the chain allows.
        max: Balance,
    },
}

impl From<RuntimeFault> for DryRunFailed {
    fn from(fault: RuntimeFault) -> Self {
        Self::Refused(fault.into())
    }
}

impl Chain {
    /// What would come of `transaction` if it was sent now, and `overrides` held. With `find_least`
    /// also the least gas and the least deposit with which its calls do the same, for which it runs
    /// some more times.
    ///
    /// Nothing changes: neither the chain nor its pool.
    ///
    /// ```
    /// use near_primitives::action::{Action, TransferAction};
    /// use near_primitives::types::Balance;
    /// use near_primitives::views::FinalExecutionStatus;
    /// use sandboxd::Sandbox;
    /// use sandboxd::chain::{Clock, DryTransaction, Overrides, UnsignedTransaction};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let chain = Sandbox::localnet(Clock::system()).into_chain();
    /// let transfer = Action::Transfer(TransferAction { deposit: Balance::from_near(5) });
    /// let transaction = DryTransaction::Unsigned(UnsignedTransaction {
    ///     signer_id: "alice.test.near".parse()?,
    ///     receiver_id: "bob.test.near".parse()?,
    ///     actions: vec![transfer],
    ///     public_key: None,
    ///     nonce: None,
    /// });
    /// let run = chain.dry_run(transaction, &Overrides::default(), true)?;
    /// assert_eq!(run.execution().status(), FinalExecutionStatus::SuccessValue(Vec::new()));
    /// assert_eq!(run.changes[1].account_id, "bob.test.near");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`DryRunFailed::Override`] if the overrides do not fit the chain; [`DryRunFailed::Refused`] if
    /// the transaction would not be taken.
    pub fn dry_run(
        &self,
        transaction: DryTransaction,
        overrides: &Overrides,
        find_least: bool,
    ) -> Result<DryRun, DryRunFailed> {
        let stage = Stage::new(self, overrides)?;
        let transaction = stage.prepare(transaction)?;
        let run = stage.run(transaction.clone())?;
        let least = if find_least { least::find(&stage, &transaction, &run) } else { None };
        let changes = stage.changes(&run)?;
        let Run { chain: after, hash, itemized, .. } = run;
        let execution = after.execution(&hash).ok_or(NOT_IN_A_BLOCK)?;
        let open_receipts = execution.open_receipts().collect();
        let gas = gas::breakdown(&after, &execution, &itemized);
        Ok(DryRun { after, hash, open_receipts, gas, changes, least })
    }
}

/// The clone's blocks ran out before the transaction got into one.
const NOT_IN_A_BLOCK: RuntimeFault =
    RuntimeFault::Overflow("the blocks of a dry run: too many transactions wait before this one");

/// Whether the transaction came to a good end.
fn succeeded(execution: &Execution<'_>) -> bool {
    matches!(execution.status(), FinalExecutionStatus::SuccessValue(_))
}
