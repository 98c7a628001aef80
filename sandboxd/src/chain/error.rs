//! What a chain answers when it is asked for something that it does not have or cannot do.

use std::sync::Arc;

use near_primitives::action::GlobalContractIdentifier;
use near_primitives::errors::InvalidTxError;
use near_primitives::hash::CryptoHash;
use near_primitives::types::{AccountId, Balance, BlockHeight, BlockHeightDelta, BlockId};
use sandbox_runtime::RuntimeFault;
use sandbox_runtime::patch::InvalidPatch;

use super::clock::TimestampNs;
use super::keeper::KeeperFailed;
use super::time::MOST_MINED_BLOCKS;

/// A block, or the state after it, is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownBlock {
    /// There is no such block: it never was, or its height was skipped.
    #[error("there is no block {}", block_name(.0))]
    NoSuchBlock(BlockId),
    /// The state is not kept any more.
    #[error("the state after block {height} ({hash}) is not kept any more")]
    Forgotten {
        /// The height that was asked for, or that of the block.
        height: BlockHeight,
        /// The block's hash; zeros where none is known.
        hash: CryptoHash,
    },
}

fn block_name(id: &BlockId) -> String {
    match id {
        BlockId::Height(height) => format!("at height {height}"),
        BlockId::Hash(hash) => format!("with hash {hash}"),
    }
}

/// A transaction was not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// The transaction is not valid, or was not any more when its turn came.
    #[error(transparent)]
    Invalid(InvalidTxError),
    /// The node failed, and the transaction is in no block.
    #[error("the transaction could not be executed: {0}")]
    Fault(Arc<str>),
    /// The chain cannot be kept any more and takes nothing; see [`KeeperFailed`].
    #[error(transparent)]
    ReadOnly(#[from] KeeperFailed),
    /// The chain was taken back to before the transaction, by a revert or a rollback.
    #[error("the chain was taken back to before the transaction, which is not known any more")]
    TakenBack,
}

impl From<InvalidTxError> for Refusal {
    fn from(error: InvalidTxError) -> Self {
        Self::Invalid(error)
    }
}

impl From<RuntimeFault> for Refusal {
    fn from(fault: RuntimeFault) -> Self {
        Self::Fault(fault.to_string().into())
    }
}

/// The chain's time was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// No block may be as early as genesis.
    #[error("time: {at} is not after genesis, whose time is {genesis} (both in ns since 1970)")]
    BeforeGenesis {
        /// What was asked for.
        at: TimestampNs,
        /// The time of genesis.
        genesis: TimestampNs,
    },
    /// A block's time is after that of the block before, unless the clock was set back.
    #[error(
        "time: {at} is not after the latest block, whose time is {latest} (both in ns since 1970); \
         set the clock back first if that is meant"
    )]
    NotAfterHead {
        /// What was asked for.
        at: TimestampNs,
        /// The latest block's time.
        latest: TimestampNs,
    },
    /// A block's time is counted in nanoseconds in 64 bits.
    #[error(
        "time: {at} ns since 1970 is too far in the future: block times end in the year 2554, and \
         100 years are kept free"
    )]
    TooLate {
        /// What was asked for.
        at: TimestampNs,
    },
    /// As above, after so much more time.
    #[error(
        "delta: {delta} ns from now is too far in the future: block times end in the year 2554"
    )]
    DeltaTooLarge {
        /// What was asked for.
        delta: u64,
    },
    /// As above, after blocks of that interval.
    #[error(
        "interval: blocks {interval} ns apart come too far into the future: block times end in the year 2554"
    )]
    IntervalTooLarge {
        /// What was asked for.
        interval: u64,
    },
    /// Block times have to grow.
    #[error("interval: 0 ns leave blocks without time between them; give at least 1")]
    NoInterval,
}

/// No blocks were made.
#[derive(Debug, thiserror::Error)]
pub enum InvalidMining {
    /// The blocks are too many to be made in one go.
    #[error(
        "blocks: {blocks} are too many for one call, which makes {MOST_MINED_BLOCKS} at most; sandbox_fast_forward skips more"
    )]
    TooManyBlocks {
        /// What was asked for.
        blocks: u64,
    },
    /// They cannot be so far apart.
    #[error(transparent)]
    Interval(#[from] InvalidTime),
    /// A block could not be made.
    #[error(transparent)]
    Fault(#[from] RuntimeFault),
}

/// The state was not patched, and nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum PatchFailed {
    /// The records cannot be written.
    #[error(transparent)]
    Records(#[from] InvalidPatch),
    /// An account that has tokens at stake would be deleted.
    #[error(
        "account {account_id} has {staked} yoctoNEAR at stake and cannot be deleted: unstake by a \
         transaction first",
        staked = .staked.as_yoctonear()
    )]
    AtStake {
        /// The account.
        account_id: AccountId,
        /// What it has at stake, in yoctoNEAR.
        staked: Balance,
    },
    /// The block that carries the patch could not be made.
    #[error(transparent)]
    Fault(#[from] RuntimeFault),
}

fn global_name(identifier: &GlobalContractIdentifier) -> String {
    match identifier {
        GlobalContractIdentifier::CodeHash(hash) => format!("with hash {hash}"),
        GlobalContractIdentifier::AccountId(id) => format!("of account {id}"),
    }
}

/// An account was not changed, and nothing else was.
#[derive(Debug, thiserror::Error)]
pub enum EditFailed {
    /// There is no such account.
    #[error("account {account_id} does not exist: make it with sandbox_create_account")]
    UnknownAccount {
        /// The account.
        account_id: AccountId,
    },
    /// There is such an account already.
    #[error("account {account_id} exists already: delete it first with sandbox_delete_account")]
    AccountExists {
        /// The account.
        account_id: AccountId,
    },
    /// A universal account owns nothing but tokens before its state init.
    #[error(
        "account {account_id} is not initialized: it has keys, code and data only after its state \
         init"
    )]
    Uninitialized {
        /// The account.
        account_id: AccountId,
    },
    /// Nobody deployed a global contract of this name.
    #[error("there is no global contract {}: deploy it first", global_name(.identifier))]
    UnknownGlobalContract {
        /// Its name.
        identifier: GlobalContractIdentifier,
    },
    /// The change cannot be written.
    #[error(transparent)]
    Patch(#[from] PatchFailed),
}

impl From<RuntimeFault> for EditFailed {
    fn from(fault: RuntimeFault) -> Self {
        Self::Patch(fault.into())
    }
}

/// The chain was not moved forward, and nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum FastForwardError {
    /// An epoch ends by three final blocks, so that there has to be more than that in one.
    #[error("fast_forward with an epoch length of 3 or less")]
    ShortEpoch,
    /// Heights or times would not fit into 64 bits.
    #[error("{delta} blocks are too many: heights or block times would run out")]
    TooFar {
        /// What was asked for.
        delta: BlockHeightDelta,
    },
    /// A block on the way could not be made.
    #[error(transparent)]
    Fault(#[from] RuntimeFault),
}
