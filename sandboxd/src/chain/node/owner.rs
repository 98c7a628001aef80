//! What the thread of a chain owns, and what it does with it.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use near_primitives::hash::CryptoHash;
use near_primitives::views::TxExecutionStatus;
use sandbox_runtime::RuntimeFault;

use super::super::answer::Promise;
use super::super::finality::{meets, status_to_come};
use super::super::gaps::{Gaps, KeyNonce};
use super::super::keeper::Keeper;
use super::super::publication::Publication;
use super::super::{BlockMode, Chain, Chains, Produced, Refusal, Snapshots};
use super::{Command, Landed};

/// What the chain's thread waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wait {
    /// Nothing: a block is made, even if a command came.
    Over,
    /// A command, and if none comes in time a block is made.
    ForBlock(Duration),
    /// A command, and if none comes in time the source of a fork is asked again.
    ForRetry(Duration),
    ForCommand,
}

/// Fewer answers are not worth looking through.
pub(super) const FIRST_TIDY: usize = 64;

/// A second is soon enough for an endpoint that is back.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Whoever brings a command carries it out himself while blocks take no longer: to wake the
/// chain's thread, and to be woken by it, takes as long.
const SHORT: Duration = Duration::from_micros(250);

/// So many blocks are made on a thread that is not the chain's before that goes on.
const BLOCKS_AT_ONCE: usize = 8;

/// So many commands may share a block; then it is made, even if more come.
pub(super) const COMMANDS_PER_BLOCK: usize = 10_000;

/// What the chain's thread owns.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) chain: Chain,
    pub(super) published: Arc<Publication>,
    pub(super) mode: BlockMode,
    pub(super) waiting: BTreeMap<CryptoHash, Vec<(TxExecutionStatus, Promise<Landed>)>>,
    /// How many answers were promised since those that nobody waits for any more were looked for,
    pub(super) watched: usize,
    /// and how many there may be before that is done again.
    pub(super) tidy_at: usize,
    pub(super) gaps: Gaps,
    pub(super) saved: Snapshots,
    /// Who keeps the chain, if it is kept elsewhere than in memory.
    pub(super) keeper: Option<Arc<dyn Keeper>>,
    /// How many commands came since the last block.
    obeyed: usize,
    /// When the last block was made, or tried.
    pub(super) last_block: Instant,
    /// How long that took.
    took: Duration,
    /// What is short.
    pub(super) short: Duration,
    /// The chain's thread is gone.
    ended: bool,
    /// The last block failed for what is in the chain, so that another attempt would too.
    stalled: bool,
    /// After how long without work what waits for the source of a fork is tried again.
    retry_after: Duration,
}

impl Owner {
    pub(super) fn new(
        chains: impl Into<Chains>,
        published: Arc<Publication>,
        mode: BlockMode,
        keeper: Option<Arc<dyn Keeper>>,
    ) -> Self {
        let Chains { current, saved, last_snapshot } = chains.into();
        Self {
            chain: current,
            published,
            mode,
            waiting: BTreeMap::new(),
            watched: 0,
            tidy_at: FIRST_TIDY,
            gaps: Gaps::default(),
            saved: Snapshots::new(saved, last_snapshot),
            keeper,
            obeyed: 0,
            last_block: Instant::now(),
            took: Duration::ZERO,
            short: SHORT,
            ended: false,
            stalled: false,
            retry_after: FIRST_RETRY,
        }
    }

    /// What the chain's thread has to wait for before it does something. Commands come before
    /// blocks, so that transactions that arrive together share a block.
    pub(super) fn wait(&self) -> Wait {
        if self.failure().is_some() {
            // Whoever waits is refused.
            return if self.waiting.is_empty() { Wait::ForCommand } else { Wait::Over };
        }
        if self.mode.is_prompt()
            && !self.stalled
            && (self.chain.has_work() || self.finality_is_awaited())
        {
            if self.obeyed >= COMMANDS_PER_BLOCK {
                return Wait::Over;
            }
            // With nothing left out, what has arrived is all that is waited for.
            return Wait::ForBlock(self.gaps.patience().unwrap_or_default());
        }
        if let Some(interval) = self.mode.interval() {
            let left = interval.saturating_sub(self.last_block.elapsed());
            // Commands that keep coming do not put the block off.
            return if left.is_zero() && self.obeyed > 0 {
                Wait::Over
            } else {
                Wait::ForBlock(left)
            };
        }
        if self.mode.is_prompt() && self.chain.waits_for_source() {
            return Wait::ForRetry(self.retry_after);
        }
        Wait::ForCommand
    }

