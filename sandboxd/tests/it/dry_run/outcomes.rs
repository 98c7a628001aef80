//! The outcome is that of the real thing, block hashes and proofs included.

use near_crypto::{KeyType, SecretKey};
use near_primitives::account::AccessKey;
use near_primitives::action::delegate::{DelegateAction, NonDelegateAction, SignedDelegateAction};
use near_primitives::action::{Action, AddKeyAction, DeployContractAction, TransferAction};
use near_primitives::errors::InvalidTxError;
use near_primitives::types::{Balance, Gas};
use near_primitives::views::{FinalExecutionStatus, TxExecutionStatus};
use sandboxd::chain::{
    DryRunFailed, DryTransaction, Overrides, Progress, Refusal, UnsignedTransaction,
};
use serde_json::{Value, json};

use super::{
    ALICE, BOB, CAROL, call, call_with, deploy, dry, json_of, really, say, seen, stage, unsigned,
};
use crate::support::{chain, id, near, sign, signer};

/// To whom, and what.
fn transactions() -> Vec<(&'static str, Vec<Action>)> {
    let transfer = Action::Transfer(TransferAction { deposit: near(5) });
    let key = SecretKey::from_seed(KeyType::ED25519, "new").public_key();
    let add = AddKeyAction { public_key: key.clone(), access_key: AccessKey::full_access() };
    let code = fixtures::wasm("tiny").to_vec();
    let sub = json!({ "name": "sub", "public_key": key, "code": "AGFzbQEAAAA=" });
    let little = Gas::from_gas(3_000_000_000_000);
    vec![
        (BOB, vec![transfer.clone()]),
        (ALICE, vec![transfer.clone()]),
        ("nobody.test.near", vec![transfer.clone()]),
        (ALICE, vec![Action::AddKey(Box::new(add))]),
        (ALICE, vec![Action::DeployContract(DeployContractAction { code })]),
        (BOB, vec![say("hello")]),
        (BOB, vec![say("one"), call("increment", &Value::Null), say("two")]),
        (BOB, vec![say("one"), call("fail", &json!({ "message": "no" })), say("two")]),
        (BOB, vec![call("no_such_method", &Value::Null)]),
        (BOB, vec![call_with("burn", &json!({ "rounds": 4_000_000_000_u32 }), little, near(0))]),
        (ALICE, vec![call("call_other", &json!({ "account_id": BOB }))]),
        (BOB, vec![call("call_other", &json!({ "account_id": ALICE }))]),
        (ALICE, vec![call("call_failing", &json!({ "account_id": BOB }))]),
        (ALICE, vec![call("join_counts", &json!({ "first": BOB, "second": ALICE }))]),
        (BOB, vec![call_with("create_sub", &sub, Gas::from_teragas(100), near(3))]),
        (CAROL, vec![call("share", &Value::Null)]),
        (CAROL, vec![call("wait", &Value::Null)]),
        (ALICE, vec![delegated(transfer)]),
    ]
}

/// What bob wants done by a relayer.
fn delegated(action: Action) -> Action {
    let delegate_action = DelegateAction {
        sender_id: id(ALICE),
        receiver_id: id(BOB),
        actions: vec![NonDelegateAction::try_from(action).unwrap()],
        nonce: 100,
        max_block_height: 1_000,
        public_key: signer(ALICE).public_key(),
    };
    let signature = signer(ALICE).sign(delegate_action.get_nep461_hash().as_bytes());
    Action::Delegate(Box::new(SignedDelegateAction { delegate_action, signature }))
}

#[test]
fn a_signed_transaction_comes_out_as_it_does_when_it_is_sent() {
    let chain = stage();
    for (to, actions) in transactions() {
        let name = format!("{:?} to {to}", actions.first());
        let signed = sign(&chain, ALICE, to, 2, actions);
        let before = seen(&chain);
        let run =
            chain.dry_run(DryTransaction::Signed(signed.clone()), &Overrides::default(), true);
        let run = run.unwrap();
        assert_eq!(before, seen(&chain), "{name}");
        assert_eq!(json_of(&run.execution().view()), json_of(&really(&chain, signed)), "{name}");
    }
}

#[test]
fn an_unsigned_one_does_the_same_with_the_key_that_the_account_has() {
    let chain = stage();
    for (to, actions) in transactions() {
        let run = dry(&chain, to, actions.clone());
        let real = really(&chain, sign(&chain, ALICE, to, 2, actions));
        let [mut run, mut real] = [run.execution().view(), real].map(|view| json_of(&view));
        for view in [&mut run, &mut real] {
            view["transaction"]["signature"].take();
        }
        // The block commits to the signature.
        let same = |view: &Value| strip(view, &["block_hash", "proof"]);
        assert_eq!(same(&run), same(&real));
    }
}

fn strip(value: &Value, names: &[&str]) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| strip(item, names)).collect(),
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !names.contains(&name.as_str()));
            Value::Object(kept.map(|(name, item)| (name.clone(), strip(item, names))).collect())
        }
        other => other.clone(),
    }
}

#[test]
fn anybody_can_sign_also_a_contract_without_keys() {
    let mut chain = stage();
    let key = signer(BOB).public_key();
    let delete =
        Action::DeleteKey(Box::new(near_primitives::action::DeleteKeyAction { public_key: key }));
    chain.submit(sign(&chain, BOB, BOB, 2, vec![delete])).unwrap();
    chain.settle().unwrap();
    let run = chain.dry_run(unsigned(BOB, ALICE, vec![say("me")]), &Overrides::default(), false);
    let run = run.unwrap();
    let view = run.execution().view();
    assert!(matches!(view.status, FinalExecutionStatus::SuccessValue(_)), "{:?}", view.status);
    assert_eq!(view.receipts_outcome[0].outcome.logs, ["bob.test.near says me"]);
    let bob = run.changes.iter().find(|changes| changes.account_id == BOB).unwrap();
    assert!(bob.access_keys.is_empty(), "the key that stood in is nobody's");
}

