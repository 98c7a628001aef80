//! [`apply_block`]: what a block does to a state, as a pure function.
//!
//! The order is NEAR's: stakes that an epoch gives back, transactions, then receipts that
//! accounts send to themselves, then what was left over from earlier blocks, then what the block
//! before sent out, then yields whose time is up.
//! Knows no clock, no chain, no pool; randomness comes with the block. Follows nearcore's
//! `Runtime::apply` (`runtime/runtime/src/lib.rs`).

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use near_primitives::utils::create_receipt_id_from_transaction;
use sandbox_state::{Checkpoint, Overlay, Snapshot};
use vm_runner::StoreStats;

use crate::balance;
use crate::block::{BlockEffects, BlockEnv, BlockInput, Burnt, DroppedTransaction};
use crate::config::RuntimeConfig;
use crate::contract::ContractRunner;
use crate::delayed::DelayedQueue;
use crate::engines::Engines;
use crate::fault::{NeededBy, OrOverflow, RuntimeFault};
use crate::impersonation::Impersonated;
use crate::itemized::Itemized;
use crate::near::{
    Balance, CryptoHash, ExecutionMetadata, ExecutionOutcome, ExecutionOutcomeWithId,
    ExecutionStatus, InvalidTxError, Receipt, SignedTransaction, StateChangeCause,
    TxExecutionError, ValidatorStake,
};
use crate::stakes;
use crate::state_changes::Causes;
use crate::tree;
use crate::validate::{self, ReceiptAge};
use crate::verify::{KeyUpdate, Verdict, VerifiedTransaction, WellFormed, verify_with_state};

/// What applying blocks takes and does not change: the protocol's rules, and the VM with its cache
/// of compiled contracts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Runtime {
    config: Arc<RuntimeConfig>,
    contracts: Arc<ContractRunner>,
}

impl Runtime {
    /// A runtime of the given rules, with an empty cache of contracts.
    pub fn new(config: RuntimeConfig) -> Self {
        Runtime::on(&Engines::default(), config)
    }

    /// The same, on other engines.
    pub fn on(engines: &Engines, config: RuntimeConfig) -> Self {
        let contracts = Arc::new(ContractRunner::new(&config, engines));
        Runtime { config: Arc::new(config), contracts }
    }

    /// The protocol's rules.
    pub fn config(&self) -> &RuntimeConfig {
        &self.config
    }

    /// Waits until the contracts that were deployed so far are compiled, and stored if the engines have a
    /// store. Calls need not: they wait for what they call.
    pub fn wait_for_compilation(&self) {
        self.contracts.wait_for_background();
    }

    /// What came of the engines' store of compiled contracts.
    pub fn store_stats(&self) -> StoreStats {
        self.contracts.store_stats()
    }

    pub(crate) fn contracts(&self) -> &ContractRunner {
        &self.contracts
    }
}

/// Applies a block of `input` on `base`.
///
/// The same arguments give the same effects, byte for byte. Nothing outside is changed: what the
/// block did is in the answer.
///
/// # Errors
/// A [`RuntimeFault`] when the state or a receipt of an earlier block is corrupt. Nothing that a
/// transaction contains causes one.
pub fn apply_block(
    runtime: &Runtime,
    base: &Snapshot,
    env: &BlockEnv,
    input: BlockInput,
) -> Result<BlockEffects, RuntimeFault> {
    let BlockInput { transactions, receipts, held_back, kept_stakes, impersonated, itemize } =
        input;
    let mut application = Application::new(runtime, base, env, held_back)?;
    application.impersonated = impersonated;
    application.itemized = itemize.then(Itemized::new);
    stakes::give_back(&mut application.state, &kept_stakes)?;
    application.attribute(StateChangeCause::ValidatorAccountsUpdate);
    for transaction in &transactions {
        let cause = NeededBy::Transaction(transaction.transaction().get_hash());
        application.apply_transaction(transaction).map_err(|fault| fault.in_execution(cause))?;
    }
    for (transaction, receipt) in std::mem::take(&mut application.own) {
        let cause = NeededBy::Transaction(transaction);
        application.process_or_delay(&receipt).map_err(|fault| fault.in_execution(cause))?;
        application.local.push(receipt);
    }
    application.process_delayed()?;
    for receipt in &receipts {
        application.process_incoming(receipt)?;
    }
    application.time_out_yields()?;
    let effects = application.finish();
    balance::check(runtime.config().near(), base, &receipts, &effects)?;
    Ok(effects)
}

