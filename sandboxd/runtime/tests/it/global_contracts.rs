//! Code that many accounts share: what it costs, who can use it, and updates.

use sandbox_runtime::near::{
    AccountContract, Action, ActionErrorKind, CryptoHash, DeployGlobalContractAction,
    GlobalContractDeployMode, GlobalContractIdentifier, UseGlobalContractAction,
};

use crate::world::{TGAS, World, call, deploy, id, near, yocto};

pub(crate) fn deploy_global(code: &[u8], deploy_mode: GlobalContractDeployMode) -> Action {
    Action::DeployGlobalContract(DeployGlobalContractAction { code: code.into(), deploy_mode })
}

pub(crate) fn use_global(contract_identifier: GlobalContractIdentifier) -> Action {
    Action::UseGlobalContract(Box::new(UseGlobalContractAction { contract_identifier }))
}

/// A contract that returns this letter.
fn returns(letter: char) -> Vec<u8> {
    let text = format!(
        "(module (import \"env\" \"value_return\" (func $r (param i64 i64)))
            (memory 1) (data (i32.const 0) \"{letter}\")
            (func (export \"main\") (call $r (i64.const 1) (i64.const 0))))"
    );
    wat::parse_str(text).expect("text")
}

fn main_of(world: &mut World, name: &str) -> Vec<u8> {
    world.run("alice.near", name, vec![call("main", b"", 20 * TGAS, yocto(0))]).value()
}

#[test]
fn code_is_paid_once_and_used_by_its_hash() {
    let mut world = World::new();
    let code = returns('a');
    let mode = GlobalContractDeployMode::CodeHash;
    let story = world.run("near", "near", vec![deploy_global(&code, mode)]);
    let bytes = u128::try_from(code.len()).expect("small");
    let gas = u128::from(story.first().gas_burnt.as_gas()) * crate::world::PRICE;
    let storage = bytes * 100_000_000_000_000_000_000;
    assert_eq!(story.first().tokens_burnt.as_yoctonear(), storage + gas);

    let hash = CryptoHash::hash_bytes(&code);
    let before = world.account("bob.near").storage_usage();
    world.run("bob.near", "bob.near", vec![deploy(vec![0; 5_000])]);
    let action = use_global(GlobalContractIdentifier::CodeHash(hash));
    world.run("bob.near", "bob.near", vec![action]);
    assert_eq!(*world.account("bob.near").contract(), AccountContract::Global(hash));
    assert_eq!(world.account("bob.near").storage_usage(), before + 32, "a hash, not the code");
    assert_eq!(main_of(&mut world, "bob.near"), b"a");
}

#[test]
fn the_owner_updates_the_code_of_all_its_users() {
    let mut world = World::new();
    let owned = || deploy_global(&returns('a'), GlobalContractDeployMode::AccountId);
    world.run("near", "near", vec![owned()]);
    let action = use_global(GlobalContractIdentifier::AccountId(id("near")));
    world.run("bob.near", "bob.near", vec![action]);
    assert_eq!(main_of(&mut world, "bob.near"), b"a");
    let update = deploy_global(&returns('b'), GlobalContractDeployMode::AccountId);
    world.run("near", "near", vec![update]);
    assert_eq!(main_of(&mut world, "bob.near"), b"b");
    // Code of its own takes the place of the shared one.
    world.run("bob.near", "bob.near", vec![deploy(returns('c'))]);
    assert_eq!(main_of(&mut world, "bob.near"), b"c");
}

#[test]
fn what_nobody_deployed_cannot_be_used() {
    let mut world = World::new();
    let identifier = GlobalContractIdentifier::CodeHash(CryptoHash([9; 32]));
    let story = world.run("bob.near", "bob.near", vec![use_global(identifier.clone())]);
    let error = ActionErrorKind::GlobalContractDoesNotExist { identifier };
    assert_eq!(story.error(), (Some(0), error));
}

#[test]
fn an_account_that_cannot_pay_for_the_storage_deploys_nothing() {
    let mut world = World::new();
    let code = vec![7; 1_000_000];
    // 100 NEAR; all but 50 of its tokens go away first.
    let gift = world.account("near").amount().checked_sub(near(50)).expect("enough");
    world.run("near", "bob.near", vec![crate::world::transfer(gift)]);
    let action = deploy_global(&code, GlobalContractDeployMode::CodeHash);
    let story = world.run("near", "near", vec![action]);
    let error = ActionErrorKind::LackBalanceForState { account_id: id("near"), amount: near(100) };
    assert_eq!(story.error(), (Some(0), error));
}
