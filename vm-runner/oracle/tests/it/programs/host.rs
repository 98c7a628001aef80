//! Calls of host functions with arguments that they mostly accept.

use wasm_encoder::{Function, InstructionSink, MemArg, ValType};

use super::body::Body;
use super::{Plan, Signature, assemble};

/// A function that programs import.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostFunction {
    pub(super) name: &'static str,
    /// How many parameters: `i64` but for those of `gas` and `abort`.
    params: usize,
    result: bool,
}

const fn host(name: &'static str, params: usize, result: bool) -> HostFunction {
    HostFunction { name, params, result }
}

pub(super) const FUNCTIONS: &[HostFunction] = &[
    host("used_gas", 0, true),
    host("log_utf8", 2, false),
    host("prepaid_gas", 0, true),
    host("input", 1, false),
    host("register_len", 1, true),
    host("read_register", 2, false),
    host("write_register", 3, false),
    host("storage_write", 5, true),
    host("storage_read", 3, true),
    host("storage_remove", 3, true),
    host("storage_has_key", 2, true),
    host("sha256", 3, false),
    host("keccak256", 3, false),
    host("ripemd160", 3, false),
    host("value_return", 2, false),
    host("promise_create", 8, true),
    host("promise_then", 9, true),
    host("promise_and", 2, true),
    host("promise_batch_create", 2, true),
    host("promise_batch_then", 3, true),
    host("promise_batch_action_create_account", 1, false),
    host("promise_batch_action_function_call", 7, false),
    host("promise_batch_action_function_call_weight", 8, false),
    host("promise_batch_action_transfer", 2, false),
    host("promise_batch_action_add_key_with_full_access", 4, false),
    host("promise_batch_action_delete_key", 3, false),
    host("promise_yield_create", 7, true),
    host("promise_return", 1, false),
    host("promise_results_count", 0, true),
    host("attached_deposit", 1, false),
    host("account_balance", 1, false),
    host("block_index", 0, true),
    host("storage_usage", 0, true),
    host("current_account_id", 1, false),
    host("random_seed", 1, false),
    host("validator_stake", 3, false),
    host("gas", 1, false),
    host("panic", 0, false),
    host("panic_utf8", 2, false),
    host("abort", 4, false),
];

impl HostFunction {
    pub(super) fn ty(&self) -> Signature {
        let param = match self.name {
            "gas" | "abort" => ValType::I32,
            _ => ValType::I64,
        };
        Signature { params: vec![param; self.params], result: self.result.then_some(ValType::I64) }
    }
}

// Where in memory things are: their length and address.
const BOB: [i64; 2] = [8, 0];
const METHOD: [i64; 2] = [6, 32];
const ARGUMENTS: [i64; 2] = [7, 48];
const NOTHING: i64 = 80;
const FIVE: i64 = 96;
const TOO_MUCH: i64 = 112;
const KEY: [i64; 2] = [33, 144];
/// Twice the number zero: a promise.
const PROMISES: [i64; 2] = [192, 2];
/// Where code that needs room for a result has it.
const SCRATCH: i64 = 2_048;
/// Where [`trace`] writes its digits.
const DIGITS: i32 = 2_000;
const DIGITS_END: i32 = 2_016;

