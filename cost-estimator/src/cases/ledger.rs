//! A chain without blocks between: a state with accounts, and transactions and receipts that are
//! applied to it.

use std::sync::{Arc, OnceLock};

use anyhow::{anyhow, bail};
use borsh::BorshDeserialize;
use sandbox_runtime::genesis::genesis_state;
use sandbox_runtime::near::{
    AccessKey, Account, AccountContract, AccountId, Action, ActionReceipt, Balance, CryptoHash,
    DataReceiver, ExecutionMetadata, ExecutionOutcomeWithId, ExecutionStatus, ExtCosts, Gas,
    InvalidTxError, KeyType, ProfileDataV3, PublicKey, Receipt, ReceiptEnum, ReceiptV0, SecretKey,
    SignedTransaction, StateRecord, Transaction, TransactionV0,
};
use sandbox_runtime::verify::WellFormed;
use sandbox_runtime::{
    BlockEffects, BlockEnv, BlockInput, Engines, FeeTable, Runtime, RuntimeConfig, VmKind,
    apply_block,
};
use sandbox_state::Snapshot;

use super::actions::STATE_INITS;

/// Accounts that have keys and act.
pub(super) const ACTORS: u64 = 40;
/// Accounts that are there for the trie to have a depth.
const OTHERS: u64 = 1_000;
/// Accounts of each kind that others are made beside: these find the same in the trie, each of them.
const OLD: u64 = 256;
/// Who is the first of sixteen in a row finds a branch of its own among the accounts, and so do the
/// fifteen behind it: what so many do takes so many times what one does.
pub(super) const FEW: [u64; 3] = [6, 11, 16];

/// A state, and the rules that it changes by. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    runtime: Arc<Runtime>,
    state: Snapshot,
    env: BlockEnv,
    /// Hashes of the last block's outcomes.
    outcomes: Vec<Vec<CryptoHash>>,
}

/// What needs no state to be checked: [`WellFormed::check`], or without the signature
/// [`WellFormed::unsigned`].
pub(super) type Check = fn(&RuntimeConfig, SignedTransaction) -> Result<WellFormed, InvalidTxError>;

/// The account that acts as the `number`th.
pub(super) fn actor(number: u64) -> AccountId {
    beside("actor", number)
}

/// The `number`th account that is not there yet.
pub(super) fn newcomer(number: u64) -> AccountId {
    beside("new", number)
}

/// The account that makes others.
pub(super) fn maker() -> AccountId {
    name("near")
}

/// The first byte is another one for each of 256 numbers, wherever they begin.
fn beside(kind: &str, number: u64) -> AccountId {
    name(&format!("{:02x}-{kind}.near", number * 177 % 256))
}

pub(super) fn name(name: &str) -> AccountId {
    name.parse().expect("names of cases are account ids")
}

/// The key of an actor.
pub(super) fn key(kind: KeyType, number: u64) -> SecretKey {
    SecretKey::from_seed(kind, &format!("actor-{number}"))
}

impl Ledger {
    /// The ledger, where host functions cost one gas a unit: what a receipt's gas profile says is
    /// then the number of units. The state is made once in a process. The engine is another one each
    /// time, because modules and their memories are kept as long as it is.
    pub(super) fn new(near: &RuntimeConfig, vm: VmKind) -> anyhow::Result<Ledger> {
        static START: OnceLock<(RuntimeConfig, Snapshot)> = OnceLock::new();
        let (config, state) = if let Some(start) = START.get() {
            start
        } else {
            let start = start(near)?;
            START.get_or_init(|| start)
        };
        // Threads take turns as it comes, and with them what is counted, and where the next allocation is.
        let engines = Engines::only(vm).without_background();
        let runtime = Arc::new(Runtime::on(&engines, config.clone()));
        Ok(Ledger { runtime, state: state.clone(), env: env(), outcomes: Vec::new() })
    }

    /// Applies transactions as they come from the network, after `check` on each.
    pub(super) fn send(
        &mut self,
        transactions: &[Vec<u8>],
        check: Check,
    ) -> anyhow::Result<BlockEffects> {
        let checked = transactions.iter().map(|bytes| {
            let transaction = SignedTransaction::try_from_slice(bytes)?;
            check(self.runtime.config(), transaction).map_err(|error| anyhow!("{error:?}"))
        });
        let effects = self.block(checked.collect::<anyhow::Result<_>>()?, Vec::new())?;
        if !effects.dropped.is_empty() {
            bail!("a transaction was dropped: {:?}", effects.dropped);
        }
        Ok(effects)
    }

    /// Applies `receipts` and all that follow from them; the gas profiles of all that ran.
    pub(super) fn execute(
        &mut self,
        mut receipts: Vec<Receipt>,
    ) -> anyhow::Result<Vec<ProfileDataV3>> {
        let mut profiles = Vec::new();
        let given = receipts.len();
        while !receipts.is_empty() {
            let effects = self.block(Vec::new(), receipts)?;
            for outcome in effects.outcomes {
                // What follows may fail: gas goes back to an account that was deleted.
                let is_given = profiles.len() < given;
                if let (ExecutionStatus::Failure(error), true) = (&outcome.outcome.status, is_given)
                {
                    bail!("a receipt failed: {error:?}");
                }
                match outcome.outcome.metadata {
                    ExecutionMetadata::V3(profile) => profiles.push(*profile),
                    ExecutionMetadata::V4(metadata) => profiles.push(metadata.profile),
                    _ => {}
                }
            }
            receipts = effects.outgoing;
        }
        Ok(profiles)
    }

