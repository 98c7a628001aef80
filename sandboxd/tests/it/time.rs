//! Jumps ahead, and the epochs and yields that follow.

use near_primitives::action::{Action, DeployContractAction, FunctionCallAction};
use near_primitives::types::{Balance, BlockId, EpochId, Gas};
use near_primitives::views::FinalExecutionStatus;
use sandboxd::chain::{Chain, FastForwardError, Progress};

use crate::support::{chain, sign};

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

/// A contract that waits for a resume which never comes, and tells when the wait was over.
const YIELDS: &str = r#"(module
    (import "env" "promise_yield_create"
        (func $yield (param i64 i64 i64 i64 i64 i64 i64) (result i64)))
    (import "env" "promise_return" (func $return (param i64)))
    (import "env" "promise_result" (func $result (param i64 i64) (result i64)))
    (import "env" "value_return" (func $value (param i64 i64)))
    (memory 1)
    (data (i32.const 0) "over")
    (func (export "wait")
        (call $return (call $yield (i64.const 4) (i64.const 0) (i64.const 0) (i64.const 0)
            (i64.const 10000000000000) (i64.const 1) (i64.const 0))))
    (func (export "over")
        ;; 2: the promise failed
        (i32.store8 (i32.const 8) (i32.wrap_i64 (call $result (i64.const 0) (i64.const 0))))
        (call $value (i64.const 1) (i64.const 8))))"#;

#[test]
fn a_yield_times_out_after_200_heights_that_were_skipped() {
    let mut chain = chain();
    let alice = "alice.test.near";
    let code = wat::parse_str(YIELDS).unwrap();
    let deploy = Action::DeployContract(DeployContractAction { code });
    chain.submit(sign(&chain, alice, alice, 1, vec![deploy])).unwrap();
    chain.settle().unwrap();
    let call = Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: "wait".into(),
        args: Vec::new(),
        gas: Gas::from_teragas(100),
        deposit: Balance::ZERO,
    }));
    let hash = chain.submit(sign(&chain, alice, alice, 2, vec![call])).unwrap();
    chain.settle().unwrap();
    let made_at = chain.execution(&hash).unwrap().block.height();
    let left = made_at + 199 - chain.head().height();
    chain.fast_forward(left).unwrap();
    assert!(!chain.has_work());
    assert_eq!(chain.execution(&hash).unwrap().progress(), Progress::Included);
    chain.fast_forward(1).unwrap();
    chain.settle().unwrap();
    let execution = chain.execution(&hash).unwrap();
    assert_eq!(execution.progress(), Progress::Complete);
    assert!(
        matches!(execution.status(), FinalExecutionStatus::SuccessValue(value) if value == [2])
    );
}

#[test]
fn time_passes_by_the_interval_between_blocks_if_there_is_one() {
    let mut chain = chain();
    chain.produce().unwrap();
    let before = chain.head().header().raw_timestamp();
    chain.set_block_interval(5).unwrap();
    chain.fast_forward(100).unwrap();
    assert_eq!(chain.head().header().raw_timestamp(), before + 500);
    chain.produce().unwrap();
    assert_eq!(chain.head().header().raw_timestamp(), before + 505);
}

#[test]
fn a_time_for_the_next_block_is_that_of_the_first_one_of_a_jump() {
    let mut chain = chain();
    chain.produce().unwrap();
    let length = chain.genesis_config().epoch_length;
    let at = chain.next_time() + 7;
    chain.set_next_block_time(at).unwrap();
    let made = chain.fast_forward(length).unwrap();
    assert_eq!(made.first().unwrap().block.header().raw_timestamp(), at);
    let times: Vec<_> = made.iter().map(|made| made.block.header().raw_timestamp()).collect();
    assert!(times.is_sorted_by(|a, b| a < b));
}

#[test]
fn a_million_heights_have_the_blocks_that_epochs_need() {
    let mut chain = chain();
    let made = chain.fast_forward(1_000_000).unwrap();
    assert_eq!(chain.head().height(), 1_000_000);
    assert_eq!(chain.head().epoch().height, 1_999);
    // Three at the end of each epoch, and the first of the next.
    assert_eq!(made.len(), 4 * 2_000);
}
