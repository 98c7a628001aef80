//! Acting for accounts without their keys: what becomes valid, and what stays as it is.

use near_crypto::{KeyType, SecretKey, Signature};
use near_primitives::account::{AccessKey, AccessKeyPermission, FunctionCallPermission};
use near_primitives::action::delegate::{DelegateAction, NonDelegateAction, SignedDelegateAction};
use near_primitives::action::{
    Action, AddKeyAction, DeleteKeyAction, FunctionCallAction, TransferAction,
};
use near_primitives::errors::{InvalidAccessKeyError, InvalidTxError};
use near_primitives::hash::CryptoHash;
use near_primitives::transaction::{SignedTransaction, Transaction, TransactionV0};
use near_primitives::types::{Gas, Nonce};
use near_primitives::views::{FinalExecutionStatus, TxExecutionStatus};
use sandboxd::Sandbox;
use sandboxd::chain::{AfterRevert, Chain, Clock, Node, NodeOptions, Refusal, Rollback};

use crate::returns::assert_same;
use crate::support::{GENESIS_NS, account, chain, id, near, signer, transfer};

const ALICE: &str = "alice.test.near";
const BOB: &str = "bob.test.near";

/// A transaction of `from` to bob that names the key of `key`, and has a signature that is none.
fn unsigned(
    chain: &Chain,
    from: &str,
    key: &str,
    nonce: Nonce,
    actions: Vec<Action>,
) -> SignedTransaction {
    let transaction = Transaction::V0(TransactionV0 {
        signer_id: id(from),
        public_key: SecretKey::from_seed(KeyType::ED25519, key).public_key(),
        nonce,
        receiver_id: id(BOB),
        block_hash: *chain.head().hash(),
        actions,
    });
    SignedTransaction::new(Signature::empty(KeyType::ED25519), transaction)
}

fn one_near() -> Vec<Action> {
    vec![Action::Transfer(TransferAction { deposit: near(1) })]
}

fn succeeded(chain: &mut Chain, hash: CryptoHash) -> bool {
    chain.settle().unwrap();
    let status = chain.execution(&hash).unwrap().status();
    matches!(status, FinalExecutionStatus::SuccessValue(_))
}

