//! Transactions that nobody signed: which key stands for the signer, and with which nonce.

use near_crypto::{PublicKey, PublicKeyHandle, Signature};
use near_primitives::account::{AccessKeyPermission, Account};
use near_primitives::action::Action;
use near_primitives::transaction::{SignedTransaction, Transaction, TransactionV0};
use near_primitives::types::{AccountId, Nonce};
use sandbox_runtime::{RuntimeFault, tree, view};

use super::Chain;

/// A transaction of anybody, without a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsignedTransaction {
    /// Who sends it.
    pub signer_id: AccountId,
    /// To whom.
    pub receiver_id: AccountId,
    /// What it does.
    pub actions: Vec<Action>,
    /// The key of the signer that would sign, with its permissions and allowance. Without it, the
    /// first full access key that the account has; and if it has none, no key is asked for.
    pub public_key: Option<PublicKey>,
    /// The nonce; without it, the next one of the key.
    pub nonce: Option<Nonce>,
}

/// A transaction, and whether it names a key that is to be held to what it may.
pub(super) struct Completed {
    pub(super) transaction: SignedTransaction,
    pub(super) has_key: bool,
}

/// The transaction with what it does not say, as of the state of `chain`.
pub(super) fn complete(
    chain: &Chain,
    unsigned: UnsignedTransaction,
) -> Result<Completed, RuntimeFault> {
    let UnsignedTransaction { signer_id, receiver_id, actions, public_key, nonce } = unsigned;
    let public_key = match public_key {
        Some(public_key) => Some(public_key),
        None => full_access_key(chain, &signer_id)?,
    };
    let account = tree::account(&mut chain.state(), &signer_id)?;
    // A universal account without keys signs with the key that it is about to install.
    let bootstrap = account.as_ref().and_then(Account::bootstrap_nonce);
    let Some(public_key) = public_key else {
        let mut transaction = chain.unsigned(&signer_id, &receiver_id, actions);
        if let Some(nonce) = nonce.or(bootstrap.map(|nonce| nonce.saturating_add(1))) {
            transaction = with_nonce(transaction, nonce);
        }
        return Ok(Completed { transaction, has_key: false });
    };
    let access_key = tree::access_key(&mut chain.state(), &signer_id, &public_key)?;
    let known = access_key.map_or(bootstrap.unwrap_or_default(), |access_key| access_key.nonce);
    let own = |waiting: &&SignedTransaction| {
        let body = &waiting.transaction;
        *body.signer_id() == signer_id && *body.public_key() == public_key
    };
    let waiting = chain.waiting().filter(own).map(|waiting| waiting.transaction.nonce().nonce());
    let next = waiting.fold(known, Nonce::max).saturating_add(1);
    let signature = Signature::empty(public_key.key_type());
    let transaction = Transaction::V0(TransactionV0 {
        signer_id,
        public_key,
        nonce: nonce.unwrap_or(next),
        receiver_id,
        block_hash: *chain.head().hash(),
        actions,
    });
    Ok(Completed { transaction: SignedTransaction::new(signature, transaction), has_key: true })
}

fn with_nonce(transaction: SignedTransaction, nonce: Nonce) -> SignedTransaction {
    let SignedTransaction { mut transaction, signature, .. } = transaction;
    if let Transaction::V0(transaction) = &mut transaction {
        transaction.nonce = nonce;
    }
    SignedTransaction::new(signature, transaction)
}

/// The first key of the account that may do everything, is no gas key, and is in the state itself.
fn full_access_key(chain: &Chain, id: &AccountId) -> Result<Option<PublicKey>, RuntimeFault> {
    let keys = view::access_keys(chain.state(), id, None)?;
    Ok(keys.into_iter().find_map(|(handle, key)| match (handle, key.permission) {
        (PublicKeyHandle::ED25519(key), AccessKeyPermission::FullAccess) => {
            Some(PublicKey::ED25519(key))
        }
        (PublicKeyHandle::SECP256K1(key), AccessKeyPermission::FullAccess) => {
            Some(PublicKey::SECP256K1(key))
        }
        _ => None,
    }))
}
