//! Meta transactions: who may ask for what, who pays, and what is refused.

use sandbox_runtime::near::{
    AccessKey, AccessKeyPermission, Action, ActionCosts, ActionErrorKind, AddKeyAction,
    DelegateAction, ExecutionStatus, FunctionCallPermission, InvalidAccessKeyError,
    NonDelegateAction, SignedDelegateAction, Signer,
};

use crate::world::{
    PRICE, TGAS, World, call, id, key, near, signer, signer_of_key, transfer, yocto,
};

/// What `alice.near` wants done on `bob.near`.
fn wish(actions: Vec<Action>) -> DelegateAction {
    DelegateAction {
        sender_id: id("alice.near"),
        receiver_id: id("bob.near"),
        actions: actions
            .into_iter()
            .map(|action| NonDelegateAction::try_from(action).expect("not a delegate action"))
            .collect(),
        nonce: 1,
        max_block_height: 100,
        public_key: key("alice.near"),
    }
}

fn signed(wish: DelegateAction, signer: &Signer) -> Action {
    let signature = signer.sign(wish.get_nep461_hash().as_bytes());
    Action::Delegate(Box::new(SignedDelegateAction { delegate_action: wish, signature }))
}

#[test]
fn the_relayer_pays_for_what_the_account_wants() {
    let mut world = World::new();
    let (relayer, alice, bob) =
        (world.balance("near"), world.balance("alice.near"), world.balance("bob.near"));
    let action = signed(wish(vec![transfer(near(2))]), &signer("alice.near"));
    let story = world.run("near", "alice.near", vec![action]);
    assert_eq!(story.value(), b"");
    assert_eq!(world.balance("bob.near"), bob + near(2).as_yoctonear());
    assert_eq!(world.balance("alice.near"), alice, "she pays nothing");
    assert_eq!(world.access_key("alice.near", "alice.near").expect("a key").nonce, 1);

    let send = |cost| world.send(cost);
    let exec = |cost| world.exec(cost);
    let receipt = ActionCosts::new_action_receipt;
    let conversion = send(receipt) + send(ActionCosts::delegate) + send(ActionCosts::transfer);
    assert_eq!(u128::from(story.transaction.gas_burnt.as_gas()), conversion);
    // The delegate action burns sending what it makes; the receipt it makes burns its own.
    let first = exec(receipt) + exec(ActionCosts::delegate) + send(ActionCosts::transfer);
    assert_eq!(u128::from(story.first().gas_burnt.as_gas()), first);
    let second = exec(receipt) + exec(ActionCosts::transfer);
    let spent = near(2).as_yoctonear() + (conversion + first + second) * PRICE;
    assert_eq!(world.balance("near"), relayer - spent);
}

#[test]
fn what_the_account_wants_may_fail() {
    let mut world = World::new();
    let alice = world.balance("alice.near");
    let mut nobody = wish(vec![transfer(near(2))]);
    nobody.receiver_id = id("nobody.near");
    let story = world.run("near", "alice.near", vec![signed(nobody, &signer("alice.near"))]);
    assert_eq!(story.value(), b"");
    let failed = story
        .receipts
        .iter()
        .find(|outcome| outcome.executor_id == id("nobody.near"))
        .expect("the receipt ran");
    assert!(matches!(failed.status, ExecutionStatus::Failure(_)));
    // The deposit goes back to who sent the receipt, and that is not the relayer.
    assert_eq!(world.balance("alice.near"), alice + near(2).as_yoctonear());
}

fn refused(world: &mut World, action: Action) -> ActionErrorKind {
    let alice = world.account("alice.near");
    let nonce = world.access_key("alice.near", "alice.near").expect("a key").nonce;
    let relayer = world.balance("near");
    let story = world.run("near", "alice.near", vec![action]);
    assert_eq!(world.account("alice.near"), alice);
    assert_eq!(world.access_key("alice.near", "alice.near").expect("a key").nonce, nonce);
    let burnt =
        story.transaction.tokens_burnt.as_yoctonear() + story.first().tokens_burnt.as_yoctonear();
    assert_eq!(world.balance("near"), relayer - burnt, "the deposit came back");
    story.error().1
}

