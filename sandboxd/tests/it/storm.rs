//! A chain on which everything happens at random: transfers that fail and do not, calls, yields,
//! stakes, holds, edits, jumps over epochs, rollbacks, and more receipts than fit into a block.

use fixtures::Rng;
use near_primitives::account::AccessKeyPermission;
use near_primitives::action::{
    Action, DeployContractAction, FunctionCallAction, StakeAction, TransferAction,
};
use near_primitives::types::{Balance, Gas};
use sandbox_runtime::view;
use sandboxd::chain::{Chain, Clock, Code, NewAccount, ReceiptFilter, Rollback};
use sandboxd::{Sandbox, SandboxBuilder, genesis};

use crate::support::{GENESIS_NS, id, near, sign, signer};

const NAMES: [&str; 3] = ["alice.test.near", "bob.test.near", "carol.test.near"];
const ROOT: &str = "test.near";

/// Blocks of an epoch.
const EPOCH: u64 = 40;

/// A contract that stores what it is called with, and that waits for a resume which never comes.
const CONTRACT: &str = r#"(module
    (import "env" "promise_yield_create"
        (func $yield (param i64 i64 i64 i64 i64 i64 i64) (result i64)))
    (import "env" "promise_return" (func $return (param i64)))
    (import "env" "input" (func $input (param i64)))
    (import "env" "storage_write" (func $write (param i64 i64 i64 i64 i64) (result i64)))
    (memory 1)
    (data (i32.const 0) "over")
    (func (export "wait")
        (call $return (call $yield (i64.const 4) (i64.const 0) (i64.const 0) (i64.const 0)
            (i64.const 5000000000000) (i64.const 1) (i64.const 0))))
    (func (export "store")
        (call $input (i64.const 0))
        (drop (call $write (i64.const -1) (i64.const 0) (i64.const -1) (i64.const 0) (i64.const 1))))
    (func (export "over")))"#;

/// How such a chain is made.
pub(crate) fn options() -> SandboxBuilder {
    let mut genesis = genesis::localnet(GENESIS_NS);
    genesis.config.epoch_length = EPOCH;
    // A few receipts fill a block.
    genesis.config.gas_limit = Gas::from_teragas(2);
    Sandbox::builder(genesis).signer(genesis::dev_signer()).clock(Clock::manual(GENESIS_NS))
}

/// The chain before anything happens.
pub(crate) fn start(options: SandboxBuilder) -> Chain {
    let mut chain = options.build().unwrap().into_chain();
    for name in NAMES {
        let code = wat::parse_str(CONTRACT).unwrap();
        chain.set_code(&id(name), Code::Own(code)).unwrap();
    }
    chain
}

/// Lets one thing happen.
pub(crate) fn step(chain: &mut Chain, rng: &mut Rng) {
    let (from, to) = (*rng.pick(&NAMES), *rng.pick(&NAMES));
    match rng.below(30) {
        0..8 => send(chain, from, to, Action::Transfer(TransferAction { deposit: near(1) })),
        8 => {
            send(chain, from, "nobody.near", Action::Transfer(TransferAction { deposit: near(1) }));
        }
        9 => {
            let code = wat::parse_str(CONTRACT).unwrap();
            send(chain, from, from, Action::DeployContract(DeployContractAction { code }));
        }
        10 | 11 => send(chain, from, to, call("store", rng.bytes(3))),
        12 => send(chain, from, to, call("no such method", Vec::new())),
        13 => send(chain, from, to, call("wait", Vec::new())),
        14 => stake(chain, ROOT, rng.small(200_000_000)),
        26 => stake(chain, from, rng.small(500_000)),
        15 => {
            chain.hold_receipts(ReceiptFilter { receiver_id: Some(id(to)), ..Default::default() });
        }
        16 => drop(chain.release_hold(1 + rng.below(20))),
        17 => {
            let held: Vec<_> =
                chain.held_receipts().map(|held| *held.receipt.receipt_id()).collect();
            drop(chain.release_receipts(&held));
        }
        18 => drop(chain.fund(&id(to), near(3)).unwrap()),
        19 => {
            let key = signer(from).public_key();
            chain.set_access_key(&id(to), &key, AccessKeyPermission::FullAccess, None).unwrap();
        }
        20 => {
            let account_id = id(&format!("new-{}.near", chain.head().height()));
            let new =
                NewAccount { account_id, balance: near(1), keys: Vec::new(), code: Code::Removed };
            chain.create_account(new).unwrap();
        }
        21 => drop(chain.fast_forward(1 + rng.below(2 * EPOCH)).unwrap()),
        22 => drop(chain.roll_back(Rollback::ByBlocks(rng.below(3)))),
        23 => chain.impersonate(&id(to)).unwrap(),
        24 => {
            let transfer = Action::Transfer(TransferAction { deposit: near(1) });
            chain.submit_unsigned(&id(from), &id(to), vec![transfer]).unwrap();
        }
        25 => {
            chain.increase_time(rng.below(1_000_000_000)).unwrap();
        }
        _ => {}
    }
    if rng.chance(70) {
        chain.produce().unwrap();
    }
}

fn call(method_name: &str, args: Vec<u8>) -> Action {
    Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method_name.into(),
        args,
        gas: Gas::from_teragas(30),
        deposit: Balance::ZERO,
    }))
}

fn stake(chain: &mut Chain, name: &str, amount: u32) {
    let public_key = signer(name).public_key();
    let stake = StakeAction { stake: near(amount), public_key };
    send(chain, name, name, Action::Stake(Box::new(stake)));
}

/// With the nonce after those that wait; one that is not valid is not sent.
fn send(chain: &mut Chain, from: &str, to: &str, action: Action) {
    let key = view::access_key(chain.state(), &id(from), &signer(from).public_key());
    let waiting = chain.waiting().filter(|tx| *tx.transaction.signer_id() == id(from)).count();
    let nonce = key.unwrap().unwrap().nonce + 1 + u64::try_from(waiting).unwrap();
    drop(chain.submit(sign(chain, from, to, nonce, vec![action])));
}
