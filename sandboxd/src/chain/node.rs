//! A running chain: one thread owns the chain and makes its blocks, everybody else reads the
//! latest published value. When blocks are made the [`BlockMode`] says: mostly at once when there is
//! work for one, and then until no receipt is left, or, where blocks are not final at once, until
//! those that somebody waits for are; without work the thread sleeps. A block that fails, be it by a fault
//! or by a panic, is dropped: the chain from before it stays, and the node goes on.

mod impersonation;
mod returns;

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use near_primitives::hash::CryptoHash;
use near_primitives::transaction::SignedTransaction;
use near_primitives::views::TxExecutionStatus;
use parking_lot::Mutex;
use sandbox_runtime::RuntimeFault;
use sandbox_runtime::verify::WellFormed;

use super::answer::{Answer, Promise, answer};
use super::finality::{meets, status_to_come};
use super::gaps::{Gaps, KeyNonce};
use super::publication::Publication;
use super::saved::Saved;
use super::{BlockMode, Chain, Produced, Refusal};

/// How a node makes blocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeOptions {
    /// When blocks are made, until [`Node::set_block_mode`] says something else.
    pub mode: BlockMode,
}

/// The answer to a transaction: the chain in which it has come as far as was asked for.
pub type Landed = Result<Arc<Chain>, Refusal>;

/// A handle to a running chain. When the last clone goes, the chain's thread ends.
#[derive(Clone, Debug)]
pub struct Node {
    commands: Sender<Command>,
    published: Arc<Publication>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

enum Command {
    Submit {
        transaction: Box<WellFormed>,
        until: TxExecutionStatus,
        landed: Promise<Landed>,
    },
    Watch {
        hash: CryptoHash,
        until: TxExecutionStatus,
        landed: Promise<Landed>,
    },
    /// Anything else: it gives its answer itself.
    Act(Box<dyn FnOnce(&mut Owner) + Send>),
    Stop,
}

impl Node {
    /// Starts a thread that owns `chain`.
    ///
    /// # Errors
    /// What the operating system says if it has no thread to give.
    pub fn start(chain: Chain, options: NodeOptions) -> std::io::Result<Self> {
        let (commands, inbox) = channel();
        let published = Arc::new(Publication::new(chain.clone()));
        let owner = Owner::new(chain, inbox, Arc::clone(&published));
        let thread = std::thread::Builder::new()
            .name("chain".into())
            // Contracts may nest calls deeply in their compiled code.
            .stack_size(16 << 20)
            .spawn(move || owner.run(options))?;
        Ok(Self { commands, published, thread: Arc::new(Mutex::new(Some(thread))) })
    }

    /// The chain as of its latest block. Where blocks are not made at once it also has the transactions
    /// that were accepted since.
    pub fn view(&self) -> Arc<Chain> {
        self.published.view()
    }

    /// How often another chain was published. A view that is taken afterwards is no older.
    pub fn version(&self) -> u64 {
        self.published.version()
    }

    /// The first chain whose latest block is not the one with the hash `head`. Whoever goes on
    /// from there with [`Chain::blocks_since`] misses no block, however many came at once, also if
    /// the chain was taken back.
    pub fn after(&self, head: &CryptoHash) -> Answer<Arc<Chain>> {
        self.published.after(head)
    }

    /// Hands in a transaction. The answer comes when it has come as far as `until`: with `None`
    /// as soon as it was accepted.
    pub fn submit(
        &self,
        transaction: SignedTransaction,
        until: TxExecutionStatus,
    ) -> Answer<Landed> {
        // The signature is checked here, where many callers can do it at once.
        match self.view().admit(transaction) {
            Ok(transaction) => {
                let transaction = Box::new(transaction);
                self.ask(|landed| Command::Submit { transaction, until, landed })
            }
            Err(refusal) => {
                let (promise, refused) = answer();
                promise.give(Err(refusal));
                refused
            }
        }
    }

    /// Waits for a transaction, which may not have been seen yet, to come as far as `until`.
    /// Whoever loses patience drops the answer.
    pub fn watch(&self, hash: CryptoHash, until: TxExecutionStatus) -> Answer<Landed> {
        self.ask(|landed| Command::Watch { hash, until, landed })
    }

