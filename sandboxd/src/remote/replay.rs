//! Transactions and receipts that a chain elsewhere recorded, run again on the state from before them.

mod receipt;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use near_chain_configs::{GenesisContents, GenesisRecords};
use near_crypto::{KeyType, SecretKey};
use near_primitives::action::Action;
use near_primitives::hash::CryptoHash;
use near_primitives::state_record::{StateRecord, state_record_to_account_id};
use near_primitives::transaction::{
    NonceMode, SignedTransaction, Transaction, TransactionNonce, TransactionV0, TransactionV1,
};
use near_primitives::types::{AccountId, Balance};
use near_primitives::views::{
    BlockHeaderView, BlockView, FinalExecutionOutcomeView, SignedTransactionView,
};
use sandbox_runtime::overrides::StateOverrides;
use sandbox_runtime::{Engines, FeeTable};
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Unread};
use super::endpoint::Answer;
use super::error::RemoteError;
use super::pinned::{BlockPin, read};
use super::source::RemoteSource;
use crate::chain::{
    Chain, ChainOptions, Clock, Difference, DryRun, DryRunFailed, DryTransaction, InvalidChain,
    Overrides, Source as _, compare,
};
use crate::{KEPT_BLOCKS, genesis};

pub use receipt::{ReceiptReplay, ReceiptReplayFailed, RecordedReceipt};

/// A transaction of a chain elsewhere, and what became of it there.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What was recorded.
    pub outcome: FinalExecutionOutcomeView,
    /// The header of the block that has the transaction.
    pub block: BlockHeaderView,
}

/// What names a transaction elsewhere.
#[derive(Clone, Debug)]
pub enum RecordedId {
    /// A transaction.
    Transaction {
        /// Its hash.
        hash: CryptoHash,
        /// Who sent it.
        sender_id: AccountId,
    },
    /// The transaction that a receipt goes back to.
    Receipt(CryptoHash),
}

/// A recorded transaction that ran again.
#[derive(Debug)]
pub struct Replay {
    /// What came of it here.
    pub run: DryRun,
    /// The same as nodes tell it.
    pub outcome: FinalExecutionOutcomeView,
    /// In what the recorded one, the first, and this one, the second, differ.
    pub differences: Vec<Difference>,
}

