//! [`RuntimeFault`]: what is wrong with us, never with a transaction.
//!
//! A fault drops the block that was being made; the chain before it stays. Nothing that a client
//! sends may cause one.

use host_fns::abi::Fault;
use sandbox_state::Unavailable;
use vm_runner::VmFault;

use crate::near::{Balance, CryptoHash, IntegerOverflowError, ReceiptValidationError};

/// The block could not be applied, for a reason that lies in this program or its stored state.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeFault {
    /// A record in the state does not decode, or contradicts another one.
    #[error("corrupt state: {0}")]
    CorruptState(String),
    /// A balance, an amount of gas or a storage usage left its range. The total supply of a chain
    /// is far below that, so a record of the state must be absurd.
    #[error("integer overflow in {0}")]
    Overflow(&'static str),
    /// A receipt that an earlier block made is not valid.
    #[error("receipt {id} is not valid: {source}")]
    InvalidReceipt {
        /// The receipt.
        id: CryptoHash,
        /// What is wrong with it.
        source: ReceiptValidationError,
    },
    /// Part of the state is elsewhere, and cannot be got now.
    #[error("{unavailable}")]
    Unavailable {
        /// What, and why.
        unavailable: Unavailable,
        /// What of the block needs it; `None` if the block itself does. Without that one the block
        /// can be made.
        needed_by: Option<NeededBy>,
    },
    /// The VM failed, or a host function found the state in disorder.
    #[error(transparent)]
    Vm(#[from] VmFault),
    /// Tokens were made or lost.
    #[error("unbalanced block: {before} before, {after} after")]
    Unbalanced {
        /// What the records that changed and the incoming receipts held.
        before: Balance,
        /// What the changed records and the outgoing receipts hold, and what was burnt.
        after: Balance,
    },
}

/// Something that a block executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeededBy {
    /// The transaction with this hash.
    Transaction(CryptoHash),
    /// The receipt with this id, or one that waited for it or that it made.
    Receipt(CryptoHash),
}

impl RuntimeFault {
    /// The same fault, as one of the execution of `cause`.
    pub(crate) fn in_execution(self, cause: NeededBy) -> Self {
        match self {
            Self::Unavailable { unavailable, .. } => {
                Self::Unavailable { unavailable, needed_by: Some(cause) }
            }
            fault => fault,
        }
    }
}

impl From<Unavailable> for RuntimeFault {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable { unavailable, needed_by: None }
    }
}

impl From<IntegerOverflowError> for RuntimeFault {
    fn from(_: IntegerOverflowError) -> Self {
        RuntimeFault::Overflow("a sum of gas or tokens")
    }
}

impl From<Fault> for RuntimeFault {
    fn from(fault: Fault) -> Self {
        RuntimeFault::Vm(VmFault::Host(fault))
    }
}

/// Names the sum or product that left its range.
pub(crate) trait OrOverflow<T> {
    /// The value, or [`RuntimeFault::Overflow`] in `what`.
    fn or_overflow(self, what: &'static str) -> Result<T, RuntimeFault>;
}

impl<T> OrOverflow<T> for Option<T> {
    fn or_overflow(self, what: &'static str) -> Result<T, RuntimeFault> {
        self.ok_or(RuntimeFault::Overflow(what))
    }
}
