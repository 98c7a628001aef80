//! A chain as bytes, and back.

use fixtures::Rng;
use near_primitives::types::{BlockId, BlockReference};
use sandbox_state::Snapshot;
use sandboxd::chain::{Chain, ChainOptions, Clock, InvalidImage, Rollback};
use sandboxd::{KEPT_BLOCKS, genesis};

use crate::returns::assert_same;
use crate::storm;
use crate::support::{chain, near, transfer};

/// The pieces of a chain, and its states.
struct Written {
    base: Vec<u8>,
    tip: Vec<u8>,
    blocks: Vec<Vec<u8>>,
    states: Vec<Snapshot>,
}

impl Written {
    fn of(chain: &Chain) -> Self {
        let oldest = chain.oldest();
        let after = || chain.blocks_after(oldest.height());
        let states = std::iter::once(oldest).chain(after());
        Self {
            base: chain.base_image().unwrap(),
            tip: chain.tip_image(),
            blocks: after().map(|block| chain.block_image(block).unwrap()).collect(),
            states: states.filter_map(|block| chain.state_after(block).ok().cloned()).collect(),
        }
    }

    fn resume(&self) -> Result<Chain, InvalidImage> {
        self.resume_with(options())
    }

    fn resume_with(&self, options: ChainOptions) -> Result<Chain, InvalidImage> {
        let states = &self.states;
        let state = |block: &sandboxd::chain::Block, _: &_| {
            states.iter().find(|state| state.root().0 == block.state_root().0).cloned()
        };
        Chain::resume(&self.base, &self.tip, &self.blocks, state, options)
    }
}

fn options() -> ChainOptions {
    ChainOptions {
        signer: genesis::dev_signer(),
        clock: Clock::system(),
        block_delay_ns: 1_300_000_000,
        kept_blocks: KEPT_BLOCKS,
        max_gas_burnt_view: None,
        fees: sandbox_runtime::FeeTable::new(),
        finality_lag: 0,
        wallet_contract: None,
        auto_impersonate: false,
        engines: sandbox_runtime::Engines::default(),
    }
}

/// Everything that can be told of a chain's blocks, without what outcomes have for the block's limits
/// alone, and without what waits, whose maps show how they came about.
pub(crate) fn told(chain: &Chain) -> Vec<String> {
    let oldest = chain.oldest();
    let blocks = std::iter::once(oldest).chain(chain.blocks_after(oldest.height()));
    let told = blocks.map(|block| {
        let text = format!("{block:?}");
        let (told, _queue) = text.split_once(", queue: Queue").unwrap();
        let parts = told.split("compute_usage: ");
        let parts: String = parts.map(|part| part.trim_start_matches(char::is_numeric)).collect();
        format!("{parts} {:?}", changes(chain, block))
    });
    told.collect()
}

fn changes(chain: &Chain, block: &sandboxd::chain::Block) -> Option<Vec<String>> {
    let changes = chain.changes_of(block)?.of(|_| true);
    Some(changes.into_iter().map(|change| format!("{change:?}")).collect())
}

#[test]
fn a_chain_on_which_everything_happened_is_the_same_again() {
    for (seed, kept_blocks) in [(1, KEPT_BLOCKS), (2, KEPT_BLOCKS), (3, 20), (4, 1)] {
        let mut rng = Rng::new(seed);
        let mut chain = storm::start(storm::options().kept_blocks(kept_blocks));
        let options = || ChainOptions { kept_blocks, ..options() };
        for step in 0..400 {
            storm::step(&mut chain, &mut rng);
            if step % 80 != 79 {
                continue;
            }
            let written = Written::of(&chain);
            let resumed = written.resume_with(options()).unwrap();
            assert_eq!(told(&resumed), told(&chain), "seed {seed}");
            assert_eq!(resumed.clock(), chain.clock());
            assert_eq!(resumed.impersonated(), chain.impersonated());
            let again = Written::of(&resumed);
            assert!(again.base == written.base && again.tip == written.tip);
            assert!(again.blocks == written.blocks, "seed {seed}");
            if kept_blocks == KEPT_BLOCKS {
                assert_same(&resumed, &chain);
            }
            // They go on in the same way.
            let mut both = [resumed.clone(), chain.clone()];
            for one in &mut both {
                let mut same = Rng::new(seed);
                for _ in 0..20 {
                    storm::step(one, &mut same);
                }
            }
            let [resumed, other] = &both;
            assert_eq!(resumed.head().hash(), other.head().hash(), "seed {seed}");
            assert_eq!(Written::of(resumed).tip, Written::of(other).tip);
        }
    }
}