    fn block(
        &mut self,
        transactions: Vec<WellFormed>,
        receipts: Vec<Receipt>,
    ) -> anyhow::Result<BlockEffects> {
        self.env.height += 1;
        let input = BlockInput { transactions, receipts, ..BlockInput::default() };
        let effects = apply_block(&self.runtime, &self.state, &self.env, input)
            .map_err(|fault| anyhow!("{fault}"))?;
        self.state = self.state.apply(&effects.changes)?;
        self.state.root();
        // A chain commits to them, their logs among it.
        self.outcomes = effects.outcomes.iter().map(ExecutionOutcomeWithId::to_hashes).collect();
        if effects.delayed_receipts > 0 {
            bail!("a block was too small for its receipts");
        }
        Ok(effects)
    }
}

fn start(near: &RuntimeConfig) -> anyhow::Result<(RuntimeConfig, Snapshot)> {
    let unit = |(name, gas): (String, u64)| {
        let counted = name.starts_with("wasm_") && !name.contains("_op_");
        (name, if counted { gas.min(1) } else { gas })
    };
    let unit_prices: FeeTable = near.fee_table().into_iter().map(unit).collect();
    let config = near.with_fees(&unit_prices)?;
    let mut records = Vec::new();
    for number in 0..ACTORS {
        let id = actor(number);
        records.push(account(&id, AccountContract::None));
        for number in [number, number + 1_000] {
            let key = key(KeyType::ED25519, number).public_key();
            records.push(StateRecord::access_key(id.clone(), key, AccessKey::full_access()));
        }
    }
    for number in 0..OTHERS {
        records.push(account(&name(&format!("other-{number}.near")), AccountContract::None));
    }
    records.push(account(&maker(), AccountContract::None));
    let shared = key(KeyType::ED25519, 0).public_key();
    for number in 0..OLD {
        let old = beside("old", number);
        records.push(StateRecord::access_key(
            old.clone(),
            shared.clone(),
            AccessKey::full_access(),
        ));
        let mut here = |id: AccountId| records.push(account(&id, AccountContract::None));
        here(old);
        for kind in &STATE_INITS {
            let data = [(b"old".to_vec(), number.to_be_bytes().to_vec())].into();
            here((kind.make)(number, data).0);
        }
    }
    let genesis = genesis_state(config.near(), &records, &[])
        .map_err(|fault| anyhow!("{fault}"))?
        .map_err(|error| anyhow!("the state is not valid: {error}"))?;
    Ok((config, genesis.snapshot))
}

fn account(id: &AccountId, contract: AccountContract) -> StateRecord {
    let account = Account::new(Balance::from_near(1_000_000), Balance::ZERO, contract, 0);
    StateRecord::Account { account_id: id.clone(), account }
}

fn env() -> BlockEnv {
    BlockEnv {
        height: 10,
        timestamp_ns: 1_700_000_000_000_000_000,
        gas_price: Balance::from_yoctonear(100_000_000),
        gas_limit: Gas::from_gas(u64::MAX / 4),
        random_seed: CryptoHash([7; 32]),
        epoch_id: CryptoHash::default(),
        epoch_height: 3,
        chain_id: "mainnet".into(),
        prev_block_hash: CryptoHash([1; 32]),
        validators: [].into(),
        minimum_stake: Balance::ZERO,
    }
}

/// A transaction of the `number`th actor.
pub(super) fn transaction(
    kind: KeyType,
    number: u64,
    receiver: AccountId,
    actions: Vec<Action>,
) -> SignedTransaction {
    let key = key(kind, number);
    let transaction = Transaction::V0(TransactionV0 {
        signer_id: actor(number),
        public_key: key.public_key(),
        nonce: 1,
        receiver_id: receiver,
        block_hash: CryptoHash::default(),
        actions,
    });
    let signature = key.sign(transaction.get_hash_and_size().0.as_ref());
    SignedTransaction::new(signature, transaction)
}

/// A transaction as it comes from the network.
pub(super) fn bytes(transaction: &SignedTransaction) -> Vec<u8> {
    borsh::to_vec(transaction).expect("what is in memory can be written down")
}

/// A receipt with an id of its own.
pub(super) fn receipt(
    number: u64,
    predecessor: AccountId,
    receiver: AccountId,
    actions: Vec<Action>,
    data_receivers: Vec<DataReceiver>,
) -> Receipt {
    Receipt::V0(ReceiptV0 {
        receiver_id: receiver,
        receipt_id: id("receipt", number),
        receipt: ReceiptEnum::Action(ActionReceipt {
            signer_id: predecessor.clone(),
            signer_public_key: PublicKey::empty(KeyType::ED25519),
            gas_price: Balance::from_yoctonear(1_000_000_000),
            output_data_receivers: data_receivers,
            input_data_ids: Vec::new(),
            actions,
        }),
        predecessor_id: predecessor,
    })
}

/// The `number`th id of a kind.
pub(super) fn id(kind: &str, number: u64) -> CryptoHash {
    CryptoHash::hash_bytes(format!("{kind} {number}").as_bytes())
}

/// Units of `cost` in profiles of this ledger.
fn units_of(profiles: &[ProfileDataV3], cost: ExtCosts) -> u64 {
    profiles.iter().map(|profile| profile.get_ext_cost(cost).as_gas()).sum()
}

/// All costs of host functions with NEAR's names.
pub(super) fn all_units(
    profiles: &[ProfileDataV3],
    names: &[(ExtCosts, String)],
) -> crate::case::Units {
    names
        .iter()
        .map(|(cost, name)| (name.clone(), crate::real(units_of(profiles, *cost))))
        .filter(|(_, units)| *units > 0.0)
        .collect()
}