/// What memory starts with.
pub(super) fn memory() -> Vec<u8> {
    let mut memory = vec![0; 240];
    memory[..8].copy_from_slice(b"bob.near");
    memory[32..38].copy_from_slice(b"method");
    memory[48..55].copy_from_slice(br#"{"a":1}"#);
    memory[96] = 5;
    memory[112..127].fill(0xff);
    memory[145..177].copy_from_slice(&[
        0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07,
        0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07,
        0x51, 0x1a,
    ]);
    memory
}

/// The number of the host function of this name.
fn number(name: &str) -> u32 {
    let at = FUNCTIONS.iter().position(|function| function.name == name);
    super::index(at.expect("one of the imported functions"))
}

/// Logs how much gas is used, in hexadecimal, the last digit first.
pub(super) fn trace() -> Function {
    let (used, place, digit) = (0, 1, 2);
    let byte = MemArg { offset: 0, align: 0, memory_index: 0 };
    let mut code = Vec::new();
    let mut sink = InstructionSink::new(&mut code);
    sink.call(number("used_gas")).local_set(used);
    sink.i32_const(DIGITS).local_set(place);
    sink.loop_(wasm_encoder::BlockType::Empty);
    sink.local_get(place);
    sink.local_get(used).i64_const(15).i64_and().local_tee(digit).i64_const(48).i64_add();
    sink.local_get(digit).i64_const(9).i64_gt_u().i64_extend_i32_u().i64_const(39).i64_mul();
    sink.i64_add().i64_store8(byte);
    sink.local_get(used).i64_const(4).i64_shr_u().local_set(used);
    sink.local_get(place).i32_const(1).i32_add().local_tee(place);
    sink.i32_const(DIGITS_END).i32_lt_u().br_if(0).end();
    sink.i64_const(16).i64_const(DIGITS.into()).call(number("log_utf8")).end();
    assemble(&[ValType::I64, ValType::I32, ValType::I64], &code)
}

/// The amount of gas in a line that a program logged.
pub(crate) fn traced(line: &str) -> Option<u64> {
    let digits: String = line.chars().rev().collect();
    u64::from_str_radix(&digits, 16).ok()
}

impl Body<'_> {
    /// A promise to which actions can be added, which is number zero.
    pub(super) fn first_promise(&mut self) {
        self.host("promise_batch_create", &BOB);
        self.drop_result();
    }

    /// A statement that calls the host.
    pub(super) fn host_statement(&mut self) {
        match self.rng.small(29) {
            0..=5 => self.trace(),
            6 => self.attach(),
            7 => self.host("promise_batch_create", &BOB),
            8 => self.batch(),
            9 => self.host("promise_batch_action_transfer", &[0, NOTHING]),
            10 | 25..=27 => self.storage(),
            11 => self.register(),
            12 => self.hash(),
            13 => self.host("value_return", &ARGUMENTS),
            14 => self.number("prepaid_gas", &[]),
            15 => self.number("block_index", &[]),
            16 => self.number("storage_usage", &[]),
            17 => self.number("promise_results_count", &[]),
            18 => self.number("used_gas", &[]),
            19 => self.host("account_balance", &[SCRATCH]),
            20 => self.host("attached_deposit", &[SCRATCH]),
            21 => self.host("validator_stake", &[BOB[0], BOB[1], SCRATCH]),
            22 => self.operations(),
            23 => self.number("promise_and", &PROMISES),
            24 => self.keys(),
            _ => self.misuse(),
        }
        self.drop_result();
    }

    pub(super) fn trace(&mut self) {
        self.sink().call(Plan::trace());
    }

    /// Calls a host function that returns a number; adds it to what the program computes.
    fn number(&mut self, name: &str, arguments: &[i64]) {
        self.host(name, arguments);
        self.sink().global_get(2).i64_xor().global_set(2);
        self.pending = false;
    }

    /// Calls a host function that returns its result, if any, on the stack.
    fn host(&mut self, name: &str, arguments: &[i64]) {
        for argument in arguments {
            self.sink().i64_const(*argument);
        }
        let number = number(name);
        self.sink().call(number);
        self.pending = FUNCTIONS.iter().any(|function| function.name == name && function.result);
    }

    fn drop_result(&mut self) {
        if std::mem::take(&mut self.pending) {
            self.sink().drop();
        }
    }

    /// A promise with gas attached.
    pub(super) fn attach(&mut self) {
        let gas = self.gas();
        let call = [BOB, METHOD, ARGUMENTS].concat();
        let amount = if self.rng.chance(2) { TOO_MUCH } else { NOTHING };
        match self.rng.small(4) {
            0 => self.host("promise_then", &[&[0], &*call, &[amount, gas]].concat()),
            1 => self.host(
                "promise_yield_create",
                &[METHOD.as_slice(), &ARGUMENTS, &[gas, 1, 3]].concat(),
            ),
            _ => self.host("promise_create", &[&*call, &[amount, gas]].concat()),
        }
        self.drop_result();
    }

    fn batch(&mut self) {
        let gas = self.gas();
        let call = [METHOD, ARGUMENTS].concat();
        match self.rng.small(3) {
            0 => self.host("promise_batch_then", &[0, BOB[0], BOB[1]]),
            1 => self
                .host("promise_batch_action_function_call", &[&[0], &*call, &[FIVE, gas]].concat()),
            _ => self.host(
                "promise_batch_action_function_call_weight",
                &[&[0], &*call, &[NOTHING, gas, 1]].concat(),
            ),
        }
    }

    /// An amount of gas to attach.
    fn gas(&mut self) -> i64 {
        let amounts =
            [0, 1, 1_000, 822_756, 1_000_000_007, 300_000_000_000, 2_000_000_000_000, i64::MAX];
        let last = if self.rng.chance(4) { amounts.len() } else { amounts.len() - 1 };
        *self.rng.pick(&amounts[..last])
    }

    fn storage(&mut self) {
        let key = [1, 32 + i64::from(self.rng.small(6))];
        match self.rng.small(4) {
            0 => self.number("storage_read", &[key[0], key[1], 0]),
            1 => self.number("storage_remove", &[key[0], key[1], 1]),
            2 => self.number("storage_has_key", &key),
            _ => self.number("storage_write", &[&key[..], &ARGUMENTS, &[2]].concat()),
        }
    }

    fn register(&mut self) {
        match self.rng.small(6) {
            0 => self.host("input", &[0]),
            1 => self.number("register_len", &[0]),
            2 => self.host("write_register", &[1, METHOD[0], METHOD[1]]),
            3 => self.host("current_account_id", &[2]),
            4 => {
                self.host("write_register", &[1, METHOD[0], METHOD[1]]);
                self.host("read_register", &[1, SCRATCH]);
            }
            _ => self.host("random_seed", &[3]),
        }
    }

    fn hash(&mut self) {
        let name = *self.rng.pick(&["sha256", "keccak256", "ripemd160"]);
        let len = i64::from(self.rng.small(200));
        self.host(name, &[len, 0, 4]);
    }

    fn keys(&mut self) {
        match self.rng.small(3) {
            0 => {
                self.host("promise_batch_action_add_key_with_full_access", &[0, KEY[0], KEY[1], 1]);
            }
            1 => self.host("promise_batch_action_delete_key", &[0, KEY[0], KEY[1]]),
            _ => self.host("promise_batch_action_create_account", &[0]),
        }
    }

    /// A charge for operations that the program says it made.
    fn operations(&mut self) {
        let count = *self.rng.pick(&[0, 1, 100, 100_000]);
        let count = if self.rng.chance(2) { -1 } else { count };
        let number = number("gas");
        self.sink().i32_const(count).call(number);
    }

    /// What ends a call, more or less often.
    fn misuse(&mut self) {
        if !self.rng.chance(self.plan.flavour.wild) {
            return self.trace();
        }
        let somewhere = self.rng.below(1 << 20).cast_signed();
        match self.rng.small(8) {
            0 => self.host("panic", &[]),
            1 => self.host("panic_utf8", &METHOD),
            2 => {
                let number = number("abort");
                self.sink().i32_const(48).i32_const(48).i32_const(1).i32_const(2).call(number);
            }
            3 => self.host("promise_return", &[0]),
            4 => self.host("read_register", &[77, SCRATCH]),
            5 => self.host("log_utf8", &[somewhere, somewhere]),
            6 => self.host("sha256", &[-1, 0, 4]),
            _ => self.host("promise_create", &[8, somewhere, 6, 32, 7, 48, 80, 1]),
        }
    }
}
