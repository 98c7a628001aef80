//! Transactions that are not valid: what a client is told, and that they leave no trace.

use sandbox_runtime::near::{
    AccessKey, AccessKeyPermission, Action, ActionsValidationError as E, AddKeyAction, Balance,
    DeleteAccountAction, FunctionCallPermission, Gas, InvalidAccessKeyError, InvalidTxError,
    NonceMode, SignedTransaction, StakeAction, Transaction, TransactionNonce,
};

use crate::accounts::create;
use crate::world::{
    TGAS, World, call, deploy, id, key, near, sign, signer, signer_of_key, transfer, unsigned,
    yocto,
};

/// Asserts that the transaction is refused with `error`, on submission and in a block, and that the
/// block is then empty.
fn assert_refused(world: &mut World, transaction: SignedTransaction, error: &InvalidTxError) {
    assert_eq!(&world.check(&transaction).expect_err("refused"), error);
    let root = world.state.root();
    let effects = world.block(vec![transaction]);
    assert_eq!(effects.dropped.len(), 1);
    assert_eq!(&effects.dropped[0].error, error);
    assert!(effects.outcomes.is_empty() && effects.outgoing.is_empty());
    assert_eq!(world.state.root(), root);
}

fn with_nonce(world: &World, nonce: u64) -> SignedTransaction {
    let alice = signer("alice.near");
    let mut signed = world.sign(&alice, "bob.near", vec![transfer(near(1))]);
    let Transaction::V0(body) = &mut signed.transaction else { panic!("version 0") };
    body.nonce = nonce;
    sign(signed.transaction, &alice)
}

pub(crate) fn with_mode(nonce: u64, nonce_mode: NonceMode) -> SignedTransaction {
    let alice = signer("alice.near");
    let (nonce, actions) = (TransactionNonce::from_nonce(nonce), vec![transfer(near(1))]);
    sign(unsigned(&alice, nonce, Some(nonce_mode), id("bob.near"), actions), &alice)
}

fn invalid_actions(error: E) -> InvalidTxError {
    InvalidTxError::ActionsValidation(error)
}

fn invalid_key(error: InvalidAccessKeyError) -> InvalidTxError {
    InvalidTxError::InvalidAccessKeyError(error)
}

#[test]
fn a_nonce_must_grow() {
    let mut world = World::new();
    world.run("alice.near", "bob.near", vec![transfer(near(1))]);
    let error = InvalidTxError::InvalidNonce { tx_nonce: 1, ak_nonce: 1 };
    let transaction = with_nonce(&world, 1);
    assert_refused(&mut world, transaction, &error);
    assert_eq!(world.check(&with_nonce(&world, 9)), Ok(()), "gaps are allowed");
}

#[test]
fn a_nonce_must_not_run_ahead_of_the_chain() {
    let mut world = World::new();
    let upper_bound = (world.env.height + 1) * 1_000_000;
    let error = InvalidTxError::NonceTooLarge { tx_nonce: upper_bound, upper_bound };
    let transaction = with_nonce(&world, upper_bound);
    assert_refused(&mut world, transaction, &error);
    assert_eq!(world.check(&with_nonce(&world, upper_bound - 1)), Ok(()));
}

#[test]
fn a_strict_nonce_must_be_the_next_one() {
    let mut world = World::new();
    let error = InvalidTxError::InvalidNonce { tx_nonce: 2, ak_nonce: 0 };
    let transaction = with_mode(2, NonceMode::Strict);
    assert_refused(&mut world, transaction, &error);
    assert_eq!(world.check(&with_mode(1, NonceMode::Strict)), Ok(()));
    assert_eq!(world.check(&with_mode(2, NonceMode::Monotonic)), Ok(()));
    let transaction = with_mode(1, NonceMode::Strict);
    world.run_signed(transaction);
}

#[test]
fn the_signature_must_be_of_the_key() {
    let mut world = World::new();
    let mut transaction = world.sign(&signer("alice.near"), "bob.near", vec![transfer(near(1))]);
    transaction.signature = signer("bob.near").sign(b"something else");
    assert_refused(&mut world, transaction, &InvalidTxError::InvalidSignature);
}

#[test]
fn the_signer_must_exist_and_have_the_key() {
    let mut world = World::new();
    let transaction = world.sign(&signer("nobody.near"), "bob.near", vec![transfer(near(1))]);
    let error = InvalidTxError::SignerDoesNotExist { signer_id: id("nobody.near") };
    assert_refused(&mut world, transaction, &error);
    let stranger = signer_of_key("alice.near", "stranger");
    let transaction = world.sign(&stranger, "bob.near", vec![transfer(near(1))]);
    let error = invalid_key(InvalidAccessKeyError::AccessKeyNotFound {
        account_id: id("alice.near"),
        public_key: Box::new(key("stranger")),
    });
    assert_refused(&mut world, transaction, &error);
}

