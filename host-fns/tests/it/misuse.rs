//! Misuse of every function of the table, generated from its declaration: wild pointers and
//! lengths, unset and full registers, promises that are not there, views, and too little gas at
//! every point.

use std::fmt::Write;
use std::sync::Arc;

use expect_test::expect;
use gas_meter::{Gas, GasCounter};
use host_fns::abi::{Abort, HostFnDecl, Memory};
use host_fns::near::NearError;

use crate::guest::{Guest, MEMORY_BYTES, PLENTY, functions};
use crate::scene::{FILE_NAME, MESSAGE, NUMBERS, Scene, TEXT};
use crate::survey::pointer_of;

const END: u64 = MEMORY_BYTES as u64;

/// Scenes of all functions that do something.
fn scenes() -> impl Iterator<Item = Scene> {
    let live =
        functions().iter().filter(|function| !function.decl.name.starts_with("storage_iter"));
    live.map(|function| Scene::new(&function.decl))
}

/// A call that must be refused: it costs no more than it was given and writes no memory.
fn refused(scene: &Scene, what: &str) -> NearError {
    let (guest, result) = scene.call();
    let what = format!("{} with {what}", scene.decl.name);
    let error = match result {
        Err(error) => error,
        Ok(value) => panic!("{what} gives {value}"),
    };
    assert_sound(&guest, &what);
    assert!(guest.memory == scene.memory, "{what} writes memory");
    error
}

/// What is left of a call is never more than what it was given.
fn assert_sound(guest: &Guest, what: &str) {
    let gas = &guest.host.core.gas;
    assert!(gas.burnt() <= gas.used(), "{what}");
    assert!(gas.used() <= gas.prepaid(), "{what}");
}

#[test]
fn good_arguments_are_good() {
    for function in functions() {
        let scene = Scene::new(&function.decl);
        assert!(scene.is_good(), "{}: {:?}", function.decl.name, scene.call().1);
    }
}

/// Bytes that a function reads or writes at a pointer, in good order.
fn extent(scene: &Scene, pointer: &str) -> u64 {
    let len = scene.decl.params.iter().find(|(name, _)| {
        pointer_of(scene.decl, name).is_some_and(|at| scene.decl.params[at].0 == pointer)
    });
    match (pointer, len) {
        ("promise_idx_ptr", _) => 8,
        (_, Some((len, _))) => scene.arg(len).unwrap(),
        // The register.
        ("ptr", None) => 4,
        ("amount_ptr" | "balance_ptr" | "stake_ptr" | "allowance_ptr", None) => 16,
        (_, None) => panic!("{}: {pointer}", scene.decl.name),
    }
}

#[test]
fn memory_is_used_up_to_its_end_and_not_beyond() {
    for scene in scenes().filter(|scene| scene.decl.name != "abort") {
        for (name, _) in scene.decl.params.iter().filter(|(name, _)| name.ends_with("ptr")) {
            let extent = extent(&scene, name);
            let at = |pointer| {
                let mut scene = scene.clone();
                scene.set(name, pointer);
                scene
            };
            let (_, fits) = at(END - extent).call();
            let what = format!("{} with {name}", scene.decl.name);
            assert_ne!(
                fits,
                Err(NearError::MemoryAccessViolation),
                "{what} at {extent} from the end"
            );
            let wild = [
                END - extent + 1,
                END,
                END + 1,
                u64::from(u32::MAX),
                // What is inside when cut to 32 bits.
                1 << 32,
                i64::MAX.unsigned_abs(),
                // Where the end of the piece wraps around.
                0u64.wrapping_sub(extent),
                u64::MAX,
            ];
            for pointer in wild {
                let error = refused(&at(pointer), &format!("{name} {pointer}"));
                assert_eq!(error, NearError::MemoryAccessViolation, "{what} {pointer}");
            }
        }
    }
}