/// A recorded transaction was not run again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayFailed {
    /// Something could not be read.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// No chain can go on from the block before it.
    #[error(transparent)]
    Chain(#[from] InvalidChain),
    /// It cannot be run there.
    #[error(transparent)]
    Run(#[from] DryRunFailed),
}

#[derive(Deserialize)]
struct Origin {
    transaction_hash: CryptoHash,
    sender_account_id: AccountId,
}

impl Origin {
    /// The transaction that a receipt goes back to; `None` if nobody knows the receipt.
    fn fetch(client: &Client, receipt_id: &CryptoHash) -> Result<Option<Self>, RemoteError> {
        let params = json!({ "receipt_id": receipt_id });
        client.ask_any("EXPERIMENTAL_receipt_to_tx", &params, |answer| {
            found(answer, "UNKNOWN_RECEIPT", read::<Self>)
        })
    }
}

impl Recorded {
    /// What the chain that `client` asks recorded; `None` if it knows no such transaction or receipt.
    pub fn fetch(client: &Client, id: &RecordedId) -> Result<Option<Self>, RemoteError> {
        let (hash, sender_id) = match id {
            RecordedId::Transaction { hash, sender_id } => (*hash, sender_id.clone()),
            RecordedId::Receipt(receipt_id) => {
                let Some(origin) = Origin::fetch(client, receipt_id)? else { return Ok(None) };
                (origin.transaction_hash, origin.sender_account_id)
            }
        };
        let params =
            json!({ "tx_hash": hash, "sender_account_id": sender_id, "wait_until": "EXECUTED" });
        let outcome = client.ask_any("tx", &params, |answer| {
            found(answer, "UNKNOWN_TRANSACTION", |result| {
                let outcome: FinalExecutionOutcomeView = read(result)?;
                if outcome.transaction.hash == hash {
                    Ok(outcome)
                } else {
                    Err(Unread::Wrong("it is about another transaction".into()))
                }
            })
        })?;
        let Some(outcome) = outcome else { return Ok(None) };
        let block = header(client, &outcome.transaction_outcome.block_hash)?;
        Ok(Some(Self { outcome, block }))
    }

    /// The transaction, as far as nodes tell it: not the block that it was signed for.
    pub fn transaction(&self) -> Result<SignedTransaction, RemoteError> {
        let view = self.outcome.transaction.clone();
        let SignedTransactionView { signer_id, public_key, nonce, receiver_id, actions, .. } = view;
        let actions = actions.into_iter().map(Action::try_from).collect::<Result<_, _>>();
        let actions = actions.map_err(|error| RemoteError::Unsupported {
            what: format!("an action of the transaction is not understood: {error}"),
        })?;
        let block_hash = self.block.prev_hash;
        let transaction = if view.nonce_index.is_none() && view.nonce_mode.is_none() {
            Transaction::V0(TransactionV0 {
                signer_id,
                public_key,
                nonce,
                receiver_id,
                block_hash,
                actions,
            })
        } else {
            Transaction::V1(TransactionV1 {
                signer_id,
                public_key,
                nonce: match view.nonce_index {
                    None => TransactionNonce::from_nonce(nonce),
                    Some(index) => TransactionNonce::from_nonce_and_index(nonce, index),
                },
                receiver_id,
                block_hash,
                actions,
                nonce_mode: view.nonce_mode.unwrap_or(NonceMode::Monotonic),
            })
        };
        Ok(SignedTransaction::new(view.signature, transaction))
    }

    /// Runs the transaction and its receipts on the state from before its block, with `code` in the
    /// place of what these accounts had, and compares. What else happened in that block and in those
    /// after it is not here.
    pub fn replay(
        &self,
        client: Arc<Client>,
        cache: Option<&Path>,
        code: BTreeMap<AccountId, Vec<u8>>,
    ) -> Result<Replay, ReplayFailed> {
        let sender = &self.outcome.transaction.signer_id;
        let chain = chain_before(&self.block, client, cache, sender)?;
        let overrides = in_block(&self.block, code);
        let transaction = DryTransaction::Recorded(self.transaction()?);
        let run = chain.dry_run(transaction, &overrides, false)?;
        let outcome = run.execution().view();
        let differences = compare(&self.outcome, &outcome);
        Ok(Replay { run, outcome, differences })
    }
}

/// A chain that goes on from the block before `block`. The account `first` will be read there.
fn chain_before(
    block: &BlockHeaderView,
    client: Arc<Client>,
    cache: Option<&Path>,
    first: &AccountId,
) -> Result<Chain, ReplayFailed> {
    let source = Arc::new(RemoteSource::open(client, BlockPin::Hash(block.prev_hash), cache)?);
    if source.account(first).is_err() {
        // Without the state of the block nothing can be run, and here it is said in a better way.
        source.remote().account(first)?;
    }
    let (genesis, signer) = nobody();
    let options = ChainOptions {
        signer,
        clock: Clock::manual(block.timestamp_nanosec),
        block_delay_ns: 1,
        kept_blocks: KEPT_BLOCKS,
        finality_lag: 0,
        max_gas_burnt_view: None,
        fees: FeeTable::new(),
        wallet_contract: None,
        auto_impersonate: false,
        engines: Engines::default(),
    };
    Ok(Chain::fork(source, &genesis, options)?)
}

/// What makes the first block of a run like `block`, with `code` in the place of what there was.
fn in_block(block: &BlockHeaderView, code: BTreeMap<AccountId, Vec<u8>>) -> Overrides {
    Overrides {
        state: StateOverrides { code, ..StateOverrides::default() },
        height: Some(block.height),
        timestamp_ns: Some(block.timestamp_nanosec),
        ..Overrides::default()
    }
}

fn header(client: &Client, hash: &CryptoHash) -> Result<BlockHeaderView, RemoteError> {
    let params = json!({ "block_id": hash });
    let block: BlockView = client.ask("block", &params, |result| read(&result))?;
    Ok(block.header)
}

/// A result, or nothing if the error is `absent`.
fn found<T>(
    answer: Answer,
    absent: &str,
    read: impl Fn(&serde_json::value::RawValue) -> Result<T, Unread>,
) -> Result<Option<T>, Unread> {
    match answer {
        Answer::Result(result) => read(&result).map(Some),
        Answer::Declined(error) if error.cause.name == absent => Ok(None),
        Answer::Declined(error) => Err(Unread::Declined(error)),
    }
}

/// A genesis with nothing but a validator of a name that nobody has, so that it hides no account.
fn nobody() -> (near_chain_configs::Genesis, near_primitives::validator_signer::ValidatorSigner) {
    let secret_key = SecretKey::from_seed(KeyType::ED25519, "the validator of a replay");
    let public_key = secret_key.public_key();
    let id =
        near_primitives::utils::derive_near_implicit_account_id(public_key.unwrap_as_ed25519());
    let signer = genesis::signer(id.clone(), secret_key);
    let mut genesis =
        genesis::for_validator(genesis::LOCALNET, (id.clone(), public_key), genesis::EPOCH_LENGTH);
    let mut records = genesis::records(&genesis).to_vec();
    records.retain(|record| *state_record_to_account_id(record) == id);
    let held = records.iter().filter_map(|record| match record {
        StateRecord::Account { account, .. } => Some((account.amount(), account.locked())),
        _ => None,
    });
    genesis.config.total_supply = held.fold(Balance::ZERO, |sum, (amount, locked)| {
        sum.saturating_add(amount).saturating_add(locked)
    });
    genesis.contents = GenesisContents::Records { records: GenesisRecords(records) };
    (genesis, signer)
}
