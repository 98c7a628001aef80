//! Gas keys: they pay for gas, the account pays for what actions carry; many nonces, one key.

use sandbox_runtime::BlockEffects;
use sandbox_runtime::near::{
    AccessKey, AccessKeyPermission, Action, ActionCosts, ActionErrorKind,
    ActionsValidationError as E, AddKeyAction, Balance, DelegateAction, DeleteAccountAction,
    DeleteKeyAction, DepositCostFailureReason, ExecutionStatus, FunctionCallPermission, GasKeyInfo,
    InvalidAccessKeyError, InvalidTxError, NonDelegateAction, NonceMode, SignedDelegateAction,
    SignedTransaction, Signer, TransactionNonce, TransferToGasKeyAction, TxExecutionError,
    WithdrawFromGasKeyAction,
};
use sandbox_runtime::tree;

use crate::world::{
    PRICE, PURCHASE_PRICE, TGAS, World, call, id, key, near, sign, signer, signer_of_key, transfer,
    unsigned, yocto,
};

fn permission(num_nonces: u16, balance: Balance) -> AccessKeyPermission {
    AccessKeyPermission::GasKeyFullAccess(GasKeyInfo { balance, num_nonces })
}

fn add(seed: &str, permission: AccessKeyPermission) -> Action {
    let access_key = AccessKey { nonce: 77, permission };
    Action::AddKey(Box::new(AddKeyAction { public_key: key(seed), access_key }))
}

fn fund(seed: &str, deposit: Balance) -> Action {
    Action::TransferToGasKey(Box::new(TransferToGasKeyAction { public_key: key(seed), deposit }))
}

fn withdraw(seed: &str, amount: Balance) -> Action {
    Action::WithdrawFromGasKey(Box::new(WithdrawFromGasKeyAction { public_key: key(seed), amount }))
}

/// `alice.near` with a gas key `gas` of three nonces that holds `balance`.
fn world(balance: Balance) -> World {
    let mut world = World::new();
    world.run("alice.near", "alice.near", vec![add("gas", permission(3, Balance::ZERO))]);
    world.run("alice.near", "alice.near", vec![fund("gas", balance)]);
    world
}

fn info(world: &World) -> GasKeyInfo {
    let key = world.access_key("alice.near", "gas").expect("the key is there");
    key.gas_key_info().expect("it is a gas key").clone()
}

fn nonce(world: &World, index: u16) -> Option<u64> {
    tree::gas_key_nonce(&mut &world.state, &id("alice.near"), &key("gas"), index).expect("no fault")
}

/// A transaction of `alice.near` with the key `seed` and one of its nonces.
fn signed(
    seed: &str,
    nonce: TransactionNonce,
    receiver: &str,
    actions: Vec<Action>,
) -> SignedTransaction {
    let signer = signer_of_key("alice.near", seed);
    sign(unsigned(&signer, nonce, Some(NonceMode::Monotonic), id(receiver), actions), &signer)
}

/// A transaction with the gas key and the next of its nonces of number `index`.
fn next(world: &World, index: u16, receiver: &str, actions: Vec<Action>) -> SignedTransaction {
    let nonce = nonce(world, index).expect("a nonce") + 1;
    signed("gas", TransactionNonce::from_nonce_and_index(nonce, index), receiver, actions)
}

fn dropped(effects: &BlockEffects) -> &InvalidTxError {
    &effects.dropped.first().expect("the transaction was dropped").error
}