#[test]
fn nothing_can_be_read_at_the_very_end_of_memory_but_not_beyond() {
    for scene in scenes() {
        for (name, _) in scene.decl.params {
            let Some(pointer) = pointer_of(scene.decl, name) else { continue };
            let mut scene = scene.clone();
            scene.set(name, 0);
            scene.args[pointer] = END;
            let (_, result) = scene.call();
            let what = format!("{}: nothing for {name}", scene.decl.name);
            assert_ne!(result, Err(NearError::MemoryAccessViolation), "{what}");
            scene.args[pointer] = END + 1;
            let error = refused(&scene, &what);
            assert_eq!(error, NearError::MemoryAccessViolation, "{what} beyond the end");
        }
    }
}

#[test]
fn the_pointers_of_abort_are_checked_with_the_lengths_in_front() {
    let scene = Scene::new(&crate::guest::function("abort").decl);
    for (name, good) in [("msg_ptr", MESSAGE), ("filename_ptr", FILE_NAME)] {
        for (pointer, expected) in [
            (0, NearError::BadUTF16),
            (3, NearError::BadUTF16),
            (END + 1, NearError::MemoryAccessViolation),
            (u64::from(u32::MAX), NearError::MemoryAccessViolation),
        ] {
            let mut scene = scene.clone();
            scene.set(name, pointer);
            assert_eq!(refused(&scene, name), expected, "{name} {pointer}");
        }
        // A string may be empty at the very end, but not say that it has a byte.
        let mut at_end = scene.clone();
        at_end.set(name, END);
        assert!(at_end.is_good());
        at_end.memory[MEMORY_BYTES - 4] = 1;
        assert_eq!(refused(&at_end, name), NearError::MemoryAccessViolation);
        let mut absurd = scene.clone();
        absurd.memory[good as usize - 4..good as usize].fill(0xff);
        // Reading is paid for before it is done.
        assert_eq!(refused(&absurd, name), NearError::GasExceeded);
        absurd.memory[good as usize - 4..good as usize].copy_from_slice(&[0, 0x20, 0, 0]);
        assert_eq!(refused(&absurd, name), NearError::MemoryAccessViolation);
    }
}

