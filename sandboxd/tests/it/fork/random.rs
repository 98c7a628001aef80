//! The same at random on a fork and on a clone of the chain that it is a fork of.

use fixtures::Rng;
use near_crypto::PublicKey;
use near_primitives::account::{AccessKey, AccessKeyPermission, GasKeyInfo};
use near_primitives::action::{
    Action, AddKeyAction, CreateAccountAction, DeleteAccountAction, DeleteKeyAction,
    DeployContractAction, FunctionCallAction, TransferAction,
};
use near_primitives::hash::CryptoHash;
use near_primitives::state_record::StateRecord;
use near_primitives::types::{AccountId, Balance, Gas};
use near_primitives::views::{ExecutionOutcomeView, ExecutionStatusView};
use sandbox_runtime::view::{self, StateQuery};
use sandboxd::chain::Chain;
use serde_json::json;

use super::original;
use super::remote::{Answers, Remote, fork};
use crate::support::{id, near, sign, signer};

/// Accounts that the remote has, with contract or without, and some that are not there at first.
const NAMES: [&str; 8] = [
    "alice.test.near",
    "bob.test.near",
    "carol.test.near",
    "dave.test.near",
    "erin.test.near",
    "sub.alice.test.near",
    "sub.carol.test.near",
    "98793cd91a3f870fb126f66285808c7e094afcfc4eda8a970f6648cdf0dbd6de",
];

/// One step, the same for both chains.
#[derive(Debug)]
enum Step {
    Send { from: &'static str, to: &'static str, actions: Vec<Action> },
    Patch(Vec<StateRecord>),
    FastForward(u64),
    Keep,
    Return,
}

fn key(rng: &mut Rng) -> PublicKey {
    signer(["one", "two", "three"][rng.index(3)]).public_key()
}

fn call(method: &str, args: &serde_json::Value) -> Action {
    Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method.into(),
        args: args.to_string().into_bytes(),
        gas: Gas::from_teragas(250),
        deposit: Balance::ZERO,
    }))
}

fn action(rng: &mut Rng, from: &str) -> Vec<Action> {
    let other = NAMES[rng.index(NAMES.len())];
    let transfer = Action::Transfer(TransferAction { deposit: near(rng.small(3)) });
    let access_key = |permission| AccessKey { nonce: 0, permission };
    let add = |key, permission| {
        let access_key = access_key(permission);
        Action::AddKey(Box::new(AddKeyAction { public_key: key, access_key }))
    };
    vec![match rng.below(16) {
        0..=2 => transfer,
        3..=4 => call("set_status", &json!({ "message": format!("{}", rng.below(100)) })),
        5 => call("remove_status", &json!({})),
        6 => call("increment", &json!({})),
        7 => call("call_other", &json!({ "account_id": other })),
        8 => call("join_counts", &json!({ "first": other, "second": from })),
        9 => call("fail", &json!({ "message": "no" })),
        10 => {
            let code = fixtures::wasm("status").to_vec();
            Action::DeployContract(DeployContractAction { code })
        }
        11 => {
            let own = signer("sub.alice.test.near").public_key();
            return vec![
                Action::CreateAccount(CreateAccountAction {}),
                transfer,
                add(own, AccessKeyPermission::FullAccess),
            ];
        }
        12 => Action::DeleteAccount(DeleteAccountAction { beneficiary_id: id(other) }),
        13 => add(key(rng), AccessKeyPermission::FullAccess),
        14 => {
            let info = GasKeyInfo { balance: Balance::ZERO, num_nonces: 2 };
            add(key(rng), AccessKeyPermission::GasKeyFullAccess(info))
        }
        _ => Action::DeleteKey(Box::new(DeleteKeyAction { public_key: key(rng) })),
    }]
}

fn step(rng: &mut Rng, chain: &Chain) -> Step {
    match rng.below(20) {
        0 => {
            let account_id = id(NAMES[rng.index(NAMES.len())]);
            let Ok(mut account) = chain.account(&account_id) else { return Step::Keep };
            account.set_amount(near(500));
            Step::Patch(vec![StateRecord::Account { account_id, account }])
        }
        1 => Step::FastForward(rng.below(600) + 1),
        2 => Step::Keep,
        3 => Step::Return,
        _ => {
            let from = NAMES[rng.index(7)];
            // Some actions are for the account itself, and others make an account below it.
            let to = match rng.below(3) {
                0 => from,
                1 => NAMES[rng.index(NAMES.len())],
                _ if from == "alice.test.near" => "sub.alice.test.near",
                _ if from == "carol.test.near" => "sub.carol.test.near",
                _ => "bob.test.near",
            };
            Step::Send { from, to, actions: action(rng, from) }
        }
    }
}

