//! The calls that are measured. All numbers are 64 bits wide; memory is zero but for `data`.

use crate::data::{self, Data};

/// A host function with its arguments.
pub(crate) struct Row {
    /// Its name in the table.
    pub(crate) what: &'static str,
    /// Names and types: a letter for each parameter, and behind `>` one for a result.
    pub(crate) imports: &'static [(&'static str, &'static str)],
    /// What the module's memory holds.
    pub(crate) data: fn() -> Data,
    /// What the account has stored.
    pub(crate) storage: &'static [(&'static [u8], &'static [u8])],
    /// Runs once before the loop.
    pub(crate) setup: &'static str,
    /// Runs in the loop.
    pub(crate) call: &'static str,
    /// How often the loop runs: as often as gas and limits allow, and not too long.
    pub(crate) times: u32,
    /// How often the contract is called for one time.
    pub(crate) runs: u32,
}

const CHEAP: Row = Row {
    what: "",
    imports: &[],
    data: data::zeros,
    storage: &[],
    setup: "",
    call: "",
    times: 10_000,
    runs: 1,
};

/// Work of some microseconds and more.
const WORK: Row = Row { times: 500, ..CHEAP };

/// Work of some tens of microseconds and more.
const SLOW: Row = Row { times: 20, ..CHEAP };

/// Limited by NEAR to a hundred in a call.
const FEW: Row = Row { times: 100, runs: 10, ..CHEAP };

const KEY: &[u8] = b"k";
const TEN_KIB: [u8; 10_240] = [7; 10_240];