    /// Does what `wait` was for, unless somebody else has done it meanwhile.
    pub(super) fn waited(&mut self, wait: Wait) {
        if let Some(failed) = self.failure() {
            return self.refuse_all(&failed);
        }
        match wait {
            Wait::ForRetry(_) => self.retry(),
            _ if self.is_due() => self.produce(),
            _ => {}
        }
    }

    fn is_due(&self) -> bool {
        matches!(self.wait(), Wait::Over | Wait::ForBlock(Duration::ZERO))
    }

    /// Whether who brings a command may carry it out: the chain's thread has nothing to do, and the
    /// blocks were short of late.
    pub(super) fn is_at_leisure(&self) -> bool {
        !self.ended && self.took <= self.short && matches!(self.wait(), Wait::ForCommand)
    }

    /// Carries out a command of one who may. False if the chain's thread has to go on.
    pub(super) fn obey_at_once(&mut self, command: Command) -> bool {
        self.obey(command);
        for _ in 0..BLOCKS_AT_ONCE {
            if self.took > self.short || !self.is_due() {
                break;
            }
            self.produce();
        }
        matches!(self.wait(), Wait::ForCommand)
    }

    /// No command will be obeyed any more.
    pub(super) fn end(&mut self) {
        self.ended = true;
        // Whoever waits learns that nothing will come.
        self.waiting.clear();
        self.published.end();
    }

    /// Whether somebody still waits for nothing but blocks that make those before them final.
    fn finality_is_awaited(&self) -> bool {
        self.chain.finality_lag() > 0
            && self.waiting.iter().any(|(hash, goals)| {
                let status = self.chain.execution(hash).map(|execution| status_to_come(&execution));
                let awaited = |(until, landed): &(TxExecutionStatus, Promise<Landed>)| {
                    status.as_ref().is_some_and(|status| meets(status, until))
                        && !landed.is_forgotten()
                };
                goals.iter().any(awaited)
            })
    }

    pub(super) fn obey(&mut self, command: Command) {
        self.stalled = false;
        self.obeyed = self.obeyed.saturating_add(1);
        match command {
            Command::Submit { transaction, until, landed } => {
                let nonce = KeyNonce::of(&transaction);
                let take = |chain: &mut Chain| chain.enqueue(*transaction);
                self.submit(take, nonce, until, landed);
            }
            Command::Watch { hash, until, landed } => self.watch(hash, until, landed),
            Command::Act(act) => match self.failure() {
                // With the command goes its promise, so that nobody waits for an answer.
                Some(failed) => self.refuse_all(&failed),
                None => act(self),
            },
            Command::Look(look) => look(self),
            // The second ends the loop before it gets here.
            Command::GoOn | Command::Stop => {}
        }
    }

    /// Has a transaction taken, of which a block has to wait for the nonces before `nonce`.
    pub(super) fn submit(
        &mut self,
        take: impl FnOnce(&mut Chain) -> Result<CryptoHash, Refusal>,
        nonce: Option<KeyNonce>,
        until: TxExecutionStatus,
        landed: Promise<Landed>,
    ) {
        if let Some(failed) = self.failure() {
            landed.give(Err(failed.clone().into()));
            return self.refuse_all(&failed);
        }
        let (chain, gaps) = (&mut self.chain, &mut self.gaps);
        let submitted = catch_unwind(AssertUnwindSafe(|| {
            let taken = take(chain);
            if let (Ok(_), Some(nonce)) = (&taken, nonce) {
                gaps.see(chain, &nonce);
            }
            taken
        }));
        match submitted {
            Err(panic) => landed.give(Err(Refusal::Fault(panic_text(&*panic).into()))),
            Ok(Err(refusal)) => landed.give(Err(refusal)),
            Ok(Ok(hash)) => {
                if !self.mode.is_prompt() {
                    self.publish();
                }
                match until {
                    TxExecutionStatus::None => self.land(landed),
                    until => self.watch(hash, until, landed),
                }
            }
        }
    }

    pub(super) fn watch(
        &mut self,
        hash: CryptoHash,
        until: TxExecutionStatus,
        landed: Promise<Landed>,
    ) {
        match status(&self.chain, &hash) {
            Some(status) if meets(&status, &until) => self.land(landed),
            _ => {
                if let Some(failed) = self.failure() {
                    return landed.give(Err(failed.into()));
                }
                if self.watched >= self.tidy_at {
                    self.forget_the_impatient();
                }
                self.watched = self.watched.saturating_add(1);
                self.waiting.entry(hash).or_default().push((until, landed));
            }
        }
    }

    pub(super) fn produce(&mut self) {
        self.obeyed = 0;
        let started = Instant::now();
        let produced = self.attempt(|chain| chain.produce().map(|made| ((), vec![made])));
        self.last_block = started;
        self.took = started.elapsed();
        let reason = match produced {
            Ok(Ok(())) => return,
            Ok(Err(fault)) => fault.to_string(),
            Err(panic) => panic_text(&*panic),
        };
        self.drop_block(reason);
    }

