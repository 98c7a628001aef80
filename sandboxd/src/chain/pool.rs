//! Transactions that wait for a block, first come, first served but for those of one key, which go
//! by their nonces, and how many of them a chunk takes. The bounds are nearcore's for a chunk
//! without congestion (`prepare_transactions`).

use std::ops::Bound;

use near_crypto::PublicKey;
use near_primitives::hash::CryptoHash;
use near_primitives::transaction::SignedTransaction;
use near_primitives::types::{AccountId, Gas, Nonce};
use rpds::{HashTrieMapSync, RedBlackTreeMapSync};
use sandbox_runtime::verify::WellFormed;

/// The waiting transactions. A clone costs some reference counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    waiting: RedBlackTreeMapSync<Place, Waiting>,
    places: HashTrieMapSync<CryptoHash, Place>,
    /// The turns of each key's transactions, by nonce and arrival.
    by_key: HashTrieMapSync<Signer, RedBlackTreeMapSync<(Nonce, u64), u64>>,
    arrived: u64,
}

/// Who signs, and with which key.
type Signer = (AccountId, PublicKey);

/// Where a transaction stands: in the turn of the one that it has to precede, or behind all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    turn: u64,
    nonce: Nonce,
    arrival: u64,
}

#[derive(Clone, Debug)]
struct Waiting {
    transaction: WellFormed,
    /// What converting it into a receipt burns.
    gas: Gas,
}

/// What the transactions of one chunk may be together.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChunkLimits {
    /// The gas that is burnt before no further transaction is taken.
    pub(super) gas: Gas,
    /// Their size in bytes.
    pub(super) bytes: u64,
}

impl Pool {
    /// Adds a transaction behind all others, but before those of the same key whose nonces are
    /// higher: clients that send several at once cannot tell in which order they arrive. So does
    /// nearcore's pool (`chain/pool`).
    pub(super) fn push(&mut self, transaction: WellFormed, gas: Gas) {
        let signer = signer(&transaction);
        let nonce = transaction.transaction().transaction.nonce().nonce();
        let arrival = self.arrived;
        self.arrived = arrival.saturating_add(1);
        let mut own = self.by_key.get(&signer).cloned().unwrap_or_default();
        let higher = (Bound::Excluded((nonce, u64::MAX)), Bound::Unbounded);
        let turn = own.range(higher).next().map_or(arrival, |(_, &turn)| turn);
        let place = Place { turn, nonce, arrival };
        own.insert_mut((nonce, arrival), turn);
        self.by_key.insert_mut(signer, own);
        self.places.insert_mut(transaction.transaction().get_hash(), place);
        self.waiting.insert_mut(place, Waiting { transaction, gas });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SignedTransaction> {
        self.waiting.values().map(|waiting| waiting.transaction.transaction())
    }

    /// The transactions in the order of their arrival, with the gas that converting each burns.
    pub(super) fn arrivals(&self) -> Vec<(&WellFormed, Gas)> {
        let mut all: Vec<_> = self.waiting.iter().collect();
        all.sort_by_key(|(place, _)| place.arrival);
        all.into_iter().map(|(_, waiting)| (&waiting.transaction, waiting.gas)).collect()
    }

    pub(super) fn contains(&self, hash: &CryptoHash) -> bool {
        self.places.contains_key(hash)
    }

    /// The waiting transaction with this hash.
    pub(super) fn get(&self, hash: &CryptoHash) -> Option<&SignedTransaction> {
        let waiting = self.waiting.get(self.places.get(hash)?)?;
        Some(waiting.transaction.transaction())
    }

    /// Whether a transaction of this key with this nonce waits.
    pub(super) fn has_nonce(&self, account: &AccountId, key: &PublicKey, nonce: Nonce) -> bool {
        let own = self.by_key.get(&(account.clone(), key.clone()));
        own.is_some_and(|own| own.range((nonce, 0)..=(nonce, u64::MAX)).next().is_some())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The transactions of the next chunk, in the order of their arrival. One that is larger than
    /// a chunk with others in it gets a chunk of its own.
    pub(super) fn next_chunk(&self, limits: ChunkLimits) -> Vec<WellFormed> {
        let (mut gas, mut bytes) = (Gas::ZERO, 0_u64);
        let mut chunk = Vec::new();
        for waiting in self.waiting.values() {
            let size = waiting.transaction.transaction().get_size();
            let full = gas >= limits.gas || bytes.saturating_add(size) > limits.bytes;
            if full && !chunk.is_empty() {
                break;
            }
            gas = gas.saturating_add(waiting.gas);
            bytes = bytes.saturating_add(size);
            chunk.push(waiting.transaction.clone());
        }
        chunk
    }

    /// Forgets the first `count` transactions.
    pub(super) fn forget_first(&mut self, count: usize) {
        if count >= self.waiting.size() {
            *self = Self { arrived: self.arrived, ..Self::default() };
            return;
        }
        for _ in 0..count {
            let Some((&place, waiting)) = self.waiting.first() else { break };
            let signer = signer(&waiting.transaction);
            self.places.remove_mut(&waiting.transaction.transaction().get_hash());
            self.waiting.remove_mut(&place);
            if let Some(own) = self.by_key.get(&signer) {
                let left = own.remove(&(place.nonce, place.arrival));
                if left.is_empty() {
                    self.by_key.remove_mut(&signer);
                } else {
                    self.by_key.insert_mut(signer, left);
                }
            }
        }
    }
}

fn signer(transaction: &WellFormed) -> Signer {
    let body = &transaction.transaction().transaction;
    (body.signer_id().clone(), body.public_key().clone())
}

#[cfg(test)]
mod tests;
