//! Acting for accounts without their keys. Who is impersonated is part of the chain: a revert brings
//! it back, a rollback, which is about blocks, leaves it as it is.

use near_crypto::{KeyType, PublicKey, Signature};
use near_primitives::account::AccessKey;
use near_primitives::action::Action;
use near_primitives::errors::InvalidTxError;
use near_primitives::hash::CryptoHash;
use near_primitives::transaction::{SignedTransaction, Transaction, TransactionV0};
use near_primitives::types::{AccountId, Nonce};
use sandbox_runtime::Impersonated;
use sandbox_runtime::verify::WellFormed;
use sandbox_runtime::view::{self, ViewResult};
use sandbox_state::Snapshot;

use super::{Block, Chain, QueryFailed, Refusal};

impl Chain {
    /// Who is impersonated.
    pub fn impersonated(&self) -> &Impersonated {
        &self.impersonated
    }

    /// Lets transactions and delegated actions of `account` be valid without its signature. One
    /// that names an access key of the account is held to that key's nonce and permission; any other
    /// key is as good as one with full access, and its nonce may be anything. Fees are charged as
    /// ever.
    ///
    /// # Errors
    /// If there is no such account.
    pub fn impersonate(&mut self, account: &AccountId) -> Result<(), QueryFailed> {
        self.account(account)?;
        self.impersonated.insert(account.clone());
        Ok(())
    }

    /// Ends it for one account. Transactions that were accepted stay so. Whether it was impersonated
    /// on its own account.
    pub fn stop_impersonating(&mut self, account: &AccountId) -> bool {
        self.impersonated.remove(account)
    }

    /// Lets every account be impersonated, or again only those of [`Chain::impersonate`].
    pub fn impersonate_everyone(&mut self, enabled: bool) {
        self.impersonated.set_everyone(enabled);
    }

    /// Sends `actions` from `signer` to `receiver` without any signature, whether `signer` is
    /// impersonated or not. The public key of the transaction is that of the system: 32 zero bytes.
    pub fn submit_unsigned(
        &mut self,
        signer: &AccountId,
        receiver: &AccountId,
        actions: Vec<Action>,
    ) -> Result<CryptoHash, Refusal> {
        self.take_unsigned(self.unsigned(signer, receiver, actions))
    }

    pub(super) fn take_unsigned(
        &mut self,
        transaction: SignedTransaction,
    ) -> Result<CryptoHash, Refusal> {
        let well_formed = WellFormed::impersonated(self.runtime.config(), transaction)?;
        self.take(well_formed)
    }

    /// A transaction with a signature that is none. Its nonce is the first that makes it another one
    /// than those that are known.
    pub(super) fn unsigned(
        &self,
        signer: &AccountId,
        receiver: &AccountId,
        actions: Vec<Action>,
    ) -> SignedTransaction {
        let mut transaction = TransactionV0 {
            signer_id: signer.clone(),
            public_key: PublicKey::empty(KeyType::ED25519),
            nonce: Nonce::MIN,
            receiver_id: receiver.clone(),
            block_hash: *self.head.hash(),
            actions,
        };
        loop {
            transaction.nonce = transaction.nonce.saturating_add(1);
            let body = Transaction::V0(transaction.clone());
            let made = SignedTransaction::new(Signature::empty(KeyType::ED25519), body);
            if !self.knows(made.hash()) || transaction.nonce == Nonce::MAX {
                return made;
            }
        }
    }

    /// The access key that a transaction of `account` may name after `block`, whose state is `state`.
    /// If the account is impersonated, every key that it does not have is one with full access and
    /// the nonce of a key that is just being added, so that clients which look a key up before they
    /// sign with it go on.
    pub fn access_key_after(
        &self,
        block: &Block,
        state: &Snapshot,
        account: &AccountId,
        public_key: &PublicKey,
    ) -> ViewResult<AccessKey> {
        let found = view::access_key(state, account, public_key)?;
        let stands_in = found.is_err()
            && self.impersonated.includes(account)
            && view::account(state, account)?.is_ok();
        if !stands_in {
            return Ok(found);
        }
        let range = AccessKey::ACCESS_KEY_NONCE_RANGE_MULTIPLIER;
        let nonce = block.height().saturating_mul(range);
        Ok(Ok(AccessKey { nonce, ..AccessKey::full_access() }))
    }

    /// Whether the signature of `transaction` is left unchecked.
    pub(super) fn is_impersonated(&self, transaction: &SignedTransaction) -> bool {
        self.impersonated.includes(transaction.transaction.signer_id())
    }

    /// Impersonation may have ended since the transaction came.
    pub(super) fn check_authority(&self, well_formed: &WellFormed) -> Result<(), InvalidTxError> {
        if well_formed.is_impersonated() && !self.is_impersonated(well_formed.transaction()) {
            return Err(InvalidTxError::InvalidSignature);
        }
        Ok(())
    }
}
