//! Block times, epochs and jumps ahead.

use near_primitives::types::{BlockId, EpochId};
use sandboxd::chain::{Chain, ClockError, FastForwardError};

use crate::support::{GENESIS_NS, chain};

#[test]
fn times_grow_even_if_the_clock_stands() {
    let mut chain = chain();
    for _ in 0..3 {
        chain.produce().unwrap();
    }
    assert_eq!(chain.head().header().raw_timestamp(), GENESIS_NS + 3);
}

#[test]
fn time_can_be_set_ahead_only() {
    let mut chain = chain();
    chain.set_time(GENESIS_NS + 1_000).unwrap();
    chain.produce().unwrap();
    assert_eq!(chain.head().header().raw_timestamp(), GENESIS_NS + 1_000);
    let refused = chain.set_time(GENESIS_NS + 1_000);
    let (at, latest) = (GENESIS_NS + 1_000, GENESIS_NS + 1_000);
    assert_eq!(refused, Err(ClockError::NotAfterHead { at, latest }));
    assert_eq!(chain.set_time(u64::MAX), Err(ClockError::TooLate { at: u64::MAX }));
}

#[test]
fn fast_forward_ends_at_the_height_and_moves_time_by_the_mean_delay() {
    let mut chain = chain();
    chain.produce().unwrap();
    let before = chain.head().header().raw_timestamp();
    chain.fast_forward(100).unwrap();
    assert_eq!(chain.head().height(), 101);
    let mean_ns = 1_300_000_000;
    assert_eq!(chain.head().header().raw_timestamp() - before, 100 * mean_ns);
    assert!(chain.block_by_id(&BlockId::Height(50)).is_err(), "the heights between are skipped");
}

#[test]
fn epochs_follow_neards_rules() {
    let mut chain = chain();
    let length = chain.genesis_config().epoch_length;
    let genesis = *chain.head().hash();
    chain.fast_forward(3 * length + 1).unwrap();
    let epoch = |height| *block(&chain, height).epoch();
    // The first epoch starts with block 1 and has the genesis' id.
    assert_eq!((epoch(1).id, epoch(1).next_id), (EpochId::default(), EpochId(genesis)));
    assert_eq!((epoch(1).height, epoch(1).start_height), (1, 1));
    // Each later one is named by the last block of the epoch before the previous one.
    let second = epoch(1 + length);
    assert_eq!((second.id, second.height), (EpochId(genesis), 1));
    assert_eq!(second.next_id, EpochId(*block(&chain, length).hash()));
    let third = epoch(1 + 2 * length);
    assert_eq!((third.id, third.height), (second.next_id, 2));
    let fourth = epoch(1 + 3 * length);
    assert_eq!((fourth.id, fourth.height), (third.next_id, 3));
    for edge in [length - 2, length - 1, length] {
        assert_eq!(block(&chain, edge).height(), edge, "the last blocks of an epoch are there");
    }
}

#[test]
fn a_jump_and_single_blocks_reach_the_same_epoch() {
    let (mut jumped, mut walked) = (chain(), chain());
    let length = jumped.genesis_config().epoch_length;
    jumped.fast_forward(length + 5).unwrap();
    for _ in 0..length + 5 {
        walked.produce().unwrap();
    }
    let place = |chain: &Chain| {
        let epoch = chain.head().epoch();
        (chain.head().height(), epoch.height, epoch.start_height)
    };
    assert_eq!(place(&jumped), place(&walked));
}

#[test]
fn too_far_is_refused_and_changes_nothing() {
    let mut chain = chain();
    let refused = chain.fast_forward(u64::MAX);
    assert!(matches!(refused, Err(FastForwardError::TooFar { delta: u64::MAX })));
    assert_eq!(chain.head().height(), 0);
}

fn block(chain: &Chain, height: u64) -> &sandboxd::chain::Block {
    chain.block_by_id(&BlockId::Height(height)).unwrap()
}
