//! [`Case`]: a generated sequence of calls, and what is observed of it.

use host_fns::abi::{AbiType, HostFnDecl};

use super::{operands, ours};

/// Bytes of the guest's memory.
pub(crate) const MEMORY_BYTES: usize = 32_768;

/// A sequence of calls in one execution.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) prepaid_gas: u64,
    pub(crate) balance: u128,
    pub(crate) view: bool,
    pub(crate) calls: Vec<Call>,
}

/// A call of a host function.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) args: Vec<u64>,
}

/// What is observed of a sequence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) steps: Vec<Step>,
    pub(crate) burnt: u64,
    pub(crate) used: u64,
    pub(crate) compute: u64,
    pub(crate) profile: Vec<(String, u64)>,
    pub(crate) wasm: u64,
    pub(crate) logs: Vec<String>,
    pub(crate) return_data: String,
    pub(crate) balance: u128,
    pub(crate) subsidized: u128,
    pub(crate) storage_usage: u64,
    pub(crate) effects: Vec<String>,
}

/// What is observed of one call. The sequence ends at the first that fails.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) result: Result<u64, String>,
    pub(crate) memory: Vec<u8>,
    pub(crate) register_lens: Vec<Option<u64>>,
}

/// Numbers that depend on nothing but the seed (xorshift).
pub(crate) struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 1
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    pub(super) fn pick(&mut self, choices: &[u64]) -> u64 {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// Account ids in the guest's memory, each in a slot of 64 bytes from 0.
const ACCOUNTS: [&str; 8] = [
    "alice.near",
    "bob.near",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0x0123456789abcdef0123456789abcdef01234567",
    "0s0123456789abcdef0123456789abcdef01234567",
    "0u0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghjg",
    "Not.An.Account",
    "a",
];

/// Where texts, keys, amounts and signatures are.
const TEXT: u64 = 512;
const UTF16: u64 = 768;
pub(super) const KEYS: u64 = 1_024;
const AMOUNTS: u64 = 4_096;
const INDICES: u64 = 4_352;
pub(super) const ZEROS: u64 = 6_144;

/// The guest's memory at the start.
pub(crate) fn memory() -> Vec<u8> {
    let mut memory = vec![0; MEMORY_BYTES];
    let mut put = |at: u64, bytes: &[u8]| {
        memory[at as usize..at as usize + bytes.len()].copy_from_slice(bytes);
    };
    for (slot, account) in ACCOUNTS.iter().enumerate() {
        put(slot as u64 * 64, account.as_bytes());
    }
    put(TEXT, "method,other,grüße\0".as_bytes());
    put(TEXT + 128, &[0xff, 0xfe, 0xc3, 0x28]);
    let utf16: Vec<u8> = "abort 𝄞\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    put(UTF16 - 4, &[16, 0, 0, 0]);
    put(UTF16, &utf16);
    put(KEYS, &[0; 33]);
    put(KEYS + 64, &[1; 65]);
    put(KEYS + 160, &[2; 1_953]);
    put(KEYS + 2_200, &[3; 33]);
    for (slot, amount) in [0u128, 1, 7, 1_000, u128::from(u64::MAX), u128::MAX].iter().enumerate() {
        put(AMOUNTS + slot as u64 * 16, &amount.to_le_bytes());
    }
    for (slot, index) in [0u64, 1, 2, 0, 9, u64::MAX].iter().enumerate() {
        put(INDICES + slot as u64 * 8, &index.to_le_bytes());
    }
    for (at, bytes) in operands::memory() {
        put(at, &bytes);
    }
    memory
}

impl Case {
    pub(crate) fn generate(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let plenty = dice.one_in(2);
        let prepaid_gas = if plenty {
            1_000_000_000_000_000 - dice.below(3)
        } else {
            // From nothing to a tenth of a petagas, evenly over the magnitudes.
            let magnitude = dice.below(48);
            (1u64 << magnitude) | dice.below(1u64 << magnitude)
        };
        let balance = dice.pick(&[0, 0, 1_000, u64::MAX]).into();
        let view = dice.one_in(12);
        let mut calls = Vec::new();
        if !view {
            // So that actions find a promise and functions find registers.
            let slot = dice.below(6);
            let len = ACCOUNTS[slot as usize].len() as u64;
            calls.push(Call { name: "promise_batch_create", args: vec![len, slot * 64] });
            if dice.one_in(8) {
                // So that entries find a state: it is the effect behind the receipt.
                let init = vec![0, len, slot * 64, AMOUNTS];
                let name = "promise_batch_action_state_init_by_account_id";
                calls.push(Call { name, args: init });
                for _ in 0..2 {
                    let entry = vec![0, 1, dice.below(3), TEXT, dice.below(9), TEXT];
                    calls.push(Call { name: "set_state_init_data_entry", args: entry });
                }
            }
        }
        calls.push(Call { name: "write_register", args: vec![1, 8, 64] });
        let functions = ours::functions();
        for _ in 0..=dice.below(10) {
            let decl = &functions[dice.below(functions.len() as u64) as usize].decl;
            // Nearcore has no such function outside of its sandbox.
            if decl.name != "sandbox_debug_log" {
                calls.push(Call { name: decl.name, args: args(decl, &mut dice) });
            }
        }
        Case { prepaid_gas, balance, view, calls }
    }
}

fn args(decl: &HostFnDecl, dice: &mut Dice) -> Vec<u64> {
    let slot = dice.below(ACCOUNTS.len() as u64);
    let mut args: Vec<u64> =
        decl.params.iter().map(|(name, _)| arg(decl.name, name, slot, dice)).collect();
    // Most calls are sensible in most of their arguments.
    if dice.one_in(4) && !args.is_empty() {
        let at = dice.below(args.len() as u64) as usize;
        let top = MEMORY_BYTES as u64;
        args[at] = dice.pick(&[0, 1, top - 1, top, top + 1, 1 << 32, u64::MAX - 1, u64::MAX]);
    }
    for (arg, (_, ty)) in args.iter_mut().zip(decl.params) {
        if *ty == AbiType::U32 {
            *arg &= u64::from(u32::MAX);
        }
    }
    args
}

/// A sensible argument by the name of the parameter.
fn arg(function: &str, param: &str, slot: u64, dice: &mut Dice) -> u64 {
    if let Some(arg) = operands::arg(function, param, dice) {
        return arg;
    }
    match param {
        "account_id_len" | "receiver_id_len" | "beneficiary_id_len" => {
            ACCOUNTS[slot as usize].len() as u64
        }
        "account_id_ptr" | "receiver_id_ptr" | "beneficiary_id_ptr" => slot * 64,
        "method_name_len" => dice.pick(&[6, 6, 6, 0, 3]),
        "method_names_len" => dice.pick(&[0, 6, 12, 7]),
        "method_name_ptr" | "method_names_ptr" => dice.pick(&[TEXT, TEXT, TEXT, TEXT + 128]),
        "action_index" => dice.below(12),
        "key_len" | "arguments_len" | "prefix_len" | "start_len" | "end_len" => {
            dice.pick(&[0, 1, 5, 5, 30])
        }
        "value_len" => dice.pick(&[0, 1, 55, 56, 300, 4_001, 7_000]),
        "code_len" | "data_len" | "state_init_len" => dice.pick(&[0, 5, 500]),
        "public_key_len" => dice.pick(&[33, 33, 33, 65, 1_953, 32]),
        "public_key_ptr" => dice.pick(&[KEYS, KEYS, KEYS + 64, KEYS + 160, KEYS + 2_200]),
        "msg_ptr" => dice.pick(&[UTF16, UTF16, UTF16, 3, TEXT]),
        "filename_ptr" => dice.pick(&[UTF16, ZEROS]),
        "data_id_len" | "yield_id_len" | "code_hash_len" => 32,
        "payload_len" => dice.pick(&[0, 5, 1_024, 1_025]),
        "amount_ptr" | "allowance_ptr" => AMOUNTS + 16 * dice.pick(&[0, 0, 1, 1, 2, 3, 4, 5]),
        "len" => dice.pick(&[6, 17, 4, u64::MAX]),
        "ptr" if function.starts_with("log") || function.starts_with("panic") => {
            dice.pick(&[TEXT, UTF16, TEXT + 128])
        }
        "balance_ptr" | "stake_ptr" | "ptr" => ZEROS + dice.below(1_000),
        "promise_idx_ptr" => INDICES + 8 * dice.below(4),
        "promise_idx_count" => dice.pick(&[0, 1, 2, 3]),
        "promise_index" | "promise_idx" => dice.pick(&[0, 0, 0, 0, 1, 2]),
        "register_id" | "key_register_id" | "value_register_id" => dice.pick(&[0, 1, 1, 2, 200]),
        "num_nonces" => dice.pick(&[0, 1, 9, 65_535, 65_536]),
        "gas" => dice.pick(&[0, 5_000_000_000, 1_000_000_000_000]),
        "result_idx" => dice.below(4),
        name if name.ends_with("_ptr") => dice.pick(&[0, 64, TEXT, ZEROS]),
        _ => dice.pick(&[0, 1, 7]),
    }
}