#[test]
fn a_gas_key_takes_storage_for_itself_and_each_nonce() {
    let mut world = World::new();
    let before = world.account("alice.near").storage_usage();
    let story = world.run("alice.near", "alice.near", vec![add("gas", permission(3, yocto(0)))]);
    assert_eq!(story.value(), b"");
    // The key: 33 bytes of name, a nonce of 8, a permission of 1, balance of 16 and count of 2. A nonce
    // record: 33 and 2 bytes of name, 8 of value. Forty more for each record.
    let used = (33 + 8 + 1 + 16 + 2 + 40) + 3 * (33 + 2 + 8 + 40);
    assert_eq!(world.account("alice.near").storage_usage(), before + used);
    assert_eq!(world.access_key("alice.near", "gas").expect("a key").nonce, 0);
    assert_eq!((nonce(&world, 0), nonce(&world, 2)), (Some(10_000_000), Some(10_000_000)));
    assert_eq!(nonce(&world, 3), None);

    let send = world.send_self(ActionCosts::new_action_receipt)
        + world.send_self(ActionCosts::add_full_access_key)
        + 18 * world.send_self(ActionCosts::gas_key_byte);
    assert_eq!(u128::from(story.transaction.gas_burnt.as_gas()), send);
    // Column, account id, separator, key, number; and the nonce.
    let record = 1 + 10 + 1 + 33 + 2 + 8;
    let exec = world.exec(ActionCosts::new_action_receipt)
        + world.exec(ActionCosts::add_full_access_key)
        + 3 * world.exec(ActionCosts::gas_key_nonce_write_base)
        + 3 * record * world.exec(ActionCosts::gas_key_byte);
    assert_eq!(u128::from(story.first().gas_burnt.as_gas()), exec);

    let delete = Action::DeleteKey(Box::new(DeleteKeyAction { public_key: key("gas") }));
    world.run("alice.near", "alice.near", vec![delete]);
    assert_eq!(world.account("alice.near").storage_usage(), before);
    assert_eq!(nonce(&world, 0), None);
}

#[test]
fn the_key_pays_for_gas_and_the_account_for_deposits() {
    let mut world = world(near(1));
    let (alice, bob) = (world.balance("alice.near"), world.balance("bob.near"));
    let transaction = next(&world, 1, "bob.near", vec![transfer(near(3))]);
    assert_eq!(world.check(&transaction), Ok(()));
    let before = nonce(&world, 1).expect("a nonce");

    let send = world.send(ActionCosts::new_action_receipt) + world.send(ActionCosts::transfer);
    let exec = world.exec(ActionCosts::new_action_receipt) + world.exec(ActionCosts::transfer);
    world.block(vec![transaction]);
    let bought = send * PRICE + exec * PURCHASE_PRICE;
    assert_eq!(info(&world).balance.as_yoctonear(), near(1).as_yoctonear() - bought);
    assert_eq!(world.balance("alice.near"), alice - near(3).as_yoctonear());
    assert_eq!((nonce(&world, 0), nonce(&world, 1)), (Some(before), Some(before + 1)));

    world.block(Vec::new());
    world.block(Vec::new());
    assert_eq!(world.balance("bob.near"), bob + near(3).as_yoctonear());
    let spent = (send + exec) * PRICE;
    assert_eq!(info(&world).balance.as_yoctonear(), near(1).as_yoctonear() - spent, "refunded");
    assert_eq!(world.balance("alice.near"), alice - near(3).as_yoctonear());
    world.assert_supply();
}

#[test]
fn nonces_of_one_key_do_not_wait_for_each_other() {
    let mut world = world(near(1));
    let transactions: Vec<_> = [2, 0, 1]
        .map(|index| next(&world, index, "bob.near", vec![transfer(near(1))]))
        .into_iter()
        .collect();
    let again = transactions[0].clone();
    let effects = world.block(transactions);
    assert_eq!((effects.dropped.len(), effects.outcomes.len()), (0, 3));
    let (tx_nonce, ak_nonce) = (again.transaction.nonce().nonce(), nonce(&world, 2).expect("one"));
    let refused = InvalidTxError::InvalidNonce { tx_nonce, ak_nonce };
    assert_eq!(world.check(&again), Err(refused));
}

#[test]
fn a_deposit_that_the_account_lacks_costs_the_key_the_attempt() {
    let mut world = world(near(1));
    let before = world.account("alice.near");
    let transaction = next(&world, 0, "bob.near", vec![transfer(near(5_000))]);
    let error = InvalidTxError::NotEnoughBalanceForDeposit {
        signer_id: id("alice.near"),
        balance: before.amount(),
        cost: near(5_000),
        reason: DepositCostFailureReason::NotEnoughBalance,
    };
    assert_eq!(world.check(&transaction), Err(error.clone()));
    // A transaction before it in the block may have spent the money.
    let nonce_before = nonce(&world, 0).expect("a nonce");
    let effects = world.block(vec![transaction]);
    let outcome = &effects.outcomes[0].outcome;
    let failed = ExecutionStatus::Failure(TxExecutionError::InvalidTxError(error));
    assert_eq!((&outcome.status, &outcome.receipt_ids), (&failed, &vec![]));
    let send = world.send(ActionCosts::new_action_receipt) + world.send(ActionCosts::transfer);
    assert_eq!(u128::from(outcome.gas_burnt.as_gas()), send);
    assert_eq!(outcome.tokens_burnt.as_yoctonear(), send * PRICE);
    assert_eq!(info(&world).balance.as_yoctonear(), near(1).as_yoctonear() - send * PRICE);
    assert_eq!(world.account("alice.near"), before);
    assert_eq!(nonce(&world, 0), Some(nonce_before + 1));
    assert!(effects.outgoing.is_empty());
    world.assert_supply();

    // What is left must still cover the storage that the account takes.
    let most = world.account("alice.near").amount();
    let usage = u128::from(world.account("alice.near").storage_usage());
    let transaction = next(&world, 0, "bob.near", vec![transfer(most)]);
    let error = InvalidTxError::NotEnoughBalanceForDeposit {
        signer_id: id("alice.near"),
        balance: yocto(0),
        cost: yocto(usage * 10u128.pow(19)),
        reason: DepositCostFailureReason::LackBalanceForState,
    };
    if usage > 770 {
        assert_eq!(world.check(&transaction), Err(error));
    } else {
        assert_eq!(world.check(&transaction), Ok(()), "small accounts need no stake");
    }
}

