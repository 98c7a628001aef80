//! Faults on purpose: what is left when the chain's side of a contract call breaks down anywhere.

use std::cell::Cell;

use host_fns::abi::Fault;
use sandbox_state::Snapshot;
use vm_runner::VmFault;

use crate::genesis::genesis_state;
use crate::near::{
    AccessKey, Account, AccountContract, AccountId, Action, Balance, CryptoHash,
    FunctionCallAction, Gas, InMemorySigner, KeyType, PROTOCOL_VERSION, SignedTransaction, Signer,
    StateRecord, Transaction, TransactionV0,
};
use crate::verify::WellFormed;
use crate::{
    BlockEffects, BlockEnv, BlockInput, Runtime, RuntimeConfig, RuntimeFault, apply_block,
};

thread_local! {
    /// How many accesses succeed before one fails; `None` is all of them.
    static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Fails when its turn has come.
pub(crate) fn interrupt() -> Result<(), Fault> {
    match LEFT.get() {
        None => Ok(()),
        Some(0) => Err(Fault::new("injected")),
        Some(left) => {
            LEFT.set(left.checked_sub(1));
            Ok(())
        }
    }
}

/// A contract that asks the chain for everything that can go wrong there.
const CONTRACT: &str = r#"(module
  (import "env" "storage_write" (func $write (param i64 i64 i64 i64 i64) (result i64)))
  (import "env" "storage_read" (func $read (param i64 i64 i64) (result i64)))
  (import "env" "storage_has_key" (func $has (param i64 i64) (result i64)))
  (import "env" "storage_remove" (func $remove (param i64 i64 i64) (result i64)))
  (import "env" "promise_batch_create" (func $create (param i64 i64) (result i64)))
  (import "env" "promise_batch_then" (func $then (param i64 i64 i64) (result i64)))
  (import "env" "promise_batch_action_transfer" (func $transfer (param i64 i64)))
  (import "env" "promise_yield_create"
    (func $yield (param i64 i64 i64 i64 i64 i64 i64) (result i64)))
  (import "env" "promise_yield_resume" (func $resume (param i64 i64 i64 i64) (result i32)))
  (import "env" "validator_stake" (func $stake (param i64 i64 i64)))
  (import "env" "validator_total_stake" (func $total (param i64)))
  (memory 1)
  (data (i32.const 0) "bob.near")
  (data (i32.const 16) "\07")
  (func (export "go")
    (drop (call $write (i64.const 3) (i64.const 0) (i64.const 8) (i64.const 0) (i64.const 0)))
    (drop (call $read (i64.const 3) (i64.const 0) (i64.const 0)))
    (drop (call $has (i64.const 3) (i64.const 0)))
    (drop (call $write (i64.const 4) (i64.const 0) (i64.const 8) (i64.const 0) (i64.const 0)))
    (drop (call $remove (i64.const 3) (i64.const 0) (i64.const 0)))
    (drop (call $create (i64.const 8) (i64.const 0)))
    (call $transfer (i64.const 0) (i64.const 16))
    (drop (call $then (i64.const 0) (i64.const 8) (i64.const 0)))
    (drop (call $yield (i64.const 2) (i64.const 0) (i64.const 0) (i64.const 0)
      (i64.const 1000000000000) (i64.const 0) (i64.const 1)))
    (drop (call $resume (i64.const -1) (i64.const 1) (i64.const 1) (i64.const 0)))
    (call $stake (i64.const 8) (i64.const 0) (i64.const 32))
    (call $total (i64.const 32))))"#;

fn id(name: &str) -> AccountId {
    name.parse().expect("an account id")
}

fn genesis(runtime: &Runtime) -> Snapshot {
    let code = wat::parse_str(CONTRACT).expect("text");
    let contract = AccountContract::Local(CryptoHash::hash_bytes(&code));
    let account = |contract| Account::new(Balance::from_near(100), Balance::ZERO, contract, 0);
    let signer = InMemorySigner::from_seed(id("alice.near"), KeyType::ED25519, "alice.near");
    let records = [
        StateRecord::Account {
            account_id: id("alice.near"),
            account: account(AccountContract::None),
        },
        StateRecord::access_key(id("alice.near"), signer.public_key(), AccessKey::full_access()),
        StateRecord::Account { account_id: id("bob.near"), account: account(contract) },
        StateRecord::Contract { account_id: id("bob.near"), code },
    ];
    let genesis = genesis_state(runtime.config().near(), &records, &[]);
    genesis.expect("no fault").expect("valid records").snapshot
}

fn env(height: u64) -> BlockEnv {
    BlockEnv {
        height,
        timestamp_ns: 1,
        gas_price: Balance::from_yoctonear(100_000_000),
        gas_limit: Gas::from_teragas(1_000),
        random_seed: CryptoHash::default(),
        epoch_id: CryptoHash::default(),
        epoch_height: 1,
        chain_id: "sandbox".into(),
        prev_block_hash: CryptoHash::default(),
        validators: [(id("bob.near"), Balance::from_near(50))].into(),
        minimum_stake: Balance::from_near(10),
    }
}

fn call(runtime: &Runtime) -> WellFormed {
    let signer: Signer =
        InMemorySigner::from_seed(id("alice.near"), KeyType::ED25519, "alice.near");
    let transaction = Transaction::V0(TransactionV0 {
        signer_id: id("alice.near"),
        public_key: signer.public_key(),
        nonce: 1,
        receiver_id: id("bob.near"),
        block_hash: CryptoHash::default(),
        actions: vec![Action::FunctionCall(Box::new(FunctionCallAction {
            method_name: "go".into(),
            args: Vec::new(),
            gas: Gas::from_teragas(100),
            deposit: Balance::ZERO,
        }))],
    });
    let (hash, _) = transaction.get_hash_and_size();
    let signature = signer.sign(hash.as_ref());
    WellFormed::check(runtime.config(), SignedTransaction::new(signature, transaction))
        .expect("well formed")
}

#[test]
fn a_fault_at_any_access_drops_the_block_and_the_old_state_works_on() {
    let config = RuntimeConfig::new(PROTOCOL_VERSION).expect("supported");
    let runtime = Runtime::new(config);
    let genesis = genesis(&runtime);
    let transactions = vec![call(&runtime)];
    let input = BlockInput { transactions, ..BlockInput::default() };
    let first = apply_block(&runtime, &genesis, &env(10), input).expect("no fault");
    let state = genesis.apply(&first.changes).expect("a state in memory");
    let root = state.root();
    let block = |left: Option<u64>| -> Result<BlockEffects, RuntimeFault> {
        let input = BlockInput { receipts: first.outgoing.clone(), ..BlockInput::default() };
        LEFT.set(left);
        let effects = apply_block(&runtime, &state, &env(11), input);
        LEFT.set(None);
        effects
    };
    let whole = block(None).expect("no fault");
    assert!(whole.outgoing.len() > 3, "the call succeeds: {:?}", whole.outcomes);
    for accesses in 0.. {
        match block(Some(accesses)) {
            Err(RuntimeFault::Vm(VmFault::Host(fault))) => {
                assert_eq!(fault, Fault::new("injected"));
            }
            Err(fault) => panic!("another fault: {fault}"),
            Ok(effects) => {
                assert_eq!(accesses, 11, "each of the contract's questions is one access");
                assert_eq!(effects.changes, whole.changes);
                return;
            }
        }
        assert_eq!(state.root(), root);
        let again = block(None).expect("the chain works on");
        assert_eq!(
            (again.changes, again.outcomes),
            (whole.changes.clone(), whole.outcomes.clone())
        );
    }
}
