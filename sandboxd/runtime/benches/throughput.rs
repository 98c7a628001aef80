//! Transactions per second in process, on one core, and where their time goes.
//! `scripts/bench` runs it.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::arithmetic_side_effects, clippy::float_arithmetic, reason = "times and ratios")]
#![allow(clippy::as_conversions, clippy::cast_precision_loss, reason = "small counts")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![allow(clippy::expect_used, reason = "a bench ends on what it does not expect")]

use std::time::{Duration, Instant};

use sandbox_runtime::genesis::genesis_state;
use sandbox_runtime::near::{
    AccessKey, Account, AccountContract, AccountId, Action, Balance, CryptoHash, ExecutionStatus,
    FunctionCallAction, Gas, InMemorySigner, KeyType, PROTOCOL_VERSION, Receipt, SignedTransaction,
    Signer, StateRecord, Transaction, TransactionV0, TransferAction,
};
use sandbox_runtime::verify::WellFormed;
use sandbox_runtime::{BlockEnv, BlockInput, Runtime, RuntimeConfig, apply_block};
use sandbox_state::Snapshot;

/// Accounts that take turns in signing.
const ACCOUNTS: usize = 1_000;
/// Transactions of one block.
const PER_BLOCK: usize = 100;
/// Each round has its own transactions, and the shortest time of each part counts.
const ROUNDS: usize = 5;

fn main() {
    // `cargo test --all-targets` runs benchmarks too, as tests.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let blocks = if measured { 50 } else { 1 };
    let count = fixtures::wasm("tiny");
    let status = fixtures::wasm("status");
    let message = br#"{"message":"measured"}"#;
    let loads = [
        ("transfer", None, transfer()),
        ("`tiny.increment`", Some(count), call("increment", b"")),
        ("`status.set_status`", Some(status), call("set_status", message)),
    ];
    println!(
        "| one core | per second | µs each | signature | transaction and receipts | state root |"
    );
    println!("|---|--:|--:|--:|--:|--:|");
    for (name, code, action) in loads {
        let mut world = World::new(code);
        let receiver = code.map(|_| id("contract.near"));
        world.round(1, receiver.as_ref(), &action);
        let mut least = Parts([Duration::MAX; 3]);
        for _ in 0..ROUNDS {
            least = least.least(&world.round(blocks, receiver.as_ref(), &action));
        }
        print_row(name, &least, blocks * PER_BLOCK);
    }
}

fn print_row(name: &str, parts: &Parts, transactions: usize) {
    let each = |time: Duration| time.as_secs_f64() * 1e6 / transactions as f64;
    let total: Duration = parts.0.iter().sum();
    let share = |part: Duration| {
        format!("{:.1} ({:.0} %)", each(part), 100.0 * part.as_secs_f64() / total.as_secs_f64())
    };
    let [signature, execution, root] = parts.0.map(share);
    let rate = transactions as f64 / total.as_secs_f64();
    println!("| {name} | {rate:.0} | {:.1} | {signature} | {execution} | {root} |", each(total));
}

/// What checking what needs no state, applying the blocks, and hashing the state took.
struct Parts([Duration; 3]);

impl Parts {
    fn least(&self, other: &Self) -> Self {
        Parts(std::array::from_fn(|part| self.0[part].min(other.0[part])))
    }
}

struct World {
    runtime: Runtime,
    state: Snapshot,
    env: BlockEnv,
    signers: Vec<Signer>,
    /// Transactions so far, which gives each its signer and its nonce.
    sent: usize,
}