#[test]
fn transactions_that_a_gas_key_cannot_sign() {
    let mut world = world(yocto(1_000));
    let give = || vec![transfer(yocto(1))];
    let start = nonce(&world, 0).expect("a nonce");

    let plain = signed("gas", TransactionNonce::from_nonce(start + 1), "bob.near", give());
    let error = InvalidTxError::InvalidNonceIndex { tx_nonce_index: None, num_nonces: 3 };
    assert_eq!(world.check(&plain), Err(error));
    let beyond = TransactionNonce::from_nonce_and_index(start + 1, 3);
    let error = InvalidTxError::InvalidNonceIndex { tx_nonce_index: Some(3), num_nonces: 3 };
    assert_eq!(world.check(&signed("gas", beyond, "bob.near", give())), Err(error));
    let old = TransactionNonce::from_nonce_and_index(start, 0);
    let error = InvalidTxError::InvalidNonce { tx_nonce: start, ak_nonce: start };
    assert_eq!(world.check(&signed("gas", old, "bob.near", give())), Err(error));
    let ahead = TransactionNonce::from_nonce_and_index(u64::MAX, 0);
    let upper_bound = (world.env.height + 1) * 1_000_000;
    let error = InvalidTxError::NonceTooLarge { tx_nonce: u64::MAX, upper_bound };
    assert_eq!(world.check(&signed("gas", ahead, "bob.near", give())), Err(error));
    // An ordinary key has no numbered nonces.
    let numbered = TransactionNonce::from_nonce_and_index(1, 0);
    let error = InvalidAccessKeyError::AccessKeyNotFound {
        account_id: id("alice.near"),
        public_key: Box::new(key("alice.near")),
    };
    let error = InvalidTxError::InvalidAccessKeyError(error);
    assert_eq!(world.check(&signed("alice.near", numbered, "bob.near", give())), Err(error));

    let poor = next(&world, 0, "bob.near", give());
    let send = world.send(ActionCosts::new_action_receipt) + world.send(ActionCosts::transfer);
    let exec = world.exec(ActionCosts::new_action_receipt) + world.exec(ActionCosts::transfer);
    let error = InvalidTxError::NotEnoughGasKeyBalance {
        signer_id: id("alice.near"),
        balance: yocto(1_000),
        cost: yocto(send * PRICE + exec * PURCHASE_PRICE),
    };
    assert_eq!(world.check(&poor), Err(error.clone()));
    let root = world.state.root();
    assert_eq!(dropped(&world.block(vec![poor])), &error);
    assert_eq!(world.state.root(), root, "the money of the account is not touched");
}

