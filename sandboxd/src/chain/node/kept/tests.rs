#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt;
use std::sync::Arc;

use near_primitives::views::TxExecutionStatus;
use parking_lot::Mutex;
use sandbox_state::Storage;

use super::super::super::keeper::{Keeper, KeeperFailed, WhenKept};
use super::super::super::publication::Publication;
use super::super::super::{AfterRevert, BlockMode, Chain, Clock, Refusal, Snapshots};
use super::super::tests::transfer_of;
use super::super::{Answer, Command, Landed, Node, NodeOptions, Owner, answer};
use crate::Sandbox;

/// Keeps chains in a list, and says when.
#[derive(Default)]
struct Paper {
    is_strict: bool,
    kept: Mutex<Vec<Arc<Chain>>>,
    waiting: Mutex<Vec<WhenKept>>,
    failed: Mutex<Option<KeeperFailed>>,
}

impl fmt::Debug for Paper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Paper")
    }
}

impl Paper {
    fn strict() -> Arc<Self> {
        Arc::new(Self { is_strict: true, ..Self::default() })
    }

    /// Says to those who wait that it is kept, or will never be.
    fn tell(&self, kept: &Result<(), KeeperFailed>) {
        if let Err(failed) = kept {
            *self.failed.lock() = Some(failed.clone());
        }
        let waiting = std::mem::take(&mut *self.waiting.lock());
        for then in waiting {
            then(kept.clone());
        }
    }
}

impl Keeper for Paper {
    fn keep(&self, chain: &Arc<Chain>, _snapshots: &Snapshots) {
        self.kept.lock().push(Arc::clone(chain));
    }

    fn is_strict(&self) -> bool {
        self.is_strict
    }

    fn when_kept(&self, then: WhenKept) {
        self.waiting.lock().push(then);
    }

    fn relief(&self) -> Option<Storage> {
        None
    }

    fn failure(&self) -> Option<KeeperFailed> {
        self.failed.lock().clone()
    }

    fn close(&self) {}
}

fn full() -> Result<(), KeeperFailed> {
    Err(KeeperFailed("no space left".into()))
}

fn owner(paper: &Arc<Paper>) -> Owner {
    let chain = Sandbox::localnet(Clock::manual(1)).into_chain();
    let published = Arc::new(Publication::new(chain.clone()));
    let keeper = Arc::<Paper>::clone(paper);
    Owner::new(chain, published, BlockMode::default(), Some(keeper))
}

fn send(owner: &mut Owner, nonce: u64) -> Answer<Landed> {
    let transaction = owner.chain.admit(transfer_of(&owner.chain, nonce, 1)).unwrap();
    let (landed, answer) = answer();
    let until = TxExecutionStatus::Included;
    owner.obey(Command::Submit { transaction: Box::new(transaction), until, landed });
    answer
}

#[test]
fn a_strict_node_shows_and_answers_nothing_before_it_is_kept() {
    let paper = Paper::strict();
    let mut owner = owner(&paper);
    let landed = send(&mut owner, 1);
    owner.produce();
    assert_eq!(owner.chain.head().height(), 1);
    assert_eq!(owner.published.view().head().height(), 0);
    assert_eq!(paper.kept.lock().last().unwrap().head().height(), 1);
    paper.tell(&Ok(()));
    assert_eq!(owner.published.view().head().height(), 1);
    let seen = landed.wait().unwrap().unwrap();
    assert_eq!(seen.head().height(), 1);
}

#[test]
fn others_answer_at_once() {
    let paper = Arc::new(Paper::default());
    let mut owner = owner(&paper);
    let landed = send(&mut owner, 1);
    owner.produce();
    assert!(landed.wait().unwrap().is_ok());
    assert_eq!(owner.published.view().head().height(), 1);
    assert_eq!(paper.kept.lock().len(), 1);
}

#[test]
fn what_could_not_be_kept_is_refused_and_never_shown() {
    let paper = Paper::strict();
    let mut owner = owner(&paper);
    let landed = send(&mut owner, 1);
    owner.produce();
    let waits = send(&mut owner, 2);
    paper.tell(&full());
    assert!(matches!(landed.wait(), Some(Err(Refusal::ReadOnly(_)))));
    assert_eq!(owner.published.view().head().height(), 0);
    let wait = owner.wait();
    owner.waited(wait);
    assert!(matches!(waits.wait(), Some(Err(Refusal::ReadOnly(_)))));
    assert_eq!(owner.chain.head().height(), 1, "no block is made any more");
}

#[test]
fn a_node_that_cannot_keep_its_chain_is_read_only() {
    let paper = Arc::new(Paper::default());
    let chain = Sandbox::localnet(Clock::manual(1)).into_chain();
    let (first, second) = (transfer_of(&chain, 1, 1), transfer_of(&chain, 2, 1));
    let keeper: Option<Arc<dyn Keeper>> = Some(Arc::<Paper>::clone(&paper));
    let node = Node::start(chain, NodeOptions { keeper, ..NodeOptions::default() }).unwrap();
    let hash = *first.hash();
    assert!(node.submit(first, TxExecutionStatus::Final).wait().unwrap().is_ok());
    let id = node.snapshot().wait().unwrap();
    let head = *node.view().head().hash();
    paper.tell(&full());
    let refused = node.submit(second, TxExecutionStatus::None).wait().unwrap().unwrap_err();
    let why = "the chain is read-only, since it can no longer be written to disk: no space left";
    assert_eq!(refused.to_string(), why);
    assert!(node.mine(1, None).wait().is_none());
    assert!(node.revert(id, AfterRevert::Keep).wait().is_none());
    assert_eq!(node.failure().unwrap().to_string(), why);
    assert_eq!(*node.view().head().hash(), head);
    assert_eq!(node.snapshots().wait().unwrap().len(), 1);
    assert!(node.watch(hash, TxExecutionStatus::Final).wait().unwrap().is_ok());
}
