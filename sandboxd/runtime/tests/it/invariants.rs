//! What holds for the bytes of transactions: none is taken for another.

use sandbox_runtime::near::SignedTransaction;

use crate::world::{World, near, signer, transfer};

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
