//! A chain with known accounts, and transactions on it.

use near_crypto::{InMemorySigner, KeyType, SecretKey, Signer};
use near_primitives::account::Account;
use near_primitives::action::{Action, DeployContractAction, TransferAction};
use near_primitives::hash::CryptoHash;
use near_primitives::transaction::{SignedTransaction, Transaction, TransactionV0};
use near_primitives::types::{AccountId, Balance, Nonce};
use sandboxd::Sandbox;
use sandboxd::chain::{Chain, Clock};

/// The time of the genesis block: 2026-01-01.
pub(crate) const GENESIS_NS: u64 = 1_767_225_600_000_000_000;

pub(crate) fn chain() -> Chain {
    Sandbox::localnet(Clock::manual(GENESIS_NS)).into_chain()
}

pub(crate) fn id(name: &str) -> AccountId {
    name.parse().unwrap()
}

pub(crate) fn signer(name: &str) -> Signer {
    InMemorySigner::from_secret_key(id(name), SecretKey::from_seed(KeyType::ED25519, name))
}

pub(crate) fn near(amount: u32) -> Balance {
    Balance::from_near(amount.into())
}

pub(crate) fn sign(
    chain: &Chain,
    from: &str,
    to: &str,
    nonce: Nonce,
    actions: Vec<Action>,
) -> SignedTransaction {
    sign_at(*chain.head().hash(), from, to, nonce, actions)
}

pub(crate) fn sign_at(
    block: CryptoHash,
    from: &str,
    to: &str,
    nonce: Nonce,
    actions: Vec<Action>,
) -> SignedTransaction {
    let signer = signer(from);
    let transaction = Transaction::V0(TransactionV0 {
        signer_id: id(from),
        public_key: signer.public_key(),
        nonce,
        receiver_id: id(to),
        block_hash: block,
        actions,
    });
    let signature = signer.sign(transaction.get_hash_and_size().0.as_ref());
    SignedTransaction::new(signature, transaction)
}

pub(crate) fn transfer(
    chain: &Chain,
    from: &str,
    to: &str,
    nonce: Nonce,
    amount: Balance,
) -> SignedTransaction {
    sign(chain, from, to, nonce, vec![Action::Transfer(TransferAction { deposit: amount })])
}

pub(crate) fn account(chain: &Chain, name: &str) -> Account {
    chain.account(&id(name)).unwrap()
}

/// A chain with the contract `status` on each of these accounts, which spend their nonce 1 on it.
pub(crate) fn with_contracts(names: &[&str]) -> Chain {
    let mut chain = chain();
    for name in names {
        let code = fixtures::wasm("status").to_vec();
        let deploy = Action::DeployContract(DeployContractAction { code });
        chain.submit(sign(&chain, name, name, 1, vec![deploy])).unwrap();
    }
    chain.settle().unwrap();
    chain
}
