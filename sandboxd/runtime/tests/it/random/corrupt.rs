//! Records that do not decode, or say something absurd: a fault that drops the block, never a panic.

use sandbox_runtime::near::Gas;
use sandbox_runtime::{BlockInput, RuntimeFault, apply_block};
use sandbox_state::{Overlay, Snapshot};

use super::numbers::Numbers;
use super::{seeds, transactions, world};
use crate::world::World;

/// The state with another value under `key`.
fn with_record(state: &Snapshot, key: &[u8], value: Vec<u8>) -> Snapshot {
    let mut overlay = Overlay::new(state.clone());
    overlay.set(key.to_vec(), value);
    state.apply(&overlay.into_changes()).expect("a state in memory")
}

/// What the next block makes of `state`.
fn next_block(world: &World, state: &Snapshot, input: &BlockInput) -> Result<(), RuntimeFault> {
    let mut env = world.env.clone();
    env.height += 1;
    apply_block(&world.runtime, state, &env, input.clone()).map(|_| ())
}

#[test]
fn a_corrupt_record_is_a_fault_or_does_not_matter() {
    let (mut faults, mut harmless) = (0, 0);
    for seed in seeds(3) {
        let mut numbers = Numbers::new(seed + 2_000_000);
        let mut world = world(seed);
        // With little gas in a block, receipts wait in all the ways there are.
        world.env.gas_limit = Gas::from_teragas(5);
        let transactions = |numbers: &mut Numbers, world: &World| {
            (0..6).map(|_| transactions::transaction(numbers, world)).collect::<Vec<_>>()
        };
        for _ in 0..12 {
            let transactions = transactions(&mut numbers, &world);
            world.block(transactions);
        }
        let (well_formed, _) = world.well_formed(transactions(&mut numbers, &world));
        let input = BlockInput {
            transactions: well_formed,
            receipts: world.pending.clone(),
            ..BlockInput::default()
        };
        world.env.gas_limit = Gas::from_teragas(1_000);
        let root = world.state.root();
        let records: Vec<_> =
            world.state.range_here(&[]).map(|record| record.expect("a state in memory")).collect();
        assert!(!records.is_empty());
        for (key, value) in records {
            let mut flipped = value.to_vec();
            if let Some(last) = flipped.len().checked_sub(1) {
                flipped[numbers.next(last + 1)] ^= 1 << numbers.next(8);
            }
            let cut = value[..value.len().saturating_sub(1)].to_vec();
            for bad in [Vec::new(), cut, vec![0xff; value.len()], flipped] {
                match next_block(&world, &with_record(&world.state, &key, bad), &input) {
                    Ok(()) => harmless += 1,
                    Err(fault) => {
                        assert!(!fault.to_string().is_empty());
                        faults += 1;
                    }
                }
            }
        }
        assert_eq!(world.state.root(), root);
        next_block(&world, &world.state, &input).expect("the old state works on");
    }
    assert!(faults > 0 && harmless > 0, "{faults} faults, {harmless} harmless");
}
