//! The calls that are measured. All numbers are 64 bits wide; memory is zero but for `data`.

/// A host function with its arguments.
pub(crate) struct Row {
    /// Its name in the table.
    pub(crate) what: &'static str,
    /// Names and types: a letter for each parameter, and behind `>` one for a result.
    pub(crate) imports: &'static [(&'static str, &'static str)],
    /// What the module's memory holds, by address, in hexadecimal.
    pub(crate) data: &'static [(u32, &'static str)],
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
    data: &[],
    storage: &[],
    setup: "",
    call: "",
    times: 20_000,
    runs: 4,
};

/// Work of some microseconds and more.
const WORK: Row = Row { times: 1_000, runs: 2, ..CHEAP };

/// Limited by NEAR to a hundred in a call.
const FEW: Row = Row { times: 100, runs: 100, ..CHEAP };

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
    Row { what: "`input`", imports: &[("input", "l")], call: "(call $input (i64.const 1))", ..CHEAP },
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
        runs: 20,
        ..CHEAP
    },
    Row {
        what: "`read_register`, 10 KiB",
        imports: &[("read_register", "ll"), ("write_register", "lll")],
        setup: "(call $write_register (i64.const 1) (i64.const 10240) (i64.const 0))",
        call: "(call $read_register (i64.const 1) (i64.const 0))",
        times: 2_000,
        runs: 20,
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
        data: &[(0, "6b")],
        storage: &[(KEY, &[7; 32])],
        call: "(drop (call $storage_read (i64.const 1) (i64.const 0) (i64.const 1)))",
        times: 2_000,
        runs: 10,
        ..CHEAP
    },
    Row {
        what: "`storage_read`, 10 KiB",
        imports: &[("storage_read", "lll>l")],
        data: &[(0, "6b")],
        storage: &[(KEY, &TEN_KIB)],
        call: "(drop (call $storage_read (i64.const 1) (i64.const 0) (i64.const 1)))",
        ..WORK
    },
    Row {
        what: "`storage_has_key`",
        imports: &[("storage_has_key", "ll>l")],
        data: &[(0, "6b")],
        storage: &[(KEY, &[7; 32])],
        call: "(drop (call $storage_has_key (i64.const 1) (i64.const 0)))",
        times: 2_000,
        runs: 10,
        ..CHEAP
    },
    Row {
        what: "`storage_write`, 32 bytes",
        imports: &[("storage_write", "lllll>l")],
        data: &[(0, "6b")],
        call: "(drop (call $storage_write (i64.const 1) (i64.const 0) (i64.const 32) (i64.const 0) (i64.const 1)))",
        times: 2_000,
        runs: 10,
        ..CHEAP
    },
    Row {
        what: "`storage_write`, 10 KiB",
        imports: &[("storage_write", "lllll>l")],
        data: &[(0, "6b")],
        call: "(drop (call $storage_write (i64.const 1) (i64.const 0) (i64.const 10240) (i64.const 0) (i64.const 1)))",
        times: 200,
        runs: 10,
        ..CHEAP
    },
    Row {
        what: "`promise_batch_create` and a transfer",
        imports: &[
            ("promise_batch_create", "ll>l"),
            ("promise_batch_action_transfer", "ll"),
        ],
        data: &[(64, "626f622e6e656172")],
        call: "(call $promise_batch_action_transfer
            (call $promise_batch_create (i64.const 8) (i64.const 64)) (i64.const 0))",
        times: 200,
        runs: 50,
        ..CHEAP
    },
    Row {
        what: "`sha256`, 1 KiB",
        imports: &[("sha256", "lll")],
        call: "(call $sha256 (i64.const 1024) (i64.const 0) (i64.const 1))",
        times: 2_000,
        runs: 2,
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
        // RFC 8032, 7.1, test 2.
        what: "`ed25519_verify`",
        imports: &[("ed25519_verify", "llllll>l")],
        data: &[
            (0, "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
            (64, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
            (96, "72"),
        ],
        call: "(if (i64.ne (i64.const 1) (call $ed25519_verify
                (i64.const 64) (i64.const 0) (i64.const 1) (i64.const 96) (i64.const 32) (i64.const 64)))
            (then unreachable))",
        times: 100,
        runs: 1,
        ..CHEAP
    },
    Row {
        // The example of Ethereum's precompiled contract 1.
        what: "`ecrecover`",
        imports: &[("ecrecover", "lllllll>l")],
        data: &[
            (0, "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3"),
            (32, "9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac80388256084f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada"),
        ],
        call: "(if (i64.ne (i64.const 1) (call $ecrecover
                (i64.const 32) (i64.const 0) (i64.const 64) (i64.const 32) (i64.const 1) (i64.const 0) (i64.const 1)))
            (then unreachable))",
        times: 100,
        runs: 1,
        ..CHEAP
    },
    Row {
        // RFC 6979, A.2.5, the message "sample" with SHA-256.
        what: "`p256_verify`",
        imports: &[("p256_verify", "llllll>l")],
        data: &[
            (0, "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"),
            (64, "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"),
            (128, "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf"),
        ],
        call: "(if (i64.ne (i64.const 1) (call $p256_verify
                (i64.const 64) (i64.const 0) (i64.const 32) (i64.const 128) (i64.const 33) (i64.const 64)))
            (then unreachable))",
        times: 50,
        runs: 1,
        ..CHEAP
    },
    Row {
        // The generator twice.
        what: "`alt_bn128_g1_sum`, 2 points",
        imports: &[("alt_bn128_g1_sum", "lll")],
        data: &[(1, "01"), (33, "02"), (66, "01"), (98, "02")],
        call: "(call $alt_bn128_g1_sum (i64.const 130) (i64.const 0) (i64.const 1))",
        ..WORK
    },
    Row {
        // The generator by a number of 256 bits.
        what: "`alt_bn128_g1_multiexp`, 1 point",
        imports: &[("alt_bn128_g1_multiexp", "lll")],
        data: &[
            (0, "01"),
            (32, "02"),
            (64, "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64e13"),
        ],
        call: "(call $alt_bn128_g1_multiexp (i64.const 96) (i64.const 0) (i64.const 1))",
        times: 50,
        runs: 1,
        ..CHEAP
    },
    Row {
        // The generators, and again with the first one negated.
        what: "`alt_bn128_pairing_check`, 2 pairs",
        imports: &[("alt_bn128_pairing_check", "ll>l")],
        data: &[
            (0, "01"),
            (32, "02"),
            (64, "edf692d95cbdde46ddda5ef7d422436779445c5e66006a42761e1f12efde0018c212f3aeb785e49712e7a9353349aaf1255dfb31b7bf60723a480d9293938e19aa7dfa6601cce64c7bd3430c69e7d1e38f40cb8d8071ab4aeb6d8cdba55ec8125b9722d1dcdaac55f38eb37033314bbc95330c69ad999eec75f05f58d0890609"),
            (192, "010000000000000000000000000000000000000000000000000000000000000045fd7cd8168c203c8dca7168916a81975d588181b64550b829a031e1724e6430"),
            (256, "edf692d95cbdde46ddda5ef7d422436779445c5e66006a42761e1f12efde0018c212f3aeb785e49712e7a9353349aaf1255dfb31b7bf60723a480d9293938e19aa7dfa6601cce64c7bd3430c69e7d1e38f40cb8d8071ab4aeb6d8cdba55ec8125b9722d1dcdaac55f38eb37033314bbc95330c69ad999eec75f05f58d0890609"),
        ],
        call: "(if (i64.ne (i64.const 1) (call $alt_bn128_pairing_check (i64.const 384) (i64.const 0)))
            (then unreachable))",
        times: 5,
        runs: 1,
        ..CHEAP
    },
];