#[test]
fn the_signer_must_be_able_to_pay() {
    let mut world = World::new();
    let transaction = world.sign(&signer("alice.near"), "bob.near", vec![transfer(near(1_001))]);
    let Err(InvalidTxError::NotEnoughBalance { signer_id, balance, cost }) =
        world.check(&transaction)
    else {
        panic!("the account has too little");
    };
    assert_eq!((signer_id, balance), (id("alice.near"), near(1_000)));
    assert!(cost > near(1_001));
    let error = InvalidTxError::NotEnoughBalance { signer_id: id("alice.near"), balance, cost };
    assert_refused(&mut world, transaction, &error);
    let transaction = world.sign(
        &signer("alice.near"),
        "bob.near",
        vec![transfer(Balance::MAX), transfer(Balance::MAX)],
    );
    assert_refused(&mut world, transaction, &InvalidTxError::CostOverflow);
}

#[test]
fn what_storage_needs_must_stay() {
    let mut world = World::new();
    world.run("alice.near", "alice.near", vec![deploy(vec![0; 10_000])]);
    let needed = u128::from(world.account("alice.near").storage_usage()) * 10u128.pow(19);
    let rest = world.balance("alice.near");
    let transaction =
        world.sign(&signer("alice.near"), "bob.near", vec![transfer(yocto(rest - needed / 2))]);
    let Err(InvalidTxError::LackBalanceForState { signer_id, amount }) = world.check(&transaction)
    else {
        panic!("{:?}", world.check(&transaction));
    };
    assert_eq!(signer_id, id("alice.near"));
    assert!(amount > yocto(needed / 2));
    let error = InvalidTxError::LackBalanceForState { signer_id, amount };
    assert_refused(&mut world, transaction, &error);
}

/// Adds a function-call key of `alice.near` for `bob.near`.
fn app_key(world: &mut World, allowance: Option<Balance>, methods: &[&str]) {
    let permission = AccessKeyPermission::FunctionCall(FunctionCallPermission {
        allowance,
        receiver_id: "bob.near".into(),
        method_names: methods.iter().map(ToString::to_string).collect(),
    });
    let access_key = AccessKey { nonce: 0, permission };
    let add = Action::AddKey(Box::new(AddKeyAction { public_key: key("app"), access_key }));
    world.run("alice.near", "alice.near", vec![add]);
}

#[test]
fn a_function_call_key_signs_one_call_of_what_it_is_for() {
    let mut world = World::new();
    app_key(&mut world, None, &["hello"]);
    let app = signer_of_key("alice.near", "app");
    let hello = || call("hello", b"", 10 * TGAS, yocto(0));
    let cases = [
        ("bob.near", vec![hello(), hello()], InvalidAccessKeyError::RequiresFullAccess),
        ("bob.near", vec![], InvalidAccessKeyError::RequiresFullAccess),
        ("bob.near", vec![transfer(near(1))], InvalidAccessKeyError::RequiresFullAccess),
        (
            "bob.near",
            vec![call("hello", b"", 10 * TGAS, yocto(1))],
            InvalidAccessKeyError::DepositWithFunctionCall,
        ),
        (
            "near",
            vec![hello()],
            InvalidAccessKeyError::ReceiverMismatch {
                tx_receiver: id("near"),
                ak_receiver: "bob.near".into(),
            },
        ),
        (
            "bob.near",
            vec![call("other", b"", 10 * TGAS, yocto(0))],
            InvalidAccessKeyError::MethodNameMismatch { method_name: "other".into() },
        ),
    ];
    for (receiver, actions, error) in cases {
        let transaction = world.sign(&app, receiver, actions);
        assert_refused(&mut world, transaction, &invalid_key(error));
    }
    assert_eq!(world.check(&world.sign(&app, "bob.near", vec![hello()])), Ok(()));
}

#[test]
fn a_function_call_key_spends_no_more_than_its_allowance() {
    let mut world = World::new();
    let allowance = yocto(1_000_000_000_000_000_000_000);
    app_key(&mut world, Some(allowance), &[]);
    let app = signer_of_key("alice.near", "app");
    let transaction = world.sign(&app, "bob.near", vec![call("hello", b"", 300 * TGAS, yocto(0))]);
    let Err(InvalidTxError::InvalidAccessKeyError(error)) = world.check(&transaction) else {
        panic!("the key may not spend that much");
    };
    let InvalidAccessKeyError::NotEnoughAllowance { allowance: has, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*has, allowance);
    assert_refused(&mut world, transaction, &invalid_key(error));
}

