//! A running chain: one thread at a time owns the chain and makes its blocks, everybody else reads
//! the latest published value. When blocks are made the [`BlockMode`] says: mostly at once when there is
//! work for one, and then until no receipt is left, or, where blocks are not final at once, until
//! those that somebody waits for are; without work the thread sleeps. A block that fails, be it by a fault
//! or by a panic, is dropped: the chain from before it stays, and the node goes on.

mod control;
mod impersonation;
mod kept;
mod owner;
mod returns;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use near_primitives::hash::CryptoHash;
use near_primitives::transaction::SignedTransaction;
use near_primitives::views::TxExecutionStatus;
use parking_lot::Mutex;
use sandbox_runtime::RuntimeFault;
use sandbox_runtime::verify::WellFormed;

use super::answer::{Answer, Promise, answer};
use super::publication::Publication;
use super::{BlockMode, Chain, Chains, Keeper, KeeperFailed, Produced, Refusal};
use owner::{Owner, Wait, panic_text};

/// How a node makes blocks.
#[derive(Clone, Debug, Default)]
pub struct NodeOptions {
    /// When blocks are made, until [`Node::set_block_mode`] says something else.
    pub mode: BlockMode,
    /// Who keeps the chain and its snapshots elsewhere than in memory.
    pub keeper: Option<Arc<dyn Keeper>>,
}

/// The answer to a transaction: the chain in which it has come as far as was asked for.
pub type Landed = Result<Arc<Chain>, Refusal>;

/// A handle to a running chain. When the last clone goes, the chain ends as with [`Node::stop`].
#[derive(Clone, Debug)]
pub struct Node {
    /// With the chain's thread, or with whoever brings a command while that has nothing to do.
    owner: Arc<Mutex<Owner>>,
    commands: Sender<Command>,
    published: Arc<Publication>,
    keeper: Option<Arc<dyn Keeper>>,
    /// Last, so that its end finds nothing else of the last clone.
    running: Arc<Running>,
}

/// The chain's thread, which ends before this is gone.
#[derive(Debug)]
struct Running {
    commands: Sender<Command>,
    thread: Mutex<Option<JoinHandle<()>>>,
    keeper: Option<Arc<dyn Keeper>>,
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
    /// Anything else that changes something: it gives its answer itself.
    Act(Box<dyn FnOnce(&mut Owner) + Send>),
    /// Something that changes nothing.
    Look(Box<dyn FnOnce(&Owner) + Send>),
    /// Nothing: what was done meanwhile leaves something to do.
    GoOn,
    Stop,
}

impl Node {
    /// Starts a thread that owns a chain, and the snapshots beside it if there are any.
    ///
    /// # Errors
    /// What the operating system says if it has no thread to give.
    pub fn start(chains: impl Into<Chains>, options: NodeOptions) -> std::io::Result<Self> {
        let chains = chains.into();
        let (commands, inbox) = channel();
        let published = Arc::new(Publication::new(chains.current.clone()));
        let keeper = options.keeper;
        let owner = Owner::new(chains, Arc::clone(&published), options.mode, keeper.clone());
        let owner = Arc::new(Mutex::new(owner));
        let its = Arc::clone(&owner);
        let thread = std::thread::Builder::new()
            .name("chain".into())
            // Contracts may nest calls deeply in their compiled code.
            .stack_size(16 << 20)
            .spawn(move || run(&its, &inbox))?;
        let running = Running {
            commands: commands.clone(),
            thread: Mutex::new(Some(thread)),
            keeper: keeper.clone(),
        };
        Ok(Self { owner, commands, published, keeper, running: Arc::new(running) })
    }

    /// Why the chain does not go on, if it can no longer be kept: it is read-only then.
    pub fn failure(&self) -> Option<KeeperFailed> {
        self.keeper.as_ref().and_then(|keeper| keeper.failure())
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
                self.ask_or_do(|landed| Command::Submit { transaction, until, landed })
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
        self.ask(|done| {
            Command::Act(Box::new(move |owner| {
                let changed = owner.attempt(change);
                let changed = changed.unwrap_or_else(|panic| Err(panicked(&*panic).into()));
                owner.give(done, changed);
            }))
        })
    }

    /// Does something that takes no time between two blocks.
    fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Owner) -> T + Send + 'static,
    ) -> Answer<T> {
        self.ask_or_do(|done| {
            Command::Act(Box::new(move |owner| {
                let value = act(owner);
                owner.give(done, value);
            }))
        })
    }

    /// Looks at what the thread owns.
    fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Owner) -> T + Send + 'static,
    ) -> Answer<T> {
        self.ask_or_do(|done| Command::Look(Box::new(move |owner| done.give(look(owner)))))
    }

    /// Ends the chain's thread, after what it is doing, and waits for that.
    pub fn stop(&self) {
        self.running.end();
    }

    /// Carries a command out if the chain's thread has nothing to do, which saves waking it.
    fn ask_or_do<T>(&self, command: impl FnOnce(Promise<T>) -> Command) -> Answer<T> {
        if let Some(mut owner) = self.owner.try_lock()
            && owner.is_at_leisure()
        {
            let (promise, answer) = answer();
            let done = owner.obey_at_once(command(promise));
            drop(owner);
            if !done {
                drop(self.commands.send(Command::GoOn));
            }
            return answer;
        }
        self.ask(command)
    }

    fn ask<T>(&self, command: impl FnOnce(Promise<T>) -> Command) -> Answer<T> {
        let (promise, answer) = answer();
        // If the thread is gone the promise goes with the command, which answers `None`.
        drop(self.commands.send(command(promise)));
        answer
    }
}

impl Running {
    fn end(&self) {
        // A thread that is gone already needs no telling.
        drop(self.commands.send(Command::Stop));
        if let Some(thread) = self.thread.lock().take() {
            join(thread);
        }
        if let Some(keeper) = &self.keeper {
            keeper.close();
        }
    }
}

impl Drop for Running {
    /// A program that left its `main` with the chain still at work would take from it, while it writes
    /// to disk, what the process shares.
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits for the end of a thread, unless it is the one that waits.
pub(crate) fn join(thread: JoinHandle<()>) {
    if thread.thread().id() != std::thread::current().id() {
        // A panic of the thread has been reported by its own panic message.
        drop(thread.join());
    }
}

/// The chain's thread.
fn run(owner: &Mutex<Owner>, inbox: &Receiver<Command>) {
    loop {
        let wait = owner.lock().wait();
        let received = match wait {
            Wait::Over => Err(RecvTimeoutError::Timeout),
            Wait::ForBlock(time) | Wait::ForRetry(time) => inbox.recv_timeout(time),
            Wait::ForCommand => inbox.recv().map_err(RecvTimeoutError::from),
        };
        let mut owner = owner.lock();
        match received {
            Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return owner.end(),
            Ok(command) => owner.obey(command),
            Err(RecvTimeoutError::Timeout) => owner.waited(wait),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Command")
    }
}

fn panicked(panic: &(dyn Any + Send)) -> RuntimeFault {
    RuntimeFault::CorruptState(panic_text(panic))
}

#[cfg(test)]
mod tests;
