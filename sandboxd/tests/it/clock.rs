//! The clock of a chain: block times, and how they are moved.

use sandboxd::Sandbox;
use sandboxd::chain::{Chain, Clock, InvalidMining, InvalidTime};

use crate::support::{GENESIS_NS, chain};

const SECOND: u64 = 1_000_000_000;
const YEAR: u64 = 365 * 24 * 3600 * SECOND;

fn head_time(chain: &Chain) -> u64 {
    chain.head().header().raw_timestamp()
}

/// The time of one more block.
fn next(chain: &mut Chain) -> u64 {
    chain.produce().unwrap();
    head_time(chain)
}

#[test]
fn times_grow_even_if_the_clock_stands() {
    let mut chain = chain();
    assert_eq!([0; 3].map(|_| next(&mut chain)), [1, 2, 3].map(|after| GENESIS_NS + after));
}

#[test]
fn the_next_block_has_the_time_that_was_set_and_time_goes_on_from_there() {
    let mut chain = chain();
    let at = GENESIS_NS + YEAR;
    assert_eq!(chain.set_time(at), Ok(at));
    assert_eq!((next(&mut chain), next(&mut chain)), (at, at + 1));

    let mut running = Sandbox::localnet(Clock::system()).into_chain();
    let at = head_time(&running) + YEAR;
    running.set_time(at).unwrap();
    let (first, second) = (next(&mut running), next(&mut running));
    assert!(at <= first && first < second && second < at + YEAR, "{at} {first} {second}");
}

#[test]
fn set_back_the_clock_gives_earlier_blocks_which_grow_again() {
    let mut chain = chain();
    chain.set_time(GENESIS_NS + YEAR).unwrap();
    next(&mut chain);
    let back = GENESIS_NS + SECOND;
    assert_eq!(chain.set_time(back), Ok(back));
    assert_eq!(chain.increase_time(5), Ok(back + 5));
    assert_eq!((next(&mut chain), next(&mut chain)), (back + 5, back + 6));
    // Only the block after the clock was set back may be earlier.
    let latest = back + 6;
    let refused = chain.set_next_block_time(back);
    assert_eq!(refused, Err(InvalidTime::NotAfterHead { at: back, latest }));
}

#[test]
fn no_block_is_as_early_as_genesis_or_later_than_time_goes() {
    let mut chain = chain();
    next(&mut chain);
    let before = chain.clone();
    let genesis = GENESIS_NS;
    for at in [0, genesis] {
        let early = InvalidTime::BeforeGenesis { at, genesis };
        assert_eq!(chain.set_time(at), Err(early));
        assert_eq!(chain.set_next_block_time(at), Err(early));
    }
    let at = u64::MAX;
    assert_eq!(chain.set_time(at), Err(InvalidTime::TooLate { at }));
    assert_eq!(chain.set_next_block_time(at), Err(InvalidTime::TooLate { at }));
    let delta = u64::MAX;
    assert_eq!(chain.increase_time(delta), Err(InvalidTime::DeltaTooLarge { delta }));
    let interval = u64::MAX;
    assert_eq!(chain.set_block_interval(interval), Err(InvalidTime::IntervalTooLarge { interval }));
    assert_eq!(chain.set_block_interval(0), Err(InvalidTime::NoInterval));
    assert_eq!(chain.clock(), before.clock());
}

#[test]
fn more_time_passes_at_once() {
    let mut chain = chain();
    let before = next(&mut chain);
    assert_eq!(chain.increase_time(SECOND), Ok(before + SECOND));
    assert_eq!(chain.increase_time(SECOND), Ok(before + 2 * SECOND));
    assert_eq!(head_time(&chain), before, "no block is made for it");
    assert_eq!(next(&mut chain), before + 2 * SECOND);
    assert_eq!(chain.increase_time(0), Ok(before + 2 * SECOND + 1));
}

#[test]
fn a_time_for_the_next_block_is_for_that_one_and_time_goes_on_from_it() {
    let mut chain = Sandbox::localnet(Clock::system()).into_chain();
    let at = head_time(&chain) + YEAR;
    assert_eq!(chain.set_next_block_time(at), Ok(at));
    assert_eq!(chain.next_time(), at, "it waits for the block");
    assert_eq!(next(&mut chain), at);
    let after = next(&mut chain);
    assert!(at < after && after < at + YEAR);
    assert_eq!(chain.clock().next_block(), None);
    // Set back, the next block may be chosen before the head too.
    let genesis = head_time_of_genesis(&chain);
    chain.set_time(genesis + 2).unwrap();
    assert_eq!(chain.set_next_block_time(genesis + 5), Ok(genesis + 5));
    assert_eq!(next(&mut chain), genesis + 5);
}