#[test]
fn a_storm_has_everything_in_it() {
    let mut rng = Rng::new(1);
    let mut chain = storm::start(storm::options());
    let (mut held, mut delayed, mut waited) = (false, false, false);
    for _ in 0..400 {
        storm::step(&mut chain, &mut rng);
        held |= chain.held_receipts().next().is_some();
        waited |= chain.waiting().next().is_some();
        let mut state = chain.state();
        delayed |= sandbox_runtime::delayed_receipts(&mut state).unwrap() > 0;
    }
    assert!(held && delayed && waited, "{held} {delayed} {waited}");
    assert!(chain.head().epoch().height > 3);
    assert_ne!(
        chain.genesis().staking().current().chosen().len(),
        chain.head().staking().next().chosen().len()
    );
    let outcomes = || chain.blocks_after(0).flat_map(|block| block.outcomes());
    assert!(outcomes().any(|outcome| format!("{outcome:?}").contains("MethodNotFound")));
    assert!(
        outcomes()
            .any(|outcome| format!("{outcome:?}")
                .contains("because account AccountId(\"nobody.near"))
    );
    let yields = |receipt: &near_primitives::receipt::Receipt| {
        format!("{receipt:?}").contains("PromiseYield")
    };
    let receipts = || chain.blocks_after(0).flat_map(|block| block.local_receipts());
    assert!(receipts().any(yields));
}

#[test]
fn an_empty_block_takes_few_bytes() {
    let mut chain = chain();
    for _ in 0..3 {
        chain.produce().unwrap();
    }
    let bytes = chain.block_image(chain.head()).unwrap().len();
    assert!(bytes <= 28, "{bytes}");
}

#[test]
fn what_is_not_right_is_named() {
    let mut chain = chain();
    chain.submit(transfer(&chain, "alice.test.near", "bob.test.near", 1, near(1))).unwrap();
    chain.settle().unwrap();
    let written = || Written::of(&chain);
    assert_eq!(written().resume().unwrap().head().hash(), chain.head().hash());

    let mut other = written();
    other.states.pop();
    let missing = other.resume().unwrap_err();
    let height = chain.head().height();
    assert!(
        matches!(missing, InvalidImage::NoState { height: at, .. } if at == height),
        "{missing}"
    );

    let mut other = written();
    other.blocks.remove(0);
    assert!(matches!(other.resume().unwrap_err(), InvalidImage::NotNext { height: 0, .. }));

    let mut other = written();
    other.blocks.pop();
    let short = other.resume().unwrap_err();
    let InvalidImage::WrongHead { height: last, expected } = short else { panic!("{short}") };
    assert_eq!((last, expected), (height - 1, height));

    let mut other = written();
    other.tip[0] = 9;
    assert!(matches!(other.resume().unwrap_err(), InvalidImage::Format { found: 9 }));

    let signer = genesis::signer(
        "bob.test.near".parse().unwrap(),
        near_crypto::SecretKey::from_seed(near_crypto::KeyType::ED25519, "bob"),
    );
    let refused = written().resume_with(ChainOptions { signer, ..options() }).unwrap_err();
    assert!(matches!(refused, InvalidImage::Signer { .. }), "{refused}");
}

#[test]
fn bytes_that_were_changed_are_refused() {
    let mut chain = chain();
    chain.submit(transfer(&chain, "alice.test.near", "bob.test.near", 1, near(1))).unwrap();
    chain.settle().unwrap();
    chain.submit(transfer(&chain, "alice.test.near", "bob.test.near", 2, near(1))).unwrap();
    let mut rng = Rng::new(5);
    for _ in 0..300 {
        let mut written = Written::of(&chain);
        let piece = match rng.below(4) {
            0 => &mut written.base,
            1 => &mut written.tip,
            _ => written.blocks.get_mut(rng.index(2)).unwrap(),
        };
        match rng.below(3) {
            0 => piece.truncate(rng.index(piece.len())),
            1 => piece.push(0),
            _ => {
                let place = rng.index(piece.len());
                piece[place] ^= 1 << rng.below(8);
            }
        }
        written.resume().unwrap_err();
    }
}

#[test]
fn fewer_blocks_than_were_written_can_be_kept() {
    let mut chain = chain();
    chain.mine(50, None).unwrap();
    let written = Written::of(&chain);
    let resumed = written.resume_with(ChainOptions { kept_blocks: 10, ..options() }).unwrap();
    assert_eq!(resumed.head().hash(), chain.head().hash());
    assert_eq!(resumed.earliest().height(), 41);
    let old = BlockReference::BlockId(BlockId::Height(3));
    assert!(resumed.state_at(&old).is_err());
    let mut resumed = Written::of(&resumed).resume().unwrap();
    assert_eq!(resumed.earliest().height(), 41);
    resumed.roll_back(Rollback::ToHeight(45)).unwrap();
    chain.roll_back(Rollback::ToHeight(45)).unwrap();
    let heads = [&mut resumed, &mut chain].map(|chain| *chain.produce().unwrap().block.hash());
    assert_eq!(heads[0], heads[1]);
}
