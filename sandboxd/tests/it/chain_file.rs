//! All chains of a node in a file, and back.

use std::collections::BTreeMap;

use fixtures::Rng;
use sandboxd::chain::{AfterRevert, Chain, Chains, Node, NodeOptions, SavedChain};
use sandboxd::chain_file::{self, InvalidChainFile};

use crate::image::told;
use crate::storm;
use crate::support::chain;

fn written(chains: &Chains) -> Vec<u8> {
    let mut file = Vec::new();
    chain_file::write(chains, &mut file).unwrap();
    file
}

fn read(file: &[u8]) -> Result<Chains, InvalidChainFile> {
    chain_file::read(file, chain().options())
}

fn only(chain: Chain) -> Chains {
    Chains { current: chain, saved: Vec::new(), last_snapshot: 0 }
}

/// Everything that can be told of a chain, its states too.
fn all(chain: &Chain) -> (Vec<String>, Vec<u8>, BTreeMap<u64, String>) {
    let oldest = chain.oldest();
    let blocks = std::iter::once(oldest).chain(chain.blocks_after(oldest.height()));
    let states = blocks.filter_map(|block| {
        let state = chain.state_after(block).ok()?;
        // The records, and not only the root over them.
        let records: Vec<_> = state.range_here(&[]).collect();
        Some((block.height(), format!("{} {}", state.root(), records.len())))
    });
    (told(chain), chain.tip_image(), states.collect())
}

#[test]
fn what_is_read_is_what_was_written() {
    for (seed, kept_blocks) in [(1, 10_000), (2, 30)] {
        let mut rng = Rng::new(seed);
        let mut current = storm::start(storm::options().kept_blocks(kept_blocks));
        let mut saved: Vec<SavedChain> = Vec::new();
        for step in 0..150 {
            storm::step(&mut current, &mut rng);
            match step % 30 {
                10 => {
                    let id = 2 + u64::try_from(saved.len()).unwrap();
                    let time_ns = current.clock().now_ns();
                    saved.push(SavedChain { id, chain: current.clone(), time_ns });
                }
                // From an earlier one on another way.
                20 if seed == 1 => current = rng.pick(&saved).chain.clone(),
                _ => {}
            }
        }
        let chains = Chains { current, saved, last_snapshot: 70 };
        let file = written(&chains);
        let again = chain_file::read(&*file, chains.current.options()).unwrap();
        assert_eq!(again.last_snapshot, 70);
        assert_eq!(all(&again.current), all(&chains.current), "seed {seed}");
        assert_eq!(again.saved.len(), chains.saved.len());
        for (read, saved) in again.saved.iter().zip(&chains.saved) {
            assert_eq!((read.id, read.time_ns), (saved.id, saved.time_ns));
            assert_eq!(read.chain.head().hash(), saved.chain.head().hash());
            assert_eq!(read.chain.tip_image(), saved.chain.tip_image());
        }
        assert!(written(&again).len() <= file.len() + 100);
    }
}

#[test]
fn chains_that_are_alike_are_written_once() {
    let mut chain = chain();
    chain.mine(300, None).unwrap();
    let alone = written(&only(chain.clone())).len();
    let saved = |id| SavedChain { id, chain: chain.clone(), time_ns: 0 };
    let saved = (1..=20).map(saved).collect();
    let many = written(&Chains { current: chain.clone(), saved, last_snapshot: 20 }).len();
    assert!(many < alone + 20 * 200, "{alone} {many}");
}

#[test]
fn a_node_goes_on_with_what_another_one_had() {
    let first = Node::start(chain(), NodeOptions::default()).unwrap();
    first.mine(3, None).wait().unwrap().unwrap();
    let saved = first.snapshot().wait().unwrap();
    first.mine(4, None).wait().unwrap().unwrap();
    let file = written(&first.chains().wait().unwrap());
    let second = Node::start(chain(), NodeOptions::default()).unwrap();
    second.mine(9, None).wait().unwrap().unwrap();
    second.snapshot().wait().unwrap();
    second.put_chains(read(&file).unwrap()).wait().unwrap();
    assert_eq!(second.view().head().hash(), first.view().head().hash());
    for node in [&first, &second] {
        let info = node.revert(saved, AfterRevert::Drop).wait().unwrap().unwrap();
        assert_eq!(info.height, 3);
        assert!(node.snapshots().wait().unwrap().is_empty());
        assert_eq!(node.snapshot().wait(), Some(2));
    }
    assert_eq!(second.view().head().hash(), first.view().head().hash());
    first.stop();
    second.stop();
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let mut chain = chain();
    chain.mine(20, None).unwrap();
    let tip = chain.tip_image();
    let file = written(&only(chain));
    assert!(matches!(read(b"{\"records\": []}").unwrap_err(), InvalidChainFile::NotOne));
    assert!(matches!(read(b"").unwrap_err(), InvalidChainFile::NotOne));
    let mut other = file.clone();
    other[8] = 2;
    assert!(matches!(read(&other).unwrap_err(), InvalidChainFile::Format { found: 2 }));
    let mut rng = Rng::new(3);
    for _ in 0..60 {
        let cut = 12 + rng.index(file.len() - 12);
        let error = read(&file[..cut]).unwrap_err();
        let at_end = u64::try_from(cut).unwrap();
        assert!(
            matches!(error, InvalidChainFile::Truncated { at } if at == at_end),
            "{cut} of {}: {error}",
            file.len()
        );
        let mut other = file.clone();
        other[cut] ^= 1 << rng.below(8);
        // Not every bit of zstd's own says something.
        match read(&other) {
            Ok(chains) => assert_eq!(chains.current.tip_image(), tip),
            Err(error) => assert!(
                !matches!(error, InvalidChainFile::NotOne | InvalidChainFile::Io(_)),
                "{error}"
            ),
        }
    }
    let mut longer = file.clone();
    longer.extend(&file);
    read(&longer).unwrap_err();
}
