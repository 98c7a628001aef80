//! A chain as bytes, in pieces that are written when they change: the *base*, from which its blocks are
//! built, each *block*, and the *tip*, which is all that is not a block. States are not among them:
//! who resumes a chain brings the state of each root, or makes it of the changes that come with the
//! block.
//!
//! A block is written as what does not follow from those before it, and built again when it is read,
//! so that its hash says that nothing is missing. Each piece ends with a hash over itself, that of a
//! block also over the hash of the block before it.

mod block;
mod pieces;
mod resume;
#[cfg(test)]
mod tests;
mod tip;

use near_primitives::errors::InvalidTxError;
use near_primitives::hash::CryptoHash;
use near_primitives::types::{AccountId, BlockHeight};
use sandbox_runtime::{InvalidFees, RuntimeFault, UnsupportedProtocolVersion};

use crate::genesis::InvalidGenesis;

pub use pieces::Piece;
#[cfg(feature = "rocksdb")]
pub(crate) use resume::Resuming;

/// The version of the format. Another one is not read.
pub const IMAGE_FORMAT: u32 = 1;

/// Bytes from which no chain can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum InvalidImage {
    /// They were written by another version of the sandbox.
    #[error(
        "the chain was written in format {found}, and this sandboxd reads format {IMAGE_FORMAT}: use \
         the version that wrote it, or start a new chain"
    )]
    Format {
        /// The format that they have.
        found: u32,
    },
    /// A piece is not as it was written.
    #[error("{piece} is damaged: {what}")]
    Damaged {
        /// Which one.
        piece: Piece,
        /// What is wrong with it.
        what: String,
    },
    /// A block is missing, or is not the one that was written there.
    #[error("what comes after block {height} ({hash}) does not follow from it, or is damaged")]
    NotNext {
        /// The height of the last good block.
        height: BlockHeight,
        /// Its hash.
        hash: CryptoHash,
    },
    /// The blocks end before or behind the latest one.
    #[error("the last block is at height {height}, and the chain was written with {expected}")]
    WrongHead {
        /// The last one that was there.
        height: BlockHeight,
        /// The height of the one that was written as the last.
        expected: BlockHeight,
    },
    /// The state after a block is not there.
    #[error("the state after block {height}, with the root {root}, is not there")]
    NoState {
        /// The block's height.
        height: BlockHeight,
        /// The state root.
        root: CryptoHash,
    },
    /// The blocks were made by somebody else.
    #[error(
        "the chain is made by {by} with the key {key}, and this sandboxd has another account or key \
         to make blocks with"
    )]
    Signer {
        /// Who made them.
        by: AccountId,
        /// With which key.
        key: near_crypto::PublicKey,
    },
    /// The genesis cannot be used any more.
    #[error("the genesis of the chain: {0}")]
    Genesis(#[from] InvalidGenesis),
    /// Nor can its protocol version.
    #[error(transparent)]
    ProtocolVersion(#[from] UnsupportedProtocolVersion),
    /// A price that was given is none of the protocol's.
    #[error("fees: {0}")]
    Fees(#[from] InvalidFees),
    /// A transaction that waits cannot be taken again.
    #[error("a transaction that waits for a block: {0}")]
    Transaction(#[from] InvalidTxError),
    /// The state is not in order.
    #[error(transparent)]
    Fault(#[from] RuntimeFault),
    /// Part of the state is elsewhere.
    #[error("a fork cannot be written yet: part of its state is on the chain that it is a fork of")]
    Fork,
}
