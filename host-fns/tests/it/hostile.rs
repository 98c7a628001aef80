//! What contracts pass that want to take more than they pay for: absurd lengths, unpaid work, lists
//! of lists, floods. Each call's memory is bounded by what the contract has and what it may use.

use fixtures::memory::peak;
use gas_meter::Gas;
use host_fns::near::{Config, NearError};

use crate::guest::{Guest, MEMORY_BYTES, PLENTY, config, context, functions};
use crate::scene::{FILE_NAME, MESSAGE, Scene, TEXT, ZEROS, refill};
use crate::survey::pointer_of;
use crate::world::World;

/// What a call may take that has nothing to work on: names, messages, a place in a list.
const LITTLE: usize = 4 * 1_024;

/// Bytes of the memory of a guest with much of it.
const BIG: usize = 1 << 20;

/// A guest with much memory and NEAR's limits on promises and logs.
fn big_guest(fill: &[u8]) -> Guest {
    let small = config();
    let mut config = Config { ..small };
    config.limits.max_promises = 1_024;
    config.limits.max_input_data_dependencies = 128;
    config.common_limits.max_logs = 100;
    config.common_limits.max_total_log_bytes = 16_384;
    config.common_limits.max_registers = 100;
    config.common_limits.max_register_bytes = BIG as u64;
    config.common_limits.registers_memory_bytes = 4 * BIG as u64;
    let mut guest = Guest::configured(World::default(), context(), config);
    guest.memory = fill.iter().copied().cycle().take(BIG).collect();
    refill(&mut guest, PLENTY);
    guest
}

#[test]
fn what_does_not_fit_is_not_allocated() {
    for function in functions() {
        let good = Scene::new(&function.decl);
        for (name, _) in good.decl.params {
            if pointer_of(good.decl, name).is_none() {
                continue;
            }
            for len in [MEMORY_BYTES as u64 + 1, 1 << 31, 1 << 40, 1 << 60, 1 << 63, u64::MAX - 1] {
                let mut scene = good.clone();
                scene.set(name, len);
                let mut guest = scene.stage();
                // So much gas that the length alone does not end the call.
                refill(&mut guest, u64::MAX >> 2);
                let (result, most) = peak(|| guest.call(scene.decl.name, &scene.args));
                assert!(result.is_err(), "{} with {name} {len}", scene.decl.name);
                assert!(most <= LITTLE, "{} with {name} {len}: {most} bytes", scene.decl.name);
            }
        }
    }
}

#[test]
fn text_with_an_absurd_length_in_front_is_not_allocated() {
    let good = Scene::new(&crate::guest::function("abort").decl);
    for header in [MESSAGE - 4, FILE_NAME - 4] {
        let mut scene = good.clone();
        scene.memory[header as usize..][..4].fill(0xff);
        let mut guest = scene.stage();
        refill(&mut guest, u64::MAX >> 2);
        let (result, most) = peak(|| guest.call("abort", &scene.args));
        assert_eq!(result, Err(NearError::MemoryAccessViolation));
        assert!(most <= LITTLE, "{most} bytes");
    }
}

#[test]
fn hashes_and_curves_do_nothing_before_they_are_paid() {
    let mut tried = 0;
    for function in functions().iter().filter(|it| it.decl.group == "Math") {
        let scene = Scene::new(&function.decl);
        let Some(element) = scene.arg("value_len") else { continue };
        let mut guest = big_guest(&[0]);
        let len = BIG as u64 / element * element;
        let mut args = scene.args.clone();
        args[..2].copy_from_slice(&[len, 0]);
        // Enough to enter and to read, and for hardly any work.
        refill(&mut guest, len + 3);
        let (result, most) = peak(|| guest.call(scene.decl.name, &args));
        assert_eq!(result, Err(NearError::GasExceeded), "{}", scene.decl.name);
        assert!(most <= LITTLE, "{}: {most} bytes", scene.decl.name);
        tried += 1;
    }
    // Seven hashes, three functions of one curve and nine of the other.
    assert_eq!(tried, 19);
}

/// Arguments for a key for function calls, with a list of method names in all of the memory but
/// its start.
fn grant(guest: &mut Guest) -> [u64; 9] {
    guest.put(0, b"bob.near");
    guest.put(64, &[0; 64]);
    guest.call("promise_batch_create", &[8, TEXT]).unwrap();
    let names = 128;
    [0, 33, 64, 0, 64, 8, TEXT, BIG as u64 - names, names]
}

#[test]
fn a_list_of_many_method_names_takes_room_in_proportion() {
    let mut guest = big_guest(b"a,");
    guest.memory[BIG - 1] = b'a';
    let args = grant(&mut guest);
    let add_key = "promise_batch_action_add_key_with_function_call";
    let (result, most) = peak(|| guest.call(add_key, &args));
    assert_eq!(result, Ok(0));
    assert!(most <= 16 * BIG, "{most} bytes");
}

