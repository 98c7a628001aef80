//! How a piece is closed and opened again.

use std::fmt;

use borsh::BorshDeserialize;
use near_primitives::hash::{CryptoHash, hash};
use near_primitives::types::BlockHeight;

use super::InvalidImage;

/// A piece of a chain that is written at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// What the blocks are built from.
    Base,
    /// The block at this height, or, if it does not say where it is, the one after this height.
    Block(BlockHeight),
    /// What is no block.
    Tip,
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base => write!(f, "the base"),
            Self::Block(height) => write!(f, "the block after height {height}"),
            Self::Tip => write!(f, "the tip"),
        }
    }
}

/// So many bytes of the hash over a piece stand behind it.
const SEAL: usize = 8;

fn seal(before: &CryptoHash, body: &[u8]) -> [u8; SEAL] {
    let mut seal = [0; SEAL];
    let digest = hash(&[before.as_ref(), body].concat());
    seal.iter_mut().zip(digest.0).for_each(|(to, byte)| *to = byte);
    seal
}

/// `body` with the hash over `before` and itself behind it.
pub(super) fn close(before: &CryptoHash, mut body: Vec<u8>) -> Vec<u8> {
    let seal = seal(before, &body);
    body.extend(seal);
    body
}

/// What was [`close`]d, if nothing is wrong with it.
pub(super) fn open<'a>(before: &CryptoHash, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let (body, end) = bytes.split_at_checked(bytes.len().checked_sub(SEAL)?)?;
    (seal(before, body) == end).then_some(body)
}

/// The value that `body` is the Borsh form of.
pub(super) fn read<T: BorshDeserialize>(body: &[u8], piece: Piece) -> Result<T, InvalidImage> {
    T::try_from_slice(body)
        .map_err(|error| InvalidImage::Damaged { piece, what: error.to_string() })
}
