//! What holds for every block: tokens are conserved, the same input gives the same bytes, and no
//! input makes the runtime panic or fault.

use sandbox_runtime::near::{
    Action, Balance, CryptoHash, GlobalContractDeployMode, GlobalContractIdentifier,
    SignedTransaction, Transaction, TransactionV0,
};
use sandbox_runtime::{BlockInput, apply_block};

use crate::accounts::{add_full_key, create};
use crate::contracts::with_status;
use crate::global_contracts::{deploy_global, use_global};
use crate::world::{TGAS, World, call, deploy, id, near, sign, signer, transfer, yocto};

/// A small generator of numbers that are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let below = u64::try_from(below).expect("64 bits");
        usize::try_from(self.0 % below).expect("less than below")
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.next(items.len())]
    }
}

const NAMES: [&str; 5] = ["alice.near", "bob.near", "near", "app.alice.near", "nobody.near"];

fn random_action(numbers: &mut Numbers) -> Action {
    let amounts = [yocto(0), yocto(1), near(1), near(600), near(100_000), Balance::MAX];
    let methods = ["increment", "donate", "fail", "call_other", "nothing", ""];
    let args: [&[u8]; 4] = [b"", b"{\"message\":\"x\"}", b"{\"account_id\":\"bob.near\"}", b"\xff"];
    let gas = [0, 1, TGAS, 30 * TGAS, 200 * TGAS, u64::MAX];
    match numbers.next(10) {
        0 => create(),
        1 => transfer(numbers.of(&amounts)),
        2 => deploy(vec![0; numbers.next(2_000)]),
        3 => add_full_key(numbers.of(&["one", "two"])),
        4 => Action::DeleteKey(Box::new(sandbox_runtime::near::DeleteKeyAction {
            public_key: crate::world::key(numbers.of(&["one", "two", "alice.near"])),
        })),
        5 => Action::DeleteAccount(sandbox_runtime::near::DeleteAccountAction {
            beneficiary_id: id(numbers.of(&NAMES)),
        }),
        6 => deploy_global(&vec![0; numbers.next(2_000)], GlobalContractDeployMode::AccountId),
        7 => use_global(GlobalContractIdentifier::AccountId(id(numbers.of(&NAMES)))),
        _ => call(numbers.of(&methods), numbers.of(&args), numbers.of(&gas), numbers.of(&amounts)),
    }
}

fn random_transaction(world: &World, numbers: &mut Numbers) -> SignedTransaction {
    let from = signer(numbers.of(&NAMES));
    let actions = (0..numbers.next(4)).map(|_| random_action(numbers)).collect();
    let nonce = world.nonce(&from) + [0, 0, 0, 1, u64::MAX >> 8][numbers.next(5)];
    let transaction = Transaction::V0(TransactionV0 {
        signer_id: from.get_account_id(),
        public_key: from.public_key(),
        nonce,
        receiver_id: id(numbers.of(&NAMES)),
        block_hash: CryptoHash::default(),
        actions,
    });
    sign(transaction, &from)
}

#[test]
fn random_blocks_conserve_tokens_and_replay_to_the_same_bytes() {
    // All of them by the newest rules, and one by each of the older ones.
    let seeds = (1..=6u64).map(|seed| (seed, 88)).chain((7..).zip(84..88));
    for (seed, version) in seeds {
        let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut world = with_status(World::at(version, &[]));
        for _ in 0..40 {
            let transactions: Vec<_> =
                (0..numbers.next(5)).map(|_| random_transaction(&world, &mut numbers)).collect();
            let (well_formed, _refused) = world.well_formed(transactions.clone());
            let input = BlockInput {
                transactions: well_formed,
                receipts: world.pending.clone(),
                ..BlockInput::default()
            };
            let base = world.state.clone();
            let effects = world.block(transactions);
            let again = apply_block(&world.runtime, &base, &world.env, input).expect("no fault");
            assert_eq!(again.changes, effects.changes);
            assert_eq!(again.outcomes, effects.outcomes);
            assert_eq!(again.outgoing, effects.outgoing);
        }
        while !world.pending.is_empty() {
            world.block(Vec::new());
        }
        world.assert_supply();
    }
}

#[test]
fn a_transaction_cut_short_anywhere_does_not_decode_to_another() {
    let world = World::new();
    let transaction = world.sign(&signer("alice.near"), "bob.near", vec![transfer(near(1))]);
    let bytes = borsh::to_vec(&transaction).expect("bytes");
    for end in 0..bytes.len() {
        assert!(borsh::from_slice::<SignedTransaction>(&bytes[..end]).is_err());
    }
}

#[test]
fn a_flipped_bit_is_never_accepted() {
    let world = World::new();
    let transaction = world.sign(&signer("alice.near"), "bob.near", vec![transfer(near(1))]);
    let bytes = borsh::to_vec(&transaction).expect("bytes");
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = borsh::from_slice::<SignedTransaction>(&bytes) {
            assert!(world.check(&changed).is_err(), "bit {bit}");
        }
    }
}