    /// Runs `change` on a copy of the chain. If it succeeds the copy takes the chain's place, and
    /// whoever gets the answer sees it; the blocks that it made are what it returns beside its
    /// result. If it fails, or panics, the chain is as it was.
    pub fn change<T: Send + 'static, E: From<RuntimeFault> + Send + 'static>(
        &self,
        change: impl FnOnce(&mut Chain) -> Result<(T, Vec<Produced>), E> + Send + 'static,
    ) -> Answer<Result<T, E>> {
        self.act(move |owner| {
            owner.attempt(change).unwrap_or_else(|panic| Err(panicked(&*panic).into()))
        })
    }

    /// Has the chain's thread do something between two blocks.
    fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Owner) -> T + Send + 'static,
    ) -> Answer<T> {
        self.ask(|done| Command::Act(Box::new(move |owner| done.give(act(owner)))))
    }

    /// Ends the chain's thread, after what it is doing, and waits for that.
    pub fn stop(&self) {
        // A thread that is gone already needs no telling.
        drop(self.commands.send(Command::Stop));
        if let Some(thread) = self.thread.lock().take() {
            // A panic of the thread has been reported by its own panic message.
            drop(thread.join());
        }
    }

    fn ask<T>(&self, command: impl FnOnce(Promise<T>) -> Command) -> Answer<T> {
        let (promise, answer) = answer();
        // If the thread is gone the promise goes with the command, which answers `None`.
        drop(self.commands.send(command(promise)));
        answer
    }
}

/// Fewer answers are not worth looking through.
const FIRST_TIDY: usize = 64;

/// A second is soon enough for an endpoint that is back.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// So many commands may share a block; then it is made, even if more come.
const COMMANDS_PER_BLOCK: usize = 10_000;

/// What the chain's thread owns.
struct Owner {
    chain: Chain,
    inbox: Receiver<Command>,
    published: Arc<Publication>,
    mode: BlockMode,
    waiting: BTreeMap<CryptoHash, Vec<(TxExecutionStatus, Promise<Landed>)>>,
    /// How many answers were promised since those that nobody waits for any more were looked for,
    watched: usize,
    /// and how many there may be before that is done again.
    tidy_at: usize,
    gaps: Gaps,
    saved: Saved,
    /// How many commands came since the last block.
    obeyed: usize,
    /// When the last block was made, or tried.
    last_block: Instant,
    /// The last block failed for what is in the chain, so that another attempt would too.
    stalled: bool,
    /// After how long without work what waits for the source of a fork is tried again.
    retry_after: Duration,
}

impl Owner {
    fn new(chain: Chain, inbox: Receiver<Command>, published: Arc<Publication>) -> Self {
        Self {
            chain,
            inbox,
            published,
            mode: BlockMode::default(),
            waiting: BTreeMap::new(),
            watched: 0,
            tidy_at: FIRST_TIDY,
            gaps: Gaps::default(),
            saved: Saved::default(),
            obeyed: 0,
            last_block: Instant::now(),
            stalled: false,
            retry_after: FIRST_RETRY,
        }
    }

    fn run(mut self, options: NodeOptions) {
        self.mode = options.mode;
        while let Some(event) = self.next_event() {
            match event {
                Event::Command(command) => self.obey(command),
                Event::Work => self.produce(),
                Event::Retry => self.retry(),
            }
        }
        self.published.end();
    }

