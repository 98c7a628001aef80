//! Transactions per second in process on one core and on two: signatures are checked by whoever
//! submits, beside the thread that makes the blocks. `scripts/bench` runs it.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::arithmetic_side_effects, clippy::float_arithmetic, reason = "times and ratios")]
#![allow(clippy::as_conversions, clippy::cast_precision_loss, reason = "small counts")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![allow(clippy::expect_used, reason = "a bench ends on what it does not expect")]

use std::thread;
use std::time::{Duration, Instant};

use near_crypto::InMemorySigner;
use near_primitives::action::{Action, DeployContractAction, FunctionCallAction, TransferAction};
use near_primitives::hash::CryptoHash;
use near_primitives::transaction::{
    ExecutionStatus, SignedTransaction, Transaction, TransactionV0,
};
use near_primitives::types::{AccountId, Balance, Gas, Nonce};
use near_primitives::views::TxExecutionStatus;
use sandboxd::chain::{Chain, Clock, NodeOptions, Progress};
use sandboxd::genesis::{DevAccount, dev_accounts};
use sandboxd::{Sandbox, chain};

/// Each round starts from the same chain, and the shortest counts.
const ROUNDS: usize = 5;

fn main() {
    // `cargo test --all-targets` runs benchmarks too, as tests.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let (rounds, per_account) = if measured { (ROUNDS, 2_000) } else { (1, 2) };
    println!("| per second | one core | two cores | more |");
    println!("|---|--:|--:|--:|");
    let owner = &dev_accounts()[0].account_id;
    let token = format!(r#"{{"receiver_id":"{owner}","amount":"1"}}"#);
    let loads = [
        ("transfer", None, transfer()),
        ("`token.ft_transfer` (NEP-141)", Some(()), call("ft_transfer", token.as_bytes(), 1)),
    ];
    for (name, contract, action) in loads {
        let mut load = Load::new();
        if contract.is_some() {
            load.deploy_token();
        }
        let receiver = load.accounts[0].account_id.clone();
        let signed = load.sign(per_account, &receiver, &action);
        let count = signed.iter().map(Vec::len).sum::<usize>() as f64;
        let (mut one, mut two) = (Duration::MAX, Duration::MAX);
        for _ in 0..rounds {
            one = one.min(load.on_one(&signed));
            two = two.min(load.on_two(&signed));
        }
        let rate = |time: Duration| count / time.as_secs_f64();
        let more = rate(two) / rate(one);
        println!("| {name} | {:.0} | {:.0} | {more:.1} times |", rate(one), rate(two));
    }
}

/// A chain, and accounts that send transactions to it.
struct Load {
    chain: Chain,
    /// The first one is sent to, and has the contract.
    accounts: Vec<DevAccount>,
    nonce: Nonce,
}

impl Load {
    fn new() -> Self {
        let chain = Sandbox::localnet(Clock::system()).into_chain();
        Load { chain, accounts: dev_accounts(), nonce: 0 }
    }

    fn deploy_token(&mut self) {
        let [owner, others @ ..] = self
            .accounts
            .clone()
            .try_into()
            .map(|all: [DevAccount; 10]| all)
            .expect("ten accounts");
        let code = fixtures::wasm("token").to_vec();
        let deploy = Action::DeployContract(DeployContractAction { code });
        let id = owner.account_id.clone();
        let new = format!(r#"{{"owner_id":"{id}","total_supply":"1000000000000"}}"#);
        let deposit = 10_u128.pow(24);
        let mut setup = vec![
            self.signed(&owner, &id, deploy),
            self.signed(&owner, &id, call("new", new.as_bytes(), 0)),
        ];
        for other in &others {
            setup.push(self.signed(other, &id, call("storage_deposit", b"{}", deposit)));
        }
        for other in &others {
            let to = &other.account_id;
            let gift = format!(r#"{{"receiver_id":"{to}","amount":"1000000"}}"#);
            setup.push(self.signed(&owner, &id, call("ft_transfer", gift.as_bytes(), 1)));
        }
        for transaction in setup {
            self.chain.submit(transaction).expect("it is valid");
            self.chain.settle().expect("no fault");
        }
    }

    /// `count` transactions of each account but the first, whose order is that of their nonces.
    fn sign(
        &mut self,
        count: usize,
        receiver: &AccountId,
        action: &Action,
    ) -> Vec<Vec<SignedTransaction>> {
        let accounts = self.accounts.clone();
        let senders = accounts.iter().skip(1);
        senders
            .map(|sender| {
                (0..count).map(|_| self.signed(sender, receiver, action.clone())).collect()
            })
            .collect()
    }

    fn signed(
        &mut self,
        sender: &DevAccount,
        receiver_id: &AccountId,
        action: Action,
    ) -> SignedTransaction {
        self.nonce += 1;
        let signer =
            InMemorySigner::from_secret_key(sender.account_id.clone(), sender.secret_key.clone());
        let transaction = Transaction::V0(TransactionV0 {
            signer_id: signer.get_account_id(),
            public_key: signer.public_key(),
            nonce: self.nonce,
            receiver_id: receiver_id.clone(),
            block_hash: *self.chain.head().hash(),
            actions: vec![action],
        });
        let signature = signer.sign(transaction.get_hash_and_size().0.as_ref());
        SignedTransaction::new(signature, transaction)
    }

    /// Checks all on this thread and then makes the blocks here too.
    fn on_one(&self, signed: &[Vec<SignedTransaction>]) -> Duration {
        let mut chain = self.chain.clone();
        let signed = signed.to_vec();
        let last = last_of(&signed);
        let start = Instant::now();
        for transaction in signed.into_iter().flatten() {
            chain.submit(transaction).expect("it is valid");
        }
        chain.settle().expect("no fault");
        let took = start.elapsed();
        assert_executed(&chain, &last);
        took
    }

    /// Two threads submit what the node's own thread makes blocks of.
    fn on_two(&self, signed: &[Vec<SignedTransaction>]) -> Duration {
        let node = chain::Node::start(self.chain.clone(), NodeOptions::default())
            .expect("a thread of its own");
        let last = last_of(signed);
        let (first, second) = signed.split_at(signed.len() / 2);
        let halves = [first.to_vec(), second.to_vec()];
        let start = Instant::now();
        thread::scope(|scope| {
            for half in halves {
                scope.spawn(|| {
                    for transaction in half.into_iter().flatten() {
                        drop(node.submit(transaction, TxExecutionStatus::None));
                    }
                });
            }
        });
        for hash in &last {
            let landed = node.watch(*hash, TxExecutionStatus::Final).wait();
            landed.expect("the node runs").expect("it is executed");
        }
        let took = start.elapsed();
        assert_executed(&node.view(), &last);
        node.stop();
        took
    }
}

/// The last transaction of each account.
fn last_of(signed: &[Vec<SignedTransaction>]) -> Vec<CryptoHash> {
    signed.iter().filter_map(|all| all.last()).map(SignedTransaction::get_hash).collect()
}

fn assert_executed(chain: &Chain, hashes: &[CryptoHash]) {
    for hash in hashes {
        let execution = chain.execution(hash).expect("it is in a block");
        assert!(execution.progress() >= Progress::Executed, "it has been executed");
        for outcome in execution.outcomes {
            let status = &outcome.outcome.outcome.status;
            assert!(!matches!(status, ExecutionStatus::Failure(_)), "{status:?}");
        }
    }
}

fn transfer() -> Action {
    Action::Transfer(TransferAction { deposit: Balance::from_yoctonear(1) })
}

/// A call with `deposit` yoctoNEAR.
fn call(method: &str, args: &[u8], deposit: u128) -> Action {
    Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method.into(),
        args: args.to_vec(),
        gas: Gas::from_teragas(10),
        deposit: Balance::from_yoctonear(deposit),
    }))
}