#[test]
fn a_gas_key_for_calls_calls_only_what_it_may() {
    let mut world = World::new();
    let calls = |allowance| FunctionCallPermission {
        allowance,
        receiver_id: "bob.near".into(),
        method_names: vec!["hello".into()],
    };
    let gas = GasKeyInfo { balance: Balance::ZERO, num_nonces: 1 };
    let permission = AccessKeyPermission::GasKeyFunctionCall(gas.clone(), calls(None));
    world.run("alice.near", "alice.near", vec![add("gas", permission), fund("gas", near(1))]);
    let refused = |world: &World, receiver: &str, action| match world.check(&next(
        world,
        0,
        receiver,
        vec![action],
    )) {
        Err(InvalidTxError::InvalidAccessKeyError(error)) => error,
        other => panic!("{other:?}"),
    };
    let hello = |deposit| call("hello", b"", TGAS, deposit);
    assert_eq!(world.check(&next(&world, 0, "bob.near", vec![hello(yocto(0))])), Ok(()));
    let error = refused(&world, "bob.near", transfer(near(1)));
    assert_eq!(error, InvalidAccessKeyError::RequiresFullAccess);
    let error = refused(&world, "bob.near", hello(yocto(1)));
    assert_eq!(error, InvalidAccessKeyError::DepositWithFunctionCall);
    let error = refused(&world, "bob.near", call("other", b"", TGAS, yocto(0)));
    let method_name = "other".into();
    assert_eq!(error, InvalidAccessKeyError::MethodNameMismatch { method_name });

    let allowance = AccessKeyPermission::GasKeyFunctionCall(gas, calls(Some(near(1))));
    let transaction = world.sign(&signer("alice.near"), "alice.near", vec![add("x", allowance)]);
    let error = InvalidTxError::ActionsValidation(E::GasKeyFunctionCallAllowanceNotAllowed);
    assert_eq!(world.check(&transaction), Err(error));
}

#[test]
fn gas_keys_begin_empty_and_with_a_number_of_nonces_in_bounds() {
    let world = World::new();
    let check = |permission| {
        let action = add("gas", permission);
        world.check(&world.sign(&signer("alice.near"), "alice.near", vec![action]))
    };
    for requested_nonces in [0, 1_025] {
        let error = E::GasKeyInvalidNumNonces { requested_nonces, limit: 1_024 };
        let expected = Err(InvalidTxError::ActionsValidation(error));
        assert_eq!(check(permission(requested_nonces, yocto(0))), expected);
    }
    let error = E::AddGasKeyWithNonZeroBalance { balance: yocto(1) };
    assert_eq!(check(permission(1, yocto(1))), Err(InvalidTxError::ActionsValidation(error)));
    assert_eq!(check(permission(1_024, yocto(0))), Ok(()));
}

#[test]
fn tokens_go_into_a_gas_key_and_come_back() {
    let mut world = world(near(2));
    // Anybody may fill it, only the account may empty it.
    let story = world.run("bob.near", "alice.near", vec![fund("gas", near(3))]);
    assert_eq!(story.value(), b"");
    assert_eq!(info(&world).balance, near(5));
    let send = world.send(ActionCosts::new_action_receipt)
        + world.send(ActionCosts::gas_key_transfer_base)
        + 33 * world.send(ActionCosts::gas_key_byte);
    assert_eq!(u128::from(story.transaction.gas_burnt.as_gas()), send);
    // Column, account id, separator and key name the record; a key without method names is the value.
    let record = (1 + 10 + 1 + 33) + (8 + 1 + 16 + 2);
    let exec = world.exec(ActionCosts::new_action_receipt)
        + world.exec(ActionCosts::gas_key_transfer_base)
        + record * world.exec(ActionCosts::gas_key_byte);
    assert_eq!(u128::from(story.first().gas_burnt.as_gas()), exec);

    let story = world.run("bob.near", "alice.near", vec![withdraw("gas", near(1))]);
    let (account_id, actor_id) = (id("alice.near"), id("bob.near"));
    let error = ActionErrorKind::ActorNoPermission { account_id, actor_id };
    assert_eq!(story.error(), (Some(0), error));

    let alice = world.balance("alice.near");
    let story = world.run("alice.near", "alice.near", vec![withdraw("gas", near(4))]);
    let burnt: u128 = [&story.transaction, story.first()]
        .iter()
        .map(|outcome| outcome.tokens_burnt.as_yoctonear())
        .sum();
    assert_eq!(world.balance("alice.near"), alice + near(4).as_yoctonear() - burnt);
    assert_eq!(info(&world).balance, near(1));

    let story = world.run("alice.near", "alice.near", vec![withdraw("gas", near(2))]);
    let error = ActionErrorKind::InsufficientGasKeyBalance {
        account_id: id("alice.near"),
        public_key: Box::new(key("gas")),
        balance: near(1),
        required: near(2),
    };
    assert_eq!(story.error(), (Some(0), error));
    for action in [fund("alice.near", near(1)), withdraw("nobody", near(1))] {
        let public_key = match &action {
            Action::TransferToGasKey(action) => action.public_key.clone(),
            _ => key("nobody"),
        };
        let story = world.run("alice.near", "alice.near", vec![action]);
        let (account_id, public_key) = (id("alice.near"), Box::new(public_key));
        let error = ActionErrorKind::GasKeyDoesNotExist { account_id, public_key };
        assert_eq!(story.error(), (Some(0), error));
    }
}

