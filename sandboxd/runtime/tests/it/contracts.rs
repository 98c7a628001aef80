//! Calls of contracts: what they return, log, burn and change, and how they fail.

use sandbox_runtime::near::{
    ActionCosts, ActionErrorKind, CompilationError, ExecutionMetadata, FunctionCallError,
    MethodResolveError, PrepareError, StateRecord,
};
use sandbox_runtime::patch::patch;

use crate::world::{PRICE, Story, TGAS, World, call, deploy, id, near, yocto};

pub(crate) fn status_world() -> World {
    with_status(World::new())
}

/// The world, where `bob.near` has the contract of the fixtures.
pub(crate) fn with_status(mut world: World) -> World {
    world.run("bob.near", "bob.near", vec![deploy(fixtures::wasm("status").to_vec())]);
    world
}

fn wat_world(text: &str) -> World {
    let mut world = World::new();
    let code = wat::parse_str(text).expect("text");
    world.run("bob.near", "bob.near", vec![deploy(code)]);
    world
}

pub(crate) fn execution_error(story: &Story) -> String {
    match story.error().1 {
        ActionErrorKind::FunctionCallError(FunctionCallError::ExecutionError(text)) => text,
        error => panic!("expected an execution error, not {error:?}"),
    }
}

#[test]
fn a_call_stores_logs_and_returns() {
    let mut world = status_world();
    let set = |text: &str| {
        call("set_status", format!("{{\"message\":\"{text}\"}}").as_bytes(), 30 * TGAS, yocto(0))
    };
    let story = world.run("alice.near", "bob.near", vec![set("hi")]);
    assert_eq!(story.value(), b"null");
    assert_eq!(story.logs(), ["alice.near says hi"]);
    let story = world.run("alice.near", "bob.near", vec![set("ho")]);
    assert_eq!(story.value(), b"\"hi\"");
}

#[test]
fn the_gas_profile_explains_what_was_burnt() {
    let mut world = status_world();
    let story =
        world.run("alice.near", "bob.near", vec![call("increment", b"", 30 * TGAS, yocto(0))]);
    let outcome = story.first();
    let ExecutionMetadata::V4(metadata) = &outcome.metadata else {
        panic!("version 4, not {:?}", outcome.metadata);
    };
    assert_eq!(metadata.contracts.len(), 1);
    let profile = &metadata.profile;
    let host: u64 = profile.wasm_ext_profile.values().map(|gas| gas.as_gas()).sum();
    assert!(profile.get_wasm_cost().as_gas() > 0 && host > 0);
    let fees = world.exec(ActionCosts::new_action_receipt)
        + world.exec(ActionCosts::function_call_base)
        + 9 * world.exec(ActionCosts::function_call_byte);
    let total = u128::from(profile.get_wasm_cost().as_gas() + host) + fees;
    assert_eq!(u128::from(outcome.gas_burnt.as_gas()), total);
    assert_eq!(outcome.tokens_burnt.as_yoctonear(), total * PRICE);
}

#[test]
fn what_a_call_does_not_use_comes_back() {
    let mut world = status_world();
    let (alice, bob) = (world.balance("alice.near"), world.balance("bob.near"));
    let action = call("donate", b"", 900 * TGAS, near(2));
    let story = world.run("alice.near", "bob.near", vec![action]);
    assert_eq!(story.value(), b"\"2000000000000000000000000\"");
    let burnt: u128 = [&story.transaction, story.first()]
        .iter()
        .map(|outcome| outcome.tokens_burnt.as_yoctonear())
        .sum();
    assert_eq!(world.balance("alice.near"), alice - burnt - near(2).as_yoctonear());
    assert_eq!(world.balance("bob.near"), bob + near(2).as_yoctonear(), "and no reward");
}

#[test]
fn a_panic_takes_everything_back_but_the_gas() {
    let mut world = status_world();
    world.run("alice.near", "bob.near", vec![call("increment", b"", 30 * TGAS, yocto(0))]);
    let bob = world.account("bob.near");
    let fail = call("fail", b"{\"message\":\"as asked\"}", 30 * TGAS, yocto(0));
    let story = world.run("alice.near", "bob.near", vec![fail]);
    assert_eq!(execution_error(&story), "Smart contract panicked: as asked");
    assert_eq!(world.account("bob.near"), bob);
    let story =
        world.run("alice.near", "bob.near", vec![call("increment", b"", 30 * TGAS, yocto(0))]);
    assert_eq!(story.value(), b"2");
}