    /// Commands come before blocks, so that transactions that arrive together share a block.
    fn next_event(&mut self) -> Option<Event> {
        if self.mode.is_prompt()
            && !self.stalled
            && (self.chain.has_work() || self.finality_is_awaited())
        {
            if self.obeyed >= COMMANDS_PER_BLOCK {
                return Some(Event::Work);
            }
            // With nothing left out, what has arrived is all that is waited for.
            return event(self.inbox.recv_timeout(self.gaps.patience().unwrap_or_default()));
        }
        let received = match self.mode.interval() {
            Some(interval) => {
                let left = interval.saturating_sub(self.last_block.elapsed());
                // Commands that keep coming do not put the block off.
                if left.is_zero() && self.obeyed > 0 {
                    return Some(Event::Work);
                }
                self.inbox.recv_timeout(left)
            }
            None if self.mode.is_prompt() && self.chain.waits_for_source() => {
                let received = self.inbox.recv_timeout(self.retry_after);
                if matches!(received, Err(RecvTimeoutError::Timeout)) {
                    return Some(Event::Retry);
                }
                received
            }
            None => self.inbox.recv().map_err(RecvTimeoutError::from),
        };
        event(received)
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

    fn obey(&mut self, command: Command) {
        self.stalled = false;
        self.obeyed = self.obeyed.saturating_add(1);
        match command {
            Command::Submit { transaction, until, landed } => {
                let nonce = KeyNonce::of(&transaction);
                let take = |chain: &mut Chain| chain.enqueue(*transaction);
                self.submit(take, nonce, until, landed);
            }
            Command::Watch { hash, until, landed } => self.watch(hash, until, landed),
            Command::Act(act) => act(self),
            // It ends the loop before it gets here.
            Command::Stop => {}
        }
    }

    /// Has a transaction taken, of which a block has to wait for the nonces before `nonce`.
    fn submit(
        &mut self,
        take: impl FnOnce(&mut Chain) -> Result<CryptoHash, Refusal>,
        nonce: Option<KeyNonce>,
        until: TxExecutionStatus,
        landed: Promise<Landed>,
    ) {
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
                    TxExecutionStatus::None => landed.give(Ok(self.published.view())),
                    until => self.watch(hash, until, landed),
                }
            }
        }
    }

    fn watch(&mut self, hash: CryptoHash, until: TxExecutionStatus, landed: Promise<Landed>) {
        match status(&self.chain, &hash) {
            Some(status) if meets(&status, &until) => {
                landed.give(Ok(self.published.view()));
            }
            _ => {
                if self.watched >= self.tidy_at {
                    self.forget_the_impatient();
                }
                self.watched = self.watched.saturating_add(1);
                self.waiting.entry(hash).or_default().push((until, landed));
            }
        }
    }

    fn produce(&mut self) {
        self.obeyed = 0;
        self.last_block = Instant::now();
        let produced = self.attempt(|chain| chain.produce().map(|made| ((), vec![made])));
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
    fn drop_block(&mut self, reason: String) {
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
    fn attempt<T, E>(
        &mut self,
        step: impl FnOnce(&mut Chain) -> Result<(T, Vec<Produced>), E>,
    ) -> Result<Result<T, E>, Box<dyn Any + Send>> {
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
    fn replace(&mut self, mut next: Chain) -> Chain {
        next.follow(&self.chain);
        let previous = std::mem::replace(&mut self.chain, next);
        self.last_block = Instant::now();
        let published = self.publish();
        self.answer_those_who_wait(&published);
        previous
    }

    fn publish(&self) -> Arc<Chain> {
        self.published.replace(self.chain.clone())
    }

    fn answer_those_who_wait(&mut self, published: &Arc<Chain>) {
        self.waiting.retain(|hash, waiting| {
            let Some(reached) = status(published, hash) else { return true };
            let (there, not_yet) = std::mem::take(waiting)
                .into_iter()
                .partition::<Vec<_>, _>(|(until, _)| meets(&reached, until));
            *waiting = not_yet;
            for (_, landed) in there {
                landed.give(Ok(Arc::clone(published)));
            }
            !waiting.is_empty()
        });
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

    fn forget_the_impatient(&mut self) {
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

enum Event {
    Command(Command),
    Work,
    Retry,
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

fn panicked(panic: &(dyn Any + Send)) -> RuntimeFault {
    RuntimeFault::CorruptState(panic_text(panic))
}

/// What follows from what was received, or from nothing having come in time.
fn event(received: Result<Command, RecvTimeoutError>) -> Option<Event> {
    match received {
        Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => None,
        Ok(command) => Some(Event::Command(command)),
        Err(RecvTimeoutError::Timeout) => Some(Event::Work),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a bug in the sandbox: {}", text.unwrap_or("it panicked"))
}

mod control;
#[cfg(test)]
mod tests;