#[test]
fn a_key_that_is_deleted_burns_what_it_holds_if_that_is_little() {
    let mut world = world(near(2));
    let delete = || Action::DeleteKey(Box::new(DeleteKeyAction { public_key: key("gas") }));
    let story = world.run("alice.near", "alice.near", vec![delete()]);
    let error = ActionErrorKind::GasKeyBalanceTooHigh {
        account_id: id("alice.near"),
        public_key: Some(Box::new(key("gas"))),
        balance: near(2),
    };
    assert_eq!(story.error(), (Some(0), error));
    let leave = || Action::DeleteAccount(DeleteAccountAction { beneficiary_id: id("bob.near") });
    let story = world.run("alice.near", "alice.near", vec![leave()]);
    let error = ActionErrorKind::GasKeyBalanceTooHigh {
        account_id: id("alice.near"),
        public_key: None,
        balance: near(2),
    };
    assert_eq!(story.error(), (Some(0), error));

    world.run("alice.near", "alice.near", vec![withdraw("gas", near(1))]);
    let story = world.run("alice.near", "alice.near", vec![delete()]);
    let gas = world.exec(ActionCosts::new_action_receipt) + world.exec(ActionCosts::delete_key);
    let burnt = near(1).as_yoctonear() + gas * PRICE;
    assert_eq!(story.first().tokens_burnt.as_yoctonear(), burnt);
    // No fee pays for the nonces, but the block counts the time that removing them takes.
    let costs = &world.config().wasm_config.ext_costs;
    let price = |cost| u128::from(costs.compute_cost(cost));
    let removals = 3 * price(near_parameters::ExtCosts::storage_remove_base)
        + 3 * (1 + 10 + 1 + 33 + 2) * price(near_parameters::ExtCosts::storage_remove_key_byte)
        + 3 * 8 * price(near_parameters::ExtCosts::storage_remove_ret_value_byte);
    assert_eq!(u128::from(story.first().compute_usage.expect("known")), gas + removals);

    // An account that goes takes its gas keys along.
    world.run("alice.near", "alice.near", vec![add("gas", permission(2, yocto(0)))]);
    world.run("alice.near", "alice.near", vec![fund("gas", yocto(9))]);
    let story = world.run("alice.near", "alice.near", vec![leave()]);
    let gas = world.exec(ActionCosts::new_action_receipt) + world.exec(ActionCosts::delete_account);
    assert_eq!(story.first().tokens_burnt.as_yoctonear(), 9 + gas * PRICE);
    assert!(!world.exists("alice.near"));
    assert_eq!(nonce(&world, 1), None);
}

fn wish(public_key_seed: &str, actions: Vec<Action>, signer: &Signer) -> Action {
    let delegate_action = DelegateAction {
        sender_id: id("alice.near"),
        receiver_id: id("alice.near"),
        actions: actions
            .into_iter()
            .map(|action| NonDelegateAction::try_from(action).expect("not a delegate action"))
            .collect(),
        nonce: 1,
        max_block_height: 1_000,
        public_key: key(public_key_seed),
    };
    let signature = signer.sign(delegate_action.get_nep461_hash().as_bytes());
    Action::Delegate(Box::new(SignedDelegateAction { delegate_action, signature }))
}

#[test]
fn relayers_and_gas_keys_have_nothing_to_do_with_each_other() {
    let mut world = world(near(2));
    let gas = signer_of_key("alice.near", "gas");
    let story =
        world.run("bob.near", "alice.near", vec![wish("gas", vec![transfer(near(1))], &gas)]);
    let error = InvalidAccessKeyError::DelegateActionRequiresNonGasKey;
    assert_eq!(story.error(), (Some(0), ActionErrorKind::DelegateActionAccessKeyError(error)));

    let out = wish("alice.near", vec![withdraw("gas", near(1))], &signer("alice.near"));
    let transaction = world.sign(&signer("bob.near"), "alice.near", vec![out]);
    let error = E::WithdrawFromGasKeyNotAllowedInDelegate;
    assert_eq!(world.check(&transaction), Err(InvalidTxError::ActionsValidation(error)));
}