/// A block that is being applied.
pub(crate) struct Application<'a> {
    pub(crate) runtime: &'a Runtime,
    pub(crate) env: &'a BlockEnv,
    pub(crate) impersonated: Impersonated,
    pub(crate) state: Overlay,
    pub(crate) burnt: Burnt,
    pub(crate) proposals: Vec<ValidatorStake>,
    /// Receipts that the last one made and that run right after it.
    pub(crate) instant: VecDeque<Receipt>,
    pub(crate) outgoing: Vec<Receipt>,
    /// Receipts of transactions that accounts sent to themselves, with the hash of the transaction;
    /// they run in this block.
    own: Vec<(CryptoHash, Receipt)>,
    local: Vec<Receipt>,
    delayed: DelayedQueue,
    held_back: BTreeSet<CryptoHash>,
    /// How many receipts were held back so far.
    held: u64,
    outcomes: Vec<ExecutionOutcomeWithId>,
    dropped: Vec<DroppedTransaction>,
    /// Where the writes of each cause end.
    ends: Vec<(Checkpoint, StateChangeCause)>,
    /// Hashes of this block's transactions: a hash is the id of one outcome only.
    seen: BTreeSet<[u8; 32]>,
    /// What each action burnt, if somebody wants to know.
    pub(crate) itemized: Option<Itemized>,
}

impl<'a> Application<'a> {
    fn new(
        runtime: &'a Runtime,
        base: &Snapshot,
        env: &'a BlockEnv,
        held_back: BTreeSet<CryptoHash>,
    ) -> Result<Self, RuntimeFault> {
        let mut state = Overlay::new(base.clone());
        let delayed = DelayedQueue::load(&mut state)?;
        Ok(Application {
            runtime,
            env,
            impersonated: Impersonated::default(),
            state,
            burnt: Burnt::default(),
            proposals: Vec::new(),
            instant: VecDeque::new(),
            outgoing: Vec::new(),
            own: Vec::new(),
            local: Vec::new(),
            delayed,
            held_back,
            held: 0,
            outcomes: Vec::new(),
            dropped: Vec::new(),
            ends: Vec::new(),
            seen: BTreeSet::new(),
            itemized: None,
        })
    }

    /// Charges the signer of a transaction and turns it into a receipt; or drops it, if it is not
    /// valid after the transactions before it.
    fn apply_transaction(&mut self, well_formed: &WellFormed) -> Result<(), RuntimeFault> {
        let transaction = well_formed.transaction();
        if !self.seen.insert(transaction.hash().0) {
            return Ok(());
        }
        let (config, env) = (self.runtime.config(), self.env);
        let height = Some(env.height);
        match verify_with_state(config, &mut self.state, env.gas_price, height, well_formed)? {
            Ok(Verdict::Valid(verified)) => self.convert(transaction, &verified),
            Ok(Verdict::DepositFailed { charged, error }) => {
                self.book_attempt(transaction, &charged, error)
            }
            Err(error) => {
                self.dropped.push(DroppedTransaction { id: transaction.get_hash(), error });
                Ok(())
            }
        }
    }

    fn convert(
        &mut self,
        transaction: &SignedTransaction,
        verified: &VerifiedTransaction,
    ) -> Result<(), RuntimeFault> {
        let body = &transaction.transaction;
        let receipt = Receipt::from_tx(
            create_receipt_id_from_transaction(transaction.hash(), self.env.height),
            body.signer_id().clone(),
            body.receiver_id().clone(),
            body.public_key().clone(),
            verified.cost.receipt_gas_price,
            body.actions().to_vec(),
        );
        let receipt_id = *receipt.receipt_id();
        let status = ExecutionStatus::SuccessReceiptId(receipt_id);
        self.book(transaction, verified, status, vec![receipt_id])?;
        if receipt.receiver_id() == body.signer_id() {
            self.own.push((transaction.get_hash(), receipt));
        } else {
            self.outgoing.push(receipt);
        }
        Ok(())
    }

    /// The key has paid for an attempt that the account could not afford.
    fn book_attempt(
        &mut self,
        transaction: &SignedTransaction,
        charged: &VerifiedTransaction,
        error: InvalidTxError,
    ) -> Result<(), RuntimeFault> {
        let status = ExecutionStatus::Failure(TxExecutionError::InvalidTxError(error));
        self.book(transaction, charged, status, Vec::new())
    }

    /// Writes what a transaction takes from its signer, with its outcome.
    fn book(
        &mut self,
        transaction: &SignedTransaction,
        verified: &VerifiedTransaction,
        status: ExecutionStatus,
        receipt_ids: Vec<CryptoHash>,
    ) -> Result<(), RuntimeFault> {
        let body = &transaction.transaction;
        let (signer, public_key) = (body.signer_id(), body.public_key());
        let VerifiedTransaction { cost, account, key } = verified;
        tree::set_account(&mut self.state, signer, account);
        match key {
            KeyUpdate::AccessKey(access_key) => {
                tree::set_access_key(&mut self.state, signer, public_key, access_key);
            }
            KeyUpdate::GasKey { access_key, index, nonce } => {
                tree::set_access_key(&mut self.state, signer, public_key, access_key);
                tree::set_gas_key_nonce(&mut self.state, signer, public_key, *index, *nonce);
            }
            KeyUpdate::Bootstrap | KeyUpdate::Impersonated => {}
        }
        let outcome = ExecutionOutcome {
            status,
            logs: Vec::new(),
            receipt_ids,
            gas_burnt: cost.gas_burnt,
            compute_usage: Some(cost.compute_burnt),
            tokens_burnt: cost.burnt_amount,
            executor_id: signer.clone(),
            metadata: ExecutionMetadata::V1,
        };
        self.attribute(StateChangeCause::TransactionProcessing { tx_hash: transaction.get_hash() });
        self.burn_tokens(cost.burnt_amount)?;
        self.record(ExecutionOutcomeWithId { id: transaction.get_hash(), outcome })
    }