impl World {
    fn new(code: Option<&[u8]>) -> Self {
        let signers: Vec<_> = (0..ACCOUNTS)
            .map(|number| {
                let name = format!("account-{number}.near");
                InMemorySigner::from_seed(id(&name), KeyType::ED25519, &name)
            })
            .collect();
        let mut records = Vec::new();
        for signer in &signers {
            let key = signer.public_key();
            records.push(account(signer.get_account_id()));
            let full = AccessKey::full_access();
            records.push(StateRecord::access_key(signer.get_account_id(), key, full));
        }
        if let Some(code) = code {
            let contract = AccountContract::Local(CryptoHash::hash_bytes(code));
            let balance = Balance::from_near(1_000);
            let account = Account::new(balance, Balance::ZERO, contract, 0);
            records.push(StateRecord::Account { account_id: id("contract.near"), account });
            records.push(StateRecord::Contract {
                account_id: id("contract.near"),
                code: code.to_vec(),
            });
        }
        let config = RuntimeConfig::new(PROTOCOL_VERSION).expect("the newest version");
        let runtime = Runtime::new(config);
        let genesis = genesis_state(runtime.config().near(), &records, &[])
            .expect("no fault")
            .expect("valid records");
        let env = BlockEnv {
            height: 10,
            timestamp_ns: 1_700_000_000_000_000_000,
            gas_price: Balance::from_yoctonear(100_000_000),
            gas_limit: Gas::from_teragas(1_000),
            random_seed: CryptoHash([7; 32]),
            epoch_id: CryptoHash::default(),
            epoch_height: 3,
            chain_id: "sandbox".into(),
            prev_block_hash: CryptoHash([1; 32]),
            validators: [].into(),
            minimum_stake: Balance::ZERO,
        };
        World { runtime, state: genesis.snapshot, env, signers, sent: 0 }
    }

    /// Signs the transactions of `blocks` blocks, and measures what becomes of them: to `receiver`,
    /// or from each account to the next.
    fn round(&mut self, blocks: usize, receiver: Option<&AccountId>, action: &Action) -> Parts {
        let signed: Vec<Vec<_>> =
            (0..blocks).map(|_| self.signed_block(receiver, action)).collect();
        let mut parts = Parts([Duration::ZERO; 3]);
        let mut receipts = Vec::new();
        for transactions in signed {
            let start = Instant::now();
            let config = self.runtime.config();
            let transactions = transactions
                .into_iter()
                .map(|transaction| WellFormed::check(config, transaction).expect("well formed"))
                .collect();
            parts.0[0] += start.elapsed();
            receipts = self.block(&mut parts, transactions, receipts);
        }
        while !receipts.is_empty() {
            receipts = self.block(&mut parts, Vec::new(), receipts);
        }
        parts
    }

    fn block(
        &mut self,
        parts: &mut Parts,
        transactions: Vec<WellFormed>,
        receipts: Vec<Receipt>,
    ) -> Vec<Receipt> {
        self.env.height += 1;
        let input = BlockInput { transactions, receipts, ..BlockInput::default() };
        let start = Instant::now();
        let effects = apply_block(&self.runtime, &self.state, &self.env, input).expect("no fault");
        parts.0[1] += start.elapsed();
        let start = Instant::now();
        self.state = self.state.apply(&effects.changes);
        parts.0[2] += start.elapsed();
        assert!(effects.dropped.is_empty() && effects.delayed_receipts == 0, "all were applied");
        for outcome in &effects.outcomes {
            let status = &outcome.outcome.status;
            assert!(!matches!(status, ExecutionStatus::Failure(_)), "{status:?}");
        }
        effects.outgoing
    }

    fn signed_block(
        &mut self,
        receiver: Option<&AccountId>,
        action: &Action,
    ) -> Vec<SignedTransaction> {
        (0..PER_BLOCK)
            .map(|_| {
                let signer = &self.signers[self.sent % ACCOUNTS];
                let next = &self.signers[(self.sent + 1) % ACCOUNTS];
                let transaction = Transaction::V0(TransactionV0 {
                    signer_id: signer.get_account_id(),
                    public_key: signer.public_key(),
                    nonce: (self.sent / ACCOUNTS + 1) as u64,
                    receiver_id: receiver.cloned().unwrap_or_else(|| next.get_account_id()),
                    block_hash: CryptoHash::default(),
                    actions: vec![action.clone()],
                });
                self.sent += 1;
                let signature = signer.sign(transaction.get_hash_and_size().0.as_ref());
                SignedTransaction::new(signature, transaction)
            })
            .collect()
    }
}

fn account(account_id: AccountId) -> StateRecord {
    let balance = Balance::from_near(1_000);
    let account = Account::new(balance, Balance::ZERO, AccountContract::None, 0);
    StateRecord::Account { account_id, account }
}

fn transfer() -> Action {
    Action::Transfer(TransferAction { deposit: Balance::from_yoctonear(1) })
}

fn call(method: &str, args: &[u8]) -> Action {
    Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method.into(),
        args: args.to_vec(),
        gas: Gas::from_teragas(10),
        deposit: Balance::ZERO,
    }))
}

fn id(name: &str) -> AccountId {
    name.parse().expect("an account id")
}