#[test]
fn actions_must_keep_to_the_limits() {
    let stake = |seed: &str| {
        let public_key = sandbox_runtime::near::SecretKey::from_seed(
            sandbox_runtime::near::KeyType::SECP256K1,
            seed,
        )
        .public_key();
        Action::Stake(Box::new(StakeAction { stake: near(20), public_key }))
    };
    let delete = || Action::DeleteAccount(DeleteAccountAction { beneficiary_id: id("bob.near") });
    let key_for = |receiver_id: &str, method_names: Vec<String>| {
        let permission = AccessKeyPermission::FunctionCall(FunctionCallPermission {
            allowance: None,
            receiver_id: receiver_id.into(),
            method_names,
        });
        let access_key = AccessKey { nonce: 0, permission };
        Action::AddKey(Box::new(AddKeyAction { public_key: key("app"), access_key }))
    };
    let secp = stake("stake");
    let Action::Stake(stake_action) = &secp else { panic!("a stake") };
    let public_key = Box::new(stake_action.public_key.clone());
    let cases = vec![
        (vec![delete(), create()], E::DeleteActionMustBeFinal),
        (
            vec![call("a", b"", 600 * TGAS, yocto(0)), call("a", b"", 600 * TGAS, yocto(0))],
            E::TotalPrepaidGasExceeded {
                total_prepaid_gas: Gas::from_teragas(1_200),
                limit: Gas::from_teragas(1_000),
            },
        ),
        (
            vec![create(); 101],
            E::TotalNumberOfActionsExceeded { total_number_of_actions: 101, limit: 100 },
        ),
        (
            vec![deploy(vec![]); 11],
            E::TotalNumberOfDeployActionsExceeded { number_of_deploy_actions: 11, limit: 10 },
        ),
        (vec![call("a", b"", 0, yocto(0))], E::FunctionCallZeroAttachedGas),
        (vec![call("", b"", TGAS, yocto(0))], E::FunctionCallEmptyMethodName),
        (
            vec![call(&"a".repeat(257), b"", TGAS, yocto(0))],
            E::FunctionCallMethodNameLengthExceeded { length: 257, limit: 256 },
        ),
        (vec![call("a", b"", u64::MAX, yocto(0)), call("a", b"", 1, yocto(0))], E::IntegerOverflow),
        (vec![secp.clone()], E::UnsuitableStakingKey { public_key }),
        (
            vec![key_for("bob.near", vec!["a".repeat(257)])],
            E::AddKeyMethodNameLengthExceeded { length: 257, limit: 256 },
        ),
        (
            vec![key_for("bob.near", vec!["a".repeat(200); 10])],
            E::AddKeyMethodNamesNumberOfBytesExceeded {
                total_number_of_bytes: 2_010,
                limit: 2_000,
            },
        ),
        (vec![key_for("Bob!", vec![])], E::InvalidAccountId { account_id: "Bob!".into() }),
        (
            vec![key_for(&"x".repeat(300), vec![])],
            E::InvalidAccountId { account_id: "x".repeat(128) },
        ),
    ];
    for (actions, error) in cases {
        let mut world = World::new();
        let transaction = world.sign(&signer("alice.near"), "alice.near", actions);
        assert_refused(&mut world, transaction, &invalid_actions(error));
    }
}

#[test]
fn a_transaction_must_not_be_too_large() {
    let mut world = World::new();
    let transaction =
        world.sign(&signer("alice.near"), "alice.near", vec![deploy(vec![0; 1_572_864])]);
    let size = transaction.wire_size();
    let error = InvalidTxError::TransactionSizeExceeded { size, limit: 1_572_864 };
    assert_refused(&mut world, transaction, &error);
}

#[test]
fn the_second_of_two_transactions_with_one_nonce_is_dropped() {
    let mut world = World::new();
    let first = world.sign(&signer("alice.near"), "bob.near", vec![transfer(near(1))]);
    let second = world.sign(&signer("alice.near"), "near", vec![transfer(near(1))]);
    let effects = world.block(vec![first.clone(), second.clone(), first]);
    assert_eq!(effects.outcomes.len(), 1, "and the same one twice counts once");
    assert_eq!(effects.dropped.len(), 1);
    assert_eq!(effects.dropped[0].id, second.get_hash());
    let error = InvalidTxError::InvalidNonce { tx_nonce: 1, ak_nonce: 1 };
    assert_eq!(effects.dropped[0].error, error);
}
