//! Bytes that nobody wrote, but that have the right seals, are no reason to panic either.

#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

use fixtures::Rng;
use near_primitives::hash::CryptoHash;
use sandbox_state::Snapshot;

use super::super::{Block, Chain, ChainOptions, Clock};
use super::pieces::close;
use crate::{Sandbox, genesis};

fn options() -> ChainOptions {
    ChainOptions {
        signer: genesis::dev_signer(),
        clock: Clock::manual(1),
        block_delay_ns: 1,
        kept_blocks: 5,
        max_gas_burnt_view: None,
        fees: sandbox_runtime::FeeTable::new(),
        finality_lag: 0,
        wallet_contract: None,
        auto_impersonate: false,
        engines: sandbox_runtime::Engines::default(),
    }
}

/// The same bytes with some changes, closed again.
fn mutated(before: &CryptoHash, piece: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut body = piece[..piece.len() - 8].to_vec();
    for _ in 0..=rng.index(3) {
        let place = rng.index(body.len());
        match rng.below(4) {
            0 => body[place] = 0xff,
            1 => body.truncate(place.max(1)),
            _ => body[place] ^= 1 << rng.below(8),
        }
    }
    close(before, body)
}

#[test]
fn bytes_that_nobody_wrote_are_an_error_or_a_chain() {
    let chain = Sandbox::localnet(Clock::manual(1));
    let mut chain = chain.into_chain();
    let (alice, bob) = ("alice.test.near".parse().unwrap(), "bob.test.near".parse().unwrap());
    for _ in 0..3 {
        chain.submit_unsigned(&alice, &bob, Vec::new()).unwrap();
        chain.settle().unwrap();
    }
    chain.submit_unsigned(&alice, &bob, Vec::new()).unwrap();
    let (base, tip) = (chain.base_image().unwrap(), chain.tip_image());
    let blocks: Vec<_> = chain
        .blocks_after(0)
        .map(|block| (*block.header().prev_hash(), chain.block_image(block).unwrap()))
        .collect();
    let state = |block: &Block, _: &_| {
        chain.state_after(chain.index.block_at(block.height())?).ok().cloned()
    };
    let genesis = CryptoHash::default();
    let mut rng = Rng::new(1);
    let mut read = 0;
    for _ in 0..400 {
        let (mut base, mut tip, mut blocks) = (base.clone(), tip.clone(), blocks.clone());
        match rng.below(4) {
            0 => base = mutated(&genesis, &base, &mut rng),
            1 => tip = mutated(&genesis, &tip, &mut rng),
            _ => {
                let (before, block) = blocks.get_mut(rng.index(3)).unwrap();
                *block = mutated(before, block, &mut rng);
            }
        }
        let blocks = blocks.iter().map(|(_, block)| block);
        let any = |block: &Block, changes: &_| state(block, changes).or(Some(Snapshot::empty()));
        read += usize::from(Chain::resume(&base, &tip, blocks, any, options()).is_ok());
    }
    assert!(read < 400);
}