#[test]
fn lengths_beyond_the_memory_end_the_call() {
    let mut other = String::new();
    for scene in scenes() {
        for (name, _) in scene.decl.params {
            let Some(pointer) = pointer_of(scene.decl, name) else { continue };
            let left = END - scene.args[pointer];
            let unit = if *name == "promise_idx_count" { 8 } else { 1 };
            let mut errors = Vec::new();
            for len in [left / unit + 1, PLENTY / 32, u64::MAX / 8, u64::MAX >> 1, u64::MAX - 1] {
                let mut scene = scene.clone();
                scene.set(name, len);
                let error = crate::survey::name(&refused(&scene, &format!("{name} {len}")));
                if !["MemoryAccessViolation", "GasExceeded", "IntegerOverflow", "GasLimitExceeded"]
                    .contains(&error.as_str())
                {
                    errors.push(error);
                }
            }
            errors.dedup();
            if !errors.is_empty() {
                writeln!(other, "{} {name}: {}", scene.decl.name, errors.join(", ")).unwrap();
            }
        }
    }
    // Text is refused for its length before it is read.
    expect![[r"
        panic_utf8 len: TotalLogLengthExceeded
        log_utf8 len: TotalLogLengthExceeded
    "]]
    .assert_eq(&other);
}

#[test]
fn unset_registers_end_the_call() {
    // These read text or memory only: for them the length is not a register's.
    let memory_only =
        ["write_register", "panic_utf8", "log_utf8", "log_utf16", "sandbox_debug_log"];
    for scene in scenes().filter(|scene| !memory_only.contains(&scene.decl.name)) {
        for (name, _) in scene.decl.params.iter().filter(|(name, _)| name.ends_with("_len")) {
            let mut scene = scene.clone();
            scene.set(name, u64::MAX);
            let pointer = pointer_of(scene.decl, name).unwrap();
            for register_id in [77, u64::MAX] {
                scene.args[pointer] = register_id;
                // A payload and most lists of points are charged by the length that the guest
                // passed.
                let function = scene.decl.name;
                let is_list = function.starts_with("bls12381") && !function.contains("pairing");
                let expected = match *name {
                    "payload_len" => NearError::IntegerOverflow,
                    "value_len" if is_list => NearError::GasLimitExceeded,
                    _ => NearError::InvalidRegisterId { register_id },
                };
                assert_eq!(refused(&scene, name), expected, "{} with {name}", scene.decl.name);
            }
        }
    }
    let mut scene = Scene::new(&crate::guest::function("read_register").decl);
    scene.set("register_id", 77);
    assert_eq!(refused(&scene, ""), NearError::InvalidRegisterId { register_id: 77 });
}

/// The functions that put something to a register.
fn register_writers() -> impl Iterator<Item = Scene> {
    scenes().filter(|scene| {
        scene.place("register_id").is_some()
            && !["read_register", "register_len"].contains(&scene.decl.name)
    })
}

#[test]
fn registers_that_are_full_take_nothing_more() {
    for scene in register_writers() {
        let mut many = scene.clone();
        many.before.extend((1..8).map(|id| ("write_register", vec![id, 4, TEXT])));
        assert_eq!(refused(&many, "full registers"), NearError::MemoryAccessViolation);

        let mut small = scene.clone();
        small.before.retain(|(name, _)| *name != "write_register");
        small.config.common_limits.max_register_bytes = 1;
        assert_eq!(refused(&small, "small registers"), NearError::MemoryAccessViolation);

        let mut little = scene.clone();
        little.before.retain(|(name, _)| *name != "write_register");
        little.config.common_limits.registers_memory_bytes = 9;
        assert_eq!(refused(&little, "little memory"), NearError::MemoryAccessViolation);
    }
}

#[test]
fn promises_that_are_not_there_end_the_call() {
    for scene in scenes() {
        let Some(name) =
            ["promise_index", "promise_idx"].into_iter().find(|name| scene.place(name).is_some())
        else {
            continue;
        };
        for promise_idx in [1, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let mut scene = scene.clone();
            scene.set(name, promise_idx);
            let expected = NearError::InvalidPromiseIndex { promise_idx };
            assert_eq!(refused(&scene, name), expected, "{}", scene.decl.name);
        }
    }
    let mut joint = Scene::new(&crate::guest::function("promise_and").decl);
    joint.set("promise_idx_ptr", NUMBERS + 8);
    assert_eq!(refused(&joint, "1"), NearError::InvalidPromiseIndex { promise_idx: 1 });
    let mut result = Scene::new(&crate::guest::function("promise_result").decl);
    for result_idx in [1, u64::MAX] {
        result.set("result_idx", result_idx);
        assert_eq!(refused(&result, ""), NearError::InvalidPromiseResultIndex { result_idx });
    }
}

#[test]
fn joint_promises_can_only_be_waited_for() {
    for mut scene in scenes() {
        scene.before.push(("promise_batch_create", vec![8, TEXT]));
        scene.before.push(("promise_and", vec![NUMBERS, 2]));
        let expected = if scene.place("promise_index").is_some() {
            scene.set("promise_index", 2);
            match scene.decl.name {
                "promise_then" | "promise_batch_then" => {
                    assert!(scene.is_good(), "{}", scene.decl.name);
                    continue;
                }
                "promise_set_refund_to" => NearError::CannotSetRefundToOnJointPromise,
                _ => NearError::CannotAppendActionToJointPromise,
            }
        } else if scene.place("promise_idx").is_some() {
            scene.set("promise_idx", 2);
            NearError::CannotReturnJointPromise
        } else {
            continue;
        };
        assert_eq!(refused(&scene, "a joint promise"), expected, "{}", scene.decl.name);
    }
}

#[test]
fn views_cannot_call_what_changes_something() {
    let mut allowed = String::new();
    for function in functions() {
        let decl = &function.decl;
        let scene = Scene::new(decl).in_view();
        let (guest, result) = scene.call();
        if let Err(NearError::ProhibitedInView { method_name }) = result {
            // `promise_create` and others report the function that they are made of.
            assert!(
                decl.name.starts_with(&method_name) || method_name.starts_with("promise_batch")
            );
        } else {
            allowed.push_str(decl.name);
            allowed.push('\n');
        }
        assert!(guest.world().receipts.is_empty());
        assert_eq!(guest.world().storage, scene.world.storage);
    }
    expect![[r"
        read_register
        register_len
        write_register
        current_account_id
        chain_id
        input
        block_index
        block_timestamp
        epoch_height
        storage_usage
        current_contract_code
        account_balance
        account_locked_balance
        attached_deposit
        validator_stake
        validator_total_stake
        random_seed
        sha256
        keccak256
        keccak512
        sha3_256
        sha3_384
        sha3_512
        ripemd160
        ed25519_verify
        p256_verify
        ml_dsa_verify
        ecrecover
        alt_bn128_g1_multiexp
        alt_bn128_g1_sum
        alt_bn128_pairing_check
        bls12381_p1_sum
        bls12381_p2_sum
        bls12381_g1_multiexp
        bls12381_g2_multiexp
        bls12381_map_fp_to_g1
        bls12381_map_fp2_to_g2
        bls12381_pairing_check
        bls12381_p1_decompress
        bls12381_p2_decompress
        value_return
        panic
        panic_utf8
        log_utf8
        log_utf16
        abort
        sandbox_debug_log
        universal_state_init_to_account_id
        storage_read
        storage_has_key
        storage_iter_prefix
        storage_iter_range
        storage_iter_next
        gas
    "]]
    .assert_eq(&allowed);
}

#[test]
fn too_little_gas_at_any_point_ends_the_call() {
    for scene in scenes() {
        let (whole, _) = scene.call();
        let name = scene.decl.name;
        for gas in 0..whole.host.core.gas.used().units() {
            let (guest, result) = scene.call_with(gas);
            assert_eq!(result, Err(NearError::GasExceeded), "{name} with {gas}");
            assert_eq!(guest.host.core.gas.used().units(), gas, "{name} with {gas}");
            assert!(guest.memory == scene.memory, "{name} with {gas} writes memory");
        }
    }
}

#[test]
fn more_than_one_execution_may_burn_ends_the_call() {
    for scene in scenes() {
        let (whole, _) = scene.call();
        let name = scene.decl.name;
        for limit in 0..whole.host.core.gas.burnt().units() {
            let mut guest = scene.stage();
            let costs = Arc::clone(guest.host.core.gas.costs());
            guest.host.core.gas = GasCounter::new(costs, Gas::new(PLENTY), Gas::new(limit));
            let result = guest.call(name, &scene.args);
            assert_eq!(result, Err(NearError::GasLimitExceeded), "{name} with {limit}");
            assert_eq!(guest.host.core.gas.burnt().units(), limit, "{name} with {limit}");
        }
    }
}

#[test]
fn a_wrong_number_of_arguments_is_the_engines_fault() {
    for scene in functions().iter().map(|function| Scene::new(&function.decl)) {
        let mut guest = scene.stage();
        let args = vec![0; scene.decl.params.len() + 1];
        let function = crate::guest::function(scene.decl.name);
        let result = (function.call)(&mut guest.host, &mut Memory::new(&mut []), &args);
        assert!(matches!(result, Err(Abort::Fault(_))), "{}", scene.decl.name);
    }
}

#[test]
fn names_are_unique_and_explained() {
    let mut names: Vec<_> = functions().iter().map(|function| function.decl.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    let explained = |decl: &HostFnDecl| decl.docs.ends_with('.') && !decl.group.is_empty();
    assert!(functions().iter().all(|function| explained(&function.decl)));
    assert!(functions().iter().all(|function| function.decl.params.len() <= 9));
}