#[test]
fn wishes_that_are_refused() {
    let mut world = World::new();
    let alice = signer("alice.near");
    let gift = || wish(vec![transfer(near(2))]);

    let error = refused(&mut world, signed(gift(), &signer("bob.near")));
    assert_eq!(error, ActionErrorKind::DelegateActionInvalidSignature);

    let late = DelegateAction { max_block_height: 5, ..gift() };
    let error = refused(&mut world, signed(late, &alice));
    assert_eq!(error, ActionErrorKind::DelegateActionExpired);

    let bob = DelegateAction { sender_id: id("bob.near"), public_key: key("bob.near"), ..gift() };
    let error = refused(&mut world, signed(bob, &signer("bob.near")));
    let (sender_id, receiver_id) = (id("bob.near"), id("alice.near"));
    assert_eq!(
        error,
        ActionErrorKind::DelegateActionSenderDoesNotMatchTxReceiver { sender_id, receiver_id }
    );

    let stranger = DelegateAction { public_key: key("stranger"), ..gift() };
    let error = refused(&mut world, signed(stranger, &signer_of_key("alice.near", "stranger")));
    let not_found = InvalidAccessKeyError::AccessKeyNotFound {
        account_id: id("alice.near"),
        public_key: Box::new(key("stranger")),
    };
    assert_eq!(error, ActionErrorKind::DelegateActionAccessKeyError(not_found));

    let old = DelegateAction { nonce: 0, ..gift() };
    let error = refused(&mut world, signed(old, &alice));
    let (delegate_nonce, ak_nonce) = (0, 0);
    assert_eq!(error, ActionErrorKind::DelegateActionInvalidNonce { delegate_nonce, ak_nonce });

    let ahead = DelegateAction { nonce: 500_000_000, ..gift() };
    let error = refused(&mut world, signed(ahead, &alice));
    assert!(matches!(
        error,
        ActionErrorKind::DelegateActionNonceTooLarge { delegate_nonce: 500_000_000, .. }
    ));
}

#[test]
fn a_function_call_key_wishes_only_for_its_calls() {
    let mut world = World::new();
    let permission = AccessKeyPermission::FunctionCall(FunctionCallPermission {
        allowance: Some(yocto(1)),
        receiver_id: "bob.near".into(),
        method_names: vec!["hello".into()],
    });
    let access_key = AccessKey { nonce: 0, permission };
    let add = Action::AddKey(Box::new(AddKeyAction { public_key: key("app"), access_key }));
    world.run("alice.near", "alice.near", vec![add]);
    let nonce = world.access_key("alice.near", "app").expect("a key").nonce + 1;
    let app = signer_of_key("alice.near", "app");
    let wish = |actions| DelegateAction { nonce, public_key: key("app"), ..wish(actions) };

    let error = refused(&mut world, signed(wish(vec![transfer(near(1))]), &app));
    let full = InvalidAccessKeyError::RequiresFullAccess;
    assert_eq!(error, ActionErrorKind::DelegateActionAccessKeyError(full));
    let other = call("other", b"", 5 * TGAS, yocto(0));
    let error = refused(&mut world, signed(wish(vec![other]), &app));
    let mismatch = InvalidAccessKeyError::MethodNameMismatch { method_name: "other".into() };
    assert_eq!(error, ActionErrorKind::DelegateActionAccessKeyError(mismatch));
    // The allowance does not matter: the relayer pays.
    let hello = call("hello", b"", 5 * TGAS, yocto(0));
    let story = world.run("near", "alice.near", vec![signed(wish(vec![hello]), &app)]);
    assert_eq!(story.value(), b"");
}