#[test]
fn what_waits_goes_first_and_its_nonces_count() {
    let mut chain = chain();
    deploy(&mut chain, BOB, 1, fixtures::wasm("status").to_vec());
    chain.submit(sign(&chain, ALICE, BOB, 1, vec![say("first")])).unwrap();
    let before = seen(&chain);
    let run = dry(&chain, BOB, vec![say("second")]);
    assert_eq!(seen(&chain), before);
    assert_eq!(run.execution().transaction.transaction.nonce().nonce(), 2);
    let status = run.execution().status();
    assert_eq!(status, FinalExecutionStatus::SuccessValue(br#""first""#.to_vec()));
    // What the other did is not told as a change of this one.
    let bob = run.changes.iter().find(|changes| changes.account_id == BOB).unwrap();
    let message = |value: &Option<near_primitives::types::StoreValue>| {
        value.as_ref().map(|value| String::from_utf8_lossy(&value[4..]).into_owned())
    };
    let [data] = bob.data.as_slice() else { panic!("{:?}", bob.data) };
    assert_eq!(message(&data.value.before).as_deref(), Some("first"));
    assert_eq!(message(&data.value.after).as_deref(), Some("second"));
}

#[test]
fn one_that_waits_already_is_run_once() {
    let mut chain = stage();
    let waiting = sign(&chain, ALICE, BOB, 2, vec![say("hello")]);
    chain.submit(waiting.clone()).unwrap();
    let run = chain.dry_run(DryTransaction::Signed(waiting), &Overrides::default(), true).unwrap();
    assert_eq!(run.execution().progress(), Progress::Complete);
    assert_eq!(run.least, None);
}

#[test]
fn a_yield_stays_open() {
    let run = dry(&stage(), CAROL, vec![call("wait", &Value::Null)]);
    let execution = run.execution();
    assert_eq!(execution.progress(), Progress::Included);
    assert_eq!(run.open_receipts.len(), 1);
    let (receipt, _) = run.after.receipt(&run.open_receipts[0]).unwrap();
    assert!(matches!(
        receipt.receipt(),
        near_primitives::receipt::ReceiptEnum::PromiseYieldV2(_)
            | near_primitives::receipt::ReceiptEnum::PromiseYield(_)
    ));
    assert_ne!(run.after.execution_status(&execution), TxExecutionStatus::Final);
}

#[test]
fn an_invalid_transaction_is_refused_as_when_it_is_sent() {
    let chain = stage();
    let mut forged = sign(&chain, ALICE, BOB, 2, vec![say("hello")]);
    forged.signature = signer(BOB).sign(b"something else");
    let transactions = [
        forged,
        sign(&chain, ALICE, BOB, 1, vec![say("hello")]),
        sign(&chain, ALICE, BOB, u64::MAX, vec![say("hello")]),
        sign(&chain, "nobody.test.near", BOB, 2, vec![say("hello")]),
        sign(&chain, ALICE, BOB, 2, vec![call_with("x", &json!({}), Gas::ZERO, Balance::ZERO)]),
        sign(
            &chain,
            ALICE,
            BOB,
            2,
            vec![Action::Transfer(TransferAction { deposit: near(2_000_000) })],
        ),
        crate::support::sign_at(
            near_primitives::hash::hash(b"nowhere"),
            ALICE,
            BOB,
            2,
            vec![say("hello")],
        ),
    ];
    for transaction in transactions {
        let sent = chain.clone().submit(transaction.clone()).unwrap_err();
        let dry = chain.dry_run(DryTransaction::Signed(transaction), &Overrides::default(), true);
        assert_eq!(dry.unwrap_err().to_string(), sent.to_string());
    }
}

#[test]
fn an_unsigned_one_is_held_to_what_its_key_allows() {
    let chain = stage();
    let other = SecretKey::from_seed(KeyType::ED25519, "other").public_key();
    let transaction = DryTransaction::Unsigned(UnsignedTransaction {
        signer_id: id(ALICE),
        receiver_id: id(BOB),
        actions: vec![say("hello")],
        public_key: Some(other),
        nonce: Some(7),
    });
    let refused = chain.dry_run(transaction, &Overrides::default(), false).unwrap_err();
    let DryRunFailed::Refused(Refusal::Invalid(error)) = refused else { panic!("{refused:?}") };
    assert!(matches!(error, InvalidTxError::InvalidAccessKeyError(_)), "{error:?}");
    let nobody = unsigned("nobody.test.near", BOB, vec![say("hello")]);
    let refused = chain.dry_run(nobody, &Overrides::default(), false).unwrap_err();
    let DryRunFailed::Refused(Refusal::Invalid(error)) = refused else { panic!("{refused:?}") };
    assert!(matches!(error, InvalidTxError::SignerDoesNotExist { .. }), "{error:?}");
}

#[test]
fn one_that_was_recorded_elsewhere_is_as_old_as_it_likes() {
    let chain = stage();
    let nowhere = near_primitives::hash::hash(b"nowhere");
    let mut recorded = crate::support::sign_at(nowhere, ALICE, BOB, 2, vec![say("hello")]);
    recorded.signature = signer(BOB).sign(b"something else");
    let run = chain.dry_run(DryTransaction::Recorded(recorded), &Overrides::default(), false);
    let status = run.unwrap().execution().status();
    assert!(matches!(status, FinalExecutionStatus::SuccessValue(_)), "{status:?}");
}