fn invalid(result: Result<CryptoHash, Refusal>) -> InvalidTxError {
    match result {
        Err(Refusal::Invalid(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn any_key_and_any_nonce_will_do_and_the_fees_are_those_of_a_key() {
    let mut signed = chain();
    let paid = transfer(&signed, ALICE, BOB, 1, near(1));
    let paid = signed.submit(paid).unwrap();
    assert!(succeeded(&mut signed, paid));
    for nonce in [0, 7, Nonce::MAX] {
        let mut chain = chain();
        chain.impersonate(&id(ALICE)).unwrap();
        let sent = chain.submit(unsigned(&chain, ALICE, "nobody", nonce, one_near())).unwrap();
        assert!(succeeded(&mut chain, sent));
        for name in [ALICE, BOB] {
            assert_eq!(account(&chain, name), account(&signed, name));
        }
        let burnt = |chain: &Chain, hash| {
            let execution = chain.execution(hash).unwrap();
            let outcomes = execution.outcomes.iter().map(|at| &at.outcome.outcome);
            outcomes.map(|outcome| (outcome.gas_burnt, outcome.tokens_burnt)).collect::<Vec<_>>()
        };
        assert_eq!(burnt(&chain, &sent), burnt(&signed, &paid));
    }
}

#[test]
fn it_begins_and_ends_and_is_for_one_account() {
    let mut chain = chain();
    let of_alice = |chain: &Chain, nonce| unsigned(chain, ALICE, "nobody", nonce, one_near());
    let refused = |chain: &mut Chain, transaction| {
        let head = *chain.head().hash();
        assert_eq!(invalid(chain.submit(transaction)), InvalidTxError::InvalidSignature);
        assert!(!chain.has_work() && *chain.head().hash() == head);
    };
    let first = of_alice(&chain, 1);
    refused(&mut chain, first);
    chain.impersonate(&id(ALICE)).unwrap();
    let of_bob = unsigned(&chain, BOB, "nobody", 1, one_near());
    refused(&mut chain, of_bob);
    // What was taken is valid, also when impersonation has ended by the time of its block.
    let taken = chain.submit(of_alice(&chain, 1)).unwrap();
    assert!(chain.stop_impersonating(&id(ALICE)) && !chain.stop_impersonating(&id(ALICE)));
    assert!(succeeded(&mut chain, taken));
    let second = of_alice(&chain, 2);
    refused(&mut chain, second);
    chain.impersonate_everyone(true);
    let taken = chain.submit(unsigned(&chain, BOB, "nobody", 1, one_near())).unwrap();
    assert!(succeeded(&mut chain, taken));
    chain.impersonate_everyone(false);
    let third = of_alice(&chain, 3);
    refused(&mut chain, third);
    assert!(chain.impersonate(&id("nobody.near")).is_err());
    assert_eq!(chain.impersonated().accounts().count(), 0);
}

#[test]
fn a_transaction_that_was_admitted_before_the_end_is_refused_after_it() {
    let mut chain = chain();
    chain.impersonate(&id(ALICE)).unwrap();
    let node = Node::start(chain.clone(), NodeOptions::default()).unwrap();
    let until = TxExecutionStatus::Final;
    let sent = unsigned(&chain, ALICE, "nobody", 1, one_near());
    node.submit(sent, until.clone()).wait().unwrap().unwrap();
    node.stop_impersonating(id(ALICE)).wait().unwrap();
    let sent = unsigned(&chain, ALICE, "nobody", 2, one_near());
    let refusal = node.submit(sent, until).wait().unwrap().unwrap_err();
    assert!(matches!(refusal, Refusal::Invalid(InvalidTxError::InvalidSignature)));
    node.stop();
}

#[test]
fn a_transaction_that_is_known_is_not_taken_twice() {
    let mut chain = chain();
    chain.impersonate_everyone(true);
    let sent = unsigned(&chain, ALICE, "nobody", 0, one_near());
    for _ in 0..2 {
        let hash = chain.submit(sent.clone()).unwrap();
        assert!(succeeded(&mut chain, hash));
    }
    assert_eq!(account(&chain, BOB).amount(), near(1_000_001));
}

#[test]
fn a_key_that_the_account_has_is_held_to_its_rules() {
    let mut chain = chain();
    let call_key = SecretKey::from_seed(KeyType::ED25519, "calls").public_key();
    let permission = FunctionCallPermission {
        allowance: None,
        receiver_id: BOB.to_owned(),
        method_names: Vec::new(),
    };
    let add = Action::AddKey(Box::new(AddKeyAction {
        public_key: call_key,
        access_key: AccessKey {
            nonce: 0,
            permission: AccessKeyPermission::FunctionCall(permission),
        },
    }));
    let added = chain.submit_unsigned(&id(ALICE), &id(ALICE), vec![add]).unwrap();
    assert!(succeeded(&mut chain, added));
    chain.impersonate_everyone(true);
    let stale = unsigned(&chain, ALICE, ALICE, 0, one_near());
    let error = invalid(chain.submit(stale));
    assert_eq!(error, InvalidTxError::InvalidNonce { tx_nonce: 0, ak_nonce: 0 });
    let transfer = unsigned(&chain, ALICE, "calls", 1_000_000, one_near());
    let error = invalid(chain.submit(transfer));
    let limited = InvalidAccessKeyError::RequiresFullAccess;
    assert_eq!(error, InvalidTxError::InvalidAccessKeyError(limited));
    let sent = chain.submit(unsigned(&chain, ALICE, ALICE, 5, one_near())).unwrap();
    assert!(succeeded(&mut chain, sent));
    let used = unsigned(&chain, ALICE, ALICE, 5, one_near());
    assert!(matches!(invalid(chain.submit(used)), InvalidTxError::InvalidNonce { .. }));
}

#[test]
fn other_rules_hold_as_ever() {
    let mut chain = chain();
    chain.impersonate_everyone(true);
    let too_much = vec![Action::Transfer(TransferAction { deposit: near(2_000_000) })];
    let error = invalid(chain.submit(unsigned(&chain, ALICE, "nobody", 1, too_much)));
    assert!(matches!(error, InvalidTxError::NotEnoughBalance { .. }));
    let error = invalid(chain.submit(unsigned(&chain, "nobody.near", "nobody", 1, one_near())));
    assert!(matches!(error, InvalidTxError::SignerDoesNotExist { .. }));
    let call = Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: "any".to_owned(),
        args: Vec::new(),
        gas: Gas::ZERO,
        deposit: near(0),
    }));
    let error = invalid(chain.submit(unsigned(&chain, ALICE, "nobody", 1, vec![call])));
    assert!(matches!(error, InvalidTxError::ActionsValidation(_)));
    assert!(!chain.has_work());
}

#[test]
fn an_account_without_keys_acts_and_the_same_can_be_sent_again_and_again() {
    let mut chain = chain();
    let remove =
        Action::DeleteKey(Box::new(DeleteKeyAction { public_key: signer(ALICE).public_key() }));
    let removed = chain.submit_unsigned(&id(ALICE), &id(ALICE), vec![remove]).unwrap();
    assert!(succeeded(&mut chain, removed));
    let sent: Vec<_> =
        (0..3).map(|_| chain.submit_unsigned(&id(ALICE), &id(BOB), one_near()).unwrap()).collect();
    for hash in sent {
        assert!(succeeded(&mut chain, hash));
    }
    assert_eq!(account(&chain, BOB).amount(), near(1_000_003));
}

#[test]
fn the_delegated_actions_of_an_impersonated_account_need_no_signature() {
    let mut chain = chain();
    let delegate = |chain: &Chain, nonce| {
        let transfer = Action::Transfer(TransferAction { deposit: near(1) });
        let delegate_action = DelegateAction {
            sender_id: id(BOB),
            receiver_id: id("carol.test.near"),
            actions: vec![NonDelegateAction::try_from(transfer).unwrap()],
            nonce: 1,
            max_block_height: 1_000,
            public_key: SecretKey::from_seed(KeyType::ED25519, "nobody").public_key(),
        };
        let signature = Signature::empty(KeyType::ED25519);
        let signed = SignedDelegateAction { delegate_action, signature };
        let actions = vec![Action::Delegate(Box::new(signed))];
        crate::support::sign(chain, ALICE, BOB, nonce, actions)
    };
    // The relayer signs; whether it is impersonated does not matter.
    chain.impersonate(&id(ALICE)).unwrap();
    let sent = chain.submit(delegate(&chain, 1)).unwrap();
    assert!(!succeeded(&mut chain, sent));
    chain.impersonate(&id(BOB)).unwrap();
    let sent = chain.submit(delegate(&chain, 2)).unwrap();
    assert!(succeeded(&mut chain, sent));
    assert_eq!(account(&chain, "carol.test.near").amount(), near(1_000_001));
}

#[test]
fn a_revert_brings_back_who_was_impersonated_and_a_rollback_does_not() {
    let node = Node::start(chain(), NodeOptions::default()).unwrap();
    let listed = || node.view().impersonated().accounts().cloned().collect::<Vec<_>>();
    let before = node.snapshot().wait().unwrap();
    node.impersonate(id(ALICE)).wait().unwrap().unwrap();
    let with_alice = node.snapshot().wait().unwrap();
    node.stop_impersonating(id(ALICE)).wait().unwrap();
    node.impersonate(id(BOB)).wait().unwrap().unwrap();
    node.revert(with_alice, AfterRevert::Drop).wait().unwrap().unwrap();
    assert_eq!(listed(), [id(ALICE)]);
    node.fast_forward(5).wait().unwrap().unwrap();
    node.roll_back(Rollback::ToHeight(0)).wait().unwrap().unwrap();
    assert_eq!(listed(), [id(ALICE)]);
    node.revert(before, AfterRevert::Drop).wait().unwrap().unwrap();
    assert!(listed().is_empty());
    node.stop();
}

#[test]
fn who_signs_notices_nothing_of_others_that_are_impersonated() {
    let mut plain = chain();
    let mut other = Sandbox::localnet_builder(Clock::manual(GENESIS_NS))
        .auto_impersonate(true)
        .build()
        .unwrap()
        .into_chain();
    for nonce in 1..5 {
        for chain in [&mut plain, &mut other] {
            let sent = chain.submit(transfer(chain, ALICE, BOB, nonce, near(1))).unwrap();
            assert!(succeeded(chain, sent));
        }
    }
    assert_same(&plain, &other);
}

#[test]
fn every_key_of_an_impersonated_account_is_shown_as_one_with_full_access() {
    let mut chain = chain();
    chain.fast_forward(7).unwrap();
    let strange = SecretKey::from_seed(KeyType::ED25519, "nobody").public_key();
    let own = signer(ALICE).public_key();
    let shown = |chain: &Chain, name: &str, key| {
        chain.access_key_after(chain.head(), chain.state(), &id(name), key).unwrap().ok()
    };
    assert_eq!(shown(&chain, ALICE, &strange), None);
    let before = shown(&chain, ALICE, &own);
    chain.impersonate_everyone(true);
    let key = shown(&chain, ALICE, &strange).unwrap();
    assert_eq!((key.nonce, key.permission), (7_000_000, AccessKeyPermission::FullAccess));
    assert_eq!(shown(&chain, ALICE, &own), before);
    assert_eq!(shown(&chain, "nobody.near", &strange), None);
}
