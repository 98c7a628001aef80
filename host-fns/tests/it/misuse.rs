//! Misuse of every function of the table, generated from its declaration: wild pointers, unset
//! registers, views, and too little gas at every point.

use std::sync::Arc;

use expect_test::expect;
use gas_meter::Gas;
use host_fns::abi::{AbiType, Abort, HostFnDecl, Memory};
use host_fns::near::{Config, Context, Mode, NearError, PromiseResult};

use crate::guest::{Guest, MEMORY_BYTES, PLENTY, config, context, functions};
use crate::world::World;

/// A page of zeros in the guest's memory: amounts, hashes, keys with the tag of Ed25519.
const ZEROS: u64 = 2_048;

/// A signature in the guest's memory that is well-formed but wrong.
const ONES: u64 = 1_024;

/// Points of BLS12-381 at infinity: behind a sign, as a pair, and compressed.
const SIGNED_INFINITY: u64 = 3_000;
const INFINITIES: u64 = 3_300;
const COMPRESSED_INFINITY: u64 = 3_600;

/// A guest that every function finds in good order: one promise, one result, one register.
fn guest(context: Context) -> Guest {
    let promise_results = Arc::new([PromiseResult::Successful(Arc::from(*b"42"))]);
    let mut config: Config = config();
    config.limits.max_storage_key_bytes = 64;
    let mut guest =
        Guest::configured(World::default(), Context { promise_results, ..context }, config);
    guest.put(0, b"bob.near");
    guest.put(1_024, &[1; 64]);
    guest.put(3_001, &[0x40]);
    guest.put(3_300, &[0x40]);
    guest.put(3_396, &[0x40]);
    guest.put(3_600, &[0xc0]);
    // Two AssemblyScript strings of two bytes each.
    guest.put(16, &[2, 0, 0, 0, b'a', 0]);
    guest.put(24, &[2, 0, 0, 0, b'b', 0]);
    guest
}

/// Arguments with which a function succeeds, by the names of its parameters.
fn good_args(decl: &HostFnDecl) -> Vec<u64> {
    let of = |name: &str| match name {
        "account_id_len" | "receiver_id_len" | "beneficiary_id_len" => 8,
        "method_name_len" | "method_names_len" | "key_len" | "arguments_len" | "code_len"
        | "prefix_len" | "start_len" | "end_len" => 3,
        "account_id_ptr" | "receiver_id_ptr" | "beneficiary_id_ptr" | "method_name_ptr"
        | "method_names_ptr" | "key_ptr" | "arguments_ptr" | "code_ptr" => 0,
        "public_key_len" => 33,
        "sig_len" if decl.name == "ml_dsa_verify" => 3_309,
        "sig_ptr" if decl.name == "ml_dsa_verify" => 0,
        "pub_key_len" if decl.name == "ml_dsa_verify" => 1_952,
        "value_len" | "value_ptr" if decl.name.starts_with("bls12381") => {
            let [len, ptr] = good_points(decl.name);
            if name == "value_len" { len } else { ptr }
        }
        "sig_len" => 64,
        "sig_ptr" => ONES,
        "pub_key_len" if decl.name == "p256_verify" => 33,
        "value_len" if decl.name == "alt_bn128_g1_multiexp" => 96,
        "value_len" if decl.name == "alt_bn128_g1_sum" => 65,
        "value_len" if decl.name == "alt_bn128_pairing_check" => 192,
        "pub_key_len" | "hash_len" | "data_id_len" | "yield_id_len" | "code_hash_len" => 32,
        "msg_len" | "value_len" | "data_len" | "payload_len" => 5,
        "len" => 6,
        "state_init_len" => 10,
        "promise_idx_count" | "opcodes" | "num_nonces" => 1,
        "msg_ptr" if decl.name == "abort" => 20,
        "filename_ptr" => 28,
        // What is left is zero: indices, registers, nonces, weights, gas, lines, columns.
        name if name.ends_with("_ptr") || name == "ptr" => ZEROS,
        name if name.ends_with("_len") => panic!("{}: {name}", decl.name),
        _ => 0,
    };
    decl.params.iter().map(|(name, _)| of(name)).collect()
}