#[test]
fn a_deposit_that_is_not_wanted_goes_back_to_the_predecessor() {
    let mut world = status_world();
    let alice = world.balance("alice.near");
    let action = call("increment", b"", 30 * TGAS, near(5));
    let story = world.run("alice.near", "bob.near", vec![action]);
    let text = execution_error(&story);
    assert_eq!(text, "Smart contract panicked: Method increment doesn't accept deposit");
    let burnt: u128 = [&story.transaction, story.first()]
        .iter()
        .map(|outcome| outcome.tokens_burnt.as_yoctonear())
        .sum();
    assert_eq!(world.balance("alice.near"), alice - burnt);
}

#[test]
fn too_little_gas_burns_all_of_it() {
    let mut world = status_world();
    let action = call("increment", b"", TGAS / 10, yocto(0));
    let story = world.run("alice.near", "bob.near", vec![action]);
    assert_eq!(execution_error(&story), "Exceeded the prepaid gas.");
    let fees = world.exec(ActionCosts::new_action_receipt)
        + world.exec(ActionCosts::function_call_base)
        + 9 * world.exec(ActionCosts::function_call_byte);
    assert_eq!(u128::from(story.first().gas_burnt.as_gas()), fees + u128::from(TGAS / 10));
}

#[test]
fn a_method_that_is_not_there_burns_no_gas_of_the_contract() {
    let mut world = status_world();
    let story =
        world.run("alice.near", "bob.near", vec![call("nothing", b"", 30 * TGAS, yocto(0))]);
    let error = FunctionCallError::MethodResolveError(MethodResolveError::MethodNotFound);
    assert_eq!(story.error(), (Some(0), ActionErrorKind::FunctionCallError(error)));
    let fees = world.exec(ActionCosts::new_action_receipt)
        + world.exec(ActionCosts::function_call_base)
        + 7 * world.exec(ActionCosts::function_call_byte);
    assert_eq!(u128::from(story.first().gas_burnt.as_gas()), fees);
}

#[test]
fn an_account_without_code_cannot_be_called() {
    let mut world = World::new();
    let story =
        world.run("alice.near", "bob.near", vec![call("anything", b"", 30 * TGAS, yocto(0))]);
    let account_id = id("bob.near");
    let error = CompilationError::CodeDoesNotExist { account_id };
    let error = ActionErrorKind::FunctionCallError(FunctionCallError::CompilationError(error));
    assert_eq!(story.error(), (Some(0), error));
}

#[test]
fn code_that_is_no_contract_deploys_and_then_fails() {
    let mut world = World::new();
    world.run("bob.near", "bob.near", vec![deploy(b"not wasm".to_vec())]);
    let story = world.run("alice.near", "bob.near", vec![call("any", b"", 30 * TGAS, yocto(0))]);
    let error = CompilationError::PrepareError(PrepareError::Deserialization);
    let error = ActionErrorKind::FunctionCallError(FunctionCallError::CompilationError(error));
    assert_eq!(story.error(), (Some(0), error));
}

