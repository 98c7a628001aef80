//! Transfers: what they cost to the unit, implicit accounts, refunds.

use sandbox_runtime::near::{
    AccessKey, AccessKeyPermission, Action, ActionCosts, ActionErrorKind, AddKeyAction,
    ExecutionMetadata, ExecutionStatus, FunctionCallPermission,
};

use crate::world::{
    PRICE, PURCHASE_PRICE, World, id, key, near, signer, signer_of_key, transfer, yocto,
};

#[test]
fn a_transfer_costs_its_gas_at_the_block_price_and_gives_the_rest_back() {
    let mut world = World::new();
    let transaction = world.sign(&signer("alice.near"), "bob.near", vec![transfer(near(3))]);
    let send = world.send(ActionCosts::new_action_receipt) + world.send(ActionCosts::transfer);
    let exec = world.exec(ActionCosts::new_action_receipt) + world.exec(ActionCosts::transfer);
    let (alice, bob) = (world.balance("alice.near"), world.balance("bob.near"));

    let effects = world.block(vec![transaction]);
    assert_eq!(effects.outcomes.len(), 1, "the receipt runs in the next block");
    let reserved = alice - world.balance("alice.near");
    assert_eq!(reserved, near(3).as_yoctonear() + send * PRICE + exec * PURCHASE_PRICE);

    let effects = world.block(Vec::new());
    assert_eq!(world.balance("bob.near"), bob + near(3).as_yoctonear());
    let outcome = &effects.outcomes[0].outcome;
    assert_eq!(u128::from(outcome.gas_burnt.as_gas()), exec);
    assert_eq!(outcome.tokens_burnt.as_yoctonear(), exec * PRICE);
    assert_eq!(outcome.status, ExecutionStatus::SuccessValue(Vec::new()));
    assert_eq!(outcome.receipt_ids, [*effects.outgoing[0].receipt_id()], "the refund");
    assert!(matches!(outcome.metadata, ExecutionMetadata::V4(_)));

    let effects = world.block(Vec::new());
    let refund = &effects.outcomes[0].outcome;
    assert_eq!(refund.tokens_burnt.as_yoctonear(), 0);
    assert_eq!(u128::from(refund.gas_burnt.as_gas()), exec, "shown, though nobody pays it");
    let spent = near(3).as_yoctonear() + (send + exec) * PRICE;
    assert_eq!(world.balance("alice.near"), alice - spent);
    assert!(world.pending.is_empty());
    world.assert_supply();
}

#[test]
fn a_transfer_to_oneself_runs_in_the_same_block() {
    let mut world = World::new();
    let transaction = world.sign(&signer("alice.near"), "alice.near", vec![transfer(near(3))]);
    let alice = world.balance("alice.near");
    let effects = world.block(vec![transaction]);
    assert_eq!(effects.outcomes.len(), 2);
    assert_eq!(effects.local.len(), 1);
    world.block(Vec::new());
    let gas = world.send_self(ActionCosts::new_action_receipt)
        + world.send_self(ActionCosts::transfer)
        + world.exec(ActionCosts::new_action_receipt)
        + world.exec(ActionCosts::transfer);
    assert_eq!(world.balance("alice.near"), alice - gas * PRICE);
}

#[test]
fn a_transfer_to_nobody_comes_back() {
    let mut world = World::new();
    let alice = world.balance("alice.near");
    let story = world.run("alice.near", "nobody.near", vec![transfer(near(3))]);
    let account_id = id("nobody.near");
    assert_eq!(story.error(), (Some(0), ActionErrorKind::AccountDoesNotExist { account_id }));
    assert_eq!(story.receipts.len(), 3, "the receipt, the deposit and the gas");
    let burnt: u128 = [&story.transaction, story.first()]
        .iter()
        .map(|outcome| outcome.tokens_burnt.as_yoctonear())
        .sum();
    assert_eq!(world.balance("alice.near"), alice - burnt);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[test]
fn a_transfer_makes_an_implicit_account_with_its_key() {
    let mut world = World::new();
    let public_key = key("carol");
    let name = hex(&public_key.unwrap_as_ed25519().0);
    let alice = world.balance("alice.near");
    let story = world.run("alice.near", &name, vec![transfer(near(3))]);

    let account = world.account(&name);
    assert_eq!(account.amount(), near(3));
    // The account, and its key with 33 bytes, a permission of one and a nonce of eight.
    assert_eq!(account.storage_usage(), 100 + 33 + 9 + 40);
    let access_key = world.access_key(&name, "carol").expect("a key");
    assert_eq!(access_key.nonce, (12 - 1) * 1_000_000, "no nonce of another life is valid");

    let send = [
        ActionCosts::new_action_receipt,
        ActionCosts::transfer,
        ActionCosts::create_account,
        ActionCosts::add_full_access_key,
    ];
    let gas = send.iter().map(|cost| world.send(*cost)).sum::<u128>();
    let exec = send.iter().map(|cost| world.exec(*cost)).sum::<u128>();
    assert_eq!(u128::from(story.transaction.gas_burnt.as_gas()), gas);
    assert_eq!(u128::from(story.first().gas_burnt.as_gas()), exec);
    // Making the account costs 0.007 NEAR in all.
    let creation = yocto(7_000_000_000_000_000_000_000).as_yoctonear();
    let rest = exec - world.exec(ActionCosts::create_account);
    assert_eq!(story.first().tokens_burnt.as_yoctonear(), creation + rest * PRICE);
    let spent = near(3).as_yoctonear() + gas * PRICE + creation + rest * PRICE;
    assert_eq!(world.balance("alice.near"), alice - spent);
}

#[test]
fn only_a_sole_transfer_makes_an_implicit_account() {
    let mut world = World::new();
    let name = "11".repeat(32);
    let story = world.run("alice.near", &name, vec![transfer(near(1)), transfer(near(1))]);
    let account_id = id(&name);
    assert_eq!(story.error(), (Some(0), ActionErrorKind::AccountDoesNotExist { account_id }));
    assert!(!world.exists(&name));
}

#[test]
fn a_gas_refund_tops_the_allowance_up_again() {
    let mut world = World::new();
    let permission = AccessKeyPermission::FunctionCall(FunctionCallPermission {
        allowance: Some(near(1)),
        receiver_id: "bob.near".into(),
        method_names: Vec::new(),
    });
    let add = Action::AddKey(Box::new(AddKeyAction {
        public_key: key("app"),
        access_key: AccessKey { nonce: 0, permission },
    }));
    world.run("alice.near", "alice.near", vec![add]);
    let before = world.balance("alice.near");
    let app = signer_of_key("alice.near", "app");
    let call = crate::world::call("hello", b"{}", 10 * crate::world::TGAS, yocto(0));
    // bob.near has no contract; what the call would have cost comes back all the same.
    world.run_signed(world.sign(&app, "bob.near", vec![call]));
    let spent = before - world.balance("alice.near");
    let allowance = world
        .access_key("alice.near", "app")
        .and_then(|key| key.permission.function_call_permission().and_then(|p| p.allowance));
    assert_eq!(allowance, Some(yocto(near(1).as_yoctonear() - spent)));
}