    /// A receipt of an earlier block was valid when it was made, and has to be valid now.
    fn process_incoming(&mut self, receipt: &Receipt) -> Result<(), RuntimeFault> {
        validate::receipt(self.runtime.config(), receipt, ReceiptAge::Existing)
            .map_err(|source| RuntimeFault::InvalidReceipt { id: *receipt.receipt_id(), source })?;
        let cause = NeededBy::Receipt(*receipt.receipt_id());
        self.process_or_delay(receipt).map_err(|fault| fault.in_execution(cause))
    }

    /// Processes a receipt, or queues it once the block is full.
    fn process_or_delay(&mut self, receipt: &Receipt) -> Result<(), RuntimeFault> {
        if self.is_full() {
            return self.delayed.push(&mut self.state, receipt);
        }
        if self.held_back.contains(receipt.receipt_id()) {
            return self.hold_back(receipt);
        }
        self.process_with_instant(receipt)
    }

    fn process_delayed(&mut self) -> Result<(), RuntimeFault> {
        for _ in 0..self.delayed.len() {
            if self.is_full() {
                break;
            }
            let Some(receipt) = self.delayed.pop(&mut self.state)? else { break };
            if self.held_back.contains(receipt.receipt_id()) {
                self.hold_back(&receipt)?;
                continue;
            }
            let cause = NeededBy::Receipt(*receipt.receipt_id());
            self.process_with_instant(&receipt).map_err(|fault| fault.in_execution(cause))?;
        }
        Ok(())
    }

    /// Lets a receipt wait behind all others.
    fn hold_back(&mut self, receipt: &Receipt) -> Result<(), RuntimeFault> {
        self.held = self.held.saturating_add(1);
        self.delayed.push(&mut self.state, receipt)
    }

    /// Processes a receipt, and then those that it made and that run at once.
    fn process_with_instant(&mut self, receipt: &Receipt) -> Result<(), RuntimeFault> {
        if let Some(outcome) = self.process(receipt)? {
            self.record(outcome)?;
        }
        while let Some(instant) = self.instant.pop_front() {
            if let Some(outcome) = self.process(&instant)? {
                self.record(outcome)?;
            }
            self.local.push(instant);
        }
        Ok(())
    }

    /// Whether the block has burnt what it may, or has read more than a proof of it should hold.
    pub(crate) fn is_full(&self) -> bool {
        let proof_limit =
            self.runtime.config().near().witness_config.main_storage_proof_size_soft_limit;
        self.burnt.compute >= self.env.gas_limit.as_gas()
            || self.state.visits.proof_bytes() > proof_limit
    }

    fn record(&mut self, outcome: ExecutionOutcomeWithId) -> Result<(), RuntimeFault> {
        let compute = outcome.outcome.compute_usage.unwrap_or_default();
        self.burnt.gas =
            self.burnt.gas.checked_add(outcome.outcome.gas_burnt).or_overflow("a block's gas")?;
        self.burnt.compute =
            self.burnt.compute.checked_add(compute).or_overflow("a block's compute")?;
        self.outcomes.push(outcome);
        Ok(())
    }

    pub(crate) fn burn_tokens(&mut self, amount: Balance) -> Result<(), RuntimeFault> {
        self.burnt.tokens =
            self.burnt.tokens.checked_add(amount).or_overflow("a block's burnt tokens")?;
        Ok(())
    }

    /// Names the cause of what was written since the last one. Only records that clients see need
    /// one: what nobody named so far are queues and data of the runtime itself.
    pub(crate) fn attribute(&mut self, cause: StateChangeCause) {
        let end = self.state.checkpoint();
        if self.ends.last().is_none_or(|(last, _)| *last != end) {
            self.ends.push((end, cause));
        }
    }

    fn finish(self) -> BlockEffects {
        let (changes, journal) = self.state.into_changes_and_journal();
        BlockEffects {
            changes,
            causes: Causes::new(journal, self.ends),
            outcomes: self.outcomes,
            outgoing: self.outgoing,
            local: self.local,
            dropped: self.dropped,
            proposals: last_of_each_account(self.proposals),
            delayed_receipts: self.delayed.len(),
            held_back: self.held,
            burnt: self.burnt,
            itemized: self.itemized.unwrap_or_default(),
        }
    }
}

/// The last proposal of each account, the latest first, as NEAR puts them into a chunk.
fn last_of_each_account(proposals: Vec<ValidatorStake>) -> Vec<ValidatorStake> {
    let mut seen = BTreeSet::new();
    proposals
        .into_iter()
        .rev()
        .filter(|proposal| seen.insert(proposal.account_id().clone()))
        .collect()
}