#[test]
fn failures_are_told_in_nears_words() {
    let cases = [
        (
            "(module (func (export \"main\") unreachable))",
            "WebAssembly trap: An `unreachable` opcode was executed.",
        ),
        (
            "(module (func (export \"main\") (drop (i32.div_u (i32.const 1) (i32.const 0)))))",
            "WebAssembly trap: An arithmetic exception, e.g. divided by zero.",
        ),
        (
            "(module (memory 1) (func (export \"main\") (drop (i32.load (i32.const -1)))))",
            "WebAssembly trap: Memory out of bounds trap.",
        ),
        ("(module (func $f (export \"main\") (call $f)))", "Accessed memory outside the bounds."),
        (
            "(module (import \"env\" \"nonsense\" (func)) (func (export \"main\")))",
            "Link Error: unknown or invalid import",
        ),
        (
            "(module (import \"env\" \"promise_return\" (func $r (param i64)))
                (func (export \"main\") (call $r (i64.const 5))))",
            "5 does not correspond to existing promises",
        ),
    ];
    for (text, expected) in cases {
        let mut world = wat_world(text);
        let story =
            world.run("alice.near", "bob.near", vec![call("main", b"", 300 * TGAS, yocto(0))]);
        assert_eq!(execution_error(&story), expected, "{text}");
    }
}

#[test]
fn an_endless_loop_ends_with_its_gas() {
    let mut world = wat_world("(module (func (export \"main\") (loop $l (br $l))))");
    let action = call("main", b"", 5 * TGAS, yocto(0));
    let story = world.run("alice.near", "bob.near", vec![action]);
    assert_eq!(execution_error(&story), "Exceeded the prepaid gas.");
}

#[test]
fn a_receipt_goes_on_with_the_account_that_the_call_left() {
    let mut world = status_world();
    let before = world.balance("bob.near");
    let actions = vec![
        crate::world::transfer(near(1)),
        call("donate", b"", 50 * TGAS, near(2)),
        call("increment", b"", 50 * TGAS, yocto(0)),
        call("donate", b"", 50 * TGAS, near(3)),
    ];
    let story = world.run("alice.near", "bob.near", actions);
    assert_eq!(story.value(), b"\"5000000000000000000000000\"", "the last action's");
    assert_eq!(world.balance("bob.near"), before + near(6).as_yoctonear());
}

/// Removes the record under the key 0, or writes one under the key 1.
const KEEPER: &str = r#"(module
    (import "env" "storage_remove" (func $remove (param i64 i64 i64) (result i64)))
    (import "env" "storage_write" (func $write (param i64 i64 i64 i64 i64) (result i64)))
    (memory 1) (data (i32.const 1) "\01")
    (func (export "remove")
        (drop (call $remove (i64.const 1) (i64.const 0) (i64.const 0))))
    (func (export "write")
        (drop (call $write (i64.const 1) (i64.const 1) (i64.const 9) (i64.const 0) (i64.const 0)))))"#;

#[test]
fn a_storage_usage_that_was_patched_in_may_be_anything() {
    let mut world = wat_world(KEEPER);
    let patched = |world: &mut World, usage| {
        let mut account = world.account("bob.near");
        account.set_storage_usage(usage);
        let records = [
            StateRecord::Account { account_id: id("bob.near"), account },
            StateRecord::Data {
                account_id: id("bob.near"),
                data_key: vec![0].into(),
                value: vec![7; 500].into(),
            },
        ];
        let patched = patch(world.config(), &world.state, &records).expect("no fault");
        world.state =
            world.state.apply(&patched.expect("valid").changes).expect("a state in memory");
    };
    patched(&mut world, 182);
    world.run("alice.near", "bob.near", vec![call("remove", b"", 30 * TGAS, yocto(0))]);
    assert_eq!(world.account("bob.near").storage_usage(), 0);

    patched(&mut world, u64::MAX);
    let story = world.run("alice.near", "bob.near", vec![call("write", b"", 30 * TGAS, yocto(0))]);
    let (index, kind) = story.error();
    assert_eq!(index, None);
    assert!(matches!(kind, ActionErrorKind::LackBalanceForState { .. }), "{kind:?}");
}

/// Reads `count` values of a million bytes each, which `records` puts into the state.
pub(crate) const READER: &str = r#"(module
    (import "env" "storage_read" (func $read (param i64 i64 i64) (result i64)))
    (import "env" "input" (func $input (param i64)))
    (import "env" "read_register" (func $register (param i64 i64)))
    (memory 1)
    (func (export "main") (local $i i32) (local $end i32)
        (call $input (i64.const 0))
        (call $register (i64.const 0) (i64.const 0))
        (local.set $i (i32.load8_u (i32.const 0)))
        (local.set $end (i32.load8_u (i32.const 1)))
        (loop $next
            (i32.store8 (i32.const 8) (local.get $i))
            (drop (call $read (i64.const 1) (i64.const 8) (i64.const 1)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $i) (local.get $end))))))"#;

#[test]
fn a_receipt_touches_no_more_than_four_million_bytes_of_state() {
    // Values that differ, since equal ones count once.
    let records: Vec<_> = (0..8u8)
        .map(|index| StateRecord::Data {
            account_id: id("bob.near"),
            data_key: vec![index].into(),
            value: vec![index; 1_000_000].into(),
        })
        .collect();
    let mut world = World::with(&records);
    let code = wat::parse_str(READER).expect("text");
    world.run("bob.near", "bob.near", vec![deploy(code)]);
    let read = |from, end| call("main", &[from, end], 300 * TGAS, yocto(0));

    let story = world.run("alice.near", "bob.near", vec![read(0, 3)]);
    assert_eq!(story.value(), b"");
    let limit = "Size of the recorded trie storage proof has exceeded the allowed limit (4.0 MB)";
    let story = world.run("alice.near", "bob.near", vec![read(0, 5)]);
    assert_eq!(execution_error(&story), limit);
    // All actions of the receipt together.
    let story = world.run("alice.near", "bob.near", vec![read(0, 3), read(3, 6)]);
    assert_eq!(story.error().0, Some(1));
    assert_eq!(execution_error(&story), limit);
}
