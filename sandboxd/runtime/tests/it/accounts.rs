//! Accounts, keys, code and stakes: who may change what, and what storage it takes.

use sandbox_runtime::near::{
    AccessKey, AccessKeyPermission, AccountContract, Action, ActionCosts, ActionErrorKind,
    AddKeyAction, Balance, CreateAccountAction, DeleteAccountAction, DeleteKeyAction,
    FunctionCallPermission, StakeAction,
};

use crate::world::{PRICE, World, deploy, id, key, near, signer, signer_of_key, transfer, yocto};

pub(crate) fn create() -> Action {
    Action::CreateAccount(CreateAccountAction {})
}

pub(crate) fn add_full_key(seed: &str) -> Action {
    Action::AddKey(Box::new(AddKeyAction {
        public_key: key(seed),
        access_key: AccessKey::full_access(),
    }))
}

pub(crate) fn delete_key(seed: &str) -> Action {
    Action::DeleteKey(Box::new(DeleteKeyAction { public_key: key(seed) }))
}

fn delete_account(beneficiary: &str) -> Action {
    Action::DeleteAccount(DeleteAccountAction { beneficiary_id: id(beneficiary) })
}

fn stake(amount: Balance) -> Action {
    Action::Stake(Box::new(StakeAction { stake: amount, public_key: key("validator") }))
}

fn size(bytes: &[u8]) -> u64 {
    bytes.len().try_into().expect("a small size")
}

#[test]
fn a_sub_account_is_made_by_its_parent_with_key_code_and_tokens() {
    let mut world = World::new();
    let code = wat::parse_str("(module)").expect("text");
    let actions = vec![create(), transfer(near(5)), add_full_key("app"), deploy(code.clone())];
    let story = world.run("alice.near", "app.alice.near", actions);
    assert_eq!(story.value(), b"");
    let account = world.account("app.alice.near");
    assert_eq!(account.amount(), near(5));
    assert!(matches!(*account.contract(), AccountContract::Local(_)));
    assert_eq!(account.storage_usage(), 100 + (33 + 9 + 40) + size(&code));
    assert!(world.access_key("app.alice.near", "app").is_some());
}

#[test]
fn nobody_else_makes_a_sub_account() {
    let mut world = World::new();
    let story = world.run("bob.near", "app.alice.near", vec![create()]);
    let (account_id, predecessor_id) = (id("app.alice.near"), id("bob.near"));
    let error = ActionErrorKind::CreateAccountNotAllowed { account_id, predecessor_id };
    assert_eq!(story.error(), (Some(0), error));
}

#[test]
fn short_top_level_accounts_are_the_registrars() {
    let mut world = World::new();
    let story = world.run("alice.near", "carol", vec![create()]);
    let error = ActionErrorKind::CreateAccountOnlyByRegistrar {
        account_id: id("carol"),
        registrar_account_id: id("registrar"),
        predecessor_id: id("alice.near"),
    };
    assert_eq!(story.error(), (Some(0), error));
    world.run("registrar", "carol", vec![create()]);
    assert!(world.exists("carol"));
    assert_eq!(world.account("carol").amount(), Balance::ZERO, "small accounts need no tokens");
}

#[test]
fn an_account_is_made_once() {
    let mut world = World::new();
    let story = world.run("near", "alice.near", vec![create()]);
    let account_id = id("alice.near");
    assert_eq!(story.error(), (Some(0), ActionErrorKind::AccountAlreadyExists { account_id }));
    let name = "ab".repeat(32);
    let story = world.run("near", &name, vec![create()]);
    let account_id = id(&name);
    let error = ActionErrorKind::OnlyImplicitAccountCreationAllowed { account_id };
    assert_eq!(story.error(), (Some(0), error));
}

#[test]
fn making_an_account_costs_seven_milli_near_in_all() {
    let mut world = World::new();
    let before = world.balance("alice.near");
    let story = world.run("alice.near", "app.alice.near", vec![create()]);
    let receipt = u128::from(story.first().gas_burnt.as_gas())
        - world.exec(sandbox_runtime::near::ActionCosts::create_account);
    let tokens = 7_000_000_000_000_000_000_000 + receipt * PRICE;
    assert_eq!(story.first().tokens_burnt.as_yoctonear(), tokens);
    let sent = u128::from(story.transaction.gas_burnt.as_gas()) * PRICE;
    assert_eq!(world.balance("alice.near"), before - sent - tokens);
}

