//! The pool against its rule, applied to a list.

use fixtures::Rng;
use near_crypto::{InMemorySigner, KeyType, Signer};
use near_primitives::action::{Action, TransferAction};
use near_primitives::transaction::{Transaction, TransactionV0};
use near_primitives::types::Balance;
use sandbox_runtime::RuntimeConfig;

use super::{ChunkLimits, CryptoHash, Gas, Pool, SignedTransaction, WellFormed};

const UNBOUNDED: ChunkLimits = ChunkLimits { gas: Gas::MAX, bytes: u64::MAX };

fn transfer(config: &RuntimeConfig, signer: &Signer, nonce: u64, amount: u128) -> WellFormed {
    let deposit = Balance::from_yoctonear(amount);
    let transaction = Transaction::V0(TransactionV0 {
        signer_id: signer.get_account_id(),
        public_key: signer.public_key(),
        nonce,
        receiver_id: "receiver.near".parse().expect("an account id"),
        block_hash: CryptoHash::default(),
        actions: vec![Action::Transfer(TransferAction { deposit })],
    });
    let signature = signer.sign(transaction.get_hash_and_size().0.as_ref());
    WellFormed::check(config, SignedTransaction::new(signature, transaction)).expect("well formed")
}

/// Behind all, but before the first of the same key with a higher nonce.
fn insert(list: &mut Vec<WellFormed>, new: WellFormed) {
    let body = &new.transaction().transaction;
    let has_to_follow = |other: &WellFormed| {
        let other = &other.transaction().transaction;
        other.signer_id() == body.signer_id() && other.nonce().nonce() > body.nonce().nonce()
    };
    let place = list.iter().position(has_to_follow).unwrap_or(list.len());
    list.insert(place, new);
}

#[test]
fn transactions_wait_by_arrival_and_those_of_a_key_by_nonce() {
    let config = RuntimeConfig::new(88).expect("the newest version");
    let signers = ["alice.near", "bob.near", "carol.near"].map(|name| {
        InMemorySigner::from_seed(name.parse().expect("an account id"), KeyType::ED25519, name)
    });
    let mut rng = Rng::new(5);
    let (mut pool, mut list) = (Pool::default(), Vec::new());
    for step in 0..400_u32 {
        if rng.below(8) == 0 {
            let count = rng.index(6);
            pool.forget_first(count);
            list.drain(..count.min(list.len()));
        } else {
            let nonce = 1 + rng.below(12);
            let new = transfer(&config, rng.pick(&signers), nonce, u128::from(step));
            pool.push(new.clone(), Gas::ZERO);
            insert(&mut list, new);
        }
        assert_eq!(pool.next_chunk(UNBOUNDED), list, "after step {step}");
        assert_eq!(pool.is_empty(), list.is_empty());
    }
    for transaction in &list {
        let hash = transaction.transaction().get_hash();
        assert_eq!(pool.get(&hash), Some(transaction.transaction()));
    }
    let first = list[0].transaction().get_hash();
    pool.forget_first(1);
    assert!(!pool.contains(&first) && pool.get(&first).is_none());
}