/// Length and pointer of one element.
fn good_points(function: &str) -> [u64; 2] {
    match function {
        "bls12381_p1_sum" => [97, SIGNED_INFINITY],
        "bls12381_p2_sum" => [193, SIGNED_INFINITY],
        "bls12381_g1_multiexp" => [128, SIGNED_INFINITY + 1],
        "bls12381_g2_multiexp" => [224, SIGNED_INFINITY + 1],
        "bls12381_map_fp_to_g1" => [48, ZEROS],
        "bls12381_map_fp2_to_g2" => [96, ZEROS],
        "bls12381_pairing_check" => [288, INFINITIES],
        "bls12381_p1_decompress" => [48, COMPRESSED_INFINITY],
        "bls12381_p2_decompress" => [96, COMPRESSED_INFINITY],
        other => panic!("{other} takes no points"),
    }
}

/// Fills a register, makes the promise that actions go to, then the call.
fn run_prepared(
    context: Context,
    decl: &HostFnDecl,
    args: &[u64],
) -> (Guest, Result<u64, NearError>) {
    let mode = context.mode;
    let mut guest = guest(context);
    let prepared = guest.call("write_register", &[0, 4, 0]).and_then(|_| match mode {
        Mode::Call => guest.call("promise_batch_create", &[8, 0]),
        Mode::View { .. } => Ok(0),
    });
    let prepared = prepared.and_then(|_| match (mode, decl.name) {
        (Mode::Call, "set_state_init_data_entry") => {
            guest.call("promise_batch_action_state_init", &[0, 32, ZEROS, ZEROS])
        }
        _ => Ok(0),
    });
    let result = prepared.and_then(|_| guest.call(decl.name, args));
    (guest, result)
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
        let decl = &function.decl;
        let (_, result) = run_prepared(context(), decl, &good_args(decl));
        let ends = decl.name.starts_with("panic")
            || decl.name == "abort"
            || decl.name.starts_with("storage_iter");
        assert_eq!(result.is_err(), ends, "{}: {result:?}", decl.name);
    }
}

#[test]
fn wild_pointers_end_the_call() {
    for function in functions() {
        let decl = &function.decl;
        for (at, (name, ty)) in decl.params.iter().enumerate() {
            if !name.ends_with("ptr") || decl.name.starts_with("storage_iter") {
                continue;
            }
            let top = if *ty == AbiType::U32 { u64::from(u32::MAX) } else { u64::MAX };
            for pointer in [MEMORY_BYTES as u64 - 1, MEMORY_BYTES as u64 + 4, top] {
                let mut args = good_args(decl);
                args[at] = pointer;
                let (guest, result) = run_prepared(context(), decl, &args);
                let what = format!("{} with {name} {pointer}", decl.name);
                let one_byte = pointer < MEMORY_BYTES as u64 && fits_one_byte(decl, at, &args);
                assert!(
                    one_byte || result == Err(NearError::MemoryAccessViolation),
                    "{what}: {result:?}"
                );
                assert_sound(&guest, &what);
            }
        }
    }
}

/// Whether what a pointer leads to is one byte at most. For `abort`, the length in front of the
/// last byte of memory is zero.
fn fits_one_byte(decl: &HostFnDecl, at: usize, args: &[u64]) -> bool {
    if decl.name == "abort" {
        return true;
    }
    let name = decl.params[at].0.replace("ptr", "len");
    let len = decl.params.iter().position(|(other, _)| *other == name);
    len.is_some_and(|len| args[len] <= 1)
}