/// What came of a step, without what has to differ.
fn take(chain: &mut Chain, kept: &mut Chain, step: &Step) -> String {
    match step {
        Step::Keep => *kept = chain.clone(),
        Step::Return => *chain = kept.clone(),
        Step::FastForward(delta) => drop(chain.fast_forward(*delta).unwrap()),
        Step::Patch(records) => drop(chain.patch(records).unwrap()),
        Step::Send { from, to, actions } => {
            let own = signer(from).public_key();
            let known = view::access_key(chain.state(), &id(from), &own).unwrap();
            let nonce = known.map_or(1, |key| key.nonce + 1);
            return match chain.submit(sign(chain, from, to, nonce, actions.clone())) {
                Err(refusal) => without_balances(&refusal.to_string()),
                Ok(hash) => {
                    chain.settle().unwrap();
                    outcomes(chain, &hash)
                }
            };
        }
    }
    String::new()
}

/// Errors that tell a balance tell one that gas was taken from.
fn without_balances(error: &str) -> String {
    error.chars().filter(|sign| !sign.is_ascii_digit()).collect()
}

fn outcomes(chain: &Chain, hash: &CryptoHash) -> String {
    let view = chain.execution(hash).unwrap().view();
    let all = std::iter::once(&view.transaction_outcome).chain(&view.receipts_outcome);
    all.map(|one| shown(&one.outcome)).collect::<Vec<_>>().join("\n")
}

fn shown(outcome: &ExecutionOutcomeView) -> String {
    let profile = outcome.metadata.gas_profile.iter().flatten();
    let on_nodes = profile
        .filter(|cost| ["TOUCHING_TRIE_NODE", "READ_CACHED_TRIE_NODE"].contains(&&*cost.cost))
        .map(|cost| cost.gas_used.as_gas())
        .sum::<u64>();
    let status = match &outcome.status {
        ExecutionStatusView::SuccessReceiptId(_) => "a receipt".to_owned(),
        ExecutionStatusView::Failure(failure) => without_balances(&failure.to_string()),
        status => format!("{status:?}"),
    };
    let gas = outcome.gas_burnt.as_gas() - on_nodes;
    let (executor, logs) = (&outcome.executor_id, &outcome.logs);
    format!("{executor}: {status}, {logs:?}, {gas} gas, {} receipts", outcome.receipt_ids.len())
}

/// All that views show of an account, but for balances, which gas is taken from.
fn seen(chain: &Chain, name: &str) -> String {
    let (state, id): (_, AccountId) = (chain.state(), id(name));
    let account = chain.account(&id).ok();
    let account = account.map(|account| (account.storage_usage(), account.contract().into_owned()));
    let code = view::code(state, &id).unwrap().map(|(hash, _)| hash).ok();
    let keys = view::access_keys(state, &id, None).unwrap();
    let nonces: Vec<_> = keys
        .iter()
        .filter_map(|(handle, _)| handle.to_string().parse().ok())
        .map(|key| view::gas_key_nonces(state, &id, &key).unwrap().ok())
        .collect();
    let data = view::state(state, &id, &StateQuery::default()).unwrap();
    let data = data.map(|page| page.values).ok();
    format!("{account:?} {code:?} {keys:?} {nonces:?} {data:?}")
}

fn compare(seed: u64, answers: Answers) -> usize {
    let mut rng = Rng::new(seed);
    let mut same = original();
    for (nonce, name) in [(3, "alice.test.near"), (2, "carol.test.near")] {
        let info = GasKeyInfo { balance: Balance::ZERO, num_nonces: 3 };
        let permission = AccessKeyPermission::GasKeyFullAccess(info);
        let access_key = AccessKey { nonce: 0, permission };
        let public_key = signer("one").public_key();
        let add = Action::AddKey(Box::new(AddKeyAction { public_key, access_key }));
        same.submit(sign(&same, name, name, nonce, vec![add])).unwrap();
    }
    same.settle().unwrap();
    let remote = Remote::of(&same, answers);
    let mut forked = fork(&remote);
    let (mut kept_same, mut kept_fork) = (same.clone(), forked.clone());
    let mut successes = 0;
    for _ in 0..40 {
        let step = step(&mut rng, &same);
        let expected = take(&mut same, &mut kept_same, &step);
        let found = take(&mut forked, &mut kept_fork, &step);
        assert_eq!(found, expected, "seed {seed}: {step:?}");
        assert_eq!(forked.head().height(), same.head().height());
        successes += usize::from(expected.contains("a receipt") && !expected.contains("Failure"));
        let name = NAMES[rng.index(NAMES.len())];
        assert_eq!(seen(&forked, name), seen(&same, name), "seed {seed}: {name} after {step:?}");
    }
    for name in NAMES {
        assert_eq!(seen(&forked, name), seen(&same, name), "seed {seed}: {name}");
    }
    let asked = remote.asked();
    assert!(asked.values().all(|times| *times == 1), "{asked:?}");
    successes
}

#[test]
fn a_fork_does_what_the_chain_itself_would_do() {
    let successes = (0..10).map(|seed| {
        let answers = if seed % 2 == 0 { Answers::Whole } else { Answers::Pages(2) };
        compare(seed, answers)
    });
    assert!(successes.sum::<usize>() > 60, "most of it is refused");
}
