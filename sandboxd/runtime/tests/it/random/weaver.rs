//! A contract that does what its input says, two bytes a step: promises of all shapes from numbers.

use std::fmt::Write as _;

use sandbox_runtime::near::{
    KeyType, SecretKey, derive_near_deterministic_account_id, derive_universal_account_id,
};

use super::transactions::{deterministic, universal};
use crate::world::key;

/// Accounts that its promises go to: two of them are ids of the states that it installs.
fn names() -> [String; 8] {
    let universal = derive_universal_account_id(&universal().to_raw()).to_string();
    let deterministic = derive_near_deterministic_account_id(&deterministic()).to_string();
    let implicit = "5fa5a3a1ce1b7a0d9b1d5e0f2c4d6e8f".repeat(2);
    let others = ["alice.near", "bob.near", "near", "app.near", "nobody.near"].map(str::to_owned);
    let [alice, bob, near, app, nobody] = others;
    [alice, bob, near, app, nobody, universal, implicit, deterministic]
}
/// Amounts that they carry, in yoctoNEAR.
const AMOUNTS: [u128; 8] = [0, 0, 0, 1, 1_000, 10u128.pow(23), 10u128.pow(25), 10u128.pow(30)];

/// How many different steps there are.
pub(super) const STEPS: usize = 16;

const METHOD: &str = r#"
  (func (export "weave")
    (local $n i64) (local $at i64) (local $op i32) (local $arg i32)
    (local $last i64) (local $before i64) (local $name i64) (local $len i64) (local $amount i64)
    (local.set $last (i64.const 77))
    (call $input (i64.const 0))
    (local.set $n (call $register_len (i64.const 0)))
    (if (i64.gt_u (local.get $n) (i64.const 400)) (then (return)))
    (call $read_register (i64.const 0) (i64.const 1024))
    (block $end (loop $next
      (br_if $end (i64.ge_u (i64.add (local.get $at) (i64.const 1)) (local.get $n)))
      (local.set $op (i32.and (i32.const 15)
        (i32.load8_u offset=1024 (i32.wrap_i64 (local.get $at)))))
      (local.set $arg (i32.load8_u offset=1025 (i32.wrap_i64 (local.get $at))))
      (local.set $at (i64.add (local.get $at) (i64.const 2)))
      (local.set $name (i64.extend_i32_u
        (i32.mul (i32.const 80) (i32.and (local.get $arg) (i32.const 7)))))
      (local.set $len (i64.load8_u offset=640 (i32.and (local.get $arg) (i32.const 7))))
      (local.set $amount (i64.extend_i32_u (i32.add (i32.const 656)
        (i32.mul (i32.const 16) (i32.shr_u (local.get $arg) (i32.const 5))))))
      (block $done
        (block $15 (block $14 (block $13 (block $12 (block $11 (block $10 (block $9 (block $8
        (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1 (block $0
          (br_table $0 $1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $11 $12 $13 $14 $15 (local.get $op)))
          (local.set $before (local.get $last))
          (local.set $last (call $promise_batch_create (local.get $len) (local.get $name)))
          (br $done))
          (local.set $before (local.get $last))
          (local.set $last (call $promise_batch_then (local.get $last) (local.get $len) (local.get $name)))
          (br $done))
          (i64.store (i32.const 2048) (local.get $last))
          (i64.store (i32.const 2056) (local.get $before))
          (local.set $last (call $promise_and (i64.const 2048) (i64.const 2)))
          (br $done))
          (call $promise_batch_action_transfer (local.get $last) (local.get $amount))
          (br $done))
          (call $promise_batch_action_function_call_weight (local.get $last)
            (i64.const 5) (i64.const 784)
            (i64.sub (local.get $n) (local.get $at)) (i64.add (i64.const 1024) (local.get $at))
            (local.get $amount)
            (i64.mul (i64.const 500000000000) (i64.extend_i32_u (i32.and (local.get $arg) (i32.const 31))))
            (i64.extend_i32_u (i32.and (local.get $arg) (i32.const 1))))
          (br $done))
          (if (i32.and (local.get $arg) (i32.const 16))
            (then (if (i32.eq (i32.and (local.get $arg) (i32.const 7)) (i32.const 5))
              (then (call $promise_batch_action_universal_state_init (local.get $last)
                (i64.load8_u (i32.const 2800)) (i64.const 2801) (local.get $amount)))
              (else (call $set_state_init_data_entry (local.get $last)
                (call $promise_batch_action_state_init_by_account_id (local.get $last)
                  (i64.const 10) (i64.const 0) (local.get $amount))
                (i64.const 1) (i64.const 2700) (i64.const 1) (i64.const 2701)))))
            (else (call $promise_batch_action_create_account (local.get $last))))
          (br $done))
          (call $promise_return (local.get $last))
          (br $done))
          (drop (call $storage_write (i64.const 1) (local.get $name)
            (i64.extend_i32_u (local.get $arg)) (i64.const 0) (i64.const 1)))
          (br $done))
          (drop (call $storage_remove (i64.const 1) (local.get $name) (i64.const 1)))
          (br $done))
          (local.set $last (call $promise_yield_create (i64.const 5) (i64.const 784)
            (i64.const 2) (i64.const 790) (i64.const 3000000000000) (i64.const 0) (i64.const 2)))
          (drop (call $storage_write (i64.const 2) (i64.const 784) (i64.const -1) (i64.const 2) (i64.const 1)))
          (br $done))
          (if (i64.ne (call $storage_read (i64.const 2) (i64.const 784) (i64.const 3)) (i64.const 0))
            (then (drop (call $promise_yield_resume (i64.const -1) (i64.const 3) (i64.const 4) (i64.const 1024)))))
          (br $done))
          (if (i64.ne (call $promise_results_count) (i64.const 0))
            (then (drop (call $promise_result (i64.const 0) (i64.const 4)))
              (call $value_return (i64.const -1) (i64.const 4))))
          (br $done))
          (call $promise_batch_action_delete_account (local.get $last) (local.get $len) (local.get $name))
          (br $done))
          (if (i32.and (local.get $arg) (i32.const 64))
            (then (call $promise_batch_action_add_gas_key_with_full_access (local.get $last)
              (i64.const 1953) (i64.const 4096) (i64.const 2)))
            (else (call $promise_batch_action_add_key_with_full_access (local.get $last)
              (i64.const 33) (i64.const 800) (i64.const 0))))
          (br $done))
          (if (i32.and (local.get $arg) (i32.const 8))
            (then (call $promise_batch_action_transfer_to_gas_key (local.get $last)
              (i64.const 1953) (i64.const 4096) (local.get $amount)))
            (else (call $promise_batch_action_stake
              (local.get $last) (local.get $amount) (i64.const 33) (i64.const 800))))
          (br $done))
          (if (i32.lt_u (local.get $arg) (i32.const 40)) (then (unreachable)))
          (call $log_utf8 (local.get $len) (local.get $name)))
      (br $next))))"#;