pub(crate) const ROWS: &[Row] = &[
    Row {
        what: "`block_index`",
        imports: &[("block_index", ">l")],
        call: "(drop (call $block_index))",
        ..CHEAP
    },
    Row {
        what: "`storage_usage`",
        imports: &[("storage_usage", ">l")],
        call: "(drop (call $storage_usage))",
        ..CHEAP
    },
    Row {
        what: "`prepaid_gas`",
        imports: &[("prepaid_gas", ">l")],
        call: "(drop (call $prepaid_gas))",
        ..CHEAP
    },
    Row {
        what: "`register_len`",
        imports: &[("register_len", "l>l"), ("write_register", "lll")],
        setup: "(call $write_register (i64.const 1) (i64.const 32) (i64.const 0))",
        call: "(drop (call $register_len (i64.const 1)))",
        ..CHEAP
    },
    Row {
        what: "`account_balance`",
        imports: &[("account_balance", "l")],
        call: "(call $account_balance (i64.const 0))",
        ..CHEAP
    },
    Row {
        what: "`current_account_id`",
        imports: &[("current_account_id", "l")],
        call: "(call $current_account_id (i64.const 1))",
        ..CHEAP
    },
    Row {
        what: "`input`",
        imports: &[("input", "l")],
        call: "(call $input (i64.const 1))",
        ..CHEAP
    },
    Row {
        what: "`write_register`, 32 bytes",
        imports: &[("write_register", "lll")],
        call: "(call $write_register (i64.const 1) (i64.const 32) (i64.const 0))",
        ..CHEAP
    },
    Row {
        what: "`read_register`, 32 bytes",
        imports: &[("read_register", "ll"), ("write_register", "lll")],
        setup: "(call $write_register (i64.const 1) (i64.const 32) (i64.const 0))",
        call: "(call $read_register (i64.const 1) (i64.const 0))",
        ..CHEAP
    },
    Row {
        what: "`write_register`, 10 KiB",
        imports: &[("write_register", "lll")],
        call: "(call $write_register (i64.const 1) (i64.const 10240) (i64.const 0))",
        times: 2_000,
        ..CHEAP
    },
    Row {
        what: "`read_register`, 10 KiB",
        imports: &[("read_register", "ll"), ("write_register", "lll")],
        setup: "(call $write_register (i64.const 1) (i64.const 10240) (i64.const 0))",
        call: "(call $read_register (i64.const 1) (i64.const 0))",
        times: 2_000,
        ..CHEAP
    },
    Row {
        what: "`log_utf8`, 64 bytes",
        imports: &[("log_utf8", "ll")],
        call: "(call $log_utf8 (i64.const 64) (i64.const 0))",
        ..FEW
    },
    Row {
        what: "`log_utf16`, 64 bytes",
        imports: &[("log_utf16", "ll")],
        call: "(call $log_utf16 (i64.const 64) (i64.const 0))",
        ..FEW
    },
    Row {
        what: "`value_return`, 32 bytes",
        imports: &[("value_return", "ll")],
        call: "(call $value_return (i64.const 32) (i64.const 0))",
        ..CHEAP
    },
    Row {
        what: "`storage_read`, 32 bytes",
        imports: &[("storage_read", "lll>l")],
        data: data::key,
        storage: &[(KEY, &[7; 32])],
        call: "(drop (call $storage_read (i64.const 1) (i64.const 0) (i64.const 1)))",
        times: 2_000,
        ..CHEAP
    },
    Row {
        what: "`storage_read`, 10 KiB",
        imports: &[("storage_read", "lll>l")],
        data: data::key,
        storage: &[(KEY, &TEN_KIB)],
        call: "(drop (call $storage_read (i64.const 1) (i64.const 0) (i64.const 1)))",
        ..WORK
    },
    Row {
        what: "`storage_has_key`",
        imports: &[("storage_has_key", "ll>l")],
        data: data::key,
        storage: &[(KEY, &[7; 32])],
        call: "(drop (call $storage_has_key (i64.const 1) (i64.const 0)))",
        times: 2_000,
        ..CHEAP
    },
    Row {
        what: "`storage_remove` of nothing",
        imports: &[("storage_remove", "lll>l")],
        data: data::key,
        call: "(drop (call $storage_remove (i64.const 1) (i64.const 0) (i64.const 1)))",
        times: 2_000,
        ..CHEAP
    },
    Row {
        what: "`storage_write`, 32 bytes",
        imports: &[("storage_write", "lllll>l")],
        data: data::key,
        call: "(drop (call $storage_write (i64.const 1) (i64.const 0) (i64.const 32) (i64.const 0) (i64.const 1)))",
        times: 2_000,
        ..CHEAP
    },
    Row {
        what: "`storage_write`, 10 KiB",
        imports: &[("storage_write", "lllll>l")],
        data: data::key,
        call: "(drop (call $storage_write (i64.const 1) (i64.const 0) (i64.const 10240) (i64.const 0) (i64.const 1)))",
        times: 200,
        runs: 2,
        ..CHEAP
    },
    Row {
        what: "`promise_batch_create` and a transfer",
        imports: &[("promise_batch_create", "ll>l"), ("promise_batch_action_transfer", "ll")],
        data: data::account,
        call: "(call $promise_batch_action_transfer
            (call $promise_batch_create (i64.const 8) (i64.const 64)) (i64.const 0))",
        times: 200,
        runs: 5,
        ..CHEAP
    },
    Row {
        what: "`promise_create` with 32 bytes",
        imports: &[("promise_create", "llllllll>l")],
        data: data::account,
        call:
            "(drop (call $promise_create (i64.const 8) (i64.const 64) (i64.const 3) (i64.const 64)
            (i64.const 32) (i64.const 128) (i64.const 0) (i64.const 1000)))",
        times: 200,
        runs: 5,
        ..CHEAP
    },
    Row {
        what: "`promise_then` with 10 KiB",
        imports: &[("promise_create", "llllllll>l"), ("promise_then", "lllllllll>l")],
        data: data::account,
        setup:
            "(drop (call $promise_create (i64.const 8) (i64.const 64) (i64.const 3) (i64.const 64)
            (i64.const 32) (i64.const 128) (i64.const 0) (i64.const 1000)))",
        call: "(drop (call $promise_then (i64.const 0) (i64.const 8) (i64.const 64) (i64.const 3)
            (i64.const 64) (i64.const 10240) (i64.const 128) (i64.const 0) (i64.const 1000)))",
        times: 100,
        runs: 5,
        ..CHEAP
    },
    Row {
        what: "`promise_and` of 8",
        imports: &[("promise_create", "llllllll>l"), ("promise_and", "ll>l")],
        data: data::account,
        setup:
            "(drop (call $promise_create (i64.const 8) (i64.const 64) (i64.const 3) (i64.const 64)
            (i64.const 32) (i64.const 128) (i64.const 0) (i64.const 1000)))",
        call: "(drop (call $promise_and (i64.const 128) (i64.const 8)))",
        times: 200,
        runs: 5,
        ..CHEAP
    },
    Row {
        what: "`promise_yield_create`",
        imports: &[("promise_yield_create", "lllllll>l")],
        data: data::account,
        call: "(drop (call $promise_yield_create (i64.const 3) (i64.const 64) (i64.const 32)
            (i64.const 128) (i64.const 1000) (i64.const 0) (i64.const 1)))",
        times: 200,
        runs: 5,
        ..CHEAP
    },
    Row {
        what: "`validator_stake`",
        imports: &[("validator_stake", "lll")],
        data: data::account,
        call: "(call $validator_stake (i64.const 8) (i64.const 64) (i64.const 0))",
        times: 200,
        runs: 5,
        ..CHEAP
    },
    Row {
        what: "`sha256`, 1 KiB",
        imports: &[("sha256", "lll")],
        call: "(call $sha256 (i64.const 1024) (i64.const 0) (i64.const 1))",
        ..WORK
    },
    Row {
        what: "`keccak256`, 1 KiB",
        imports: &[("keccak256", "lll")],
        call: "(call $keccak256 (i64.const 1024) (i64.const 0) (i64.const 1))",
        ..WORK
    },
    Row {
        what: "`keccak512`, 1 KiB",
        imports: &[("keccak512", "lll")],
        call: "(call $keccak512 (i64.const 1024) (i64.const 0) (i64.const 1))",
        ..WORK
    },
    Row {
        what: "`sha3_256`, 1 KiB",
        imports: &[("sha3_256", "lll")],
        call: "(call $sha3_256 (i64.const 1024) (i64.const 0) (i64.const 1))",
        ..WORK
    },
    Row {
        what: "`ripemd160`, 1 KiB",
        imports: &[("ripemd160", "lll")],
        call: "(call $ripemd160 (i64.const 1024) (i64.const 0) (i64.const 1))",
        ..WORK
    },
    Row {
        what: "`ed25519_verify`",
        imports: &[("ed25519_verify", "llllll>l")],
        data: data::ed25519,
        call: "(if (i64.ne (i64.const 1) (call $ed25519_verify
                (i64.const 64) (i64.const 0) (i64.const 1) (i64.const 96)
                (i64.const 32) (i64.const 64)))
            (then unreachable))",
        ..SLOW
    },
    Row {
        what: "`ecrecover`",
        imports: &[("ecrecover", "lllllll>l")],
        data: data::secp256k1,
        call: "(if (i64.ne (i64.const 1) (call $ecrecover
                (i64.const 32) (i64.const 0) (i64.const 64) (i64.const 32)
                (i64.const 1) (i64.const 0) (i64.const 1)))
            (then unreachable))",
        ..SLOW
    },
    Row {
        what: "`p256_verify`",
        imports: &[("p256_verify", "llllll>l")],
        data: data::p256,
        call: "(if (i64.ne (i64.const 1) (call $p256_verify
                (i64.const 64) (i64.const 0) (i64.const 32) (i64.const 64)
                (i64.const 33) (i64.const 96)))
            (then unreachable))",
        ..SLOW
    },
    Row {
        what: "`ml_dsa_verify`",
        imports: &[("ml_dsa_verify", "llllll>l")],
        data: data::ml_dsa,
        call: "(if (i64.ne (i64.const 1) (call $ml_dsa_verify
                (i64.const 3309) (i64.const 0) (i64.const 1) (i64.const 8192)
                (i64.const 1952) (i64.const 4096)))
            (then unreachable))",
        ..SLOW
    },
    Row {
        what: "`alt_bn128_g1_sum`, 2 points",
        imports: &[("alt_bn128_g1_sum", "lll")],
        data: data::bn_sum,
        call: "(call $alt_bn128_g1_sum (i64.const 130) (i64.const 0) (i64.const 1))",
        ..WORK
    },
    Row {
        what: "`alt_bn128_g1_multiexp`, 1 point",
        imports: &[("alt_bn128_g1_multiexp", "lll")],
        data: data::bn_multiexp,
        call: "(call $alt_bn128_g1_multiexp (i64.const 96) (i64.const 0) (i64.const 1))",
        ..SLOW
    },
    Row {
        what: "`alt_bn128_pairing_check`, 2 pairs",
        imports: &[("alt_bn128_pairing_check", "ll>l")],
        data: data::bn_pairing,
        call: "(if (i64.ne (i64.const 1) (call $alt_bn128_pairing_check
                (i64.const 384) (i64.const 0)))
            (then unreachable))",
        times: 5,
        ..SLOW
    },
    Row {
        what: "`bls12381_p1_sum`, 2 points",
        imports: &[("bls12381_p1_sum", "lll>l")],
        data: data::bls_sum,
        call: "(if (i32.wrap_i64 (call $bls12381_p1_sum
                (i64.const 194) (i64.const 0) (i64.const 1)))
            (then unreachable))",
        ..WORK
    },
    Row {
        what: "`bls12381_p2_sum`, 2 points",
        imports: &[("bls12381_p2_sum", "lll>l")],
        data: data::bls_sum_2,
        call: "(if (i32.wrap_i64 (call $bls12381_p2_sum
                (i64.const 386) (i64.const 0) (i64.const 1)))
            (then unreachable))",
        ..WORK
    },
    Row {
        what: "`bls12381_g1_multiexp`, 1 point",
        imports: &[("bls12381_g1_multiexp", "lll>l")],
        data: data::bls_multiexp,
        call: "(if (i32.wrap_i64 (call $bls12381_g1_multiexp
                (i64.const 128) (i64.const 0) (i64.const 1)))
            (then unreachable))",
        ..SLOW
    },
    Row {
        what: "`bls12381_g2_multiexp`, 1 point",
        imports: &[("bls12381_g2_multiexp", "lll>l")],
        data: data::bls_multiexp_2,
        call: "(if (i32.wrap_i64 (call $bls12381_g2_multiexp
                (i64.const 224) (i64.const 0) (i64.const 1)))
            (then unreachable))",
        ..SLOW
    },
    Row {
        what: "`bls12381_map_fp_to_g1`",
        imports: &[("bls12381_map_fp_to_g1", "lll>l")],
        call: "(if (i32.wrap_i64 (call $bls12381_map_fp_to_g1
                (i64.const 48) (i64.const 0) (i64.const 1)))
            (then unreachable))",
        ..SLOW
    },
    Row {
        what: "`bls12381_map_fp2_to_g2`",
        imports: &[("bls12381_map_fp2_to_g2", "lll>l")],
        call: "(if (i32.wrap_i64 (call $bls12381_map_fp2_to_g2
                (i64.const 96) (i64.const 0) (i64.const 1)))
            (then unreachable))",
        ..SLOW
    },
    Row {
        what: "`bls12381_pairing_check`, 2 pairs",
        imports: &[("bls12381_pairing_check", "ll>l")],
        data: data::bls_pairing,
        call: "(if (i32.wrap_i64 (call $bls12381_pairing_check (i64.const 576) (i64.const 0)))
            (then unreachable))",
        times: 10,
        ..SLOW
    },
    Row {
        what: "`bls12381_p1_decompress`",
        imports: &[("bls12381_p1_decompress", "lll>l")],
        data: data::bls_compressed,
        call: "(if (i32.wrap_i64 (call $bls12381_p1_decompress
                (i64.const 48) (i64.const 0) (i64.const 1)))
            (then unreachable))",
        ..SLOW
    },
];