    /// Tries again what waits for the chain that this one is a fork of.
    fn retry(&mut self) {
        let started = Instant::now();
        let retried =
            self.attempt(|chain| chain.retry()?.map(|made| ((), vec![made])).ok_or(NotYet));
        if let Err(panic) = retried {
            tracing::error!(target: "chain", reason = panic_text(&*panic), "no block was made");
        }
        // A source that does not answer is not to take most of the thread's time.
        self.retry_after = FIRST_RETRY.max(started.elapsed().saturating_mul(10));
    }

    /// Answers those whom a block that cannot be made leaves without hope.
    pub(super) fn drop_block(&mut self, reason: String) {
        tracing::error!(target: "chain", %reason, "the block was dropped");
        // One of the waiting transactions may be to blame; without them the rest may go on.
        let lost = self.chain.drain_pool();
        self.stalled = lost.is_empty();
        let refusal = Refusal::Fault(reason.into());
        for transaction in lost.iter() {
            self.refuse(transaction.hash(), &refusal);
        }
        if self.stalled {
            self.refuse_the_stalled(&refusal);
        }
    }

    /// Runs `step` on a copy of the chain, and on success puts the copy in the chain's place.
    pub(super) fn attempt<T, E>(
        &mut self,
        step: impl FnOnce(&mut Chain) -> Result<(T, Vec<Produced>), E>,
    ) -> Result<Result<T, E>, Box<dyn Any + Send>> {
        self.relieve();
        let mut next = self.chain.clone();
        let (result, made) = match catch_unwind(AssertUnwindSafe(|| step(&mut next)))? {
            Ok(made) => made,
            Err(error) => return Ok(Err(error)),
        };
        if !made.is_empty() {
            self.gaps.forget();
        }
        for Produced { dropped, unexecuted, .. } in made {
            for dropped in dropped {
                self.refuse(&dropped.id, &Refusal::Invalid(dropped.error));
            }
            for left_out in unexecuted {
                self.refuse(&left_out.id, &RuntimeFault::from(left_out.unavailable).into());
            }
        }
        self.replace(next);
        Ok(Ok(result))
    }

    /// Puts `next` in the chain's place, and returns the chain that was there.
    pub(super) fn replace(&mut self, mut next: Chain) -> Chain {
        next.follow(&self.chain);
        let previous = std::mem::replace(&mut self.chain, next);
        self.last_block = Instant::now();
        self.publish();
        self.answer_those_who_wait();
        previous
    }

    fn answer_those_who_wait(&mut self) {
        let mut reached_goal = Vec::new();
        let chain = &self.chain;
        self.waiting.retain(|hash, waiting| {
            let Some(reached) = status(chain, hash) else { return true };
            let (there, not_yet) = std::mem::take(waiting)
                .into_iter()
                .partition::<Vec<_>, _>(|(until, _)| meets(&reached, until));
            *waiting = not_yet;
            reached_goal.extend(there);
            !waiting.is_empty()
        });
        for (_, landed) in reached_goal {
            self.land(landed);
        }
    }

    fn refuse(&mut self, hash: &CryptoHash, refusal: &Refusal) {
        for (_, landed) in self.waiting.remove(hash).unwrap_or_default() {
            landed.give(Err(refusal.clone()));
        }
    }

    /// Answers those whose transaction is in the chain: it does not go on, so waiting is in vain.
    fn refuse_the_stalled(&mut self, refusal: &Refusal) {
        let chain = &self.chain;
        let stalled = self.waiting.extract_if(.., |hash, _| chain.execution(hash).is_some());
        for (_, landed) in stalled.flat_map(|(_, waiting)| waiting) {
            landed.give(Err(refusal.clone()));
        }
    }

    pub(super) fn forget_the_impatient(&mut self) {
        let mut left = 0_usize;
        self.waiting.retain(|_, waiting| {
            waiting.retain(|(_, landed)| !landed.is_forgotten());
            left = left.saturating_add(waiting.len());
            !waiting.is_empty()
        });
        self.watched = 0;
        self.tidy_at = left.max(FIRST_TIDY);
    }
}

/// Nothing that waits can be executed, or the block failed: all stays as it is.
struct NotYet;

impl From<RuntimeFault> for NotYet {
    fn from(_: RuntimeFault) -> Self {
        Self
    }
}

/// How far the transaction has come, if it is in a block.
fn status(chain: &Chain, hash: &CryptoHash) -> Option<TxExecutionStatus> {
    chain.execution(hash).map(|execution| chain.execution_status(&execution))
}

pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a bug in the sandbox: {}", text.unwrap_or("it panicked"))
}
