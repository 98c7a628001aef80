//! Nonces that were left out. A client that sends several transactions at once, each over its own
//! connection, cannot tell in which order they arrive; once a later one is in a block, an earlier one
//! is not valid any more. neard has time for them to meet in its pool, since its blocks are far
//! apart.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use near_crypto::PublicKey;
use near_primitives::types::{AccountId, Nonce};
use sandbox_runtime::verify::WellFormed;
use sandbox_runtime::view;

use super::Chain;

/// How long a block waits for a transaction whose nonce was left out.
const PATIENCE: Duration = Duration::from_millis(20);

/// One nonce of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyNonce {
    account_id: AccountId,
    public_key: PublicKey,
    nonce: Nonce,
}

impl KeyNonce {
    /// That of `transaction`. The nonces of gas keys are made for transactions that do not know of
    /// each other, so that they are not looked at.
    pub(super) fn of(transaction: &WellFormed) -> Option<Self> {
        let body = &transaction.transaction().transaction;
        body.nonce().nonce_index().is_none().then(|| Self {
            account_id: body.signer_id().clone(),
            public_key: body.public_key().clone(),
            nonce: body.nonce().nonce(),
        })
    }

    fn before(&self) -> Option<Self> {
        Some(Self { nonce: self.nonce.checked_sub(1)?, ..self.clone() })
    }
}

/// The nonces that the next block waits for.
#[derive(Debug, Default)]
pub(super) struct Gaps(BTreeMap<KeyNonce, Instant>);

impl Gaps {
    /// Sees that `chain` took a transaction with this nonce.
    pub(super) fn see(&mut self, chain: &Chain, nonce: &KeyNonce) {
        self.0.remove(nonce);
        if let Some(before) = nonce.before()
            && !chain.has_nonce(&before)
        {
            self.0.entry(before).or_insert_with(Instant::now);
        }
    }

    /// How long the next block still has to wait.
    pub(super) fn patience(&self) -> Option<Duration> {
        let first = self.0.values().min()?;
        PATIENCE.checked_sub(first.elapsed()).filter(|left| !left.is_zero())
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A block is made of what is there.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

impl Chain {
    /// Whether the key has used `nonce` already, or a waiting transaction has it. A key that is not
    /// there misses nothing.
    fn has_nonce(&self, nonce: &KeyNonce) -> bool {
        let KeyNonce { account_id, public_key, nonce } = nonce;
        self.pool.has_nonce(account_id, public_key, *nonce)
            || match view::access_key(&self.state, account_id, public_key) {
                Ok(Ok(access_key)) => access_key.nonce >= *nonce,
                _ => true,
            }
    }
}
