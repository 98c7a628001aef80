//! What a chain has beside its blocks and states.

use std::borrow::Cow;

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::hash::CryptoHash;
use near_primitives::transaction::SignedTransaction;
use near_primitives::types::{AccountId, BlockHeight, Gas};
use sandbox_runtime::RuntimeConfig;
use sandbox_runtime::verify::WellFormed;

use super::super::holds::Queue;
use super::super::pool::Pool;
use super::super::{Chain, Clock};
use super::pieces::{Piece, close, open, read};
use super::{IMAGE_FORMAT, InvalidImage};

#[derive(BorshDeserialize, BorshSerialize)]
pub(super) struct Tip<'a> {
    pub(super) head: CryptoHash,
    pub(super) height: BlockHeight,
    /// The lowest height whose state is kept.
    pub(super) lowest: BlockHeight,
    pub(super) clock: Clock,
    pub(super) all_impersonated: bool,
    pub(super) impersonated: Vec<Cow<'a, AccountId>>,
    /// The receipts that wait, unless they are those of the head.
    pub(super) queue: Option<Queue>,
    /// The transactions that wait, in the order of their arrival.
    waiting: Vec<Waiting<'a>>,
}

#[derive(BorshDeserialize, BorshSerialize)]
struct Waiting<'a> {
    transaction: Cow<'a, SignedTransaction>,
    gas: Gas,
    is_impersonated: bool,
}

impl<'a> Tip<'a> {
    fn of(chain: &'a Chain) -> Self {
        let waiting = chain.pool.arrivals().into_iter().map(|(well_formed, gas)| Waiting {
            transaction: Cow::Borrowed(well_formed.transaction()),
            gas,
            is_impersonated: well_formed.is_impersonated(),
        });
        Self {
            head: *chain.head.hash(),
            height: chain.head.height(),
            lowest: chain.history.lowest().unwrap_or_else(|| chain.head.height()),
            clock: chain.clock,
            all_impersonated: chain.impersonated.is_everyone(),
            impersonated: chain.impersonated.accounts().map(Cow::Borrowed).collect(),
            queue: (chain.queue != chain.head.queue).then(|| chain.queue.clone()),
            waiting: waiting.collect(),
        }
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, InvalidImage> {
        read(body(bytes, Piece::Tip)?, Piece::Tip)
    }

    /// The transactions that wait, checked again.
    pub(super) fn pool(&mut self, config: &RuntimeConfig) -> Result<Pool, InvalidImage> {
        let mut pool = Pool::default();
        for Waiting { transaction, gas, is_impersonated } in std::mem::take(&mut self.waiting) {
            let transaction = transaction.into_owned();
            let well_formed = if is_impersonated {
                WellFormed::impersonated(config, transaction)?
            } else {
                WellFormed::check(config, transaction)?
            };
            pool.push(well_formed, gas);
        }
        Ok(pool)
    }
}

impl Chain {
    /// The tip of the chain as bytes.
    pub fn tip_image(&self) -> Vec<u8> {
        with_format(&Tip::of(self))
    }
}

/// A piece that says which format it has.
///
/// # Panics
/// Never: writing to a vector cannot fail.
pub(super) fn with_format(piece: &impl BorshSerialize) -> Vec<u8> {
    let body = borsh::to_vec(&(IMAGE_FORMAT, piece)).expect("writing to a vector cannot fail");
    close(&CryptoHash::default(), body)
}

/// What comes behind the format, which has to be the known one.
pub(super) fn body(bytes: &[u8], piece: Piece) -> Result<&[u8], InvalidImage> {
    let damaged = |what: &str| InvalidImage::Damaged { piece, what: what.to_owned() };
    let (format, _) = bytes.split_first_chunk().ok_or_else(|| damaged("it is too short"))?;
    let found = u32::from_le_bytes(*format);
    // What comes behind may be closed in another way.
    if found != IMAGE_FORMAT {
        return Err(InvalidImage::Format { found });
    }
    let body = open(&CryptoHash::default(), bytes).and_then(|body| body.get(format.len()..));
    body.ok_or_else(|| damaged("its checksum is wrong"))
}