#[test]
fn keys_come_with_a_fresh_nonce_and_go_again() {
    let mut world = World::new();
    world.run("alice.near", "alice.near", vec![add_full_key("second")]);
    let added = world.access_key("alice.near", "second").expect("a key");
    assert_eq!(added.nonce, 10 * 1_000_000, "the block was 11");
    let usage = world.account("alice.near").storage_usage();

    let story = world.run("alice.near", "alice.near", vec![add_full_key("second")]);
    let public_key = Box::new(key("second"));
    let account_id = id("alice.near");
    assert_eq!(
        story.error(),
        (Some(0), ActionErrorKind::AddKeyAlreadyExists { account_id, public_key })
    );

    let second = signer_of_key("alice.near", "second");
    let signed = world.sign(&second, "alice.near", vec![delete_key("second")]);
    world.run_signed(signed);
    assert!(world.access_key("alice.near", "second").is_none());
    assert_eq!(world.account("alice.near").storage_usage(), usage - (33 + 9 + 40));

    let story = world.run("alice.near", "alice.near", vec![delete_key("second")]);
    let public_key = Box::new(key("second"));
    let account_id = id("alice.near");
    assert_eq!(
        story.error(),
        (Some(0), ActionErrorKind::DeleteKeyDoesNotExist { account_id, public_key })
    );
}

#[test]
fn only_the_account_itself_changes_its_keys_code_and_stake() {
    for action in [
        add_full_key("mine"),
        delete_key("alice.near"),
        deploy(vec![1, 2, 3]),
        stake(near(20)),
        delete_account("bob.near"),
    ] {
        let mut world = World::new();
        let story = world.run("bob.near", "alice.near", vec![action]);
        let (account_id, actor_id) = (id("alice.near"), id("bob.near"));
        assert_eq!(
            story.error(),
            (Some(0), ActionErrorKind::ActorNoPermission { account_id, actor_id })
        );
    }
}

#[test]
fn a_failing_action_takes_the_ones_before_it_back() {
    let mut world = World::new();
    let (before, bob) = (world.state.root(), world.balance("bob.near"));
    let actions = vec![transfer(near(1)), transfer(near(1)), add_full_key("mine")];
    let signed = world.sign(&signer("alice.near"), "bob.near", actions);
    let charged = world.block(vec![signed]).changes;
    let effects = world.block(Vec::new());
    assert_eq!(effects.changes.len(), 0, "the receipt failed: it changed nothing");
    assert_eq!(world.balance("bob.near"), bob);
    assert_ne!(world.state.root(), before, "the signer has paid");
    assert_eq!(charged.len(), 2, "an account and a key");
    while !world.pending.is_empty() {
        world.block(Vec::new());
    }
    world.assert_supply();
}

#[test]
fn a_deleted_account_leaves_nothing_and_its_tokens_go_to_the_beneficiary() {
    let mut world = World::new();
    world.run("alice.near", "alice.near", vec![add_full_key("second"), deploy(vec![0; 100])]);
    let (alice, bob) = (world.balance("alice.near"), world.balance("bob.near"));
    let signed = world.sign(&signer("alice.near"), "alice.near", vec![delete_account("bob.near")]);
    let effects = world.block(vec![signed]);
    let deleted = &effects.outcomes[1].outcome;
    while !world.pending.is_empty() {
        world.block(Vec::new());
    }
    assert!(!world.exists("alice.near"));
    assert!(world.access_key("alice.near", "alice.near").is_none());
    assert!(world.access_key("alice.near", "second").is_none());
    let rest = world
        .state
        .range_here(b"")
        .map(|record| record.expect("a state in memory"))
        .filter(|(key, _)| key.windows(b"alice.near".len()).any(|part| part == b"alice.near"));
    assert_eq!(rest.count(), 0);
    // The gas that was bought too dear comes back to nobody: it is burnt.
    assert!(world.balance("bob.near") > bob);
    assert!(world.balance("bob.near") < bob + alice);
    assert_eq!(deleted.receipt_ids.len(), 2);
    world.assert_supply();
}

