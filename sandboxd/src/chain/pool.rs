//! Transactions that wait for a block, first come, first served but for those of one key, which go
//! by their nonces, and how many of them a chunk takes. The bounds are nearcore's for a chunk
//! without congestion (`prepare_transactions`).

use std::sync::Arc;

use near_primitives::hash::CryptoHash;
use near_primitives::transaction::SignedTransaction;
use near_primitives::types::Gas;
use sandbox_runtime::verify::WellFormed;

/// The waiting transactions. A clone costs a reference count.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool(Arc<Vec<Waiting>>);

#[derive(Clone, Debug)]
struct Waiting {
    transaction: WellFormed,
    /// What converting it into a receipt burns.
    gas: Gas,
}

impl Waiting {
    fn has_to_precede(&self, other: &Self) -> bool {
        let [this, other] =
            [self, other].map(|waiting| &waiting.transaction.transaction().transaction);
        this.nonce().nonce() < other.nonce().nonce()
            && this.public_key() == other.public_key()
            && this.signer_id() == other.signer_id()
    }
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
        let new = Waiting { transaction, gas };
        let waiting = Arc::make_mut(&mut self.0);
        let place = waiting.iter().position(|other| new.has_to_precede(other));
        waiting.insert(place.unwrap_or(waiting.len()), new);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SignedTransaction> {
        self.0.iter().map(|waiting| waiting.transaction.transaction())
    }

    pub(super) fn contains(&self, hash: &CryptoHash) -> bool {
        self.iter().any(|transaction| transaction.hash() == hash)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The transactions of the next chunk, in the order of their arrival. One that is larger than
    /// a chunk with others in it gets a chunk of its own.
    pub(super) fn next_chunk(&self, limits: ChunkLimits) -> Vec<WellFormed> {
        let (mut gas, mut bytes) = (Gas::ZERO, 0_u64);
        let mut chunk = Vec::new();
        for waiting in self.0.iter() {
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
        if count >= self.0.len() {
            self.0 = Arc::default();
        } else {
            Arc::make_mut(&mut self.0).drain(..count);
        }
    }
}