fn head_time_of_genesis(chain: &Chain) -> u64 {
    chain.genesis().header().raw_timestamp()
}

#[test]
fn a_frozen_clock_stands_until_it_is_resumed() {
    let mut chain = Sandbox::localnet(Clock::system()).into_chain();
    let at = chain.freeze_time();
    assert!(chain.clock().is_frozen());
    assert_eq!((next(&mut chain), next(&mut chain)), (at, at + 1));
    let later = at + YEAR;
    chain.set_time(later).unwrap();
    assert_eq!((next(&mut chain), next(&mut chain)), (later, later + 1));
    chain.resume_time();
    assert!(!chain.clock().is_frozen());
    let resumed = next(&mut chain);
    assert!(later < resumed && resumed < later + YEAR);
}

#[test]
fn blocks_of_an_interval_are_that_far_apart() {
    let mut chain = chain();
    let before = next(&mut chain);
    assert_eq!(chain.set_block_interval(SECOND), Ok(before + SECOND));
    assert_eq!([0; 2].map(|_| next(&mut chain)), [1, 2].map(|n| before + n * SECOND));
    // A jump of the clock comes on top, once.
    let at = before + 3 * SECOND + 7;
    assert_eq!(chain.increase_time(7), Ok(at));
    assert_eq!((next(&mut chain), next(&mut chain)), (at, at + SECOND));
    assert_eq!(chain.remove_block_interval(), at + SECOND + 1);
    assert_eq!(next(&mut chain), at + SECOND + 1);
}

#[test]
fn mined_blocks_may_have_an_interval_of_their_own() {
    let mut chain = chain();
    let before = next(&mut chain);
    let made = chain.mine(3, Some(SECOND)).unwrap();
    let times: Vec<_> = made.iter().map(|made| made.block.header().raw_timestamp()).collect();
    assert_eq!(times, [1, 2, 3].map(|n| before + n * SECOND));
    assert_eq!(chain.clock().interval_ns(), None);
    assert_eq!(chain.mine(0, None).unwrap().len(), 0);
    assert_eq!(next(&mut chain), before + 3 * SECOND + 1);
    let head = *chain.head().hash();
    let refused = chain.mine(100_001, None).unwrap_err();
    assert!(matches!(refused, InvalidMining::TooManyBlocks { blocks: 100_001 }), "{refused}");
    let refused = chain.mine(100_000, Some(YEAR)).unwrap_err();
    assert!(matches!(refused, InvalidMining::Interval(_)), "{refused}");
    assert!(matches!(chain.mine(0, Some(0)), Err(InvalidMining::Interval(_))));
    assert_eq!(*chain.head().hash(), head);
}

#[test]
fn a_clone_has_its_own_clock() {
    let mut chain = chain();
    let mut other = chain.clone();
    other.set_time(GENESIS_NS + YEAR).unwrap();
    other.set_block_interval(SECOND).unwrap();
    assert_eq!(next(&mut chain), GENESIS_NS + 1);
}

#[test]
fn whatever_is_done_to_the_clock_blocks_have_the_time_that_was_told() {
    for seed in 0..20 {
        let mut random = fixtures::Rng::new(seed);
        let mut chain = chain();
        for _ in 0..200 {
            let before = (*chain.clock(), chain.next_time(), *chain.head().hash());
            let at = GENESIS_NS.saturating_sub(100) + random.below(1_000);
            let (small, blocks) = (random.below(50), random.below(3));
            let told = match random.below(10) {
                0 => chain.set_time(at),
                1 => chain.increase_time(small),
                2 => chain.set_next_block_time(at),
                3 => chain.set_block_interval(small),
                4 => Ok(chain.remove_block_interval()),
                // The test's clock does not run.
                5 => Ok(chain.freeze_time()),
                6 => chain
                    .mine(blocks, Some(small + 1))
                    .map(|_| chain.next_time())
                    .map_err(|_| InvalidTime::NoInterval),
                7 => chain
                    .fast_forward(blocks)
                    .map(|_| chain.next_time())
                    .map_err(|_| InvalidTime::NoInterval),
                _ => {
                    let back = chain.clock().was_set_back() || chain.clock().next_block().is_some();
                    let (head, told) = (head_time(&chain), chain.next_time());
                    assert_eq!(next(&mut chain), told);
                    assert!(told > GENESIS_NS && (back || told > head), "{seed}: {told} {head}");
                    Ok(chain.next_time())
                }
            };
            if let Ok(told) = told {
                assert_eq!(told, chain.next_time(), "{seed}");
            } else {
                let after = (*chain.clock(), chain.next_time(), *chain.head().hash());
                assert_eq!(before, after, "{seed}");
            }
        }
    }
}