#[test]
fn a_list_of_method_names_that_is_not_paid_for_is_not_taken_apart() {
    let add_key = "promise_batch_action_add_key_with_function_call";
    let copy = BIG + LITTLE;
    let mut guest = big_guest(b"a,");
    guest.memory[BIG - 1] = b'a';
    let args = grant(&mut guest);
    refill(&mut guest, BIG as u64 + 100);
    let (result, most) = peak(|| guest.call(add_key, &args));
    assert_eq!(result, Err(NearError::GasExceeded));
    assert!(most <= copy, "{most} bytes");

    let mut guest = big_guest(b",");
    let args = grant(&mut guest);
    let (result, most) = peak(|| guest.call(add_key, &args));
    assert_eq!(result, Err(NearError::EmptyMethodName));
    assert!(most <= copy, "{most} bytes");
}

#[test]
fn joint_promises_of_joint_promises_do_not_multiply() {
    let mut guest = big_guest(&[0]);
    guest.put(ZEROS as usize, b"bob.near");
    guest.call("promise_batch_create", &[8, ZEROS]).unwrap();
    // Each joins the one before it with itself.
    for joint in 0..7u64 {
        guest.put(0, &joint.to_le_bytes().repeat(2));
        assert_eq!(guest.call("promise_and", &[0, 2]), Ok(joint + 1));
    }
    guest.put(0, &7u64.to_le_bytes().repeat(8_192));
    let (result, most) = peak(|| guest.call("promise_and", &[0, 8_192]));
    let too_many = NearError::NumberInputDataDependenciesExceeded {
        number_of_input_data_dependencies: 256,
        limit: 128,
    };
    assert_eq!(result, Err(too_many));
    assert!(most <= LITTLE, "{most} bytes");

    // As many of the largest as there may be.
    let (result, most) =
        peak(|| (0..2_000).try_for_each(|_| guest.call("promise_and", &[0, 1]).map(drop)));
    let too_many = NearError::NumberPromisesExceeded { number_of_promises: 1_025, limit: 1_024 };
    assert_eq!(result, Err(too_many));
    assert!(most <= 1_024 * 128 * 8 + 64 * 1_024, "{most} bytes");
}

#[test]
fn counts_of_promises_that_overflow_are_refused() {
    let mut guest = big_guest(&[0]);
    for count in [(u64::MAX >> 3) + 1, 1 << 63, u64::MAX] {
        let (result, most) = peak(|| guest.call("promise_and", &[0, count]));
        assert_eq!(result, Err(NearError::IntegerOverflow), "{count}");
        assert!(most <= LITTLE, "{most} bytes");
    }
}

#[test]
fn registers_take_what_their_limit_says() {
    let mut guest = big_guest(&[7]);
    let len = 100_000;
    // One register, again and again: the old content makes room.
    let ((), most) = peak(|| {
        for _ in 0..100 {
            guest.call("write_register", &[5, len, 0]).unwrap();
        }
    });
    assert!(most <= 2 * len as usize + LITTLE, "{most} bytes");

    let (result, most) = peak(|| {
        (0..200).try_for_each(|id| guest.call("write_register", &[id << 32, len, 0]).map(drop))
    });
    assert_eq!(result, Err(NearError::MemoryAccessViolation));
    assert!(most <= 4 * BIG + len as usize + LITTLE, "{most} bytes");

    let mut guest = big_guest(&[7]);
    let (result, most) = peak(|| {
        (0..200).try_for_each(|id| guest.call("write_register", &[id << 32, 0, 0]).map(drop))
    });
    assert_eq!(result, Err(NearError::MemoryAccessViolation));
    assert!(most <= 100 * 100 + LITTLE, "{most} bytes");
}

#[test]
fn a_flood_of_logs_takes_what_its_limit_says() {
    for (log, unit, len) in [("log_utf8", &b"a"[..], 16_384), ("log_utf16", &[0xac, 0x20], 10_922)]
    {
        // One long log, of three bytes for two where it is UTF-16.
        let mut guest = big_guest(unit);
        let (result, most) = peak(|| guest.call(log, &[len, 0]));
        assert_eq!(result, Ok(0));
        assert!(most <= 4 * 16_384, "{log}: {most} bytes");

        let mut guest = big_guest(unit);
        let (result, most) = peak(|| (0..200).try_for_each(|_| guest.call(log, &[2, 0]).map(drop)));
        assert_eq!(result, Err(NearError::NumberOfLogsExceeded { limit: 100 }));
        assert!(most <= 100 * 64 + LITTLE, "{log}: {most} bytes");

        // Text that does not end.
        let mut guest = big_guest(unit);
        let (result, most) = peak(|| guest.call(log, &[u64::MAX, 0]));
        let ends = matches!(result, Err(NearError::TotalLogLengthExceeded { .. }));
        assert!(ends, "{log}: {result:?}");
        assert!(most <= 3 * 16_384, "{log}: {most} bytes");
        assert!(guest.host.core.gas.burnt() > Gas::new(16_384));
    }
}