#[test]
fn absurd_lengths_end_the_call() {
    for function in functions() {
        let decl = &function.decl;
        for (at, (name, _)) in decl.params.iter().enumerate() {
            if !name.ends_with("len") && *name != "promise_idx_count" {
                continue;
            }
            for len in [MEMORY_BYTES as u64 + 1, PLENTY, u64::MAX >> 1, u64::MAX - 1] {
                let mut args = good_args(decl);
                args[at] = len;
                let (guest, result) = run_prepared(context(), decl, &args);
                let what = format!("{} with {name} {len}", decl.name);
                assert!(result.is_err(), "{what}: {result:?}");
                assert_sound(&guest, &what);
            }
        }
    }
}

#[test]
fn unset_registers_end_the_call() {
    // These read text or memory only: for them the length is not a register's.
    let memory_only =
        ["write_register", "panic_utf8", "log_utf8", "log_utf16", "sandbox_debug_log"];
    for function in functions() {
        let decl = &function.decl;
        if memory_only.contains(&decl.name) || decl.name.starts_with("storage_iter") {
            continue;
        }
        for (at, (name, _)) in decl.params.iter().enumerate() {
            let Some(stem) = name.strip_suffix("_len") else { continue };
            let pointer = format!("{stem}_ptr");
            let pointer = decl.params.iter().position(|(name, _)| *name == pointer).unwrap();
            let mut args = good_args(decl);
            args[at] = u64::MAX;
            args[pointer] = 77;
            let (guest, result) = run_prepared(context(), decl, &args);
            // A payload is charged by the length that the guest passed.
            // So are most lists of points.
            let expected = match (decl.name, *name) {
                (_, "payload_len") => NearError::IntegerOverflow,
                ("bls12381_pairing_check", _) => NearError::InvalidRegisterId { register_id: 77 },
                (list, "value_len") if list.starts_with("bls12381") => NearError::GasLimitExceeded,
                _ => NearError::InvalidRegisterId { register_id: 77 },
            };
            assert_eq!(result, Err(expected), "{} with {name}", decl.name);
            assert_sound(&guest, decl.name);
        }
    }
}

#[test]
fn views_cannot_call_what_changes_something() {
    let view = Context { mode: Mode::View { max_gas_burnt: Gas::new(PLENTY) }, ..context() };
    let mut allowed = String::new();
    for function in functions() {
        let decl = &function.decl;
        let (guest, result) = run_prepared(view.clone(), decl, &good_args(decl));
        if let Err(NearError::ProhibitedInView { method_name }) = result {
            // `promise_create` and others report the function that they are made of.
            assert!(
                decl.name.starts_with(&method_name) || method_name.starts_with("promise_batch")
            );
        } else {
            allowed.push_str(decl.name);
            allowed.push('\n');
        }
        assert!(guest.world().receipts.is_empty() && guest.world().storage.is_empty());
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
    for function in functions() {
        let decl = &function.decl;
        let args = good_args(decl);
        let (whole, _) = run_prepared(context(), decl, &args);
        for gas in 0..whole.host.core.gas.used().units() {
            let little = Context { prepaid_gas: Gas::new(gas), ..context() };
            let (guest, result) = run_prepared(little, decl, &args);
            assert_eq!(result, Err(NearError::GasExceeded), "{} with {gas}", decl.name);
            assert_eq!(guest.host.core.gas.used().units(), gas, "{} with {gas}", decl.name);
        }
    }
}

#[test]
fn a_wrong_number_of_arguments_is_the_engines_fault() {
    for function in functions() {
        let mut guest = guest(context());
        let args = vec![0; function.decl.params.len() + 1];
        let result = (function.call)(&mut guest.host, &mut Memory::new(&mut []), &args);
        assert!(matches!(result, Err(Abort::Fault(_))), "{}", function.decl.name);
    }
}

#[test]
fn names_are_unique_and_explained() {
    let mut names: Vec<_> = functions().iter().map(|function| function.decl.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(functions().iter().all(|function| function.decl.docs.ends_with('.')));
    assert!(functions().iter().all(|function| function.decl.params.len() <= 9));
}
