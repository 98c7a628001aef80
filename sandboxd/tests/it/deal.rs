//! Tokens of a contract for whoever wants some.

use near_primitives::account::AccountContract;
use near_primitives::action::{Action, FunctionCallAction};
use near_primitives::types::{Balance, Gas};
use near_primitives::views::FinalExecutionStatus;
use sandboxd::chain::{Chain, Code, DealFailed, Dealt, EditFailed};
use serde_json::{Value, json};

use crate::support::{account, chain, id, sign};
use crate::tokens;

const ALICE: &str = "alice.test.near";
const BOB: &str = "bob.test.near";
const TOKEN: &str = "carol.test.near";
const SUPPLY: u128 = 1_000_000;

fn call(chain: &mut Chain, from: &str, nonce: u64, method: &str, args: &Value, yocto: u128) {
    let call = Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method.into(),
        args: args.to_string().into_bytes(),
        gas: Gas::from_teragas(100),
        deposit: Balance::from_yoctonear(yocto),
    }));
    let hash = chain.submit(sign(chain, from, TOKEN, nonce, vec![call])).unwrap();
    chain.settle().unwrap();
    let status = chain.execution(&hash).unwrap().status();
    assert!(matches!(status, FinalExecutionStatus::SuccessValue(_)), "{status:?}");
}

/// A chain with near-sdk's token, all of which is Alice's.
fn with_token() -> Chain {
    let mut chain = chain();
    chain.set_code(&id(TOKEN), Code::Own(fixtures::wasm("token").to_vec())).unwrap();
    let args = json!({"owner_id": ALICE, "total_supply": SUPPLY.to_string()});
    call(&mut chain, ALICE, 1, "new", &args, 0);
    chain
}

fn asked(chain: &Chain, token: &str, method: &str, args: &Value) -> Value {
    let answer = chain.call_view(&id(token), method, args.to_string().as_bytes()).unwrap();
    serde_json::from_slice(&answer.value).unwrap()
}

fn balance(chain: &Chain, name: &str) -> Value {
    asked(chain, TOKEN, "ft_balance_of", &json!({ "account_id": name }))
}

fn supply(chain: &Chain) -> Value {
    asked(chain, TOKEN, "ft_total_supply", &json!({}))
}

#[test]
fn whoever_is_dealt_tokens_is_registered_and_can_spend_them() {
    let mut chain = with_token();
    let (bob, tokens) = (account(&chain, BOB), account(&chain, TOKEN));
    let (dealt, _) = chain.deal(&id(TOKEN), &id(BOB), 500).unwrap();
    assert_eq!(dealt, Dealt { balance: 500, total_supply: Some(SUPPLY + 500) });
    assert_eq!((balance(&chain, BOB), balance(&chain, ALICE)), (json!("500"), json!("1000000")));
    assert_eq!(supply(&chain), json!("1000500"));
    assert_eq!(account(&chain, BOB), bob, "it pays for nothing");
    let registered = asked(&chain, TOKEN, "storage_balance_of", &json!({ "account_id": BOB }));
    let deposit: u128 = registered["total"].as_str().unwrap().parse().unwrap();
    let after = account(&chain, TOKEN);
    assert!(after.storage_usage() > tokens.storage_usage());
    assert!(after.amount().as_yoctonear() >= tokens.amount().as_yoctonear() + deposit);
    let transfer = json!({ "receiver_id": ALICE, "amount": "500" });
    call(&mut chain, BOB, 1, "ft_transfer", &transfer, 1);
    assert_eq!(balance(&chain, ALICE), json!("1000500"));
    // Nothing is left of what paid for the deposit, and the supply of NEAR is that of the accounts.
    chain.produce().unwrap();
    let accounts = chain.state().range_here(&[0]).map(|record| record.expect("a state in memory"));
    let held = accounts.map(|(_, bytes)| {
        let account: near_primitives::account::Account = borsh::from_slice(&bytes).unwrap();
        account.amount().as_yoctonear() + account.locked().as_yoctonear()
    });
    assert_eq!(held.sum::<u128>(), chain.head().header().total_supply().as_yoctonear());
}

#[test]
fn a_balance_is_found_even_where_it_is_all_of_the_supply() {
    let mut chain = with_token();
    let height = chain.head().height();
    for amount in [7, 0, u128::MAX, 7] {
        let (dealt, made) = chain.deal(&id(TOKEN), &id(ALICE), amount).unwrap();
        assert_eq!(dealt, Dealt { balance: amount, total_supply: Some(amount) });
        assert_eq!(balance(&chain, ALICE), json!(amount.to_string()));
        assert_eq!(supply(&chain), json!(amount.to_string()));
        assert_eq!(made.len(), 1, "it was registered before");
    }
    assert_eq!(chain.head().height(), height + 4);
}

#[test]
fn balances_may_be_written_as_json() {
    let mut chain = chain();
    chain.patch(tokens::records()).unwrap();
    let token = id("token.near");
    let usage = account(&chain, "token.near").storage_usage();
    let (dealt, _) = chain.deal(&token, &id(BOB), 123_456).unwrap();
    assert_eq!(dealt, Dealt { balance: 123_456, total_supply: Some(123_459) });
    assert_eq!(asked(&chain, "token.near", "ft_balance_of", &json!({})), json!("123456"));
    // The digits take more storage.
    assert_eq!(account(&chain, "token.near").storage_usage(), usage + 5 + 4);
}

#[test]
fn what_is_no_token_deals_nothing() {
    let mut chain = with_token();
    chain.patch(tokens::records()).unwrap();
    let before = chain.clone();
    let mut failed = |token: &str, holder: &str, amount| {
        chain.deal(&id(token), &id(holder), amount).map(|(dealt, _)| dealt).unwrap_err()
    };
    for (token, holder) in [(BOB, "nobody.near"), ("nobody.near", BOB)] {
        let error = failed(token, holder, 1);
        let unknown = matches!(error, DealFailed::Edit(EditFailed::UnknownAccount { .. }));
        assert!(unknown, "{error}");
    }
    let error = failed(BOB, ALICE, 1);
    assert!(matches!(error, DealFailed::NoToken { .. }), "{error}");
    let error = failed("fixed.near", ALICE, 1);
    assert!(matches!(error, DealFailed::BalanceNotFound { .. }), "{error}");
    let error = failed("closed.near", ALICE, 1);
    assert!(matches!(error, DealFailed::NotRegistered { .. }), "{error}");
    let error = failed(TOKEN, BOB, u128::MAX);
    assert!(matches!(error, DealFailed::SupplyOverflow { .. }), "{error}");
    assert_eq!(chain.head().hash(), before.head().hash());
    assert_eq!(account(&chain, BOB).contract().as_ref(), &AccountContract::None);
}