#[test]
fn an_account_with_much_data_or_a_stake_cannot_be_deleted() {
    let mut world = World::new();
    for index in 0..130 {
        world.run("alice.near", "alice.near", vec![add_full_key(&format!("key {index}"))]);
    }
    let story = world.run("alice.near", "alice.near", vec![delete_account("bob.near")]);
    let account_id = id("alice.near");
    assert_eq!(
        story.error(),
        (Some(0), ActionErrorKind::DeleteAccountWithLargeState { account_id })
    );

    world.run("bob.near", "bob.near", vec![stake(near(20))]);
    let story = world.run("bob.near", "bob.near", vec![delete_account("alice.near")]);
    let account_id = id("bob.near");
    assert_eq!(story.error(), (Some(0), ActionErrorKind::DeleteAccountStaking { account_id }));
}

#[test]
fn stakes_lock_tokens_and_are_proposed() {
    let mut world = World::new();
    let signed = world.sign(&signer("alice.near"), "alice.near", vec![stake(near(20))]);
    let effects = world.block(vec![signed]);
    assert_eq!(effects.proposals.len(), 1);
    assert_eq!(effects.proposals[0].account_id(), &id("alice.near"));
    assert_eq!(effects.proposals[0].stake(), near(20));
    while !world.pending.is_empty() {
        world.block(Vec::new());
    }
    assert_eq!(world.account("alice.near").locked(), near(20));
    world.assert_supply();
}

#[test]
fn stakes_that_cannot_be() {
    let mut world = World::new();
    let account_id = id("alice.near");
    let story = world.run("alice.near", "alice.near", vec![stake(near(0))]);
    assert_eq!(story.error().1, ActionErrorKind::TriesToUnstake { account_id: account_id.clone() });
    let story = world.run("alice.near", "alice.near", vec![stake(near(9))]);
    let error = ActionErrorKind::InsufficientStake {
        account_id: account_id.clone(),
        stake: near(9),
        minimum_stake: near(10),
    };
    assert_eq!(story.error().1, error);
    let signed = world.sign(&signer("alice.near"), "alice.near", vec![stake(near(2_000))]);
    let effects = world.block(vec![signed]);
    let balance = effects.changes.iter().next().is_some();
    assert!(balance);
    let outcome = &effects.outcomes[1].outcome;
    assert!(matches!(
        &outcome.status,
        sandbox_runtime::near::ExecutionStatus::Failure(
            sandbox_runtime::near::TxExecutionError::ActionError(error)
        ) if matches!(&error.kind, ActionErrorKind::TriesToStake { stake, locked, .. }
            if *stake == near(2_000) && *locked == Balance::ZERO)
    ));
    assert_eq!(effects.proposals, []);
}

#[test]
fn storage_must_be_paid_for_above_the_free_part() {
    let mut world = World::new();
    // 100 + 82 bytes and code: 10¹⁹ yoctoNEAR a byte, once there are more than 770 of them.
    let name = "app.alice.near";
    let actions = |size| vec![create(), add_full_key("app"), deploy(vec![0; size])];
    let story = world.run("alice.near", name, actions(600));
    let amount = yocto(782 * 10_000_000_000_000_000_000);
    let error = ActionErrorKind::LackBalanceForState { account_id: id(name), amount };
    assert_eq!(story.error(), (None, error));
    assert!(!world.exists(name));
    world.run("alice.near", name, actions(588));
    assert!(world.exists(name));
}

#[test]
fn a_function_call_key_can_be_added() {
    let mut world = World::new();
    let permission = FunctionCallPermission {
        allowance: None,
        receiver_id: "bob.near".into(),
        method_names: vec!["a".into(), "bc".into()],
    };
    let access_key =
        AccessKey { nonce: 77, permission: AccessKeyPermission::FunctionCall(permission.clone()) };
    let add = Action::AddKey(Box::new(AddKeyAction { public_key: key("app"), access_key }));
    let before = world.account("alice.near").storage_usage();
    let story = world.run("alice.near", "alice.near", vec![add]);
    let added = world.access_key("alice.near", "app").expect("a key");
    assert_eq!(added.permission, AccessKeyPermission::FunctionCall(permission));
    assert_eq!(added.nonce, 10 * 1_000_000, "not what the action says");
    let bytes = borsh::to_vec(&added).expect("bytes");
    assert_eq!(world.account("alice.near").storage_usage(), before + 33 + size(&bytes) + 40);
    let exec = world.exec(ActionCosts::new_action_receipt)
        + world.exec(ActionCosts::add_function_call_key_base)
        + 5 * world.exec(ActionCosts::add_function_call_key_byte);
    assert_eq!(u128::from(story.first().gas_burnt.as_gas()), exec);
}