/// Its imports: name, parameters, and whether it returns a number of 64 or of 32 bits.
const IMPORTS: [(&str, usize, &str); 28] = [
    ("input", 1, ""),
    ("register_len", 1, "i64"),
    ("read_register", 2, ""),
    ("promise_batch_create", 2, "i64"),
    ("promise_batch_then", 3, "i64"),
    ("promise_and", 2, "i64"),
    ("promise_batch_action_transfer", 2, ""),
    ("promise_batch_action_function_call_weight", 8, ""),
    ("promise_batch_action_create_account", 1, ""),
    ("promise_batch_action_delete_account", 3, ""),
    ("promise_batch_action_add_key_with_full_access", 4, ""),
    ("promise_batch_action_add_gas_key_with_full_access", 4, ""),
    ("promise_batch_action_transfer_to_gas_key", 4, ""),
    ("promise_batch_action_stake", 4, ""),
    ("promise_batch_action_universal_state_init", 4, ""),
    ("promise_batch_action_state_init_by_account_id", 4, "i64"),
    ("set_state_init_data_entry", 6, ""),
    ("promise_return", 1, ""),
    ("promise_results_count", 0, "i64"),
    ("promise_result", 2, "i64"),
    ("promise_yield_create", 7, "i64"),
    ("promise_yield_resume", 4, "i32"),
    ("storage_write", 5, "i64"),
    ("storage_read", 3, "i64"),
    ("storage_remove", 3, "i64"),
    ("value_return", 2, ""),
    ("log_utf8", 2, ""),
    ("current_account_id", 1, ""),
];

pub(super) fn weaver() -> Vec<u8> {
    let mut text = String::from("(module\n");
    for (name, params, result) in IMPORTS {
        let params = "i64 ".repeat(params);
        let result = if result.is_empty() { String::new() } else { format!("(result {result})") };
        let _ =
            writeln!(text, "(import \"env\" \"{name}\" (func ${name} (param {params}) {result}))");
    }
    let mut data = vec![0u8; 4_096];
    for (index, name) in names().iter().enumerate() {
        data[index * 80..][..name.len()].copy_from_slice(name.as_bytes());
        data[640 + index] = u8::try_from(name.len()).expect("short");
    }
    for (index, amount) in AMOUNTS.iter().enumerate() {
        data[656 + index * 16..][..16].copy_from_slice(&amount.to_le_bytes());
    }
    data[784..789].copy_from_slice(b"weave");
    // What a yield's callback gets: return the result.
    data[790..792].copy_from_slice(&[11, 0]);
    data[800..833].copy_from_slice(&borsh::to_vec(&key("woven")).expect("bytes"));
    data[2700..2702].copy_from_slice(b"kv");
    let state_init = universal().to_raw().0;
    data[2800] = u8::try_from(state_init.len()).expect("short");
    data[2801..][..state_init.len()].copy_from_slice(&state_init);
    let post_quantum = SecretKey::from_seed(KeyType::MLDSA65, "woven").public_key();
    data.extend(borsh::to_vec(&post_quantum).expect("bytes"));
    text.push_str("(memory 1) (data (i32.const 0) \"");
    for byte in data {
        let _ = write!(text, "\\{byte:02x}");
    }
    let _ = writeln!(text, "\") {METHOD})");
    wat::parse_str(&text).expect("the text above is a module")
}
